"""docs/cli.md has each command and option that there is, and none that there is not."""

import re

import click
import pytest

from support.cli import ok
from test_docs import COMMANDS, PAGES, ROOT

PAGE = (ROOT / "docs/cli.md").read_text("utf-8")


def section(title):
    return PAGE.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def rows(text):
    """Cells of a table's body: the names in its first column, and the second one."""
    for first, second in re.findall(r"^\| (`.+?) \| (.+) \|$", text, re.MULTILINE):
        for name in re.findall(r"`([^`]+)`", first):
            yield tuple(name.split()), second


def options(command):
    return {
        max(names, key=len)
        for option in command.params
        if isinstance(option, click.Option)
        for names in (option.opts, option.secondary_opts)
        if names
    }


def test_the_table_of_commands_is_that_of_the_program():
    named = [name for name, _ in rows(PAGE.partition("\n## ")[0])]
    assert len(named) == len(set(named))
    assert set(named) == set(COMMANDS)


def test_the_table_of_options_is_that_of_the_program():
    text = section("Options")
    opening = set(re.findall(r"--[\w-]+", text.partition("\n|")[0]))
    assert len(opening) == 6
    described = {}
    for name, cell in rows(text):
        assert name not in described
        words = re.findall(r"--[\w-]+", cell)
        assert len(words) == len(set(words)), name
        described[name] = set(words) | (opening if "*opening*" in cell else set())
    assert described == {name: options(command) for name, command in COMMANDS.items()}


def test_the_exit_codes_are_those_of_the_program():
    from passkeep.cli import ending

    found = re.findall(r"^\| ([\d, ]+) \|", section("Exit codes"), re.MULTILINE)
    assert [int(code) for cell in found for code in cell.split(",")] == [
        *(ending.DONE, ending.FAILED, ending.USAGE, ending.WRONG_KEY, ending.DAMAGED),
        *(ending.PARTIAL, ending.INTERRUPTED, ending.TERMINATED),
    ]


OUR_PAGES = [page for page in PAGES if "bench" not in page.relative_to(ROOT).parts]
"""Those on benchmarks are about other programs."""


@pytest.mark.parametrize("page", OUR_PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_options_that_stand_alone_exist(page):
    """An option in code by itself, without its command, is one of some command."""
    known = {"--help", "--version", "--verbose"}.union(*map(options, COMMANDS.values()))
    alone = re.findall(r"`(--[\w-]+)[^`\n]*`", page.read_text("utf-8"))
    assert set(alone) <= known


@pytest.mark.parametrize("columns", [60, 80])
def test_help_is_as_wide_as_columns(columns):
    narrow = ok("restore", "--help", env={"COLUMNS": str(columns)}).out.decode()
    assert max(map(len, narrow.splitlines())) <= columns
    wide = ok("restore", "--help", env={"COLUMNS": "300"}).out.decode()
    assert 80 < max(map(len, wide.splitlines())) <= 100
