"""The grammar of an age header, and its MAC (docs/formats.md, "age v1")."""

from __future__ import annotations

import hmac
import re
from collections.abc import Sequence
from dataclasses import dataclass

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from passkeep.age import base64
from passkeep.errors import DamagedError, LimitError

FILE_KEY_SIZE = 16
HEADER_LIMIT = 1 << 20
"""Bytes of a header that are read at most: some 400 hybrid recipients."""
STANZA_LIMIT = 4096
"""Stanzas of a header that are read at most."""

_VERSION_LINE = b"age-encryption.org/v1\n"
_VERSION_PREFIX = b"age-encryption.org/"
_STANZA_PREFIX = b"->"
_MAC_PREFIX = b"---"
_MAC_SIZE = 32
_COLUMNS = 64
_ARGUMENT = re.compile(r"[\x21-\x7e]+")


@dataclass(frozen=True, slots=True)
class Stanza:
    """One wrapping of the file key.

    Attributes:
        type: Its first argument: who knows how to unwrap it.
        args: The other arguments, printable ASCII, none of them empty.
        body: Its bytes.
    """

    type: str
    args: tuple[str, ...]
    body: bytes


@dataclass(frozen=True, slots=True)
class Header:
    """A parsed header whose MAC was not verified yet.

    Attributes:
        stanzas: At least one.
        mac: 32 bytes.
        signed: What the MAC covers: everything up to and including "---".
    """

    stanzas: tuple[Stanza, ...]
    mac: bytes
    signed: bytes


def parse(data: bytes) -> tuple[Header, int] | None:
    """Reads the header that `data` begins with.

    Args:
        data: A prefix of an age file; what follows the header is not looked at.

    Returns:
        The header and its length in bytes, or None if `data` ends inside of it.

    Raises:
        DamagedError: It is not an age header, or malformed.
        LimitError: It is longer than 1 MiB or has more than 4096 stanzas.
    """
    _check_version(data)
    if len(data) < len(_VERSION_LINE):
        return None
    lines = _Lines(data, len(_VERSION_LINE))
    stanzas: list[Stanza] = []
    while (line := lines.next()) is not None:
        if line.startswith(_MAC_PREFIX):
            return _finish(stanzas, line, data, lines)
        stanza = _parse_stanza(line, lines)
        if stanza is None:
            break
        stanzas.append(stanza)
        if len(stanzas) > STANZA_LIMIT:
            raise LimitError(f"the header has more than {STANZA_LIMIT} stanzas")
    if len(data) >= HEADER_LIMIT:
        raise LimitError("the header is longer than 1 MiB")
    return None


def serialize(stanzas: Sequence[Stanza], file_key: bytes) -> bytes:
    """Writes a header and its MAC.

    Args:
        stanzas: At least one.
        file_key: 16 bytes.

    Raises:
        LimitError: It would be longer than 1 MiB.
    """
    parts = [_VERSION_LINE]
    for stanza in stanzas:
        parts.append(" ".join(("->", stanza.type, *stanza.args)).encode() + b"\n")
        body = base64.encode(stanza.body).encode()
        # The last line is always short, and empty where the others are all full.
        parts += [body[i : i + _COLUMNS] + b"\n" for i in range(0, len(body) + 1, _COLUMNS)]
    parts.append(_MAC_PREFIX)
    signed = b"".join(parts)
    if len(signed) > HEADER_LIMIT:
        raise LimitError("the header would be longer than 1 MiB")
    return signed + b" " + base64.encode(_mac(signed, file_key)).encode() + b"\n"


def verify_mac(header: Header, file_key: bytes) -> None:
    """Checks a header's MAC in constant time.

    Raises:
        DamagedError: The header was changed.
    """
    if not hmac.compare_digest(_mac(header.signed, file_key), header.mac):
        raise DamagedError("the header was changed or damaged: its MAC does not fit")


def _mac(signed: bytes, file_key: bytes) -> bytes:
    key = HKDF(SHA256(), _MAC_SIZE, b"", b"header").derive(file_key)
    return hmac.digest(key, signed, "sha256")


class _Lines:
    """Complete lines of a prefix, without their line feed."""

    def __init__(self, data: bytes, start: int) -> None:
        self._data = data
        self.position = start

    def next(self) -> bytes | None:
        end = self._data.find(b"\n", self.position, HEADER_LIMIT)
        if end < 0:
            return None
        line = self._data[self.position : end]
        self.position = end + 1
        return line


def _check_version(data: bytes) -> None:
    start = data[: len(_VERSION_LINE)]
    if _VERSION_LINE.startswith(start):
        return
    if start.startswith(_VERSION_PREFIX):
        raise DamagedError("this is an age file of a version that passkeep does not know")
    raise DamagedError("this is not an age file")


def _parse_stanza(line: bytes, lines: _Lines) -> Stanza | None:
    """Reads a stanza from its first line; None if the data ends inside of it."""
    prefix, *arguments = _text(line).split(" ")
    if prefix.encode() != _STANZA_PREFIX or not arguments:
        raise DamagedError("the header is malformed: a stanza was expected")
    if not all(_ARGUMENT.fullmatch(argument) for argument in arguments):
        raise DamagedError("the header is malformed: a stanza has a bad argument")
    body: list[str] = []
    while (piece := lines.next()) is not None:
        text = _text(piece)
        if len(text) > _COLUMNS:
            raise DamagedError("the header is malformed: a line is too long")
        body.append(text)
        if len(text) < _COLUMNS:
            return Stanza(arguments[0], tuple(arguments[1:]), base64.decode("".join(body)))
    return None


def _finish(stanzas: list[Stanza], line: bytes, data: bytes, lines: _Lines) -> tuple[Header, int]:
    prefix, separator, encoded = _text(line).partition(" ")
    mac = base64.decode(encoded)
    if prefix.encode() != _MAC_PREFIX or not separator or len(mac) != _MAC_SIZE:
        raise DamagedError("the header is malformed: its MAC is missing or has a wrong length")
    if not stanzas:
        raise DamagedError("the header is malformed: it has no stanza")
    signed = data[: lines.position - len(line) - 1 + len(_MAC_PREFIX)]
    return Header(tuple(stanzas), mac, signed), lines.position


def _text(line: bytes) -> str:
    try:
        return line.decode("ascii")
    except UnicodeDecodeError:
        raise DamagedError("the header is malformed: it holds a byte that is not ASCII") from None
