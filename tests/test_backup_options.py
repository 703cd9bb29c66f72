"""What backups leave out, how they are compressed, and what else comes back when asked."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

import passkeep
from support.trees import differences, names

IDENTITY = passkeep.X25519Identity.generate()


def listed(backup: Path) -> list[str]:
    found = []
    passkeep.list_backup(backup, IDENTITY, visit=lambda entry: found.append(entry.path))
    return found


def backed_up(tree: Path, **options) -> tuple[Path, passkeep.TreeReport]:
    path = tree.parent / "b.age"
    report = passkeep.backup(tree, path, to=IDENTITY.recipient, overwrite=True, **options)
    return path, report


# Patterns


@pytest.fixture
def busy(tmp_path) -> Path:
    """A tree with much that nobody wants to keep."""
    folder = tmp_path / "busy"
    for name in ("a.tmp", "keep.tmp", "src/b.tmp", "src/main.c", "build/out/x.o", "src/build.txt"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)
    return folder


@pytest.mark.parametrize(
    ("patterns", "left"),
    [
        ([], "a.tmp build build/out build/out/x.o keep.tmp src src/b.tmp src/build.txt src/main.c"),
        (["*.tmp"], "build build/out build/out/x.o src src/build.txt src/main.c"),
        (["*.tmp", "!keep.tmp", "build"], "keep.tmp src src/build.txt src/main.c"),
        (["build"], "a.tmp keep.tmp src src/b.tmp src/build.txt src/main.c"),
        (["build/", "*.tmp", "# x", ""], "src src/build.txt src/main.c"),
        (["/busy/src"], "a.tmp build build/out build/out/x.o keep.tmp"),
        (["/src", "busy/build/*", "*.tmp"], "build src src/build.txt src/main.c"),
        (["build", "!x.o", "*.tmp", "*.txt"], "src src/main.c"),
        (["busy", "/busy", "*/src", "*.tmp"], "build build/out build/out/x.o"),
    ],
)  # fmt: skip
def test_patterns_leave_out(busy, patterns, left):
    path, report = backed_up(busy, exclude=patterns)
    assert listed(path) == ["busy", *(f"busy/{name}" for name in left.split())]
    assert passkeep._native.measure_tree([busy], exclude=patterns)[0] == report.files


def test_a_folder_that_is_left_out_is_not_looked_at(busy, tmp_path):
    (busy / "build").rename(tmp_path / "elsewhere")
    # Reading this one would be reported: it is nested deeper than any restore goes.
    deep = busy / "build"
    deep.mkdir()
    descriptor = os.open(deep, os.O_RDONLY)
    for _ in range(300):
        os.mkdir("d", dir_fd=descriptor)
        below = os.open("d", os.O_RDONLY, dir_fd=descriptor)
        os.close(descriptor)
        descriptor = below
    os.close(descriptor)
    with pytest.raises(passkeep.PartialError):
        backed_up(busy)
    _, report = backed_up(busy, exclude=["build/"])
    assert report.problem_count == 0


@pytest.mark.parametrize("pattern", ["a[", "{a", "[b-a]"])
def test_a_malformed_pattern_is_the_callers_mistake(busy, pattern):
    with pytest.raises(passkeep.InvalidInputError):
        backed_up(busy, exclude=[pattern])
    assert names(busy.parent) == ["busy"]


def test_caches_are_left_out_when_asked(busy):
    tag = b"Signature: 8a477f597d28d172789f06886806bc55\n# a comment"
    (busy / "build" / "CACHEDIR.TAG").write_bytes(tag)
    (busy / "src" / "CACHEDIR.TAG").write_text("not the signature")
    path, _ = backed_up(busy)
    assert "busy/build/out/x.o" in listed(path)
    path, report = backed_up(busy, exclude_caches=True)
    assert [name for name in listed(path) if "build/" in name] == ["busy/build/CACHEDIR.TAG"]
    assert "busy/src/main.c" in listed(path)
    assert passkeep._native.measure_tree([busy], exclude_caches=True)[0] == report.files


# Holes


@pytest.fixture
def disk(tmp_path) -> Path:
    """A file of one tebibyte that takes no room, and some data in it."""
    folder = tmp_path / "disks"
    folder.mkdir()
    with (folder / "disk.img").open("wb") as file:
        file.seek(1 << 39)
        file.write(b"data" * 10_000)
        file.truncate(1 << 40)
    return folder


def test_a_tebibyte_of_holes(disk, tmp_path):
    path, report = backed_up(disk)
    assert path.stat().st_size < 1 << 20
    assert report.bytes < 1 << 20
    assert report.bytes + report.holes == 1 << 40
    restored = passkeep.restore(path, tmp_path / "out", IDENTITY)
    assert (restored.bytes, restored.holes) == (report.bytes, report.holes)
    copy = tmp_path / "out" / "disks" / "disk.img"
    assert copy.stat().st_size == 1 << 40
    assert copy.stat().st_blocks * 512 < 1 << 20
    with copy.open("rb") as file:
        file.seek(1 << 39)
        assert file.read(40_000) == b"data" * 10_000
    entries = []
    passkeep.list_backup(path, IDENTITY, visit=entries.append)
    assert [entry.size for entry in entries] == [0, 1 << 40]


def test_pythons_tarfile_understands_our_sparse_files(disk):
    (disk / "disk.img").unlink()
    with (disk / "small.img").open("wb") as file:
        for at in (1 << 20, 3 << 20):
            file.seek(at)
            file.write(b"data")
        file.truncate(5 << 20)
    path, _ = backed_up(disk)
    plain = passkeep.decrypt(path.read_bytes(), IDENTITY)
    with tarfile.open(fileobj=io.BytesIO(plain)) as archive:
        member = archive.getmember("disks/small.img")
        assert member.issparse()
        content = archive.extractfile(member)
        assert content is not None
        assert content.read() == (disk / "small.img").read_bytes()


# Compression


@pytest.fixture
def mixed(tmp_path) -> Path:
    """A tree of text and noise, of several frames."""
    folder = tmp_path / "mixed"
    folder.mkdir()
    (folder / "text").write_text("".join(f"line {n}\n" for n in range(600_000)))
    (folder / "noise").write_bytes(os.urandom(6_000_000))
    (folder / "link").symlink_to("text")
    return folder


@pytest.mark.parametrize("threads", [1, 3])
def test_compressed_backups_come_back(mixed, tmp_path, threads):
    path, report = backed_up(mixed, compress=3, threads=threads)
    assert report.stored < report.bytes - 4_000_000
    assert path.stat().st_size < report.stored * 1.001 + 10_000
    restored = passkeep.restore(path, tmp_path / "out", IDENTITY, threads=threads)
    assert differences(mixed, tmp_path / "out" / "mixed") == []
    assert restored.stored == report.stored
    assert passkeep.verify(path, IDENTITY).bytes == report.bytes


def test_the_same_tree_compresses_to_the_same_bytes_on_any_number_of_threads(mixed):
    plain = set()
    for threads in (1, 2, 7):
        path, _ = backed_up(mixed, compress=1, threads=threads)
        plain.add(passkeep.decrypt(path.read_bytes(), IDENTITY))
    assert len(plain) == 1


def test_stock_tools_open_a_compressed_backup(mixed, tmp_path):
    backed_up(mixed, compress=5)
    (tmp_path / "id.txt").write_text(f"{IDENTITY}\n")
    (tmp_path / "out").mkdir()
    subprocess.run(
        'set -o pipefail; "$AGE" -d -i id.txt b.age | zstd -dc | tar -x -C out',
        shell=True,
        executable="/bin/bash",
        check=True,
        cwd=tmp_path,
        env=os.environ | {"AGE": str(Path(sys.executable).with_name("age"))},
    )
    assert differences(mixed, tmp_path / "out" / "mixed") == []


def test_archives_that_zstd_made_are_restored(mixed, tmp_path):
    made = subprocess.run(
        "tar -c --format=pax mixed | zstd -T2 --long=27",
        shell=True,
        check=True,
        cwd=tmp_path,
        capture_output=True,
    )
    data = passkeep.encrypt(made.stdout, to=IDENTITY.recipient)
    passkeep.restore(io.BytesIO(data), tmp_path / "out", IDENTITY)
    assert differences(mixed, tmp_path / "out" / "mixed") == []


@pytest.mark.parametrize("level", [0, -1, 20, 100])
def test_levels_that_are_none(mixed, level):
    with pytest.raises(passkeep.InvalidInputError):
        backed_up(mixed, compress=level)
    assert names(mixed.parent) == ["mixed"]


def test_a_limit_on_what_is_written(mixed, tmp_path):
    path, report = backed_up(mixed)
    with pytest.raises(passkeep.LimitError):
        passkeep.restore(path, tmp_path / "out", IDENTITY, max_bytes=report.bytes - 1)
    assert not (tmp_path / "out").exists()
    passkeep.restore(path, tmp_path / "out", IDENTITY, max_bytes=report.bytes)


# Attributes and owners


@pytest.fixture
def labelled(tmp_path) -> Path:
    """A tree with extended attributes."""
    folder = tmp_path / "labelled"
    folder.mkdir()
    (folder / "file").write_text("labelled")
    os.setxattr(folder / "file", "user.note", b"a=b\n\x00\xff")
    os.setxattr(folder / "file", "user.odd=name%", b"")
    os.setxattr(folder, "user.folder", b"x" * 2000)
    return folder


def test_attributes_are_stored_and_restored_when_asked(labelled, tmp_path):
    path, _ = backed_up(labelled, xattrs=True)
    passkeep.restore(path, tmp_path / "out", IDENTITY, xattrs=True)
    copy = tmp_path / "out" / "labelled"
    assert {n: os.getxattr(copy / "file", n) for n in os.listxattr(copy / "file")} == {
        "user.note": b"a=b\n\x00\xff",
        "user.odd=name%": b"",
    }
    assert os.getxattr(copy, "user.folder") == b"x" * 2000
    assert differences(labelled, copy) == []
    # Neither side does it unasked.
    passkeep.restore(path, tmp_path / "plain", IDENTITY)
    assert os.listxattr(tmp_path / "plain" / "labelled" / "file") == []
    path, _ = backed_up(labelled)
    passkeep.restore(path, tmp_path / "unstored", IDENTITY, xattrs=True)
    assert os.listxattr(tmp_path / "unstored" / "labelled") == []


def test_gnu_tar_and_we_agree_on_attributes(labelled, tmp_path):
    path, _ = backed_up(labelled, xattrs=True)
    (tmp_path / "ours.tar").write_bytes(passkeep.decrypt(path.read_bytes(), IDENTITY))
    (tmp_path / "theirs").mkdir()
    for command in (
        "tar -x --xattrs -f ours.tar -C theirs",
        "tar -c --xattrs --format=pax -f theirs.tar labelled",
    ):
        subprocess.run(command, shell=True, check=True, cwd=tmp_path)
    data = passkeep.encrypt((tmp_path / "theirs.tar").read_bytes(), to=IDENTITY.recipient)
    passkeep.restore(io.BytesIO(data), tmp_path / "ours", IDENTITY, xattrs=True)
    for side in ("theirs", "ours"):
        copy = tmp_path / side / "labelled"
        assert os.getxattr(copy / "file", "user.note") == b"a=b\n\x00\xff"
        assert os.getxattr(copy / "file", "user.odd=name%") == b""
        assert os.getxattr(copy, "user.folder") == b"x" * 2000


def owned(uid: int, gid: int) -> io.BytesIO:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name, kind in (("folder", tarfile.DIRTYPE), ("file", tarfile.REGTYPE)):
            info = tarfile.TarInfo(name)
            info.type, info.uid, info.gid, info.mode = kind, uid, gid, 0o755
            archive.addfile(info)
        info = tarfile.TarInfo("link")
        info.type, info.linkname, info.uid, info.gid = tarfile.SYMTYPE, "file", uid, gid
        archive.addfile(info)
    return io.BytesIO(passkeep.encrypt(buffer.getvalue(), to=IDENTITY.recipient))


@pytest.mark.parametrize(("uid", "gid"), [(12345, 54321), (3_000_000, 3_000_001)])
def test_owners_are_restored_when_asked_or_reported(tmp_path, uid, gid):
    target = tmp_path / "out"
    if os.getuid() == 0:
        passkeep.restore(owned(uid, gid), target, IDENTITY, owner=True)
        for name in ("folder", "file", "link"):
            found = (target / name).lstat()
            assert (found.st_uid, found.st_gid) == (uid, gid)
    else:
        with pytest.raises(passkeep.PartialError) as caught:
            passkeep.restore(owned(uid, gid), target, IDENTITY, owner=True)
        assert {p.path for p in caught.value.report.problems} == {"folder", "file", "link"}


@pytest.mark.parametrize("uid", [2**32 - 1, 2**32, 2**40])
def test_owners_that_nobody_can_have_are_reported(tmp_path, uid):
    with pytest.raises(passkeep.PartialError) as caught:
        passkeep.restore(owned(uid, 0), tmp_path / "out", IDENTITY, owner=True)
    assert len(caught.value.report.problems) == 3
    assert (tmp_path / "out" / "file").stat().st_uid == os.getuid()
