"""Passwords: six generated words, or an own one that is strong enough."""

from __future__ import annotations

import secrets
import unicodedata
from collections.abc import Iterator
from functools import cache
from importlib.resources import files

from passkeep.errors import InvalidInputError

GENERATED_WORDS = 6
"""Six of 2048 words are 66 bits, behind a scrypt of 2^18."""

MIN_GUESSES = 10**12
"""What zxcvbn must estimate at least. Whoever holds a backup guesses off line;
at some ten guesses a second on a computer, scrypt makes 10^12 of them last
longer than the backup matters to all but an attacker with a data centre."""

_ZXCVBN_LIMIT = 72
"""zxcvbn takes quadratic time and more; what is longer is cut for the estimate."""


@cache
def _words() -> tuple[str, ...]:
    text = files(__package__).joinpath("words.txt").read_text("utf-8")
    return tuple(line for line in text.splitlines() if line and not line.startswith("#"))


def generate() -> str:
    """A new password of six words from the operating system's randomness."""
    return "-".join(secrets.choice(_words()) for _ in range(GENERATED_WORDS))


def prepare(password: str, *, allow_weak: bool = False) -> str:
    """Checks and normalises (NFC) a password for a new slot.

    Raises:
        InvalidInputError: It is empty, or easier to guess than 10^12 tries.
    """
    normal = unicodedata.normalize("NFC", password)
    if not normal:
        raise InvalidInputError("the password is empty")
    if not allow_weak:
        _check_strength(normal)
    return normal


def spellings(password: str) -> Iterator[str]:
    """What to try: as typed, then in the form that slots are made with."""
    yield password
    normal = unicodedata.normalize("NFC", password)
    if normal != password:
        yield normal


def _check_strength(password: str) -> None:
    from zxcvbn import zxcvbn  # noqa: PLC0415  (its dictionaries take a while to load)

    estimate = zxcvbn(password[:_ZXCVBN_LIMIT], max_length=_ZXCVBN_LIMIT)
    if estimate["guesses"] >= MIN_GUESSES:
        return
    advice = estimate["feedback"]["warning"] or "It is too easy to guess."
    raise InvalidInputError(
        f"this password could be guessed by somebody who holds a backup. {advice}",
        hint="Let passkeep generate six words, or add words of your own.",
    )
