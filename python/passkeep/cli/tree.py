"""`passkeep backup`, `restore`, `list` and `verify`."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import click

from passkeep import _native
from passkeep import tree as trees
from passkeep._native import Hasher, TreeEntry, TreeReport
from passkeep.cli import options, ways
from passkeep.cli.ending import printable, say
from passkeep.cli.progress import Stopwatch, bar, human
from passkeep.digests import Algorithm
from passkeep.errors import InvalidInputError, PartialError
from passkeep.keyring import Keyring, PublicKeyring
from passkeep.sealed import Cipher
from passkeep.stream import Identities, Recipients


@click.command()
@click.argument("tree", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option("-o", "--output", type=options.FILE, help='The backup file; "-" is standard output.')
@options.keyring_option
@options.to_option
@options.cipher_option
@options.digest_option
@click.option(
    "--no-travel",
    is_flag=True,
    help="Leave the keyring out: only the keyring file and the recovery key open the backup.",
)
@options.force_option
@options.sync_option
@options.threads_option
@options.json_option
def backup_command(
    tree: tuple[Path, ...],
    output: Path | None,
    keyring: Path | None,
    recipients: tuple[str, ...],
    cipher: Cipher,
    digest: Algorithm | None,
    no_travel: bool,
    force: bool,
    sync: bool,
    threads: int | None,
    as_json: bool,
) -> None:
    """Seal trees or files into one backup.

    Nothing secret is needed: the keyring's public export is enough, and what was
    written can be opened only with one of the keyring's ways in.
    """
    target = output or _default_output(tree, cipher)
    to = _sealing(keyring, recipients)
    if target == options.STANDARD_STREAM and sys.stdout.isatty():
        raise click.UsageError("A backup is binary: redirect standard output, or use -o FILE.")
    shown = as_json and target != options.STANDARD_STREAM
    hasher = None if digest is None else Hasher(digest)
    watch = Stopwatch()
    with bar("Backing up", lambda: _native.measure_tree(list(tree))[1]) as progress:
        try:
            report = trees.backup(
                tree,
                options.sink(target),
                to=to,
                cipher=cipher,
                travel=not no_travel,
                overwrite=force,
                sync=sync,
                threads=threads,
                digest=hasher,
                progress=watch.watching(progress),
            )
        except PartialError as error:
            _show_json(error.report, hasher, as_json=shown)
            raise
    _show_json(report, hasher, as_json=shown)
    if not as_json:
        say(f"Backed up {_summary(report)} to {target} in {watch.rate(report.bytes)}.")
    if hasher is not None and not as_json:
        say(f"{hasher.hexdigest()}  {target}")


@click.command()
@click.argument("file", type=options.INPUT)
@click.option(
    "-C",
    "--directory",
    type=click.Path(file_okay=False, path_type=Path),
    help="Restore into this folder. Default: the backup's name without its ending.",
)
@click.option(
    "--links",
    type=click.Choice(["inside", "all"]),
    default="inside",
    help="Restore symbolic links only if they stay inside the folder (the default), or all.",
)
@options.force_option
@options.sync_option
@options.threads_option
@options.json_option
@ways.unlock_options
def restore_command(
    file: Path,
    directory: Path | None,
    links: trees.Links,
    force: bool,
    sync: bool,
    threads: int | None,
    as_json: bool,
    ways: ways.Ways,
) -> None:
    """Restore a backup into a folder.

    The backup and one way in are enough: a tap, the password or the 64 digits.
    A new folder appears only when everything was verified; existing files are
    left as they are unless --force is given.
    """
    target = directory or _default_folder(file)
    source = options.source(file)
    identity = _open(source, ways)
    watch = Stopwatch()
    with bar("Restoring", options.size(file)) as progress:
        try:
            report = trees.restore(
                source,
                target,
                identity,
                links=links,
                overwrite=force,
                sync=sync,
                threads=threads,
                progress=watch.watching(progress),
            )
        except PartialError as error:
            _show_json(error.report, as_json=as_json)
            raise
    _show_json(report, as_json=as_json)
    if not as_json:
        say(f"Restored {_summary(report)} to {target} in {watch.rate(report.bytes)}.")


@click.command()
@click.argument("file", type=options.INPUT)
@options.threads_option
@options.json_option
@ways.unlock_options
def list_command(file: Path, threads: int | None, as_json: bool, ways: ways.Ways) -> None:
    """List what a backup holds, and verify it while reading.

    With --json, one JSON object a line.
    """
    source = options.source(file)
    show = _show_entry_json if as_json else _show_entry
    trees.list_backup(source, _open(source, ways), visit=show, threads=threads)


@click.command()
@click.argument("file", type=options.INPUT)
@options.threads_option
@options.json_option
@ways.unlock_options
def verify_command(file: Path, threads: int | None, as_json: bool, ways: ways.Ways) -> None:
    """Check that a backup is whole and that it opens. Nothing is written."""
    source = options.source(file)
    identity = _open(source, ways)
    watch = Stopwatch()
    with bar("Verifying", options.size(file)) as progress:
        report = trees.verify(source, identity, threads=threads, progress=watch.watching(progress))
    _show_json(report, as_json=as_json)
    if not as_json:
        say(f"{file} is whole: {_summary(report)}, read in {watch.rate(report.bytes)}.")


def _sealing(
    keyring: Path | None, recipients: Sequence[str]
) -> Keyring | PublicKeyring | Recipients:
    return list(recipients) if recipients else ways.load_sealing(keyring)


_ENDINGS: dict[Cipher, str] = {"age": ".age", "aes-256-gcm": ".sealed"}


def _default_output(tree: Sequence[Path], cipher: Cipher) -> Path:
    name = tree[0].resolve().name
    if len(tree) > 1 or not name:
        raise click.UsageError("Name the backup file with -o.")
    return Path(f"{name}.tar{_ENDINGS[cipher]}")


def _default_folder(file: Path) -> Path:
    name = file.name
    for ending in (*_ENDINGS.values(), ".tar"):
        name = name.removesuffix(ending)
    if file == options.STANDARD_STREAM or name in ("", file.name):
        raise click.UsageError("Name the folder to restore into with -C.")
    return Path(name)


def _open(source: Path | int, given: ways.Ways) -> Identities:
    if isinstance(source, int) and given.way is None and sys.stdin.isatty():
        raise InvalidInputError("the backup cannot be typed: name a file, or redirect one")
    return ways.open_backup(source, given)


def _summary(report: TreeReport) -> str:
    return f"{report.files:,} files in {report.directories:,} folders, {human(report.bytes)}"


def _show_json(report: object, digest: Hasher | None = None, *, as_json: bool) -> None:
    if as_json and isinstance(report, TreeReport):
        value: dict[str, object] = {
            "files": report.files,
            "directories": report.directories,
            "links": report.links,
            "bytes": report.bytes,
            "problem_count": report.problem_count,
            "problems": [
                {"path": _text(p.path), "kind": p.kind, "message": p.message}
                for p in report.problems
            ],
        }
        if digest is not None:
            value["digest"] = {"algorithm": digest.name, "hex": digest.hexdigest()}
        click.echo(json.dumps(value))


def _show_entry(entry: TreeEntry) -> None:
    when = _when(entry.mtime)
    arrow = f" -> {printable(entry.target)}" if entry.target is not None else ""
    kind = {"directory": "d", "file": "-", "symlink": "l", "hardlink": "h"}.get(entry.kind, "?")
    mode = entry.mode & 0o7777
    click.echo(f"{kind}{mode:04o} {entry.size:>12} {when} {printable(entry.path)}{arrow}")


def _show_entry_json(entry: TreeEntry) -> None:
    value = {
        "path": _text(entry.path),
        "kind": entry.kind,
        "size": entry.size,
        "mode": entry.mode,
        "mtime": entry.mtime,
        "target": entry.target if entry.target is None else _text(entry.target),
    }
    click.echo(json.dumps(value))


def _text(name: str) -> str:
    """A file name as JSON can carry it: bytes that are not UTF-8 become U+FFFD."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _when(mtime: float) -> str:
    try:
        return datetime.fromtimestamp(mtime, UTC).strftime("%Y-%m-%d %H:%M")
    except (OverflowError, OSError, ValueError):
        return "????-??-?? ??:??"
