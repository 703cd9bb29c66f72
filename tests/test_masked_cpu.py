"""Lesser processors: the same bytes, through the same tests, where instruction sets are missing.

What is started here are the tests of other files. `PASSKEEP_SOAK=1` (`make masked`) starts
more of them, and takes some minutes.
"""

import os
import re
from collections.abc import Iterator
from subprocess import Popen

import pytest

from support import crossing, features
from support.cpus import CPUS, NEHALEM, Cpu

UNIT = 1 << 18
SOAK = "PASSKEEP_SOAK" in os.environ

VECTORS = ("test_age_vectors.py", "test_cobblestone_vectors.py")
OTHERS = ("test_payload.py", "test_digest.py", "test_batch.py", "test_backup_choosing.py")

# Of the vectors all paths but the command's, which are the same beneath; pieces of one byte
# are the business of the stream, not of the cipher.
PATHS = "not command_line and not reference_agrees and not (test_age_vectors and stream[1-)"
# The emulator takes twenty times as long, and no command that is started is inside of it.
FEW = "test_bytes and 8- and (stream_ or cobblestone)"
# Not what takes most of an hour there, and not what is about being quick.
MOST = "not every_length and not every_flipped and not every_truncation"
INSIDE = f"{MOST} and not command_line and not fork and not progress_and_stops"


def selection(cpu: Cpu) -> tuple[list[str], int]:
    """What is run on a processor, and how many tests that are at least."""
    match cpu is NEHALEM, SOAK:
        case False, False:
            return [*VECTORS, "-k", PATHS], (81 + 35) * 4 * 3
        case True, False:
            return [*VECTORS, "-k", FEW], 18 + 35
        case True, True:
            return [*VECTORS, "test_lengths.py", *OTHERS, "-k", INSIDE], 1800
    return [*VECTORS, "test_lengths.py", *OTHERS, "-k", MOST], 2200


@pytest.fixture(scope="module")
def running() -> Iterator[dict[Cpu, Popen[str]]]:
    """The tests on all processors, side by side."""
    options = ("-q", "-p", "no:cacheprovider")
    processes = {cpu: cpu.start("-m", "pytest", *options, *selection(cpu)[0]) for cpu in CPUS}
    yield processes
    for process in processes.values():
        with process:
            process.kill()


each_cpu = pytest.mark.parametrize("cpu", CPUS, ids=lambda cpu: cpu.name)


def test_this_machine_has_what_is_masked():
    assert {"AES", "AVX"} <= features.features()


@each_cpu
def test_openssl_finds_a_lesser_processor(cpu):
    """Both copies of it, and without a mask where the processor itself is another."""
    found = set(cpu.run("-m", "support.features").split())
    assert cpu.has <= found
    assert not cpu.lacks & found


@each_cpu
def test_what_one_seals_the_other_opens(cpu, tmp_path):
    lengths = [0, 1, 16_384, 65_535, 65_536, 65_537, UNIT + 15]
    if cpu is not NEHALEM:
        lengths += [16_383, 16_385, UNIT - 1, UNIT, UNIT + 1, 4 * UNIT, 4 * UNIT + 16_400]
    crossing.seal(tmp_path, "ours", lengths)
    cpu.run("-m", "support.crossing", tmp_path, *lengths)
    crossing.open_all(tmp_path, "theirs", lengths)


@each_cpu
def test_the_same_tests_pass(cpu, running):
    said, _ = running[cpu].communicate()
    assert running[cpu].returncode == 0, said
    passed = re.search(r"(\d+) passed", said)
    assert passed, said
    assert int(passed[1]) >= selection(cpu)[1], said
