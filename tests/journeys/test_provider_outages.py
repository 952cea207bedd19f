"""A quarter of an hour in which Stripe is slow, hangs, refuses, drops and is not there at all, with real processes.

Servers and worker are real, PostgreSQL is real, Stripe's library speaks over a real line with a server that misbehaves.
"""

import asyncio
import time
from collections import Counter, deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from shop.adapters.stripe.news import HEADER
from shop.domain.kernel.identifiers import VariantId
from tests.journeys.houses import Buyers, House
from tests.scale import rounds
from tests.stripe_stub import IN_A_WEEK, SECRET_KEY, WEBHOOK_SECRET, StripeStub, sign

PHASE_SECONDS = rounds(3, in_full=180)
PHASES = ("slow", "hang", "429", "500", "down")
PAUSE_SECONDS = 0.4
CATALOGUE_SECONDS = 1.0
OLDEST = (
    "SELECT coalesce(max(extract(epoch FROM clock_timestamp() - xact_start)), 0) FROM pg_stat_activity"
    " WHERE datname = current_database() AND application_name = 'shop' AND xact_start IS NOT NULL"
    " AND backend_type = 'client backend'"
)
pytestmark = [pytest.mark.journey, pytest.mark.integration, pytest.mark.timeout(7200)]


class Always(deque[str]):
    """The same fault for every request."""

    def __init__(self, fault: str) -> None:
        super().__init__([fault])

    def popleft(self) -> str:
        return self[0]


@pytest.mark.prove
async def test_f76_f83_whatever_the_provider_does_orders_are_taken_and_settle_once(
    postgres_shop: str, tmp_path: Path
) -> None:
    async with StripeStub(capture_before=IN_A_WEEK) as stripe:
        house = House(
            postgres_shop,
            tmp_path,
            {
                "SHOP_PAYMENTS": "stripe",
                "SHOP_STRIPE_SECRET_KEY": SECRET_KEY,
                "SHOP_STRIPE_WEBHOOK_SECRET": WEBHOOK_SECRET,
                "SHOP_STRIPE_API_BASE": stripe.url,
            },
        )
        [variant] = await house.furnish(1_000_000)
        with house.server(workers=2) as server:
            await server.start()
            async with Buyers(server.url) as shopper:
                placed = await _outage(house, shopper, stripe, variant)
                assert len(placed) >= len(PHASES) * PHASE_SECONDS / PAUSE_SECONDS / 4
                await _settled(shopper, stripe, placed)
            assert server.stop() == 0
        await _once_each(house, stripe, placed)


async def _outage(house: House, shopper: Buyers, stripe: StripeStub, variant: VariantId) -> list[dict[str, Any]]:
    """What was ordered while one phase followed another."""
    placed: list[dict[str, Any]] = []
    looks: list[float] = []
    oldest: list[float] = []
    async with _again_and_again(lambda: _look(shopper, looks)), _again_and_again(lambda: _ages(house, oldest)):
        for phase in PHASES:
            comes_up = await stripe.goes_down() if phase == "down" else None
            stripe.faults = Always("drop" if phase == "down" else phase)
            orders: set[asyncio.Task[None]] = set()
            end = time.monotonic() + PHASE_SECONDS
            while time.monotonic() < end:
                orders.add(asyncio.create_task(_order(shopper, len(placed) + len(orders), variant, placed)))
                await asyncio.sleep(PAUSE_SECONDS)
            await asyncio.gather(*orders)
            stripe.faults = deque()
            if comes_up is not None:
                await comes_up()
    looks.sort()
    assert looks[-1 - len(looks) // 100] < CATALOGUE_SECONDS, "the catalogue does not wait for a provider"
    assert max(oldest) < 2.0, "no transaction waits for a provider"
    return placed


async def _look(shopper: Buyers, looks: list[float]) -> None:
    began = time.perf_counter()
    answer = await shopper.get("/api/products?limit=20")
    assert answer.status_code == 200
    looks.append(time.perf_counter() - began)


async def _ages(house: House, oldest: list[float]) -> None:
    oldest.append(float(await house.rows.one(OLDEST)))


@asynccontextmanager
async def _again_and_again(do: Callable[[], Awaitable[None]]) -> AsyncIterator[None]:
    async def go_on() -> None:
        while True:
            await do()
            await asyncio.sleep(0.1)

    task = asyncio.create_task(go_on())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def _order(shopper: Buyers, number: int, variant: VariantId, placed: list[dict[str, Any]]) -> None:
    """The order stands within the time that a person waits, whatever becomes of its payment."""
    basket = await shopper.basket(number, (variant, 1), method="stripe_card")
    began = time.monotonic()
    answer = await shopper.order(basket)
    assert answer.status_code == 201, answer.text
    assert time.monotonic() - began < 25
    placed.append(answer.json())


async def _settled(shopper: Buyers, stripe: StripeStub, placed: list[dict[str, Any]]) -> None:
    """Each buyer pays as soon as the shop can take the money; whose hold ran out meanwhile is called off."""
    waiting, told = {order["id"]: order for order in placed}, set[str]()
    async with asyncio.timeout(rounds(120, in_full=1200)):
        while waiting:
            for order in list(waiting.values()):
                seen = await shopper.seen(order)
                if seen["payment_status"] == "paid" or seen["status"] == "cancelled":
                    del waiting[order["id"]]
                elif (secret := seen["payment"]["client_secret"]) and order["id"] not in told:
                    told.add(order["id"])
                    stripe.browser_confirms(secret, "pm_card_visa")
                    await _post(shopper, stripe.event(secret.partition("_secret")[0]))
            await asyncio.sleep(0.2)


async def _post(shopper: Buyers, body: bytes) -> httpx.Response:
    headers = {HEADER: sign(body, WEBHOOK_SECRET, datetime.now(UTC)), "Content-Type": "application/json"}
    return await shopper.post("/api/payments/webhooks/stripe", content=body, headers=headers)


async def _once_each(house: House, stripe: StripeStub, placed: list[dict[str, Any]]) -> None:
    """One intent at most for each order, whatever became of the answers, and taken for each that is paid."""
    intents = Counter(intent["metadata"]["order_id"] for intent in stripe._intents.values())
    assert set(intents.values()) <= {1}
    assert intents.keys() <= {order["id"] for order in placed}
    taken = sum(intent["status"] == "succeeded" for intent in stripe._intents.values())
    assert {intent["status"] for intent in stripe._intents.values()} <= {"succeeded", "canceled"}
    assert await house.rows.one("SELECT count(*) FROM orders WHERE payment_status = 'paid'") == taken
    left = "SELECT count(*) FROM orders WHERE payment_status <> 'paid' AND status <> 'cancelled'"
    assert await house.rows.one(left) == 0
    assert await house.rows.one("SELECT count(*) FROM ledger_entries WHERE kind = 'capture'") == taken
    if not PHASE_SECONDS > 60:
        assert taken == len(placed), "nobody had to be called off"
    await house.check()
