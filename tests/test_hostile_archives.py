"""Archives made to do harm: a table of them, and what becomes of each.

Each is restored into a new folder as people do, then into an existing one with
every protection that can be turned off turned off. Whatever happens, a tree that
lies beside the target is as it was, to the last bit of metadata.
"""

from __future__ import annotations

import io
import os
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

import passkeep
from support import table
from support.tars import (
    CHARACTER,
    DISK,
    END,
    FIFO,
    HARD_LINK,
    block,
    checked,
    entry,
    folder,
    link,
    long,
    padded,
    pax,
    sparse,
)
from support.trees import names

IDENTITY = passkeep.X25519Identity.generate()

REFUSED, HARMLESS, DAMAGED, LIMIT = "refused", "harmless", "damaged", "limit"
Build = Callable[[bytes], bytes]
"""Makes an archive, given the absolute name of the victim's folder."""


def zstd(data: bytes, *options: str) -> bytes:
    return subprocess.run(
        ["zstd", "-q", "-c", *options], input=data, capture_output=True, check=True
    ).stdout


def framed(body: bytes) -> bytes:
    """An archive with a good file before and after what is hostile."""
    return entry(b"before", b"good") + body + entry(b"later", b"good") + END


def old_sparse(extensions: int) -> bytes:
    """GNU's old sparse form: the map goes on in blocks that no size counts."""
    header = bytearray(block(b"old", b"S", magic=b"ustar  \0"))
    header[482] = extensions > 0
    more = b"".join(
        bytes(504) + bytes([number < extensions - 1]) + bytes(7) for number in range(extensions)
    )
    return checked(bytes(header)) + more


def broken_checksum() -> bytes:
    header = bytearray(block(b"x"))
    header[0] ^= 1
    return bytes(header)


def bomb() -> bytes:
    """A gibibyte and a half that expands beyond all bounds, and claims a file's place."""
    frame = zstd(bytes(64 << 20))
    return zstd(block(b"../bomb", size=1 << 40)) + frame * 24


def many_long_links() -> bytes:
    """More links than anybody keeps in memory, each with a target of a mebibyte."""
    target = b"t" * 1_000_000
    one = pax({b"linkpath": target}) + link(b"link", b"")
    return zstd(one * 300 + END, "-1", "--long=27")


def many_files() -> bytes:
    """Thirty thousand entries of one name."""
    return entry(b"tiny", b"") * 30_000


UP = b"../victim/precious"

ARCHIVES: dict[str, tuple[str, Build]] = {
    # Names
    "..": (REFUSED, lambda v: framed(entry(UP))),
    ".. behind a folder": (REFUSED, lambda v: framed(entry(b"a/../../victim/precious"))),
    ".. at the end": (REFUSED, lambda v: framed(entry(b"a/.."))),
    "absolute name": (REFUSED, lambda v: framed(entry(v + b"/precious"))),
    "absolute folder": (REFUSED, lambda v: framed(folder(v + b"/new"))),
    "name with NUL": (REFUSED, lambda v: framed(pax({b"path": b"a\0/../b"}) + entry(b"x"))),
    "name of 300 bytes": (REFUSED, lambda v: framed(pax({b"path": b"n" * 300}) + entry(b"x"))),
    "name of a mebibyte": (REFUSED, lambda v: framed(pax({b"path": b"n" * 10**6}) + entry(b"x"))),
    "nested 400 deep": (REFUSED, lambda v: framed(pax({b"path": b"d/" * 400}) + folder(b"x"))),
    "no name": (REFUSED, lambda v: framed(entry(b""))),
    "the target as a file": (REFUSED, lambda v: framed(entry(b"."))),
    "not UTF-8": (HARMLESS, lambda v: framed(entry(b"\xff\xfe\x80"))),
    "control characters": (HARMLESS, lambda v: framed(entry(b"\x1b[2J\n\r\x07"))),
    "Windows names": (
        HARMLESS,
        lambda v: framed(b"".join(entry(n) for n in (b"C:\\x", b"a\\..\\..\\x", b"CON", b"d. "))),
    ),
    # Links
    "written through a link": (
        REFUSED,
        lambda v: framed(link(b"l", b"../victim") + entry(b"l/precious")),
    ),
    "written through an absolute link": (
        REFUSED,
        lambda v: framed(link(b"l", v) + entry(b"l/precious")),
    ),
    "written through a chain of links": (
        REFUSED,
        lambda v: framed(link(b"a", b"b") + link(b"b", v) + entry(b"a/precious")),
    ),
    ".. behind a link": (
        REFUSED,
        lambda v: framed(link(b"here", b".") + link(b"out", b"here/../victim")),
    ),
    "link replaced by a folder": (
        REFUSED,
        lambda v: framed(link(b"l", v) + folder(b"l") + entry(b"l/precious")),
    ),
    "folder replaced by a link": (
        REFUSED,
        lambda v: framed(folder(b"l") + link(b"l", v) + entry(b"l/precious")),
    ),
    "hard link out": (REFUSED, lambda v: framed(link(b"h", UP, HARD_LINK))),
    "hard link to an absolute name": (
        REFUSED,
        lambda v: framed(link(b"h", v + b"/precious", HARD_LINK) + entry(b"h")),
    ),
    "hard link to a link": (
        REFUSED,
        lambda v: framed(link(b"l", v + b"/precious") + link(b"h", b"l", HARD_LINK) + entry(b"h")),
    ),
    "hard link to a file that stood there": (
        REFUSED,
        lambda v: framed(link(b"h", b"mine", HARD_LINK)),
    ),
    "hard links in a circle": (
        REFUSED,
        lambda v: framed(link(b"a", b"b", HARD_LINK) + link(b"b", b"a", HARD_LINK)),
    ),
    "hard link to a folder": (
        REFUSED,
        lambda v: framed(folder(b"d") + link(b"h", b"d", HARD_LINK)),
    ),
    "link with a target of 5000 bytes": (
        REFUSED,
        lambda v: framed(pax({b"linkpath": b"l" * 5000}) + link(b"l", b"")),
    ),
    "link to nothing": (REFUSED, lambda v: framed(link(b"l", b""))),
    # The same name twice
    **{
        f"twice: {one}, {other}": (
            expected,
            lambda v, one=one, other=other: framed(_KINDS[one](v) + _KINDS[other](v)),
        )
        for one, other, expected in (
            ("file", "file", REFUSED),
            ("file", "folder", REFUSED),
            ("file", "link", REFUSED),
            ("file", "hard link", REFUSED),
            ("folder", "file", REFUSED),
            ("folder", "folder", HARMLESS),
            ("folder", "link", REFUSED),
            ("link", "file", REFUSED),
            ("link", "link", REFUSED),
            ("hard link", "hard link", REFUSED),
        )
    },
    "names that some systems take for one": (
        HARMLESS,
        lambda v: framed(
            folder(b"Evil") + link(b"evil", b"before") + entry(b"EVIL/precious")
            + entry("\u00e9".encode()) + entry("e\u0301".encode())
        ),
    ),
    # Powers
    "character device": (REFUSED, lambda v: framed(block(b"null", CHARACTER))),
    "block device": (REFUSED, lambda v: framed(block(b"disk", DISK))),
    "FIFO": (REFUSED, lambda v: framed(block(b"pipe", FIFO))),
    "unknown kind": (REFUSED, lambda v: framed(entry(b"what", b"data", b"Z"))),
    "setuid, setgid, sticky": (HARMLESS, lambda v: framed(entry(b"program", mode=0o7777))),
    "security attributes": (
        REFUSED,
        lambda v: framed(
            pax({b"SCHILY.xattr.security.capability": b"\1\0\0\2\xff"}) + entry(b"capable")
        ),
    ),
    "trusted attributes": (
        REFUSED,
        lambda v: framed(pax({b"SCHILY.xattr.trusted.x": b"y"}) + entry(b"trusted")),
    ),
    "another owner": (HARMLESS, lambda v: framed(entry(b"mine", owner=12345))),
    # Sizes
    "pax size too large": (DAMAGED, lambda v: framed(pax({b"size": b"99999"}) + entry(b"x"))),
    "pax size too small": (
        DAMAGED,
        lambda v: framed(pax({b"size": b"1"}) + entry(b"x", b"x" * 600)),
    ),
    "pax size of no number": (DAMAGED, lambda v: framed(pax({b"size": b"-1"}) + entry(b"x"))),
    "pax size beyond 64 bits": (
        DAMAGED,
        lambda v: framed(pax({b"size": b"9" * 30}) + entry(b"x")),
    ),
    "negative octal size": (DAMAGED, lambda v: framed(block(b"x", size=b"-0000000001\0"))),
    "negative binary size": (DAMAGED, lambda v: framed(block(b"x", size=b"\xff" * 12))),
    "huge binary size": (
        DAMAGED,
        lambda v: framed(block(b"x", size=b"\x80\0\0\0\x7f" + b"\xff" * 7)),
    ),
    "link with content": (HARMLESS, lambda v: framed(entry(b"l", b"data", b"2", link=b"before"))),
    # Extended headers
    "pax header over a mebibyte": (
        LIMIT,
        lambda v: framed(pax({b"comment": b"c" * (1 << 20)}) + entry(b"x")),
    ),
    "pax header of 8 GiB": (LIMIT, lambda v: framed(block(b"pax", b"x", size=(8 << 30) - 1))),
    "pax record without its length": (
        DAMAGED,
        lambda v: framed(entry(b"pax", b"path=x\n", b"x") + entry(b"x")),
    ),
    "pax record that leads out": (
        DAMAGED,
        lambda v: framed(entry(b"pax", b"99 path=x\n", b"x") + entry(b"x")),
    ),
    "pax time of no time": (
        DAMAGED,
        lambda v: framed(pax({b"mtime": b"9" * 30}) + entry(b"x")),
    ),
    "global path": (HARMLESS, lambda v: framed(pax({b"path": UP}, b"g") + entry(b"x"))),
    "global size": (HARMLESS, lambda v: framed(pax({b"size": b"1"}, b"g") + entry(b"x"))),
    "global link target": (
        HARMLESS,
        lambda v: framed(pax({b"linkpath": UP}, b"g") + link(b"l", b"before")),
    ),
    "GNU long name out": (REFUSED, lambda v: framed(long(b"L", UP) + entry(b"x"))),
    "GNU long link out": (REFUSED, lambda v: framed(long(b"K", UP) + link(b"l", b"before"))),
    "GNU long name of 8 GiB": (LIMIT, lambda v: framed(block(b"x", b"L", size=(8 << 30) - 1))),
    "GNU long name overruled by pax": (
        REFUSED,
        lambda v: framed(long(b"L", b"fine") + pax({b"path": UP}) + entry(b"x")),
    ),
    # Holes
    "sparse map that overlaps": (
        REFUSED,
        lambda v: framed(sparse(100, b"2\n0\n10\n5\n10\n", b"x" * 20)),
    ),
    "sparse map out of order": (
        REFUSED,
        lambda v: framed(sparse(100, b"2\n50\n10\n0\n10\n", b"x" * 20)),
    ),
    "sparse map beyond the end": (REFUSED, lambda v: framed(sparse(100, b"1\n95\n9\n", b"x" * 9))),
    "sparse map without its data": (REFUSED, lambda v: framed(sparse(100, b"1\n0\n9\n", b""))),
    "sparse map of many parts": (REFUSED, lambda v: framed(sparse(100, b"9" * 400 + b"\n", b""))),
    "sparse file by another name": (
        REFUSED,
        lambda v: framed(sparse(100, b"1\n0\n9\n", b"x" * 9, name=UP)),
    ),
    "sparse file of 2^64 bytes": (
        REFUSED,
        lambda v: framed(sparse(2**64 - 1, b"1\n0\n9\n", b"x" * 9)),
    ),
    "old sparse file": (REFUSED, lambda v: framed(old_sparse(0))),
    "old sparse file with blocks behind it": (REFUSED, lambda v: framed(old_sparse(3))),
    # Frames
    "checksum that does not fit": (DAMAGED, lambda v: framed(broken_checksum())),
    "cut inside a file": (DAMAGED, lambda v: framed(b"")[:-2000]),
    "no end": (DAMAGED, lambda v: entry(b"x")),
    "something behind the end": (DAMAGED, lambda v: framed(b"") + padded(b"x")),
    "nothing at all": (DAMAGED, lambda v: b""),
    "no entries": (HARMLESS, lambda v: END),
    "thirty thousand times one name": (REFUSED, lambda v: framed(many_files())),
    "links that fill the memory": (LIMIT, lambda v: many_long_links()),
    "zstd bomb": (LIMIT, lambda v: bomb()),
    "zstd cut inside a frame": (DAMAGED, lambda v: zstd(framed(b""))[:-9]),
    "zstd and something behind it": (DAMAGED, lambda v: zstd(framed(b"")) + b"rubbish"),
    "zstd that looks back too far": (
        DAMAGED,
        lambda v: zstd(framed(b""), "--ultra", "-22", "--zstd=wlog=31"),
    ),
    "zstd that holds no archive": (DAMAGED, lambda v: zstd(b"Dear Ada\n" * 1000)),
}  # fmt: skip

_KINDS: dict[str, Build] = {
    "file": lambda v: entry(b"same"),
    "folder": lambda v: folder(b"same"),
    "link": lambda v: link(b"same", v),
    "hard link": lambda v: link(b"same", b"before", HARD_LINK),
}


@pytest.fixture
def place(tmp_path) -> Path:
    """A folder with a victim, beside which archives are restored."""
    folder = tmp_path / "place"
    (folder / "victim" / "sub").mkdir(parents=True)
    (folder / "victim" / "precious").write_text("precious")
    (folder / "victim" / "precious").chmod(0o640)
    (folder / "victim" / "sub" / "link").symlink_to("../precious")
    return folder


def canary(folder: Path) -> list[tuple]:
    """Everything about a tree but when it was looked at."""
    found = []
    for path in [folder, *sorted(folder.rglob("*"))]:
        about = path.lstat()
        content = path.read_bytes() if stat.S_ISREG(about.st_mode) else b""
        found.append((path, content, *about[:7], about.st_mtime_ns, about.st_ctime_ns))
    return found


def outcome(action: Callable[[], object]) -> tuple[str, list[passkeep.Problem]]:
    """How a run ended, in the words of the table."""
    try:
        action()
    except passkeep.PartialError as error:
        report = error.report
        assert isinstance(report, passkeep.TreeReport)
        assert report.problem_count >= len(report.problems) > 0
        return REFUSED, report.problems
    except passkeep.DamagedError:
        return DAMAGED, []
    except passkeep.LimitError:
        return LIMIT, []
    return HARMLESS, []


@pytest.mark.parametrize("name", ARCHIVES)
def test_a_hostile_archive(name, place):
    expected, build = ARCHIVES[name]
    victim, target = place / "victim", place / "target"
    sealed = passkeep.encrypt(build(os.fsencode(victim)), to=IDENTITY.recipient)
    before = canary(victim)

    def restore(**options):
        return outcome(
            lambda: passkeep.restore(io.BytesIO(sealed), target, IDENTITY, sync=False, **options)
        )

    ended, problems = restore(xattrs=True)
    assert ended == expected, [(p.path, p.message) for p in problems]
    assert canary(victim) == before
    assert all(p.kind in {"refused", "exists"} for p in problems)
    if expected in (DAMAGED, LIMIT):
        assert names(place) == ["victim"], "nothing appears"
    else:
        assert names(place) == ["target", "victim"]
        assert_harmless(target)
        if name != "no entries":
            assert (target / "before").read_text() == "good"
            assert (target / "later").read_text() == "good"

    # Again, into what is there, with nothing held back.
    target.mkdir(exist_ok=True)
    (target / "mine").write_text("mine")
    for _ in range(2):
        restore(xattrs=True, links="all", overwrite=True)
        assert canary(victim) == before
        assert (target / "mine").stat().st_nlink == 1
        assert not list(target.rglob(".passkeep-*"))
    outcome(lambda: passkeep.verify(io.BytesIO(sealed), IDENTITY))
    table.judged(name, expected)


def assert_harmless(target: Path) -> None:
    """Nothing in a restored tree has powers, or leads out of it."""
    for path in target.rglob("*"):
        about = path.lstat()
        mode = about.st_mode
        assert stat.S_ISREG(mode) or stat.S_ISDIR(mode) or stat.S_ISLNK(mode)
        assert mode & 0o7000 == 0
        assert about.st_uid == os.getuid()
        if stat.S_ISLNK(mode):
            assert path.resolve().is_relative_to(target.resolve()), path
        else:
            attributes = os.listxattr(path) if hasattr(os, "listxattr") else []
            assert not [a for a in attributes if a.startswith(("security.cap", "trusted."))]


def test_a_folder_that_becomes_a_link_during_the_restore(place):
    """Somebody else moves a folder away and puts a link to the victim in its place."""
    victim, target = place / "victim", place / "target"
    before = canary(victim)
    (target / "folder").mkdir(parents=True)
    entries = b"".join(entry(b"folder/%04d" % number, b"x" * 100_000) for number in range(300))
    sealed = passkeep.encrypt(entries + END, to=IDENTITY.recipient)
    swapped = []

    def swap(done):
        if done > 1_000_000 and not swapped:
            (target / "folder").rename(target / "moved")
            (target / "folder").symlink_to(victim)
            swapped.append(done)

    for links in ("inside", "all"):
        swapped.clear()
        ended, _ = outcome(
            lambda links=links: passkeep.restore(
                io.BytesIO(sealed), target, IDENTITY, links=links, overwrite=True, progress=swap
            )
        )
        assert ended in {HARMLESS, REFUSED}
        assert swapped
        assert canary(victim) == before
        (target / "folder").unlink()
        (target / "moved").rename(target / "folder")
    table.judged("folder replaced by a link during the restore", HARMLESS)


def test_there_are_enough():
    assert len(ARCHIVES) >= 30


def test_holes_that_are_written_out_expand_no_further_than_data(place):
    """A kilobyte of backup is no terabyte of zeros on a pipe, unless that is asked for."""
    source = place / "holes.age"
    with passkeep.open(source, "wb", to=IDENTITY.recipient) as sealed:
        sealed.write(sparse(1 << 40, b"0\n", b"", name=b"disk") + END)
    written = 0

    class Counter(io.RawIOBase):
        def writable(self) -> bool:
            return True

        def write(self, data) -> int:
            nonlocal written
            written += len(data)
            if written > 3 << 30:
                raise OSError("it does not end")
            return len(data)

    with pytest.raises(passkeep.LimitError, match="expands"):
        passkeep.cat(source, "disk", Counter(), IDENTITY)
    assert written < 3 << 30
    written = 0
    with pytest.raises(passkeep.LimitError, match="larger than may be written"):
        passkeep.cat(source, "disk", Counter(), IDENTITY, max_bytes=(1 << 40) - 1)
    assert written == 0
    with pytest.raises(OSError, match="it does not end"):
        passkeep.cat(source, "disk", Counter(), IDENTITY, max_bytes=1 << 40)
