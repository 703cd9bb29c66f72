"""Counts what fixed work costs, and compares it with bench/instructions.json.

The guard against slow code that does not depend on time: callgrind counts the instructions and
the cache lines that are fetched into a first-level cache of 32 KiB, which is how often the
data is gone through. Both are the same on any x86-64 machine with AVX2, however busy it is.

    instructions.py PROGRAM             compares (rust/tree/examples/fixed_work.rs)
    instructions.py PROGRAM --accept    writes the table
"""

from __future__ import annotations

import json
import os
import platform
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

TABLE = Path(__file__).with_suffix(".json")
TOLERANCE = 0.05
OTHER_TOOLS = 0.25  # another compiler arranges the same code in another way
SLACK = (50_000, 2_000)  # instructions and lines that no row is held to

# Caches of their own, so that the machine's do not matter.
CALLGRIND = [
    *("valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", "--cache-sim=yes"),
    *("--I1=32768,8,64", "--D1=32768,8,64", "--LL=1048576,16,64"),
]
# Valgrind knows no AVX-512, which is masked here too in case that another version does.
ENVIRONMENT = os.environ | {"OPENSSL_ia32cap": ":~0x00005e42d0230000"}


class Cost(NamedTuple):
    """What a stage of a work takes."""

    instructions: int
    lines: int

    def __sub__(self, other: Cost) -> Cost:
        return Cost(self.instructions - other.instructions, self.lines - other.lines)


def main() -> None:
    program, *options = sys.argv[1:]
    rows = measure(program)
    if options == ["--accept"]:
        table = {
            "made with": tools(),
            "rows": {name: cost._asdict() for name, cost in rows.items()},
        }
        TABLE.write_text(json.dumps(table, indent=2) + "\n")
        return
    table = json.loads(TABLE.read_text())
    same = table["made with"] == tools()
    tolerance = TOLERANCE if same else OTHER_TOOLS
    expected = {name: Cost(**cost) for name, cost in table["rows"].items()}
    lines, bad = compare(rows, expected, tolerance)
    print("\n".join(lines))
    if not same:
        print(f"The table was made with {table['made with']}, this with {tools()}.")
    if platform.machine() != "x86_64":
        print("The table is that of x86-64, so nothing is compared.")
    elif bad:
        print(f"Off by more than {tolerance:.0%}: {'; '.join(bad)}.")
        sys.exit("Where that is meant, also where it is less: make instructions-accept")


def measure(program: str) -> dict[str, Cost]:
    """The cost of each stage of each work."""
    listed = subprocess.run([program], check=True, capture_output=True, text=True).stdout
    works = {name: stages for name, *stages in (line.split("\t") for line in listed.splitlines())}
    runs = [(name, upto) for name, stages in works.items() for upto in range(len(stages) + 1)]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        costs = dict(zip(runs, pool.map(lambda run: count(program, *run), runs), strict=True))
    return {
        f"{name}: {stage}": costs[name, i + 1] - costs[name, i]
        for name, stages in works.items()
        for i, stage in enumerate(stages)
    }


def count(program: str, work: str, stages: int) -> Cost:
    """The cost of a whole process that goes through so many stages of a work."""
    command = [*CALLGRIND, program, work, str(stages)]
    done = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(done.stderr)
    events, collected = (
        re.search(rf"{name} *: (.*)", done.stderr)[1].split() for name in ("Events", "Collected")
    )
    cost = dict(zip(events, map(int, collected), strict=True))
    return Cost(cost["Ir"], cost["D1mr"] + cost["D1mw"])


def compare(
    rows: dict[str, Cost], table: dict[str, Cost], tolerance: float
) -> tuple[list[str], list[str]]:
    """A table for people, and the names of the rows that are not as they were."""
    lines = [f"{'':26}{'instructions':>14}{'change':>9}{'lines':>12}{'change':>9}"]
    bad = sorted(table.keys() - rows.keys())
    for name, cost in rows.items():
        if name not in table:
            bad.append(name)  # not accepted yet
        before = table.get(name, cost)
        changes = [new / old - 1 for new, old in zip(cost, before, strict=True)]
        off = [
            abs(new - old) > max(old * tolerance, slack)
            for new, old, slack in zip(cost, before, SLACK, strict=True)
        ]
        if any(off):
            bad.append(name)
        cells = [
            f"{value:>{width},}{change:>+8.1%}{'!' if wrong else ' '}"
            for value, width, change, wrong in zip(cost, (14, 12), changes, off, strict=True)
        ]
        lines.append(f"{name:26}{''.join(cells)}".rstrip())
    return lines, bad


def tools() -> str:
    """What else decides the counts."""
    versions = [
        subprocess.run([name, "--version"], check=True, capture_output=True, text=True).stdout
        for name in ("rustc", "valgrind")
    ]
    return ", ".join([*(text.split(" (")[0].strip() for text in versions), *platform.libc_ver()])


if __name__ == "__main__":
    main()
