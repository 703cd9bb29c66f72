"""A tree to back up, like somebody's: many small files, and one database."""

from __future__ import annotations

import math
import random
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

FILES = 20_000
DATABASE = 130_000_000
FULL = 1_090_000_000
"""The whole tree, of which others are smaller copies."""

_MEDIAN = 13 << 10
_SIGMA = math.sqrt(2 * math.log((FULL - DATABASE) / FILES / _MEDIAN))
"""So that 20 000 files of log-normal sizes fill what the database leaves."""

_LARGEST = 1 << 24
_FOLDER = 100
_ROW = 4096
_SENTENCE = 256
_WORDS = (
    *("backup", "letter", "photo", "meeting", "Tuesday", "invoice", "recipe", "garden", "the"),
    *("of", "and", "to", "in", "was", "a", "with", "2026", "version", "draft", "final", "\n"),
)


def plant(folder: Path, size: int) -> int:
    """Fills a folder, the same each time.

    Args:
        folder: It exists and is empty.
        size: About how many bytes to write.

    Returns:
        How many bytes the files have.
    """
    order = random.Random(7)  # noqa: S311  (a tree that is the same each time)
    share = size / FULL
    text = " ".join(order.choices(_WORDS, k=200_000)).encode()
    total = 0
    for number, length in enumerate(_lengths(order, max(1, round(FILES * share)))):
        path = folder / f"folder {number // _FOLDER:03}" / f"file {number:05}.dat"
        if number % _FOLDER == 0:
            path.parent.mkdir()
        # Half of what people keep is compressed already.
        path.write_bytes(_prose(order, text, length) if number % 2 else order.randbytes(length))
        total += length
    database = folder / "messages.sqlite"
    _fill(database, round(DATABASE * share), text, order)
    return total + database.stat().st_size


def _lengths(order: random.Random, count: int) -> Iterator[int]:
    for _ in range(count):
        yield min(_LARGEST, round(order.lognormvariate(math.log(_MEDIAN), _SIGMA)))


def _prose(order: random.Random, text: bytes, length: int) -> bytes:
    """Sentences in an order of their own, so that no two files have a long piece in common."""
    starts = (order.randrange(len(text) - _SENTENCE) for _ in range(-(-length // _SENTENCE)))
    return b"".join(text[start : start + _SENTENCE] for start in starts)[:length]


def _fill(path: Path, size: int, text: bytes, order: random.Random) -> None:
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA synchronous = OFF")
        database.execute("PRAGMA journal_mode = OFF")
        database.execute("CREATE TABLE messages (id INTEGER PRIMARY KEY, body TEXT, blob BLOB)")
        rows = (
            (_prose(order, text, _ROW // 2).decode(), order.randbytes(_ROW // 2))
            for _ in range(max(1, size // (_ROW + 64)))
        )
        database.executemany("INSERT INTO messages (body, blob) VALUES (?, ?)", rows)
        database.commit()
