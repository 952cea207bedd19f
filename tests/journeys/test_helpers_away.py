"""What happens to a shop while those that help it are away: Redis stops, workers die."""

import asyncio
import random
import time
from pathlib import Path
from typing import Any

import httpx
import pytest
import redis

from shop.adapters.fake.payments import FakePaymentGateway
from shop.application.commands.payments import ReceiveProviderNews
from shop.application.queries.orders import GetAnyOrder
from shop.application.shop import Shop
from shop.domain.kernel.identifiers import OrderId
from shop.entrypoints.embed import open_shop
from tests.journeys.houses import PATIENCE_SECONDS, Buyers, House
from tests.scale import rounds
from tests.servers import redis_server

# A lease is of two minutes: this is what those of a dead worker look like when they are over.
TWO_MINUTES_LATER = (
    "UPDATE deliveries SET due_at = now() WHERE state = 'pending' AND due_at > now() + interval '100 seconds'"
)
CONNECTIONS = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'shop'"
pytestmark = [pytest.mark.journey, pytest.mark.integration, pytest.mark.timeout(7200)]


async def test_f77_redis_stops_and_the_shop_still_sells(postgres_shop: str, tmp_path: Path) -> None:
    with redis_server() as cache:
        house = House(postgres_shop, tmp_path, {"SHOP_REDIS_URL": cache.url, "SHOP_RATE_LIMIT": "100000/60"})
        [variant] = await house.furnish(100)
        staff = {"Authorization": f"Bearer {await house.key()}"}
        with house.server(workers=2) as server:
            await server.start()
            async with Buyers(server.url) as shopper:
                baskets = await shopper.baskets(12, (variant, 1))
                await _listed(shopper)
                assert _remembered(cache.url) > 0
                assert (await shopper.order(baskets[0])).json()["payment_status"] == "paid"

                cache.crash()
                for basket in baskets[1:8]:
                    assert (await _listed(shopper))["title"] == "Thing 0"
                    answer = await _quickly(shopper.order(basket))
                    assert (answer.status_code, answer.json()["payment_status"]) == (201, "paid")
                product = await _listed(shopper)
                await _rename(shopper, product, "Renamed while Redis was away", staff)
                await _until_listed(shopper, "Renamed while Redis was away")

                cache.start()
                await asyncio.sleep(1.1)  # that long nothing is asked of a Redis that failed
                await _until_listed(shopper, "Renamed while Redis was away")
                await _rename(shopper, product, "Renamed again", staff)
                await _until_listed(shopper, "Renamed again")
                for basket in baskets[8:]:
                    assert (await shopper.order(basket)).json()["payment_status"] == "paid"
                await _until(lambda: _remembered(cache.url) > 0, shopper)
            assert server.stop() == 0
        assert await house.rows.one("SELECT reserved FROM stock_levels") == len(baskets)
        await house.check()


async def _quickly(calling: Any) -> httpx.Response:
    started = time.perf_counter()
    answer: httpx.Response = await calling
    assert time.perf_counter() - started < 5
    return answer


async def _listed(shopper: Buyers) -> dict[str, Any]:
    answer = await _quickly(shopper.get("/api/products?limit=20"))
    assert answer.status_code == 200
    product: dict[str, Any] = answer.json()["data"][0]
    return product


async def _rename(shopper: Buyers, product: dict[str, Any], title: str, staff: dict[str, str]) -> None:
    path = f"/api/products/{product['id']}"
    etag = (await shopper.get(path, headers=staff)).headers["etag"]
    answer = await shopper.patch(path, json={"title": title}, headers={**staff, "If-Match": etag})
    assert answer.status_code == 200, answer.text


async def _until_listed(shopper: Buyers, title: str) -> None:
    """All processes show the new title within a few seconds, and go on to."""
    right_in_a_row = 0
    for _ in range(200):
        right_in_a_row = right_in_a_row + 1 if (await _listed(shopper))["title"] == title else 0
        if right_in_a_row == 12:
            return
        await asyncio.sleep(0.05)
    raise AssertionError(f"{title!r} is not shown everywhere")


def _remembered(url: str) -> int:
    with redis.Redis.from_url(url, socket_timeout=5) as client:
        return len(client.keys("hexshop:answer:*"))


async def _until(holds: Any, shopper: Buyers) -> None:
    for number in range(100):
        await shopper.get(f"/api/products?limit={number % 20 + 1}")
        if holds():
            return
        await asyncio.sleep(0.1)
    raise AssertionError("nothing is remembered in Redis again")


@pytest.mark.prove
async def test_f67_f69_two_workers_and_one_of_them_is_killed(postgres_shop: str, tmp_path: Path) -> None:
    """Messages of the provider come in; a worker dies with some of them in its hands; another one does them."""
    chance = random.Random(69)
    house = House(postgres_shop, tmp_path)
    [variant] = await house.furnish(10_000)
    seller = house.server(workers=1, with_worker=False)
    with seller:
        await seller.start()
        async with Buyers(seller.url) as shopper:
            count = 25
            baskets = await asyncio.gather(
                *(shopper.basket(n, (variant, 1), method="fake_card_3ds") for n in range(rounds(1, in_full=10) * count))
            )
            order_ids: list[OrderId] = []
            for turn in range(0, len(baskets), count):
                answers = await asyncio.gather(*(shopper.order(b) for b in baskets[turn : turn + count]))
                placed = [OrderId.parse(answer.json()["id"]) for answer in answers]
                await _two_workers(house, placed, chance)
                order_ids += placed
        assert seller.stop() == 0
    assert await house.rows.one("SELECT count(*) FROM orders WHERE payment_status <> 'paid'") == 0
    assert await house.rows.one("SELECT count(*) FROM ledger_entries WHERE kind = 'capture'") == len(order_ids)
    assert await house.rows.one("SELECT count(*) FROM inbox WHERE state <> 'applied'") == 0
    await house.check()


async def _two_workers(house: House, placed: list[OrderId], chance: random.Random) -> None:
    first, *many, last = placed
    async with open_shop(house.settings) as shop:
        with house.process("worker") as heir, house.process("worker") as doomed:
            heir.begin()
            await _shoppers_confirm(shop, [first])
            await _until_paid(house, shop, [first])
            before = await house.rows.one(CONNECTIONS)
            doomed.begin()
            await _until_connected(house, before)
            posting = asyncio.create_task(_shoppers_confirm(shop, many))
            await asyncio.sleep(0.05 + chance.random() * 0.2)
            doomed.kill()
            await posting
            await _until_paid(house, shop, many)
            assert heir.stop() == 0
            doomed.begin()
            await _shoppers_confirm(shop, [last])
            await _until_paid(house, shop, [last])
            assert doomed.stop() == 0


async def _until_connected(house: House, before: int) -> None:
    for _ in range(600):
        if await house.rows.one(CONNECTIONS) > before:
            return
        await asyncio.sleep(0.1)
    raise AssertionError("the second worker does not come up")


async def _shoppers_confirm(shop: Shop, placed: list[OrderId]) -> None:
    """Each passes the challenge; the provider posts what it has to tell, some of it twice."""
    provider = shop.ports.gateway
    assert isinstance(provider, FakePaymentGateway)
    for order_id in placed:
        async with shop.ports.storage.uow(shop.context()) as tx:
            ref = (await tx.payments.of_order(order_id)).attempt.provider_ref
        provider.shopper_confirms(ref)
        for news in provider.take_news() * 2:
            headers = provider.signed_headers(news.body)
            await shop.execute(ReceiveProviderNews(provider="fake", body=news.body, headers=headers))


async def _until_paid(house: House, shop: Shop, placed: list[OrderId]) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not await _all_paid(shop, placed):
            await house.rows.run(TWO_MINUTES_LATER)
            await asyncio.sleep(0.2)


async def _all_paid(shop: Shop, placed: list[OrderId]) -> bool:
    orders = [await shop.ask(GetAnyOrder(order_id=order_id)) for order_id in placed]
    return all(order.payment_status == "paid" for order in orders)
