"""Disks that are full, broken or read-only, calls cut short, and kills at any moment.

Each fault is tried at every call. Whatever happens: the documented exit code, one
line that says it, the target as it was or complete, and nothing left beside it.
"""

from __future__ import annotations

import errno
import os
import re
import shutil
import signal
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

import passkeep
from support.cli import assert_fails
from support.faults import ALL, PUBLISHING, READING, WRITING, Fault, Faults
from support.trees import differences, names

IDENTITY = passkeep.Identity.generate()
TO = ("--to", str(IDENTITY.recipient))
ERRORS = (errno.ENOSPC, errno.EIO, errno.EDQUOT, errno.EFBIG, errno.EROFS)
LEFTOVER = re.compile(r"\.target(\.age)?\.passkeep-[0-9a-f]{12}")


@pytest.fixture(scope="module")
def faults(tmp_path_factory):
    with (
        pytest.MonkeyPatch.context() as patch,
        Faults(tmp_path_factory.mktemp("faults")) as faults,
    ):
        patch.setenv("PASSKEEP_STATE_DIR", str(tmp_path_factory.mktemp("state")))
        yield faults


@pytest.fixture(scope="module")
def given(tmp_path_factory) -> Path:
    """What the commands work on; nothing in it ever changes."""
    folder = tmp_path_factory.mktemp("given")
    (folder / "id.txt").write_text(str(IDENTITY))
    tree = folder / "tree"
    (tree / "sub").mkdir(parents=True)
    (tree / "letter.txt").write_text("Dear Ada")
    (tree / "sub" / "large.bin").write_bytes(os.urandom(1_400_000))
    plain = folder / "plain"
    plain.write_bytes(os.urandom(2_500_000))
    passkeep.encrypt_file(plain, folder / "sealed.age", to=IDENTITY.recipient, sync=False)
    for name, level in (("backup.age", None), ("packed.age", 3)):
        passkeep.backup(tree, folder / name, to=IDENTITY.recipient, compress=level, sync=False)
    return folder


@dataclass(frozen=True)
class Command:
    """A command that makes one target.

    Attributes:
        words: Its arguments, given what there is and the target.
        check: Raises where the target is not complete.
        stdin: The name of what it reads from standard input.
    """

    words: Callable[[Path, Path], tuple[object, ...]]
    check: Callable[[Path, Path], object]
    stdin: str | None = None


def same(given, target):
    assert target.read_bytes() == (given / "plain").read_bytes()


def opens(given, target):
    assert passkeep.decrypt(target.read_bytes(), IDENTITY) == (given / "plain").read_bytes()


def verifies(given, target):
    assert passkeep.verify(target, IDENTITY).files == 2


def restored(given, target):
    assert differences(given / "tree", target / "tree") == []


def opening(given):
    return ("--identity", given / "id.txt")


COMMANDS = {
    "encrypt": Command(lambda g, t: ("encrypt", g / "plain", "-o", t, *TO), opens),
    "encrypt a stream": Command(lambda g, t: ("encrypt", "-o", t, *TO), opens, "plain"),
    "decrypt": Command(lambda g, t: ("decrypt", g / "sealed.age", "-o", t, *opening(g)), same),
    "decrypt a stream": Command(lambda g, t: ("decrypt", "-o", t, *opening(g)), same, "sealed.age"),
    "backup": Command(lambda g, t: ("backup", g / "tree", "-o", t, *TO), verifies),
    "backup, compressed": Command(
        lambda g, t: ("backup", g / "tree", "--compress", "-o", t, *TO), verifies
    ),
    "restore": Command(lambda g, t: ("restore", g / "backup.age", "-C", t, *opening(g)), restored),
    "restore, compressed": Command(
        lambda g, t: ("restore", g / "packed.age", "-C", t, *opening(g)), restored
    ),
}
FILES = [name for name in COMMANDS if not name.startswith("restore")]


@dataclass
class Setting:
    """A command and a folder that holds nothing but its target."""

    command: Command
    given: Path
    folder: Path
    faults: Faults

    @property
    def target(self) -> Path:
        return self.folder / "target"

    def run(self, fault=None, *, force=False, **options):
        words = self.command.words(self.given, self.target)
        if self.command.stdin is not None:
            options["stdin"] = self.given / self.command.stdin
        if fault is not None:
            options["fault"] = fault
        return self.faults.run(*words, *(["--force"] if force else []), **options)

    def calls(self, calls) -> int:
        """How many calls there are when all goes well."""
        done = self.run(Fault(calls, str(self.folder)))
        assert done.code == 0, done.err
        self.check()
        self.clear()
        assert done.seen > 0
        return done.seen

    def check(self):
        self.command.check(self.given, self.target)

    def clear(self):
        shutil.rmtree(self.folder)
        self.folder.mkdir()


@pytest.fixture(params=COMMANDS)
def setting(request, given, tmp_path, faults):
    folder = tmp_path / "folder"
    folder.mkdir()
    return Setting(COMMANDS[request.param], given, folder, faults)


@pytest.fixture(params=FILES)
def file_setting(request, given, tmp_path, faults):
    folder = tmp_path / "folder"
    folder.mkdir()
    return Setting(COMMANDS[request.param], given, folder, faults)


@pytest.mark.parametrize("error", ERRORS, ids=lambda number: errno.errorcode[number])
def test_a_write_that_fails(error, setting):
    for number in range(1, setting.calls(WRITING) + 1):
        done = setting.run(Fault(WRITING, str(setting.folder), number, error=error))
        assert_fails(done, 1, hint=error in {errno.ENOSPC, errno.EDQUOT})
        assert os.strerror(error) in done.err
        assert names(setting.folder) == []


def test_a_write_that_fails_leaves_what_was_there(file_setting):
    setting = file_setting
    for number in range(1, setting.calls(WRITING) + 1):
        setting.target.write_bytes(b"yesterday's")
        fault = Fault(WRITING, str(setting.folder), number, error=errno.ENOSPC)
        assert_fails(setting.run(fault, force=True), 1)
        assert names(setting.folder) == ["target"]
        assert setting.target.read_bytes() == b"yesterday's"


def test_a_sync_that_fails_is_neither_repeated_nor_published(file_setting):
    setting = file_setting
    done = setting.run(Fault(("fsync",), str(setting.folder), 1, error=errno.EIO))
    assert_fails(done, 1, hint=False)
    assert done.seen == 1
    assert names(setting.folder) == []


def test_a_folder_that_fails_to_sync_is_told_of(file_setting):
    setting = file_setting
    done = setting.run(Fault(("fsync",), str(setting.folder), 2, error=errno.EIO))
    assert_fails(done, 1)
    assert "is complete, but" in done.err
    setting.check()


def test_a_folder_that_cannot_be_synced_is_left_alone(file_setting):
    setting = file_setting
    done = setting.run(Fault(("fsync",), str(setting.folder), 2, error=errno.EINVAL))
    assert done.code == 0
    setting.check()


def test_file_systems_without_hard_links(file_setting):
    setting = file_setting
    done = setting.run(Fault(("link",), str(setting.folder), 1, error=errno.EPERM))
    assert done.code == 0
    assert done.seen == 1
    setting.check()
    assert names(setting.folder) == ["target"]


@pytest.mark.parametrize("calls", [("link", "rename"), ("rename",)])
def test_a_name_that_cannot_be_given(calls, file_setting):
    setting = file_setting
    force = calls == ("rename",)
    setting.calls(PUBLISHING)
    setting.target.write_bytes(b"yesterday's") if force else None
    done = setting.run(
        Fault(calls, str(setting.folder), 1, step=1, error=errno.EACCES), force=force
    )
    assert_fails(done, 1, hint=False)
    assert names(setting.folder) == (["target"] if force else [])


@pytest.mark.parametrize(
    "fault",
    [
        Fault((*READING, *WRITING, "fsync"), first=1, step=2, error=errno.EINTR),
        Fault((*READING, "write", "pwrite64"), first=1, step=1, short=True),
        Fault((*READING, "write", "pwrite64"), first=2, step=3, short=True),
    ],
    ids=["interrupted", "short", "sometimes short"],
)
def test_calls_that_are_interrupted_or_stop_short_are_made_again(fault, setting):
    for under in (setting.folder, setting.given):
        done = setting.run(Fault(**(vars(fault) | {"under": str(under)})))
        assert done.code == 0, done.err
        assert done.seen > 1
        setting.check()
        setting.clear()


@pytest.mark.parametrize("name", ["encrypt", "decrypt", "encrypt a stream", "decrypt a stream"])
def test_a_read_that_fails(name, given, tmp_path, faults):
    folder = tmp_path / "folder"
    folder.mkdir()
    setting = Setting(COMMANDS[name], given, folder, faults)
    source = str(given / ("plain" if "encrypt" in name else "sealed.age"))
    count = setting.run(Fault(READING, source)).seen
    setting.clear()
    for number in range(1, count + 1):
        done = setting.run(Fault(READING, source, number, error=errno.EIO))
        assert_fails(done, 1, hint=False)
        assert os.strerror(errno.EIO) in done.err
        assert names(folder) == []


def test_a_kill_at_any_call(setting):
    """The target is absent or complete, and the next run leaves nothing else."""
    complete = 0
    for number in range(1, setting.calls(ALL) + 1):
        done = setting.run(Fault(ALL, str(setting.folder), number, signal=signal.SIGKILL))
        assert done.code == -signal.SIGKILL
        left = names(setting.folder)
        if setting.target.exists():
            setting.check()
            complete += 1
        left = [name for name in left if name.split("/")[0] != "target"]
        assert all(LEFTOVER.fullmatch(name.split("/")[0]) for name in left), left
        if setting.target.is_file():
            assert setting.run(force=True).code == 0
        elif not setting.target.exists():
            assert setting.run().code == 0
        setting.check()
        assert names(setting.folder) == ["target"]
        setting.clear()
    print(f"killed at {number} calls, complete after {complete}")


def test_a_kill_leaves_what_was_there(file_setting):
    setting = file_setting
    count = setting.calls(ALL)
    for number in range(1, count + 1):
        setting.target.write_bytes(b"yesterday's")
        setting.run(Fault(ALL, str(setting.folder), number, signal=signal.SIGKILL), force=True)
        if setting.target.read_bytes() != b"yesterday's":
            setting.check()
        setting.clear()


@pytest.mark.parametrize("first", [1, 2])
def test_no_new_threads(first, setting):
    """Fewer threads, or none, do the same work."""
    fault = Fault(("pthread_create",), "", first, step=1, error=errno.EAGAIN)
    done = setting.run(fault)
    assert done.code == 0, done.err
    assert done.seen > 0
    setting.check()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda n: n.name)
def test_a_signal_just_before_a_read_is_not_lost(number, faults, tmp_path):
    """It comes right after signals were looked for, and then no data comes any more."""
    reading, writing = os.pipe2(os.O_DIRECT)
    os.write(writing, b"what the first read gets")
    os.write(writing, b"what the second read gets")
    done = faults.run(
        *("encrypt", "-o", tmp_path / "out", *TO),
        stdin=f"/proc/{os.getpid()}/fd/{reading}",
        fault=Fault(("read",), "pipe:", 2, signal=number),
    )
    assert done.code == 128 + number
    assert done.seen == 2
    assert names(tmp_path) == []
    os.close(reading)
    os.close(writing)


def test_a_limit_on_the_size_of_files(setting):
    done = setting.run(limits={"RLIMIT_FSIZE": 700_000})
    assert_fails(done, 1, hint=False)
    assert os.strerror(errno.EFBIG) in done.err
    assert names(setting.folder) == []


def test_few_descriptors(setting):
    """With any number of them it works, or it fails and says so."""
    codes = set()
    for number in range(3, 24):
        done = setting.run(limits={"RLIMIT_NOFILE": number})
        codes.add(done.code)
        if done.code == 0:
            setting.check()
        elif done.code != 5:  # a backup without some entries, which it names
            assert_fails(done, 1, hint=False)
            assert names(setting.folder) == []
        setting.clear()
    assert codes >= {0, 1}


MEMORY = [size << 20 for size in (0, 1, 4, 8, 16, 32, 64, 80, 100, 150, 200, 1024)]


def test_little_memory(setting):
    """With any amount of it it works, or it fails and says so."""
    codes = []
    for size in MEMORY:
        done = setting.run(limits={"RLIMIT_AS": size})
        codes.append(done.code)
        print(size >> 20, "MiB:", done.code, done.err)
        if done.code == 0:
            setting.check()
        else:
            assert_fails(done, 1)
            assert names(setting.folder) == []
        setting.clear()
    assert codes[-1] == 0


@pytest.fixture
def full_disks(tmp_path):
    """Targets on disks without room: a device that is always full, and a real disk.

    Mounting one is root's privilege.
    """
    if os.geteuid() != 0:
        yield [Path("/dev/full")]
        return
    disk = tmp_path / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=800k", "tmpfs", disk], check=True)
    yield [Path("/dev/full"), disk / "target"]
    assert names(disk) == []
    subprocess.run(["umount", disk], check=True)


@pytest.mark.parametrize("name", FILES)
def test_a_disk_that_is_full(name, full_disks, given, faults):
    for target in full_disks:
        command = COMMANDS[name]
        stdin = {} if command.stdin is None else {"stdin": given / command.stdin}
        done = faults.run(*command.words(given, target), **stdin)
        assert_fails(done, 1)
        assert os.strerror(errno.ENOSPC) in done.err
