"""Sealed files in memory: buffers in, bytes out, or buffers in and out.

Everything contiguous with the buffer protocol is taken as it is, without a copy:
bytes, bytearray, memoryview, mmap, arrays of any element type.
"""

from __future__ import annotations

from typing import cast

from passkeep import _native, sealed
from passkeep.age import armor
from passkeep.buffers import Buffer
from passkeep.sealed import Cipher, Opening
from passkeep.stream import Identities, Recipients, begin, to_identities


def encrypt(
    data: Buffer,
    *,
    to: Recipients,
    cipher: Cipher = "age",
    armored: bool = False,
    threads: int | None = None,
    cancel: _native.CancelToken | None = None,
) -> bytes:
    """Encrypts a buffer to a sealed file in memory.

    Args:
        data: Any contiguous buffer.
        to: Who can decrypt it.
        cipher: "age" for a plain age file (ChaCha20-Poly1305), "aes-256-gcm" for
            the AES container.
        armored: Whether the result is text; only for age files.
        threads: How many cores to use; by default all that are usable.
        cancel: Stops the work from another thread.

    Returns:
        A complete file. It never carries a keyring.

    Raises:
        InvalidInputError: A recipient is malformed, classic and hybrid recipients
            are mixed, or the AES container is to be armored.
        CancelledError: `cancel` was used.
    """
    header, key = begin(to, cipher, armored=armored)
    threads = threads or _native.usable_threads()
    done = _native.seal_bytes(data, header, key, threads=threads, cancel=cancel)
    return armor.armor(done).encode() if armored else done


def encrypt_into(
    data: Buffer,
    out: Buffer,
    *,
    to: Recipients,
    cipher: Cipher = "age",
    threads: int | None = None,
    cancel: _native.CancelToken | None = None,
) -> int:
    """Encrypts a buffer into another one, and allocates nothing.

    Writing into memory that is used again is about three times as fast as
    making new bytes.

    Args:
        data: Any contiguous buffer.
        out: Any contiguous, writable buffer with at least
            ``sealed_size(len(data), to=to, cipher=cipher)`` bytes, which shares no
            memory with `data`.
        to: Who can decrypt it.
        cipher: As for :func:`encrypt`.
        threads: How many cores to use; by default all that are usable.
        cancel: Stops the work from another thread.

    Returns:
        How many bytes at the beginning of `out` are the sealed file.

    Raises:
        InvalidInputError: `out` is too small or overlaps `data`, or as for
            :func:`encrypt`; nothing was written.
        BufferError: A buffer is not contiguous, or `out` is read-only.
        CancelledError: `cancel` was used; `out` is worthless.
    """
    header, key = begin(to, cipher)
    threads = threads or _native.usable_threads()
    return _native.seal_into(data, out, header, key, threads=threads, cancel=cancel)


def sealed_size(size: int, *, to: Recipients, cipher: Cipher = "age") -> int:
    """Bytes of the sealed file that `size` bytes of plaintext make, exactly.

    A header for one hybrid recipient has about 1.7 KB. The payload grows by 16
    bytes for each 64 KiB (age) or 16 KiB (AES) and has 16 or 56 bytes before them.

    Raises:
        InvalidInputError: A recipient is malformed.
        LimitError: No file can be that large.
    """
    header, key = begin(to, cipher)
    return len(header) + key.sealed_size(size)


def decrypt(
    data: Buffer,
    identity: Identities,
    *,
    threads: int | None = None,
    cancel: _native.CancelToken | None = None,
) -> bytes:
    """Decrypts a sealed file in memory, armored or not.

    Args:
        data: Any contiguous buffer that holds a complete sealed file.
        identity: What opens it: identities, a password, an unlocked keyring, ….
        threads: How many cores to use; by default all that are usable.
        cancel: Stops the work from another thread.

    Raises:
        WrongKeyError: No identity opens it.
        DamagedError: It was changed, is cut short, or is no sealed file.
        LimitError: Its header asks for more than a limit allows.
        CancelledError: `cancel` was used.
    """
    data, opening, length = _open(data)
    key = opening.unlock(to_identities(identity))
    threads = threads or _native.usable_threads()
    return _native.open_bytes(data, length, key, threads=threads, cancel=cancel)


def decrypt_into(
    data: Buffer,
    out: Buffer,
    identity: Identities,
    *,
    threads: int | None = None,
    cancel: _native.CancelToken | None = None,
) -> int:
    """Decrypts a sealed file in memory into another buffer.

    Args:
        data: Any contiguous buffer that holds a complete sealed file. No other
            thread may write into a NumPy array meanwhile; other buffers are copied
            in small pieces, because somebody could (a mapped file, above all).
        out: Any contiguous, writable buffer with at least ``opened_size(data)``
            bytes, which shares no memory with `data`. As many as `data` has are
            always enough. Nobody should look into it before this returns: a chunk
            is there for a moment before it is known to be genuine.
        identity: What opens it.
        threads: How many cores to use; by default all that are usable.
        cancel: Stops the work from another thread.

    Returns:
        How many bytes at the beginning of `out` are the plaintext.

    Raises:
        InvalidInputError: `out` is too small or overlaps `data`; nothing was written.
        BufferError: A buffer is not contiguous, or `out` is read-only.
        WrongKeyError: No identity opens it.
        DamagedError: It was changed, is cut short, or is no sealed file; what was
            written to `out` is cleared.
        LimitError: Its header asks for more than a limit allows.
        CancelledError: `cancel` was used; what was written to `out` is cleared.
    """
    data, opening, length = _open(data)
    key = opening.unlock(to_identities(identity))
    threads = threads or _native.usable_threads()
    return _native.open_into(data, length, out, key, threads=threads, cancel=cancel)


def opened_size(data: Buffer) -> int:
    """Bytes of plaintext in a sealed file, from its length alone: nothing is verified.

    Raises:
        DamagedError: It is cut short, or is no sealed file.
        LimitError: Its header asks for more than a limit allows.
    """
    data, opening, length = _open(data)
    return opening.plain_size(memoryview(cast("bytes", data)).nbytes - length)


def _open(data: Buffer) -> tuple[Buffer, Opening, int]:
    """The binary file, what stands before its payload, and how long that is."""
    view = memoryview(cast("bytes", data))
    if not view.c_contiguous:
        raise BufferError("the buffer is not contiguous")
    view = view.cast("B") if view.nbytes else memoryview(b"")
    if armor.looks_armored(bytes(view[: armor.PREFIX_SIZE])):
        binary = armor.dearmor(bytes(view))
        return binary, *sealed.split(memoryview(binary))
    return data, *sealed.split(view)
