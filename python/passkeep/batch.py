"""Many small objects under one shared key.

One age file wraps the key for its recipients, so that no public-key operation
is paid for each object. Each object is a Cobblestone-256 message bound to its
name, so that storage cannot swap one for another (docs/formats.md, "Batches").
"""

from __future__ import annotations

import os
from collections.abc import Iterable

from passkeep import _native
from passkeep._native import BatchKey, CancelToken
from passkeep.age.secret import Secret
from passkeep.buffers import Buffer
from passkeep.errors import DamagedError, InvalidInputError
from passkeep.memory import decrypt, encrypt
from passkeep.stream import Identities, Recipients

_KEY_SIZE = 32
_CONTEXT = b"passkeep.batch/1\0"

OVERHEAD = 72
"""Bytes by which an object of less than 16 KiB grows; each 16 KiB add 16."""


class Batch(Secret):
    """A key for many objects. Made by :meth:`create` or :meth:`unlock`.

    Objects may be sealed and opened by several threads at once. The caller keeps
    the names: an object opens only under the name that it was sealed with.

    Attributes:
        envelope: The age file that wraps the key: keep it beside the objects.
    """

    __slots__ = ("_key", "envelope")

    def __init__(self, key: bytes, envelope: bytes) -> None:
        """Not for callers: use :meth:`create` or :meth:`unlock`."""
        self._key = BatchKey(key)
        self.envelope = envelope

    @classmethod
    def create(cls, *, to: Recipients) -> Batch:
        """Makes a new key, wrapped for its recipients.

        Raises:
            InvalidInputError: A recipient is malformed.
        """
        key = os.urandom(_KEY_SIZE)
        return cls(key, encrypt(key, to=to))

    @classmethod
    def unlock(cls, envelope: bytes, identity: Identities) -> Batch:
        """Opens the key of a batch.

        Raises:
            WrongKeyError: No identity opens it.
            DamagedError: It was changed, or wraps something else.
        """
        key = decrypt(envelope, identity)
        if len(key) != _KEY_SIZE:
            raise DamagedError("this file does not wrap the key of a batch")
        return cls(key, bytes(envelope))

    def seal(self, name: str, data: Buffer) -> bytes:
        """Seals one object.

        Raises:
            InvalidInputError: The name is not valid Unicode, as those of files can be
                that `os.listdir` gives.
        """
        return self.seal_many([(name, data)], threads=1)[0]

    def open(self, name: str, sealed: Buffer) -> bytes:
        """Opens one object.

        Raises:
            DamagedError: It is not the object of that name in this batch, or it was
                changed or cut short.
            InvalidInputError: The name is not valid Unicode.
        """
        return self.open_many([(name, sealed)], threads=1)[0]

    def seal_many(
        self,
        objects: Iterable[tuple[str, Buffer]],
        *,
        threads: int | None = None,
        cancel: CancelToken | None = None,
    ) -> list[bytes]:
        """Seals objects, given as names and contents, on several threads.

        Returns:
            The sealed objects in the same order.

        Raises:
            InvalidInputError: A name is not valid Unicode.
            CancelledError: `cancel` was used.
        """
        names, contents = _apart(objects)
        threads = threads or _native.usable_threads()
        return self._key.seal(names, contents, threads=threads, cancel=cancel)

    def open_many(
        self,
        objects: Iterable[tuple[str, Buffer]],
        *,
        threads: int | None = None,
        cancel: CancelToken | None = None,
    ) -> list[bytes]:
        """Opens objects, given as names and sealed contents, on several threads.

        Returns:
            The contents in the same order; all of them, or an error.

        Raises:
            DamagedError: One is not the object of that name in this batch, or it
                was changed or cut short.
            InvalidInputError: A name is not valid Unicode.
            CancelledError: `cancel` was used.
        """
        names, contents = _apart(objects)
        threads = threads or _native.usable_threads()
        return self._key.open(names, contents, threads=threads, cancel=cancel)


def _encode(name: str) -> bytes:
    try:
        return name.encode()
    except UnicodeEncodeError:
        raise InvalidInputError(
            "the name of an object is not valid Unicode",
            hint="Name it otherwise, for example by its bytes in hexadecimal.",
        ) from None


def _apart(objects: Iterable[tuple[str, Buffer]]) -> tuple[list[bytes], list[Buffer]]:
    names, contents = [], []
    for name, content in objects:
        names.append(_CONTEXT + _encode(name))
        contents.append(content)
    return names, contents
