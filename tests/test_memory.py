"""Buffers in and out, without a copy of the caller's."""

import array
import mmap
import random
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import numpy as np
import pytest

import passkeep

IDENTITY = passkeep.Identity.generate()
TO = IDENTITY.recipient
DATA = random.Random(4).randbytes(2_400_000)
each_cipher = pytest.mark.parametrize("cipher", ["age", "aes-256-gcm"])


@each_cipher
@pytest.mark.parametrize("size", [0, 1, 16_383, 16_384, 65_536, 1 << 20, len(DATA)])
@pytest.mark.parametrize("threads", [1, 2, 8])
def test_into_and_back(cipher, size, threads):
    plain = DATA[:size]
    needed = passkeep.sealed_size(size, to=TO, cipher=cipher)
    sealed = bytearray(needed)
    arguments = {"to": TO, "cipher": cipher, "threads": threads}
    assert passkeep.encrypt_into(plain, sealed, **arguments) == needed
    assert passkeep.decrypt(bytes(sealed), IDENTITY, threads=threads) == plain
    assert passkeep.decrypt(sealed, IDENTITY, threads=threads) == plain
    assert passkeep.opened_size(sealed) == size
    out = bytearray(size)
    assert passkeep.decrypt_into(sealed, out, IDENTITY, threads=threads) == size
    assert out == plain
    assert len(passkeep.encrypt(plain, **arguments)) == needed


@each_cipher
def test_a_larger_output_is_filled_at_its_beginning(cipher):
    needed = passkeep.sealed_size(1000, to=TO, cipher=cipher)
    sealed = bytearray(b"\xaa" * (needed + 100))
    assert passkeep.encrypt_into(DATA[:1000], sealed, to=TO, cipher=cipher) == needed
    assert sealed[needed:] == b"\xaa" * 100
    out = bytearray(b"\xaa" * needed)
    assert passkeep.decrypt_into(sealed[:needed], out, IDENTITY) == 1000
    assert out == DATA[:1000] + b"\xaa" * (needed - 1000)


@pytest.mark.parametrize("dtype", ["u1", "i2", "<f4", "f8", "c16", "S7", "?"])
def test_arrays_of_any_element_type(dtype):
    numbers = np.frombuffer(DATA[: 7 * 16 * 100], dtype=np.uint8).view(dtype).reshape(2, -1)
    sealed = np.zeros(passkeep.sealed_size(numbers.nbytes, to=TO), dtype=np.uint8)
    passkeep.encrypt_into(numbers, sealed, to=TO)
    again = np.zeros_like(numbers)
    assert passkeep.decrypt_into(sealed, again, IDENTITY) == numbers.nbytes
    assert again.tobytes() == numbers.tobytes()


def test_buffers_of_other_libraries():
    plain = DATA[:8000]
    mapped = mmap.mmap(-1, len(plain))
    mapped.write(plain)
    for buffer in (
        bytearray(plain),
        memoryview(plain),
        array.array("d", plain),
        mapped,
        memoryview(array.array("d", plain)),
    ):
        assert passkeep.decrypt(passkeep.encrypt(buffer, to=TO), IDENTITY) == plain
    sealed = passkeep.encrypt(plain, to=TO)
    holder = mmap.mmap(-1, len(sealed))
    holder.write(sealed)
    assert passkeep.decrypt(holder, IDENTITY) == plain
    assert passkeep.decrypt_into(holder, mapped, IDENTITY) == len(plain)


def test_a_scalar_and_nothing():
    answer = np.array(42, dtype=np.int64)  # no dimensions at all
    sealed = passkeep.encrypt(answer, to=TO)
    out = np.array(0, dtype=np.int64)
    assert passkeep.decrypt_into(sealed, out, IDENTITY) == 8
    assert out == 42
    empty = np.zeros((0, 5))
    assert passkeep.decrypt(passkeep.encrypt(empty, to=TO), IDENTITY) == b""
    assert passkeep.decrypt_into(passkeep.encrypt(b"", to=TO), empty, IDENTITY) == 0


def test_what_is_not_contiguous_or_writable_is_refused():
    sealed = bytearray(passkeep.encrypt(DATA[:100], to=TO))
    steps = np.zeros((200, 2), dtype=np.uint8)[:, 0]
    for call in (
        lambda: passkeep.encrypt(steps, to=TO),
        lambda: passkeep.encrypt_into(steps, bytearray(5000), to=TO),
        lambda: passkeep.encrypt_into(b"x", np.zeros((5000, 2), np.uint8)[:, 0], to=TO),
        lambda: passkeep.encrypt_into(b"x", bytes(5000), to=TO),
        lambda: passkeep.decrypt(memoryview(sealed)[::2], IDENTITY),
        lambda: passkeep.decrypt_into(sealed, steps, IDENTITY),
        lambda: passkeep.decrypt_into(sealed, memoryview(bytes(100)), IDENTITY),
    ):
        with pytest.raises(BufferError):
            call()
    for call in (
        lambda: passkeep.encrypt("text", to=TO),
        lambda: passkeep.encrypt_into(b"x", "text", to=TO),
        lambda: passkeep.decrypt(3, IDENTITY),
    ):
        with pytest.raises(TypeError):
            call()


@each_cipher
def test_an_output_that_is_too_small_is_left_alone(cipher):
    needed = passkeep.sealed_size(1000, to=TO, cipher=cipher)
    out = bytearray(b"\xaa" * (needed - 1))
    with pytest.raises(passkeep.InvalidInputError, match=f"needs {needed} bytes"):
        passkeep.encrypt_into(DATA[:1000], out, to=TO, cipher=cipher)
    assert out == b"\xaa" * (needed - 1)
    sealed = passkeep.encrypt(DATA[:1000], to=TO, cipher=cipher)
    out = bytearray(b"\xaa" * 999)
    with pytest.raises(passkeep.InvalidInputError, match="needs 1000 bytes"):
        passkeep.decrypt_into(sealed, out, IDENTITY)
    assert out == b"\xaa" * 999


@each_cipher
def test_overlapping_buffers_are_refused_and_left_alone(cipher):
    memory = bytearray(DATA[:10_000])
    view = memoryview(memory)
    for data, out in ((view[:5000], view[4999:]), (view[4999:], view[:5000]), (view, view)):
        with pytest.raises(passkeep.InvalidInputError, match="share memory"):
            passkeep.encrypt_into(data, out, to=TO, cipher=cipher)
    assert memory == DATA[:10_000]
    sealed = passkeep.encrypt(DATA[:4000], to=TO, cipher=cipher)
    memory = bytearray(sealed + bytes(5000))
    view = memoryview(memory)
    with pytest.raises(passkeep.InvalidInputError, match="share memory"):
        passkeep.decrypt_into(view[: len(sealed)], view[len(sealed) - 1 :], IDENTITY)
    assert memory == sealed + bytes(5000)
    # Side by side is fine.
    assert passkeep.decrypt_into(view[: len(sealed)], view[len(sealed) :], IDENTITY) == 4000
    assert memory[len(sealed) : len(sealed) + 4000] == DATA[:4000]


@each_cipher
@pytest.mark.parametrize("threads", [1, 2])
def test_damage_clears_the_output(cipher, threads):
    sealed = bytearray(passkeep.encrypt(DATA, to=TO, cipher=cipher))
    sealed[-5] ^= 1
    out = bytearray(b"\xaa" * len(DATA))
    with pytest.raises(passkeep.DamagedError):
        passkeep.decrypt_into(sealed, out, IDENTITY, threads=threads)
    assert out == bytes(len(DATA))


def test_buffers_are_free_again_afterwards():
    out = bytearray(5000)
    passkeep.encrypt_into(b"x", out, to=TO)
    out.extend(b"it can be resized")
    data = bytearray(b"x")
    passkeep.encrypt(data, to=TO)
    data.clear()


def test_armor_in_memory():
    text = passkeep.encrypt(DATA[:1000], to=TO, armored=True)
    assert passkeep.decrypt(text, IDENTITY) == DATA[:1000]
    assert passkeep.decrypt(bytearray(text), IDENTITY) == DATA[:1000]
    assert passkeep.opened_size(text) == 1000
    with pytest.raises(passkeep.InvalidInputError, match="only age files"):
        passkeep.encrypt(b"x", to=TO, cipher="aes-256-gcm", armored=True)
    with pytest.raises(passkeep.InvalidInputError, match="cipher is one of"):
        passkeep.encrypt(b"x", to=TO, cipher="des")


def test_sizes_beyond_any_file():
    with pytest.raises(passkeep.LimitError):
        passkeep.sealed_size(1 << 63, to=TO, cipher="aes-256-gcm")
    assert passkeep.sealed_size(1 << 50, to=TO) > 1 << 50


def test_what_another_process_could_change_is_authenticated_as_it_is_opened():
    """A mapped file that changes meanwhile opens as what was sealed, or not at all.

    Without the copy that is made of it, one attempt in eight releases the other bit.
    """
    plain = bytes(4 << 20)
    sealed = passkeep.encrypt(plain, to=TO)
    holder = mmap.mmap(-1, len(sealed))
    stop = threading.Event()

    def change():
        while not stop.is_set():
            for _ in range(100):
                holder[len(plain) // 2] ^= 1

    opened = 0
    with ThreadPoolExecutor() as pool:
        for _ in range(40):
            holder[:] = sealed
            stop.clear()
            changing = pool.submit(change)
            out = np.ones(len(plain), dtype=np.uint8)
            with suppress(passkeep.DamagedError):
                passkeep.decrypt_into(np.frombuffer(holder, dtype=np.uint8), out, IDENTITY)
                opened += 1
            stop.set()
            changing.result()
            assert not out.any()
    assert opened
