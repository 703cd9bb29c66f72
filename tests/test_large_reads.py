"""Small reads anywhere in a large file. `make large` runs it with more: PASSKEEP_TEST_GIB."""

from __future__ import annotations

import os
import random
import statistics
import time

import numpy as np
import pytest

import passkeep

SIZE = int(float(os.environ.get("PASSKEEP_TEST_GIB", "0.25")) * (1 << 30))
PIECE = 1 << 24
READ = 4096
READS = 2000

IDENTITY = passkeep.Identity.generate()


def content(start: int, size: int) -> bytes:
    """What the file holds there: each eight bytes are their own number."""
    first, last = start // 8, (start + size + 7) // 8
    numbers = np.arange(first, last, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    return numbers.tobytes()[start - first * 8 :][:size]


@pytest.mark.parametrize("cipher", ["age", "aes-256-gcm"])
def test_random_reads_find_what_is_there(cipher, tmp_path):
    path = tmp_path / "large"
    with passkeep.open(path, "wb", to=IDENTITY.recipient, cipher=cipher, sync=False) as file:
        for start in range(0, SIZE, PIECE):
            file.write(content(start, PIECE))
    random_ = random.Random(9)
    took = []
    with passkeep.open(path, identity=IDENTITY) as file:
        assert file.seek(0, os.SEEK_END) == SIZE
        for _ in range(READS):
            at = random_.randrange(SIZE - READ)
            begun = time.perf_counter()
            file.seek(at)
            data = file.read(READ)
            took.append(time.perf_counter() - begun)
            assert data == content(at, READ)
        file.seek(SIZE - 10)
        assert file.read() == content(SIZE - 10, 10)
    path.unlink()
    middle = statistics.median(took) * 1e6
    print(f"{cipher}: {READS} reads of 4 KiB in {SIZE / (1 << 30):g} GiB, median {middle:.0f} µs")
