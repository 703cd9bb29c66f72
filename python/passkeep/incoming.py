"""Reading the beginning of a sealed file from wherever it comes.

The header is read a little too far; the native core is handed what was read
beyond it, or, for a regular file, where the payload begins.
"""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol, TypeAlias

from passkeep import sealed
from passkeep.age import armor
from passkeep.errors import DamagedError
from passkeep.sealed import Opening

STDIN = 0
STDOUT = 1

_FIRST_READ = 16 * 1024
"""Enough for the header of a usual backup, in one system call."""


class Readable(Protocol):
    """A binary file object that can be read."""

    def read(self, size: int, /) -> bytes:
        """Returns up to `size` bytes, and none only at the end."""


Source: TypeAlias = str | os.PathLike[str] | int | Readable | BinaryIO
"""A path, 0 for standard input, or a binary file object."""


@dataclass(frozen=True, slots=True)
class Incoming:
    """A sealed file whose beginning was read.

    Attributes:
        opening: What stands before its chunks, not verified yet.
        source: Where the native core reads the rest.
        leftover: What was read beyond that, or the payload's offset where
            `source` is the path of a regular file.
        size: Bytes of the whole file; None where that is unknown.
    """

    opening: Opening
    source: str | int | Readable | BinaryIO
    leftover: int | bytes
    size: int | None


@contextmanager
def read(source: Source) -> Iterator[Incoming]:
    """Opens `source` and reads its beginning, armored or not.

    Raises:
        DamagedError: It is not a sealed file, or its header is malformed.
        LimitError: Its header is larger than 1 MiB.
        OSError: It cannot be read.
    """
    if isinstance(source, int):
        yield _from_reader(lambda size: os.read(source, size), source)
    elif isinstance(source, (str, os.PathLike)):
        with Path(source).open("rb", buffering=0) as file:
            yield _from_file(os.fspath(source), file)
    else:
        yield _from_reader(source.read, source)


def _from_file(path: str, file: io.FileIO) -> Incoming:
    incoming = _from_reader(file.read, file)
    if Path(path).is_file() and incoming.source is file:
        assert isinstance(incoming.leftover, bytes)
        size = os.fstat(file.fileno()).st_size
        offset = file.tell() - len(incoming.leftover)
        return Incoming(incoming.opening, path, offset, size)
    return incoming


def _from_reader(
    read_some: Callable[[int], bytes | None], rest: int | Readable | BinaryIO
) -> Incoming:
    first = b""
    while (armored := armor.looks_armored(first)) is None:
        piece = read_some(_FIRST_READ)
        if not piece:
            break
        first += piece
    if armored:
        reader = armor.ArmorReader(_Reader(read_some), first)
        return _parse(reader.read, reader.read(_FIRST_READ), reader)
    return _parse(read_some, first, rest)


@dataclass(frozen=True, slots=True)
class _Reader:
    read: Callable[[int], bytes | None]


def _parse(
    read_some: Callable[[int], bytes | None], first: bytes, rest: int | Readable | BinaryIO
) -> Incoming:
    data = bytearray(first)
    while (parsed := sealed.parse(bytes(data))) is None:
        # Doubling keeps the work linear in the size of the header.
        wanted = len(data) + max(_FIRST_READ, len(data))
        while len(data) < wanted and (piece := read_some(wanted - len(data))):
            data += piece
        if len(data) < wanted and sealed.parse(bytes(data)) is None:
            raise DamagedError(
                "this is not an encrypted file" if not data else "the file ends inside its header"
            )
    found, length = parsed
    return Incoming(found, rest, bytes(data[length:]), None)
