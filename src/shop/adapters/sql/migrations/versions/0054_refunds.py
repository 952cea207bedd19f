"""Refunds as things of their own, what is reserved for them, and when to ask the provider again."""

from alembic import op
from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Integer

from shop.adapters.sql.migrations.columns import document, ident, known, moment, partial_index, text, within
from shop.adapters.sql.migrations.ledger import change_kinds

revision = "0054"
down_revision = "0051"

KINDS_BEFORE = "capture refund"
KINDS = "capture refund refund_reversal fee dispute dispute_reversal payout adjustment gift_card store_credit write_off"
_RESERVED = (
    "refund_reserved_minor BIGINT NOT NULL DEFAULT 0"
    " CONSTRAINT ck_payments_refund_reserved_minor_bounded"
    " CHECK (refund_reserved_minor BETWEEN 0 AND 1000000000000)"
    " CONSTRAINT ck_payments_refund_reserved_within_captured CHECK (refund_reserved_minor <= captured_minor)"
)
# Money that went back before refunds were kept: as the books have it.
_FROM_BOOKS = """
INSERT INTO refunds (id, payment_id, order_id, provider, provider_ref, currency, amount_minor, reason, note, lines,
    shipping_minor, restock, applied, status, requested_by, approved_by, failure_code, created_at, updated_at, version)
SELECT e.id, e.payment_id, e.order_id, e.provider, e.provider_ref, p.currency, -p.amount_minor, 'elsewhere', '', '[]',
    NULL, false, true, 'succeeded', 'system', '', '', e.at, e.at, 1
FROM ledger_entries e JOIN ledger_postings p ON p.entry_id = e.id AND p.amount_minor < 0
WHERE e.kind = 'refund'
"""
_STILL_OWED = """
INSERT INTO refunds (id, payment_id, order_id, provider, provider_ref, currency, amount_minor, reason, note, lines,
    shipping_minor, restock, applied, status, requested_by, approved_by, failure_code, created_at, updated_at, version)
SELECT id, id, order_id, provider, '', captured_currency, captured_minor - refunded_minor, 'unapplied', '', '[]',
    NULL, false, false, 'requested', 'system', '', '', updated_at, updated_at, 1
FROM payments WHERE refund_due AND captured_minor > refunded_minor
"""


def upgrade() -> None:
    op.create_table(
        "refunds",
        ident("id", primary_key=True),
        ident("payment_id", ForeignKey("payments.id")),
        ident("order_id", ForeignKey("orders.id")),
        text("provider"),
        text("provider_ref"),
        text("currency"),
        Column("amount_minor", BigInteger, nullable=False),
        text("reason"),
        text("note"),
        document("lines"),
        Column("shipping_minor", BigInteger, nullable=True),
        Column("restock", Boolean(create_constraint=False), nullable=False),
        Column("applied", Boolean(create_constraint=False), nullable=False),
        text("status"),
        text("requested_by"),
        text("approved_by"),
        text("failure_code"),
        moment("created_at"),
        moment("updated_at"),
        Column("version", Integer, nullable=False),
        known(
            "reason",
            "customer_request return damaged duplicate fraud goodwill cancellation other unapplied elsewhere",
        ),
        known("status", "pending_approval requested pending requires_action succeeded failed cancelled"),
        within("amount_minor", 1, 1_000_000_000_000),
    )
    op.create_index("ix_refunds_order_id", "refunds", ["order_id"])
    op.create_index("ix_refunds_payment_id", "refunds", ["payment_id", "created_at", "id"])
    op.create_index("ix_refunds_created_at", "refunds", ["created_at", "id"])
    op.create_index("ix_refunds_status_created_at", "refunds", ["status", "created_at", "id"])
    partial_index("uq_refunds_provider_ref", "refunds", ["provider", "provider_ref"], "provider_ref <> ''", unique=True)
    for column in (_RESERVED, "looks INTEGER NOT NULL DEFAULT 0"):
        op.execute(f"ALTER TABLE payments ADD COLUMN {column}")
    op.add_column("payments", moment("look_at", nullable=True))
    change_kinds(KINDS)
    op.execute(_FROM_BOOKS)
    op.execute(_STILL_OWED)
    op.execute(
        "UPDATE payments SET refund_reserved_minor = CASE WHEN refund_due THEN captured_minor ELSE refunded_minor END"
    )


def downgrade() -> None:
    change_kinds(KINDS_BEFORE)
    for column in ("look_at", "looks", "refund_reserved_minor"):
        op.execute(f"ALTER TABLE payments DROP COLUMN {column}")
    op.drop_table("refunds")
