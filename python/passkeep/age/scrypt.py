"""The scrypt stanza: passwords."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence

from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from passkeep.age import base64, wrap
from passkeep.age.header import Stanza
from passkeep.age.secret import Secret
from passkeep.errors import DamagedError, InvalidInputError, LimitError

STANZA_TYPE = "scrypt"
WORK_FACTOR = 18
"""log2 N for new files: 256 MiB and about a second."""
MAX_WORK_FACTOR = 20
"""log2 N that is worked for at most: 1 GiB, against hostile files."""
AGE_WORK_FACTOR = 22
"""log2 N that `age` works for at most."""

_SALT_SIZE = 16
_LABEL = b"age-encryption.org/v1/scrypt"
_DECIMAL = re.compile(r"[1-9][0-9]*")
_LONGEST_DECIMAL = 10


class Password(Secret):
    """A password, as recipient and as identity.

    Args:
        password: Text is used as its UTF-8 bytes, without normalisation.
        work_factor: log2 N when wrapping: at most `max_work_factor`, and 22, beyond
            which `age` opens nothing.
        max_work_factor: log2 N that a file may ask for.

    Raises:
        InvalidInputError: It is empty.
    """

    __slots__ = ("_max_work_factor", "_password", "_work_factor")

    def __init__(
        self,
        password: str | bytes,
        *,
        work_factor: int = WORK_FACTOR,
        max_work_factor: int = MAX_WORK_FACTOR,
    ) -> None:
        try:
            self._password = password.encode() if isinstance(password, str) else password
        except UnicodeEncodeError:
            # Its message and its arguments hold the password.
            raise InvalidInputError("the password is not valid text") from None
        if not self._password:
            raise InvalidInputError("the password is empty")
        self._work_factor = work_factor
        self._max_work_factor = max_work_factor

    def wrap(self, file_key: bytes) -> list[Stanza]:
        """Wraps a file key under the password and a fresh salt.

        Raises:
            InvalidInputError: The work factor is one that would not be opened again.
            LimitError: There is not enough memory.
        """
        most = min(self._max_work_factor, AGE_WORK_FACTOR)
        if not 1 <= self._work_factor <= most:
            raise InvalidInputError(
                f"a scrypt work factor of {self._work_factor} is not between 1 and {most}",
                hint="Whoever opens the file has to allow as much: see `max_work_factor`.",
            )
        salt = os.urandom(_SALT_SIZE)
        body = wrap.seal(self._derive(salt, self._work_factor), file_key)
        return [Stanza(STANZA_TYPE, (base64.encode(salt), str(self._work_factor)), body)]

    def unwrap(self, stanzas: Sequence[Stanza]) -> bytes | None:
        """Opens the scrypt stanza, if there is one and it is the password's.

        Raises:
            DamagedError: The stanza is malformed, or not alone.
            LimitError: It asks for more work than the limit.
        """
        mine = [stanza for stanza in stanzas if stanza.type == STANZA_TYPE]
        if not mine:
            return None
        stanza = mine[0]
        wrap.check(stanza, arguments=2)
        salt, work_factor = base64.decode(stanza.args[0]), stanza.args[1]
        if len(salt) != _SALT_SIZE:
            raise DamagedError("the header is malformed: a scrypt salt has a wrong length")
        if not _DECIMAL.fullmatch(work_factor) or len(work_factor) > _LONGEST_DECIMAL:
            raise DamagedError("the header is malformed: a bad scrypt work factor")
        if int(work_factor) > self._max_work_factor:
            raise LimitError(
                f"the password needs scrypt work of 2^{work_factor}; the limit is"
                f" 2^{self._max_work_factor}"
            )
        return wrap.open_(self._derive(salt, int(work_factor)), stanza.body)

    def _derive(self, salt: bytes, work_factor: int) -> bytes:
        try:
            return Scrypt(_LABEL + salt, 32, 1 << work_factor, r=8, p=1).derive(self._password)
        except MemoryError:
            raise LimitError(
                f"the password needs {1 << work_factor >> 10} MiB of memory, which there is not"
            ) from None


def check_alone(stanzas: Sequence[Stanza]) -> None:
    """Refuses a file whose scrypt stanza is not its only one.

    Otherwise whoever knows the password could pass the file off as made by
    somebody who knows it, although it opens for others as well.

    Raises:
        DamagedError: There is a scrypt stanza and another one.
    """
    if len(stanzas) > 1 and any(stanza.type == STANZA_TYPE for stanza in stanzas):
        raise DamagedError("the header is malformed: a scrypt stanza must be the only one")
