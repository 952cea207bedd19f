"""Orders, payments and settings: how often the database is asked, and what it must never be asked."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from attrs import evolve

from shop.adapters.contracts.storage.subject import Bench, walk
from shop.adapters.sql.database import Database
from shop.adapters.sql.readers import order_lists, paging
from shop.application.ports.paging import PageRequest
from shop.application.ports.readers import OrderFilter, PaymentFilter
from shop.domain.kernel.identifiers import UserId
from shop.domain.orders import OrderStatus, PaymentStatus
from tests.adapters.sql.readings import CountingDatabase, MovedClock, bench_on
from tests.adapters.sql.things import NOW

EVERYTHING = frozenset({"lines", "payments"})


@pytest.fixture
async def counting(database: Database) -> CountingDatabase:
    return CountingDatabase(database)


@pytest.fixture
def clock() -> MovedClock:
    return MovedClock(NOW)


@pytest.fixture
async def bench(counting: CountingDatabase, clock: MovedClock) -> AsyncIterator[Bench]:
    async with bench_on(counting, clock) as bench:
        yield bench


@pytest.mark.parametrize("count", [1, 12])
async def test_round_trips_do_not_grow_with_orders(bench: Bench, counting: CountingDatabase, count: int) -> None:
    paid = [await bench.paying() for _ in range(count)]
    order, payment = paid[0]
    owner_id = UserId(order.id.uuid)
    for one, _ in paid:
        one.claim(owner_id, bench.now)
        await bench.save(one)
    orders, payments = bench.readers.orders, bench.readers.payments
    counting.round_trips()
    await orders.order(order.id)
    assert counting.round_trips() == 1
    await orders.one(order.id)
    assert counting.round_trips() == 2
    await orders.of_owner(UserId(order.id.uuid), PageRequest())
    assert counting.round_trips() == 1
    assert len((await orders.all(OrderFilter(), PageRequest())).data) == count
    assert counting.round_trips() == 1
    await orders.all(OrderFilter(), PageRequest(total=True), expand=EVERYTHING)
    assert counting.round_trips() == 3
    await payments.all(PaymentFilter(), PageRequest())
    assert counting.round_trips() == 1
    await payments.one(payment.id)
    assert counting.round_trips() == 2
    assert len((await payments.of_owner(owner_id, PageRequest())).data) == count
    assert counting.round_trips() == 2
    await payments.for_buyer(payment.id)
    assert counting.round_trips() == 2
    await payments.session(order.payment_session_id)
    assert counting.round_trips() == 2


@pytest.mark.parametrize("few", [1_500, 1])
@pytest.mark.parametrize("sort", [(), ("total",), ("-number", "placed_at"), ("placed_at", "-total")])
async def test_however_many_a_filter_finds_the_answer_is_the_same(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, few: int, sort: tuple[str, ...]
) -> None:
    monkeypatch.setattr(order_lists, "FEW", few)
    monkeypatch.setattr(paging, "FEW", few)
    order_lists.orders_page.cache_clear()
    states = [PaymentStatus.PAID, PaymentStatus.PENDING, PaymentStatus.MISMATCH, PaymentStatus.PAID]
    made = [await bench.placed(payment_status=state, metadata={"erp": "a"}) for state in states]
    filters = [
        OrderFilter(payment_statuses=frozenset({PaymentStatus.PAID})),
        OrderFilter(payment_statuses=frozenset({PaymentStatus.PAID, PaymentStatus.FAILED})),
        OrderFilter(statuses=frozenset({OrderStatus.PENDING}), payment_statuses=frozenset({PaymentStatus.PAID})),
        OrderFilter(
            statuses=frozenset({OrderStatus.PENDING, OrderStatus.ON_HOLD}),
            payment_statuses=frozenset({PaymentStatus.PAID}),
            metadata={"erp": "a"},
        ),
    ]
    for which in filters:
        seen = await walk(lambda page, which=which: bench.readers.orders.all(which, page), 1, sort)  # type: ignore[misc]
        assert {view.id for view in seen} == {made[0].id, made[3].id}, which
        assert len(seen) == 2
    order_lists.orders_page.cache_clear()


@pytest.mark.parametrize("number", ["", "0", "01001", "+1001", " 1001", "١٠٠١", "9" * 30, "1001\x00", "x"])
async def test_a_number_is_compared_as_it_is_shown(bench: Bench, number: str) -> None:
    await bench.placed()
    page = await bench.readers.orders.all(OrderFilter(number=number), PageRequest(total=True))
    assert page.total == (0 if number else 1)


@pytest.mark.parametrize("text", ["\x00", "\ud800", "%", "' --"])
async def test_what_no_database_could_hold_is_not_found(bench: Bench, text: str) -> None:
    await bench.paying()
    asked = PageRequest(total=True)
    readers = bench.readers
    assert (await readers.orders.all(OrderFilter(email=text), asked)).total == 0
    assert (await readers.orders.all(OrderFilter(metadata={"a": text}), asked)).total == 0
    assert (await readers.payments.all(PaymentFilter(provider=text), asked)).total == 0
    assert (await readers.payments.all(PaymentFilter(failure_code=text), asked)).total == 0
    assert (await readers.inventory.levels(asked, sku=text)).total == 0


async def test_settings_are_asked_for_once_in_two_seconds(
    bench: Bench, counting: CountingDatabase, clock: MovedClock
) -> None:
    read = bench.readers.store.settings
    counting.round_trips()
    settings = await asyncio.gather(*(read() for _ in range(20)))
    assert counting.round_trips() == 1
    assert all(one is settings[0] for one in settings)
    clock.move(1.999)
    await read()
    assert counting.round_trips() == 0
    clock.move(0.001)
    await asyncio.gather(read(), read())
    assert counting.round_trips() == 1
    clock.move(-60)
    await read()
    assert counting.round_trips() == 1


async def test_settings_that_another_process_changed_are_seen_after_two_seconds(
    bench: Bench, database: Database, clock: MovedClock
) -> None:
    before = await bench.readers.store.settings()
    async with bench_on(database) as elsewhere:
        await elsewhere.save(evolve(before, store=evolve(before.store, name="Nordlicht")))
    clock.move(2)
    assert (await bench.readers.store.settings()).store.name == "Nordlicht"
