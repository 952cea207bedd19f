"""Which cards were declined in an attempt, not only the last one; and an index to find payments by that."""

from alembic import op

from shop.adapters.sql.migrations.columns import partial_index

revision = "0069"
down_revision = "0068"


def upgrade() -> None:
    postgres = op.get_bind().dialect.name == "postgresql"
    op.execute(
        f"ALTER TABLE payment_attempts ADD COLUMN declines {'JSONB' if postgres else 'TEXT'} NOT NULL DEFAULT '[]'"
    )
    # What is known of attempts from before is their last decline, until another card was taken. An authorisation that
    # lapsed was none.
    as_list = "jsonb_build_array" if postgres else "json_array"
    declined = "failure_code NOT IN ('', 'authorization_expired')"
    op.execute(f"UPDATE payment_attempts SET declines = {as_list}(failure_code) WHERE {declined}")  # noqa: S608
    op.execute("UPDATE payments SET failure_code = '' WHERE failure_code = 'authorization_expired'")
    partial_index("ix_payments_failure_code", "payments", ["failure_code", "created_at", "id"], "failure_code <> ''")


def downgrade() -> None:
    op.drop_index("ix_payments_failure_code", "payments")
    op.execute("ALTER TABLE payment_attempts DROP COLUMN declines")
