"""What gift cards and store credit pay of an order, and what of a refund goes back to them."""

from alembic import op

from shop.adapters.sql.migrations.columns import document

revision = "0067"
down_revision = "0066"


def upgrade() -> None:
    op.add_column("orders", document("tenders", nullable=True))
    op.add_column("refunds", document("tenders", nullable=True))


def downgrade() -> None:
    op.execute("ALTER TABLE refunds DROP COLUMN tenders")
    op.execute("ALTER TABLE orders DROP COLUMN tenders")
