"""Parts of a backup: chosen paths of a restore, and single files."""

from __future__ import annotations

import io
import os
import tarfile
from pathlib import Path

import pytest

import passkeep
from support.trees import names

IDENTITY = passkeep.X25519Identity.generate()
PARTS = ("a/one", "a/two", "ab", "b/deep/three", "b/four", "link", "z")
ALL = [f"tree/{name}" for name in PARTS]


@pytest.fixture
def tree(tmp_path) -> Path:
    folder = tmp_path / "tree"
    for name in ("a/one", "a/two", "ab", "b/deep/three", "b/four", "z"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name * 1000)
    (folder / "link").symlink_to("a/one")
    (folder / "b" / "deep").chmod(0o750)
    return folder


@pytest.fixture(params=[None, 3], ids=["stored", "compressed"])
def backup(request, tree, tmp_path) -> Path:
    path = tmp_path / "b.age"
    passkeep.backup(tree, path, to=IDENTITY.recipient, compress=request.param)
    return path


def files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if not path.is_dir())


@pytest.mark.parametrize(
    ("paths", "expected"),
    [
        (["tree/a"], ["tree/a/one", "tree/a/two"]),
        (["tree/a/"], ["tree/a/one", "tree/a/two"]),
        (["./tree//a/one"], ["tree/a/one"]),
        (["tree/b/deep", "tree/z"], ["tree/b/deep/three", "tree/z"]),
        (["tree/link"], ["tree/link"]),
        (["tree/a", "tree/a/one"], ["tree/a/one", "tree/a/two"]),
        (["tree"], ALL),
        (["."], ALL),
    ],
)
def test_only_what_was_asked_for_comes_back(backup, tree, tmp_path, paths, expected):
    out = tmp_path / "out"
    report = passkeep.restore(backup, out, IDENTITY, paths=paths)
    assert files(out) == expected
    assert report.files + report.links == len(expected)
    for name in expected:
        if name != "tree/link":
            assert (out / name).read_bytes() == (tmp_path / name).read_bytes()
    if "tree/b/deep" in paths:
        assert (out / "tree" / "b" / "deep").stat().st_mode & 0o777 == 0o750


def test_one_path_or_pattern_needs_no_list(backup, tree, tmp_path):
    passkeep.restore(backup, tmp_path / "out", IDENTITY, paths="tree/a")
    assert files(tmp_path / "out") == ["tree/a/one", "tree/a/two"]
    passkeep.restore(backup, tmp_path / "path", IDENTITY, paths=Path("tree/z"))
    assert files(tmp_path / "path") == ["tree/z"]
    passkeep.backup(tree, backup, to=IDENTITY.recipient, exclude="[ab]*", overwrite=True)
    passkeep.restore(backup, tmp_path / "rest", IDENTITY)
    assert files(tmp_path / "rest") == ["tree/link", "tree/z"]


def test_a_path_that_is_not_there_is_reported(backup, tmp_path):
    with pytest.raises(passkeep.PartialError) as caught:
        passkeep.restore(backup, tmp_path / "out", IDENTITY, paths=["tree/z", "tree/A", "x/y"])
    problems = [(problem.path, problem.kind) for problem in caught.value.report.problems]
    assert problems == [("tree/A", "missing"), ("x/y", "missing")]
    assert files(tmp_path / "out") == ["tree/z"]


def test_nothing_found_makes_no_folder(backup, tmp_path):
    before = names(tmp_path)
    with pytest.raises(passkeep.PartialError):
        passkeep.restore(backup, tmp_path / "out", IDENTITY, paths=["nothing"])
    assert names(tmp_path) == before


@pytest.mark.parametrize("path", ["/tree", "../tree", "tree/../../x"])
def test_paths_that_no_backup_can_have(backup, tmp_path, path):
    before = names(tmp_path)
    with pytest.raises(passkeep.InvalidInputError):
        passkeep.restore(backup, tmp_path / "out", IDENTITY, paths=[path])
    with pytest.raises(passkeep.InvalidInputError):
        passkeep.cat(backup, path, io.BytesIO(), IDENTITY)
    assert names(tmp_path) == before


def test_damage_anywhere_still_ends_a_partial_restore(backup, tmp_path):
    data = bytearray(backup.read_bytes())
    data[-1] ^= 1
    backup.write_bytes(data)
    with pytest.raises(passkeep.DamagedError):
        passkeep.restore(backup, tmp_path / "out", IDENTITY, paths=["tree/a"])
    assert not (tmp_path / "out").exists()


# Hard links whose first name was not asked for


@pytest.fixture
def linked(tree, tmp_path) -> Path:
    """A backup in which `a/one` has two more names, and stands before them."""
    os.link(tree / "a" / "one", tree / "b" / "second")
    os.link(tree / "a" / "one", tree / "z-third")
    path = tmp_path / "linked.age"
    passkeep.backup(tree, path, to=IDENTITY.recipient)
    return path


@pytest.mark.parametrize("existing", [False, True])
def test_a_chosen_hard_link_has_its_content(linked, tree, tmp_path, existing):
    out = tmp_path / "out"
    if existing:
        out.mkdir()
    seen = []
    passkeep.restore(
        linked, out, IDENTITY, paths=["tree/b/second", "tree/z-third"], progress=seen.append
    )
    assert files(out) == ["tree/b/second", "tree/z-third"]
    assert (out / "tree/b/second").read_bytes() == (tree / "a" / "one").read_bytes()
    assert (out / "tree/b/second").samefile(out / "tree/z-third")
    assert (out / "tree/b/second").stat().st_mtime_ns == (tree / "a" / "one").stat().st_mtime_ns
    assert seen == sorted(seen)


def test_a_chosen_hard_link_with_its_first_name_is_one_file(linked, tmp_path):
    out = tmp_path / "out"
    passkeep.restore(linked, out, IDENTITY, paths=["tree/a", "tree/b/second"])
    assert (out / "tree/a/one").samefile(out / "tree/b/second")


def test_a_chosen_hard_link_from_a_stream_is_refused_with_its_first_name(linked, tmp_path):
    source = io.BytesIO(linked.read_bytes())
    with pytest.raises(passkeep.PartialError) as caught:
        passkeep.restore(source, tmp_path / "out", IDENTITY, paths=["tree/z", "tree/z-third"])
    (problem,) = caught.value.report.problems
    assert problem.path == "tree/z-third"
    assert "tree/a/one" in problem.message
    assert files(tmp_path / "out") == ["tree/z"]


def test_a_chosen_hard_link_to_nothing(tmp_path):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        info = tarfile.TarInfo("link")
        info.type, info.linkname = tarfile.LNKTYPE, "missing"
        archive.addfile(info)
    path = tmp_path / "b.age"
    path.write_bytes(passkeep.encrypt(buffer.getvalue(), to=IDENTITY.recipient))
    for source in (path, io.BytesIO(path.read_bytes())):
        with pytest.raises(passkeep.PartialError) as caught:
            passkeep.restore(source, tmp_path / "out", IDENTITY, paths=["link"])
        assert [p.path for p in caught.value.report.problems] == ["link"]
        assert not (tmp_path / "out").exists()
    with pytest.raises(passkeep.NotInBackupError):
        passkeep.cat(path, "link", io.BytesIO(), IDENTITY)


# One file


@pytest.mark.parametrize("name", ["tree/a/one", "tree/z", "./tree//b/deep/three"])
def test_cat(backup, tmp_path, name):
    sink = io.BytesIO()
    size = passkeep.cat(backup, name, sink, IDENTITY)
    assert sink.getvalue() == (tmp_path / name).read_bytes()
    assert size == len(sink.getvalue())
    passkeep.cat(backup, name, tmp_path / "copy", IDENTITY)
    assert (tmp_path / "copy").read_bytes() == sink.getvalue()
    with pytest.raises(passkeep.OutputError):
        passkeep.cat(backup, name, tmp_path / "copy", IDENTITY)


@pytest.mark.parametrize("name", ["tree/nothing", "tree/a", "tree", "tree/link", "tree/a/one/x"])
def test_cat_of_what_is_no_file(backup, tmp_path, name):
    before = names(tmp_path)
    with pytest.raises(passkeep.NotInBackupError) as caught:
        passkeep.cat(backup, name, tmp_path / "copy", IDENTITY)
    assert name in str(caught.value)
    assert isinstance(caught.value, LookupError)
    assert names(tmp_path) == before


def test_cat_follows_hard_links_in_files_only(linked, tree):
    sink = io.BytesIO()
    passkeep.cat(linked, "tree/z-third", sink, IDENTITY)
    assert sink.getvalue() == (tree / "a" / "one").read_bytes()
    with pytest.raises(passkeep.NotInBackupError, match="tree/a/one"):
        passkeep.cat(io.BytesIO(linked.read_bytes()), "tree/z-third", io.BytesIO(), IDENTITY)


def test_cat_fills_holes_with_zeros(tree, tmp_path):
    with (tree / "holes").open("wb") as file:
        file.seek(3_000_000)
        file.write(b"data")
        file.truncate(5_000_001)
    path = tmp_path / "b.age"
    assert passkeep.backup(tree, path, to=IDENTITY.recipient).holes > 4_000_000
    sink = io.BytesIO()
    assert passkeep.cat(path, "tree/holes", sink, IDENTITY) == 5_000_001
    assert sink.getvalue() == (tree / "holes").read_bytes()


def test_cat_reads_no_farther_than_the_file(tree, tmp_path):
    (tree / "zz").write_bytes(os.urandom(20_000_000))
    path = tmp_path / "b.age"
    passkeep.backup(tree, path, to=IDENTITY.recipient)
    path.write_bytes(path.read_bytes()[:-1_000_000])
    sink = io.BytesIO()
    passkeep.cat(path, "tree/a/one", sink, IDENTITY)
    assert sink.getvalue() == (tree / "a" / "one").read_bytes()
    with pytest.raises(passkeep.DamagedError):
        passkeep.cat(path, "tree/zz", tmp_path / "copy", IDENTITY)
    assert not (tmp_path / "copy").exists()
