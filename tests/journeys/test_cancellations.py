"""F-79: requests that are cut off at any moment leave whole effects or none, and connections that work."""

import asyncio
import random
import time

import pytest

from shop.application.commands.checkout import CreateOrder
from shop.application.commands.payments import ProcessPayment
from shop.domain.kernel.identifiers import OrderId, VariantId
from shop.domain.orders import OrderStatus
from tests.journeys.branches import Branches, open_branches
from tests.scale import rounds

pytestmark = pytest.mark.journey


@pytest.mark.prove
@pytest.mark.timeout(7200)
async def test_f79_cancelled_at_any_moment(shop_url: str) -> None:
    """Placing and paying are cut off after a random time, four at once on three connections; then repeated."""
    times, chance = rounds(15, in_full=500), random.Random(79)
    async with open_branches(shop_url, 1, connections=3) as branches:
        small = branches.first
        variant = await small.product(stock=4 * times)
        longest = await _duration(branches, await small.product("measured"))
        for _ in range(times):
            commands = [await small.order_command(cart_id) for cart_id in await branches.carts(4, (variant, 1))]

            async def buy(number: int, commands: list[CreateOrder] = commands) -> OrderId:
                order_id = await small.shop.execute(commands[number])
                return await small.shop.execute(ProcessPayment(order_id=order_id))

            buying = [asyncio.create_task(buy(number)) for number in range(4)]
            for task in buying:
                await asyncio.sleep(chance.random() * longest / 2)
                task.cancel()
            await asyncio.gather(*buying, return_exceptions=True)
            again = await asyncio.gather(*(buy(number) for number in range(4)))
            assert len(set(again)) == 4
            for order_id in again:
                assert (await small.order(order_id)).status is OrderStatus.CONFIRMED
        await _pool_is_whole(branches)
        assert (await small.level(variant)).reserved == 4 * times
        assert all(intent.captured == 2489 for intent in small.books.intents.values())
        await branches.check()


async def _duration(branches: Branches, variant: VariantId) -> float:
    """How long four purchases side by side take here."""
    small = branches.first
    carts = await branches.carts(4, (variant, 1))
    started = time.perf_counter()
    await asyncio.gather(*(small.buy_cart(cart_id) for cart_id in carts))
    return time.perf_counter() - started


async def _pool_is_whole(branches: Branches) -> None:
    """All connections can be used at once, and again."""
    small = branches.first
    async with asyncio.timeout(20):
        await asyncio.gather(*(small.storage.check() for _ in range(30)))
    if branches.url.startswith("postgresql"):
        others = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        for _ in range(100):
            if await branches.rows.one(others) <= 3:
                break
            await asyncio.sleep(0.1)
        assert await branches.rows.one(others) <= 3, "connections are left over"
        idle = f"{others} AND state LIKE 'idle in transaction%'"
        assert await branches.rows.one(idle) == 0
