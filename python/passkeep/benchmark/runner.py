"""Running suites: is there room, how long for each race, and what came out."""

from __future__ import annotations

import shutil
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from passkeep.benchmark import ciphers, machine, measure, noise, peers, report, suites
from passkeep.benchmark.contest import Race, nothing
from passkeep.benchmark.report import RaceReport, Report, SuiteReport
from passkeep.benchmark.setting import Setting
from passkeep.errors import LimitError

_SPARE = 64 << 20


@dataclass(frozen=True, slots=True)
class Planned:
    """A race, and the suite that it belongs to."""

    suite: str
    race: Race


@dataclass(frozen=True, slots=True)
class Step:
    """Where a run is.

    Attributes:
        number: Races that are over.
        count: All of them.
        title: The race that is going on.
        contender: Whose turn it is.
    """

    number: int
    count: int
    title: str
    contender: str


def plan(names: Sequence[str], setting: Setting) -> list[Planned]:
    """The races of some suites.

    Raises:
        LimitError: There is no room for one of them.
    """
    planned = [Planned(name, race) for name in names for race in suites.races(name, setting)]
    for one in planned:
        _require_room(one.race)
    return planned


def run(
    planned: Sequence[Planned],
    setting: Setting,
    *,
    budget: float,
    command: Sequence[str] = (),
    tell: Callable[[Step], object] = nothing,
    done: Callable[[RaceReport], object] = nothing,
) -> Report:
    """Runs races one after the other.

    Args:
        planned: Which ones.
        setting: How.
        budget: Seconds for all of them. A race gets an equal part of what is left, and
            more where its few necessary rounds need it.
        command: How the run can be repeated.
        tell: Called before each turn of a contender.
        done: Called with each race that is over.
    """
    started = time.perf_counter()
    watch = noise.Watch()
    watch.start()
    found: dict[str, list[RaceReport]] = defaultdict(list)
    for number, one in enumerate(planned):
        left = budget - (time.perf_counter() - started)
        outcome = measure.run(
            one.race,
            max(0.0, left) / (len(planned) - number),
            rounds=1 if setting.quick else measure.MAX_ROUNDS,
            tell=_teller(tell, number, len(planned), one.race.title),
        )
        race = report.race_report(outcome)
        found[one.suite].append(race)
        done(race)
        watch.tick()
    made: list[SuiteReport] = [{"name": name, "races": races} for name, races in found.items()]
    return {
        "schema": report.SCHEMA,
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "seconds": time.perf_counter() - started,
        "command": list(command),
        "settings": {
            "suites": list(found),
            "size": setting.size,
            "quick": setting.quick,
            "threads": setting.threads,
            "peers": setting.peers,
            "folders": [str(folder) for folder in setting.folders],
            "budget": budget,
        },
        "machine": machine.describe(setting.folders),
        "peers": peers.versions() if setting.peers else {},
        "cipher": _recommendation(),
        "noise": _noise(watch, made),
        "suites": made,
    }


def _teller(
    tell: Callable[[Step], object], number: int, count: int, title: str
) -> Callable[[str], None]:
    return lambda contender: (tell(Step(number, count, title, contender)), None)[1]


def _recommendation() -> dict[str, object]:
    speeds = ciphers.speeds()
    return {"recommended": ciphers.recommended(speeds), "speeds": dict(speeds)}


def _noise(watch: noise.Watch, made: Sequence[SuiteReport]) -> report.Noise:
    rows = [row for _, row in report.rows(made) if report.measured(row)]
    stolen = watch.stolen()
    noisy = sum(row["noisy"] for row in rows)
    reasons = noise.reasons(watch.ticks, stolen, watch.load, len(rows), noisy)
    return {
        "quiet": not reasons,
        "reasons": reasons,
        "fixed_task": watch.ticks,
        "stolen": stolen,
        "load": watch.load,
    }


def _require_room(race: Race) -> None:
    needed = race.memory
    for folder, size in race.room.items():
        free = shutil.disk_usage(folder).free
        if free < size + _SPARE:
            raise LimitError(
                f"{race.title} needs {_mebibytes(size)} in {folder}, which has {_mebibytes(free)}",
                hint="Choose a smaller --size, or another place with --folder.",
            )
        if _in_memory(folder):
            needed += size
    available = machine.memory()[1]
    if available and available < needed + _SPARE:
        raise LimitError(
            f"{race.title} needs {_mebibytes(needed)} of memory, of which "
            f"{_mebibytes(available)} are free",
            hint="Choose a smaller --size.",
        )


def _in_memory(folder: Path) -> bool:
    return machine.file_system(folder) in {"tmpfs", "ramfs"}


def _mebibytes(size: int) -> str:
    return f"{-(-size // (1 << 20)):,} MiB"
