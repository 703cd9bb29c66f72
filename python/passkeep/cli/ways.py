"""Opening: which way in a person, or a script, uses.

Options come first. Where there are none and a person is at the terminal, a
passkey is tried where there is one, and the password or the recovery key is
asked for where it does not answer.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

import click

from passkeep import audience
from passkeep.age.fido2prf import Credential
from passkeep.age.keys import Identity, read_identity_file
from passkeep.age.secret import Secret
from passkeep.cli import security_key, taps
from passkeep.cli.ending import say, sentence
from passkeep.cli.options import (
    FILE,
    Command,
    default_keyring,
    keyring_option,
    read_password,
    secret_options,
)
from passkeep.cli.terminal import ask_secret, require_person, somebody_is_there
from passkeep.errors import CeremonyError, InvalidInputError, PasskeepError, WrongKeyError
from passkeep.keyring import Keyring, PublicKeyring, RootIdentity, State
from passkeep.keyring import recovery as recovery_keys
from passkeep.keyring.notices import Notices
from passkeep.passkey import Browser, PasskeyIdentity
from passkeep.prf import Notice, PasskeyClient

_log = logging.getLogger(__name__)

Identified = TypeVar("Identified")

PASSWORD, RECOVERY_KEY = "password", "recovery-key"
PASSKEY = taps.PASSKEY
SECURITY_KEY = taps.SECURITY_KEY  # a passkey too, asked without a browser

_MAX_TEXT = 1 << 20
"""Bytes of a file with identities or a recovery key."""


@dataclass(frozen=True, slots=True, repr=False)
class Ways(Secret):
    """What the options say about opening, and whether that is only tried. May hold secrets."""

    keyring: Path | None
    identities: tuple[Identity, ...]
    passkeys: PasskeyIdentity | None
    way: str | None
    password: str | None
    recovery_key: str | None
    checking: bool = False
    notices: tuple[Notice, ...] = ()
    told: set[bytes] = field(default_factory=set)

    @property
    def has_identity(self) -> bool:
        """Whether identity files were given."""
        return bool(self.identities) or self.passkeys is not None

    @property
    def passkey_way(self) -> str | None:
        """How passkeys are asked, where that is said."""
        return self.way if self.way in {PASSKEY, SECURITY_KEY} else None


def unlock_options(command: Command) -> Command:
    """Adds the options of opening to a command, which gets them as `given`."""

    def collect(
        *args: Any,
        identity: tuple[Path, ...],
        way: str | None,
        password_env: str | None,
        password_fd: int | None,
        recovery_key_file: Path | None,
        keyring: Path | None,
        **kwargs: Any,
    ) -> Any:
        found = [one for path in identity for one in read_identity_file(_read_text(path))]
        passkeys = [one for one in found if isinstance(one, Credential)]
        given = Ways(
            keyring=keyring,
            identities=tuple(one for one in found if not isinstance(one, Credential)),
            passkeys=taps.identity(passkeys, way),
            way=way,
            password=read_password(password_env, password_fd),
            recovery_key=None if recovery_key_file is None else _read_text(recovery_key_file),
        )
        _refuse_contradictions(given)
        return command(*args, given=given, **kwargs)

    collect.__doc__ = command.__doc__
    collect.__name__ = command.__name__
    decorated: Any = collect
    for option in (
        keyring_option,
        click.option(
            "--recovery-key-file", type=FILE, help="Read the 64-digit recovery key from a file."
        ),
        secret_options,
        click.option(
            "-i",
            "--identity",
            type=FILE,
            multiple=True,
            help="Open with an age identity file. One that names a passkey"
            " (AGE-PLUGIN-FIDO2PRF-1…) takes a tap. Repeatable.",
        ),
        click.option(
            "--with",
            "way",
            type=click.Choice([PASSKEY, SECURITY_KEY, PASSWORD, RECOVERY_KEY]),
            help="Use this way in instead of choosing.",
        ),
    ):
        decorated = option(decorated)
    return decorated  # type: ignore[no-any-return]  # click's decorators lose the type


def _refuse_contradictions(given: Ways) -> None:
    named = {
        "identity": given.has_identity,
        PASSWORD: given.password is not None,
        RECOVERY_KEY: given.recovery_key is not None,
    }
    if sum(named.values()) > 1:
        raise click.UsageError("Give one way in, not several.")
    if given.way in {PASSKEY, SECURITY_KEY} and given.passkeys is not None:
        return  # how these are asked
    if given.way is not None and any(named[kind] for kind in named if kind != given.way):
        raise click.UsageError(f"--with {given.way} contradicts the other way in that is given.")


def open_keyring(keyring: Keyring, given: Ways) -> RootIdentity:
    """Unlocks a keyring in the way that the options say, or that a person chooses."""
    if given.has_identity:
        raise click.UsageError("A keyring opens with one of its own ways in, not an identity.")
    noticed = Notices(State().folder, keyring.id)
    pending = tuple(noticed.pending(keyring.slots))
    told: set[bytes] = set()
    given = replace(given, notices=pending, told=told)
    root = choose(given, {slot.kind for slot in keyring.slots}, keyring.unlock)
    if told:
        with suppress(OSError, PasskeepError):
            noticed.forget(told)
    return root


_MAKE_ONE = "Make one with `passkeep init`, or name it with --keyring."
_LEAVE_OUT = "Leave out --keyring: a backup carries a keyring of its own."


def load_keyring(path: Path | None) -> tuple[Keyring, Path]:
    """The keyring that is meant, and where it is."""
    path = path or default_keyring()
    with _missing(path, _MAKE_ONE):
        return Keyring.load(path), path


def load_sealing(path: Path | None) -> Keyring | PublicKeyring:
    """What backups are sealed to: a keyring, or the public export of one."""
    path = path or default_keyring()
    with _missing(path, _MAKE_ONE):
        return audience.load(path)


def load_opening(path: Path) -> Keyring:
    """The keyring that was named to open a file. A new one would open nothing."""
    with _missing(path, _LEAVE_OUT):
        return Keyring.load(path)


@contextmanager
def _missing(path: Path, hint: str) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:
        raise InvalidInputError(f"there is no keyring at {path}", hint=hint) from None


def choose(given: Ways, kinds: set[str], unlock: Callable[..., Identified]) -> Identified:
    """Calls `unlock` with exactly one way.

    Args:
        given: What the options say.
        kinds: The kinds of ways in that there are.
        unlock: Takes `password`, `recovery_key` or `passkey`.
    """
    if given.password is not None:
        _log.debug("trying the given password")
        return unlock(password=given.password)
    if given.recovery_key is not None:
        _log.debug("trying the given recovery key")
        return unlock(recovery_key=given.recovery_key)
    if given.way is None and not somebody_is_there():
        raise click.UsageError(
            "Nobody is at the terminal to ask. Use --with passkey, --password-env,"
            " --password-fd, --recovery-key-file or --identity."
        )
    if given.way in {PASSKEY, SECURITY_KEY} or (given.way is None and PASSKEY in kinds):
        _log.debug("trying a %s", given.way or PASSKEY)
        try:
            return unlock(passkey=_passkey_client(given))
        except CeremonyError as error:
            if given.way is not None:
                raise
            say(f"The passkey did not open it: {sentence(error)}")
    if given.way == PASSWORD:
        return unlock(password=ask_secret("Password"))
    if given.way == RECOVERY_KEY or PASSWORD not in kinds:
        return unlock(recovery_key=ask_secret("Recovery key (64 digits)"))
    typed = ask_secret("Password, or the recovery key")
    if recovery_keys.looks_like_one(typed):
        return unlock(recovery_key=typed)
    return unlock(password=typed)


def ask_password(given: Ways) -> str:
    """The password that a file itself is encrypted with.

    Raises:
        WrongKeyError: The options name another way in.
        UsageError: Nobody is there to ask.
    """
    if given.password is not None:
        return given.password
    if given.way not in {None, PASSWORD} or given.recovery_key is not None:
        raise WrongKeyError("this file opens with the password that it was encrypted with")
    require_person("to ask for the password", "--password-env or --password-fd", unseen=True)
    return ask_secret("Password")


def _passkey_client(given: Ways) -> PasskeyClient:
    if given.way == SECURITY_KEY or (given.way is None and security_key.is_what_there_is()):
        return security_key.client()
    browser = Browser(announce=say, checking=given.checking, notices=given.notices)
    browser.told = given.told
    return browser


def _read_text(path: Path) -> str:
    with path.open("rb") as file:
        data = file.read(_MAX_TEXT + 1)
    if len(data) > _MAX_TEXT:
        raise InvalidInputError(f"{path} is larger than a file of keys can be")
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise InvalidInputError(f"{path} is not a text file") from None
