"""Ctrl-C and SIGTERM: everything stops at once, and nothing is left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from contextlib import ExitStack

import pytest

import passkeep
from support.cli import PROGRAM, ok
from support.trees import names, slow_tree

LIMIT = 1.0
"""Seconds that a stop may take here: the goal is 0.2, and machines that test are busy."""

PIPE_PATIENCE = 5  # seconds until a command that hangs counts as hanging

IDENTITY = passkeep.Identity.generate()


@pytest.fixture
def slow(tmp_path):
    """A tree that takes seconds to back up."""
    with slow_tree(tmp_path / "tree") as folder:
        yield folder


@pytest.fixture
def start():
    """Starts passkeep; whatever still runs at the end of the test is ended."""
    with ExitStack() as stack:

        def started(*arguments, stdin=subprocess.DEVNULL):
            process = subprocess.Popen(
                [*PROGRAM, *map(str, arguments)],
                stdin=stdin,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
            )
            stack.enter_context(process)
            stack.callback(process.kill)
            return process

        yield started


def wait_until(condition, process):
    deadline = time.monotonic() + 60
    while not condition():
        assert process.poll() is None, process.stderr.read()
        assert time.monotonic() < deadline
        time.sleep(0.005)


def growing(folder):
    """Whether a temporary file in the folder has got some content."""
    return lambda: any(
        path.stat().st_size > 1 << 20 for path in folder.iterdir() if path.name.startswith(".")
    )


def stop(process, number) -> float:
    """Sends a signal, and returns the seconds until the process was gone."""
    sent = time.perf_counter()
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    took = time.perf_counter() - sent
    print(f"{number.name}: gone after {took * 1000:.0f} ms")
    assert process.returncode == 128 + number
    assert out == b""
    assert err.decode().strip() == ("Interrupted." if number == signal.SIGINT else "Terminated.")
    assert took < LIMIT
    return took


SIGNALS = pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda n: n.name)


@SIGNALS
def test_a_backup(number, slow, tmp_path, start):
    process = start("backup", slow, "-o", tmp_path / "b.age", "--to", IDENTITY.recipient)
    wait_until(growing(tmp_path), process)
    stop(process, number)
    assert names(tmp_path) == ["tree"]


def test_a_backup_that_would_replace_another_leaves_it(slow, tmp_path, start):
    (tmp_path / "b.age").write_bytes(b"yesterday's")
    process = start(
        *("backup", slow, "-o", tmp_path / "b.age", "--force", "--to", IDENTITY.recipient)
    )
    wait_until(growing(tmp_path), process)
    stop(process, signal.SIGINT)
    assert names(tmp_path) == ["b.age", "tree"]
    assert (tmp_path / "b.age").read_bytes() == b"yesterday's"


@SIGNALS
def test_an_encryption(number, slow, tmp_path, start):
    process = start(
        *("encrypt", slow / "zeros", "-o", tmp_path / "b.age", "--to", IDENTITY.recipient)
    )
    wait_until(growing(tmp_path), process)
    stop(process, number)
    assert names(tmp_path) == ["tree"]


@SIGNALS
def test_a_backup_into_a_pipe_that_nobody_reads(number, slow, start):
    process = start("backup", slow, "-o", "-", "--to", IDENTITY.recipient)
    process.stdout.read(100_000)  # and no more: the pipe is full
    time.sleep(0.2)
    sent = time.perf_counter()
    process.send_signal(number)
    assert process.wait(PIPE_PATIENCE) == 128 + number
    assert time.perf_counter() - sent < LIMIT
    process.communicate()


@SIGNALS
def test_a_restore(number, tmp_path, start):
    """One that hangs in its source: the rest of the backup never arrives."""
    (tmp_path / "id.txt").write_text(str(IDENTITY))
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "noise").write_bytes(os.urandom(40_000_000))
    ok("backup", tmp_path / "tree", "-o", tmp_path / "b.age", "--to", IDENTITY.recipient)
    half = (tmp_path / "b.age").read_bytes()[:20_000_000]
    reading, writing = os.pipe()
    before = names(tmp_path)
    process = start(
        *("restore", "-", "-C", tmp_path / "out", "--identity", tmp_path / "id.txt"), stdin=reading
    )
    os.close(reading)
    with os.fdopen(writing, "wb") as pipe:
        pipe.write(half)
        pipe.flush()
        time.sleep(0.5)
        assert process.poll() is None
        assert set(names(tmp_path)) - set(before)
        stop(process, number)
    assert names(tmp_path) == before
