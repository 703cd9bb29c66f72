"""Which cipher a machine is quicker with.

Measured rather than read from the processor's list of instructions: that
works on every architecture, and sees what OpenSSL really uses.
"""

from __future__ import annotations

from time import perf_counter

from passkeep._native import PayloadKey, seal_bytes
from passkeep.sealed import CIPHERS, Cipher

_SIZE = 1 << 18
_ROUNDS = 15


def speeds() -> dict[Cipher, float]:
    """Measures each cipher on one thread, in less than a tenth of a second.

    Returns:
        Bytes per second in the best of some rounds, since whatever else the machine
        does can only slow one down.
    """
    data = bytes(_SIZE)
    keys: dict[Cipher, PayloadKey] = {
        "age": PayloadKey.age(bytes(16)),
        "aes-256-gcm": PayloadKey.cobblestone(bytes(32), b"benchmark"),
    }
    times: dict[Cipher, list[float]] = {cipher: [] for cipher in CIPHERS}
    for _ in range(_ROUNDS):
        for cipher in CIPHERS:
            start = perf_counter()
            seal_bytes(data, b"", keys[cipher], threads=1)
            times[cipher].append(perf_counter() - start)
    return {cipher: _SIZE / min(times[cipher]) for cipher in CIPHERS}


def recommended(measured: dict[Cipher, float] | None = None) -> Cipher:
    """Recommends a cipher for this machine.

    AES is about twice as fast as ChaCha20-Poly1305 where the processor has
    instructions for it, and several times slower where not.

    Args:
        measured: What `speeds` returned; measured now where it is not given.

    Returns:
        "aes-256-gcm" where that is faster, otherwise "age".
    """
    speed = speeds() if measured is None else measured
    return "aes-256-gcm" if speed["aes-256-gcm"] > speed["age"] else "age"
