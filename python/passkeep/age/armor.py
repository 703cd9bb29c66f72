"""ASCII armor: strict PEM with the label AGE ENCRYPTED FILE."""

from __future__ import annotations

import base64
import binascii
from typing import Protocol

from passkeep.errors import DamagedError, LimitError

BEGIN = b"-----BEGIN AGE ENCRYPTED FILE-----"
END = b"-----END AGE ENCRYPTED FILE-----"
_TELLING = BEGIN[:10]
_COLUMNS = 64
_LINE_SIZE = 48
_WHITE = b" \t\r\n"
_MAX_WHITE = 1024
"""White space that is allowed before and after."""
PREFIX_SIZE = _MAX_WHITE + len(_TELLING)
"""How much of a file tells armor from binary."""
_READ_SIZE = 64 * 1024


class _Readable(Protocol):
    def read(self, size: int, /) -> bytes | None: ...


class _Writable(Protocol):
    def write(self, data: bytes, /) -> object: ...


class _Parts:
    """Collects what an armor writer produces."""

    def __init__(self) -> None:
        self.data = bytearray()

    def write(self, data: bytes, /) -> None:
        self.data += data


class _Pieces:
    """A buffer as something to read from."""

    def __init__(self, data: bytes) -> None:
        self._view = memoryview(data)

    def read(self, size: int, /) -> bytes:
        piece, self._view = bytes(self._view[:size]), self._view[size:]
        return piece


def armor(data: bytes) -> str:
    """A binary age file as text."""
    parts = _Parts()
    writer = ArmorWriter(parts)
    writer.write(data)
    writer.close()
    return parts.data.decode()


def dearmor(text: bytes | str) -> bytes:
    """An armored age file as bytes.

    Raises:
        DamagedError: It breaks any rule of the armor.
    """
    try:
        source = _Pieces(text.encode("ascii") if isinstance(text, str) else text)
    except UnicodeEncodeError:
        raise _malformed("it holds a character that is not ASCII") from None
    reader = ArmorReader(source)
    pieces = []
    while piece := reader.read(_READ_SIZE):
        pieces.append(piece)
    return b"".join(pieces)


def looks_armored(prefix: bytes) -> bool | None:
    """Whether a file that begins with `prefix` is armored rather than binary.

    Returns:
        None where more of the file is needed to tell.
    """
    start = prefix[:PREFIX_SIZE].lstrip(_WHITE)
    if len(prefix) < PREFIX_SIZE and len(start) < len(_TELLING) and _TELLING.startswith(start):
        return None
    return start.startswith(_TELLING)


class ArmorWriter:
    """Writes an age file as text.

    Args:
        sink: Gets the text; a binary file object.
    """

    def __init__(self, sink: _Writable) -> None:
        self._sink = sink
        self._pending = bytearray()
        self._started = False
        self._closed = False

    def write(self, data: bytes) -> int:
        """Takes some of the file; returns how much, which is all of it."""
        self._start()
        self._pending += data
        whole = len(self._pending) // _LINE_SIZE * _LINE_SIZE
        if whole:
            encoded = binascii.b2a_base64(self._pending[:whole], newline=False)
            lines = (encoded[i : i + _COLUMNS] for i in range(0, len(encoded), _COLUMNS))
            self._put(b"\n".join(lines) + b"\n")
            del self._pending[:whole]
        return len(data)

    def close(self) -> None:
        """Writes the rest and the last line; later calls do nothing."""
        if self._closed:
            return
        self._start()
        if self._pending:
            self._put(base64.b64encode(self._pending) + b"\n")
        self._put(END + b"\n")
        self._closed = True

    def _start(self) -> None:
        if not self._started:
            self._started = True
            self._put(BEGIN + b"\n")

    def _put(self, text: bytes) -> None:
        """Writes all of `text`, also to a raw file that takes it in parts."""
        while text:
            taken = self._sink.write(text)
            if not isinstance(taken, int):
                return
            text = text[taken:]


class ArmorReader:
    """Reads an armored age file from a stream, in bounded memory.

    Args:
        source: The text, as a binary file object.
        prefix: Text that was read from it already.
    """

    def __init__(self, source: _Readable, prefix: bytes = b"") -> None:
        self._source = source
        self._text = bytearray(prefix)
        self._data = bytearray()
        self._started = False
        self._last_line = False
        self._ended = False

    def read(self, size: int) -> bytes:
        """Up to `size` bytes of the file, and none only at its proper end.

        Raises:
            DamagedError: The text breaks any rule of the armor.
        """
        while not self._ended and len(self._data) < size:
            self._read_line()
        taken = bytes(self._data[:size])
        del self._data[:size]
        return taken

    def _read_line(self) -> None:
        if not self._started:
            self._skip_white()
        line = self._next_line()
        if not self._started:
            if line != BEGIN:
                raise _malformed("its first line is wrong")
            self._started = True
        elif line == END:
            self._finish()
        else:
            self._decode(line)

    def _decode(self, line: bytes) -> None:
        if self._last_line:
            raise _malformed("a short line stands before the end")
        if not line or len(line) > _COLUMNS:
            raise _malformed("a line is empty or too long")
        try:
            data = base64.b64decode(line, validate=True)
        except (binascii.Error, ValueError):
            raise _malformed("it holds malformed base64") from None
        if base64.b64encode(data) != line:
            raise _malformed("it holds base64 that is not canonical")
        self._last_line = len(data) < _LINE_SIZE
        self._data += data

    def _next_line(self) -> bytes:
        while (end := self._text.find(b"\n")) < 0:
            if len(self._text) > _MAX_WHITE:
                raise _malformed("a line is too long")
            if not self._fill():
                # The very last line may lack its line feed.
                line, self._text = bytes(self._text), bytearray()
                if not line:
                    raise _malformed("its last line is missing")
                return line.removesuffix(b"\r")
        line = bytes(self._text[:end])
        del self._text[: end + 1]
        return line.removesuffix(b"\r")

    def _skip_white(self) -> None:
        skipped = 0
        while True:
            stripped = self._text.lstrip(_WHITE)
            skipped += len(self._text) - len(stripped)
            self._text = bytearray(stripped)
            if skipped > _MAX_WHITE:
                raise LimitError("there is too much white space before the armor")
            if stripped or not self._fill():
                return

    def _finish(self) -> None:
        self._ended = True
        trailing = 0
        while self._text or self._fill():
            trailing += len(self._text)
            if self._text.strip(_WHITE) or trailing > _MAX_WHITE:
                raise _malformed("something follows its last line")
            self._text.clear()

    def _fill(self) -> bool:
        piece = self._source.read(_READ_SIZE)
        if not piece:
            return False
        self._text += piece
        return True


def _malformed(why: str) -> DamagedError:
    return DamagedError(f"the armor is malformed: {why}")
