"""Backups that are damaged, and runs that are stopped: nothing appears under the target."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

import passkeep
from support.trees import differences, names

IDENTITY = passkeep.Identity.generate()


class Stop(Exception):  # noqa: N818 - what a caller's own exception looks like
    """Raised by callbacks of the tests."""


@pytest.fixture
def tree(tmp_path) -> Path:
    folder = tmp_path / "tree"
    folder.mkdir()
    (folder / "letter.txt").write_text("Dear Ada")
    (folder / "large.bin").write_bytes(os.urandom(5_000_000))
    return folder


@pytest.fixture
def backup(tree, tmp_path) -> Path:
    path = tmp_path / "b.age"
    passkeep.backup(tree, path, to=IDENTITY.recipient, sync=False)
    return path


@pytest.fixture
def sparse(tmp_path) -> Path:
    """A tree with a file of 8 GiB that takes no room: all of it is a hole."""
    folder = tmp_path / "sparse"
    folder.mkdir()
    with (folder / "holes").open("wb") as file:
        file.truncate(8 << 30)
    return folder


def assert_damaged(path: Path) -> None:
    target = path.parent / "out"
    before = names(path.parent)
    with pytest.raises(passkeep.DamagedError):
        passkeep.restore(path, target, IDENTITY)
    assert names(path.parent) == before
    with pytest.raises(passkeep.DamagedError):
        passkeep.verify(path, IDENTITY)


@pytest.mark.parametrize("part", ["header", "mac", "nonce", "first chunk", "middle", "tag", "end"])
def test_one_flipped_bit(backup, part):
    data = bytearray(backup.read_bytes())
    mac = data.index(b"\n--- ")
    payload = data.index(b"\n", mac + 1) + 1
    at = {
        "header": data.index(b"-> ") + 3,
        "mac": mac + 8,
        "nonce": payload + 3,
        "first chunk": payload + 16,
        "middle": len(data) // 2,
        "tag": payload + 16 + 65_552 - 1,
        "end": len(data) - 1,
    }[part]
    data[at] ^= 1
    backup.write_bytes(data)
    if part == "header":
        # Another type of stanza: nobody's, or damage; never a restore.
        with pytest.raises((passkeep.DamagedError, passkeep.WrongKeyError)):
            passkeep.restore(backup, backup.parent / "out", IDENTITY)
        assert not (backup.parent / "out").exists()
    else:
        assert_damaged(backup)


def test_cut_anywhere(backup):
    data = backup.read_bytes()
    payload = data.index(b"\n", data.index(b"\n--- ") + 1) + 1
    chunk = 65_552
    cuts = [
        *(0, 1, 21, 22, 100, payload - 1, payload, payload + 15, payload + 16, payload + 17),
        *(payload + 16 + chunk * n + delta for n in (1, 2, 40) for delta in (-1, 0, 1)),
        *(len(data) - chunk, len(data) - 1),
    ]
    for cut in cuts:
        backup.write_bytes(data[:cut])
        assert_damaged(backup)


@pytest.mark.parametrize("more", [b"\0", b"x" * 65_552, b"age-encryption.org/v1\n"])
def test_something_behind_the_end(backup, more):
    backup.write_bytes(backup.read_bytes() + more)
    assert_damaged(backup)


def test_two_chunks_change_places(backup):
    data = backup.read_bytes()
    first = data.index(b"\n", data.index(b"\n--- ") + 1) + 1 + 16
    a, b, end = first, first + 65_552, first + 2 * 65_552
    backup.write_bytes(data[:a] + data[b:end] + data[a:b] + data[end:])
    assert_damaged(backup)


def test_a_foreign_file(tmp_path):
    (tmp_path / "b.age").write_bytes(os.urandom(100_000))
    assert_damaged(tmp_path / "b.age")


def test_an_existing_folder_keeps_only_verified_files(backup, tree, tmp_path):
    target = tmp_path / "target"
    target.mkdir()
    data = bytearray(backup.read_bytes())
    data[len(data) // 2] ^= 1  # inside large.bin, which comes first
    backup.write_bytes(data)
    with pytest.raises(passkeep.DamagedError):
        passkeep.restore(backup, target, IDENTITY)
    files = [path for path in target.rglob("*") if path.is_file()]
    assert files == [], "no file that was not verified to its end, and no temporary one"


# Progress


def test_progress_grows_to_the_whole(tree, tmp_path):
    size = sum(path.stat().st_size for path in tree.iterdir())
    for call in (
        lambda p: passkeep.backup(tree, tmp_path / "b.age", to=IDENTITY.recipient, progress=p),
        lambda p: passkeep.restore(tmp_path / "b.age", tmp_path / "out", IDENTITY, progress=p),
        lambda p: passkeep.verify(tmp_path / "b.age", IDENTITY, progress=p),
    ):
        seen = []
        call(seen.append)
        assert seen == sorted(seen)
        assert seen[-1] == size


def test_a_callback_that_raises_stops_a_backup(sparse, tmp_path):
    def stop(done):
        raise Stop(done)

    with pytest.raises(Stop):
        passkeep.backup(
            sparse, tmp_path / "b.age", to=IDENTITY.recipient, progress=stop, sync=False
        )
    assert names(tmp_path) == ["sparse"]


def test_a_callback_that_raises_stops_a_restore(backup, tmp_path):
    def stop(done):
        raise Stop(done)

    before = names(tmp_path)
    with pytest.raises(Stop):
        passkeep.restore(backup, tmp_path / "out", IDENTITY, progress=stop)
    assert names(tmp_path) == before


def test_a_visitor_that_raises_stops_a_listing(backup):
    visited = []

    def visit(entry):
        visited.append(entry.path)
        raise Stop

    with pytest.raises(Stop):
        passkeep.list_backup(backup, IDENTITY, visit=visit)
    assert len(visited) == 1


# Cancelling


def test_a_token_cancels_a_backup_from_another_thread(sparse, tmp_path):
    token, started = passkeep.CancelToken(), threading.Event()

    def cancel():
        started.wait(60)
        token.cancel()

    thread = threading.Thread(target=cancel)
    thread.start()

    def progress(done):
        started.set()
        thread.join(60)

    with pytest.raises(passkeep.CancelledError):
        passkeep.backup(
            sparse,
            tmp_path / "b.age",
            to=IDENTITY.recipient,
            progress=progress,
            cancel=token,
            sync=False,
        )
    thread.join()
    assert names(tmp_path) == ["sparse"]


def test_a_token_that_was_used_stops_everything_at_once(tree, backup, tmp_path):
    token = passkeep.CancelToken()
    token.cancel()
    before = names(tmp_path)
    for call in (
        lambda: passkeep.backup(tree, tmp_path / "c.age", to=IDENTITY.recipient, cancel=token),
        lambda: passkeep.restore(backup, tmp_path / "out", IDENTITY, cancel=token),
        lambda: passkeep.verify(backup, IDENTITY, cancel=token),
        lambda: passkeep.list_backup(backup, IDENTITY, cancel=token),
    ):
        with pytest.raises(passkeep.CancelledError):
            call()
    assert names(tmp_path) == before


def test_an_unused_token_changes_nothing(tree, backup, tmp_path):
    passkeep.restore(backup, tmp_path / "out", IDENTITY, cancel=passkeep.CancelToken())
    assert differences(tree, tmp_path / "out" / "tree") == []


def test_a_sink_that_fails_stops_the_backup_with_its_own_error(tree):
    class Full:
        def write(self, data):
            raise Stop("full")

    with pytest.raises(Stop, match="full"):
        passkeep.backup(tree, Full(), to=IDENTITY.recipient)


def test_a_source_that_fails_stops_the_restore_with_its_own_error(backup, tmp_path):
    class Unreadable:
        def __init__(self, data):
            self.pieces = [data[:100_000]]

        def read(self, size):
            if self.pieces:
                return self.pieces.pop()[:size]
            raise Stop("unreadable")

    before = names(tmp_path)
    with pytest.raises(Stop, match="unreadable"):
        passkeep.restore(Unreadable(backup.read_bytes()), tmp_path / "out", IDENTITY)
    assert names(tmp_path) == before


# Compressed


@pytest.fixture
def long_tree(tmp_path) -> Path:
    """A tree of many frames."""
    folder = tmp_path / "long"
    folder.mkdir()
    for number in range(12):
        (folder / f"{number}").write_bytes(os.urandom(1000) * 3000)
    (tmp_path / "noise").write_bytes(os.urandom(500_000))
    return folder


@pytest.mark.parametrize("threads", [1, 3])
def test_a_compressed_backup_stops_as_any_other(long_tree, tmp_path, threads):
    target = tmp_path / "b.age"
    seen = []

    def stop(done):
        seen.append(done)
        if len(seen) > 1:
            raise Stop(done)

    class Full:
        def __init__(self):
            self.room = 100_000

        def write(self, data):
            self.room -= len(data)
            if self.room < 0:
                raise Stop("full")

    options = {"to": IDENTITY.recipient, "compress": 3, "threads": threads}
    with pytest.raises(Stop):
        passkeep.backup(long_tree, target, progress=stop, **options)
    with pytest.raises(Stop, match="full"):
        passkeep.backup([long_tree, tmp_path / "noise"], Full(), **options)
    token = passkeep.CancelToken()
    with pytest.raises(passkeep.CancelledError):
        passkeep.backup(
            long_tree, target, progress=lambda done: token.cancel(), cancel=token, **options
        )
    assert names(tmp_path) == ["long", "noise"]


def test_progress_of_a_compressed_backup_counts_content(long_tree, tmp_path):
    size = sum(path.stat().st_size for path in long_tree.iterdir())
    for call in (
        lambda p: passkeep.backup(
            long_tree, tmp_path / "b.age", to=IDENTITY.recipient, compress=3, progress=p
        ),
        lambda p: passkeep.restore(tmp_path / "b.age", tmp_path / "out", IDENTITY, progress=p),
        lambda p: passkeep.restore(
            tmp_path / "b.age", tmp_path / "one", IDENTITY, paths="long/3", progress=p
        ),
    ):
        seen = []
        call(seen.append)
        assert seen == sorted(seen)
        assert seen[-1] == size
