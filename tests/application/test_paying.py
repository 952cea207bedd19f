"""Paying: the way to a paid order, and the trouble that a provider may make on it."""

from datetime import timedelta

import pytest
from attrs import evolve

from shop.adapters.fake.faults import Fault, ScriptedFaults
from shop.application.commands.orders import CancelAnyOrder
from shop.application.commands.payments import ConfirmPayment, ProcessPayment
from shop.application.ports.payments import (
    PaymentProviderUnavailable,
    PaymentRefused,
)
from shop.application.queries.payments import GetUnfinishedPayments
from shop.domain.kernel.errors import Invalid, ShopError
from shop.domain.kernel.identifiers import OrderId
from shop.domain.kernel.money import Money
from shop.domain.ledger import EntryKind
from shop.domain.orders import OrderNotFound, OrderStatus, PaymentStatus
from shop.domain.payments import AttemptStatus
from tests.application.providers import (
    CALLED_OFF,
    PAID,
    Away,
    Refusing,
    SlowRefunds,
    at_rest,
    events_of,
    faulty,
    mismatched,
    states,
)
from tests.shops import STAFF, SmallShop, eur, open_small_shop


class TestPaying:
    async def test_a_good_card_is_authorised_captured_and_booked(self, small: SmallShop) -> None:
        order_id = await small.buy((await small.product(), 1))
        assert await states(small, order_id) == PAID
        [entry] = await small.entries(order_id)
        assert {p.account: p.amount.minor for p in entry.postings} == {
            "clearing:fake": 2489,
            "revenue": -1680,
            "shipping": -412,
            "tax": -397,
        }
        assert await events_of(small, order_id) == [
            "order.confirmed",
            "order.created",
            "payment.captured",
            "payment.processed",
        ]
        await at_rest(small)

    async def test_a_declined_card_leaves_the_order_open_for_another(self, small: SmallShop) -> None:
        shirt = await small.product()
        order_id = await small.buy((shirt, 1), method="fake_card_declined")
        assert await states(small, order_id) == (
            OrderStatus.PENDING,
            PaymentStatus.FAILED,
            AttemptStatus.FAILED,
        )
        assert (await small.payment(order_id)).attempt.failure_code == "card_declined"
        cart_id = (await small.order(order_id)).cart_id
        other = await small.session(cart_id, "fake_card")
        guest = small.guest(cart_id)
        assert await small.shop.execute(ConfirmPayment(session_id=other), actor=guest) == order_id
        assert await states(small, order_id) == PAID
        assert len(small.books.intents) == 1
        await at_rest(small)

    async def test_nobody_pays_after_a_decline_and_the_stock_comes_back(self, small: SmallShop) -> None:
        shirt = await small.product(stock=1)
        order_id = await small.buy((shirt, 1), method="fake_card_declined")
        await at_rest(small)
        assert await states(small, order_id) == CALLED_OFF
        assert (await small.order(order_id)).cancel_reason == "payment_expired"
        assert (await small.level(shirt)).available == 1

    async def test_f31_the_shopper_vanishes_after_the_challenge_and_the_message_completes_the_order(
        self, small: SmallShop
    ) -> None:
        order_id = await small.buy((await small.product(), 1), method="fake_card_3ds")
        attempt = (await small.payment(order_id)).attempt
        assert attempt.status is AttemptStatus.REQUIRES_ACTION
        assert attempt.next_action is not None
        assert attempt.client_secret
        small.provider.shopper_confirms(attempt.provider_ref)
        await small.post_news()
        await small.deliver()
        assert await states(small, order_id) == PAID
        await at_rest(small)

    async def test_f31_without_any_message_the_sweeper_finds_the_money(self, small: SmallShop) -> None:
        order_id = await small.buy((await small.product(), 1), method="fake_card_3ds")
        small.provider.shopper_confirms((await small.payment(order_id)).attempt.provider_ref)
        small.provider.take_news()
        small.clock.forward(timedelta(minutes=16))
        await small.sweep()
        assert await states(small, order_id) == PAID

    async def test_the_server_confirms_what_needs_no_browser(self, small: SmallShop) -> None:
        order_id = await small.buy((await small.product(), 1), method="fake_card_3ds")
        order = await small.order(order_id)
        confirm = ConfirmPayment(session_id=order.payment_session_id)
        await small.shop.execute(confirm, actor=small.guest(order.cart_id))
        assert await states(small, order_id) == PAID
        await small.shop.execute(confirm, actor=small.guest(order.cart_id))
        await at_rest(small)
        assert (await small.payment(order_id)).captured == eur(2489)

    async def test_a_failed_challenge_is_a_decline(self, small: SmallShop) -> None:
        order_id = await small.buy((await small.product(), 1), method="fake_card_3ds")
        small.provider.shopper_fails((await small.payment(order_id)).attempt.provider_ref)
        await small.post_news()
        await small.deliver()
        assert (await small.order(order_id)).payment_status is PaymentStatus.FAILED
        assert "payment.failed" in await events_of(small, order_id)

    async def test_paying_for_no_order_is_refused(self, small: SmallShop) -> None:
        with pytest.raises(OrderNotFound):
            await small.pay(small.ids.new(OrderId))

    async def test_f40_an_authorisation_that_lapsed_calls_the_order_off(self, small: SmallShop) -> None:
        faults = ScriptedFaults({"capture": [Fault.ERROR]})
        small = await open_small_shop(faulty(faults))
        shirt = await small.product(stock=1)
        with pytest.raises(PaymentProviderUnavailable):
            await small.buy((shirt, 1))
        [intent] = small.books.intents.values()
        small.books.alter(evolve(intent, status=AttemptStatus.CANCELLED))
        await at_rest(small)
        assert (await small.level(shirt)).available == 1


class TestTrouble:
    @pytest.mark.parametrize("fault", [Fault.TIMEOUT_AFTER, Fault.TIMEOUT_BEFORE, Fault.ERROR])
    @pytest.mark.parametrize("call", ["create_intent", "capture"])
    async def test_f19_a_lost_answer_is_one_intent_and_one_charge(self, call: str, fault: Fault) -> None:
        small = await open_small_shop(faulty(ScriptedFaults({call: [fault, fault]})))
        order_id = await small.place(await small.cart((await small.product(), 1)))
        for _ in range(2):
            with pytest.raises(PaymentProviderUnavailable):
                await small.pay(order_id)
        await small.pay(order_id)
        assert await states(small, order_id) == PAID
        assert [intent.captured for intent in small.books.intents.values()] == [2489]
        await at_rest(small)

    @pytest.mark.parametrize("fault", [Fault.TIMEOUT_AFTER, Fault.TIMEOUT_BEFORE])
    async def test_f19_a_lost_answer_to_cancelling_is_cancelled_once(self, fault: Fault) -> None:
        small = await open_small_shop(faulty(ScriptedFaults({"cancel": [fault], "fetch": [fault]})))
        shirt = await small.product(stock=1)
        order_id = await small.buy((shirt, 1), method="fake_card_3ds")
        with pytest.raises(PaymentProviderUnavailable):
            await small.shop.execute(CancelAnyOrder(order_id=order_id), actor=STAFF)
        assert (await small.order(order_id)).status is OrderStatus.PENDING
        assert (await small.level(shirt)).available == 0
        await small.shop.execute(CancelAnyOrder(order_id=order_id), actor=STAFF)
        assert await states(small, order_id) == CALLED_OFF
        await at_rest(small)

    @pytest.mark.parametrize("fault", [Fault.TIMEOUT_AFTER, Fault.TIMEOUT_BEFORE, Fault.ERROR])
    async def test_f19_a_lost_answer_to_a_refund_is_one_refund(self, fault: Fault) -> None:
        small = await open_small_shop(faulty(ScriptedFaults({"refund": [fault]})))
        order_id = await mismatched(small, captured=2400)
        with pytest.raises(PaymentProviderUnavailable):
            await small.pay(order_id, refresh=True)
        await at_rest(small)
        [intent] = small.books.intents.values()
        assert (intent.captured, intent.refunded) == (2400, 2400)
        assert [entry.kind for entry in await small.entries(order_id)] == [EntryKind.CAPTURE, EntryKind.REFUND]

    async def test_the_provider_is_away_for_an_hour_and_nothing_is_left_behind(self) -> None:
        away = Away()
        small = await open_small_shop(faulty(away))
        shirt = await small.product(stock=2)
        orders = [await small.place(await small.cart((shirt, 1))) for _ in range(2)]
        for order_id in orders:
            with pytest.raises(PaymentProviderUnavailable):
                await small.pay(order_id)
        await small.settle_down(60)
        assert small.troubles
        assert (await small.level(shirt)).available == 0
        away.over = True
        await at_rest(small)
        assert (await small.level(shirt)).available == 2
        assert {(await small.order(o)).status for o in orders} == {OrderStatus.CANCELLED}

    @pytest.mark.parametrize("refusal", [PaymentRefused, Invalid])
    async def test_an_intent_that_the_provider_refuses_to_make_does_not_hold_the_stock_for_ever(
        self, refusal: type[ShopError]
    ) -> None:
        small = await open_small_shop(lambda provider: Refusing(provider, refusal))
        shirt = await small.product(stock=1)
        order_id = await small.place(await small.cart((shirt, 1)))
        await small.pay(order_id)
        assert (await small.level(shirt)).available == 0
        await small.settle_down(20)
        assert await states(small, order_id) == CALLED_OFF
        assert (await small.level(shirt)).available == 1
        assert await small.shop.ask(GetUnfinishedPayments()) == []
        await small.pay(order_id)
        assert await states(small, order_id) == CALLED_OFF

    async def test_a_refund_that_takes_its_time_is_asked_for_once_a_round(self) -> None:
        refunds: list[Money] = []
        small = await open_small_shop(lambda provider: SlowRefunds(provider, refunds))
        order_id = await mismatched(small, captured=2400)
        await small.pay(order_id, refresh=True)
        assert refunds == [eur(2400)]
        assert (await small.payment(order_id)).refund_due
        await small.pay(order_id, refresh=True)
        assert refunds == [eur(2400)]
        small.clock.forward(timedelta(minutes=2))
        assert await small.shop.ask(GetUnfinishedPayments()) == [order_id]


async def test_processing_a_settled_payment_asks_the_provider_nothing(small: SmallShop) -> None:
    order_id = await small.buy((await small.product(), 1))
    before = len(small.provider.take_news())
    assert before
    await small.shop.execute(ProcessPayment(order_id=order_id))
    assert small.provider.take_news() == []
