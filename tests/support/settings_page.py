"""The settings page in Chromium, and a person in front of it."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, TypeVar

from selenium.common.exceptions import WebDriverException
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import WebDriverWait

from support.browser import PATIENCE, Chromium

Found = TypeVar("Found")

# The dialog on top, or else the page.
_TOP = "([...document.querySelectorAll('dialog[open]')].at(-1) ?? document.body)"

_BUTTON = f"""
return [...{_TOP}.querySelectorAll('button')].find((button) =>
  !button.disabled && button.checkVisibility() &&
  [button, ...button.querySelectorAll('strong')].some((part) => part.innerText === arguments[0])
) ?? null
"""


class SettingsPage:
    """One tab with the page.

    Args:
        chromium: The browser.
        url: The whole address of the page.
    """

    def __init__(self, chromium: Chromium, url: str) -> None:
        self.chromium = chromium
        self.driver = chromium.driver
        chromium.open(url)
        self.until(lambda: self.text("h1"))

    def until(self, condition: Callable[[], Found]) -> Found:
        """Waits until a condition holds; returns what it returns."""
        wait = WebDriverWait(self.driver, PATIENCE, 0.02, ignored_exceptions=[WebDriverException])
        return wait.until(lambda _: condition())

    def script(self, script: str, *arguments: Any) -> Any:
        return self.driver.execute_script(script, *arguments)

    def find(self, selector: str) -> WebElement:
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def text(self, selector: str) -> str:
        """Everything that an element of the page shows."""
        return self.find(selector).text

    def press(self, label: str) -> None:
        """Presses a button, or a row, in the dialog on top if there is one."""

        def pressed() -> bool:
            button = self.script(_BUTTON, label)
            if button is None:
                return False
            # What is said lies over the lower edge.
            self.script("arguments[0].scrollIntoView({block: 'center'})", button)
            button.click()
            return True

        self.until(pressed)

    def offers(self, label: str) -> bool:
        """Whether there is such a button, in the dialog on top if there is one."""
        return self.script(_BUTTON, label) is not None

    def type(self, name: str, value: str) -> None:
        """Types into an input of the dialog, in place of what it holds."""
        field = self.until(lambda: self.find(f"dialog[open]:last-of-type [name={name}]"))
        field.clear()
        field.send_keys(value)

    def value(self, name: str) -> str:
        return str(self.find(f"dialog[open]:last-of-type [name={name}]").get_property("value"))

    @property
    def shown(self) -> str:
        """Everything that the dialog on top shows."""
        return str(self.script(f"return {_TOP}.innerText"))

    def shows(self, words: str) -> None:
        """Waits until the dialog on top shows something, or the page if there is none."""
        self.until(lambda: words in self.shown)

    def title(self, title: str) -> None:
        """Waits for a dialog."""
        self.until(lambda: self.script(f"return {_TOP}.querySelector('h2').innerText") == title)

    def closed(self) -> None:
        """Waits until there is no dialog."""
        self.until(lambda: not self.driver.find_elements(By.CSS_SELECTOR, "dialog"))

    def says(self, words: str) -> None:
        """Waits until something is said that needs no dialog."""
        self.until(lambda: words in self.text("#said"))

    def status(self, status: str) -> None:
        self.until(lambda: self.find(f"[data-status={status}]"))

    def row(self, label: str) -> str:
        """Waits for a way in or a backup; returns what its row shows."""
        script = (
            "return [...document.querySelectorAll('.row')].find((row) =>"
            " row.querySelector('strong').innerText === arguments[0])?.innerText"
        )
        return str(self.until(lambda: self.script(script, label)))

    @property
    def focused(self) -> str:
        """The text of what has the focus."""
        return self.driver.switch_to.active_element.text

    def field_error(self, words: str) -> None:
        """Waits until something is wrong with the input that has the focus."""
        script = (
            "const input = document.activeElement;"
            "return input.getAttribute('aria-invalid') === 'true' &&"
            " input.getAttribute('aria-describedby').split(' ')"
            ".map((id) => document.getElementById(id).innerText).join(' ')"
        )
        self.until(lambda: words in (self.script(script) or ""))

    def read_digits(self) -> str:
        """The recovery key as it is shown."""
        script = (
            "return [...document.querySelectorAll('dialog .digits li')].map((e) => e.innerText)"
        )
        groups = self.until(lambda: self.script(script))
        assert len(groups) == 16, groups
        assert all(re.fullmatch(r"[0-9a-f]{4}", group) for group in groups), groups
        return " ".join(groups)

    def work(self, title: str) -> None:
        """Waits for what becomes of a backup, a check or a restore."""
        self.until(lambda: self.text("#work-title") == title)

    def look_again(self) -> None:
        """Comes back to the tab, which asks how things are."""
        self.script("window.dispatchEvent(new Event('focus'))")

    def add_passkey(self, label: str) -> None:
        self.press("Add a passkey")
        self.type("label", label)
        self.press("Continue")
        self.closed()
        self.says("Added.")

    def lock(self) -> None:
        self.press("Lock now")
        self.status("locked")

    def unlock(self, kind: str, **typed: str) -> None:
        """Unlocks with one of several ways in, by its name."""
        self.press("Unlock")
        self.press(kind)
        for name, value in typed.items():
            self.type(name, value)
            self.press("Unlock")
        self.status("unlocked")
        self.closed()
