"""Wrapping a file key for recipients, and finding it again with identities."""

from __future__ import annotations

import os
from collections.abc import Sequence

from passkeep.age import header as grammar
from passkeep.age import hybrid, scrypt, x25519
from passkeep.age.header import FILE_KEY_SIZE, Header, Stanza
from passkeep.age.keys import Identity, Recipient
from passkeep.errors import DamagedError, InvalidInputError, WrongKeyError


def new_header(
    recipients: Sequence[Recipient],
    extra: Sequence[Stanza] = (),
    *,
    file_key: bytes | None = None,
) -> tuple[bytes, bytes]:
    """Makes a header around a file key.

    Args:
        recipients: Who can open it; at least one.
        extra: Stanzas that wrap nothing and that other tools ignore.
        file_key: That of a payload that exists; by default a fresh one.

    Returns:
        The header's bytes and the 16-byte file key.

    Raises:
        InvalidInputError: There is no recipient, a password is not alone, or
            classic and hybrid recipients are mixed (which would make the whole
            file as weak as its classic part).
    """
    if file_key is None:
        file_key = os.urandom(FILE_KEY_SIZE)
    stanzas = [stanza for recipient in recipients for stanza in recipient.wrap(file_key)]
    types = {stanza.type for stanza in stanzas}
    if not stanzas:
        raise InvalidInputError("there is nobody to encrypt to: give at least one recipient")
    if scrypt.STANZA_TYPE in types and len(stanzas) + len(extra) > 1:
        raise InvalidInputError("a password must be the only recipient")
    if {x25519.STANZA_TYPE, hybrid.STANZA_TYPE} <= types:
        raise InvalidInputError(
            "classic (age1…) and post-quantum (age1pq1…) recipients cannot be mixed"
        )
    return grammar.serialize([*stanzas, *extra], file_key), file_key


def open_header(header: Header, identities: Sequence[Identity]) -> bytes:
    """Finds the file key with the first identity that opens a stanza.

    Returns:
        The 16-byte file key, after the header's MAC was verified with it.

    Raises:
        WrongKeyError: No identity opens a stanza.
        DamagedError: A stanza is malformed, or the header was changed.
        LimitError: A password asks for too much work.
    """
    scrypt.check_alone(header.stanzas)
    wrong: WrongKeyError | None = None
    for identity in identities:
        try:
            file_key = identity.unwrap(header.stanzas)
        except WrongKeyError as error:
            # It can say why, and the next one may open the file all the same.
            wrong = wrong or error
            continue
        if file_key is None:
            continue
        if len(file_key) != FILE_KEY_SIZE:
            raise DamagedError("the header holds a file key of a wrong length")
        grammar.verify_mac(header, file_key)
        return file_key
    raise wrong or WrongKeyError("nothing that was given opens this file")
