"""What only our codes and passkeys can get wrong."""

from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shop.adapters.second_step.passkeys import WebauthnPasskeys, open_webauthn_passkeys
from shop.adapters.second_step.totp import PyotpCodes
from shop.adapters.system import SystemClock, SystemIds
from shop.application.ports.options import Options
from shop.application.ports.second_step import PasskeyRejected
from shop.domain.kernel.identifiers import UserId
from tests.authenticator import SoftwareAuthenticator, decoded

ORIGIN = "https://shop.test"
CHALLENGE = b"a question of 32 bytes, long ago"
PASSKEYS = WebauthnPasskeys(ORIGIN)
USER = UserId(UUID(int=7 << 76 | 3))


def registration(passkeys: WebauthnPasskeys = PASSKEYS) -> Any:
    return passkeys.registration(user_id=USER, email="ada@example.com", name="", known=[], challenge=CHALLENGE)


def test_a_browser_is_asked_for_a_verified_person_and_no_attestation() -> None:
    options = registration()
    assert options["rp"]["id"] == "shop.test"
    assert decoded(options["user"]["id"]) == USER.uuid.bytes
    assert options["user"]["displayName"] == "ada@example.com"
    assert decoded(options["challenge"]) == CHALLENGE
    assert options["authenticatorSelection"]["userVerification"] == "required"
    assert options["attestation"] == "none"
    assert -7 in [kind["alg"] for kind in options["pubKeyCredParams"]]
    assert PASSKEYS.sign_in(known=[], challenge=CHALLENGE)["userVerification"] == "required"


def test_only_transports_that_there_are_are_kept() -> None:
    answer = SoftwareAuthenticator().create(registration(), origin=ORIGIN)
    assert PASSKEYS.register(answer, challenge=CHALLENGE).transports == ("internal", "usb")
    del answer["response"]["transports"]
    assert PASSKEYS.register(answer, challenge=CHALLENGE).transports == ()


def test_a_device_that_does_not_count_is_taken() -> None:
    """Synchronised passkeys say 0 for ever."""
    device = SoftwareAuthenticator()
    made = PASSKEYS.register(device.create(registration(), origin=ORIGIN), challenge=CHALLENGE)
    for _ in range(2):
        device.count = -1
        answer = device.get(PASSKEYS.sign_in(known=[], challenge=CHALLENGE), origin=ORIGIN)
        assert PASSKEYS.verify(answer, challenge=CHALLENGE, public_key=made.public_key, sign_count=0) == 0


@pytest.mark.parametrize("public_key", [{}, {1: 2, 3: -257}, {1: 2, 3: -7, -1: 1}, {1: 2, 3: -65535, -1: 1}, [], 7])
def test_a_key_of_no_known_kind_is_rejected(public_key: Any) -> None:
    answer = SoftwareAuthenticator().create(registration(), origin=ORIGIN, public_key=public_key)
    with pytest.raises(PasskeyRejected):
        PASSKEYS.register(answer, challenge=CHALLENGE)


@pytest.mark.parametrize("credential_id", [b"", b"x" * 1024, b"x" * 65535])
def test_the_name_of_a_key_has_a_length(credential_id: bytes) -> None:
    answer = SoftwareAuthenticator(credential_id).create(registration(), origin=ORIGIN)
    with pytest.raises(PasskeyRejected):
        PASSKEYS.register(answer, challenge=CHALLENGE)


def test_the_page_is_that_of_the_settings() -> None:
    options = Options(environment={"SHOP_BASE_URL": "http://localhost:8000"}, clock=SystemClock(), ids=SystemIds())
    passkeys = open_webauthn_passkeys(options)
    answer = SoftwareAuthenticator().create(registration(passkeys), origin="http://localhost:8000")
    assert passkeys.register(answer, challenge=CHALLENGE).credential_id == b"a software authenticator"


@given(st.recursive(st.none() | st.integers() | st.text(max_size=40), lambda inner: st.dictionaries(st.text(), inner)))
def test_no_answer_crashes_them(value: Any) -> None:
    answer = value if isinstance(value, dict) else {"response": value, "rawId": value, "id": value}
    with pytest.raises(PasskeyRejected):
        PASSKEYS.register(answer, challenge=CHALLENGE)
    with pytest.raises(PasskeyRejected):
        PASSKEYS.verify(answer, challenge=CHALLENGE, public_key=b"", sign_count=0)


def test_a_shop_without_a_name_has_codes_too() -> None:
    enrolment = PyotpCodes().enrolment(bytes(20), "ada@example.com", "")
    assert "issuer" not in enrolment.uri
    assert 'role="img"' in enrolment.qr_svg or "<title>" in enrolment.qr_svg
