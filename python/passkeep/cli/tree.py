"""`passkeep backup`, `restore`, `list` and `verify`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import click

from passkeep import _native
from passkeep import tree as trees
from passkeep._native import Hasher
from passkeep.cli import jobs, options, reports, taps, ways
from passkeep.cli.ending import printable, say
from passkeep.cli.opening import Opener
from passkeep.cli.progress import Stopwatch, bar
from passkeep.cli.terminal import is_terminal
from passkeep.digests import Algorithm
from passkeep.errors import InvalidInputError, PartialError
from passkeep.keyring import Keyring, PublicKeyring, reminder
from passkeep.sealed import Cipher
from passkeep.stream import Identities, Recipients

LEVEL = 3
"""The zstd level of a bare `--compress`."""


class _BackupCommand(click.Command):
    """Gives `--compress` its level, which may be left out."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Fills in the level, so that what follows is not taken for it."""
        end = args.index("--") if "--" in args else len(args)
        named = [f"--compress={LEVEL}" if word == "--compress" else word for word in args[:end]]
        return super().parse_args(ctx, named + args[end:])


@click.command(cls=_BackupCommand)
@click.argument("tree", nargs=-1, type=click.Path(exists=True, path_type=Path))
@click.option("-o", "--output", type=options.FILE, help='The backup file; "-" is standard output.')
@jobs.jobs_options
@options.keyring_option
@options.to_option
@taps.option
@options.cipher_option
@options.digest_option
@click.option(
    "--no-travel",
    is_flag=True,
    help="Leave the keyring out: only the keyring file and the recovery key open the backup.",
)
@click.option(
    "--exclude",
    metavar="PATTERN",
    multiple=True,
    help="Leave out what matches, as in a .gitignore file. Repeatable.",
)
@click.option(
    "--exclude-from",
    type=options.READABLE,
    multiple=True,
    help="Leave out what matches a pattern in this file. Repeatable.",
)
@click.option(
    "--include",
    metavar="PATTERN",
    multiple=True,
    help="Keep what matches, whatever excludes it. Repeatable.",
)
@click.option(
    "--exclude-caches", is_flag=True, help="Leave out what is in folders with a CACHEDIR.TAG."
)
@click.option(
    "--compress",
    type=click.IntRange(1, 19),
    metavar="[=LEVEL]",
    help=f"Compress with zstd, at level 1 to 19 ({LEVEL} if none is given).",
)
@click.option("--xattrs", is_flag=True, help="Store extended attributes of users.")
@options.force_option
@options.sync_option
@options.threads_option
@options.json_option
def backup_command(
    tree: tuple[Path, ...],
    output: Path | None,
    keyring: Path | None,
    recipients: tuple[str, ...],
    way: str | None,
    cipher: Cipher,
    digest: Algorithm | None,
    no_travel: bool,
    exclude: tuple[str, ...],
    exclude_from: tuple[Path, ...],
    include: tuple[str, ...],
    exclude_caches: bool,
    compress: int | None,
    xattrs: bool,
    force: bool,
    sync: bool,
    threads: int | None,
    as_json: bool,
    bulk: jobs.Bulk | None,
) -> None:
    """Seal trees or files into one backup, or many as a job file says.

    Nothing secret is needed: the keyring's public export is enough, and what was
    written can be opened only with one of the keyring's ways in.

    Patterns are matched against the names that `passkeep list` shows. Compressing
    is off unless asked for: somebody who can put text into a tree and sees the
    size of its backups can learn what else is in it.
    """
    taps.refuse_unused(recipients, way)
    patterns = _patterns(exclude, exclude_from, include)
    if bulk is not None:
        defaults = jobs.defaults(
            keyring,
            recipients,
            cipher=cipher,
            digest=digest,
            travel=not no_travel,
            exclude=patterns,
            exclude_caches=exclude_caches,
            compress=compress,
            xattrs=xattrs,
            overwrite=force,
        )
        jobs.run(bulk, defaults, sync=sync, threads=threads, as_json=as_json)
        return
    target = output or _default_output(tree, cipher, compress)
    options.refuse_json_on_standard_output(target, as_json=as_json)
    to = _sealing(keyring, recipients, way)
    if target == options.STANDARD_STREAM and is_terminal(sys.stdout):
        raise click.UsageError("A backup is binary: redirect standard output, or use -o FILE.")
    hasher = None if digest is None else Hasher(digest)
    watch = Stopwatch()

    def total() -> int:
        return _native.measure_tree(tree, exclude=patterns, exclude_caches=exclude_caches)[1]

    with bar("Backing up", total) as progress:
        try:
            report = trees.backup(
                tree,
                options.sink(target),
                to=to,
                cipher=cipher,
                travel=not no_travel,
                exclude=patterns,
                exclude_caches=exclude_caches,
                compress=compress,
                xattrs=xattrs,
                overwrite=force,
                sync=sync,
                threads=threads,
                digest=hasher,
                progress=watch.watching(progress),
            )
        except PartialError as error:
            reports.show_json(error.report, hasher, as_json=as_json)
            raise
    reports.show_json(report, hasher, as_json=as_json)
    if not as_json:
        say(f"Backed up {reports.summary(report)} to {target} in {watch.rate(report.bytes)}.")
        if compress is not None:
            say(f"Compressed: {reports.ratio(report)}.")
        if isinstance(to, Keyring) and (line := reminder(to.slots)):
            say(printable(line))
    if hasher is not None and not as_json:
        say(f"{hasher.hexdigest()}  {target}")


@click.command()
@click.argument("file", type=options.INPUT)
@click.argument("paths", metavar="[PATH]...", nargs=-1, type=click.Path(path_type=Path))
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
@click.option("--xattrs", is_flag=True, help="Restore extended attributes of users.")
@click.option("--owner", is_flag=True, help="Restore owners and groups, by their numbers.")
@click.option(
    "--max-size",
    type=options.SIZE,
    help="Write no more file content than this: 500MB, 2TiB. Default for compressed backups: "
    "1 GiB and a thousand times the backup's size.",
)
@options.force_option
@options.sync_option
@options.threads_option
@options.json_option
@ways.unlock_options
def restore_command(
    file: Path,
    paths: tuple[Path, ...],
    directory: Path | None,
    links: trees.Links,
    xattrs: bool,
    owner: bool,
    max_size: int | None,
    force: bool,
    sync: bool,
    threads: int | None,
    as_json: bool,
    given: ways.Ways,
) -> None:
    """Restore a backup, or only what is under each PATH, into a folder.

    The backup and one way in are enough: a tap, the password or the 64 digits.
    A new folder appears only when everything was verified; existing files are
    left as they are unless --force is given.
    """
    target = directory or _default_folder(file)
    source = options.source(file)
    identity = _open(source, given)
    watch = Stopwatch()
    with bar("Restoring", options.size(file)) as progress:
        try:
            report = trees.restore(
                source,
                target,
                identity,
                paths=paths,
                links=links,
                xattrs=xattrs,
                owner=owner,
                max_bytes=max_size,
                overwrite=force,
                sync=sync,
                threads=threads,
                progress=watch.watching(progress),
            )
        except PartialError as error:
            reports.show_json(error.report, as_json=as_json)
            raise
    reports.show_json(report, as_json=as_json)
    if not as_json:
        say(f"Restored {reports.summary(report)} to {target} in {watch.rate(report.bytes)}.")


@click.command()
@click.argument("file", type=options.INPUT)
@click.argument("path", type=click.Path(path_type=Path))
@click.option(
    "--max-size",
    type=options.SIZE,
    help="Write no more than this: 500MB, 2TiB. Default for compressed data and holes: "
    "1 GiB and a thousand times what was read.",
)
@options.threads_option
@ways.unlock_options
def cat_command(
    file: Path, path: Path, max_size: int | None, threads: int | None, given: ways.Ways
) -> None:
    """Write one file of a backup to standard output.

    Every byte that is written was verified. The backup is read only as far as the
    file; `passkeep verify` says whether the rest is whole.
    """
    source = options.source(file)
    sink = options.sink(options.STANDARD_STREAM)
    identity = _open(source, given)
    trees.cat(source, path, sink, identity, max_bytes=max_size, threads=threads)


@click.command()
@click.argument("file", type=options.INPUT)
@options.threads_option
@options.json_option
@ways.unlock_options
def list_command(file: Path, threads: int | None, as_json: bool, given: ways.Ways) -> None:
    """List what a backup holds, and verify it while reading.

    With --json, one JSON object a line.
    """
    source = options.source(file)
    show = reports.show_entry_json if as_json else reports.show_entry
    trees.list_backup(source, _open(source, given), visit=show, threads=threads)


@click.command()
@click.argument("file", type=options.INPUT)
@options.threads_option
@options.json_option
@ways.unlock_options
def verify_command(file: Path, threads: int | None, as_json: bool, given: ways.Ways) -> None:
    """Check that a backup is whole and that it opens. Nothing is written."""
    source = options.source(file)
    identity = _open(source, given)
    watch = Stopwatch()
    with bar("Verifying", options.size(file)) as progress:
        report = trees.verify(source, identity, threads=threads, progress=watch.watching(progress))
    reports.show_json(report, as_json=as_json)
    if not as_json:
        say(f"{file} is whole: {reports.summary(report)}, read in {watch.rate(report.bytes)}.")


def _patterns(
    exclude: Sequence[str], exclude_from: Sequence[Path], include: Sequence[str]
) -> list[str]:
    """All patterns, those that decide last."""
    patterns: list[str] = []
    for file in exclude_from:
        try:
            patterns += file.read_text("utf-8").splitlines()
        except UnicodeDecodeError:
            raise click.UsageError(f"{file} is not UTF-8 text.") from None
    patterns += [*exclude, *(f"!{pattern}" for pattern in include)]
    try:
        "".join(patterns).encode()
    except UnicodeEncodeError:
        raise click.UsageError("A pattern is not UTF-8 text.") from None
    return patterns


def _sealing(
    keyring: Path | None, recipients: Sequence[str], way: str | None
) -> Keyring | PublicKeyring | Recipients:
    return taps.recipients(recipients, way) if recipients else ways.load_sealing(keyring)


_ENDINGS: dict[Cipher, str] = {"age": ".age", "aes-256-gcm": ".sealed"}


def _default_output(tree: Sequence[Path], cipher: Cipher, compress: int | None) -> Path:
    name = tree[0].resolve().name
    if len(tree) > 1 or not name:
        raise click.UsageError("Name the backup file with -o.")
    packed = "" if compress is None else ".zst"
    return Path(f"{name}.tar{packed}{_ENDINGS[cipher]}")


def _default_folder(file: Path) -> Path:
    name = file.name
    for ending in (*_ENDINGS.values(), ".zst", ".tar"):
        name = name.removesuffix(ending)
    if file == options.STANDARD_STREAM or name in ("", file.name):
        raise click.UsageError("Name the folder to restore into with -C.")
    return Path(name)


def _open(source: Path | int, given: ways.Ways) -> Identities:
    if isinstance(source, int) and given.way is None and is_terminal(sys.stdin):
        raise InvalidInputError("the backup cannot be typed: name a file, or redirect one")
    return Opener(given)
