"""Calling orders off: the payment first, and only then the order and its stock."""

import asyncio
from datetime import timedelta

import pytest
from attrs import evolve

from shop.adapters.fake.faults import Fault, ScriptedFaults
from shop.application.commands.carts import DescribeCart
from shop.application.commands.orders import CancelAnyOrder, CancelOrder, ExpireOrder
from shop.application.commands.refunds import RequestRefund
from shop.application.ports.payments import PaymentProviderUnavailable
from shop.domain.kernel.errors import Invalid
from shop.domain.orders import OrderNotCancellable, OrderNotFound, OrderStatus, PaymentStatus
from shop.domain.payments import AttemptStatus
from tests.application.providers import (
    CALLED_OFF,
    PAID,
    at_rest,
    events_of,
    faulty,
    states,
)
from tests.shops import BERLIN, STAFF, SmallShop, eur, open_small_shop
from tests.turnstiles import Jostle, behind


class TestCallingOff:
    async def test_a_buyer_calls_an_unpaid_order_off(self, small: SmallShop) -> None:
        shirt = await small.product(stock=1)
        order_id = await small.buy((shirt, 1), method="fake_card_3ds")
        buyer = small.guest(order_id)
        await small.shop.execute(CancelOrder(order_id=order_id, reason="changed my mind"), actor=buyer)
        await small.shop.execute(CancelOrder(order_id=order_id), actor=buyer)
        assert await states(small, order_id) == CALLED_OFF
        assert (await small.order(order_id)).cancel_reason == "changed my mind"
        assert (await small.level(shirt)).available == 1
        await at_rest(small)

    async def test_an_order_of_which_the_provider_never_heard_is_called_off_without_being_confirmed(
        self, small: SmallShop
    ) -> None:
        order_id = await small.place(await small.cart((await small.product(), 1)))
        await small.shop.execute(CancelOrder(order_id=order_id), actor=small.guest(order_id))
        assert await states(small, order_id) == CALLED_OFF
        assert [i.status for i in small.books.intents.values()] == [AttemptStatus.CANCELLED]
        assert await events_of(small, order_id) == ["order.cancelled", "order.created", "payment.voided"]
        await at_rest(small)

    async def test_a_paid_order_is_not_called_off(self, small: SmallShop) -> None:
        order_id = await small.buy((await small.product(), 1))
        with pytest.raises(OrderNotCancellable):
            await small.shop.execute(CancelAnyOrder(order_id=order_id), actor=STAFF)
        assert await states(small, order_id) == PAID

    @pytest.mark.parametrize("by_staff", [True, False])
    async def test_an_order_whose_money_went_back_is_called_off_and_frees_its_stock(
        self, small: SmallShop, by_staff: bool
    ) -> None:
        shirt = await small.product(stock=3)
        order_id = await small.buy((shirt, 2))
        refund = RequestRefund(payment_id=(await small.payment(order_id)).id, full=True)
        await small.shop.execute(refund, actor=STAFF)
        await small.pay(order_id)
        assert (await small.level(shirt)).available == 1
        command = CancelAnyOrder(order_id=order_id) if by_staff else CancelOrder(order_id=order_id)
        for _ in range(2):
            await small.shop.execute(command, actor=STAFF if by_staff else small.guest(order_id))
        assert await states(small, order_id) == (OrderStatus.CANCELLED, PaymentStatus.REFUNDED, AttemptStatus.CAPTURED)
        assert (await small.level(shirt)).available == 3
        await at_rest(small)

    async def test_a_part_that_went_back_frees_nothing(self, small: SmallShop) -> None:
        order_id = await small.buy((await small.product(), 1))
        refund = RequestRefund(payment_id=(await small.payment(order_id)).id, amount=eur(1))
        await small.shop.execute(refund, actor=STAFF)
        await small.pay(order_id)
        with pytest.raises(OrderNotCancellable):
            await small.shop.execute(CancelAnyOrder(order_id=order_id), actor=STAFF)

    async def test_an_order_whose_money_is_taken_at_that_moment_stands(self, small: SmallShop) -> None:
        order_id = await small.buy((await small.product(), 1), method="fake_card_3ds")
        payment = await small.payment(order_id)
        small.provider.shopper_confirms(payment.attempt.provider_ref)
        await small.provider.capture(payment.attempt.provider_ref, payment.attempt.id)
        with pytest.raises(OrderNotCancellable):
            await small.shop.execute(CancelAnyOrder(order_id=order_id), actor=STAFF)
        assert await states(small, order_id) == PAID
        await at_rest(small)

    async def test_an_authorised_order_may_still_be_called_off(self) -> None:
        small = await open_small_shop(faulty(ScriptedFaults({"capture": [Fault.ERROR]})))
        order_id = await small.place(await small.cart((await small.product(), 1)))
        with pytest.raises(PaymentProviderUnavailable):
            await small.pay(order_id)
        assert (await small.order(order_id)).status is OrderStatus.CONFIRMED
        await small.shop.execute(CancelAnyOrder(order_id=order_id), actor=STAFF)
        assert await states(small, order_id) == CALLED_OFF
        await at_rest(small)

    async def test_what_cost_nothing_is_called_off_without_any_provider(self, small: SmallShop) -> None:
        sample = await small.product("sample", price=0, requires_shipping=False, stock=1)
        cart_id = await small.cart((sample, 1), ready=False)
        await small.shop.execute(DescribeCart(cart_id=cart_id, email="a@b.example", billing_address=BERLIN))
        order_id = await small.place(cart_id)
        await small.shop.execute(ExpireOrder(order_id=order_id))
        assert (await small.order(order_id)).status is OrderStatus.CONFIRMED
        for _ in range(2):
            await small.shop.execute(CancelAnyOrder(order_id=order_id), actor=STAFF)
        assert (await small.order(order_id)).status is OrderStatus.CANCELLED
        assert (await small.level(sample)).available == 1
        assert small.books.intents == {}
        await at_rest(small)

    async def test_somebody_elses_order_is_not_there(self, small: SmallShop) -> None:
        order_id = await small.place(await small.cart((await small.product(), 1)))
        cart_id = (await small.order(order_id)).cart_id
        with pytest.raises(OrderNotFound):
            await small.shop.execute(CancelOrder(order_id=order_id), actor=small.guest(cart_id))

    @pytest.mark.parametrize("reason", ["", "  ", "x" * 501, "a\x00b"])
    async def test_a_reason_is_a_short_text(self, small: SmallShop, reason: str) -> None:
        order_id = await small.place(await small.cart((await small.product(), 1)))
        with pytest.raises(Invalid):
            await small.shop.execute(CancelAnyOrder(order_id=order_id, reason=reason), actor=STAFF)


class TestExpiry:
    async def test_f37_an_order_about_to_expire_whose_money_was_taken_is_paid(self, small: SmallShop) -> None:
        order_id = await small.buy((await small.product(), 1), method="fake_card_3ds")
        small.provider.shopper_confirms((await small.payment(order_id)).attempt.provider_ref)
        small.clock.forward(timedelta(minutes=16))
        await small.shop.execute(ExpireOrder(order_id=order_id))
        assert await states(small, order_id) == PAID
        await at_rest(small)

    async def test_an_order_is_not_expired_before_its_time(self, small: SmallShop) -> None:
        order_id = await small.buy((await small.product(), 1), method="fake_card_3ds")
        await small.shop.execute(ExpireOrder(order_id=order_id))
        assert (await small.order(order_id)).status is OrderStatus.PENDING

    async def test_f15_a_payment_on_its_way_is_given_more_time(self, small: SmallShop) -> None:
        shirt = await small.product(stock=1)
        order_id = await small.buy((shirt, 1), method="fake_card_3ds")
        [intent] = small.books.intents.values()
        small.books.alter(evolve(intent, status=AttemptStatus.PROCESSING))
        for _ in range(3):
            small.clock.forward(timedelta(hours=2))
            await small.sweep()
            order, [held] = await small.order(order_id), await small.reservations(order_id)
            assert order.status is OrderStatus.PENDING
            assert held.expires_at == order.hold_expires_at == small.clock.now() + timedelta(hours=1)
            assert (await small.level(shirt)).available == 0
        small.books.alter(evolve(intent, status=AttemptStatus.AUTHORIZED))
        await small.sweep()
        small.clock.forward(timedelta(hours=2))
        await small.sweep()
        assert await states(small, order_id) == PAID

    async def test_f36_a_payment_on_its_way_that_fails_in_the_end_lets_the_order_go(self, small: SmallShop) -> None:
        shirt = await small.product(stock=1)
        order_id = await small.buy((shirt, 1), method="fake_card_3ds")
        [intent] = small.books.intents.values()
        small.books.alter(evolve(intent, status=AttemptStatus.PROCESSING))
        small.clock.forward(timedelta(minutes=20))
        await small.sweep()
        small.books.alter(evolve(intent, status=AttemptStatus.FAILED, failure_code="insufficient_funds"))
        await at_rest(small)
        assert await states(small, order_id) == CALLED_OFF
        assert (await small.level(shirt)).available == 1

    async def test_f09_a_hundred_abandoned_orders_hold_nothing_in_the_end(self, small: SmallShop) -> None:
        shirt = await small.product(stock=100)
        methods = ("fake_card_3ds", "fake_card_declined")
        orders = [await small.buy((shirt, 1), method=methods[n % 2]) for n in range(20)]
        orders += [await small.place(await small.cart((shirt, 1))) for _ in range(5)]
        small.clock.forward(timedelta(minutes=16))
        await small.sweep()
        assert (await small.level(shirt)).available in (100, 95)
        await at_rest(small)

    async def test_the_provider_answers_late_and_the_order_is_called_off_once(self, small: SmallShop) -> None:
        crowd = behind(small, Jostle(2))
        shirt = await small.product(stock=1)
        order_id = await small.buy((shirt, 1), method="fake_card_3ds")
        small.clock.forward(timedelta(minutes=16))
        await asyncio.gather(*(crowd.shop.execute(ExpireOrder(order_id=order_id)) for _ in range(5)))
        assert await states(small, order_id) == CALLED_OFF
        assert (await small.level(shirt)).available == 1
        await at_rest(small)
