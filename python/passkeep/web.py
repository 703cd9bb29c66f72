"""Passkeys on an application's own page, one HTTP request for each answer of it.

Where nobody can wait for the person, a ceremony is cut into steps. A step has options
for the page and a state for the application to keep, both JSON; the next request brings
the page's answer back to the state::

    step = web.begin_adding(rp_id="example.org", origin="https://example.org")
    # … step.options go to the page, step.state stays in the session …
    step = web.complete_adding(keyring, state, response)  # another step, or the slot
    keyring.save(path)

    step = web.begin_opening("backup.age", rp_id="example.org", origin="https://example.org")
    identity = web.complete_opening("backup.age", state, response)
    passkeep.restore("backup.age", folder, identity)

The page is helped by the modules of :func:`scripts`; ``answer(options)`` resolves to the
JSON, or to the browser's failure, which becomes an error here. In the JSON is the secret
that opens the slot: whoever runs this code can read the backups from then on, so it belongs
on the person's own machine, or on a server that is trusted like it.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from importlib import resources
from typing import Any, NoReturn

from passkeep.age.fido2prf import NONCE_SIZE, Credential
from passkeep.age.secret import Secret
from passkeep.errors import KeyringError, WrongKeyError
from passkeep.incoming import read
from passkeep.keyring import Keyring, RootIdentity, Slot, Unlock
from passkeep.passkey import (
    Step,
    begin_enrolment,
    begin_evaluation,
    complete_enrolment,
    complete_evaluation,
)
from passkeep.prf import Answer, Enrolment, Question

__all__ = [
    "Locked",
    "begin_adding",
    "begin_opening",
    "complete_adding",
    "complete_opening",
    "scripts",
]

Locked = Keyring | str | os.PathLike[str]
"""What a passkey opens: a keyring, or a backup file that carries one."""


def scripts() -> dict[str, bytes]:
    """Returns the JavaScript modules for the page, by file name.

    Serve them side by side from the page's own origin, as ``text/javascript``.
    ``answer.js`` exports ``answer``, ``answerSteps`` and ``obstacle``, and is documented
    there; the browsers' own JSON functions lose PRF results.
    """
    page = resources.files("passkeep.passkey").joinpath("page")
    return {name: page.joinpath(name).read_bytes() for name in ("answer.js", "webauthn.js")}


def begin_adding(*, rp_id: str, origin: str, label: str = "Passkey") -> Step:
    """Begins to make a passkey for a keyring.

    Args:
        rp_id: The domain that the passkey will belong to. It opens nothing elsewhere.
        origin: The exact origin of the page, scheme and port included.
        label: Names the slot, and the passkey for people.

    Raises:
        InvalidInputError: The label is empty, too long or not printable.
    """
    step = begin_enrolment(rp_id=rp_id, origin=origin, label=label, nonce=os.urandom(NONCE_SIZE))
    return _labelled(step, label)


def complete_adding(keyring: Keyring, state: Mapping[str, Any], response: object) -> Step | Slot:
    """Takes the page's answer to a step of adding a passkey.

    Args:
        keyring: The keyring, unlocked.
        state: The state of the step, from the application's own memory.
        response: What ``answer`` resolved to on the page, as parsed JSON.

    Returns:
        The next step, or the new slot. The keyring is not saved yet.

    Raises:
        NoAnswerError: No passkey was made: cancelled, not verified, or too late.
        UnsupportedError: The browser, the device or the passkey cannot do it.
        CeremonyError: The answer does not belong to the step, the person was not
            verified, or the passkey gives a different secret each time.
        KeyringError: The keyring is locked, or has this passkey already.
        LimitError: It has 16 slots already.
    """
    following = complete_enrolment(state, response)
    if isinstance(following, Step):
        return _labelled(following, state["label"])
    if following.credential.id in {each.id for each in _passkeys(keyring)}:
        # Its secret would wrap a second key under the same nonce.
        raise KeyringError("this passkey was added already", hint="Begin again for another one.")
    return keyring.add_passkey(_Finished(following), label=state["label"])


def begin_opening(locked: Locked, *, rp_id: str, origin: str) -> Step:
    """Begins to open a keyring or a backup with whichever of its passkeys is at hand.

    Args:
        locked: The keyring, or a backup file.
        rp_id: The RP ID of the page. Passkeys of others are not asked.
        origin: The exact origin of the page, scheme and port included.

    Raises:
        OtherSiteError: Its passkeys belong to other RP IDs.
        WrongKeyError: It has no passkey at all, or the file carries no keyring.
        KeyringError: It is older than one that this machine has seen, or was never saved.
        DamagedError: The file is damaged, or malformed.
    """
    questions = _questions(locked)
    return begin_evaluation(rp_id=rp_id, origin=origin, questions=questions)


def complete_opening(
    locked: Locked, state: Mapping[str, Any], response: object
) -> RootIdentity | Unlock:
    """Takes the page's answer and opens with it.

    Args:
        locked: What :func:`begin_opening` was called with, or another copy of it.
        state: The state of the step, from the application's own memory.
        response: What ``answer`` resolved to on the page, as parsed JSON.

    Returns:
        The identity that opens backups. A keyring is unlocked from now on.

    Raises:
        NoAnswerError: No passkey answered: cancelled, not verified, removed, or too late.
        UnsupportedError: The browser, the device or the passkey cannot do it.
        CeremonyError: The answer does not belong to the step, or the person was not
            verified.
        WrongKeyError: It opens none of the slots, or the file is not sealed to the
            keyring that it carries.
        KeyringError: The keyring was changed by somebody who holds no slot, is older
            than one that this machine has seen, or was never saved.
        DamagedError: The file is damaged, or malformed.
    """
    return _open(locked, _Answered(complete_evaluation(state, response)))


class _Finished(Secret):
    """A client that has made its passkey already."""

    def __init__(self, enrolment: Enrolment) -> None:
        self._enrolment = enrolment

    def enroll(self, *, label: str, nonce: bytes) -> Enrolment:
        """Returns what was made. It has a nonce of its own, chosen when it was begun."""
        del label, nonce
        return self._enrolment

    def evaluate(self, questions: Sequence[Question]) -> NoReturn:
        raise NotImplementedError


class _Answered(Secret):
    """A client whose passkey has answered already."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer

    def enroll(self, *, label: str, nonce: bytes) -> NoReturn:
        raise NotImplementedError

    def evaluate(self, questions: Sequence[Question]) -> Answer:
        """Returns the answer, to whatever is asked: if it does not fit, it opens nothing."""
        del questions
        return self._answer


class _Asking:
    """A client that opening gets no further than: it learns what would be asked."""

    def enroll(self, *, label: str, nonce: bytes) -> NoReturn:
        raise NotImplementedError

    def evaluate(self, questions: Sequence[Question]) -> NoReturn:
        raise _Asked(questions)


class _Asked(Exception):  # noqa: N818 - not an error
    def __init__(self, questions: Sequence[Question]) -> None:
        super().__init__()
        self.questions = questions


def _questions(locked: Locked) -> Sequence[Question]:
    try:
        _open(locked, _Asking())
    except _Asked as asked:
        return asked.questions
    raise AssertionError("a passkey slot opened without a passkey")


def _open(locked: Locked, client: _Asking | _Answered) -> RootIdentity | Unlock:
    if isinstance(locked, Keyring):
        return locked.unlock(passkey=client)
    identity = Unlock(passkey=client)
    with read(locked) as incoming:
        if identity.unwrap(incoming.opening.header.stanzas) is None:
            raise WrongKeyError("this passkey opens the keyring in the file, but not the file")
    return identity


def _passkeys(keyring: Keyring) -> list[Credential]:
    found = [slot.credential for slot in keyring.slots if slot.credential is not None]
    return [Credential.from_string(each.identity) for each in found]


def _labelled(step: Step, label: str) -> Step:
    return step._replace(state={**step.state, "label": label})
