"""docs/passkeys.md: the tests it names exist, and its examples run."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import passkeep
import passkeep.web
from passkeep.passkey import UserInteraction
from support.person import Person, plug_in
from support.softkey import SoftKey

TESTS = Path(__file__).parent
PAGE = (TESTS.parent / "docs" / "passkeys.md").read_text("utf-8")
EXAMPLES = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def test_each_cell_names_a_test():
    named = set(re.findall(r"`(?:tests/)?(test_[a-z_]+)(?:\.py)?`", PAGE))
    assert len(named) > 10
    for name in named:
        assert (TESTS / f"{name}.py").is_file(), name


def test_each_single_test_that_is_named_is_collected():
    """The table of ceremonies and clients names functions and their parameters."""
    named = set(re.findall(r"`(test_\w+::test_\w+(?:\[[^\]`]+\])?)`", PAGE))
    assert len(named) >= 15
    files = sorted({f"{TESTS}/{name.partition('::')[0]}.py" for name in named})
    words = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider"]
    done = subprocess.run([*words, *files], capture_output=True, text=True, check=True, cwd=TESTS)
    collected = {line.rpartition("/")[2].replace(".py::", "::") for line in done.stdout.split("\n")}
    collected |= {line.partition("[")[0] for line in collected}
    assert named <= collected, named - collected


def test_the_prompts_of_the_example_serve(made, tmp_path, monkeypatch, capsys):
    key = SoftKey()
    plug_in(monkeypatch, [key])
    keyring = passkeep.Keyring.load(made.write(tmp_path))
    keyring.unlock(recovery_key=made.digits)
    (example,) = (each for each in EXAMPLES if "class Prompts" in each)
    prompts, _, unlocking = example.rpartition("\n\n")
    names = {"keyring": keyring, "passkeep": passkeep, "ask_for_pin": lambda *_: "1234"}
    exec(compile(prompts, "passkeys.md", "exec"), names)
    client: UserInteraction = names["Prompts"]()
    keyring.add_passkey(passkeep.passkey.SecurityKey(client))
    keyring.save(tmp_path / "keyring.json")
    assert "touch it again" in capsys.readouterr().out
    exec(compile(unlocking, "passkeys.md", "exec"), names)
    assert key.touches == 4
    for prompt in ("choose", "verify"):
        assert callable(getattr(client, prompt))


def test_the_example_of_a_file_for_a_passkey(monkeypatch):
    key = SoftKey()
    plug_in(monkeypatch, [key])
    client = passkeep.passkey.SecurityKey(Person())
    made = client.enroll(label="Key", nonce=bytes(16)).credential.to_string()
    monkeypatch.setattr(passkeep.passkey, "Browser", lambda **_: client, raising=False)
    (example,) = (each for each in EXAMPLES if "PasskeyIdentity" in each)
    assert "takes a tap" in example
    key.touches = 0
    code = example.replace("AGE-PLUGIN-FIDO2PRF-1…", made)
    exec(compile(code, "passkeys.md", "exec"), {"passkeep": passkeep})
    assert key.touches == 2


def test_the_examples_name_what_exists():
    names = re.findall(r"\b(web|passkeep\.passkey|passkeep)\.(\w+)\(", "\n".join(EXAMPLES))
    assert len(names) >= 6
    for module, name in names:
        if module == "web":
            assert hasattr(passkeep.web, name)
        elif module == "passkeep":
            assert hasattr(passkeep, name)
        else:
            assert name in passkeep.passkey.__all__
    for name in re.findall(r"`(begin_\w+|complete_\w+)`", PAGE):
        assert name in passkeep.passkey.__all__
