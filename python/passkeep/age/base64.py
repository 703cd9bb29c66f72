"""The base64 of age headers: standard alphabet, no padding, canonical."""

from __future__ import annotations

import base64
import binascii

from passkeep.errors import DamagedError


def encode(data: bytes) -> str:
    """Bytes as unpadded base64."""
    return base64.b64encode(data).rstrip(b"=").decode()


def decode(text: str) -> bytes:
    """Unpadded canonical base64 as bytes.

    Raises:
        DamagedError: A character, the length or the trailing bits are not canonical.
    """
    try:
        data = base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise DamagedError("the header holds malformed base64") from None
    if encode(data) != text:
        raise DamagedError("the header holds base64 that is not canonical")
    return data
