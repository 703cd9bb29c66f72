"""Whose passkeys these are, where no web page says it."""

from __future__ import annotations

import re

DEFAULT_RP_ID = "passkeep.localhost"
"""The RP ID of new passkeys, in the browser and with a security key alike: a key that
was enrolled in one of them opens in the other."""

_DOMAIN = re.compile(  # as browsers write it; a last label of digits is an address
    r"(?=.{1,253}\Z)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)*(?![0-9]+\Z)"
    r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
)


def is_domain(rp_id: str) -> bool:
    """Say whether a page could have this RP ID."""
    return _DOMAIN.fullmatch(rp_id) is not None


def native_origin(rp_id: str) -> str | None:
    """Return the origin under which this process itself uses passkeys of an RP ID.

    Keys see a hash of the RP ID and nothing else, so any page of the domain would do;
    the names under ``localhost`` are the ones without TLS. None if it is no domain.
    """
    if not is_domain(rp_id):
        return None
    local = rp_id == "localhost" or rp_id.endswith(".localhost")
    return f"{'http' if local else 'https'}://{rp_id}"
