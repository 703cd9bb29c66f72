"""Races of `passkeep bench`: turns, failures, baselines, and what is left behind."""

from __future__ import annotations

import pytest

from passkeep.benchmark import measure, report, table
from passkeep.benchmark.contest import Absent, Contender, ContenderError, Race


def fail():
    raise ContenderError("it gave up")


def race(*contenders, **options):
    return Race("a race", lambda stack: contenders, **options)


def results(outcome):
    return {one.name: one for one in outcome.results}


def test_contenders_take_turns_and_begin_in_turn():
    turns = []
    contenders = [Contender(name, lambda name=name: turns.append(name)) for name in "abc"]
    measure.run(race(*contenders), 0)
    together = "".join(turns)
    found = [together[start : start + 3] for start in range(0, len(together), 3)]
    assert found == ["abc", "bca", "cab", "abc", "abc"], "the first and the last do not count"


def test_a_few_rounds_are_run_however_short_the_time_is():
    outcome = measure.run(race(Contender("a", lambda: None)), 0)
    assert len(outcome.results[0].samples) == measure.MIN_ROUNDS


def test_it_stops_when_the_medians_have_settled():
    outcome = measure.run(race(Contender("a", lambda: 1.0)), 60)
    assert len(outcome.results[0].samples) == 6


def test_preparing_and_checking_belong_to_each_run_and_are_not_measured():
    log = []
    contender = Contender(
        "a",
        lambda: log.append("run"),
        prepare=lambda: log.append("prepare"),
        check=lambda: log.append("check"),
        verify=lambda: log.append("verify"),
    )
    measure.run(race(contender), 0, rounds=2)
    once = ["prepare", "run", "check"]
    assert log == [*once, "verify", *once, *once, "verify"]
    log.clear()
    measure.run(race(contender), 0)
    assert log == [*once, "verify", *once, *once, *once, *once, "verify"], "stopped by the time"


def test_work_on_fresh_pages_follows_a_run_that_does_not_count():
    log, values = [], iter(range(100))
    contender = Contender("a", lambda: float(next(values)), prepare=lambda: log.append("prepare"))
    outcome = measure.run(race(contender, fresh_pages=True), 0)
    # The first run, which is proven, is 0; 1, 3 and 5 prepare the memory; the last is 7.
    assert outcome.results[0].samples == [2.0, 4.0, 6.0]
    assert len(log) == 8


def test_a_value_that_a_run_returns_stands_for_its_time():
    outcome = measure.run(race(Contender("a", lambda: 6.0), amount=3), 0)
    assert outcome.results[0].samples == [2.0] * 3


@pytest.mark.parametrize("step", ["prepare", "run", "check", "verify"])
def test_whoever_fails_has_no_rate_and_the_others_go_on(step):
    bad = Contender("bad", **({"run": lambda: 1.0} | {step: fail}))
    outcome = measure.run(race(bad, Contender("good", lambda: 1.0)), 0)
    found = results(outcome)
    assert found["bad"].error == "it gave up"
    assert not found["bad"].counts
    assert found["good"].samples == [1.0] * 3
    row = report.race_report(outcome)["rows"][0]
    assert (row["status"], row["value"], row["relative"], row["samples"]) == (
        *("failed", None, None),
        [],
    )
    assert any("FAILED: it gave up" in line for line in table.lines(report.race_report(outcome)))


@pytest.mark.parametrize("turn", [2, 3, 5])
def test_whoever_stops_doing_the_work_has_no_rate(turn):
    """In the middle by the quick look, at the end by the proof."""
    runs = []

    def verify():
        if len(runs) >= turn:
            fail()

    contender = Contender("a", lambda: runs.append(1), verify=verify)
    outcome = measure.run(race(contender), 0)
    assert len(runs) == 5
    assert not outcome.results[0].counts


def test_a_library_may_raise_what_it_likes():
    class TheirError(Exception):
        pass

    def run():
        raise TheirError

    outcome = measure.run(race(Contender("a", run)), 0)
    assert outcome.results[0].error == "TheirError"


def test_the_baseline_is_the_first_that_was_measured():
    outcome = measure.run(
        race(
            Contender("slow", lambda: 4.0),
            Contender("fast", lambda: 2.0),
            Contender("bad", fail),
            Absent("missing", "not installed"),
            baseline=("missing", "bad", "slow"),
        ),
        0,
    )
    found = report.race_report(outcome)
    assert found["baseline"] == "slow"
    relative = {row["name"]: row["relative"] for row in found["rows"]}
    assert relative["fast"] == {"median": 2.0, "low": 2.0, "high": 2.0}
    assert relative["slow"]["median"] == 1.0
    assert relative["bad"] is relative["missing"] is None
    status = {row["name"]: row["status"] for row in found["rows"]}
    assert status == {"slow": "measured", "fast": "measured", "bad": "failed", "missing": "absent"}
    assert any("missing  not installed" in line for line in table.lines(found))


def test_rates_are_compared_where_amounts_differ():
    outcome = measure.run(
        race(Contender("one", lambda: 1.0, amount=1), Contender("ten", lambda: 5.0, amount=10)), 0
    )
    rows = report.race_report(outcome)["rows"]
    assert [row["value"]["median"] for row in rows] == [1.0, 2.0]


def test_a_race_that_cannot_be_set_up_is_told():
    def enter(stack):
        raise OSError("no such luck")

    found = report.race_report(measure.run(Race("a race", enter), 0))
    assert (found["reason"], found["rows"]) == ("no such luck", [])
    assert list(table.lines(found)) == ["a race", "  not measured: no such luck"]


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
def test_whoever_interrupts_is_heard_and_everything_is_put_away(error):
    log = []

    def run():
        raise error

    def enter(stack):
        stack.callback(log.append, "put away")
        return [Contender("a", run)]

    with pytest.raises(error):
        measure.run(Race("a race", enter), 0)
    assert log == ["put away"]
