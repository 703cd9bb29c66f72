"""A security key at the terminal: its prompts, and its options."""

from __future__ import annotations

import click

from passkeep.cli.ending import say
from passkeep.cli.terminal import somebody_is_there
from passkeep.prf import PasskeyClient

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

    return SecurityKey(_Prompts()) if rp_id is None else SecurityKey(_Prompts(), rp_id=rp_id)


def is_what_there_is() -> bool:
    """Whether no browser can be shown here, but a security key is plugged in."""
    from passkeep.passkey import hid_keys, opening

    return not opening.can_show() and hid_keys.any_plugged_in()


class _Prompts:
    """Implements `passkey.UserInteraction`. The PIN is typed unseen, and kept nowhere."""

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
        if not somebody_is_there():
            raise click.UsageError("Nobody is at the terminal to type the PIN of the security key.")
        tries = "1 try" if tries_left == 1 else f"{tries_left} tries"
        typed: str = click.prompt(
            f"PIN of your security key ({tries} left)",
            hide_input=True,
            default="",
            show_default=False,
            err=True,
        )
        return typed or None
