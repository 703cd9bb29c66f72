"""The native core against the slow reference, on a grid of sizes and pieces."""

import io
import random

import pytest

import reference
from passkeep import _native
from passkeep.errors import DamagedError

FILE_KEY = b"YELLOW SUBMARINE"
KEY = _native.PayloadKey.age(FILE_KEY)
HEADER = b"some header\n"
CHUNK, UNIT = 1 << 16, 1 << 18
ALONE = 4 * UNIT  # What is larger is worked on by several threads.
BOUNDARIES = (0, CHUNK, 2 * CHUNK, UNIT, ALONE, ALONE + UNIT, 2 * ALONE)
LENGTHS = sorted({max(0, at + by) for at in BOUNDARIES for by in (-17, -16, -1, 0, 1, 15, 16, 17)})


def data(size, seed=0):
    return random.Random(seed).randbytes(size)


class Pieces(io.RawIOBase):
    def __init__(self, content, size):
        self._content, self._size = io.BytesIO(content), size

    def read(self, size=-1):
        return self._content.read(min(size, self._size))


@pytest.mark.parametrize("length", LENGTHS)
@pytest.mark.parametrize("threads", [1, 2, 5])
def test_the_reference_opens_what_the_core_seals(length, threads):
    plain = data(length)
    sealed = _native.seal_bytes(plain, HEADER, KEY, threads=threads)
    assert sealed.startswith(HEADER)
    assert reference.open_(sealed[len(HEADER) :], FILE_KEY) == (plain, None)
    streamed = io.BytesIO()
    _native.seal_stream(io.BytesIO(plain), streamed, HEADER, KEY, threads=threads)
    assert reference.open_(streamed.getvalue()[len(HEADER) :], FILE_KEY) == (plain, None)


@pytest.mark.parametrize("length", LENGTHS)
@pytest.mark.parametrize("threads", [1, 2, 5])
def test_the_core_opens_what_the_reference_seals(length, threads, tmp_path):
    plain = data(length)
    sealed = HEADER + reference.seal(plain, FILE_KEY, b"0123456789abcdef")
    assert _native.open_bytes(sealed, len(HEADER), KEY, threads=threads) == plain
    released = io.BytesIO()
    ahead = sealed[len(HEADER) : len(HEADER) + 1000]
    rest = io.BytesIO(sealed[len(HEADER) + 1000 :])
    assert _native.open_stream(rest, ahead, released, KEY, threads=threads) == length
    assert released.getvalue() == plain
    source, target = tmp_path / "sealed", tmp_path / "plain"
    source.write_bytes(sealed)
    target.touch()
    assert _native.open_stream(source, len(HEADER), target, KEY, threads=threads) == length
    assert target.read_bytes() == plain


@pytest.mark.parametrize("piece", [1, 15, 4096, CHUNK - 1, CHUNK + 16, UNIT, ALONE])
def test_pieces_make_no_difference(piece):
    length = CHUNK + 100 if piece == 1 else 2 * ALONE + 100
    plain = data(length)
    sealed = io.BytesIO()
    _native.seal_stream(Pieces(plain, piece), sealed, b"", KEY, threads=2)
    assert reference.open_(sealed.getvalue(), FILE_KEY) == (plain, None)
    released = io.BytesIO()
    _native.open_stream(Pieces(sealed.getvalue(), piece), b"", released, KEY, threads=2)
    assert released.getvalue() == plain


@pytest.mark.parametrize("threads", [1, 2])
def test_a_stream_releases_exactly_the_verified_prefix(threads):
    """Random damage: what is released, and whether it fails, is what the reference says."""
    random_ = random.Random(7)
    plain = data(2 * ALONE + 999)
    sealed = reference.seal(plain, FILE_KEY, bytes(16))
    for _ in range(40):
        damaged = bytearray(sealed)
        match random_.randrange(3):
            case 0:
                damaged[random_.randrange(16, len(damaged))] ^= 1 << random_.randrange(8)
            case 1:
                del damaged[random_.randrange(16, len(damaged)) :]
            case 2:
                damaged += data(random_.choice([1, 16, 17, CHUNK + 16]))
        expected, error = reference.open_(bytes(damaged), FILE_KEY)
        assert error is not None
        released = io.BytesIO()
        with pytest.raises(DamagedError):
            _native.open_stream(io.BytesIO(damaged), b"", released, KEY, threads=threads)
        assert released.getvalue() == expected


def test_every_flipped_bit_of_the_last_bytes_is_found():
    sealed = reference.seal(data(40), FILE_KEY, bytes(16))
    for position in range(len(sealed)):
        for bit in range(8):
            damaged = bytearray(sealed)
            damaged[position] ^= 1 << bit
            with pytest.raises(DamagedError):
                _native.open_bytes(damaged, 0, KEY, threads=1)


def test_buffers_of_any_type_are_taken():
    import array
    import mmap

    plain = data(800)
    numbers = array.array("d", plain)
    mapped = mmap.mmap(-1, 800)
    mapped.write(plain)
    for buffer in (bytearray(plain), memoryview(plain), numbers, mapped, memoryview(numbers)):
        sealed = _native.seal_bytes(buffer, b"", KEY, threads=1)
        assert reference.open_(sealed, FILE_KEY) == (plain, None)
    with pytest.raises(BufferError):
        _native.seal_bytes(memoryview(plain)[::2], b"", KEY, threads=1)


class Lying(io.RawIOBase):
    def __init__(self, answer):
        self._answer = answer

    def read(self, size=-1):
        return self._answer(size)

    def write(self, content):
        return self._answer(len(content))


def test_file_objects_that_lie_are_refused():
    with pytest.raises(ValueError, match="more than it was asked"):
        _native.seal_stream(Lying(lambda size: bytes(size + 1)), io.BytesIO(), b"", KEY, threads=1)
    with pytest.raises(TypeError, match="did not return bytes"):
        _native.seal_stream(Lying(lambda _: "text"), io.BytesIO(), b"", KEY, threads=1)
    with pytest.raises(ValueError, match="claims more"):
        _native.seal_stream(io.BytesIO(b"x"), Lying(lambda size: size + 1), b"", KEY, threads=1)
    with pytest.raises(TypeError):
        _native.seal_stream(object(), io.BytesIO(), b"", KEY, threads=1)


def test_short_writes_are_completed():
    class Slow(io.BytesIO):
        def write(self, content):
            return super().write(bytes(content)[:1000])

    plain = data(50_000)
    sealed = Slow()
    _native.seal_stream(io.BytesIO(plain), sealed, HEADER, KEY, threads=2)
    assert reference.open_(sealed.getvalue()[len(HEADER) :], FILE_KEY) == (plain, None)


def test_an_exception_of_a_file_object_arrives_as_it_was():
    class Broken(io.RawIOBase):
        def read(self, size=-1):
            raise ZeroDivisionError("mine")

    with pytest.raises(ZeroDivisionError, match="mine"):
        _native.seal_stream(Broken(), io.BytesIO(), b"", KEY, threads=2)


def test_a_fork_in_between_does_no_harm():
    """Threads belong to one operation, so a child that was forked has its own."""
    import os

    plain = data(4 * ALONE)
    sealed = _native.seal_bytes(plain, b"", KEY, threads=2)
    child = os.fork()
    if child == 0:
        os._exit(0 if _native.open_bytes(sealed, 0, KEY, threads=2) == plain else 1)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    assert _native.open_bytes(sealed, 0, KEY, threads=2) == plain
