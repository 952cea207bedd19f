"""Tables of carts and orders. A cart becomes at most one order, by a unique column."""

from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    Sequence,
    Table,
    Text,
    UniqueConstraint,
)
from sqlalchemy import text as sql

from shop.adapters.sql.schema.columns import amounts, document, ident, metadata, moment, one_of, text, within
from shop.domain.carts import QUANTITY_MAX, CartStatus
from shop.domain.orders import FulfilmentStatus, OrderStatus, PaymentStatus

carts = Table(
    "carts",
    metadata,
    ident("id", primary_key=True),
    ident("owner_id", nullable=True, index=True),
    text("currency"),
    text("email"),
    document("shipping_address", nullable=True),
    document("billing_address", nullable=True),
    text("shipping_code"),
    Column("note", Text, nullable=False),
    text("status"),
    document("metadata"),
    moment("created_at"),
    moment("updated_at"),
    moment("expires_at"),
    Column("version", Integer, nullable=False),
    one_of("status", CartStatus),
)
Index(
    "ix_carts_open_expires_at",
    carts.c.expires_at,
    carts.c.id,
    postgresql_where=sql("status = 'open'"),
    sqlite_where=sql("status = 'open'"),
)

NO_PLAN = UUID(int=0)
"""How a line says that it comes once: null is never equal to null, so that the key would let it be there twice."""

cart_items = Table(
    "cart_items",
    metadata,
    ident("id", primary_key=True),
    ident("cart_id", ForeignKey("carts.id", ondelete="CASCADE")),
    Column("position", Integer, nullable=False),
    ident("variant_id"),
    Column("quantity", Integer, nullable=False),
    ident("plan_id"),
    UniqueConstraint("cart_id", "variant_id", "plan_id"),
    within("quantity", 1, QUANTITY_MAX),
)

# Numbers begin at 1001. On SQLite, which writes one transaction at a time, the next one is the highest plus one.
order_numbers = Sequence("order_numbers", start=1001, metadata=metadata)

orders = Table(
    "orders",
    metadata,
    ident("id", primary_key=True),
    Column("number", BigInteger, nullable=False),
    ident("cart_id", ForeignKey("carts.id")),
    ident("owner_id", nullable=True),
    ident("payment_session_id"),
    text("email"),
    text("currency"),
    document("shipping", nullable=True),
    document("shipping_address", nullable=True),
    document("billing_address", nullable=True),
    Column("note", Text, nullable=False),
    Column("prices_include_tax", Boolean(create_constraint=False), nullable=False),
    Column("subtotal_minor", BigInteger, nullable=False),
    Column("shipping_total_minor", BigInteger, nullable=False),
    Column("tax_total_minor", BigInteger, nullable=False),
    Column("total_minor", BigInteger, nullable=False),
    text("status"),
    text("payment_status"),
    text("fulfilment_status"),
    Column("hold_reason", Text, nullable=False),
    Column("cancel_reason", Text, nullable=False),
    document("metadata"),
    moment("placed_at"),
    moment("updated_at"),
    moment("hold_expires_at", nullable=True),
    moment("cancelled_at", nullable=True),
    Column("version", Integer, nullable=False),
    document("flags"),
    document("tenders", nullable=True),
    UniqueConstraint("number"),
    UniqueConstraint("cart_id"),
    one_of("status", OrderStatus),
    one_of("payment_status", PaymentStatus),
    one_of("fulfilment_status", FulfilmentStatus),
    *amounts("subtotal_minor", "shipping_total_minor", "tax_total_minor", "total_minor"),
    CheckConstraint(
        "total_minor = subtotal_minor + shipping_total_minor"
        " + CASE WHEN prices_include_tax THEN 0 ELSE tax_total_minor END",
        name="total_adds_up",
    ),
)
Index("ix_orders_placed_at", orders.c.placed_at, orders.c.id)
Index("ix_orders_status_placed_at", orders.c.status, orders.c.placed_at, orders.c.id)
Index("ix_orders_payment_status_placed_at", orders.c.payment_status, orders.c.placed_at, orders.c.id)
Index("ix_orders_total", orders.c.total_minor, orders.c.id)
Index("ix_orders_owner", orders.c.owner_id, orders.c.placed_at, orders.c.id)
Index("ix_orders_email", orders.c.email, orders.c.placed_at)
Index("ix_orders_payment_session", orders.c.payment_session_id)
Index(
    "ix_orders_pending_hold",
    orders.c.hold_expires_at,
    orders.c.id,
    postgresql_where=sql("status = 'pending'"),
    sqlite_where=sql("status = 'pending'"),
)

order_lines = Table(
    "order_lines",
    metadata,
    ident("id", primary_key=True),
    ident("order_id", ForeignKey("orders.id", ondelete="CASCADE"), index=True),
    Column("position", Integer, nullable=False),
    ident("variant_id"),
    ident("product_id"),
    text("sku"),
    text("title"),
    text("variant_title"),
    Column("quantity", Integer, nullable=False),
    Column("unit_price_minor", BigInteger, nullable=False),
    Column("subtotal_minor", BigInteger, nullable=False),
    Column("net_minor", BigInteger, nullable=False),
    Column("tax_minor", BigInteger, nullable=False),
    Column("total_minor", BigInteger, nullable=False),
    text("tax_rate"),  # a decimal fraction as text, exactly as it was
    text("tax_name"),
    text("tax_rounding"),
    Column("weight_grams", Integer, nullable=False),
    Column("requires_shipping", Boolean(create_constraint=False), nullable=False),
    Column("tracked", Boolean(create_constraint=False), nullable=False),
    ident("plan_id", nullable=True),
    within("quantity", 1, 10**6),
    *amounts("unit_price_minor", "subtotal_minor", "net_minor", "tax_minor", "total_minor"),
    CheckConstraint("subtotal_minor = unit_price_minor * quantity", name="subtotal_adds_up"),
    CheckConstraint("net_minor + tax_minor = total_minor", name="total_adds_up"),
)
