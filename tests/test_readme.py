"""The README's examples do what they show."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text("utf-8")


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


def test_the_python_examples_run_one_after_the_other(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "chats").mkdir()
    (tmp_path / "chats" / "one.txt").write_text("hello")
    examples = blocks("python")
    assert len(examples) == 6
    names = {}
    for example in examples:
        exec(compile(example, "README.md", "exec"), names)
    assert (tmp_path / "restored/chats/one.txt").read_text() == "hello"
    assert capsys.readouterr().out.startswith("AGE-SECRET-KEY-PQ-1")


@pytest.mark.parametrize(
    "command", [line.split("#")[0].strip() for line in "\n".join(blocks("sh")).splitlines()]
)
def test_the_commands_exist(command):
    """Each shell line names a target of the Makefile, or a command and options it has."""
    words = command.split()
    if not words:
        return
    if words[0] == "make":
        assert re.search(rf"^{words[1]}:", (ROOT / "Makefile").read_text(), re.MULTILINE)
    elif words[0] == "passkeep":
        group = words[1:3] if words[1] == "key" else words[1:2]
        shown = subprocess.run(
            [sys.executable, "-m", "passkeep", *group, "--help"],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for option in (word for word in words if word.startswith("-")):
            assert re.search(rf"(^|[\s,]){option}\b", shown), option
    else:
        assert words[0] == "age"
