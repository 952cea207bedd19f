"""The first tables of what the shop sells."""

from alembic import op
from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Integer,
    PrimaryKeyConstraint,
    Text,
    UniqueConstraint,
)

from shop.adapters.sql.migrations.columns import document, ident, known, moment, text, within


def categories() -> None:
    op.create_table(
        "categories",
        ident("id", primary_key=True),
        text("slug"),
        text("name"),
        Column("description", Text, nullable=False),
        ident("parent_id", ForeignKey("categories.id"), nullable=True),
        Column("position", Integer, nullable=False),
        Column("seo_title", Text, nullable=False),
        Column("seo_description", Text, nullable=False),
        document("metadata"),
        moment("created_at"),
        moment("updated_at"),
        Column("version", Integer, nullable=False),
        UniqueConstraint("slug"),
        CheckConstraint("parent_id <> id", name="not_below_itself"),
    )
    op.create_index("ix_categories_parent_id", "categories", ["parent_id"])


def products() -> None:
    op.create_table(
        "products",
        ident("id", primary_key=True),
        text("slug"),
        text("title"),
        Column("description", Text, nullable=False),
        text("vendor"),
        text("status"),
        document("tags"),
        Column("seo_title", Text, nullable=False),
        Column("seo_description", Text, nullable=False),
        document("media"),
        document("options"),
        document("metadata"),
        moment("created_at"),
        moment("updated_at"),
        Column("version", Integer, nullable=False),
        Column("search_text", Text, nullable=False),
        document("price_ranges"),
        Column("price_from_minor", BigInteger, nullable=False),
        UniqueConstraint("slug"),
        known("status", "draft active archived"),
        within("price_from_minor", 0, 1_000_000_000_000_000),
        CheckConstraint("version > 0", name="version_positive"),
    )
    op.create_index("ix_products_status_created_at", "products", ["status", "created_at", "id"])
    op.create_index("ix_products_status_price", "products", ["status", "price_from_minor", "id"])
    op.create_index("ix_products_status_title", "products", ["status", "title", "id"])
    op.create_index("ix_products_status_updated_at", "products", ["status", "updated_at", "id"])
    op.create_index("ix_products_status_vendor", "products", ["status", "vendor", "created_at", "id"])


def product_categories() -> None:
    op.create_table(
        "product_categories",
        ident("product_id", ForeignKey("products.id", ondelete="CASCADE")),
        ident("category_id", ForeignKey("categories.id", ondelete="CASCADE")),
        Column("position", Integer, nullable=False),
        PrimaryKeyConstraint("product_id", "category_id"),
    )
    op.create_index("ix_product_categories_category_id", "product_categories", ["category_id"])


def variants() -> None:
    op.create_table(
        "variants",
        ident("id", primary_key=True),
        ident("product_id", ForeignKey("products.id", ondelete="CASCADE")),
        Column("position", Integer, nullable=False),
        text("sku", nullable=True),
        text("barcode"),
        document("options"),
        Column("weight_grams", Integer, nullable=False),
        text("tax_class"),
        Column("tracked", Boolean(create_constraint=False), nullable=False),
        Column("backorder_limit", Integer, nullable=False),
        Column("requires_shipping", Boolean(create_constraint=False), nullable=False),
        Column("archived", Boolean(create_constraint=False), nullable=False),
        document("metadata"),
        UniqueConstraint("sku"),
        within("weight_grams", 0, 100_000_000),
        within("backorder_limit", 0, 1_000_000),
    )
    op.create_index("ix_variants_product_id", "variants", ["product_id", "position"])


def variant_prices() -> None:
    op.create_table(
        "variant_prices",
        ident("variant_id", ForeignKey("variants.id", ondelete="CASCADE")),
        text("currency"),
        Column("position", Integer, nullable=False),
        Column("amount_minor", BigInteger, nullable=False),
        Column("compare_at_minor", BigInteger, nullable=True),
        PrimaryKeyConstraint("variant_id", "currency"),
        within("amount_minor", 0, 1_000_000_000_000),
        within("compare_at_minor", 0, 1_000_000_000_000),
        CheckConstraint("compare_at_minor >= amount_minor", name="compare_at_above"),
    )
