"""One shop, reached as several processes reach it: each branch with connections of its own to the same database."""

from collections.abc import AsyncIterator, Awaitable, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import httpx
from attrs import define, field
from litestar.types import ASGIApp

from shop.adapters.fake.billing_books import MemoryBillingBooks
from shop.adapters.fake.payments import FakePaymentGateway
from shop.adapters.fake.saved_methods import FakeSavedMethods
from shop.adapters.fake.subscriptions import FakeSubscriptionBilling
from shop.adapters.memory.markup import PlainMarkup
from shop.adapters.sql.addresses import open_database
from shop.adapters.sql.storage import SqlStorage
from shop.application.shop import Shop
from shop.application.wiring import Ports, subscribers
from shop.domain.kernel.identifiers import CartId, VariantId
from shop.entrypoints.http.app import create_app
from tests.entrypoints.http.sites import BASE, UNLIMITED, OpenSite
from tests.invariants import Watch
from tests.journeys.audit import Rows, audit
from tests.people import people_ports
from tests.shops import (
    SETTINGS,
    WEBHOOK_SECRET,
    CountedIds,
    DroppedTags,
    NobodyKnown,
    NoLimits,
    OpenBooks,
    PlainSecrets,
    SettableClock,
    SmallShop,
)
from tests.turnstiles import Jostle, behind


@define
class Branches:
    """The branches of one shop; the first one is where things are looked up."""

    url: str
    all: list[SmallShop]
    _apps: dict[int, ASGIApp] = field(factory=dict)

    @property
    def first(self) -> SmallShop:
        return self.all[0]

    @property
    def rows(self) -> Rows:
        return Rows(self.url)

    def at(self, number: int) -> SmallShop:
        """The branch that the caller of this number comes to."""
        return self.all[number % len(self.all)]

    async def check(self) -> None:
        """All invariants: by what the shop says of itself, and by plain SQL."""
        small = self.first
        await Watch(small.storage, lambda: small.books.intents).look(small.context())
        await audit(self.url)

    async def carts(self, count: int, *wanted: tuple[VariantId, int]) -> list[CartId]:
        """So many carts with these in them, ready to be ordered."""
        return [await self.at(number).cart(*wanted) for number in range(count)]

    def site(self, number: int = 0) -> OpenSite:
        """The HTTP application of a branch, with a guest in front of it."""
        number %= len(self.all)
        app = self._apps.get(number)
        if app is None:
            app = self._apps[number] = create_app(self.at(number).shop, UNLIMITED)
        transport = httpx.ASGITransport(app=app)  # type: ignore[arg-type]
        guest = httpx.AsyncClient(transport=transport, base_url=BASE)
        return OpenSite(self.at(number), app, guest, guest)


@asynccontextmanager
async def open_branches(
    url: str, count: int = 4, *, connections: int = 10, after: Branches | None = None
) -> AsyncIterator[Branches]:
    """A shop with settings and nothing on sale yet; its provider, clock and ids are the same for all branches.

    With `after` it is the shop that those branches left behind.
    """
    if after is None:
        clock, ids, books = SettableClock(datetime.now(UTC)), CountedIds(), OpenBooks()
    else:
        clock, ids, books = after.first.clock, after.first.ids, after.first.books
    provider = FakePaymentGateway(books, clock, WEBHOOK_SECRET)
    billing = FakeSubscriptionBilling(provider, MemoryBillingBooks(), clock) if after is None else after.first.billing
    async with AsyncExitStack() as stack:
        branches = []
        for _ in range(count):
            database = open_database(url, pool_size=connections)
            storage = SqlStorage(database, clock=clock, ids=ids, subscribers=subscribers())
            stack.push_async_callback(storage.close)
            await storage.open()
            cache = DroppedTags()
            saved = FakeSavedMethods(provider.wallets, clock)
            ports = Ports(
                storage=storage,
                gateway=provider,
                billing=billing,
                saved_methods=saved,
                cache=cache,
                limiter=NoLimits(),
                clock=clock,
                ids=ids,
                secrets=PlainSecrets(),
                authenticator=NobodyKnown(),
                markup=PlainMarkup(),
                **people_ports(clock, PlainSecrets()),
            )
            branches.append(SmallShop(Shop(ports), storage, provider, billing, saved, books, clock, ids, cache))
        if url.startswith("sqlite"):
            # One loop would carry out each transaction on a file in one go: here others come in between.
            branches = [behind(branch, Jostle(number)) for number, branch in enumerate(branches)]
        if after is None:
            async with branches[0].storage.uow(branches[0].context()) as tx:
                tx.store.save(SETTINGS)
        yield Branches(url, branches)


async def outcome(doing: Awaitable[Any]) -> Any:
    """What came of it, an error too."""
    try:
        return await doing
    except Exception as error:
        return error


def kinds(outcomes: Iterable[Any]) -> dict[str, int]:
    """How many there are of each type."""
    counted: dict[str, int] = {}
    for one in outcomes:
        counted[type(one).__name__] = counted.get(type(one).__name__, 0) + 1
    return counted
