"""Who customers are at payment providers. Nothing of a card is kept here or elsewhere."""

from sqlalchemy import Column, Index, Integer, Table, UniqueConstraint
from sqlalchemy import text as sql

from shop.adapters.sql.schema.columns import ident, metadata, moment, text

wallets = Table(
    "wallets",
    metadata,
    ident("id", primary_key=True),
    ident("user_id"),
    text("provider"),
    text("customer_ref"),
    moment("created_at"),
    moment("updated_at"),
    Column("version", Integer, nullable=False),
    UniqueConstraint("user_id", "provider"),
)
Index(
    "uq_wallets_customer_ref",
    wallets.c.provider,
    wallets.c.customer_ref,
    unique=True,
    postgresql_where=sql("customer_ref <> ''"),
    sqlite_where=sql("customer_ref <> ''"),
)
