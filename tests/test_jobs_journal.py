"""The journal of bulk jobs: what it is believed, and what it is not."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

import passkeep
from passkeep.jobs import journal as journals
from passkeep.jobs.destination import standing
from support.trees import names

IDENTITY = passkeep.Identity.generate()
HEADER = b'{"passkeep":"jobs/1"}\n'


@pytest.fixture
def jobs(tmp_path):
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "letter.txt").write_text("Dear Ada")
    (tmp_path / "out").mkdir()
    return [
        passkeep.Job(tmp_path / "tree", tmp_path / "out" / str(n), to=IDENTITY.recipient)
        for n in range(4)
    ]


@pytest.fixture
def journal(tmp_path):
    return tmp_path / "journal"


def run(jobs, journal, **options):
    results = list(passkeep.run_jobs(jobs, journal=journal, sync=False, **options))
    return [result.status for result in sorted(results, key=lambda result: result.number)]


def lines(journal):
    return [json.loads(line) for line in journal.read_text().splitlines()]


def outputs(jobs):
    return [standing(job.destination) for job in jobs]


def test_what_is_done_is_not_done_again(jobs, journal):
    assert run(jobs, journal) == ["done"] * 4
    before, record = outputs(jobs), journal.read_bytes()
    assert stat.S_IMODE(journal.stat().st_mode) == 0o600
    assert run(jobs, journal) == ["skipped"] * 4
    assert outputs(jobs) == before
    assert journal.read_bytes() == record
    ended = [line["job"] for line in lines(journal) if line.get("event") == "end"]
    assert sorted(ended) == sorted(job.fingerprint for job in jobs)


def test_what_was_skipped_tells_its_figures(jobs, journal):
    jobs = [dataclasses.replace(job, digest="blake3") for job in jobs]
    first = sorted(passkeep.run_jobs(jobs, journal=journal), key=lambda result: result.number)
    again = list(passkeep.run_jobs(jobs, journal=journal))
    assert [dataclasses.replace(one, status="skipped") for one in first] == again
    # A digest of another algorithm is not passed off as what is asked for.
    others = [dataclasses.replace(job, digest="sha256") for job in jobs]
    assert [result.digest for result in passkeep.run_jobs(others, journal=journal)] == [None] * 4


def test_what_failed_is_tried_again(jobs, journal, tmp_path):
    jobs[1] = dataclasses.replace(jobs[1], source=(str(tmp_path / "later"),))
    assert run(jobs, journal) == ["done", "failed", "done", "done"]
    assert run(jobs, journal) == ["skipped", "failed", "skipped", "skipped"]
    (tmp_path / "later").write_text("here it is")
    assert run(jobs, journal) == ["skipped", "done", "skipped", "skipped"]


def test_what_is_partial_stays_partial(jobs, journal, tmp_path):
    os.mkfifo(tmp_path / "tree" / "pipe")
    assert run(jobs, journal) == ["partial"] * 4
    assert run(jobs, journal) == ["partial"] * 4
    results = list(passkeep.run_jobs(jobs, journal=journal))
    assert [result.problem_count for result in results] == [1] * 4
    assert not any(result.ok for result in results)


def test_what_is_gone_is_made_again(jobs, journal, tmp_path):
    run(jobs, journal)
    (tmp_path / "out" / "2").unlink()
    assert run(jobs, journal) == ["skipped", "skipped", "done", "skipped"]


def test_what_was_changed_is_not_taken_for_the_output(jobs, journal, tmp_path):
    run(jobs, journal)
    (tmp_path / "out" / "2").write_bytes(b"somebody's")
    assert run(jobs, journal) == ["skipped", "skipped", "failed", "skipped"]
    assert (tmp_path / "out" / "2").read_bytes() == b"somebody's"


def test_another_job_is_a_new_one(jobs, journal, tmp_path):
    run(jobs, journal)
    jobs[0] = dataclasses.replace(jobs[0], cipher="aes-256-gcm")
    jobs[1] = dataclasses.replace(jobs[1], overwrite=True)
    jobs[2] = dataclasses.replace(jobs[2], cipher="aes-256-gcm", overwrite=True)
    # To replace something, a job needs to be allowed to; to be skipped, it does not matter.
    assert run(jobs, journal) == ["failed", "skipped", "done", "skipped"]


def test_again(jobs, journal):
    run(jobs, journal)
    assert run(jobs, journal, again=True) == ["failed"] * 4
    willing = [dataclasses.replace(job, overwrite=True) for job in jobs]
    before = outputs(jobs)
    assert run(willing, journal, again=True) == ["done"] * 4
    assert not set(before) & set(outputs(jobs))
    assert run(jobs, journal) == ["skipped"] * 4


def test_a_run_that_was_killed_before_it_could_tell(jobs, journal):
    """Its outputs are there; the lines that say so are not."""
    run(jobs, journal)
    kept = [line for line in journal.read_bytes().splitlines(keepends=True) if b'"end"' not in line]
    journal.write_bytes(b"".join(kept))
    before = outputs(jobs)
    jobs[3] = dataclasses.replace(jobs[3], digest="sha256")
    results = sorted(passkeep.run_jobs(jobs, journal=journal), key=lambda result: result.number)
    assert results[3].digest == passkeep.digest(jobs[3].destination, "sha256").hexdigest()
    assert {result.status for result in results} == {"done"}
    assert all(result.found and result.rate is None and result.sealed for result in results)
    assert outputs(jobs) == before
    assert run(jobs, journal) == ["skipped"] * 4
    events = [line["event"] for line in lines(journal)[1:]]
    assert events == ["begin"] * 4 + ["end"] * 4


def test_a_killed_run_that_had_replaced_an_output(jobs, journal):
    jobs = [dataclasses.replace(job, overwrite=True) for job in jobs]
    run(jobs, journal)
    old = outputs(jobs)
    records = [journals.begin(job, before) for job, before in zip(jobs, old, strict=True)]
    journal.write_bytes(HEADER + b"".join(json.dumps(one).encode() + b"\n" for one in records))
    copy = Path(f"{jobs[0].destination}+")
    shutil.copy(jobs[0].destination, copy)
    copy.replace(jobs[0].destination)
    new = standing(jobs[0].destination)
    results = sorted(passkeep.run_jobs(jobs, journal=journal), key=lambda result: result.number)
    assert [result.found for result in results] == [True, False, False, False]
    assert {result.status for result in results} == {"done"}
    assert outputs(jobs)[0] == new
    assert not set(old) & set(outputs(jobs))


def test_a_killed_run_that_had_left_entries_out(jobs, journal, tmp_path):
    os.mkfifo(tmp_path / "tree" / "pipe")
    run(jobs, journal)
    kept = [line for line in journal.read_bytes().splitlines(keepends=True) if b'"end"' not in line]
    assert sum(b'"problems"' in line for line in kept) == 4
    journal.write_bytes(b"".join(kept))
    (tmp_path / "tree" / "pipe").unlink()
    # One was killed before its output appeared, and this time leaves nothing out.
    Path(jobs[2].destination).unlink()
    assert run(jobs, journal) == ["partial", "partial", "done", "partial"]
    kept = [line for line in journal.read_bytes().splitlines(keepends=True) if b'"end"' not in line]
    journal.write_bytes(b"".join(kept))
    results = sorted(passkeep.run_jobs(jobs, journal=journal), key=lambda result: result.number)
    assert [result.problem_count for result in results] == [1, 1, 0, 1]
    assert [result.status for result in results] == ["partial", "partial", "done", "partial"]


@pytest.mark.parametrize("content", [b"", b"somebody's"])
def test_what_was_put_there_meanwhile_is_not_taken_for_the_output(jobs, journal, content):
    record = journals.begin(jobs[0], None)
    journal.write_bytes(HEADER + json.dumps(record).encode() + b"\n")
    target = journal.parent / "out" / "0"
    target.write_bytes(content)
    assert run(jobs, journal) == ["failed", "done", "done", "done"]
    assert target.read_bytes() == content


def test_a_journal_that_is_cut(jobs, journal):
    """Whatever a kill leaves of the lines, no output is touched or taken for missing."""
    run(jobs[:2], journal)
    whole = journal.read_bytes()
    ends = [at for at, byte in enumerate(whole) if byte == ord("\n")]
    assert len(ends) == 5
    before = outputs(jobs[:2])
    for length in [0, 1, *(end + more for end in ends for more in (-1, 0, 1, 2)), len(whole)]:
        journal.write_bytes(whole[:length])
        begun = whole[:length].count(b"\n") - 1
        found = run(jobs[:2], journal)
        assert outputs(jobs[:2]) == before
        # Where not even the beginning of a job is known, its output is somebody else's.
        for number, status in enumerate(found):
            assert status in ({"done", "skipped"} if number < begun else {"failed"})


@pytest.mark.parametrize(
    "content",
    [
        b"\n",
        b"{}\n",
        b"notes of mine\n",
        b"notes of mine, without a line feed",
        b'{"passkeep":"jobs/1"',
        b'{"passkeep":"keyring/1"}\n',
        b'{"passkeep":3}\n',
        b'{"passkeep": "jobs/1"}\n',
        b"[]\n",
        HEADER + b"\n",
        HEADER + b"{}\n",
        HEADER + b"\xff\n",
        HEADER + b'{"event":"end","job":"x"}\n',
        HEADER + b'{"event":"end","job":"x","status":"eaten"}\n',
        HEADER
        + b'{"event":"end","job":"x","status":"done","files":1,"bytes":"8","sealed":1,'
        + b'"seconds":1.0,"digest":null,"problem_count":0}\n',
        HEADER + b'{"event":"begin","job":"x","before":[1,2]}\n',
        HEADER + b'{"event":"begin","job":["x"],"before":null}\n',
        HEADER + b"[" * 50_000 + b"\n",
        HEADER + b"x" * 100_000 + b"\n",
        HEADER + b"x" * 100_000,
        b"x" * 100_000,
    ],
)
def test_damage(jobs, journal, content):
    journal.write_bytes(content)
    if HEADER.startswith(content):
        assert run(jobs, journal) == ["done"] * 4  # the beginning of a journal
        return
    results = passkeep.run_jobs(jobs, journal=journal)
    with pytest.raises(passkeep.DamagedError, match=r"line . of .*journal") as caught:
        next(results)
    assert "journal" in caught.value.hint
    assert journal.read_bytes() == content
    assert names(journal.parent / "out") == []


def test_a_journal_of_a_newer_version(jobs, journal):
    journal.write_bytes(b'{"passkeep":"jobs/2"}\n')
    with pytest.raises(passkeep.NewerVersionError, match="newer"):
        next(passkeep.run_jobs(jobs, journal=journal))


@pytest.mark.parametrize("kind", ["folder", "pipe", "missing folder", "device"])
def test_what_cannot_be_a_journal(jobs, journal, kind):
    if kind == "folder":
        journal.mkdir()
    elif kind == "pipe":
        os.mkfifo(journal)
    elif kind == "device":
        journal = "/dev/null"
    else:
        journal /= "nowhere"
    with pytest.raises((OSError, passkeep.OutputError)):
        next(passkeep.run_jobs(jobs, journal=journal))
    assert names(Path(jobs[0].destination).parent) == []


def test_one_run_at_a_time(jobs, journal):
    first = passkeep.run_jobs(jobs, journal=journal)
    next(first)
    with pytest.raises(passkeep.OutputError, match="another run is using"):
        next(passkeep.run_jobs(jobs, journal=journal))
    assert len(list(first)) == 3
    assert run(jobs, journal) == ["skipped"] * 4


def test_a_forked_child_does_not_keep_the_journal(jobs, journal):
    first = passkeep.run_jobs(jobs, journal=journal)
    next(first)
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(writing)
        os.read(reading, 1)  # until the parent closes its end
        os._exit(0)
    first.close()
    assert "skipped" in run(jobs, journal)
    os.close(writing)
    os.close(reading)
    assert os.waitpid(child, 0)[1] == 0


def test_a_full_disk_ends_the_run(jobs, tmp_path):
    """What cannot be recorded is not begun, and what was is found by the next run."""
    program = """
import resource, signal, sys
import passkeep
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
source, folder, to = sys.argv[1:]
resource.setrlimit(resource.RLIMIT_FSIZE, (7000, 7000))
jobs = [passkeep.Job(source, f"{folder}/{n}", to=to) for n in range(100)]
try:
    for result in passkeep.run_jobs(jobs, journal=f"{folder}/journal"):
        assert result.status == "done", result
except OSError as error:
    print(error.errno)
"""
    words = [tmp_path / "tree", tmp_path / "out", str(IDENTITY.recipient)]
    done = subprocess.run(
        [sys.executable, "-c", program, *words], capture_output=True, text=True, check=True
    )
    assert done.stdout == "27\n", done
    made = [name for name in names(tmp_path / "out") if name != "journal"]
    assert 0 < len(made) < 100
    assert not any("passkeep" in name for name in made)
    jobs = [
        passkeep.Job(tmp_path / "tree", tmp_path / "out" / str(n), to=IDENTITY.recipient)
        for n in range(100)
    ]
    found = run(jobs, tmp_path / "out" / "journal")
    assert found.count("failed") == 0
    assert len(names(tmp_path / "out")) == 101
