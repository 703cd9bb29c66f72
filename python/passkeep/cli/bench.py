"""`passkeep bench`: this machine, passkeep, and others on the same work."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import click

from passkeep import _native
from passkeep.benchmark import peers, runner, table
from passkeep.benchmark.contest import nothing
from passkeep.benchmark.report import RaceReport, Report, rows
from passkeep.benchmark.setting import Setting, default_folders
from passkeep.benchmark.suites import SUITES, USUAL
from passkeep.cli import options
from passkeep.errors import PartialError
from passkeep.output import check_target

_BUDGET, _QUICK_BUDGET = 30.0, 5.0
_PICTURES = (".png", ".svg")


@dataclass(frozen=True, slots=True)
class _Failure:
    """A contender that failed, as the end of a command shows it."""

    kind: str
    path: str
    message: str


@dataclass(frozen=True, slots=True)
class _Failures:
    problems: list[_Failure]

    @property
    def problem_count(self) -> int:
        return len(self.problems)


@click.command(
    # The first character has click keep the lines.
    epilog="\b\nSuites:\n" + "\n".join(f"  {name:10}{one.about}" for name, one in SUITES.items()),
)
@click.argument("suites", metavar="[SUITE]...", nargs=-1, type=click.Choice(list(SUITES)))
@click.option(
    "--peers",
    "with_peers",
    is_flag=True,
    help=f"Measure others too, as far as they are installed: {', '.join(peers.NAMES)}.",
)
@click.option(
    "--size",
    type=options.SIZE,
    help="How much data: 512MiB, 16GiB. Default: little, so that all takes a minute.",
)
@click.option("--quick", is_flag=True, help="Next to nothing, only to see that all of it works.")
@options.threads_option
@click.option(
    "--folder",
    "folders",
    type=click.Path(exists=True, file_okay=False, writable=True, path_type=Path),
    multiple=True,
    help="Measure in this folder. Repeatable. Default: memory and the folder for temporary files.",
)
@click.option(
    "--budget",
    type=click.FloatRange(min=0, min_open=True),
    metavar="SECONDS",
    help=f"When to begin no further round. Default: {_BUDGET:g}.",
)
@click.option(
    "--plot",
    type=options.FILE,
    help="Draw it into this file, .png or .svg: by size, by threads, against others.",
)
@options.force_option
@options.json_option
def bench_command(
    suites: tuple[str, ...],
    with_peers: bool,
    size: int | None,
    quick: bool,
    threads: int | None,
    folders: tuple[Path, ...],
    budget: float | None,
    plot: Path | None,
    force: bool,
    as_json: bool,
) -> None:
    """Measure this machine, each path of passkeep, and others on the same work.

    Contenders take turns until their medians have settled or the time is over, and
    each is compared with the run of the baseline beside it. Whoever does not do the
    work has no rate. What is written meanwhile is removed at the end.
    """
    if size is not None and size < 1 << 20:
        raise click.UsageError("Less than 1 MiB says nothing: use a larger --size.")
    if plot is not None:
        if plot.suffix not in _PICTURES:
            raise click.UsageError(f"A plot is a {' or '.join(_PICTURES)} file.")
        peers.require_plotting()
        check_target(plot, overwrite=force)
    names = tuple(dict.fromkeys(suites)) or (USUAL if plot is None else (*USUAL, "growth"))
    setting = Setting(
        folders=folders or default_folders(),
        threads=threads or _native.usable_threads(),
        size=size,
        quick=quick,
        peers=with_peers,
    )
    planned = runner.plan(names, setting)
    if plot is not None and all(one.race.unit != "bytes" for one in planned):
        raise click.UsageError("None of these suites measures a throughput: add growth to plot it.")
    with _progress() as tell:
        report = runner.run(
            planned,
            setting,
            budget=budget or (_QUICK_BUDGET if quick else _BUDGET),
            command=["passkeep", *sys.argv[1:]],
            tell=tell,
            done=nothing if as_json else _show,
        )
    if as_json:
        click.echo(json.dumps(report, indent=1))
    else:
        _conclude(report)
    if plot is not None:
        from passkeep.benchmark import plot as plots
        from passkeep.output import publish

        with publish(plot, overwrite=force) as path:
            plots.draw(report, path, plot.suffix.removeprefix("."))
    _complain(report)


def _show(race: RaceReport) -> None:
    for line in table.lines(race):
        click.echo(line)
    click.echo()


def _conclude(report: Report) -> None:
    for line in (*table.surroundings(report), "", table.LEGEND, *table.verdict(report)):
        click.echo(line)


def _complain(report: Report) -> None:
    """Ends with an exit code of its own where somebody failed.

    Raises:
        PartialError: Somebody did.
    """
    failed = [
        _Failure("failed", f"{race['title']}: {row['name']}", row["reason"])
        for race, row in rows(report["suites"])
        if row["status"] == "failed"
    ]
    failed += [
        _Failure("failed", race["title"], race["reason"])
        for suite in report["suites"]
        for race in suite["races"]
        if race["reason"]
    ]
    if failed:
        raise PartialError(
            f"not everybody did the work: {len(failed)} failed and have no rates",
            report=_Failures(failed),
            hint="Run one suite alone to see more: passkeep bench SUITE.",
        )


@contextmanager
def _progress() -> Iterator[Callable[[runner.Step], object]]:
    """Says on a terminal how far it is and whose turn it is; is silent elsewhere."""
    if not sys.stderr.isatty():
        yield nothing
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    columns = (BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}"))
    # Tables are printed above the bar while it is shown; in a file they are not its business.
    with Progress(
        *columns,
        console=Console(stderr=True),
        transient=True,
        redirect_stdout=sys.stdout.isatty(),
    ) as progress:
        task = progress.add_task("", total=None)

        def tell(step: runner.Step) -> None:
            progress.update(
                task,
                total=step.count,
                completed=step.number,
                description=f"{step.title}: {step.contender}",
            )

        yield tell
