"""Who made a key: it does no more than they may, and is no second person beside them.

Of the keys from before nobody knows who made them.
"""

from alembic import op

from shop.adapters.sql.migrations.columns import ident

revision = "0076"
down_revision = "0075"


def upgrade() -> None:
    op.add_column("api_keys", ident("created_by", nullable=True))


def downgrade() -> None:
    op.execute("ALTER TABLE api_keys DROP COLUMN created_by")
