"""The tables that the shop began with."""

from alembic import op
from sqlalchemy.schema import CreateSequence, DropSequence, Sequence

from shop.adapters.sql.migrations.first import catalog, inventory, money, running, sales, walls

revision = "0001"
down_revision = None

TABLES = (
    catalog.products,
    catalog.variants,
    catalog.variant_prices,
    catalog.categories,
    catalog.product_categories,
    inventory.locations,
    inventory.stock_levels,
    inventory.stock_movements,
    sales.carts,
    sales.cart_items,
    sales.orders,
    sales.order_lines,
    inventory.reservations,
    money.payment_sessions,
    money.payments,
    money.payment_attempts,
    money.inbox,
    money.ledger_entries,
    money.ledger_postings,
    running.api_keys,
    running.store_settings,
    running.events,
    running.deliveries,
    running.answers,
)


def upgrade() -> None:
    for create in TABLES:
        create()
    if op.get_bind().dialect.name == "postgresql":
        op.execute(CreateSequence(Sequence("order_numbers", start=1001)))
        walls.postgres_up()
    else:
        walls.sqlite_up()


def downgrade() -> None:
    on_postgres = op.get_bind().dialect.name == "postgresql"
    if not on_postgres:
        walls.sqlite_down()
    for create in reversed(TABLES):
        op.drop_table(create.__name__)
    if on_postgres:
        walls.postgres_down()
        op.execute(DropSequence(Sequence("order_numbers")))
