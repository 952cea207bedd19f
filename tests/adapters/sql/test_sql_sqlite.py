"""What only SQLite can get wrong: durability, one writer, and files that are no databases."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import delete, literal_column, select

from shop.adapters.sql.addresses import DatabaseUrlMalformed, is_sqlite, open_database
from shop.adapters.sql.schema import carts
from shop.adapters.sql.sqlite import DatabaseBusy, DatabaseFileMissing, Sqlite, connect
from shop.adapters.sql.statements import Statement
from shop.adapters.sql.unit_of_work import SqlUnitOfWork
from tests.adapters.sql.things import NOW, cart, context, product, stocked, unit_of_work

ONE = Statement(select(literal_column("1")))


@pytest.fixture
def url(sqlite_shop: str) -> str:
    return sqlite_shop


@pytest.fixture
async def shop_file(url: str) -> AsyncIterator[Sqlite]:
    database = open_database(url)
    assert isinstance(database, Sqlite)
    yield database
    await database.close()


@pytest.fixture
def uow(shop_file: Sqlite) -> SqlUnitOfWork:
    return unit_of_work(shop_file)


@pytest.mark.parametrize(
    ("pragma", "value"), [("journal_mode", "wal"), ("synchronous", 2), ("foreign_keys", 1), ("busy_timeout", 20)]
)
def test_a_connection_is_durable_and_checks(url: str, pragma: str, value: object) -> None:
    connection = connect(Path(url.removeprefix("sqlite:///")))
    assert connection.execute(f"PRAGMA {pragma}").fetchone()[0] == value
    connection.close()


async def test_what_reads_cannot_write(shop_file: Sqlite) -> None:
    with pytest.raises(DatabaseFileMissing, match="readonly"):
        await shop_file.fetch(Statement(delete(carts).returning(carts.c.id)))


async def test_a_write_waits_for_another_process(shop_file: Sqlite, uow: SqlUnitOfWork) -> None:
    other = sqlite3.connect(shop_file.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    bought = cart()

    async def write() -> None:
        async with uow(context()) as tx:
            tx.carts.save(bought)

    writing = asyncio.create_task(write())
    ticks = 0
    while ticks < 20:  # the loop goes on meanwhile
        await asyncio.sleep(0.01)
        ticks += 1
    assert not writing.done()
    other.execute("COMMIT")
    await writing
    assert bought.version == 1
    other.close()


async def test_a_write_does_not_wait_for_ever(shop_file: Sqlite, uow: SqlUnitOfWork) -> None:
    shop_file.busy_seconds_max = 0.2
    other = sqlite3.connect(shop_file.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    bought = cart()
    with pytest.raises(DatabaseBusy):
        async with uow(context()) as tx:
            tx.carts.save(bought)
    other.execute("ROLLBACK")
    async with uow(context()) as tx:
        tx.carts.save(bought)
    other.close()


async def test_reads_go_on_while_another_process_writes(shop_file: Sqlite) -> None:
    other = sqlite3.connect(shop_file.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    assert (await shop_file.fetch(ONE))[0][0] == 1
    other.close()


async def test_f79_cancelled_while_it_waits_writes_nothing(shop_file: Sqlite, uow: SqlUnitOfWork) -> None:
    other = sqlite3.connect(shop_file.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    bought = cart()

    async def write() -> None:
        async with uow(context()) as tx:
            tx.carts.save(bought)

    writing = asyncio.create_task(write())
    await asyncio.sleep(0.05)
    writing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await writing
    other.execute("COMMIT")
    other.close()
    assert bought.version == 0
    async with uow(context()) as tx:
        tx.carts.save(bought)


async def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    path = tmp_path / "letter.txt"
    path.write_text("Dear Sir or Madam, " * 100)
    with pytest.raises(DatabaseFileMissing):
        await Sqlite(path).open()
    with pytest.raises(DatabaseFileMissing):
        await Sqlite(tmp_path / "no such folder" / "shop.db").open()


async def test_a_file_that_was_closed_is_not_opened_in_passing(shop_file: Sqlite) -> None:
    await shop_file.close()
    with pytest.raises(DatabaseFileMissing, match="closed"):
        await shop_file.fetch(ONE)
    await shop_file.open()
    assert await shop_file.fetch(ONE)


async def test_full_text_follows_the_products(shop_file: Sqlite, uow: SqlUnitOfWork) -> None:
    def found(word: str) -> int:
        connection = connect(shop_file.path)
        rows = connection.execute("SELECT count(*) FROM product_words WHERE product_words MATCH ?", (word,))
        count: int = rows.fetchone()[0]
        connection.close()
        return count

    saved = product("S")
    async with uow(context()) as tx:
        tx.products.save(saved)
    assert (found("linen"), found("velvet")) == (1, 0)
    async with uow(context()) as tx:
        changed = await tx.products.get(saved.id)
        changed.change(NOW, title="Velvet coat", description="", tags=())
        tx.products.save(changed)
    assert (found("linen"), found("velv*")) == (0, 1)
    connection = connect(shop_file.path)
    connection.execute("DELETE FROM products")
    assert connection.execute("SELECT count(*) FROM product_rows").fetchone()[0] == 0
    connection.close()
    assert found("velvet") == 0


async def test_movements_stay_as_they_were(shop_file: Sqlite, uow: SqlUnitOfWork) -> None:
    await stocked(uow, "S")
    connection = connect(shop_file.path)
    for statement in ("DELETE FROM stock_movements", "UPDATE stock_movements SET on_hand = 99"):
        with pytest.raises(sqlite3.IntegrityError, match="never changed"):
            connection.execute(statement)
    connection.close()


def test_urls_name_one_of_two_databases() -> None:
    assert is_sqlite("sqlite:///shop.db")
    assert not is_sqlite("postgresql://shop@127.0.0.1/shop")
    for wrong in ("mysql://x", "sqlite://", "sqlite:///", "shop.db", ""):
        with pytest.raises(DatabaseUrlMalformed):
            is_sqlite(wrong)
