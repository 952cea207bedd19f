"""What every maker of secrets and every authenticator promises, as tests.

    class TestMyAuthenticator(AuthenticatorContract):
        @asynccontextmanager
        async def open(self):
            ...
            yield AuthenticatorUnderTest(authenticator=..., key=..., holder=..., revoke=...)

pytest is all that is needed.
"""

import hashlib
import re
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from typing import ClassVar
from uuid import UUID

import pytest
from attrs import frozen

from shop.adapters.contracts.stories import alone
from shop.application.messages import Actor
from shop.application.ports.identity import Authenticator, CredentialsRejected, Secrets
from shop.domain.kernel.identifiers import ApiKeyId, CartId, OrderId

_ONE, _OTHER = UUID(int=7 << 76 | 1), UUID(int=7 << 76 | 2)


@frozen(kw_only=True)
class AuthenticatorUnderTest:
    """An authenticator, a credential that it knows, whose it is, and what revokes it and lets five seconds pass."""

    authenticator: Authenticator
    key: str
    holder: Actor
    revoke: Callable[[], Awaitable[None]]


class SecretsContract:
    """The promises of `shop.application.ports.identity.Secrets`."""

    leaves_out: ClassVar[Mapping[str, str]] = {}

    def open(self) -> AbstractAsyncContextManager[tuple[Secrets, Secrets]]:
        """The secrets of a shop, and those of another."""
        raise NotImplementedError

    def open_subject(self) -> AbstractAsyncContextManager[tuple[Secrets, Secrets]]:
        return self.open()

    @alone
    async def test_a_token_opens_its_own_thing_only(self, subject: tuple[Secrets, Secrets]) -> None:
        ours, _ = subject
        token = ours.guest_token(CartId(_ONE))
        assert token == ours.guest_token(CartId(_ONE))
        assert ours.is_guest_token(token, CartId(_ONE))
        assert not ours.is_guest_token(token, CartId(_OTHER))
        assert not ours.is_guest_token(token, OrderId(_ONE))

    @alone
    async def test_nobody_else_can_make_one(self, subject: tuple[Secrets, Secrets]) -> None:
        ours, theirs = subject
        assert not ours.is_guest_token(theirs.guest_token(CartId(_ONE)), CartId(_ONE))
        for made_up in ("", str(CartId(_ONE)), "é\ud800", ours.guest_token(CartId(_ONE))[:-1]):
            assert not ours.is_guest_token(made_up, CartId(_ONE))

    @alone
    async def test_secret_keys_are_never_the_same(self, subject: tuple[Secrets, Secrets]) -> None:
        ours, _ = subject
        keys = {ours.new_api_key(ApiKeyId(_ONE)) for _ in range(50)}
        assert len(keys) == 50
        assert all(key.startswith("sk_") for key in keys)

        public = {ours.new_publishable_key(ApiKeyId(_ONE)) for _ in range(50)}
        assert len(public) == 50
        assert all(key.startswith("pk_") for key in public)

    @alone
    async def test_a_new_secret_is_256_bits_in_characters_that_go_anywhere(
        self, subject: tuple[Secrets, Secrets]
    ) -> None:
        ours, _ = subject
        made = {ours.new_secret() for _ in range(50)}
        assert len(made) == 50
        assert all(re.fullmatch(r"[A-Za-z0-9_-]{43,}", secret) for secret in made)

    @alone
    async def test_what_is_derived_is_always_the_same(self, subject: tuple[Secrets, Secrets]) -> None:
        ours, _ = subject
        derived = ours.derive("signing-key", "kid_1")
        assert len(derived) == 32
        assert derived == ours.derive("signing-key", "kid_1")

    @alone
    async def test_what_is_derived_for_one_thing_is_of_no_use_for_another(
        self, subject: tuple[Secrets, Secrets]
    ) -> None:
        ours, theirs = subject
        words = [
            ("totp", "a"),
            ("totp", "b"),
            ("signing-key", "a"),
            ("a", "totp"),
            ("t", "otp:a"),
            ("totp:a", ""),
            ("", ""),
            ("totp", "\ud800"),
            ("totp", "\udfff"),
            ("totp", "?"),
        ]
        assert len({ours.derive(*pair) for pair in words}) == len(words)
        assert all(ours.derive(*pair) != theirs.derive(*pair) for pair in words)

    @alone
    async def test_what_is_kept_of_a_key_is_its_sha_256(self, subject: tuple[Secrets, Secrets]) -> None:
        ours, _ = subject
        key = ours.new_api_key(ApiKeyId(_ONE))
        assert ours.fingerprint(key) == hashlib.sha256(key.encode()).digest()
        assert ours.fingerprint("\ud800") != ours.fingerprint(key)  # whatever somebody sends has one


class AuthenticatorContract:
    """The promises of `shop.application.ports.identity.Authenticator`."""

    leaves_out: ClassVar[Mapping[str, str]] = {}

    def open(self) -> AbstractAsyncContextManager[AuthenticatorUnderTest]:
        """An authenticator that knows one credential."""
        raise NotImplementedError

    def open_subject(self) -> AbstractAsyncContextManager[AuthenticatorUnderTest]:
        return self.open()

    @alone
    async def test_a_credential_is_its_holder(self, subject: AuthenticatorUnderTest) -> None:
        for _ in range(2):
            assert await subject.authenticator.identify(subject.key) == subject.holder

    @alone
    async def test_any_other_is_rejected(self, subject: AuthenticatorUnderTest) -> None:
        for wrong in ("", subject.key[:-1], subject.key + "0", "sk_test_nobody", "é", "sk_" + "0" * 100_000):
            with pytest.raises(CredentialsRejected):
                await subject.authenticator.identify(wrong)

    @alone
    async def test_a_revoked_one_opens_nothing_after_five_seconds(self, subject: AuthenticatorUnderTest) -> None:
        await subject.authenticator.identify(subject.key)
        await subject.revoke()
        with pytest.raises(CredentialsRejected):
            await subject.authenticator.identify(subject.key)
