"""Backups of real trees through the API: what comes back, and what is reported."""

from __future__ import annotations

import io
import os
import stat
import threading
from pathlib import Path

import pytest

import passkeep
from support.trees import differences, names

NAME_MAX = 255
IDENTITY = passkeep.Identity.generate()


@pytest.fixture
def tree(tmp_path) -> Path:
    folder = tmp_path / "tree"
    folder.mkdir()
    (folder / "letter.txt").write_text("Dear Ada")
    (folder / "sub").mkdir()
    (folder / "sub" / "large.bin").write_bytes(os.urandom(3_000_001))
    return folder


@pytest.fixture
def backup(tree, tmp_path) -> Path:
    path = tmp_path / "b.age"
    passkeep.backup(tree, path, to=IDENTITY.recipient)
    return path


def round_trip(tree: Path, **options) -> Path:
    """Backs up and restores; returns the restored tree."""
    path, target = tree.parent / "round-trip.age", tree.parent / "round-trip"
    passkeep.backup(tree, path, to=IDENTITY.recipient)
    passkeep.restore(path, target, IDENTITY, **options)
    return target / tree.name


def test_a_plain_tree(tree):
    assert differences(tree, round_trip(tree)) == []


def test_empty_files_and_folders(tree):
    (tree / "empty").touch()
    (tree / "hollow" / "more" / "most").mkdir(parents=True)
    assert differences(tree, round_trip(tree)) == []


def test_sizes_around_blocks_and_chunks(tree):
    for size in (1, 511, 512, 513, 65_535, 65_536, 65_537, 1 << 20, (1 << 20) + 1):
        (tree / f"{size}").write_bytes(os.urandom(size))
    assert differences(tree, round_trip(tree)) == []


def test_long_names_and_paths(tree):
    (tree / ("n" * NAME_MAX)).write_text("long name")
    folder = tree
    for letter in "abcdefg":
        folder = folder / (letter * 200)
        folder.mkdir()
    (folder / "deep").write_text("deep")
    (tree / "long-target").symlink_to("t" * 1000)
    assert differences(tree, round_trip(tree)) == []


@pytest.mark.parametrize(
    "name",
    [
        *(b"\xff\xfe\x80", "Ünï-cødé 🎉".encode(), b"new\nline", b"back\\slash", b" ", b"-rf"),
        *(b"\x1b[31m", b"*?[", b"a=b", b"...", b"123 path=x\n", b"~"),
    ],
)
def test_names_are_raw_bytes(tree, name):
    (tree / os.fsdecode(name)).write_text("odd name")
    (tree / "link").symlink_to(os.fsdecode(name))
    restored = round_trip(tree)
    assert differences(tree, restored) == []
    assert os.fsdecode(name) in names(restored)


def test_symbolic_links_inside_are_kept_and_never_followed(tree):
    (tree / "to-file").symlink_to("letter.txt")
    (tree / "to-folder").symlink_to("sub")
    (tree / "dangling").symlink_to("nowhere")
    (tree / "loop").symlink_to("loop")
    (tree / "sub" / "up").symlink_to("../letter.txt")
    restored = round_trip(tree)
    assert differences(tree, restored) == []
    assert (restored / "to-folder").is_symlink()


@pytest.mark.parametrize("destination", ["/etc/hostname", "../../../outside", "sub/../../../x"])
def test_symbolic_links_that_lead_out_need_links_all(tree, tmp_path, destination):
    (tree / "out").symlink_to(destination)
    path = tmp_path / "b.age"
    passkeep.backup(tree, path, to=IDENTITY.recipient)
    with pytest.raises(passkeep.PartialError) as caught:
        passkeep.restore(path, tmp_path / "inside", IDENTITY)
    assert [p.path for p in caught.value.report.problems] == ["tree/out"]
    assert not os.path.lexists(tmp_path / "inside" / "tree" / "out")
    assert (tmp_path / "inside" / "tree" / "letter.txt").read_text() == "Dear Ada"
    passkeep.restore(path, tmp_path / "all", IDENTITY, links="all")
    assert differences(tree, tmp_path / "all" / "tree") == []


def test_hard_links_stay_one_file(tree):
    os.link(tree / "letter.txt", tree / "sub" / "same.txt")
    os.link(tree / "letter.txt", tree / "zzz.txt")
    restored = round_trip(tree)
    assert differences(tree, restored) == []
    assert (restored / "letter.txt").stat().st_nlink == 3
    assert (restored / "sub" / "same.txt").samefile(restored / "zzz.txt")


@pytest.mark.parametrize("mode", [0o400, 0o600, 0o644, 0o755, 0o777, 0o000, 0o111])
def test_modes_of_files(tree, mode):
    (tree / "letter.txt").chmod(mode)
    restored = round_trip(tree)
    assert stat.S_IMODE((restored / "letter.txt").stat().st_mode) == mode


@pytest.mark.parametrize("mode", [0o500, 0o700, 0o755, 0o777, 0o555])
def test_modes_of_folders(tree, mode):
    (tree / "sub").chmod(mode)
    restored = round_trip(tree)
    assert stat.S_IMODE((restored / "sub").stat().st_mode) == mode
    assert (restored / "sub" / "large.bin").is_file()


def test_the_umask_does_not_decide_modes(tree):
    (tree / "letter.txt").chmod(0o666)
    before = os.umask(0o077)
    try:
        restored = round_trip(tree)
    finally:
        os.umask(before)
    assert stat.S_IMODE((restored / "letter.txt").stat().st_mode) == 0o666


def test_set_user_id_does_not_come_back(tree):
    (tree / "letter.txt").chmod(0o4755)
    restored = round_trip(tree)
    assert stat.S_IMODE((restored / "letter.txt").stat().st_mode) == 0o755


@pytest.mark.parametrize(
    "when", [0, 1, 999_999_999, 1_700_000_000_123_456_789, -1, -86_400 * 10**9 + 5, 4_102_444_800]
)
def test_times_to_the_nanosecond(tree, when):
    os.utime(tree / "letter.txt", ns=(when, when))
    os.utime(tree / "sub", ns=(when, when))
    restored = round_trip(tree)
    assert (restored / "letter.txt").stat().st_mtime_ns == when
    assert (restored / "sub").stat().st_mtime_ns == when


def test_several_trees_and_single_files_in_one_backup(tree, tmp_path):
    (tmp_path / "note.txt").write_text("one file")
    path = tmp_path / "b.age"
    report = passkeep.backup([tree, tmp_path / "note.txt"], path, to=IDENTITY.recipient)
    assert report.files == 3
    passkeep.restore(path, tmp_path / "out", IDENTITY)
    assert names(tmp_path / "out") == ["note.txt", "tree"]


def test_two_trees_of_one_name_do_not_overwrite_each_other(tmp_path):
    for parent in ("a", "b"):
        (tmp_path / parent / "tree").mkdir(parents=True)
        (tmp_path / parent / "tree" / "name").write_text(parent)
    with pytest.raises(passkeep.PasskeepError):
        passkeep.backup(
            [tmp_path / "a" / "tree", tmp_path / "b" / "tree"],
            tmp_path / "b.age",
            to=IDENTITY.recipient,
        )
    assert not (tmp_path / "b.age").exists()


def test_a_tree_that_does_not_exist(tmp_path):
    with pytest.raises(FileNotFoundError):
        passkeep.backup(tmp_path / "nothing", tmp_path / "b.age", to=IDENTITY.recipient)
    assert names(tmp_path) == []


def test_reports_count_what_was_done(backup, tree, tmp_path):
    listed = []
    report = passkeep.list_backup(backup, IDENTITY, visit=listed.append)
    assert (report.files, report.directories, report.problem_count) == (2, 2, 0)
    assert report.bytes == 3_000_001 + len("Dear Ada")
    # Folders are listed as tar names them, with a slash at the end.
    assert [(e.path.rstrip("/"), e.kind) for e in listed] == [
        ("tree", "directory"),
        ("tree/letter.txt", "file"),
        ("tree/sub", "directory"),
        ("tree/sub/large.bin", "file"),
    ]
    assert listed[1].size == len("Dear Ada")
    restored = passkeep.restore(backup, tmp_path / "out", IDENTITY)
    assert (restored.files, restored.bytes) == (report.files, report.bytes)


def test_the_same_tree_gives_the_same_listing_twice(backup, tree, tmp_path):
    passkeep.backup(tree, tmp_path / "again.age", to=IDENTITY.recipient)
    listings = []
    for path in (backup, tmp_path / "again.age"):
        listings.append([])
        passkeep.list_backup(
            path, IDENTITY, visit=lambda e: listings[-1].append((e.path, e.size, e.mtime, e.mode))
        )
    assert len(listings[0]) == 4
    assert listings[0] == listings[1]


# What is left out


def test_a_fifo_is_left_out_and_reported(tree, tmp_path):
    os.mkfifo(tree / "pipe")
    with pytest.raises(passkeep.PartialError) as caught:
        passkeep.backup(tree, tmp_path / "b.age", to=IDENTITY.recipient)
    report = caught.value.report
    assert report.problem_count == 1
    assert report.problems[0].path.endswith("tree/pipe")
    passkeep.restore(tmp_path / "b.age", tmp_path / "out", IDENTITY)
    assert differences(tree, tmp_path / "out" / "tree") == []


def test_a_backup_into_its_own_tree_does_not_hold_itself(tree):
    path = tree / "b.age"
    report = passkeep.backup(tree, path, to=IDENTITY.recipient)
    assert report.files == 2
    listed = []
    passkeep.list_backup(path, IDENTITY, visit=lambda entry: listed.append(entry.path))
    assert not [name for name in listed if "b.age" in name]
    # The backup of the last night is not in tonight's either.
    assert passkeep.backup(tree, path, to=IDENTITY.recipient, overwrite=True).files == 2
    assert names(tree) == ["b.age", "letter.txt", "sub"]


# Targets


def test_an_existing_backup_is_kept_unless_overwritten(backup, tree):
    before = backup.read_bytes()
    with pytest.raises(passkeep.OutputError):
        passkeep.backup(tree, backup, to=IDENTITY.recipient)
    assert backup.read_bytes() == before
    passkeep.backup(tree, backup, to=IDENTITY.recipient, overwrite=True)
    assert backup.read_bytes() != before


def test_restoring_into_a_folder_leaves_existing_files(backup, tmp_path):
    target = tmp_path / "target"
    (target / "tree").mkdir(parents=True)
    (target / "tree" / "letter.txt").write_text("mine")
    (target / "tree" / "other.txt").write_text("mine, too")
    with pytest.raises(passkeep.PartialError) as caught:
        passkeep.restore(backup, target, IDENTITY)
    assert [p.path for p in caught.value.report.problems] == ["tree/letter.txt"]
    assert (target / "tree" / "letter.txt").read_text() == "mine"
    assert (target / "tree" / "other.txt").read_text() == "mine, too"
    assert (target / "tree" / "sub" / "large.bin").stat().st_size == 3_000_001
    assert names(target / "tree") == ["letter.txt", "other.txt", "sub"]


def test_restoring_into_a_folder_replaces_files_when_told(backup, tree, tmp_path):
    target = tmp_path / "target"
    (target / "tree").mkdir(parents=True)
    (target / "tree" / "letter.txt").write_text("mine")
    passkeep.restore(backup, target, IDENTITY, overwrite=True)
    assert differences(tree, target / "tree") == []


def test_an_existing_link_in_the_target_is_not_followed(backup, tmp_path):
    target, victim = tmp_path / "target", tmp_path / "victim"
    (target / "tree").mkdir(parents=True)
    victim.mkdir()
    (target / "tree" / "sub").symlink_to(victim)
    with pytest.raises(passkeep.PartialError):
        passkeep.restore(backup, target, IDENTITY)
    assert names(victim) == []


def test_restoring_needs_a_parent_folder(backup, tmp_path):
    with pytest.raises(FileNotFoundError):
        passkeep.restore(backup, tmp_path / "no" / "such", IDENTITY)
    assert not (tmp_path / "no").exists()


def test_streams(tree, tmp_path):
    sink = io.BytesIO()
    passkeep.backup(tree, sink, to=IDENTITY.recipient)
    passkeep.restore(io.BytesIO(sink.getvalue()), tmp_path / "out", IDENTITY)
    assert differences(tree, tmp_path / "out" / "tree") == []


def test_pipes(tree, tmp_path):
    reading, writing = os.pipe()
    failure = []

    def seal():
        try:
            with os.fdopen(writing, "wb") as pipe:
                passkeep.backup(tree, pipe, to=IDENTITY.recipient)
        except BaseException as error:  # noqa: BLE001 - it belongs into the test's thread
            failure.append(error)

    thread = threading.Thread(target=seal)
    thread.start()
    with os.fdopen(reading, "rb") as pipe:
        passkeep.restore(pipe, tmp_path / "out", IDENTITY)
    thread.join()
    assert failure == []
    assert differences(tree, tmp_path / "out" / "tree") == []
