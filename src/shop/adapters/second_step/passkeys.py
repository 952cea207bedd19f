"""Passkeys by py_webauthn, for the one page that SHOP_BASE_URL names."""

import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from webauthn import generate_authentication_options, generate_registration_options
from webauthn.authentication.verify_authentication_response import verify_authentication_response
from webauthn.helpers.base64url_to_bytes import base64url_to_bytes
from webauthn.helpers.options_to_json_dict import options_to_json_dict
from webauthn.helpers.parse_registration_credential_json import parse_registration_credential_json
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)
from webauthn.registration.verify_registration_response import verify_registration_response

from shop.application.ports.options import Options
from shop.application.ports.second_step import NewPasskey, PasskeyRejected
from shop.domain.kernel.identifiers import UserId

TIMEOUT_MILLISECONDS = 120_000
CREDENTIAL_ID_BYTES_MAX = 1023
_BASE64URL = re.compile(r"(?:[A-Za-z0-9_-]{4})*(?:[A-Za-z0-9_-]{2,4})", re.ASCII)
_SHOWN_MAX = (CREDENTIAL_ID_BYTES_MAX * 4 + 2) // 3
# The device asks for a finger or a code: then a passkey is something one has and something one is or knows.
_VERIFIED = UserVerificationRequirement.REQUIRED


class WebauthnPasskeys:
    """Of the answers only signature, question, page and counter matter: who made the device is not asked."""

    def __init__(self, base_url: str) -> None:
        page = urlsplit(base_url)
        self._rp_id = page.hostname or ""
        self._origin = f"{page.scheme}://{page.netloc}".lower()

    def registration(
        self, *, user_id: UserId, email: str, name: str, known: Sequence[bytes], challenge: bytes
    ) -> Mapping[str, Any]:
        options = generate_registration_options(
            rp_id=self._rp_id,
            rp_name=self._rp_id,
            user_id=user_id.uuid.bytes,
            user_name=email,
            user_display_name=name or email,
            challenge=challenge,
            timeout=TIMEOUT_MILLISECONDS,
            exclude_credentials=_descriptors(known),
            authenticator_selection=AuthenticatorSelectionCriteria(
                resident_key=ResidentKeyRequirement.PREFERRED, user_verification=_VERIFIED
            ),
        )
        return options_to_json_dict(options)

    def register(self, answer: Mapping[str, Any], *, challenge: bytes) -> NewPasskey:
        # Whatever the parsers stumble over was made by a stranger: it is no mistake of ours.
        try:
            credential = parse_registration_credential_json(dict(answer))
            verified = verify_registration_response(
                credential=credential,
                expected_challenge=challenge,
                expected_rp_id=self._rp_id,
                expected_origin=self._origin,
                require_user_verification=True,
            )
        except Exception as wrong:
            raise PasskeyRejected from wrong
        if len(verified.credential_id) > CREDENTIAL_ID_BYTES_MAX:
            raise PasskeyRejected
        return NewPasskey(
            credential_id=verified.credential_id,
            public_key=verified.credential_public_key,
            sign_count=verified.sign_count,
            transports=tuple(dict.fromkeys(kind.value for kind in credential.response.transports or ())),
        )

    def sign_in(self, *, known: Sequence[bytes], challenge: bytes) -> Mapping[str, Any]:
        options = generate_authentication_options(
            rp_id=self._rp_id,
            challenge=challenge,
            timeout=TIMEOUT_MILLISECONDS,
            allow_credentials=_descriptors(known),
            user_verification=_VERIFIED,
        )
        return options_to_json_dict(options)

    def credential_of(self, answer: Mapping[str, Any]) -> bytes:
        shown = answer.get("rawId")
        if not isinstance(shown, str) or len(shown) > _SHOWN_MAX or not _BASE64URL.fullmatch(shown):
            raise PasskeyRejected
        return base64url_to_bytes(shown)

    def verify(self, answer: Mapping[str, Any], *, challenge: bytes, public_key: bytes, sign_count: int) -> int:
        try:
            verified = verify_authentication_response(
                credential=dict(answer),
                expected_challenge=challenge,
                expected_rp_id=self._rp_id,
                expected_origin=self._origin,
                credential_public_key=public_key,
                credential_current_sign_count=sign_count,
                require_user_verification=True,
            )
        except Exception as wrong:
            raise PasskeyRejected from wrong
        return verified.new_sign_count


def _descriptors(known: Sequence[bytes]) -> list[PublicKeyCredentialDescriptor]:
    return [PublicKeyCredentialDescriptor(id=credential_id) for credential_id in known]


def open_webauthn_passkeys(options: Options) -> WebauthnPasskeys:
    """Reads SHOP_BASE_URL."""
    return WebauthnPasskeys(options.get("SHOP_BASE_URL"))
