"""HKDF as the Python half calls it, against the public Wycheproof vectors.

The native half runs its own (rust/core/src/wycheproof.rs): HKDF and ChaCha20-Poly1305.
"""

import json

import pytest
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from support import table
from support.vectors import FOLDER

TESTS = [
    test
    for group in json.loads((FOLDER / "wycheproof/hkdf_sha256_test.json").read_text())["testGroups"]
    for test in group["tests"]
]


def test_all_vectors_are_here():
    assert len(TESTS) == 86


@pytest.mark.parametrize("test", TESTS, ids=lambda test: test["tcId"])
def test_hkdf_sha256(test):
    salt, ikm, info = (bytes.fromhex(test[name]) for name in ("salt", "ikm", "info"))
    if test["result"] == "valid":
        derived = HKDF(SHA256(), test["size"], salt, info).derive(ikm)
        assert derived == bytes.fromhex(test["okm"])
    else:
        with pytest.raises(ValueError, match="keys larger than"):
            HKDF(SHA256(), test["size"], salt, info).derive(ikm)
    table.passed("Wycheproof HKDF-SHA-256", "Python")
