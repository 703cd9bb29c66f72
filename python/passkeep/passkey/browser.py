"""Passkey ceremonies in the user's own browser, on a page that this process serves."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from typing import Any, TypeVar

from passkeep.errors import CeremonyError, InvalidInputError
from passkeep.passkey import ceremony, failures, loopback, opening, rounds
from passkeep.passkey.exchange import Exchange
from passkeep.passkey.relying_party import DEFAULT_RP_ID
from passkeep.passkey.server import LoopbackServer, origin_of
from passkeep.passkey.step import Step
from passkeep.prf import Answer, Enrolment, Question

RP_IDS = (DEFAULT_RP_ID, "localhost")
"""The RP IDs that a page on loopback can have.

``passkeep.localhost`` keeps its passkeys apart from those of other programs; plain
``localhost`` is shared by every page on any port, and is for browsers that cannot reach
the other name.
"""

_CODE_ALPHABET = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"  # nothing that looks like something else
_PATIENCE = 8.0  # seconds until the address is shown for opening by hand
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
    ) -> None:
        if rp_id not in RP_IDS:
            raise InvalidInputError(f"a page on this machine has the RP ID {' or '.join(RP_IDS)}")
        if not timeout > 0:
            raise InvalidInputError("the time-out of a ceremony must be positive")
        self._rp_id = rp_id
        self._open_url = open_url or opening.open_in_browser
        self._announce = announce or (lambda _: None)
        self._timeout = timeout

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
            CeremonyError: No passkey answered, or none of these can be asked here.
        """
        order = dict.fromkeys((self._rp_id, *RP_IDS))
        asked = {question.credential.rp_id for question in questions}
        left = [rp_id for rp_id in order if rp_id in asked]
        if not left:
            raise CeremonyError(
                "None of these passkeys can be used on a page of this machine: "
                "they belong to other addresses, or there is no passkey.",
                hint="Use the password or the recovery key instead.",
            )
        return rounds.first_answer(
            left, lambda rp_id, more: self._evaluate(rp_id, questions, more=more)
        )

    def _evaluate(self, rp_id: str, questions: Sequence[Question], *, more: bool) -> Answer:
        def begin(origin: str) -> Step:
            return ceremony.begin_evaluation(rp_id=rp_id, origin=origin, questions=questions)

        return self._run("unlock", rp_id, begin, ceremony.complete_evaluation, {"more": more})

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
            code = _code()
            exchange = Exchange(purpose, step, complete, {"code": code, **display})
            site = stack.enter_context(LoopbackServer(sockets, rp_id, exchange))
            redirect = stack.enter_context(ExitStack())
            address = redirect.enter_context(opening.discreet(site.url))
            self._announce(f"Continue in your web browser. The page shows the code {code}.")
            threading.Thread(target=self._open, args=(address, site), daemon=True).start()
            self._wait(site, redirect)
            return exchange.result()

    def _open(self, address: str, site: LoopbackServer) -> None:
        """Open the page. In a thread, because some browsers do not return until closed."""
        try:
            opened = self._open_url(address) is not False
        except Exception:  # noqa: BLE001 - whatever an opener raises, nothing was opened
            opened = False
        if not opened and not site.exchange.arrived.is_set():
            site.exchange.fail(failures.no_browser(site.exchange.purpose))
            site.ended.set()

    def _wait(self, site: LoopbackServer, redirect: ExitStack) -> None:
        """Wait until the exchange has an outcome, and make one when the time is up."""
        exchange = site.exchange
        started = time.monotonic()
        patient = True
        while not site.ended.wait(_TICK):
            waited = time.monotonic() - started
            if exchange.arrived.is_set():
                redirect.close()
            elif patient and waited > _PATIENCE:
                # Browsers in a sandbox of their own (snap, flatpak) cannot read the file.
                patient = False
                self._announce(f"If no page has opened, open this address yourself: {site.url}")
            if waited > self._timeout:
                error = failures.timed_out(exchange.purpose, self._timeout, exchange.reported)
                exchange.fail(error)
                return


def _code() -> str:
    """Return a code that a person can compare at a glance."""
    letters = [secrets.choice(_CODE_ALPHABET) for _ in range(6)]
    return "".join(letters[:3]) + "-" + "".join(letters[3:])
