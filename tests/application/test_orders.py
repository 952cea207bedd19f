"""What buyers and staff see of orders."""

from uuid import UUID

import pytest

from shop.application.messages import GUEST, Actor
from shop.application.ports.identity import AuthenticationRequired
from shop.application.ports.paging import PageRequest
from shop.application.ports.readers import OrderFilter
from shop.application.queries.events import GetEvents
from shop.application.queries.orders import (
    GetAllOrders,
    GetAnyOrder,
    GetOrder,
    GetOverdueOrders,
    GetUserOrders,
)
from shop.domain.kernel.identifiers import ApiKeyId, OrderId
from shop.domain.orders import OrderNotFound, OrderStatus
from tests.shops import STAFF, SmallShop, customer, eur


async def test_a_buyer_sees_their_order_and_strangers_do_not(small: SmallShop) -> None:
    shirt = await small.product()
    guests = await small.buy((shirt, 1), method="fake_card_3ds")
    theirs = await small.buy_cart(await small.cart((shirt, 1), actor=customer(1)))
    view = await small.shop.ask(GetOrder(order_id=guests), actor=small.guest(guests))
    assert (view.number, view.total, view.status) == ("1001", eur(2489), OrderStatus.PENDING)
    assert view.payment is not None
    assert view.payment.client_secret
    assert (await small.shop.ask(GetOrder(order_id=theirs), actor=customer(1))).id == theirs
    for order_id, stranger in ((guests, GUEST), (guests, customer(1)), (theirs, customer(2)), (theirs, STAFF)):
        with pytest.raises(OrderNotFound):
            await small.shop.ask(GetOrder(order_id=order_id), actor=stranger)
    with pytest.raises(OrderNotFound):
        await small.shop.ask(GetOrder(order_id=OrderId(UUID(int=1))), actor=small.guest(guests))


async def test_somebody_who_signed_in_sees_their_own_orders_the_newest_first(small: SmallShop) -> None:
    shirt = await small.product()
    own = [await small.place(await small.cart((shirt, 1), actor=customer(1))) for _ in range(3)]
    await small.place(await small.cart((shirt, 1), actor=customer(2)))
    page = await small.shop.ask(GetUserOrders(page=PageRequest(limit=2)), actor=customer(1))
    assert [view.id for view in page.data] == own[:0:-1]
    rest = await small.shop.ask(GetUserOrders(page=PageRequest(after=page.next)), actor=customer(1))
    assert [view.id for view in rest.data] == own[:1]


@pytest.mark.parametrize("actor", [GUEST, STAFF, Actor(kind="api_key", id=ApiKeyId(UUID(int=3)))])
async def test_nobody_else_has_orders_of_their_own(small: SmallShop, actor: Actor) -> None:
    with pytest.raises(AuthenticationRequired):
        await small.shop.ask(GetUserOrders(), actor=actor)


async def test_staff_find_and_open_any_order(small: SmallShop) -> None:
    shirt = await small.product()
    paid = await small.buy((shirt, 1))
    await small.place(await small.cart((shirt, 2)))
    which = OrderFilter(statuses=frozenset({OrderStatus.CONFIRMED}))
    assert [view.id for view in (await small.shop.ask(GetAllOrders(which=which), actor=STAFF)).data] == [paid]
    by_total = PageRequest(sort=("-total",), limit=1)
    assert [v.total for v in (await small.shop.ask(GetAllOrders(page=by_total), actor=STAFF)).data] == [eur(4488)]
    view = await small.shop.ask(GetAnyOrder(order_id=paid), actor=STAFF)
    assert [line.quantity for line in view.lines or []] == [1]
    assert [payment.captured for payment in view.payments or []] == [eur(2489)]
    with pytest.raises(OrderNotFound):
        await small.shop.ask(GetAnyOrder(order_id=OrderId(UUID(int=1))), actor=STAFF)


async def test_overdue_orders_come_the_oldest_first(small: SmallShop) -> None:
    shirt = await small.product()
    orders = []
    for minute in range(3):
        small.clock.at = small.clock.at.replace(minute=minute)
        orders.append(await small.place(await small.cart((shirt, 1))))
    assert await small.shop.ask(GetOverdueOrders()) == []
    small.clock.at = small.clock.at.replace(minute=16)
    assert await small.shop.ask(GetOverdueOrders()) == orders[:2]
    assert await small.shop.ask(GetOverdueOrders(limit=1)) == orders[:1]


async def test_staff_see_what_has_happened(small: SmallShop) -> None:
    order_id = await small.buy((await small.product(), 1))
    page = await small.shop.ask(GetEvents(types=("order.created", "order.confirmed")), actor=STAFF)
    assert [(event.type, event.subject_id) for event in page.data] == [
        ("order.confirmed", str(order_id)),
        ("order.created", str(order_id)),
    ]
    assert [delivery.state for delivery in page.data[1].deliveries] == ["pending"]
    assert (await small.shop.ask(GetEvents(only_set_aside=True), actor=STAFF)).data == []
