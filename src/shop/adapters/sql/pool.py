"""Connections to PostgreSQL, kept ready.

The driver's own pool resets a connection with a round trip, in a task of its own, each time it is given back.
Ours are never left in a state that needs it: whatever was cut off in the middle is closed instead.
"""

import asyncio
import random
import time
from collections import deque
from collections.abc import Awaitable, Callable

from asyncpg import Connection
from attrs import define, field

from shop.domain.kernel.errors import Unavailable

CLOSE_SECONDS = 2.0


class PoolExhausted(Unavailable):
    """Every connection to the database is in use, and stayed so for too long."""

    code = "database_busy"
    title = "The database is too busy"


@define(eq=False)
class Pool:
    """At most `size` connections; the one used last is used next. Old ones are replaced, so plans grow no older.

    A connection that somebody has used for longer than `busy_max_seconds` is cut off: the server says nothing any more.
    """

    connect: Callable[[], Awaitable[Connection]]
    size: int = 10
    wait_seconds: float = 5.0
    age_max_seconds: float = 600.0
    busy_max_seconds: float = 10.0
    _idle: list[Connection] = field(factory=list, init=False)
    _expiry: dict[Connection, float] = field(factory=dict, init=False)
    _busy: dict[Connection, float] = field(factory=dict, init=False)
    _watch: asyncio.TimerHandle | None = field(default=None, init=False)
    _opening: int = field(default=0, init=False)
    _waiters: "deque[asyncio.Future[Connection | None]]" = field(factory=deque, init=False)
    _closing: set[asyncio.Future[None]] = field(factory=set, init=False)
    _closed: bool = field(default=False, init=False)

    async def take(self) -> Connection:
        """A connection that nobody else has. Raises PoolExhausted, and what connecting raises."""
        while self._idle:
            connection = self._idle.pop()
            now = time.monotonic()
            if not connection.is_closed() and now < self._expiry[connection]:
                return self._lend(connection, now)
            self._discard(connection)
        if len(self._expiry) + self._opening < self.size:
            return self._lend(await self._open(), time.monotonic())
        waiter: asyncio.Future[Connection | None] = asyncio.get_running_loop().create_future()
        self._waiters.append(waiter)
        try:
            async with asyncio.timeout(self.wait_seconds):
                handed = await waiter
        except BaseException as error:
            if waiter.done() and not waiter.cancelled() and (late := waiter.result()) is not None:
                self.give_back(late)
            if isinstance(error, TimeoutError):
                raise PoolExhausted(f"No connection became free in {self.wait_seconds:g} s.") from None
            raise
        return self._lend(handed if handed is not None else await self._open(), time.monotonic())

    def give_back(self, connection: Connection) -> None:
        """It is idle and whole, and may serve the next."""
        if self._closed or connection.is_closed() or time.monotonic() >= self._expiry[connection]:
            self.drop(connection)
            return
        self._busy.pop(connection, None)
        while self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.done():
                waiter.set_result(connection)
                return
        self._idle.append(connection)

    def drop(self, connection: Connection) -> None:
        """It broke, and is closed."""
        self._discard(connection)
        self._wake_one()

    def call_off(self, connection: Connection) -> None:
        """Whoever used it was cancelled in the middle: the server is told to stop, and then it is closed."""
        self._expiry.pop(connection, None)
        self._busy.pop(connection, None)
        self._wake_one()
        closing = asyncio.ensure_future(_close(connection))
        self._closing.add(closing)
        closing.add_done_callback(self._closing.discard)

    async def close(self) -> None:
        """Closes what is idle now, and the rest as it is given back."""
        self._closed = True
        if self._watch is not None:
            self._watch.cancel()
        idle, self._idle = self._idle, []
        for connection in idle:
            self._expiry.pop(connection, None)
            await _close(connection)
        await asyncio.gather(*self._closing)

    async def _open(self) -> Connection:
        self._opening += 1
        try:
            connection = await self.connect()
        except BaseException:
            self._opening -= 1
            self._wake_one()
            raise
        self._opening -= 1
        # Spread, so that they are not all replaced at once.
        self._expiry[connection] = time.monotonic() + self.age_max_seconds * random.uniform(0.8, 1.2)  # noqa: S311
        return connection

    def _lend(self, connection: Connection, now: float) -> Connection:
        self._busy[connection] = now
        if self._watch is None:
            self._watch_later()
        return connection

    def _watch_later(self) -> None:
        self._watch = asyncio.get_running_loop().call_later(self.busy_max_seconds / 8, self._cut_off_silent)

    def _cut_off_silent(self) -> None:
        """Ends the wait for a server that says nothing any more.

        One look at all connections now and then: a timer for each statement cost a quarter of the statement.
        """
        self._watch = None
        now = time.monotonic()
        for connection, since in list(self._busy.items()):
            if now - since > self.busy_max_seconds:
                connection.terminate()
        if self._busy and not self._closed:
            self._watch_later()

    def _discard(self, connection: Connection) -> None:
        self._expiry.pop(connection, None)
        self._busy.pop(connection, None)
        if not connection.is_closed():
            connection.terminate()

    def _wake_one(self) -> None:
        while self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.done():
                waiter.set_result(None)
                return


async def _close(connection: Connection) -> None:
    try:
        await connection.close(timeout=CLOSE_SECONDS)
    except (Exception, asyncio.CancelledError):
        connection.terminate()
