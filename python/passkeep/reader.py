"""Reading a sealed file as one of Python's own binary file objects."""

from __future__ import annotations

import io
import os
from contextlib import ExitStack
from typing import cast

from passkeep._native import OpeningStream, RangeStream
from passkeep.buffers import Buffer
from passkeep.errors import PasskeepError
from passkeep.turns import Turns, in_turn

_PIECE = 1 << 20
_LOOKAHEAD = 8192


class SealedReader(io.BufferedIOBase):
    """Reads plaintext from a sealed file. Made by :func:`open`.

    Whatever it returns was verified. After an error in a stream every later
    call fails alike; in a file that can seek, other parts can still be read.
    Several threads may share it.
    """

    def __init__(self, stream: RangeStream | OpeningStream, owned: ExitStack) -> None:
        """Not for callers: use :func:`open`."""
        self._stream = stream
        self._owned = owned
        self._position = 0
        self._ahead, self._ahead_at = b"", 0
        self._turns = Turns()
        self._failure: PasskeepError | OSError | None = None

    def readable(self) -> bool:
        """True."""
        return True

    def seekable(self) -> bool:
        """Whether any part can be read; then its size is known, and verified."""
        return isinstance(self._stream, RangeStream)

    def tell(self) -> int:
        """The position in the plaintext."""
        self._check_open()
        return self._position

    @in_turn
    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        """Moves to a position in the plaintext.

        Raises:
            UnsupportedOperation: It is a stream.
            ValueError: The position would be negative.
        """
        self._check_open()
        if not isinstance(self._stream, RangeStream):
            raise io.UnsupportedOperation("a stream is read from its beginning to its end")
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._stream.size}
        if whence not in base:
            raise ValueError("whence is SEEK_SET, SEEK_CUR or SEEK_END")
        if base[whence] + offset < 0:
            raise ValueError("a position is never negative")
        self._position = base[whence] + offset
        return self._position

    @in_turn
    def read(self, size: int | None = -1, /) -> bytes:
        """Reads up to `size` bytes, fewer only at the end; all of them by default."""
        self._check_open()
        wanted = None if size is None or size < 0 else size
        ahead = self._take(wanted)
        if len(ahead) == wanted:
            return ahead
        if isinstance(self._stream, RangeStream):
            self._position -= len(ahead)
            return self._piece(self._stream.size if wanted is None else wanted)
        pieces, left = [ahead], None if wanted is None else wanted - len(ahead)
        while piece := self._piece(_PIECE if left is None else min(left, _PIECE)):
            pieces.append(piece)
            left = None if left is None else left - len(piece)
        return b"".join(pieces)

    @in_turn
    def read1(self, size: int = -1, /) -> bytes:
        """Reads up to `size` bytes: what is at hand."""
        self._check_open()
        wanted = _PIECE if size < 0 else size
        return self._take(wanted) or self._piece(wanted)

    @in_turn
    def peek(self, size: int = 0, /) -> bytes:
        """Shows some of the next bytes, whatever `size` says; none only at the end.

        Lines are found with it. An :class:`io.BufferedReader` finds them faster still.
        """
        del size
        self._check_open()
        at = self._position
        ahead = self._take(None)
        if not ahead:
            ahead = self._piece(_LOOKAHEAD)
            self._ahead, self._ahead_at = ahead, at
        self._position = at
        return ahead

    @in_turn
    def readinto(self, buffer: Buffer, /) -> int:
        """Fills `buffer`, less of it only at the end. Returns how much."""
        view = memoryview(cast("bytes", buffer)).cast("B")
        self._check_open()
        filled = 0
        while filled < len(view) and (size := self._fill(view[filled:])):
            filled += size
        return filled

    @in_turn
    def readinto1(self, buffer: Buffer, /) -> int:
        """Fills some or all of `buffer`, nothing only at the end. Returns how much."""
        view = memoryview(cast("bytes", buffer)).cast("B")
        self._check_open()
        return self._fill(view)

    def close(self) -> None:
        """Closes the file, if it was opened by its path."""
        if not self.closed:
            self._owned.close()
        super().close()

    def _take(self, size: int | None) -> bytes:
        """Reads up to `size` bytes of what was peeked at."""
        start = self._position - self._ahead_at
        if not 0 <= start < len(self._ahead):
            return b""
        data = self._ahead[start:] if size is None else self._ahead[start : start + size]
        self._position += len(data)
        return data

    def _piece(self, size: int) -> bytes:
        """Reads up to `size` bytes in one go."""
        if isinstance(self._stream, RangeStream):
            data = self._stream.read(self._position, size)
            self._position += len(data)
            return data
        out = bytearray(size)
        return bytes(memoryview(out)[: self._read_on(self._stream, out)])

    def _fill(self, view: memoryview) -> int:
        """Fills some of `view` in one go."""
        if isinstance(self._stream, RangeStream):
            size = self._stream.readinto(self._position, view)
            self._position += size
            return size
        ahead = self._take(len(view))
        if not ahead:
            return self._read_on(self._stream, view)
        view[: len(ahead)] = ahead
        return len(ahead)

    def _read_on(self, stream: OpeningStream, buffer: Buffer) -> int:
        if self._failure is not None:
            raise self._failure
        try:
            size = stream.readinto(buffer)
        except (PasskeepError, OSError) as error:
            self._failure = error
            raise
        self._position += size
        return size

    def _check_open(self) -> None:
        if self.closed:
            raise ValueError("the file is closed")
