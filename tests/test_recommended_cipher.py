"""The recommended cipher is the faster one, also where the processor is a lesser one."""

import pytest

from passkeep.benchmark import ciphers
from support.cpus import WITHOUT_AES, WITHOUT_AVX512

ASK = "from passkeep.benchmark.ciphers import *; print(recommended())"


@pytest.mark.parametrize(
    ("cpu", "expected"),
    [(WITHOUT_AVX512, "aes-256-gcm"), (WITHOUT_AES, "age")],
    ids=lambda case: getattr(case, "name", case),
)
def test_it_is_the_faster_one_of_the_processor(cpu, expected):
    """AES is 1.8 times as fast with its instructions, and a quarter as fast without."""
    assert cpu.run("-c", ASK).strip() == expected


def test_it_follows_what_was_measured():
    assert ciphers.recommended({"age": 2.0, "aes-256-gcm": 2.1}) == "aes-256-gcm"
    assert ciphers.recommended({"age": 2.1, "aes-256-gcm": 2.0}) == "age"


def test_both_are_measured():
    speeds = ciphers.speeds()
    assert set(speeds) == {"age", "aes-256-gcm"}
    assert min(speeds.values()) > 0
