"""Opening: which way in a person, or a script, uses.

Options come first. Where there are none and a person is at the terminal, a
passkey is tried where there is one, and the password or the recovery key is
asked for where it does not answer.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import click

from passkeep.age.hybrid import HybridIdentity
from passkeep.age.keys import Identity, parse_identity_file
from passkeep.age.secret import Secret
from passkeep.cli import security_key
from passkeep.cli.ending import say
from passkeep.cli.options import (
    FILE,
    Command,
    default_keyring,
    keyring_option,
    read_password,
    secret_options,
)
from passkeep.errors import CeremonyError, InvalidInputError, PasskeepError
from passkeep.incoming import read
from passkeep.keyring import Keyring, PublicKeyring, RootIdentity, Unlock, travel
from passkeep.keyring import recovery as recovery_keys
from passkeep.keyring.opening import open_vault
from passkeep.keyring.public import read_json
from passkeep.keyring.vault import Vault
from passkeep.passkey import Browser
from passkeep.prf import PasskeyClient

Identified = TypeVar("Identified")

PASSKEY, PASSWORD, RECOVERY_KEY = "passkey", "password", "recovery-key"
SECURITY_KEY = "security-key"  # a passkey too, asked without a browser


@dataclass(frozen=True, slots=True, repr=False)
class Ways(Secret):
    """What the options say about opening. May hold secrets."""

    keyring: Path | None
    identities: tuple[Identity, ...]
    way: str | None
    password: str | None
    recovery_key: str | None


def unlock_options(command: Command) -> Command:
    """Adds the options of opening to a command, which gets them as `ways`."""

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
        ways = Ways(
            keyring=keyring,
            identities=tuple(one for path in identity for one in _identities(path)),
            way=way,
            password=read_password(password_env, password_fd),
            recovery_key=None if recovery_key_file is None else _read_text(recovery_key_file),
        )
        if sum(bool(x) for x in (ways.identities, ways.password, ways.recovery_key)) > 1:
            raise click.UsageError("Give one way in, not several.")
        return command(*args, ways=ways, **kwargs)

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
            "--identity",
            type=FILE,
            multiple=True,
            help="Open with an age identity file. Repeatable.",
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


def open_backup(source: Path | int, ways: Ways) -> Identity | Sequence[Identity]:
    """An identity for a backup: from the options, the keyring, or the backup itself.

    A keyring is preferred to the copy that travels in the backup, because it
    knows the present password; the copy serves where there is no keyring, or
    only that of somebody else.
    """
    if ways.identities:
        return *ways.identities, *_as_recipients(ways)
    travelling = None if isinstance(source, int) else _travelling(source)
    keyring = _keyring_for(ways, travelling)
    if keyring is not None:
        return open_keyring(keyring, ways)
    kinds = {PASSWORD, PASSKEY}
    if travelling is not None:
        kinds = {lock.kind for lock in travelling.locks}
    return choose(ways, kinds, Unlock if travelling is None else _unlocking(travelling))


def open_keyring(keyring: Keyring, ways: Ways) -> RootIdentity:
    """Unlocks a keyring in the way that the options say, or that a person chooses."""
    if ways.identities:
        raise click.UsageError("A keyring opens with one of its own ways in, not an identity.")
    return choose(ways, {slot.kind for slot in keyring.slots}, keyring.unlock)


def load_keyring(path: Path | None) -> tuple[Keyring, Path]:
    """The keyring that is meant, and where it is."""
    path = path or default_keyring()
    try:
        return Keyring.load(path), path
    except FileNotFoundError:
        raise InvalidInputError(
            f"there is no keyring at {path}",
            hint="Make one with `passkeep init`, or name it with --keyring.",
        ) from None


def load_sealing(path: Path | None) -> Keyring | PublicKeyring:
    """What backups are sealed to: a keyring, or the public export of one."""
    path = path or default_keyring()
    if path.is_file():
        value = read_json(path)
        if str(value.get("passkeep", "")).startswith("public/"):
            return PublicKeyring.load(path)
    return load_keyring(path)[0]


def _as_recipients(ways: Ways) -> Iterator[Identity]:
    """Opens as somebody whom a keyring is sealed to: that in the backup, or the file."""
    for one in ways.identities:
        if isinstance(one, HybridIdentity):
            yield Unlock(identity=one)
            if ways.keyring is not None and ways.keyring.is_file():
                # The identity may well be for the backup itself.
                with suppress(PasskeepError):
                    yield Keyring.load(ways.keyring).unlock(identity=one)


def _unlocking(travelling: Vault) -> Callable[..., Identity]:
    """Opens a travelling copy at once, so that another way can be tried after it."""

    def unlock(*, recovery_key: str | None = None, **way: Any) -> Identity:
        if recovery_key is not None:
            return Unlock(recovery_key=recovery_key)
        secret = {"password": None, "passkey": None, **way}
        return RootIdentity(open_vault(travelling, **secret).identities)

    return unlock


def _keyring_for(ways: Ways, travelling: Vault | None) -> Keyring | None:
    if ways.keyring is not None:
        return load_keyring(ways.keyring)[0]
    default = default_keyring()
    if not default.is_file():
        return None
    keyring = Keyring.load(default)
    if travelling is not None and travelling.document.get("id") != keyring.id:
        return None
    return keyring


def choose(ways: Ways, kinds: set[str], unlock: Callable[..., Identified]) -> Identified:
    """Calls `unlock` with exactly one way.

    Args:
        ways: What the options say.
        kinds: The kinds of ways in that there are.
        unlock: Takes `password`, `recovery_key` or `passkey`.
    """
    if ways.password is not None:
        return unlock(password=ways.password)
    if ways.recovery_key is not None:
        return unlock(recovery_key=ways.recovery_key)
    if ways.way is None and not sys.stdin.isatty():
        raise click.UsageError(
            "Nobody is at the terminal to ask. Use --with passkey, --password-env,"
            " --password-fd, --recovery-key-file or --identity."
        )
    if ways.way in {PASSKEY, SECURITY_KEY} or (ways.way is None and PASSKEY in kinds):
        try:
            return unlock(passkey=_passkey_client(ways.way))
        except CeremonyError as error:
            if ways.way is not None:
                raise
            say(f"The passkey did not open it: {error}.")
    if ways.way == PASSWORD:
        return unlock(password=_ask("Password"))
    if ways.way == RECOVERY_KEY or PASSWORD not in kinds:
        return unlock(recovery_key=_ask("Recovery key (64 digits)"))
    typed = _ask("Password, or the recovery key")
    if _is_recovery_key(typed):
        return unlock(recovery_key=typed)
    return unlock(password=typed)


def _passkey_client(way: str | None) -> PasskeyClient:
    return security_key.client() if way == SECURITY_KEY else Browser(announce=say)


def _ask(what: str) -> str:
    answer: str = click.prompt(what, hide_input=True, err=True)
    return answer


def _is_recovery_key(typed: str) -> bool:
    try:
        recovery_keys.to_seed(typed)
    except InvalidInputError:
        return False
    return True


def _travelling(source: Path) -> Vault | None:
    if not source.is_file():
        return None
    with read(source) as incoming:
        return travel.find(incoming.opening.header.stanzas)


def _identities(path: Path) -> Sequence[Identity]:
    return parse_identity_file(_read_text(path))


def _read_text(path: Path) -> str:
    with path.open(encoding="utf-8", errors="strict") as file:
        try:
            return file.read(1 << 20)
        except UnicodeDecodeError:
            raise InvalidInputError(f"{path} is not a text file") from None
