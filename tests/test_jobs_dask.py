"""Bulk jobs on a Dask cluster: two workers, two processes, and one that dies."""

from __future__ import annotations

import os
import signal
import time

import pytest
from distributed import Client, LocalCluster

import passkeep
from support.trees import differences, names

IDENTITY = passkeep.Identity.generate()


@pytest.fixture(scope="module")
def client():
    with (
        LocalCluster(
            n_workers=2,
            threads_per_worker=1,
            processes=True,
            dashboard_address=None,
            memory_limit=0,
        ) as cluster,
        Client(cluster) as client,
    ):
        yield client


@pytest.fixture
def jobs(tmp_path):
    (tmp_path / "out").mkdir()
    for number in range(20):
        (tmp_path / f"tree{number}").mkdir()
        (tmp_path / f"tree{number}" / "data").write_bytes(os.urandom(10_000 * number))
    made = [
        passkeep.Job(tmp_path / f"tree{n}", tmp_path / "out" / f"{n}.age", to=IDENTITY.recipient)
        for n in range(20)
    ]
    made[7] = passkeep.Job(tmp_path / "missing", tmp_path / "out" / "7.age", to=IDENTITY.recipient)
    return made


def test_two_workers(client, jobs, tmp_path):
    with client.get_executor() as executor:
        for expected in ("done", "skipped"):
            results = list(passkeep.run_jobs(jobs, executor, journal=tmp_path / "journal"))
            found = {result.number: result.status for result in results}
            assert found == {n: "failed" if n == 8 else expected for n in range(1, 21)}
    assert names(tmp_path / "out") == sorted(f"{n}.age" for n in range(20) if n != 7)
    for number in (0, 6, 19):
        restored = tmp_path / f"restored{number}"
        passkeep.restore(tmp_path / "out" / f"{number}.age", restored, IDENTITY)
        tree = f"tree{number}"
        assert differences(tmp_path / tree, restored / tree) == []


def test_a_worker_that_dies(client, jobs, tmp_path):
    """The cluster runs its job once more, somewhere else, and the output is there once."""
    os.mkfifo(tmp_path / "pipe")
    slow = passkeep.Job(
        tmp_path / "pipe", tmp_path / "out" / "pipe.age", to=IDENTITY.recipient, kind="encrypt"
    )
    with client.get_executor() as executor:
        results = passkeep.run_jobs([*jobs[:6], slow], executor, journal=tmp_path / "journal")
        found = [next(results) for _ in range(6)]
        assert {result.status for result in found} == {"done"}
        deadline = time.monotonic() + 30
        while not (busy := [who for who, tasks in client.processing().items() if tasks]):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        (pid,) = client.run(os.getpid, workers=busy).values()
        os.kill(pid, signal.SIGKILL)
        (tmp_path / "pipe").unlink()
        (tmp_path / "pipe").write_bytes(b"no pipe any more")
        (last,) = results
    assert last.status == "done", last
    sealed = (tmp_path / "out" / "pipe.age").read_bytes()
    assert passkeep.decrypt(sealed, IDENTITY) == b"no pipe any more"
    assert names(tmp_path / "out") == [*(f"{n}.age" for n in range(6)), "pipe.age"]
