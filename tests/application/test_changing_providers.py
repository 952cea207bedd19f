"""The shop changes to another provider: what was begun with the former one is left to it, and holds nothing up."""

import pytest

from shop.adapters.fake.books import MemoryBooks
from shop.adapters.fake.payments import FakePaymentGateway
from shop.application.commands.orders import CancelAnyOrder
from shop.application.commands.payments import ConfirmPayment, ProcessPayment
from shop.application.settlement import PaymentElsewhere
from shop.domain.inventory import ReservationState
from shop.domain.orders import OrderStatus, PaymentStatus
from shop.domain.payments import PaymentMethodUnknown
from shop.entrypoints.cli.checks.examination import Verdict, left_behind
from tests.shops import WEBHOOK_SECRET, SmallShop, open_small_shop


@pytest.fixture
async def before() -> SmallShop:
    return await open_small_shop()


@pytest.fixture
def books() -> MemoryBooks:
    return MemoryBooks()


@pytest.fixture
def after(before: SmallShop, books: MemoryBooks) -> SmallShop:
    return before.with_ports(gateway=FakePaymentGateway(books, before.clock, WEBHOOK_SECRET, "other"))


async def test_a_payment_is_never_taken_to_another_provider(
    before: SmallShop, after: SmallShop, books: MemoryBooks
) -> None:
    shirt = await before.product(stock=3)
    new = await before.place(await before.cart((shirt, 1)))
    challenged = await before.buy((shirt, 1), method="fake_card_3ds")
    session_id = (await before.order(challenged)).payment_session_id
    for order_id in (new, challenged):
        for command in (ProcessPayment(order_id=order_id, refresh=True), CancelAnyOrder(order_id=order_id)):
            with pytest.raises(PaymentElsewhere, match="begun with “fake”; the shop uses “other”"):
                await after.shop.execute(command)
        order = await before.order(order_id)
        assert (order.status, order.payment_status) == (OrderStatus.PENDING, PaymentStatus.PENDING)
        assert [held.state for held in await before.reservations(order_id)] == [ReservationState.HELD]
    with pytest.raises(PaymentElsewhere):
        await after.shop.execute(ConfirmPayment(session_id=session_id))
    assert books.take_events() == []


async def test_the_former_provider_takes_up_again_what_it_began(before: SmallShop, after: SmallShop) -> None:
    order_id = await before.place(await before.cart((await before.product(), 1)))
    await after.settle_down(20)
    assert {type(trouble) for trouble in after.troubles} == {PaymentElsewhere}
    assert (await before.order(order_id)).status is OrderStatus.PENDING
    await before.settle_down(20)
    assert (await before.order(order_id)).status is OrderStatus.CANCELLED  # its hold ran out meanwhile


async def test_the_doctor_sees_what_is_left_behind(before: SmallShop, after: SmallShop) -> None:
    shirt = await before.product(stock=5)
    await before.buy((shirt, 1))
    assert (await left_behind(after.shop)).verdict is Verdict.FINE
    for method in ("fake_card_3ds", "fake_debit"):
        await before.buy((shirt, 1), method=method)
    assert (await left_behind(before.shop)).verdict is Verdict.FINE
    found = await left_behind(after.shop)
    assert (found.verdict, found.detail[:11]) == (Verdict.WRONG, "2 with fake")
    assert found.hint.endswith("SHOP_PAYMENTS=fake shop worker")


async def test_what_was_paid_before_stays_paid(before: SmallShop, after: SmallShop) -> None:
    order_id = await before.buy((await before.product(), 1))
    await after.pay(order_id)
    order = await after.order(order_id)
    assert (order.status, order.payment_status) == (OrderStatus.CONFIRMED, PaymentStatus.PAID)


async def test_a_way_to_pay_of_the_former_provider_places_no_order(before: SmallShop, after: SmallShop) -> None:
    cart_id = await before.cart((await before.product(), 1))
    command = await before.order_command(cart_id)
    with pytest.raises(PaymentMethodUnknown, match="no way to pay here any more"):
        await after.shop.execute(command)
    order_id = await after.place(cart_id)
    assert (await after.payment(order_id)).provider == "other"
    assert await before.shop.execute(command) == order_id  # a cart is ordered once, whatever it was to be paid with
