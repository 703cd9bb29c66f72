"""`passkeep digest`: BLAKE3 and SHA-256 of files."""

from __future__ import annotations

import hmac
import json
import re
from collections.abc import Iterator
from pathlib import Path

import click

from passkeep import digests
from passkeep.cli import options
from passkeep.cli.ending import printable, say
from passkeep.cli.progress import bar
from passkeep.errors import DamagedError, InvalidInputError

_LINE = re.compile(r"(?P<digest>[0-9a-fA-F]{64})  ?\*?(?P<name>.+)")


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
            click.echo(f"{found}  {file}")


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
            match = _LINE.fullmatch(line.rstrip("\n"))
            if match is None:
                raise InvalidInputError(f"line {number} of {path} is not a digest and a name")
            found += 1
            yield match["digest"].lower(), Path(match["name"])
    if not found:
        raise InvalidInputError(f"{path} lists nothing")
