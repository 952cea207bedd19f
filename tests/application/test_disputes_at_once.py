"""Two banks about one payment at once: whoever read before the other wrote must not decide for both."""

import pytest
from attrs import evolve

from shop.application.ports.unit_of_work import StaleAggregate
from shop.application.settlement import sale_of
from shop.application.settlement.books import BooksOf
from shop.application.settlement.disputes import DisputesOf, settle_disputes
from shop.domain.orders import PaymentStatus
from shop.domain.payments import DisputeStatus
from tests.shops import SmallShop


async def test_a_dispute_that_another_opened_meanwhile_is_not_overlooked(small: SmallShop) -> None:
    order_id = await small.buy((await small.product(stock=5), 2))
    ref = (await small.payment(order_id)).attempt.provider_ref
    small.provider.disputes_open(ref, minor=500)
    await small.post_news()
    await small.deliver()
    [first] = await small.provider.disputes(ref)
    second = evolve(first, provider_ref="dp_second", moves=())
    cashier, context = small.shop.ports.cashier, small.context()
    early, late = [await sale_of(order_id, context, cashier.uow) for _ in range(2)]
    assert early is not None
    assert late is not None

    async def decide_meanwhile() -> None:
        async with cashier.uow(context) as tx:
            disputes = DisputesOf(tx, early, BooksOf(tx, early, context, cashier.ids), context, cashier.ids)
            await disputes.read()
            await settle_disputes(late, (first, second), context, cashier)
            disputes.follow((evolve(first, status=DisputeStatus.WON),))
            disputes.conclude()

    with pytest.raises(StaleAggregate):
        await decide_meanwhile()
    assert (await small.order(order_id)).payment_status is PaymentStatus.DISPUTED
    assert (await small.payment(order_id)).disputed
