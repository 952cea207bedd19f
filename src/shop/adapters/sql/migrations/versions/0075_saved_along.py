"""Whether a card is saved along with paying."""

from alembic import op

revision = "0075"
down_revision = "0074"

_TABLES = ("payment_sessions", "payment_attempts")


def upgrade() -> None:
    for table in _TABLES:
        op.execute(f"ALTER TABLE {table} ADD COLUMN saves BOOLEAN NOT NULL DEFAULT false")


def downgrade() -> None:
    for table in _TABLES:
        op.execute(f"ALTER TABLE {table} DROP COLUMN saves")
