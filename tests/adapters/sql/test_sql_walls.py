"""The second wall: whatever a constraint guards is refused by the database itself, past all of our code.

Every CHECK, UNIQUE and PRIMARY KEY of the schema is attacked by a copy of a good row in which it alone is wrong.
"""

import re
import sqlite3
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any, Protocol
from uuid import uuid4

import asyncpg
import pytest
from sqlalchemy import BigInteger, CheckConstraint, Column, Integer, LargeBinary, Table, UniqueConstraint

from shop.adapters.sql.schema import Id, metadata
from shop.adapters.sql.schema.columns import UtcDateTime
from shop.application.commands.audit import SealAuditLog
from shop.application.commands.carts import AddToCart, ChooseShipping, DescribeCart
from shop.application.commands.catalog import UpdateProduct
from shop.application.commands.categories import CreateCategory
from shop.application.commands.identity.invitations import InviteStaff
from shop.application.commands.identity.keys import CreateApiKey, RotateApiKey, RotateSigningKeys
from shop.application.commands.identity.opening import SignInRejected
from shop.application.commands.identity.registration import RegisterUser
from shop.application.commands.identity.roles import CreateRole
from shop.application.commands.identity.setup import OfferSetup
from shop.application.commands.identity.sign_in import SignIn
from shop.application.commands.identity.staff import CreateUser, SetUserRoles
from shop.application.commands.plans import CreatePlan
from shop.application.commands.refunds import RequestRefund
from shop.application.commands.saved_methods import BeginSavingMethod
from shop.application.messages import Actor, Idempotency
from shop.domain.identity import DataExport, LinkedIdentity, Session
from shop.domain.kernel.identifiers import ExportId, ProductId, SessionId, VariantId
from shop.domain.subscriptions import Interval, IntervalUnit
from tests.journeys.audit import uuid_of
from tests.journeys.branches import open_branches
from tests.shops import BERLIN, SmallShop, customer, eur

AUTOMATIC = ("seq",)  # numbered by the database
BOUNDED = re.compile(r"(\w+) BETWEEN (-?\d+) AND (-?\d+)")
KNOWN = re.compile(r"(\w+) IN \('")

# What is wrong where it cannot be read from the constraint itself.
BY_HAND: Mapping[str, Mapping[str, str]] = {
    "ck_categories_not_below_itself": {"parent_id": "id"},
    "ck_products_version_positive": {"version": "0"},
    "ck_variant_prices_compare_at_above": {"amount_minor": "100", "compare_at_minor": "99"},
    "ck_stock_levels_on_hand_not_negative": {"on_hand": "-1", "backorder_ceiling": "1000"},
    "ck_stock_levels_reserved_not_negative": {"reserved": "-1"},
    "ck_stock_levels_backorder_limit_not_negative": {"backorder_limit": "-1"},
    "ck_stock_levels_not_oversold": {"reserved": "on_hand + backorder_ceiling + 1"},
    "ck_stock_movements_changes_something": {"on_hand": "0", "reserved": "0"},
    "ck_payments_capture_due_within_amount": {"capture_due_minor": "amount_minor + 1"},
    "ck_orders_total_adds_up": {"total_minor": "total_minor + 1"},
    "ck_orders_total_minor_bounded": {
        "subtotal_minor": "1000000000000",
        "total_minor": "1000000000000 + shipping_total_minor"
        " + CASE WHEN prices_include_tax THEN 0 ELSE tax_total_minor END",
    },
    "ck_order_lines_subtotal_minor_bounded": {
        "unit_price_minor": "1000000000000",
        "quantity": "2",
        "subtotal_minor": "2000000000000",
    },
    "ck_order_lines_total_minor_bounded": {
        "net_minor": "1000000000000",
        "tax_minor": "1",
        "total_minor": "1000000000001",
    },
    "ck_order_lines_subtotal_adds_up": {"subtotal_minor": "subtotal_minor + 1"},
    "ck_order_lines_total_adds_up": {"tax_minor": "tax_minor + 1"},
    "ck_payments_refund_reserved_within_captured": {"refund_reserved_minor": "captured_minor + 1"},
    "ck_payments_refunded_within_captured": {"refunded_minor": "captured_minor + 1"},
    "ck_store_settings_only_one": {"id": "2"},
    "ck_shop_clock_only_one": {"id": "2"},
    "ck_shop_clock_never_behind": {"offset_microseconds": "-1"},
    "ck_subscriptions_begun_counts": {"begun": "-1"},
    "ck_subscriptions_tries_counts": {"tries": "-1"},
    "ck_audit_chain_position_counts": {
        "position": "-1",
        "entry_id": "(SELECT id FROM audit_entries WHERE id NOT IN (SELECT entry_id FROM audit_chain) LIMIT 1)",
    },
    "ck_sessions_lasts": {"expires_at": "created_at"},
    "ck_data_exports_ready_says_when": {"ready_at": "created_at"},
    "ck_signing_keys_retired_says_until_when": {"retired_at": "NULL", "gone_at": "created_at"},
    "ck_api_keys_old_says_until_when": {"old_until": "NULL"},
    "ck_renewals_period_has_length": {"period_end": "period_start"},
}

# What can only be wrong together with another rule, which may be the one that is named.
NEVER_ALONE = {"ck_order_lines_unit_price_minor_bounded": "ck_order_lines_subtotal_adds_up"}


class Attack:
    """A statement that breaks one rule, and what the database calls that rule."""

    def __init__(self, table: Table, rule: str, columns: tuple[str, ...], changes: Mapping[str, str]) -> None:
        self.table, self.rule, self.columns = table, rule, columns
        names = [column.name for column in table.columns if column.name not in AUTOMATIC]
        self.statement = (
            f"INSERT INTO {table.name} ({', '.join(names)})"
            f" SELECT {', '.join(changes.get(name, name) for name in names)} FROM {table.name} LIMIT 1"
        )

    def __str__(self) -> str:
        return f"{self.rule}: {self.statement}"


def attacks(dialect: str) -> Iterator[Attack]:
    """One for each constraint of each table."""
    for table in metadata.sorted_tables:
        keys = list(_keys(table))
        for constraint in table.constraints:
            if isinstance(constraint, CheckConstraint):
                yield _on_check(table, constraint)
        for name, columns in keys:
            if not set(columns) & set(AUTOMATIC):
                yield Attack(table, name, columns, _different_elsewhere(table, columns, keys, dialect))


def _keys(table: Table) -> Iterator[tuple[str, tuple[str, ...]]]:
    yield f"pk_{table.name}", tuple(column.name for column in table.primary_key.columns)
    for constraint in table.constraints:
        if isinstance(constraint, UniqueConstraint):
            yield str(constraint.name), tuple(column.name for column in constraint.columns)
    for index in table.indexes:
        if index.unique:
            yield str(index.name), tuple(column.name for column in index.columns)


def _on_check(table: Table, constraint: CheckConstraint) -> Attack:
    name, text = str(constraint.name), str(constraint.sqltext)
    by_hand = BY_HAND.get(name)
    if by_hand is not None:
        return Attack(table, name, (), by_hand)
    if bounded := BOUNDED.fullmatch(text):
        column, _, most = bounded.groups()
        return Attack(table, name, (column,), {column: str(int(most) + 1)})
    if known := KNOWN.match(text):
        return Attack(table, name, (known.group(1),), {known.group(1): "'nonsense'"})
    raise AssertionError(f"Say in BY_HAND how {name} is broken: {text}")


def _different_elsewhere(
    table: Table, same: tuple[str, ...], keys: list[tuple[str, tuple[str, ...]]], dialect: str
) -> dict[str, str]:
    """Another value in every other key, so that only this one is taken."""
    changes = {}
    for _, columns in keys:
        free = [name for name in columns if name not in same and name not in AUTOMATIC]
        if columns != same and free:
            changes[free[0]] = _another(table.c[free[0]], dialect)
    return changes


def _another(column: Column[Any], dialect: str) -> str:
    if isinstance(column.type, Id):
        return f"'{uuid4()}'" if dialect == "postgresql" else f"x'{uuid4().hex}'"
    if isinstance(column.type, (Integer, BigInteger)):
        return f"{column.name} + 100000"
    if isinstance(column.type, LargeBinary):
        return r"'\x0102'" if dialect == "postgresql" else "x'0102'"
    if isinstance(column.type, UtcDateTime) and dialect == "postgresql":
        return f"{column.name} + interval '1 second'"
    return f"{column.name} || 'x'"


class Refuser(Protocol):
    async def refusal(self, attack: Attack) -> str:
        """What the database answers; nothing of the statement remains, refused or not."""


class PostgresRefuser:
    """Names the constraint."""

    def __init__(self, connection: asyncpg.Connection) -> None:
        self._connection = connection

    async def refusal(self, attack: Attack) -> str:
        transaction = self._connection.transaction()
        await transaction.start()
        try:
            written = await self._connection.execute(attack.statement)
        except asyncpg.IntegrityConstraintViolationError as error:
            return str(error.constraint_name)
        finally:
            await transaction.rollback()
        return f"accepted ({written})"


class SqliteRefuser:
    """Names a CHECK, and for what must be unique its columns."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    async def refusal(self, attack: Attack) -> str:
        self._connection.execute("BEGIN")
        try:
            written = self._connection.execute(attack.statement).rowcount
        except sqlite3.IntegrityError as error:
            message = str(error)
            if message.startswith("CHECK constraint failed: "):
                return message.removeprefix("CHECK constraint failed: ")
            columns = ", ".join(f"{attack.table.name}.{name}" for name in attack.columns)
            return attack.rule if message == f"UNIQUE constraint failed: {columns}" else message
        finally:
            self._connection.execute("ROLLBACK")
        return f"accepted ({written} rows)"


@asynccontextmanager
async def refuser(url: str) -> AsyncIterator[Refuser]:
    if url.startswith("sqlite"):
        connection = sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)
        connection.execute("PRAGMA foreign_keys = ON")
        yield SqliteRefuser(connection)
        connection.close()
    else:
        server = await asyncpg.connect(url)
        yield PostgresRefuser(server)
        await server.close()


async def _a_row_of_everything(url: str) -> None:
    """A shop that has sold, with something in every table."""
    async with open_branches(url, 1) as branches:
        small = branches.first
        variant = await small.product(stock=10)
        order_id = await small.buy((variant, 2), method="fake_card_3ds")
        small.provider.shopper_confirms((await small.payment(order_id)).attempt.provider_ref)
        await small.post_news()
        await small.deliver()
        payment = await small.payment(order_id)
        await small.shop.execute(RequestRefund(payment_id=payment.id, amount=eur(100)))
        await small.pay(order_id)
        small.provider.disputes_open(payment.attempt.provider_ref)
        await small.post_news()
        await small.deliver()
        command = await small.order_command(await small.cart((variant, 1)))
        key = Idempotency(route="order", key="k", fingerprint=b"f")
        await small.shop.execute(command, context=small.context(small.guest(command.cart_id), key))
        made = await small.shop.execute(CreateApiKey(name="k", scopes=frozenset({"*"})))
        await small.shop.execute(RotateApiKey(key_id=made.id))
        category = await small.shop.execute(CreateCategory(slug="a", name="A"))
        product_id = ProductId(uuid_of(await branches.rows.one("SELECT id FROM products")))
        await small.shop.execute(UpdateProduct(product_id=product_id, category_ids=(category,)))
        await _subscribed(small, variant)
        saver = await small.shop.execute(CreateUser(email="saver@example.com"))
        await small.shop.execute(BeginSavingMethod(), actor=Actor(kind="user", id=saver))
        await small.shop.execute(SealAuditLog())  # what comes now is not sealed yet
        await _with_people(small)
        await small.storage.clock.write(timedelta(days=1))


async def _with_people(small: SmallShop) -> None:
    shop, now = small.shop, small.clock.now()
    role_id = await shop.execute(CreateRole(name="night", title="Night", scopes=frozenset({"orders:read"})))
    user_id = await shop.execute(CreateUser(email="ada@example.com"))
    await shop.execute(SetUserRoles(user_id=user_id, role_ids=frozenset({role_id})))
    await shop.execute(RegisterUser(email="bob@example.com", password="a few words of bob"))
    await shop.execute(InviteStaff(email="lin@example.com", role_ids=frozenset({role_id})))
    await shop.execute(RotateSigningKeys())
    await shop.execute(OfferSetup())
    with pytest.raises(SignInRejected):
        await shop.execute(SignIn(email="ada@example.com", password="wrong words"))
    session = Session.begin(
        at=now, lifetime=timedelta(days=1), id=small.ids.new(SessionId), user_id=user_id, fingerprint=b"s"
    )
    async with small.storage.uow(small.context()) as tx:
        user = await tx.users.get(user_id)
        user.prove(now)
        user.link(LinkedIdentity(provider="google", subject="1", linked_at=now), now)
        tx.users.save(user)
        tx.sessions.save(session)
        tx.exports.save(DataExport.request(id=small.ids.new(ExportId), user_id=user_id, at=now))


async def _subscribed(small: SmallShop, variant: VariantId) -> None:
    plan_id = await small.shop.execute(
        CreatePlan(
            code="p",
            name="P",
            variant_id=variant,
            interval=Interval(IntervalUnit.MONTH),
            prices=(eur(100),),
        )
    )
    me = customer()
    cart_id = await small.cart(actor=me, ready=False)
    await small.shop.execute(AddToCart(cart_id=cart_id, variant_id=variant, plan_id=plan_id), actor=me)
    where = DescribeCart(cart_id=cart_id, email="ada@example.com", shipping_address=BERLIN)
    await small.shop.execute(where, actor=me)
    await small.shop.execute(ChooseShipping(cart_id=cart_id, option_id="standard"), actor=me)
    order_id = await small.shop.execute(await small.order_command(cart_id), actor=me)
    await small.pay(order_id)


async def test_every_constraint_holds_by_itself(shop_url: str) -> None:
    dialect = "sqlite" if shop_url.startswith("sqlite") else "postgresql"
    await _a_row_of_everything(shop_url)
    wrong, tried = [], 0
    async with refuser(shop_url) as database:
        for attack in attacks(dialect):
            tried += 1
            answer = await database.refusal(attack)
            if answer not in (attack.rule, NEVER_ALONE.get(attack.rule)):
                wrong.append(f"{attack}\n    -> {answer}")
    assert not wrong, "\n".join(wrong)
    assert tried > 80


def test_the_rules_that_were_written_by_hand_are_all_there() -> None:
    checks = {
        str(constraint.name)
        for table in metadata.tables.values()
        for constraint in table.constraints
        if isinstance(constraint, CheckConstraint)
    }
    assert checks >= BY_HAND.keys()
