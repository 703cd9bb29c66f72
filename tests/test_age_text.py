"""Bech32, keys, identity files and armor: everything that people copy and paste."""

import copy
import io
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

import passkeep
from passkeep.age import armor, bech32
from passkeep.errors import DamagedError, InvalidInputError

IDENTITIES = [passkeep.Identity.generate(), passkeep.X25519Identity.generate()]


@given(st.binary(max_size=100), st.sampled_from(["age", "age1pq", "age-secret-key-"]))
def test_bech32_goes_there_and_back(data, prefix):
    text = bech32.encode(prefix, data)
    assert bech32.decode(text) == (prefix, data)
    assert bech32.decode(text.upper()) == (prefix, data)


@given(st.data())
def test_bech32_finds_every_single_typing_error(data):
    text = bech32.encode("age", bytes(range(32)))
    position = data.draw(st.integers(4, len(text) - 1))
    wrong = data.draw(st.sampled_from("qpzry9x8gf2tvdw0s3jn54khce6mua7l"))
    typed = text[:position] + wrong + text[position + 1 :]
    if typed != text:
        with pytest.raises(InvalidInputError):
            bech32.decode(typed)


@pytest.mark.parametrize("text", ["", "1", "age", "age1", "age1b", "Age1" + "q" * 6, "age1é"])
def test_bech32_refuses(text):
    with pytest.raises(InvalidInputError):
        bech32.decode(text)


@pytest.mark.parametrize("identity", IDENTITIES, ids=["hybrid", "classic"])
def test_keys_go_there_and_back(identity):
    assert str(passkeep.parse_identity(str(identity))) == str(identity)
    recipient = passkeep.parse_recipient(str(identity.recipient))
    assert recipient == identity.recipient
    assert hash(recipient) == hash(identity.recipient)
    assert passkeep.decrypt(passkeep.encrypt(b"x", to=str(recipient)), str(identity)) == b"x"


@pytest.mark.parametrize(
    "secret",
    [*IDENTITIES, passkeep.Password("hunter2"), passkeep.Unlock(password="hunter2")],
    ids=lambda secret: type(secret).__name__,
)
def test_secrets_stay_inside(secret):
    assert len(repr(secret)) < 30
    assert "hunter2" not in repr(secret)
    with pytest.raises(TypeError):
        pickle.dumps(secret)
    with pytest.raises(TypeError):
        copy.copy(secret)


@pytest.mark.parametrize(
    "text",
    ["", "age1xyz", "AGE1PQ1XYZ", "ssh-ed25519 AAAA", str(IDENTITIES[0]), "age1pq1" + "q" * 9],
    ids=range(6),  # Some of them differ each time.
)
def test_recipients_that_are_none(text):
    with pytest.raises(InvalidInputError):
        passkeep.parse_recipient(text)


def test_a_low_order_recipient_is_refused():
    zero = passkeep.X25519Recipient(bytes(32))
    with pytest.raises(InvalidInputError, match="low order"):
        passkeep.encrypt(b"x", to=zero)


def test_identity_files():
    hybrid, classic = IDENTITIES
    text = f"# a comment\r\n\r\n{hybrid}\n  {classic}  \n"
    assert [str(one) for one in passkeep.parse_identity_file(text)] == [str(hybrid), str(classic)]
    with pytest.raises(InvalidInputError, match="no identity"):
        passkeep.parse_identity_file("# nothing\n")
    with pytest.raises(InvalidInputError, match="line 2") as caught:
        passkeep.parse_identity_file(f"{hybrid}\nAGE-SECRET-KEY-1SECRET\n")
    assert "SECRET-KEY-1S" not in str(caught.value)


def test_classic_and_hybrid_recipients_are_not_mixed():
    with pytest.raises(InvalidInputError, match="mixed"):
        passkeep.encrypt(b"x", to=[one.recipient for one in IDENTITIES])
    with pytest.raises(InvalidInputError, match="only recipient"):
        passkeep.encrypt(b"x", to=[passkeep.Password("x"), IDENTITIES[0].recipient])
    with pytest.raises(InvalidInputError, match="nobody"):
        passkeep.encrypt(b"x", to=[])


class Pieces:
    def __init__(self, data, size):
        self._data, self._size = io.BytesIO(data), size

    def read(self, size):
        return self._data.read(min(self._size, size))


@given(st.binary(max_size=300), st.integers(1, 100))
def test_armor_goes_there_and_back(data, piece):
    text = armor.armor(data)
    assert armor.dearmor(text) == data
    assert armor.dearmor("\n\t " + text.replace("\n", "\r\n") + "\n\n") == data
    reader = armor.ArmorReader(Pieces(text.encode(), piece))
    assert b"".join(iter(lambda: reader.read(7), b"")) == data


@given(st.binary(max_size=300), st.integers(1, 100))
def test_armor_is_written_in_any_pieces(data, piece):
    sink = io.BytesIO()
    writer = armor.ArmorWriter(sink)
    for start in range(0, len(data), piece):
        writer.write(data[start : start + piece])
    writer.close()
    writer.close()
    assert sink.getvalue().decode() == armor.armor(data)


@pytest.mark.parametrize("size", [0, 1, 1000, 1013, 1014, 1015, 1020, 1023, 1024])
@pytest.mark.parametrize("piece", [1, 1024, 100_000])
def test_white_space_before_the_armor(size, piece):
    identity = IDENTITIES[0]
    white = (b" \t\r\n" * 256)[:size]
    text = white + passkeep.encrypt(b"x", to=identity.recipient, armored=True)
    assert passkeep.decrypt(text, identity) == b"x"
    out = io.BytesIO()
    passkeep.decrypt_file(Pieces(text, piece), out, identity)
    assert out.getvalue() == b"x"


@pytest.mark.parametrize("size", [1025, 1033, 1034, 5000])
def test_too_much_white_space_before_the_armor(size):
    text = b" " * size + passkeep.encrypt(b"x", to=IDENTITIES[0].recipient, armored=True)
    with pytest.raises((DamagedError, passkeep.LimitError)):
        passkeep.decrypt(text, IDENTITIES[0])
    with pytest.raises((DamagedError, passkeep.LimitError)):
        passkeep.decrypt_file(io.BytesIO(text), io.BytesIO(), IDENTITIES[0])


ARMORED = armor.armor(bytes(range(100)))


@pytest.mark.parametrize(
    "text",
    [
        "",
        ARMORED.replace("-----END AGE ENCRYPTED FILE-----\n", ""),
        ARMORED + "x",
        ARMORED + ARMORED,
        "x" + ARMORED,
        ARMORED.replace("AGE", "RAGE"),
        ARMORED.replace("AAECAwQF", "AAEC AwQF"),
        ARMORED.replace("\n", "\n\n", 2),
        ARMORED.replace("=\n", "\n").replace("==", ""),
        ARMORED.replace("AAECAwQF", "AAECAwQF" * 9),
        ARMORED + " " * 2000,
        "-----BEGIN AGE ENCRYPTED FILE-----\n" + "A" * 5000,
        ARMORED.replace("AAEC", "AAÉC"),
    ],
)
def test_bad_armor(text):
    with pytest.raises(DamagedError):
        armor.dearmor(text)


@pytest.mark.parametrize(
    "options",
    [
        {"work_factor": 21},
        {"work_factor": 0},
        {"work_factor": -1},
        {"work_factor": 23, "max_work_factor": 23},
        {"work_factor": 11, "max_work_factor": 10},
    ],
)
def test_nothing_is_encrypted_with_more_work_than_would_be_done_to_open_it(options):
    with pytest.raises(passkeep.InvalidInputError, match="not between 1 and"):
        passkeep.encrypt(b"x", to=passkeep.Password("x", **options))


def test_less_work_may_be_asked_of_whoever_opens():
    sealed = passkeep.encrypt(b"x", to=passkeep.Password("x", work_factor=10))
    assert passkeep.decrypt(sealed, passkeep.Password("x", max_work_factor=10)) == b"x"
    with pytest.raises(passkeep.LimitError):
        passkeep.decrypt(sealed, passkeep.Password("x", max_work_factor=9))
