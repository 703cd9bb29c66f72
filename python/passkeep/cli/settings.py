"""`passkeep settings`: a page that looks after a keyring and its backups."""

from __future__ import annotations

from pathlib import Path

import click

from passkeep.cli import options
from passkeep.cli.ending import say
from passkeep.cli.enrol import rp_id_option

_MINUTE = 60.0


@click.command()
@options.keyring_option
@click.option(
    "--folder",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="The folder with your backups. It can be chosen in the page, too.",
)
@rp_id_option
@click.option("--no-browser", is_flag=True, help="Only show the address of the page.")
@click.option(
    "--timeout",
    type=click.FloatRange(min=0.05, max=24 * 60),
    metavar="MINUTES",
    default=5,
    show_default=True,
    help="Lock the keyring again when nobody has used the page for so long.",
)
def settings_command(
    keyring: Path | None,
    folder: Path | None,
    rp_id: str,
    no_browser: bool,
    timeout: float,
) -> None:
    """Look after your keyring and your backups on a page in your browser.

    \b
    What opens your backups: add, name, check and remove ways in, change the
    password, replace the recovery key. Turn backups on and off. Make a backup of a
    folder, verify one, restore one.

    The page comes from this command and works for you on this machine only, until
    you end it there or press Ctrl-C here.
    """  # noqa: D301  (click wants the character itself)
    from passkeep.settings.serving import serve

    serve(
        keyring or options.default_keyring(),
        folder=folder,
        rp_id=rp_id,
        lock_after=timeout * _MINUTE,
        browser=not no_browser,
        announce=say,
    )
    say("The settings page has ended.")
