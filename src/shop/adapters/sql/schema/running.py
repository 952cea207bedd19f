"""Tables of the shop's own running: keys, settings, events on their way, and answers given."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
)
from sqlalchemy import text as sql

from shop.adapters.sql.schema.columns import document, ident, metadata, moment, one_of, text
from shop.application.ports.outbox import DeliveryState
from shop.domain.identity import KeyKind

api_keys = Table(
    "api_keys",
    metadata,
    ident("id", primary_key=True),
    text("name"),
    Column("fingerprint", LargeBinary, nullable=False),
    text("last4"),
    document("scopes"),
    moment("created_at"),
    moment("revoked_at", nullable=True),
    Column("version", Integer, nullable=False),
    text("kind"),
    moment("expires_at", nullable=True),
    moment("last_used_at", nullable=True),
    Column("old_fingerprint", LargeBinary, nullable=True),
    moment("old_until", nullable=True),
    ident("created_by", nullable=True),
    UniqueConstraint("fingerprint"),
    UniqueConstraint("old_fingerprint"),
    one_of("kind", KeyKind),
    CheckConstraint("(old_fingerprint IS NULL) = (old_until IS NULL)", name="old_says_until_when"),
)

store_settings = Table(
    "store_settings",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    document("document"),
    Column("version", Integer, nullable=False),
    CheckConstraint("id = 1", name="only_one"),
)

# How far the clock of a shop that is not in production is ahead. No row: not at all.
shop_clock = Table(
    "shop_clock",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("offset_microseconds", BigInteger, nullable=False),
    CheckConstraint("id = 1", name="only_one"),
    CheckConstraint("offset_microseconds >= 0", name="never_behind"),
)

events = Table(
    "events",
    metadata,
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
Index("ix_events_at", events.c.at, events.c.id)

# A delivery that is leased is a pending one that is not due before the lease ends; `attempts` is the fencing
# token and never begins anew; those of them that are forgiven were made before people revived it.
deliveries = Table(
    "deliveries",
    metadata,
    Column("seq", BigInteger().with_variant(Integer, "sqlite"), Identity(), primary_key=True),
    ident("event_id", ForeignKey("events.id", ondelete="CASCADE")),
    text("subscriber"),
    text("subject"),
    text("state"),
    Column("attempts", Integer, nullable=False),
    Column("forgiven", Integer, nullable=False, server_default="0"),
    moment("due_at"),
    moment("settled_at", nullable=True),
    Column("problem", Text, nullable=False),
    UniqueConstraint("event_id", "subscriber"),
    one_of("state", DeliveryState),
)
Index(
    "ix_deliveries_queue",
    deliveries.c.subscriber,
    deliveries.c.subject,
    deliveries.c.seq,
    postgresql_where=sql("state = 'pending'"),
    sqlite_where=sql("state = 'pending'"),
)
Index(
    "ix_deliveries_pending",
    deliveries.c.seq,
    deliveries.c.due_at,
    postgresql_where=sql("state = 'pending'"),
    sqlite_where=sql("state = 'pending'"),
)
Index(
    "ix_deliveries_set_aside",
    deliveries.c.seq,
    postgresql_where=sql("state = 'set_aside'"),
    sqlite_where=sql("state = 'set_aside'"),
)

answers = Table(
    "answers",
    metadata,
    text("principal"),
    text("route"),
    text("key"),
    Column("fingerprint", LargeBinary, nullable=False),
    text("result"),
    moment("at"),
    PrimaryKeyConstraint("principal", "route", "key"),
)
Index("ix_answers_at", answers.c.at)
