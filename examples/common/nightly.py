"""The unattended job: backs everybody up, and holds nothing that could open a backup.

Run it as ``NOTES_DATA=data python -m common.nightly``. All that it reads is the notes and
each person's ``public.json``. It never looks at ``keyring.json``, so it may run as another
user, or on a machine that has no keyring.
"""

from __future__ import annotations

import sys
from pathlib import Path

import passkeep
from common.home import Home
from common.problems import Refused
from common.settings import Settings


def back_up(home: Home) -> Path:
    """Seal a person's notes.

    Returns:
        The backup.

    Raises:
        Refused: The person has too many backups, or has not turned them on.
        KeyringError: The export is not the one that was used before: somebody may have
            put another one there, to whom the backups would be readable.
        PartialError: It was written, but a note could not be read or changed meanwhile.
    """
    public = passkeep.PublicKeyring.load(home.export)
    target = home.new_backup()
    passkeep.backup(home.notes.folder, target, to=public, state=home.state)
    return target


def main() -> int:
    """Back everybody up who wants it, and go on after a failure."""
    failed = 0
    for home in Home.all(Settings.from_environment().data):
        if not home.export.exists():
            continue
        try:
            print(f"{home.user}: {back_up(home).name}")
        except (passkeep.PasskeepError, Refused, OSError) as error:
            failed = 1
            print(f"{home.user}: {error}", file=sys.stderr)
    return failed


if __name__ == "__main__":
    sys.exit(main())
