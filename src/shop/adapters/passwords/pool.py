"""Threads for work that takes a quarter of a second, and a short queue in front of them."""

import asyncio
import os
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from shop.application.ports.passwords import PasswordsBusy

T = TypeVar("T")
WAITING_PER_WORKER = 16
WAIT_SECONDS = 5.0


class WorkPool:
    """As many threads as there are cores. Who finds the queue full, or waits too long in it, is told to come back.

    The libraries release the interpreter's lock while they work, so the loop goes on meanwhile.
    """

    def __init__(
        self, workers: int | None = None, *, waiting_max: int | None = None, wait_seconds: float = WAIT_SECONDS
    ) -> None:
        workers = workers or os.cpu_count() or 1
        self._threads = ThreadPoolExecutor(workers, thread_name_prefix="passwords", initializer=_give_way)
        self._free = asyncio.Semaphore(workers)
        self._waiting = 0
        self._waiting_max = workers * WAITING_PER_WORKER if waiting_max is None else waiting_max
        self._wait_seconds = wait_seconds

    async def run(self, work: Callable[[], T]) -> T:
        """What the work comes to. Raises PasswordsBusy when nobody gets to it in time."""
        await self._turn()
        # A caller who goes away frees no thread: the work is carried to its end, and only then is there room.
        try:
            doing = asyncio.get_running_loop().run_in_executor(self._threads, work)
        except BaseException:
            self._free.release()
            raise
        doing.add_done_callback(lambda _: self._free.release())
        return await asyncio.shield(doing)

    async def _turn(self) -> None:
        if self._waiting >= self._waiting_max and self._free.locked():
            raise PasswordsBusy
        self._waiting += 1
        try:
            async with asyncio.timeout(self._wait_seconds):
                await self._free.acquire()
        except TimeoutError:
            raise PasswordsBusy from None
        finally:
            self._waiting -= 1

    def close(self) -> None:
        """Starts nothing any more; what is being worked on ends by itself."""
        self._threads.shutdown(wait=False, cancel_futures=True)


def _give_way() -> None:
    """The loop's thread comes first, however many sign in. Only Linux gives each thread a priority of its own."""
    if sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), os.getpriority(os.PRIO_PROCESS, 0) + 5)
