"""Events on real databases: none without its row, no row without its event, and none lost, doubled or overtaken."""

import asyncio
import random
from collections import defaultdict
from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import UUID

import asyncpg
import pytest
from attrs import evolve

from shop.application.commands.catalog import UpdateProduct
from shop.application.ports.outbox import Delivery
from shop.domain.catalog import ProductUpdated
from shop.domain.kernel.errors import Unavailable
from shop.domain.kernel.identifiers import OrderId, ProductId
from shop.domain.orders import OrderCreated, OrderStatus
from shop.entrypoints.worker.deliveries import Outcome, deliver_once
from tests.journeys.audit import uuid_of
from tests.journeys.branches import Branches, open_branches
from tests.scale import rounds
from tests.shops import SmallShop

pytestmark = pytest.mark.journey
LEASE = timedelta(minutes=2)


async def claim(small: SmallShop, limit: int = 16) -> list[Delivery]:
    now = small.clock.now()
    return await small.storage.outbox.claim(now, now + LEASE, limit)


async def done(small: SmallShop, deliveries: list[Delivery]) -> None:
    for delivery in deliveries:
        assert await small.storage.outbox.done(delivery, small.clock.now())


async def settle(branches: Branches) -> None:
    """The world goes on until everybody has heard of everything."""
    for _ in range(12):
        await asyncio.gather(*(deliver_once(branch.shop) for branch in branches.all))
        branches.first.clock.forward(timedelta(seconds=11))


@pytest.mark.prove
@pytest.mark.timeout(7200)
async def test_f41_f61_an_event_and_its_row_are_there_together_or_not_at_all(branches: Branches) -> None:
    """Buyers are cut off, refused and let through while a relay takes every event and looks for what it tells of."""
    buyers, chance = rounds(40, in_full=3_000), random.Random(41)
    variant = await branches.first.product(stock=buyers * 2 // 3)
    carts = await branches.carts(buyers, (variant, 1))
    commands = [await branches.first.order_command(cart_id) for cart_id in carts]
    relayed: list[OrderId] = []
    over = asyncio.Event()

    async def buyer(number: int) -> None:
        await asyncio.sleep(chance.random() * 0.4)
        placing = asyncio.create_task(branches.at(number).shop.execute(commands[number]))
        if number % 4 == 0:
            await asyncio.sleep(chance.random() * 0.03)
            placing.cancel()
        await asyncio.gather(placing, return_exceptions=True)

    async def relay() -> None:
        small = branches.at(3)
        while True:
            ended = over.is_set()
            deliveries = await claim(small)
            for delivery in deliveries:
                if isinstance(delivery.event, OrderCreated):
                    assert (await small.order(delivery.event.order_id)).id == delivery.event.order_id
                    relayed.append(delivery.event.order_id)
            await done(small, deliveries)
            if ended and not deliveries:
                return
            await asyncio.sleep(0.005)

    relaying = asyncio.create_task(relay())
    await asyncio.gather(*(buyer(number) for number in range(buyers)))
    await asyncio.sleep(0.2)  # what was cut off in the database's hands ends there
    over.set()
    await relaying
    placed = await branches.rows.one("SELECT count(*) FROM orders")
    assert len(relayed) == len(set(relayed)) == placed
    assert placed > 0
    await branches.check()


async def test_f41_a_process_that_dies_after_its_commit_has_told_everybody(shop_url: str) -> None:
    """The one that sold is gone at once; another one finds the events where the order is."""
    async with open_branches(shop_url, 1) as seller:
        variant = await seller.first.product(stock=5)
        order_ids = [await seller.first.place(cart_id) for cart_id in await seller.carts(3, (variant, 1))]
    async with open_branches(shop_url, 2, after=seller) as branches:
        await settle(branches)
        for order_id in order_ids:
            assert (await branches.first.order(order_id)).status is OrderStatus.CONFIRMED
        await branches.check()


async def test_f65_an_effect_without_its_mark_is_not_done_again(
    branches: Branches, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker pays for an order and dies before it notes so; the next one is given the very same event."""
    dying, heir = branches.at(1), branches.at(2)
    order_id = await branches.first.place(await branches.first.cart((await branches.first.product(), 2)))
    await settle_catalogue(dying)
    dying.clock.forward(timedelta(seconds=11))
    seen: list[Delivery] = []

    async def killed(delivery: Delivery, now: object) -> bool:
        seen.append(delivery)
        raise Unavailable("the power went off")

    with monkeypatch.context() as patch:
        patch.setattr(dying.storage.outbox, "done", killed)
        with pytest.raises(Unavailable):
            await deliver_once(dying.shop)
    assert any(isinstance(delivery.event, OrderCreated) for delivery in seen)
    assert (await heir.order(order_id)).status is OrderStatus.CONFIRMED
    assert [d for d in await claim(heir) if isinstance(d.event, OrderCreated)] == []
    heir.clock.forward(LEASE + timedelta(seconds=1))
    again = [d for d in await claim(heir) if isinstance(d.event, OrderCreated)]
    assert [(d.event_id, d.claim) for d in again] == [
        (d.event_id, d.claim + 1) for d in seen if isinstance(d.event, OrderCreated)
    ]
    for delivery in again:
        await heir.shop.react(delivery)
        assert await heir.storage.outbox.done(delivery, heir.clock.now())
        assert not await dying.storage.outbox.done(evolve(delivery, claim=delivery.claim - 1), dying.clock.now())
    [intent] = branches.first.books.intents.values()
    assert (intent.captured, intent.refunded) == (2 * 1999 + 490, 0)
    assert len(await heir.entries(order_id)) == 1
    await branches.check()


async def settle_catalogue(small: SmallShop) -> None:
    """Everything that is due now and can be done; new orders are left to their own request for ten seconds."""
    while Outcome.DONE in await deliver_once(small.shop, jitter=lambda: 0.5):
        pass


@pytest.mark.prove
@pytest.mark.timeout(7200)
async def test_f67_eight_workers_take_nothing_twice_and_nothing_overtakes(shop_url: str) -> None:
    products, changes = rounds(12, in_full=600), 8
    async with open_branches(shop_url, 8, connections=3) as branches:
        small, chance = branches.first, random.Random(67)
        await asyncio.gather(*(small.product(f"thing-{n}") for n in range(products)))
        await settle_catalogue(small)
        ids = [ProductId.parse(row) for row in await _subjects(branches)]
        taken: list[Delivery] = []
        over = asyncio.Event()

        async def staff(product_id: ProductId) -> None:
            for number in range(changes):
                await branches.at(number).shop.execute(UpdateProduct(product_id=product_id, title=f"Change {number}"))

        async def worker(branch: SmallShop) -> None:
            while True:
                ended = over.is_set()
                deliveries = await claim(branch, 3)
                for delivery in deliveries:
                    taken.append(delivery)
                    await asyncio.sleep(chance.random() * 0.01)
                await done(branch, deliveries)
                if ended and not deliveries and not await branch.open_deliveries():
                    return
                await asyncio.sleep(chance.random() * 0.01)

        workers = [asyncio.create_task(worker(branch)) for branch in branches.all]
        await asyncio.gather(*(staff(product_id) for product_id in ids))
        over.set()
        await asyncio.gather(*workers)
        assert len({(d.event_id, d.subscriber) for d in taken}) == len(taken) == products * changes
        assert {delivery.attempt for delivery in taken} == {1}
        told: dict[ProductId, list[UUID]] = defaultdict(list)
        for delivery in taken:
            assert isinstance(delivery.event, ProductUpdated)
            told[delivery.event.product_id].append(delivery.event_id.uuid)
        written = await branches.rows.all("SELECT subject, id FROM events WHERE type = 'product.updated' ORDER BY seq")
        for product_id, order in told.items():
            assert order == [uuid_of(row[1]) for row in written if row[0] == str(product_id)]


async def _subjects(branches: Branches) -> list[str]:
    return [row[0] for row in await branches.rows.all("SELECT subject FROM events WHERE type = 'product.created'")]


@pytest.fixture
async def postgres_branches(postgres_shop: str) -> AsyncIterator[Branches]:
    async with open_branches(postgres_shop, 2) as branches:
        yield branches


@pytest.mark.integration
async def test_f68_an_event_that_commits_late_is_not_skipped(postgres_branches: Branches) -> None:
    """A slow transaction holds a low number while others with higher ones are committed, taken and done.

    SQLite has one writer at a time, so its numbers are committed in their order.
    """
    small = postgres_branches.first
    held, free = [await small.product(slug, stock=10) for slug in ("held", "free")]
    await settle_catalogue(small)
    slow, *quick = [await small.order_command(await small.cart((variant, 1))) for variant in (held, free, free, free)]
    blocker = await asyncpg.connect(postgres_branches.url)
    await blocker.execute("BEGIN")
    await blocker.execute(f"SELECT 1 FROM stock_levels WHERE variant_id = '{held.uuid}' FOR UPDATE")
    late = asyncio.create_task(postgres_branches.at(1).shop.execute(slow))
    await asyncio.sleep(0.4)  # its event has a number; only its stock is still to be had
    placed = [await small.shop.execute(command) for command in quick]
    assert not late.done()
    before = await claim(small)
    assert {d.event.order_id for d in before if isinstance(d.event, OrderCreated)} == set(placed)
    await done(small, before)
    await blocker.execute("ROLLBACK")
    await blocker.close()
    late_id = await late
    after = await claim(small)
    assert [d.event.order_id for d in after if isinstance(d.event, OrderCreated)] == [late_id]
    numbers = await postgres_branches.rows.all("SELECT subject FROM events WHERE type = 'order.created' ORDER BY seq")
    assert numbers[0][0] == str(late_id), "it had the lowest number all the time"
    await postgres_branches.check()
