"""The audit log: entries, their chain, and walls around both."""

from alembic import op
from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKeyConstraint,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    UniqueConstraint,
)

from shop.adapters.sql.migrations.columns import document, ident, moment, partial_index, text

revision = "0060"
down_revision = "0054"
TABLES = ("audit_entries", "audit_chain")


def upgrade() -> None:
    op.create_table(
        "audit_entries",
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
    op.create_index("ix_audit_entries_at", "audit_entries", ["at", "id"])
    partial_index("ix_audit_entries_actor_id", "audit_entries", ["actor_id", "at", "id"], "actor_id <> ''")
    op.create_table(
        "audit_chain",
        Column("position", BigInteger().with_variant(Integer, "sqlite"), autoincrement=False, nullable=False),
        ident("entry_id"),
        Column("hash", LargeBinary, nullable=False),
        PrimaryKeyConstraint("position"),
        ForeignKeyConstraint(["entry_id"], ["audit_entries.id"]),
        UniqueConstraint("entry_id"),
        CheckConstraint("position > 0", name="position_counts"),
    )
    if op.get_context().dialect.name == "postgresql":
        _postgres_walls()
    else:
        _sqlite_walls()


def _postgres_walls() -> None:
    """The function was made with the first tables. TRUNCATE passes by the triggers of rows."""
    op.execute("CREATE INDEX ix_audit_entries_subjects ON audit_entries USING gin (subjects jsonb_path_ops)")
    for table in TABLES:
        op.execute(
            f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE ON {table}"
            " FOR EACH ROW EXECUTE FUNCTION forbid_change()"
        )
        op.execute(
            f"CREATE TRIGGER {table}_never_emptied BEFORE TRUNCATE ON {table}"
            " FOR EACH STATEMENT EXECUTE FUNCTION forbid_change()"
        )


def _sqlite_walls() -> None:
    """INSERT OR REPLACE takes a row away without a word to the triggers of DELETE."""
    for table in TABLES:
        refused = f"SELECT RAISE(ABORT, 'Rows of {table} are never changed or deleted.')"
        for verb in ("UPDATE", "DELETE"):
            op.execute(f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} BEGIN {refused}; END")
    for table, key in (("audit_entries", "id"), ("audit_chain", "position"), ("audit_chain", "entry_id")):
        op.execute(
            f"CREATE TRIGGER {table}_no_second_{key} BEFORE INSERT ON {table}"  # noqa: S608 - names of our own
            f" WHEN EXISTS (SELECT 1 FROM {table} WHERE {key} = new.{key})"
            f" BEGIN SELECT RAISE(ABORT, 'UNIQUE constraint failed: {table}.{key}'); END"
        )


def downgrade() -> None:
    for table in ("audit_chain", "audit_entries"):
        op.drop_table(table)
