"""A limit of backorders holds for all locations together: the preferred level keeps it, the others had it once more.

What is promised beyond stock already stays promised: the ceiling is left as it is.
"""

from alembic import op

revision = "0077"
down_revision = "0076"


def upgrade() -> None:
    op.execute(
        "UPDATE stock_levels SET backorder_limit = 0, version = version + 1"
        " WHERE backorder_limit > 0 AND location_id <> ("
        "SELECT beside.location_id FROM stock_levels AS beside JOIN locations ON locations.id = beside.location_id"
        " WHERE beside.variant_id = stock_levels.variant_id ORDER BY locations.priority, locations.id LIMIT 1)"
    )


def downgrade() -> None:
    """Nobody knows any more which levels had it."""
