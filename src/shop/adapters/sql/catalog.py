"""Products and categories in tables."""

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, bindparam, delete, not_, select

from shop.adapters.sql.database import Row, Write
from shop.adapters.sql.documents import from_media, from_options, to_media, to_options
from shop.adapters.sql.gathering import ADDED, BELOW, REMOVED, Gathered, Rank, Root
from shop.adapters.sql.schema import product_categories, products, variant_prices, variants
from shop.adapters.sql.statements import Statement, any_of, insert_into, json_rows
from shop.adapters.sql.store import stored_settings
from shop.application.ports.paging import PRICELESS
from shop.application.ports.search import product_words
from shop.domain.catalog import (
    Price,
    Product,
    ProductNotFound,
    ProductStatus,
    Variant,
)
from shop.domain.kernel.identifiers import CategoryId, ProductId, VariantId
from shop.domain.kernel.money import Money
from shop.domain.kernel.texts import storable

_ROOT = Root.of(products, fixed=["created_at"])
_PRICES = (
    select(
        json_rows(
            variant_prices.c.position,
            variant_prices.c.amount_minor,
            variant_prices.c.currency,
            variant_prices.c.compare_at_minor,
        )
    )
    .where(variant_prices.c.variant_id == variants.c.id)
    .correlate(variants)
    .scalar_subquery()
)
_VARIANTS = (
    select(
        json_rows(
            variants.c.position,
            variants.c.id,
            variants.c.sku,
            variants.c.barcode,
            variants.c.options,
            _PRICES,
            variants.c.weight_grams,
            variants.c.tax_class,
            variants.c.tracked,
            variants.c.backorder_limit,
            variants.c.requires_shipping,
            variants.c.archived,
            variants.c.metadata,
        )
    )
    .where(variants.c.product_id == products.c.id)
    .scalar_subquery()
)
_CATEGORIES = (
    select(json_rows(product_categories.c.position, product_categories.c.category_id))
    .where(product_categories.c.product_id == products.c.id)
    .scalar_subquery()
)
PRODUCT_COLUMNS: tuple[ColumnElement[Any], ...] = (
    *products.columns,
    _VARIANTS.label("variants"),
    _CATEGORIES.label("categories"),
)
_PRODUCT = select(*PRODUCT_COLUMNS)
_GET = Statement(_PRODUCT.where(products.c.id == bindparam("product_id")))
_BY_SLUG = Statement(_PRODUCT.where(products.c.slug == bindparam("of_slug")))
_BY_SKU = Statement(
    _PRODUCT.where(products.c.id.in_(select(variants.c.product_id).where(variants.c.sku == bindparam("of_sku"))))
)
_BY_VARIANT = Statement(
    _PRODUCT.where(products.c.id.in_(select(variants.c.product_id).where(variants.c.id == bindparam("of_variant"))))
)
_ADD_VARIANTS, _PUT_VARIANTS = insert_into(variants), insert_into(variants, replace=["id"])
_ADD_PRICES = insert_into(variant_prices)
_PUT_PRICES = insert_into(variant_prices, replace=["variant_id", "currency"])
_ADD_LINKS = insert_into(product_categories)
_PUT_LINKS = insert_into(product_categories, replace=["product_id", "category_id"])
_REMOVE_VARIANTS = Statement(
    delete(variants).where(variants.c.product_id == bindparam("of_product"), not_(any_of(variants.c.id, "kept")))
)
_REMOVE_PRICES = Statement(
    delete(variant_prices).where(
        variant_prices.c.variant_id == bindparam("of_variant"), not_(any_of(variant_prices.c.currency, "kept"))
    )
)
_REMOVE_LINKS = Statement(
    delete(product_categories).where(
        product_categories.c.product_id == bindparam("of_product"),
        not_(any_of(product_categories.c.category_id, "kept")),
    )
)


def product_of(row: Row) -> Product:
    """The product in a row of PRODUCT_COLUMNS."""
    return Product(
        id=ProductId(row["id"]),
        slug=row["slug"],
        title=row["title"],
        description=row["description"],
        vendor=row["vendor"],
        status=ProductStatus(row["status"]),
        tags=tuple(row["tags"]),
        seo_title=row["seo_title"],
        seo_description=row["seo_description"],
        media=to_media(row["media"]),
        options=to_options(row["options"]),
        variants=tuple(_variant_of(document) for document in _in_order(row["variants"])),
        category_ids=tuple(CategoryId(UUID(category)) for _, category in _in_order(row["categories"])),
        metadata=row["metadata"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        version=row["version"],
    )


def _in_order(documents: Iterable[Sequence[Any]]) -> list[Sequence[Any]]:
    return sorted(documents, key=lambda document: document[0])


def _variant_of(document: Sequence[Any]) -> Variant:
    _, variant, sku, barcode, options, prices, weight, tax_class, tracked, limit, shipped, archived, metadata = document
    return Variant(
        id=VariantId(UUID(variant)),
        sku=sku or "",
        barcode=barcode,
        options=tuple(options),
        prices=tuple(
            Price(
                amount=Money(amount, currency),
                compare_at=Money(compare_at, currency) if compare_at is not None else None,
            )
            for _, amount, currency, compare_at in _in_order(prices)
        ),
        weight_grams=weight,
        tax_class=tax_class,
        tracked=bool(tracked),
        backorder_limit=limit,
        requires_shipping=bool(shipped),
        archived=bool(archived),
        metadata=metadata,
    )


class SqlProductRepository:
    """Products, with variants, prices and places in the tree as rows of their own: only what changed is written."""

    def __init__(self, gathered: Gathered) -> None:
        self._gathered = gathered
        self._read: dict[ProductId, Product] = {}
        self._roots: list[Write] = []

    async def get(self, product_id: ProductId) -> Product:
        product = self._product(await self._gathered.database.fetch_one(_GET, product_id=product_id.uuid))
        if product is None:
            raise ProductNotFound(f"There is no product {product_id}.")
        return product

    async def find_by_slug(self, slug: str) -> Product | None:
        if not storable(slug):
            return None
        return self._product(await self._gathered.database.fetch_one(_BY_SLUG, of_slug=slug))

    async def find_by_sku(self, sku: str) -> Product | None:
        if not storable(sku):
            return None
        return self._product(await self._gathered.database.fetch_one(_BY_SKU, of_sku=sku))

    async def find_by_variant(self, variant_id: VariantId) -> Product | None:
        return self._product(await self._gathered.database.fetch_one(_BY_VARIANT, of_variant=variant_id.uuid))

    def save(self, product: Product) -> None:
        before = self._read.get(product.id) if product.version else None
        root = _ROOT.write(Rank.PRODUCT, _row(product), product.version)
        if not self._roots:
            self._gathered.before_the_end(self._price_from)
        self._roots.append(root)
        writes = [
            root,
            *_variant_writes(before, product),
            *_price_writes(before, product),
            *_link_writes(before, product),
        ]
        self._gathered.save(Rank.PRODUCT, product.id.uuid, product, writes)

    async def _price_from(self) -> None:
        """Products sort by their price in the shop's first currency; without one, behind all that have one."""
        currency = (await stored_settings(self._gathered.database)).store.currency
        for root in self._roots:
            row = root.rows[0]
            ranges = row["price_ranges"]
            row["price_from_minor"] = ranges[currency][0] if currency in ranges else PRICELESS

    def _product(self, row: Row | None) -> Product | None:
        if row is None:
            return None
        # Read twice: the one that is remembered must not change with the one that is given out.
        self._read[ProductId(row["id"])] = product_of(row)
        return product_of(row)


def _row(product: Product) -> dict[str, Any]:
    return {
        "id": product.id.uuid,
        "slug": product.slug,
        "title": product.title,
        "description": product.description,
        "vendor": product.vendor,
        "status": product.status,
        "tags": list(product.tags),
        "seo_title": product.seo_title,
        "seo_description": product.seo_description,
        "media": from_media(product.media),
        "options": from_options(product.options),
        "metadata": dict(product.metadata),
        "created_at": product.created_at,
        "updated_at": product.updated_at,
        "search_text": " ".join(product_words(product)),
        "price_ranges": price_ranges(product),
    }


def price_ranges(product: Product) -> dict[str, list[int]]:
    """The lowest and the highest price of its live variants, by currency."""
    amounts: dict[str, list[int]] = {}
    for variant in product.live_variants:
        for price in variant.prices:
            amounts.setdefault(price.amount.currency, []).append(price.amount.minor)
    return {currency: [min(found), max(found)] for currency, found in amounts.items()}


def _variant_writes(before: Product | None, product: Product) -> Iterable[Write]:
    rows = [_variant_row(product.id.uuid, *numbered) for numbered in enumerate(product.variants)]
    known = [_variant_row(product.id.uuid, *n) for n in enumerate(before.variants)] if before else None
    kept = {"of_product": product.id.uuid, "kept": [row["id"] for row in rows]}
    for write in _row_writes(
        product.version == 0, rows, known, "id", (_ADD_VARIANTS, _PUT_VARIANTS, _REMOVE_VARIANTS), kept, 0
    ):
        yield from _givers_first(write) if write.statement is _PUT_VARIANTS else (write,)


def _givers_first(write: Write) -> Iterable[Write]:
    """Variants that have no SKU (any more) before the others, of whatever product: one of those may take it over."""
    for rank, bare in ((Rank.PRODUCT + REMOVED, True), (write.rank, False)):
        rows = [row for row in write.rows if (row["sku"] is None) is bare]
        if rows:
            yield Write(write.statement, rows, rank, write.expect)


def _price_writes(before: Product | None, product: Product) -> Iterable[Write]:
    known_prices = {variant.id: variant.prices for variant in before.variants} if before else {}
    for variant in product.variants:
        rows = _price_rows(variant.id.uuid, variant.prices)
        new = product.version == 0 or (before is not None and variant.id not in known_prices)
        known = _price_rows(variant.id.uuid, known_prices[variant.id]) if variant.id in known_prices else None
        kept = {"of_variant": variant.id.uuid, "kept": [row["currency"] for row in rows]}
        yield from _row_writes(new, rows, known, "currency", (_ADD_PRICES, _PUT_PRICES, _REMOVE_PRICES), kept, BELOW)


def _link_writes(before: Product | None, product: Product) -> Iterable[Write]:
    rows = _link_rows(product.id.uuid, product.category_ids)
    known = _link_rows(product.id.uuid, before.category_ids) if before else None
    kept = {"of_product": product.id.uuid, "kept": [row["category_id"] for row in rows]}
    yield from _row_writes(
        product.version == 0, rows, known, "category_id", (_ADD_LINKS, _PUT_LINKS, _REMOVE_LINKS), kept, 0
    )


def _row_writes(
    new: bool,
    rows: Sequence[dict[str, Any]],
    known: Sequence[dict[str, Any]] | None,
    key: str,
    statements: tuple[Statement, Statement, Statement],
    kept: dict[str, Any],
    below: int,
) -> Iterable[Write]:
    """What makes the stored rows these: all of a new parent, the differences to what was read, or whatever it takes."""
    add, put, remove_others = statements
    by_key = {row[key]: row for row in known or ()}
    if not new and (known is None or by_key.keys() - {row[key] for row in rows}):
        yield Write(remove_others, [kept], Rank.PRODUCT + REMOVED + below)
    added = list(rows) if new else [row for row in rows if known is not None and row[key] not in by_key]
    changed = [] if new else [row for row in rows if row not in added and by_key.get(row[key]) != row]
    if changed:
        yield Write(put, changed, Rank.PRODUCT + ADDED + below)
    if added:
        yield Write(add, added, Rank.PRODUCT + ADDED + below)


def _variant_row(product_id: UUID, position: int, variant: Variant) -> dict[str, Any]:
    return {
        "id": variant.id.uuid,
        "product_id": product_id,
        "position": position,
        "sku": variant.sku or None,
        "barcode": variant.barcode,
        "options": list(variant.options),
        "weight_grams": variant.weight_grams,
        "tax_class": variant.tax_class,
        "tracked": variant.tracked,
        "backorder_limit": variant.backorder_limit,
        "requires_shipping": variant.requires_shipping,
        "archived": variant.archived,
        "metadata": dict(variant.metadata),
    }


def _price_rows(variant_id: UUID, prices: Sequence[Price]) -> list[dict[str, Any]]:
    return [
        {
            "variant_id": variant_id,
            "currency": price.amount.currency,
            "position": position,
            "amount_minor": price.amount.minor,
            "compare_at_minor": price.compare_at.minor if price.compare_at is not None else None,
        }
        for position, price in enumerate(prices)
    ]


def _link_rows(product_id: UUID, category_ids: Sequence[CategoryId]) -> list[dict[str, Any]]:
    return [
        {"product_id": product_id, "category_id": category_id.uuid, "position": position}
        for position, category_id in enumerate(dict.fromkeys(category_ids))
    ]
