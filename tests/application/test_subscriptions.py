"""Subscriptions from the first payment to the last: trials, renewals, failures, pauses, changes and the end."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, cast

import pytest
from attrs import evolve

from shop.adapters.fake import news
from shop.adapters.fake.billing_books import MemoryBillingBooks
from shop.adapters.fake.payments import FakePaymentGateway
from shop.adapters.fake.subscriptions import FakeSubscriptionBilling
from shop.application.commands.orders import CancelAnyOrder
from shop.application.commands.payments import FOR_PEOPLE, ProcessPayment
from shop.application.commands.plans import ArchivePlan, CreatePlan, UpdatePlan
from shop.application.commands.subscriptions import (
    CancelSubscription,
    CarryOnSubscription,
    ChangeSubscription,
    PauseSubscription,
    ResumeSubscription,
    RetrySubscription,
    Subscribe,
)
from shop.application.messages import SYSTEM, VersionDiffers
from shop.application.ports.identity import AuthenticationRequired
from shop.application.ports.payments import PaymentProviderUnavailable
from shop.application.ports.subscriptions import NoBilling, SubscriptionsNotOffered
from shop.application.queries.subscriptions import (
    GetAllSubscriptions,
    GetAnySubscription,
    GetDueSubscriptions,
    GetMySubscription,
    GetMySubscriptions,
    GetPlan,
    GetPlans,
)
from shop.application.shop import Shop
from shop.domain.inventory import ReservationState
from shop.domain.kernel.errors import Conflict, Invalid, NotFound
from shop.domain.kernel.identifiers import PlanId, SubscriptionId, VariantId
from shop.domain.orders import OrderStatus, PaymentStatus
from shop.domain.payments import AttemptStatus, InboxState
from shop.domain.subscriptions import (
    AfterDunning,
    Interval,
    IntervalUnit,
    PlanCodeTaken,
    PlanNotFound,
    PlanNotOffered,
    Renewal,
    Subscription,
    SubscriptionCannotMove,
    SubscriptionNotFound,
)
from shop.domain.subscriptions import SubscriptionStatus as S
from tests.shops import BERLIN, STAFF, OpenBooks, SmallShop, customer, eur

DAY = timedelta(days=1)
MONTH = Interval(IntervalUnit.MONTH)
ADA, BOB = customer(1), customer(2)


async def offer(
    small: SmallShop, *, price: int = 1500, stock: int | None = 100, sent: bool = True, **changes: Any
) -> PlanId:
    """A plan for coffee that comes every month."""
    slug, tracked = changes.pop("code", "coffee"), stock is not None
    variant_id = await small.product(slug, price=price, stock=stock, tracked=tracked, requires_shipping=sent)
    command = {"interval": MONTH, "prices": (eur(price),), **changes}
    return await small.shop.execute(CreatePlan(code=slug, name="Coffee", variant_id=variant_id, **command))


def wish(plan_id: PlanId, method: str = "fake_card", quantity: int = 2) -> Subscribe:
    return Subscribe(
        plan_id=plan_id,
        method=method,
        email="ada@example.com",
        quantity=quantity,
        shipping_address=BERLIN,
        shipping_option="standard",
    )


async def subscribe(small: SmallShop, plan_id: PlanId, method: str = "fake_card", quantity: int = 2) -> SubscriptionId:
    """Ada subscribes, and what follows at once has followed."""
    subscription_id = await small.shop.execute(wish(plan_id, method, quantity), actor=ADA)
    await carry_on(small, subscription_id)
    return subscription_id


async def carry_on(small: SmallShop, subscription_id: SubscriptionId, *, refresh: bool = False) -> None:
    await small.shop.execute(CarryOnSubscription(subscription_id=subscription_id, refresh=refresh))


async def found(small: SmallShop, subscription_id: SubscriptionId) -> Subscription:
    async with small.storage.uow(small.context()) as tx:
        return await tx.subscriptions.get(subscription_id)


async def renewals(small: SmallShop, subscription_id: SubscriptionId) -> list[Renewal]:
    async with small.storage.uow(small.context()) as tx:
        return await tx.subscriptions.renewals(subscription_id)


async def days(small: SmallShop, count: int) -> None:
    """So many days go by, on each of which the schedule runs."""
    for _ in range(count):
        small.clock.forward(DAY)
        for subscription_id in await small.shop.ask(GetDueSubscriptions()):
            await carry_on(small, subscription_id)


async def variant_of(small: SmallShop, plan_id: PlanId) -> VariantId:
    return (await small.shop.ask(GetPlan(plan_id=plan_id))).variant_id


async def events(small: SmallShop) -> list[str]:
    kinds = [stored.event.type for stored in small.tables.events.values()]
    return [kind.removeprefix("subscription.") for kind in kinds if kind.startswith("subscription.")]


class TestSubscribing:
    async def test_the_first_period_is_ordered_and_paid(self, small: SmallShop) -> None:
        subscription = await found(small, await subscribe(small, await offer(small)))
        assert subscription.status is S.ACTIVE
        [renewal] = await renewals(small, subscription.id)
        order = await small.order(renewal.order_id)
        assert order.payment_status is PaymentStatus.PAID
        assert order.owner_id == ADA.user_id
        assert order.total == eur(2 * 1500 + 490)
        assert [(line.quantity, line.unit_price) for line in order.lines] == [(2, eur(1500))]
        assert await events(small) == ["started"]
        [reservation] = await small.reservations(order.id)
        assert (reservation.quantity, reservation.state) == (2, ReservationState.ALLOCATED)

    async def test_the_order_is_there_before_its_money(self, small: SmallShop) -> None:
        plan_id = await offer(small)
        placed: list[str] = []
        charge = small.billing.charge

        async def looking(request: Any) -> Any:
            placed.append((await small.order(request.order_id)).payment_status)
            return await charge(request)

        small.billing.charge = looking  # type: ignore[method-assign, assignment]
        await subscribe(small, plan_id)
        assert placed[0] is PaymentStatus.PENDING

    async def test_a_trial_costs_nothing_until_it_ends(self, small: SmallShop) -> None:
        subscription_id = await subscribe(small, await offer(small, trial_days=14))
        assert (await found(small, subscription_id)).status is S.TRIALING
        await days(small, 13)
        assert await renewals(small, subscription_id) == []
        assert not small.books.intents
        await days(small, 1)
        assert len(await renewals(small, subscription_id)) == 1
        assert (await found(small, subscription_id)).status is S.ACTIVE

    async def test_a_first_payment_that_is_declined_expires_after_23_hours(self, small: SmallShop) -> None:
        subscription_id = await subscribe(small, await offer(small, stock=2), "fake_card_declined")
        assert (await found(small, subscription_id)).status is S.INCOMPLETE
        await days(small, 1)
        assert (await found(small, subscription_id)).status is S.INCOMPLETE_EXPIRED
        [renewal] = await renewals(small, subscription_id)
        assert (await small.order(renewal.order_id)).status is OrderStatus.CANCELLED
        assert (await small.level((await small.order(renewal.order_id)).lines[0].variant_id)).reserved == 0

    async def test_another_card_saves_the_first_payment(self, small: SmallShop) -> None:
        subscription_id = await subscribe(small, await offer(small), "fake_card_declined")
        await small.shop.execute(ChangeSubscription(subscription_id=subscription_id, method="fake_card"), actor=ADA)
        await carry_on(small, subscription_id)
        assert (await found(small, subscription_id)).status is S.ACTIVE
        assert await events(small) == ["payment_failed", "started"]

    async def test_a_challenge_is_for_the_customer_to_pass(self, small: SmallShop) -> None:
        subscription_id = await subscribe(small, await offer(small), "fake_card_3ds")
        [renewal] = await renewals(small, subscription_id)
        payment = await small.payment(renewal.order_id)
        assert payment.attempt.client_secret
        small.provider.shopper_confirms(payment.attempt.provider_ref)
        await small.shop.execute(ProcessPayment(order_id=renewal.order_id, refresh=True))
        await carry_on(small, subscription_id, refresh=True)
        assert (await found(small, subscription_id)).status is S.ACTIVE

    @pytest.mark.parametrize(
        "changes",
        [
            {"quantity": 0},
            {"email": "nobody"},
            {"shipping_address": None},
            {"shipping_option": ""},
            {"method": ""},
            {"currency": "EURO"},
        ],
    )
    async def test_what_cannot_be_is_refused(self, small: SmallShop, changes: Mapping[str, Any]) -> None:
        plan_id = await offer(small)
        asked = {
            "plan_id": plan_id,
            "method": "fake_card",
            "email": "ada@example.com",
            "shipping_address": BERLIN,
            "shipping_option": "standard",
            **changes,
        }
        with pytest.raises((Invalid, PlanNotOffered)):
            await small.shop.execute(Subscribe(**asked), actor=ADA)

    async def test_a_guest_cannot_subscribe(self, small: SmallShop) -> None:
        with pytest.raises(AuthenticationRequired):
            await small.shop.execute(Subscribe(plan_id=await offer(small), method="fake_card", email="ada@example.com"))

    async def test_what_the_provider_never_heard_of_is_taken_up_again(self, small: SmallShop) -> None:
        plan_id = await offer(small)
        subscription_id = await small.shop.execute(
            Subscribe(
                plan_id=plan_id,
                method="fake_card",
                email="ada@example.com",
                shipping_address=BERLIN,
                shipping_option="standard",
            ),
            actor=ADA,
        )
        assert await small.shop.ask(GetDueSubscriptions()) == [subscription_id]
        await carry_on(small, subscription_id)
        assert (await found(small, subscription_id)).status is S.ACTIVE

    async def test_a_provider_that_stays_away_is_given_up_after_23_hours(self, small: SmallShop) -> None:
        plan_id = await offer(small)

        async def away(request: Any) -> Any:
            raise PaymentProviderUnavailable

        small.billing.subscribe = away  # type: ignore[method-assign]
        with pytest.raises(PaymentProviderUnavailable):
            await subscribe(small, plan_id)
        [subscription_id] = await small.shop.ask(GetDueSubscriptions())
        await days(small, 1)
        subscription = await found(small, subscription_id)
        assert (subscription.status, subscription.due_at) == (S.INCOMPLETE_EXPIRED, None)
        assert await renewals(small, subscription_id) == []

    async def test_a_provider_that_cannot_bill_again_and_again_sells_no_subscriptions(self, small: SmallShop) -> None:
        plan_id = await offer(small)
        small.shop = Shop(evolve(small.shop.ports, billing=NoBilling()), jitter=lambda: 0.0)
        with pytest.raises(SubscriptionsNotOffered):
            await subscribe(small, plan_id)
        billing, request = NoBilling(), cast(Any, None)
        for call in (
            billing.subscribe(request),
            billing.fetch("sub_1"),
            billing.charge(request),
            billing.retry(request, "k"),
            billing.void(request),
            billing.change("sub_1", request, key="k"),
            billing.pause("sub_1"),
            billing.resume("sub_1"),
            billing.cancel("sub_1"),
        ):
            with pytest.raises(SubscriptionsNotOffered):
                await call
        await billing.close()

    async def test_a_payment_that_takes_its_time_is_looked_at_again(self, small: SmallShop) -> None:
        subscription_id = await subscribe(small, await offer(small), "fake_card_3ds")
        [renewal] = await renewals(small, subscription_id)
        ref = (await small.payment(renewal.order_id)).attempt.provider_ref
        small.books.alter(evolve(small.books.intents[ref], status=AttemptStatus.PROCESSING))
        await carry_on(small, subscription_id, refresh=True)
        small.clock.forward(timedelta(hours=1))
        change = ChangeSubscription(subscription_id=subscription_id, method="fake_card")
        await small.shop.execute(change, actor=ADA)
        await carry_on(small, subscription_id)
        subscription = await found(small, subscription_id)
        assert subscription.due_at is not None
        assert small.clock.now() < subscription.due_at <= small.clock.now() + timedelta(hours=1)
        paid = small.books.intents[ref]
        small.books.alter(evolve(paid, status=AttemptStatus.CAPTURED, captured=paid.minor))
        small.clock.forward(timedelta(hours=1))
        await carry_on(small, subscription_id)
        assert (await found(small, subscription_id)).status is S.ACTIVE

    async def test_what_was_begun_with_another_provider_waits_for_that_one(self, small: SmallShop) -> None:
        subscription_id = await subscribe(small, await offer(small))
        other = FakePaymentGateway(OpenBooks(), small.clock, "another", provider="other")
        billing = FakeSubscriptionBilling(other, MemoryBillingBooks(), small.clock)
        elsewhere = Shop(evolve(small.shop.ports, gateway=other, billing=billing), jitter=lambda: 0.0)
        small.clock.forward(31 * DAY)
        for command in (
            CarryOnSubscription(subscription_id=subscription_id, refresh=True),
            PauseSubscription(subscription_id=subscription_id),
            ChangeSubscription(subscription_id=subscription_id, method="fake_card_declined"),
        ):
            with pytest.raises(Conflict):
                await elsewhere.execute(command)
        await carry_on(small, subscription_id)
        assert (await found(small, subscription_id)).status is S.ACTIVE


class TestRenewing:
    async def test_each_month_is_one_order(self, small: SmallShop) -> None:
        subscription_id = await subscribe(small, await offer(small))
        await days(small, 93)
        periods = await renewals(small, subscription_id)
        assert [renewal.period_start.strftime("%m-%d") for renewal in periods] == ["03-04", "04-04", "05-04", "06-04"]
        assert len({renewal.order_id for renewal in periods}) == 4
        assert await events(small) == ["started", "renewed", "renewed", "renewed"]
        assert sum(intent.captured for intent in small.books.intents.values()) == 4 * 3490

    async def test_f23_the_same_period_twice_is_one_order(self, small: SmallShop) -> None:
        """I7: however often and from wherever it is carried on."""
        subscription_id = await subscribe(small, await offer(small))
        small.clock.forward(31 * DAY)
        for _ in range(5):
            await carry_on(small, subscription_id, refresh=True)
        assert len(await renewals(small, subscription_id)) == 2
        assert len(small.books.intents) == 2

    async def test_f23_storage_refuses_a_second_order_of_a_period(self, small: SmallShop) -> None:
        subscription_id = await subscribe(small, await offer(small))
        [renewal] = await renewals(small, subscription_id)
        other = await small.buy((await small.product("mug"), 1))
        with pytest.raises(Conflict):
            async with small.storage.uow(small.context()) as tx:
                tx.subscriptions.renew(
                    Renewal(
                        subscription_id=subscription_id,
                        period_start=renewal.period_start,
                        period_end=renewal.period_end,
                        order_id=other,
                    )
                )
        assert await renewals(small, subscription_id) == [renewal]

    async def test_a_change_of_the_plan_leaves_those_who_subscribed_alone(self, small: SmallShop) -> None:
        plan_id = await offer(small)
        subscription_id = await subscribe(small, plan_id)
        await small.shop.execute(UpdatePlan(plan_id=plan_id, prices=(eur(9900),)))
        await small.shop.execute(ArchivePlan(plan_id=plan_id))
        await days(small, 31)
        order = await small.order((await renewals(small, subscription_id))[-1].order_id)
        assert order.subtotal == eur(3000)
        with pytest.raises(PlanNotOffered):
            await subscribe(small, plan_id)

    async def test_what_is_sold_out_is_waited_for_and_nothing_is_taken(self, small: SmallShop) -> None:
        plan_id = await offer(small, stock=3)
        subscription_id = await subscribe(small, plan_id)
        await days(small, 33)
        assert len(await renewals(small, subscription_id)) == 1
        assert len(small.books.intents) == 1
        await small.shop.execute(UpdatePlan(plan_id=plan_id, name="Coffee again"))
        async with small.storage.uow(small.context()) as tx:
            [level] = await tx.stock.levels([await variant_of(small, plan_id)])
            tx.stock.set_backorder_limit(level, 10)
        await days(small, 1)
        assert len(await renewals(small, subscription_id)) == 2


class TestFailing:
    @pytest.mark.parametrize(("after", "ends"), [(AfterDunning.CANCEL, S.CANCELLED), (AfterDunning.UNPAID, S.UNPAID)])
    async def test_a_renewal_that_cannot_be_paid_is_tried_five_times(
        self, small: SmallShop, after: AfterDunning, ends: S
    ) -> None:
        subscription_id = await subscribe(small, await offer(small, after_dunning=after, stock=4))
        await small.shop.execute(
            ChangeSubscription(subscription_id=subscription_id, method="fake_card_declined"), actor=ADA
        )
        await days(small, 31)
        assert (await found(small, subscription_id)).status is S.PAST_DUE
        await days(small, 17)
        assert (await found(small, subscription_id)).status is ends
        cancelled = ["cancelled"] if ends is S.CANCELLED else []
        assert await events(small) == ["started", *["payment_failed"] * 5, *cancelled]
        order = await small.order((await renewals(small, subscription_id))[-1].order_id)
        if ends is S.CANCELLED:
            assert order.status is OrderStatus.CANCELLED
            assert (await small.billing.fetch((await found(small, subscription_id)).provider_ref)).status == "ended"
            assert (await small.level(order.lines[0].variant_id)).reserved == 2
        assert sum(intent.captured for intent in small.books.intents.values()) == 3490

    async def test_a_good_card_in_between_makes_it_active_again(self, small: SmallShop) -> None:
        subscription_id = await subscribe(small, await offer(small))
        change = ChangeSubscription(subscription_id=subscription_id, method="fake_card_declined")
        await small.shop.execute(change, actor=ADA)
        await days(small, 32)
        await small.shop.execute(ChangeSubscription(subscription_id=subscription_id, method="fake_card"), actor=ADA)
        await days(small, 1)
        subscription = await found(small, subscription_id)
        assert (subscription.status, subscription.tries) == (S.ACTIVE, 0)
        assert subscription.period_end.strftime("%m-%d") == "05-04"

    async def test_staff_try_again_whenever_they_like(self, small: SmallShop) -> None:
        subscription_id = await subscribe(small, await offer(small, after_dunning=AfterDunning.UNPAID))
        with pytest.raises(SubscriptionCannotMove, match="open"):
            await small.shop.execute(RetrySubscription(subscription_id=subscription_id), actor=STAFF)
        change = ChangeSubscription(subscription_id=subscription_id, method="fake_card_declined")
        await small.shop.execute(change, actor=ADA)
        await days(small, 47)
        await small.shop.execute(RetrySubscription(subscription_id=subscription_id), actor=STAFF)
        assert (await found(small, subscription_id)).status is S.UNPAID
        ref = (await found(small, subscription_id)).provider_ref
        with small.billing._books.writing():
            booked = small.billing._known(ref)
            booked.method = "fake_card"
            small.billing._books.put(booked)
        await small.shop.execute(RetrySubscription(subscription_id=subscription_id), actor=STAFF)
        assert (await found(small, subscription_id)).status is S.ACTIVE

    @pytest.mark.parametrize("by_staff", [True, False])
    async def test_what_is_unpaid_stays_so_after_its_order_until_people_decide(
        self, small: SmallShop, by_staff: bool
    ) -> None:
        subscription_id = await subscribe(small, await offer(small, after_dunning=AfterDunning.UNPAID))
        declined = ChangeSubscription(subscription_id=subscription_id, method="fake_card_declined")
        await small.shop.execute(declined, actor=ADA)
        for _ in range(100):
            await days(small, 1)
            await small.sweep()
            await small.post_news()
            await small.deliver()
        left = await found(small, subscription_id)
        assert (left.status, left.open_order, left.due_at) == (S.UNPAID, None, None)
        [_, missed] = await renewals(small, subscription_id)
        assert (await small.order(missed.order_id)).status is OrderStatus.CANCELLED
        if by_staff:
            await small.shop.execute(RetrySubscription(subscription_id=subscription_id), actor=STAFF)
            assert (await found(small, subscription_id)).status is S.PAST_DUE
        await small.shop.execute(ChangeSubscription(subscription_id=subscription_id, method="fake_card"), actor=ADA)
        await days(small, 1)
        after = await found(small, subscription_id)
        assert (after.status, after.tries) == (S.ACTIVE, 0)
        [*_, billed] = await renewals(small, subscription_id)
        assert billed.period_start <= small.clock.now() < billed.period_end == after.period_end
        assert len(await renewals(small, subscription_id)) == 3

    async def test_an_order_that_staff_call_off_leaves_its_period_out(self, small: SmallShop) -> None:
        subscription_id = await subscribe(small, await offer(small))
        change = ChangeSubscription(subscription_id=subscription_id, method="fake_card_declined")
        await small.shop.execute(change, actor=ADA)
        await days(small, 31)
        order_id = (await renewals(small, subscription_id))[-1].order_id
        await small.shop.execute(CancelAnyOrder(order_id=order_id, reason="gift"), actor=STAFF)
        await days(small, 2)
        assert (await found(small, subscription_id)).status is S.ACTIVE


class TestItsOwner:
    async def test_a_pause_leaves_months_out(self, small: SmallShop) -> None:
        subscription_id = await subscribe(small, await offer(small))
        await small.shop.execute(PauseSubscription(subscription_id=subscription_id), actor=ADA)
        await days(small, 70)
        await small.shop.execute(ResumeSubscription(subscription_id=subscription_id), actor=ADA)
        await days(small, 30)
        starts = [renewal.period_start.strftime("%m-%d") for renewal in await renewals(small, subscription_id)]
        assert starts == ["03-04", "06-04"]
        assert await events(small) == ["started", "paused", "resumed", "renewed"]

    async def test_it_ends_with_its_period(self, small: SmallShop) -> None:
        subscription_id = await subscribe(small, await offer(small))
        cancel = CancelSubscription(subscription_id=subscription_id, at_period_end=True)
        await small.shop.execute(cancel, actor=ADA)
        await days(small, 30)
        assert (await found(small, subscription_id)).status is S.ACTIVE
        await days(small, 2)
        subscription = await found(small, subscription_id)
        assert (subscription.status, subscription.cancel_reason) == (S.CANCELLED, "customer")
        assert len(await renewals(small, subscription_id)) == 1
        assert (await small.billing.fetch(subscription.provider_ref)).status == "ended"

    async def test_it_ends_at_once_and_takes_nothing_for_what_was_not_paid(self, small: SmallShop) -> None:
        subscription_id = await subscribe(small, await offer(small), "fake_card_declined")
        await small.shop.execute(CancelSubscription(subscription_id=subscription_id), actor=ADA)
        await small.shop.execute(CancelSubscription(subscription_id=subscription_id), actor=ADA)
        subscription = await found(small, subscription_id)
        assert (subscription.status, subscription.open_order, subscription.due_at) == (S.CANCELLED, None, None)
        [renewal] = await renewals(small, subscription_id)
        assert (await small.order(renewal.order_id)).status is OrderStatus.CANCELLED

    async def test_a_change_is_shown_first_and_then_on_the_next_bill(self, small: SmallShop) -> None:
        subscription_id = await subscribe(small, await offer(small, price=3000))
        small.clock.at = datetime(2026, 3, 20, 5, 6, 7, tzinfo=small.clock.at.tzinfo)
        asked = {"subscription_id": subscription_id, "quantity": 3}
        shown = await small.shop.execute(ChangeSubscription(preview=True, **asked), actor=ADA)  # type: ignore[arg-type]
        assert (await found(small, subscription_id)).quantity == 2
        done = await small.shop.execute(ChangeSubscription(**asked), actor=ADA)  # type: ignore[arg-type]
        assert shown.proration == done.proration
        assert done.proration is not None
        # 15 of 31 days are left of a month at 60.00 and at 90.00.
        assert (done.proration.credit, done.proration.charge) == (eur(2903), eur(4355))
        await days(small, 16)
        order = await small.order((await renewals(small, subscription_id))[-1].order_id)
        assert order.subtotal == eur(9000 + 4355 - 2903)
        assert sum(line.quantity for line in order.lines) == 3
        assert order.payment_status is PaymentStatus.PAID

    async def test_a_dearer_interval_begins_and_costs_at_once(self, small: SmallShop) -> None:
        monthly = await offer(small, price=3000)
        yearly = await offer(small, price=30_000, code="coffee-yearly", interval=Interval(IntervalUnit.YEAR))
        subscription_id = await subscribe(small, monthly, quantity=1)
        small.clock.forward(timedelta(days=15.5))
        await small.shop.execute(ChangeSubscription(subscription_id=subscription_id, plan_id=yearly), actor=ADA)
        await carry_on(small, subscription_id)
        order = await small.order((await renewals(small, subscription_id))[-1].order_id)
        assert order.subtotal == eur(30_000 - 1500)
        assert (await found(small, subscription_id)).period_end.year == 2027

    async def test_a_period_that_a_credit_covers_needs_no_money(self, small: SmallShop) -> None:
        dear = await offer(small, price=10_000, stock=None, sent=False)
        cheap = await offer(small, price=100, code="tea", stock=None, sent=False)
        subscription_id = await small.shop.execute(
            Subscribe(plan_id=dear, method="fake_card", email="ada@example.com", billing_address=BERLIN), actor=ADA
        )
        await carry_on(small, subscription_id)
        await small.shop.execute(ChangeSubscription(subscription_id=subscription_id, plan_id=cheap), actor=ADA)
        await days(small, 31)
        order = await small.order((await renewals(small, subscription_id))[-1].order_id)
        assert (order.total, order.payment_status) == (eur(0), PaymentStatus.PAID)
        assert (await found(small, subscription_id)).status is S.ACTIVE
        assert len(small.books.intents) == 1

    async def test_a_bill_below_what_the_provider_takes_waits_for_the_next_one(self, small: SmallShop) -> None:
        plan_id = await offer(small, price=20, stock=None, sent=False)
        subscription_id = await small.shop.execute(
            Subscribe(plan_id=plan_id, method="fake_card", email="ada@example.com", billing_address=BERLIN), actor=ADA
        )
        await carry_on(small, subscription_id)
        left = [(await found(small, subscription_id)).balance]
        for _ in range(3):
            await days(small, 31)
            left.append((await found(small, subscription_id)).balance)
        orders = [await small.order(renewal.order_id) for renewal in await renewals(small, subscription_id)]
        assert [order.total for order in orders] == [eur(0), eur(0), eur(60), eur(0)]
        assert left == [eur(20), eur(40), eur(0), eur(20)]
        assert {order.payment_status for order in orders} == {PaymentStatus.PAID}
        assert (await found(small, subscription_id)).status is S.ACTIVE

    async def test_what_is_not_ones_own_does_not_exist(self, small: SmallShop) -> None:
        subscription_id = await subscribe(small, await offer(small))
        for command in (
            ChangeSubscription(subscription_id=subscription_id, quantity=5),
            PauseSubscription(subscription_id=subscription_id),
            ResumeSubscription(subscription_id=subscription_id),
            CancelSubscription(subscription_id=subscription_id),
        ):
            with pytest.raises(SubscriptionNotFound):
                await small.shop.execute(command, actor=BOB)
        with pytest.raises(SubscriptionNotFound):
            await small.shop.ask(GetMySubscription(subscription_id=subscription_id), actor=BOB)
        assert (await small.shop.ask(GetMySubscriptions(), actor=BOB)).data == []
        assert [s.id for s in (await small.shop.ask(GetMySubscriptions(), actor=ADA)).data] == [subscription_id]
        shown = await small.shop.ask(GetMySubscription(subscription_id=subscription_id), actor=ADA)
        assert shown.upcoming is not None
        assert shown.upcoming.amount == eur(3000)
        assert await small.shop.ask(GetAnySubscription(subscription_id=subscription_id), actor=STAFF) == shown
        assert (await small.shop.ask(GetAllSubscriptions(), actor=STAFF)).data == [shown]

    async def test_a_change_of_something_older_is_refused(self, small: SmallShop) -> None:
        subscription_id = await subscribe(small, await offer(small))
        with pytest.raises(VersionDiffers):
            await small.shop.execute(
                ChangeSubscription(subscription_id=subscription_id, quantity=5, expected_version=1), actor=ADA
            )


class TestPlans:
    async def test_a_code_is_of_one_plan(self, small: SmallShop) -> None:
        plan_id = await offer(small)
        variant_id = await variant_of(small, plan_id)
        again = {"name": "Again", "variant_id": variant_id, "interval": MONTH, "prices": (eur(1),)}
        with pytest.raises(PlanCodeTaken):
            await small.shop.execute(CreatePlan(code="coffee", **again))  # type: ignore[arg-type]
        with pytest.raises(Invalid):
            await small.shop.execute(CreatePlan(code="Not A Code", **again))  # type: ignore[arg-type]
        with pytest.raises(Invalid):
            await small.shop.execute(CreatePlan(code="blank", **{**again, "name": "  "}))  # type: ignore[arg-type]
        unknown = {**again, "variant_id": VariantId(plan_id.uuid)}
        with pytest.raises(NotFound):
            await small.shop.execute(CreatePlan(code="other", **unknown))  # type: ignore[arg-type]

    async def test_what_is_archived_only_staff_see(self, small: SmallShop) -> None:
        plan_id = await offer(small)
        assert [plan.id for plan in (await small.shop.ask(GetPlans(), actor=ADA)).data] == [plan_id]
        await small.shop.execute(ArchivePlan(plan_id=plan_id))
        await small.shop.execute(ArchivePlan(plan_id=plan_id))
        assert (await small.shop.ask(GetPlans(), actor=ADA)).data == []
        with pytest.raises(PlanNotFound):
            await small.shop.ask(GetPlan(plan_id=plan_id), actor=ADA)
        assert not (await small.shop.ask(GetPlan(plan_id=plan_id), actor=SYSTEM)).active


class TestProvidersMessages:
    async def test_each_message_leads_to_a_look_at_how_things_stand(self, small: SmallShop) -> None:
        subscription_id = await subscribe(small, await offer(small))
        await small.shop.execute(PauseSubscription(subscription_id=subscription_id), actor=ADA)
        await small.post_news()
        before = await found(small, subscription_id)
        await small.deliver()
        tables = small.tables
        items = [item for item in tables.inbox.values() if item.object_ref == before.provider_ref]
        assert {item.event_type for item in items} == {
            "customer.subscription.created",
            "invoice.paid",
            "customer.subscription.paused",
        }
        assert {item.state for item in items} == {InboxState.APPLIED}
        assert (await found(small, subscription_id)).status is S.PAUSED

    async def test_what_was_ended_at_the_provider_is_ended_here(self, small: SmallShop) -> None:
        subscription_id = await subscribe(small, await offer(small))
        await small.billing.cancel((await found(small, subscription_id)).provider_ref)
        await small.post_news()
        for _ in range(3):
            await small.deliver()
        subscription = await found(small, subscription_id)
        assert (subscription.status, subscription.cancel_reason) == (S.CANCELLED, "ended_at_provider")

    async def test_what_was_paused_and_resumed_at_the_provider_is_so_here(self, small: SmallShop) -> None:
        subscription_id = await subscribe(small, await offer(small))
        ref = (await found(small, subscription_id)).provider_ref
        for act, status in ((small.billing.pause, S.PAUSED), (small.billing.resume, S.ACTIVE)):
            await act(ref)
            await small.post_news()
            await small.settle_down(2)
            assert (await found(small, subscription_id)).status is status

    @pytest.mark.parametrize(
        "event_type",
        [
            "customer.subscription.created",
            "customer.subscription.updated",
            "customer.subscription.resumed",
            "invoice.paid",
            "invoice.payment_failed",
            "invoice.payment_action_required",
            "invoice.finalization_failed",
            "invoice.marked_uncollectible",
            "invoice.voided",
            "invoice.overpaid",
            "invoice.something_new",
        ],
    )
    async def test_whatever_a_message_says_how_things_stand_decides(self, small: SmallShop, event_type: str) -> None:
        subscription_id = await subscribe(small, await offer(small))
        before = await found(small, subscription_id)
        message = news.of_subscription(99, before.provider_ref, event_type, int(small.clock.now().timestamp()))
        for _ in range(2):
            await small.shop.execute(small.message(message.body))
        await small.deliver()
        after = await found(small, subscription_id)
        assert (after.status, after.period_end, after.tries) == (before.status, before.period_end, 0)
        assert len(small.books.intents) == 1
        [item] = small.tables.inbox.values()
        # Of some of them people have to know besides.
        assert item.state is (InboxState.PARKED if event_type in FOR_PEOPLE else InboxState.APPLIED)

    async def test_a_payment_that_came_by_another_way_is_followed(self, small: SmallShop) -> None:
        """The customer pays the open invoice at the provider, whose message then tells us of it."""
        subscription_id = await subscribe(small, await offer(small))
        change = ChangeSubscription(subscription_id=subscription_id, method="fake_card_declined")
        await small.shop.execute(change, actor=ADA)
        await days(small, 31)
        assert (await found(small, subscription_id)).status is S.PAST_DUE
        order_id = (await renewals(small, subscription_id))[-1].order_id
        ref = (await small.payment(order_id)).attempt.provider_ref
        paid = small.books.intents[ref]
        small.books.alter(evolve(paid, status=AttemptStatus.CAPTURED, captured=paid.minor))
        message = news.of_subscription(7, (await found(small, subscription_id)).provider_ref, "invoice.paid", 0)
        await small.shop.execute(small.message(message.body))
        for _ in range(3):
            await small.deliver()
        assert (await found(small, subscription_id)).status is S.ACTIVE
        assert (await small.order(order_id)).payment_status is PaymentStatus.PAID

    async def test_a_trial_that_ends_soon_is_said_once(self, small: SmallShop) -> None:
        subscription_id = await subscribe(small, await offer(small, trial_days=14))
        ref = (await found(small, subscription_id)).provider_ref
        for number in range(2):
            message = news.of_subscription(number, ref, "customer.subscription.trial_will_end", 0)
            await small.shop.execute(small.message(message.body))
            await small.deliver()
        assert await events(small) == ["started", "trial_ending"]
