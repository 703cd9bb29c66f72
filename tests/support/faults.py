"""Running the command line while system calls fail, are interrupted, or kill it.

A server process is started once with `faults.c` preloaded and passkeep imported;
every run is a fork of it, which takes milliseconds. So a fault can be tried at each
call, one after another.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

from support.cli import Result

WRITING = ("write", "pwrite64", "ftruncate64")
READING = ("read", "pread64")
PUBLISHING = ("fsync", "rename", "link", "unlink")
ALL = (*READING, *WRITING, *PUBLISHING)

_SOURCE = Path(__file__).with_suffix(".c")
_PATIENCE = 60  # seconds after which a run is ended, and counts as hanging

# Forks a child for each line of JSON, and answers with how the child ended.
_SERVER = """
import ctypes, json, os, resource, signal, sys
import passkeep.cli, passkeep.cli.single, passkeep.cli.tree

# A limit on memory is about what a command does, not about loading its parts; and
# OpenSSL does not survive it in the moment in which it is first used.
for name in passkeep.__all__:
    getattr(passkeep, name)
for cipher in ("age", "aes-256-gcm"):
    passkeep.encrypt(b"", to=passkeep.Identity.generate().recipient, cipher=cipher)
shim = ctypes.CDLL(None)
shim.faults_seen.restype = ctypes.c_long

def child(job):
    for number, name in enumerate((job["stdin"], job["out"], job["err"])):
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC if number else os.O_RDONLY
        os.dup2(os.open(name, flags), number)
    signal.alarm(job["patience"])
    for name, value in job["limits"].items():
        if name == "RLIMIT_AS":
            # What is mapped already does not count.
            value += int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
        resource.setrlimit(getattr(resource, name), (value, value))
    fault = job["fault"]
    words = [",".join(fault["calls"]).encode(), fault["under"].encode()]
    numbers = [ctypes.c_long(fault["first"]), ctypes.c_long(fault["step"])]
    rest = [fault["error"], fault["signal"], int(fault["short"])]
    shim.faults_arm(*words, *numbers, *rest)
    try:
        passkeep.cli.main(job["arguments"])
    except SystemExit as end:
        code = end.code
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)

for line in sys.stdin:
    pid = os.fork()
    if pid == 0:
        code = 99
        try:
            child(json.loads(line))
        except BaseException:
            import traceback
            traceback.print_exc()
        finally:
            os._exit(99)
    _, status = os.waitpid(pid, 0)
    answer = {"code": os.waitstatus_to_exitcode(status), "seen": shim.faults_seen()}
    print(json.dumps(answer), flush=True)
"""


@dataclass(frozen=True)
class Fault:
    """What happens to which system calls.

    Attributes:
        calls: Which calls are counted, by their names in the C library.
        under: Only those on paths that begin so. A pipe's is `pipe:`.
        first: The number of the first call that suffers; 0 only counts.
        step: From there each so many-th suffers too; 0 means that no other does.
        error: The errno that the call fails with instead of being made.
        signal: A signal that the process gets just before the call is made.
        short: Whether the call moves only half of its bytes.
    """

    calls: tuple[str, ...] = ()
    under: str = "/"
    first: int = 0
    step: int = 0
    error: int = 0
    signal: int = 0
    short: bool = False


NONE = Fault()


@dataclass(frozen=True)
class Faulty(Result):
    """How a run ended.

    Attributes:
        seen: How many of the chosen calls it made.
    """

    seen: int


def build(folder: Path) -> Path:
    """Compiles the shim that makes system calls fail."""
    shim = folder / "faults.so"
    warnings = ("-Wall", "-Wextra", "-Werror")
    command = ["gcc", "-shared", "-fPIC", "-O1", *warnings, "-o", shim, _SOURCE, "-ldl"]
    subprocess.run(command, check=True)
    return shim


class Faults:
    """Runs commands with faults. A context manager.

    Args:
        folder: Where the shim is built and what commands say is kept.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._server = subprocess.Popen(
            [sys.executable, "-c", _SERVER],
            env=os.environ | {"LD_PRELOAD": str(build(folder))},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._server.communicate(timeout=_PATIENCE)

    def run(
        self,
        *arguments: object,
        fault: Fault = NONE,
        stdin: Path | str = os.devnull,
        limits: dict[str, int] | None = None,
    ) -> Faulty:
        """Runs passkeep once.

        Args:
            arguments: Its arguments.
            fault: What goes wrong.
            stdin: The file, or FIFO, on standard input.
            limits: Names of resource limits and their values; that of
                `RLIMIT_AS` is what may be mapped besides what is there.
        """
        out, err = self._folder / "out", self._folder / "err"
        job = {
            "arguments": [os.fspath(a) if isinstance(a, Path) else str(a) for a in arguments],
            "fault": asdict(fault),
            "stdin": str(stdin),
            "out": str(out),
            "err": str(err),
            "limits": limits or {},
            "patience": _PATIENCE,
        }
        assert self._server.stdin is not None
        assert self._server.stdout is not None
        self._server.stdin.write(json.dumps(job) + "\n")
        self._server.stdin.flush()
        answer = json.loads(self._server.stdout.readline())
        said = err.read_text()
        assert "Traceback" not in said, said
        return Faulty(answer["code"], out.read_bytes(), said, answer["seen"])

    def count(self, *arguments: object, calls: Iterable[str], under: Path | str, **options) -> int:
        """Runs passkeep without any fault; returns how many of the calls it made."""
        done = self.run(*arguments, fault=Fault(tuple(calls), str(under)), **options)
        assert done.code == 0, done.err
        return done.seen
