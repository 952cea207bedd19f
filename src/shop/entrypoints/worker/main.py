"""The worker's loop: deliver while there is something, look around now and then, and leave in good order."""

import asyncio
import contextlib
import logging
import random
from collections.abc import Callable, Coroutine, Iterable
from typing import Any

from shop.application.shop import Shop
from shop.domain.kernel.errors import ShopError
from shop.entrypoints.worker.deliveries import AT_ONCE, Outcome, carry_out, claim
from shop.entrypoints.worker.schedule import CHORES, Chore, Schedule

SHORTEST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.02, 0.8
LOOK_AROUND_SECONDS = 1.0
GRACE_SECONDS = 20.0
_log = logging.getLogger("shop.worker")


class Worker:
    """Takes events where they have to go and does the chores, until it is told to stop.

    Several may run beside each other, in one process or many. `grace_seconds` is how long it lets what it has
    begun come to its end after that; what is cut off then is done again by whoever comes next.
    """

    def __init__(
        self,
        shop: Shop,
        *,
        at_once: int = AT_ONCE,
        chores: Iterable[Chore] = CHORES,
        grace_seconds: float = GRACE_SECONDS,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._shop = shop
        self._at_once = at_once
        self._grace_seconds = grace_seconds
        self._jitter = jitter
        chores = tuple(chores)
        self._schedules = [
            Schedule([chore for chore in chores if chore.long is long], jitter) for long in (False, True)
        ]
        self._under_way: set[asyncio.Task[Outcome | None]] = set()

    async def run(self, stop: asyncio.Event) -> None:
        """Works until `stop` is set, then finishes what it has begun."""
        loops = {asyncio.create_task(self._deliver(stop))}
        loops |= {asyncio.create_task(self._look_around(stop, schedule)) for schedule in self._schedules}
        try:
            await stop.wait()
        finally:
            # A second signal cancels this task: then nothing is waited for.
            grace = self._grace_seconds if stop.is_set() else 0.0
            await _finish(loops, grace)
            await _finish(self._under_way, grace)

    async def _deliver(self, stop: asyncio.Event) -> None:
        pause = SHORTEST_PAUSE_SECONDS
        while not stop.is_set():
            claimed = await self._take_on() if len(self._under_way) < self._at_once else 0
            if claimed:
                pause = SHORTEST_PAUSE_SECONDS
            await self._rest(stop, pause * (0.8 + 0.4 * self._jitter()))
            if not claimed:
                pause = min(pause * 2, LONGEST_PAUSE_SECONDS)

    async def _take_on(self) -> int:
        """Begins as many deliveries as there is room for. Storage that is away is tried again after the pause."""
        try:
            deliveries = await claim(self._shop, self._at_once - len(self._under_way))
        except ShopError as error:
            _log.warning("cannot claim deliveries: %s", error.detail)
            return 0
        except Exception:
            _log.exception("cannot claim deliveries")
            return 0
        for delivery in deliveries:
            task = asyncio.create_task(_noted(carry_out(self._shop, delivery, self._jitter)))
            self._under_way.add(task)
            task.add_done_callback(self._under_way.discard)
        return len(deliveries)

    async def _rest(self, stop: asyncio.Event, seconds: float) -> None:
        """Waits, or goes on at once when something ends and makes room, or the worker is stopped."""
        stopping = asyncio.create_task(stop.wait())
        try:
            await asyncio.wait({stopping, *self._under_way}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopping.cancel()

    async def _look_around(self, stop: asyncio.Event, schedule: Schedule) -> None:
        while not stop.is_set():
            await schedule.run_due(self._shop)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LOOK_AROUND_SECONDS):
                    await stop.wait()


async def _noted(carried_out: Coroutine[Any, Any, Outcome]) -> Outcome | None:
    """The outcome; None, and a line in the log, when storage could not note it."""
    try:
        return await carried_out
    except ShopError as error:
        _log.warning("a delivery could not be noted and comes again: %s", error.detail)
    except Exception:
        _log.exception("a delivery could not be noted and comes again")
    return None


async def _finish(tasks: Iterable[asyncio.Task[Any]], grace_seconds: float) -> None:
    if not (tasks := set(tasks)):
        return
    _, late = await asyncio.wait(tasks, timeout=grace_seconds)
    for task in late:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
