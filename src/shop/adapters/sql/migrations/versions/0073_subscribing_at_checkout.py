"""A line of a cart may come by a plan, and a line of an order begin a subscription.

Only tables that no other points at are made anew, as SQLite has to.
"""

from uuid import UUID

from alembic import op
from sqlalchemy import text as sql

from shop.adapters.sql.migrations.columns import ident, partial_index

revision = "0073"
down_revision = "0072"
ONCE = UUID(int=0)
"""How a line of a cart says that it comes once."""


def upgrade() -> None:
    postgres = op.get_bind().dialect.name == "postgresql"
    once = sql(f"'{ONCE}'" if postgres else f"(x'{ONCE.hex}')")
    with op.batch_alter_table("cart_items") as items:
        items.add_column(ident("plan_id", server_default=once))
        items.drop_constraint(op.f("uq_cart_items_cart_id_variant_id"), type_="unique")
        items.create_unique_constraint(
            op.f("uq_cart_items_cart_id_variant_id_plan_id"), ["cart_id", "variant_id", "plan_id"]
        )
    op.add_column("order_lines", ident("plan_id", nullable=True))
    op.add_column("subscriptions", ident("order_id", nullable=True))
    op.add_column("subscriptions", ident("order_line_id", nullable=True))
    both = ["order_id", "order_line_id"]
    partial_index("uq_subscriptions_order_line", "subscriptions", both, "order_id IS NOT NULL", unique=True)
    with op.batch_alter_table("renewals") as renewals:
        renewals.drop_constraint(op.f("uq_renewals_order_id"), type_="unique")
        renewals.create_unique_constraint(op.f("uq_renewals_order_id_subscription_id"), ["order_id", "subscription_id"])


def downgrade() -> None:
    # The tables of before have no room for several subscriptions of one order, nor for lines that come by a plan.
    op.execute(
        "DELETE FROM renewals WHERE EXISTS (SELECT 1 FROM renewals AS other"
        " WHERE other.order_id = renewals.order_id AND other.subscription_id < renewals.subscription_id)"
    )
    op.execute("DELETE FROM cart_items WHERE plan_id IN (SELECT id FROM plans)")
    with op.batch_alter_table("renewals") as renewals:
        renewals.drop_constraint(op.f("uq_renewals_order_id_subscription_id"), type_="unique")
        renewals.create_unique_constraint(op.f("uq_renewals_order_id"), ["order_id"])
    op.drop_index("uq_subscriptions_order_line", "subscriptions")
    for table, column in (
        ("subscriptions", "order_line_id"),
        ("subscriptions", "order_id"),
        ("order_lines", "plan_id"),
    ):
        op.execute(f"ALTER TABLE {table} DROP COLUMN {column}")
    with op.batch_alter_table("cart_items") as items:
        items.drop_constraint(op.f("uq_cart_items_cart_id_variant_id_plan_id"), type_="unique")
        items.create_unique_constraint(op.f("uq_cart_items_cart_id_variant_id"), ["cart_id", "variant_id"])
        items.drop_column("plan_id")
