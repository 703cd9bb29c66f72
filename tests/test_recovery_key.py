"""The recovery key as people type it."""

from __future__ import annotations

import pytest

import passkeep
from passkeep.keyring import recovery

SEED = bytes(range(0xA0, 0xC0))
DIGITS = recovery.to_digits(SEED)
COMPACT = DIGITS.replace(" ", "")


def test_it_is_shown_as_sixteen_groups_of_four():
    groups = DIGITS.split(" ")
    assert [len(group) for group in groups] == [4] * 16
    assert [len(line.split()) for line in recovery.to_lines(DIGITS)] == [4] * 4
    assert "".join(recovery.to_lines(DIGITS)).replace(" ", "") == COMPACT


@pytest.mark.parametrize(
    "typed",
    [
        DIGITS,
        COMPACT,
        COMPACT.upper(),
        DIGITS.title(),
        DIGITS.replace(" ", "-"),
        DIGITS.replace(" ", "\u2013"),
        DIGITS.replace(" ", "\n"),
        DIGITS.replace(" ", "\r\n"),
        DIGITS.replace(" ", "\t  "),
        "\n".join(recovery.to_lines(DIGITS)),
        f"  \n{DIGITS}\n\n",
        f"# passkeep recovery key\n{DIGITS}\n",
        f"{DIGITS[:40]}\n  # half way\n{DIGITS[40:]}",
        str(passkeep.Identity(SEED)),
        f"# created today\n{passkeep.Identity(SEED)}\n",
        " ".join(COMPACT),
    ],
)
def test_reading_forgives_what_people_do(typed):
    assert recovery.to_seed(typed) == SEED


@pytest.mark.parametrize("count", [0, 1, 63, 65, 128])
def test_a_wrong_number_of_digits_is_counted(count):
    with pytest.raises(passkeep.InvalidInputError, match=f"64 digits; {count} were") as caught:
        recovery.to_seed((COMPACT * 2)[:count])
    assert_quotes_nothing(caught.value)


@pytest.mark.parametrize("group", [1, 7, 16])
@pytest.mark.parametrize("letter", ["g", "O", "l", "\u0660", "\uff10", "é", "\0"])
def test_a_letter_that_is_no_digit_is_named_by_its_group(group, letter):
    groups = DIGITS.split(" ")
    groups[group - 1] = groups[group - 1][:3] + letter
    with pytest.raises(passkeep.InvalidInputError, match=rf"\bgroup {group}\b") as caught:
        recovery.to_seed(" ".join(groups))
    assert_quotes_nothing(caught.value)


@pytest.mark.parametrize("at", [19, 40, -1])
def test_a_mistyped_identity_is_refused_and_not_quoted(at):
    text = list(str(passkeep.Identity(SEED)))
    text[at] = "Q" if text[at] != "Q" else "P"
    with pytest.raises(passkeep.InvalidInputError) as caught:
        recovery.to_seed("".join(text))
    assert_quotes_nothing(caught.value)
    assert "".join(text)[19:30] not in str(caught.value)


def test_another_kind_of_identity_is_no_recovery_key():
    identity = str(passkeep.X25519Identity.generate())
    with pytest.raises(passkeep.InvalidInputError) as caught:
        recovery.to_seed(identity)
    assert identity[18:28] not in f"{caught.value} {caught.value.hint}"


def assert_quotes_nothing(error: passkeep.PasskeepError) -> None:
    said = f"{error} {error.hint} {error.args}"
    assert not [group for group in DIGITS.split(" ") if group in said]
    assert error.__cause__ is None or error.__suppress_context__
