"""libfido2, Yubico's library in C, on a software key: an independent client of the same keys.

It is told to read and write through functions of ours, and does all the rest by itself:
CTAPHID, PIN/UV protocols, the encryption of salts and outputs.
"""

from __future__ import annotations

import ctypes
from ctypes import CFUNCTYPE, POINTER, c_char_p, c_int, c_size_t, c_ubyte, c_void_p
from typing import Any

from support.softkey import SoftKey
from support.softkey_hid import PACKET, Cable

OK, HMAC_SECRET = 0, 1

_OPEN = CFUNCTYPE(c_void_p, c_char_p)
_CLOSE = CFUNCTYPE(None, c_void_p)
_READ = CFUNCTYPE(c_int, c_void_p, POINTER(c_ubyte), c_size_t, c_int)
_WRITE = CFUNCTYPE(c_int, c_void_p, POINTER(c_ubyte), c_size_t)


class _Io(ctypes.Structure):
    """fido_dev_io_t."""

    _fields_ = (("open", _OPEN), ("close", _CLOSE), ("read", _READ), ("write", _WRITE))


def _library() -> ctypes.CDLL:
    """Loads it. `make peers` installs it, so that a missing one is an error."""
    library = ctypes.CDLL("libfido2.so.1")
    library.fido_dev_new.restype = c_void_p
    library.fido_assert_new.restype = c_void_p
    library.fido_assert_hmac_secret_ptr.restype = c_void_p
    library.fido_assert_hmac_secret_len.restype = c_size_t
    library.fido_strerr.restype = c_char_p
    library.fido_init(0)
    return library


def evaluate(
    key: SoftKey, rp_id: str, credential_id: bytes, salts: bytes, pin: str | None
) -> bytes:
    """Evaluates hmac-secret at two salts of 32 bytes each, as libfido2 does it."""
    cable = Cable(key)

    def read(_: Any, out: Any, size: int, timeout: int) -> int:
        del timeout
        packet = cable.read_packet()
        ctypes.memmove(out, packet, min(size, PACKET))
        return PACKET

    def write(_: Any, data: Any, size: int) -> int:
        # The first byte numbers the report, and does not travel.
        cable.write_packet(bytes(data[1:size]))
        return size

    io = _Io(_OPEN(lambda _: 1), _CLOSE(lambda _: None), _READ(read), _WRITE(write))
    library = _library()
    device = c_void_p(library.fido_dev_new())
    question = c_void_p(library.fido_assert_new())

    def check(code: int) -> None:
        assert code == OK, library.fido_strerr(code).decode()

    try:
        check(library.fido_dev_set_io_functions(device, ctypes.byref(io)))
        check(library.fido_dev_open(device, b"the software key"))
        check(library.fido_assert_set_rp(question, rp_id.encode()))
        check(library.fido_assert_set_clientdata_hash(question, bytes(32), c_size_t(32)))
        size = c_size_t(len(credential_id))
        check(library.fido_assert_allow_cred(question, credential_id, size))
        check(library.fido_assert_set_extensions(question, c_int(HMAC_SECRET)))
        check(library.fido_assert_set_hmac_salt(question, salts, c_size_t(len(salts))))
        if pin is None:
            check(library.fido_assert_set_uv(question, c_int(2)))  # FIDO_OPT_TRUE
        check(library.fido_dev_get_assert(device, question, None if pin is None else pin.encode()))
        found = library.fido_assert_hmac_secret_ptr(question, c_size_t(0))
        length = library.fido_assert_hmac_secret_len(question, c_size_t(0))
        return ctypes.string_at(found, length)
    finally:
        library.fido_assert_free(ctypes.byref(question))
        library.fido_dev_close(device)
        library.fido_dev_free(ctypes.byref(device))
