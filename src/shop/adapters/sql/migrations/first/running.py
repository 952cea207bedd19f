"""The first tables of the shop's own running."""

from alembic import op
from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Identity,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    Text,
    UniqueConstraint,
)

from shop.adapters.sql.migrations.columns import document, ident, known, moment, partial_index, text


def answers() -> None:
    op.create_table(
        "answers",
        text("principal"),
        text("route"),
        text("key"),
        Column("fingerprint", LargeBinary, nullable=False),
        text("result"),
        moment("at"),
        PrimaryKeyConstraint("principal", "route", "key"),
    )
    op.create_index("ix_answers_at", "answers", ["at"])


def api_keys() -> None:
    op.create_table(
        "api_keys",
        ident("id", primary_key=True),
        text("name"),
        Column("fingerprint", LargeBinary, nullable=False),
        text("last4"),
        document("scopes"),
        moment("created_at"),
        moment("revoked_at", nullable=True),
        Column("version", Integer, nullable=False),
        UniqueConstraint("fingerprint"),
    )


def events() -> None:
    op.create_table(
        "events",
        Column("seq", BigInteger().with_variant(Integer, "sqlite"), Identity(), primary_key=True),
        ident("id"),
        text("type"),
        Column("schema", Integer, nullable=False),
        text("subject"),
        moment("at"),
        ident("request_id"),
        ident("caused_by", nullable=True),
        text("actor"),
        document("data"),
        UniqueConstraint("id"),
    )
    op.create_index("ix_events_at", "events", ["at", "id"])


def store_settings() -> None:
    op.create_table(
        "store_settings",
        Column("id", Integer, primary_key=True, autoincrement=False),
        document("document"),
        Column("version", Integer, nullable=False),
        CheckConstraint("id = 1", name="only_one"),
    )


def deliveries() -> None:
    op.create_table(
        "deliveries",
        Column("seq", BigInteger().with_variant(Integer, "sqlite"), Identity(), primary_key=True),
        ident("event_id", ForeignKey("events.id", ondelete="CASCADE")),
        text("subscriber"),
        text("subject"),
        text("state"),
        Column("attempts", Integer, nullable=False),
        moment("due_at"),
        moment("settled_at", nullable=True),
        Column("problem", Text, nullable=False),
        UniqueConstraint("event_id", "subscriber"),
        known("state", "pending done set_aside"),
    )
    partial_index("ix_deliveries_pending", "deliveries", ["seq", "due_at"], "state = 'pending'")
    partial_index("ix_deliveries_queue", "deliveries", ["subscriber", "subject", "seq"], "state = 'pending'")
    partial_index("ix_deliveries_set_aside", "deliveries", ["seq"], "state = 'set_aside'")
