"""Outputs that appear under their name only when they are complete.

Everything passkeep writes goes through :func:`publish`: a temporary file
beside the target, synced, renamed, and the folder synced. Whatever goes wrong
before the rename, the target is as it was.
"""

from __future__ import annotations

import errno
import logging
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from passkeep import temporary
from passkeep.errors import InvalidInputError, NotSyncedError, OutputError

_log = logging.getLogger(__name__)

PUBLIC_MODE = 0o666
"""Mode of ordinary outputs, before the umask."""

PRIVATE_MODE = 0o600
"""Mode of keyrings, identities and recovery keys."""

_NO_SYNC = {errno.EINVAL, errno.ENOTSUP, errno.EACCES}
"""From folders that cannot be synced, or that may be written to but not read."""


@contextmanager
def publish(
    target: str | os.PathLike[str],
    *,
    overwrite: bool = False,
    sync: bool = True,
    mode: int = PUBLIC_MODE,
) -> Iterator[Path]:
    """Gives a path to write to, and publishes it as `target` when the block ends.

    A target that is a device or a FIFO cannot be replaced and is written to
    directly. A target that is a symbolic link is followed. Temporary files that
    killed processes left for the same target are removed.

    Waiting for the disk cannot be interrupted: the system does not let go of a
    process meanwhile. Everything that can be is done before.

    Args:
        target: The final name.
        overwrite: Whether an existing file may be replaced.
        sync: Whether to wait until the data and the name are on the disk.
        mode: Permissions of the new file, before the umask; an ordinary output
            that replaces a file has the permissions of that.

    Yields:
        The path of an empty file in the folder of `target`.

    Raises:
        OutputError: `target` exists and may not be replaced, or is a folder.
        NotSyncedError: It is complete, but its name may not be on the disk yet.
        OSError: The system refused; `target` is unchanged.
    """
    final = _final(target)
    _check_target(final, overwrite=overwrite)
    if _is_special(final):
        yield final
        return
    keeping = overwrite and mode == PUBLIC_MODE and final.exists()
    owner = os.getpid()
    # What was private is so while it is written, too.
    with temporary.beside(final, PRIVATE_MODE if keeping else mode) as (path, descriptor):
        yield path
        if os.getpid() != owner:
            raise RuntimeError("this output belongs to the parent process")
        if keeping:
            _keep_permissions(final, descriptor)
        if sync:
            os.fsync(descriptor)
        if overwrite:
            path.replace(final)
        else:
            rename_new(path, final)
    if sync:
        sync_folder(final)
    _log.debug("published %s", final)


def check_target(target: object, *, overwrite: bool) -> None:
    """Refuses early what :func:`publish` would refuse, before anybody is asked for a secret.

    Args:
        target: A path; anything else is not looked at.
        overwrite: Whether an existing file may be replaced.

    Raises:
        OutputError: It exists and may not be replaced, or is a folder.
        OSError: There is no such folder, or it may not be written to.
    """
    if not isinstance(target, (str, os.PathLike)):
        return
    final = _final(target)
    _check_target(final, overwrite=overwrite)
    if not _is_special(final):
        _check_folder(final.parent)


def check_folder(target: str | os.PathLike[str]) -> None:
    """Refuses early a folder that cannot be written into, or be made.

    Raises:
        OSError: It, or the one that it would be made in, is no folder or may not be
            written to.
    """
    folder = Path(os.path.realpath(target))
    _check_folder(folder if folder.exists() else folder.parent)


def refuse_same_file(source: object, target: object) -> None:
    """Raises InvalidInputError where input and output are one file."""
    if not (isinstance(source, (str, os.PathLike)) and isinstance(target, (str, os.PathLike))):
        return
    with suppress(FileNotFoundError):
        one, other = Path(source).stat(), Path(target).stat()
        if stat.S_ISREG(one.st_mode) and os.path.samestat(one, other):
            raise InvalidInputError("input and output are the same file; nothing was written")


def rename_new(path: Path, final: Path) -> None:
    """Renames without ever replacing a file that appeared in the meantime.

    Raises:
        OutputError: There is a file of the new name.
        OSError: The system refused.
    """
    try:
        os.link(path, final)
    except FileExistsError:
        raise _exists(final) from None
    except OSError:
        # The file system has no hard links: check, then rename.
        if final.exists():
            raise _exists(final) from None
        path.replace(final)
    else:
        path.unlink()


def sync_folder(final: Path) -> None:
    """Waits until a name that was given is on the disk.

    Raises:
        NotSyncedError: The system refused.
    """
    try:
        descriptor = os.open(final.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        if error.errno in _NO_SYNC:
            return
        raise NotSyncedError(
            f"{final} is complete, but the system could not sync its folder: {error.strerror}",
            hint="It may be gone after a power cut. Check the disk.",
        ) from error


def _final(target: str | os.PathLike[str]) -> Path:
    """What is written: the file behind links, or a device or a FIFO by the name given.

    A link below /proc leads to a pipe without saying how (`/dev/stdout`, `>(command)`).
    """
    given = Path(target)
    return given if _is_special(given) else Path(os.path.realpath(given))


def _check_target(final: Path, *, overwrite: bool) -> None:
    if final.is_dir():
        raise OutputError(f"{final} is a folder", hint="Name a file to write.")
    if not overwrite and final.exists() and not _is_special(final):
        raise _exists(final)


def _check_folder(folder: Path) -> None:
    if not folder.exists():
        number = errno.ENOENT
    elif not folder.is_dir():
        number = errno.ENOTDIR
    elif not os.access(folder, os.W_OK | os.X_OK):
        number = errno.EACCES
    else:
        return
    raise OSError(number, os.strerror(number), os.fspath(folder))


def _exists(final: Path) -> OutputError:
    return OutputError(
        f"{final} already exists and was left as it is",
        hint="Choose another name, or replace it with --force (overwrite=True).",
    )


def _is_special(final: Path) -> bool:
    try:
        mode = final.stat().st_mode
    except OSError:
        return False
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))


def _keep_permissions(final: Path, descriptor: int) -> None:
    with suppress(OSError):
        os.fchmod(descriptor, stat.S_IMODE(final.stat().st_mode) & 0o777)
