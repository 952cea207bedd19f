"""Orders of guests are found by the address, however it was written.

PostgreSQL only: SQLAlchemy cannot read such an index back from SQLite and would lose it when a table is made anew, and
a shop on SQLite has few orders to look through.
"""

from alembic import op

revision = "0061"
down_revision = "0060"


def upgrade() -> None:
    if op.get_context().dialect.name == "postgresql":
        op.execute("CREATE INDEX ix_orders_guest_email ON orders (lower(email)) WHERE owner_id IS NULL")


def downgrade() -> None:
    if op.get_context().dialect.name == "postgresql":
        op.execute("DROP INDEX ix_orders_guest_email")
