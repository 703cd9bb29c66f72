"""The tree that backups are measured with is the same each time, and like what people keep."""

from __future__ import annotations

import zlib
from pathlib import Path

from passkeep.benchmark import forest

_BLOCK = 4096


def _plant(folder: Path) -> dict[str, bytes]:
    folder.mkdir()
    size = forest.plant(folder, 8_000_000)
    files = {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }
    assert sum(map(len, files.values())) == size
    return files


def test_the_tree_is_the_same_each_time(tmp_path: Path) -> None:
    first, second = (_plant(tmp_path / name) for name in ("first", "second"))
    del first["messages.sqlite"], second["messages.sqlite"]  # it holds a version number
    assert first == second


def test_half_of_it_is_compressed_already(tmp_path: Path) -> None:
    files = _plant(tmp_path / "tree").values()
    ratio = sum(len(zlib.compress(data)) for data in files) / sum(map(len, files))
    assert 0.5 < ratio < 0.8


def test_no_block_occurs_twice(tmp_path: Path) -> None:
    """A program that stores equal pieces once shall not look as if it were fast."""
    blocks = [
        data[start : start + _BLOCK]
        for data in _plant(tmp_path / "tree").values()
        for start in range(0, len(data) - _BLOCK + 1, _BLOCK)
    ]
    assert len(blocks) > 1000
    assert len(set(blocks)) == len(blocks)
