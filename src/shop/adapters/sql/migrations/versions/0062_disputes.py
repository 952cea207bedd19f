"""Disputes, and what people should know of an order."""

from alembic import op
from sqlalchemy import BigInteger, Column, ForeignKey, Integer

from shop.adapters.sql.migrations.columns import document, ident, known, moment, partial_index, text, within

revision = "0062"
down_revision = "0061"

_UNFINISHED = "status IN ('new', 'processing', 'authorized') OR refund_due"


def upgrade() -> None:
    op.create_table(
        "disputes",
        ident("id", primary_key=True),
        ident("payment_id", ForeignKey("payments.id")),
        ident("order_id", ForeignKey("orders.id")),
        text("provider"),
        text("provider_ref"),
        text("currency"),
        Column("amount_minor", BigInteger, nullable=False),
        text("reason"),
        text("status"),
        moment("due_at", nullable=True),
        document("moves"),
        document("written_off"),
        text("evidence_key"),
        text("evidence_by"),
        moment("evidence_at", nullable=True),
        moment("opened_at"),
        moment("created_at"),
        moment("updated_at"),
        Column("version", Integer, nullable=False),
        known(
            "status",
            "warning_needs_response warning_under_review warning_closed needs_response under_review prevented lost won",
        ),
        within("amount_minor", 0, 1_000_000_000_000),
    )
    op.create_index("ix_disputes_order_id", "disputes", ["order_id"])
    op.create_index("ix_disputes_payment_id", "disputes", ["payment_id", "created_at", "id"])
    op.create_index("ix_disputes_created_at", "disputes", ["created_at", "id"])
    op.create_index("ix_disputes_status_created_at", "disputes", ["status", "created_at", "id"])
    op.create_index("ix_disputes_due_at", "disputes", ["due_at"])
    op.create_index("uq_disputes_provider_ref", "disputes", ["provider", "provider_ref"], unique=True)
    op.create_index("ix_inbox_received_at", "inbox", ["received_at", "id"])
    op.create_index("ix_inbox_state_received_at", "inbox", ["state", "received_at", "id"])
    postgres = op.get_context().dialect.name == "postgresql"
    op.execute(f"ALTER TABLE orders ADD COLUMN flags {'JSONB' if postgres else 'TEXT'} NOT NULL DEFAULT '[]'")
    op.execute(f"ALTER TABLE payments ADD COLUMN disputed BOOLEAN NOT NULL DEFAULT {'false' if postgres else '0'}")
    op.drop_index("ix_payments_unfinished", "payments")
    partial_index("ix_payments_unfinished", "payments", ["updated_at", "id"], f"{_UNFINISHED} OR disputed")


def downgrade() -> None:
    op.drop_index("ix_payments_unfinished", "payments")
    partial_index("ix_payments_unfinished", "payments", ["updated_at", "id"], _UNFINISHED)
    op.execute("ALTER TABLE payments DROP COLUMN disputed")
    op.execute("ALTER TABLE orders DROP COLUMN flags")
    op.drop_index("ix_inbox_state_received_at", "inbox")
    op.drop_index("ix_inbox_received_at", "inbox")
    op.drop_table("disputes")
