"""The first tables of what is where."""

from alembic import op
from sqlalchemy import (
    CheckConstraint,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Integer,
    PrimaryKeyConstraint,
    UniqueConstraint,
)

from shop.adapters.sql.migrations.columns import ident, known, moment, text, within


def locations() -> None:
    op.create_table(
        "locations",
        ident("id", primary_key=True),
        text("name"),
        text("country"),
        Column("priority", Integer, nullable=False),
        moment("created_at"),
        Column("version", Integer, nullable=False),
    )


def stock_levels() -> None:
    op.create_table(
        "stock_levels",
        ident("variant_id"),
        ident("location_id", ForeignKey("locations.id")),
        Column("on_hand", Integer, nullable=False),
        Column("reserved", Integer, nullable=False),
        Column("backorder_limit", Integer, nullable=False),
        Column("backorder_ceiling", Integer, nullable=False),
        Column("version", Integer, nullable=False),
        PrimaryKeyConstraint("variant_id", "location_id"),
        CheckConstraint("on_hand >= 0", name="on_hand_not_negative"),
        CheckConstraint("reserved >= 0", name="reserved_not_negative"),
        CheckConstraint("backorder_limit >= 0", name="backorder_limit_not_negative"),
        CheckConstraint("reserved <= on_hand + backorder_ceiling", name="not_oversold"),
    )
    op.create_index("ix_stock_levels_location_id", "stock_levels", ["location_id"])


def reservations() -> None:
    op.create_table(
        "reservations",
        ident("id", primary_key=True),
        ident("order_id", ForeignKey("orders.id")),
        ident("variant_id"),
        ident("location_id"),
        Column("quantity", Integer, nullable=False),
        text("state"),
        moment("expires_at", nullable=True),
        known("state", "held allocated released fulfilled"),
        within("quantity", 1, 1_000_000),
    )
    op.create_index("ix_reservations_level", "reservations", ["variant_id", "location_id"])
    op.create_index("ix_reservations_order_id", "reservations", ["order_id"])


def stock_movements() -> None:
    op.create_table(
        "stock_movements",
        ident("id", primary_key=True),
        ident("variant_id"),
        ident("location_id"),
        Column("on_hand", Integer, nullable=False),
        Column("reserved", Integer, nullable=False),
        text("kind"),
        text("source_kind"),
        ident("source_id"),
        text("reason"),
        moment("at"),
        ForeignKeyConstraint(["variant_id", "location_id"], ["stock_levels.variant_id", "stock_levels.location_id"]),
        UniqueConstraint(
            "variant_id", "location_id", "kind", "source_id", "source_kind", name="uq_stock_movements_source"
        ),
        known("kind", "received adjusted counted reserved released shipped returned"),
        within("on_hand", -1_000_000_000, 1_000_000_000),
        within("reserved", -1_000_000_000, 1_000_000_000),
        CheckConstraint("on_hand <> 0 OR reserved <> 0", name="changes_something"),
    )
    op.create_index("ix_stock_movements_variant", "stock_movements", ["variant_id", "at", "id"])
    op.create_index("ix_stock_movements_at", "stock_movements", ["at", "id"])
