"""Making slots: one function for each kind of way in."""

from __future__ import annotations

import os
import secrets
from datetime import UTC, datetime

from passkeep.age import fido2prf, keys, message
from passkeep.age.header import FILE_KEY_SIZE
from passkeep.age.hybrid import HybridIdentity, HybridRecipient
from passkeep.age.scrypt import Password
from passkeep.errors import InvalidInputError
from passkeep.keyring import passwords, seal
from passkeep.keyring.document import CredentialInfo, Kind, Slot
from passkeep.prf import PasskeyClient, check_label

_ID_SIZE = 4


def password_slot(keyring_key: bytes, password: str, label: str, *, allow_weak: bool) -> Slot:
    """A slot that a password opens.

    Raises:
        InvalidInputError: The label is malformed, or the password easy to guess.
    """
    label = check_label(label)
    normal = passwords.prepare(password, allow_weak=allow_weak)
    identity = HybridIdentity.generate()
    wrapped = message.encrypt_text(f"{identity}\n", [Password(normal)])
    return _way_in("password", label, identity, keyring_key, wrapped=wrapped)


def passkey_slot(keyring_key: bytes, client: PasskeyClient, label: str) -> Slot:
    """Makes a passkey, and a slot that it opens.

    Raises:
        InvalidInputError: The label is malformed; nobody was asked.
        CeremonyError: The ceremony ended without a passkey.
    """
    label = check_label(label)
    nonce = os.urandom(fido2prf.NONCE_SIZE)
    enrolment = client.enroll(label=label, nonce=nonce)
    identity = HybridIdentity.generate()
    file_key = os.urandom(FILE_KEY_SIZE)
    stanza = fido2prf.wrap(file_key, enrolment.nonce, enrolment.prf_output)
    return _way_in(
        "passkey",
        label,
        identity,
        keyring_key,
        wrapped=message.encrypt_text_under(f"{identity}\n", stanza, file_key),
        credential=CredentialInfo(
            identity=enrolment.credential.to_string(),
            discoverable=enrolment.discoverable,
            backup_eligible=enrolment.backup_eligible,
        ),
    )


def recovery_slot(keyring_key: bytes, seed: bytes, label: str) -> Slot:
    """A slot whose seed the person keeps."""
    return _way_in("recovery-key", label, HybridIdentity.from_seed(seed), keyring_key)


def recipient_slot(recipient: str | HybridRecipient, label: str) -> Slot:
    """Somebody else, who can restore and can change nothing.

    Raises:
        InvalidInputError: The label or the recipient is malformed, or the recipient
            is a classic one, which would make every backup as weak as itself.
    """
    label = check_label(label)
    found = keys.parse_recipient(recipient) if isinstance(recipient, str) else recipient
    if not isinstance(found, HybridRecipient):
        raise InvalidInputError(
            "a keyring takes post-quantum recipients only (age1pq1…)",
            hint="Ask for a recipient made by `age-keygen -pq`.",
        )
    return _slot("recipient", label, found, auth=None)


def _way_in(
    kind: Kind,
    label: str,
    identity: HybridIdentity,
    keyring_key: bytes,
    *,
    wrapped: str | None = None,
    credential: CredentialInfo | None = None,
) -> Slot:
    auth = seal.hand_over(identity.seed, keyring_key)
    return _slot(kind, label, identity.recipient, auth=auth, wrapped=wrapped, credential=credential)


def _slot(
    kind: Kind,
    label: str,
    recipient: HybridRecipient,
    *,
    auth: bytes | None,
    wrapped: str | None = None,
    credential: CredentialInfo | None = None,
) -> Slot:
    today = datetime.now(UTC).date().isoformat()
    return Slot(
        id=secrets.token_hex(_ID_SIZE),
        kind=kind,
        label=label,
        created=today,
        checked=today,
        recipient=str(recipient),
        auth=auth,
        identity=wrapped,
        credential=credential,
    )
