"""Tables of what is where.

Levels name their variants without a foreign key: what was counted, moved and promised outlives the catalogue.
"""

from sqlalchemy import (
    CheckConstraint,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    PrimaryKeyConstraint,
    Table,
    UniqueConstraint,
)

from shop.adapters.sql.schema.columns import ident, metadata, moment, one_of, text, within
from shop.domain.inventory import QUANTITY_MAX, MovementKind, ReservationState

locations = Table(
    "locations",
    metadata,
    ident("id", primary_key=True),
    text("name"),
    text("country"),
    Column("priority", Integer, nullable=False),
    moment("created_at"),
    Column("version", Integer, nullable=False),
)

# `backorder_ceiling` is what the second wall against overselling measures by: the backorder limit, or what was
# promised beyond the stock already when the limit was lowered.
stock_levels = Table(
    "stock_levels",
    metadata,
    ident("variant_id"),
    ident("location_id", ForeignKey("locations.id"), index=True),
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

stock_movements = Table(
    "stock_movements",
    metadata,
    ident("id", primary_key=True),
    ident("variant_id"),
    ident("location_id"),
    Column("on_hand", Integer, nullable=False),
    Column("reserved", Integer, nullable=False),
    text("kind"),
    text("source_kind"),  # the prefix of the source's id
    ident("source_id"),
    text("reason"),
    moment("at"),
    ForeignKeyConstraint(["variant_id", "location_id"], ["stock_levels.variant_id", "stock_levels.location_id"]),
    UniqueConstraint("variant_id", "location_id", "kind", "source_id", "source_kind", name="uq_stock_movements_source"),
    one_of("kind", MovementKind),
    within("on_hand", -QUANTITY_MAX, QUANTITY_MAX),
    within("reserved", -QUANTITY_MAX, QUANTITY_MAX),
    CheckConstraint("on_hand <> 0 OR reserved <> 0", name="changes_something"),
)
Index("ix_stock_movements_variant", stock_movements.c.variant_id, stock_movements.c.at, stock_movements.c.id)
Index("ix_stock_movements_at", stock_movements.c.at, stock_movements.c.id)

reservations = Table(
    "reservations",
    metadata,
    ident("id", primary_key=True),
    ident("order_id", ForeignKey("orders.id"), index=True),
    ident("variant_id"),
    ident("location_id"),
    Column("quantity", Integer, nullable=False),
    text("state"),
    moment("expires_at", nullable=True),
    one_of("state", ReservationState),
    within("quantity", 1, 10**6),
)
Index("ix_reservations_level", reservations.c.variant_id, reservations.c.location_id)
