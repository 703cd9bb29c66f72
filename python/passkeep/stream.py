"""Single streams: files, pipes and file objects to sealed files and back."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import BinaryIO, Protocol, TypeAlias, cast

from passkeep import _native, sealed
from passkeep.age import armor, keys
from passkeep.age.keys import Identity, Recipient
from passkeep.errors import InvalidInputError
from passkeep.incoming import Source, read
from passkeep.output import check_target, publish, refuse_same_file
from passkeep.sealed import Cipher


class Writable(Protocol):
    """A binary file object that can be written."""

    def write(self, data: bytes, /) -> int | None:
        """Takes some or all of `data`, and says how much (nothing means all)."""


class HasRecipients(Protocol):
    """A keyring, or its public export."""

    def pinned_recipients(self) -> Sequence[Recipient]:
        """What to seal to, once it is known to be what this machine used before."""


Sink: TypeAlias = str | os.PathLike[str] | int | Writable | BinaryIO
"""A path, 1 for standard output, or a binary file object."""

OneRecipient: TypeAlias = str | Recipient | HasRecipients
Recipients: TypeAlias = OneRecipient | Iterable[OneRecipient]
"""One or more recipients, as objects or as `age1…` strings; keyrings are taken too."""

Identities: TypeAlias = str | Identity | Iterable[str | Identity]
"""One or more identities, as objects or as `AGE-SECRET-KEY-…` strings."""

Progress: TypeAlias = Callable[[int], object]
"""Called some twenty times a second with the bytes done so far."""


def encrypt_file(
    source: Source,
    target: Sink,
    *,
    to: Recipients,
    cipher: Cipher = "age",
    armored: bool = False,
    overwrite: bool = False,
    sync: bool = True,
    threads: int | None = None,
    digest: _native.Hasher | None = None,
    progress: Progress | None = None,
    cancel: _native.CancelToken | None = None,
) -> int:
    """Encrypts a file, a pipe or a file object to a sealed file.

    Args:
        source: What to encrypt.
        target: Where to; a path appears only when it is complete.
        to: Who can decrypt it.
        cipher: "age" for a plain age file (ChaCha20-Poly1305), "aes-256-gcm" for
            the AES container.
        armored: Whether the result is text; only for age files.
        overwrite: Whether an existing file may be replaced.
        sync: Whether to wait until the result is on the disk.
        threads: How many cores to use; by default all that are usable.
        digest: Takes the sealed bytes on their way.
        progress: Called with the plaintext bytes done so far.
        cancel: Stops the work from another thread.

    Returns:
        The plaintext size in bytes.

    Raises:
        InvalidInputError: A recipient is malformed, or source and target are one file.
        OutputError: The target exists, or the source changed meanwhile.
        CancelledError: `cancel` was used.
        OSError: The system refused.
    """
    refuse_same_file(source, target)
    check_target(target, overwrite=overwrite)
    header, key = begin(to, cipher, armored=armored)
    with (
        closing(_native.Reader(source, cancel=cancel)) as reader,
        open_sink(
            target,
            overwrite=overwrite,
            sync=sync,
            armored=armored,
            digest=digest,
            cancel=cancel,
        ) as sink,
    ):
        return _native.seal_stream(
            reader,
            sink,
            header,
            key,
            threads=threads or _native.usable_threads(),
            digest=None if armored else digest,
            progress=progress,
            cancel=cancel,
        )


def decrypt_file(
    source: Source,
    target: Sink,
    identity: Identities,
    *,
    overwrite: bool = False,
    sync: bool = True,
    threads: int | None = None,
    progress: Progress | None = None,
    cancel: _native.CancelToken | None = None,
) -> int:
    """Decrypts a sealed file, armored or not.

    A path appears only when everything was verified. A file object or a pipe
    gets plaintext chunk by chunk as it is verified: after an error, what it got
    is the genuine beginning of the message, and no more.

    Args:
        source: The sealed file.
        target: Where the plaintext goes.
        identity: What opens it.
        overwrite: Whether an existing file may be replaced.
        sync: Whether to wait until the result is on the disk.
        threads: How many cores to use; by default all that are usable.
        progress: Called with the plaintext bytes done so far.
        cancel: Stops the work from another thread.

    Returns:
        The plaintext size in bytes.

    Raises:
        WrongKeyError: No identity opens it.
        DamagedError: It was changed, is cut short, or is no sealed file.
        LimitError: Its header asks for more than a limit allows.
        InvalidInputError: Source and target are one file.
        OutputError: The target exists, or the source changed meanwhile.
        CancelledError: `cancel` was used.
        OSError: The system refused.
    """
    refuse_same_file(source, target)
    check_target(target, overwrite=overwrite)
    with read(source, cancel) as incoming:
        key = incoming.opening.unlock(to_identities(identity))
        with open_sink(target, overwrite=overwrite, sync=sync, cancel=cancel) as sink:
            return _native.open_stream(
                incoming.source,
                incoming.leftover,
                sink,
                key,
                threads=threads or _native.usable_threads(),
                progress=progress,
                cancel=cancel,
            )


def begin(
    to: Recipients, cipher: Cipher, *, armored: bool = False
) -> tuple[bytes, _native.PayloadKey]:
    """Begins a sealed file: what stands before its payload, and the payload's key.

    Raises:
        InvalidInputError: A recipient is malformed, classic and hybrid recipients
            are mixed, or the AES container is to be armored.
    """
    if armored and cipher != "age":
        raise InvalidInputError("only age files can be armored")
    return sealed.begin(to_recipients(to), cipher=cipher)


def to_recipients(to: Recipients) -> list[Recipient]:
    """Recipients in any accepted form as a list of objects.

    Raises:
        InvalidInputError: One is malformed, or there are none.
        KeyringError: A keyring is incomplete, or not what this machine used before.
    """
    if isinstance(to, str) or hasattr(to, "wrap") or hasattr(to, "pinned_recipients"):
        return _one_recipient(cast("OneRecipient", to))
    found = [recipient for one in _several(to) for recipient in _one_recipient(one)]
    if not found:
        raise InvalidInputError("there is nobody to encrypt to: give at least one recipient")
    return found


def _several(to: object) -> Iterable[OneRecipient]:
    if not isinstance(to, Iterable):
        raise InvalidInputError(f"a {type(to).__name__} is not a recipient")
    return to


def _one_recipient(to: OneRecipient) -> list[Recipient]:
    if isinstance(to, str):
        return [keys.parse_recipient(to)]
    if hasattr(to, "pinned_recipients"):
        return list(to.pinned_recipients())
    if hasattr(to, "wrap"):
        return [to]
    raise InvalidInputError(f"a {type(to).__name__} is not a recipient")


def to_identities(identity: Identities) -> list[Identity]:
    """Identities in any accepted form as a list of objects.

    Raises:
        InvalidInputError: One is malformed, or there are none.
    """
    several: Iterable[str | Identity]
    if isinstance(identity, str):
        several = [identity]
    elif hasattr(identity, "unwrap"):
        several = [cast("Identity", identity)]
    else:
        several = identity
    found = [keys.parse_identity(one) if isinstance(one, str) else one for one in several]
    if not found:
        raise InvalidInputError("there is nothing to decrypt with: give at least one identity")
    return found


@contextmanager
def open_sink(
    target: Sink,
    *,
    overwrite: bool,
    sync: bool,
    armored: bool = False,
    digest: _native.Hasher | None = None,
    cancel: _native.CancelToken | None = None,
) -> Iterator[str | int | Writable | BinaryIO]:
    """What the native core writes to; a path is published when the block ends.

    Args:
        target: Where to.
        overwrite: Whether an existing file may be replaced.
        sync: Whether to wait until it is on the disk.
        armored: Whether to write text.
        digest: Takes the text on its way; binary is hashed by the native core.
        cancel: Ends waiting for the target.
    """
    if isinstance(target, (str, os.PathLike)):
        with publish(target, overwrite=overwrite, sync=sync) as path:
            if armored:
                with _armoring(path, digest, cancel) as writer:
                    yield writer
            elif path.is_file():
                yield os.fspath(path)
            else:
                # A FIFO may have to wait for its reader.
                with closing(_native.Writer(path, cancel=cancel)) as device:
                    yield device
    elif armored:
        with _armoring(target, digest, cancel) as writer:
            yield writer
    else:
        yield target


@contextmanager
def _armoring(
    target: Sink, digest: _native.Hasher | None, cancel: _native.CancelToken | None
) -> Iterator[armor.ArmorWriter]:
    with closing(_native.Writer(target, cancel=cancel)) as sink:
        writer = armor.ArmorWriter(sink if digest is None else _Hashing(sink, digest))
        yield writer
        # What failed must not look complete.
        writer.close()
        sink.flush()


@dataclass(frozen=True, slots=True)
class _Hashing:
    sink: _native.Writer
    digest: _native.Hasher

    def write(self, data: bytes, /) -> int:
        self.digest.update(data)
        return self.sink.write(data)
