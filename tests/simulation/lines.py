"""Storage behind a line on which things go wrong: reads wait, commits collide, fail, or lose their answer.

Every read and every commit lets others go on, so transactions overlap. When a process dies its line is cut: whatever
it had begun comes no further than its next call.
"""

import asyncio
import random
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from inspect import iscoroutinefunction
from types import SimpleNamespace, TracebackType
from typing import Any, Protocol, cast

from attrs import define

from shop.adapters.fake.faults import FaultyGateway
from shop.adapters.fake.saved_methods import FakeSavedMethods
from shop.adapters.fake.wallet_books import WalletBooks
from shop.application.ports.answers import Answers
from shop.application.ports.audit import AuditTrail
from shop.application.ports.clock import Clock, ClockOffsets
from shop.application.ports.outbox import Delivery, Outbox
from shop.application.ports.readers import Readers
from shop.application.ports.storage import Storage
from shop.application.ports.unit_of_work import StaleAggregate, Transaction, UnitOfWork
from shop.domain.kernel.errors import Unavailable
from shop.domain.kernel.identifiers import WalletId
from tests.simulation.chances import StorageTrouble

STALL_SECONDS = (121.0, 400.0)


class Onlooker(Protocol):
    """Who looks at the shop right after each step that may have changed it, before anybody else goes on."""

    def committed(self) -> None:
        """A transaction was written."""

    def claimed(self, deliveries: list[Delivery], now: datetime, lease_until: datetime) -> None:
        """A worker was given these."""

    def noted(self, delivery: Delivery, kept: bool) -> None:
        """A worker said what became of a delivery, and was told whether that was kept."""


@define(eq=False)
class Line:
    """The way of one process, in one of its lives, to storage."""

    draw: random.Random
    trouble: Callable[[], StorageTrouble]
    onlooker: Onlooker
    cut: bool = False

    async def read(self) -> None:
        """Raises Unavailable, or CancelledError on a line that is cut, as all of these do."""
        await self._wait()
        if self.draw.random() < self.trouble().read_fails:
            raise Unavailable("The connection to storage was lost.")

    async def linger(self) -> None:
        """As `read`; but here a worker stands still long enough to lose its lease ten times as often."""
        await self.read()
        if self.draw.random() < 10 * self.trouble().stall:
            await asyncio.sleep(self.draw.uniform(*STALL_SECONDS))
            self._check()

    async def before_commit(self) -> None:
        """Raises StaleAggregate, Unavailable: nothing is written then."""
        await self._wait()
        drawn, trouble = self.draw.random(), self.trouble()
        if drawn < trouble.collision:
            raise StaleAggregate("Somebody else was faster, says the simulation.")
        if drawn < trouble.collision + trouble.fails_before_commit:
            raise Unavailable("The connection was lost before the commit.")

    async def after_commit(self) -> None:
        """Raises Unavailable: it is written, and who wrote it does not get to know."""
        await self._wait()
        if self.draw.random() < self.trouble().answer_lost_after_commit:
            raise Unavailable("The connection was lost during the commit.")

    async def _wait(self) -> None:
        self._check()
        drawn, trouble = self.draw.random(), self.trouble()
        if drawn < trouble.stall:
            await asyncio.sleep(self.draw.uniform(*STALL_SECONDS))
        elif drawn < trouble.stall + trouble.slow:
            await asyncio.sleep(self.draw.random() * trouble.latency)
        else:
            await asyncio.sleep(0)
        self._check()

    def _check(self) -> None:
        if self.cut:
            raise asyncio.CancelledError


class _Through:
    """Any port: its coroutines wait on the line before they ask."""

    def __init__(self, port: Any, line: Line) -> None:
        self._port, self._line = port, line


def through(port: Any, line: Line) -> Any:
    """The port as it is reached over the line."""
    kind = type(port)
    if kind not in _KINDS:
        _KINDS[kind] = _kind_through(kind)
    return _KINDS[kind](port, line)


_KINDS: dict[type, type[_Through]] = {}


def _kind_through(kind: type) -> type[_Through]:
    members = {name: getattr(kind, name) for name in dir(kind) if not name.startswith("_")}
    return type(
        f"{kind.__name__}OverALine",
        (_Through,),
        {name: _waiting(name) if iscoroutinefunction(m) else _straight(name) for name, m in members.items()},
    )


def _waiting(name: str) -> Any:
    async def call(self: _Through, *args: Any, **kwargs: Any) -> Any:
        await self._line.read()
        return await getattr(self._port, name)(*args, **kwargs)

    return call


def _straight(name: str) -> Any:
    def call(self: _Through, *args: Any, **kwargs: Any) -> Any:
        return getattr(self._port, name)(*args, **kwargs)

    return call


class _TransactionThrough:
    """A transaction whose repositories are reached over the line; each is wrapped when it is first used."""

    def __init__(self, transaction: Transaction, line: Line) -> None:
        self._transaction, self._line = transaction, line
        self.publish, self.answer = transaction.publish, transaction.answer

    def __getattr__(self, name: str) -> Any:
        wrapped = through(getattr(self._transaction, name), self._line)
        setattr(self, name, wrapped)
        return wrapped


class _Block(AbstractAsyncContextManager[Transaction]):
    """One `async with`, with trouble before and after its commit."""

    def __init__(self, block: AbstractAsyncContextManager[Transaction], line: Line) -> None:
        self._block, self._line = block, line

    async def __aenter__(self) -> Transaction:
        return cast(Transaction, _TransactionThrough(await self._block.__aenter__(), self._line))

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if kind is not None:
            await self._block.__aexit__(kind, error, traceback)
            return
        try:
            await self._line.before_commit()
        except BaseException as trouble:
            await self._block.__aexit__(type(trouble), trouble, trouble.__traceback__)
            raise
        await self._block.__aexit__(None, None, None)
        self._line.onlooker.committed()
        await self._line.after_commit()


class _OutboxThrough:
    """An outbox over the line. Its calls are transactions too, and may lose their answers as those do."""

    def __init__(self, outbox: Outbox, line: Line) -> None:
        self._outbox, self._line = outbox, line

    async def claim(self, now: datetime, lease_until: datetime, limit: int) -> list[Delivery]:
        await self._line.read()
        claimed = await self._outbox.claim(now, lease_until, limit)
        self._line.onlooker.claimed(claimed, now, lease_until)
        await self._line.after_commit()
        return claimed

    async def done(self, delivery: Delivery, now: datetime) -> bool:
        await self._line.linger()
        return await self._noted(delivery, await self._outbox.done(delivery, now))

    async def retry(self, delivery: Delivery, at: datetime, problem: str) -> bool:
        await self._line.linger()
        return await self._noted(delivery, await self._outbox.retry(delivery, at, problem))

    async def set_aside(self, delivery: Delivery, now: datetime, problem: str) -> bool:
        await self._line.linger()
        return await self._noted(delivery, await self._outbox.set_aside(delivery, now, problem))

    async def _noted(self, delivery: Delivery, kept: bool) -> bool:
        self._line.onlooker.noted(delivery, kept)
        await self._line.after_commit()
        return kept

    def __getattr__(self, name: str) -> Any:
        return getattr(through(self._outbox, self._line), name)


class StorageOverALine:
    """The one storage of all processes, as one of them reaches it."""

    def __init__(self, storage: Storage, line: Line) -> None:
        self._line = line
        readers = {name: through(reader, line) for name, reader in vars(storage.readers).items()}
        self.readers = cast(Readers, SimpleNamespace(**readers))
        self.outbox = cast(Outbox, _OutboxThrough(storage.outbox, line))
        self.answers = cast(Answers, through(storage.answers, line))
        self.audit = cast(AuditTrail, through(storage.audit, line))
        self.clock = cast(ClockOffsets, through(storage.clock, line))
        self.uow: UnitOfWork = lambda context: _Block(storage.uow(context), line)

    async def open(self) -> None:
        """It is open."""

    async def close(self) -> None:
        """Others go on using it."""

    async def check(self) -> None:
        await self._line.read()


class CustomersOverALine(FakeSavedMethods):
    """The provider's customers, behind the same bad line as its payments."""

    def __init__(self, customers: WalletBooks, clock: Clock, line: FaultyGateway) -> None:
        super().__init__(customers, clock)
        self._line = line

    async def open_customer(self, wallet_id: WalletId) -> str:
        open_customer = super().open_customer
        return await self._line.through("open_customer", lambda: open_customer(wallet_id))
