"""The comparison of counted instructions notices what it is for (`make instructions` counts)."""

import importlib.util
from pathlib import Path

import pytest

PATH = Path(__file__).parents[1] / "bench/instructions.py"
spec = importlib.util.spec_from_file_location("instructions", PATH)
instructions = importlib.util.module_from_spec(spec)
spec.loader.exec_module(instructions)
Cost = instructions.Cost

TABLE = {"seal": Cost(10_000_000, 100_000), "restore": Cost(1_000_000, 300)}


def off(**rows: Cost) -> list[str]:
    """The rows that are found to be off."""
    lines, bad = instructions.compare(TABLE | rows, TABLE, 0.05)
    marked = [line.split()[0] for line in lines if "!" in line]
    assert [name for name in bad if name in TABLE] == marked
    return bad


@pytest.mark.parametrize(
    ("cost", "wrong"),
    [
        (Cost(10_000_000, 100_000), False),
        (Cost(10_490_000, 95_100), False),
        (Cost(10_510_000, 100_000), True),
        (Cost(9_490_000, 100_000), True),
        (Cost(10_000_000, 105_100), True),
        (Cost(10_000_000, 94_900), True),
    ],
)
def test_a_row_that_is_off_is_told_in_both_directions(cost, wrong):
    assert off(seal=cost) == ["seal"] * wrong


def test_little_things_are_nothing():
    assert off(restore=Cost(1_000_000, 600)) == []


def test_a_row_that_the_table_does_not_have_is_off():
    assert off(hash=Cost(1, 1)) == ["hash"]


def test_a_row_that_is_no_longer_counted_is_off():
    assert instructions.compare({}, TABLE, 0.05)[1] == ["restore", "seal"]
