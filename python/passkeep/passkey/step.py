"""One prompt of a ceremony. What a ceremony is about is in :mod:`passkeep.prf`."""

from typing import Any, Literal, NamedTuple

Phase = Literal["open", "create", "confirm", "first", "again", "decide"]
"""Why a person is prompted.

To open a slot (``open``); to make a passkey (``create``); to have it repeat the secret that
it gave while it was made (``confirm``); to ask one that gave none for the first time and the
second (``first``, ``again``); or once more, since the first two differed (``decide``).
"""


class Step(NamedTuple):
    """One prompt: what the page needs, and what the relying party keeps.

    Attributes:
        options: For the page, as JSON: ``{"publicKey": …}`` in the JSON form of WebAuthn
            Level 3, for ``navigator.credentials.create`` or ``.get``.
        state: For the matching ``complete_…`` call, as JSON. It holds no PRF output, but
            it must come from the relying party's own memory, never from the page.
    """

    options: dict[str, Any]
    state: dict[str, Any]

    @property
    def kind(self) -> Literal["create", "get"]:
        """Which method of ``navigator.credentials`` these options are for."""
        return "create" if "rp" in self.options["publicKey"] else "get"

    @property
    def phase(self) -> Phase:
        """Why this prompt is needed, for a page that explains it."""
        phase: Phase = self.state.get("phase", "open")
        return phase
