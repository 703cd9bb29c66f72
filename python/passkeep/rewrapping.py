"""New recipients for a sealed file, without encrypting it again."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from passkeep import sealed
from passkeep._native import CancelToken, PayloadKey, RangeStream, Reader
from passkeep.age import scrypt
from passkeep.age.header import Stanza
from passkeep.audience import Audience, To, resolve
from passkeep.copying import BLOCK, copy_rest
from passkeep.errors import CancelledError, DamagedError, InvalidInputError, OutputError
from passkeep.incoming import Incoming, read
from passkeep.keyring import State
from passkeep.output import check_target, publish, refuse_same_file
from passkeep.replacing import refuse_lockout
from passkeep.sealed import Cipher
from passkeep.stream import Identities, Progress, to_identities

_PADDING = "passkeep/padding"
_SHORTEST_PADDING = len(f"-> {_PADDING} x\n\n")
_LINE, _LINE_DATA = 65, 48
"""A full line of a stanza's body, and the bytes that it encodes."""

_LARGE = 1 << 20
"""From this size on a payload is worth being put where its blocks can be shared."""


def rewrap(
    source: str | os.PathLike[str],
    target: str | os.PathLike[str],
    identity: Identities,
    *,
    to: To,
    overwrite: bool = False,
    sync: bool = True,
    progress: Progress | None = None,
    cancel: CancelToken | None = None,
    state: State | None = None,
) -> int:
    """Writes a sealed file anew for other recipients; its payload stays as it is.

    The payload is copied byte for byte, by sharing its blocks where the file
    system can, and nothing is encrypted again. This is not revocation: whoever
    could open the old file can open its copies, and the new one with the old
    header in front. To revoke, encrypt again.

    Args:
        source: A binary sealed file, in either format.
        target: Where to; a new file is written and then gets the name, so it may
            be `source` if `overwrite` is set.
        identity: What opens `source`.
        to: Who can open `target`. With a keyring, it carries the travelling copy.
        overwrite: Whether an existing file may be replaced; never one that carries
            a keyring which `to` does not name.
        sync: Whether to wait until the result is on the disk.
        progress: Called with the bytes of the payload copied so far.
        cancel: Stops the work from another thread.
        state: What this machine remembers of keyrings.

    Returns:
        Bytes of the new file.

    Raises:
        WrongKeyError: No identity opens it.
        DamagedError: It was changed where it was looked at, which is its header, its
            first chunk and its last; or it is no sealed file.
        InvalidInputError: A recipient is malformed; it is armored or no regular
            file; or source and target are one file and `overwrite` is not set.
        OutputError: The target exists, or its keyring would not open it any more; or
            the source changed or was replaced meanwhile.
        KeyringError: The keyring is incomplete, or not what this machine used before.
        CancelledError: `cancel` was used.
        OSError: The system refused.
    """
    if not overwrite:
        refuse_same_file(source, target)
    check_target(target, overwrite=overwrite)
    audience = resolve(to, state)
    if overwrite:
        refuse_lockout(target, audience.keyring)
    # One descriptor from the header to the last byte: whoever is asked for a secret
    # takes their time, and the name may be another file's afterwards.
    with _open(source) as old:
        first = os.fstat(old.fileno())
        in_place = _is_file(target, first)
        with read(old, cancel) as incoming:
            offset = _offset(incoming, old)
            opening = incoming.opening
            key = opening.raw_key(to_identities(identity))
        size = first.st_size - offset
        before, payload_key = _before(
            audience, opening.cipher, key, offset if size >= _LARGE else None
        )
        with publish(target, overwrite=overwrite, sync=sync) as temporary:
            with temporary.open("r+b", buffering=0) as new:
                new.write(before)
                watch = _watch(progress, cancel)
                copied = copy_rest(old.fileno(), offset, new.fileno(), len(before), watch)
                if sync:
                    # Now, so that little time passes between the last look and the name.
                    os.fsync(new.fileno())
            if copied != size or _changed(first, os.fstat(old.fileno())):
                raise OutputError("the source changed meanwhile; nothing was published")
            _check(temporary, len(before), opening.cipher, payload_key)
            if in_place and not _is_file(target, first):
                raise OutputError("the file was replaced meanwhile, and the new one was kept")
    return len(before) + size


def _open(source: str | os.PathLike[str]) -> BinaryIO:
    """Opens a regular file, and does not wait for anything else."""
    descriptor = os.open(source, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise _no_binary_file()
    return os.fdopen(descriptor, "rb", buffering=0)


def _offset(incoming: Incoming, file: BinaryIO) -> int:
    """Where the payload begins in a file whose header was read."""
    if not (isinstance(incoming.source, Reader) and isinstance(incoming.leftover, bytes)):
        raise _no_binary_file()
    return file.tell() - len(incoming.leftover)


def _no_binary_file() -> InvalidInputError:
    return InvalidInputError(
        "only a binary file can be rewrapped, not armor or a pipe",
        hint="Decrypt it and encrypt it again.",
    )


def _is_file(path: str | os.PathLike[str], file: os.stat_result) -> bool:
    """Whether a path leads to this file now."""
    with suppress(FileNotFoundError):
        return os.path.samestat(Path(path).stat(), file)
    return False


def _changed(before: os.stat_result, now: os.stat_result) -> bool:
    return (before.st_size, before.st_mtime_ns) != (now.st_size, now.st_mtime_ns)


def _before(
    audience: Audience, cipher: Cipher, key: bytes, offset: int | None
) -> tuple[bytes, PayloadKey]:
    """What stands before the payload; at a distance to `offset` that blocks can bridge."""
    begun = sealed.begin(audience.recipients, audience.stanzas, cipher=cipher, key=key)
    if offset is None or any(isinstance(one, scrypt.Password) for one in audience.recipients):
        # A password is always alone in its header.
        return begun
    missing = (offset - len(begun[0])) % BLOCK
    if not missing:
        return begun
    extra = (*audience.stanzas, _padding(missing))
    return sealed.begin(audience.recipients, extra, cipher=cipher, key=key)


def _padding(size: int) -> Stanza:
    """A stanza that other tools ignore and that makes a header so much longer."""
    if size < _SHORTEST_PADDING:
        size += BLOCK
    lines, argument = divmod(size - _SHORTEST_PADDING, _LINE)
    return Stanza(_PADDING, ("x" * (argument + 1),), bytes(lines * _LINE_DATA))


def _check(path: Path, length: int, cipher: Cipher, key: PayloadKey) -> None:
    """Reads the new file back before it gets its name: its header, and both ends."""
    with read(path) as incoming:
        if incoming.leftover != length or incoming.opening.cipher != cipher:
            raise DamagedError("the new file does not read back as it was written")
        # The last chunk is verified when it is opened, the first when it is read.
        RangeStream(incoming.source, length, key, threads=1).read(0, 1)


def _watch(progress: Progress | None, cancel: CancelToken | None) -> Callable[[int], object]:
    def tick(done: int) -> None:
        if cancel is not None and cancel.cancelled:
            raise CancelledError("cancelled")
        if progress is not None:
            progress(done)

    return tick
