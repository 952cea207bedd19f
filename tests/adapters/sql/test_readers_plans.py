"""PostgreSQL answers lists along indexes: what it plans without knowing the parameters, on a shop of some size."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from shop.adapters.sql.postgres import Postgres
from shop.adapters.sql.readers import SqlReaders
from shop.adapters.sql.readers.store import SqlStoreReader
from shop.adapters.sql.statements import POSTGRES
from shop.adapters.system import SystemClock
from shop.application.ports.paging import PageRequest, encode_cursor
from shop.application.ports.readers import InboxFilter, OrderFilter, PaymentFilter, ProductFilter, TimeRange
from shop.domain.catalog import ProductStatus
from shop.domain.kernel.identifiers import UserId
from shop.domain.orders import OrderStatus, PaymentStatus
from shop.domain.payments import AttemptStatus
from tests.adapters.sql.readings import CountingDatabase
from tests.servers import Databases

pytestmark = pytest.mark.integration
COUNT = 6_000
_SEED = """
INSERT INTO categories (id, slug, name, description, position, seo_title, seo_description, metadata, created_at,
    updated_at, version)
SELECT md5('category' || i)::uuid, 'shelf-' || i, 'Shelf', '', i, '', '', '{{}}', now(), now(), 1
FROM generate_series(0, 20) i;
INSERT INTO products (id, slug, title, description, vendor, status, tags, seo_title, seo_description, media, options,
    metadata, created_at, updated_at, version, search_text, price_ranges, price_from_minor)
SELECT md5('product' || i)::uuid, 'thing-' || i, md5('title' || i), repeat('Lorem ipsum ', 40), 'Weber ' || i % 50,
    CASE WHEN i % 100 = 0 THEN 'draft' ELSE 'active' END, jsonb_build_array('tag ' || i % 300), '', '', '[]', '[]',
    CASE WHEN i % 50 = 0 THEN jsonb_build_object('ref', i::text) ELSE '{{}}' END,
    timestamptz '2026-01-01' + i * interval '1 minute', timestamptz '2026-01-01' + i * interval '1 minute', 1,
    'linen shirt rare' || i, '{{}}', i
FROM generate_series(1, {count}) i;
INSERT INTO product_categories (product_id, category_id, position)
SELECT md5('product' || i)::uuid, md5('category' || i % 20)::uuid, 0 FROM generate_series(1, {count}) i;
INSERT INTO carts (id, currency, email, shipping_code, note, status, metadata, created_at, updated_at, expires_at,
    version)
SELECT md5('cart' || i)::uuid, 'EUR', '', '', '', 'ordered', '{{}}', now(), now(), now(), 1
FROM generate_series(1, {count}) i;
INSERT INTO orders (id, number, cart_id, owner_id, payment_session_id, email, currency, note, prices_include_tax,
    subtotal_minor, shipping_total_minor, tax_total_minor, total_minor, status, payment_status, fulfilment_status,
    hold_reason, cancel_reason, metadata, placed_at, updated_at, version)
SELECT md5('order' || i)::uuid, 1000 + i, md5('cart' || i)::uuid, md5('owner' || i % 100)::uuid,
    md5('session' || i)::uuid, 'buyer' || i % 500 || '@example.com', 'EUR', '', true, i, 0, 0, i,
    CASE WHEN i % 1000 = 0 THEN 'on_hold' ELSE 'confirmed' END, CASE WHEN i % 1000 = 0 THEN 'mismatch' ELSE 'paid' END,
    'unfulfilled', '', '', '{{}}', timestamptz '2026-01-01' + i * interval '1 minute', now(), 1
FROM generate_series(1, {count}) i;
INSERT INTO payments (id, order_id, provider, status, failure_code, currency, amount_minor, captured_currency,
    captured_minor, refunded_currency, refunded_minor, processed, refund_due, created_at, updated_at, version)
SELECT md5('payment' || i)::uuid, md5('order' || i)::uuid, 'fake', 'captured', '', 'EUR', i, 'EUR', i, 'EUR', 0, true,
    false, timestamptz '2026-01-01' + i * interval '1 minute', now(), 1
FROM generate_series(1, {count}) i;
INSERT INTO disputes (id, payment_id, order_id, provider, provider_ref, currency, amount_minor, reason, status, moves,
    written_off, evidence_key, evidence_by, opened_at, created_at, updated_at, version)
SELECT md5('dispute' || i)::uuid, md5('payment' || i)::uuid, md5('order' || i)::uuid, 'fake', 'dp_' || i, 'EUR', i,
    'fraudulent', 'lost', '[]', '[]', '', '', now(), timestamptz '2026-01-01' + i * interval '1 minute', now(), 1
FROM generate_series(1, {count}) i;
INSERT INTO ledger_entries (id, at, kind, order_id, payment_id, provider, provider_ref)
SELECT md5('entry' || i)::uuid, timestamptz '2026-01-01' + i * interval '1 minute',
    CASE WHEN i % 2 = 0 THEN 'capture' ELSE 'fee' END, md5('order' || i)::uuid, md5('payment' || i)::uuid, 'fake',
    'ref_' || i
FROM generate_series(1, {count}) i;
INSERT INTO ledger_postings (entry_id, position, account, currency, amount_minor)
SELECT md5('entry' || i)::uuid, p, CASE WHEN p = 0 THEN 'fees' ELSE 'clearing:fake' END, 'EUR', i * (1 - 2 * p)
FROM generate_series(1, {count}) i, generate_series(0, 1) p;
INSERT INTO inbox (id, provider, event_ref, event_type, object_ref, body, state, received_at, settled_at, version)
SELECT md5('message' || i)::uuid, 'fake', 'evt_' || i, 'type.' || i % 20, 'pi_' || i / 3, '', 'applied',
    timestamptz '2026-01-01' + i * interval '1 minute', now(), 1
FROM generate_series(1, {count}) i;
"""
_SINCE, _UNTIL = datetime(2026, 1, 2, tzinfo=UTC), datetime(2026, 1, 3, tzinfo=UTC)
_CURSOR = encode_cursor(int(datetime(2026, 1, 3, tzinfo=UTC).timestamp()) * 10**6, "8" * 32)
Ask = Callable[[SqlReaders], Awaitable[Any]]


def products(page: PageRequest | None = None, **which: Any) -> Ask:
    return lambda readers: readers.catalog.products(ProductFilter(**which), page or PageRequest(), currency="EUR")


def orders(page: PageRequest | None = None, **which: Any) -> Ask:
    return lambda readers: readers.orders.all(OrderFilter(**which), page or PageRequest())


def lapsing(page: PageRequest | None = None) -> Ask:
    which = PaymentFilter(authorization_expires_at=TimeRange(lt=_UNTIL))
    return lambda readers: readers.payments.all(which, page or PageRequest())


def messages(page: PageRequest | None = None, **which: Any) -> Ask:
    return lambda readers: readers.payments.messages(InboxFilter(**which), page or PageRequest())


QUESTIONS: dict[str, Ask] = {
    "the newest products": products(),
    "further products": products(PageRequest(after=_CURSOR)),
    "products before": products(PageRequest(before=_CURSOR, limit=100)),
    "products by title": products(PageRequest(sort=("title",))),
    "products by price": products(PageRequest(sort=("-price",))),
    "products by price and title": products(PageRequest(sort=("-price", "title"))),
    "products by change": products(PageRequest(sort=("updated_at",))),
    "products of two states": products(statuses=frozenset({ProductStatus.DRAFT, ProductStatus.ARCHIVED})),
    "products of any state": products(statuses=frozenset()),
    "products of a category": products(category="shelf-7"),
    "products of a category by price": products(PageRequest(sort=("price",)), category="shelf-7"),
    "products of a vendor": products(vendor="Weber 7"),
    "products by id": products(ids=()),
    "a product's SKU": products(sku="SKU"),
    "all orders": orders(),
    "orders by total": orders(PageRequest(sort=("-total",))),
    "orders by number": orders(PageRequest(sort=("number",))),
    "orders on hold": orders(statuses=frozenset({OrderStatus.ON_HOLD, OrderStatus.PENDING})),
    "orders on hold by total": orders(PageRequest(sort=("total",)), statuses=frozenset({OrderStatus.ON_HOLD})),
    "orders that people must look at": orders(payment_statuses=frozenset({PaymentStatus.MISMATCH})),
    "orders of a buyer": orders(email="buyer7@example.com"),
    "an order's number": orders(number="1007"),
    "a customer's orders": lambda readers: readers.orders.of_owner(UserId(UUID(int=7)), PageRequest()),
    "a customer's payments": lambda readers: readers.payments.of_owner(UserId(UUID(int=7)), PageRequest()),
    "all payments": lambda readers: readers.payments.all(PaymentFilter(), PageRequest()),
    "failed payments": lambda readers: readers.payments.all(
        PaymentFilter(statuses=frozenset({AttemptStatus.FAILED})), PageRequest()
    ),
    "payments declined for a reason": lambda readers: readers.payments.all(
        PaymentFilter(failure_code="card_declined"), PageRequest()
    ),
    "payments whose authorisation ends soon": lapsing(),
    "further payments whose authorisation ends soon": lapsing(PageRequest(after=_CURSOR)),
    "messages about an object": messages(object_ref="pi_7"),
    "further messages about an object": messages(PageRequest(after=_CURSOR), object_ref="pi_7"),
    "a provider's message": messages(event_ref="evt_7"),
    "messages of a kind": messages(event_type="type.7"),
    "how payments went": lambda readers: readers.analytics.payments("EUR", _SINCE, _UNTIL),
    "what is booked under a name": lambda readers: readers.reconciliation.booked("fake", ["ref_7", "ref_8"]),
    "fees and payouts of a time": lambda readers: readers.reconciliation.movements("fake", _SINCE, _UNTIL, None, 100),
}
# What walking the whole list in its order would answer too, after reading all of it.
BY_INDEX = {
    "payments whose authorisation ends soon": "ix_payments_authorized",
    "further payments whose authorisation ends soon": "ix_payments_authorized",
    "messages about an object": "ix_inbox_object_ref",
    "further messages about an object": "ix_inbox_object_ref",
    "a provider's message": "ix_inbox_event_ref",
    "messages of a kind": "ix_inbox_event_type",
}


@asynccontextmanager
async def seeded(url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(_SEED.format(count=COUNT))
        await connection.execute("ANALYZE")
        yield connection
    finally:
        await connection.close()


async def test_no_list_reads_a_whole_table(postgres_shop: str) -> None:
    async with seeded(postgres_shop) as connection:
        if connection.get_server_version().major < 16:
            pytest.skip("EXPLAIN (GENERIC_PLAN) is there from PostgreSQL 16 on")
        counting = CountingDatabase(Postgres(postgres_shop))
        readers = SqlReaders(counting, SqlStoreReader(counting, SystemClock()))
        try:
            for name, ask in QUESTIONS.items():
                counting.asked.clear()
                await ask(readers)
                for statement in counting.asked:
                    text = statement.compiled(POSTGRES).text
                    plan = Databases(postgres_shop).sql(f"EXPLAIN (GENERIC_PLAN) {text}")
                    for table in ("products", "orders", "payments", "ledger_entries", "disputes", "inbox"):
                        assert f"Seq Scan on {table}" not in plan, f"{name}\n{plan}"
                    assert BY_INDEX.get(name, "") in plan, f"{name}\n{plan}"
        finally:
            await counting.close()


async def test_words_that_the_whole_shop_has_are_found(postgres_shop: str) -> None:
    """More products than are sorted have the word, so the walk along the list's index finds them."""
    async with seeded(postgres_shop):
        counting = CountingDatabase(Postgres(postgres_shop))
        readers = SqlReaders(counting, SqlStoreReader(counting, SystemClock()))
        try:
            for which, expected in (("linen", 20), ("rare77", 11), ("linen shirt rare", 20), ("nothing", 0)):
                page = await readers.catalog.products(ProductFilter(words=which), PageRequest(), currency="EUR")
                assert len(page.data) == expected, which
        finally:
            await counting.close()
