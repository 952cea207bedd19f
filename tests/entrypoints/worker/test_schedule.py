"""What is due is done, and what fails holds up nothing else."""

from datetime import timedelta

import pytest

from shop.adapters.fake.books import MemoryBooks
from shop.adapters.fake.faults import Fault, FaultyGateway, ScriptedFaults
from shop.adapters.fake.payments import FakePaymentGateway
from shop.application.commands.carts import OpenCart
from shop.application.messages import Idempotency
from shop.application.shop import Shop
from shop.domain.carts import CartStatus
from shop.domain.kernel.errors import Unavailable
from shop.domain.orders import OrderStatus, PaymentStatus
from shop.entrypoints.worker import schedule
from shop.entrypoints.worker.schedule import CHORES, Chore, Schedule, run_schedule_once
from tests.shops import STAFF, WEBHOOK_SECRET, SmallShop, open_small_shop


@pytest.fixture
async def small() -> SmallShop:
    return await open_small_shop()


async def no_time(seconds: float) -> None:
    """Waits in nobody's time."""


async def test_unpaid_orders_end_and_give_their_stock_back(small: SmallShop) -> None:
    shirt = await small.product(stock=3)
    order_id = await small.buy((shirt, 3), method="fake_card_3ds")
    small.clock.forward(timedelta(minutes=14))
    assert (await run_schedule_once(small.shop))["expire orders"] == 0
    small.clock.forward(timedelta(minutes=2))
    assert (await run_schedule_once(small.shop))["expire orders"] == 1
    async with small.storage.uow(small.context()) as tx:
        order, [level] = await tx.orders.get(order_id), await tx.stock.levels([shirt])
    assert order.status is OrderStatus.CANCELLED
    assert (level.on_hand, level.reserved) == (3, 0)
    assert (await run_schedule_once(small.shop))["expire orders"] == 0


async def test_payments_that_stopped_half_way_are_finished(small: SmallShop) -> None:
    order_id = await small.place(await small.cart((await small.product(), 1)))
    small.clock.forward(timedelta(minutes=2))
    assert (await run_schedule_once(small.shop))["finish payments"] == 1
    async with small.storage.uow(small.context()) as tx:
        assert (await tx.orders.get(order_id)).payment_status is PaymentStatus.PAID


async def test_a_provider_that_is_away_holds_up_nothing_else(small: SmallShop) -> None:
    shirt = await small.product(stock=9)
    for _ in range(3):
        await small.place(await small.cart((shirt, 1)))
    small.clock.forward(timedelta(minutes=2))
    faults = ScriptedFaults({"create_intent": [Fault.TIMEOUT_BEFORE]})
    ailing = small.with_ports(gateway=FaultyGateway(small.provider, faults, no_time))
    assert (await run_schedule_once(ailing.shop))["finish payments"] == 2
    small.clock.forward(timedelta(minutes=2))
    assert (await run_schedule_once(small.shop))["finish payments"] == 1


@pytest.mark.parametrize(
    ("chore", "minutes", "ended"),
    [
        ("finish payments", 2, (OrderStatus.CONFIRMED, PaymentStatus.PAID)),
        ("expire orders", 16, (OrderStatus.CANCELLED, PaymentStatus.VOIDED)),
    ],
)
async def test_what_always_fails_does_not_keep_the_rest_from_their_turn(
    small: SmallShop,
    monkeypatch: pytest.MonkeyPatch,
    chore: str,
    minutes: int,
    ended: tuple[OrderStatus, PaymentStatus],
) -> None:
    monkeypatch.setattr(schedule, "BATCH", 2)
    shirt = await small.product(stock=9)
    before = small.with_ports(gateway=FakePaymentGateway(MemoryBooks(), small.clock, WEBHOOK_SECRET, "former"))
    stuck = []
    for _ in range(3):
        stuck.append(await before.place(await before.cart((shirt, 1))))
        small.clock.forward(timedelta(seconds=1))
    latest = await small.place(await small.cart((shirt, 1)))
    small.clock.forward(timedelta(minutes=minutes))
    chores = [each for each in CHORES if each.name == chore]
    for _ in range(100):  # by chance it is left out of all of them once in 10**30
        await run_schedule_once(small.shop, chores)
    order = await small.order(latest)
    assert (order.status, order.payment_status) == ended
    assert {(await small.order(order_id)).status for order_id in stuck} == {OrderStatus.PENDING}


async def test_old_carts_are_closed(small: SmallShop) -> None:
    cart_id = await small.cart((await small.product(), 1))
    small.clock.forward(timedelta(days=31))
    assert (await run_schedule_once(small.shop))["expire carts"] == 1
    async with small.storage.uow(small.context()) as tx:
        assert (await tx.carts.get(cart_id)).status is CartStatus.EXPIRED


async def test_old_events_are_forgotten_when_everybody_has_heard_of_them(small: SmallShop) -> None:
    await small.product()
    small.clock.forward(timedelta(days=31))
    assert (await run_schedule_once(small.shop))["forget events"] == 0
    [delivery] = await small.storage.outbox.claim(small.clock.now(), small.clock.now() + timedelta(minutes=1), 10)
    await small.storage.outbox.done(delivery, small.clock.now())
    small.clock.forward(timedelta(days=31))
    assert (await run_schedule_once(small.shop))["forget events"] == 1


async def test_a_busy_month_is_forgotten_batch_after_batch(small: SmallShop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schedule, "FORGET_BATCH", 2)
    for number in range(5):
        key = Idempotency("x", f"key-{number}", b"\0" * 32)
        await small.shop.execute(OpenCart(), context=small.context(STAFF, key))
    small.clock.forward(timedelta(days=31))
    monkeypatch.setattr(schedule, "FORGET_BATCHES_MAX", 2)
    assert (await run_schedule_once(small.shop))["forget answers"] == 4
    assert (await run_schedule_once(small.shop))["forget answers"] == 1
    assert (await run_schedule_once(small.shop))["forget answers"] == 0


async def test_a_chore_that_fails_is_logged_and_the_next_is_done(
    small: SmallShop, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(shop: Shop) -> int:
        raise ZeroDivisionError

    async def away(shop: Shop) -> int:
        raise Unavailable("the database is away")

    async def fine(shop: Shop) -> int:
        return 7

    chores = [Chore(name, timedelta(1), run) for name, run in (("a", broken), ("b", away), ("c", fine))]
    assert await run_schedule_once(small.shop, chores) == {"a": 0, "b": 0, "c": 7}
    assert "a failed" in caplog.text
    assert "the database is away" in caplog.text


async def test_each_chore_comes_in_its_own_time(small: SmallShop) -> None:
    schedule = Schedule(jitter=lambda: 0.5)
    assert set(await schedule.run_due(small.shop)) == {chore.name for chore in CHORES}
    assert await schedule.run_due(small.shop) == {}
    small.clock.forward(timedelta(seconds=5))
    assert set(await schedule.run_due(small.shop)) == {"expire orders"}
    small.clock.forward(timedelta(seconds=5))
    assert set(await schedule.run_due(small.shop)) == {
        "expire orders",
        "finish payments",
        "carry on subscriptions",
        "expire carts",
        "seal the audit log",
    }
