"""Bulk jobs that are killed: at each write that they make, and at random.

`make soak` does it at each write, and to a thousand jobs; otherwise it is each second one.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tarfile
import time
from collections import Counter
from io import BytesIO
from pathlib import Path

import pytest

import passkeep
from passkeep.jobs.destination import standing
from support.cli import PROGRAM, run
from support.faults import Fault, Faults
from support.trees import differences, names

IDENTITY = passkeep.Identity.generate()
TO = str(IDENTITY.recipient)
AGE = Path(sys.executable).parent / "age"
CALLS = ("write", "ftruncate64", "fsync", "rename", "link", "unlink")
SOAK = bool(os.environ.get("PASSKEEP_SOAK"))
JOBS = 1000 if SOAK else 60


def write_jobs(folder, jobs):
    (folder / "jobs").write_text("".join(json.dumps(one) + "\n" for one in jobs))


def done_lines(folder):
    """How often the journal says of each job that it is done."""
    records = map(json.loads, (folder / "jobs.journal").read_text().splitlines())
    return Counter(record["job"] for record in records if record.get("status") == "done")


def published(folder):
    """The outputs that are there, and which files they are."""
    return {
        path.name: standing(str(path))
        for path in (folder / "out").iterdir()
        if not path.name.startswith(".")
    }


@pytest.fixture
def folder(tmp_path):
    world = tmp_path / "world"
    (world / "out").mkdir(parents=True)
    return world


@pytest.fixture
def faults(tmp_path):
    (tmp_path / "faults").mkdir()
    with Faults(tmp_path / "faults") as running:
        yield running


def test_a_kill_at_each_write(folder, faults):
    for number in range(3):
        (folder / f"tree{number}").mkdir()
        (folder / f"tree{number}" / "letter.txt").write_text(f"Dear Ada {number}")
    os.mkfifo(folder / "tree1" / "pipe")
    write_jobs(
        folder, [{"source": f"tree{n}", "destination": f"out/{n}.age"} for n in (0, 1, 2, 3)]
    )
    command = ("backup", "--jobs", folder / "jobs", "--to", TO, "--json", "--workers", 1)
    wanted = {"0.age": "done", "1.age": "partial", "2.age": "done", "3.age": "failed"}

    def reset():
        shutil.rmtree(folder / "out")
        (folder / "out").mkdir()
        (folder / "jobs.journal").unlink(missing_ok=True)

    def outcome(done):
        found = [json.loads(line) for line in done.out.splitlines()]
        return {Path(one["destination"]).name: one["status"] for one in found}

    whole = faults.run(*command, fault=Fault(CALLS, str(folder)))
    assert outcome(whole) == wanted
    assert whole.seen >= 20
    kept = 0
    for number in range(1, whole.seen + 1, 1 if SOAK else 2):
        reset()
        fault = Fault(CALLS, str(folder), first=number, signal=signal.SIGKILL)
        killed = faults.run(*command, fault=fault)
        # Lines of jobs that end together are written together: it can be a call less.
        assert killed.code == -signal.SIGKILL or killed.seen < number > whole.seen - 8
        before = published(folder)
        kept += len(before)
        for status in ("done", "skipped"):
            done = faults.run(*command)
            assert done.code == 5, (number, done.err)
            found = outcome(done)
            assert found.pop("3.age") == "failed", number
            assert found.pop("1.age") == "partial", number
            assert set(found.values()) <= {status, "skipped"}, (number, found)
        assert published(folder).items() >= before.items()
        assert names(folder / "out") == ["0.age", "1.age", "2.age"]
        assert set(done_lines(folder).values()) == {1}
        assert len(done_lines(folder)) == 2
    for name in ("0.age", "1.age", "2.age"):
        assert passkeep.verify(folder / "out" / name, IDENTITY).files == 1
    assert kept > whole.seen // 2, "most runs had published something"


def make_sources(folder, chance):
    """Trees and files of all sizes; one in a hundred jobs has a source that is not there."""
    jobs = []
    for number in range(JOBS):
        source = folder / "in" / f"{number}"
        output = f"out/{number}.age"
        if number % 100 == 42:
            jobs.append({"source": f"in/missing{number}", "destination": output})
            continue
        size = int(2 ** chance.uniform(0, 20))
        content = chance.randbytes(size)
        if number % 3 == 0:
            source.write_bytes(content)
            jobs.append({"source": f"in/{number}", "destination": output, "kind": "encrypt"})
            continue
        (source / "sub").mkdir(parents=True)
        (source / "sub" / "data").write_bytes(content)
        (source / "letter.txt").write_text(f"Dear Ada {number}")
        jobs.append({"source": f"in/{number}", "destination": output})
    return jobs


def assert_output(folder, job, scratch):
    """Opens an output, every so often with somebody else's tool, and compares it."""
    number = Path(job["source"]).name
    source, output = folder / "in" / number, folder / job["destination"]
    if job.get("kind") == "encrypt":
        assert passkeep.decrypt(output.read_bytes(), IDENTITY) == source.read_bytes()
    else:
        passkeep.restore(output, scratch / number, IDENTITY, sync=False)
        assert differences(source, scratch / number / number) == []
    if int(number) % 20 == 0:
        (scratch / "identity").write_text(str(IDENTITY))
        command = [AGE, "-d", "-i", scratch / "identity", output]
        plain = subprocess.run(command, capture_output=True, check=True).stdout
        if job.get("kind") == "encrypt":
            assert plain == source.read_bytes()
        else:
            with tarfile.open(fileobj=BytesIO(plain)) as archive:
                assert f"{number}/letter.txt" in archive.getnames()


def test_kills_at_random(folder, tmp_path):
    seed = random.SystemRandom().randrange(1 << 32)
    chance = random.Random(seed)
    print(f"seed {seed}")
    (folder / "in").mkdir()
    (tmp_path / "scratch").mkdir()
    jobs = make_sources(folder, chance)
    bad = [job["destination"] for job in jobs if "missing" in job["source"]]
    assert len(bad) == max(1, JOBS // 100)
    write_jobs(folder, jobs)
    command = [*PROGRAM, "backup", "--jobs", folder / "jobs", "--to", TO, "--json"]
    kills, before, told = 0, {}, Counter()
    begun = time.monotonic()
    while True:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        with process:
            fatal = chance.randrange(max(10, JOBS // 20))  # new results that it may still tell
            for line in process.stdout:
                result = json.loads(line)
                if result["status"] == "done":
                    told[result["destination"]] += 1
                    fatal -= 1
                if fatal < 0:
                    break
            else:
                if process.wait() == 5:
                    break
                raise AssertionError(process.stderr.read())
            time.sleep(chance.uniform(0, 0.02))
            process.kill()
        kills += 1
        # What has appeared once stays the same file for ever.
        now = published(folder)
        assert now.items() >= before.items()
        before = now
    took = time.monotonic() - begun
    print(f"{JOBS} jobs, {kills} kills, {took:.1f} s")
    assert kills >= 5
    assert published(folder).items() >= before.items()
    good = [job for job in jobs if job["destination"] not in bad]
    assert names(folder / "out") == sorted(Path(job["destination"]).name for job in good)
    counts = done_lines(folder)
    assert len(counts) == len(good)
    assert set(counts.values()) == {1}
    assert max(told.values()) == 1
    for job in good:
        assert_output(folder, job, tmp_path / "scratch")
    # And once more: nothing but the failed ones is tried.
    last = run(*command[len(PROGRAM) :])
    assert last.code == 5
    found = {(one["status"], one["destination"]) for one in map(json.loads, last.out.splitlines())}
    assert Counter(status for status, _ in found) == {"skipped": len(good), "failed": len(bad)}
    assert {name for status, name in found if status == "failed"} == {
        str(folder / name) for name in bad
    }
    assert published(folder).items() >= before.items()
