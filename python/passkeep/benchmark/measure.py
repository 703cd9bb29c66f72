"""Running a race: everybody takes turns, until the medians have settled."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

from passkeep.benchmark import spread
from passkeep.benchmark.contest import Absent, Contender, Race, nothing
from passkeep.benchmark.spread import Spread

MIN_ROUNDS = 3
MAX_ROUNDS = 200


@dataclass(slots=True)
class Result:
    """What came out for one contender.

    Attributes:
        contender: Who.
        samples: Seconds (or bytes of memory) for one unit of work, one for each round.
        error: Why there are none, or why they do not count.
    """

    contender: Contender | Absent
    samples: list[float] = field(default_factory=list)
    error: str = ""

    @property
    def name(self) -> str:
        """Who."""
        return self.contender.name

    @property
    def counts(self) -> bool:
        """Whether it was measured, and did what was asked each time."""
        return bool(self.samples) and not self.error

    @property
    def spread(self) -> Spread:
        """The samples in short."""
        return spread.spread(self.samples)


@dataclass(frozen=True, slots=True)
class Outcome:
    """A race that is over.

    Attributes:
        race: Which one.
        results: What came out for each contender.
        error: Why there was no race at all.
    """

    race: Race
    results: Sequence[Result]
    error: str = ""

    @property
    def baseline(self) -> Result | None:
        """What the others are compared with."""
        measured = {one.name: one for one in self.results if one.counts}
        return next((measured[name] for name in self.race.baseline if name in measured), None)

    def relative(self, result: Result) -> Spread | None:
        """How many times as fast as the baseline it is, or how much less it needs."""
        baseline = self.baseline
        if baseline is None or not result.counts:
            return None
        return spread.ratios(baseline.samples, result.samples)


def run(
    race: Race,
    budget: float,
    *,
    rounds: int = MAX_ROUNDS,
    tell: Callable[[str], object] = nothing,
) -> Outcome:
    """Runs a race.

    Each round gives every contender one turn, beginning with another one each time. A
    first round is not counted: it warms up, and its results are proven right.

    Args:
        race: Which one.
        budget: Seconds after which no further round begins; a few are always run.
        rounds: The most rounds to count.
        tell: Called with the name of whoever is about to run.
    """
    started = time.perf_counter()
    with ExitStack() as stack:
        stack.enter_context(_undisturbed())
        try:
            entered = race.enter(stack)
        except Exception as error:  # noqa: BLE001
            return Outcome(race, [], _message(error))
        results = [
            Result(one, error=one.reason if isinstance(one, Absent) else "") for one in entered
        ]
        _turn(results, 0, race, tell, proving=True, counting=False)
        proven = False
        for number in range(rounds):
            left = budget - (time.perf_counter() - started)
            enough = number >= min(MIN_ROUNDS, rounds)
            if enough and (left < 0 or _all_settled(results)):
                break
            proven = number + 1 == rounds
            _turn(results, number + 1, race, tell, proving=proven)
        if not proven:
            # Who was right once may have stopped doing the work since.
            _turn(results, 0, race, tell, proving=True, counting=False)
    return Outcome(race, results)


def _turn(
    results: Sequence[Result],
    number: int,
    race: Race,
    tell: Callable[[str], object],
    *,
    proving: bool,
    counting: bool = True,
) -> None:
    first = number % len(results)
    for result in (*results[first:], *results[:first]):
        contender = result.contender
        if isinstance(contender, Absent) or result.error:
            continue
        tell(contender.name)
        # Libraries raise what they like. It ends their part in the race, and not the run.
        try:
            if counting and race.fresh_pages:
                _once(contender)
            value = _once(contender)
            if proving:
                contender.verify()
            if counting:
                result.samples.append(value / (contender.amount or race.amount))
        except Exception as error:  # noqa: BLE001
            result.error = _message(error)


def _once(contender: Contender) -> float:
    contender.prepare()
    start = time.perf_counter()
    value = contender.run()
    seconds = time.perf_counter() - start
    contender.check()
    return seconds if value is None else value


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Keeps the garbage collector out of what is timed."""
    gc.collect()
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _message(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__


def _all_settled(results: Sequence[Result]) -> bool:
    return all(spread.settled(one.samples) for one in results if one.counts)
