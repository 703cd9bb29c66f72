"""The options of `backup` and `restore`, and `cat`, as scripts use them."""

from __future__ import annotations

import json
import os
import subprocess

import pytest

import passkeep
from support.cli import PROGRAM, assert_fails, ok, run
from support.trees import differences, names

IDENTITY = passkeep.X25519Identity.generate()
TO = ("--to", str(IDENTITY.recipient))


@pytest.fixture
def opened(tmp_path):
    """The options that open this file's backups."""
    path = tmp_path / "id.txt"
    path.write_text(f"{IDENTITY}\n")
    return ("--identity", path)


@pytest.fixture
def text_tree(tree):
    (tree / "sub" / "text.txt").write_text("the same line\n" * 200_000)
    (tree / "notes.tmp").write_text("temporary")
    (tree / "sub" / "keep.tmp").write_text("kept")
    return tree


def listing(backup, opened):
    lines = ok("list", backup, "--json", *opened).out.splitlines()
    return [json.loads(line)["path"].rstrip("/") for line in lines]


@pytest.mark.parametrize(
    ("option", "name"),
    [
        ("--compress", "tree.tar.zst.age"),
        ("--compress=9", "tree.tar.zst.age"),
        (None, "tree.tar.age"),
    ],
)
def test_compressing_says_what_it_gained_and_names_the_file(
    text_tree, tmp_path, opened, option, name
):
    options = () if option is None else (option,)
    done = ok("backup", *options, "tree", *TO, cwd=tmp_path)
    assert (tmp_path / name).is_file()
    assert ("stored 5.8 MB as 3.0 MB (52 %)" in done.err) == (option is not None)
    (tmp_path / "elsewhere").mkdir()
    ok("restore", tmp_path / name, *opened, cwd=tmp_path / "elsewhere")
    assert differences(text_tree, tmp_path / "elsewhere" / "tree" / "tree") == []


def test_compressed_backups_in_json(text_tree, tmp_path, opened):
    backup = tmp_path / "b.age"
    made = ok("backup", text_tree, "--compress=1", "--json", "-o", backup, *TO)
    report = json.loads(made.out)
    assert 0 < report["stored"] < report["bytes"] - 2_000_000
    assert report["holes"] == 0
    verified = json.loads(ok("verify", backup, "--json", *opened).out)
    assert verified["stored"] == report["stored"]


@pytest.mark.parametrize("level", ["0", "20", "x", "-1"])
def test_levels_that_are_none(text_tree, tmp_path, level):
    result = run("backup", text_tree, f"--compress={level}", "-o", tmp_path / "b.age", *TO)
    assert_fails(result, 2, hint=False)
    assert not (tmp_path / "b.age").exists()


def test_patterns_from_options_and_files(text_tree, tmp_path, opened):
    (tmp_path / "patterns").write_text("# what nobody wants\n\n*.tmp\n")
    backup = tmp_path / "b.age"
    ok("backup", text_tree, "--exclude-from", tmp_path / "patterns", "-o", backup, *TO)
    assert not [name for name in listing(backup, opened) if name.endswith(".tmp")]
    ok(
        *("backup", text_tree, "-f", "-o", backup, *TO, "--exclude", "large.bin"),
        *("--exclude-from", tmp_path / "patterns", "--include", "keep.tmp"),
    )
    found = listing(backup, opened)
    assert "tree/sub/keep.tmp" in found
    assert not {"tree/notes.tmp", "tree/sub/large.bin"} & set(found)


def test_bad_patterns_are_usage_errors(text_tree, tmp_path):
    (tmp_path / "latin").write_bytes(b"caf\xe9\n")
    for options in (
        ("--exclude", "a["),
        ("--exclude", b"\xff"),
        ("--exclude-from", tmp_path / "latin"),
        ("--exclude-from", tmp_path / "missing"),
    ):
        arguments = [os.fsdecode(o) if isinstance(o, bytes) else o for o in options]
        result = run("backup", text_tree, *arguments, "-o", tmp_path / "b.age", *TO)
        assert_fails(result, 2, hint=False)
    assert not (tmp_path / "b.age").exists()


def test_holes_are_in_the_summary(tmp_path, opened):
    (tmp_path / "disk").touch()
    os.truncate(tmp_path / "disk", 10**12)
    done = ok("backup", tmp_path / "disk", "-o", tmp_path / "b.age", *TO)
    assert "0 B and 1.0 TB of holes" in done.err
    restored = ok("restore", tmp_path / "b.age", "-C", tmp_path / "out", "--json", *opened)
    assert json.loads(restored.out)["holes"] == 10**12
    assert (tmp_path / "out" / "disk").stat().st_size == 10**12


@pytest.fixture
def backup(text_tree, tmp_path):
    path = tmp_path / "b.tar.age"
    ok("backup", text_tree, "-o", path, *TO)
    return path


def test_restoring_paths(backup, tmp_path, opened):
    ok("restore", backup, "-C", tmp_path / "out", "tree/letter.txt", "tree/sub/", *opened)
    assert names(tmp_path / "out" / "tree") == ["letter.txt", "sub"]
    assert names(tmp_path / "out" / "tree" / "sub") == ["keep.tmp", "large.bin", "text.txt"]


def test_restoring_a_path_that_is_not_there(backup, tmp_path, opened):
    result = run("restore", backup, "-C", tmp_path / "out", "tree/letter.txt", "nope", *opened)
    assert_fails(result, 5, hint=False)
    assert "missing: nope" in result.err
    assert (tmp_path / "out" / "tree" / "letter.txt").read_text() == "Dear Ada"


def test_cat(backup, tmp_path, opened):
    assert ok("cat", backup, "tree/letter.txt", *opened).out == b"Dear Ada"
    data = backup.read_bytes()
    assert ok("cat", "-", "tree/letter.txt", *opened, stdin=data).out == b"Dear Ada"


def test_cat_of_nothing(backup, opened):
    for name, words in (("nope", "holds no nope"), ("tree", "a folder"), ("tree/link", "link")):
        result = run("cat", backup, name, *opened)
        assert_fails(result, 1)
        assert words in result.err
        assert "passkeep list" in result.err
        assert result.out == b""


def test_cat_into_a_pipe_that_closes(backup, opened):
    words = [*PROGRAM, "cat", str(backup), "tree/sub/large.bin", *map(str, opened)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.read(10)
        process.stdout.close()
        assert process.stderr is not None
        assert process.stderr.read() == b""
        assert process.wait(60) == 1


@pytest.mark.parametrize(
    ("size", "code"),
    [("1MB", 1), ("1 MiB", 1), ("1", 1), ("5KB", 1), ("1GB", 0), ("7000000", 0), ("7m", 0)],
)
def test_a_limit_on_the_size(backup, tmp_path, opened, size, code):
    result = run("restore", backup, "-C", tmp_path / "out", "--max-size", size, *opened)
    assert result.code == code, result.err
    assert (tmp_path / "out").exists() == (code == 0)
    assert ("--max-size" in result.err) == (code == 1)


@pytest.mark.parametrize("size", ["", "x", "-1", "1XB", "1.5GB", "GB"])
def test_sizes_that_are_none(backup, tmp_path, opened, size):
    result = run("restore", backup, "-C", tmp_path / "out", f"--max-size={size}", *opened)
    assert_fails(result, 2, hint=False)


def test_attributes_and_owners(tmp_path, opened):
    (tmp_path / "file").write_text("x")
    os.setxattr(tmp_path / "file", "user.note", b"hello")
    ok("backup", tmp_path / "file", "--xattrs", "-o", tmp_path / "b.age", *TO)
    ok("restore", tmp_path / "b.age", "-C", tmp_path / "out", "--xattrs", "--owner", *opened)
    assert os.getxattr(tmp_path / "out" / "file", "user.note") == b"hello"
    assert (tmp_path / "out" / "file").stat().st_uid == os.getuid()


def test_the_help_names_what_there_is():
    said = ok("backup", "--help").out.decode()
    for option in ("--compress", "--exclude ", "--exclude-from", "--include", "--exclude-caches"):
        assert option in said
    assert "cat" in ok("--help").out.decode()
    assert "[PATH]..." in ok("restore", "--help").out.decode()
