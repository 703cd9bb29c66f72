"""Jobs with an earlier export, on the machine where the keyring is changed."""

from __future__ import annotations

import dataclasses
import logging

import pytest

import passkeep
from passkeep.keyring.record import PublicPart, Record
from support.cli import assert_fails, ok, run
from support.passkeys import SoftwarePasskeys


@pytest.fixture
def path(quick, tmp_path):
    return quick.write(tmp_path)


@pytest.fixture
def server(path, quick, tmp_path):
    """An export that jobs of this machine use."""
    export = tmp_path / "server.json"
    passkeep.Keyring.load(path).public().save(export)
    passkeep.PublicKeyring.load(export).pinned()
    return export


def change(path, quick, *steps):
    """Makes changes as a command does, and saves them."""
    keyring = passkeep.Keyring.load(path)
    removed = all(slot.kind != "passkey" for slot in keyring.slots)
    keyring.unlock(**({"recovery_key": quick.digits} if removed else {"passkey": quick.passkeys}))
    for step in steps:
        step(keyring)
    keyring.save(path)
    return keyring


def seal(server):
    return passkeep.encrypt(b"nightly", to=passkeep.PublicKeyring.load(server))


def check(keyring):
    keyring.mark_checked(keyring.opened_slot.id)


def laptop(keyring):
    return next(slot.id for slot in keyring.slots if slot.kind == "passkey")


def add_passkey(keyring):
    keyring.add_passkey(SoftwarePasskeys(), label="More")


KEEPING = {
    "check": check,
    "rename": lambda keyring: keyring.rename(laptop(keyring), "Desktop"),
    "recipient": lambda keyring: keyring.add_recipient(
        passkeep.Identity.generate().recipient, label="Ada"
    ),
}
CLOSING = {
    "rotate": lambda keyring: keyring.rotate(),
    "remove": lambda keyring: keyring.remove(laptop(keyring), allow_last=True),
    "recovery": lambda keyring: keyring.confirm_recovery_key(keyring.new_recovery_key()),
    "stay out": lambda keyring: keyring.set_travels(laptop(keyring), travels=False),
}


@pytest.mark.parametrize("step", KEEPING.values(), ids=KEEPING)
def test_a_job_goes_on_after_a_change_that_is_none_to_it(path, quick, server, step, caplog):
    for _ in range(3):
        change(path, quick, step)
    sealed = seal(server)
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert passkeep.decrypt(sealed, passkeep.Unlock(recovery_key=quick.digits)) == b"nightly"
    # The pin is that of the keyring, not of what was used last.
    change(path, quick, CLOSING["rotate"])
    with pytest.raises(passkeep.KeyringError, match="not what this machine used before"):
        seal(server)


def test_a_job_goes_on_without_the_ways_in_that_were_added_and_says_so_once(
    path, quick, server, caplog
):
    change(path, quick, add_passkey)
    change(path, quick, check)
    for _ in range(2):
        assert seal(server)
    assert caplog.text.count("were added since") == 1
    assert "server.json is an earlier export" in caplog.text


@pytest.mark.parametrize("step", CLOSING.values(), ids=CLOSING)
def test_a_job_stops_once_a_way_in_was_closed(path, quick, server, step):
    """Whoever puts an old export back must not reopen it."""
    change(path, quick, step)
    for following in (check, add_passkey):
        with pytest.raises(passkeep.KeyringError, match="not what this machine used before"):
            seal(server)
        change(path, quick, following)
    passkeep.Keyring.load(path).public().save(server, overwrite=True)
    assert seal(server)


def test_a_password_that_came_and_stays_out_closes_nothing_of_before(path, quick, server):
    change(path, quick, add_passkey)
    change(path, quick, lambda one: one.set_travels(one.slots[-1].id, travels=False))
    assert seal(server)


def test_a_keyring_that_was_loaded_before_serves_a_long_run(path, quick):
    before = passkeep.Keyring.load(path)
    before.pinned()
    change(path, quick, check)
    assert passkeep.encrypt(b"x", to=before)
    change(path, quick, CLOSING["rotate"])
    with pytest.raises(passkeep.KeyringError, match="not what this machine used before"):
        passkeep.encrypt(b"x", to=before)


def test_what_was_only_pinned_is_not_what_was_verified(path, quick, server, tmp_path):
    """Another export with the same ways in, which somebody tampered with, was pinned first."""
    genuine = passkeep.PublicKeyring.load(server)
    forged = dataclasses.replace(genuine, epoch=genuine.epoch + 7)
    passkeep.State().trust(forged.id, forged.fingerprint)
    assert passkeep.encrypt(b"x", to=forged)
    change(path, quick, check)
    with pytest.raises(passkeep.KeyringError, match="not what this machine used before"):
        passkeep.encrypt(b"x", to=forged)
    # What the change was made from was verified when the keyring was unlocked.
    assert seal(server)


def test_trust_means_one_export(path, quick, server):
    """On another machine nothing was verified, so nothing but what was trusted is used."""
    new = change(path, quick, check).public()
    other = passkeep.State(server.parent / "other-machine")
    old = passkeep.PublicKeyring.load(server)
    old.pinned(other)
    with pytest.raises(passkeep.KeyringError):
        new.pinned(other)
    other.trust(new.id, new.fingerprint)
    assert new.pinned(other)
    with pytest.raises(passkeep.KeyringError):
        old.pinned(other)


def test_a_save_that_was_cut_off_lets_the_job_go_on(path, quick, server, tmp_path):
    keyring = passkeep.Keyring.load(path)
    keyring.unlock(recovery_key=quick.digits)
    before = keyring.public().part
    check(keyring)
    passkeep.State().expect(keyring.id, keyring.public().part, before)
    assert seal(server)
    keyring.save(path, state=passkeep.State(tmp_path / "elsewhere"))
    for _ in range(2):
        assert passkeep.encrypt(b"x", to=passkeep.Keyring.load(path))
        assert seal(server)


def test_an_adopted_keyring_lets_the_job_go_on(path, quick, server, tree, tmp_path):
    passkeep.backup(tree, tmp_path / "b.age", to=passkeep.Keyring.load(path))
    path.unlink()
    passkeep.Keyring.adopt(tmp_path / "b.age", recovery_key=quick.digits).save(path)
    assert seal(server)


def test_the_memory_is_bounded():
    record = Record()
    for number in range(200):
        part = PublicPart(f"{number:064x}", frozenset(f"{way:032x}" for way in range(18)))
        record = dataclasses.replace(record, pin=part.fingerprint).knowing([part])
    assert record.accepts(f"{190:064x}")
    assert not record.accepts(f"{100:064x}")


def test_a_record_that_is_malformed_is_told(path, quick, server, fresh_machine):
    change(path, quick, check)
    (stored,) = (fresh_machine / "state" / "keyrings").glob("*.json")
    text = stored.read_text()
    for damage in ('"verified":[[]]', '"verified":[[1]]', '"verified":["x"]'):
        start = text.index('"verified"')
        stored.write_text(text[:start] + damage + "}")
        with pytest.raises(passkeep.KeyringError, match="damaged"):
            seal(server)


def test_the_command_line_tells_what_becomes_of_exports(path, quick, server, tree, tmp_path):
    (tmp_path / "digits").write_text(quick.digits)
    opening = ("--keyring", path, "--recovery-key-file", tmp_path / "digits")
    backup = ("backup", tree, "--keyring", server, "-o")
    ok("key", "check", *opening)
    done = ok(*backup, tmp_path / "1.age")
    assert "earlier export" not in done.err
    (tmp_path / "friend").write_text(str(passkeep.Identity.generate().recipient))
    said = ok("key", "add", "recipient", tmp_path / "friend", *opening).err
    assert "go on as before" in said
    ok(*backup, tmp_path / "2.age")
    said = ok("key", "travel", "Laptop", "no", *opening).err
    assert "this one refuses it" in said
    assert_fails(run(*backup, tmp_path / "3.age"), 1)
