"""How much memory the work takes, above that of a bare interpreter."""

from __future__ import annotations

import functools
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from passkeep import stream
from passkeep.age.x25519 import X25519Identity
from passkeep.benchmark import buffers, commands, peers
from passkeep.benchmark.contest import Absent, Contender, ContenderError, Race
from passkeep.benchmark.files import CIPHERS
from passkeep.benchmark.references import MIB
from passkeep.benchmark.setting import Setting, temporary

_PROGRAM = """
import re, sys
from builtins import open as plain_open

def peak():
    try:
        with plain_open("/proc/self/status") as status:
            return int(re.search(r"VmHWM:\\s*(\\d+) kB", status.read())[1]) * 1024
    except OSError:
        import resource
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

before = peak()
import json, passkeep
given = json.loads(sys.argv[1])
options = {"sync": False, "threads": given["threads"]}
if given["task"] == "import":
    from passkeep import *
elif given["task"] == "encrypt":
    size = passkeep.encrypt_file(
        given["plain"], given["out"], to=given["to"], cipher=given["cipher"], **options
    )
elif given["task"] == "decrypt":
    size = passkeep.decrypt_file(given["sealed"], given["out"], given["identity"], **options)
else:
    size = 0
    options |= {"to": given["to"], "cipher": given["cipher"]}
    with (
        plain_open(given["plain"], "rb") as source,
        passkeep.open(given["out"], "wb", **options) as file,
    ):
        while piece := source.read(1 << 16):
            size += file.write(piece)
if given["task"] != "import" and size != given["size"]:
    sys.exit("it did not do the work")
print(peak() - before)
"""
"""Tells its own peak: what the system reports of a child may be that of its parent."""


def races(setting: Setting) -> list[Race]:
    """Each way to put a file through passkeep, in a process of its own."""
    size = setting.sized(64 * MIB, 4 * MIB)
    folder = setting.folders[0]
    notes = ["the highest resident memory above that of an interpreter which only started"]
    if setting.peers:
        notes.append("other programs: all of their resident memory, looked at every 2 ms")
    return [
        Race(
            f"Memory that {size / MIB:g} MiB need",
            functools.partial(_enter, setting, size, folder),
            unit="memory",
            notes=tuple(notes),
            room={folder: 4 * size},
        )
    ]


def _enter(
    setting: Setting, size: int, folder: Path, stack: ExitStack
) -> Sequence[Contender | Absent]:
    place = temporary(stack, folder)
    plain, out, secret = place / "plain", place / "out", place / "identity"
    plain.write_bytes(buffers.random(size))
    identity = X25519Identity.generate()
    secret.touch(0o600)
    secret.write_text(f"{identity}\n")
    for cipher in CIPHERS:
        stream.encrypt_file(plain, place / cipher, to=identity.recipient, cipher=cipher, sync=False)

    def contender(name: str, task: str, cipher: str) -> Contender:
        given = {
            "task": task,
            "cipher": cipher,
            "plain": str(plain),
            "sealed": str(place / cipher),
            "out": str(out),
            "to": str(identity.recipient),
            "identity": str(identity),  # of nothing but this file, which holds nothing
            "size": size,
            "threads": setting.threads,
        }
        line = (sys.executable, "-c", _PROGRAM, json.dumps(given))
        return Contender(
            name,
            lambda: float(commands.output(*line)),
            prepare=lambda: out.unlink(missing_ok=True),
        )

    found: list[Contender | Absent] = [contender("import passkeep", "import", "age")]
    for cipher in CIPHERS:
        found += [
            contender(f"encrypt_file, {cipher}", "encrypt", cipher),
            contender(f"decrypt_file, {cipher}", "decrypt", cipher),
            contender(f"open and write, {cipher}", "write", cipher),
        ]
    if setting.peers:
        lines: dict[str, tuple[commands.Word, ...]] = {
            "-r": ("-r", str(identity.recipient), "-o", out, plain),
            "-d": ("-d", "-i", secret, "-o", out, place / "age"),
        }
        for name in ("age", "rage"):
            for option, line in lines.items():
                make = functools.partial(_watched, f"{name} {option}", line, out, size)
                found.append(peers.contender(name, make))
    return found


def _watched(
    name: str, line: Sequence[commands.Word], out: Path, size: int, program: Path
) -> Contender:
    """A program whose memory is looked at from outside while it runs."""

    def run() -> float:
        peak = 0
        with subprocess.Popen(
            [os.fspath(word) for word in (program, *line)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        ) as process:
            try:
                while process.poll() is None:
                    peak = max(peak, _peak(process.pid))
                    time.sleep(0.002)
                _, said = process.communicate()
            except BaseException:
                process.kill()
                raise
        commands.complain(program, process.returncode, said)
        if not out.is_file() or out.stat().st_size < size:
            raise ContenderError("the result is too small to hold the plaintext")
        if not peak:
            raise ContenderError("the system does not tell its memory")
        return float(peak)

    return Contender(name, run, "peer", prepare=lambda: out.unlink(missing_ok=True))


def _peak(number: int) -> int:
    try:
        status = Path(f"/proc/{number}/status").read_text("utf-8")
    except OSError:
        return 0
    found = re.search(r"^VmHWM:\s*(\d+) kB$", status, re.MULTILINE)
    return int(found[1]) * 1024 if found else 0
