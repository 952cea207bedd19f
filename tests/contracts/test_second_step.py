"""Codes of an app and passkeys hold the promises of their ports."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from shop.adapters.contracts.second_step import PasskeysContract, PasskeysUnderTest, TotpCodesContract
from shop.adapters.second_step.passkeys import WebauthnPasskeys
from shop.adapters.second_step.totp import PyotpCodes
from shop.application.ports.second_step import TotpCodes
from tests.authenticator import SoftwareAuthenticator


class TestPyotpCodes(TotpCodesContract):
    """pyotp and segno."""

    @asynccontextmanager
    async def open(self) -> AsyncIterator[TotpCodes]:
        yield PyotpCodes()


class TestWebauthnPasskeys(PasskeysContract):
    """py_webauthn, against an authenticator in software."""

    @asynccontextmanager
    async def open(self) -> AsyncIterator[PasskeysUnderTest]:
        yield PasskeysUnderTest(
            passkeys=WebauthnPasskeys("https://shop.test:8443/with/a/path"),
            origin="https://shop.test:8443",
            device=SoftwareAuthenticator(),
            other_device=SoftwareAuthenticator(b"another software authenticator", count=1000),
        )
