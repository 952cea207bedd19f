"""The brand of the card that paid."""

from alembic import op

revision = "0063"
down_revision = "0062"


def upgrade() -> None:
    collated = ' COLLATE "C"' if op.get_context().dialect.name == "postgresql" else ""
    op.execute(f"ALTER TABLE payment_attempts ADD COLUMN brand TEXT{collated} NOT NULL DEFAULT ''")


def downgrade() -> None:
    op.execute("ALTER TABLE payment_attempts DROP COLUMN brand")
