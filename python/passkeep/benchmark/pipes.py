"""From pipe to pipe, beside `cat` between pipes of the same size."""

from __future__ import annotations

import fcntl
import functools
import os
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

from passkeep import memory, stream
from passkeep.age.x25519 import X25519Identity
from passkeep.benchmark import buffers, commands, peers
from passkeep.benchmark.buffers import require_equal
from passkeep.benchmark.contest import Absent, Contender, ContenderError, Race
from passkeep.benchmark.files import CIPHERS
from passkeep.benchmark.references import MIB
from passkeep.benchmark.setting import Setting, temporary

_WIDE = MIB
"""What pipes are enlarged to, where the system allows."""

_MOMENT = 0.0002


def races(setting: Setting) -> list[Race]:
    """Sealing and opening."""
    size = setting.sized(64 * MIB, MIB)
    notes = (
        "pipes hold 1 MiB; one thread fills the first and another empties the last",
        "commands include their start; calls are made in a process that runs",
    )
    return [
        Race(
            title=f"{'Decrypt' if opening else 'Encrypt'} from pipe to pipe",
            enter=functools.partial(_enter, setting, size, opening=opening),
            amount=size,
            baseline=("cat",),
            notes=notes,
            memory=6 * size,
        )
        for opening in (False, True)
    ]


def _enter(
    setting: Setting, size: int, stack: ExitStack, *, opening: bool
) -> Sequence[Contender | Absent]:
    folder = temporary(stack, setting.folders[0])
    identity = X25519Identity.generate()
    secret = folder / "identity"
    secret.touch(0o600)
    secret.write_text(f"{identity}\n")
    plain = buffers.random(size)

    def is_plain(found: bytearray) -> None:
        require_equal(found, plain)

    def opens(found: bytearray) -> None:
        require_equal(memory.decrypt(found, identity), plain)

    threads = ("--threads", str(setting.threads))
    verify = is_plain if opening else opens
    found: list[Contender | Absent] = [
        _command("cat", ["cat"], plain, is_plain, role="limit"),
    ]
    for cipher in CIPHERS:
        source = memory.encrypt(plain, to=identity.recipient, cipher=cipher) if opening else plain
        call: Callable[[Path, Path], object]
        words: list[commands.Word]
        if opening:
            call = functools.partial(_decrypt, identity, setting.threads)
            words = ["decrypt", "--identity", secret]
        else:
            call = functools.partial(_encrypt, identity, cipher, setting.threads)
            words = ["encrypt", "--to", str(identity.recipient), "--cipher", cipher]
        name = f"{words[0]}_file, {cipher}"
        found.append(_call(name, call, folder, source, verify))
        if setting.peers:
            line = [*commands.PASSKEEP, *words, *threads]
            found.append(_command(f"passkeep {words[0]}, {cipher}", line, source, verify))
    if setting.peers:
        age = memory.encrypt(plain, to=identity.recipient) if opening else plain
        options = ("-d", "-i", secret) if opening else ("-r", str(identity.recipient))
        for name in ("age", "rage"):
            make = functools.partial(_peer, name, options, age, verify)
            found.append(peers.contender(name, make))
    return found


def _encrypt(identity: X25519Identity, cipher: Any, threads: int, source: Path, out: Path) -> None:
    stream.encrypt_file(source, out, to=identity.recipient, cipher=cipher, threads=threads)


def _decrypt(identity: X25519Identity, threads: int, source: Path, out: Path) -> None:
    stream.decrypt_file(source, out, identity, threads=threads)


def _peer(
    name: str,
    options: Sequence[commands.Word],
    source: Any,
    verify: Callable[[bytearray], None],
    program: Path,
) -> Contender:
    return _command(name, [program, *options], source, verify, role="peer")


def _command(
    name: str,
    line: Sequence[commands.Word],
    source: Any,
    verify: Callable[[bytearray], None],
    *,
    role: Any = "passkeep",
) -> Contender:
    """A program between two pipes."""

    def run(collect: bytearray | None) -> int:
        first, last = os.pipe(), os.pipe()
        for descriptor in (first[1], last[1]):
            _enlarge(descriptor)
        with subprocess.Popen(
            [os.fspath(word) for word in line],
            stdin=first[0],
            stdout=last[1],
            stderr=subprocess.PIPE,
        ) as process:
            os.close(first[0])
            os.close(last[1])
            try:
                with _filling(first[1], source):
                    size = _empty(last[0], collect)
                _, said = process.communicate()
            except BaseException:
                process.kill()
                raise
        commands.complain(line[0], process.returncode, said)
        return size

    return _contender(name, run, source, verify, role)


def _call(
    name: str,
    call: Callable[[Path, Path], object],
    folder: Path,
    source: Any,
    verify: Callable[[bytearray], None],
) -> Contender:
    """A call in this process, between two pipes that have names."""

    def run(collect: bytearray | None) -> int:
        first, last = folder / "first", folder / "last"
        for path in (first, last):
            path.unlink(missing_ok=True)
            os.mkfifo(path, 0o600)
        # One that is open for both directions waits for no other side.
        writing, holding = (os.open(path, os.O_RDWR) for path in (first, last))
        reading = os.open(last, os.O_RDONLY)
        for descriptor in (writing, reading):
            _enlarge(descriptor)
        sizes: list[int] = []
        emptier = threading.Thread(target=lambda: sizes.append(_empty(reading, collect)))
        emptier.start()
        try:
            with _filling(writing, source, patient=True):
                try:
                    call(first, last)
                except BaseException:
                    # Whoever fills the pipe may wait for room that nobody makes any more.
                    rest = os.open(first, os.O_RDONLY)
                    threading.Thread(target=_empty, args=(rest, None)).start()
                    raise
        finally:
            os.close(holding)
            emptier.join()
        return sizes[0]

    return _contender(name, run, source, verify, "passkeep")


def _contender(
    name: str,
    run: Callable[[bytearray | None], int],
    source: Any,
    verify: Callable[[bytearray], None],
    role: Any,
) -> Contender:
    smallest = len(source) * 9 // 10  # a sealed stream is a little longer than its plaintext

    def work() -> None:
        if run(None) < smallest:
            raise ContenderError("the result is too small to hold the plaintext")

    def prove() -> None:
        found = bytearray()
        run(found)
        verify(found)

    return Contender(name, work, role, verify=prove)


class _filling:  # noqa: N801  (used like a function)
    """Fills a pipe from a buffer in a thread, and closes it.

    Args:
        descriptor: The pipe's end.
        source: What to write.
        patient: Whether to close it only when all was read, so that nothing is lost before
            its reader comes.
    """

    def __init__(self, descriptor: int, source: Any, *, patient: bool = False) -> None:
        self._descriptor = descriptor
        self._source = memoryview(source)
        self._patient = patient
        self._thread = threading.Thread(target=self._fill)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *error: object) -> None:
        self._thread.join()

    def _fill(self) -> None:
        try:
            # Whoever reads may have failed, and says so itself.
            with suppress(BrokenPipeError):
                done = 0
                while done < len(self._source):
                    done += os.write(self._descriptor, self._source[done : done + _WIDE])
                while self._patient and _waiting(self._descriptor):
                    time.sleep(_MOMENT)
        finally:
            os.close(self._descriptor)


def _waiting(descriptor: int) -> int:
    """Bytes in a pipe that nobody has read yet."""
    answer = bytearray(4)
    fcntl.ioctl(descriptor, termios.FIONREAD, answer)
    return int.from_bytes(answer, sys.byteorder)


def _empty(descriptor: int, collect: bytearray | None) -> int:
    """Reads a pipe to its end, and closes it."""
    room = bytearray(_WIDE)
    size = 0
    try:
        while count := os.readv(descriptor, [room]):
            size += count
            if collect is not None:
                collect += room[:count]
    finally:
        os.close(descriptor)
    return size


def _enlarge(descriptor: int) -> None:
    with suppress(AttributeError, OSError):
        fcntl.fcntl(descriptor, fcntl.F_SETPIPE_SZ, _WIDE)
