"""Outputs that appear under their name only when they are complete.

Everything passkeep writes goes through :func:`publish`: a temporary file
beside the target, synced, renamed, and the folder synced. Whatever goes wrong
before the rename, the target is as it was.
"""

from __future__ import annotations

import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from passkeep.errors import InvalidInputError, OutputError

PUBLIC_MODE = 0o666
"""Mode of ordinary outputs, before the umask."""

PRIVATE_MODE = 0o600
"""Mode of keyrings, identities and recovery keys."""


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
    directly. A target that is a symbolic link is followed.

    Args:
        target: The final name.
        overwrite: Whether an existing file may be replaced.
        sync: Whether to wait until the data and the name are on the disk.
        mode: Permissions of the new file, before the umask.

    Yields:
        The path of an empty file in the folder of `target`.

    Raises:
        OutputError: `target` exists and may not be replaced, or is a folder.
        OSError: The system refused; `target` is unchanged.
    """
    final = Path(os.path.realpath(target))
    _check_target(final, overwrite=overwrite)
    if _is_special(final):
        yield final
        return
    temporary = final.with_name(f".{final.name}.passkeep-{secrets.token_hex(6)}")
    os.close(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode))
    try:
        yield temporary
        if sync:
            _sync(temporary)
        if overwrite:
            temporary.replace(final)
        else:
            _rename_new(temporary, final)
    except BaseException:
        with suppress(OSError):
            temporary.unlink()
        raise
    if sync:
        _sync(final.parent)


def write_private(target: str | os.PathLike[str], data: bytes, *, overwrite: bool = False) -> None:
    """Publishes a small file that only its owner may read.

    Raises:
        OutputError: `target` exists and may not be replaced.
        OSError: The system refused; `target` is unchanged.
    """
    with publish(target, overwrite=overwrite, mode=PRIVATE_MODE) as temporary:
        temporary.write_bytes(data)


def refuse_same_file(source: object, target: object) -> None:
    """Raises InvalidInputError where input and output are one file."""
    if not (isinstance(source, (str, os.PathLike)) and isinstance(target, (str, os.PathLike))):
        return
    with suppress(FileNotFoundError):
        one, other = Path(source).stat(), Path(target).stat()
        if stat.S_ISREG(one.st_mode) and os.path.samestat(one, other):
            raise InvalidInputError("input and output are the same file; nothing was written")


def _check_target(final: Path, *, overwrite: bool) -> None:
    if final.is_dir():
        raise OutputError(f"{final} is a folder", hint="Name a file to write.")
    if not overwrite and final.exists() and not _is_special(final):
        raise _exists(final)


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


def _rename_new(temporary: Path, final: Path) -> None:
    """Renames without ever replacing a file that appeared in the meantime."""
    try:
        os.link(temporary, final)
    except FileExistsError:
        raise _exists(final) from None
    except OSError:
        # The file system has no hard links: check, then rename.
        if final.exists():
            raise _exists(final) from None
        temporary.replace(final)
    else:
        temporary.unlink()


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
