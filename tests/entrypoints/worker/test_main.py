"""The worker's loop: quick when there is something to do, orderly when it is told to stop."""

import asyncio
from datetime import timedelta

import pytest

from shop.application.ports.outbox import Delivery, DeliveryState
from shop.application.shop import Shop
from shop.domain.kernel.errors import Unavailable
from shop.entrypoints.worker.deliveries import LEASE, Outcome, deliver_once
from shop.entrypoints.worker.main import Worker
from shop.entrypoints.worker.schedule import Chore
from tests.shops import SmallShop, open_small_shop


class SlowShop(Shop):
    """A shop whose reactions wait until the test lets them go on."""

    def __init__(self, shop: Shop) -> None:
        super().__init__(shop.ports)
        self.begun, self.go_on = asyncio.Event(), asyncio.Event()

    async def react(self, delivery: Delivery) -> None:
        self.begun.set()
        await self.go_on.wait()
        await super().react(delivery)


@pytest.fixture
async def small() -> SmallShop:
    return await open_small_shop()


async def pending(small: SmallShop) -> int:
    return (await small.storage.outbox.backlog()).get(DeliveryState.PENDING, 0)


async def until_none_pending(small: SmallShop) -> None:
    async with asyncio.timeout(10):
        while await pending(small):  # noqa: ASYNC110 - it changes in the outbox, not in this program
            await asyncio.sleep(0.01)


async def test_it_delivers_what_comes_while_it_runs(small: SmallShop) -> None:
    stop = asyncio.Event()
    running = asyncio.create_task(Worker(small.shop).run(stop))
    for number in range(40):  # more than it takes on at once
        await small.product(f"product-{number}")
    await until_none_pending(small)
    await small.product("one-more")
    await until_none_pending(small)
    stop.set()
    await asyncio.wait_for(running, 10)
    assert len(small.cache.dropped) == 41


async def test_two_workers_share_and_nothing_is_done_twice(small: SmallShop) -> None:
    stop = asyncio.Event()
    for number in range(40):
        await small.product(f"product-{number}")
    workers = [asyncio.create_task(Worker(small.shop, chores=()).run(stop)) for _ in range(2)]
    await until_none_pending(small)
    stop.set()
    await asyncio.wait_for(asyncio.gather(*workers), 10)
    assert len(small.cache.dropped) == 40


async def test_what_has_begun_is_finished_before_it_stops(small: SmallShop) -> None:
    await small.product()
    slow, stop = SlowShop(small.shop), asyncio.Event()
    running = asyncio.create_task(Worker(slow, chores=(), grace_seconds=10).run(stop))
    await asyncio.wait_for(slow.begun.wait(), 10)
    stop.set()
    await small.product("mug")  # nothing new is begun
    await asyncio.sleep(0.05)
    assert not running.done()
    slow.go_on.set()
    await asyncio.wait_for(running, 10)
    assert await pending(small) == 1


async def test_what_takes_too_long_is_cut_off_and_comes_again(small: SmallShop) -> None:
    await small.product()
    slow, stop = SlowShop(small.shop), asyncio.Event()
    running = asyncio.create_task(Worker(slow, chores=(), grace_seconds=0.05).run(stop))
    await asyncio.wait_for(slow.begun.wait(), 10)
    stop.set()
    await asyncio.wait_for(running, 10)
    assert await pending(small) == 1
    small.clock.forward(LEASE)
    assert await deliver_once(small.shop) == [Outcome.DONE]


async def test_storage_that_is_away_is_tried_again(small: SmallShop, monkeypatch: pytest.MonkeyPatch) -> None:
    await small.product()
    claim, failures = small.storage.outbox.claim, [Unavailable("away"), RuntimeError("strange")]

    async def ailing(now: object, lease_until: object, limit: int) -> list[Delivery]:
        if failures:
            raise failures.pop()
        return await claim(now, lease_until, limit)  # type: ignore[arg-type]

    monkeypatch.setattr(small.storage.outbox, "claim", ailing)
    stop = asyncio.Event()
    running = asyncio.create_task(Worker(small.shop, chores=()).run(stop))
    await until_none_pending(small)
    stop.set()
    await asyncio.wait_for(running, 10)
    assert failures == []


async def test_a_second_signal_ends_it_at_once(small: SmallShop) -> None:
    await small.product()
    slow, stop = SlowShop(small.shop), asyncio.Event()
    running = asyncio.create_task(Worker(slow, chores=(), grace_seconds=60).run(stop))
    await asyncio.wait_for(slow.begun.wait(), 10)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(running, 5)


async def test_a_long_chore_holds_nobody_up(small: SmallShop) -> None:
    done, stop = asyncio.Event(), asyncio.Event()

    async def endless(shop: Shop) -> int:
        await asyncio.Event().wait()
        return 0

    async def quick(shop: Shop) -> int:
        done.set()
        return 1

    chores = [Chore("long", timedelta(days=1), endless, long=True), Chore("quick", timedelta(days=1), quick)]
    running = asyncio.create_task(Worker(small.shop, chores=chores, grace_seconds=0.05).run(stop))
    await asyncio.wait_for(done.wait(), 5)
    stop.set()
    await asyncio.wait_for(running, 5)
