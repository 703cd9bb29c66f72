"""The command line as scripts run it, and as a person at a terminal does."""

from __future__ import annotations

import os
import pty
import re
import select
import subprocess
import sys
import termios
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self

PROGRAM = (sys.executable, "-m", "passkeep")
PATIENCE = 60  # seconds for anything that a command should do by itself

# Makes standard input the terminal of the new session, so that Ctrl-C reaches it.
_TAKE_TERMINAL = """
import fcntl, os, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execv(sys.argv[1], sys.argv[1:])
"""

_STYLING = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


@dataclass(frozen=True)
class Result:
    """How a command ended.

    Attributes:
        code: Its exit code.
        out: What it wrote to standard output.
        err: What it said to the person.
    """

    code: int
    out: bytes
    err: str


def run(
    *arguments: object,
    env: dict[str, str] | None = None,
    stdin: bytes | None = None,
    cwd: Path | None = None,
    pass_fds: tuple[int, ...] = (),
    program: tuple[str, ...] = PROGRAM,
) -> Result:
    """Runs passkeep without a terminal, with nothing or `stdin` on standard input."""
    done = subprocess.run(
        [*program, *map(_word, arguments)],
        check=False,
        capture_output=True,
        env=os.environ | (env or {}),
        cwd=cwd,
        pass_fds=pass_fds,
        timeout=PATIENCE,
        start_new_session=True,  # so that there is no terminal behind it either
        **({"stdin": subprocess.DEVNULL} if stdin is None else {"input": stdin}),
    )
    assert b"Traceback" not in done.stderr, done.stderr.decode()
    return Result(done.returncode, done.stdout, done.stderr.decode())


def ok(*arguments: object, **options) -> Result:
    """Runs passkeep and expects it to succeed."""
    result = run(*arguments, **options)
    assert result.code == 0, result.err
    return result


def assert_fails(result: Result, code: int, *, hint: bool = True) -> None:
    """Checks an exit code, and that one clear line and a hint were said."""
    assert result.code == code, (result.code, result.err)
    assert result.out == b""
    lines = [line for line in result.err.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("Error: ")]
    assert len(errors) == 1, result.err
    assert len(errors[0]) > len("Error: .") + 10
    if hint:
        assert len(lines) == 2, result.err
        assert lines[1].startswith("Hint: ")
        assert len(lines[1]) > len("Hint: ") + 10


class Terminal:
    """A command at a pseudo-terminal, and the person who types. A context manager."""

    def __init__(
        self,
        *arguments: object,
        env: dict[str, str] | None = None,
        cwd: Path | None = None,
        program: tuple[str, ...] = PROGRAM,
    ) -> None:
        self._master, slave = pty.openpty()
        self._process = subprocess.Popen(
            [sys.executable, "-c", _TAKE_TERMINAL, *program, *map(_word, arguments)],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env=os.environ | {"TERM": "xterm", "COLUMNS": "100"} | (env or {}),
            cwd=cwd,
            start_new_session=True,
        )
        os.close(slave)
        self.screen = ""
        self.written = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        if self._master >= 0:
            os.close(self._master)

    def wait_for(self, text: str, *, after: int = 0) -> str:
        """Reads until `text` is on the screen behind position `after`; returns the screen."""
        deadline = time.monotonic() + PATIENCE
        while text not in self.screen[after:]:
            if not self._read(deadline):
                raise AssertionError(f"{text!r} never came:\n{self.screen}")
        return self.screen

    def wait_until_unseen(self) -> None:
        """Waits until what is typed is no longer shown."""
        deadline = time.monotonic() + PATIENCE
        while termios.tcgetattr(self._master)[3] & termios.ECHO:
            assert time.monotonic() < deadline, f"what is typed stays visible:\n{self.screen}"
            time.sleep(0.01)

    def type(self, line: str) -> int:
        """Types a line, and returns where the screen ended before it."""
        before = len(self.screen)
        os.write(self._master, line.encode() + b"\n")
        return before

    def press(self, key: bytes) -> None:
        """Presses one key."""
        os.write(self._master, key)

    def close(self) -> int:
        """Closes the terminal's window, and returns the exit code."""
        os.close(self._master)
        self._master = -1
        return self._process.wait(PATIENCE)

    def kill(self, number: int) -> int:
        """Sends a signal, and returns the exit code."""
        self._process.send_signal(number)
        return self._process.wait(PATIENCE)

    def interrupt(self) -> None:
        """Presses Ctrl-C, and again where nothing happens.

        A signal in the moment between a prompt and the reading of the answer is
        noticed only with the next key.
        """
        while self._process.poll() is None:
            self.press(b"\x03")
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(2)

    def finish(self) -> int:
        """Reads to the end and returns the exit code."""
        deadline = time.monotonic() + PATIENCE
        while self._read(deadline):
            pass
        return self._process.wait(PATIENCE)

    def _read(self, deadline: float) -> bool:
        """Puts the next output on the screen; False at the end."""
        ready, _, _ = select.select([self._master], [], [], max(0, deadline - time.monotonic()))
        if not ready:
            raise AssertionError(f"nothing came any more:\n{self.screen}")
        try:
            data = os.read(self._master, 1 << 16)
        except OSError:  # Linux: the other side is closed
            return False
        # Pieces may end inside a character or a colour; both only matter for looking.
        self.written += data
        self.screen = _STYLING.sub("", self.screen + data.decode(errors="replace"))
        self.screen = self.screen.replace("\r\n", "\n")
        return bool(data)


def _word(argument: object) -> str:
    return os.fspath(argument) if isinstance(argument, os.PathLike) else str(argument)
