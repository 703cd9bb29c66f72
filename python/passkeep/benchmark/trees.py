"""Backing up and restoring a tree, beside `tar`, `cp` and restic."""

from __future__ import annotations

import functools
import shutil
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from passkeep import tree as trees
from passkeep.age.x25519 import X25519Identity
from passkeep.benchmark import commands, forest, machine, peers
from passkeep.benchmark.contest import Absent, Contender, ContenderError, Race, Role, nothing
from passkeep.benchmark.digesting import require_same_tree, require_size
from passkeep.benchmark.files import CIPHERS, copy_command
from passkeep.benchmark.place import COMMANDS_START, Place
from passkeep.benchmark.references import MIB
from passkeep.benchmark.setting import Setting, temporary
from passkeep.sealed import Cipher

_SMALL = 25_000_000
_BASELINE = ("tar -cf", "tar -xf")
_LEVEL = 3


def races(setting: Setting) -> list[Race]:
    """Backing up as it is, backing up compressed, and restoring."""
    size = setting.sized(_SMALL, 2 * MIB)
    made = []
    for folder in setting.folders[-1:]:
        kind = machine.file_system(folder)
        what = f"{round(forest.FILES * size / forest.FULL):,} files and a database on {kind}"
        room = {folder: 8 * size + 16 * MIB}
        notes = ["nobody waits for the disk; the tree is in the page cache"]
        if setting.peers:
            notes += [
                "restic does more: it finds pieces that it has, compresses, waits for the disk",
                COMMANDS_START,
            ]
        for title, enter in (
            ("Back up", _storing),
            ("Back up and compress", _compressing),
            ("Restore", _restoring),
        ):
            made.append(
                Race(
                    f"{title} {what}",
                    functools.partial(_enter, setting, size, folder, enter),
                    amount=size,
                    baseline=("tar | zstd -T0",) if enter is _compressing else _BASELINE,
                    notes=tuple(notes),
                    room=room,
                    fresh_pages=True,
                )
            )
    return made


@dataclass(frozen=True, slots=True)
class _Place(Place):
    """Where a race is run, and the tree that everybody reads."""

    @property
    def tree(self) -> Path:
        return self.folder / "tree"

    def forget(self) -> None:
        """Removes what the last run made."""
        if self.out.is_dir():
            shutil.rmtree(self.out)
        self.out.unlink(missing_ok=True)

    def contender(
        self,
        name: str,
        run: Callable[[], object],
        verify: Callable[[], object],
        *,
        role: Role = "passkeep",
        prepare: Callable[[], object] = nothing,
        check: Callable[[], object] = nothing,
    ) -> Contender:
        def start_anew() -> None:
            self.forget()
            prepare()

        def work() -> None:
            run()

        return Contender(name, work, role, prepare=start_anew, check=check, verify=verify)

    def archive(
        self,
        name: str,
        run: Callable[[], object],
        unpack: Callable[[Path], object],
        *,
        role: Role = "passkeep",
        smallest: float = 1.0,
    ) -> Contender:
        """A contender that makes a file of the tree; verified by unpacking it."""

        def verify() -> None:
            back = self.folder / "back"
            try:
                unpack(back)
                require_same_tree(back / "tree", self.tree)
            finally:
                shutil.rmtree(back, ignore_errors=True)

        def check() -> None:
            require_size(self.out, int(self.size * smallest))

        return self.contender(name, run, verify, role=role, check=check)

    def restore(self, source: Path, target: Path) -> None:
        """Restores a backup of passkeep."""
        trees.restore(source, target, self.identity, sync=False, threads=self.threads)


def _enter(
    setting: Setting,
    size: int,
    folder: Path,
    enter: Callable[[_Place, Setting], Sequence[Contender | Absent]],
    stack: ExitStack,
) -> Sequence[Contender | Absent]:
    made = temporary(stack, folder)
    (made / "tree").mkdir()
    identity = X25519Identity.generate()
    place = _Place(made, forest.plant(made / "tree", size), identity, setting.threads)
    place.write_identity()
    return enter(place, setting)


def _backup(place: _Place, cipher: Cipher, compress: int | None = None) -> Contender:
    def run() -> None:
        trees.backup(
            place.tree,
            place.out,
            to=place.identity.recipient,
            cipher=cipher,
            compress=compress,
            sync=False,
            threads=place.threads,
        )

    packed = "" if compress is None else f", zstd {compress}"
    return place.archive(
        f"backup, {cipher}{packed}",
        run,
        lambda back: place.restore(place.out, back),
        smallest=1.0 if compress is None else 0.2,
    )


def _backup_command(place: _Place, cipher: Cipher) -> Contender:
    words = ("--cipher", cipher, "--to", place.recipient, "--threads", str(place.threads))
    line = (*commands.PASSKEEP, "backup", *words, "--no-sync", "-o", place.out, place.tree)
    return place.archive(
        f"passkeep backup, {cipher}",
        lambda: commands.run(*line),
        lambda back: place.restore(place.out, back),
    )


def _untar(place: _Place, *options: commands.Word) -> Callable[[Path], None]:
    def unpack(back: Path) -> None:
        back.mkdir()
        commands.run("tar", *options, "-xf", place.out, "-C", back)

    return unpack


def _tar(place: _Place) -> Contender:
    line = ("tar", "-cf", place.out, "-C", place.folder, "tree")
    return place.archive("tar -cf", lambda: commands.run(*line), _untar(place), role="limit")


def _copy(place: _Place) -> Contender:
    return place.contender(
        "cp -r",
        lambda: commands.run(*copy_command("-r"), place.tree, place.out),
        lambda: require_same_tree(place.out, place.tree),
        role="limit",
    )


def _storing(place: _Place, setting: Setting) -> Sequence[Contender | Absent]:
    found: list[Contender | Absent] = [_tar(place), _copy(place)]
    found += [_backup(place, cipher) for cipher in CIPHERS]
    if setting.peers:
        found += [_backup_command(place, cipher) for cipher in CIPHERS]
        found.append(peers.contender("age", functools.partial(_tar_into_age, place)))
        found.append(peers.contender("restic", lambda program: _restic(place, program)))
    return found


def _tar_into_age(place: _Place, program: Path) -> Contender:
    tar = ("tar", "-cf", "-", "tree")
    age = (program, "-r", place.recipient, "-o", place.out)

    def unpack(back: Path) -> None:
        back.mkdir()
        commands.pipeline(
            (program, "-d", "-i", place.identity_file, place.out), ("tar", "-xf", "-"), cwd=back
        )

    return place.archive(
        "tar | age",
        lambda: commands.pipeline(tar, age, cwd=place.folder),
        unpack,
        role="peer",
    )


def _compressing(place: _Place, setting: Setting) -> Sequence[Contender | Absent]:
    def piped(program: Path) -> Contender:
        zstd = (program, "-q", "-T0", f"-{_LEVEL}", "-o", place.out)
        return place.archive(
            "tar | zstd -T0",
            lambda: commands.pipeline(("tar", "-cf", "-", "tree"), zstd, cwd=place.folder),
            _untar(place, "--zstd"),
            role="limit",
            smallest=0.2,
        )

    del setting
    return [
        peers.contender("zstd", piped),
        *(_backup(place, cipher, _LEVEL) for cipher in CIPHERS),
    ]


def _restoring(place: _Place, setting: Setting) -> Sequence[Contender | Absent]:
    archive = place.folder / "archive.tar"
    commands.run("tar", "-cf", archive, "-C", place.folder, "tree")
    for cipher in CIPHERS:
        trees.backup(
            place.tree, place.folder / cipher, to=place.recipient, cipher=cipher, sync=False
        )

    def same() -> None:
        require_same_tree(place.out / "tree", place.tree)

    def restore(cipher: Cipher) -> Contender:
        source = place.folder / cipher
        return place.contender(f"restore, {cipher}", lambda: place.restore(source, place.out), same)

    found: list[Contender | Absent] = [
        place.contender(
            "tar -xf",
            lambda: commands.run("tar", "-xf", archive, "-C", place.out),
            same,
            role="limit",
            prepare=place.out.mkdir,
        ),
        _copy(place),
        *(restore(cipher) for cipher in CIPHERS),
    ]
    if setting.peers:
        found.append(peers.contender("restic", lambda program: _restic_back(place, program)))
    return found


class _Repository:
    """A repository of restic, whose password protects nothing."""

    def __init__(self, place: _Place, program: Path) -> None:
        self._place = place
        self._program = program
        self.path = place.folder / "repository"

    def run(self, *words: commands.Word) -> None:
        line = (self._program, "--no-cache", "-q", "-r", self.path, *words)
        environment = {"RESTIC_PASSWORD": "nothing is in it"}
        commands.run(*line, env=environment, cwd=self._place.folder)

    def make(self) -> None:
        """Makes it anew."""
        shutil.rmtree(self.path, ignore_errors=True)
        self.run("init")

    def back_up(self) -> None:
        self.run("backup", "tree")

    def restore(self, target: Path) -> None:
        self.run("restore", "latest", "--target", target)


def _restic(place: _Place, program: Path) -> Contender:
    repository = _Repository(place, program)

    def verify() -> None:
        back = place.folder / "back"
        try:
            repository.restore(back)
            require_same_tree(_found(back), place.tree)
        finally:
            shutil.rmtree(back, ignore_errors=True)

    return place.contender(
        "restic backup", repository.back_up, verify, role="peer", prepare=repository.make
    )


def _restic_back(place: _Place, program: Path) -> Contender:
    repository = _Repository(place, program)

    def prepare() -> None:
        if not repository.path.exists():
            repository.make()
            repository.back_up()

    return place.contender(
        "restic restore",
        lambda: repository.restore(place.out),
        lambda: require_same_tree(_found(place.out), place.tree),
        role="peer",
        prepare=prepare,
    )


def _found(folder: Path) -> Path:
    """The tree in what restic restored, which may be beneath all folders of its path."""
    for path in folder.rglob("tree"):
        if path.is_dir():
            return path
    raise ContenderError("it restored nothing")
