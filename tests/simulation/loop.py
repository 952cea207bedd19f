"""An event loop without machine: virtual time, and a seed that decides who runs next.

Whatever is ready to run is picked in an order that the seed draws; when nothing is ready the clock jumps to the next
timer. The same seed gives the same run, to the last pick: `fingerprint` is a running hash of all of them.
"""

import asyncio
import heapq
import random
from collections.abc import Callable, Coroutine
from typing import Any, NoReturn, TypeVar

T = TypeVar("T")
STEPS_MAX = 2_000_000
STEPS_TO_LEAVE = 100_000


class TooManySteps(AssertionError):
    """The run does not come to an end: something spins."""


class SimLoop(asyncio.BaseEventLoop):
    """Runs asyncio programs under virtual time. No sockets, no threads, no wall clock."""

    def __init__(self, draw: random.Random, *, steps_max: int = STEPS_MAX) -> None:
        super().__init__()
        self._draw = draw
        self._steps_max = steps_max
        self._virtual_now = 0.0
        self.steps = 0
        self.fingerprint = 0

    def time(self) -> float:
        return self._virtual_now

    def run(self, main: Coroutine[Any, Any, T]) -> T:
        """Runs it to its end, and cancels what it left behind."""
        try:
            return self.run_until_complete(main)
        finally:
            self._steps_max += STEPS_TO_LEAVE
            while left := asyncio.all_tasks(self):
                for task in left:
                    task.cancel()
                self.run_until_complete(asyncio.wait(left))
            self.close()

    def _run_once(self) -> None:
        timers: list[asyncio.TimerHandle] = self._scheduled  # type: ignore[attr-defined]
        ready = self._ready  # type: ignore[attr-defined]
        while timers and timers[0].cancelled():
            heapq.heappop(timers)._scheduled = False  # type: ignore[attr-defined]
        if not ready and timers:
            self._virtual_now = max(self._virtual_now, timers[0].when())
        while timers and timers[0].when() <= self._virtual_now:
            due = heapq.heappop(timers)
            due._scheduled = False  # type: ignore[attr-defined]
            ready.append(due)
        if not ready:
            raise AssertionError("Everybody waits, and nothing will ever wake them.")
        self.steps += 1
        if self.steps > self._steps_max:
            raise TooManySteps
        pick = self._draw.randrange(len(ready)) if len(ready) > 1 else 0
        self.fingerprint = (self.fingerprint * 1_000_003 + pick * 31 + len(ready)) & 0xFFFFFFFFFFFF
        ready.rotate(-pick)
        handle = ready.popleft()
        ready.rotate(pick)
        if not handle.cancelled():
            handle._run()

    def call_soon_threadsafe(  # type: ignore[override]
        self, callback: Callable[..., object], *args: Any, context: Any = None
    ) -> Any:
        return self.call_soon(callback, *args, context=context)

    def run_in_executor(self, executor: Any, func: Any, *args: Any) -> NoReturn:  # type: ignore[override]
        raise AssertionError("A simulated program starts no threads.")

    def _process_events(self, event_list: object) -> None:
        """There are no events from outside."""

    def _write_to_self(self) -> None:
        """There is nobody to wake."""
