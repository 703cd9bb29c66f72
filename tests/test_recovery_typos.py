"""A recovery key with a slip of the hand: the error says where to look, and opens nothing."""

from __future__ import annotations

import random

import pytest

import passkeep
from passkeep.keyring import recovery, typos

SEED = bytes(range(0xA0, 0xC0))
DIGITS = SEED.hex()


def found(typed: str) -> tuple[int, ...]:
    return typos.mistyped_groups(bytes.fromhex(typed), lambda seed: seed == SEED)


def swapped(one: int, two: int) -> str:
    digits = list(DIGITS)
    digits[one], digits[two] = digits[two], digits[one]
    return "".join(digits)


def test_every_single_wrong_digit_is_found_in_its_group():
    for position, right in enumerate(DIGITS):
        for wrong in {"0", "7", "f"} - {right}:
            typed = DIGITS[:position] + wrong + DIGITS[position + 1 :]
            assert found(typed) == (position // 4 + 1,)


def test_every_pair_that_changed_places_is_found():
    pairs = [(i, j) for i in range(64) for j in range(i) if DIGITS[i] != DIGITS[j]]
    for one, two in [*random.Random(1).sample(pairs, 60), (0, 1), (3, 4), (0, 63)]:
        groups = {one // 4 + 1, two // 4 + 1}
        assert found(swapped(one, two)) == tuple(sorted(groups))


def test_the_right_key_and_a_foreign_one_name_nothing():
    assert found("00" * 32) == ()
    assert found(DIGITS) == ()


def mistype(digits: str, group: int) -> str:
    groups = digits.split()
    last = groups[group - 1][-1]
    groups[group - 1] = groups[group - 1][:-1] + ("0" if last != "0" else "1")
    return " ".join(groups)


@pytest.mark.parametrize("group", [1, 7, 16])
def test_a_keyring_names_the_group_and_stays_locked(quick, quick_keyring, group):
    with pytest.raises(passkeep.WrongKeyError, match=rf"group {group} looks mistyped") as caught:
        quick_keyring.unlock(recovery_key=mistype(quick.digits, group))
    assert not [one for one in quick.digits.split() if one in f"{caught.value} {caught.value.hint}"]
    with pytest.raises(passkeep.KeyringError, match="locked"):
        quick_keyring.rotate()


def test_two_groups_are_named(quick, quick_keyring):
    groups = quick.digits.split()
    one, two = next((i, j) for i in range(16) for j in range(i) if groups[i][0] != groups[j][0])
    first, second = groups[one], groups[two]
    groups[one], groups[two] = second[0] + first[1:], first[0] + second[1:]
    with pytest.raises(passkeep.WrongKeyError, match=rf"groups {two + 1} and {one + 1} look"):
        quick_keyring.unlock(recovery_key=" ".join(groups))


def test_a_backup_names_the_group_by_its_travelling_copy(quick, quick_keyring, tree, tmp_path):
    passkeep.backup(tree, tmp_path / "b.age", to=quick_keyring)
    passkeep.backup(tree, tmp_path / "c.age", to=quick_keyring, travel=False)
    unlock = passkeep.Unlock(recovery_key=mistype(quick.digits, 9))
    with pytest.raises(passkeep.WrongKeyError, match="group 9 looks mistyped"):
        passkeep.verify(tmp_path / "b.age", unlock)
    with pytest.raises(passkeep.WrongKeyError) as caught:
        passkeep.verify(tmp_path / "c.age", unlock)
    assert "mistyped" not in str(caught.value)
    # Another identity beside a foreign recovery key is still tried.
    foreign = passkeep.Unlock(recovery_key="0" * 64)
    both = [passkeep.Unlock(recovery_key=quick.digits), foreign]
    assert passkeep.verify(tmp_path / "b.age", both).files == 2
    assert passkeep.verify(tmp_path / "b.age", both[::-1]).files == 2
    # Where none opens it, the reason that the first could give is told.
    with pytest.raises(passkeep.WrongKeyError, match="group 9 looks mistyped"):
        passkeep.verify(tmp_path / "b.age", [unlock, passkeep.Identity.generate()])


def test_typing_back_names_the_group():
    keyring = passkeep.Keyring.create()
    digits = keyring.new_recovery_key()
    with pytest.raises(passkeep.InvalidInputError, match="group 5"):
        keyring.confirm_recovery_key(mistype(digits, 5))
    keyring.confirm_recovery_key(digits)
    assert recovery.group_of(63) == 16
