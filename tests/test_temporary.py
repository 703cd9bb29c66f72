"""Temporary files: what a killed process left goes, what a live one writes stays."""

from __future__ import annotations

import fcntl
import multiprocessing
import os

import pytest

from passkeep import temporary
from passkeep.output import check_target, publish
from support.trees import names

STALE = ".target.passkeep-0123456789ab"


def write(target, content=b"new", *, overwrite=False):
    with publish(target, overwrite=overwrite, sync=False) as path:
        path.write_bytes(content)


def test_what_nobody_holds_is_removed(tmp_path):
    (tmp_path / STALE).write_bytes(b"half")
    write(tmp_path / "target")
    assert names(tmp_path) == ["target"]
    (tmp_path / STALE).write_bytes(b"half")
    write(tmp_path / "target", overwrite=True)
    assert names(tmp_path) == ["target"]


def test_what_somebody_writes_stays(tmp_path):
    with publish(tmp_path / "target", overwrite=True, sync=False) as outer:
        outer.write_bytes(b"outer")
        write(tmp_path / "target", b"inner")
        assert outer.exists()
    assert names(tmp_path) == ["target"]
    assert (tmp_path / "target").read_bytes() == b"outer"


@pytest.mark.parametrize(
    "name",
    [
        ".target.passkeep-0123456789a",
        ".target.passkeep-0123456789abc",
        ".target.passkeep-0123456789AB",
        ".target2.passkeep-0123456789ab",
        ".targetx.passkeep-0123456789ab",
        "target.passkeep-0123456789ab",
        ".target.passkeep-0123456789ab\n",
    ],
)
def test_other_names_are_left_alone(name, tmp_path):
    (tmp_path / name).write_bytes(b"mine")
    write(tmp_path / "target")
    assert (tmp_path / name).read_bytes() == b"mine"


def test_a_name_is_no_pattern(tmp_path):
    (tmp_path / ".taxget.passkeep-0123456789ab").write_bytes(b"mine")
    write(tmp_path / "ta.get")
    assert names(tmp_path) == [".taxget.passkeep-0123456789ab", "ta.get"]


def test_links_folders_and_fifos_are_left_alone(tmp_path):
    (tmp_path / "victim").write_bytes(b"mine")
    (tmp_path / ".target.passkeep-000000000000").symlink_to("victim")
    (tmp_path / ".target.passkeep-000000000001").mkdir()
    os.mkfifo(tmp_path / ".target.passkeep-000000000002")
    before = names(tmp_path)
    write(tmp_path / "target")
    assert names(tmp_path) == sorted([*before, "target"])
    assert (tmp_path / "victim").read_bytes() == b"mine"


def test_a_file_system_without_locks(tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError(95, "Operation not supported")

    (tmp_path / STALE).write_bytes(b"half")
    monkeypatch.setattr(fcntl, "flock", refuse)
    write(tmp_path / "target")
    assert names(tmp_path) == [STALE, "target"]


def test_one_that_was_taken_for_stale_is_made_anew(tmp_path, monkeypatch):
    """Another process removes it between its creation and its lock."""
    flock, made = fcntl.flock, []

    def remove_first(descriptor, how):
        if not made:
            made.extend(names(tmp_path))
            (tmp_path / made[0]).unlink()
        flock(descriptor, how)

    monkeypatch.setattr(fcntl, "flock", remove_first)
    with temporary.beside(tmp_path / "target", 0o600) as (path, _):
        assert names(tmp_path) == [path.name]
        assert path.name != made[0]


def hammer(target, number):
    for turn in range(100):
        write(target, b"%d %d" % (number, turn), overwrite=True)


def test_many_writers_of_one_target_do_not_disturb_each_other(tmp_path):
    context = multiprocessing.get_context("fork")
    workers = [
        context.Process(target=hammer, args=(tmp_path / "target", number)) for number in range(4)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert [worker.exitcode for worker in workers] == [0] * 4
    assert names(tmp_path) == ["target"]
    assert (tmp_path / "target").read_bytes().endswith(b" 99")


@pytest.mark.parametrize("fails", [False, True])
def test_a_forked_child_neither_removes_nor_publishes(fails, tmp_path):
    parent = os.getpid()
    try:
        with publish(tmp_path / "target", sync=False) as path:
            path.write_bytes(b"half")
            child = os.fork()
            if child == 0 and fails:
                (tmp_path / "missing").stat()
            if os.getpid() == parent:
                code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
                assert names(tmp_path) == [path.name]
                path.write_bytes(b"whole")
    except (OSError, RuntimeError):
        if os.getpid() == parent:
            raise
        os._exit(7)
    finally:
        if os.getpid() != parent:
            os._exit(8)
    assert code == 7
    assert (tmp_path / "target").read_bytes() == b"whole"


@pytest.mark.parametrize("mode", [0o600, 0o440, 0o664])
def test_what_replaces_a_private_file_is_private_from_the_beginning(tmp_path, mode):
    target = tmp_path / "target"
    target.write_bytes(b"old")
    target.chmod(mode)
    with publish(target, overwrite=True, sync=False) as path:
        assert path.stat().st_mode & 0o077 == 0
        path.write_bytes(b"new")
    assert target.stat().st_mode & 0o777 == mode
    assert target.read_bytes() == b"new"


def test_a_pipe_by_the_name_of_its_descriptor(tmp_path):
    """As in `-o /dev/stdout | …` and `-o >(command)`: what the link says is no path."""
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb") as reader, os.fdopen(writing, "wb") as writer:
        name = tmp_path / "link"
        name.symlink_to(f"/dev/fd/{writer.fileno()}")
        check_target(name, overwrite=False)
        write(name, b"into the pipe")
        writer.close()
        assert reader.read() == b"into the pipe"
