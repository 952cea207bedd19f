"""What every maker of access tokens promises, as tests: subclass `AccessTokensContract` and run pytest.

    class TestMyTokens(AccessTokensContract):
        @asynccontextmanager
        async def open(self):
            ...
            yield AccessTokensUnderTest(ours=..., of_another_shop=...)

pytest is all that is needed.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime, timedelta
from typing import ClassVar
from uuid import UUID

import pytest
from attrs import evolve, frozen

from shop.adapters.contracts.stories import alone
from shop.application.ports.identity import CredentialsRejected
from shop.application.ports.tokens import AccessClaims, AccessTokens, TokenExpired, UnknownSigningKey
from shop.domain.kernel.identifiers import SessionId, SigningKeyId, UserId

_AT = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
_KEY, _OTHER_KEY = SigningKeyId(UUID(int=7 << 76 | 1)), SigningKeyId(UUID(int=7 << 76 | 2))
_CLAIMS = AccessClaims(
    user_id=UserId(UUID(int=7 << 76 | 3)),
    session_id=SessionId(UUID(int=7 << 76 | 4)),
    issued_at=_AT,
    expires_at=_AT + timedelta(minutes=5),
)


@frozen(kw_only=True)
class AccessTokensUnderTest:
    """The tokens of a shop, and those of another that has another secret."""

    ours: AccessTokens
    of_another_shop: AccessTokens


class AccessTokensContract:
    """The promises of `shop.application.ports.tokens.AccessTokens`."""

    leaves_out: ClassVar[Mapping[str, str]] = {}

    def open(self) -> AbstractAsyncContextManager[AccessTokensUnderTest]:
        """What is to be tested."""
        raise NotImplementedError

    def open_subject(self) -> AbstractAsyncContextManager[AccessTokensUnderTest]:
        return self.open()

    @alone
    async def test_what_was_said_is_read(self, subject: AccessTokensUnderTest) -> None:
        token = subject.ours.issue(_CLAIMS, _KEY)
        assert subject.ours.key_of(token) == _KEY
        for keys in ([_KEY], {_OTHER_KEY, _KEY}):
            for after in (0, 1, 299):
                assert subject.ours.read(token, keys, _AT + timedelta(seconds=after)) == _CLAIMS
        assert len({subject.ours.issue(_CLAIMS, _KEY) for _ in range(20)}) == 20

    @alone
    async def test_s39_it_ends_on_the_second(self, subject: AccessTokensUnderTest) -> None:
        token = subject.ours.issue(_CLAIMS, _KEY)
        subject.ours.read(token, [_KEY], _CLAIMS.expires_at - timedelta(microseconds=1))
        for late in (0, 1, 10**8):
            with pytest.raises(TokenExpired):
                subject.ours.read(token, [_KEY], _CLAIMS.expires_at + timedelta(seconds=late))

    @alone
    async def test_only_the_named_keys_are_believed(self, subject: AccessTokensUnderTest) -> None:
        token = subject.ours.issue(_CLAIMS, _KEY)
        for keys in ([], [_OTHER_KEY]):
            with pytest.raises(UnknownSigningKey):
                subject.ours.read(token, keys, _AT)

    @alone
    async def test_another_shop_signs_nothing_for_this_one(self, subject: AccessTokensUnderTest) -> None:
        token = subject.of_another_shop.issue(_CLAIMS, _KEY)
        with pytest.raises(CredentialsRejected) as caught:
            subject.ours.read(token, [_KEY], _AT)
        assert type(caught.value) is CredentialsRejected

    @alone
    async def test_a_token_that_was_touched_is_none(self, subject: AccessTokensUnderTest) -> None:
        """Every single bit counts."""
        token = subject.ours.issue(_CLAIMS, _KEY)
        parts = token.split(".")
        for number, part in enumerate(parts):
            whole = bytearray(urlsafe_b64decode(part + "=" * (-len(part) % 4)))
            for bit in range(0, len(whole) * 8, 5):
                whole[bit // 8] ^= 1 << bit % 8
                touched = [*parts[:number], urlsafe_b64encode(whole).decode().rstrip("="), *parts[number + 1 :]]
                with pytest.raises(CredentialsRejected):
                    subject.ours.read(".".join(touched), [_KEY], _AT)
                whole[bit // 8] ^= 1 << bit % 8

    @alone
    async def test_what_is_no_token_is_rejected(self, subject: AccessTokensUnderTest) -> None:
        token = subject.ours.issue(_CLAIMS, _KEY)
        wrong = ("", ".", "..", "a.b.c", "sk_test_1", token[:-1], token + "=", token + "A", " " + token, token + "\n")
        for text in (*wrong, token + "." + token, token.rpartition(".")[0] + ".", "é" + token, "\ud800", "A" * 10**6):
            with pytest.raises(CredentialsRejected):
                subject.ours.read(text, [_KEY], _AT)
        assert [subject.ours.key_of(text) for text in ("", "..", "a.b.c", "é.é.é", "A" * 10**6)] == [None] * 5

    @alone
    async def test_the_public_half_is_the_same_every_time_and_no_secret(self, subject: AccessTokensUnderTest) -> None:
        shown = subject.ours.public_key(_KEY)
        assert shown == subject.ours.public_key(_KEY)
        assert (shown["kty"], shown["crv"], shown["use"], shown["alg"]) == ("OKP", "Ed25519", "sig", "EdDSA")
        assert shown["kid"] == str(_KEY)
        assert "d" not in shown
        others = {subject.ours.public_key(_OTHER_KEY)["x"], subject.of_another_shop.public_key(_KEY)["x"]}
        assert len(others | {shown["x"]}) == 3

    @alone
    async def test_no_token_lives_for_long(self, subject: AccessTokensUnderTest) -> None:
        token = subject.ours.issue(evolve(_CLAIMS, expires_at=_AT + timedelta(days=1)), _KEY)
        with pytest.raises(CredentialsRejected):
            subject.ours.read(token, [_KEY], _AT)
