"""`passkeep digest`: BLAKE3 and SHA-256 of files."""

from __future__ import annotations

import hmac
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path

import click

from passkeep import digests
from passkeep.cli import options
from passkeep.cli.ending import printable, say
from passkeep.cli.progress import bar
from passkeep.errors import DamagedError, InvalidInputError

_LINE = re.compile(r"(?P<escaped>\\?)(?P<digest>[0-9a-fA-F]{64})  ?\*?(?P<name>.+)")

_ESCAPES = {"\\": "\\\\", "\n": "\\n", "\r": "\\r"}
_UNESCAPES = {escape: character for character, escape in _ESCAPES.items()}


@click.command()
@click.argument("files", nargs=-1, type=options.INPUT)
@options.algorithm_option
@click.option(
    "--check",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="LIST",
    help="Compare files with the digests in a list that this command, b3sum or sha256sum made.",
)
@options.threads_option
@options.json_option
def digest_command(
    files: tuple[Path, ...],
    algorithm: digests.Algorithm,
    check: Path | None,
    threads: int | None,
    as_json: bool,
) -> None:
    """Print the digest of each file, or of standard input.

    The lines are those of b3sum and sha256sum. BLAKE3 uses all cores.
    """
    if check is not None:
        if files:
            raise click.UsageError("A list names its files itself.")
        _check(check, algorithm, threads, as_json=as_json)
        return
    for file in files or (options.STANDARD_STREAM,):
        found = _digest(file, algorithm, threads)
        if as_json:
            click.echo(json.dumps({"file": str(file), "algorithm": algorithm, "digest": found}))
        else:
            # As bytes: names need not be text.
            click.echo(os.fsencode(_line(found, str(file))))


def _line(digest: str, name: str) -> str:
    """One line, also where a name has several, or somebody could forge the next one."""
    escaped = "".join(_ESCAPES.get(character, character) for character in name)
    return f"{digest}  {name}" if escaped == name else f"\\{digest}  {escaped}"


def _parse(line: str) -> tuple[str, Path] | None:
    """Digest and name of a line; None where it is no such line."""
    match = _LINE.fullmatch(line)
    if match is None:
        return None
    name = match["name"]
    if match["escaped"]:
        try:
            name = re.sub(r"\\.?", lambda escape: _UNESCAPES[escape[0]], name)
        except KeyError:
            return None
    return match["digest"].lower(), Path(name)


def _digest(file: Path, algorithm: digests.Algorithm, threads: int | None) -> str:
    with bar("Hashing", options.size(file)) as progress:
        return digests.digest(
            options.source(file), algorithm, threads=threads, progress=progress
        ).hexdigest()


def _check(path: Path, algorithm: digests.Algorithm, threads: int | None, *, as_json: bool) -> None:
    wrong = 0
    for expected, file in _read(path):
        try:
            same = hmac.compare_digest(_digest(file, algorithm, threads), expected)
            result = "ok" if same else "different"
        except OSError as error:
            same, result = False, error.strerror or "cannot be read"
        wrong += not same
        if as_json:
            click.echo(json.dumps({"file": str(file), "result": result}))
        else:
            click.echo(f"{printable(str(file))}: {result}")
    if wrong:
        raise DamagedError(
            f"{wrong} file(s) are not what the list says", hint="Fetch other copies of them."
        )
    if not as_json:
        say("All of them are what the list says.")


def _read(path: Path) -> Iterator[tuple[str, Path]]:
    found = 0
    with path.open(encoding="utf-8", errors="surrogateescape") as lines:
        for number, line in enumerate(lines, 1):
            parsed = _parse(line.rstrip("\n"))
            if parsed is None:
                raise InvalidInputError(f"line {number} of {path} is not a digest and a name")
            found += 1
            yield parsed
    if not found:
        raise InvalidInputError(f"{path} lists nothing")
