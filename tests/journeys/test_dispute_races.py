"""A dispute told many times at once, and refunds asked for at the same moment, on real databases."""

import asyncio
from datetime import timedelta

import pytest

from shop.application.commands.balance import BookBalance
from shop.application.commands.payments import ProcessPayment
from shop.application.commands.refunds import RequestRefund
from shop.domain.kernel.errors import Conflict
from shop.domain.kernel.identifiers import RefundId
from shop.domain.orders import PaymentStatus
from tests.journeys.branches import Branches
from tests.shops import STAFF, eur

pytestmark = pytest.mark.journey
AT_ONCE = 50


async def test_f21_f60_fifty_deliveries_of_one_dispute_are_one_dispute_and_one_entry(branches: Branches) -> None:
    small = branches.first
    order_id = await small.buy((await small.product(stock=5), 2))
    await small.post_news()
    await small.settle_down(2)
    [intent] = small.books.intents.values()
    small.provider.disputes_open(intent.ref)
    [news] = small.provider.take_news()
    await asyncio.gather(
        *(branches.at(number).shop.execute(small.message(news.body)) for number in range(AT_ONCE)),
        *(branches.at(n).shop.execute(ProcessPayment(order_id=order_id, refresh=True)) for n in range(8)),
        return_exceptions=True,
    )
    await asyncio.gather(*(branches.at(number).deliver() for number in range(8)), return_exceptions=True)
    await small.settle_down(5)
    assert await branches.rows.one("SELECT count(*) FROM inbox WHERE event_type = 'charge.dispute.created'") == 1
    assert await branches.rows.one("SELECT count(*) FROM disputes") == 1
    assert await branches.rows.one("SELECT count(*) FROM ledger_entries WHERE kind = 'dispute'") == 1
    assert await branches.rows.one("SELECT count(*) FROM events WHERE type = 'dispute.opened'") == 1
    now = small.clock.now()
    book = BookBalance(since=now - timedelta(days=1), until=now + timedelta(minutes=1))
    await asyncio.gather(*(branches.at(number).shop.execute(book) for number in range(8)), return_exceptions=True)
    assert await branches.rows.one("SELECT count(*) FROM ledger_entries WHERE kind = 'fee'") == 1
    assert (await small.order(order_id)).payment_status is PaymentStatus.DISPUTED
    await branches.check()


async def test_f60_refunds_and_a_dispute_at_the_same_moment_never_pay_twice(branches: Branches) -> None:
    small = branches.first
    order_id = await small.buy((await small.product(stock=5), 2))
    payment = await small.payment(order_id)
    [intent] = small.books.intents.values()
    small.provider.disputes_open(intent.ref)

    async def give_back(number: int) -> RefundId | None:
        try:
            return await branches.at(number).shop.execute(
                RequestRefund(payment_id=payment.id, amount=eur(10)), actor=STAFF
            )
        except Conflict:
            return None

    await asyncio.gather(
        *(give_back(number) for number in range(20)),
        *(branches.at(n).shop.execute(ProcessPayment(order_id=order_id, refresh=True)) for n in range(10)),
        return_exceptions=True,
    )
    await small.settle_down(20)
    [intent] = small.books.intents.values()
    assert intent.refunded == 0
    assert (await small.order(order_id)).payment_status is PaymentStatus.DISPUTED
    assert await give_back(0) is None
    await branches.check()
