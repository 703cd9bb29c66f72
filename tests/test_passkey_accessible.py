"""axe finds nothing wrong with any state of the ceremony page, light or dark."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from support.axe import assert_accessible
from support.browser import Chromium
from support.scenes import SCENES, shown


@pytest.fixture(scope="module")
def chromium() -> Iterator[Chromium]:
    with Chromium() as chromium:
        yield chromium


@pytest.mark.parametrize("name", SCENES)
def test_each_state(chromium: Chromium, name: str) -> None:
    with shown(chromium, name):
        assert_accessible(chromium)
