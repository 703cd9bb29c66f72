"""The public age vectors (tests/vectors/age), one failure each."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field
from pathlib import Path

FOLDER = Path(__file__).parents[1] / "vectors"


@dataclass(frozen=True)
class AgeVector:
    """One file of the test kit.

    Attributes:
        expect: "success", "no match", or which part of the file is bad.
        payload: SHA-256 of all plaintext that may be released, hexadecimal.
    """

    name: str
    expect: str
    payload: str
    file: bytes = field(repr=False)
    file_key: bytes | None
    identities: tuple[str, ...]
    passphrases: tuple[str, ...]
    armored: bool


def age_vectors() -> list[AgeVector]:
    return [_parse(path) for path in sorted((FOLDER / "age").iterdir()) if path.suffix != ".md"]


def _parse(path: Path) -> AgeVector:
    head, _, body = path.read_bytes().partition(b"\n\n")
    fields: dict[str, list[str]] = {}
    for line in head.decode().splitlines():
        key, _, value = line.partition(": ")
        fields.setdefault(key, []).append(value)
    if fields.get("compressed") == ["zlib"]:
        body = zlib.decompress(body)
    file_key = fields.get("file key", [None])[0]
    return AgeVector(
        name=path.name,
        expect=fields["expect"][0],
        payload=fields.get("payload", [""])[0],
        file=body,
        file_key=file_key and bytes.fromhex(file_key),
        identities=tuple(fields.get("identity", ())),
        passphrases=tuple(fields.get("passphrase", ())),
        armored=fields.get("armored") == ["yes"],
    )
