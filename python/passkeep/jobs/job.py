"""One job as plain data: what to seal, where to, and for whom. Paths travel, never data."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import lru_cache
from typing import Literal, TypeAlias

from passkeep.age import keys
from passkeep.digests import ALGORITHMS, Algorithm
from passkeep.errors import InvalidInputError
from passkeep.sealed import CIPHERS, Cipher

PathLike: TypeAlias = str | os.PathLike[str]
OneRecipient: TypeAlias = str | keys.Recipient
Kind: TypeAlias = Literal["backup", "encrypt"]

KINDS: tuple[Kind, ...] = ("backup", "encrypt")

MAX_LEVEL = 19
"""The highest zstd level that backups are compressed with."""

ONLY_BACKUPS = ("compress", "exclude", "exclude_caches", "xattrs")
"""Members that say something about trees, and nothing about single files."""

_NOT_THE_OUTPUT = ("overwrite", "digest", "line")
"""Members that change neither what is sealed nor for whom."""


@dataclass(frozen=True, slots=True, init=False)
class Job:
    """One backup, or one file to encrypt.

    Attributes:
        source: What to seal.
        destination: Where to.
        to: The recipients, as `age1…` strings; none where there is a keyring.
        keyring: The keyring file, or its public export.
        kind: "backup" for what :func:`passkeep.backup` does, "encrypt" for
            :func:`passkeep.encrypt_file`.
        cipher: "age" or "aes-256-gcm".
        compress: The zstd level of a backup.
        exclude: What to leave out of a backup.
        exclude_caches: Whether to leave out what is in folders with a CACHEDIR.TAG.
        xattrs: Whether to store extended attributes of users.
        travel: Whether a backup carries its keyring.
        overwrite: Whether `destination` may be replaced.
        digest: The algorithm to hash the sealed bytes with.
        line: Its line in the job file; None if it came from somewhere else.
    """

    source: tuple[str, ...]
    destination: str
    to: tuple[str, ...]
    keyring: str | None
    kind: Kind
    cipher: Cipher
    compress: int | None
    exclude: tuple[str, ...]
    exclude_caches: bool
    xattrs: bool
    travel: bool
    overwrite: bool
    digest: Algorithm | None
    line: int | None = field(compare=False)

    def __init__(
        self,
        source: PathLike | Iterable[PathLike],
        destination: PathLike,
        *,
        to: OneRecipient | Iterable[OneRecipient] = (),
        keyring: PathLike | None = None,
        kind: Kind = "backup",
        cipher: Cipher = "age",
        compress: int | None = None,
        exclude: str | Iterable[str] = (),
        exclude_caches: bool = False,
        xattrs: bool = False,
        travel: bool = True,
        overwrite: bool = False,
        digest: Algorithm | None = None,
        line: int | None = None,
    ) -> None:
        """Checks everything that can be checked without a look at the disk.

        Args:
            source: A path, or several; one for an "encrypt" job.
            destination: A path.
            to: A recipient, or several: `age1…` strings or objects. Exactly one of
                `to` and `keyring` is given.
            keyring: The path of a keyring or of its public export.
            kind: "backup" or "encrypt".
            cipher: As for :func:`passkeep.backup`, like the options that follow.
            compress: 1 to 19.
            exclude: A pattern, or several.
            exclude_caches: As for :func:`passkeep.backup`.
            xattrs: As for :func:`passkeep.backup`.
            travel: As for :func:`passkeep.backup`.
            overwrite: As for :func:`passkeep.backup`.
            digest: "blake3" or "sha256"; the result then holds the digest.
            line: Where it stands in a job file.

        Raises:
            InvalidInputError: A value is none that its member can have.
        """
        values = {
            "source": _paths("source", source),
            "destination": _path("destination", destination),
            "to": _recipients(to),
            "keyring": None if keyring is None else _path("keyring", keyring),
            "kind": _choice("kind", kind, KINDS),
            "cipher": _choice("cipher", cipher, CIPHERS),
            "compress": None if compress is None else _level(compress),
            "exclude": _texts("exclude", exclude),
            "exclude_caches": _boolean("exclude_caches", exclude_caches),
            "xattrs": _boolean("xattrs", xattrs),
            "travel": _boolean("travel", travel),
            "overwrite": _boolean("overwrite", overwrite),
            "digest": None if digest is None else _choice("digest", digest, ALGORITHMS),
            "line": line,
        }
        for name, value in values.items():
            object.__setattr__(self, name, value)
        if bool(self.to) == (self.keyring is not None):
            raise InvalidInputError(
                "there is nobody to seal to: give a keyring or recipients (to)"
                if not self.to
                else "give a keyring or recipients (to), not both"
            )
        if self.kind == "encrypt":
            _check_encrypt(self)

    def beneath(self, folder: str) -> Job:
        """This job with its relative paths made absolute: they begin in `folder`."""
        return replace(
            self,
            # Joined and no more: what `..` leads to is for the system to say.
            source=tuple(os.path.join(folder, path) for path in self.source),  # noqa: PTH118
            destination=os.path.join(folder, self.destination),  # noqa: PTH118
            keyring=self.keyring and os.path.join(folder, self.keyring),  # noqa: PTH118
        )

    @property
    def target(self) -> str:
        """Where the output really is, whatever links lead there."""
        return os.path.realpath(self.destination)

    @property
    def fingerprint(self) -> str:
        """Tells jobs apart by what they write and where, 64 hexadecimal digits."""
        names = (member.name for member in fields(self) if member.name not in _NOT_THE_OUTPUT)
        values = {name: getattr(self, name) for name in names}
        values["destination"] = self.target
        # Lone surrogates stand for bytes of names and are escaped here.
        return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()


def repeated(jobs: Iterable[Job]) -> Iterator[tuple[int, int]]:
    """Positions of jobs, from 0, with those of earlier jobs for the same destination."""
    folders: dict[str, str] = {}
    seen: dict[str, int] = {}
    for position, job in enumerate(jobs):
        folder, name = os.path.split(job.destination)
        if folder not in folders:
            folders[folder] = os.path.realpath(folder)
        target = os.path.join(folders[folder], name)  # noqa: PTH118  (a million of them)
        if os.path.islink(target):  # noqa: PTH114
            target = os.path.realpath(target)
        earlier = seen.setdefault(target, position)
        if earlier != position:
            yield position, earlier


def _check_encrypt(job: Job) -> None:
    if len(job.source) != 1:
        raise InvalidInputError("source: an encrypt job takes one file")
    given = [name for name in ONLY_BACKUPS if getattr(job, name)]
    if given:
        raise InvalidInputError(f"{given[0]}: an encrypt job has no such option")


def _path(name: str, value: object) -> str:
    text = os.fspath(value) if isinstance(value, os.PathLike) else value
    if not isinstance(text, str) or not text:
        raise InvalidInputError(f"{name}: this is not a path")
    if text == "-":
        raise InvalidInputError(f"{name}: a job has no standard input or output")
    try:
        if b"\0" not in os.fsencode(text):
            return text
    except UnicodeEncodeError:
        pass
    raise InvalidInputError(f"{name}: no file can have this name")


def _paths(name: str, value: object) -> tuple[str, ...]:
    several = _several(name, value, "a path, or a list of paths")
    if not several:
        raise InvalidInputError(f"{name}: there is none")
    return tuple(_path(name, one) for one in several)


def _texts(name: str, value: object) -> tuple[str, ...]:
    found = []
    for one in _several(name, value, "a text, or a list of texts"):
        if not isinstance(one, str) or not _is_utf8(one):
            raise InvalidInputError(f"{name}: this is not UTF-8 text")
        found.append(one)
    return tuple(found)


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _recipients(value: object) -> tuple[str, ...]:
    several = [value] if hasattr(value, "wrap") else _several("to", value, "a recipient")
    texts = []
    sorts = set()
    for one in several:
        if not isinstance(one, str) and not hasattr(one, "wrap"):
            raise InvalidInputError("to: this is not a recipient; a keyring is named by its path")
        try:
            sorts.add(_sort(str(one).strip()))
        except InvalidInputError as error:
            raise InvalidInputError(f"to: {error}") from None
        texts.append(str(one).strip())
    if len(sorts) > 1:
        raise InvalidInputError("to: classic and post-quantum recipients cannot be mixed")
    return tuple(texts)


@lru_cache(256)
def _sort(recipient: str) -> type:
    """What a recipient is; many jobs have the same, and reading one takes a millisecond."""
    return type(keys.parse_recipient(recipient))


def _several(name: str, value: object, what: str) -> Sequence[object]:
    if isinstance(value, (str, os.PathLike)):
        return [value]
    if not isinstance(value, Iterable) or isinstance(value, (bytes, dict)):
        what += "; a keyring is named by its path" if name == "to" else ""
        raise InvalidInputError(f"{name}: this is not {what}")
    return list(value)


def _choice(name: str, value: object, choices: Sequence[str]) -> str:
    if not isinstance(value, str) or value not in choices:
        raise InvalidInputError(f"{name}: this is none of {', '.join(choices)}")
    return value


def _level(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= MAX_LEVEL:
        raise InvalidInputError(f"compress: this is not a level from 1 to {MAX_LEVEL}")
    return value


def _boolean(name: str, value: object) -> bool:
    if not isinstance(value, bool):
        raise InvalidInputError(f"{name}: this is neither true nor false")
    return value
