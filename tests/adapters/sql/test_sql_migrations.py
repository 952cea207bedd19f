"""The migrations make exactly the tables that the statements are written for, and go back as they came."""

import asyncio
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import (
    CheckConstraint,
    Column,
    Connection,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    inspect,
    select,
    text,
)
from sqlalchemy.types import TypeEngine

from shop.adapters.sql import migrating
from shop.adapters.sql.addresses import open_database
from shop.adapters.sql.migrations import HEAD
from shop.adapters.sql.readers.identity import SqlApiKeyReader
from shop.adapters.sql.readers.people import SqlPeopleReader
from shop.adapters.sql.schema import Id, Json, UtcDateTime, metadata
from shop.adapters.sql.storage import SchemaOutdated, SqlStorage
from shop.adapters.system import SystemClock
from shop.domain.identity import OWNER, ApiKey, KeyKind, Session, User
from shop.domain.inventory import Location, StockLevel
from shop.domain.kernel.errors import Unavailable
from shop.domain.kernel.identifiers import (
    ApiKeyId,
    CartItemId,
    LocationId,
    OrderLineId,
    PlanId,
    SessionId,
    SubscriptionId,
    UserId,
)
from shop.domain.subscriptions import Interval, IntervalUnit, Plan, subscribe_at_checkout
from tests.adapters.sql.things import IDS, cart, context, eur, opened, place, stocked, unit_of_work

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
    "ix_orders_guest_email",
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

_BEFORE = Table(
    "api_keys",
    MetaData(),
    Column("id", Id()),
    Column("name", Text()),
    Column("fingerprint", LargeBinary()),
    Column("last4", Text()),
    Column("scopes", Json()),
    Column("created_at", UtcDateTime()),
    Column("version", Integer()),
)
_KEYS = select(_BEFORE.c.name, _BEFORE.c.fingerprint)
_OLD_KEY = _BEFORE.insert().values(
    id=uuid4(),
    name="till",
    fingerprint=b"o" * 32,
    last4="oooo",
    scopes=["*"],
    created_at=datetime(2026, 1, 2, tzinfo=UTC),
    version=1,
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


async def test_keys_from_before_people_are_secret_ones_and_stay(empty_url: str) -> None:
    """Up with a key in the table, down with somebody beside it: the key is the same, the people are gone."""
    await migrating.upgrade(empty_url, "0042")
    await migrating._run(empty_url, lambda connection: connection.execute(_OLD_KEY))
    await migrating.upgrade(empty_url)
    database = opened(empty_url)
    reader, uow = SqlApiKeyReader(database), unit_of_work(database)
    access = await reader.find(b"o" * 32)
    assert access is not None
    found = access.key
    assert (found.kind, found.old_fingerprint, found.scopes) == (KeyKind.SECRET, None, frozenset({"*"}))
    found.rotate(b"n" * 32, "nnnn", timedelta(hours=1), found.created_at)
    user = User.register(id=IDS.new(UserId), email="ada@example.com", at=found.created_at)
    async with uow(context()) as tx:
        tx.users.save(user)
        tx.api_keys.save(found)
    assert await reader.find(b"o" * 32) is not None
    await database.close()
    await migrating.downgrade(empty_url, "0042")
    names = await migrating._run(empty_url, lambda connection: inspect(connection).get_table_names())
    assert not {"users", "sessions", "signing_keys"} & set(names)
    kept = await migrating._run(empty_url, lambda connection: connection.execute(_KEYS).all())
    assert [(row[0], bytes(row[1])) for row in kept] == [("till", b"n" * 32)]
    await migrating.upgrade(empty_url)
    assert await migrating._run(empty_url, _differences) == []


async def test_of_keys_from_before_nobody_knows_who_made_them(empty_url: str) -> None:
    """Up, down and up again with a key that somebody made: the key stays, and its maker is forgotten on the way."""
    await migrating.upgrade(empty_url)
    maker, key_id, at = IDS.new(UserId), IDS.new(ApiKeyId), datetime(2026, 3, 4, tzinfo=UTC)
    made: dict[str, Any] = {"fingerprint": b"m" * 32, "last4": "mmmm", "scopes": frozenset({"*"}), "created_at": at}
    for expected in (maker, None):
        database = opened(empty_url)
        if expected is not None:
            async with unit_of_work(database)(context()) as tx:
                tx.api_keys.save(ApiKey(id=key_id, name="till", created_by=maker, **made))
        async with unit_of_work(database)(context()) as tx:
            assert (await tx.api_keys.get(key_id)).created_by == expected
        await database.close()
        await migrating.downgrade(empty_url, "0075")
        kept = await migrating._run(empty_url, lambda connection: connection.execute(_KEYS).all())
        assert [(row[0], bytes(row[1])) for row in kept] == [("till", b"m" * 32)]
        await migrating.upgrade(empty_url)
    assert await migrating._run(empty_url, _differences) == []


async def test_a_limit_of_backorders_from_before_is_kept_once(empty_url: str) -> None:
    await migrating.upgrade(empty_url)
    database = opened(empty_url)
    shop = await stocked(unit_of_work(database), "S", "T")
    far = Location(id=IDS.new(LocationId), name="Far", priority=5, created_at=datetime(2026, 3, 4, tzinfo=UTC))
    async with unit_of_work(database)(context()) as tx:
        tx.stock.save_location(far)
        tx.stock.open_level(StockLevel(variant_id=shop.variants[0], location_id=far.id), None)
    await database.close()
    await migrating.downgrade(empty_url, "0076")
    both = "UPDATE stock_levels SET backorder_limit = 5, backorder_ceiling = 5"
    await migrating._run(empty_url, _writes(both))
    await migrating.upgrade(empty_url)
    database = opened(empty_url)
    async with unit_of_work(database)(context()) as tx:
        levels = await tx.stock.levels(shop.variants)
    await database.close()
    limits = {(level.variant_id, level.location_id == far.id): level.backorder_limit for level in levels}
    assert limits == {(shop.variants[0], False): 5, (shop.variants[0], True): 0, (shop.variants[1], False): 5}


@pytest.mark.parametrize(
    ("code", "declines"), [("card_declined", ("card_declined",)), ("authorization_expired", ()), ("", ())]
)
async def test_attempts_from_before_have_their_last_decline(
    empty_url: str, code: str, declines: tuple[str, ...]
) -> None:
    """An authorisation that lapsed is told by the same column, and is no decline."""
    await migrating.upgrade(empty_url)
    database = opened(empty_url)
    uow = unit_of_work(database)
    shop = await stocked(uow, "S")
    bought = cart(*shop.variants)
    async with uow(context()) as tx:
        tx.carts.save(bought)
    order = await place(uow, shop, bought)
    await database.close()
    await migrating.downgrade(empty_url, "0068")
    for table in ("payments", "payment_attempts"):
        await migrating._run(empty_url, _writes(f"UPDATE {table} SET failure_code = '{code}'"))
    await migrating.upgrade(empty_url)
    database = opened(empty_url)
    async with unit_of_work(database)(context()) as tx:
        payment = await tx.payments.of_order(order.id)
    await database.close()
    assert (payment.attempt.failure_code, payment.attempt.declines) == (code, declines)
    [listed] = await migrating._run(empty_url, lambda c: c.execute(text("SELECT failure_code FROM payments")).all())
    assert listed[0] == payment.last_decline


async def test_lines_from_before_come_once_and_the_way_back_leaves_what_fits(empty_url: str) -> None:
    """Down with two lines of one variant and two subscriptions of one order: one of each is left."""
    await migrating.upgrade(empty_url)
    database = opened(empty_url)
    uow, at = unit_of_work(database), datetime(2026, 3, 4, tzinfo=UTC)
    shop = await stocked(uow, "S")
    bought, open_cart = cart(*shop.variants), cart(*shop.variants)
    plan = Plan.offer(
        at=at,
        id=IDS.new(PlanId),
        code="p",
        name="P",
        variant_id=shop.variants[0],
        interval=Interval(IntervalUnit.MONTH),
        prices=(eur(100),),
    )
    open_cart.add(IDS.new(CartItemId), shop.variants[0], 1, open_cart.created_at, plan.id)
    async with uow(context()) as tx:
        tx.plans.save(plan)
        tx.carts.save(bought)
        tx.carts.save(open_cart)
    order = await place(uow, shop, bought)
    async with uow(context()) as tx:
        for _ in range(2):
            begun, renewal = subscribe_at_checkout(
                at=at,
                plan=plan,
                currency="EUR",
                email="ada@example.com",
                order_id=order.id,
                order_line_id=IDS.new(OrderLineId),
                id=IDS.new(SubscriptionId),
                owner_id=IDS.new(UserId),
                quantity=1,
                provider="fake",
                method="fake_card",
            )
            assert renewal is not None
            tx.subscriptions.save(begun)
            tx.subscriptions.renew(renewal)
    await database.close()
    await migrating.downgrade(empty_url, "0072")
    for table, count in (("cart_items", 2), ("renewals", 1), ("subscriptions", 2)):
        assert await migrating._run(empty_url, _counts(table)) == count
    await migrating.upgrade(empty_url)
    assert await migrating._run(empty_url, _differences) == []
    database = opened(empty_url)
    async with unit_of_work(database)(context()) as tx:
        found = await tx.carts.get(open_cart.id)
    await database.close()
    assert [(item.variant_id, item.plan_id) for item in found.items] == [(shop.variants[0], None)]


def _counts(table: str) -> Callable[[Connection], int]:
    return lambda connection: len(connection.execute(text(f"SELECT * FROM {table}")).all())


def _writes(statement: str) -> Callable[[Connection], None]:
    def write(connection: Connection) -> None:
        connection.execute(text(statement))

    return write


async def test_nobody_is_lost_when_tables_are_made_anew(empty_url: str) -> None:
    """SQLite adds a rule by making the table again: whoever is signed in stays so, up and down."""
    await migrating.upgrade(empty_url)
    at = datetime(2026, 1, 2, tzinfo=UTC)
    user = User.register(id=IDS.new(UserId), email="ada@example.com", role_ids=frozenset({OWNER.id}), at=at)
    session = Session.begin(
        id=IDS.new(SessionId), user_id=user.id, fingerprint=b"s" * 32, at=at, lifetime=timedelta(days=1)
    )
    database = opened(empty_url)
    async with unit_of_work(database)(context()) as tx:
        tx.users.save(user)
        tx.sessions.save(session)
    await database.close()
    for move in (migrating.downgrade(empty_url, "0050"), migrating.upgrade(empty_url)):
        await move
        database = opened(empty_url)
        access = await SqlPeopleReader(database).access(session.id)
        await database.close()
        assert access is not None
        assert (access.user_id, access.role_ids) == (user.id, frozenset({OWNER.id}))


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
async def test_books_that_do_not_balance_are_refused(postgres_shop: str) -> None:
    """F-ledger: the second wall behind the domain's own check. SQLite cannot have it."""
    connection = await asyncpg.connect(postgres_shop)
    database = opened(postgres_shop)
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
