"""Backups of trees: many files in one sealed stream, and back."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from typing import Literal, TypeAlias

from passkeep import _native, sealed
from passkeep._native import CancelToken, TreeEntry, TreeReport
from passkeep.audience import To, resolve
from passkeep.errors import PartialError
from passkeep.incoming import Source, read
from passkeep.keyring import State
from passkeep.output import check_folder, check_target
from passkeep.replacing import refuse_foreign, refuse_lockout
from passkeep.sealed import Cipher
from passkeep.stream import Identities, Progress, Sink, open_sink, to_identities

Tree: TypeAlias = str | os.PathLike[str]
Links: TypeAlias = Literal["inside", "all"]


def backup(
    trees: Tree | Iterable[Tree],
    target: Sink,
    *,
    to: To,
    cipher: Cipher = "age",
    travel: bool = True,
    exclude: str | Iterable[str] = (),
    exclude_caches: bool = False,
    xattrs: bool = False,
    compress: int | None = None,
    overwrite: bool = False,
    sync: bool = True,
    threads: int | None = None,
    digest: _native.Hasher | None = None,
    progress: Progress | None = None,
    cancel: CancelToken | None = None,
    state: State | None = None,
    before_publishing: Callable[[TreeReport], object] | None = None,
) -> TreeReport:
    """Seals trees or files into one backup. Needs nothing that could open it.

    A keyring's backups carry its travelling copy, so that the backup and one
    way in are enough to restore it anywhere.

    Args:
        trees: What to back up; each is stored under its own name.
        target: Where to; a path appears only when it is complete.
        to: A keyring, its public export, bare recipients, or several of them.
        cipher: "age" for a plain age file (ChaCha20-Poly1305), "aes-256-gcm" for
            the AES container.
        travel: Whether the backup carries the keyring. Without it, only the keyring
            file and the recovery key open the backup, and nothing in it can be
            guessed or linked to other backups.
        exclude: What to leave out: patterns as in a `.gitignore` file, matched
            against names in the backup. The last one that matches decides, and
            one that begins with "!" takes back. What is in a folder that is left
            out is not even looked at; `trees` themselves are never left out.
        exclude_caches: Whether to leave out what is in folders with a CACHEDIR.TAG.
        xattrs: Whether to store extended attributes of users.
        compress: The zstd level to compress with, 1 to 19; 3 is a good one. The
            size of a compressed backup says something about what is in it.
        overwrite: Whether an existing backup of the same keyring may be replaced. With
            bare recipients: any file that carries no keyring.
        sync: Whether to wait until the backup is on the disk.
        threads: How many cores to use; by default all that are usable.
        digest: Takes the sealed bytes on their way.
        progress: Called with the bytes of file content done so far.
        cancel: Stops the work from another thread.
        state: What this machine remembers of keyrings.
        before_publishing: Called with the report when everything is written and
            `target` has not appeared yet. It does not where this raises.

    Returns:
        What was stored.

    Raises:
        PartialError: The backup was written, but some entries could not be read
            or changed meanwhile; its report names them.
        KeyringError: The keyring is incomplete, or its public part is not what
            this machine used before.
        OutputError: The target exists; or, with `overwrite`, it is not what may be
            replaced.
        CancelledError: `cancel` was used.
        OSError: The system refused.
    """
    audience = resolve(to, state, travel=travel)
    if overwrite and audience.keyring is not None:
        refuse_foreign(target, audience.keyring, travels=travel)
    elif overwrite:
        refuse_lockout(target, None)
    header, key = sealed.begin(audience.recipients, audience.stanzas, cipher=cipher)
    with open_sink(target, overwrite=overwrite, sync=sync, cancel=cancel) as sink:
        report = _native.backup_tree(
            _names(trees),
            sink,
            header,
            key,
            # A backup that is written into the tree does not hold itself.
            skip=[os.fspath(one) for one in (sink, target) if isinstance(one, (str, os.PathLike))],
            exclude=[exclude] if isinstance(exclude, str) else list(exclude),
            exclude_caches=exclude_caches,
            xattrs=xattrs,
            compress=compress,
            threads=threads or _native.usable_threads(),
            digest=digest,
            progress=progress,
            cancel=cancel,
        )
        if before_publishing is not None:
            before_publishing(report)
    return _complete(report, "the backup was written, but not every entry is in it as it should be")


def restore(
    source: Source,
    target: Tree,
    identity: Identities,
    *,
    paths: Tree | Iterable[Tree] = (),
    links: Links = "inside",
    xattrs: bool = False,
    owner: bool = False,
    max_bytes: int | None = None,
    overwrite: bool = False,
    sync: bool = True,
    threads: int | None = None,
    progress: Progress | None = None,
    cancel: CancelToken | None = None,
) -> TreeReport:
    """Restores a backup beneath a folder, and treats it as hostile.

    A folder that does not exist yet appears only when everything was verified.
    In an existing one each file appears when it is complete; after an error the
    files that were verified until then stay.

    Args:
        source: The backup.
        target: The folder to restore into; its parent must exist.
        identity: What opens it: an unlocked keyring, an
            :class:`passkeep.Unlock`, identities.
        paths: Names in the backup: only these entries and what is beneath them is
            restored. All of the backup is verified nevertheless. A hard link whose
            first name is not among them gets its content by reading a file a
            second time; from a stream it is refused.
        links: "inside" refuses symbolic links that lead out of the target.
        xattrs: Whether to restore extended attributes of users. Others, which can
            give programs powers, never are.
        owner: Whether to restore owners and groups, by their numbers.
        max_bytes: The most bytes of file content to write. Without it, a
            compressed backup may expand to 1 GiB and a thousand times its size.
        overwrite: Whether existing files may be replaced.
        sync: Whether to wait until everything is on the disk.
        threads: How many cores to use; by default all that are usable.
        progress: Called with the bytes of file content written so far.
        cancel: Stops the work from another thread.

    Returns:
        What was restored.

    Raises:
        PartialError: Everything was verified, but some entries were refused,
            existed already or are not in the backup; its report names them.
        WrongKeyError: Nothing given opens it.
        DamagedError: It was changed, is cut short, or is no backup.
        LimitError: It asks for more than a limit allows.
        CancelledError: `cancel` was used.
        OSError: The system refused.
    """
    check_folder(target)
    with read(source, cancel) as incoming:
        key = incoming.opening.unlock(to_identities(identity))
        report = _native.restore_tree(
            incoming.source,
            incoming.leftover,
            key,
            os.fspath(target),
            paths=_names(paths),
            all_links=links == "all",
            overwrite=overwrite,
            sync=sync,
            xattrs=xattrs,
            owners=owner,
            max_bytes=max_bytes,
            threads=threads or _native.usable_threads(),
            progress=progress,
            cancel=cancel,
        )
    return _complete(report, "not every entry of the backup was restored")


def cat(
    source: Source,
    path: Tree,
    target: Sink,
    identity: Identities,
    *,
    max_bytes: int | None = None,
    overwrite: bool = False,
    sync: bool = True,
    threads: int | None = None,
    cancel: CancelToken | None = None,
) -> int:
    """Takes one file out of a backup, and reads the backup no farther.

    What is written was verified, and is what the backup has under this name.
    That the rest of the backup is whole is for :func:`verify` to say.

    Args:
        source: The backup.
        path: The file's name in it.
        target: Where to; a path appears only when it is complete.
        identity: What opens the backup.
        max_bytes: The most bytes to write. Without it, compressed data, and the
            holes of the file, may expand to 1 GiB and a thousand times what was read.
        overwrite: Whether an existing file may be replaced.
        sync: Whether to wait until the file is on the disk.
        threads: How many cores to use; by default all that are usable.
        cancel: Stops the work from another thread.

    Returns:
        The size of the file.

    Raises:
        NotInBackupError: The backup has no such file, or it is a folder or a
            symbolic link.
        WrongKeyError: Nothing given opens it.
        DamagedError: It was changed, is cut short, or is no backup.
        LimitError: It asks for more than a limit allows.
        OutputError: The target exists.
        CancelledError: `cancel` was used.
        OSError: The system refused.
    """
    check_target(target, overwrite=overwrite)
    with read(source, cancel) as incoming:
        key = incoming.opening.unlock(to_identities(identity))
        with open_sink(target, overwrite=overwrite, sync=sync, cancel=cancel) as sink:
            return _native.cat_tree(
                incoming.source,
                incoming.leftover,
                key,
                os.fspath(path),
                sink,
                max_bytes=max_bytes,
                threads=threads or _native.usable_threads(),
                cancel=cancel,
            )


def list_backup(
    source: Source,
    identity: Identities,
    *,
    visit: Callable[[TreeEntry], object] | None = None,
    threads: int | None = None,
    progress: Progress | None = None,
    cancel: CancelToken | None = None,
) -> TreeReport:
    """Reads a backup to its end without writing anything.

    Args:
        source: The backup.
        identity: What opens it.
        visit: Called with each entry in the order of the backup. What it is
            shown is genuine; that the backup is whole is known when this returns.
        threads: How many cores to use; by default all that are usable.
        progress: Called with the bytes of file content read so far.
        cancel: Stops the work from another thread.

    Returns:
        What it holds.

    Raises:
        PartialError: It is whole, but holds entries that no restore would make.
        WrongKeyError: Nothing given opens it.
        DamagedError: It was changed, is cut short, or is no backup.
        LimitError: It asks for more than a limit allows.
        CancelledError: `cancel` was used.
        OSError: The system refused.
    """
    with read(source, cancel) as incoming:
        key = incoming.opening.unlock(to_identities(identity))
        report = _native.list_tree(
            incoming.source,
            incoming.leftover,
            key,
            visit,
            threads=threads or _native.usable_threads(),
            progress=progress,
            cancel=cancel,
        )
    return _complete(report, "the backup is whole, but a restore would refuse some entries")


def verify(
    source: Source,
    identity: Identities,
    *,
    threads: int | None = None,
    progress: Progress | None = None,
    cancel: CancelToken | None = None,
) -> TreeReport:
    """Checks that a backup is whole and opens, without writing anything.

    Arguments, result and errors are those of :func:`list_backup`.
    """
    return list_backup(source, identity, threads=threads, progress=progress, cancel=cancel)


def _names(trees: Tree | Iterable[Tree]) -> list[str]:
    """One path or several, as the native core takes them."""
    several = [trees] if isinstance(trees, (str, os.PathLike)) else trees
    return [os.fspath(tree) for tree in several]


def _complete(report: TreeReport, otherwise: str) -> TreeReport:
    if report.problem_count:
        raise PartialError(
            f"{otherwise}: {report.problem_count} problem(s)",
            report=report,
            hint="The report lists them.",
        )
    return report
