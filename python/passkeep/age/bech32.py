"""Bech32 (BIP 173) as age uses it: without its limit of 90 characters."""

from __future__ import annotations

from collections.abc import Iterable

from passkeep.errors import InvalidInputError

_ALPHABET = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_VALUES = {character: value for value, character in enumerate(_ALPHABET)}
_GENERATOR = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)
_CHECKSUM_SIZE = 6


def encode(prefix: str, data: bytes) -> str:
    """Encodes bytes in lower case behind a lower-case prefix."""
    values = list(_regroup(data, 8, 5, pad=True))
    checked = _polymod([*_expand(prefix), *values, *[0] * _CHECKSUM_SIZE]) ^ 1
    checksum = [checked >> 5 * (5 - i) & 31 for i in range(_CHECKSUM_SIZE)]
    return prefix + "1" + "".join(_ALPHABET[value] for value in (*values, *checksum))


def decode(text: str) -> tuple[str, bytes]:
    """Decodes a string in one case.

    Returns:
        The prefix in lower case, and the data.

    Raises:
        InvalidInputError: It is not Bech32. The message never quotes it.
    """
    lower = text.lower()
    if text not in (lower, text.upper()):
        raise InvalidInputError("the key mixes upper and lower case")
    prefix, separator, rest = lower.rpartition("1")
    if not separator or not prefix or len(rest) < _CHECKSUM_SIZE:
        raise InvalidInputError("this is not a key in Bech32")
    if not all(33 <= ord(character) <= 126 for character in prefix):
        raise InvalidInputError("the key holds a character that does not belong there")
    try:
        values = [_VALUES[character] for character in rest]
    except KeyError:
        raise InvalidInputError("the key holds a character that does not belong there") from None
    if _polymod([*_expand(prefix), *values]) != 1:
        raise InvalidInputError("the key is mistyped: its checksum does not fit")
    return prefix, bytes(_regroup(values[:-_CHECKSUM_SIZE], 5, 8, pad=False))


def _expand(prefix: str) -> list[int]:
    codes = [ord(character) for character in prefix]
    return [*(code >> 5 for code in codes), 0, *(code & 31 for code in codes)]


def _polymod(values: Iterable[int]) -> int:
    """The BCH checksum of BIP 173."""
    checksum = 1
    for value in values:
        top = checksum >> 25
        checksum = (checksum & 0x1FFFFFF) << 5 ^ value
        for i, generator in enumerate(_GENERATOR):
            if top >> i & 1:
                checksum ^= generator
    return checksum


def _regroup(values: Iterable[int], wide: int, narrow: int, *, pad: bool) -> Iterable[int]:
    """Cuts a bit string of groups of `wide` bits into groups of `narrow` bits."""
    pending = bits = 0
    for value in values:
        pending = (pending << wide | value) & 0xFFF
        bits += wide
        while bits >= narrow:
            bits -= narrow
            yield pending >> bits & (1 << narrow) - 1
    if pad and bits:
        yield pending << (narrow - bits) & (1 << narrow) - 1
    elif not pad and (bits >= wide or pending & (1 << bits) - 1):
        raise InvalidInputError("the key is mistyped: it ends in bits that mean nothing")
