"""Plans, subscriptions and which period became which order."""

from alembic import op
from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKeyConstraint,
    Integer,
    PrimaryKeyConstraint,
    UniqueConstraint,
)

from shop.adapters.sql.migrations.columns import document, ident, known, moment, partial_index, text, within

revision = "0042"
down_revision = "0041"
UNITS = "day week month year"
ENDS = "cancel unpaid"
STATES = "incomplete trialing active past_due unpaid paused cancelled incomplete_expired"


def upgrade() -> None:
    _plans()
    _subscriptions()
    _indexes()
    op.create_table(
        "renewals",
        ident("subscription_id"),
        moment("period_start"),
        moment("period_end"),
        ident("order_id"),
        PrimaryKeyConstraint("subscription_id", "period_start"),
        ForeignKeyConstraint(["subscription_id"], ["subscriptions.id"]),
        ForeignKeyConstraint(["order_id"], ["orders.id"]),
        UniqueConstraint("order_id"),
        CheckConstraint("period_start < period_end", name="period_has_length"),
    )


def _plans() -> None:
    op.create_table(
        "plans",
        ident("id", primary_key=True),
        text("code"),
        text("name"),
        ident("variant_id"),
        text("interval_unit"),
        Column("interval_count", Integer, nullable=False),
        document("prices"),
        Column("trial_days", Integer, nullable=False),
        text("after_dunning"),
        moment("created_at"),
        moment("updated_at"),
        moment("archived_at", nullable=True),
        Column("version", Integer, nullable=False),
        UniqueConstraint("code"),
        known("interval_unit", UNITS),
        known("after_dunning", ENDS),
        within("interval_count", 1, 366),
        within("trial_days", 0, 730),
    )
    op.create_index("ix_plans_created_at", "plans", ["created_at", "id"])


def _subscriptions() -> None:
    op.create_table(
        "subscriptions",
        ident("id", primary_key=True),
        ident("owner_id"),
        ident("plan_id"),
        ident("variant_id"),
        text("title"),
        text("interval_unit"),
        Column("interval_count", Integer, nullable=False),
        Column("unit_price_minor", BigInteger, nullable=False),
        text("currency"),
        Column("quantity", Integer, nullable=False),
        text("after_dunning"),
        text("email"),
        document("shipping_address", nullable=True),
        document("billing_address", nullable=True),
        text("shipping_code"),
        text("provider"),
        text("method"),
        text("provider_ref"),
        text("status"),
        moment("anchor"),
        Column("begun", Integer, nullable=False),
        moment("period_start"),
        moment("period_end"),
        moment("trial_ends_at", nullable=True),
        Column("trial_noticed", Boolean(create_constraint=False), nullable=False),
        Column("balance_minor", BigInteger, nullable=False),
        ident("open_order", nullable=True),
        Column("tries", Integer, nullable=False),
        moment("due_at", nullable=True),
        Column("cancel_at_period_end", Boolean(create_constraint=False), nullable=False),
        text("cancel_reason"),
        moment("created_at"),
        moment("updated_at"),
        moment("cancelled_at", nullable=True),
        Column("version", Integer, nullable=False),
        ForeignKeyConstraint(["plan_id"], ["plans.id"]),
        known("status", STATES),
        known("interval_unit", UNITS),
        known("after_dunning", ENDS),
        within("quantity", 1, 1000),
        CheckConstraint("begun >= 0", name="begun_counts"),
        CheckConstraint("tries >= 0", name="tries_counts"),
        within("unit_price_minor", 0, 10**12),
        within("balance_minor", -(10**12), 10**12),
    )


def _indexes() -> None:
    table = "subscriptions"
    op.create_index("ix_subscriptions_plan_id", table, ["plan_id"])
    op.create_index("ix_subscriptions_created_at", table, ["created_at", "id"])
    op.create_index("ix_subscriptions_owner", table, ["owner_id", "created_at", "id"])
    op.create_index("ix_subscriptions_status", table, ["status", "created_at", "id"])
    partial_index("ix_subscriptions_due_at", table, ["due_at", "id"], "due_at IS NOT NULL")
    known_ones = "provider_ref <> ''"
    partial_index("uq_subscriptions_provider_ref", table, ["provider", "provider_ref"], known_ones, unique=True)


def downgrade() -> None:
    for table in ("renewals", "subscriptions", "plans"):
        op.drop_table(table)
