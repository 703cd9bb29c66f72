"""Backups made to do harm: refused, reported, and nothing outside the target is touched."""

from __future__ import annotations

import gzip
import io
import os
import tarfile
from pathlib import Path

import pytest

import passkeep
from support.trees import names

IDENTITY = passkeep.Identity.generate()


@pytest.fixture
def victim(tmp_path) -> Path:
    """A folder beside the target, with a file that nobody may touch."""
    folder = tmp_path / "victim"
    folder.mkdir()
    (folder / "precious.txt").write_text("precious")
    return folder


@pytest.fixture
def place(tmp_path) -> Path:
    """The folder that backups are restored in, under the name `target`."""
    folder = tmp_path / "place"
    folder.mkdir()
    return folder


def file(name: str, content: bytes = b"evil", **fields) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.size = len(content)
    for field, value in fields.items():
        setattr(info, field, value)
    return info, content


def special(name: str, kind: bytes, target: str = "") -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.mode = kind, target, 0o777
    info.devmajor, info.devminor = 1, 3
    return info, b""


def link(name: str, target: str) -> tuple[tarfile.TarInfo, bytes]:
    return special(name, tarfile.SYMTYPE, target)


def hard(name: str, target: str) -> tuple[tarfile.TarInfo, bytes]:
    return special(name, tarfile.LNKTYPE, target)


def folder(name: str) -> tuple[tarfile.TarInfo, bytes]:
    return special(name, tarfile.DIRTYPE)


def sealed(*entries, form: int = tarfile.PAX_FORMAT) -> io.BytesIO:
    """An archive of the entries, sealed to IDENTITY by somebody who knows its recipient."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=form) as archive:
        for info, content in entries:
            archive.addfile(info, io.BytesIO(content))
    return io.BytesIO(passkeep.encrypt(buffer.getvalue(), to=IDENTITY.recipient))


def restored(source: io.BytesIO, place: Path, **options) -> tuple[list[str], list[str]]:
    """What was restored and what was refused, after checking that the place holds no more."""
    try:
        report = passkeep.restore(source, place / "target", IDENTITY, **options)
    except passkeep.PartialError as error:
        report = error.report
    problems = [problem.path for problem in report.problems]
    assert report.problem_count == len(problems)
    assert names(place) == ["target"]
    found = sorted(str(p.relative_to(place / "target")) for p in (place / "target").rglob("*"))
    return found, problems


def hostile(victim: Path) -> dict[str, list]:
    outside = str(victim / "precious.txt")
    return {
        "parent": [file("../victim/precious.txt")],
        "parent of the place": [file("../../victim/precious.txt")],
        "parent inside": [file("a/../../../victim/precious.txt")],
        "parent at the end": [file("a/b/..")],
        "absolute": [file(outside)],
        "absolute with slashes": [file("//" + outside)],
        "absolute folder": [folder(str(victim / "made"))],
        "link by absolute name": [link(str(victim / "made"), "x")],
        "hard link by absolute name": [file("own"), hard(str(victim / "made"), "own")],
        "hard link out": [hard("taken", outside)],
        "hard link out by parents": [hard("taken", "../../victim/precious.txt")],
        "character device": [special("null", tarfile.CHRTYPE)],
        "block device": [special("disk", tarfile.BLKTYPE)],
        "fifo": [special("pipe", tarfile.FIFOTYPE)],
        "link out": [link("out", str(victim))],
        "link out by parents": [link("out", "../../victim")],
        "link out from below": [folder("a"), link("a/out", "../../../victim")],
        "file without a name": [file(".")],
    }


CASES = list(hostile(Path("/")))


@pytest.mark.parametrize("form", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT], ids=["pax", "gnu"])
@pytest.mark.parametrize("case", CASES)
def test_hostile_entries_are_refused_and_the_rest_is_restored(case, form, victim, place):
    entries = [file("before", b"1"), *hostile(victim)[case], file("later", b"2")]
    found, problems = restored(sealed(*entries, form=form), place)
    assert len(problems) == 1, (case, found)
    assert {"before", "later"} <= set(found) <= {"before", "later", "a", "a/b", "own"}
    assert_untouched(victim)


def test_a_name_with_a_nul_is_refused(place):
    # Only a pax record can hold one; it must not name the file before the NUL.
    nul = file("a", pax_headers={"path": "b\0c"})
    found, problems = restored(sealed(nul, file("later")), place)
    assert found == ["later"]
    assert len(problems) == 1


THROUGH = {
    "file through a link": lambda v: [link("l", str(v)), file("l/precious.txt")],
    "file through a link by parents": lambda v: [link("l", "../../victim"), file("l/new")],
    "file through two links": lambda v: [link("a", str(v)), link("b", "a"), file("b/new")],
    "folder through a link": lambda v: [link("l", str(v)), folder("l/new")],
    "folder over a link": lambda v: [link("l", str(v)), folder("l"), file("l/new")],
    "link through a link": lambda v: [link("l", str(v)), link("l/new", "x")],
    "hard link through a link": lambda v: [
        link("l", str(v)),
        hard("taken", "l/precious.txt"),
        file("taken"),
    ],
    "file over a link": lambda v: [link("l", str(v / "precious.txt")), file("l")],
    "link over a file": lambda v: [file("l"), link("l", str(v / "precious.txt")), file("l")],
    "link over a folder": lambda v: [folder("l"), link("l", str(v)), file("l/new")],
    "hard link to a link": lambda v: [
        link("l", str(v / "precious.txt")),
        hard("h", "l"),
        file("h"),
    ],
}


@pytest.mark.parametrize("options", [{}, {"links": "all"}, {"links": "all", "overwrite": True}])
@pytest.mark.parametrize("case", THROUGH.values(), ids=THROUGH.keys())
def test_nothing_is_written_through_links_of_the_archive(case, options, victim, place):
    restored(sealed(*case(victim)), place, **options)
    assert_untouched(victim)
    (place / "target" / "again").mkdir()  # and once more, into what the first run left
    restored(sealed(*case(victim)), place, **options)
    assert_untouched(victim)


def test_links_that_stay_inside_are_still_not_written_through(place):
    entries = [folder("real"), link("l", "real"), file("l/new")]
    found, _ = restored(sealed(*entries), place)
    assert "real/new" not in found


@pytest.mark.parametrize("mode", [0o4755, 0o2755, 0o1777, 0o7777])
def test_no_set_user_id_from_a_file(mode, place):
    restored(sealed(file("program", mode=mode), folder("f")), place)
    assert (place / "target" / "program").stat().st_mode & 0o7000 == 0


def test_owners_are_not_restored(place):
    restored(sealed(file("mine", uid=12345, gid=54321)), place)
    stat = (place / "target" / "mine").stat()
    assert (stat.st_uid, stat.st_gid) == (os.getuid(), os.getgid())


def test_the_same_file_twice_does_not_replace_the_first_silently(place):
    _, problems = restored(sealed(file("a", b"first"), file("a", b"second")), place)
    assert problems == ["a"]
    assert (place / "target" / "a").read_bytes() == b"first"


def test_names_in_reports_are_bounded(place):
    entries = [file(f"../{number}") for number in range(5000)]
    with pytest.raises(passkeep.PartialError) as caught:
        passkeep.restore(sealed(*entries), place / "target", IDENTITY)
    assert caught.value.report.problem_count == 5000
    assert 0 < len(caught.value.report.problems) <= 5000


def pax_bomb() -> bytes:
    """A pax header that claims to be 8 GiB long."""
    info = tarfile.TarInfo("x")
    info.type, info.size = tarfile.XHDTYPE, 8 << 30
    return info.tobuf(tarfile.GNU_FORMAT) + b"\0" * 10_240


def cut() -> bytes:
    info, _ = file("long", b"x" * 10_000)
    return info.tobuf(tarfile.PAX_FORMAT) + b"x" * 1024


def bad_checksum() -> bytes:
    info, content = file("a")
    block = bytearray(info.tobuf(tarfile.PAX_FORMAT))
    block[0] ^= 1
    return bytes(block) + content.ljust(512, b"\0") + b"\0" * 1024


def negative_size() -> bytes:
    info, _ = file("a", b"")
    info.size = -512
    return info.tobuf(tarfile.GNU_FORMAT) + b"\0" * 1024


NOT_ARCHIVES = {
    "text": b"Dear Ada\n" * 1000,
    "noise": bytes(range(256)) * 40,
    "gzip": gzip.compress(b"x" * 5000) + bytes(1024),
    "a wrong checksum": bad_checksum(),
    "cut inside a file": cut(),
    "cut inside a block": b"\0" * 100,
    "a huge pax header": pax_bomb(),
    "a negative size": negative_size(),
    "nothing": b"",
}


@pytest.mark.parametrize("payload", NOT_ARCHIVES.values(), ids=NOT_ARCHIVES.keys())
def test_what_is_no_archive_is_damage(payload, place):
    data = passkeep.encrypt(payload, to=IDENTITY.recipient)
    for call in (
        lambda source: passkeep.restore(source, place / "target", IDENTITY),
        lambda source: passkeep.verify(source, IDENTITY),
    ):
        with pytest.raises((passkeep.DamagedError, passkeep.LimitError)) as caught:
            call(io.BytesIO(data))
        assert "huge" in os.environ["PYTEST_CURRENT_TEST"] or isinstance(
            caught.value, passkeep.DamagedError
        )
    assert names(place) == []


def assert_untouched(victim: Path) -> None:
    assert names(victim) == ["precious.txt"]
    precious = victim / "precious.txt"
    assert precious.read_text() == "precious"
    assert precious.stat().st_nlink == 1
