"""A security key at the terminal: its prompts, and its options."""

from __future__ import annotations

from functools import partial

import click

from passkeep.cli.ending import say, sentence
from passkeep.cli.terminal import somebody_is_there
from passkeep.prf import PasskeyClient

_PLUG_IN_TIMEOUT = 60.0  # seconds
_LAST_TRY = (
    "This is the last try: one more wrong PIN blocks the key for good. Only a reset, which"
    " erases every passkey on it, would make it usable again. An empty line gives up."
)
_NOBODY = "Nobody is at the terminal to type the PIN of the security key."

option = click.option(
    "--security-key",
    is_flag=True,
    help="Make the passkey with a security key that is plugged in, without a browser.",
)


def client(rp_id: str | None = None) -> PasskeyClient:
    """A security key whose prompts are on this terminal.

    Args:
        rp_id: The RP ID of a new passkey; None for the usual one.
    """
    from passkeep.passkey import SecurityKey

    # Where nobody reads, nobody plugs it in.
    wait = _PLUG_IN_TIMEOUT if somebody_is_there() else 0
    made = partial(SecurityKey, _Prompts(), plug_in_timeout=wait)
    return made() if rp_id is None else made(rp_id=rp_id)


def require_somebody() -> None:
    """Refuses to begin where nobody can type the PIN that most keys ask for.

    Raises:
        UsageError: There is no terminal, and no system that asks by itself.
    """
    from passkeep.passkey import windows_client

    if not (somebody_is_there() or windows_client.available()):
        raise click.UsageError(_NOBODY)


def is_what_there_is() -> bool:
    """Whether no browser can be shown here, but a security key is plugged in."""
    from passkeep.passkey import hid_keys, opening

    return not opening.can_show() and hid_keys.any_plugged_in()


class _Prompts:
    """Implements `passkey.UserInteraction`. The PIN is typed unseen, and kept nowhere."""

    def plug_in(self) -> None:
        say("No security key is plugged in. Plug it in now: a minute is waited, Ctrl-C ends it.")

    def leave_out(self, key: str, why: str) -> None:
        say(f"Left out: {sentence(key)} {sentence(why)}")

    def choose(self, count: int) -> None:
        say(f"{count} security keys are plugged in. Touch the one to use.")

    def touch(self, *, again: bool) -> None:
        say("Touch it again." if again else "Touch your security key.")

    def verify(self, *, failed: bool) -> None:
        if failed:
            say("The finger was not recognised.")
        say("Put your finger on the sensor of your security key.")

    def pin(self, *, tries_left: int, wrong: bool) -> str | None:
        if wrong:
            say("That is not the PIN.")
        if tries_left == 1:
            say(_LAST_TRY)
        if not somebody_is_there():
            raise click.UsageError(_NOBODY)
        tries = "1 try" if tries_left == 1 else f"{tries_left} tries"
        typed: str = click.prompt(
            f"PIN of your security key ({tries} left)",
            hide_input=True,
            default="",
            show_default=False,
            err=True,
        )
        return typed or None
