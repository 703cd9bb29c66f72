"""The travelling copy: a backup and one way in are enough; what strangers put there is not."""

from __future__ import annotations

import base64
import dataclasses
import json
import os
import zlib

import pytest

import passkeep
from passkeep.age import envelope, message
from passkeep.age import header as grammar
from passkeep.age.header import Stanza
from passkeep.age.scrypt import Password
from passkeep.keyring import opening, seal, travel
from support.keyrings import PASSWORD


@pytest.fixture
def public(quick_keyring):
    return quick_keyring.public()


@pytest.fixture
def backup_with(public, tree, tmp_path):
    """Makes backups whose header is genuine and whose travelling copy is anything."""

    def made_with(body):
        passkeep.State().trust(public.id, "")  # each is a first use
        path = tmp_path / "b.age"
        changed = dataclasses.replace(public, travel=body)
        passkeep.backup(tree, path, to=changed, overwrite=True)
        return path

    return made_with


def ways(made):
    return {
        "recovery key": passkeep.Unlock(recovery_key=made.digits),
        "passkey": passkeep.Unlock(passkey=made.passkeys),
        "password": passkeep.Unlock(password=PASSWORD),
    }


def test_the_backup_alone_opens_with_each_way(made, keyring, keyring_path, tree, tmp_path):
    passkeep.backup(tree, tmp_path / "b.age", to=keyring)
    keyring_path.unlink()
    for name, unlock in ways(made).items():
        passkeep.restore(tmp_path / "b.age", tmp_path / name, unlock)
        assert (tmp_path / name / "tree" / "letter.txt").read_text() == "Dear Ada"


def test_wrong_secrets_do_not_open_it(keyring, quick, tree, tmp_path):
    passkeep.backup(tree, tmp_path / "b.age", to=keyring)
    for unlock, error in (
        (passkeep.Unlock(password="not the password"), passkeep.WrongKeyError),
        (passkeep.Unlock(recovery_key=quick.digits), passkeep.WrongKeyError),
        (passkeep.Unlock(passkey=quick.passkeys), passkeep.CeremonyError),
    ):
        with pytest.raises(error):
            passkeep.restore(tmp_path / "b.age", tmp_path / "out", unlock)
    assert not (tmp_path / "out").exists()


def test_labels_and_dates_do_not_travel_in_clear(quick_keyring):
    text = zlib.decompress(quick_keyring.public().travel).decode()
    value = json.loads(text)
    open_members = {"id", "epoch", "recipient", "recovery", "root", "slots", "private", "mac"}
    assert set(value) == open_members
    assert all(set(s) <= {"kind", "auth", "identity", "credential"} for s in value["slots"])
    for slot in quick_keyring.slots:
        assert slot.label not in text
        assert slot.created not in text
        assert slot.recipient == value["recovery"] or slot.recipient not in text


def test_a_file_for_bare_recipients_carries_none(tree, tmp_path):
    passkeep.backup(tree, tmp_path / "b.age", to=passkeep.Identity.generate().recipient)
    with pytest.raises(passkeep.WrongKeyError, match="carries no keyring"):
        passkeep.verify(tmp_path / "b.age", passkeep.Unlock(password=PASSWORD))


# Strangers


def packed(value) -> bytes:
    return zlib.compress(json.dumps(value).encode())


def unpacked(public):
    return json.loads(zlib.decompress(public.travel))


def strangers_root(value):
    root = passkeep.Identity.generate()
    slots = [value["recovery"]]
    value["recipient"] = str(root.recipient)
    value["root"] = message.encrypt_text(
        f"{root}\n", [passkeep.Recipient.from_string(one) for one in slots]
    )


CHANGES = {
    "another root": strangers_root,
    "another recipient": lambda v: v.__setitem__(
        "recipient", str(passkeep.Identity.generate().recipient)
    ),
    "another epoch": lambda v: v.__setitem__("epoch", v["epoch"] + 1),
    "another order": lambda v: v["slots"].reverse(),
    "one slot less": lambda v: v["slots"].pop(0),
    "one member more": lambda v: v.__setitem__("more", 1),
    "another mac": lambda v: v.__setitem__("mac", base64.b64encode(bytes(32)).decode()),
    "a mac of a stranger": lambda v: v.__setitem__(
        "mac", base64.b64encode(seal.mac(v, seal.new_key(), seal.Form.COPY)).decode()
    ),
    "an auth of a stranger": lambda v: [
        slot.__setitem__(
            "auth", base64.b64encode(seal.hand_over(os.urandom(32), seal.new_key())).decode()
        )
        for slot in v["slots"]
    ],
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_a_changed_copy_is_refused(quick, public, backup_with, tmp_path, change):
    value = unpacked(public)
    change(value)
    backup = backup_with(packed(value))
    with pytest.raises(passkeep.KeyringError, match="changed by somebody"):
        passkeep.restore(backup, tmp_path / "out", passkeep.Unlock(passkey=quick.passkeys))
    assert not (tmp_path / "out").exists()
    # The recovery key needs no copy, so nobody is locked out by a bad one.
    passkeep.restore(backup, tmp_path / "out", passkeep.Unlock(recovery_key=quick.digits))


def test_a_keyring_file_is_no_travelling_copy(made, tmp_path):
    """Otherwise a backup would open with what was to stay out of backups."""
    keyring = passkeep.Keyring.load(made.write(tmp_path))
    keyring.unlock(recovery_key=made.digits)
    _, passkey, password = keyring.slots
    keyring.remove(passkey.id)
    keyring.set_travels(password.id, travels=False)
    keyring.save(tmp_path / "keyring.json")
    value = json.loads((tmp_path / "keyring.json").read_bytes())
    copy = Stanza(travel.STANZA_TYPE, ("1",), packed(value))
    path = with_extra(keyring.public(), [copy], tmp_path)
    with pytest.raises(passkeep.TamperedError):
        passkeep.verify(path, passkeep.Unlock(password=PASSWORD))


def test_macs_of_keyrings_and_copies_differ(quick, tmp_path):
    keyring = passkeep.Keyring.load(quick.write(tmp_path))
    keyring.unlock(recovery_key=quick.digits)
    key, value = keyring._contents.keyring_key, unpacked(keyring.public())
    claimed = base64.b64decode(value["mac"])
    seal.verify(value, claimed, key, seal.Form.COPY)
    with pytest.raises(passkeep.TamperedError):
        seal.verify(value, claimed, key, seal.Form.KEYRING)


def test_an_unchanged_copy_in_another_layout_opens(quick, public, backup_with):
    value = dict(reversed(unpacked(public).items()))
    backup = backup_with(packed(value))
    assert passkeep.verify(backup, passkeep.Unlock(passkey=quick.passkeys)).files == 2


def test_a_copy_put_into_somebody_elses_backup_is_refused(quick, quick_keyring, public, tmp_path):
    # The header is a stranger's own, with our travelling copy in it.
    extra = quick_keyring.public().stanzas
    header, file_key = envelope.new_header([passkeep.Identity.generate().recipient], extra)
    path = tmp_path / "b.age"
    path.write_bytes(
        passkeep._native.seal_bytes(
            bytes(1024), header, passkeep._native.PayloadKey.age(file_key), threads=1
        )
    )
    with pytest.raises(passkeep.WrongKeyError):
        passkeep.verify(path, passkeep.Unlock(passkey=quick.passkeys))


# Limits and malformed copies


def assert_refused(made, backup, kind) -> None:
    for unlock in (
        passkeep.Unlock(passkey=made.passkeys),
        passkeep.Unlock(password=PASSWORD),
    ):
        with pytest.raises(passkeep.PasskeepError) as caught:
            passkeep.restore(backup, backup.parent / "out", unlock)
        assert type(caught.value) is kind
    assert not (backup.parent / "out").exists()
    assert made.passkeys.prompts == [], "nobody is asked to open something malformed"


@pytest.fixture
def unasked(quick):
    quick.passkeys.prompts.clear()
    return quick


def test_a_bomb_is_not_inflated(unasked, backup_with):
    body = zlib.compress(b" " * (40 << 20), 9)
    assert len(body) < travel.MAX_STORED
    assert_refused(unasked, backup_with(body), passkeep.LimitError)


def test_one_mebibyte_is_still_inflated(quick, public, backup_with):
    text = zlib.decompress(public.travel)
    padded = text + b" " * (travel.MAX_INFLATED - len(text))
    backup = backup_with(zlib.compress(padded, 9))
    assert passkeep.verify(backup, passkeep.Unlock(passkey=quick.passkeys)).files == 2
    body = zlib.compress(padded + b" ", 9)
    backup = backup_with(body)
    with pytest.raises(passkeep.LimitError):
        passkeep.verify(backup, passkeep.Unlock(passkey=quick.passkeys))


def test_more_than_96_kibibytes(unasked, backup_with):
    body = os.urandom(travel.MAX_STORED + 1)
    assert_refused(unasked, backup_with(body), passkeep.LimitError)


def test_seventeen_slots(unasked, public, backup_with):
    value = unpacked(public)
    value["slots"] = [value["slots"][0]] * 17
    assert_refused(unasked, backup_with(packed(value)), passkeep.LimitError)


BODIES = {
    "nothing": lambda body: b"",
    "noise": lambda body: bytes(range(256)),
    "cut short": lambda body: body[:-5],
    "something behind it": lambda body: body + b"x",
    "no JSON": lambda body: zlib.compress(b"passkeep"),
    "an array": lambda body: zlib.compress(b"[]"),
    "deep nesting": lambda body: zlib.compress(b"[" * 500_000),
    "a float": lambda body: zlib.compress(b'{"epoch": 1.5}'),
    "no slots": lambda body: zlib.compress(b'{"root": "", "mac": ""}'),
    "twice the same name": lambda body: zlib.compress(
        zlib.decompress(body).replace(b'"epoch":', b'"epoch":0,"epoch":')
    ),
}


@pytest.mark.parametrize("change", BODIES.values(), ids=BODIES.keys())
def test_malformed_copies(unasked, public, backup_with, change):
    body = change(public.travel)
    assert_refused(unasked, backup_with(body), passkeep.DamagedError)


def passkey_slot(value):
    return next(slot for slot in value["slots"] if slot["kind"] == "passkey")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("identity", "nonsense"),
        ("identity", None),
        ("credential", "AGE-PLUGIN-FIDO2PRF-1NONSENSE"),
        ("credential", None),
    ],
)
def test_a_malformed_passkey_slot_asks_nobody(unasked, public, backup_with, name, content):
    value = unpacked(public)
    passkey_slot(value)[name] = content
    if content is None:
        del passkey_slot(value)[name]
    backup = backup_with(packed(value))
    with pytest.raises(passkeep.DamagedError):
        passkeep.verify(backup, passkeep.Unlock(passkey=unasked.passkeys))
    assert unasked.passkeys.prompts == []


@pytest.fixture
def no_scrypt(monkeypatch):
    """Nothing is worked for that is refused."""
    monkeypatch.setattr(Password, "_derive", lambda *_: pytest.fail("scrypt ran"))


def password_slot(value, work_factor):
    greedy = message.encrypt_text("x\n", [Password("x", work_factor=2)])
    header = message.split(greedy)[1]
    salt, _ = header.stanzas[0].args
    text = envelope_text(Stanza("scrypt", (salt, work_factor), header.stanzas[0].body))
    return passkey_slot(value) | {"kind": "password", "identity": text}


@pytest.mark.parametrize("work_factor", ["19", "20", "30"])
def test_a_password_slot_asks_for_no_more_work_than_slots_are_made_with(
    public, backup_with, request, work_factor
):
    value = unpacked(public)
    value["slots"].append(password_slot(value, work_factor))
    backup = backup_with(packed(value))
    request.getfixturevalue("no_scrypt")
    with pytest.raises(passkeep.LimitError, match="limit is 2\\^18"):
        passkeep.verify(backup, passkeep.Unlock(password=PASSWORD))


def test_only_so_many_passwords_are_tried(public, backup_with, request):
    value = unpacked(public)
    value["slots"] += [password_slot(value, "2") for _ in range(9)]
    backup = backup_with(packed(value))
    request.getfixturevalue("no_scrypt")
    with pytest.raises(passkeep.LimitError, match="at most 8 passwords"):
        passkeep.verify(backup, passkeep.Unlock(password=PASSWORD))


@pytest.mark.parametrize("count", [256, 257])
def test_a_strangers_root_has_only_so_many_identities(public, tree, tmp_path, count):
    """Whoever holds a recipient cannot verify the copy, so it may be anything."""
    me, root = passkeep.Identity.generate(), passkeep.Identity.generate()
    value = unpacked(public)
    lines = "".join(f"{one}\n" for one in (*[passkeep.Identity.generate()] * (count - 1), root))
    value["root"] = message.encrypt_text(lines, [me.recipient])
    stanza = Stanza(travel.STANZA_TYPE, ("1",), packed(value))
    header, _ = envelope.new_header([root.recipient], [stanza])
    stanzas = grammar.parse(header)[0].stanzas
    if count > 256:
        with pytest.raises(passkeep.LimitError, match="256 roots"):
            passkeep.Unlock(identity=me).unwrap(stanzas)
    else:
        assert passkeep.Unlock(identity=me).unwrap(stanzas)


def test_a_file_costs_only_so_many_tries_with_a_root(monkeypatch):
    monkeypatch.setattr(opening, "MAX_TRIES", 12)
    roots = [passkeep.Identity.generate() for _ in range(4)]
    identity = opening.RootIdentity(roots)
    key, stranger = os.urandom(16), passkeep.Identity.generate().recipient
    theirs, ours = stranger.wrap(key), roots[-1].recipient.wrap(key)
    unknown = [Stanza("unknown", (), b"")] * 100
    # The last root opens the third recipient's stanza with the last try.
    assert identity.unwrap([*unknown, *theirs, *theirs, *ours, *theirs * 9]) == key
    assert identity.unwrap(theirs * 3) is None
    with pytest.raises(passkeep.LimitError, match="more recipients than can be tried"):
        identity.unwrap([*theirs * 3, *ours])


def envelope_text(stanza) -> str:
    return message.encrypt_text_under("x\n", stanza, bytes(16))


def test_a_copy_of_a_later_version_asks_for_a_newer_passkeep(quick, public, tmp_path):
    path = with_extra(public, [Stanza(travel.STANZA_TYPE, ("2",), public.travel)], tmp_path)
    with pytest.raises(passkeep.NewerVersionError) as caught:
        passkeep.verify(path, passkeep.Unlock(passkey=quick.passkeys))
    assert "newer passkeep" in caught.value.hint


def test_two_copies_are_damage(quick, public, tmp_path):
    path = with_extra(public, public.stanzas * 2, tmp_path)
    with pytest.raises(passkeep.DamagedError):
        passkeep.verify(path, passkeep.Unlock(passkey=quick.passkeys))


def with_extra(public, stanzas, tmp_path):
    header, file_key = envelope.new_header(public.recipients, stanzas)
    path = tmp_path / "b.age"
    path.write_bytes(
        passkeep._native.seal_bytes(
            bytes(1024), header, passkeep._native.PayloadKey.age(file_key), threads=1
        )
    )
    return path
