"""Turns results of `passkeep bench --json` into a page and its pictures.

Usage: page.py FOLDER RESULT.json… (suites of later files replace those of earlier ones)
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

from passkeep.benchmark import plot, table
from passkeep.benchmark.report import SCHEMA, RaceReport, Report, SuiteReport
from passkeep.benchmark.suites import SUITES

PAGE, PICTURES = "benchmarks.md", "benchmarks"
IN_SHORT = ("memory", "files", "pipes", "trees")

HEAD = """\
# Benchmarks

Made by `bench/page.py` from results of `passkeep bench`; [bench/README.md](../bench/README.md) says
how it is measured, and how to repeat it. Ratios carry over to other machines better than numbers
do: the last column of each table says how many times as fast as the row that it names, as the
median of ratios of runs that were neighbours. 1 means the same, more means faster.
"""


def main(folder: Path, files: list[Path]) -> None:
    found: dict[str, tuple[Report, SuiteReport]] = {}
    for file in files:
        report: Report = json.loads(file.read_text("utf-8"))
        if report["schema"] != SCHEMA:
            sys.exit(f"{file} is not a result of this version")
        found |= {suite["name"]: (report, suite) for suite in report["suites"]}
    pictures = folder / PICTURES
    pictures.mkdir(exist_ok=True)
    lines = [*page({name: found[name] for name in SUITES if name in found}, pictures)]
    (folder / PAGE).write_text("\n".join(lines), "utf-8")


def page(found: dict[str, tuple[Report, SuiteReport]], pictures: Path) -> Iterator[str]:
    yield HEAD
    yield from surroundings({name: report for name, (report, _) in found.items()})
    yield from in_short([suite for _, suite in found.values() if suite["name"] in IN_SHORT])
    for name, (report, suite) in found.items():
        about = SUITES[name].about
        yield f"## {name}: {about}\n"
        yield f"`{command(report, name)}`\n"
        if draw(suite, pictures):
            yield f"![{name}: {about}]({PICTURES}/{name}.svg)\n"
        for race in suite["races"]:
            yield from section(race)
    yield f"{table.LEGEND}\n"


def surroundings(reports: dict[str, Report]) -> Iterator[str]:
    """Each machine once, with what was measured on it, and how quiet it was meanwhile."""
    groups: dict[tuple[str, ...], dict[str, Report]] = {}
    for name, report in reports.items():
        about = (report["date"][:10], *table.surroundings(report))
        groups.setdefault(about, {})[name] = report
    for (date, *about), measured in groups.items():
        yield f"Measured on {date}:\n"
        for line in (*about, table.cipher(next(iter(measured.values())))):
            yield f"* {line}"
        yield "\nHow quiet the machine was:\n"
        for name, report in measured.items():
            reasons = "; ".join(report["noise"]["reasons"])
            yield f"* {name}: {f'noisy: {reasons}' if reasons else 'quiet'}"
        yield ""


def in_short(suites: list[SuiteReport]) -> Iterator[str]:
    yield "## In short\n"
    yield "| | AES-256-GCM | age | beside |"
    yield "|---|--:|--:|---|"
    for suite in suites:
        for race in suite["races"]:
            mine = [row for row in race["rows"] if row["role"] == "passkeep" and row["value"]]
            if not mine or not race["baseline"]:
                continue
            cells = [ours(race, mine, cipher) for cipher in ("aes-256-gcm", "age")]
            baseline = race["baseline"].replace("|", "\\|")
            yield f"| {race['title']} | {' | '.join(cells)} | {baseline} |"
    yield ""


def ours(race: RaceReport, mine: list, cipher: str) -> str:
    """The first row of passkeep with a cipher, if there is one."""
    other = {"aes-256-gcm": "ChaCha20", "age": "AES"}[cipher]
    for row in mine:
        named = any(f", {name}" in row["name"] for name in ("aes-256-gcm", "age"))
        if (f", {cipher}" in row["name"]) if named else other not in race["title"]:
            value = table.figure(row["value"]["median"], race["unit"])
            return f"{value} GB/s, {row['relative']['median']:.2f} ×"
    return ""


def section(race: RaceReport) -> Iterator[str]:
    yield f"### {race['title']}\n"
    if race["reason"]:
        yield f"Not measured: {race['reason']}.\n"
        return
    yield from table.markdown(race)
    yield ""
    for note in race["notes"]:
        yield f"* {note}"
    yield ""


def command(report: Report, suite: str) -> str:
    """What measures a suite again as it was."""
    settings = report["settings"]
    words = ["passkeep", "bench", suite]
    if settings["peers"]:
        words.append("--peers")
    if settings["size"]:
        words += ["--size", f"{int(settings['size']) >> 20}MiB"]
    return " ".join(words)


def draw(suite: SuiteReport, pictures: Path) -> bool:
    """Draws a suite, if there is a throughput in it."""
    drawable = [
        race
        for race in suite["races"]
        if race["unit"] == "bytes" and any(row["value"] for row in race["rows"])
    ]
    if drawable:
        plot.save(drawable, pictures / f"{suite['name']}.svg", "svg")
    return bool(drawable)


if __name__ == "__main__":
    main(Path(sys.argv[1]), [Path(word) for word in sys.argv[2:]])
