"""Documentation is true: links lead somewhere, names exist, the reference is whole."""

import inspect
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import click
import pytest

import passkeep
import passkeep.web
from passkeep.cli import cli
from support.cli import ok

ROOT = Path(__file__).parents[1]
PAGES = sorted(
    [
        *ROOT.glob("*.md"),
        *ROOT.glob("docs/*.md"),
        *ROOT.glob("bench/**/README.md"),
        *ROOT.glob("examples/**/*.md"),
    ]
)
PROGRAM = Path(__file__).with_name("user_program.py")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page):
    text = page.read_text("utf-8")
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        path, _, anchor = target.partition("#")
        if "://" in target:
            continue
        linked = page if not path else page.parent / path
        assert linked.exists(), target
        if anchor:
            headings = re.findall(r"^#+ (.+)$", linked.read_text("utf-8"), re.MULTILINE)
            slugs = {re.sub(r"[^\w -]", "", one.lower()).replace(" ", "-") for one in headings}
            assert anchor in slugs, target


def commands(group, path=()):
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))
        else:
            yield (*path, name), command


COMMANDS = dict(commands(cli))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_and_options_exist(page):
    """Every `passkeep …` in code: the command, and each long option that it is given."""
    text = page.read_text("utf-8")
    code = re.findall(r"`(passkeep [^`\n]+)`", text)
    code += [
        line.split("#")[0]
        for block in re.findall(r"^```sh\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
        for line in block.splitlines()
        if line.startswith("passkeep ")
    ]
    for line in code:
        words = line.split()[1:]
        if words[0].startswith(("-", "…")):
            continue
        name = tuple(words[:2]) if words[0] == "key" and len(words) > 1 else (words[0],)
        if name in {("key",), ("key", "…")}:
            continue
        assert name in COMMANDS, line
        options = {
            one
            for option in COMMANDS[name].params
            for one in (*option.opts, *option.secondary_opts)
        }
        for word in words:
            if word.startswith("--"):
                assert word.split("=")[0].rstrip(",.") in options, line


def test_every_command_and_option_explains_itself():
    assert len(COMMANDS) > 20
    for name, command in COMMANDS.items():
        assert command.help, name
        for option in command.params:
            if isinstance(option, click.Option) and option.name not in {"help", "algorithm"}:
                assert option.help, (name, option.name)


def test_the_page_on_the_command_line_names_every_command():
    page = (ROOT / "docs/cli.md").read_text("utf-8")
    for name in COMMANDS:
        assert f"`{' '.join(name)}`" in page, name


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion(shell):
    page = (ROOT / "docs/cli.md").read_text("utf-8")
    assert f"_PASSKEEP_COMPLETE={shell}_source passkeep" in page
    program = Path(sys.executable).with_name("passkeep")

    def complete(instruction, **env):
        env = os.environ | {"_PASSKEEP_COMPLETE": f"{shell}_{instruction}"} | env
        done = subprocess.run([program], env=env, capture_output=True, text=True, check=False)
        return done.stdout

    assert "passkeep" in complete("source")
    words = {"COMP_WORDS": "passkeep re", "COMP_CWORD": "1" if shell != "fish" else "re"}
    found = complete("complete", **words)
    assert "restore" in found
    assert "rewrap" in found
    assert "encrypt" not in found


def test_bash_completes_with_the_line_from_the_page():
    page = (ROOT / "docs/cli.md").read_text("utf-8")
    (line,) = re.findall(r"^eval .*bash_source.*$", page, re.MULTILINE)
    script = f"""{line}
        COMP_WORDS=(passkeep key r) COMP_CWORD=2 COMPREPLY=()
        "$(complete -p passkeep | sed 's/.*-F \\([^ ]*\\).*/\\1/')" passkeep
        echo "${{COMPREPLY[@]}}"
    """
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-c", script],
        env=os.environ | {"PATH": path},
        capture_output=True,
        text=True,
        check=True,
    )
    assert sorted(done.stdout.split()) == ["recovery", "remove", "rename", "rotate"]


def test_the_variable_for_state_comes_before_the_default(
    made, tmp_path, fresh_machine, monkeypatch
):
    path = made.write(tmp_path)
    default = fresh_machine / "default"
    monkeypatch.setenv("XDG_STATE_HOME", str(default))
    ok("key", "pin", path)
    assert not default.exists()
    assert any((fresh_machine / "state").rglob("*.json"))
    monkeypatch.delenv("PASSKEEP_STATE_DIR")
    ok("key", "pin", path)
    assert any((default / "passkeep").rglob("*.json"))


def test_the_keyring_option_comes_before_the_variable_and_that_before_the_default(
    made, quick, tmp_path, fresh_machine
):
    first, second = made.write(tmp_path, "first.json"), quick.write(tmp_path, "second.json")
    default = fresh_machine / "data" / "passkeep" / "keyring.json"
    default.parent.mkdir(parents=True)
    default.write_bytes(made.text)

    def shown(*options, env=None):
        return json.loads(ok("key", "show", "--json", *options, env=env).out)["id"]

    one, other = made.document()["id"], quick.document()["id"]
    assert shown() == one
    assert shown(env={"PASSKEEP_KEYRING": str(second)}) == other
    assert shown("--keyring", first, env={"PASSKEEP_KEYRING": str(second)}) == one


def test_the_reference_is_whole(tmp_path):
    program = ROOT / "docs" / "reference.py"
    subprocess.run([sys.executable, program, tmp_path], check=True, timeout=120)
    page = (tmp_path / "passkeep.html").read_text("utf-8")
    for name in passkeep.__all__:
        assert name == "passkey" or f'id="{name}"' in page, name
        thing = getattr(passkeep, name)
        assert isinstance(thing, str) or (thing.__doc__ or "").strip(), name
    page = (tmp_path / "passkeep" / "passkey.html").read_text("utf-8")
    for name in passkeep.passkey.__all__:
        assert f'id="{name}"' in page, name
        assert (getattr(passkeep.passkey, name).__doc__ or "").strip(), name
    page = (tmp_path / "passkeep" / "web.html").read_text("utf-8")
    functions = [
        name
        for name, thing in vars(passkeep.web).items()
        if inspect.isfunction(thing) and thing.__module__ == "passkeep.web" and name[0] != "_"
    ]
    assert len(functions) >= 5
    for name in functions:
        assert f'id="{name}"' in page, name
        assert getattr(passkeep.web, name).__doc__, name


def test_sections_of_docstrings_become_headings_and_lists(tmp_path):
    subprocess.run([sys.executable, ROOT / "docs" / "reference.py", tmp_path], check=True)
    page = (tmp_path / "passkeep.html").read_text("utf-8")
    function = page.partition('id="encrypt_into"')[2].partition("</section>")[0]
    for heading in ("Arguments", "Returns", "Raises"):
        assert f">{heading}:</h6>" in function, heading
    for item in ("out", "BufferError"):
        assert f"<li><strong>{item}:</strong>" in function, item


def test_a_users_program_is_well_typed_and_runs(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--cache-dir", tmp_path / "cache", PROGRAM],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    (tmp_path / "work").mkdir()
    subprocess.run([sys.executable, PROGRAM, tmp_path / "work"], check=True, timeout=120)
    assert (tmp_path / "work/restored/tree/file").read_text() == "hello"
