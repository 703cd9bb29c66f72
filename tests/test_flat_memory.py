"""However much goes through, memory stays flat.

`make memory` runs it with more: PASSKEEP_TEST_GIB.
"""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

import passkeep

SIZE = int(os.environ.get("PASSKEEP_TEST_GIB", "1")) << 30
LIMIT = 128 << 20

IDENTITY = passkeep.Identity.generate()


# What the system reports of a child includes the memory of whoever started it, so each
# command tells its own peak.
PROGRAM = """
import re, sys
from pathlib import Path
from passkeep.cli import main

try:
    main(sys.argv[2:])
finally:
    status = Path("/proc/self/status").read_text()
    Path(sys.argv[1]).write_text(re.search(r"VmHWM:\\s*(\\d+) kB", status)[1])
"""


def peaks(commands, folder, *, stdin, stdout) -> list[int]:
    """Runs commands as a pipeline; returns the peak of each one's resident memory."""
    running = []
    for number, command in enumerate(commands):
        last = number == len(commands) - 1
        process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, folder / f"peak{number}", *map(str, command)],
            stdin=running[-1].stdout if running else stdin,
            stdout=stdout if last else subprocess.PIPE,
        )
        if running:
            running[-1].stdout.close()
        running.append(process)
    assert [process.wait() for process in running] == [0] * len(running)
    return [int((folder / f"peak{n}").read_text()) * 1024 for n in range(len(running))]


def assert_flat(names, found):
    for name, peak in zip(names, found, strict=True):
        print(f"{name}: {SIZE >> 30} GiB in {peak / (1 << 20):.0f} MiB")
        assert peak <= LIMIT


def test_streams(tmp_path):
    (tmp_path / "id.txt").write_text(str(IDENTITY))
    with (tmp_path / "zeros").open("wb") as zeros, (tmp_path / "size").open("wb") as size:
        zeros.truncate(SIZE)
        cat = subprocess.Popen(["cat", tmp_path / "zeros"], stdout=subprocess.PIPE)
        wc = subprocess.Popen(["wc", "-c"], stdin=subprocess.PIPE, stdout=size)
        commands = [
            ("encrypt", "--to", IDENTITY.recipient),
            ("decrypt", "--identity", tmp_path / "id.txt"),
        ]
        found = peaks(commands, tmp_path, stdin=cat.stdout, stdout=wc.stdin)
        for pipe in (cat.stdout, wc.stdin):
            pipe.close()
        assert [cat.wait(), wc.wait()] == [0, 0]
    assert int((tmp_path / "size").read_text()) == SIZE
    assert_flat(["encrypt", "decrypt"], found)


@pytest.mark.parametrize("options", [(), ("--compress",)], ids=["stored", "compressed"])
def test_trees(tmp_path, options):
    (tmp_path / "id.txt").write_text(str(IDENTITY))
    (tmp_path / "tree").mkdir()
    with (tmp_path / "tree" / "zeros").open("wb") as zeros:
        # It has its room on the disk, so it is no hole, which would not be read.
        os.posix_fallocate(zeros.fileno(), 0, SIZE)
    opening = ("--identity", tmp_path / "id.txt", "--max-size", SIZE)
    commands = [
        ("backup", tmp_path / "tree", "-o", "-", "--to", IDENTITY.recipient, *options),
        ("restore", "-", "-C", tmp_path / "out", *opening, "--no-sync"),
    ]
    found = peaks(commands, tmp_path, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    restored = tmp_path / "out" / "tree" / "zeros"
    assert restored.stat().st_size == SIZE
    restored.unlink()
    assert_flat(["backup", "restore"], found)
