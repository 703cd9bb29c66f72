"""Where backups are restored to: odd targets, full disks, and what killed runs left."""

from __future__ import annotations

import fcntl
import io
import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import passkeep
from support import tars
from support.trees import differences, names

IDENTITY = passkeep.X25519Identity.generate()


@pytest.fixture
def backup(tree, tmp_path) -> Path:
    path = tmp_path / "b.age"
    passkeep.backup(tree, path, to=IDENTITY.recipient)
    return path


@pytest.fixture
def place(tmp_path) -> Path:
    folder = tmp_path / "place"
    folder.mkdir()
    return folder


def test_a_link_to_nothing_is_refused_before_the_backup_is_read(backup, place):
    (place / "target").symlink_to("nowhere")
    data = bytearray(backup.read_bytes())
    data[-1] ^= 1  # at the end of the backup, where nobody looks
    backup.write_bytes(data)
    with pytest.raises(passkeep.InvalidInputError, match="link to nothing"):
        passkeep.restore(backup, place / "target", IDENTITY)
    assert names(place) == ["target"]


def test_a_link_to_a_folder_is_followed(backup, tree, place):
    (place / "real").mkdir()
    (place / "target").symlink_to("real")
    passkeep.restore(backup, place / "target", IDENTITY)
    assert differences(tree, place / "real" / "tree") == []


@pytest.mark.parametrize("length", [230, 234, 235, 240, 255])
def test_targets_and_files_with_long_names(tree, tmp_path, length):
    name = "é" * (length // 2) + "n" * (length % 2)
    (tree / name).write_text("long")
    path, target = tmp_path / ("b" * length), tmp_path / name
    passkeep.backup(tree, path, to=IDENTITY.recipient)
    passkeep.restore(path, target, IDENTITY)
    assert differences(tree, target / "tree") == []
    (target / "tree" / name).unlink()
    passkeep.restore(path, target, IDENTITY, overwrite=True)
    assert differences(tree, target / "tree") == []


NOBODY = 65534
RESTORE = f"""
import os, resource, sys
import passkeep
# Parts are loaded when they are used, and nobody may not read them.
for name in passkeep.__all__:
    getattr(passkeep, name)
source, target, identity, most = sys.argv[1:]
if int(most):
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(most), int(most)))
identity, restore = passkeep.parse_identity(identity), passkeep.restore
if os.getuid() == 0:
    os.setgid({NOBODY})
    os.setuid({NOBODY})
try:
    restore(source, target, identity, progress=None)
except BaseException as error:
    print(type(error).__name__, error)
"""


def restored_by_nobody(source: Path, target: Path, most: int = 0) -> str:
    """Restores without the powers of root, and with files of at most `most` bytes."""
    for folder in target.parents:
        if folder == Path("/tmp"):
            break
        folder.chmod(folder.stat().st_mode | 0o055)
    target.parent.chmod(0o777)
    words = [sys.executable, "-c", RESTORE, str(source), str(target), str(IDENTITY), str(most)]
    done = subprocess.run(words, check=True, capture_output=True, text=True, cwd="/")
    return done.stdout + done.stderr


def test_read_only_folders_leave_nothing_behind(tree, tmp_path, place):
    """A restore that fails at its very end removes what it made, read-only or not."""
    for number in range(3):
        folder = tree / "locked" / str(number)
        folder.mkdir(parents=True)
        (folder / "file").write_text("x")
        folder.chmod(0o555)
    (tree / "locked").chmod(0o500)
    path = tmp_path / "locked.age"
    passkeep.backup(tree, path, to=IDENTITY.recipient)
    path.chmod(0o644)
    assert restored_by_nobody(path, place / "fine") == ""
    # Somebody takes the target's name while the restore is under way.
    script = RESTORE.replace(
        "progress=None", "progress=lambda done: os.path.exists(target) or os.mkdir(target)"
    )
    words = [sys.executable, "-c", script, str(path), str(place / "taken"), str(IDENTITY), "0"]
    done = subprocess.run(words, check=True, capture_output=True, text=True)
    assert "File exists" in done.stdout + done.stderr
    assert names(place) == ["fine", "taken"]
    assert names(place / "taken") == []


@pytest.mark.parametrize("existing", [False, True])
def test_a_full_disk_leaves_no_temporary_files(backup, place, existing):
    backup.chmod(0o644)
    target = place / "target"
    if existing:
        target.mkdir()
        target.chmod(0o777)
        (target / "mine").write_text("mine")
    said = restored_by_nobody(backup, target, most=1_000_000)
    assert "File too large" in said
    if existing:
        assert (target / "mine").read_text() == "mine"
        assert not list(target.rglob(".passkeep-*"))
        # What was complete by then stays.
        assert names(target) == ["mine", "tree"]
        assert (target / "tree" / "letter.txt").read_text() == "Dear Ada"
    else:
        assert names(place) == []


def test_what_a_killed_restore_left_is_removed_by_the_next(backup, tree, place):
    script = (
        "import os, signal, sys, passkeep\n"
        "passkeep.restore(sys.argv[1], sys.argv[2], passkeep.parse_identity(sys.argv[3]),\n"
        "    progress=lambda done: os.kill(os.getpid(), signal.SIGKILL))\n"
    )
    words = [sys.executable, "-c", script, str(backup), str(place / "target"), str(IDENTITY)]
    done = subprocess.run(words, check=False)
    assert done.returncode == -signal.SIGKILL
    (left,) = names(place)
    assert left.startswith(".target.passkeep-")
    (place / left / "tree").mkdir()
    (place / left / "tree" / "file").write_text("half")
    (place / left / "tree").chmod(0o500)
    # Names that are no leftovers of this target stay, and so does what is in use.
    others = [".target.passkeep-0123", ".target2.passkeep-0123456789ab", ".target.passkeep-zz"]
    for name in others:
        (place / name).mkdir()
    # Nor is a folder of mine a leftover because somebody gave it such a name.
    renamed = ".target.passkeep-ba9876543210"
    others.append(renamed)
    (place / renamed).mkdir()
    (place / renamed / "mine").write_text("mine")
    (place / ".target.passkeep-0123456789ab").mkdir()
    seen = []

    def meanwhile(done):
        if not seen:
            seen.append(names(place))
            passkeep.restore(backup, place / "target", IDENTITY)

    with pytest.raises(FileExistsError):
        passkeep.restore(backup, place / "target", IDENTITY, progress=meanwhile)
    assert left not in seen[0]
    assert names(place) == sorted([*others, "target"])
    assert (place / renamed / "mine").exists()
    assert differences(tree, place / "target" / "tree") == []
    assert names(place / "target") == ["tree"]


def test_what_a_killed_restore_left_in_a_folder_is_removed_by_the_next(tree, tmp_path, place):
    (tree / "large").write_bytes(os.urandom(3_000_000))
    backup = tmp_path / "b.age"
    passkeep.backup(tree, backup, to=IDENTITY.recipient)
    script = (
        "import io, os, signal, sys, passkeep\n"
        "from pathlib import Path\n"
        "class Source(io.BytesIO):\n"
        "    def read(self, size):\n"
        "        if list(Path(sys.argv[2]).rglob('.passkeep-*')):\n"
        "            os.kill(os.getpid(), signal.SIGKILL)\n"
        "        return super().read(size)\n"
        "source = Source(Path(sys.argv[1]).read_bytes())\n"
        "passkeep.restore(source, sys.argv[2], passkeep.parse_identity(sys.argv[3]))\n"
    )
    words = [sys.executable, "-c", script, str(backup), str(place), str(IDENTITY)]
    assert subprocess.run(words, check=False).returncode == -signal.SIGKILL
    (left,) = place.rglob(".passkeep-*")
    # What is in use, what is not of this form, and what is no file stays.
    used = left.with_name(".passkeep-0123456789ab")
    others = [".passkeep-0123456789AB", ".passkeep-0123", "x.passkeep-0123456789ab"]
    for name in others:
        left.with_name(name).write_text("x")
    left.with_name(".passkeep-ba9876543210").mkdir()
    with used.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        passkeep.restore(backup, place, IDENTITY, overwrite=True)
        assert not left.exists()
        assert used.exists()
    passkeep.restore(backup, place, IDENTITY, overwrite=True)
    assert not used.exists()
    left.with_name(".passkeep-ba9876543210").rmdir()
    for name in others:
        left.with_name(name).unlink()
    assert differences(tree, place / "tree") == []


def test_few_descriptors(tree, tmp_path):
    deep = tree
    for _ in range(100):
        deep = deep / "d"
    deep.mkdir(parents=True)
    (deep / "file").write_text("deep")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(
        resource.RLIMIT_NOFILE, (60 + len(list(Path("/proc/self/fd").iterdir())), hard)
    )
    try:
        with pytest.raises((passkeep.PasskeepError, OSError)):
            passkeep.backup(tree, tmp_path / "b.age", to=IDENTITY.recipient)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_a_backup_without_its_keyring_is_made_every_night(quick_keyring, tree, tmp_path):
    """It cannot be told from somebody else's, but from what carries a keyring."""
    bare, travelling, letter = tmp_path / "bare", tmp_path / "travelling", tree / "letter.txt"

    def nightly(target, *, travel):
        passkeep.backup(tree, target, to=quick_keyring, travel=travel, overwrite=True)

    for _ in range(2):
        nightly(bare, travel=False)
        nightly(travelling, travel=True)
    for target, travel in ((bare, True), (letter, True), (letter, False)):
        before = target.read_bytes()
        with pytest.raises(passkeep.OutputError, match="not a backup of this keyring"):
            nightly(target, travel=travel)
        assert target.read_bytes() == before
    nightly(travelling, travel=False)


def test_bare_recipients_lock_no_keyring_out(quick_keyring, tree, tmp_path):
    target = tmp_path / "b.age"
    passkeep.backup(tree, target, to=quick_keyring)
    before = target.read_bytes()
    with pytest.raises(passkeep.OutputError, match="carries a keyring"):
        passkeep.backup(tree, target, to=passkeep.Identity.generate().recipient, overwrite=True)
    assert target.read_bytes() == before


@pytest.mark.parametrize("kind", [tars.LINK, tars.HARD_LINK])
@pytest.mark.parametrize("new", [True, False])
@pytest.mark.parametrize("overwrite", [True, False])
def test_no_entry_takes_the_place_of_another_one(kind, new, overwrite, place):
    files = tars.entry(b"a", b"first") + tars.entry(b"b", b"other")
    archive = files + tars.link(b"a", b"b", kind) + tars.END
    sealed = io.BytesIO(passkeep.encrypt(archive, to=IDENTITY.recipient))
    target = place / "target"
    if not new:
        target.mkdir()
    with pytest.raises(passkeep.PartialError) as error:
        passkeep.restore(sealed, target, IDENTITY, overwrite=overwrite)
    assert [problem.path for problem in error.value.report.problems] == ["a"]
    assert not (target / "a").is_symlink()
    assert (target / "a").read_bytes() == b"first"


def test_many_files_with_few_descriptors(tmp_path, place):
    """What could not be restored of files does not keep them open, nor does writing."""
    count = 3000
    attribute = tars.pax({b"SCHILY.xattr.trusted.x": b"y"})
    files = b"".join(attribute + tars.entry(b"%d/file" % number) for number in range(count))
    source = tmp_path / "many.age"
    with passkeep.open(source, "wb", to=IDENTITY.recipient) as sealed:
        sealed.write(files + tars.END)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    few = 60 + len(list(Path("/proc/self/fd").iterdir()))
    resource.setrlimit(resource.RLIMIT_NOFILE, (few, hard))
    try:
        with pytest.raises(passkeep.PartialError) as partial:
            passkeep.restore(source, place / "target", IDENTITY, xattrs=True, threads=4)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    report = partial.value.report
    assert (report.files, report.problem_count, len(report.problems)) == (count, count, 1000)
    assert {problem.kind for problem in report.problems} == {"refused"}
