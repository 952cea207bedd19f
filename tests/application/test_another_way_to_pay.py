"""A way to pay with which the provider will not even begin, and another one for the same order."""

import asyncio
from datetime import timedelta

import pytest
from attrs import evolve

from shop.application.commands.orders import CancelOrder
from shop.application.commands.payments import ConfirmPayment, ProcessPayment
from shop.application.commands.store import ConfigureStore
from shop.application.ports.payments import (
    IntentRequest,
    KeyReused,
    PaymentProviderUnavailable,
    PaymentRefused,
)
from shop.application.ports.readers import PaymentFilter
from shop.application.queries.analytics import GetPaymentStatistics
from shop.application.queries.payments import GetPayment, GetPayments, GetPaymentSession, GetUnfinishedPayments
from shop.application.settlement import Sale
from shop.application.settlement.refusals import KEYS_LAST
from shop.application.settlement.refusals import refused as declined
from shop.application.settlement.steps import request_of
from shop.domain.kernel.capturing import CapturePolicy
from shop.domain.kernel.errors import Invalid, ShopError
from shop.domain.kernel.identifiers import AttemptId, OrderId, PaymentSessionId
from shop.domain.orders import OrderStatus, PaymentStatus
from shop.domain.payments import AttemptStatus, InboxState, PaymentCannotMove
from shop.domain.payments.payment import ATTEMPTS_MAX
from tests.application.providers import CALLED_OFF, PAID, Choosy, at_rest, events_of, states
from tests.application.sweep import Story, sweep, sweep_pairs
from tests.scale import rounds
from tests.shops import SETTINGS, STAFF, SmallShop, open_small_shop
from tests.turnstiles import Jostle, behind

UNPAID = (OrderStatus.PENDING, PaymentStatus.PENDING, AttemptStatus.NEW)
FAILED = (OrderStatus.PENDING, PaymentStatus.FAILED, AttemptStatus.FAILED)


class TooSmall(PaymentRefused):
    """As a provider says it that has words of its own."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail, reason="amount_too_small")


async def open_shop(refusal: type[ShopError] = TooSmall, refused_method: str = "fake_card") -> SmallShop:
    """A shop whose provider makes no intents of this method."""
    return await open_small_shop(lambda provider: Choosy(provider, refusal, refused_method))


async def ordered(small: SmallShop) -> OrderId:
    return await small.place(await small.cart((await small.product(), 1)))


async def refused(refusal: type[ShopError] = TooSmall) -> tuple[SmallShop, OrderId]:
    """An order that was to be paid with what the provider does not take."""
    small = await open_shop(refusal)
    order_id = await ordered(small)
    await small.pay(order_id)
    assert await states(small, order_id) == FAILED
    return small, order_id


async def confirm(small: SmallShop, order_id: OrderId, method: str) -> PaymentSessionId:
    cart_id = (await small.order(order_id)).cart_id
    session_id = await small.session(cart_id, method)
    await small.shop.execute(ConfirmPayment(session_id=session_id), actor=small.guest(cart_id))
    return session_id


async def paid_once(small: SmallShop, order_id: OrderId) -> None:
    """By the latest attempt, after the challenge, and by no other."""
    payment = await small.payment(order_id)
    small.provider.shopper_confirms(payment.attempt.provider_ref)
    await small.settle_down(5)
    assert await states(small, order_id) == PAID
    assert list(small.books.intents) == [payment.attempt.provider_ref]
    await at_rest(small)


class TestARefusal:
    @pytest.mark.parametrize(("refusal", "code"), [(TooSmall, "amount_too_small"), (PaymentRefused, "payment_refused")])
    async def test_is_a_decline_of_this_attempt(self, refusal: type[ShopError], code: str) -> None:
        small, order_id = await refused(refusal)
        attempt = (await small.payment(order_id)).attempt
        assert (attempt.failure_code, attempt.declines, attempt.provider_ref) == (code, (code,), "")
        assert "payment.failed" in await events_of(small, order_id)
        page = await small.shop.ask(GetPayments(which=PaymentFilter(failure_code=code)))
        assert [payment.order_id for payment in page.data] == [order_id]

    async def test_is_not_asked_about_again(self) -> None:
        small, order_id = await refused()
        version = (await small.payment(order_id)).version
        small.clock.forward(timedelta(minutes=2))
        assert await small.shop.ask(GetUnfinishedPayments()) == []
        await small.shop.execute(ProcessPayment(order_id=order_id, refresh=True))
        assert (await small.payment(order_id)).version == version

    async def test_ends_the_order_where_nobody_pays_otherwise(self) -> None:
        small, order_id = await refused()
        await at_rest(small)
        assert await states(small, order_id) == CALLED_OFF
        assert (await small.payment(order_id)).attempt.failure_code == "amount_too_small"

    @pytest.mark.parametrize("refusal", [KeyReused, PaymentProviderUnavailable])
    async def test_is_none_where_the_intent_may_be_there(self, refusal: type[ShopError]) -> None:
        small = await open_shop(refusal)
        order_id = await ordered(small)
        with pytest.raises(refusal):
            await small.pay(order_id)
        with pytest.raises(refusal):
            await confirm(small, order_id, "fake_card_3ds")
        assert await states(small, order_id) == UNPAID
        assert small.books.intents == {}

    async def test_is_none_once_the_key_may_be_forgotten(self) -> None:
        small = await open_shop()
        order_id = await ordered(small)
        async with small.storage.uow(small.context()) as tx:
            order = await tx.orders.get(order_id)
            order.wait_until(small.clock.now() + timedelta(days=3), small.clock.now())
            tx.orders.save(order)
        small.clock.forward(KEYS_LAST + timedelta(seconds=1))
        with pytest.raises(TooSmall):
            await small.pay(order_id)
        assert await states(small, order_id) == UNPAID

    async def test_known_before_the_key_was_forgotten_is_not_believed_after_it(self) -> None:
        small, order_id = await refused()
        small.clock.forward(KEYS_LAST + timedelta(seconds=1))
        with pytest.raises(TooSmall):
            await confirm(small, order_id, "fake_card_3ds")
        assert len((await small.payment(order_id)).attempts) == 1


class TestAnotherWay:
    @pytest.mark.parametrize("refusal", [PaymentRefused, Invalid])
    async def test_pays_and_the_first_is_over(self, refusal: type[ShopError]) -> None:
        small, order_id = await refused(refusal)
        session_id = await confirm(small, order_id, "fake_card_3ds")
        assert await states(small, order_id) == (
            OrderStatus.PENDING,
            PaymentStatus.PENDING,
            AttemptStatus.REQUIRES_ACTION,
        )
        cart_id = (await small.order(order_id)).cart_id
        session = await small.shop.ask(GetPaymentSession(session_id=session_id), actor=small.guest(cart_id))
        assert session.client_secret
        await paid_once(small, order_id)
        first, second = (await small.payment(order_id)).attempts
        assert (first.status, first.failure_code, first.provider_ref) == (AttemptStatus.CANCELLED, refusal.code, "")
        assert (second.method, second.status) == ("fake_card_3ds", AttemptStatus.CAPTURED)

    async def test_waits_for_people_where_the_shop_wants_that(self, small: SmallShop) -> None:
        store = evolve(SETTINGS.store, capture=CapturePolicy.MANUAL)
        await small.shop.execute(ConfigureStore(store=store), actor=STAFF)
        small = small.with_ports(gateway=Choosy(small.provider, PaymentRefused, "fake_debit"))
        cart_id = await small.cart((await small.product(), 1))
        order_id = await small.place(cart_id, "fake_debit")
        await small.pay(order_id)
        assert (await small.payment(order_id)).capture is CapturePolicy.AUTOMATIC
        await confirm(small, order_id, "fake_card")
        assert (await small.payment(order_id)).status is AttemptStatus.AUTHORIZED
        assert (await small.payment(order_id)).capture is CapturePolicy.MANUAL

    async def test_is_counted_as_another_try(self) -> None:
        small, order_id = await refused()
        await confirm(small, order_id, "fake_card_3ds")
        await paid_once(small, order_id)
        small.clock.forward(timedelta(minutes=1))
        one = await small.shop.ask(GetPaymentStatistics())
        assert (one.attempts, one.succeeded, one.declined, one.unfinished) == (2, 1, 1, 0)
        assert [(code.code, code.count) for code in one.decline_codes] == [("amount_too_small", 1)]
        view = await small.shop.ask(GetPayment(payment_id=(await small.payment(order_id)).id))
        assert [attempt.failure_code for attempt in view.attempts] == ["amount_too_small", ""]

    async def test_that_is_declined_is_a_decline(self) -> None:
        small, order_id = await refused()
        await confirm(small, order_id, "fake_card_declined")
        assert await states(small, order_id) == FAILED
        first, second = (await small.payment(order_id)).attempts
        assert (first.status, second.failure_code) == (AttemptStatus.CANCELLED, "card_declined")
        await confirm(small, order_id, "fake_card_3ds")  # the same intent from now on
        assert len((await small.payment(order_id)).attempts) == 2
        await paid_once(small, order_id)

    async def test_that_is_the_same_is_refused(self) -> None:
        small, order_id = await refused()
        with pytest.raises(TooSmall):
            await confirm(small, order_id, "fake_card")
        assert len((await small.payment(order_id)).attempts) == 1

    async def test_that_is_refused_too_ends_the_order_in_the_end(self) -> None:
        small, order_id = await refused()
        small = small.with_ports(gateway=Choosy(Choosy(small.provider, TooSmall, "fake_card"), Invalid, "fake_debit"))
        await confirm(small, order_id, "fake_debit")
        assert await states(small, order_id) == FAILED
        assert [a.failure_code for a in (await small.payment(order_id)).attempts] == [
            "amount_too_small",
            "validation_failed",
        ]
        await small.shop.execute(CancelOrder(order_id=order_id), actor=small.guest(order_id))
        assert await states(small, order_id) == CALLED_OFF
        assert small.books.intents == {}
        await at_rest(small)

    async def test_uses_the_intent_that_was_made_after_all(self) -> None:
        """Such as by a process that stood still for so long; another one beside it would be another charge."""
        small, order_id = await refused()
        small = small.with_ports(gateway=small.provider)
        await confirm(small, order_id, "fake_card")
        payment = await small.payment(order_id)
        assert await states(small, order_id) == PAID
        assert len(payment.attempts) == len(small.books.intents) == 1
        await at_rest(small)


class TestCutShort:
    """Anywhere between the refusal and the money: it goes on, and nobody pays twice."""

    async def test_f79_sweep_of_paying_in_another_way(self) -> None:
        points = await sweep(Story(_to_be_refused, _pay_otherwise, _is_paid_once))
        assert points.count("gateway.create_intent") == 3  # refused, refused once more, made

    @pytest.mark.prove
    @pytest.mark.parametrize("seed", range(2))
    async def test_f79_sweep_with_two_faults(self, seed: int) -> None:
        await sweep_pairs(Story(_to_be_refused, _pay_otherwise, _is_paid_once), rounds(30, in_full=300), seed)


async def _to_be_refused() -> tuple[SmallShop, OrderId]:
    small = await open_shop(refused_method="fake_card_3ds")
    return small, await small.place(await small.cart((await small.product(), 1)), "fake_card_3ds")


async def _pay_otherwise(small: SmallShop, order_id: OrderId) -> None:
    await small.pay(order_id)
    await confirm(small, order_id, "fake_card")


async def _is_paid_once(small: SmallShop, order_id: OrderId) -> None:
    assert await states(small, order_id) == PAID
    assert [intent.captured for intent in small.books.intents.values()] == [2489]
    assert [attempt.status for attempt in (await small.payment(order_id)).attempts] == [
        AttemptStatus.CANCELLED,
        AttemptStatus.CAPTURED,
    ]


async def test_two_ways_at_the_same_time_are_one_charge() -> None:
    for seed in range(20):
        small, order_id = await refused()
        jostled = behind(small, Jostle(seed))
        await asyncio.gather(
            *(confirm(jostled, order_id, method) for method in ("fake_card_3ds", "fake_debit")),
            return_exceptions=True,
        )
        payment = await small.payment(order_id)
        assert len(payment.attempts) == 2
        assert list(small.books.intents) == [payment.attempt.provider_ref]
        await at_rest(small)


async def test_old_news_of_what_was_given_up_is_kept_for_people() -> None:
    """The provider says that it made the intent after all, when another one has paid: nothing follows from that."""
    small, order_id = await refused()
    await confirm(small, order_id, "fake_card_3ds")
    await paid_once(small, order_id)
    before = await small.payment(order_id)
    first = before.attempts[0]
    request = IntentRequest(
        attempt_id=first.id, order_id=order_id, amount=first.amount, method="fake_card_3ds", email="ada@example.com"
    )
    stray = await small.provider.create_intent(request)
    await small.settle_down(20)
    assert await states(small, order_id) == PAID
    assert (await small.payment(order_id)).attempts == before.attempts
    items = small.tables.inbox.values()
    assert [item.state for item in items if item.object_ref == stray.provider_ref] == [InboxState.PARKED]


async def test_what_the_provider_knows_is_not_given_up(small: SmallShop) -> None:
    order_id = await small.buy((await small.product(), 1), method="fake_card_declined")
    payment = await small.payment(order_id)
    with pytest.raises(PaymentCannotMove, match="has not refused"):
        payment.begin_anew(small.ids.new(AttemptId), "fake_card", small.clock.now())


async def test_ways_to_pay_come_to_an_end() -> None:
    small, order_id = await refused()
    payment = await small.payment(order_id)
    for turn in range(ATTEMPTS_MAX - 1):
        payment.begin_anew(small.ids.new(AttemptId), f"way_{turn}", small.clock.now())
        payment.follow(declined(payment.attempt, TooSmall("no")), small.clock.now())
    with pytest.raises(PaymentCannotMove, match="refused 10 ways"):
        payment.begin_anew(small.ids.new(AttemptId), "way_9", small.clock.now())


async def test_an_intent_of_which_only_the_confirmation_was_refused_stays_the_only_one(small: SmallShop) -> None:
    """Another process made it for the same attempt, and cancelled it, before this one heard of either."""
    order_id = await small.place(await small.cart((await small.product(), 1)), "fake_card_declined")
    sale = Sale(await small.order(order_id), await small.payment(order_id))
    made = await small.provider.create_intent(evolve(request_of(sale), confirm=False))
    await small.provider.cancel(made.provider_ref, sale.payment.attempt.id)
    with pytest.raises(PaymentRefused):
        await confirm(small, order_id, "fake_card")
    [attempt] = (await small.payment(order_id)).attempts
    assert attempt.provider_ref == made.provider_ref
    assert list(small.books.intents) == [made.provider_ref]
    await at_rest(small)
    assert await states(small, order_id) == CALLED_OFF
