"""Captures and voids of the same authorisation at once, on real databases: one of them happens, and once."""

import asyncio
from datetime import timedelta

import pytest
from attrs import evolve

from shop.application.commands.captures import CapturePayment, VoidPayment
from shop.application.commands.payments import ProcessPayment
from shop.application.commands.store import ConfigureStore
from shop.application.messages import Command
from shop.domain.inventory import ReservationState
from shop.domain.kernel.capturing import CapturePolicy
from shop.domain.kernel.errors import Conflict
from shop.domain.kernel.identifiers import OrderId, PaymentId
from shop.domain.orders import OrderStatus, PaymentStatus
from tests.journeys.branches import Branches
from tests.shops import SETTINGS, STAFF, eur

pytestmark = pytest.mark.journey
AT_ONCE = 50
TOTAL = 2 * 1999 + 490


async def _sold(branches: Branches) -> OrderId:
    small = branches.first
    store = evolve(SETTINGS.store, capture=CapturePolicy.MANUAL)
    await small.shop.execute(ConfigureStore(store=store), actor=STAFF)
    order_id = await small.buy((await small.product(stock=5), 2))
    assert (await small.order(order_id)).payment_status is PaymentStatus.AUTHORIZED
    return order_id


async def _all_at_once(branches: Branches, order_id: OrderId, wishes: list[Command[PaymentId]]) -> int:
    """So many wishes, each carried to the provider at once; how many were taken."""

    async def ask(number: int) -> bool:
        shop = branches.at(number).shop
        try:
            await shop.execute(wishes[number % len(wishes)], actor=STAFF)
            await shop.execute(ProcessPayment(order_id=order_id, refresh=number % 5 == 0))
        except Conflict:
            return False
        return True

    taken = sum(await asyncio.gather(*(ask(number) for number in range(AT_ONCE))))
    await branches.first.settle_down(5)
    return taken


async def test_f40_what_nobody_captures_lapses_and_its_stock_is_free(branches: Branches) -> None:
    order_id = await _sold(branches)
    small = branches.first
    for _ in range(8 * 4):
        small.clock.forward(timedelta(hours=6))
        await small.sweep()
        await small.deliver()
    order = await small.order(order_id)
    assert (order.status, order.cancel_reason) == (OrderStatus.CANCELLED, "authorization_expired")
    told = "SELECT count(*) FROM events WHERE type = '{}'"
    assert await branches.rows.one(told.format("payment.authorization_expiring")) == 1
    assert await branches.rows.one(told.format("order.authorization_expired")) == 1
    assert {reservation.state for reservation in await small.reservations(order_id)} == {ReservationState.RELEASED}
    await branches.check()


async def test_f20_fifty_captures_take_the_money_once(branches: Branches) -> None:
    order_id = await _sold(branches)
    payment = await branches.first.payment(order_id)
    assert await _all_at_once(branches, order_id, [CapturePayment(payment_id=payment.id)]) >= 1
    [intent] = branches.first.books.intents.values()
    assert (intent.captured, intent.refunded) == (TOTAL, 0)
    assert await branches.rows.one("SELECT count(*) FROM ledger_entries WHERE kind = 'capture'") == 1
    assert (await branches.first.order(order_id)).payment_status is PaymentStatus.PAID
    await branches.check()


async def test_f20_fifty_captures_of_different_parts_take_one_of_them(branches: Branches) -> None:
    order_id = await _sold(branches)
    payment = await branches.first.payment(order_id)
    parts: list[Command[PaymentId]] = [
        CapturePayment(payment_id=payment.id, amount=eur(1000 + number)) for number in range(AT_ONCE)
    ]
    await _all_at_once(branches, order_id, parts)
    payment = await branches.first.payment(order_id)
    [intent] = branches.first.books.intents.values()
    assert payment.captured == payment.capture_due == eur(intent.captured)
    assert 1000 <= intent.captured < 1000 + AT_ONCE
    assert (intent.refunded, (await branches.first.order(order_id)).payment_status) == (0, PaymentStatus.PAID)
    await branches.check()


async def test_f20_void_against_capture_ends_in_one_of_the_two(branches: Branches) -> None:
    order_id = await _sold(branches)
    payment = await branches.first.payment(order_id)
    await _all_at_once(branches, order_id, [VoidPayment(payment_id=payment.id), CapturePayment(payment_id=payment.id)])
    order, [intent] = await branches.first.order(order_id), branches.first.books.intents.values()
    if intent.captured:
        assert (order.status, order.payment_status) == (OrderStatus.CONFIRMED, PaymentStatus.PAID)
        assert (intent.captured, intent.refunded) == (TOTAL, 0)
    else:
        assert (order.status, order.payment_status) == (OrderStatus.CANCELLED, PaymentStatus.VOIDED)
    entries = await branches.rows.one("SELECT count(*) FROM ledger_entries WHERE kind = 'capture'")
    assert entries == bool(intent.captured)
    await branches.check()
