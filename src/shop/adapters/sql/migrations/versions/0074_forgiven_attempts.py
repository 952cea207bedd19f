"""A delivery that people revived has all its attempts before it again."""

from alembic import op
from sqlalchemy import Column, Integer

revision = "0074"
down_revision = "0073"


def upgrade() -> None:
    op.add_column("deliveries", Column("forgiven", Integer, nullable=False, server_default="0"))


def downgrade() -> None:
    op.execute("ALTER TABLE deliveries DROP COLUMN forgiven")
