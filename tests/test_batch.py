"""Many small objects under one key, each bound to its name."""

import copy
import pickle
import random

import pytest
from cryptography.cobblestone import Cobblestone256Decryptor, Cobblestone256Encryptor

import passkeep

IDENTITY = passkeep.Identity.generate()
SIZES = [0, 1, 100, 1024, 16_383, 16_384, 16_385, 70_000]


@pytest.fixture(scope="module")
def batch():
    return passkeep.Batch.create(to=IDENTITY.recipient)


def objects(count, seed=0):
    random_ = random.Random(seed)
    return [(f"folder/é-{n}", random_.randbytes(random_.choice(SIZES))) for n in range(count)]


@pytest.mark.parametrize("threads", [1, 2, 8])
@pytest.mark.parametrize("count", [0, 1, 63, 64, 65, 300])
def test_objects_go_there_and_back_in_their_order(batch, threads, count):
    given = objects(count)
    sealed = batch.seal_many(given, threads=threads)
    again = passkeep.Batch.unlock(batch.envelope, IDENTITY)
    named = [(name, message) for (name, _), message in zip(given, sealed, strict=True)]
    assert again.open_many(named, threads=threads) == [data for _, data in given]


def test_each_is_a_message_of_its_own_that_others_open(batch):
    key = passkeep.decrypt(batch.envelope, IDENTITY)
    assert len(key) == 32
    for name, data in objects(20):
        context = b"passkeep.batch/1\0" + name.encode()
        sealed = batch.seal(name, data)
        decryptor = Cobblestone256Decryptor(key, context)
        assert decryptor.update(sealed) + decryptor.finalize() == data
        encryptor = Cobblestone256Encryptor(key, context)
        assert batch.open(name, encryptor.update(data) + encryptor.finalize()) == data
        assert batch.seal(name, data) != sealed


@pytest.mark.parametrize("threads", [1, 2, 8])
def test_large_objects_among_small_ones(batch, threads):
    """Large ones are worked on by all threads together, and all in several turns."""
    random_ = random.Random(1)
    unit = 256 * 1024
    sizes = [10, unit, unit + 1, 3_000_000, 0, 1_500_000, *[40_000] * 150, unit - 1]
    given = [(str(n), random_.randbytes(size)) for n, size in enumerate(sizes)]
    sealed = batch.seal_many(given, threads=threads)
    assert [len(message) for message in sealed] == [len(batch.seal(*pair)) for pair in given]
    key = passkeep.decrypt(batch.envelope, IDENTITY)
    for (name, data), message in zip(given, sealed, strict=True):
        decryptor = Cobblestone256Decryptor(key, b"passkeep.batch/1\0" + name.encode())
        assert decryptor.update(message) + decryptor.finalize() == data
    named = [(name, message) for (name, _), message in zip(given, sealed, strict=True)]
    assert batch.open_many(named, threads=threads) == [data for _, data in given]
    named[3] = ("3", named[3][1][:-1] + b"?")
    with pytest.raises(passkeep.DamagedError):
        batch.open_many(named, threads=threads)


def test_messages_never_share_a_salt(batch):
    sealed = batch.seal_many([("x", b"")] * 1000, threads=2)
    assert len({message[:24] for message in sealed}) == 1000


def test_the_overhead_is_what_the_constant_says(batch):
    from passkeep import batch as module

    for size in (0, 1, 16_383):
        assert len(batch.seal("x", bytes(size))) == size + module.OVERHEAD


def test_storage_cannot_swap_change_or_cut_objects(batch):
    one, other = batch.seal("one", b"1" * 100), batch.seal("other", b"2" * 100)
    stranger = passkeep.Batch.create(to=IDENTITY.recipient)
    for name, message in (
        ("other", one),
        ("one", other),
        ("one ", one),
        ("", one),
        ("one", one[:-1]),
        ("one", one + b"x"),
        ("one", one[:71]),
        ("one", one[:10]),
        ("one", b""),
        ("one", one[:-20] + b"\0" + one[-19:]),
        ("one", stranger.seal("one", b"1" * 100)),
    ):
        with pytest.raises(passkeep.DamagedError):
            batch.open(name, message)
    with pytest.raises(passkeep.DamagedError):
        batch.open_many([("one", one), ("other", one)])


def test_every_flipped_bit_is_found(batch):
    sealed = bytearray(batch.seal("name", b"content"))
    for bit in range(8 * len(sealed)):
        sealed[bit // 8] ^= 1 << bit % 8
        with pytest.raises(passkeep.DamagedError):
            batch.open("name", sealed)
        sealed[bit // 8] ^= 1 << bit % 8


def test_the_envelope_opens_for_its_recipients_only(batch):
    with pytest.raises(passkeep.WrongKeyError):
        passkeep.Batch.unlock(batch.envelope, passkeep.Identity.generate())
    with pytest.raises(passkeep.DamagedError):
        passkeep.Batch.unlock(batch.envelope[:-1], IDENTITY)
    other = passkeep.encrypt(b"something else", to=IDENTITY.recipient)
    with pytest.raises(passkeep.DamagedError, match="does not wrap"):
        passkeep.Batch.unlock(other, IDENTITY)


def test_the_key_stays_where_it_is(batch):
    assert repr(batch) == "<Batch>"
    for leak in (pickle.dumps, copy.copy):
        with pytest.raises(TypeError):
            leak(batch)


def test_it_stops_when_it_is_told_to(batch):
    token = passkeep.CancelToken()
    token.cancel()
    with pytest.raises(passkeep.CancelledError):
        batch.seal_many(objects(300), cancel=token)


def test_a_name_that_is_not_unicode_is_refused(batch):
    name = "caf\udce9"  # as `os.listdir` gives it for a name of other bytes
    with pytest.raises(passkeep.InvalidInputError, match="not valid Unicode"):
        batch.seal(name, b"content")
    with pytest.raises(passkeep.InvalidInputError, match="not valid Unicode"):
        batch.open(name, b"content")
