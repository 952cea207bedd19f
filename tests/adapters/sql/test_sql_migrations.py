"""The migrations make exactly the tables that the statements are written for, and go back as they came."""

import asyncio
import sys
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import CheckConstraint, Connection, inspect
from sqlalchemy.types import TypeEngine

from shop.adapters.sql import migrating
from shop.adapters.sql.addresses import open_database
from shop.adapters.sql.migrations import HEAD
from shop.adapters.sql.schema import metadata
from shop.adapters.sql.storage import SchemaOutdated, SqlStorage
from shop.adapters.system import SystemClock
from shop.domain.kernel.errors import Unavailable
from tests.adapters.sql.things import IDS, cart, context, opened, place, stocked, unit_of_work

# What one database only has, and what no metadata can say.
NOT_IN_METADATA = {
    "alembic_version",
    "product_rows",
    "products.search_vector",
    "ix_products_search_vector",
    "ix_products_tags",
    "ix_products_metadata",
    "ix_orders_metadata",
    "ix_audit_entries_subjects",
}
UPGRADE = """
import asyncio, sys
from shop.adapters.sql import migrating
asyncio.run(migrating.upgrade(sys.argv[1]))
"""
ENTRY = (
    "INSERT INTO ledger_entries (id, at, kind, order_id, payment_id, provider, provider_ref)"
    " VALUES ($1, now(), 'capture', $2, $3, 'fake', $4)"
)
POSTING = (
    "INSERT INTO ledger_postings (entry_id, position, account, currency, amount_minor)"
    " VALUES ($1, $2, 'revenue', $3, $4)"
)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.integration)])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'empty.db'}"
    url: str = request.getfixturevalue("postgres_url")
    return url


def _ours(thing: Any, name: str | None, kind: str, reflected: bool, _other: Any) -> bool:
    if kind == "column":
        name = f"{thing.table.name}.{name}"
    return name not in NOT_IN_METADATA and not (name or "").startswith("product_words")


def _same_type(
    context: MigrationContext, _column: Any, _declared: Any, stored: TypeEngine[Any], declared: TypeEngine[Any]
) -> bool:
    """Whether they differ (!), by what the database would be told."""
    compiler = context.dialect.type_compiler_instance

    def told(kind: TypeEngine[Any]) -> str:
        return compiler.process(kind.dialect_impl(context.dialect)).replace('TEXT COLLATE "C"', "TEXT")

    return told(stored) != told(declared)


def _differences(connection: Connection) -> list[Any]:
    options = {"include_object": _ours, "compare_type": _same_type, "compare_server_default": False}
    return list(compare_metadata(MigrationContext.configure(connection, opts=options), metadata))


def _checks(connection: Connection) -> dict[str, set[str]]:
    inspector = inspect(connection)
    return {
        table: {str(check["name"]) for check in inspector.get_check_constraints(table)} for table in metadata.tables
    }


async def test_the_migrated_schema_is_the_one_of_the_statements(empty_url: str) -> None:
    await migrating.upgrade(empty_url)
    assert await migrating._run(empty_url, _differences) == []
    declared = {
        name: {str(c.name) for c in table.constraints if isinstance(c, CheckConstraint)}
        for name, table in metadata.tables.items()
    }
    assert await migrating._run(empty_url, _checks) == declared


async def test_up_down_and_up_again_with_data(empty_url: str) -> None:
    await migrating.upgrade(empty_url)
    database = opened(empty_url)
    uow = unit_of_work(database)
    shop = await stocked(uow, "S", "M")
    bought = cart(*shop.variants)
    async with uow(context()) as tx:
        tx.carts.save(bought)
    await place(uow, shop, bought)
    await database.close()
    await migrating.downgrade(empty_url)
    left = await migrating._run(empty_url, lambda connection: inspect(connection).get_table_names())
    assert left == ["alembic_version"]
    await migrating.upgrade(empty_url)
    assert await migrating._run(empty_url, _differences) == []


async def test_several_processes_migrate_at_once(empty_url: str) -> None:
    processes = [await asyncio.create_subprocess_exec(sys.executable, "-c", UPGRADE, empty_url) for _ in range(3)]
    assert [await process.wait() for process in processes] == [0, 0, 0]
    assert (await migrating.status(empty_url)).up_to_date


async def test_check_says_what_helps(empty_url: str) -> None:
    storage = SqlStorage(open_database(empty_url), clock=SystemClock(), ids=IDS, subscribers={})
    with pytest.raises(SchemaOutdated, match="no tables") as caught:
        await storage.check()
    assert "shop db upgrade" in caught.value.hint
    await migrating.upgrade(empty_url)
    await storage.check()
    await storage.close()


async def test_status_needs_no_tables(empty_url: str) -> None:
    found = await migrating.status(empty_url)
    assert (found.current, found.needed, found.up_to_date) == (None, HEAD, False)


def test_the_needed_revision_is_the_last_one() -> None:
    assert ScriptDirectory.from_config(migrating._config(None)).get_current_head() == HEAD


async def test_a_database_that_is_away_is_unavailable() -> None:
    with pytest.raises(Unavailable):
        await migrating.upgrade("postgresql://nobody@127.0.0.1:1/nothing")


@pytest.mark.integration
async def test_books_that_do_not_balance_are_refused(postgres_shop_url: str) -> None:
    """F-ledger: the second wall behind the domain's own check. SQLite cannot have it."""
    connection = await asyncpg.connect(postgres_shop_url)
    database = opened(postgres_shop_url)
    uow = unit_of_work(database)
    shop = await stocked(uow, "S")
    bought = cart(*shop.variants)
    async with uow(context()) as tx:
        tx.carts.save(bought)
    order = await place(uow, shop, bought)
    async with uow(context()) as tx:
        payment = await tx.payments.of_order(order.id)
    await database.close()

    async def book(ref: str, *postings: tuple[str, int]) -> None:
        entry_id = IDS.new(type(order.id)).uuid
        async with connection.transaction():
            await connection.execute(ENTRY, entry_id, order.id.uuid, payment.id.uuid, ref)
            for position, (currency, minor) in enumerate(postings):
                await connection.execute(POSTING, entry_id, position, currency, minor)

    await book("fine", ("EUR", 5), ("EUR", -5))
    for wrong in ((), (("EUR", 5),), (("EUR", 5), ("USD", -5))):
        with pytest.raises(asyncpg.CheckViolationError, match="do not add up"):
            await book("wrong", *wrong)
    for statement in ("DELETE FROM ledger_postings", "UPDATE ledger_entries SET provider = 'other'"):
        with pytest.raises(asyncpg.CheckViolationError, match="never changed"):
            await connection.execute(statement)
    await connection.close()
