"""HKDF as the Python half calls it, against the public Wycheproof vectors.

The native half runs its own in unit tests, since what they are about has no interface of
its own (rust/core/src/wycheproof.rs).
"""

import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from support import table
from support.vectors import FOLDER

NATIVE = Path(__file__).parents[1] / "rust/core/src"
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


def test_what_the_native_half_runs_is_told_in_the_table():
    """The counts are asserted where the vectors run: `make test-rust`."""
    for vectors, text in {
        "AES-GCM": "66 with 256-bit keys and 96-bit nonces pass in aead.rs; 250 others are not"
        " applicable: no format here has such keys or nonces",
        "ChaCha20-Poly1305": "316 with 96-bit nonces pass in aead.rs; 9 others are not applicable",
        "HKDF-SHA-256": "86 pass in age.rs",
        "HKDF-SHA-512": "76 pass in cobblestone.rs; 7 are not applicable: longer than the 128"
        " bytes that Cobblestone-256 needs",
    }.items():
        table.note(f"Wycheproof {vectors}", text)
    assert "assert_eq!((ran, longer), (76, 7))" in (NATIVE / "cobblestone.rs").read_text()
    assert "(316, 9)" in (NATIVE / "aead.rs").read_text()
    assert "(66, 250)" in (NATIVE / "aead.rs").read_text()
    assert "assert_eq!(ran, 86)" in (NATIVE / "age.rs").read_text()
