"""axe finds nothing wrong with any state of the ceremony page, light or dark."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from passkeep.passkey import Question
from support.axe import assert_accessible
from support.browser import PHONE, Chromium
from support.ceremonies import enrol, record
from support.stage import Stage


@pytest.fixture(scope="module")
def one_chromium() -> Iterator[Chromium]:
    with Chromium() as chromium:
        yield record(chromium)


@pytest.fixture
def chromium(one_chromium: Chromium) -> Chromium:
    one_chromium.use_authenticator(PHONE)
    return one_chromium


@pytest.fixture
def question(chromium: Chromium) -> Question:
    return enrol(chromium)[1]


def test_making_a_passkey(chromium: Chromium) -> None:
    with Stage("enrol") as stage:
        chromium.open(stage.url)
        chromium.wait_for("Create", "go")
        assert_accessible(chromium)
        chromium.click("go")
        chromium.wait_for("ready", "title")
        assert_accessible(chromium)


def test_a_passkey_that_does_not_answer(chromium: Chromium, question: Question) -> None:
    chromium.forget(question.credential.id)
    with Stage("unlock", [question]) as stage:
        chromium.open(stage.url)
        chromium.wait_for("Use passkey", "go")
        assert_accessible(chromium)
        chromium.click("go")
        chromium.wait_for("No passkey answered")
        assert_accessible(chromium)
