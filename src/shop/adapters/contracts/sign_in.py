"""What every sign-in provider promises, as tests: subclass `SignInProviderContract` and run pytest.

    class TestMyProvider(SignInProviderContract):
        @asynccontextmanager
        async def open(self):
            ...
            yield SignInUnderTest(provider=..., consent=..., person=...)

pytest is all that is needed, and a server that the provider's browser side can be played at.
"""

import hashlib
from base64 import urlsafe_b64encode
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from typing import ClassVar
from urllib.parse import parse_qs, urlsplit

import pytest
from attrs import frozen

from shop.adapters.contracts.stories import alone
from shop.application.ports.network import enter_transaction, leave_transaction
from shop.application.ports.sign_in import ProviderProfile, SignInProvider, SignInRefused

_VERIFIER = "a-verifier-of-at-least-43-characters-for-pkce-s256"
_BACK = "https://shop.test/account/sign-in/back"


@frozen(kw_only=True)
class SignInUnderTest:
    """A provider, somebody whom it knows, and what says yes in the browser at an address: the code that comes back."""

    provider: SignInProvider
    person: ProviderProfile
    consent: Callable[[str], Awaitable[str]]


class SignInProviderContract:
    """The promises of `shop.application.ports.sign_in.SignInProvider`."""

    leaves_out: ClassVar[Mapping[str, str]] = {}

    def open(self) -> AbstractAsyncContextManager[SignInUnderTest]:
        """A provider at which nobody has signed in yet, closed at the end."""
        raise NotImplementedError

    def open_subject(self) -> AbstractAsyncContextManager[SignInUnderTest]:
        return self.open()

    async def ask(self, subject: SignInUnderTest) -> str:
        return await subject.provider.address(state="a-state", nonce="a-nonce", verifier=_VERIFIER, redirect_uri=_BACK)

    async def read(
        self,
        subject: SignInUnderTest,
        code: str,
        *,
        nonce: str = "a-nonce",
        verifier: str = _VERIFIER,
        back: str = _BACK,
        issuer: str | None = None,
    ) -> ProviderProfile:
        return await subject.provider.profile(
            code=code, nonce=nonce, verifier=verifier, redirect_uri=back, issuer=issuer
        )

    @alone
    async def test_s43_the_browser_goes_with_state_and_the_hash_of_the_verifier(self, subject: SignInUnderTest) -> None:
        address = await self.ask(subject)
        asked = parse_qs(urlsplit(address).query)
        challenge = urlsafe_b64encode(hashlib.sha256(_VERIFIER.encode()).digest()).decode().rstrip("=")
        assert asked["response_type"] == ["code"]
        assert asked["state"] == ["a-state"]
        assert asked["redirect_uri"] == [_BACK]
        assert asked["code_challenge"] == [challenge]
        assert asked["code_challenge_method"] == ["S256"]
        assert _VERIFIER not in address

    @alone
    async def test_who_came_back_is_known(self, subject: SignInUnderTest) -> None:
        for _ in range(2):
            assert await self.read(subject, await subject.consent(await self.ask(subject))) == subject.person

    @alone
    async def test_s43_a_code_is_good_once(self, subject: SignInUnderTest) -> None:
        code = await subject.consent(await self.ask(subject))
        await self.read(subject, code)
        with pytest.raises(SignInRefused):
            await self.read(subject, code)

    @alone
    async def test_s43_a_made_up_code_is_refused(self, subject: SignInUnderTest) -> None:
        for code in ("made-up", "", "x" * 100_000, "a b&grant_type=password", "\0"):
            with pytest.raises(SignInRefused):
                await self.read(subject, code)

    @alone
    async def test_s43_an_answer_that_names_another_provider_is_refused(self, subject: SignInUnderTest) -> None:
        """Mix-up (RFC 9207): our code must not be taken to somebody else, nor somebody else's to this one."""
        ours = subject.provider.issuer
        for issuer in ("https://evil.test", "", f"{ours}/", ours.upper()):
            code = await subject.consent(await self.ask(subject))
            with pytest.raises(SignInRefused):
                await self.read(subject, code, issuer=issuer)
            assert await self.read(subject, code, issuer=ours) == subject.person

    @alone
    async def test_s43_another_browser_s_answer_is_refused(self, subject: SignInUnderTest) -> None:
        code = await subject.consent(await self.ask(subject))
        for nonce in ("another-nonce", ""):
            with pytest.raises(SignInRefused):
                await self.read(subject, code, nonce=nonce)
            code = await subject.consent(await self.ask(subject))

    @alone
    async def test_s43_a_stolen_code_is_worth_nothing_without_the_verifier(self, subject: SignInUnderTest) -> None:
        with pytest.raises(SignInRefused):
            await self.read(subject, await subject.consent(await self.ask(subject)), verifier="v" * 43)

    @alone
    async def test_s43_the_way_back_is_the_one_that_was_asked_for(self, subject: SignInUnderTest) -> None:
        code = await subject.consent(await self.ask(subject))
        with pytest.raises(SignInRefused):
            await self.read(subject, code, back="https://evil.test/back")

    @alone
    async def test_it_is_not_done_inside_a_transaction(self, subject: SignInUnderTest) -> None:
        token = enter_transaction()
        try:
            with pytest.raises(RuntimeError, match="transaction"):
                await self.ask(subject)
            with pytest.raises(RuntimeError, match="transaction"):
                await self.read(subject, "code")
        finally:
            leave_transaction(token)
