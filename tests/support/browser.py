"""A real headless Chromium with a virtual authenticator, for passkey ceremonies.

``Chromium.open_and_click`` serves as ``Browser(open_url=…)`` in this process;
``Chromium.environment`` lets a command-line program that was started with it open its
pages in the same Chromium, authenticator included.
"""

from __future__ import annotations

import os
import shlex
import signal
import socket
import sys
import tempfile
import threading
from base64 import b64encode
from contextlib import ExitStack, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from selenium.webdriver import Chrome, ChromeOptions, ChromeService
from selenium.webdriver.common.by import By
from selenium.webdriver.support.expected_conditions import element_to_be_clickable
from selenium.webdriver.support.ui import WebDriverWait

CHROMIUM = "/usr/bin/chromium"
CHROMEDRIVER = "/usr/bin/chromedriver"
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
PATIENCE = 20  # seconds for anything that the page should do by itself

PHONE = {"transport": "internal", "hasPrf": True, "defaultBackupEligibility": True}
"""A platform authenticator whose passkeys a provider may sync."""

SECURITY_KEY = {"transport": "usb", "hasPrf": True}
OLD_SECURITY_KEY = {"transport": "usb", "hasHmacSecret": True}
"""A key that evaluates only at an assertion, as most do."""

_HANDOVER = Path(__file__).with_name("open_in_chromium.py")


class Chromium:
    """One Chromium with one tab. Use it as a context manager.

    Args:
        authenticator: Options of the DevTools virtual authenticator, over the defaults;
            None for a browser without one.
        logging: Whether the console and each request are kept for `driver.get_log`.
    """

    def __init__(
        self, authenticator: dict[str, Any] | None = PHONE, *, logging: bool = False
    ) -> None:
        self._options = authenticator
        self._logging = logging
        self._stack = ExitStack()
        self._turn = threading.Lock()  # a WebDriver serves one caller at a time
        self.authenticator = ""

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self._folder = stack.enter_context(
                tempfile.TemporaryDirectory(prefix="passkeep-test-", ignore_cleanup_errors=True)
            )
            options = ChromeOptions()
            options.binary_location = CHROMIUM
            for flag in (*FLAGS, f"--user-data-dir={self._folder}/profile"):
                options.add_argument(flag)
            if self._logging:
                wanted = {"browser": "ALL", "performance": "ALL"}
                options.set_capability("goog:loggingPrefs", wanted)
            self.driver = Chrome(options, ChromeService(CHROMEDRIVER))
            stack.callback(self.driver.quit)
            self.cdp("WebAuthn.enable", enableUI=False)
            if self._options is not None:
                self.use_authenticator(self._options)
            self._listener = socket.socket(socket.AF_UNIX)
            stack.enter_context(self._listener)
            self._listener.bind(f"{self._folder}/socket")
            self._listener.listen()
            threading.Thread(target=self._serve, daemon=True).start()
            # A thread that waits in accept() is woken by a shutdown, not by a close.
            stack.callback(self._listener.shutdown, socket.SHUT_RDWR)
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stack.close()

    @property
    def profile(self) -> Path:
        """Where the browser keeps what it keeps."""
        return Path(self._folder) / "profile"

    @property
    def environment(self) -> dict[str, str]:
        """Environment variables for a program whose pages this Chromium shall open."""
        command = [sys.executable, str(_HANDOVER), f"{self._folder}/socket"]
        return {"BROWSER": f"{shlex.join(command)} %s"}

    def open_and_click(self, url: str) -> None:
        """Open a page of passkeep, as a user would, and press its button."""
        self.open(url)
        self.click("go")

    def open(self, url: str) -> None:
        with self._turn:
            self.driver.get(url)

    def click(self, element: str) -> None:
        """Press a button as soon as it can be pressed."""
        with self._turn:
            button = element_to_be_clickable((By.ID, element))
            WebDriverWait(self.driver, PATIENCE, 0.02).until(button).click()

    def wait_for(self, text: str, element: str = "status") -> None:
        """Wait until an element of the page shows a text."""
        with self._turn:
            WebDriverWait(self.driver, PATIENCE, 0.02).until(
                lambda driver: text in driver.find_element(By.ID, element).text
            )

    def cdp(self, command: str, **parameters: Any) -> Any:
        """Run a DevTools command."""
        return self.driver.execute_cdp_cmd(command, parameters)

    def use_authenticator(self, options: dict[str, Any]) -> None:
        """Attach a new virtual authenticator to the tab in place of the one before.

        It outlives every navigation of the tab. After a failed verification a new one is
        needed, because authenticators lock.
        """
        if self.authenticator:
            self.cdp("WebAuthn.removeVirtualAuthenticator", authenticatorId=self.authenticator)
        self.attach(options)

    def attach(self, options: dict[str, Any]) -> None:
        """Attach a virtual authenticator to a tab that has none: each has its own."""
        self.cdp("WebAuthn.enable", enableUI=False)
        defaults = {
            "protocol": "ctap2",
            "ctap2Version": "ctap2_1",
            "hasResidentKey": True,
            "hasUserVerification": True,
            "isUserVerified": True,
            "automaticPresenceSimulation": True,
        }
        added = self.cdp("WebAuthn.addVirtualAuthenticator", options=defaults | options)
        self.authenticator = added["authenticatorId"]

    def credentials(self) -> list[dict[str, Any]]:
        """Return what the authenticator holds, without PRF secrets."""
        found = self.cdp("WebAuthn.getCredentials", authenticatorId=self.authenticator)
        return list(found["credentials"])

    def forget(self, credential_id: bytes) -> None:
        """Do what a user does who deletes one passkey."""
        self.cdp(
            "WebAuthn.removeCredential",
            authenticatorId=self.authenticator,
            credentialId=b64encode(credential_id).decode(),
        )

    def set_user_verified(self, verified: bool) -> None:
        """Let fingerprint, face or PIN succeed or fail from now on."""
        self.cdp(
            "WebAuthn.setUserVerified",
            authenticatorId=self.authenticator,
            isUserVerified=verified,
        )

    def kill(self) -> None:
        """End the browser as the system does when it needs the memory: no last words."""
        profile = f"--user-data-dir={self._folder}/profile".encode()
        for process in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                if profile in (process / "cmdline").read_bytes().split(b"\0"):
                    os.kill(int(process.name), signal.SIGKILL)

    def _serve(self) -> None:
        """Open what other processes hand over, one address per connection."""
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection, connection.makefile("rw", encoding="utf-8") as stream:
                address = stream.readline().strip()
                try:
                    self.open_and_click(address)
                    stream.write("opened\n")
                except Exception as error:  # noqa: BLE001 - the other process reports it
                    stream.write(f"{type(error).__name__}\n")
