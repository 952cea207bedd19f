"""Stripe's own library and a server that misbehaves: errors, too many requests, lost connections, no answers.

What is said over the line is real; only the shop's clock is turned by hand.
"""

import asyncio
import random
import time
from collections import Counter, deque
from collections.abc import Awaitable
from datetime import timedelta

import pytest

from shop.adapters.stripe.account import StripeAccount
from shop.adapters.stripe.payments import StripePaymentGateway
from shop.application.outages import CircuitState, ProviderResting
from shop.application.ports.payments import PaymentProviderUnavailable
from shop.application.queries.catalog import GetProducts
from shop.domain.kernel.errors import ShopError
from shop.domain.kernel.identifiers import OrderId
from shop.domain.orders import PaymentStatus
from tests.scale import rounds
from tests.shops import SmallShop, open_small_shop
from tests.stripe_stub import IN_A_WEEK, SECRET_KEY, WEBHOOK_SECRET, StripeStub

STORMS = {
    "errors": ("500", "503"),
    "too many requests": ("429",),
    "lost connections": ("drop", "drop_after"),
    "all of it": ("500", "503", "429", "drop", "drop_after"),
}
pytestmark = [pytest.mark.journey, pytest.mark.timeout(1800)]


class Storm(deque[str]):
    """Spoils every request, in a way that the seed draws, until it is cleared."""

    def __init__(self, faults: tuple[str, ...], seed: int) -> None:
        super().__init__([""])
        self._faults, self._draw = faults, random.Random(seed)

    def popleft(self) -> str:
        return self._draw.choice(self._faults)


@pytest.mark.prove
@pytest.mark.parametrize("name", STORMS)
async def test_f83_orders_placed_in_a_storm_are_paid_once_it_is_over(name: str) -> None:
    for seed in range(rounds(1, in_full=20)):
        await _storm(STORMS[name], seed, orders=rounds(14, in_full=60))


@pytest.mark.prove
async def test_f83_a_provider_that_hangs_is_given_up_and_nobody_else_waits() -> None:
    await _storm(("hang",), 1, orders=rounds(12, in_full=40))


async def _storm(faults: tuple[str, ...], seed: int, *, orders: int) -> None:
    async with StripeStub(capture_before=IN_A_WEEK) as stub:
        small = await open_small_shop()
        account = StripeAccount(secret_key=SECRET_KEY, webhook_secret=WEBHOOK_SECRET, api_base=stub.url)
        gateway = StripePaymentGateway(account, small.clock)
        shop = small.with_ports(gateway=gateway)
        try:
            await _through(shop, stub, faults, seed, orders)
        finally:
            await gateway.close()


async def _through(small: SmallShop, stub: StripeStub, faults: tuple[str, ...], seed: int, orders: int) -> None:
    variant = await small.product(stock=orders)
    placed = [await small.place(await small.cart((variant, 1)), "stripe_card") for _ in range(orders)]
    stub.faults = Storm(faults, seed)
    storm = asyncio.create_task(_tried(small, placed))
    while not storm.done():
        began = time.perf_counter()
        assert (await small.shop.ask(GetProducts())).data
        assert time.perf_counter() - began < 1
        await asyncio.sleep(0.05)
    assert (await storm).keys() <= {PaymentProviderUnavailable, ProviderResting}
    assert small.shop.ports.circuit.state(small.clock.now().timestamp()) is CircuitState.OPEN
    asked = len(stub.seen)
    assert set(await _tried(small, placed)) == {ProviderResting}
    assert len(stub.seen) == asked, "nobody asks a provider that rests"

    stub.faults = deque()
    small.clock.forward(timedelta(seconds=11))
    for order_id in placed:
        await small.pay(order_id)
        secret = (await small.payment(order_id)).attempt.client_secret
        stub.browser_confirms(secret, "pm_card_visa")
        await small.pay(order_id, refresh=True)
        assert (await small.order(order_id)).payment_status is PaymentStatus.PAID
    intents = list(stub._intents.values())
    assert len(intents) == orders, "an order has one intent, whatever became of the answers"
    assert {intent["metadata"]["order_id"] for intent in intents} == {str(order_id) for order_id in placed}
    assert {(intent["status"], intent["amount_received"]) for intent in intents} == {("succeeded", 2489)}


async def _tried(small: SmallShop, placed: list[OrderId]) -> Counter[type[ShopError]]:
    """How paying for each of them ended, all at once."""

    async def ended(pay: Awaitable[None]) -> type[ShopError]:
        try:
            await pay
        except ShopError as error:
            return type(error)
        raise AssertionError("a payment went through a storm")

    return Counter(await asyncio.gather(*(ended(small.pay(order_id)) for order_id in placed)))
