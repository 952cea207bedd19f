"""The same money asked back many times at once, on real databases: it goes back once."""

import asyncio

import pytest

from shop.application.commands.payments import ProcessPayment
from shop.application.commands.refunds import RequestRefund
from shop.domain.kernel.errors import Conflict
from shop.domain.kernel.identifiers import OrderId, RefundId
from tests.journeys.branches import Branches
from tests.shops import STAFF, eur

pytestmark = pytest.mark.journey
AT_ONCE = 50
TOTAL = 2 * 1999 + 490


async def _sold(branches: Branches) -> OrderId:
    small = branches.first
    return await small.buy((await small.product(stock=5), 2))


async def _all_at_once(branches: Branches, order_id: OrderId, minor: int | None) -> list[RefundId]:
    """So many wishes for the same payment; those that were taken."""
    payment = await branches.first.payment(order_id)
    command = RequestRefund(payment_id=payment.id, amount=eur(minor) if minor is not None else None, full=minor is None)

    async def ask(number: int) -> RefundId | None:
        try:
            return await branches.at(number).shop.execute(command, actor=STAFF)
        except Conflict:
            return None

    asked = await asyncio.gather(*(ask(number) for number in range(AT_ONCE)))
    return [refund_id for refund_id in asked if refund_id is not None]


async def test_f50_fifty_refunds_of_all_of_it_are_one(branches: Branches) -> None:
    order_id = await _sold(branches)
    assert len(await _all_at_once(branches, order_id, None)) == 1
    await asyncio.gather(
        *(branches.at(n).shop.execute(ProcessPayment(order_id=order_id)) for n in range(4)), return_exceptions=True
    )
    await branches.first.settle_down(5)
    [intent] = branches.first.books.intents.values()
    assert (intent.refunded, len(intent.refunds)) == (TOTAL, 1)
    assert await branches.rows.one("SELECT count(*) FROM refunds") == 1
    assert await branches.rows.one("SELECT count(*) FROM ledger_entries WHERE kind = 'refund'") == 1
    await branches.check()


async def test_f50_fifty_partial_refunds_never_exceed_what_was_taken(branches: Branches) -> None:
    order_id = await _sold(branches)
    taken = await _all_at_once(branches, order_id, 1000)
    assert 1 <= len(taken) <= TOTAL // 1000
    await branches.first.settle_down(5)
    payment = await branches.first.payment(order_id)
    [intent] = branches.first.books.intents.values()
    assert payment.refunded.minor == payment.refund_reserved.minor == intent.refunded == 1000 * len(taken)
    await branches.check()
