"""The first tables of payments, of what providers said, and of the books."""

from alembic import op
from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Identity,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    UniqueConstraint,
)

from shop.adapters.sql.migrations.columns import document, ident, known, moment, partial_index, text, within


def inbox() -> None:
    op.create_table(
        "inbox",
        ident("id", primary_key=True),
        text("provider"),
        text("event_ref"),
        text("event_type"),
        text("object_ref"),
        Column("body", LargeBinary, nullable=False),
        text("state"),
        moment("received_at"),
        moment("settled_at", nullable=True),
        Column("version", Integer, nullable=False),
        UniqueConstraint("provider", "event_ref"),
        known("state", "new applied ignored parked"),
    )
    op.create_index("ix_inbox_object", "inbox", ["provider", "object_ref", "received_at"])


def payment_sessions() -> None:
    op.create_table(
        "payment_sessions",
        ident("id", primary_key=True),
        ident("cart_id", ForeignKey("carts.id")),
        text("provider"),
        text("method"),
        moment("created_at"),
        Column("version", Integer, nullable=False),
    )
    op.create_index("ix_payment_sessions_cart_id", "payment_sessions", ["cart_id"])


def payments() -> None:
    op.create_table(
        "payments",
        ident("id", primary_key=True),
        ident("order_id", ForeignKey("orders.id")),
        text("provider"),
        text("status"),
        text("failure_code"),
        text("currency"),
        Column("amount_minor", BigInteger, nullable=False),
        text("captured_currency"),
        Column("captured_minor", BigInteger, nullable=False),
        text("refunded_currency"),
        Column("refunded_minor", BigInteger, nullable=False),
        Column("processed", Boolean(create_constraint=False), nullable=False),
        Column("refund_due", Boolean(create_constraint=False), nullable=False),
        moment("created_at"),
        moment("updated_at"),
        Column("version", Integer, nullable=False),
        known("status", "new requires_action processing failed authorized captured cancelled"),
        within("amount_minor", 0, 1_000_000_000_000),
        within("captured_minor", 0, 1_000_000_000_000),
        within("refunded_minor", 0, 1_000_000_000_000),
        CheckConstraint("refunded_minor <= captured_minor", name="refunded_within_captured"),
    )
    op.create_index("ix_payments_status_created_at", "payments", ["status", "created_at", "id"])
    op.create_index("ix_payments_amount", "payments", ["amount_minor", "id"])
    op.create_index("ix_payments_created_at", "payments", ["created_at", "id"])
    op.create_index("ix_payments_order_id", "payments", ["order_id"])
    partial_index(
        "ix_payments_unfinished",
        "payments",
        ["updated_at", "id"],
        "status IN ('new', 'processing', 'authorized') OR refund_due",
    )


def ledger_entries() -> None:
    op.create_table(
        "ledger_entries",
        Column("seq", BigInteger().with_variant(Integer, "sqlite"), Identity(), primary_key=True),
        ident("id"),
        moment("at"),
        text("kind"),
        ident("order_id", ForeignKey("orders.id")),
        ident("payment_id", ForeignKey("payments.id")),
        text("provider"),
        text("provider_ref"),
        UniqueConstraint("id"),
        UniqueConstraint("provider", "provider_ref", "kind"),
        known("kind", "capture refund"),
    )
    op.create_index("ix_ledger_entries_order_id", "ledger_entries", ["order_id"])
    op.create_index("ix_ledger_entries_payment_id", "ledger_entries", ["payment_id"])


def payment_attempts() -> None:
    op.create_table(
        "payment_attempts",
        ident("id", primary_key=True),
        ident("payment_id", ForeignKey("payments.id", ondelete="CASCADE")),
        ident("order_id"),
        Column("position", Integer, nullable=False),
        text("provider"),
        text("method"),
        text("currency"),
        Column("amount_minor", BigInteger, nullable=False),
        text("status"),
        text("provider_ref"),
        text("failure_code"),
        document("next_action", nullable=True),
        text("client_secret"),
        moment("created_at"),
        moment("updated_at"),
        known("status", "new requires_action processing failed authorized captured cancelled"),
        within("amount_minor", 0, 1_000_000_000_000),
    )
    op.create_index("ix_payment_attempts_payment_id", "payment_attempts", ["payment_id", "position"])
    partial_index("uq_payment_attempts_live", "payment_attempts", ["order_id"], "status <> 'cancelled'", unique=True)
    partial_index(
        "uq_payment_attempts_provider_ref",
        "payment_attempts",
        ["provider", "provider_ref"],
        "provider_ref <> ''",
        unique=True,
    )


def ledger_postings() -> None:
    op.create_table(
        "ledger_postings",
        ident("entry_id", ForeignKey("ledger_entries.id")),
        Column("position", Integer, nullable=False),
        text("account"),
        text("currency"),
        Column("amount_minor", BigInteger, nullable=False),
        PrimaryKeyConstraint("entry_id", "position"),
        within("amount_minor", -1_000_000_000_000, 1_000_000_000_000),
    )
    op.create_index("ix_ledger_postings_account", "ledger_postings", ["account", "currency"])
