"""Money: from the provider's news to a paid order, whoever brings them, in any order, as often as they like."""

import asyncio
import itertools
import json
from collections.abc import Callable
from datetime import timedelta

import pytest
from attrs import evolve

from shop.adapters.fake.faults import Fault, FaultPlan, FaultyGateway, ScriptedFaults
from shop.adapters.fake.payments import FakePaymentGateway
from shop.application.commands.carts import DescribeCart
from shop.application.commands.orders import CancelAnyOrder, CancelOrder, ExpireOrder
from shop.application.commands.payments import ApplyProviderNews, ConfirmPayment, ProcessPayment
from shop.application.ports.paging import PageRequest
from shop.application.ports.payments import (
    IntentRequest,
    PaymentGateway,
    PaymentProviderUnavailable,
    PaymentRefused,
)
from shop.application.queries.payments import GetPayment, GetUnfinishedPayments
from shop.application.settlement import MISMATCH, STEPS_MAX
from shop.domain.inventory import ReservationState
from shop.domain.kernel.errors import Invalid, ShopError
from shop.domain.kernel.identifiers import OrderId
from shop.domain.kernel.money import Money
from shop.domain.ledger import EntryKind
from shop.domain.orders import OrderCreated, OrderNotCancellable, OrderNotFound, OrderStatus, PaymentStatus
from shop.domain.payments import AttemptStatus, IntentState
from tests.invariants import Watch
from tests.shops import BERLIN, STAFF, SmallShop, eur, open_small_shop
from tests.turnstiles import Jostle, behind


async def at_rest(small: SmallShop) -> None:
    await small.settle_down()
    await Watch(small.storage, lambda: small.books.intents).look(small.context(), at_rest=True)


async def events_of(small: SmallShop, order_id: OrderId) -> list[str]:
    page = await small.storage.outbox.events(PageRequest(limit=100))
    about = {str(order_id), str((await small.payment(order_id)).id)}
    return sorted(event.type for event in page.data if event.subject_id in about)


async def states(small: SmallShop, order_id: OrderId) -> tuple[OrderStatus, PaymentStatus, AttemptStatus]:
    order, payment = await small.order(order_id), await small.payment(order_id)
    return order.status, order.payment_status, payment.status


PAID = (OrderStatus.CONFIRMED, PaymentStatus.PAID, AttemptStatus.CAPTURED)
CALLED_OFF = (OrderStatus.CANCELLED, PaymentStatus.VOIDED, AttemptStatus.CANCELLED)


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
        small = await open_small_shop(_faulty(faults))
        shirt = await small.product(stock=1)
        with pytest.raises(PaymentProviderUnavailable):
            await small.buy((shirt, 1))
        [intent] = small.books.intents.values()
        small.books.alter(evolve(intent, status=AttemptStatus.CANCELLED))
        await at_rest(small)
        assert (await small.level(shirt)).available == 1


class _Away:
    """Trouble with every call until it is over."""

    over = False

    def fault_for(self, call: str) -> Fault | None:
        return None if self.over else Fault.ERROR


def _faulty(faults: FaultPlan) -> Callable[[FakePaymentGateway], PaymentGateway]:
    async def sleep(seconds: float) -> None:
        """Virtual: nobody waits."""

    return lambda provider: FaultyGateway(provider, faults, sleep)


class TestTrouble:
    @pytest.mark.parametrize("fault", [Fault.TIMEOUT_AFTER, Fault.TIMEOUT_BEFORE, Fault.ERROR])
    @pytest.mark.parametrize("call", ["create_intent", "capture"])
    async def test_f19_a_lost_answer_is_one_intent_and_one_charge(self, call: str, fault: Fault) -> None:
        small = await open_small_shop(_faulty(ScriptedFaults({call: [fault, fault]})))
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
        small = await open_small_shop(_faulty(ScriptedFaults({"cancel": [fault], "fetch": [fault]})))
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
        small = await open_small_shop(_faulty(ScriptedFaults({"refund": [fault]})))
        order_id = await _mismatched(small, captured=2400)
        with pytest.raises(PaymentProviderUnavailable):
            await small.pay(order_id, refresh=True)
        await at_rest(small)
        [intent] = small.books.intents.values()
        assert (intent.captured, intent.refunded) == (2400, 2400)
        assert [entry.kind for entry in await small.entries(order_id)] == [EntryKind.CAPTURE, EntryKind.REFUND]

    async def test_the_provider_is_away_for_an_hour_and_nothing_is_left_behind(self) -> None:
        away = _Away()
        small = await open_small_shop(_faulty(away))
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
        small = await open_small_shop(lambda provider: _Refusing(provider, refusal))
        shirt = await small.product(stock=1)
        order_id = await small.place(await small.cart((shirt, 1)))
        with pytest.raises(refusal):
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
        small = await open_small_shop(lambda provider: _Slow(provider, refunds))
        order_id = await _mismatched(small, captured=2400)
        await small.pay(order_id, refresh=True)
        assert refunds == [eur(2400)]
        assert (await small.payment(order_id)).refund_due
        await small.pay(order_id, refresh=True)
        assert len(refunds) == 2 < STEPS_MAX
        small.clock.forward(timedelta(minutes=2))
        assert await small.shop.ask(GetUnfinishedPayments()) == [order_id]


class _Refusing:
    """A provider that will not make any intent."""

    def __init__(self, provider: FakePaymentGateway, refusal: type[ShopError]) -> None:
        self._provider, self._refusal = provider, refusal
        self.provider = provider.provider
        self.methods, self.fetch, self.confirm = provider.methods, provider.fetch, provider.confirm
        self.capture, self.cancel, self.refund = provider.capture, provider.cancel, provider.refund
        self.read_news, self.close = provider.read_news, provider.close

    async def create_intent(self, request: IntentRequest) -> IntentState:
        raise self._refusal("The amount is below the least that is taken.")


class _Slow(_Refusing):
    """A provider that takes refunds on, and is not done with them yet."""

    def __init__(self, provider: FakePaymentGateway, refunds: list[Money]) -> None:
        super().__init__(provider, Invalid)
        self._refunds = refunds
        self.refund = self._take_on

    async def create_intent(self, request: IntentRequest) -> IntentState:
        return await self._provider.create_intent(request)

    async def _take_on(self, provider_ref: str, attempt_id: object, amount: Money, sequence: str) -> IntentState:
        self._refunds.append(amount)
        return await self._provider.fetch(provider_ref)


async def _mismatched(small: SmallShop, *, captured: int = 0, currency: str = "EUR", authorized: int = 0) -> OrderId:
    """An order whose intent the provider says is of another sum than it was made for."""
    order_id = await small.buy((await small.product(), 1), method="fake_card_3ds")
    [intent] = small.books.intents.values()
    status = AttemptStatus.CAPTURED if captured else AttemptStatus.AUTHORIZED
    minor = captured or authorized
    small.books.alter(evolve(intent, status=status, captured=captured, minor=minor, currency=currency))
    return order_id


class TestOtherSums:
    @pytest.mark.parametrize(("captured", "currency"), [(1, "EUR"), (2488, "EUR"), (9999, "EUR"), (2489, "USD")])
    async def test_f42_another_sum_or_currency_puts_the_order_on_hold_and_goes_back(
        self, small: SmallShop, captured: int, currency: str
    ) -> None:
        order_id = await _mismatched(small, captured=captured, currency=currency)
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
        order_id = await _mismatched(small, authorized=100)
        await small.pay(order_id, refresh=True)
        assert await states(small, order_id) == CALLED_OFF
        [intent] = small.books.intents.values()
        assert intent.captured == 0
        assert [r.state for r in await small.reservations(order_id)] == [ReservationState.RELEASED]
        await at_rest(small)

    async def test_f42_a_part_captured_after_the_whole_was_authorised(self, small: SmallShop) -> None:
        faults = ScriptedFaults({"capture": [Fault.ERROR]})
        small = await open_small_shop(_faulty(faults))
        shirt = await small.product(stock=1)
        order_id = await small.place(await small.cart((shirt, 1)))
        with pytest.raises(PaymentProviderUnavailable):
            await small.pay(order_id)
        [intent] = small.books.intents.values()
        small.books.alter(evolve(intent, status=AttemptStatus.CAPTURED, captured=1000))
        await at_rest(small)
        assert (await small.order(order_id)).status is OrderStatus.CANCELLED
        assert (await small.level(shirt)).available == 1

    async def test_f37_money_that_comes_after_the_order_was_called_off_goes_back(self, small: SmallShop) -> None:
        shirt = await small.product(stock=1)
        order_id = await small.buy((shirt, 1), method="fake_card_3ds")
        await small.shop.execute(CancelAnyOrder(order_id=order_id), actor=STAFF)
        [intent] = small.books.intents.values()
        small.books.alter(evolve(intent, status=AttemptStatus.CAPTURED, captured=2489))
        await small.pay(order_id, refresh=True)
        order, payment = await small.order(order_id), await small.payment(order_id)
        assert (order.status, order.payment_status) == (OrderStatus.CANCELLED, PaymentStatus.REFUNDED)
        assert payment.captured == payment.refunded == eur(2489)
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
        for refunded, status in ((489, PaymentStatus.PARTIALLY_REFUNDED), (2489, PaymentStatus.REFUNDED)):
            small.books.alter(evolve(intent, refunded=refunded))
            await small.pay(order_id, refresh=True)
            await small.pay(order_id, refresh=True)
            assert (await small.order(order_id)).payment_status is status
        sums = [{p.account: p.amount.minor for p in entry.postings} for entry in await small.entries(order_id)]
        assert sums[1:] == [
            {"refunds": 489, "clearing:fake": -489},
            {"refunds": 2000, "clearing:fake": -2000},
        ]
        await at_rest(small)


class TestNews:
    async def test_f21_the_same_message_many_times_is_one_entry_and_one_effect(self, small: SmallShop) -> None:
        crowd = behind(small, Jostle(3))
        order_id = await small.buy((await small.product(), 1), method="fake_card_3ds")
        small.provider.shopper_confirms((await small.payment(order_id)).attempt.provider_ref)
        messages = [small.message(news.body) for news in small.provider.take_news()]
        for message in messages:
            await asyncio.gather(*(crowd.shop.execute(message) for _ in range(20)))
        payment = await small.payment(order_id)
        view = await small.shop.ask(GetPayment(payment_id=payment.id))
        assert len(view.provider_messages or []) == len(messages)
        await asyncio.gather(*(crowd.deliver() for _ in range(5)))
        assert await states(small, order_id) == PAID
        assert [entry.kind for entry in await small.entries(order_id)] == [EntryKind.CAPTURE]
        await at_rest(small)

    @pytest.mark.parametrize("seed", range(6))
    async def test_f20_browser_message_and_sweeper_at_once_capture_once_and_refund_nothing(
        self, small: SmallShop, seed: int
    ) -> None:
        crowd = behind(small, Jostle(seed))
        order_id = await small.buy((await small.product(), 1), method="fake_card_3ds")
        order = await small.order(order_id)
        small.provider.shopper_confirms((await small.payment(order_id)).attempt.provider_ref)
        await small.post_news()
        small.clock.forward(timedelta(minutes=16))
        results = await asyncio.gather(
            crowd.shop.execute(ConfirmPayment(session_id=order.payment_session_id)),
            crowd.pay(order_id),
            crowd.deliver(),
            crowd.deliver(),
            crowd.sweep(),
            crowd.shop.execute(ExpireOrder(order_id=order_id)),
            crowd.pay(order_id, refresh=True),
            return_exceptions=True,
        )
        assert [r for r in results if isinstance(r, Exception)] == []
        assert await states(small, order_id) == PAID
        [intent] = small.books.intents.values()
        assert (intent.captured, intent.refunded) == (2489, 0)
        assert len(await small.entries(order_id)) == 1
        await at_rest(small)

    async def test_f32_a_message_ahead_of_our_record_is_kept_and_followed_later(self, small: SmallShop) -> None:
        order_id = await small.place(await small.cart((await small.product(), 1)))
        payment = await small.payment(order_id)
        # The provider has made the intent; the answer is still on its way to us when the message comes.
        await small.provider.create_intent(
            IntentRequest(
                attempt_id=payment.attempt.id,
                order_id=order_id,
                amount=payment.amount,
                method="fake_card",
                email="ada@example.com",
            )
        )
        assert await small.post_news() == 1
        await small.deliver()
        assert (await small.payment(order_id)).status is AttemptStatus.NEW
        assert await small.open_deliveries() >= 2
        await at_rest(small)
        assert await states(small, order_id) == PAID

    async def test_f32_a_message_about_nothing_of_ours_is_put_aside_after_an_hour(self, small: SmallShop) -> None:
        order_id = await small.buy((await small.product(), 1))
        [intent] = small.books.intents.values()
        small.books.keep(evolve(intent, ref="pi_fake_foreign"), event="payment_intent.succeeded", at=1)
        foreign = small.books.intents["pi_fake_foreign"]
        await small.post_news()
        await small.settle_down(70)
        assert await small.open_deliveries() == 0
        assert await states(small, order_id) == PAID
        assert len(await small.entries(order_id)) == 1
        assert foreign.ref == "pi_fake_foreign"

    async def test_f43_what_a_message_says_of_an_order_counts_for_nothing(self, small: SmallShop) -> None:
        """A message about the cheap order's intent moves that one only, though it names the dear one."""
        dear = await small.buy((await small.product(price=90_000), 1), method="fake_card_3ds")
        cheap = await small.buy((await small.product("pin", price=50), 1))
        small.provider.take_news()
        ref = (await small.payment(cheap)).attempt.provider_ref
        lies = {"id": ref, "status": "captured", "amount": 90_490, "metadata": {"order_id": str(dear)}}
        message = {"id": "evt_lies", "type": "payment_intent.succeeded", "data": {"object": lies}}
        await small.shop.execute(small.message(json.dumps(message).encode()))
        await small.settle_down(3)
        assert (await small.order(cheap)).payment_status is PaymentStatus.PAID
        assert (await small.order(dear)).total == eur(90_490)
        assert (await small.order(dear)).status is OrderStatus.PENDING
        assert (await small.payment(dear)).captured == eur(0)
        assert (await small.payment(cheap)).captured == eur(540)

    async def test_f34_f35_messages_are_kept_before_anything_is_made_of_them(self, small: SmallShop) -> None:
        """The provider is told yes once the message is kept; trouble with what it says comes later, and stays ours."""
        small = await open_small_shop(_faulty(ScriptedFaults({"fetch": [Fault.ERROR] * 3})))
        order_id = await small.buy((await small.product(), 1), method="fake_card_3ds")
        small.provider.shopper_confirms((await small.payment(order_id)).attempt.provider_ref)
        assert await small.post_news() == 2
        await small.deliver()
        assert (await small.order(order_id)).status is OrderStatus.PENDING
        await at_rest(small)
        assert await states(small, order_id) == PAID

    async def test_f38_f39_old_news_move_nothing_back(self, small: SmallShop) -> None:
        order_id = await small.buy((await small.product(), 1))
        for status in AttemptStatus:
            [intent] = small.books.intents.values()
            small.books.alter(evolve(intent, status=status, captured=0))
            if status is AttemptStatus.NEW:
                continue
            await small.pay(order_id, refresh=True)
            assert await states(small, order_id) == PAID
        assert len(await small.entries(order_id)) == 1

    @pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
    async def test_f22_messages_in_any_order_and_twice_lead_to_the_same_end(
        self, small: SmallShop, order: tuple[int, ...]
    ) -> None:
        order_id = await small.buy((await small.product(), 1), method="fake_card_3ds")
        small.provider.shopper_confirms((await small.payment(order_id)).attempt.provider_ref)
        await small.pay(order_id, refresh=True)
        bodies = [news.body for news in small.provider.take_news()]
        assert len(bodies) == 3
        for index in (*order, *order):
            await small.shop.execute(small.message(bodies[index]))
            await small.deliver()
        assert await states(small, order_id) == PAID
        await at_rest(small)

    async def test_f41_a_crash_between_commit_and_publishing_loses_nothing(self, small: SmallShop) -> None:
        """The order is committed and its process dies: the worker finds the event, and pays."""
        order_id = await small.place(await small.cart((await small.product(), 1)))
        await small.deliver()
        assert (await small.payment(order_id)).status is AttemptStatus.NEW  # the request has ten seconds' head start
        small.clock.forward(timedelta(minutes=2))
        await small.deliver()
        assert await states(small, order_id) == PAID
        await at_rest(small)

    async def test_f41_a_crash_between_authorisation_and_capture_is_taken_up(self) -> None:
        small = await open_small_shop(_faulty(ScriptedFaults({"capture": [Fault.TIMEOUT_BEFORE]})))
        with pytest.raises(PaymentProviderUnavailable):
            await small.buy((await small.product(), 1))
        small.clock.forward(timedelta(seconds=30))
        await small.deliver()
        [intent] = small.books.intents.values()
        assert intent.captured == 2489
        await at_rest(small)

    async def test_f61_an_event_is_never_ahead_of_what_it_tells(self, small: SmallShop) -> None:
        crowd = behind(small, Jostle(1))
        shirt = await small.product(stock=2)
        commands = [await small.order_command(await small.cart((shirt, 1))) for _ in range(4)]
        seen: set[OrderId] = set()

        async def look_out() -> None:
            for _ in range(200):
                now = small.clock.now()
                for delivery in await small.storage.outbox.claim(now, now, 100):
                    if isinstance(delivery.event, OrderCreated):
                        await small.order(delivery.event.order_id)  # raises when it is not there
                        seen.add(delivery.event.order_id)
                await asyncio.sleep(0)

        await asyncio.gather(look_out(), *(crowd.shop.execute(command) for command in commands), return_exceptions=True)
        assert len(seen) == 2

    async def test_f65_an_event_delivered_twice_is_done_once(self, small: SmallShop) -> None:
        order_id = await small.place(await small.cart((await small.product(), 1)))
        small.clock.forward(timedelta(minutes=1))
        now = small.clock.now()
        first = await small.storage.outbox.claim(now, now + timedelta(seconds=1), 100)
        for delivery in first:
            await small.shop.react(delivery)
        small.clock.forward(timedelta(minutes=1))
        now = small.clock.now()
        again = await small.storage.outbox.claim(now, now + timedelta(seconds=30), 100)
        assert {d.event_id for d in first} <= {d.event_id for d in again}
        for delivery in again:
            await small.shop.react(delivery)
            await small.storage.outbox.done(delivery, now)
        assert not await small.storage.outbox.done(first[0], now)
        assert await states(small, order_id) == PAID
        assert len(await small.entries(order_id)) == 1
        await at_rest(small)


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
        small = await open_small_shop(_faulty(ScriptedFaults({"capture": [Fault.ERROR]})))
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

    @pytest.mark.parametrize("reason", ["", "x" * 501, "a\x00b"])
    async def test_a_reason_is_a_short_text(self, small: SmallShop, reason: str) -> None:
        order_id = await small.place(await small.cart((await small.product(), 1)))
        with pytest.raises(Invalid):
            await small.shop.execute(CancelAnyOrder(order_id=order_id, reason=reason), actor=STAFF)


class TestExpiry:
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
            assert (await small.order(order_id)).status is OrderStatus.PENDING
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


async def test_a_message_is_looked_at_once(small: SmallShop) -> None:
    await small.buy((await small.product(), 1))
    await small.post_news()
    for delivery in await small.deliver():
        event = delivery.event
        if hasattr(event, "inbox_id"):
            await small.shop.execute(ApplyProviderNews(inbox_id=event.inbox_id))
    assert await small.shop.ask(GetUnfinishedPayments(idle=timedelta(0))) == []


async def test_processing_a_settled_payment_asks_the_provider_nothing(small: SmallShop) -> None:
    order_id = await small.buy((await small.product(), 1))
    before = len(small.provider.take_news())
    assert before
    await small.shop.execute(ProcessPayment(order_id=order_id))
    assert small.provider.take_news() == []
