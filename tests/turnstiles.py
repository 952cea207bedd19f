"""Ports behind a turnstile: every call goes through it, where tests let others go first or let things go wrong."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from inspect import iscoroutinefunction
from typing import Any, Protocol, cast

from shop.application.messages import Context
from shop.application.ports.payments import PaymentGateway
from shop.application.ports.storage import Storage
from shop.application.ports.unit_of_work import UnitOfWork
from shop.domain.kernel.errors import ShopError
from tests.shops import SmallShop


class Turnstile(Protocol):
    """What happens around each port call. The end of a transaction is the call `commit`."""

    async def enter(self, call: str) -> int:
        """Before the call; the number of the call."""

    async def leave(self, call: str, number: int) -> None:
        """After the call."""


class Jostle:
    """Lets everybody else go on for a while before and after each call, so that transactions overlap at random."""

    def __init__(self, seed: int = 0, turns: int = 4) -> None:
        self._random, self._turns, self._calls = random.Random(seed), turns, 0

    async def enter(self, call: str) -> int:
        self._calls += 1
        await self._let_others_go()
        return self._calls

    async def leave(self, call: str, number: int) -> None:
        await self._let_others_go()

    async def _let_others_go(self) -> None:
        for _ in range(self._random.randrange(self._turns)):
            await asyncio.sleep(0)


class Through:
    """Any port, each call of which passes the turnstile."""

    def __init__(self, port: Any, turnstile: Turnstile, name: str) -> None:
        self._port, self._turnstile, self._name = port, turnstile, name

    def __getattr__(self, name: str) -> Any:
        member, path = getattr(self._port, name), f"{self._name}.{name}"
        if iscoroutinefunction(member):

            async def call(*args: Any, **kwargs: Any) -> Any:
                number = await self._turnstile.enter(path)
                try:
                    answer = await member(*args, **kwargs)
                except ShopError:  # a refusal is an answer too, and may be lost
                    await self._turnstile.leave(path, number)
                    raise
                await self._turnstile.leave(path, number)
                return answer

            return call
        if callable(member) or isinstance(member, str):
            return member
        return Through(member, self._turnstile, path)


class StorageThrough(Through):
    """A storage whose transactions end at the turnstile too."""

    @property
    def uow(self) -> UnitOfWork:
        port, turnstile = self._port, self._turnstile

        @asynccontextmanager
        async def transaction(context: Context) -> AsyncIterator[Any]:
            async with port.uow(context) as tx:
                yield Through(tx, turnstile, "tx")
                number = await turnstile.enter("commit")
            await turnstile.leave("commit", number)

        return cast(UnitOfWork, transaction)


def behind(small: SmallShop, turnstile: Turnstile) -> SmallShop:
    """The same shop, as a process that reaches everything through the turnstile."""
    return small.with_ports(
        storage=cast(Storage, StorageThrough(small.storage, turnstile, "storage")),
        gateway=cast(PaymentGateway, Through(small.shop.ports.gateway, turnstile, "gateway")),
    )
