"""A plan in the cart beside ordinary goods: one order, whose money begins what comes again and again."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from attrs import evolve

from shop.application.commands.captures import CapturePayment, VoidPayment
from shop.application.commands.carts import AddToCart, ChangeCartItem, ChooseShipping, ClaimCart, DescribeCart, OpenCart
from shop.application.commands.checkout import CartChanged
from shop.application.commands.orders import CancelOrder
from shop.application.commands.payments import ConfirmPayment, CreatePaymentSession
from shop.application.commands.plans import ArchivePlan, UpdatePlan
from shop.application.commands.refunds import RequestRefund
from shop.application.commands.saved_methods import RemoveSavedMethod, SavedMethodInUse
from shop.application.commands.subscriptions import CancelSubscription, ChangeSubscription
from shop.application.messages import Actor, Idempotency
from shop.application.ports.payments import PaymentProviderUnavailable
from shop.application.ports.subscriptions import (
    BillingRequest,
    BillingState,
    MethodNotForSubscriptions,
    NoBilling,
    SubscriptionsNotOffered,
)
from shop.application.queries.carts import GetCart
from shop.application.queries.subscriptions import GetDueSubscriptions
from shop.application.settlement import MethodNotReusable
from shop.application.shop import Shop
from shop.domain.carts import CartNotReady
from shop.domain.identity import User
from shop.domain.inventory import InsufficientStock
from shop.domain.kernel.capturing import CapturePolicy
from shop.domain.kernel.errors import Invalid
from shop.domain.kernel.identifiers import CartId, OrderId, PlanId, VariantId
from shop.domain.orders import OrderStatus, PaymentStatus
from shop.domain.payments import AttemptStatus, DisputeStatus
from shop.domain.subscriptions import (
    PlanNeedsCustomer,
    PlanNotFound,
    PlanNotOffered,
    Subscription,
)
from shop.domain.subscriptions import SubscriptionStatus as S
from shop.entrypoints.worker.schedule import carry_on_subscriptions
from tests.application.test_saved_methods import save
from tests.application.test_subscriptions import DAY, MONTH, carry_on, days, events, found, offer, renewals, variant_of
from tests.shops import BERLIN, SETTINGS, STAFF, SmallShop, customer, eur

ADA, BOB = customer(1), customer(2)
MINUTES = timedelta(minutes=11)


async def filled(small: SmallShop, *plans: PlanId, goods: VariantId | None = None, actor: Actor = ADA) -> CartId:
    """A cart with two of each plan, and one of ordinary goods; ready to be ordered."""
    cart_id = await small.shop.execute(OpenCart(), actor=actor)
    owner = actor if actor.id else small.guest(cart_id)
    if goods is not None:
        await small.shop.execute(AddToCart(cart_id=cart_id, variant_id=goods), actor=owner)
    for plan_id in plans:
        variant_id = await variant_of(small, plan_id)
        add = AddToCart(cart_id=cart_id, variant_id=variant_id, quantity=2, plan_id=plan_id)
        await small.shop.execute(add, actor=owner)
    describe = DescribeCart(cart_id=cart_id, email="ada@example.com", shipping_address=BERLIN)
    await small.shop.execute(describe, actor=owner)
    await small.shop.execute(ChooseShipping(cart_id=cart_id, option_id="standard"), actor=owner)
    return cart_id


async def placed(small: SmallShop, cart_id: CartId, method: str = "fake_card") -> OrderId:
    return await small.shop.execute(await small.order_command(cart_id, method), actor=ADA)


async def bought(small: SmallShop, cart_id: CartId, method: str = "fake_card") -> OrderId:
    order_id = await placed(small, cart_id, method)
    await small.pay(order_id)
    return order_id


async def begun(small: SmallShop, order_id: OrderId) -> list[Subscription]:
    async with small.storage.uow(small.context()) as tx:
        return [await tx.subscriptions.get(one) for one in await tx.subscriptions.of_order(order_id)]


async def only(small: SmallShop, order_id: OrderId) -> Subscription:
    [subscription] = await begun(small, order_id)
    return subscription


async def scheduled(small: SmallShop, later: timedelta = MINUTES) -> None:
    small.clock.forward(later)
    await carry_on_subscriptions(small.shop)


def captured(small: SmallShop) -> list[int]:
    return [intent.captured for intent in small.books.intents.values()]


class TestTheCart:
    async def test_a_plan_is_a_line_of_its_own(self, small: SmallShop) -> None:
        plan_id = await offer(small, price=1200)
        await small.shop.execute(UpdatePlan(plan_id=plan_id, prices=(eur(1000),)), actor=STAFF)
        variant_id = await variant_of(small, plan_id)
        cart_id = await filled(small, plan_id, goods=variant_id)
        await small.shop.execute(AddToCart(cart_id=cart_id, variant_id=variant_id), actor=ADA)
        again = AddToCart(cart_id=cart_id, variant_id=variant_id, plan_id=plan_id)
        await small.shop.execute(again, actor=ADA)
        cart = await small.shop.ask(GetCart(cart_id=cart_id), actor=ADA)
        assert [(item.quantity, item.unit_price, item.subtotal) for item in cart.items] == [
            (2, eur(1200), eur(2400)),
            (3, eur(1000), eur(3000)),
        ]
        once, again_and_again = cart.items
        assert once.plan is None
        plan = again_and_again.plan
        assert plan is not None
        assert (plan.id, plan.name, plan.interval, plan.interval_count) == (plan_id, "Coffee", "month", 1)
        assert (plan.trial_days, plan.price, plan.version) == (0, eur(1000), 2)
        assert cart.explanation[1].label == "3 × Coffee (Coffee, every month)"
        assert cart.problems == []

    async def test_a_trial_costs_nothing_in_this_order_and_needs_nothing_now(self, small: SmallShop) -> None:
        plan_id = await offer(small, stock=0, trial_days=14)
        cart_id = await filled(small, plan_id)
        cart = await small.shop.ask(GetCart(cart_id=cart_id), actor=ADA)
        [item] = cart.items
        assert item.plan is not None
        assert (item.unit_price, item.plan.price, item.plan.trial_days) == (eur(0), eur(1500), 14)
        assert (cart.total, cart.shipping_total, cart.problems) == (eur(0), eur(0), [])
        assert cart.explanation[0].label == "2 × Coffee (Coffee, 14 days of trial)"

    async def test_a_delivery_is_chosen_for_what_comes_after_the_trial(self, small: SmallShop) -> None:
        plan_id = await offer(small, trial_days=14)
        cart_id = await small.shop.execute(OpenCart(), actor=ADA)
        add = AddToCart(cart_id=cart_id, variant_id=await variant_of(small, plan_id), plan_id=plan_id)
        await small.shop.execute(add, actor=ADA)
        describe = DescribeCart(cart_id=cart_id, email="ada@example.com", billing_address=BERLIN)
        await small.shop.execute(describe, actor=ADA)
        with pytest.raises(CartNotReady) as missing:
            await placed(small, cart_id)
        assert {flaw.pointer for flaw in missing.value.flaws} == {"/shipping_address", "/shipping_option"}

    async def test_delivery_is_paid_for_what_is_sent_now(self, small: SmallShop) -> None:
        plan_id = await offer(small, trial_days=14)
        shirt = await small.product("shirt", price=2000)
        cart = await small.shop.ask(GetCart(cart_id=await filled(small, plan_id, goods=shirt)), actor=ADA)
        assert (cart.shipping_total, cart.total) == (eur(490), eur(2490))

    async def test_a_guests_lines_join_by_variant_and_plan(self, small: SmallShop) -> None:
        plan_id = await offer(small)
        variant_id = await variant_of(small, plan_id)
        mine = await filled(small, plan_id)
        guests = await small.shop.execute(OpenCart())
        for plan in (plan_id, None):
            add = AddToCart(cart_id=guests, variant_id=variant_id, plan_id=plan)
            await small.shop.execute(add, actor=small.guest(guests))
        token = small.secrets.guest_token(guests)
        assert await small.shop.execute(ClaimCart(cart_id=guests), actor=evolve(ADA, token=token)) == mine
        cart = await small.shop.ask(GetCart(cart_id=mine), actor=ADA)
        assert [(item.quantity, item.plan is not None) for item in cart.items] == [(3, True), (1, False)]

    async def test_what_cannot_be_subscribed_to_does_not_come_in(self, small: SmallShop) -> None:
        plan_id = await offer(small, stock=1500)
        other = await small.product("tea")
        coffee = await variant_of(small, plan_id)
        cart_id = await small.shop.execute(OpenCart(), actor=ADA)

        async def add(error: type[Exception], **changes: Any) -> None:
            command = AddToCart(cart_id=cart_id, variant_id=coffee, plan_id=plan_id)
            with pytest.raises(error):
                await small.shop.execute(evolve(command, **changes), actor=ADA)

        await add(PlanNotOffered, variant_id=other)
        await add(PlanNotFound, plan_id=small.ids.new(PlanId))
        await add(Invalid, quantity=1001)
        dollars = DescribeCart(cart_id=cart_id, currency="USD")
        await small.shop.execute(dollars, actor=ADA)
        await add(PlanNotOffered)
        await small.shop.execute(evolve(dollars, currency="EUR"), actor=ADA)
        item_id = await small.shop.execute(AddToCart(cart_id=cart_id, variant_id=coffee, plan_id=plan_id), actor=ADA)
        with pytest.raises(Invalid):
            await small.shop.execute(ChangeCartItem(cart_id=cart_id, item_id=item_id, quantity=1001), actor=ADA)
        await small.shop.execute(ArchivePlan(plan_id=plan_id), actor=STAFF)
        await add(PlanNotOffered)

    async def test_a_variant_may_have_a_price_by_its_plan_only(self, small: SmallShop) -> None:
        """The variant has prices in euros and dollars, and the plan is sold in francs."""
        settings = evolve(SETTINGS, store=evolve(SETTINGS.store, currencies=("EUR", "CHF")))
        async with small.storage.uow(small.context()) as tx:
            tx.store.save(evolve(settings, version=1))
        francs = eur(1500).__class__(1700, "CHF")
        plan_id = await offer(small, prices=(francs,))
        cart_id = await small.shop.execute(OpenCart(currency="CHF"), actor=ADA)
        add = AddToCart(cart_id=cart_id, variant_id=await variant_of(small, plan_id), plan_id=plan_id)
        await small.shop.execute(add, actor=ADA)
        cart = await small.shop.ask(GetCart(cart_id=cart_id), actor=ADA)
        assert cart.items[0].unit_price == francs


class TestTheOrder:
    async def test_one_payment_begins_what_comes_again(self, small: SmallShop) -> None:
        plan_id = await offer(small)
        shirt = await small.product("shirt", price=2000)
        order_id = await bought(small, await filled(small, plan_id, goods=shirt))
        order = await small.order(order_id)
        assert order.total == eur(2000 + 2 * 1500 + 490)
        assert [line.plan_id for line in order.lines] == [None, plan_id]
        assert captured(small) == [order.total.minor]
        subscription = await only(small, order_id)
        assert subscription.status is S.ACTIVE
        assert (subscription.owner_id, subscription.quantity, subscription.method) == (ADA.user_id, 2, "fake_card")
        assert (subscription.order_id, subscription.order_line_id) == (order_id, order.lines[1].id)
        assert (subscription.open_order, subscription.begun) == (None, 1)
        assert subscription.due_at == subscription.period_end == MONTH.boundary(order.placed_at, 1)
        [renewal] = await renewals(small, subscription.id)
        assert (renewal.order_id, renewal.period_start) == (order_id, order.placed_at)
        assert await events(small) == ["started"]

    async def test_later_periods_are_orders_of_their_own(self, small: SmallShop) -> None:
        plan_id = await offer(small)
        order_id = await bought(small, await filled(small, plan_id))
        subscription = await only(small, order_id)
        await days(small, 62)
        first, second, third = await renewals(small, subscription.id)
        assert first.order_id == order_id
        assert {(await small.order(one.order_id)).payment_status for one in (second, third)} == {PaymentStatus.PAID}
        assert captured(small) == [3490, 3490, 3490]
        assert len(await begun(small, order_id)) == 1

    async def test_a_trial_begins_with_the_order_and_is_paid_for_when_it_ends(self, small: SmallShop) -> None:
        plan_id = await offer(small, trial_days=14)
        order_id = await bought(small, await filled(small, plan_id))
        order = await small.order(order_id)
        assert (order.total, order.payment_status, order.status) == (eur(0), PaymentStatus.PAID, OrderStatus.CONFIRMED)
        [line] = order.lines
        assert (line.tracked, line.requires_shipping, line.unit_price) == (False, False, eur(0))
        assert await small.reservations(order_id) == []
        subscription = await only(small, order_id)
        assert (subscription.status, subscription.trial_ends_at) == (S.TRIALING, order.placed_at + 14 * DAY)
        assert await renewals(small, subscription.id) == []
        await days(small, 15)
        [renewal] = await renewals(small, subscription.id)
        assert renewal.order_id != order_id
        assert (await found(small, subscription.id)).status is S.ACTIVE
        assert captured(small) == [3490]

    async def test_several_plans_in_one_order(self, small: SmallShop) -> None:
        plans = [await offer(small), await offer(small, code="tea", trial_days=3), await offer(small, code="mate")]
        order_id = await bought(small, await filled(small, *plans))
        found = await begun(small, order_id)
        assert sorted((one.plan_id, one.status) for one in found) == [
            (plans[0], S.ACTIVE),
            (plans[1], S.TRIALING),
            (plans[2], S.ACTIVE),
        ]

    async def test_only_a_customer_can_subscribe(self, small: SmallShop) -> None:
        plan_id = await offer(small)
        cart_id = await filled(small, plan_id, actor=small.guest(small.ids.new(CartId)))
        with pytest.raises(PlanNeedsCustomer, match="again and again"):
            await small.shop.execute(await small.order_command(cart_id), actor=small.guest(cart_id))

    async def test_only_what_can_be_charged_again_pays_for_it(self, small: SmallShop) -> None:
        plan_id = await offer(small)
        cart_id = await filled(small, plan_id)
        with pytest.raises(MethodNotReusable):
            await placed(small, cart_id, "fake_debit")
        without = Shop(evolve(small.shop.ports, billing=NoBilling()))
        with pytest.raises(SubscriptionsNotOffered):
            await without.execute(await small.order_command(cart_id), actor=ADA)

    async def test_a_saved_card_pays_now_and_from_then_on(self, small: SmallShop) -> None:
        assert ADA.user_id is not None
        async with small.storage.uow(small.context()) as tx:
            tx.users.save(User.register(id=ADA.user_id, email="ada@example.com", at=small.clock.now()))
        card = await save(small, actor=ADA)
        cart_id = await filled(small, await offer(small))
        session_id = await small.shop.execute(CreatePaymentSession(cart_id=cart_id, method=card), actor=ADA)
        command = evolve(await small.order_command(cart_id), payment_session_id=session_id)
        order_id = await small.shop.execute(command, actor=ADA)
        await small.pay(order_id)
        subscription = await only(small, order_id)
        assert (subscription.status, subscription.method) == (S.ACTIVE, card)
        with pytest.raises(SavedMethodInUse):
            await small.shop.execute(RemoveSavedMethod(method=card), actor=ADA)
        await days(small, 31)
        assert captured(small) == [3490, 3490]

    async def test_sold_out_is_sold_out_in_all_lines_together(self, small: SmallShop) -> None:
        plan_id = await offer(small, stock=2)
        cart_id = await filled(small, plan_id, goods=await variant_of(small, plan_id))
        with pytest.raises(InsufficientStock):
            await placed(small, cart_id)

    async def test_a_plan_that_changed_meanwhile_is_noticed(self, small: SmallShop) -> None:
        plan_id = await offer(small)
        cart_id = await filled(small, plan_id)
        command = evolve(await small.order_command(cart_id), expected_total=eur(3490))
        await small.shop.execute(UpdatePlan(plan_id=plan_id, prices=(eur(1600),)), actor=STAFF)
        with pytest.raises(CartChanged, match=r"36\.90 EUR, not 34"):
            await small.shop.execute(command, actor=ADA)
        terms = evolve(command, expected_total=None, expected_plans={plan_id: 1})
        with pytest.raises(CartChanged, match="version 1"):
            await small.shop.execute(terms, actor=ADA)
        await small.shop.execute(ArchivePlan(plan_id=plan_id), actor=STAFF)
        with pytest.raises(CartNotReady) as gone:
            await small.shop.execute(terms, actor=ADA)
        assert [(flaw.pointer, flaw.code) for flaw in gone.value.flaws] == [("/items/0", "plan_not_offered")]
        assert await small.shop.ask(GetDueSubscriptions()) == []

    async def test_a_plan_that_the_cart_does_not_have_was_taken_out(self, small: SmallShop) -> None:
        plan_id = await offer(small)
        command = await small.order_command(await filled(small, plan_id))
        with pytest.raises(CartChanged):
            await small.shop.execute(evolve(command, expected_plans={small.ids.new(PlanId): 1}), actor=ADA)
        order_id = await small.shop.execute(evolve(command, expected_plans={plan_id: 1}), actor=ADA)
        assert len(await begun(small, order_id)) == 1

    async def test_placing_twice_subscribes_once(self, small: SmallShop) -> None:
        plan_id = await offer(small)
        command = await small.order_command(await filled(small, plan_id))
        key = Idempotency(route="POST /api/orders", key="k", fingerprint=b"f")
        placings = [small.shop.execute(command, context=small.context(ADA, key)) for _ in range(3)]
        orders = await asyncio.gather(*placings)
        tabs = await asyncio.gather(*(small.shop.execute(command, actor=ADA) for _ in range(3)))
        [order_id] = {*orders, *tabs}
        assert len(await begun(small, order_id)) == 1


class TestItsMoney:
    async def test_nothing_begins_before_the_money_is_there(self, small: SmallShop) -> None:
        order_id = await bought(small, await filled(small, await offer(small)), "fake_card_3ds")
        subscription = await only(small, order_id)
        assert (subscription.status, subscription.open_order) == (S.INCOMPLETE, order_id)
        await scheduled(small)
        assert (await only(small, order_id)).status is S.INCOMPLETE
        session_id = (await small.order(order_id)).payment_session_id
        await small.shop.execute(ConfirmPayment(session_id=session_id), actor=ADA)
        assert (await only(small, order_id)).status is S.ACTIVE
        assert await events(small) == ["started"]

    async def test_a_message_that_comes_before_the_answer_begins_it(self, small: SmallShop) -> None:
        order_id = await bought(small, await filled(small, await offer(small)), "fake_card_3ds")
        [ref] = small.books.intents
        attempt = (await small.payment(order_id)).attempt
        state = await small.provider.confirm(ref, attempt.id, "fake_card_3ds")
        await small.provider.capture(state.provider_ref, attempt.id)
        await small.post_news()
        await small.deliver()
        assert (await only(small, order_id)).status is S.ACTIVE

    async def test_the_card_that_paid_pays_from_then_on(self, small: SmallShop) -> None:
        cart_id = await filled(small, await offer(small))
        order_id = await bought(small, cart_id, "fake_card_declined")
        assert (await small.order(order_id)).payment_status is PaymentStatus.FAILED
        session_id = await small.shop.execute(CreatePaymentSession(cart_id=cart_id, method="fake_card"), actor=ADA)
        await small.shop.execute(ConfirmPayment(session_id=session_id), actor=ADA)
        subscription = await only(small, order_id)
        assert (subscription.status, subscription.method) == (S.ACTIVE, "fake_card")
        await days(small, 31)
        assert len(await renewals(small, subscription.id)) == 2
        assert (await found(small, subscription.id)).status is S.ACTIVE

    async def test_what_its_owner_chose_meanwhile_stays(self, small: SmallShop) -> None:
        cart_id = await filled(small, await offer(small))
        order_id = await bought(small, cart_id, "fake_card_declined")
        subscription = await only(small, order_id)
        change = ChangeSubscription(subscription_id=subscription.id, method="fake_card_3ds")
        await small.shop.execute(change, actor=ADA)
        session_id = await small.shop.execute(CreatePaymentSession(cart_id=cart_id, method="fake_card"), actor=ADA)
        await small.shop.execute(ConfirmPayment(session_id=session_id), actor=ADA)
        assert (await only(small, order_id)).method == "fake_card_3ds"

    async def test_a_hold_that_ends_unpaid_ends_it_for_good(self, small: SmallShop) -> None:
        order_id = await bought(small, await filled(small, await offer(small)), "fake_card_3ds")
        await small.settle_down(40)
        assert (await small.order(order_id)).status is OrderStatus.CANCELLED
        await scheduled(small)
        subscription = await only(small, order_id)
        assert (subscription.status, subscription.open_order, subscription.due_at) == (S.INCOMPLETE_EXPIRED, None, None)
        await days(small, 62)
        assert len(await renewals(small, subscription.id)) == 1
        assert captured(small) == [0]
        assert small.billing._books.get(subscription.provider_ref) is None

    async def test_money_that_comes_after_the_end_goes_back_and_begins_nothing(self, small: SmallShop) -> None:
        order_id = await bought(small, await filled(small, await offer(small)), "fake_card_3ds")
        await small.settle_down(40)
        [ref] = small.books.intents
        small.books.alter(evolve_intent(small, ref))
        await small.pay(order_id, refresh=True)
        await scheduled(small)
        order = await small.order(order_id)
        assert (order.status, order.payment_status) == (OrderStatus.CANCELLED, PaymentStatus.REFUNDED)
        assert (await only(small, order_id)).status is S.INCOMPLETE_EXPIRED
        await days(small, 31)
        assert await events(small) == []

    async def test_an_order_that_is_called_off_before_it_is_paid(self, small: SmallShop) -> None:
        order_id = await placed(small, await filled(small, await offer(small)))
        await small.shop.execute(CancelOrder(order_id=order_id), actor=ADA)
        await scheduled(small)
        assert (await only(small, order_id)).status is S.INCOMPLETE_EXPIRED

    async def test_calling_off_the_order_of_a_trial_ends_the_trial(self, small: SmallShop) -> None:
        plan_id = await offer(small, trial_days=3)
        fresh = await placed(small, await filled(small, plan_id))
        begun_already, over = [await bought(small, await filled(small, plan_id)) for _ in range(2)]
        for order_id in (fresh, begun_already):
            await small.shop.execute(CancelOrder(order_id=order_id), actor=ADA)
            await small.pay(order_id)
            await scheduled(small)
            subscription = await only(small, order_id)
            assert (subscription.status, subscription.cancel_reason) == (S.CANCELLED, "order_cancelled")
        ended = small.billing._books.get((await only(small, begun_already)).provider_ref)
        assert ended is not None
        assert ended.ended
        await days(small, 4)
        await small.shop.execute(CancelOrder(order_id=over), actor=ADA)
        assert (await only(small, over)).status is S.ACTIVE  # it was paid for by now
        assert captured(small) == [3490]

    async def test_what_is_only_authorised_begins_nothing_yet(self, small: SmallShop) -> None:
        """The bank's promise may lapse, and what was let go of was never paid."""
        await by_hand(small)
        plan_id = await offer(small)
        taken, let_go = [await bought(small, await filled(small, plan_id)) for _ in range(2)]
        assert (await small.order(taken)).payment_status is PaymentStatus.AUTHORIZED
        await days(small, 2)
        assert {(await only(small, order_id)).status for order_id in (taken, let_go)} == {S.INCOMPLETE}
        await small.shop.execute(CapturePayment(payment_id=(await small.payment(taken)).id), actor=STAFF)
        await small.shop.execute(VoidPayment(payment_id=(await small.payment(let_go)).id), actor=STAFF)
        await small.pay(taken)
        await small.pay(let_go)
        assert (await only(small, taken)).status is S.ACTIVE
        assert (await only(small, let_go)).status is S.INCOMPLETE_EXPIRED
        order = await small.order(taken)
        assert (await only(small, taken)).period_end == MONTH.boundary(order.placed_at, 1)

    async def test_a_trial_that_is_over_before_the_money_was_taken(self, small: SmallShop) -> None:
        await by_hand(small)
        plan_id = await offer(small, trial_days=1)
        order_id = await bought(small, await filled(small, plan_id, goods=await small.product("shirt")))
        await days(small, 2)
        await small.shop.execute(CapturePayment(payment_id=(await small.payment(order_id)).id), actor=STAFF)
        await small.pay(order_id)
        subscription = await only(small, order_id)
        assert (subscription.status, len(await renewals(small, subscription.id))) == (S.ACTIVE, 1)

    async def test_a_full_refund_of_the_first_order_does_not_end_it(self, small: SmallShop) -> None:
        order_id = await bought(small, await filled(small, await offer(small)))
        payment = await small.payment(order_id)
        await small.shop.execute(RequestRefund(payment_id=payment.id, full=True), actor=STAFF)
        await small.pay(order_id)
        assert (await small.order(order_id)).payment_status is PaymentStatus.REFUNDED
        subscription = await only(small, order_id)
        assert subscription.status is S.ACTIVE
        await days(small, 31)
        assert len(await renewals(small, subscription.id)) == 2


class TestWhatGoesWrong:
    async def test_the_schedule_takes_up_what_was_cut_short(self, small: SmallShop) -> None:
        """The process dies when the order is placed: the worker pays for it, and the schedule begins it."""
        order_id = await placed(small, await filled(small, await offer(small)))
        small.clock.forward(timedelta(seconds=30))
        await small.deliver()
        assert (await only(small, order_id)).status is S.ACTIVE
        free = await placed(small, await filled(small, await offer(small, code="tea", trial_days=3)))
        assert (await only(small, free)).status is S.INCOMPLETE
        await scheduled(small)
        assert (await only(small, free)).status is S.TRIALING

    async def test_a_provider_that_is_away_is_asked_until_it_answers(
        self, small: SmallShop, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """It is paid for: however long that takes, it begins."""
        subscribe = small.billing.subscribe

        async def away(request: BillingRequest) -> BillingState:
            await subscribe(request)
            raise PaymentProviderUnavailable("Nobody heard the answer.")

        monkeypatch.setattr(small.billing, "subscribe", away)
        order_id = await bought(small, await filled(small, await offer(small)))
        assert (await small.order(order_id)).payment_status is PaymentStatus.PAID
        await scheduled(small, 3 * DAY)
        assert (await only(small, order_id)).status is S.INCOMPLETE
        monkeypatch.undo()
        await scheduled(small)
        subscription = await only(small, order_id)
        assert subscription.status is S.ACTIVE
        assert len(small.billing.take_news()) == 1  # it was made once

    @pytest.mark.parametrize(
        ("end", "becomes"), [(DisputeStatus.LOST, S.INCOMPLETE_EXPIRED), (DisputeStatus.WON, S.ACTIVE)]
    )
    async def test_what_a_bank_took_back_meanwhile_begins_nothing_unless_it_comes_again(
        self, small: SmallShop, monkeypatch: pytest.MonkeyPatch, end: DisputeStatus, becomes: S
    ) -> None:
        async def away(request: BillingRequest) -> BillingState:
            raise PaymentProviderUnavailable("Nobody answers.")

        monkeypatch.setattr(small.billing, "subscribe", away)
        order_id = await bought(small, await filled(small, await offer(small)))
        [ref] = small.books.intents
        small.provider.disputes_open(ref)
        await small.pay(order_id, refresh=True)
        monkeypatch.undo()
        await scheduled(small)
        assert (await only(small, order_id)).status is S.INCOMPLETE
        small.provider.dispute_ends(ref, end)
        await small.pay(order_id, refresh=True)
        await scheduled(small)
        assert (await only(small, order_id)).status is becomes

    async def test_a_way_to_pay_that_is_refused_waits_for_another_one(
        self, small: SmallShop, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async def refuse(request: BillingRequest) -> BillingState:
            raise MethodNotForSubscriptions("Nobody saved it.")

        monkeypatch.setattr(small.billing, "subscribe", refuse)
        plan_id = await offer(small)
        mended, forgotten = [await bought(small, await filled(small, plan_id)) for _ in range(2)]
        await days(small, 2)
        assert (await only(small, mended)).status is S.INCOMPLETE
        monkeypatch.undo()
        change = ChangeSubscription(subscription_id=(await only(small, mended)).id, method="fake_card")
        await small.shop.execute(change, actor=ADA)
        monkeypatch.setattr(small.billing, "subscribe", refuse)
        left = await only(small, forgotten)
        small.clock.forward(33 * DAY)
        await carry_on(small, left.id)
        ended = await only(small, forgotten)
        assert (ended.status, ended.cancel_reason, ended.open_order) == (S.CANCELLED, "payment_method_refused", None)
        monkeypatch.undo()
        await carry_on(small, (await only(small, mended)).id)
        assert (await only(small, mended)).status is S.ACTIVE

    async def test_ending_it_before_it_is_paid_leaves_the_order(self, small: SmallShop) -> None:
        order_id = await placed(small, await filled(small, await offer(small)))
        subscription = await only(small, order_id)
        await small.shop.execute(CancelSubscription(subscription_id=subscription.id), actor=ADA)
        await small.pay(order_id)
        assert (await small.order(order_id)).payment_status is PaymentStatus.PAID
        ended = await only(small, order_id)
        assert (ended.status, ended.due_at, ended.open_order) == (S.CANCELLED, None, None)
        await days(small, 31)
        assert captured(small) == [3490]

    async def test_somebody_who_was_forgotten_meanwhile_subscribes_to_nothing(self, small: SmallShop) -> None:
        order_id = await placed(small, await filled(small, await offer(small)))
        subscription = await only(small, order_id)
        assert subscription.pseudonymise(small.clock.now())
        async with small.storage.uow(small.context()) as tx:
            tx.subscriptions.save(subscription)
        await small.pay(order_id)
        ended = await only(small, order_id)
        assert (ended.status, ended.provider_ref) == (S.INCOMPLETE_EXPIRED, "")

    async def test_an_order_of_another_sum_begins_nothing(self, small: SmallShop) -> None:
        order_id = await bought(small, await filled(small, await offer(small)), "fake_card_3ds")
        [ref] = small.books.intents
        small.books.alter(evolve_intent(small, ref, less=100))
        await small.pay(order_id, refresh=True)
        await scheduled(small)
        order = await small.order(order_id)
        assert (order.status, order.payment_status) == (OrderStatus.CANCELLED, PaymentStatus.REFUNDED)
        assert (await only(small, order_id)).status is S.INCOMPLETE_EXPIRED


def evolve_intent(small: SmallShop, ref: str, less: int = 0) -> Any:
    """As it is when somebody takes the money in the provider's dashboard, of another sum if `less`."""
    intent = small.books.intents[ref]
    return evolve(intent, status=AttemptStatus.CAPTURED, minor=intent.minor - less, captured=intent.minor - less)


async def by_hand(small: SmallShop) -> None:
    """From now on people capture what banks promised."""
    settings = evolve(SETTINGS, store=evolve(SETTINGS.store, capture=CapturePolicy.MANUAL), version=1)
    async with small.storage.uow(small.context()) as tx:
        tx.store.save(settings)
