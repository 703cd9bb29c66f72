"""Files that are encrypted to a passkey itself, as npm age-encryption does it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence

from passkeep.age import fido2prf
from passkeep.age.fido2prf import Credential
from passkeep.age.header import Stanza
from passkeep.errors import CeremonyError, InvalidInputError, LimitError, WrongKeyError
from passkeep.passkey.failures import hint
from passkeep.prf import Answer, PasskeyClient, Question

MAX_STANZAS = 16
"""Prompts that one file can ask for: its stanzas do not say whose they are."""

_HINT = "Try again, or use something else that opens the file."


class PasskeyIdentity:
    """Passkeys as age identities, and as recipients: both take a tap.

    A passkey's secret never leaves its device, so nobody can encrypt to it without it.
    For backups use a keyring, which seals to a public key and needs no tap.

    Each file takes a tap for each passkey it is encrypted to (asking for
    :func:`passkeep.sealed_size` takes as many), and one to open it with whichever of
    the passkeys is at hand; more only where the file is encrypted to several.

    Args:
        passkeys: `AGE-PLUGIN-FIDO2PRF-1…` strings, or what they parse to.
        client: Asks for the taps: :class:`passkeep.passkey.Browser`,
            :class:`passkeep.passkey.SecurityKey`, or one of your own.

    Raises:
        InvalidInputError: A string is malformed, or there is none.

    Attributes:
        credentials: The passkeys.
    """

    def __init__(
        self, passkeys: str | Credential | Iterable[str | Credential], client: PasskeyClient
    ) -> None:
        several = [passkeys] if isinstance(passkeys, (str, Credential)) else list(passkeys)
        self.credentials = tuple(
            Credential.from_string(each.strip()) if isinstance(each, str) else each
            for each in several
        )
        if not self.credentials:
            raise InvalidInputError("there is no passkey to ask")
        self._client = client

    def wrap(self, file_key: bytes) -> list[Stanza]:
        """Wraps a file key under each of the passkeys, with a tap for each.

        Raises:
            CeremonyError: One of them did not answer.
        """
        return [self._wrap(file_key, credential) for credential in self.credentials]

    def unwrap(self, stanzas: Sequence[Stanza]) -> bytes | None:
        """Opens the stanza of whichever passkey is at hand; None if no passkey can help.

        Raises:
            CeremonyError: None of them answered.
            WrongKeyError: One answered, and the file is not encrypted to it.
            DamagedError: A stanza is malformed; nobody was asked.
            LimitError: The file would ask for more than 16 taps; nobody was asked.
        """
        mine = [stanza for stanza in stanzas if stanza.type == fido2prf.STANZA_TYPE]
        nonces = [fido2prf.nonce_of(stanza) for stanza in mine]
        if not mine:
            return None
        if len(mine) > MAX_STANZAS:
            raise LimitError(
                f"the file is encrypted to {len(mine)} passkeys; the limit is {MAX_STANZAS}"
            )
        for stanza, nonce in zip(mine, nonces, strict=True):
            answer = self._ask([Question(each, nonce) for each in self.credentials])
            try:
                return fido2prf.unwrap(stanza, answer.prf_output)
            except WrongKeyError:
                continue
        raise WrongKeyError("a passkey answered, but the file is not encrypted to it")

    def _wrap(self, file_key: bytes, credential: Credential) -> Stanza:
        nonce = os.urandom(fido2prf.NONCE_SIZE)
        answer = self._ask([Question(credential, nonce)])
        return fido2prf.wrap(file_key, nonce, answer.prf_output)

    def _ask(self, questions: Sequence[Question]) -> Answer:
        try:
            return self._client.evaluate(questions)
        except CeremonyError as error:
            # There is no keyring here, and so none of its other ways in.
            error.hint = error.hint.replace(hint("unlock"), _HINT)
            raise
