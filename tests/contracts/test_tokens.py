"""Our JWTs hold the promises of access tokens."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from shop.adapters.contracts.tokens import AccessTokensContract, AccessTokensUnderTest
from shop.adapters.secrets import HmacSecrets
from shop.adapters.tokens import JwtAccessTokens


class TestJwtAccessTokens(AccessTokensContract):
    """Ed25519 keys derived from the shop's secret."""

    @asynccontextmanager
    async def open(self) -> AsyncIterator[AccessTokensUnderTest]:
        yield AccessTokensUnderTest(
            ours=JwtAccessTokens(HmacSecrets("o" * 32), "https://shop.test"),
            of_another_shop=JwtAccessTokens(HmacSecrets("t" * 32), "https://shop.test"),
        )
