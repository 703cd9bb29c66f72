"""Passkey ceremonies with a security key, without a browser."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from passkeep.errors import CeremonyError, InvalidInputError
from passkeep.passkey import ceremony, rounds, windows_client
from passkeep.passkey.dialogue import Dialogue
from passkeep.passkey.failures import Purpose, hint
from passkeep.passkey.interaction import UserInteraction
from passkeep.passkey.key_client import HidClient, KeyClient
from passkeep.passkey.relying_party import DEFAULT_RP_ID, native_origin
from passkeep.passkey.step import Step
from passkeep.prf import Answer, Enrolment, Question

Result = TypeVar("Result")


class SecurityKey:
    """Runs ceremonies with a security key that is plugged in.

    A key that was enrolled here also answers on a page of the same RP ID in a browser,
    and the other way round.

    Args:
        interaction: Says and asks what the key needs from the person. On Windows the
            system does that itself.
        rp_id: The RP ID of new passkeys. With the default one the browser on any
            machine can use them too.
        discoverable: Whether new passkeys are stored on the key, where it lists them. Keys
            have room for few (25 to 100) and slots store what is needed to find theirs, so
            that the default takes no room.
        timeout: Seconds that one touch may take. Keys stop waiting by themselves, most
            of them after 30.
        plug_in_timeout: Seconds to wait for a key where none is plugged in; 0 for not
            at all.

    Raises:
        InvalidInputError: No page can have this RP ID, or a time-out is none.
    """

    def __init__(
        self,
        interaction: UserInteraction,
        *,
        rp_id: str = DEFAULT_RP_ID,
        discoverable: bool = False,
        timeout: float = 60.0,
        plug_in_timeout: float = 60.0,
    ) -> None:
        origin = native_origin(rp_id)
        if origin is None:
            raise InvalidInputError("the RP ID of a passkey is a domain name, like example.org")
        if not timeout > 0:
            raise InvalidInputError("the time-out of a ceremony must be positive")
        if not plug_in_timeout >= 0:
            raise InvalidInputError("the time-out for a key to be plugged in is a time")
        self._interaction = interaction
        self._rp_id = rp_id
        self._origin = origin
        self._resident_key: ceremony.ResidentKey = "required" if discoverable else "discouraged"
        self._timeout = timeout
        self._plug_in_timeout = plug_in_timeout
        self._dialogue: Dialogue | None = None

    def enroll(self, *, label: str, nonce: bytes) -> Enrolment:
        """Make a passkey; the key is touched two or three times.

        Args:
            label: Names the passkey for people (see :func:`ceremony.passkey_name`).
            nonce: The 16 bytes of the slot to be.

        Raises:
            CeremonyError: No passkey was made, or it does not give the same secret twice.
            InvalidInputError: The label is empty, too long or not printable.
        """
        step = ceremony.begin_enrolment(
            rp_id=self._rp_id,
            origin=self._origin,
            label=label,
            nonce=nonce,
            resident_key=self._resident_key,
        )
        with self._client("enrol") as client:
            return _play(client, self._origin, step, ceremony.complete_enrolment)

    def evaluate(self, questions: Sequence[Question]) -> Answer:
        """Ask the key for the secret of whichever of the passkeys it holds.

        All passkeys of one RP ID are asked with one touch; if there are several RP IDs,
        each gets a touch, this client's own first, until one answers.

        Raises:
            CeremonyError: The key holds none of them, or none was asked for.
        """
        asked = [question.credential.rp_id for question in questions]
        order = sorted(dict.fromkeys(asked), key=lambda rp_id: rp_id != self._rp_id)
        origins = {rp_id: origin for rp_id in order if (origin := native_origin(rp_id))}
        if not origins:
            raise CeremonyError("There is no passkey to ask for.", hint=hint("unlock"))
        with self._client("unlock") as client:

            def ask(rp_id: str, _: bool) -> Answer:
                origin = origins[rp_id]
                step = ceremony.begin_evaluation(rp_id=rp_id, origin=origin, questions=questions)
                return _play(client, origin, step, ceremony.complete_evaluation)

            return rounds.first_answer(origins, ask)

    def cancel(self) -> None:
        """End the ceremony that another thread waits for, if there is one."""
        dialogue = self._dialogue
        if dialogue is not None:
            dialogue.cancel()

    def _client(self, purpose: Purpose) -> KeyClient:
        dialogue = self._dialogue = Dialogue(purpose, self._interaction, self._timeout)
        if windows_client.available():
            return windows_client.WindowsDialogue(purpose, dialogue)
        return HidClient(purpose, dialogue, self._plug_in_timeout)


def _play(
    client: KeyClient,
    origin: str,
    step: Step,
    complete: Callable[[Mapping[str, Any], object], Step | Result],
) -> Result:
    """Put step after step to a key until there is a result."""
    while True:
        # For Windows, whose dialogue otherwise offers its own passkeys and phones too.
        step.options["publicKey"]["hints"] = ["security-key"]
        following = complete(step.state, client.respond(step, origin))
        if not isinstance(following, Step):
            return following
        step = following
