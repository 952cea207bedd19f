"""Tables of plans and subscriptions. A period becomes at most one order, by a unique key."""

from sqlalchemy import BigInteger, Boolean, CheckConstraint, Column, ForeignKey, Index, Integer, Table, UniqueConstraint
from sqlalchemy import text as sql

from shop.adapters.sql.schema.columns import amounts, document, ident, metadata, moment, one_of, text, within
from shop.domain.subscriptions import AfterDunning, IntervalUnit, SubscriptionStatus

plans = Table(
    "plans",
    metadata,
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
    one_of("interval_unit", IntervalUnit),
    one_of("after_dunning", AfterDunning),
    within("interval_count", 1, 366),
    within("trial_days", 0, 730),
)
Index("ix_plans_created_at", plans.c.created_at, plans.c.id)

subscriptions = Table(
    "subscriptions",
    metadata,
    ident("id", primary_key=True),
    ident("owner_id"),
    ident("plan_id", ForeignKey("plans.id"), index=True),
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
    ident("order_id", nullable=True),
    ident("order_line_id", nullable=True),
    one_of("status", SubscriptionStatus),
    one_of("interval_unit", IntervalUnit),
    one_of("after_dunning", AfterDunning),
    within("quantity", 1, 1000),
    CheckConstraint("begun >= 0", name="begun_counts"),
    CheckConstraint("tries >= 0", name="tries_counts"),
    *amounts("unit_price_minor"),
    *amounts("balance_minor", negative=True),
)
Index("ix_subscriptions_created_at", subscriptions.c.created_at, subscriptions.c.id)
Index("ix_subscriptions_owner", subscriptions.c.owner_id, subscriptions.c.created_at, subscriptions.c.id)
Index("ix_subscriptions_status", subscriptions.c.status, subscriptions.c.created_at, subscriptions.c.id)
Index(
    "ix_subscriptions_due_at",
    subscriptions.c.due_at,
    subscriptions.c.id,
    postgresql_where=sql("due_at IS NOT NULL"),
    sqlite_where=sql("due_at IS NOT NULL"),
)
Index(
    "uq_subscriptions_provider_ref",
    subscriptions.c.provider,
    subscriptions.c.provider_ref,
    unique=True,
    postgresql_where=sql("provider_ref <> ''"),
    sqlite_where=sql("provider_ref <> ''"),
)
Index(
    "uq_subscriptions_order_line",
    subscriptions.c.order_id,
    subscriptions.c.order_line_id,
    unique=True,
    postgresql_where=sql("order_id IS NOT NULL"),
    sqlite_where=sql("order_id IS NOT NULL"),
)

renewals = Table(
    "renewals",
    metadata,
    ident("subscription_id", ForeignKey("subscriptions.id"), primary_key=True),
    Column("period_start", moment("period_start").type, primary_key=True),
    moment("period_end"),
    ident("order_id", ForeignKey("orders.id")),
    UniqueConstraint("order_id", "subscription_id"),  # a checkout may begin several
    CheckConstraint("period_start < period_end", name="period_has_length"),
)
