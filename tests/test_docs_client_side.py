"""docs/passkeys.md, "A server that must not see it": the page opens what passkeep sealed."""

from __future__ import annotations

import io
import json
import re
import sys
import tarfile
import threading
from base64 import b64decode, b64encode
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

import passkeep
from support.browser import PHONE, Chromium
from support.cli import ok

PAGE = (Path(__file__).parents[1] / "docs" / "passkeys.md").read_text("utf-8")
(CLIENT,) = re.findall(r"^```js\n(// client\.js\n.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
NPM = Path(sys.executable).parents[1] / "npm"

TURN_ON = """
const [done] = arguments;
import("/client.js").then(({ turnOn }) => turnOn("Notes")).then(done, (e) => done(String(e)));
"""
OPEN = """
const [backup, kept, done] = arguments;
const bytes = Uint8Array.from(atob(backup), (character) => character.charCodeAt(0));
import("/client.js")
  .then(({ open }) => open(bytes, kept))
  .then((tar) => done(btoa(Array.from(tar, (byte) => String.fromCharCode(byte)).join(""))))
  .catch((e) => done(String(e)));
"""


def import_map() -> dict[str, Any]:
    """Where the browser finds what the packages import, as a bundler would."""

    def packages(folder: str) -> dict[str, str]:
        found = {f"{path.parent.name}/{path.name}" for path in NPM.glob(f"{folder}/@*/*")}
        return {f"{name}/": f"/{folder}/{name}/" for name in found} | {
            name: f"/{folder}/{name}/index.js" for name in found
        }

    nested = [path.relative_to(NPM) for path in NPM.glob("node_modules/@*/*/node_modules")]
    top = {"age-encryption": "/node_modules/age-encryption/dist/index.js"}
    return {
        "imports": top | packages("node_modules"),
        "scopes": {f"/{path.parent}/": packages(str(path)) for path in nested},
    }


class _Site(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path == "/":
            page = f'<!doctype html><script type="importmap">{json.dumps(import_map())}</script>'
            body, kind = page.encode(), "text/html"
        elif self.path == "/client.js":
            body, kind = CLIENT.encode(), "text/javascript"
        else:
            path = NPM / self.path[1:]
            body, kind = path.read_bytes() if path.is_file() else b"", "text/javascript"
        self.send_response(200 if body else 404)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def origin() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Site) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield f"http://localhost:{server.server_port}"
        server.shutdown()
        thread.join()


def test_the_page_opens_what_the_server_cannot(origin, tree, tmp_path):
    with Chromium() as chromium:
        chromium.use_authenticator(PHONE)
        chromium.open(origin)
        made = chromium.driver.execute_async_script(TURN_ON)
        kept = made["forServer"]
        backup = tmp_path / "b.tar.age"
        (tree / "sub" / "large.bin").write_bytes(bytes(100))
        passkeep.backup(tree, backup, to=kept["recipient"])
        chromium.open(origin)
        sealed = b64encode(backup.read_bytes()).decode()
        opened = chromium.driver.execute_async_script(OPEN, sealed, kept)
    with tarfile.open(fileobj=io.BytesIO(b64decode(opened, validate=True))) as tar:
        assert tar.extractfile("tree/letter.txt").read() == b"Dear Ada"
    assert made["identity"] not in json.dumps(kept)
    paper = tmp_path / "paper"
    paper.write_text(made["identity"])
    ok("restore", backup, "-C", tmp_path / "out", "--identity", paper)
    assert (tmp_path / "out" / "tree" / "letter.txt").read_text() == "Dear Ada"
