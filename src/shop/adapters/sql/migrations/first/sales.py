"""The first tables of carts and orders."""

from alembic import op
from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Integer,
    Text,
    UniqueConstraint,
)

from shop.adapters.sql.migrations.columns import document, ident, known, moment, partial_index, text, within


def carts() -> None:
    op.create_table(
        "carts",
        ident("id", primary_key=True),
        ident("owner_id", nullable=True),
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
        known("status", "open ordered expired"),
    )
    partial_index("ix_carts_open_expires_at", "carts", ["expires_at", "id"], "status = 'open'")
    op.create_index("ix_carts_owner_id", "carts", ["owner_id"])


def cart_items() -> None:
    op.create_table(
        "cart_items",
        ident("id", primary_key=True),
        ident("cart_id", ForeignKey("carts.id", ondelete="CASCADE")),
        Column("position", Integer, nullable=False),
        ident("variant_id"),
        Column("quantity", Integer, nullable=False),
        UniqueConstraint("cart_id", "variant_id"),
        within("quantity", 1, 10_000),
    )


def orders() -> None:
    op.create_table(
        "orders",
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
        UniqueConstraint("number"),
        UniqueConstraint("cart_id"),
        known("status", "pending confirmed on_hold completed cancelled"),
        known(
            "payment_status",
            "pending authorized paid partially_refunded refunded failed mismatch voided disputed disputed_lost",
        ),
        known("fulfilment_status", "unfulfilled partially_fulfilled fulfilled delivered returned"),
        within("subtotal_minor", 0, 1_000_000_000_000),
        within("shipping_total_minor", 0, 1_000_000_000_000),
        within("tax_total_minor", 0, 1_000_000_000_000),
        within("total_minor", 0, 1_000_000_000_000),
        CheckConstraint(
            "total_minor = subtotal_minor + shipping_total_minor"
            " + CASE WHEN prices_include_tax THEN 0 ELSE tax_total_minor END",
            name="total_adds_up",
        ),
    )
    op.create_index("ix_orders_email", "orders", ["email", "placed_at"])
    op.create_index("ix_orders_owner", "orders", ["owner_id", "placed_at", "id"])
    op.create_index("ix_orders_payment_session", "orders", ["payment_session_id"])
    partial_index("ix_orders_pending_hold", "orders", ["hold_expires_at", "id"], "status = 'pending'")
    op.create_index("ix_orders_placed_at", "orders", ["placed_at", "id"])
    op.create_index("ix_orders_status_placed_at", "orders", ["status", "placed_at", "id"])
    op.create_index("ix_orders_payment_status_placed_at", "orders", ["payment_status", "placed_at", "id"])
    op.create_index("ix_orders_total", "orders", ["total_minor", "id"])


def order_lines() -> None:
    op.create_table(
        "order_lines",
        ident("id", primary_key=True),
        ident("order_id", ForeignKey("orders.id", ondelete="CASCADE")),
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
        text("tax_rate"),
        text("tax_name"),
        text("tax_rounding"),
        Column("weight_grams", Integer, nullable=False),
        Column("requires_shipping", Boolean(create_constraint=False), nullable=False),
        Column("tracked", Boolean(create_constraint=False), nullable=False),
        within("quantity", 1, 1_000_000),
        within("unit_price_minor", 0, 1_000_000_000_000),
        within("subtotal_minor", 0, 1_000_000_000_000),
        within("net_minor", 0, 1_000_000_000_000),
        within("tax_minor", 0, 1_000_000_000_000),
        within("total_minor", 0, 1_000_000_000_000),
        CheckConstraint("subtotal_minor = unit_price_minor * quantity", name="subtotal_adds_up"),
        CheckConstraint("net_minor + tax_minor = total_minor", name="total_adds_up"),
    )
    op.create_index("ix_order_lines_order_id", "order_lines", ["order_id"])
