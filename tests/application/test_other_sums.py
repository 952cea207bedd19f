"""Money that is not what the order costs, or comes too late: it goes back, and the books say so."""

import pytest
from attrs import evolve

from shop.adapters.fake.faults import Fault, ScriptedFaults
from shop.application.commands.orders import CancelAnyOrder
from shop.application.ports.payments import (
    PaymentProviderUnavailable,
)
from shop.application.settlement import MISMATCH
from shop.domain.inventory import ReservationState
from shop.domain.kernel.money import Money
from shop.domain.orders import OrderStatus, PaymentStatus
from shop.domain.payments import AttemptStatus
from tests.application.providers import (
    CALLED_OFF,
    at_rest,
    events_of,
    faulty,
    mismatched,
    states,
)
from tests.shops import STAFF, SmallShop, eur, open_small_shop


class TestOtherSums:
    @pytest.mark.parametrize(("captured", "currency"), [(1, "EUR"), (2488, "EUR"), (9999, "EUR"), (2489, "USD")])
    async def test_f42_another_sum_or_currency_puts_the_order_on_hold_and_goes_back(
        self, small: SmallShop, captured: int, currency: str
    ) -> None:
        order_id = await mismatched(small, captured=captured, currency=currency)
        cart_id = (await small.order(order_id)).cart_id
        await small.pay(order_id, refresh=True)
        order, payment = await small.order(order_id), await small.payment(order_id)
        assert (order.status, order.payment_status) == (OrderStatus.CANCELLED, PaymentStatus.REFUNDED)
        assert order.cancel_reason == MISMATCH
        assert payment.captured == payment.refunded == Money(captured, currency)
        told = await events_of(small, order_id)
        assert "order.held" in told
        assert "order.confirmed" not in told
        accounts = {p.account for entry in await small.entries(order_id) for p in entry.postings}
        assert accounts == {"clearing:fake", "receivable"}
        assert cart_id == order.cart_id
        await at_rest(small)

    async def test_f42_an_authorisation_of_another_sum_is_let_go_of_and_never_captured(self, small: SmallShop) -> None:
        order_id = await mismatched(small, authorized=100)
        await small.pay(order_id, refresh=True)
        assert await states(small, order_id) == CALLED_OFF
        [intent] = small.books.intents.values()
        assert intent.captured == 0
        assert [r.state for r in await small.reservations(order_id)] == [ReservationState.RELEASED]
        await at_rest(small)

    async def test_f42_a_part_captured_after_the_whole_was_authorised(self, small: SmallShop) -> None:
        faults = ScriptedFaults({"capture": [Fault.ERROR]})
        small = await open_small_shop(faulty(faults))
        shirt = await small.product(stock=1)
        order_id = await small.place(await small.cart((shirt, 1)))
        with pytest.raises(PaymentProviderUnavailable):
            await small.pay(order_id)
        [intent] = small.books.intents.values()
        small.books.alter(evolve(intent, status=AttemptStatus.CAPTURED, captured=1000))
        await at_rest(small)
        assert (await small.order(order_id)).status is OrderStatus.CANCELLED
        assert (await small.level(shirt)).available == 1

    @pytest.mark.parametrize("captured", [2489, 1000])
    async def test_f37_money_that_comes_after_the_order_was_called_off_goes_back(
        self, small: SmallShop, captured: int
    ) -> None:
        shirt = await small.product(stock=1)
        order_id = await small.buy((shirt, 1), method="fake_card_3ds")
        await small.shop.execute(CancelAnyOrder(order_id=order_id), actor=STAFF)
        [intent] = small.books.intents.values()
        small.books.alter(evolve(intent, status=AttemptStatus.CAPTURED, captured=captured))
        await small.pay(order_id, refresh=True)
        order, payment = await small.order(order_id), await small.payment(order_id)
        assert (order.status, order.payment_status) == (OrderStatus.CANCELLED, PaymentStatus.REFUNDED)
        assert payment.captured == payment.refunded == eur(captured)
        assert not payment.refund_due
        assert (await small.level(shirt)).available == 1
        await at_rest(small)

    async def test_f37_an_authorisation_that_comes_after_the_order_was_called_off_is_let_go_of(
        self, small: SmallShop
    ) -> None:
        order_id = await small.buy((await small.product(), 1), method="fake_card_3ds")
        stale = await small.order(order_id)
        await small.shop.execute(CancelAnyOrder(order_id=order_id), actor=STAFF)
        assert stale.status is OrderStatus.PENDING
        [intent] = small.books.intents.values()
        small.books.alter(evolve(intent, status=AttemptStatus.AUTHORIZED))
        await small.pay(order_id, refresh=True)
        # Cancelled is the end of an attempt: what the provider says later of an authorisation moves nothing.
        assert await states(small, order_id) == CALLED_OFF

    async def test_a_refund_at_the_providers_is_followed(self, small: SmallShop) -> None:
        order_id = await small.buy((await small.product(), 1))
        [intent] = small.books.intents.values()
        for refunded, status in ((489, PaymentStatus.PARTIALLY_REFUNDED), (2000, PaymentStatus.REFUNDED)):
            small.provider.refunds_elsewhere(intent.ref, refunded)
            await small.pay(order_id, refresh=True)
            await small.pay(order_id, refresh=True)
            assert (await small.order(order_id)).payment_status is status
        sums = [{p.account: p.amount.minor for p in entry.postings} for entry in await small.entries(order_id)]
        assert sums[1:] == [
            {"refunds": 489, "clearing:fake": -489},
            {"refunds": 2000, "clearing:fake": -2000},
        ]
        await at_rest(small)
