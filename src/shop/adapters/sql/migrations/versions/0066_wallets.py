"""Who customers are at payment providers, so that these can keep their ways to pay."""

from alembic import op
from sqlalchemy import Column, Integer, UniqueConstraint

from shop.adapters.sql.migrations.columns import ident, moment, partial_index, text

revision = "0066"
down_revision = "0064"


def upgrade() -> None:
    op.create_table(
        "wallets",
        ident("id", primary_key=True),
        ident("user_id"),
        text("provider"),
        text("customer_ref"),
        moment("created_at"),
        moment("updated_at"),
        Column("version", Integer, nullable=False),
        UniqueConstraint("user_id", "provider"),
    )
    partial_index("uq_wallets_customer_ref", "wallets", ["provider", "customer_ref"], "customer_ref <> ''", unique=True)


def downgrade() -> None:
    op.drop_table("wallets")
