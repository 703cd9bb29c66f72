"""Every length and every piece against two independent implementations, both ways.

The slow references are written from the specifications on `cryptography`; for
Cobblestone-256 `cryptography.cobblestone` is a third one.
"""

import io
import random

import pytest
from cryptography.cobblestone import Cobblestone256Decryptor, Cobblestone256Encryptor

import reference
import reference_cobblestone
from passkeep import _native
from passkeep.errors import DamagedError

FILE_KEY = b"YELLOW SUBMARINE"
KEY = b"YELLOW SUBMARINEYELLOW SUBMARINE"
CONTEXT = b"tests"
SALT = bytes(range(24))
UNIT = 1 << 18
ALONE = 4 * UNIT  # What is larger is worked on by several threads.
DATA = random.Random(1).randbytes(3 * ALONE)

AGE = _native.PayloadKey.age(FILE_KEY)
COBBLESTONE = _native.PayloadKey.cobblestone(KEY, CONTEXT)

# Around units of work, and around the chunks of both formats beside them.
AROUND = sorted(
    {
        at + by
        for at in (
            *(UNIT - 65_536, UNIT - 16_384, UNIT),
            *(ALONE - 16_384, ALONE, ALONE + 65_536, ALONE + UNIT, 2 * ALONE),
        )
        for by in (-17, -16, -1, 0, 1, 15, 16, 17)
    }
)
EVERY = range(70_001)
STEP = 1000


def from_age(plain: bytes) -> bytes:
    return reference.seal(plain, FILE_KEY, bytes(16))


def from_reference(plain: bytes) -> bytes:
    return reference_cobblestone.seal(plain, KEY, CONTEXT, SALT)


def from_cryptography(plain: bytes) -> bytes:
    encryptor = Cobblestone256Encryptor(KEY, CONTEXT)
    return encryptor.update(plain) + encryptor.finalize()


def by_cryptography(sealed: bytes) -> bytes:
    decryptor = Cobblestone256Decryptor(KEY, CONTEXT)
    return decryptor.update(sealed) + decryptor.finalize()


def check_age(length: int, threads: int = 1) -> None:
    plain = DATA[:length]
    sealed = _native.seal_bytes(plain, b"", AGE, threads=threads)
    assert reference.open_(sealed, FILE_KEY) == (plain, None)
    assert _native.open_bytes(from_age(plain), 0, AGE, threads=threads) == plain


def check_cobblestone(length: int, threads: int = 1) -> None:
    plain = DATA[:length]
    sealed = _native.seal_bytes(plain, b"", COBBLESTONE, threads=threads)
    assert by_cryptography(sealed) == plain
    assert _native.open_bytes(from_cryptography(plain), 0, COBBLESTONE, threads=threads) == plain


@pytest.mark.parametrize("start", range(0, len(EVERY), STEP))
def test_age_at_every_length(start):
    for length in EVERY[start : start + STEP]:
        check_age(length)


@pytest.mark.parametrize("start", range(0, len(EVERY), STEP))
def test_cobblestone_at_every_length(start):
    for length in EVERY[start : start + STEP]:
        check_cobblestone(length)


@pytest.mark.parametrize("length", AROUND)
@pytest.mark.parametrize("threads", [1, 2, 5])
def test_around_the_units_of_work(length, threads):
    check_age(length, threads)
    check_cobblestone(length, threads)


@pytest.mark.parametrize(
    "length", [0, 1, 16_383, 16_384, 16_385, 70_000, UNIT, UNIT + 1, ALONE + 1]
)
def test_the_two_references_agree(length):
    plain = DATA[:length]
    assert by_cryptography(from_reference(plain)) == plain
    assert reference_cobblestone.open_(from_cryptography(plain), KEY, CONTEXT) == (plain, None)


class Pieces(io.RawIOBase):
    """A source that never gives more than a piece at a time."""

    def __init__(self, content, size):
        self._content, self._size = io.BytesIO(content), size

    def read(self, size=-1):
        return self._content.read(min(size, self._size))


PIECES = (1, 15, 16, 17, 1000, 4096, 16_383, 16_400, 65_535, 65_552, 300_000, ALONE)


@pytest.mark.parametrize("piece", PIECES)
@pytest.mark.parametrize(
    "length", [0, 1, 16_384, 65_536, 70_000, UNIT, UNIT + 17, ALONE - 1, ALONE, ALONE + 17]
)
def test_pieces_make_no_difference(piece, length):
    if piece < 1000:
        length = min(length, 70_000 if piece > 1 else 16_500)
    plain = DATA[:length]
    for key, opened_by_reference, seal in (
        (AGE, lambda sealed: reference.open_(sealed, FILE_KEY), from_age),
        (COBBLESTONE, lambda sealed: (by_cryptography(sealed), None), from_cryptography),
    ):
        sealed = io.BytesIO()
        _native.seal_stream(Pieces(plain, piece), sealed, b"", key, threads=2)
        assert opened_by_reference(sealed.getvalue()) == (plain, None)
        released = io.BytesIO()
        _native.open_stream(Pieces(seal(plain), piece), b"", released, key, threads=2)
        assert released.getvalue() == plain
        written = io.BytesIO()
        stream = _native.SealingStream(written, b"", key, threads=2)
        for start in range(0, length, piece):
            stream.write(plain[start : start + piece])
        stream.finish()
        assert opened_by_reference(written.getvalue()) == (plain, None)


@pytest.mark.parametrize("threads", [1, 2])
def test_a_stream_of_cobblestone_releases_exactly_the_verified_prefix(threads):
    """Random damage: what is released, and whether it fails, is what the reference says."""
    random_ = random.Random(7)
    sealed = from_reference(DATA[: ALONE + UNIT + 999])
    for _ in range(40):
        damaged = bytearray(sealed)
        match random_.randrange(3):
            case 0:
                damaged[random_.randrange(len(damaged))] ^= 1 << random_.randrange(8)
            case 1:
                del damaged[random_.randrange(len(damaged)) :]
            case 2:
                damaged += random_.randbytes(random_.choice([1, 16, 17, 16_400]))
        expected, error = reference_cobblestone.open_(bytes(damaged), KEY, CONTEXT)
        assert error is not None
        released = io.BytesIO()
        with pytest.raises(DamagedError):
            _native.open_stream(io.BytesIO(damaged), b"", released, COBBLESTONE, threads=threads)
        assert released.getvalue() == expected


# Rows 1 and 2 of the fault table: each bit and each length, none left out.


@pytest.mark.parametrize("key", [AGE, COBBLESTONE], ids=["age", "cobblestone"])
def test_every_flipped_bit_of_two_chunks_is_found(key):
    size = 65_536 + 20 if key is AGE else 16_384 + 20
    plain = DATA[:size]
    sealed = bytearray(_native.seal_bytes(plain, b"", key, threads=1))
    for position in range(len(sealed)):
        for bit in range(8):
            sealed[position] ^= 1 << bit
            with pytest.raises(DamagedError):
                _native.open_bytes(bytes(sealed), 0, key, threads=1)
            sealed[position] ^= 1 << bit


@pytest.mark.parametrize("key", [AGE, COBBLESTONE], ids=["age", "cobblestone"])
def test_every_truncation_of_three_chunks_is_found(key):
    chunk = 65_536 if key is AGE else 16_384
    sealed = _native.seal_bytes(DATA[: 2 * chunk + 20], b"", key, threads=1)
    for cut in range(len(sealed)):
        with pytest.raises(DamagedError):
            _native.open_bytes(sealed[:cut], 0, key, threads=1)
