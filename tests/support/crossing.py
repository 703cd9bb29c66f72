"""Opens what another process sealed, through every path, and seals for it.

As a program: `crossing.py FOLDER LENGTH…`. Digests and a compressed backup cross too.
"""

from __future__ import annotations

import io
import random
import sys
from pathlib import Path

import passkeep
from passkeep import _native
from support.trees import differences

KEYS = {
    "age": _native.PayloadKey.age(b"YELLOW SUBMARINE"),
    "cobblestone": _native.PayloadKey.cobblestone(b"YELLOW SUBMARINEYELLOW SUBMARINE", b"tests"),
}
THREADS = (1, 2, 8)
HASHES = ("blake3", "sha256")
IDENTITY = passkeep.parse_identity(
    "AGE-SECRET-KEY-1EGTZVFFV20835NWYV6270LXYVK2VKNX2MMDKWYKLMGR48UAWX40Q2P2LM0"
)


def data(length: int) -> bytes:
    return random.Random(length).randbytes(length)


def seal(folder: Path, who: str, lengths: list[int]) -> None:
    """Seals a message of each length, and all of them again as a backup."""
    tree = folder / who
    tree.mkdir()
    for length in lengths:
        plain, threads = data(length), THREADS[length % 3]
        for name, key in KEYS.items():
            sealed = _native.seal_bytes(plain, b"", key, threads=threads)
            (tree / f"{name}-{length}").write_bytes(sealed)
        digests = [passkeep.digest(plain, hash_, threads=threads).hexdigest() for hash_ in HASHES]
        (tree / f"digests-{length}").write_text("\n".join(digests) * 100)
    passkeep.backup(tree, folder / f"{who}.age", to=IDENTITY.recipient, compress=3)


def open_all(folder: Path, who: str, lengths: list[int]) -> None:
    """Opens each of them as bytes, as a stream, from file to file, and anywhere."""
    restored = folder / f"restored from {who}"
    passkeep.restore(folder / f"{who}.age", restored, identity=IDENTITY, sync=False)
    assert differences(folder / who, restored / who) == []
    for length in lengths:
        plain = data(length)
        digests = [passkeep.digest(plain, hash_, threads=2).hexdigest() for hash_ in HASHES]
        assert (restored / who / f"digests-{length}").read_text() == "\n".join(digests) * 100
        for name, key in KEYS.items():
            _open(restored / who / f"{name}-{length}", key, plain)


def _open(path: Path, key: _native.PayloadKey, plain: bytes) -> None:
    sealed, target = path.read_bytes(), path.with_suffix(".plain")
    for threads in THREADS:
        assert _native.open_bytes(sealed, 0, key, threads=threads) == plain
        released = io.BytesIO()
        _native.open_stream(io.BytesIO(sealed), b"", released, key, threads=threads)
        assert released.getvalue() == plain
        target.write_bytes(b"")
        _native.open_stream(path, 0, target, key, threads=threads)
        assert target.read_bytes() == plain
        anywhere = _native.RangeStream(path, 0, key, threads=threads)
        middle = len(plain) // 2
        assert anywhere.read(middle, len(plain)) == plain[middle:]


def main() -> None:
    folder, lengths = Path(sys.argv[1]), [int(length) for length in sys.argv[2:]]
    open_all(folder, "ours", lengths)
    seal(folder, "theirs", lengths)


if __name__ == "__main__":
    main()
