"""F-47: several banks decide at once about money for the last unit, which was let go of: one buyer gets it."""

import asyncio
from datetime import timedelta

import pytest
from attrs import evolve

from shop.application.commands.orders import ExpireOrder
from shop.application.commands.payments import ProcessPayment
from shop.application.commands.store import ConfigureStore
from shop.domain.kernel.identifiers import OrderId
from shop.domain.orders import OrderStatus, PaymentStatus
from tests.journeys.branches import Branches, outcome
from tests.scale import rounds
from tests.shops import SETTINGS, STAFF

pytestmark = pytest.mark.journey
BUYERS = 5


@pytest.mark.prove
@pytest.mark.timeout(7200)
async def test_f47_of_those_who_pay_late_one_gets_the_last_unit(branches: Branches) -> None:
    small = branches.first
    store = evolve(SETTINGS.store, unheld_methods=("fake_debit",))
    await small.shop.execute(ConfigureStore(store=store), actor=STAFF)
    for turn in range(rounds(5, in_full=200)):
        shirt = await small.product(f"shirt-{turn}", stock=1)
        waiting = [await _on_its_way(branches, await small.buy((shirt, 1), method="fake_debit")) for _ in range(BUYERS)]
        assert (await small.level(shirt)).available == 1
        for order_id in waiting:
            small.provider.bank_debits((await small.payment(order_id)).attempt.provider_ref, paid=True)
        for _ in range(3):  # who was too late by a moment comes again, and then the refunds are asked for
            await asyncio.gather(
                *(
                    outcome(branches.at(n).shop.execute(ProcessPayment(order_id=order_id, refresh=True)))
                    for n, order_id in enumerate(waiting * 2)
                )
            )
        orders = [await small.order(order_id) for order_id in waiting]
        assert sorted((order.status, order.payment_status) for order in orders) == [
            *[(OrderStatus.CANCELLED, PaymentStatus.REFUNDED)] * (BUYERS - 1),
            (OrderStatus.CONFIRMED, PaymentStatus.PAID),
        ]
        assert (await small.level(shirt)).available == 0
        refunded = [intent.refunded for intent in small.books.intents.values() if intent.refunded == intent.captured]
        assert len(refunded) == (turn + 1) * (BUYERS - 1)
    await branches.check()


async def _on_its_way(branches: Branches, order_id: OrderId) -> OrderId:
    """The order after its stock was let go of."""
    small = branches.first
    small.clock.forward(timedelta(minutes=16))
    await small.shop.execute(ExpireOrder(order_id=order_id))
    assert (await small.order(order_id)).status is OrderStatus.PENDING
    return order_id
