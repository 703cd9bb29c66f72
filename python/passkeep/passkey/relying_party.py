"""Whose passkeys these are, where no web page says it."""

from __future__ import annotations

from fido2.rpid import verify_rp_id

DEFAULT_RP_ID = "passkeep.localhost"
"""The RP ID of new passkeys, in the browser and with a security key alike: a key that
was enrolled in one of them opens in the other."""


def native_origin(rp_id: str) -> str | None:
    """Return the origin under which this process itself uses passkeys of an RP ID.

    Keys see a hash of it and nothing else, so any page of the domain would do; the names
    under ``localhost`` are the ones that have no TLS. None if no page can have this RP ID.
    """
    local = rp_id == "localhost" or rp_id.endswith(".localhost")
    origin = f"{'http' if local else 'https'}://{rp_id}"
    return origin if verify_rp_id(rp_id, origin) else None
