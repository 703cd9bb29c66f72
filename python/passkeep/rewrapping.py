"""New recipients for a sealed file, without encrypting it again."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from passkeep import sealed
from passkeep._native import CancelToken
from passkeep.age import scrypt
from passkeep.age.header import Stanza
from passkeep.audience import Audience, To, resolve
from passkeep.copying import BLOCK, copy_rest
from passkeep.errors import CancelledError, DamagedError, InvalidInputError, OutputError
from passkeep.incoming import read
from passkeep.keyring import State
from passkeep.output import check_target, publish, refuse_same_file
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
        overwrite: Whether an existing file may be replaced.
        sync: Whether to wait until the result is on the disk.
        progress: Called with the bytes of the payload copied so far.
        cancel: Stops the work from another thread.
        state: What this machine remembers of keyrings.

    Returns:
        Bytes of the new file.

    Raises:
        WrongKeyError: No identity opens it.
        DamagedError: Its header was changed, or it is no sealed file.
        InvalidInputError: A recipient is malformed; it is armored or no regular
            file; or source and target are one file and `overwrite` is not set.
        OutputError: The target exists, or the source changed meanwhile.
        KeyringError: The keyring is incomplete, or not what this machine used before.
        CancelledError: `cancel` was used.
        OSError: The system refused.
    """
    if not overwrite:
        refuse_same_file(source, target)
    check_target(target, overwrite=overwrite)
    with read(source, cancel) as incoming:
        opening, offset = incoming.opening, incoming.leftover
        if not isinstance(offset, int):
            raise InvalidInputError(
                "only a binary file can be rewrapped, not armor or a pipe",
                hint="Decrypt it and encrypt it again.",
            )
        key = opening.raw_key(to_identities(identity))
    audience = resolve(to, state)
    with Path(source).open("rb", buffering=0) as old:
        size = os.fstat(old.fileno()).st_size - offset
        before = _before(audience, opening.cipher, key, offset if size >= _LARGE else None)
        with publish(target, overwrite=overwrite, sync=sync) as temporary:
            with temporary.open("r+b", buffering=0) as new:
                new.write(before)
                copied = copy_rest(
                    old.fileno(), offset, new.fileno(), len(before), _watch(progress, cancel)
                )
            if copied != size or os.fstat(old.fileno()).st_size != offset + size:
                raise OutputError("the source changed while it was copied; nothing was published")
            _check(temporary, len(before), opening.cipher)
    return len(before) + size


def _before(audience: Audience, cipher: Cipher, key: bytes, offset: int | None) -> bytes:
    """What stands before the payload; at a distance to `offset` that blocks can bridge."""
    before, _ = sealed.begin(audience.recipients, audience.stanzas, cipher=cipher, key=key)
    if offset is None or any(isinstance(one, scrypt.Password) for one in audience.recipients):
        # A password is always alone in its header.
        return before
    missing = (offset - len(before)) % BLOCK
    if not missing:
        return before
    extra = (*audience.stanzas, _padding(missing))
    before, _ = sealed.begin(audience.recipients, extra, cipher=cipher, key=key)
    return before


def _padding(size: int) -> Stanza:
    """A stanza that other tools ignore and that makes a header so much longer."""
    if size < _SHORTEST_PADDING:
        size += BLOCK
    lines, argument = divmod(size - _SHORTEST_PADDING, _LINE)
    return Stanza(_PADDING, ("x" * (argument + 1),), bytes(lines * _LINE_DATA))


def _check(path: Path, length: int, cipher: Cipher) -> None:
    """Reads the new header back before the file gets its name."""
    with read(path) as incoming:
        if incoming.leftover != length or incoming.opening.cipher != cipher:
            raise DamagedError("the new file does not read back as it was written")


def _watch(progress: Progress | None, cancel: CancelToken | None) -> Callable[[int], object]:
    def tick(done: int) -> None:
        if cancel is not None and cancel.cancelled:
            raise CancelledError("cancelled")
        if progress is not None:
            progress(done)

    return tick
