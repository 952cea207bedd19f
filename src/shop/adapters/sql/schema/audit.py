"""The audit log: entries, and the chain that seals them. Rows are added to both, and never changed."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Table,
    UniqueConstraint,
)
from sqlalchemy import text as sql

from shop.adapters.sql.schema.columns import document, ident, metadata, moment, text

audit_entries = Table(
    "audit_entries",
    metadata,
    ident("id", primary_key=True),
    moment("at"),
    text("actor_kind"),
    text("actor_id"),
    text("source"),
    ident("request_id"),
    text("action"),
    document("subjects"),
    document("changes"),
)
Index("ix_audit_entries_at", audit_entries.c.at, audit_entries.c.id)
Index(
    "ix_audit_entries_actor_id",
    audit_entries.c.actor_id,
    audit_entries.c.at,
    audit_entries.c.id,
    postgresql_where=sql("actor_id <> ''"),
    sqlite_where=sql("actor_id <> ''"),
)

audit_chain = Table(
    "audit_chain",
    metadata,
    Column(
        "position",
        BigInteger().with_variant(Integer, "sqlite"),
        primary_key=True,
        autoincrement=False,
    ),
    ident("entry_id", ForeignKey("audit_entries.id")),
    Column("hash", LargeBinary, nullable=False),
    UniqueConstraint("entry_id"),
    CheckConstraint("position > 0", name="position_counts"),
)
