"""The software security key is what it claims: published vectors, counters, touches."""

from __future__ import annotations

import hashlib
import hmac
import os
from threading import Event, Thread

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from fido2.ctap import CtapError
from fido2.ctap2 import ClientPin, Ctap2
from fido2.ctap2.pin import PinProtocolV1, PinProtocolV2

from support.ctap_protocols import Protocol
from support.softkey import SoftKey
from support.softkey_credential import Credential
from support.waiting import wait_until

ERR = CtapError.ERR
RP_ID = "example.org"
PERMISSION = ClientPin.PERMISSION

# WebAuthn Level 3, section 16.17.1 ("CTAP2 hmac-secret extension"): published values.
SEED = b"WebAuthn PRF test vectors"
SECRETS = {
    1: "23e5ed7157c25892b77732fb9c8a107e3518800db2af4142f9f4adfacb771d39",
    2: "0c63083de8170101d38bcf8bd72309568ddb4550867e23404b35d85712f7c20d"
    "8bc911ee23c06034cbc14290b9669bec07739053c5a416e313ef905c79955876",
}
SALTS = (
    "527413ebb48293772df30f031c5ac4650c7de14bf9498671ae163447b6a772b3",
    "d68ac03329a10ee5e0ec834492bb9a96a0e547baf563bf78ccbe8789b22e776b",
)
OUTPUTS = (
    "3c33e07d202c3b029cc21f1722767021bf27d595933b3d2b6a1b9d5dddc77fae",
    "a62a8773b19cda90d7ed4ef72a80a804320dbd3997e2f663805ad1fd3293d50b",
)
VECTORS = [  # protocol, how many inputs, salt_enc, output_enc
    (
        *(2, 1),
        (
            "23dde5e3462daf36559b85c4ac5f9656aa9bfd81c1dc2bf8533c8b9f38828547"
            "86b4f500e25b4e3d81f7fc7c74236229"
        ),
        (
            "3bfaa48f7952330d63e35ff8cd5bca48d2a12823828915749287256ab146272f"
            "9fb437bf65691243c3f504bd7ea6d5e6"
        ),
    ),
    (
        *(2, 2),
        (
            "d9f4236403e0fe843a8e4e5be764d120904c198ad6e77b089876a3391961f183"
            "b0008b4ca66b91cd72aa35b6151ff981f6e5649f3c040e6615ad7dd8ae96ef23"
            "b229a5c97c3f0dcd8605eee166ce163a"
        ),
        (
            "90ee52f739043bc17b3488a74306d7801debb5b61f18662c648a25b5b5678ede"
            "482cdaff99a537a44f064fcb10ce6e04dfd27619dc96a0daff8507e499296b1e"
            "ecf0981f7c8518b277a7a3018f5ec6fb"
        ),
    ),
    (
        *(1, 1),
        "ab8c878bb05d04700f077ed91845ec9c503c925cb12b327ddbeb4243c397f913",
        "15d4e4f3f04109b492b575c1b38c28585b6719cf8d61304215108d939f37ccfb",
    ),
]


def seeded(index: int) -> bytes:
    return hashlib.sha256(SEED + bytes([index])).digest()


def private(index: int) -> ec.EllipticCurvePrivateKey:
    return ec.derive_private_key(int.from_bytes(seeded(index), "big"), ec.SECP256R1())


@pytest.mark.parametrize(("version", "inputs", "salt_enc", "output_enc"), VECTORS)
def test_published_vectors(version, inputs, salt_enc, output_enc):
    key, platform = Protocol(version, private(5)), Protocol(version, private(4))
    assert key.public[-2].hex().startswith("a30522c2de402b56")
    secret = key.shared(platform.public)
    assert secret.hex() == SECRETS[version]
    salts = bytes.fromhex("".join(SALTS[:inputs]))
    assert key.decrypt(secret, bytes.fromhex(salt_enc)) == salts
    salt_iv = bytes.fromhex(salt_enc)[:16]
    assert key.encrypt(secret, salts, salt_iv).hex() == salt_enc
    random = Credential(RP_ID, {}, resident=False, with_uv=seeded(6))
    signature = hmac.digest(secret[:32], bytes.fromhex(salt_enc), "sha256")
    request = {
        1: platform.public,
        2: bytes.fromhex(salt_enc),
        3: signature[:16] if version == 1 else signature,
        4: version,
    }
    answer = random.hmac_secret({version: key}, request, verified=True)
    outputs = key.decrypt(secret, answer)
    assert outputs.hex() == "".join(OUTPUTS[:inputs])
    assert key.encrypt(secret, outputs, bytes.fromhex(output_enc)[:16]).hex() == output_enc


def test_the_salts_are_those_of_the_prf_extension():
    for salt, index in zip(SALTS, (2, 3), strict=True):
        hashed = hashlib.sha256(b"WebAuthn PRF\0" + SEED + bytes([index]))
        assert hashed.hexdigest() == salt


def token(key: SoftKey, pin: str = "1234", version: int = 2, **options) -> bytes:
    protocol = {1: PinProtocolV1, 2: PinProtocolV2}[version]()
    return ClientPin(Ctap2(key), protocol).get_pin_token(pin, **options)


@pytest.mark.parametrize("version", [1, 2])
def test_pins_are_set_changed_and_checked(version):
    key = SoftKey(pin=None)
    protocol = {1: PinProtocolV1, 2: PinProtocolV2}[version]()
    assert Ctap2(key).info.options["clientPin"] is False
    with pytest.raises(CtapError) as caught:
        token(key, version=version)
    assert caught.value.code == ERR.PIN_NOT_SET
    ClientPin(Ctap2(key), protocol).set_pin("first pin")
    assert Ctap2(key).info.options["clientPin"] is True
    with pytest.raises(CtapError) as caught:
        ClientPin(Ctap2(key), protocol).set_pin("other pin")
    assert caught.value.code == ERR.PIN_AUTH_INVALID
    ClientPin(Ctap2(key), protocol).change_pin("first pin", "second")
    assert len(token(key, "second", version)) == 32
    with pytest.raises(CtapError) as caught:
        token(key, "first pin", version)
    assert caught.value.code == ERR.PIN_INVALID


def test_wrong_pins_are_counted_and_block():
    key = SoftKey()
    pins, codes = ClientPin(Ctap2(key)), []
    for _ in range(8):
        if len(codes) in {3, 6}:
            with pytest.raises(CtapError) as caught:
                token(key)  # not even the right one, until it is plugged in again
            assert caught.value.code == ERR.PIN_AUTH_BLOCKED
            key.pin.plug_in()
        left, _ = pins.get_pin_retries()
        assert left == 8 - len(codes)
        with pytest.raises(CtapError) as caught:
            token(key, "wrong")
        codes.append(caught.value.code)
    assert codes == [
        *(ERR.PIN_INVALID, ERR.PIN_INVALID, ERR.PIN_AUTH_BLOCKED) * 2,
        *(ERR.PIN_INVALID, ERR.PIN_BLOCKED),
    ]
    key.pin.plug_in()
    with pytest.raises(CtapError) as caught:
        token(key)
    assert caught.value.code == ERR.PIN_BLOCKED


def test_the_right_pin_gives_all_tries_back():
    key = SoftKey()
    with pytest.raises(CtapError):
        token(key, "wrong")
    token(key)
    assert ClientPin(Ctap2(key)).get_pin_retries()[0] == 8


def test_a_sensor_that_knows_nobody_blocks():
    key = SoftKey(fingerprint=lambda: False)
    codes = []
    for _ in range(4):
        with pytest.raises(CtapError) as caught:
            ClientPin(Ctap2(key)).get_uv_token(PERMISSION.GET_ASSERTION, RP_ID)
        codes.append(caught.value.code)
    assert codes == [ERR.UV_INVALID, ERR.UV_INVALID, ERR.UV_BLOCKED, ERR.UV_BLOCKED]


def make(key: SoftKey, *, rk: bool = False) -> bytes:
    granted = token(key, permissions=PERMISSION.MAKE_CREDENTIAL, permissions_rpid=RP_ID)
    made = Ctap2(key).make_credential(
        bytes(32),
        {"id": RP_ID, "name": "x"},
        {"id": os.urandom(8), "name": "x"},
        [{"alg": -7, "type": "public-key"}],
        options={"rk": rk},
        pin_uv_param=PinProtocolV2().authenticate(granted, bytes(32)),
        pin_uv_protocol=2,
        extensions={"hmac-secret": True},
    )
    assert made.auth_data.extensions == {"hmac-secret": True}
    return made.auth_data.credential_data.credential_id


def outputs(key: SoftKey, credential_id: bytes, salt: bytes, *, verified: bool) -> bytes:
    ctap, protocol = Ctap2(key), PinProtocolV2()
    agreement, secret = ClientPin(ctap, protocol)._get_shared_secret()
    salt_enc = protocol.encrypt(secret, salt)
    given = {}
    if verified:
        granted = token(key, permissions=PERMISSION.GET_ASSERTION, permissions_rpid=RP_ID)
        given = {
            "pin_uv_param": protocol.authenticate(granted, bytes(32)),
            "pin_uv_protocol": 2,
        }
    answer = ctap.get_assertion(
        RP_ID,
        bytes(32),
        [{"id": credential_id, "type": "public-key"}],
        {
            "hmac-secret": {
                1: agreement,
                2: salt_enc,
                3: protocol.authenticate(secret, salt_enc),
                4: 2,
            }
        },
        **given,
    )
    assert answer.auth_data.is_user_verified() == verified
    return protocol.decrypt(secret, answer.auth_data.extensions["hmac-secret"])


def test_verified_and_unverified_use_have_different_secrets():
    key, salt = SoftKey(), os.urandom(32)
    made = make(key)
    verified = outputs(key, made, salt, verified=True)
    assert verified == hmac.digest(key.credentials[made].with_uv, salt, "sha256")
    assert outputs(key, made, salt, verified=True) == verified
    unverified = outputs(key, made, salt, verified=False)
    assert unverified == hmac.digest(key.credentials[made].without_uv, salt, "sha256")
    assert unverified != verified
    assert outputs(key.clone(), made, salt, verified=True) == verified


def test_a_token_serves_one_touch_and_one_rp_id():
    key = SoftKey()
    granted = token(key, permissions=PERMISSION.GET_ASSERTION, permissions_rpid="other.org")
    signature = PinProtocolV2().authenticate(granted, bytes(32))

    def ask(rp_id: str) -> CtapError.ERR:
        with pytest.raises(CtapError) as caught:
            Ctap2(key).get_assertion(rp_id, bytes(32), pin_uv_param=signature, pin_uv_protocol=2)
        return caught.value.code

    assert ask(RP_ID) == ERR.PIN_AUTH_INVALID
    assert ask("other.org") == ERR.NO_CREDENTIALS
    assert ask("other.org") == ERR.PIN_AUTH_INVALID


def test_resident_credentials_are_found_without_a_list():
    key = SoftKey()
    make(key)
    first, second = make(key, rk=True), make(key, rk=True)
    found = Ctap2(key).get_assertions(RP_ID, bytes(32))
    assert [each.credential["id"] for each in found] == [second, first]


def test_a_touch_is_waited_for_and_can_be_cancelled():
    key, event, states = SoftKey(), Event(), []
    key.touch = lambda: None
    codes = []

    def select() -> None:
        try:
            Ctap2(key).selection(event=event, on_keepalive=states.append)
        except CtapError as error:
            codes.append(error.code)

    waiting = Thread(target=select)
    waiting.start()
    wait_until(lambda: states == [2])
    assert codes == []
    event.set()
    waiting.join(10)
    assert codes == [ERR.KEEPALIVE_CANCEL]
    assert key.touches == 0


def test_without_verification_nothing_is_made():
    key = SoftKey()
    with pytest.raises(CtapError) as caught:
        Ctap2(key).make_credential(
            bytes(32), {"id": RP_ID}, {"id": b"x"}, [{"alg": -7, "type": "public-key"}]
        )
    assert caught.value.code == ERR.PUAT_REQUIRED
    assert key.touches == 0
