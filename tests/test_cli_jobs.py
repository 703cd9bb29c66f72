"""`passkeep backup --jobs`: job files, what is printed, and how it ends."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from contextlib import ExitStack

import pytest

import passkeep
from support.cli import PROGRAM, Terminal, assert_fails, ok, run
from support.trees import names

IDENTITY = passkeep.Identity.generate()
TO = str(IDENTITY.recipient)


@pytest.fixture
def folder(tmp_path):
    """Three trees, and a job file that backs them up with names relative to it."""
    for number in range(3):
        (tmp_path / f"tree{number}").mkdir()
        (tmp_path / f"tree{number}" / "letter.txt").write_text("Dear Ada")
    (tmp_path / "out").mkdir()
    write(tmp_path, *(job(n) for n in range(3)))
    return tmp_path


def job(number, **members):
    return {"source": f"tree{number}", "destination": f"out/{number}.age"} | members


def write(folder, *jobs):
    lines = (one if isinstance(one, str) else json.dumps(one) for one in jobs)
    (folder / "jobs").write_text("".join(f"{line}\n" for line in lines))


def backup(folder, *options, **more):
    return run("backup", "--jobs", folder / "jobs", *options, **more)


def results(done):
    return [json.loads(line) for line in done.out.splitlines()]


def test_results_as_json_lines(folder):
    write(folder, job(0), "", job(1, source="missing"), job(2, digest="sha256"), "  ")
    done = backup(folder, "--to", TO, "--json")
    assert done.code == 5
    one, missing, hashed = sorted(results(done), key=lambda result: result["job"])
    assert one == {
        "job": 1,
        "line": 1,
        "source": [str(folder / "tree0")],
        "destination": str(folder / "out/0.age"),
        "status": "done",
        "files": 1,
        "bytes": 8,
        "sealed": (folder / "out/0.age").stat().st_size,
        "seconds": one["seconds"],
        "rate": 8 / one["seconds"],
    }
    assert (missing["line"], missing["status"], missing["rate"]) == (3, "failed", None)
    assert missing["error"] == {
        "type": "FileNotFoundError",
        "message": f"{folder}/missing: No such file or directory",
        "hint": "",
        "code": 1,
    }
    digest = passkeep.digest(folder / "out/2.age", "sha256").hexdigest()
    assert hashed["digest"] == {"algorithm": "sha256", "hex": digest}
    assert done.err.splitlines() == [
        "Error: of 3 jobs, 1 failed.",
        "Hint: Correct what is wrong and run the same command again: what is finished is skipped.",
    ]
    again = backup(folder, "--to", TO, "--json")
    assert [one["status"] for one in results(again)] == ["skipped", "skipped", "failed"]


def test_lines_for_a_person(folder):
    os.mkfifo(folder / "tree1" / "pipe")
    write(folder, job(0, digest="blake3"), job(1), job(2, source="missing"))
    done = backup(folder, "--to", TO)
    assert done.code == 5
    assert done.out == b""
    lines = done.err.splitlines()
    assert any(line.startswith(f"done  {folder}/out/0.age: 1 file, 8 B in 0.") for line in lines)
    assert any(line.startswith(f"partial  {folder}/out/1.age: ") for line in lines)
    assert any(line.startswith("  special: tree1/pipe: ") for line in lines)
    assert any(line.endswith("/missing: No such file or directory.") for line in lines)
    assert f"{passkeep.digest(folder / 'out/0.age').hexdigest()}  {folder}/out/0.age" in lines
    assert lines[-3].startswith("3 jobs: 1 done, 1 failed, 1 partial; 16 B in ")
    assert lines[-2] == "Error: of 3 jobs, 1 failed and 1 left entries out."
    again = backup(folder, "--to", TO)
    assert again.code == 5
    assert "3 jobs: 1 failed, 1 partial, 1 skipped; 8 B in" in again.err
    assert "done" not in again.err


def test_the_second_run_does_nothing(folder):
    assert backup(folder, "--to", TO).code == 0
    before = [path.stat() for path in sorted((folder / "out").iterdir())]
    done = backup(folder, "--to", TO)
    assert (done.code, done.out) == (0, b"")
    assert done.err.startswith("3 jobs: 3 skipped; 0 B in ")
    assert [path.stat() for path in sorted((folder / "out").iterdir())] == before
    assert names(folder) == ["jobs", "jobs.journal", "out", "tree0", "tree1", "tree2"]
    assert backup(folder, "--to", TO, "--again").code == 5
    assert backup(folder, "--to", TO, "--again", "--force").code == 0


def test_options_of_the_command_are_for_jobs_that_say_nothing(folder, quick):
    (folder / "keys").mkdir()
    quick.write(folder / "keys")
    other = passkeep.Identity.generate()
    write(
        folder,
        job(0),
        job(1, to=str(other.recipient), cipher="age", exclude=[]),
        job(2, keyring="keys/keyring.json", travel=True),
        {"source": "tree0/letter.txt", "destination": "out/letter.age", "kind": "encrypt"},
    )
    options = ("--cipher", "aes-256-gcm", "--exclude", "letter.txt", "--compress", "--no-travel")
    done = backup(folder, "--to", TO, *options, "--threads", "1", "--workers", "2", "--json")
    assert done.code == 0, done.err
    out = folder / "out"
    assert (out / "0.age").read_bytes().startswith(b"passkeep.sealed/1\n")
    assert passkeep.verify(out / "0.age", IDENTITY).files == 0
    assert (out / "1.age").read_bytes().startswith(b"age-encryption.org/v1\n")
    assert passkeep.verify(out / "1.age", other).files == 1
    assert passkeep.verify(out / "2.age", passkeep.Unlock(passkey=quick.passkeys)).files == 0
    assert passkeep.decrypt((out / "letter.age").read_bytes(), IDENTITY) == b"Dear Ada"


def test_the_usual_keyring(folder, quick):
    done = backup(folder)
    assert_fails(done, 2)
    assert "there is no keyring at" in done.err
    assert names(folder / "out") == []
    keyring = quick.write(folder)
    assert backup(folder, env={"PASSKEEP_KEYRING": str(keyring)}).code == 0
    way = passkeep.Unlock(recovery_key=quick.digits)
    assert passkeep.verify(folder / "out/0.age", way).files == 1


def test_jobs_that_need_no_keyring_do_not_ask_for_one(folder):
    write(folder, job(0, to=TO))
    assert backup(folder).code == 0


def test_a_keyring_of_one_job_that_is_missing_is_that_jobs_affair(folder):
    write(folder, job(0, to=TO), job(1, keyring="nowhere.json"))
    done = backup(folder, "--json")
    assert done.code == 5
    assert sorted(one["status"] for one in results(done)) == ["done", "failed"]


def test_standard_input(folder):
    data = (folder / "jobs").read_bytes()
    for _ in range(2):
        done = run("backup", "--jobs", "-", "--to", TO, "--json", "--force", stdin=data, cwd=folder)
        assert done.code == 0, done.err
        assert [one["status"] for one in results(done)] == ["done"] * 3
    assert names(folder) == ["jobs", "out", "tree0", "tree1", "tree2"]
    journal = ("--journal", folder / "journal", "--json")
    words = ("backup", "--jobs", "-", "--to", TO, "--force", *journal)
    assert run(*words, stdin=data, cwd=folder).code == 0
    again = results(ok(*words, stdin=data, cwd=folder))
    assert [one["status"] for one in again] == ["skipped"] * 3


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "line 2: this is not JSON: "),
        ('{"source": "a",}', "line 2: this is not JSON: "),
        ("[]", "line 2: this is not a JSON object"),
        ("[" * 100_000, "line 2: this is no JSON that a job could be"),
        ('{"source":"a","source":"b"}', "line 2: 'source' is there twice"),
        ('{"source": "a"}', "line 2: destination is missing"),
        ('{"destination": "a"}', "line 2: source is missing"),
        (job(1, colour="red"), "line 2: 'colour' is no member of a job"),
        (job(1, line=3), "line 2: 'line' is no member of a job"),
        (job(1, source=[]), "line 2: source: there is none"),
        (job(1, source=["a", 3]), "line 2: source: this is not a path"),
        (job(1, source={"a": 1}), "line 2: source: this is not a path"),
        (job(1, source=None), "line 2: source: this is not a path"),
        (job(1, destination=["x"]), "line 2: destination: this is not a path"),
        (job(1, destination="a\0b"), "line 2: destination: no file can have this name"),
        (job(1, to="age1nonsense"), "line 2: to: "),
        (job(1, keyring="k", to=TO), "line 2: give a keyring or recipients"),
        (job(1, compress=3.5), "line 2: compress: this is not a level from 1 to 19"),
        (job(1, xattrs="yes"), "line 2: xattrs: this is neither true nor false"),
        (job(1, kind="encrypt", exclude="*"), "line 2: exclude: an encrypt job has no such"),
        (job(0), "line 2: destination: the same as in line 1"),
        (job(1, destination="tree1/../out/0.age"), "line 2: destination: the same as in line 1"),
    ],
)
def test_a_wrong_line_is_named(folder, line, message):
    write(folder, job(0), line, job(2))
    with pytest.raises(passkeep.InvalidInputError) as caught:
        passkeep.read_jobs(folder / "jobs", defaults={"to": TO})
    assert str(caught.value).startswith(message)


def test_all_wrong_lines_are_named_and_nothing_runs(folder):
    write(folder, job(0), *("{" for _ in range(29)))
    (folder / "jobs").write_bytes(b"\xff\n" + (folder / "jobs").read_bytes())
    done = backup(folder, "--to", TO)
    assert_fails(done, 2)
    assert "line 1: this is not UTF-8 text; line 3: " in done.err
    assert "line 21: " in done.err
    assert "; and 10 more" in done.err
    assert "line 22: " not in done.err
    assert names(folder / "out") == []
    assert names(folder) == ["jobs", "out", "tree0", "tree1", "tree2"]


def test_a_line_that_is_too_long(folder):
    (folder / "jobs").write_bytes(b'{"source": "' + b"a" * (1 << 20))
    done = backup(folder, "--to", TO)
    assert done.code == 1
    assert "line 1 is longer than 1048576 bytes; nothing was run" in done.err


def test_names_that_are_not_text(folder):
    name = os.fsdecode(b"caf\xe9")
    (folder / "tree0").rename(folder / name)
    write(folder, {"source": name, "destination": f"out/{name}"})
    done = backup(folder, "--to", TO, "--json")
    assert done.code == 0, done.err
    assert results(done)[0]["source"] == [f"{folder}/caf\N{REPLACEMENT CHARACTER}"]
    assert (folder / "out" / name).exists()
    assert [one["status"] for one in results(backup(folder, "--to", TO, "--json"))] == ["skipped"]


@pytest.mark.parametrize(
    "words",
    [
        ("backup",),
        ("backup", "--jobs", "jobs", "tree0"),
        ("backup", "--jobs", "jobs", "-o", "x"),
        ("backup", "--jobs", "missing"),
        ("backup", "--jobs", "out"),
        ("backup", "tree0", "--journal", "x"),
        ("backup", "tree0", "--again"),
        ("backup", "tree0", "--workers", "2"),
        ("backup", "--jobs", "jobs", "--workers", "0"),
    ],
    ids=" ".join,
)
def test_usage(folder, words):
    done = run(*words, "--to", TO, cwd=folder)
    assert done.code == 2
    assert "Error: " in done.err
    assert names(folder) == ["jobs", "out", "tree0", "tree1", "tree2"]


def test_a_damaged_journal(folder):
    (folder / "jobs.journal").write_text("notes of mine\n")
    done = backup(folder, "--to", TO)
    assert_fails(done, 4)
    assert "line 1 of" in done.err
    assert names(folder / "out") == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda n: n.name)
def test_a_signal_stops_what_runs_and_says_what_is_left(folder, number):
    os.mkfifo(folder / "pipe")
    waiting = {"source": "pipe", "destination": "out/pipe.age", "kind": "encrypt"}
    write(folder, job(0), waiting, job(1), job(2))
    command = [*PROGRAM, "backup", "--jobs", folder / "jobs", "--to", TO, "--json"]
    with ExitStack() as stack:
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        process = stack.enter_context(
            subprocess.Popen([*command, "--workers", "2"], **pipes, start_new_session=True)
        )
        stack.callback(process.kill)
        lines = [process.stdout.readline() for _ in range(3)]
        sent = time.perf_counter()
        process.send_signal(number)
        out, err = process.communicate(timeout=60)
        print(f"{number.name}: gone after {(time.perf_counter() - sent) * 1000:.0f} ms")
    assert process.returncode == 128 + number
    assert out == b""
    assert {json.loads(line)["status"] for line in lines} == {"done"}
    word = "Interrupted." if number == signal.SIGINT else "Terminated."
    assert [line for line in err.decode().splitlines() if line] == [
        "1 of 4 jobs left. The same command goes on there.",
        word,
    ]
    assert names(folder / "out") == ["0.age", "1.age", "2.age"]
    (folder / "pipe").unlink()
    (folder / "pipe").write_text("no pipe any more")
    again = backup(folder, "--to", TO, "--json")
    assert [one["status"] for one in results(again)] == ["skipped"] * 3 + ["done"]


def test_a_reader_that_goes_away_ends_the_run(folder):
    os.mkfifo(folder / "pipe")
    waiting = {"source": "pipe", "destination": "out/pipe.age", "kind": "encrypt"}
    write(folder, waiting, *(job(n) for n in range(3)))
    reading, writing = os.pipe()
    os.close(reading)
    command = [*PROGRAM, "backup", "--jobs", folder / "jobs", "--to", TO, "--json"]
    done = subprocess.run(
        [*command, "--workers", "2"],
        stdout=writing,
        stderr=subprocess.PIPE,
        timeout=60,
        check=False,
    )
    os.close(writing)
    assert done.returncode == 1
    assert b"Traceback" not in done.stderr
    assert not [name for name in names(folder / "out") if "pipe" in name]


def test_progress_at_a_terminal(folder):
    with Terminal("backup", "--jobs", folder / "jobs", "--to", TO) as person:
        assert person.finish() == 0
        assert "3/3" in person.screen
        assert "3 jobs: 3 done; 24 B in" in person.screen
