"""What a page on loopback does, without a browser: requests, and sealing of secrets."""

from __future__ import annotations

import http.client
from typing import Any
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from fido2.utils import websafe_decode, websafe_encode


class Client:
    """A page that does everything right unless told otherwise.

    Args:
        url: The address of the page, with its token and key.
    """

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self.origin = f"{parts.scheme}://{parts.netloc}"
        self.port = int(parts.netloc.rpartition(":")[2])
        self.token, self.key = parts.fragment.split(".")

    def request(
        self,
        method: str = "POST",
        path: str = "/api/step",
        body: bytes = b"{}",
        address: str = "127.0.0.1",
        **changes: str | None,
    ) -> tuple[int, dict[str, str], bytes]:
        """Send one request; ``changes`` replaces headers, or drops them with None."""
        headers: dict[str, str | None] = {
            "Host": self.origin.removeprefix("http://"),
            "Origin": self.origin,
            "Sec-Fetch-Site": "same-origin",
            "Authorization": f"Bearer {self.token}",
            "Content-Type": "application/json",
            "Content-Length": str(len(body)),
        }
        headers |= {name.replace("_", "-"): value for name, value in changes.items()}
        connection = http.client.HTTPConnection(address, self.port, timeout=60)
        try:
            connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
            for name, value in headers.items():
                if value is not None:
                    connection.putheader(name, value)
            connection.endheaders(body)
            reply = connection.getresponse()
            return reply.status, dict(reply.getheaders()), reply.read()
        finally:
            connection.close()

    def status(self, *arguments: Any, **changes: Any) -> int:
        return self.request(*arguments, **changes)[0]


def sealed(secret: bytes, key: str, challenge: str) -> dict[str, str]:
    """Seal as the page does, from the description in sealing.py."""
    process = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), websafe_decode(key))
    page = ec.generate_private_key(ec.SECP256R1())
    ours = page.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    kdf = HKDF(SHA256(), 32, websafe_decode(key) + ours, b"passkeep loopback/1")
    box = AESGCM(kdf.derive(page.exchange(ec.ECDH(), process)))
    data = box.encrypt(bytes(12), secret, websafe_decode(challenge))
    return {"key": websafe_encode(ours), "box": websafe_encode(data)}
