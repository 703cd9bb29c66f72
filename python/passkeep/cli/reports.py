"""What the tree commands print: summaries, reports and entries."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import click

from passkeep._native import Hasher, TreeEntry, TreeReport
from passkeep.cli.ending import printable
from passkeep.cli.progress import counted, human


def summary(report: TreeReport) -> str:
    """What a tree holds, in a few words."""
    holes = f" and {human(report.holes)} of holes" if report.holes else ""
    size = f"{human(report.bytes)}{holes}"
    where = counted(report.directories, "folder")
    return f"{counted(report.files, 'file')} in {where}, {size}"


def ratio(report: TreeReport) -> str:
    """What compressing a tree gained."""
    share = report.stored / max(report.bytes, 1)
    return f"stored {human(report.bytes)} as {human(report.stored)} ({share:.0%})".replace(
        "%", " %"
    )


def show_json(report: object, digest: Hasher | None = None, *, as_json: bool) -> None:
    """Prints a report as one JSON object, if that was asked for."""
    if as_json and isinstance(report, TreeReport):
        value: dict[str, object] = {
            "files": report.files,
            "directories": report.directories,
            "links": report.links,
            "bytes": report.bytes,
            "holes": report.holes,
            "stored": report.stored,
            "problem_count": report.problem_count,
            "problems": [
                {"path": text(p.path), "kind": p.kind, "message": p.message}
                for p in report.problems
            ],
        }
        if digest is not None:
            value["digest"] = {"algorithm": digest.name, "hex": digest.hexdigest()}
        click.echo(json.dumps(value))


def show_entry(entry: TreeEntry) -> None:
    """Prints an entry as a line for a person."""
    when = _when(entry.mtime)
    arrow = f" -> {printable(entry.target)}" if entry.target is not None else ""
    kind = {"directory": "d", "file": "-", "symlink": "l", "hardlink": "h"}.get(entry.kind, "?")
    mode = entry.mode & 0o7777
    click.echo(f"{kind}{mode:04o} {entry.size:>12} {when} {printable(entry.path)}{arrow}")


def show_entry_json(entry: TreeEntry) -> None:
    """Prints an entry as a JSON object on one line."""
    value = {
        "path": text(entry.path),
        "kind": entry.kind,
        "size": entry.size,
        "mode": entry.mode,
        "mtime": entry.mtime,
        "target": entry.target if entry.target is None else text(entry.target),
    }
    click.echo(json.dumps(value))


def text(name: str) -> str:
    """A file name as JSON can carry it: bytes that are not UTF-8 become U+FFFD."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _when(mtime: float) -> str:
    try:
        return datetime.fromtimestamp(mtime, UTC).strftime("%Y-%m-%d %H:%M")
    except (OverflowError, OSError, ValueError):
        return "????-??-?? ??:??"
