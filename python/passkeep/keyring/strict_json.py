"""JSON as keyrings need it: one meaning, one byte sequence.

Reading refuses what two parsers could read differently (duplicate names,
numbers that are not integers); writing for a MAC is RFC 8785.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NoReturn, TypeAlias

import rfc8785

from passkeep.errors import DamagedError, InvalidInputError

Object: TypeAlias = dict[str, Any]


def loads(text: bytes, what: str) -> Object:
    """Parses a JSON object.

    Args:
        text: UTF-8 JSON, already bounded in size by the caller.
        what: What it should be, for the error message.

    Raises:
        DamagedError: It is not a JSON object, has a duplicate name or a number
            that is not an integer.
    """

    def refuse(_: str) -> NoReturn:
        raise ValueError

    try:
        value = json.loads(
            text.decode(),
            object_pairs_hook=_unique,
            parse_float=refuse,
            parse_constant=refuse,
        )
    except (ValueError, RecursionError):
        raise DamagedError(f"this is not {what}") from None
    if not isinstance(value, dict):
        raise DamagedError(f"this is not {what}")
    return value


def canonical(value: Object) -> bytes:
    """The RFC 8785 bytes of a JSON object, which MACs and pins are made over.

    Raises:
        DamagedError: It holds something that RFC 8785 cannot express.
    """
    try:
        return rfc8785.dumps(value)
    except (rfc8785.CanonicalizationError, UnicodeError, RecursionError):
        raise DamagedError("the keyring holds a value that JSON cannot express") from None


class Fields:
    """Typed access to the members of an untrusted JSON object."""

    def __init__(self, value: object, what: str) -> None:
        if not isinstance(value, dict):
            raise DamagedError(f"{what} is malformed")
        self._value = value
        self._what = what

    def text(self, name: str) -> str:
        """A string member."""
        text: str = self._typed(name, str)
        return text

    def optional_text(self, name: str) -> str | None:
        """A string member that may be absent."""
        return self.text(name) if name in self._value else None

    def number(self, name: str) -> int:
        """A non-negative integer below 2^53, the largest that RFC 8785 keeps exact."""
        number: int = self._typed(name, int)
        if isinstance(number, bool) or not 0 <= number < 1 << 53:
            raise self._malformed(name)
        return number

    def boolean(self, name: str) -> bool:
        """A boolean member."""
        value: bool = self._typed(name, bool)
        return value

    def optional_boolean(self, name: str) -> bool | None:
        """A boolean member that may be null or absent."""
        return None if self._value.get(name) is None else self.boolean(name)

    def array(self, name: str) -> list[Any]:
        """An array member."""
        value: list[Any] = self._typed(name, list)
        return value

    def optional_object(self, name: str) -> Fields | None:
        """An object member that may be absent."""
        if name not in self._value:
            return None
        return Fields(self._value[name], f"{self._what}: {name}")

    def data(self, name: str) -> bytes:
        """A base64 member."""
        try:
            return base64.b64decode(self.text(name), validate=True)
        except (binascii.Error, ValueError):
            raise self._malformed(name) from None

    def optional_data(self, name: str) -> bytes | None:
        """A base64 member that may be absent."""
        return self.data(name) if name in self._value else None

    def _typed(self, name: str, kind: type[Any]) -> Any:
        value = self._value.get(name)
        if not isinstance(value, kind):
            raise self._malformed(name)
        return value

    def _malformed(self, name: str) -> DamagedError:
        return DamagedError(f"{self._what}: member {name!r} is missing or malformed")


@contextmanager
def untrusted(what: str) -> Iterator[None]:
    """Makes malformed keys inside of a file damage, not a mistake of the caller.

    Raises:
        DamagedError: The block raised InvalidInputError.
    """
    try:
        yield
    except InvalidInputError as error:
        raise DamagedError(f"{what} is malformed: {error}") from None


def encode_data(data: bytes) -> str:
    """Bytes as a JSON string."""
    return base64.b64encode(data).decode()


def _unique(pairs: list[tuple[str, Any]]) -> Object:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise ValueError
    return value
