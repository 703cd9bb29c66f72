"""What the settings page can do, asked over HTTP, with what is on the disk afterwards."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import passkeep
from passkeep.keyring import Keyring, State
from passkeep.keyring.notices import Notices
from passkeep.settings import clock
from support.authenticator import SoftPasskey
from support.keyrings import PASSWORD, PASSWORD_2
from support.settings import Page, RefusedError, serving
from support.trees import differences, slow_tree
from support.waiting import wait_until


@pytest.fixture
def path(quick, tmp_path) -> Path:
    return quick.write(tmp_path)


@pytest.fixture
def folder(tmp_path) -> Path:
    folder = tmp_path / "backups"
    folder.mkdir()
    return folder


@pytest.fixture
def page(path, folder) -> Iterator[Page]:
    """A tab on a keyring with a recovery key and a passkey of another page's."""
    with serving(path, folder) as site:
        yield Page(site.url)


@pytest.fixture
def open_page(page, quick) -> Page:
    """The same, unlocked."""
    page.unlock(quick.digits)
    return page


def refused(page: Page, action: str, **message: Any) -> RefusedError:
    with pytest.raises(RefusedError) as caught:
        page.ask(action, **message)
    return caught.value


def elsewhere(path: Path, digits: str) -> Keyring:
    """The keyring as another program has it, unlocked."""
    keyring = Keyring.load(path)
    keyring.unlock(recovery_key=digits)
    return keyring


# What there is


def test_a_locked_keyring_is_shown_without_being_opened(page, path, quick):
    keyring = page.keyring
    stored = quick.document()
    assert (keyring["status"], keyring["verified"], keyring["path"]) == ("locked", False, str(path))
    assert (keyring["id"], keyring["epoch"]) == (stored["id"], stored["epoch"])
    recovery, passkey = keyring["slots"]
    assert (recovery["kind"], recovery["passkey"], recovery["why"]) == (
        *("recovery-key", None, "recovery-key"),
    )
    assert passkey["label"] == "Laptop"
    assert (passkey["removable"], passkey["why"]) == (False, "two-ways-in")
    assert passkey["passkey"] == {
        "rp_id": "passkeep.localhost",
        "here": True,
        "synced": False,
        "discoverable": True,
        "transports": ["internal"],
    }
    assert keyring["ways"] == {"passkey": True, "password": False, "recovery_key": True}
    assert page.state["locks_in"] is None
    assert page.state["code"] == "ABC-DEF"


def test_what_is_wrong_with_a_keyring_is_said(page, path):
    path.write_bytes(b"{}")
    page.ask("state")
    assert page.keyring["status"] == "unusable"
    assert page.keyring["problem"]["code"] == "damaged"
    assert page.keyring["slots"] == []
    assert refused(page, "open/passkey", intent="unlock").code == "damaged"
    assert refused(page, "setup/begin").code == "exists"
    path.unlink()
    path.mkdir()
    page.ask("state")
    assert page.keyring["problem"]["code"] == "system"
    assert refused(page, "setup/begin").code == "exists"


def test_revisions_grow_with_what_is_drawn(page, quick):
    first = page.state["revision"]
    page.ask("state")
    page.ask("use")
    assert page.state["revision"] == first
    page.unlock(quick.digits)
    assert page.state["revision"] > first


# Unlocking


def test_the_recovery_key_unlocks_and_the_button_locks(page, quick):
    done = page.unlock(quick.digits.upper().replace(" ", "-"))
    assert done == {"slot": page.slot("recovery-key")["id"], "kept": None}
    assert page.keyring["status"] == "unlocked"
    assert page.slot("recovery-key")["opened"]
    assert 290 <= page.state["locks_in"] <= 300
    page.ask("lock")
    assert (page.keyring["status"], page.state["locks_in"]) == ("locked", None)


def test_a_wrong_recovery_key(page, quick):
    wrong = quick.digits[:-1] + ("0" if quick.digits[-1] != "0" else "1")
    error = refused(page, "open/recovery-key", intent="unlock", recovery_key=page.box(wrong))
    assert error.code == "wrong-key"
    short = refused(page, "open/recovery-key", intent="unlock", recovery_key=page.box("12"))
    assert (short.code, list(short.error["fields"])) == ("invalid", ["recovery_key"])
    assert refused(page, "open/password", intent="unlock", password=page.box("x")).code == (
        "wrong-key"
    )
    assert page.keyring["status"] == "locked"


def test_a_passkey_unlocks(open_page):
    passkey = open_page.add_passkey("Phone")
    open_page.ask("lock")
    view = open_page.ask("open/passkey", intent="unlock")
    assert (view["kind"], view["step"], view["outcome"]) == ("get", 1, None)
    assert open_page.state["ceremony"] == {"ceremony": view["ceremony"], "intent": "unlock"}
    assert "options" not in json.dumps(open_page.state)
    done = open_page.perform(view, passkey)
    slot = open_page.keyring["slots"][-1]
    assert (done["slot"], slot["label"], slot["opened"]) == (slot["id"], "Phone", True)
    assert open_page.state["ceremony"] is None
    assert open_page.keyring["status"] == "unlocked"


def test_a_passkey_that_is_not_of_this_keyring(open_page):
    passkey = open_page.add_passkey()
    open_page.ask("lock")
    passkey.drift = b"reset"
    view = open_page.ask("open/passkey", intent="unlock")
    with pytest.raises(RefusedError) as caught:
        open_page.perform(view, passkey)
    assert caught.value.code == "wrong-key"
    view = open_page.ask("open/passkey", intent="unlock")
    with pytest.raises(RefusedError) as caught:
        open_page.perform(view, SoftPasskey())
    assert caught.value.code == "ceremony"
    assert (open_page.keyring["status"], open_page.state["ceremony"]) == ("locked", None)


def test_a_failure_keeps_the_step_and_cancelling_ends_it(page):
    view = page.ask("open/passkey", intent="unlock")
    name = view["ceremony"]
    same = page.ask("ceremony/failure", ceremony=name, name="NotAllowedError")
    assert same == view == page.ask("ceremony/step", ceremony=name)
    page.ask("ceremony/cancel", ceremony=name)
    assert refused(page, "ceremony/step", ceremony=name).code == "stale"


def test_two_tabs_have_one_ceremony(open_page):
    passkey = open_page.add_passkey()
    open_page.ask("lock")
    other = Page(f"{open_page.origin}/#{open_page.token}.{open_page.key}")
    mine = open_page.ask("open/passkey", intent="unlock")
    theirs = other.ask("open/passkey", intent="unlock")
    error = refused(open_page, "ceremony/answer", **open_page.answer(mine, passkey))
    assert error.code == "stale"
    assert error.state["ceremony"]["ceremony"] == theirs["ceremony"]
    other.perform(theirs, passkey)
    open_page.ask("state")
    assert open_page.keyring["status"] == "unlocked"


def test_outputs_that_were_not_sealed_are_not_taken(open_page):
    passkey = open_page.add_passkey()
    open_page.ask("lock")
    passkey.origin = open_page.origin
    view = open_page.ask("open/passkey", intent="unlock")
    message = {
        "ceremony": view["ceremony"],
        "step": 1,
        "response": passkey.respond(view["options"]),
    }
    assert refused(open_page, "ceremony/answer", **message).code == "ceremony"


def test_it_locks_itself_when_nobody_uses_it(path, quick, monkeypatch):
    now = [1000.0]
    monkeypatch.setattr(clock, "now", lambda: now[0])
    with serving(path, lock_after=60) as site:
        page = Page(site.url)
        page.unlock(quick.digits)
        now[0] += 50
        page.ask("state")
        assert (page.keyring["status"], page.state["locks_in"]) == ("unlocked", 10)
        page.ask("use")
        assert page.state["locks_in"] == 60
        view = page.ask("add/passkey", label="Late")
        now[0] += 61
        site.application.tick()
        page.ask("state")
        assert page.keyring["status"] == "locked"
        assert page.state["ceremony"] is None
        with pytest.raises(RefusedError) as caught:
            page.perform(view, SoftPasskey())
        assert caught.value.code == "stale"


def test_a_recovery_key_is_written_down_without_haste(open_page, monkeypatch):
    open_page.ask("recovery/begin")
    assert open_page.state["locks_in"] > 1700


def test_a_check_is_noted(page, path, quick):
    keyring = elsewhere(path, quick.digits)
    slot = keyring.slots[0]
    from datetime import date

    keyring.mark_checked(slot.id, date(2020, 1, 1))
    keyring.save(path)
    page.ask("state")
    assert page.slot("recovery-key")["due"]
    assert page.unlock(quick.digits, "check")["slot"] == slot.id
    assert page.slot("recovery-key")["checked"] == page.state["today"]
    assert not page.slot("recovery-key")["due"]
    assert Keyring.load(path).slots[0].checked == page.state["today"]


# Looking after it


def test_a_passkey_is_added_renamed_and_removed(open_page, path, quick):
    view = open_page.ask("add/passkey", label="  Pho\u0301ne ")
    assert "Ph\u00f3ne" in view["label"]
    assert (view["kind"], view["intent"]) == ("create", "add")
    done = open_page.perform(view, SoftPasskey())
    assert done["slot"] == open_page.keyring["slots"][-1]["id"]
    recipient = Keyring.load(path).recipients
    open_page.ask("rename", slot=done["slot"], label="Old phone")
    assert [slot.label for slot in Keyring.load(path).slots] == [
        *("Recovery key", "Laptop", "Old phone"),
    ]
    assert Keyring.load(path).recipients == recipient
    # The password manager hears of both from the next page that can tell it.
    noticed = Notices(State().folder, Keyring.load(path).id)
    assert [one.label for one in noticed.pending(Keyring.load(path).slots)] == ["Old phone"]
    open_page.ask("remove", slot=done["slot"])
    stored = Keyring.load(path)
    assert [one.label for one in noticed.pending(stored.slots)] == [None]
    assert len(stored.slots) == 2
    assert stored.recipients != recipient  # a new root
    assert elsewhere(path, quick.digits).is_stored_at(path)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"enabled": False, "prf_at_creation": False}, "PRF"),
        ({"cross_origin": True}, "does not belong"),
        ({"rp_id": "evil.example"}, ""),
    ],
)
def test_a_passkey_that_does_not_hold_is_not_added(open_page, path, change, words):
    before = path.read_bytes()
    passkey = SoftPasskey()
    vars(passkey).update(change)
    with pytest.raises(RefusedError) as caught:
        open_page.perform(open_page.ask("add/passkey", label="Bad"), passkey)
    assert caught.value.code == "ceremony"
    assert words in caught.value.error["message"]
    assert path.read_bytes() == before
    open_page.add_passkey("Good")


def test_the_same_passkey_twice(open_page, path):
    passkey = open_page.add_passkey()
    before = path.read_bytes()
    with pytest.raises(RefusedError) as caught:
        open_page.perform(open_page.ask("add/passkey", label="Again"), passkey)
    assert caught.value.code == "refused"
    assert path.read_bytes() == before
    assert len(open_page.keyring["slots"]) == 3


@pytest.mark.parametrize("label", ["", "   ", "x" * 65, "a\nb", "\u202e", 7, None, "\ud800"])
def test_bad_labels(open_page, path, label):
    before, slot = path.read_bytes(), open_page.slot("passkey")["id"]
    for action in ("add/passkey", "add/password", "rename"):
        error = refused(open_page, action, label=label, slot=slot, password=open_page.box(PASSWORD))
        assert (error.code, list(error.error["fields"])) == ("invalid", ["label"])
    assert path.read_bytes() == before


def test_two_ways_in_are_kept(open_page, path):
    before = path.read_bytes()
    for kind, words in (("passkey", "nly one way in"), ("recovery-key", "never without")):
        error = refused(open_page, "remove", slot=open_page.slot(kind)["id"])
        assert error.code == "refused"
        assert words in error.error["message"]
        assert "`" not in error.error["hint"]
    unknown = refused(open_page, "remove", slot="00000000")
    assert list(unknown.error["fields"]) == ["slot"]
    assert path.read_bytes() == before
    open_page.add_passkey()
    assert all(
        slot["removable"] for slot in open_page.keyring["slots"] if slot["kind"] == "passkey"
    )


def test_sixteen_slots_are_enough(open_page, path, quick):
    keyring = elsewhere(path, quick.digits)
    for number in range(14):
        keyring.add_recipient(passkeep.Identity.generate().recipient, label=f"Friend {number}")
    keyring.save(path)
    open_page.unlock(quick.digits)
    assert not open_page.keyring["room"]
    assert [slot["way_in"] for slot in open_page.keyring["slots"]].count(False) == 14
    assert refused(open_page, "add/passkey", label="One more").code == "refused"


def test_a_way_in_can_stay_at_home(open_page, path):
    slot = open_page.slot("passkey")["id"]
    open_page.ask("travels", slot=slot, travels=False)
    assert not Keyring.load(path).travels(slot)
    assert not open_page.slot("passkey")["travels"]
    open_page.ask("travels", slot=slot, travels=True)
    assert Keyring.load(path).travels(slot)
    recovery = refused(
        open_page, "travels", slot=open_page.slot("recovery-key")["id"], travels=False
    )
    assert list(recovery.error["fields"]) == ["slot"]


def test_passwords(open_page, path):
    weak = refused(open_page, "add/password", label="Word", password=open_page.box("password1"))
    assert list(weak.error["fields"]) == ["password"]
    assert "guess" in weak.error["fields"]["password"]
    assert "password1" not in str(weak.error)
    slot = open_page.ask("add/password", label="Word", password=open_page.box(PASSWORD))["slot"]
    recipient = Keyring.load(path).recipients
    wrong = refused(
        open_page, "password/change", slot=open_page.slot("passkey")["id"],
        password=open_page.box(PASSWORD_2),
    )  # fmt: skip
    assert list(wrong.error["fields"]) == ["slot"]
    weak = refused(open_page, "password/change", slot=slot, password=open_page.box("12345678"))
    assert list(weak.error["fields"]) == ["password"]
    new = open_page.ask("password/change", slot=slot, password=open_page.box(PASSWORD_2))["slot"]
    assert new != slot
    assert Keyring.load(path).recipients != recipient
    assert open_page.slot("password")["label"] == "Word"
    open_page.ask("lock")
    old = refused(open_page, "open/password", intent="unlock", password=open_page.box(PASSWORD))
    assert old.code == "wrong-key"
    done = open_page.ask("open/password", intent="unlock", password=open_page.box(PASSWORD_2))
    assert done["slot"] == new


def test_suggested_passwords_are_six_words_and_new_each_time(page):
    one, other = (page.ask("password/suggest")["password"] for _ in range(2))
    assert one != other
    assert len(one.split("-")) == 6


def test_the_recovery_key_is_replaced_once_it_was_typed_back(open_page, path, quick):
    first = open_page.ask("recovery/begin")
    second = open_page.ask("recovery/begin")
    assert open_page.state["offer"] == {"offer": second["offer"], "purpose": "replace"}
    before = path.read_bytes()

    def confirm(offer: str, digits: str) -> dict[str, Any]:
        return open_page.ask("recovery/confirm", offer=offer, typed=open_page.box(digits))

    with pytest.raises(RefusedError) as caught:
        confirm(first["offer"], first["digits"])
    assert caught.value.code == "stale"
    with pytest.raises(RefusedError) as caught:
        confirm(second["offer"], first["digits"])
    assert list(caught.value.error["fields"]) == ["typed"]
    assert "group" in caught.value.error["message"]
    assert path.read_bytes() == before
    done = confirm(second["offer"], second["digits"])
    assert done["slot"] == open_page.slot("recovery-key")["id"]
    assert open_page.state["offer"] is None
    with pytest.raises(passkeep.WrongKeyError):
        elsewhere(path, quick.digits)
    elsewhere(path, second["digits"])
    with pytest.raises(RefusedError) as caught:
        confirm(second["offer"], second["digits"])
    assert caught.value.code == "stale"


def test_a_recovery_key_that_is_not_wanted_any_more(open_page, path, quick):
    shown = open_page.ask("recovery/begin")
    open_page.ask("recovery/cancel", offer=shown["offer"])
    assert open_page.state["offer"] is None
    shown = open_page.ask("recovery/begin")
    open_page.ask("lock")
    assert open_page.state["offer"] is None
    open_page.unlock(quick.digits)
    typed = open_page.box(shown["digits"])
    assert refused(open_page, "recovery/confirm", offer=shown["offer"], typed=typed).code == "stale"


# Other programs


def changed_by_another(path: Path, digits: str) -> None:
    keyring = elsewhere(path, digits)
    keyring.rename(keyring.slots[1].id, "Named elsewhere")
    keyring.save(path)


@pytest.mark.parametrize("action", ["rename", "remove", "add/password", "recovery/confirm"])
def test_a_change_by_another_program_is_a_conflict(open_page, path, quick, action):
    shown = open_page.ask("recovery/begin")
    changed_by_another(path, quick.digits)
    stored = path.read_bytes()
    error = refused(
        open_page,
        action,
        slot=open_page.slot("passkey")["id"],
        label="Mine",
        password=open_page.box(PASSWORD),
        offer=shown["offer"],
        typed=open_page.box(shown["digits"]),
    )
    assert error.code == "conflict"
    assert path.read_bytes() == stored
    keyring = error.state["keyring"]
    assert (keyring["status"], keyring["changed"]) == ("locked", True)
    assert keyring["slots"][1]["label"] == "Named elsewhere"
    open_page.unlock(quick.digits)
    assert not open_page.keyring["changed"]
    open_page.ask("rename", slot=keyring["slots"][1]["id"], label="Mine")
    assert Keyring.load(path).slots[1].label == "Mine"


def test_a_change_in_the_moment_of_saving_is_a_conflict(open_page, path, quick, monkeypatch):
    """The file changes after the page's process has looked at it for the last time."""
    original = Keyring.save

    def late(self: Keyring, *arguments: Any, **options: Any) -> None:
        monkeypatch.setattr(Keyring, "save", original)
        changed_by_another(path, quick.digits)
        original(self, *arguments, **options)

    monkeypatch.setattr(Keyring, "save", late)
    error = refused(open_page, "rename", slot=open_page.slot("passkey")["id"], label="Mine")
    assert error.code == "conflict"
    assert error.state["keyring"]["changed"]
    assert Keyring.load(path).slots[1].label == "Named elsewhere"


def test_a_ceremony_that_another_program_overtook(open_page, path, quick):
    view = open_page.ask("add/passkey", label="Phone")
    changed_by_another(path, quick.digits)
    with pytest.raises(RefusedError) as caught:
        open_page.perform(view, SoftPasskey())
    assert caught.value.code == "stale"
    assert caught.value.state["keyring"]["changed"]
    assert len(Keyring.load(path).slots) == 2


def test_a_keyring_that_vanishes_or_becomes_another(open_page, path, made):
    path.unlink()
    assert refused(open_page, "rename", slot="x", label="y").code == "no-keyring"
    assert open_page.keyring["status"] == "none"
    path.write_bytes(made.text)
    open_page.ask("state")
    assert (open_page.keyring["status"], len(open_page.keyring["slots"])) == ("locked", 3)


def test_an_old_copy_is_not_opened(open_page, path, quick):
    old = path.read_bytes()
    open_page.ask("rename", slot=open_page.slot("passkey")["id"], label="New")
    path.write_bytes(old)
    error = refused(
        open_page, "open/recovery-key", intent="unlock", recovery_key=open_page.box(quick.digits)
    )
    assert error.code == "refused"
    assert "old copy" in error.error["message"]


def test_many_tabs_lose_no_change(open_page, path):
    url = f"{open_page.origin}/#{open_page.token}.{open_page.key}"
    slot = open_page.slot("passkey")["id"]
    epoch = Keyring.load(path).epoch
    trouble: list[BaseException] = []

    def rename(number: int) -> None:
        try:
            Page(url).ask("rename", slot=slot, label=f"Tab {number}")
        except BaseException as error:  # noqa: BLE001 - it belongs into the test's thread
            trouble.append(error)

    tabs = [threading.Thread(target=rename, args=(number,)) for number in range(6)]
    for tab in tabs:
        tab.start()
    for tab in tabs:
        tab.join(30)
    assert not trouble
    assert Keyring.load(path).epoch == epoch + 6


# Failing disks


def test_where_the_keyring_cannot_be_saved_it_stays(open_page, path, quick, tmp_path):
    before = path.read_bytes()
    slot = open_page.slot("passkey")["id"]
    shown = open_page.ask("recovery/begin")
    path.parent.chmod(0o500)
    if os.getuid() == 0:  # whom no permission stops
        import resource

        limits = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (100, limits[1]))
    try:
        for action in ("rename", "recovery/confirm"):
            error = refused(
                open_page, action, slot=slot, label="Lost", offer=shown["offer"],
                typed=open_page.box(shown["digits"]),
            )  # fmt: skip
            assert error.code == "system"
            assert error.state["keyring"]["status"] == "unlocked"
            assert error.state["keyring"]["slots"][1]["label"] == "Laptop"
    finally:
        if os.getuid() == 0:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        path.parent.chmod(0o700)
    assert path.read_bytes() == before
    # What was shown still counts, and nothing of the failure is left.
    typed = open_page.box(shown["digits"])
    open_page.ask("recovery/confirm", offer=shown["offer"], typed=typed)
    elsewhere(path, shown["digits"])
    assert Keyring.load(path).slots[0].label == "Laptop"
    assert sorted(one.name for one in tmp_path.iterdir()) == ["backups", "keyring.json"]


# Turning on and off


@pytest.fixture
def nothing(tmp_path, folder) -> Iterator[Page]:
    """A tab where there is no keyring, nor a folder for it."""
    with serving(tmp_path / "data" / "keyring.json", folder) as site:
        yield Page(site.url)


def test_turning_on(nothing, tmp_path):
    path = tmp_path / "data" / "keyring.json"
    assert nothing.keyring["status"] == "none"
    for action in ("rename", "add/passkey", "remove", "recovery/begin"):
        error = refused(nothing, action, slot="x", label="y")
        assert error.code == "no-keyring", action
    shown = nothing.ask("setup/begin")
    assert nothing.state["offer"]["purpose"] == "setup"
    assert not path.parent.exists()

    def confirm(digits: str, password: str | None) -> dict[str, Any]:
        sealed = None if password is None else nothing.box(password)
        typed = nothing.box(digits)
        return nothing.ask("setup/confirm", offer=shown["offer"], typed=typed, password=sealed)

    for digits, password, field in ((shown["digits"][:-1] + "x", None, "typed"),
                                    (shown["digits"], "12345678", "password")):  # fmt: skip
        with pytest.raises(RefusedError) as caught:
            confirm(digits, password)
        assert list(caught.value.error["fields"]) == [field]
        assert not path.exists()
    confirm(shown["digits"], PASSWORD)
    assert path.stat().st_mode & 0o777 == 0o600
    assert nothing.keyring["status"] == "unlocked"
    assert [slot["kind"] for slot in nothing.keyring["slots"]] == ["recovery-key", "password"]
    passkey = nothing.add_passkey("First")
    nothing.ask("lock")
    nothing.perform(nothing.ask("open/passkey", intent="unlock"), passkey)
    elsewhere(path, shown["digits"])
    assert refused(nothing, "setup/begin").code == "exists"


def test_turning_on_is_given_up_or_overtaken(nothing, tmp_path, made):
    path = tmp_path / "data" / "keyring.json"
    shown = nothing.ask("setup/begin")
    nothing.ask("setup/cancel", offer=shown["offer"])
    typed = nothing.box(shown["digits"])
    assert refused(nothing, "setup/confirm", offer=shown["offer"], typed=typed).code == "stale"
    shown = nothing.ask("setup/begin")
    path.parent.mkdir()
    path.write_bytes(made.text)
    typed = nothing.box(shown["digits"])
    assert refused(nothing, "setup/confirm", offer=shown["offer"], typed=typed).code == "exists"
    assert path.read_bytes() == made.text


def test_turning_off_needs_a_way_in_and_deletes_nothing(open_page, path, quick, folder):
    before = path.read_bytes()
    passkey = open_page.add_passkey()
    stored = path.read_bytes()
    wrong = open_page.box("0" * 64)
    assert refused(open_page, "open/recovery-key", intent="off", recovery_key=wrong).code == (
        "wrong-key"
    )
    assert path.read_bytes() == stored != before
    done = open_page.perform(open_page.ask("open/passkey", intent="off"), passkey)
    assert open_page.keyring["status"] == "none"
    assert (path.parent / done["kept"]).read_bytes() == stored
    assert not path.exists()
    (kept,) = open_page.keyring["kept"]
    assert kept["name"] == done["kept"]
    # And on again, with the same one or with a new one.
    for name in ("keyring.json", "../keyring.json", "other.json", "", None):
        assert refused(open_page, "setup/return", name=name).code == "invalid"
    open_page.ask("setup/return", name=done["kept"])
    assert path.read_bytes() == stored
    assert open_page.keyring["status"] == "locked"
    assert refused(open_page, "setup/return", name=done["kept"]).code == "exists"
    open_page.unlock(quick.digits, "off")
    shown = open_page.ask("setup/begin")
    open_page.ask("setup/confirm", offer=shown["offer"], typed=open_page.box(shown["digits"]))
    open_page.unlock(shown["digits"], "off")
    assert [one["name"] for one in open_page.keyring["kept"]] == [
        f"keyring-off-{open_page.state['today']}-2.json",
        f"keyring-off-{open_page.state['today']}.json",
    ]


def test_turning_off_what_another_program_changed(page, path, quick):
    """The file is set aside only as what was opened."""
    keyring = elsewhere(path, quick.digits)
    changed_by_another(path, quick.digits)
    from passkeep.keyring import retiring

    with pytest.raises(passkeep.ChangedError):
        retiring.set_aside(keyring, path)
    assert path.exists()
    assert retiring.kept(path) == []


def test_a_new_keyring_is_what_this_machine_seals_to(open_page, path, quick, tree, folder):
    passkeep.backup(tree, folder / "before.age", to=Keyring.load(path))
    open_page.unlock(quick.digits, "off")
    shown = open_page.ask("setup/begin")
    open_page.ask("setup/confirm", offer=shown["offer"], typed=open_page.box(shown["digits"]))
    open_page.ask("backup", source=str(tree), name="after.age", compress=False)
    assert open_page.finish()["status"] == "done"
    listed = {one["name"]: one["keyring"] for one in open_page.ask("backups")["backups"]}
    assert listed == {"before.age": "another", "after.age": "this"}


# Backups of a folder


def test_a_backup_is_made_verified_and_restored(open_page, tree, folder, tmp_path):
    open_page.ask("lock")
    work = open_page.ask("backup", source=str(tree), name=None, compress=False)["work"]
    done = open_page.finish()
    assert (done["work"], done["kind"], done["status"]) == (work, "backup", "done")
    assert done["report"]["files"] == 2
    assert done["report"]["bytes"] == done["done"] == done["total"] == 3_000_009
    (listed,) = open_page.ask("backups")["backups"]
    name = listed["name"]
    assert done["target"] == str(folder / name)
    assert name.startswith(f"tree-{open_page.state['today'][:4]}")
    assert name.endswith(".tar.age")
    assert listed["size"] == (folder / name).stat().st_size
    assert (listed["format"], listed["keyring"], listed["older"], listed["closed"]) == (
        *("age", "this", False, 0),
    )
    assert [way["label"] for way in listed["ways"]] == ["Recovery key", "Laptop"]
    target = tmp_path / "restored"
    for action in ("verify", "restore"):
        assert refused(open_page, action, name=name, target=str(target)).code == "locked"


def test_verify_and_restore(open_page, quick, tree, folder, tmp_path):
    open_page.ask("backup", source=str(tree), name="b.age", compress=True)
    open_page.finish()
    open_page.ask("verify", name="b.age")
    done = open_page.finish()
    assert (done["kind"], done["status"], done["target"]) == ("verify", "done", None)
    target = tmp_path / "restored"
    open_page.ask("restore", name="b.age", target=str(target))
    # What runs keeps what it needs; the page is locked nevertheless.
    open_page.ask("lock")
    done = open_page.finish()
    assert (done["status"], done["report"]["files"]) == ("done", 2)
    assert not differences(tree, target / "tree")
    open_page.ask("work/dismiss", work=done["work"])
    assert open_page.state["work"] is None
    assert refused(open_page, "work/dismiss", work=done["work"]).code == "stale"


def test_one_thing_at_a_time_and_cancelling(open_page, folder, tmp_path, tree):
    with slow_tree(tmp_path / "slow") as slow:
        work = open_page.ask("backup", source=str(slow), name="slow.age", compress=False)["work"]
        wait_until(lambda: list(folder.iterdir()))
        for action in ("backup", "verify", "restore"):
            message = {"source": str(tree), "name": None, "compress": False}
            assert refused(open_page, action, **message).code == "busy"
        assert refused(open_page, "work/dismiss", work=work).code == "busy"
        assert refused(open_page, "work/cancel", work="0" * 16).code == "stale"
        open_page.ask("work/cancel", work=work)
        done = open_page.finish()
    assert (done["status"], done["error"], done["report"]) == ("cancelled", None, None)
    assert list(folder.iterdir()) == []


def test_problems_of_a_backup_are_told(open_page, tree, folder):
    os.mkfifo(tree / "pipe")
    (tree / "gone").symlink_to("/nowhere")
    open_page.ask("backup", source=str(tree), name="b.age", compress=False)
    done = open_page.finish()
    assert done["status"] == "partial"
    assert done["report"]["problem_count"] == 1
    assert done["report"]["problems"][0]["path"].endswith("pipe")
    assert done["error"]["message"]
    assert (folder / "b.age").exists()


def test_a_damaged_backup_is_not_restored(open_page, tree, folder, tmp_path):
    open_page.ask("backup", source=str(tree), name="b.age", compress=False)
    open_page.finish()
    data = bytearray((folder / "b.age").read_bytes())
    data[-1000] ^= 1
    (folder / "b.age").write_bytes(data)
    for action in ("verify", "restore"):
        open_page.ask(action, name="b.age", target=str(tmp_path / "out"))
        done = open_page.finish()
        assert (done["status"], done["error"]["code"]) == ("failed", "damaged")
    assert not (tmp_path / "out").exists()


def test_a_backup_of_somebody_else(open_page, made, tree, folder, tmp_path):
    theirs = made.write(tmp_path, "theirs.json")
    passkeep.backup(tree, folder / "theirs.age", to=Keyring.load(theirs))
    (listed,) = open_page.ask("backups")["backups"]
    assert (listed["keyring"], listed["closed"]) == ("another", 0)
    assert [(way["kind"], way["slot"]) for way in listed["ways"]] == [
        *(("recovery-key", None), ("passkey", None), ("password", None)),
    ]
    open_page.ask("verify", name="theirs.age")
    assert open_page.finish()["error"]["code"] == "wrong-key"


def test_a_backup_that_a_removed_way_in_opens_says_so(open_page, tree, folder):
    open_page.add_passkey("Stolen")
    open_page.ask("backup", source=str(tree), name="b.age", compress=False)
    open_page.finish()
    open_page.ask("remove", slot=open_page.keyring["slots"][-1]["id"])
    (listed,) = open_page.ask("backups")["backups"]
    assert (listed["older"], listed["closed"]) == (True, 1)
    assert listed["ways"][-1] == {"kind": "passkey", "slot": None, "label": None}
    # It is restored nevertheless.
    open_page.ask("verify", name="b.age")
    assert open_page.finish()["status"] == "done"


def test_what_else_lies_in_the_folder(page, folder):
    (folder / "notes.txt").write_text("no backup")
    (folder / "empty.age").touch()
    (folder / "noise.sealed").write_bytes(os.urandom(3000))
    (folder / "folder.age").mkdir()
    os.mkfifo(folder / "pipe.age")
    (folder / "dangling.age").symlink_to("nowhere")
    (folder / os.fsdecode(b"\xff\x1b[2J.age")).write_bytes(
        passkeep.encrypt(b"x", to=passkeep.Identity.generate().recipient)
    )
    os.utime(folder / "empty.age", ns=(0, -(1 << 62)))
    listed = {one["name"]: one for one in page.ask("backups")["backups"]}
    odd = os.fsdecode(b"\xff\x1b[2J.age")
    assert set(listed) == {"empty.age", "noise.sealed", odd}
    assert listed["noise.sealed"]["problem"]["code"] == "damaged"
    assert listed["empty.age"]["format"] is None
    assert (listed[odd]["format"], listed[odd]["keyring"]) == ("age", "none")


def test_long_lists_are_cut_at_the_oldest(page, folder):
    for number in range(103):
        file = folder / f"{number}.age"
        file.touch()
        os.utime(file, (number, number))
    reply = page.ask("backups")
    assert [one["name"] for one in reply["backups"][:2]] == ["102.age", "101.age"]
    assert (len(reply["backups"]), reply["more"]) == (100, 3)


def test_the_folder_is_chosen_in_the_page(path, folder, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    with serving(path) as site:
        page = Page(site.url)
        assert page.state["folder"] is None
        assert page.ask("backups") == {"backups": [], "more": 0}
        assert refused(page, "backup", source="/", compress=False).code == "invalid"
        for wrong in ("backups", "/nowhere/at/all", str(path), "~ada/x", "/a\0b", "/\ud800"):
            error = refused(page, "folder", path=wrong)
            assert list(error.error["fields"]) == ["path"], wrong
        page.ask("folder", path="~/backups")
        assert page.state["folder"] == str(folder)
        folder.rmdir()
        assert list(refused(page, "backups").error["fields"]) == ["path"]


def test_wrong_paths_are_said_at_their_fields(open_page, tree, folder, tmp_path):
    open_page.ask("backup", source=str(tree), name="b.age", compress=False)
    open_page.finish()
    before = sorted(one.name for one in folder.iterdir())
    good: dict[str, Any] = {"source": str(tree), "name": "new.age", "compress": False}
    for field, value in (
        *(("source", "relative"), ("source", "/nowhere"), ("source", "")),
        *(("name", "../b.age"), ("name", "b.age"), ("name", ".."), ("name", "b.tar")),
        *(("compress", "yes"), ("exclude", "x"), ("exclude", [7])),
    ):
        error = refused(open_page, "backup", **{**good, field: value})
        assert (error.code, list(error.error["fields"])) == ("invalid", [field]), value
    for field, value in (
        *(("name", "../keyring.json"), ("name", "gone.age"), ("name", "")),
        *(("target", str(tree)), ("target", "/nowhere/at/all"), ("target", "here")),
    ):
        message = {"name": "b.age", "target": str(tmp_path / "new"), field: value}
        error = refused(open_page, "restore", **message)
        assert (error.code, list(error.error["fields"])) == ("invalid", [field]), value
    assert sorted(one.name for one in folder.iterdir()) == before


def test_a_keyring_that_this_machine_would_not_seal_to(open_page, path, tree, folder, quick):
    public = Keyring.load(path).public()
    State().trust(public.id, "0" * 64, str(path))
    error = refused(open_page, "backup", source=str(tree), name="b.age", compress=False)
    assert error.code == "refused"
    assert list(folder.iterdir()) == []
