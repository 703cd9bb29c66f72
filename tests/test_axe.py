"""The tool that finds what is wrong with pages finds it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from support import axe
from support.browser import Chromium

GOOD = """data:text/html,<!doctype html><html lang="en"><title>Page</title>
<style>:root { color-scheme: light dark; background: light-dark(white, black) }
p, h1 { color: light-dark(black, white) }</style><main><h1>Page</h1><p>Words</p></main>"""
NAMELESS = GOOD.replace("<p>", "<button></button><p>")
PALE_BY_NIGHT = GOOD.replace("<p>", "<p style='color: light-dark(black, black)'>")


@pytest.fixture(scope="module")
def chromium() -> Iterator[Chromium]:
    with Chromium(None) as chromium:
        yield chromium


def test_a_good_page(chromium: Chromium) -> None:
    chromium.open(GOOD)
    axe.assert_accessible(chromium)


def test_a_button_without_a_name(chromium: Chromium) -> None:
    chromium.open(NAMELESS)
    (found,) = axe.violations(chromium)
    assert found.startswith("button-name: ")
    with pytest.raises(AssertionError, match="button-name"):
        axe.assert_accessible(chromium)


def test_words_that_cannot_be_read_in_the_dark(chromium: Chromium) -> None:
    chromium.open(PALE_BY_NIGHT)
    assert axe.violations(chromium) == []
    with pytest.raises(AssertionError, match=r"^dark:\ncolor-contrast"):
        axe.assert_accessible(chromium)
