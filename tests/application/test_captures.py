"""Money that is authorised now and taken later: by staff, in whole or in part, or never."""

import asyncio
from contextlib import suppress
from datetime import timedelta

import pytest
from attrs import evolve

from shop.adapters.fake.faults import Fault, ScriptedFaults
from shop.adapters.fake.payments import FakePaymentGateway
from shop.application.commands.captures import CapturePayment, VoidPayment
from shop.application.commands.carts import DescribeCart
from shop.application.commands.orders import CancelAnyOrder
from shop.application.commands.payments import ProcessPayment
from shop.application.commands.refunds import RequestRefund
from shop.application.commands.store import ConfigureStore
from shop.application.ports.payments import IntentRequest, PaymentProviderUnavailable, PaymentRefused
from shop.application.ports.readers import PaymentFilter, TimeRange
from shop.application.queries.payments import GetPayments, GetUnfinishedPayments
from shop.application.settlement import OrderNotShippable, Sale, check_money_safe, check_shippable
from shop.domain.inventory import ReservationState
from shop.domain.kernel.capturing import CapturePolicy
from shop.domain.kernel.errors import Conflict, Invalid, ShopError
from shop.domain.kernel.identifiers import AttemptId, OrderId
from shop.domain.kernel.money import Money
from shop.domain.orders import FulfilmentStatus, OrderNotCancellable, OrderStatus, PaymentStatus
from shop.domain.payments import (
    AttemptStatus,
    AuthorizationExpired,
    CaptureExceedsAuthorized,
    IntentState,
    PaymentCannotMove,
    RefundExceedsCaptured,
)
from tests.application.providers import CALLED_OFF as OFF
from tests.application.providers import PAID, Refusing, at_rest, events_of, faulty, states, sweep_for
from tests.shops import BERLIN, SETTINGS, STAFF, SmallShop, eur, open_small_shop

TOTAL = 2 * 1999 + 490
AUTHORIZED = (OrderStatus.CONFIRMED, PaymentStatus.AUTHORIZED, AttemptStatus.AUTHORIZED)
WEEK = timedelta(days=7)


async def manual(small: SmallShop) -> SmallShop:
    """The shop, which takes money only when somebody says so."""
    store = evolve(SETTINGS.store, capture=CapturePolicy.MANUAL)
    await small.shop.execute(ConfigureStore(store=store), actor=STAFF)
    return small


@pytest.fixture
async def careful(small: SmallShop) -> SmallShop:
    return await manual(small)


async def sold(small: SmallShop, method: str = "fake_card") -> OrderId:
    return await small.buy((await small.product(stock=5), 2), method=method)


async def capture(small: SmallShop, order_id: OrderId, amount: Money | None = None) -> None:
    payment = await small.payment(order_id)
    await small.shop.execute(CapturePayment(payment_id=payment.id, amount=amount), actor=STAFF)


async def void(small: SmallShop, order_id: OrderId) -> None:
    payment = await small.payment(order_id)
    await small.shop.execute(VoidPayment(payment_id=payment.id), actor=STAFF)


async def reserved(small: SmallShop, order_id: OrderId) -> set[ReservationState]:
    return {reservation.state for reservation in await small.reservations(order_id)}


class LeastCaptures(Refusing):
    """A provider that authorises anything, and captures no part below a sum."""

    def __init__(self, provider: FakePaymentGateway, refusal: type[ShopError], least: int = 50) -> None:
        super().__init__(provider, refusal)
        self._least = least
        self.capture = self._capture

    async def create_intent(self, request: IntentRequest) -> IntentState:
        return await self._provider.create_intent(request)

    async def _capture(self, provider_ref: str, attempt_id: AttemptId, amount: Money | None = None) -> IntentState:
        if (amount.minor if amount else TOTAL) < self._least:
            raise self._refusal("The amount is below the least that is taken.")
        return await self._provider.capture(provider_ref, attempt_id, amount)


class TestPolicy:
    async def test_an_order_stands_as_authorised_and_confirmed_until_people_capture_it(
        self, careful: SmallShop
    ) -> None:
        order_id = await sold(careful)
        await careful.post_news()
        await careful.deliver()
        await sweep_for(careful, timedelta(days=2))
        assert await states(careful, order_id) == AUTHORIZED
        assert await reserved(careful, order_id) == {ReservationState.ALLOCATED}
        assert await careful.entries(order_id) == []
        payment = await careful.payment(order_id)
        assert (payment.captured, payment.awaits_capture) == (eur(0), True)
        assert (await events_of(careful, order_id)).count("payment.processed") == 1

    async def test_automatic_captures_at_once(self, small: SmallShop) -> None:
        order_id = await sold(small)
        assert await states(small, order_id) == PAID
        assert (await small.payment(order_id)).capture is CapturePolicy.AUTOMATIC

    async def test_a_challenge_that_is_passed_authorises_and_takes_nothing(self, careful: SmallShop) -> None:
        order_id = await sold(careful, "fake_card_3ds")
        careful.provider.shopper_confirms((await careful.payment(order_id)).attempt.provider_ref)
        await careful.settle_down(20)
        assert await states(careful, order_id) == AUTHORIZED

    async def test_what_needs_neither_stock_nor_sending_is_paid_at_once(self, careful: SmallShop) -> None:
        song = await careful.product("song", tracked=False, requires_shipping=False)
        cart_id = await careful.cart((song, 1), ready=False)
        where = DescribeCart(cart_id=cart_id, email="ada@example.com", shipping_address=BERLIN)
        await careful.shop.execute(where, actor=careful.guest(cart_id))
        assert await states(careful, await careful.buy_cart(cart_id)) == PAID
        shirt = await careful.product(tracked=False)
        assert await states(careful, await careful.buy((shirt, 1))) == AUTHORIZED

    async def test_orders_keep_the_policy_that_they_were_placed_under(self, careful: SmallShop) -> None:
        order_id = await sold(careful)
        await careful.shop.execute(ConfigureStore(store=SETTINGS.store), actor=STAFF)
        await sweep_for(careful, timedelta(hours=8))
        assert await states(careful, order_id) == AUTHORIZED

    async def test_a_method_that_cannot_authorise_pays_at_once_whatever_the_policy(self, careful: SmallShop) -> None:
        order_id = await sold(careful, "fake_debit")
        payment = await careful.payment(order_id)
        assert (payment.capture, payment.status) == (CapturePolicy.AUTOMATIC, AttemptStatus.PROCESSING)
        careful.provider.bank_debits(payment.attempt.provider_ref, paid=True)
        await careful.settle_down(20)
        assert await states(careful, order_id) == PAID

    def test_a_policy_is_one_of_two_words(self) -> None:
        with pytest.raises(Invalid, match="automatic or manual"):
            evolve(SETTINGS.store, capture="whenever")


class TestCapture:
    async def test_all_of_it(self, careful: SmallShop) -> None:
        order_id = await sold(careful)
        await capture(careful, order_id)
        await careful.pay(order_id)
        assert await states(careful, order_id) == PAID
        [entry] = await careful.entries(order_id)
        assert sum(posting.amount.minor for posting in entry.postings if posting.amount.minor > 0) == TOTAL
        await at_rest(careful)

    async def test_f59_a_part_is_what_the_order_costs_then_and_what_the_ledger_says(self, careful: SmallShop) -> None:
        order_id = await sold(careful)
        await capture(careful, order_id, eur(1500))
        await careful.pay(order_id)
        assert await states(careful, order_id) == PAID
        payment = await careful.payment(order_id)
        assert (payment.captured, payment.amount) == (eur(1500), eur(TOTAL))
        [entry] = await careful.entries(order_id)
        assert sum(posting.amount.minor for posting in entry.postings) == 0
        assert [p.amount.minor for p in entry.postings if p.account == "clearing:fake"] == [1500]
        [intent] = careful.books.intents.values()
        assert (intent.captured, intent.refunds) == (1500, ())
        await at_rest(careful)

    async def test_no_more_goes_back_than_was_captured(self, careful: SmallShop) -> None:
        order_id = await sold(careful)
        await capture(careful, order_id, eur(1500))
        await careful.pay(order_id)
        payment = await careful.payment(order_id)
        with pytest.raises(RefundExceedsCaptured):
            await careful.shop.execute(RequestRefund(payment_id=payment.id, amount=eur(1501)), actor=STAFF)
        await careful.shop.execute(RequestRefund(payment_id=payment.id, full=True), actor=STAFF)
        await careful.pay(order_id)
        assert (await careful.order(order_id)).payment_status is PaymentStatus.REFUNDED
        await at_rest(careful)

    @pytest.mark.parametrize("amount", [eur(TOTAL + 1), Money(100, "USD")])
    async def test_no_more_than_is_authorised(self, careful: SmallShop, amount: Money) -> None:
        order_id = await sold(careful)
        with pytest.raises(CaptureExceedsAuthorized):
            await capture(careful, order_id, amount)

    async def test_more_than_nothing(self, careful: SmallShop) -> None:
        order_id = await sold(careful)
        for minor in (0, -5):
            with pytest.raises(Invalid):
                await capture(careful, order_id, eur(minor))

    async def test_f20_captured_already_is_success_and_another_sum_is_not(self, careful: SmallShop) -> None:
        order_id = await sold(careful)
        await capture(careful, order_id)
        await capture(careful, order_id)
        with pytest.raises(PaymentCannotMove):
            await capture(careful, order_id, eur(1500))
        await careful.pay(order_id)
        version = (await careful.payment(order_id)).version
        await capture(careful, order_id)
        assert (await careful.payment(order_id)).version == version
        with pytest.raises(PaymentCannotMove):
            await capture(careful, order_id, eur(1500))

    async def test_only_what_is_authorised(self, careful: SmallShop) -> None:
        order_id = await sold(careful, "fake_card_declined")
        with pytest.raises(PaymentCannotMove):
            await capture(careful, order_id)

    @pytest.mark.parametrize("fault", [Fault.TIMEOUT_BEFORE, Fault.TIMEOUT_AFTER])
    async def test_f45_a_wish_survives_whatever_the_provider_does(self, fault: Fault) -> None:
        """The wish is kept first: a capture whose answer was lost is the same capture, of the same part."""
        small = await manual(await open_small_shop(faulty(ScriptedFaults({"capture": [fault, fault]}))))
        order_id = await sold(small)
        await capture(small, order_id, eur(1500))
        with pytest.raises(PaymentProviderUnavailable):
            await small.pay(order_id)
        assert await states(small, order_id) == AUTHORIZED
        small.provider.take_news()  # all messages are lost
        await small.settle_down(10)
        assert await states(small, order_id) == PAID
        assert (await small.payment(order_id)).captured == eur(1500)
        [intent] = small.books.intents.values()
        assert (intent.captured, intent.refunded) == (1500, 0)

    @pytest.mark.parametrize("refusal", [PaymentRefused, Invalid])
    async def test_a_part_that_the_provider_will_not_take_leaves_room_for_another(
        self, refusal: type[ShopError]
    ) -> None:
        small = await manual(await open_small_shop(lambda provider: LeastCaptures(provider, refusal)))
        order_id = await sold(small)
        await capture(small, order_id, eur(15))
        with pytest.raises(PaymentRefused):
            await small.pay(order_id)
        payment = await small.payment(order_id)
        assert (payment.awaits_capture, payment.capture_due) == (True, None)
        await capture(small, order_id, eur(1500))
        await small.pay(order_id)
        assert await states(small, order_id) == PAID
        assert (await small.payment(order_id)).captured == eur(1500)
        await at_rest(small)

    async def test_all_of_it_that_the_provider_will_not_take_yet_is_asked_for_again(self) -> None:
        small = await manual(await open_small_shop(lambda provider: LeastCaptures(provider, PaymentRefused, 10_000)))
        order_id = await sold(small)
        await capture(small, order_id)
        with pytest.raises(PaymentRefused):
            await small.pay(order_id)
        assert (await small.payment(order_id)).capture_due == eur(TOTAL)

    async def test_a_void_that_came_first_is_not_undone_by_the_refusal_of_a_part(self) -> None:
        small = await manual(await open_small_shop(lambda provider: LeastCaptures(provider, PaymentRefused)))
        order_id = await sold(small)
        await capture(small, order_id, eur(15))
        await void(small, order_id)
        await small.pay(order_id)
        assert await states(small, order_id) == OFF
        assert not (await small.payment(order_id)).give_up_part(eur(15), small.clock.now())

    async def test_a_part_that_somebody_takes_at_the_provider_is_another_sum(self, careful: SmallShop) -> None:
        """Nobody asked for it here: people look at it, and it goes back."""
        order_id = await sold(careful)
        payment = await careful.payment(order_id)
        await careful.provider.capture(payment.attempt.provider_ref, payment.attempt.id, eur(700))
        await careful.settle_down(10)
        [intent] = careful.books.intents.values()
        assert (intent.captured, intent.refunded) == (700, 700)
        assert (await careful.order(order_id)).payment_status is PaymentStatus.REFUNDED

    async def test_all_that_somebody_takes_at_the_provider_pays(self, careful: SmallShop) -> None:
        order_id = await sold(careful)
        payment = await careful.payment(order_id)
        await careful.provider.capture(payment.attempt.provider_ref, payment.attempt.id)
        careful.provider.take_news()
        await sweep_for(careful, timedelta(hours=8))
        assert await states(careful, order_id) == PAID


class TestOtherSums:
    async def test_f42_another_sum_that_was_authorised_is_let_go_of_though_the_provider_was_away(self) -> None:
        """It waits for nobody: the event that tells of it is delivered again until that is done."""
        script = ScriptedFaults({"cancel": [Fault.TIMEOUT_BEFORE] * 2})
        small = await manual(await open_small_shop(faulty(script)))
        order_id = await sold(small, "fake_card_3ds")
        [intent] = small.books.intents.values()
        small.books.alter(evolve(intent, status=AttemptStatus.AUTHORIZED, minor=intent.minor - 100))
        with suppress(PaymentProviderUnavailable):
            await small.pay(order_id, refresh=True)
        await small.settle_down(15)
        [intent] = small.books.intents.values()
        assert (intent.status, intent.captured) == (AttemptStatus.CANCELLED, 0)
        assert await states(small, order_id) == OFF


class TestHold:
    @pytest.mark.parametrize("policy", list(CapturePolicy))
    async def test_what_people_look_at_is_neither_taken_nor_let_go_of(self, policy: CapturePolicy) -> None:
        small = await open_small_shop(faulty(ScriptedFaults({"capture": [Fault.TIMEOUT_BEFORE]})))
        await small.shop.execute(ConfigureStore(store=evolve(SETTINGS.store, capture=policy)), actor=STAFF)
        order_id = await small.place(await small.cart((await small.product(stock=5), 2)))
        with suppress(PaymentProviderUnavailable):
            await small.pay(order_id)
        await self.moved(small, order_id, on_hold=True)
        await small.settle_down(20)
        [intent] = small.books.intents.values()
        assert (intent.status, intent.captured) == (AttemptStatus.AUTHORIZED, 0)
        with pytest.raises(PaymentCannotMove, match="on hold"):
            await capture(small, order_id)
        await self.moved(small, order_id, on_hold=False)
        await capture(small, order_id)
        await small.settle_down(30)
        assert await states(small, order_id) == PAID

    async def moved(self, small: SmallShop, order_id: OrderId, *, on_hold: bool) -> None:
        """As people do, or what looks out for fraud."""
        async with small.storage.uow(small.context()) as tx:
            order = await tx.orders.get(order_id)
            if on_hold:
                order.put_on_hold("risk", small.clock.at)
            else:
                order.confirm(small.clock.at)
            tx.orders.save(order)


class TestVoid:
    async def test_it_frees_the_stock_and_calls_the_order_off(self, careful: SmallShop) -> None:
        shirt = await careful.product(stock=5)
        order_id = await careful.buy((shirt, 2))
        await void(careful, order_id)
        await void(careful, order_id)
        await careful.pay(order_id)
        await void(careful, order_id)
        assert await states(careful, order_id) == OFF
        assert (await careful.order(order_id)).cancel_reason == "payment_voided"
        assert (await careful.level(shirt)).reserved == 0
        [intent] = careful.books.intents.values()
        assert intent.status is AttemptStatus.CANCELLED
        await at_rest(careful)

    async def test_what_was_taken_cannot_be_voided(self, small: SmallShop) -> None:
        order_id = await sold(small)
        with pytest.raises(OrderNotCancellable):
            await void(small, order_id)

    async def test_what_was_never_authorised_cannot_be_voided(self, careful: SmallShop) -> None:
        order_id = await sold(careful, "fake_card_3ds")
        with pytest.raises(PaymentCannotMove) as error:
            await void(careful, order_id)
        assert error.value.hint == "Cancel its order instead."

    async def test_after_a_void_nothing_is_captured(self, careful: SmallShop) -> None:
        order_id = await sold(careful)
        await void(careful, order_id)
        with pytest.raises(PaymentCannotMove):
            await capture(careful, order_id)

    async def test_money_that_was_taken_first_is_not_forgotten(self, careful: SmallShop) -> None:
        """Somebody captured at the provider's pages in the moment before: the order stands and is paid."""
        order_id = await sold(careful)
        payment = await careful.payment(order_id)
        await void(careful, order_id)
        await careful.provider.capture(payment.attempt.provider_ref, payment.attempt.id)
        await careful.pay(order_id)
        assert await states(careful, order_id) == PAID
        check_shippable(Sale(await careful.order(order_id), await careful.payment(order_id)), careful.clock.at)
        await at_rest(careful)

    @pytest.mark.parametrize("fault", [Fault.TIMEOUT_BEFORE, Fault.TIMEOUT_AFTER])
    async def test_a_part_whose_answer_was_lost_stands_after_a_void(self, fault: Fault) -> None:
        small = await manual(await open_small_shop(faulty(ScriptedFaults({"capture": [fault]}))))
        order_id = await sold(small)
        await capture(small, order_id, eur(1500))
        with pytest.raises(PaymentProviderUnavailable):
            await small.pay(order_id)
        await void(small, order_id)
        await small.settle_down(10)
        taken = fault is Fault.TIMEOUT_AFTER
        assert await states(small, order_id) == (PAID if taken else OFF)
        assert (await small.payment(order_id)).captured == eur(1500 if taken else 0)
        await at_rest(small)

    async def test_an_authorised_order_can_be_cancelled(self, careful: SmallShop) -> None:
        order_id = await sold(careful)
        await careful.shop.execute(CancelAnyOrder(order_id=order_id), actor=STAFF)
        assert await states(careful, order_id) == OFF
        await at_rest(careful)


class TestLapse:
    async def test_f40_after_eight_days_the_order_is_off_and_its_stock_free(self, careful: SmallShop) -> None:
        shirt = await careful.product(stock=5)
        order_id = await careful.buy((shirt, 2))
        await careful.post_news()
        await careful.deliver()
        await sweep_for(careful, timedelta(days=8))
        assert await states(careful, order_id) == OFF
        assert (await careful.order(order_id)).cancel_reason == "authorization_expired"
        assert (await careful.level(shirt)).reserved == 0
        told = await events_of(careful, order_id)
        assert told.count("order.authorization_expired") == 1
        assert told.count("payment.authorization_expiring") == 1
        assert (await careful.payment(order_id)).attempt.failure_code == "authorization_expired"
        assert await careful.entries(order_id) == []
        await at_rest(careful)

    async def test_f40_the_provider_tells_of_it_by_a_message(self, careful: SmallShop) -> None:
        order_id = await sold(careful)
        await careful.post_news()
        careful.clock.forward(timedelta(days=8))
        await careful.provider.fetch((await careful.payment(order_id)).attempt.provider_ref)
        await careful.post_news()
        await careful.deliver()
        assert await states(careful, order_id) == OFF
        assert "order.authorization_expired" in await events_of(careful, order_id)

    async def test_f40_nothing_is_captured_after_it(self, careful: SmallShop) -> None:
        order_id = await sold(careful)
        careful.clock.forward(WEEK)
        with pytest.raises(AuthorizationExpired):
            await capture(careful, order_id)

    async def test_f40_a_wish_that_comes_too_late_at_the_provider_takes_nothing(self) -> None:
        small = await manual(await open_small_shop(faulty(ScriptedFaults({"capture": [Fault.TIMEOUT_BEFORE]}))))
        order_id = await sold(small)
        await capture(small, order_id)
        with pytest.raises(PaymentProviderUnavailable):
            await small.pay(order_id)
        small.clock.forward(timedelta(days=8))
        await small.sweep()
        assert await states(small, order_id) == OFF
        [intent] = small.books.intents.values()
        assert (intent.status, intent.captured) == (AttemptStatus.CANCELLED, 0)

    async def test_f40_an_automatic_payment_that_nobody_could_capture_for_a_week_lapses_too(self) -> None:
        script = ScriptedFaults({"capture": [Fault.TIMEOUT_BEFORE] * 3})
        small = await open_small_shop(faulty(script))
        order_id = await small.place(await small.cart((await small.product(stock=5), 2)))
        with pytest.raises(PaymentProviderUnavailable):
            await small.pay(order_id)
        small.clock.forward(timedelta(days=8))
        await small.sweep()
        assert await states(small, order_id) == OFF

    async def test_f40_once_goods_left_people_have_to_look(self, careful: SmallShop) -> None:
        order_id = await sold(careful)
        async with careful.storage.uow(careful.context()) as tx:
            order = await tx.orders.get(order_id)
            order.fulfilment_status = FulfilmentStatus.PARTIALLY_FULFILLED
            tx.orders.save(order)
        await sweep_for(careful, timedelta(days=8))
        order = await careful.order(order_id)
        assert (order.status, order.hold_reason) == (OrderStatus.ON_HOLD, "authorization_expired")
        assert await reserved(careful, order_id) == {ReservationState.ALLOCATED}
        assert "order.authorization_expired" in await events_of(careful, order_id)

    async def test_what_is_let_go_of_elsewhere_once_goods_left_is_for_people_too(self, careful: SmallShop) -> None:
        order_id = await sold(careful)
        async with careful.storage.uow(careful.context()) as tx:
            order = await tx.orders.get(order_id)
            order.fulfilment_status = FulfilmentStatus.PARTIALLY_FULFILLED
            tx.orders.save(order)
        payment = await careful.payment(order_id)
        await careful.provider.cancel(payment.attempt.provider_ref, payment.attempt.id)
        await careful.pay(order_id, refresh=True)
        order = await careful.order(order_id)
        assert (order.status, order.payment_status) == (OrderStatus.ON_HOLD, PaymentStatus.VOIDED)
        assert order.hold_reason == "payment_cancelled"
        assert (await careful.payment(order_id)).status is AttemptStatus.CANCELLED

    async def test_people_are_warned_once_a_day_before(self, careful: SmallShop) -> None:
        order_id = await sold(careful)
        await sweep_for(careful, timedelta(days=5, hours=23))
        assert "payment.authorization_expiring" not in await events_of(careful, order_id)
        await sweep_for(careful, timedelta(hours=20))
        assert (await events_of(careful, order_id)).count("payment.authorization_expiring") == 1
        assert await states(careful, order_id) == AUTHORIZED

    async def test_who_captures_in_time_is_not_warned(self, careful: SmallShop) -> None:
        order_id = await sold(careful)
        await capture(careful, order_id)
        await sweep_for(careful, timedelta(days=8))
        assert "payment.authorization_expiring" not in await events_of(careful, order_id)
        assert await states(careful, order_id) == PAID

    async def test_the_provider_is_asked_rarely_while_it_waits(self, careful: SmallShop) -> None:
        """Half an hour of sweeps does not find it; six hours do."""
        await sold(careful)
        careful.clock.forward(timedelta(minutes=30))
        assert await careful.shop.ask(GetUnfinishedPayments()) == []
        careful.clock.forward(timedelta(hours=6))
        assert len(await careful.shop.ask(GetUnfinishedPayments())) == 1

    async def test_staff_see_what_is_about_to_lapse(self, careful: SmallShop) -> None:
        await sold(careful)
        shirt = await careful.product("later", stock=9)
        careful.clock.forward(timedelta(days=3))
        await careful.buy((shirt, 1))
        paid = await careful.buy((shirt, 1))
        await capture(careful, paid)
        await careful.pay(paid)
        until = careful.clock.at + timedelta(days=5)
        soon = PaymentFilter(authorization_expires_at=TimeRange(lt=until))
        [view] = (await careful.shop.ask(GetPayments(which=soon), actor=STAFF)).data
        assert view.authorization_expires_at == careful.clock.at + timedelta(days=4)
        late = PaymentFilter(authorization_expires_at=TimeRange(gte=until))
        assert len((await careful.shop.ask(GetPayments(which=late), actor=STAFF)).data) == 1
        assert len((await careful.shop.ask(GetPayments(), actor=STAFF)).data) == 3


class TestMayShip:
    async def sale(self, small: SmallShop, order_id: OrderId) -> Sale:
        return Sale(await small.order(order_id), await small.payment(order_id))

    async def test_f40_authorised_goods_may_leave_until_it_lapses(self, careful: SmallShop) -> None:
        order_id = await sold(careful)
        sale = await self.sale(careful, order_id)
        check_shippable(sale, careful.clock.at)
        with pytest.raises(OrderNotShippable, match="authorised until"):
            check_shippable(sale, careful.clock.at + WEEK)
        await void(careful, order_id)
        with pytest.raises(OrderNotShippable, match="let go of"):
            check_shippable(await self.sale(careful, order_id), careful.clock.at)
        await careful.pay(order_id)
        with pytest.raises(OrderNotShippable, match="cancelled"):
            check_shippable(await self.sale(careful, order_id), careful.clock.at)

    async def test_paid_goods_may_leave_for_ever(self, small: SmallShop) -> None:
        sale = await self.sale(small, await sold(small))
        check_shippable(sale, small.clock.at + timedelta(days=400))

    @pytest.mark.parametrize("status", sorted(set(PaymentStatus)))
    async def test_only_safe_money_ships(self, small: SmallShop, status: PaymentStatus) -> None:
        order = await small.order(await sold(small))
        order.payment_status = status
        safe = {PaymentStatus.PAID, PaymentStatus.PARTIALLY_REFUNDED, PaymentStatus.AUTHORIZED}
        if status in safe:
            check_money_safe(order)
        else:
            with pytest.raises(OrderNotShippable):
                check_money_safe(order)

    @pytest.mark.parametrize("status", sorted(set(OrderStatus) - {OrderStatus.CONFIRMED}))
    async def test_only_what_is_confirmed_ships(self, small: SmallShop, status: OrderStatus) -> None:
        order = await small.order(await sold(small))
        order.status, order.hold_reason = status, "risk"
        with pytest.raises(OrderNotShippable):
            check_money_safe(order)


class TestRaces:
    @pytest.mark.parametrize("first", [True, False])
    async def test_f20_captures_and_voids_at_once_have_one_effect(self, careful: SmallShop, first: bool) -> None:
        order_id = await sold(careful)
        wishes = [capture, void] if first else [void, capture]

        async def wish(number: int) -> bool:
            try:
                await wishes[number % 2](careful, order_id)
                await careful.shop.execute(ProcessPayment(order_id=order_id, refresh=number % 3 == 0))
            except Conflict:
                return False
            return True

        done = await asyncio.gather(*(wish(number) for number in range(10)))
        assert any(done)
        await careful.settle_down(5)
        [intent] = careful.books.intents.values()
        taken = intent.captured == TOTAL
        assert await states(careful, order_id) == (PAID if taken else OFF)
        assert len(await careful.entries(order_id)) == taken
        assert (intent.captured, intent.refunded) in ((TOTAL, 0), (0, 0))
        await at_rest(careful)

    async def test_f24_one_intent_pays_for_an_order_however_it_is_captured(self, careful: SmallShop) -> None:
        order_id = await sold(careful, "fake_card_3ds")
        careful.provider.shopper_confirms((await careful.payment(order_id)).attempt.provider_ref)
        await asyncio.gather(*(careful.pay(order_id, refresh=True) for _ in range(3)), return_exceptions=True)
        await careful.settle_down(5)
        await capture(careful, order_id)
        await asyncio.gather(*(careful.pay(order_id, refresh=True) for _ in range(3)), return_exceptions=True)
        await careful.settle_down(5)
        assert [intent.captured for intent in careful.books.intents.values()] == [TOTAL]
