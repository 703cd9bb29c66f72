"""Passkeys that files are encrypted to themselves, without a keyring: each use takes a tap."""

from __future__ import annotations

from collections.abc import Sequence

import click

from passkeep.age.fido2prf import Credential, names_passkey
from passkeep.age.keys import Recipient, parse_recipient
from passkeep.cli import security_key
from passkeep.cli.ending import printable, say
from passkeep.errors import InvalidInputError
from passkeep.passkey import PasskeyIdentity
from passkeep.prf import Answer, Enrolment, PasskeyClient, Question

PASSKEY, SECURITY_KEY = "passkey", "security-key"

option = click.option(
    "--with",
    "way",
    type=click.Choice([PASSKEY, SECURITY_KEY]),
    help="How a passkey that --to names is asked: in the browser, or a security key without one.",
)


def recipients(texts: Sequence[str], way: str | None) -> list[Recipient]:
    """What `--to` names. Each passkey among them gets a tap of its own.

    Raises:
        InvalidInputError: One is malformed, or cannot be asked here.
    """
    return [_recipient(text.strip(), way) for text in texts]


def refuse_unused(texts: Sequence[str], way: str | None) -> None:
    """Raises UsageError where `--with` is given and no passkey is to be asked."""
    if way is not None and not any(names_passkey(text.strip()) for text in texts):
        raise click.UsageError("--with goes with a passkey in --to (AGE-PLUGIN-FIDO2PRF-1…).")


def identity(credentials: Sequence[Credential], way: str | None) -> PasskeyIdentity | None:
    """The passkeys that identity files name, as one identity; None if there are none.

    Raises:
        InvalidInputError: They cannot be asked here.
    """
    if not credentials:
        return None
    return PasskeyIdentity(credentials, _client(credentials, way, "Decrypting with a passkey"))


def _recipient(text: str, way: str | None) -> Recipient:
    if not names_passkey(text):
        return parse_recipient(text)
    credentials = [Credential.from_string(text)]
    return PasskeyIdentity(credentials, _client(credentials, way, "Encrypting to a passkey"))


def _client(credentials: Sequence[Credential], way: str | None, what: str) -> PasskeyClient:
    """What asks for the taps: a security key where that is meant, or nothing else can."""
    from passkeep.passkey.browser import RP_IDS, Browser

    why = f"{what} takes a tap."
    if way == SECURITY_KEY:
        return _Telling(security_key.client(), why)
    if any(each.rp_id in RP_IDS for each in credentials):
        return _Telling(Browser(announce=say), why)
    site = printable(credentials[0].rp_id)
    if way == PASSKEY:
        raise InvalidInputError(
            f"only pages of {site} can ask its passkeys in a browser, and this machine has none",
            hint="If the passkey lives on a security key, plug it in and use --with security-key.",
        )
    why += f" Only pages of {site} can ask for it in a browser, so a security key is."
    return _Telling(security_key.client(), why)


class _Telling:
    """A client that first says why somebody is asked: with other keys nobody is."""

    def __init__(self, client: PasskeyClient, why: str) -> None:
        self._client = client
        self._why = why

    def enroll(self, *, label: str, nonce: bytes) -> Enrolment:
        """Makes a passkey."""
        return self._client.enroll(label=label, nonce=nonce)

    def evaluate(self, questions: Sequence[Question]) -> Answer:
        """Asks a passkey."""
        say(self._why)
        return self._client.evaluate(questions)
