"""Bulk jobs: each gets its output and its result, whatever becomes of the others."""

from __future__ import annotations

import dataclasses
import errno
import json
import multiprocessing
import os
import pickle
import signal
import threading
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path

import pytest

import passkeep
from passkeep.jobs import share, worker
from passkeep.jobs.destination import standing
from passkeep.jobs.worker import Task, perform
from support.faults import Fault, Faults
from support.trees import differences, names

IDENTITY = passkeep.Identity.generate()
TO = str(IDENTITY.recipient)


@pytest.fixture
def trees(tmp_path):
    """Five small trees."""
    for number in range(5):
        folder = tmp_path / f"tree{number}"
        folder.mkdir()
        (folder / "letter.txt").write_text(f"Dear Ada, this is {number}")
        (folder / "data").write_bytes(os.urandom(100_000 * number))
    return tmp_path


def jobs_of(folder, **options):
    options = {"to": TO} | options
    return [
        passkeep.Job(folder / f"tree{n}", folder / "out" / f"{n}.age", **options) for n in range(5)
    ]


@pytest.fixture
def jobs(trees):
    (trees / "out").mkdir()
    return jobs_of(trees)


def run(jobs, *args, **options):
    """All results, in the order of the jobs."""
    results = list(passkeep.run_jobs(jobs, *args, **options))
    return sorted(results, key=lambda result: result.number)


def statuses(results):
    return [result.status for result in results]


def assert_intact(job, scratch):
    target = scratch / f"restored-{Path(job.destination).name}"
    passkeep.restore(job.destination, target, IDENTITY)
    (source,) = job.source
    assert differences(Path(source), target / Path(source).name) == []


def test_each_job_has_its_output_and_its_result(jobs, trees):
    results = run(jobs)
    assert statuses(results) == ["done"] * 5
    assert [result.job for result in results] == jobs
    assert names(trees / "out") == [f"{n}.age" for n in range(5)]
    for number, result in enumerate(results):
        assert result.ok
        assert result.files == 2
        assert result.bytes == 100_000 * number + len("Dear Ada, this is 0")
        assert result.sealed == Path(result.job.destination).stat().st_size
        assert result.rate == result.bytes / result.seconds
        assert_intact(result.job, trees)


@pytest.fixture(params=["threads", "forked processes", "spawned processes"])
def executor(request):
    """Executors of somebody else, whose workers have another current folder."""
    if request.param == "threads":
        made: Executor = ThreadPoolExecutor(2)
    else:
        context = multiprocessing.get_context(request.param.split()[0].removesuffix("ed"))
        made = ProcessPoolExecutor(2, context, initializer=os.chdir, initargs=("/",))
    with made:
        yield made


def test_executors_of_somebody_else(jobs, trees, executor, monkeypatch, quick):
    monkeypatch.chdir(trees)
    keyring = quick.write(trees)
    jobs[1] = dataclasses.replace(jobs[1], source=("missing",))
    jobs[2] = passkeep.Job("tree2", "out/2.age", keyring=keyring.name, digest="sha256")
    results = run(jobs, executor, journal="journal")
    assert statuses(results) == ["done", "failed", "done", "done", "done"]
    assert results[1].error.kind == "FileNotFoundError"
    assert str(trees / "missing") in results[1].error.message
    assert results[2].digest == passkeep.digest("out/2.age", "sha256").hexdigest()
    assert passkeep.verify("out/2.age", passkeep.Unlock(recovery_key=quick.digits)).files == 2
    assert_intact(jobs[4], trees)
    # It is theirs, and still open.
    assert executor.submit(abs, -1).result() == 1
    assert statuses(run(jobs, executor, journal="journal")) == [
        *("skipped", "failed", "skipped", "skipped", "skipped")
    ]


def test_what_goes_wrong_with_one_job_stops_no_other(jobs, trees, tmp_path):
    out = trees / "out"
    (out / "1.age").write_bytes(b"somebody's")
    os.mkfifo(trees / "tree2" / "pipe")
    jobs[3] = dataclasses.replace(jobs[3], destination=str(trees / "nowhere" / "3.age"))
    same = passkeep.Job(trees / "tree0" / "letter.txt", trees / "tree0" / "letter.txt", to=TO)
    jobs += [dataclasses.replace(same, kind="encrypt"), passkeep.Job("x", out / "x", keyring="x")]
    results = run(jobs)
    assert statuses(results) == [
        *("done", "failed", "partial", "failed", "done", "failed", "failed")
    ]
    kinds = [result.error and result.error.kind for result in results]
    assert kinds == [
        *(None, "OutputError", None, "FileNotFoundError", None),
        *("InvalidInputError", "FileNotFoundError"),
    ]
    assert "--force" in results[1].error.hint
    assert (out / "1.age").read_bytes() == b"somebody's"
    (problem,) = results[2].problems
    assert (problem.path, problem.kind) == ("tree2/pipe", "special")
    assert results[2].problem_count == 1
    assert not results[2].ok
    assert passkeep.verify(out / "2.age", IDENTITY).files == 2
    assert (trees / "tree0" / "letter.txt").read_text() == "Dear Ada, this is 0"
    assert names(out) == ["0.age", "1.age", "2.age", "4.age"]


def test_options_of_a_job(trees, quick):
    out = trees / "out"
    out.mkdir()
    (trees / "tree1" / "cache").mkdir()
    (trees / "tree1" / "cache" / "CACHEDIR.TAG").write_bytes(
        b"Signature: 8a477f597d28d172789f06886806bc55"
    )
    (trees / "tree1" / "zeros").write_bytes(bytes(1_000_000))
    jobs = [
        passkeep.Job(trees / "tree1", out / "z.age", to=TO, compress=3, exclude="data"),
        passkeep.Job(trees / "tree1", out / "c.age", to=TO, exclude_caches=True),
        passkeep.Job(
            trees / "tree1",
            out / "aes",
            to=IDENTITY.recipient,
            cipher="aes-256-gcm",
            digest="blake3",
        ),
        passkeep.Job([trees / "tree1", trees / "tree2"], out / "two.age", to=[TO, TO]),
        passkeep.Job(trees / "tree4" / "data", out / "data.age", to=TO, kind="encrypt"),
    ]
    results = run(jobs)
    assert statuses(results) == ["done"] * 5
    assert results[0].files == 3
    assert results[0].sealed < 100_000 < results[2].sealed
    assert results[1].files == 4
    assert (out / "aes").read_bytes().startswith(b"passkeep.sealed/1\n")
    assert results[2].digest == passkeep.digest(out / "aes").hexdigest()
    assert results[3].files == 6
    sealed = (out / "data.age").read_bytes()
    assert passkeep.decrypt(sealed, IDENTITY) == (trees / "tree4" / "data").read_bytes()
    assert results[4].bytes == 400_000


def test_a_keyring_travels_unless_told_otherwise(trees, quick):
    keyring = quick.write(trees)
    passkeep.Keyring.load(keyring).public().save(trees / "public.json")
    source = trees / "tree0"
    jobs = [
        passkeep.Job(source, trees / "with", keyring=keyring),
        passkeep.Job(source, trees / "export", keyring=trees / "public.json"),
        passkeep.Job(source, trees / "without", keyring=keyring, travel=False),
        passkeep.Job(source / "letter.txt", trees / "file", keyring=keyring, kind="encrypt"),
    ]
    assert statuses(run(jobs)) == ["done"] * 4
    way = passkeep.Unlock(passkey=quick.passkeys)
    assert passkeep.verify(trees / "with", way).files == 2
    assert passkeep.verify(trees / "export", way).files == 2
    for name in ("without", "file"):
        with pytest.raises(passkeep.WrongKeyError):
            passkeep.verify(trees / name, way)
    root = passkeep.Keyring.load(keyring).unlock(recovery_key=quick.digits)
    assert passkeep.decrypt((trees / "file").read_bytes(), root) == b"Dear Ada, this is 0"


def test_a_keyring_that_this_machine_does_not_know_is_refused(jobs, trees, made, quick):
    path = quick.write(trees)
    jobs[0] = passkeep.Job(jobs[0].source, jobs[0].destination, keyring=path)
    assert statuses(run(jobs[:1])) == ["done"]
    Path(jobs[0].destination).unlink()
    made.write(trees, path.name)
    results = run(jobs)
    assert statuses(results) == ["failed", "done", "done", "done", "done"]
    assert results[0].error.kind == "KeyringError"
    assert "key trust" in results[0].error.hint
    state = passkeep.State(trees / "other machine")
    assert statuses(run(jobs[:1], state=state)) == ["done"]


def test_two_jobs_for_one_destination_are_refused(jobs, trees):
    (trees / "link").symlink_to("out")
    (trees / "out" / "alias").symlink_to("../elsewhere")
    for one, other in (
        (trees / "out" / "0.age", trees / "link" / "0.age"),
        (trees / "out" / "0.age", trees / "out" / ".." / "out" / "0.age"),
        (trees / "elsewhere", trees / "out" / "alias"),
    ):
        pair = [
            dataclasses.replace(jobs[0], destination=str(one)),
            dataclasses.replace(jobs[1], destination=str(other)),
        ]
        with pytest.raises(passkeep.InvalidInputError, match="jobs 1 and 3 have the same"):
            passkeep.run_jobs([pair[0], jobs[2], pair[1]])
    assert names(trees / "out") == ["alias"]


def test_no_jobs():
    assert run([]) == []


def test_jobs_and_results_travel(jobs):
    assert pickle.loads(pickle.dumps(jobs)) == jobs
    (result, *_) = run(jobs)
    assert pickle.loads(pickle.dumps(result)) == result
    assert dataclasses.replace(jobs[0]) == jobs[0]


def test_a_token_stops_the_run(jobs, trees):
    os.mkfifo(trees / "pipe")
    cancel = passkeep.CancelToken()
    jobs[0] = passkeep.Job(trees / "pipe", trees / "out" / "pipe", to=TO, kind="encrypt")
    results = passkeep.run_jobs(jobs, cancel=cancel, workers=2)
    found = [next(results) for _ in range(4)]
    assert statuses(found) == ["done"] * 4
    timer = threading.Timer(0.1, cancel.cancel)
    timer.start()
    with pytest.raises(passkeep.CancelledError):
        next(results)
    timer.join()
    assert names(trees / "out") == ["1.age", "2.age", "3.age", "4.age"]


@pytest.mark.parametrize("own", [True, False])
def test_who_leaves_the_loop_stops_what_runs(jobs, trees, own):
    os.mkfifo(trees / "pipe")
    jobs[1] = passkeep.Job(trees / "pipe", trees / "out" / "pipe", to=TO, kind="encrypt")
    with ThreadPoolExecutor(2) as executor:
        results = passkeep.run_jobs(
            jobs, *([] if own else [executor]), workers=2, journal=trees / "j"
        )
        assert next(results).number == 1
        # It waits for the pipe, which nobody writes to.
        results.close()
    assert not [name for name in names(trees / "out") if "pipe" in name]
    (trees / "pipe").unlink()
    (trees / "pipe").write_bytes(b"no pipe any more")
    again = run(jobs, journal=trees / "j")
    assert again[0].status == "skipped"
    assert again[1].status == "done"
    assert all(result.ok for result in again)


class Watched(Executor):
    """Counts how many jobs it has at a time."""

    def __init__(self, pool):
        self.pool, self.now, self.most = pool, 0, 0
        self.lock = threading.Lock()

    def submit(self, function, /, *args, **kwargs):
        for value in args:
            pickle.dumps(value)  # plain data, or it could not travel
        with self.lock:
            self.now += 1
            self.most = max(self.most, self.now)
        future = self.pool.submit(function, *args, **kwargs)
        future.add_done_callback(self.ended)
        return future

    def ended(self, future):
        with self.lock:
            self.now -= 1


def test_an_executor_is_never_handed_more_than_it_is_to_have(trees):
    (trees / "out").mkdir()
    jobs = [
        dataclasses.replace(jobs_of(trees)[0], destination=str(trees / "out" / str(n)))
        for n in range(40)
    ]
    with ThreadPoolExecutor(4) as pool:
        watched = Watched(pool)
        assert statuses(run(jobs, watched, workers=7, sync=False)) == ["done"] * 40
    assert watched.most == 7


def test_a_process_that_is_killed(jobs, trees):
    """The job that it ran is lost, and so is what waits in the pool: nothing else."""
    os.mkfifo(trees / "pipe")
    jobs[4] = passkeep.Job(trees / "pipe", trees / "out" / "pipe", to=TO, kind="encrypt")
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, context) as pool:
        results = passkeep.run_jobs(jobs, pool, workers=2, journal=trees / "j")
        found = [next(results) for _ in range(4)]
        (process,) = pool._processes.values()
        os.kill(process.pid, signal.SIGKILL)
        found += results
    assert statuses(found) == ["done"] * 4 + ["failed"]
    assert found[4].lost
    assert found[4].error.kind == "BrokenProcessPool"
    assert "lost this job" in found[4].error.message
    (trees / "pipe").unlink()
    (trees / "pipe").write_bytes(b"no pipe any more")
    assert statuses(run(jobs, journal=trees / "j")) == ["skipped"] * 4 + ["done"]
    assert names(trees / "out") == ["0.age", "1.age", "2.age", "3.age", "pipe"]


def test_an_executor_that_takes_nothing(jobs):
    pool = ThreadPoolExecutor(1)
    pool.shutdown()
    results = run(jobs, pool)
    assert statuses(results) == ["failed"] * 5
    assert all(result.lost and "shutdown" in result.error.message for result in results)


class Twice(Executor):
    """Runs everything twice, as clusters do that lost sight of a worker."""

    def submit(self, function, /, *args, **kwargs):
        future = Future()
        function(*args, **kwargs)
        future.set_result(function(*args, **kwargs))
        return future


@pytest.mark.parametrize("journal", [True, False])
def test_a_job_that_is_run_twice_is_done_once(jobs, trees, journal):
    os.mkfifo(trees / "tree1" / "pipe")
    results = run(jobs, Twice(), journal=trees / "j" if journal else None)
    assert all(result.found for result in results)
    # Only the journal can tell the second run what the first one left out.
    assert statuses(results) == ["done", "partial" if journal else "done", *["done"] * 3]
    assert results[1].problem_count == journal
    assert_intact(jobs[0], trees)


def test_the_same_task_at_the_same_time(jobs, trees):
    """Where a worker that was given up is alive, one of two finishes first."""
    os.mkfifo(trees / "pipe")
    slow = passkeep.Job(trees / "pipe", trees / "out" / "0.age", to=TO, kind="encrypt")
    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(perform, Task(1, slow, None, 1, False, None, 0, None))
        with (trees / "pipe").open("wb") as writer:  # opens when the other side has begun
            run(jobs[:1])
            before = standing(jobs[0].destination)
            writer.write(b"text")
        result = future.result()
    assert (result.status, result.found) == ("done", True)
    assert standing(jobs[0].destination) == before
    assert names(trees / "out") == ["0.age"]


def test_an_output_that_may_not_be_on_the_disk_is_found_by_the_next_run(
    jobs, trees, tmp_path_factory
):
    with Faults(tmp_path_factory.mktemp("faults")) as faults:
        jobs_file, out = trees / "jobs", trees / "out"
        jobs_file.write_text(json.dumps({"source": "tree0", "destination": "out/0.age"}))
        command = ("backup", "--jobs", jobs_file, "--to", TO, "--json")
        fault = Fault(("fsync",), str(out), first=2, error=errno.EIO)
        failed = json.loads(faults.run(*command, fault=fault).out)
        assert (failed["status"], failed["error"]["type"]) == ("failed", "NotSyncedError")
        before = standing(str(out / "0.age"))
        for status in ("done", "skipped"):
            assert json.loads(faults.run(*command).out)["status"] == status
    assert standing(str(out / "0.age")) == before
    assert passkeep.verify(out / "0.age", IDENTITY).files == 2


def test_a_replaced_output_is_found_too(jobs, trees):
    first = jobs[0]
    run([first])
    before = standing(first.destination)
    task = Task(1, dataclasses.replace(first, overwrite=True), before, 1, False, None, 0, None)
    assert not perform(task).found
    assert standing(first.destination) != before
    assert perform(task).found


@pytest.mark.parametrize("content", [b"", b"somebody's file", None])
def test_what_is_no_sealed_file_was_not_put_there_by_a_job(jobs, trees, content):
    target = trees / "out" / "0.age"
    target.mkdir() if content is None else target.write_bytes(content)
    result = perform(Task(1, jobs[0], None, 1, False, None, 0, None))
    assert result.status == "failed"
    assert result.error.kind == "OutputError"


def test_a_kill_between_publication_and_cleaning_up_leaves_nothing(jobs, trees):
    target = trees / "out" / "0.age"
    run(jobs[:1])
    os.link(target, trees / "out" / ".0.age.passkeep-0123456789ab")
    assert perform(Task(1, jobs[0], None, 1, False, None, 0, None)).found
    assert names(trees / "out") == ["0.age"]


def test_anything_unexpected_is_a_failed_job(jobs, monkeypatch):
    def broken(*args, **options):
        raise ZeroDivisionError

    monkeypatch.setattr(worker, "backup", broken)
    results = run(jobs)
    assert statuses(results) == ["failed"] * 5
    assert results[0].error.message == "ZeroDivisionError"


# Fair shares


@pytest.mark.parametrize(
    ("jobs", "cores", "workers", "expected"),
    [
        (1, 8, None, [8]),
        (2, 8, None, [4, 4]),
        (3, 8, None, [2, 2, 2]),
        (3, 2, None, [1, 1, 2]),
        (10, 4, None, [1, 1, 1, 1, 1, 1, 1, 1, 2, 4]),
        (5, 8, 2, [4, 4, 4, 4, 8]),
        (3, 1, None, [1, 1, 1]),
        (3, 2, 3, [1, 1, 1]),
    ],
)
def test_shares(jobs, cores, workers, expected):
    width = share.at_once(jobs, cores, workers)
    assert [share.threads(n, jobs, cores, width) for n in range(jobs)] == expected


@pytest.mark.parametrize("cores", [1, 2, 7, 64, 256])
@pytest.mark.parametrize("jobs", [1, 2, 63, 64, 65, 1000])
def test_shares_are_fair_and_bounded(jobs, cores):
    width = share.at_once(jobs, cores, None)
    given = [share.threads(n, jobs, cores, width) for n in range(jobs)]
    assert min(given) >= 1
    assert sum(given[:width]) <= cores or jobs <= 2 * width
    assert given[-1] == cores or jobs <= width
    # As many as begin last and might all run together: cores times a harmonic number.
    assert sum(given[-width:]) <= cores * (2 + cores.bit_length())


# Jobs that cannot be


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"source": ()}, "source: there is none"),
        ({"source": b"x"}, "source: this is not a path"),
        ({"source": "a\0b"}, "source: no file"),
        ({"source": "\ud800"}, "source: no file"),
        ({"source": "-"}, "standard input"),
        ({"destination": ""}, "destination: this is not a path"),
        ({"destination": 3}, "destination: this is not a path"),
        ({"to": ()}, "nobody to seal to"),
        ({"to": "age1nonsense"}, "to: "),
        ({"to": [3]}, "to: this is not a recipient"),
        ({"keyring": "k.json"}, "not both"),
        ({"kind": "copy"}, "kind: this is none of backup, encrypt"),
        ({"cipher": "rot13"}, "cipher: "),
        ({"compress": True}, "compress: "),
        ({"compress": 20}, "compress: "),
        ({"compress": 0}, "compress: "),
        ({"exclude": [3]}, "exclude: "),
        ({"exclude": "\udcff"}, "exclude: "),
        ({"xattrs": 1}, "xattrs: "),
        ({"travel": None}, "travel: "),
        ({"digest": "md5"}, "digest: "),
        ({"kind": "encrypt", "compress": 3}, "compress: an encrypt job"),
        ({"kind": "encrypt", "source": ["a", "b"]}, "source: an encrypt job takes one"),
    ],
)
def test_jobs_that_cannot_be(options, message):
    with pytest.raises(passkeep.InvalidInputError, match=message):
        passkeep.Job(**({"source": "a", "destination": "b", "to": TO} | options))


def test_classic_and_new_recipients_do_not_mix():
    classic = str(passkeep.X25519Identity.generate().recipient)
    with pytest.raises(passkeep.InvalidInputError, match="cannot be mixed"):
        passkeep.Job("a", "b", to=[TO, classic])


def test_an_identity_in_the_wrong_place_is_not_repeated():
    with pytest.raises(passkeep.InvalidInputError) as caught:
        passkeep.Job("a", "b", to=str(IDENTITY))
    assert str(IDENTITY)[20:40] not in str(caught.value)


def test_fingerprints():
    job = passkeep.Job("/a", "/b", to=TO)
    same = [{"overwrite": True}, {"digest": "blake3"}, {"line": 7}, {"destination": "/x/../b"}]
    for options in same:
        assert dataclasses.replace(job, **options).fingerprint == job.fingerprint
    other = [
        *({"source": "/c"}, {"destination": "/c"}, {"kind": "encrypt"}, {"cipher": "aes-256-gcm"}),
        *({"compress": 3}, {"exclude": "x"}, {"travel": False}, {"xattrs": True}),
        *({"exclude_caches": True}, {"source": ("/a", "/a")}),
    ]
    prints = {dataclasses.replace(job, **options).fingerprint for options in other}
    assert len(prints | {job.fingerprint}) == len(other) + 1
