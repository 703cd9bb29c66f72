"""How the command line finds what opens a file."""

import os
import sys

import pytest

import passkeep
from support.cli import Terminal, assert_fails, ok, run
from support.keyrings import PASSWORD, PASSWORD_2
from support.passkeys import SoftwarePasskeys

SECRET = {"SECRET": PASSWORD}
BY_PASSWORD = ("--password-env", "SECRET")


@pytest.fixture
def default(fresh_machine):
    """Where the keyring of this machine's person is looked for."""
    path = fresh_machine / "data" / "passkeep" / "keyring.json"
    path.parent.mkdir(parents=True)
    return path


@pytest.fixture
def backup(made, tree, tmp_path):
    path = tmp_path / "b.tar.age"
    passkeep.backup(tree, path, to=passkeep.Keyring.load(made.write(tmp_path, "made.json")))
    return path


@pytest.fixture
def locked(tmp_path):
    """A file that is encrypted with a password."""
    path = tmp_path / "letter.age"
    path.write_bytes(passkeep.encrypt(b"Dear Ada", to=passkeep.Password(PASSWORD)))
    return path


# Files that are encrypted with a password


@pytest.mark.parametrize("options", [(), ("--with", "password")])
def test_a_password_file_is_asked_about(locked, options):
    with Terminal("decrypt", locked, *options) as person:
        person.wait_for("Password")
        person.type(PASSWORD)
        assert person.finish() == 0
        assert "Dear Ada" in person.screen


def test_a_keyring_does_not_stand_in_the_way_of_a_password_file(locked, made, default):
    default.write_bytes(made.text)
    assert ok("decrypt", locked, *BY_PASSWORD, env=SECRET).out == b"Dear Ada"
    with Terminal("decrypt", locked) as person:
        person.wait_for("Password")
        person.type("wrong")
        assert person.finish() == 3


def test_a_password_file_opens_with_nothing_else(locked, made, tmp_path):
    (tmp_path / "digits").write_text(made.digits)
    assert_fails(run("decrypt", locked, "--recovery-key-file", tmp_path / "digits"), 3)
    assert run("decrypt", locked).code == 2  # nobody is there to ask


# The keyring in its usual place


@pytest.mark.parametrize("stored", [b"", b"{}", b"nonsense", b'{"passkeep": "keyring/2"}'])
@pytest.mark.parametrize("piped", [False, True])
def test_a_useless_keyring_does_not_stand_in_the_way(backup, default, stored, piped, tmp_path):
    default.write_bytes(stored)
    source = ("-", "-C", "out") if piped else (backup, "-C", "out")
    stdin = backup.read_bytes() if piped else None
    done = ok("restore", *source, *BY_PASSWORD, env=SECRET, cwd=tmp_path, stdin=stdin)
    assert "cannot be used" in done.err
    assert (tmp_path / "out/tree/letter.txt").read_text() == "Dear Ada"


@pytest.mark.parametrize("piped", [False, True])
def test_somebody_elses_keyring_does_not_either(backup, quick, default, piped, tmp_path):
    default.write_bytes(quick.text)
    source = "-" if piped else backup
    stdin = backup.read_bytes() if piped else None
    ok("verify", source, *BY_PASSWORD, env=SECRET, cwd=tmp_path, stdin=stdin)


def test_an_old_copy_does_not_either(backup, made, default, fresh_machine):
    default.write_bytes(made.text)
    state = passkeep.State(fresh_machine / "state")
    state.remember_epoch(passkeep.Keyring.load(default).id, 1000)
    done = ok("verify", backup, *BY_PASSWORD, env=SECRET)
    assert "old copy" in done.err


def test_an_older_one_than_the_backups_does_not_either(made, tree, default, tmp_path):
    """Another machine made a new root; this one has not heard of it."""
    default.write_bytes(made.text)
    newer = made.write(tmp_path)
    keyring = passkeep.Keyring.load(newer)
    keyring.unlock(recovery_key=made.digits)
    keyring.rotate()
    elsewhere = passkeep.State(tmp_path / "elsewhere")
    keyring.save(newer, state=elsewhere)
    backup = tmp_path / "b.tar.age"
    passkeep.backup(tree, backup, to=keyring, state=elsewhere)
    done = ok("verify", backup, *BY_PASSWORD, env=SECRET)
    assert "older than the one in the backup" in done.err


@pytest.fixture
def diverged(made, tree, default, tmp_path):
    """A backup of a rotated keyring; here is a copy that went on without the new root."""
    newer = made.write(tmp_path, "elsewhere.json")
    keyring = passkeep.Keyring.load(newer)
    elsewhere = passkeep.State(tmp_path / "elsewhere")
    keyring.unlock(recovery_key=made.digits, state=elsewhere)
    keyring.rotate()
    keyring.save(newer, state=elsewhere)
    path = tmp_path / "b.tar.age"
    passkeep.backup(tree, path, to=keyring, state=elsewhere)
    default.write_bytes(made.text)
    mine = passkeep.Keyring.load(default)
    mine.unlock(recovery_key=made.digits)
    mine.add_password(PASSWORD_2)
    mine.save(default)
    assert mine.epoch >= keyring.epoch
    return path


def test_one_without_the_root_of_the_backup_does_not_either(diverged, made, tmp_path):
    done = ok("verify", diverged, *BY_PASSWORD, env=SECRET)
    assert "lacks the key of this backup" in done.err
    (tmp_path / "digits").write_text(made.digits)
    ok("verify", diverged, "--recovery-key-file", tmp_path / "digits")
    # What opens the keyring only is not called wrong without a reason.
    done = run("verify", diverged, *BY_PASSWORD, env={"SECRET": PASSWORD_2})
    assert done.code == 3
    assert "opens your keyring, but not the backup" in done.err


@pytest.mark.parametrize("named", [False, True])
def test_a_typed_recovery_key_opens_what_is_sealed_to_it(diverged, made, default, named):
    options = ("--keyring", default) if named else ()
    with Terminal("verify", diverged, "--with", "recovery-key", *options) as person:
        person.wait_for("Recovery key")
        person.type(made.digits)
        assert person.finish() == 0, person.screen


def test_a_tampered_one_does_not_either(backup, made, default):
    default.write_bytes(made.text.replace(b'"label":"Laptop"', b'"label":"Gadget"'))
    done = ok("verify", backup, *BY_PASSWORD, env=SECRET)
    assert "changed by somebody" in done.err


def test_a_keyring_that_is_named_has_to_be_right(backup, tmp_path):
    (tmp_path / "k.json").write_bytes(b"nonsense")
    named = ("--keyring", tmp_path / "k.json")
    assert_fails(run("verify", backup, *named, *BY_PASSWORD, env=SECRET), 4)
    done = run("verify", backup, "--keyring", tmp_path / "gone.json", *BY_PASSWORD, env=SECRET)
    assert_fails(done, 2)
    assert "init" not in done.err  # a new keyring would open nothing


@pytest.mark.parametrize("stored", [None, "nonsense", "export"])
def test_a_keyring_that_the_variable_names_does_not_stand_in_the_way(
    backup, made, stored, tmp_path
):
    path = tmp_path / "k.json"
    if stored == "export":
        passkeep.Keyring.load(tmp_path / "made.json").public().save(path)
    elif stored is not None:
        path.write_text(stored)
    env = SECRET | {"PASSKEEP_KEYRING": str(path)}
    done = ok("verify", backup, *BY_PASSWORD, env=env)
    assert str(path) in done.err
    (tmp_path / "digits").write_text(made.digits)
    ok("verify", backup, "--recovery-key-file", tmp_path / "digits", env=env)


def test_an_earlier_password_opens_an_earlier_backup(backup, made, default):
    default.write_bytes(made.text)
    keyring = passkeep.Keyring.load(default)
    keyring.unlock(recovery_key=made.digits)
    (slot,) = (slot for slot in keyring.slots if slot.kind == "password")
    keyring.change_password(slot.id, PASSWORD_2)
    keyring.save(default)
    ok("verify", backup, *BY_PASSWORD, env=SECRET)
    ok("verify", backup, *BY_PASSWORD, env={"SECRET": PASSWORD_2})
    assert_fails(run("verify", backup, *BY_PASSWORD, env={"SECRET": "neither"}), 3)


def test_a_recovery_key_needs_no_keyring(backup, made, default, tmp_path):
    default.write_bytes(b"nonsense")
    (tmp_path / "digits").write_text(made.digits)
    ok("verify", backup, "--recovery-key-file", tmp_path / "digits")


def test_a_new_recovery_key_opens_an_earlier_backup_with_the_keyring(
    backup, made, default, tmp_path
):
    default.write_bytes(made.text)
    keyring = passkeep.Keyring.load(default)
    keyring.unlock(recovery_key=made.digits)
    digits = keyring.new_recovery_key()
    keyring.confirm_recovery_key(digits)
    keyring.save(default)
    opened = ("verify", backup, "--recovery-key-file", tmp_path / "digits")
    (tmp_path / "digits").write_text(digits)
    ok(*opened)
    (tmp_path / "digits").write_text(made.digits)
    ok(*opened)
    default.unlink()
    (tmp_path / "digits").write_text(digits)
    assert_fails(run(*opened), 3)


# Options


@pytest.mark.parametrize(
    "options",
    [
        ("--with", "passkey", *BY_PASSWORD),
        ("--with", "recovery-key", *BY_PASSWORD),
        ("--with", "password", "--recovery-key-file", "digits"),
        ("--with", "password", "--identity", "id.txt"),
        ("--password-fd", "0", *BY_PASSWORD),
        ("--password-env", "EMPTY"),
        ("--password-env", "UNSET"),
        ("--password-fd", "99"),
    ],
)
def test_contradictions_are_usage_errors(backup, made, options, tmp_path):
    (tmp_path / "digits").write_text(made.digits)
    (tmp_path / "id.txt").write_text(str(passkeep.Identity.generate()))
    done = run("verify", backup, *options, cwd=tmp_path, env=SECRET | {"EMPTY": ""})
    assert done.code == 2
    assert "Usage:" in done.err


def test_a_password_on_standard_input_leaves_the_rest_alone():
    line = f"{PASSWORD}\n".encode()
    sealed = ok("encrypt", "--password-fd", 0, stdin=line + b"Dear Ada").out
    assert ok("decrypt", "--password-fd", 0, stdin=line + sealed).out == b"Dear Ada"


@pytest.mark.parametrize(("size", "code"), [(4096, 3), (4097, 2)])
def test_a_long_password_is_not_cut(locked, size, code):
    done = run("decrypt", locked, "--password-fd", 0, stdin=b"x" * size + b"\n")
    assert done.code == code
    assert done.out == b""


def test_a_password_that_needs_more_memory_than_there_is(locked):
    program = (
        "import resource, sys\n"
        "from passkeep.cli import main\n"
        "import passkeep.cli.single, passkeep.cli.opening\n"
        "used = int(open('/proc/self/statm').read().split()[0]) * resource.getpagesize()\n"
        "resource.setrlimit(resource.RLIMIT_AS, (used + (128 << 20),) * 2)\n"
        "main(sys.argv[1:])\n"
    )
    limited = (sys.executable, "-c", program)
    options = ("--threads", 1, *BY_PASSWORD)
    done = run("decrypt", locked, *options, env=SECRET, program=limited)
    assert_fails(done, 1, hint=False)
    assert "256 MiB of memory" in done.err


def test_a_file_of_keys_that_is_too_large_is_refused(backup, tmp_path):
    path = tmp_path / "id.txt"
    path.write_text("# comment\n" * 200_000 + str(passkeep.Identity.generate()))
    assert_fails(run("verify", backup, "--identity", path), 2, hint=False)


def test_a_mistyped_recovery_key_is_not_called_a_wrong_password(backup, made):
    broken = made.digits.replace(" ", "")[:-1] + "x"
    with Terminal("verify", backup, "--with", "password") as person:
        person.wait_for("Password")
        person.interrupt()
        assert person.finish() == 130
    with Terminal("decrypt", backup, "--keyring", backup.with_name("made.json")) as person:
        person.wait_for("Password, or the recovery key")
        person.type(broken)
        assert person.finish() == 2
        assert "recovery key" in person.screen.split("key:", 1)[1]


def test_what_cannot_be_written_is_said_before_a_secret_is_asked_for(locked, tmp_path):
    (tmp_path / "there").write_text("good")
    done = run("decrypt", locked, "-o", tmp_path / "there", *BY_PASSWORD, env={"SECRET": "wrong"})
    assert_fails(done, 1)
    assert (tmp_path / "there").read_text() == "good"


def test_a_folder_that_is_not_there_is_said_before_a_secret_is_asked_for(backup, tmp_path):
    wrong = {"SECRET": "wrong"}
    for command in (
        ("restore", backup, "-C", tmp_path / "no" / "such"),
        ("restore", backup, "-C", backup / "beneath"),
        ("decrypt", backup, "-o", tmp_path / "no" / "such"),
    ):
        done = run(*command, *BY_PASSWORD, env=wrong)
        assert_fails(done, 1, hint=False)
        assert "No such file" in done.err or "Not a directory" in done.err


def test_a_secret_is_typed_beside_a_pipe(locked, tmp_path):
    script = f"'{sys.executable}' -m passkeep \"$@\" < '{locked}'"
    piped = ("/bin/sh", "-c", script, "sh")
    with Terminal("decrypt", "-o", tmp_path / "plain", program=piped) as person:
        person.wait_for("Password")
        person.type(PASSWORD)
        assert person.finish() == 0
        assert PASSWORD not in person.screen
    assert (tmp_path / "plain").read_bytes() == b"Dear Ada"


@pytest.mark.parametrize("kind", ["file", "link", "fifo", "device"])
def test_a_recovery_key_is_written_to_a_new_file_only(made, kind, tmp_path):
    out, path = tmp_path / "digits", made.write(tmp_path)
    if kind == "file":
        out.write_text("mine")
    elif kind == "fifo":
        os.mkfifo(out)
    else:
        out.symlink_to("/dev/null" if kind == "device" else tmp_path / "elsewhere")
    opened = ("--keyring", path, "--password-env", "SECRET")
    # The password is wrong, too: nobody is asked before.
    done = run("key", "recovery", "--recovery-key-out", out, *opened, env={"SECRET": "wrong"})
    assert_fails(done, 1)
    new = tmp_path / "new.json"
    assert_fails(run("init", "--no-passkey", "--keyring", new, "--recovery-key-out", out), 1)
    assert path.read_bytes() == made.text
    assert not new.exists()
    assert not (tmp_path / "elsewhere").exists()
    assert kind != "file" or out.read_text() == "mine"


@pytest.mark.parametrize(("rp_id", "more"), [("example.org", ()), ("1.2.3", ("--security-key",))])
def test_a_passkey_that_cannot_be_made_is_refused_before_anything_is_done(
    made, rp_id, more, tmp_path
):
    new, digits = tmp_path / "new.json", tmp_path / "digits"
    named = ("--rp-id", rp_id, *more, "--keyring")
    done = run("init", *named, new, "--recovery-key-out", digits)
    assert_fails(done, 2, hint=False)
    assert "RP ID" in done.err
    assert not new.exists()
    assert not digits.exists()
    wrong = ("--password-env", "SECRET")
    done = run(
        *("key", "add", "passkey", *named, made.write(tmp_path), *wrong), env={"SECRET": "wrong"}
    )
    assert_fails(done, 2, hint=False)  # and not 3, which a tried password would give


def test_a_password_is_chosen_before_the_keyring_is_opened(made, tmp_path):
    path = made.write(tmp_path)
    opened = ("--keyring", path, "--password-env", "SECRET")
    for command in (("add", "password"), ("password",), ("recovery",)):
        done = run("key", *command, *opened, env={"SECRET": "wrong"})
        assert done.code == 2, done.err
        assert "Nobody is at the terminal" in done.err


@pytest.mark.parametrize(
    "command", [("recovery", "--recovery-key-out"), ("export", "--identity-out")]
)
def test_secrets_that_cannot_be_written_are_refused_before_the_keyring_is_opened(
    made, tmp_path, command
):
    path = made.write(tmp_path)
    (tmp_path / "there").write_text("good")
    wrong = ("--keyring", path, "--password-env", "SECRET")
    done = run("key", *command, tmp_path / "there", *wrong, env={"SECRET": "wrong"})
    assert_fails(done, 1)  # and not 3, which a tried password would give
    assert "already exists" in done.err
    assert (tmp_path / "there").read_text() == "good"
    assert path.read_bytes() == made.text


def test_a_new_password_is_typed_twice_to_the_letter(tmp_path):
    (path, digits) = (tmp_path / "k.json", tmp_path / "digits")
    new = ("init", "--no-passkey", "--password", "--keyring", path, "--recovery-key-out", digits)
    with Terminal(*new) as person:
        person.wait_for("Your own password")
        at = person.type(f" {PASSWORD}  ")
        person.wait_for("again", after=at)
        at = person.type(PASSWORD)
        person.wait_for("not the same", after=at)
        person.wait_for("Your own password", after=at)
        at = person.type(f" {PASSWORD}  ")
        person.wait_for("again", after=at)
        person.type(f" {PASSWORD}  ")
        assert person.finish() == 0
    passkeep.Keyring.load(path).unlock(password=f" {PASSWORD}  ")
    with pytest.raises(passkeep.WrongKeyError):
        passkeep.Keyring.load(path).unlock(password=PASSWORD)


def test_a_password_is_not_asked_for_where_nobody_is(made, tmp_path):
    path = made.write(tmp_path)
    (tmp_path / "digits").write_text(made.digits)
    before = path.read_bytes()
    opened = ("--keyring", path, "--recovery-key-file", tmp_path / "digits")
    done = run("key", "add", "password", *opened)
    assert (done.code, path.read_bytes()) == (2, before)
    out = tmp_path / "new"
    done = run(
        *("init", "--no-passkey", "--password", "--keyring", out / "k.json"),
        *("--recovery-key-out", tmp_path / "new-digits"),
        env=dict(os.environ),
    )
    assert done.code == 2
    assert not (out / "k.json").exists()
    assert not (tmp_path / "new-digits").exists()


# Passkeys that belong to an application's own site


@pytest.fixture
def of_a_site(tmp_path):
    """A backup whose passkey belongs to example.org, and its recovery key."""
    keyring = passkeep.Keyring.create()
    digits = keyring.new_recovery_key()
    keyring.confirm_recovery_key(digits)
    keyring.add_passkey(SoftwarePasskeys("example.org"), label="Site")
    keyring.save(tmp_path / "site.json")
    (tmp_path / "files").mkdir()
    passkeep.backup(tmp_path / "files", tmp_path / "site.age", to=keyring)
    return tmp_path / "site.age", digits


def test_a_passkey_of_another_site_is_explained(of_a_site):
    backup, _ = of_a_site
    done = run("verify", backup, "--with", "passkey")
    assert_fails(done, 1)
    assert "belong to example.org, and no other page can use them" in done.err
    assert "Open it on example.org" in done.err
    assert "--with security-key" in done.err


def test_another_way_in_is_asked_for_where_the_passkey_belongs_elsewhere(of_a_site):
    backup, digits = of_a_site
    with Terminal("verify", backup) as person:
        person.wait_for("belong to example.org")
        person.wait_for("Recovery key")
        person.type(digits)
        assert person.finish() == 0
