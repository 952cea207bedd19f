"""The machine's clock and ids, the HMAC secrets and the keys kept in storage hold the promises of their ports."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import shop
from shop.adapters.contracts.clock import ClockContract, IdsContract
from shop.adapters.contracts.identity import AuthenticatorContract, AuthenticatorUnderTest, SecretsContract
from shop.adapters.contracts.payments import MovableClock
from shop.adapters.secrets import HmacSecrets
from shop.adapters.system import OffsetClock, SystemClock, SystemIds
from shop.application.commands.identity.keys import CreateApiKey, RevokeApiKey
from shop.application.messages import Actor
from shop.application.ports.clock import Clock, Ids
from shop.application.ports.identity import Secrets


class TestSystemClock(ClockContract):
    """The machine's clock."""

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Clock]:
        yield SystemClock()


class TestOffsetClock(ClockContract):
    """The machine's clock, a month ahead."""

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Clock]:
        clock = OffsetClock(SystemClock())
        clock.move(timedelta(days=30))
        yield clock


class TestSystemIds(IdsContract):
    """UUIDv7 of the machine's time and randomness."""

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Ids]:
        yield SystemIds()


class TestHmacSecrets(SecretsContract):
    """HMACs under the shop's secret key."""

    @asynccontextmanager
    async def open(self) -> AsyncIterator[tuple[Secrets, Secrets]]:
        yield HmacSecrets("o" * 32), HmacSecrets("t" * 32)


class TestCredentialAuthenticator(AuthenticatorContract):
    """Secret keys of a whole shop in memory."""

    @asynccontextmanager
    async def open(self) -> AsyncIterator[AuthenticatorUnderTest]:
        clock = MovableClock()
        async with shop.open_shop(clock=clock) as my_shop:
            made = await my_shop.execute(CreateApiKey(name="k", scopes=frozenset({"orders:read"})))

            async def revoke() -> None:
                await my_shop.execute(RevokeApiKey(key_id=made.id))
                clock.at += timedelta(seconds=5)

            yield AuthenticatorUnderTest(
                authenticator=my_shop.ports.authenticator,
                key=made.secret,
                holder=Actor(kind="api_key", id=made.id, scopes=frozenset({"orders:read"})),
                revoke=revoke,
            )
