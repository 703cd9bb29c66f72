"""Keyring files that are malformed, foreign or newer: the right error for each."""

from __future__ import annotations

import json

import pytest

import passkeep


def set_(name, value):
    return lambda document: document.__setitem__(name, value)


def set_slot(name, value):
    return lambda document: document["slots"][0].__setitem__(name, value)


MALFORMED = {
    "no mac": lambda d: d.pop("mac"),
    "no id": lambda d: d.pop("id"),
    "id that names a file elsewhere": set_("id", "../../../../tmp/keyring-0123456789"),
    "id in upper case": set_("id", "A" * 32),
    "short id": set_("id", "0" * 31),
    "epoch as text": set_("epoch", "1"),
    "epoch as boolean": set_("epoch", True),
    "negative epoch": set_("epoch", -1),
    "epoch beyond 2^53": set_("epoch", 1 << 53),
    "recipient as number": set_("recipient", 1),
    "root as null": set_("root", None),
    "slots as object": set_("slots", {}),
    "slot as text": set_("slots", ["x"]),
    "slot as null": set_("slots", [None]),
    "travel not base64": set_("travel", "***"),
    "mac not base64": set_("mac", "é"),
    "label as list": set_slot("label", []),
    "auth missing": lambda d: d["slots"][0].pop("auth"),
    "identity as number": set_slot("identity", 3),
    "credential as text": set_slot("credential", "x"),
    "credential as null": set_slot("credential", None),
    "credential empty": set_slot("credential", {}),
    "slot id of a terminal": set_slot("id", "\x1b[2J\x07"),
    "slot id in upper case": set_slot("id", "A" * 8),
    "two slots with one id": lambda d: d["slots"].append(d["slots"][0]),
}


@pytest.mark.parametrize("change", MALFORMED.values(), ids=MALFORMED.keys())
def test_malformed_documents(quick, tmp_path, change):
    document = quick.document()
    change(document)
    assert_refused(tmp_path, json.dumps(document), passkeep.DamagedError)


TEXTS = {
    "nothing": "",
    "no JSON": "passkeep",
    "an array": "[]",
    "a number": "1",
    "null": "null",
    "an object of something else": "{}",
    "another format": '{"passkeep": "recipe/1"}',
    "a public export": '{"passkeep": "public/1"}',
    "deep nesting": "[" * 100_000,
    "deep nesting inside": '{"passkeep": ' + "[" * 100_000,
    "a huge number": '{"epoch": ' + "9" * 10_000 + "}",
    "a number with an exponent": '{"epoch": 1e999}',
    "not a number": '{"epoch": NaN}',
    "infinity": '{"epoch": -Infinity}',
    "cut short": '{"passkeep": "keyring/1", "id": "0',
}


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS.keys())
def test_foreign_files(tmp_path, text):
    assert_refused(tmp_path, text, passkeep.DamagedError)


@pytest.mark.parametrize("data", [b"\xff\xfe{}", b"\0" * 100, b"\x80{}", b'{"id": "\xed\xa0\x80"}'])
def test_bytes_that_are_no_text(tmp_path, data):
    assert_refused(tmp_path, data, passkeep.DamagedError)


def test_duplicate_names_at_any_depth(quick, tmp_path):
    text = quick.text.decode()
    for name in ("epoch", "label", "discoverable"):
        key = f'"{name}":'
        assert key in text
        value = text.split(key, 1)[1].split(",", 1)[0].rstrip("}")
        doubled = text.replace(key, f"{key}{value},{key}", 1)
        json.loads(doubled)  # which other readers would take
        assert_refused(tmp_path, doubled, passkeep.DamagedError)


@pytest.mark.parametrize("number", ["1.0", "1.5", "1e0", "-0.0"])
def test_numbers_that_are_no_integers(quick, tmp_path, number):
    epoch = quick.document()["epoch"]
    text = quick.text.decode().replace(f'"epoch":{epoch}', f'"epoch":{number}')
    assert text != quick.text.decode()
    assert_refused(tmp_path, text, passkeep.DamagedError)


def test_a_keyring_of_a_later_version_asks_for_a_newer_passkeep(quick, tmp_path):
    document = quick.document() | {"passkeep": "keyring/2"}
    error = assert_refused(tmp_path, json.dumps(document), passkeep.NewerVersionError)
    assert "newer passkeep" in error.hint


def test_a_slot_of_an_unknown_kind_asks_for_a_newer_passkeep(quick, tmp_path):
    document = quick.document()
    document["slots"][0]["kind"] = "smell"
    error = assert_refused(tmp_path, json.dumps(document), passkeep.NewerVersionError)
    assert "newer passkeep" in error.hint


def test_more_than_sixteen_slots(quick, tmp_path):
    document = quick.document()
    slot = document["slots"][0]
    document["slots"] = [slot | {"id": f"{number:08x}"} for number in range(17)]
    assert_refused(tmp_path, json.dumps(document), passkeep.LimitError)


def test_a_file_of_two_mebibytes_is_not_read_to_its_end(quick, tmp_path):
    padded = quick.text.rstrip()[:-1] + b" " * (2 << 20) + b"}"
    json.loads(padded)
    assert_refused(tmp_path, padded, passkeep.LimitError)


def test_an_endless_file(tmp_path):
    with pytest.raises(passkeep.LimitError):
        passkeep.Keyring.load("/dev/zero")


def test_deep_nesting_in_a_member_that_nobody_knows(quick, tmp_path):
    # Deep enough for the canonical form, not too deep for the parser.
    text = quick.text.decode().rstrip()[:-1] + ',"more":' + "[" * 900 + "]" * 900 + "}"
    (tmp_path / "keyring.json").write_text(text)
    with pytest.raises((passkeep.DamagedError, passkeep.KeyringError)):
        passkeep.Keyring.load(tmp_path / "keyring.json").unlock(recovery_key=quick.digits)


def test_a_surrogate_in_a_label(quick, tmp_path):
    document = quick.document()
    document["slots"][0]["label"] = "\ud800"
    (tmp_path / "keyring.json").write_text(json.dumps(document))
    with pytest.raises((passkeep.DamagedError, passkeep.KeyringError)):
        passkeep.Keyring.load(tmp_path / "keyring.json").unlock(recovery_key=quick.digits)


def test_a_number_that_rfc_8785_cannot_write(quick, tmp_path):
    document = quick.document() | {"more": 1 << 60}
    (tmp_path / "keyring.json").write_text(json.dumps(document))
    with pytest.raises((passkeep.DamagedError, passkeep.KeyringError)):
        passkeep.Keyring.load(tmp_path / "keyring.json").unlock(recovery_key=quick.digits)


def assert_refused(tmp_path, text, kind) -> passkeep.PasskeepError:
    path = tmp_path / "keyring.json"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    with pytest.raises(passkeep.PasskeepError) as caught:
        passkeep.Keyring.load(path)
    assert type(caught.value) is kind
    return caught.value
