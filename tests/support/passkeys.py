"""Passkeys in software: a client for keyring tests that need no browser."""

from __future__ import annotations

import hashlib
import hmac
import os
from collections.abc import Sequence

from passkeep.age.fido2prf import Credential, prf_inputs
from passkeep.errors import CeremonyError
from passkeep.prf import Answer, Enrolment, Question


class SoftwarePasskeys:
    """A person with any number of passkeys; implements ``passkeep.prf.PasskeyClient``.

    Args:
        rp_id: The RP ID of the passkeys.

    Attributes:
        prompts: How many questions each prompt held, in order.
    """

    def __init__(self, rp_id: str = "passkeep.localhost") -> None:
        self._rp_id = rp_id
        self._secrets: dict[bytes, bytes] = {}
        self.prompts: list[int] = []

    def enroll(self, *, label: str, nonce: bytes) -> Enrolment:
        credential_id = os.urandom(32)
        self._secrets[credential_id] = os.urandom(32)
        return Enrolment(
            credential=Credential(credential_id, self._rp_id, ("internal",)),
            discoverable=True,
            backup_eligible=False,
            nonce=nonce,
            prf_output=self._evaluate(credential_id, nonce),
        )

    def evaluate(self, questions: Sequence[Question]) -> Answer:
        self.prompts.append(len(questions))
        for question in questions:
            if question.credential.id in self._secrets:
                output = self._evaluate(question.credential.id, question.nonce)
                return Answer(question.credential.id, output)
        raise CeremonyError("no passkey answered")

    def lose(self, credential_id: bytes) -> None:
        """Deletes one passkey, as people do."""
        del self._secrets[credential_id]

    @property
    def credential_ids(self) -> list[bytes]:
        """The passkeys that are left, oldest first."""
        return list(self._secrets)

    def _evaluate(self, credential_id: bytes, nonce: bytes) -> bytes:
        secret = self._secrets[credential_id]
        return b"".join(
            hmac.digest(secret, hashlib.sha256(salt).digest(), "sha256")
            for salt in prf_inputs(nonce)
        )
