"""Reading the beginning of a sealed file from wherever it comes.

The header is read a little too far; the native core is handed what was read
beyond it, or, for a regular file, where the payload begins.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import BinaryIO, Protocol, TypeAlias

from passkeep import _native, sealed
from passkeep.age import armor
from passkeep.errors import DamagedError
from passkeep.sealed import Opening

STDIN = 0
STDOUT = 1

_FIRST_READ = 16 * 1024
"""Enough for the header of a usual backup, in one system call."""


class Readable(Protocol):
    """A binary file object that can be read."""

    def read(self, size: int, /) -> bytes | None:
        """Returns up to `size` bytes, and none only at the end.

        A raw file that would have to wait returns None, and is asked again.
        """


Source: TypeAlias = str | os.PathLike[str] | int | Readable | BinaryIO
"""A path, 0 for standard input, or a binary file object."""


@dataclass(frozen=True, slots=True)
class Incoming:
    """A sealed file whose beginning was read.

    Attributes:
        opening: What stands before its chunks, not verified yet.
        source: Where the native core reads the rest.
        leftover: What was read beyond that, or the payload's offset in a
            regular file.
        size: Bytes of the whole file; None where that is unknown.
    """

    opening: Opening
    source: Readable
    leftover: int | bytes
    size: int | None


@contextmanager
def read(source: Source, cancel: _native.CancelToken | None = None) -> Iterator[Incoming]:
    """Opens `source` and reads its beginning, armored or not.

    Raises:
        DamagedError: It is not a sealed file, or its header is malformed.
        LimitError: Its header is larger than 1 MiB.
        CancelledError: `cancel` was used while it was waited for.
        OSError: It cannot be read.
    """
    with closing(_native.Reader(source, cancel=cancel)) as reader:
        yield _read(reader)


def _read(reader: _native.Reader) -> Incoming:
    size = reader.size
    first = b""
    while (armored := armor.looks_armored(first)) is None:
        piece = reader.read(_FIRST_READ)
        if not piece:
            break
        first += piece
    if armored:
        text = armor.ArmorReader(reader, first)
        found, ahead, _ = _parse(text, text.read(_FIRST_READ))
        return Incoming(found, text, ahead, None)
    found, ahead, offset = _parse(reader, first)
    return Incoming(found, reader, ahead if size is None else offset, size)


def _parse(source: Readable, first: bytes) -> tuple[Opening, bytes, int]:
    """Reads a beginning: what it says, what was read beyond it, and where it ends."""
    data = bytearray(first)
    while (parsed := sealed.parse(bytes(data))) is None:
        # Doubling keeps the work linear in the size of the header.
        wanted = len(data) + max(_FIRST_READ, len(data))
        while len(data) < wanted and (piece := source.read(wanted - len(data))):
            data += piece
        if len(data) < wanted and sealed.parse(bytes(data)) is None:
            raise DamagedError(
                "this is not an encrypted file" if not data else "the file ends inside its header"
            )
    found, length = parsed
    return found, bytes(data[length:]), length
