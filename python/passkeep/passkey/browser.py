"""Passkey ceremonies in the user's own browser, on a page that this process serves."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from typing import Any, TypeVar

from fido2.utils import websafe_encode

from passkeep.errors import CeremonyError, InvalidInputError
from passkeep.passkey import ceremony, failures, loopback, rounds
from passkeep.passkey.exchange import Exchange
from passkeep.passkey.relying_party import DEFAULT_RP_ID
from passkeep.passkey.server import LoopbackServer
from passkeep.passkey.showing import Showing, new_code
from passkeep.passkey.site import origin_of
from passkeep.passkey.step import Step
from passkeep.prf import Answer, Enrolment, Notice, Question

RP_IDS = (DEFAULT_RP_ID, "localhost")
"""The RP IDs that a page on loopback can have.

``passkeep.localhost`` keeps its passkeys apart from those of other programs; plain
``localhost`` is shared by every page on any port, and is for browsers that cannot reach
the other name.
"""

_CLOSED = "The page was closed. To go on, open this address again"
_NOT_IN_THIS_BROWSER = "This browser cannot do it. Open this address in another one"

_FAREWELL = 0.2  # seconds at most
_ON_A_KEY = "One that lives on a security key opens it here, too: `--with security-key`."
_TICK = 0.1  # seconds; Windows delivers Ctrl-C only between waits

Result = TypeVar("Result")


class Browser:
    """Runs ceremonies on a loopback page in the user's browser.

    Args:
        rp_id: The RP ID of new passkeys, one of :data:`RP_IDS`.
        open_url: Opens an address in a browser; it may block, and returns False if it
            cannot. Default: the browser that :mod:`webbrowser` finds.
        announce: Is called with a sentence to show to the user, from the calling thread.
            One of them is the code that the page shows too.
        timeout: Seconds that one ceremony may take. Browsers keep their own sheet open
            for up to five minutes.
        checking: Whether :meth:`evaluate` is there to try a passkey: the page then says so.
        notices: What the page tells the password manager, where the browser can.

    Attributes:
        told: The ids of the credentials whose notices were given.

    Raises:
        InvalidInputError: A page on loopback cannot have this RP ID, or the time-out is
            not positive.
    """

    def __init__(
        self,
        *,
        rp_id: str = RP_IDS[0],
        open_url: Callable[[str], object] | None = None,
        announce: Callable[[str], object] | None = None,
        timeout: float = 300.0,
        checking: bool = False,
        notices: Sequence[Notice] = (),
    ) -> None:
        if rp_id not in RP_IDS:
            raise InvalidInputError(f"a page on this machine has the RP ID {' or '.join(RP_IDS)}")
        if not timeout > 0:
            raise InvalidInputError("the time-out of a ceremony must be positive")
        self._rp_id = rp_id
        self._open_url = open_url
        self._announce = announce or (lambda _: None)
        self.told: set[bytes] = set()
        self._timeout = timeout
        self._notices = tuple(notices)
        self._purpose: failures.Purpose = "check" if checking else "unlock"

    def enroll(self, *, label: str, nonce: bytes) -> Enrolment:
        """Make a passkey; the user is asked two or three times.

        Args:
            label: Names the passkey for people (see :func:`ceremony.passkey_name`).
            nonce: The 16 bytes of the slot to be.

        Raises:
            CeremonyError: No passkey was made, or it does not give the same secret twice.
            InvalidInputError: The label is empty, too long or not printable.
        """

        def begin(origin: str) -> Step:
            return ceremony.begin_enrolment(
                rp_id=self._rp_id, origin=origin, label=label, nonce=nonce
            )

        display = {"label": ceremony.passkey_name(label)}
        return self._run("enrol", self._rp_id, begin, ceremony.complete_enrolment, display)

    def evaluate(self, questions: Sequence[Question]) -> Answer:
        """Ask for the secret of whichever passkey is at hand.

        All passkeys of one RP ID are asked in one prompt. Questions whose RP ID a page on
        loopback cannot have are ignored; if several RP IDs are left, each gets a ceremony
        of its own, this browser's first, until one answers.

        Raises:
            OtherSiteError: None of these can be asked on a page of this machine.
            CeremonyError: No passkey answered, or there is none.
        """
        order = dict.fromkeys((self._rp_id, *RP_IDS))
        asked = dict.fromkeys(question.credential.rp_id for question in questions)
        left = [rp_id for rp_id in order if rp_id in asked]
        if not left:
            if not asked:
                raise CeremonyError("There is no passkey to ask for.", hint=failures.hint("unlock"))
            raise failures.other_site(asked, more=_ON_A_KEY)
        return rounds.first_answer(
            left, lambda rp_id, more: self._evaluate(rp_id, questions, more=more)
        )

    def _evaluate(self, rp_id: str, questions: Sequence[Question], *, more: bool) -> Answer:
        def begin(origin: str) -> Step:
            return ceremony.begin_evaluation(rp_id=rp_id, origin=origin, questions=questions)

        return self._run(self._purpose, rp_id, begin, ceremony.complete_evaluation, {"more": more})

    def _run(
        self,
        purpose: failures.Purpose,
        rp_id: str,
        begin: Callable[[str], Step],
        complete: Callable[[Mapping[str, Any], object], Step | Result],
        display: Mapping[str, Any],
    ) -> Result:
        """Run one ceremony: one server, one page, one result.

        Whatever ends it, Ctrl-C included, leaves no server and no file behind.
        """
        with ExitStack() as stack:
            try:
                sockets = loopback.bind_both()
            except OSError:
                raise failures.no_page(purpose) from None
            for each in sockets:
                stack.enter_context(each)
            step = begin(origin_of(sockets, rp_id))
            code = new_code()
            notices = [_spoken(each) for each in self._notices if each.credential.rp_id == rp_id]
            shown = {"code": code, "notices": notices, **display}
            exchange = Exchange(purpose, step, complete, shown)
            exchange.told = self.told
            site = stack.enter_context(LoopbackServer(sockets, rp_id, exchange))
            self._announce(f"Continue in your web browser. The page shows the code {code}.")
            showing = Showing(site.url, self._announce, exchange.arrived)
            stack.enter_context(showing.by(self._open_url, lambda: _unseen(site)))
            stack.callback(_end, site, failures.closed(purpose))
            self._wait(site, showing)
            return exchange.result()

    def _wait(self, site: LoopbackServer, showing: Showing) -> None:
        """Wait until the exchange has an outcome, and make one when the time is up."""
        exchange = site.exchange
        started = time.monotonic()
        shown: str | None = None
        while not site.ended.wait(_TICK):
            showing.tick()
            why = _why_the_address(exchange)
            if why is not None and why != shown:
                showing.show(why)
            shown = why
            if time.monotonic() - started > self._timeout:
                _end(site, failures.timed_out(exchange.purpose, self._timeout, exchange.reported))
                return


def _spoken(notice: Notice) -> dict[str, str | None]:
    """Return a notice as the page takes it: without a name, the passkey is unknown."""
    name = None if notice.label is None else ceremony.passkey_name(notice.label, notice.made)
    return {"credential": websafe_encode(notice.credential.id), "name": name}


def _why_the_address(exchange: Exchange[Any]) -> str | None:
    """Return why the person needs the address of the page, if they do."""
    if exchange.deserted:
        return _CLOSED
    if exchange.reported in {failures.NO_WEBAUTHN, failures.NO_PRF}:
        return _NOT_IN_THIS_BROWSER
    return None


def _end(site: LoopbackServer, error: CeremonyError) -> None:
    """End a ceremony from this side, and let a page that waits for news hear of it."""
    if not site.exchange.over:
        watched = site.exchange.watched
        site.exchange.fail(error)
        if watched:
            site.ended.wait(_FAREWELL)


def _unseen(site: LoopbackServer) -> None:
    """End a ceremony that no browser shows."""
    site.exchange.fail(failures.no_browser(site.exchange.purpose))
    site.ended.set()
