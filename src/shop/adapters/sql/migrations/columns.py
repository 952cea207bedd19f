"""What the tables in migrations are made of. Revisions rely on these: what they make must stay as it is."""

from collections.abc import Sequence

from alembic import op
from sqlalchemy import CheckConstraint
from sqlalchemy import text as sql

from shop.adapters.sql.schema.columns import document, ident, moment, text, within

__all__ = ["document", "ident", "known", "moment", "partial_index", "text", "within"]


def known(column: str, words: str) -> CheckConstraint:
    """The column holds one of these words."""
    listed = ", ".join(f"'{word}'" for word in words.split())
    return CheckConstraint(f"{column} IN ({listed})", name=f"{column}_known")


def partial_index(name: str, table: str, columns: Sequence[str], where: str, *, unique: bool = False) -> None:
    """An index of the rows for which `where` holds."""
    op.create_index(name, table, columns, unique=unique, postgresql_where=sql(where), sqlite_where=sql(where))
