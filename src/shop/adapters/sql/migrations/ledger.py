"""Letting the books hold other kinds of entries. Revisions rely on this: what it does must stay as it is."""

from alembic import op
from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Identity,
    Integer,
    PrimaryKeyConstraint,
    UniqueConstraint,
)

from shop.adapters.sql.migrations.columns import ident, known, moment, text, within

_TABLES = ("ledger_entries", "ledger_postings")


def change_kinds(kinds: str, *, of_no_order: bool = False) -> None:
    """The books may hold these kinds of entries from now on, and, if so said, entries that are about no order. Fails
    when they hold another one."""
    if op.get_bind().dialect.name == "postgresql":
        listed = ", ".join(f"'{kind}'" for kind in kinds.split())
        op.execute("ALTER TABLE ledger_entries DROP CONSTRAINT ck_ledger_entries_kind_known")
        op.execute(f"ALTER TABLE ledger_entries ADD CONSTRAINT ck_ledger_entries_kind_known CHECK (kind IN ({listed}))")
        for column in ("order_id", "payment_id"):
            op.execute(f"ALTER TABLE ledger_entries ALTER COLUMN {column} {'DROP' if of_no_order else 'SET'} NOT NULL")
        return
    # SQLite changes no constraint: the rows are put aside and come back into new tables, in their order.
    for table in _TABLES:
        op.execute(f"CREATE TEMP TABLE {table}_aside AS SELECT * FROM {table}")  # noqa: S608
    for table in reversed(_TABLES):
        op.drop_table(table)
    _make(kinds, of_no_order)
    for table in _TABLES:
        op.execute(f"INSERT INTO {table} SELECT * FROM {table}_aside")  # noqa: S608
        op.execute(f"DROP TABLE {table}_aside")
        for verb in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} BEGIN"
                f" SELECT RAISE(ABORT, 'Rows of {table} are never changed or deleted.'); END"
            )


def _make(kinds: str, of_no_order: bool) -> None:
    op.create_table(
        "ledger_entries",
        Column("seq", BigInteger().with_variant(Integer, "sqlite"), Identity(), primary_key=True),
        ident("id"),
        moment("at"),
        text("kind"),
        ident("order_id", ForeignKey("orders.id"), nullable=of_no_order),
        ident("payment_id", ForeignKey("payments.id"), nullable=of_no_order),
        text("provider"),
        text("provider_ref"),
        UniqueConstraint("id"),
        UniqueConstraint("provider", "provider_ref", "kind"),
        known("kind", kinds),
    )
    op.create_index("ix_ledger_entries_order_id", "ledger_entries", ["order_id"])
    op.create_index("ix_ledger_entries_payment_id", "ledger_entries", ["payment_id"])
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
