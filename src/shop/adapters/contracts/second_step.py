"""What codes and passkeys promise, as tests: subclass `TotpCodesContract` or `PasskeysContract` and run pytest.

    class TestMyCodes(TotpCodesContract):
        @asynccontextmanager
        async def open(self):
            yield MyCodes()

pytest is all that is needed; for passkeys, besides, something that answers as a browser with a device would.
"""

import json
from base64 import b32decode
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar, Protocol
from urllib.parse import parse_qs, unquote, urlsplit
from uuid import UUID

import pytest
from attrs import frozen

from shop.adapters.contracts.stories import alone
from shop.application.ports.second_step import PasskeyRejected, Passkeys, TotpCodes
from shop.domain.kernel.identifiers import UserId

# The secret and the times of RFC 6238, appendix B, with the last six of its eight digits.
_SECRET = b"12345678901234567890"
_VECTORS = {
    59: "287082",
    1111111109: "081804",
    1111111111: "050471",
    1234567890: "005924",
    2000000000: "279037",
    20000000000: "353130",
}
_WRONG: tuple[Any, ...] = (None, 1, "x", [], {})
_USER = UserId(UUID(int=7 << 76 | 3))
_ASKED, _ASKED_LATER = b"a question of 32 bytes, long ago", b"another question of thirty-two b"


class TotpCodesContract:
    """The promises of `shop.application.ports.second_step.TotpCodes`."""

    leaves_out: ClassVar[Mapping[str, str]] = {}

    def open(self) -> AbstractAsyncContextManager[TotpCodes]:
        """What is to be tested."""
        raise NotImplementedError

    def open_subject(self) -> AbstractAsyncContextManager[TotpCodes]:
        return self.open()

    @alone
    async def test_codes_are_those_of_rfc_6238(self, subject: TotpCodes) -> None:
        for second, code in _VECTORS.items():
            now = datetime.fromtimestamp(second, UTC)
            assert subject.step_of(_SECRET, code, now) == second // 30
            assert subject.step_of(_SECRET, f"{code[:3]} {code[3:]}", now) == second // 30

    @alone
    async def test_s45_a_code_says_its_own_step_one_early_and_one_late(self, subject: TotpCodes) -> None:
        second = 1234567890
        of, code = second // 30, _VECTORS[second]
        for step, found in ((of - 2, None), (of - 1, of), (of, of), (of + 1, of), (of + 2, None)):
            for inside in (timedelta(0), timedelta(seconds=29.999)):
                now = datetime.fromtimestamp(step * 30, UTC) + inside
                assert subject.step_of(_SECRET, code, now) == found

    @alone
    async def test_s45_anything_else_is_no_code(self, subject: TotpCodes) -> None:
        now = datetime.fromtimestamp(1234567890, UTC)
        wrong = (
            "",
            "5924",
            "00592",
            "0059245",
            "005925",
            "-05924",
            "+05924",
            "0x1724",
            "٠٠٥٩٢٤",
            "００５９２４",
            "abcdef",
        )
        for code in (*wrong, "005924\n", "\0" * 6, "5924.0", "0" * 10**6):
            assert subject.step_of(_SECRET, code, now) is None
        assert subject.step_of(_SECRET[::-1], "005924", now) is None

    @alone
    async def test_an_app_learns_the_secret_in_three_ways(self, subject: TotpCodes) -> None:
        account, shop = "ada+shop@example.com", "Tea & Co: 100%"
        for secret in (_SECRET, bytes(range(32))):
            enrolment = subject.enrolment(secret, account, shop)
            known = b32decode(enrolment.secret_text)
            assert len(known) >= 16
            assert secret.startswith(known)
            uri = urlsplit(enrolment.uri)
            assert (uri.scheme, uri.netloc) == ("otpauth", "totp")
            assert unquote(uri.path).endswith(account)
            said = parse_qs(uri.query)
            assert said["secret"] == [enrolment.secret_text]
            assert said["issuer"] == [shop]
            assert enrolment.qr_svg.startswith("<svg")
            assert "script" not in enrolment.qr_svg
            assert enrolment.secret_text not in repr(enrolment)


class Device(Protocol):
    """A browser with an authenticator, as a test needs it: it answers on the page that it is told it is on."""

    def create(self, options: Mapping[str, Any], *, origin: str, **changes: Any) -> dict[str, Any]:
        """What a browser would answer to these options of a registration, with a new passkey."""

    def get(self, options: Mapping[str, Any], *, origin: str, **changes: Any) -> dict[str, Any]:
        """What a browser would answer to these options of a sign-in. `verified=False`: nobody showed a finger."""


@frozen(kw_only=True)
class PasskeysUnderTest:
    """Passkeys, the page they are for, and two devices: each makes one passkey."""

    passkeys: Passkeys
    origin: str
    device: Device
    other_device: Device


class PasskeysContract:
    """The promises of `shop.application.ports.second_step.Passkeys`."""

    leaves_out: ClassVar[Mapping[str, str]] = {}

    def open(self) -> AbstractAsyncContextManager[PasskeysUnderTest]:
        """What is to be tested, with new devices."""
        raise NotImplementedError

    def open_subject(self) -> AbstractAsyncContextManager[PasskeysUnderTest]:
        return self.open()

    def ask(self, subject: PasskeysUnderTest, *known: bytes) -> Mapping[str, Any]:
        return subject.passkeys.registration(
            user_id=_USER, email="ada@example.com", name="Ada", known=known, challenge=_ASKED
        )

    @alone
    async def test_a_passkey_is_made_and_signs_in(self, subject: PasskeysUnderTest) -> None:
        passkeys, device = subject.passkeys, subject.device
        options = json.loads(json.dumps(self.ask(subject)))
        made = passkeys.register(device.create(options, origin=subject.origin), challenge=_ASKED)
        count = made.sign_count
        for known in ([made.credential_id], [], [b"another", made.credential_id]):
            asked = json.loads(json.dumps(passkeys.sign_in(known=known, challenge=_ASKED_LATER)))
            answer = device.get(asked, origin=subject.origin)
            assert passkeys.credential_of(answer) == made.credential_id
            now = passkeys.verify(answer, challenge=_ASKED_LATER, public_key=made.public_key, sign_count=count)
            assert now > count
            count = now

    @alone
    async def test_who_has_one_is_not_asked_to_make_it_again(self, subject: PasskeysUnderTest) -> None:
        first = subject.passkeys.register(
            subject.device.create(self.ask(subject), origin=subject.origin), challenge=_ASKED
        )
        excluded = self.ask(subject, first.credential_id)["excludeCredentials"]
        allowed = subject.passkeys.sign_in(known=[first.credential_id], challenge=_ASKED)["allowCredentials"]
        assert [named["id"] for named in excluded] == [named["id"] for named in allowed]
        assert len(excluded) == 1

    @alone
    async def test_another_page_or_question_makes_no_passkey(self, subject: PasskeysUnderTest) -> None:
        options = self.ask(subject)
        answer = subject.device.create(options, origin=subject.origin)
        with pytest.raises(PasskeyRejected):
            subject.passkeys.register(answer, challenge=_ASKED_LATER)
        for origin in ("https://evil.test", subject.origin + ".evil.test", subject.origin + "/", ""):
            with pytest.raises(PasskeyRejected):
                subject.passkeys.register(subject.device.create(options, origin=origin), challenge=_ASKED)
        for changes in ({"verified": False}, {"present": False}, {"rp_id": "evil.test"}, {"kind": "webauthn.get"}):
            answer = subject.device.create(options, origin=subject.origin, **changes)
            with pytest.raises(PasskeyRejected):
                subject.passkeys.register(answer, challenge=_ASKED)

    @alone
    async def test_another_page_question_or_device_signs_nobody_in(self, subject: PasskeysUnderTest) -> None:
        passkeys = subject.passkeys
        made = passkeys.register(subject.device.create(self.ask(subject), origin=subject.origin), challenge=_ASKED)
        subject.other_device.create(self.ask(subject), origin=subject.origin)
        asked = passkeys.sign_in(known=[], challenge=_ASKED_LATER)
        answers = [
            subject.device.get(asked, origin="https://evil.test"),
            subject.device.get(asked, origin=subject.origin.replace("https", "http")),
            subject.device.get(passkeys.sign_in(known=[], challenge=_ASKED), origin=subject.origin),
            subject.other_device.get(asked, origin=subject.origin),
            subject.device.get(asked, origin=subject.origin, verified=False),
            subject.device.get(asked, origin=subject.origin, present=False),
            subject.device.get(asked, origin=subject.origin, rp_id="evil.test"),
            subject.device.get(asked, origin=subject.origin, kind="webauthn.create"),
            subject.device.get(asked, origin=subject.origin, signature=b""),
        ]
        for answer in answers:
            with pytest.raises(PasskeyRejected):
                passkeys.verify(answer, challenge=_ASKED_LATER, public_key=made.public_key, sign_count=0)

    @alone
    async def test_the_same_answer_does_not_come_twice(self, subject: PasskeysUnderTest) -> None:
        passkeys = subject.passkeys
        made = passkeys.register(subject.device.create(self.ask(subject), origin=subject.origin), challenge=_ASKED)
        answer = subject.device.get(passkeys.sign_in(known=[], challenge=_ASKED_LATER), origin=subject.origin)
        count = passkeys.verify(answer, challenge=_ASKED_LATER, public_key=made.public_key, sign_count=0)
        for known in (count, count + 1):
            with pytest.raises(PasskeyRejected):
                passkeys.verify(answer, challenge=_ASKED_LATER, public_key=made.public_key, sign_count=known)

    @alone
    async def test_what_is_no_answer_is_rejected(self, subject: PasskeysUnderTest) -> None:
        passkeys = subject.passkeys
        created = subject.device.create(self.ask(subject), origin=subject.origin)
        made = passkeys.register(created, challenge=_ASKED)
        signed = subject.device.get(passkeys.sign_in(known=[], challenge=_ASKED_LATER), origin=subject.origin)
        for answer, check in ((created, self._register(passkeys)), (signed, self._verify(passkeys, made.public_key))):
            for broken in _broken(answer):
                with pytest.raises(PasskeyRejected):
                    check(broken)
        for wrong in ({}, {"rawId": 1}, {"rawId": ""}, {"rawId": "é"}, {"rawId": None}, {"rawId": "A" * 10_000}):
            with pytest.raises(PasskeyRejected):
                passkeys.credential_of(wrong)

    def _register(self, passkeys: Passkeys) -> Any:
        return lambda answer: passkeys.register(answer, challenge=_ASKED)

    def _verify(self, passkeys: Passkeys, public_key: bytes) -> Any:
        return lambda answer: passkeys.verify(answer, challenge=_ASKED_LATER, public_key=public_key, sign_count=0)


def _broken(answer: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The answer with each of its parts gone, of another type, or cut short."""
    broken: list[dict[str, Any]] = [{}, {"response": {}}]
    for name in ("id", "rawId", "type", "response"):
        broken += [{**answer, name: wrong} for wrong in _WRONG]
    for name, value in answer["response"].items():
        if name in ("clientDataJSON", "attestationObject", "authenticatorData", "signature"):
            for wrong in (None, 1, "", "!", value[:-8], value[8:], "A" * 5000):
                broken.append({**answer, "response": {**answer["response"], name: wrong}})
    return broken
