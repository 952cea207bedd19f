"""Tables of what the shop sells.

`search_text`, `price_ranges` and `price_from_minor` follow from the rest of a product and are kept when it is
saved. PostgreSQL indexes the search text by itself; on SQLite triggers keep `product_words` (full text) in step.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Computed,
    ForeignKey,
    Index,
    Integer,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
)
from sqlalchemy.dialects import postgresql

from shop.adapters.sql.schema.columns import amounts, document, ident, metadata, moment, one_of, text, within
from shop.application.ports.paging import PRICELESS
from shop.domain.catalog import ProductStatus

products = Table(
    "products",
    metadata,
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
    document("price_ranges"),  # {"EUR": [lowest, highest]} of the live variants
    Column("price_from_minor", BigInteger, nullable=False),  # in the first currency; PRICELESS without a price
    UniqueConstraint("slug"),
    one_of("status", ProductStatus),
    within("price_from_minor", 0, PRICELESS),
    CheckConstraint("version > 0", name="version_positive"),
)
Index("ix_products_status_created_at", products.c.status, products.c.created_at, products.c.id)
Index("ix_products_status_updated_at", products.c.status, products.c.updated_at, products.c.id)
Index("ix_products_status_title", products.c.status, products.c.title, products.c.id)
Index("ix_products_status_price", products.c.status, products.c.price_from_minor, products.c.id)
Index("ix_products_status_vendor", products.c.status, products.c.vendor, products.c.created_at, products.c.id)

# PostgreSQL only: added to its table by the migration, and named here for the statements that search.
SEARCH_VECTOR = Column(
    "search_vector", postgresql.TSVECTOR, Computed("to_tsvector('simple', search_text)", persisted=True)
)

variants = Table(
    "variants",
    metadata,
    ident("id", primary_key=True),
    ident("product_id", ForeignKey("products.id", ondelete="CASCADE")),
    Column("position", Integer, nullable=False),
    text("sku", nullable=True),  # NULL where there is none, so that those are not alike
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
    within("weight_grams", 0, 10**8),
    within("backorder_limit", 0, 10**6),
)
Index("ix_variants_product_id", variants.c.product_id, variants.c.position)

variant_prices = Table(
    "variant_prices",
    metadata,
    ident("variant_id", ForeignKey("variants.id", ondelete="CASCADE")),
    text("currency"),
    Column("position", Integer, nullable=False),
    Column("amount_minor", BigInteger, nullable=False),
    Column("compare_at_minor", BigInteger, nullable=True),
    PrimaryKeyConstraint("variant_id", "currency"),
    *amounts("amount_minor", "compare_at_minor"),
    CheckConstraint("compare_at_minor >= amount_minor", name="compare_at_above"),
)

categories = Table(
    "categories",
    metadata,
    ident("id", primary_key=True),
    text("slug"),
    text("name"),
    Column("description", Text, nullable=False),
    ident("parent_id", ForeignKey("categories.id"), nullable=True, index=True),
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

product_categories = Table(
    "product_categories",
    metadata,
    ident("product_id", ForeignKey("products.id", ondelete="CASCADE")),
    ident("category_id", ForeignKey("categories.id", ondelete="CASCADE"), index=True),
    Column("position", Integer, nullable=False),
    PrimaryKeyConstraint("product_id", "category_id"),
)
