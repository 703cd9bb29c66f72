"""The page on asyncio does what it shows, and cancelling ends the thread."""

import asyncio
import re
import threading
import time
from pathlib import Path

import pytest

import passkeep

PAGE = (Path(__file__).parents[1] / "docs/asyncio.md").read_text("utf-8")
(EXAMPLE,) = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


@pytest.fixture
def names(tmp_path, monkeypatch, capsys):
    """What the example defines, after it ran."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "chats").mkdir()
    (tmp_path / "chats" / "one.txt").write_text("hello")
    names = {}
    exec(compile(EXAMPLE, "asyncio.md", "exec"), names)
    return names | {"printed": capsys.readouterr().out.split()}


def test_the_example_runs(names, tmp_path):
    assert (tmp_path / "restored/chats/one.txt").read_text() == "hello"
    assert names["printed"][-1] == "5"


def test_cancelling_ends_the_thread_and_leaves_nothing(names, tmp_path):
    begun = threading.Event()

    class Endless:
        def read(self, size):
            begun.set()
            time.sleep(0.01)
            return bytes(size)

    async def cancelled() -> None:
        to = passkeep.Identity.generate().recipient
        work = names["run"](passkeep.encrypt_file, Endless(), "endless.age", to=to)
        task = asyncio.ensure_future(work)
        await asyncio.to_thread(begun.wait, 30)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancelled())
    assert not list(tmp_path.glob("*endless*"))
