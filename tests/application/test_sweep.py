"""SWEEP: each use case that moves stock or money, cut short in every way at every port call, and told again."""

from datetime import timedelta
from typing import Any

import pytest
from attrs import evolve

from shop.application.commands.captures import CapturePayment, VoidPayment
from shop.application.commands.checkout import CreateOrder
from shop.application.commands.orders import CancelOrder, ExpireOrder
from shop.application.commands.payments import ConfirmPayment
from shop.application.commands.store import ConfigureStore
from shop.application.messages import Idempotency
from shop.domain.kernel.capturing import CapturePolicy
from shop.domain.kernel.identifiers import OrderId
from shop.domain.orders import OrderStatus, PaymentStatus
from shop.domain.payments import AttemptStatus
from tests.application.sweep import Story, sweep, sweep_pairs
from tests.scale import rounds
from tests.shops import SETTINGS, STAFF, SmallShop, eur, open_small_shop


def key() -> Idempotency:
    return Idempotency(route="POST /orders", key="once", fingerprint=b"same")


async def _a_cart() -> tuple[SmallShop, CreateOrder]:
    small = await open_small_shop()
    shirt, mug = await small.product(stock=3), await small.product("mug", price=900, stock=2)
    return small, await small.order_command(await small.cart((shirt, 2), (mug, 1)))


async def _place(small: SmallShop, order: CreateOrder) -> OrderId:
    context = small.context(small.guest(order.cart_id), key())
    return await small.shop.execute(order, context=context)


async def _place_and_pay(small: SmallShop, order: CreateOrder) -> None:
    await small.pay(await _place(small, order))


async def _order_of(small: SmallShop, order: CreateOrder) -> OrderId:
    async with small.storage.uow(small.context()) as tx:
        placed = await tx.orders.find_by_cart(order.cart_id)
    assert placed is not None
    return placed.id


async def _is_paid_once(small: SmallShop, order: CreateOrder) -> None:
    order_id = await _order_of(small, order)
    placed, payment = await small.order(order_id), await small.payment(order_id)
    assert (placed.status, placed.payment_status) == (OrderStatus.CONFIRMED, PaymentStatus.PAID)
    assert payment.captured == placed.total == eur(5388)
    assert [(intent.captured, intent.refunded) for intent in small.books.intents.values()] == [(5388, 0)]
    assert len(await small.entries(order_id)) == 1


async def test_f79_sweep_of_placing_an_order() -> None:
    """Whatever cuts the request short, the same key gives one order, and the worker pays for it."""
    points = await sweep(Story(_a_cart, _place, _is_paid_once))
    assert points.count("commit") == 1
    assert len(points) <= 6  # the answer, the settings, the cart with its offers, the session, the commit


async def test_f79_f19_f25_sweep_of_placing_and_paying() -> None:
    points = await sweep(Story(_a_cart, _place_and_pay, _is_paid_once))
    assert {"gateway.create_intent", "gateway.capture"} <= set(points)


async def _an_order(method: str) -> tuple[SmallShop, Any]:
    small, order = await _a_cart()
    session_id = await small.session(order.cart_id, method)
    order = CreateOrder(cart_id=order.cart_id, cart_version=order.cart_version, payment_session_id=session_id)
    await small.pay(await small.shop.execute(order))
    return small, order


async def _a_challenged_order() -> tuple[SmallShop, CreateOrder]:
    return await _an_order("fake_card_3ds")


async def _confirm(small: SmallShop, order: CreateOrder) -> None:
    await small.shop.execute(ConfirmPayment(session_id=order.payment_session_id), actor=small.guest(order.cart_id))


async def test_f79_sweep_of_confirming_a_payment() -> None:
    points = await sweep(Story(_a_challenged_order, _confirm, _is_paid_once))
    assert {"gateway.confirm", "gateway.capture"} <= set(points)


async def _cancel(small: SmallShop, order: CreateOrder) -> None:
    order_id = await _order_of(small, order)
    await small.shop.execute(CancelOrder(order_id=order_id), actor=small.guest(order_id))


async def _is_called_off(small: SmallShop, order: CreateOrder) -> None:
    placed = await small.order(await _order_of(small, order))
    assert (placed.status, placed.payment_status) == (OrderStatus.CANCELLED, PaymentStatus.VOIDED)
    assert all(intent.captured == 0 for intent in small.books.intents.values())
    for line in placed.lines:
        level = await small.level(line.variant_id)
        assert (level.reserved, level.available) == (0, level.on_hand)


async def test_f79_sweep_of_calling_an_order_off() -> None:
    points = await sweep(Story(_a_challenged_order, _cancel, _is_called_off))
    assert points.count("gateway.cancel") == 1


async def _a_placed_order() -> tuple[SmallShop, CreateOrder]:
    small, order = await _a_cart()
    await small.shop.execute(order)
    return small, order


async def test_f79_sweep_of_calling_an_order_off_that_was_never_begun_to_be_paid() -> None:
    points = await sweep(Story(_a_placed_order, _cancel, _is_called_off))
    assert {"gateway.create_intent", "gateway.cancel"} <= set(points)


async def _an_overdue_order() -> tuple[SmallShop, CreateOrder]:
    small, order = await _a_challenged_order()
    placed = await small.order(await _order_of(small, order))
    assert placed.hold_expires_at is not None
    small.clock.at = placed.hold_expires_at
    return small, order


async def _expire(small: SmallShop, order: CreateOrder) -> None:
    await small.shop.execute(ExpireOrder(order_id=await _order_of(small, order)))


async def test_f79_f15_sweep_of_expiring_an_order() -> None:
    await sweep(Story(_an_overdue_order, _expire, _is_called_off))


async def _news_of_money() -> tuple[SmallShop, Any]:
    small, order = await _a_challenged_order()
    ref = (await small.payment(await _order_of(small, order))).attempt.provider_ref
    small.provider.shopper_confirms(ref)
    bodies = [news.body for news in small.provider.take_news()]
    return small, (order, bodies)


async def _receive_and_follow(small: SmallShop, prepared: Any) -> None:
    for body in prepared[1]:
        await small.shop.execute(small.message(body))
    now = small.clock.now()
    for delivery in await small.storage.outbox.claim(now, now, 100):
        await small.shop.react(delivery)


async def _news_were_followed_once(small: SmallShop, prepared: Any) -> None:
    await _is_paid_once(small, prepared[0])


async def test_f79_f34_sweep_of_receiving_and_following_news() -> None:
    points = await sweep(Story(_news_of_money, _receive_and_follow, _news_were_followed_once))
    assert {"gateway.fetch", "gateway.capture"} <= set(points)


async def _a_mismatch() -> tuple[SmallShop, CreateOrder]:
    small, order = await _a_challenged_order()
    [intent] = small.books.intents.values()
    small.books.alter(evolve(intent, status=AttemptStatus.CAPTURED, captured=5000, minor=5000))
    return small, order


async def _refresh(small: SmallShop, order: CreateOrder) -> None:
    await small.pay(await _order_of(small, order), refresh=True)


async def _went_back(small: SmallShop, order: CreateOrder) -> None:
    placed = await small.order(await _order_of(small, order))
    assert (placed.status, placed.payment_status) == (OrderStatus.CANCELLED, PaymentStatus.REFUNDED)
    [intent] = small.books.intents.values()
    assert (intent.captured, intent.refunded) == (5000, 5000)
    assert len(await small.entries(placed.id)) == 2


async def test_f79_f42_sweep_of_giving_back_another_sum() -> None:
    points = await sweep(Story(_a_mismatch, _refresh, _went_back))
    assert "gateway.refund" in points


async def _an_authorised_order() -> tuple[SmallShop, CreateOrder]:
    small, order = await _a_cart()
    store = evolve(SETTINGS.store, capture=CapturePolicy.MANUAL)
    await small.shop.execute(ConfigureStore(store=store))
    await small.pay(await small.shop.execute(order))
    return small, order


async def _capture_a_part(small: SmallShop, order: CreateOrder) -> None:
    """With a key, as staff do over HTTP; and then to the provider."""
    order_id = await _order_of(small, order)
    payment = await small.payment(order_id)
    wish = CapturePayment(payment_id=payment.id, amount=eur(4000))
    await small.shop.execute(wish, context=small.context(STAFF, key()))
    await small.pay(order_id)


async def _a_part_was_taken_once(small: SmallShop, order: CreateOrder) -> None:
    order_id = await _order_of(small, order)
    placed = await small.order(order_id)
    assert (placed.status, placed.payment_status) == (OrderStatus.CONFIRMED, PaymentStatus.PAID)
    assert [(intent.captured, intent.refunded) for intent in small.books.intents.values()] == [(4000, 0)]
    assert len(await small.entries(order_id)) == 1


async def test_f79_f45_sweep_of_capturing_a_part() -> None:
    """Whatever fails between the wish, the provider and what is written of it: one capture, of that sum."""
    points = await sweep(Story(_an_authorised_order, _capture_a_part, _a_part_was_taken_once))
    assert points.count("gateway.capture") == 1


async def _void(small: SmallShop, order: CreateOrder) -> None:
    order_id = await _order_of(small, order)
    wish = VoidPayment(payment_id=(await small.payment(order_id)).id)
    await small.shop.execute(wish, context=small.context(STAFF, key()))
    await small.pay(order_id)


async def test_f79_sweep_of_voiding_an_authorisation() -> None:
    points = await sweep(Story(_an_authorised_order, _void, _is_called_off))
    assert points.count("gateway.cancel") == 1


async def _a_lapsed_order() -> tuple[SmallShop, CreateOrder]:
    small, order = await _an_authorised_order()
    small.clock.forward(timedelta(days=8))
    return small, order


async def test_f79_f40_sweep_of_finding_that_an_authorisation_has_lapsed() -> None:
    points = await sweep(Story(_a_lapsed_order, _refresh, _is_called_off))
    assert "gateway.fetch" in points


@pytest.mark.prove
@pytest.mark.parametrize("seed", range(3))
async def test_f79_pairs_of_faults_in_placing_and_paying(seed: int) -> None:
    await sweep_pairs(Story(_a_cart, _place_and_pay, _is_paid_once), rounds(30, in_full=3_000), seed)


@pytest.mark.prove
async def test_f79_pairs_of_faults_in_calling_off_and_giving_back() -> None:
    for story in (
        Story(_a_challenged_order, _cancel, _is_called_off),
        Story(_a_placed_order, _cancel, _is_called_off),
        Story(_an_overdue_order, _expire, _is_called_off),
        Story(_a_mismatch, _refresh, _went_back),
        Story(_news_of_money, _receive_and_follow, _news_were_followed_once),
        Story(_an_authorised_order, _capture_a_part, _a_part_was_taken_once),
        Story(_an_authorised_order, _void, _is_called_off),
        Story(_a_lapsed_order, _refresh, _is_called_off),
    ):
        await sweep_pairs(story, rounds(10, in_full=1_000))
