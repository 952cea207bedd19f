"""A browser with an authenticator in software: ES256, attestation “none”, as WebAuthn level 3 describes them."""

import hashlib
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from typing import Any

import cbor2
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

_PRESENT, _VERIFIED, _ATTESTED = 0x01, 0x04, 0x40
_NO_ATTESTATION = bytes(16)


class SoftwareAuthenticator:
    """Makes one passkey and counts its signatures."""

    def __init__(self, credential_id: bytes = b"a software authenticator", *, count: int = 0) -> None:
        self.credential_id = credential_id
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.count = count

    def create(self, options: Mapping[str, Any], *, origin: str, **changes: Any) -> dict[str, Any]:
        point = self.key.public_key().public_numbers()
        public = {1: 2, 3: -7, -1: 1, -2: point.x.to_bytes(32, "big"), -3: point.y.to_bytes(32, "big")}
        attested = (
            _NO_ATTESTATION
            + len(self.credential_id).to_bytes(2, "big")
            + self.credential_id
            + cbor2.dumps(changes.get("public_key", public))
        )
        data = self._data(changes.get("rp_id", options["rp"]["id"]), changes, attested)
        client = _client_data(options, origin, changes.get("kind", "webauthn.create"))
        attestation = cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": data})
        return self._answer(
            {
                "clientDataJSON": encoded(client),
                "attestationObject": encoded(attestation),
                "transports": ["internal", "usb", "telepathy"],
            }
        )

    def get(self, options: Mapping[str, Any], *, origin: str, **changes: Any) -> dict[str, Any]:
        self.count += 1
        data = self._data(changes.get("rp_id", options["rpId"]), changes)
        client = _client_data(options, origin, changes.get("kind", "webauthn.get"))
        signature = self.key.sign(data + hashlib.sha256(client).digest(), ec.ECDSA(hashes.SHA256()))
        return self._answer(
            {
                "clientDataJSON": encoded(client),
                "authenticatorData": encoded(data),
                "signature": encoded(changes.get("signature", signature)),
                "userHandle": None,
            }
        )

    def _data(self, rp_id: str, changes: Mapping[str, Any], attested: bytes = b"") -> bytes:
        flags = _PRESENT * changes.get("present", True) | _VERIFIED * changes.get("verified", True)
        flags |= _ATTESTED * bool(attested)
        return hashlib.sha256(rp_id.encode()).digest() + bytes([flags]) + self.count.to_bytes(4, "big") + attested

    def _answer(self, response: dict[str, Any]) -> dict[str, Any]:
        shown = encoded(self.credential_id)
        return {
            "id": shown,
            "rawId": shown,
            "type": "public-key",
            "response": response,
            "clientExtensionResults": {},
            "authenticatorAttachment": "platform",
        }


def _client_data(options: Mapping[str, Any], origin: str, kind: str) -> bytes:
    said = {"type": kind, "challenge": options["challenge"], "origin": origin, "crossOrigin": False}
    return json.dumps(said, separators=(",", ":")).encode()


def encoded(data: bytes) -> str:
    return urlsafe_b64encode(data).decode().rstrip("=")


def decoded(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))
