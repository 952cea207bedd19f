"""What the tests of readers share: a database that counts what it is asked, and shelves of products."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from random import Random
from typing import Any

from attrs import define, field

from shop.adapters.contracts.samples import CountedIds, Samples, eur
from shop.adapters.contracts.storage.subject import Bench
from shop.adapters.sql.database import Database, Row, Write
from shop.adapters.sql.statements import Statement
from shop.adapters.sql.storage import SqlStorage
from shop.adapters.system import SystemClock
from shop.application.ports.clock import Clock
from shop.domain.catalog import Price, Product, ProductStatus
from shop.domain.kernel.identifiers import CategoryId


@define
class CountingDatabase:
    """Passes everything on and remembers each question."""

    inner: Database
    dialect: str = field(init=False)
    asked: list[Statement] = field(factory=list)

    def __attrs_post_init__(self) -> None:
        self.dialect = self.inner.dialect

    async def open(self) -> None:
        await self.inner.open()

    async def close(self) -> None:
        await self.inner.close()

    async def fetch(self, statement: Statement, /, **values: Any) -> Sequence[Row]:
        self.asked.append(statement)
        return await self.inner.fetch(statement, **values)

    async def fetch_one(self, statement: Statement, /, **values: Any) -> Row | None:
        self.asked.append(statement)
        return await self.inner.fetch_one(statement, **values)

    async def change(self, statement: Statement, /, **values: Any) -> Sequence[Row]:
        self.asked.append(statement)
        return await self.inner.change(statement, **values)

    async def write(self, writes: Sequence[Write]) -> None:
        await self.inner.write(writes)

    def round_trips(self) -> int:
        """How many questions since the last time."""
        count = len(self.asked)
        self.asked.clear()
        return count


@define
class MovedClock:
    """A clock that stands still until it is moved."""

    at: datetime

    def now(self) -> datetime:
        return self.at

    def move(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


@asynccontextmanager
async def bench_on(database: Database, clock: Clock | None = None) -> AsyncIterator[Bench]:
    """A bench on an open database."""
    ids = CountedIds()
    yield Bench(SqlStorage(database, clock=clock or SystemClock(), ids=ids, subscribers={}), ids)


WORDS = ("linen", "shirt", "line", "Öl", "x1", "été", "亜麻", "1000", "snake_case", "o'neill")


def assorted_products(samples: Samples, categories: Sequence[CategoryId], count: int, seed: int) -> list[Product]:
    """Products that share much: times, titles, prices, words, tags. The same seed makes the same ones."""
    random = Random(seed)
    products = []
    for _ in range(count):
        prices = () if random.random() < 0.2 else (Price(amount=eur(random.choice((100, 200, 300)))),)
        products.append(
            samples.product(
                at=samples.now + timedelta(seconds=random.randrange(4)),
                title=" ".join(random.sample(WORDS, 2)),
                description=" ".join(random.sample(WORDS, 3)),
                vendor=random.choice(("", "Nähstube", "Weber")),
                status=random.choice((*ProductStatus, ProductStatus.ACTIVE)),
                tags=tuple(random.sample(("summer", "100%", "a_b", 'q"t'), random.randrange(3))),
                category_ids=tuple(random.sample(categories, random.randrange(3))),
                metadata=random.choice(({}, {"season": "summer"}, {"season": "", "k'": "v\\"})),
                variants=(samples.variant(prices=prices),),
            )
        )
    return products
