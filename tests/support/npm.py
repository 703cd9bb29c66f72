"""npm's age-encryption in a browser: its modules as they are, over an import map."""

from __future__ import annotations

import json
import sys
import threading
from base64 import b64decode, b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from support.browser import Chromium

# `make peers` puts them beside the interpreter. A missing one is an error.
MODULES = Path(sys.executable).parents[1] / "npm" / "node_modules"

_IMPORTS = {
    "age-encryption": "/age-encryption/dist/index.js",
    "@scure/base": "/@scure/base/index.js",
    "@noble/": "/@noble/",
}
_PAGE = f"""<!doctype html><title>age-encryption</title>
<script type="importmap">{json.dumps({"imports": _IMPORTS})}</script>"""

_CALL = """
const [body, data, options, done] = arguments;
const bytes = (text) => Uint8Array.from(atob(text), (each) => each.charCodeAt(0));
const text = (bytes) => btoa(Array.from(bytes, (each) => String.fromCharCode(each)).join(""));
const Body = Object.getPrototypeOf(async () => {}).constructor;
import("age-encryption")
  .then((age) => new Body("age", "data", "options", body)(age, bytes(data), options))
  .then((value) => done(value instanceof Uint8Array ? { bytes: text(value) } : { value }))
  .catch((error) => done({ failure: `${error.name}: ${error.message}` }));
"""


class _Site(BaseHTTPRequestHandler):
    """The page at /, and the installed packages beside it."""

    def do_GET(self) -> None:
        file = (MODULES / self.path[1:]).resolve()
        script = self.path.endswith(".js") and file.is_relative_to(MODULES.resolve())
        body = file.read_bytes() if script else _PAGE.encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/javascript" if script else "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


@contextmanager
def serve() -> Iterator[int]:
    """Serves the page on a port of this machine."""
    assert (MODULES / "age-encryption" / "dist" / "webauthn.js").is_file()
    with ThreadingHTTPServer(("127.0.0.1", 0), _Site) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


class AgeEncryption:
    """The package on a page of one domain.

    Args:
        chromium: The browser, with an authenticator.
        port: Where :func:`serve` serves.
        rp_id: The domain of the page.
    """

    def __init__(self, chromium: Chromium, port: int, rp_id: str) -> None:
        self._chromium = chromium
        self._page = f"http://{rp_id}:{port}/"

    def create(self, *, security_key: bool = False) -> str:
        """Makes a passkey and returns its identity string."""
        kind = "security-key" if security_key else "passkey"
        return self.run(
            'return age.webauthn.createCredential({ keyName: "age", type: options })', kind
        )

    def encrypt(self, data: bytes, identity: str) -> bytes:
        """Encrypts to a passkey, with a tap."""
        return self.run(
            "const encrypter = new age.Encrypter();"
            "encrypter.addRecipient(new age.webauthn.WebAuthnRecipient({ identity: options }));"
            "return encrypter.encrypt(data)",
            identity,
            data,
        )

    def decrypt(self, sealed: bytes, identity: str | None) -> bytes:
        """Decrypts with a tap; without an identity string, with whichever passkey is listed."""
        return self.run(
            "const decrypter = new age.Decrypter();"
            "decrypter.addIdentity(new age.webauthn.WebAuthnIdentity("
            "  options ? { identity: options } : {}));"
            "return decrypter.decrypt(data)",
            identity,
            sealed,
        )

    def dearmor(self, text: str) -> bytes:
        return self.run("return age.armor.decode(options)", text)

    def run(self, body: str, options: Any, data: bytes = b"") -> Any:
        """Runs the body of an async function of `age`, `data` and `options` on the page."""
        self._chromium.open(self._page)
        given = (_CALL, body, b64encode(data).decode(), options)
        result = self._chromium.driver.execute_async_script(*given)
        if "failure" in result:
            raise RuntimeError(result["failure"])
        return b64decode(result["bytes"]) if "bytes" in result else result["value"]
