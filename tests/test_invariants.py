"""The checker itself: each rule, broken on purpose, is noticed under its own id."""

from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest
from attrs import evolve

from shop.adapters.fake.booked import BookedRefund
from shop.domain.inventory import ReservationState
from shop.domain.kernel.identifiers import LedgerEntryId, OrderId
from shop.domain.ledger import EntryKind, LedgerEntry, unapplied_postings
from shop.domain.orders import OrderConfirmed, OrderStatus, PaymentStatus
from shop.domain.payments import RefundStatus
from tests.invariants import Broken, Watch
from tests.shops import SmallShop, eur, open_small_shop

Damage = Callable[[SmallShop, OrderId], Awaitable[None]]


async def _hold_that_nobody_counts(small: SmallShop, order_id: OrderId) -> None:
    [reservation] = await small.reservations(order_id)
    async with small.storage.uow(small.context()) as tx:
        tx.stock.settle(reservation, reservation.move_to(ReservationState.RELEASED))


async def _units_from_nowhere(small: SmallShop, order_id: OrderId) -> None:
    small.storage.readers.inventory.levels = _lying(small, 5)  # type: ignore[method-assign,assignment]


def _lying(small: SmallShop, more: int) -> Callable[..., Awaitable[object]]:
    honest = small.storage.readers.inventory.levels

    async def levels(*args: object, **kwargs: object) -> object:
        page = await honest(*args, **kwargs)  # type: ignore[arg-type]
        return evolve(page, data=[evolve(level, on_hand=level.on_hand + more) for level in page.data])

    return levels


async def _said_twice(small: SmallShop, order_id: OrderId) -> None:
    async with small.storage.uow(small.context()) as tx:
        tx.publish(OrderConfirmed(at=small.clock.at, order_id=order_id))


async def _booked_without_cause(small: SmallShop, order_id: OrderId) -> None:
    payment = await small.payment(order_id)
    async with small.storage.uow(small.context()) as tx:
        tx.ledger.book(
            LedgerEntry(
                id=small.ids.new(LedgerEntryId),
                at=small.clock.at,
                kind=EntryKind.REFUND,
                order_id=order_id,
                payment_id=payment.id,
                provider="fake",
                provider_ref="pi_other",
                postings=unapplied_postings("fake", eur(5)),
            )
        )


async def _back_from_the_end(small: SmallShop, order_id: OrderId) -> None:
    order = await small.order(order_id)
    order.payment_status = PaymentStatus.PENDING
    async with small.storage.uow(small.context()) as tx:
        tx.orders.save(order)


async def _another_order_than_was_bought(small: SmallShop, order_id: OrderId) -> None:
    order = await small.order(order_id)
    order.lines = (evolve(order.lines[0], title="Something else"),)
    async with small.storage.uow(small.context()) as tx:
        tx.orders.save(order)


async def _taken_in_silence(small: SmallShop, order_id: OrderId) -> None:
    [intent] = small.books.intents.values()
    gone = BookedRefund(ref="re_1", minor=1, status=RefundStatus.SUCCEEDED)
    small.books.alter(evolve(intent, refunds=(gone,)))


async def _an_intent_of_nobodys(small: SmallShop, order_id: OrderId) -> None:
    [intent] = small.books.intents.values()
    small.books.alter(evolve(intent, ref="pi_of_nobody"))


async def _pending_for_ever(small: SmallShop, order_id: OrderId) -> None:
    await small.place(await small.cart((await small.product("other"), 1)))
    small.clock.forward(timedelta(minutes=20))


async def _undelivered(small: SmallShop, order_id: OrderId) -> None:
    await small.product("news")


@pytest.mark.parametrize(
    ("rule", "damage"),
    [
        ("I2", _units_from_nowhere),
        ("I3", _hold_that_nobody_counts),
        ("I5", _said_twice),
        ("I7", _booked_without_cause),
        ("I8", _back_from_the_end),
        ("I8", _another_order_than_was_bought),
        ("I6", _taken_in_silence),
        ("I6", _an_intent_of_nobodys),
        ("I9", _pending_for_ever),
        ("I10", _undelivered),
    ],
)
async def test_a_broken_rule_is_noticed_under_its_id(rule: str, damage: Damage) -> None:
    small = await open_small_shop()
    order_id = await small.buy((await small.product(), 2))
    await small.settle_down(2)
    watch = Watch(small.storage, lambda: small.books.intents)
    await watch.look(small.context(), at_rest=True)
    await damage(small, order_id)
    with pytest.raises(Broken, match=f"^{rule}:"):
        await watch.look(small.context(), at_rest=True)


async def test_a_sound_shop_is_found_sound_with_all_kinds_of_orders() -> None:
    small = await open_small_shop()
    shirt = await small.product()
    for method in ("fake_card", "fake_card_declined", "fake_card_3ds"):
        await small.buy((shirt, 1), method=method)
    watch = Watch(small.storage, lambda: small.books.intents)
    seen = await watch.look(small.context())
    assert {sold.order.status for sold in seen.sold} == {OrderStatus.CONFIRMED, OrderStatus.PENDING}
    await small.settle_down(30)
    seen = await watch.look(small.context(), at_rest=True)
    assert {sold.order.status for sold in seen.sold} == {OrderStatus.CONFIRMED, OrderStatus.CANCELLED}
