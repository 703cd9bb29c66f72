"""Reading a message of the page, which anybody who has the token may have made up."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from passkeep.errors import InvalidInputError, describe
from passkeep.settings.boxes import Boxes
from passkeep.settings.problems import FieldError

MAX_TEXT = 4096
"""Characters of an input that is no secret."""

MAX_PATTERNS = 200

Choice = TypeVar("Choice", bound=str)


class Fields:
    """One message, read member by member. Each method raises FieldError.

    Args:
        message: The message.
        boxes: What opens sealed members.
    """

    def __init__(self, message: Mapping[str, Any], boxes: Boxes) -> None:
        self._message = message
        self._boxes = boxes

    def __repr__(self) -> str:
        return "<Fields>"

    def raw(self, name: str) -> Any:
        """A member as it is, None where it is missing."""
        return self._message.get(name)

    def text(self, name: str) -> str:
        """A text of Unicode characters."""
        text = self._text(name)
        try:
            text.encode()
        except UnicodeEncodeError:
            raise FieldError(name, "this holds what is no character") from None
        return text

    def choice(self, name: str, choices: Sequence[Choice]) -> Choice:
        """One of several words."""
        for each in choices:
            if self._message.get(name) == each:
                return each
        raise FieldError(name, f"this is one of {', '.join(choices)}")

    def flag(self, name: str) -> bool:
        """True or false."""
        value = self._message.get(name)
        if not isinstance(value, bool):
            raise FieldError(name, "this is true or false")
        return value

    def texts(self, name: str) -> list[str]:
        """A list of texts; none where the member is missing."""
        values = self._message.get(name)
        if values is None:
            return []
        if not isinstance(values, list) or len(values) > MAX_PATTERNS:
            raise FieldError(name, f"this is a list of at most {MAX_PATTERNS} texts")
        return [Fields({name: value}, self._boxes).text(name) for value in values]

    def secret(self, name: str) -> str:
        """What was typed and sealed."""
        return self._boxes.open(name, self._message.get(name))

    def optional_secret(self, name: str) -> str | None:
        """As :meth:`secret`, and None where nothing is sent."""
        return None if self._message.get(name) is None else self.secret(name)

    def path(self, name: str) -> Path:
        """A whole path, or one that begins in the person's home folder."""
        text = self._text(name)
        if text == "~" or text.startswith("~/"):
            text = os.fspath(Path.home()) + text[1:]
        if not text.startswith("/"):
            raise FieldError(name, 'write the whole path: one that begins with "/" or "~/"')
        _check_path(name, text)
        return Path(text)

    def file_name(self, name: str) -> str:
        """The name of a file in a folder that is known."""
        text = self._text(name)
        _check_path(name, text)
        if "/" in text or text in {".", ".."}:
            raise FieldError(name, "this is a name, without a folder")
        return text

    def _text(self, name: str) -> str:
        text = self._message.get(name)
        if not isinstance(text, str):
            raise FieldError(name, "this is missing")
        if not text:
            raise FieldError(name, "this is empty")
        if len(text) > MAX_TEXT:
            raise FieldError(name, f"this is longer than {MAX_TEXT} characters")
        return text


@contextmanager
def about(name: str) -> Iterator[None]:
    """Says of which input the library complains."""
    try:
        yield
    except FieldError:
        raise
    except InvalidInputError as error:
        raise FieldError(name, str(error), hint=error.hint) from None


@contextmanager
def about_path(name: str) -> Iterator[None]:
    """Says of which path the system complains."""
    try:
        yield
    except OSError as error:
        raise FieldError(name, describe(error)) from None


def _check_path(name: str, text: str) -> None:
    try:
        encoded = os.fsencode(text)
    except UnicodeEncodeError:
        raise FieldError(name, "no file can have this name") from None
    if b"\0" in encoded:
        raise FieldError(name, "no file can have this name")
