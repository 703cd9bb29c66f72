"""What axe-core finds wrong with a page, for whoever uses it without a mouse or without sight.

axe-core is a tool of the tests: `make peers` installs it, and nothing of it is shipped.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from support.browser import Chromium

# `make peers` puts it beside the interpreter. A missing one is an error.
AXE = Path(sys.executable).parent.parent / "npm/node_modules/axe-core/axe.min.js"

SCHEMES = ("light", "dark")

# What is wrong, and what axe could not decide by itself for want of a colour.
_RUN = """
const done = arguments[0];
axe.run(document, {resultTypes: ["violations", "incomplete"]}).then(
  ({violations, incomplete}) =>
    done([...violations, ...incomplete.filter(({id}) => id === "color-contrast")]),
  (error) => done([{id: "axe failed", help: String(error), nodes: []}]),
);
"""


def violations(chromium: Chromium) -> list[str]:
    """Returns what is wrong with the page as it stands, a line for each element."""
    if not chromium.driver.execute_script("return typeof axe === 'object'"):
        chromium.driver.execute_script(AXE.read_text("utf-8"))
    found: list[dict[str, Any]] = chromium.driver.execute_async_script(_RUN)
    return [
        f"{rule['id']}: {rule['help']}: {node['html']}"
        for rule in found
        for node in rule["nodes"] or [{"html": "the page"}]
    ]


def use_scheme(chromium: Chromium, scheme: str) -> None:
    """Lets pages be light or dark, as the system's settings would."""
    feature = {"name": "prefers-color-scheme", "value": scheme}
    chromium.cdp("Emulation.setEmulatedMedia", features=[feature])


def assert_accessible(chromium: Chromium) -> None:
    """Checks the page as it stands, light and dark."""
    try:
        for scheme in SCHEMES:
            use_scheme(chromium, scheme)
            found = "\n".join(violations(chromium))
            assert not found, f"{scheme}:\n{found}"
    finally:
        use_scheme(chromium, "light")
