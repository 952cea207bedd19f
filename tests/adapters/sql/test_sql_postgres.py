"""What only PostgreSQL can get wrong: locks in order, whole statements, connections that were cut off."""

import asyncio
import os
import random
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import asyncpg
import pytest
from sqlalchemy import Integer, bindparam, column, func, literal_column, select, table

from shop.adapters.sql.database import Write
from shop.adapters.sql.merging import PARTS_MAX, VALUES_MAX, Part, merged, parts_of
from shop.adapters.sql.migrating import upgrade
from shop.adapters.sql.pool import Pool, PoolExhausted
from shop.adapters.sql.postgres import Postgres
from shop.adapters.sql.schema import stock_levels
from shop.adapters.sql.statements import Statement, insert_into
from shop.adapters.sql.unit_of_work import SqlUnitOfWork
from shop.application.ports.unit_of_work import StaleAggregate
from shop.domain.inventory import MovementKind, StockLevel
from shop.domain.kernel.errors import Unavailable
from tests.adapters.sql.things import Stocked, cart, context, movement, place, stocked, unit_of_work
from tests.scale import rounds
from tests.servers import PostgresServer, postgres_server

pytestmark = pytest.mark.integration
SLEEP = Statement(select(func.pg_sleep(bindparam("seconds"))))
DEADLOCKS = Statement(
    select(column("deadlocks"))
    .select_from(table("pg_stat_database"))
    .where(column("datname") == func.current_database())
)
ONE = Statement(select(literal_column("1")))


@pytest.fixture
async def postgres_database(postgres_shop: str) -> AsyncIterator[Postgres]:
    database = Postgres(postgres_shop, pool_size=16)
    await database.open()
    yield database
    await database.close()


@pytest.fixture
def uow(postgres_database: Postgres) -> SqlUnitOfWork:
    return unit_of_work(postgres_database)


@pytest.mark.parametrize(("skus", "shoppers"), [(5, 16), (30, 4)], ids=["one statement", "one by one"])
@pytest.mark.prove
async def test_f06_shuffled_baskets_never_deadlock(
    uow: SqlUnitOfWork, postgres_database: Postgres, skus: int, shoppers: int
) -> None:
    """Shoppers buy the same SKUs at the same time, each in an order of their own.

    Those who buy one by one queue for a hundred round trips each: few of them, or a busy machine makes the last in
    the queue wait longer than the server lets anybody wait.
    """
    shop = await stocked(uow, *(f"S{n}" for n in range(skus)), on_hand=1_000_000)
    chance = random.Random(6)
    times = rounds(6, in_full=60)

    async def shopper() -> int:
        done = 0
        for _ in range(times):
            bought = cart(*chance.sample(shop.variants, skus))
            async with uow(context()) as tx:
                tx.carts.save(bought)
            await place(uow, shop, bought)
            done += 1
        return done

    assert sum(await asyncio.gather(*(shopper() for _ in range(shoppers)))) == shoppers * times
    async with uow(context()) as tx:
        assert {level.reserved for level in await tx.stock.levels(shop.variants)} == {shoppers * times}
    row = await postgres_database.fetch_one(DEADLOCKS)
    assert row is not None
    assert row[0] == 0


async def _holding(url: str, *statements: str) -> asyncpg.Connection:
    """A connection with an open transaction that ran these."""
    connection = await asyncpg.connect(url)
    await connection.execute("BEGIN")
    for statement in statements:
        await connection.execute(statement)
    return connection


async def test_f06_a_level_is_locked_after_everything_else(uow: SqlUnitOfWork, postgres_shop: str) -> None:
    """While somebody holds the first level, the merged write waits there and holds no level behind it."""
    shop = await stocked(uow, "S", "M")
    first, second = sorted(shop.variants)
    bought = cart(second, first)
    async with uow(context()) as tx:
        tx.carts.save(bought)
    blocker = await _holding(postgres_shop, f"SELECT 1 FROM stock_levels WHERE variant_id = '{first.uuid}' FOR UPDATE")
    waiting = asyncio.create_task(place(uow, shop, bought))
    await asyncio.sleep(0.5)
    assert not waiting.done()
    free = f"SELECT 1 FROM stock_levels WHERE variant_id = '{second.uuid}' FOR UPDATE NOWAIT"
    assert await blocker.fetchval(free) == 1
    with pytest.raises(asyncpg.LockNotAvailableError):
        await blocker.fetchval(f"SELECT 1 FROM carts WHERE id = '{bought.id.uuid}' FOR UPDATE NOWAIT")
    await blocker.execute("ROLLBACK")
    await waiting
    await blocker.close()


async def test_a_row_that_stays_locked_is_a_collision(uow: SqlUnitOfWork, postgres_shop: str) -> None:
    shop = await stocked(uow, "S")
    blocker = await _holding(postgres_shop, "SELECT 1 FROM stock_levels FOR UPDATE")
    started = asyncio.get_running_loop().time()
    with pytest.raises(StaleAggregate):
        await _receive(uow, shop)
    assert 1.5 < asyncio.get_running_loop().time() - started < 4
    await blocker.close()


async def _receive(uow: SqlUnitOfWork, shop: Stocked) -> None:
    level = StockLevel(variant_id=shop.variants[0], location_id=shop.location.id)
    async with uow(context()) as tx:
        tx.stock.move(movement(level, MovementKind.RECEIVED, on_hand=1))


@pytest.mark.parametrize("skus", [2, 40], ids=["one statement", "one by one"])
async def test_f79_cancelled_in_the_middle_leaves_the_pool_whole(
    uow: SqlUnitOfWork, postgres_database: Postgres, postgres_shop: str, skus: int
) -> None:
    """Whatever is cancelled while it waits in the database wrote nothing, and its connection is not used again."""
    shop = await stocked(uow, *(f"S{n}" for n in range(skus)))
    bought = cart(*shop.variants)
    async with uow(context()) as tx:
        tx.carts.save(bought)
    last = max(shop.variants)
    blocker = await _holding(postgres_shop, f"SELECT 1 FROM stock_levels WHERE variant_id = '{last.uuid}' FOR UPDATE")
    async with uow(context()) as tx:
        seen = [await tx.carts.get(bought.id) for _ in range(4)]
    tasks = [asyncio.create_task(place(uow, shop, one)) for one in seen[:3]]
    await asyncio.sleep(0.3)
    for task in tasks:
        task.cancel()
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [asyncio.CancelledError] * 3
    await asyncio.sleep(0.3)  # the server ends what was cancelled
    await blocker.close()
    assert [await postgres_database.fetch_one(ONE) is not None for _ in range(40)] == [True] * 40
    async with uow(context()) as tx:
        assert await tx.orders.find_by_cart(bought.id) is None
        assert {level.reserved for level in await tx.stock.levels(shop.variants)} == {0}
    await place(uow, shop, seen[3])


async def test_a_question_that_takes_too_long_is_cut_off(postgres_database: Postgres) -> None:
    with pytest.raises(Unavailable):
        await postgres_database.fetch(SLEEP, seconds=20)
    assert await postgres_database.fetch_one(ONE) is not None


async def test_more_callers_than_connections_take_turns(postgres_shop: str) -> None:
    database = Postgres(postgres_shop, pool_size=2)
    answers = await asyncio.gather(*(database.fetch(SLEEP, seconds=0.01) for _ in range(40)))
    assert len(answers) == 40
    await database.close()


async def test_nobody_waits_for_a_connection_for_ever(postgres_shop: str) -> None:
    pool = Pool(lambda: asyncpg.connect(postgres_shop), size=1, wait_seconds=0.1)
    held = await pool.take()
    with pytest.raises(PoolExhausted):
        await pool.take()
    waiting = asyncio.create_task(pool.take())
    await asyncio.sleep(0.01)
    pool.give_back(held)
    assert await waiting is held
    pool.drop(held)
    again = await pool.take()
    assert again is not held
    pool.give_back(again)
    await pool.close()


async def test_nobody_waits_for_a_silent_server_for_ever(postgres_shop: str) -> None:
    pool = Pool(lambda: asyncpg.connect(postgres_shop), size=2, busy_max_seconds=1.5)
    connection = await pool.take()
    async with asyncio.timeout(20):
        with pytest.raises(asyncpg.PostgresConnectionError):
            await connection.execute("SELECT pg_sleep(60)")
    pool.drop(connection)
    another = await pool.take()
    for _ in range(20):  # one that is used often, but never for long, is left alone
        await asyncio.sleep(0.1)
        pool.give_back(another)
        assert await pool.take() is another
    assert not another.is_closed()
    pool.give_back(another)
    await pool.close()


async def test_old_connections_are_replaced(postgres_shop: str) -> None:
    pool = Pool(lambda: asyncpg.connect(postgres_shop), age_max_seconds=0.0)
    first = await pool.take()
    pool.give_back(first)
    assert first.is_closed()
    second = await pool.take()
    assert second is not first
    pool.drop(second)


async def test_a_server_that_comes_back_is_found_again() -> None:
    with postgres_server() as server:
        database = Postgres(server.url)
        assert await database.fetch_one(ONE) is not None
        _restart(server)
        assert await database.fetch_one(ONE) is not None
        server.stop()
        with pytest.raises(Unavailable):
            await database.fetch_one(ONE)
        with pytest.raises(Unavailable):
            await database.change(ONE)
        server.start()
        assert await database.fetch_one(ONE) is not None
        await database.close()


async def test_a_server_on_the_same_machine_is_found_by_its_socket() -> None:
    with postgres_server(durable=False) as server:
        url = server.by_socket(server.url)
        assert str(server.folder) in unquote(url)
        assert "127.0.0.1" not in url
        await upgrade(url)
        database = Postgres(url)
        assert await database.fetch_one(ONE) is not None
        await database.close()


async def test_a_server_that_stood_still_costs_no_connection() -> None:
    """Each that waited is told so in time, and all places of the pool can be used again."""
    with postgres_server() as server:
        database = Postgres(server.url, pool_size=4, silence_max_seconds=1.0)
        await asyncio.gather(*(database.fetch(SLEEP, seconds=0.2) for _ in range(4)))
        with _standing_still(server):
            async with asyncio.timeout(10):
                asked = [database.fetch(ONE), database.change(ONE), database.fetch(ONE), database.change(ONE)]
                told = await asyncio.gather(*asked, return_exceptions=True)
        assert [type(answer).__mro__[1] for answer in told] == [Unavailable] * 4
        async with asyncio.timeout(10):
            await asyncio.gather(*(database.fetch(SLEEP, seconds=0.2) for _ in range(8)))
        await database.close()


@contextmanager
def _standing_still(server: PostgresServer) -> Iterator[None]:
    assert server.process is not None
    pid = server.process.pid
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    for each in (pid, *map(int, children)):
        os.kill(each, signal.SIGSTOP)
    try:
        yield
    finally:
        for each in (pid, *map(int, children)):
            with suppress(ProcessLookupError):
                os.kill(each, signal.SIGCONT)


async def test_a_goodbye_that_nobody_read_is_an_outage(
    postgres_database: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So the driver says it of a connection that the server left while it was idle."""
    rightly, left = asyncpg.Connection.fetch, [1]

    async def fetch(connection: asyncpg.Connection, *asked: Any) -> Any:
        if left:
            left.pop()
            raise asyncpg.InternalClientError("cannot switch to state 12; another operation (2) is in progress")
        return await rightly(connection, *asked)

    monkeypatch.setattr(asyncpg.Connection, "fetch", fetch)
    assert await postgres_database.fetch_one(ONE) is not None
    left.append(1)
    with pytest.raises(Unavailable):
        await postgres_database.change(ONE)
    assert await postgres_database.change(ONE) is not None


def _restart(server: PostgresServer) -> None:
    server.crash()
    server.start()


async def test_each_connection_has_its_settings(postgres_database: Postgres) -> None:
    names = ["lock_timeout", "statement_timeout", "idle_in_transaction_session_timeout", "synchronous_commit", "jit"]
    row = await postgres_database.fetch_one(
        Statement(select(*(literal_column(f"current_setting('{name}')").label(name) for name in names)))
    )
    assert row is not None
    assert list(row) == ["2s", "5s", "10s", "on", "off"]


async def test_endless_numbers_are_mistakes_not_outages(postgres_database: Postgres) -> None:
    number = Statement(select(bindparam("number", type_=Integer())))
    with pytest.raises(asyncpg.DataError, match="int32"):
        await postgres_database.fetch(number, number=2**40)
    assert await postgres_database.fetch_one(ONE) is not None


def test_a_merged_statement_asks_for_its_parts_in_order() -> None:
    text = merged([Part("UPDATE a SET x = $1", [1], 1), Part("INSERT INTO b VALUES ($1, $2)", [1, 2], None)])
    assert text == (
        "WITH w0 AS (UPDATE a SET x = $1 RETURNING 1), w1 AS (INSERT INTO b VALUES ($2, $3) RETURNING 1) "
        "SELECT 1 / (SELECT count(*) FROM w0), (SELECT count(*) FROM w1)"
    )
    assert merged([Part("DELETE FROM a", [], None)]) == "DELETE FROM a"


def test_rows_of_an_insert_go_together() -> None:
    statement = insert_into(stock_levels)

    def parts(count: int) -> list[Part]:
        row = {column.name: count for column in stock_levels.columns}
        return parts_of([Write(statement, [row] * count, 0)])

    assert [len(parts(count)) for count in (1, 2, VALUES_MAX, VALUES_MAX + 1, PARTS_MAX * 10)] == [1] * 5
    assert len(parts(3)[0].arguments) == 3 * 7
    assert "$21::INTEGER)" in parts(3)[0].text
    assert len(parts(VALUES_MAX + 1)[0].arguments) == 7
