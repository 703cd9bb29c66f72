"""What `passkeep bench` says of a few numbers: settling, noise, ratios."""

import random
import statistics
from itertools import pairwise
from math import comb

import pytest
from hypothesis import given
from hypothesis import strategies as st

from passkeep.benchmark import noise, spread, table

TIMES = st.lists(st.floats(1e-6, 1e3), min_size=1, max_size=60)


@given(TIMES)
def test_a_spread_is_the_median_between_the_quartiles(values):
    found = spread.spread(values)
    assert found.median == pytest.approx(statistics.median(values))
    assert min(values) <= found.low <= found.median <= found.high <= max(values)


@given(TIMES, st.floats(0.01, 100))
def test_a_spread_does_not_depend_on_order_nor_its_width_on_the_unit(values, factor):
    assert spread.spread(values) == spread.spread(sorted(values))
    scaled = spread.spread([value * factor for value in values])
    assert scaled.width == pytest.approx(spread.spread(values).width, abs=1e-6)


def test_values_are_noisy_where_the_middle_half_is_wide():
    assert not spread.spread([1.0] * 9 + [100.0]).noisy, "one outlier is not noise"
    assert spread.spread([1.0, 1.0, 1.3, 1.3]).noisy


@pytest.mark.parametrize("size", range(1, 40))
def test_an_interval_is_the_narrowest_with_its_confidence(size):
    """How likely order statistics hold the median is a sum of binomials, for any distribution."""
    values = list(range(size))
    found = spread.interval(values)

    def sure(rank):
        return sum(comb(size, one) for one in range(rank, size - rank + 1)) / 2**size

    ranks = [rank for rank in range(1, size // 2 + 1) if sure(rank) >= 0.95]
    assert (found is None) == (not ranks) == (size < 6)
    if found is not None:
        assert found == (max(ranks) - 1, size - max(ranks))


def test_an_interval_holds_the_median_as_often_as_it_says():
    order = random.Random(3)
    held = 0
    for _ in range(2000):
        low, high = spread.interval([order.expovariate(1) for _ in range(15)])
        held += low <= 0.6931471805599453 <= high
    assert held >= 0.94 * 2000


@given(st.lists(st.floats(1, 2), min_size=6, max_size=40), st.randoms())
def test_an_interval_does_not_depend_on_order(values, order):
    mixed = values.copy()
    order.shuffle(mixed)
    assert spread.interval(mixed) == spread.interval(values)


def test_medians_settle_when_more_values_would_not_move_them():
    assert not spread.settled([1.0] * 5), "too few to know"
    assert spread.settled([1.0] * 6)
    assert spread.settled([1.0] * 20 + [50.0] * 3), "a few slow runs do not move a median"
    assert not spread.settled([1.0] * 10 + [2.0] * 10)


@given(st.lists(st.floats(1, 3), min_size=6, max_size=40))
def test_what_is_settled_is_so_for_any_larger_tolerance(values):
    settled = [spread.settled(values, tolerance) for tolerance in (0.01, 0.05, 0.2, 1.0)]
    assert all(later or not sooner for sooner, later in pairwise(settled))


@given(st.lists(st.floats(0.1, 10), min_size=1, max_size=30), st.floats(0.1, 10))
def test_ratios_of_neighbours_do_not_see_what_slows_both(times, factor):
    """However the machine drifts from round to round, twice as fast stays twice as fast."""
    assert spread.ratios(times, times) == spread.Spread(1.0, 1.0, 1.0)
    found = spread.ratios([time * factor for time in times], times)
    assert (found.low, found.median, found.high) == pytest.approx((factor,) * 3)


def test_ratios_are_of_pairs_and_not_of_medians():
    baseline, other = [1.0, 10.0, 3.0], [2.0, 20.0, 3.0]
    assert spread.ratios(baseline, other).median == 0.5
    assert statistics.median(baseline) / statistics.median(other) == 1.0
    with pytest.raises(ValueError, match="argument 2"):
        spread.ratios([1.0], [1.0, 2.0])


QUIET = {"ticks": [1.0] * 5, "stolen": 0.0, "load": 0.1, "rows": 10, "noisy_rows": 1}


def test_a_quiet_machine_has_nothing_against_it():
    assert noise.reasons(**QUIET) == []


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"ticks": [1.0, 1.5, 1.0, 1.5]}, "a fixed task took"),
        ({"ticks": [1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.3]}, "before and"),
        ({"stolen": 0.3}, "other virtual machines took 30 %"),
        ({"load": 1.0}, "other programs"),
        ({"noisy_rows": 4}, "4 of 10 results"),
    ],
)
def test_each_thing_that_disturbs_is_named(change, told):
    (reason,) = noise.reasons(**(QUIET | change))
    assert told in reason


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (123e9, "bytes", "123"),
        (12.34e9, "bytes", "12.3"),
        (1.234e9, "bytes", "1.23"),
        (0.1234e9, "bytes", "0.123"),
        (0.9996e9, "bytes", "1.00"),
        (1234.5, "items", "1,234"),
        (0.01234, "seconds", "12.3 ms"),
        (2.5, "seconds", "2.50 s"),
        (24_600_000, "memory", "24.6 MB"),
    ],
)
def test_figures_have_three_digits(value, unit, text):
    assert table.figure(value, unit) == text
