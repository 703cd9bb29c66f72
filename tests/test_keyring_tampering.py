"""Keyrings that somebody changed who holds none of its ways in."""

from __future__ import annotations

import base64
import copy
import json
import os
from typing import Any

import pytest

import passkeep
from passkeep.age import message
from passkeep.keyring import seal, travel
from passkeep.keyring.document import parse
from support.keyrings import PASSWORD, rewrite

REFUSALS = (passkeep.KeyringError, passkeep.DamagedError, passkeep.WrongKeyError)


def leaves(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The paths of everything in a document that is neither object nor array."""
    if isinstance(value, dict):
        return [leaf for name in value for leaf in leaves(value[name], (*path, name))]
    if isinstance(value, list):
        return [leaf for i, one in enumerate(value) for leaf in leaves(one, (*path, i))]
    return [path]


def holder(document: Any, path: tuple[Any, ...]) -> Any:
    for step in path[:-1]:
        document = document[step]
    return document


def other_values(value: Any) -> list[Any]:
    if isinstance(value, bool) or value is None:
        return [one for one in (True, False, None) if one is not value]
    if isinstance(value, int):
        return [value + 1, 0]
    middle = len(value) // 2
    # A letter for a letter keeps base64, hexadecimal and dates well formed.
    replacement = "b" if value[middle] != "b" else "c"
    return [value[:middle] + replacement + value[middle + 1 :], value + "A"]


def test_every_member_is_authenticated(quick, tmp_path):
    original = quick.document()
    found = leaves(original)
    assert len(found) > 20
    tried = 0
    for path in found:
        changes = other_values(holder(original, path)[path[-1]])
        for change in changes:
            document = copy.deepcopy(original)
            holder(document, path)[path[-1]] = change
            assert_refused(tmp_path, document, quick, path)
            tried += 1
        document = copy.deepcopy(original)
        del holder(document, path)[path[-1]]
        assert_refused(tmp_path, document, quick, path)
    assert tried >= 2 * len(found) - 2


def test_order_additions_and_removals_are_authenticated(quick, tmp_path):
    original = quick.document()
    for change in (
        lambda d: d["slots"].reverse(),
        lambda d: d["slots"].pop(1),
        lambda d: d["slots"].append(d["slots"][0] | {"id": "00000000"}),
        lambda d: d.__setitem__("more", 1),
        lambda d: d["slots"][0].__setitem__("more", 1),
        lambda d: d["slots"][0].__setitem__("credential", d["slots"][1]["credential"]),
    ):
        document = copy.deepcopy(original)
        change(document)
        assert_refused(tmp_path, document, quick, "structure")


def test_the_unchanged_document_opens(quick, tmp_path):
    keyring = rewrite(tmp_path / "keyring.json", quick.document())
    keyring.unlock(recovery_key=quick.digits)
    keyring.unlock(passkey=quick.passkeys)


def test_another_layout_of_the_same_document_opens(quick, tmp_path):
    path = tmp_path / "keyring.json"
    path.write_text(json.dumps(dict(reversed(quick.document().items())), indent=3))
    passkeep.Keyring.load(path).unlock(recovery_key=quick.digits)


@pytest.mark.parametrize("auth", ["kept", "replaced", "replaced with the stranger's key at hand"])
def test_a_stranger_cannot_put_a_root_of_his_own_behind_our_ways_in(made, tmp_path, auth):
    document, key = strangers_document(made.document(), replace_auth=auth != "kept")
    document["mac"] = encoded(seal.mac(document, key, seal.Form.KEYRING))
    keyring = rewrite(tmp_path / "keyring.json", document)
    ways = {"recovery_key": made.digits}, {"passkey": made.passkeys}, {"password": PASSWORD}
    for way in ways:
        with pytest.raises(REFUSALS) as caught:
            keyring.unlock(**way)
        assert "recovery_key" in way or "changed by somebody" in str(caught.value)
    with pytest.raises(passkeep.KeyringError, match="locked"):
        keyring.add_password(PASSWORD)


def strangers_document(
    document: dict[str, Any], *, replace_auth: bool
) -> tuple[dict[str, Any], bytes]:
    """What anybody can make from a keyring: an own root, sealed to every slot's recipient."""
    root, key = passkeep.Identity.generate(), seal.new_key()
    recipients = [passkeep.Recipient.from_string(slot["recipient"]) for slot in document["slots"]]
    document["recipient"] = str(root.recipient)
    document["root"] = message.encrypt_text(f"{root}\n", recipients)
    if replace_auth:
        for slot in document["slots"]:
            slot["auth"] = encoded(seal.hand_over(os.urandom(32), key))
    document["travel"] = encoded(travel.build(parse(document), key))
    return document, key


def assert_refused(tmp_path, document, made, what) -> None:
    path = tmp_path / "keyring.json"
    path.write_text(json.dumps(document))
    for way in ({"recovery_key": made.digits}, {"passkey": made.passkeys}):
        try:
            passkeep.Keyring.load(path).unlock(**way)
        except (*REFUSALS, passkeep.CeremonyError, passkeep.InvalidInputError):
            continue
        pytest.fail(f"opened with {next(iter(way))} after a change of {what}")


def encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()
