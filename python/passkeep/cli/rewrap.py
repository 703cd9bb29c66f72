"""`passkeep rewrap`: new recipients, nothing encrypted again."""

from __future__ import annotations

import json
from pathlib import Path

import click

from passkeep import rewrapping
from passkeep.cli import options, ways
from passkeep.cli.ending import say
from passkeep.cli.progress import bar, human
from passkeep.keyring import State


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "-o",
    "--output",
    type=options.NAMED_FILE,
    required=True,
    help="The new file; with --force FILE itself.",
)
@options.to_option
@click.option(
    "--to-keyring",
    type=options.FILE,
    help="Seal to this keyring, or to the public export of one, instead of your own.",
)
@options.force_option
@options.sync_option
@options.json_option
@ways.unlock_options
def rewrap_command(
    file: Path,
    output: Path,
    recipients: tuple[str, ...],
    to_keyring: Path | None,
    force: bool,
    sync: bool,
    as_json: bool,
    given: ways.Ways,
) -> None:
    """Give a sealed file or a backup new recipients.

    Opened with one of your ways in, and sealed to your keyring as it is now, to
    another keyring, or to recipients. The content is copied as it is, which takes
    no time where the file system can share it.

    This is not revocation: whoever could open the old file can open every copy of
    it. A file that carries a keyring is replaced only where the new one is sealed to
    that keyring.
    """
    from passkeep.cli import taps
    from passkeep.cli.opening import Opener
    from passkeep.cli.ways import load_sealing

    if recipients and to_keyring is not None:
        raise click.UsageError("Seal to recipients or to a keyring, not both.")
    to = (
        taps.recipients(recipients, given.passkey_way)
        if recipients
        else load_sealing(to_keyring or given.keyring)
    )
    in_place = output.exists() and output.samefile(file)
    with bar("Rewrapping", options.size(file)) as progress:
        size = rewrapping.rewrap(
            file,
            output,
            Opener(given),
            to=to,
            overwrite=force,
            sync=sync,
            progress=progress,
            state=State(),
        )
    if as_json:
        click.echo(json.dumps({"output": str(output), "bytes": size}))
    else:
        say(f"Wrote {output}, {human(size)}.")
        if in_place:
            say("Whoever kept a copy of the old file can still open that.")
        else:
            say("Whoever could open the old file still can.")
