"""Between python-fido2 and the person: prompts, PINs and patience."""

from __future__ import annotations

import threading
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager

from fido2.client import UserInteraction as Fido2Interaction
from fido2.ctap2.base import Ctap2
from fido2.ctap2.pin import ClientPin

from passkeep.errors import CeremonyError
from passkeep.passkey import key_failures
from passkeep.passkey.failures import Purpose
from passkeep.passkey.interaction import UserInteraction

_PIN_CHARACTERS, _PIN_BYTES = 4, 63  # CTAP 2.1, section 6.5.5


class Dialogue(Fido2Interaction):
    """What python-fido2 asks of a client, with one PIN for a whole ceremony.

    A ceremony takes several commands, and each of them needs a token of its own. The
    PIN is kept until :meth:`forget`, which ends the ceremony, and no longer.

    Args:
        purpose: What the ceremony is for.
        person: The application's prompts.
        timeout: Seconds that one touch may take.

    Attributes:
        event: Set when the key has to stop waiting.
        failure: What the application's prompts raised, if they did.
    """

    def __init__(self, purpose: Purpose, person: UserInteraction, timeout: float) -> None:
        self.event = threading.Event()
        self.failure: BaseException | None = None
        self._purpose = purpose
        self._person = person
        self._timeout = timeout
        self._timer: threading.Timer | None = None
        self._ctap: Ctap2 | None = None
        self._pin: str | None = None
        self._wrong = False
        self._failed = False
        self._prompted = False
        self._touched = False
        self._cancelled = False

    def cancel(self) -> None:
        """End the ceremony from another thread."""
        self._cancelled = True
        self.event.set()

    def given_up(self) -> CeremonyError:
        """Return the error for a key that stopped waiting."""
        made = key_failures.cancelled if self._cancelled else key_failures.not_touched
        return made(self._purpose)

    def attach(self, ctap: Ctap2) -> None:
        """Name the key whose PIN will be asked for."""
        self._ctap = ctap

    def renew(self) -> None:
        """Take the event back from a client that has set it for itself."""
        self.event.clear()
        if self._cancelled:
            self.event.set()

    @contextmanager
    def command(self) -> Iterator[None]:
        """Hold one command: one prompt for a touch, however often the key asks for it."""
        self._prompted = False
        try:
            yield
        finally:
            self.rest()

    def wrong_pin(self) -> None:
        """Note that the key refused the PIN, so that it is asked for again."""
        self._pin, self._wrong = None, True

    def unknown_finger(self) -> None:
        """Note that the sensor did not recognise the finger."""
        self._failed = True

    def wait(self) -> None:
        """Begin to wait for the person; :meth:`rest` ends it."""
        self.rest()
        self._timer = threading.Timer(self._timeout, self.event.set)
        self._timer.daemon = True
        self._timer.start()

    def rest(self) -> None:
        """Stop the clock."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def forget(self) -> None:
        """End the ceremony: nothing of it is kept."""
        self.rest()
        self._pin = None

    def choose(self, count: int) -> None:
        """Tell the person to choose one of several keys by touching it."""
        with self._theirs():
            self._person.choose(count)
        self._touched = True

    def plug_in(self) -> None:
        """Ask the person for a key: there is none."""
        with self._theirs():
            self._person.plug_in()

    def leave_out(self, key: str, why: CeremonyError) -> None:
        """Tell the person of a key that cannot serve, while another one can."""
        with self._theirs():
            self._person.leave_out(key, str(why))

    def prompt_up(self) -> None:
        """Tell the person that the key waits for a touch."""
        if self._prompted:
            return
        self._prompted = True
        with self._theirs():
            self._person.touch(again=self._touched)
        self._touched = True
        self.wait()

    def request_uv(self, permissions: ClientPin.PERMISSION, rp_id: str | None) -> bool:
        """Tell the person that the sensor waits for a finger."""
        del permissions, rp_id
        with self._theirs():
            self._person.verify(failed=self._failed)
        self.wait()
        return True

    def request_pin(self, permissions: ClientPin.PERMISSION, rp_id: str | None) -> str | None:
        """Ask for the PIN until it could be one; a try is only spent on such a PIN."""
        del permissions, rp_id
        self.rest()
        assert self._ctap is not None
        while self._pin is None:
            tries_left, paused = ClientPin(self._ctap).get_pin_retries()
            if tries_left < 1:
                raise key_failures.pin_blocked(self._purpose)
            if paused:
                raise key_failures.pin_paused(self._purpose)
            with self._theirs():
                typed = self._person.pin(tries_left=tries_left, wrong=self._wrong)
            if not typed:
                return None
            self._pin = _normal(typed)
            self._wrong = self._pin is None
        return self._pin

    @contextmanager
    def _theirs(self) -> Iterator[None]:
        """Tell an application's exceptions from those that a strange key provokes."""
        try:
            yield
        except BaseException as error:
            self.failure = error
            raise


def _normal(typed: str) -> str | None:
    """Return a PIN in the form that keys compare; None for what is no PIN at all."""
    pin = unicodedata.normalize("NFC", typed)
    try:
        size = len(pin.encode())
    except UnicodeEncodeError:
        return None
    return pin if len(pin) >= _PIN_CHARACTERS and size <= _PIN_BYTES else None
