"""Questions about products and categories, answered from tables."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, literal_column, select

from shop.adapters.sql.database import Database, Row
from shop.adapters.sql.readers.paging import ends_of, page_of, storable, total_of, window
from shop.adapters.sql.readers.products import (
    PRODUCT_LISTING,
    Narrowing,
    one_product,
    products_page,
    products_total,
)
from shop.adapters.sql.readers.texts import media_in, metadata_in, options_in, span_in, tags_in
from shop.adapters.sql.schema import categories, products, stock_levels, variant_prices, variants
from shop.adapters.sql.statements import POSTGRES, Statement, any_of
from shop.application.ports.paging import Page, PageRequest
from shop.application.ports.readers import ProductFilter
from shop.application.ports.search import question_words
from shop.application.ports.views import (
    AvailabilityView,
    CategoryView,
    ProductView,
    VariantAvailabilityView,
    VariantView,
)
from shop.domain.catalog import CategoryNotFound, ProductNotFound, ProductStatus
from shop.domain.kernel.errors import Invalid
from shop.domain.kernel.identifiers import CategoryId, ProductId, VariantId
from shop.domain.kernel.money import Money

_STATUSES = {status.value: status for status in ProductStatus}
_CATEGORIES = select(*categories.columns)
_ALL_CATEGORIES = Statement(_CATEGORIES)
_CATEGORIES_BY_IDS = Statement(_CATEGORIES.where(any_of(categories.c.id, "ids")))


def _above(by: str) -> Statement:
    column = categories.c[by]
    start = select(categories.c.id, categories.c.parent_id).where(column == bindparam("category", type_=column.type))
    path = start.cte("path", recursive=True)
    path = path.union(select(categories.c.id, categories.c.parent_id).join(path, categories.c.id == path.c.parent_id))
    return Statement(_CATEGORIES.where(categories.c.id.in_(select(path.c.id))))


def _below(by: str) -> Statement:
    column = categories.c[by]
    branch = select(categories.c.id).where(column == bindparam("category", type_=column.type))
    below = branch.cte("branch", recursive=True)
    below = below.union(select(categories.c.id).join(below, categories.c.parent_id == below.c.id))
    return Statement(_CATEGORIES.where(categories.c.id.in_(select(below.c.id))))


def _alone(by: str) -> Statement:
    column = categories.c[by]
    return Statement(_CATEGORIES.where(column == bindparam("category", type_=column.type)))


_ALONE, _ABOVE, _BELOW = ({by: make(by) for by in ("id", "slug")} for make in (_alone, _above, _below))
_VARIANTS = Statement(
    select(
        variants.c.id,
        variants.c.product_id,
        variants.c.sku,
        variants.c.barcode,
        variants.c.options,
        variants.c.weight_grams,
        variants.c.tax_class,
        variants.c.tracked,
        variants.c.requires_shipping,
        variants.c.archived,
        variants.c.metadata,
        variant_prices.c.amount_minor,
        variant_prices.c.compare_at_minor,
        variant_prices.c.currency,
    )
    .join_from(variants, variant_prices, variant_prices.c.variant_id == variants.c.id, isouter=True)
    .where(any_of(variants.c.product_id, "ids"))
    .order_by(variants.c.product_id, variants.c.position, variants.c.id, variant_prices.c.position)
)
_AVAILABILITY = Statement(
    select(
        variants.c.id,
        variants.c.sku,
        variants.c.tracked,
        stock_levels.c.on_hand,
        stock_levels.c.reserved,
        stock_levels.c.backorder_limit,
    )
    .select_from(
        products.outerjoin(
            variants, (variants.c.product_id == products.c.id) & variants.c.archived.is_(literal_column("FALSE"))
        ).outerjoin(stock_levels, stock_levels.c.variant_id == variants.c.id)
    )
    .where(products.c.id == bindparam("product_id"), products.c.status == ProductStatus.ACTIVE.value)
    .order_by(variants.c.position, variants.c.id)
)


class SqlCatalogReader:
    """Answers about products and categories."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def products(
        self, which: ProductFilter, page: PageRequest, *, currency: str, expand: frozenset[str] = frozenset()
    ) -> Page[ProductView]:
        shape, mark = window(PRODUCT_LISTING, page)
        asked = _narrowing(which, self._database.dialect)
        if asked is None:
            return Page(data=[], total=0 if page.total else None)
        narrowing, values = asked
        rows = await self._database.fetch(products_page(narrowing, shape), **values, **mark)
        found = page_of(rows, page, shape.order)
        total = await total_of(page, self._database, products_total(narrowing), **values)
        data = await self._views(found.rows, currency, expand)
        return Page(data=data, next=found.next, previous=found.previous, total=total)

    async def product(
        self,
        id_or_slug: ProductId | str,
        *,
        currency: str,
        statuses: frozenset[ProductStatus],
        expand: frozenset[str] = frozenset(),
    ) -> ProductView:
        row = None
        if isinstance(id_or_slug, ProductId):
            row = await self._database.fetch_one(one_product(self._database.dialect, "id"), id=id_or_slug.uuid)
        elif storable(id_or_slug):
            row = await self._database.fetch_one(one_product(self._database.dialect, "slug"), slug=id_or_slug)
        if row is None or row["status"] not in statuses:
            raise ProductNotFound(f"There is no product {id_or_slug}.")
        [view] = await self._views([row], currency, expand)
        return view

    async def availability(self, product_id: ProductId, *, low_below: int = 5) -> AvailabilityView:
        rows = await self._database.fetch(_AVAILABILITY, product_id=product_id.uuid)
        if not rows:
            raise ProductNotFound(f"There is no product {product_id}.")
        by_variant: defaultdict[UUID, list[Row]] = defaultdict(list)
        for row in rows:
            if row[0] is not None:
                by_variant[row[0]].append(row)
        data = [
            VariantAvailabilityView(
                variant_id=VariantId(variant), sku=levels[0][1] or "", status=_availability(levels, low_below)
            )
            for variant, levels in by_variant.items()
        ]
        return AvailabilityView(product_id=product_id, variants=data)

    async def categories(self, parent: CategoryId | None = None) -> list[CategoryView]:
        if parent is None:
            rows = await self._database.fetch(_ALL_CATEGORIES)
            return _tree(rows, None)
        return _tree(await self._database.fetch(_BELOW["id"], category=parent.uuid), parent.uuid)

    async def category(self, id_or_slug: CategoryId | str, *, expand: frozenset[str] = frozenset()) -> CategoryView:
        by, value = ("id", id_or_slug.uuid) if isinstance(id_or_slug, CategoryId) else ("slug", id_or_slug)
        rows: Sequence[Row] = ()
        if not isinstance(value, str) or storable(value):
            rows = await self._database.fetch((_BELOW if "children" in expand else _ALONE)[by], category=value)
        row = next((row for row in rows if row[by] == value), None)
        if row is None:
            raise CategoryNotFound(f"There is no category {id_or_slug}.")
        ancestors = None
        if "ancestors" in expand:
            ancestors = _path(await self._database.fetch(_ABOVE[by], category=value), row)
        children = _tree(rows, row["id"]) if "children" in expand else None
        return _category(row, ancestors=ancestors, children=children)

    async def _views(self, rows: Iterable[Row], currency: str, expand: frozenset[str]) -> list[ProductView]:
        if not expand:
            return [_product(row, currency, None, None) for row in rows]
        rows = list(rows)
        ids = [row[0] for row in rows]
        variants_of: Mapping[UUID, list[VariantView]] | None = None
        known: dict[UUID, CategoryView] | None = None
        if "variants" in expand:
            variants_of = _variants(await self._database.fetch(_VARIANTS, ids=ids) if ids else (), currency)
        if "categories" in expand:
            wanted = list({category: None for row in rows for category in row["category_ids"]})
            found = await self._database.fetch(_CATEGORIES_BY_IDS, ids=wanted) if wanted else ()
            known = {row["id"]: _category(row) for row in found}
        return [
            _product(
                row,
                currency,
                variants_of.get(row[0], []) if variants_of is not None else None,
                [known[c] for c in row["category_ids"] if c in known] if known is not None else None,
            )
            for row in rows
        ]


_NO_FILTER = ProductFilter()


@lru_cache(maxsize=2)
def _unfiltered(dialect: str) -> Narrowing:
    """What most lists ask for."""
    return Narrowing(dialect=dialect, statuses=(ProductStatus.ACTIVE.value,))


def _narrowing(which: ProductFilter, dialect: str) -> tuple[Narrowing, dict[str, Any]] | None:
    """The shape of a filter and its parameters; None when no database could hold what it asks for."""
    if which == _NO_FILTER:
        return _unfiltered(dialect), {}
    texts = (which.category, which.tag, which.vendor, which.sku, *which.metadata, *which.metadata.values())
    if not all(map(storable, texts)):
        return None
    words = question_words(which.words)
    if which.words.strip() and not words:
        return None  # nothing but punctuation: no word begins with it
    values: dict[str, Any] = ends_of(which.created_at)
    since, until = "since" in values, "until" in values
    by = ""
    if which.category:
        by, values["category"] = _id_or_slug(which.category)
    if words:
        values |= _word_values(words, dialect)
    if which.tag:
        values["tag"] = [which.tag] if dialect == POSTGRES else which.tag
    if which.vendor:
        values["vendor"] = which.vendor
    if which.sku:
        values["sku"] = which.sku
    if which.ids:
        values["ids"] = [product_id.uuid for product_id in which.ids]
    if which.metadata:
        values["metadata"] = dict(which.metadata)
    narrowing = Narrowing(
        dialect=dialect,
        statuses=tuple(sorted(status.value for status in which.statuses or ProductStatus)),
        words=len(words) if dialect != POSTGRES else bool(words),
        category=by,
        tag=bool(which.tag),
        vendor=bool(which.vendor),
        sku=bool(which.sku),
        ids=bool(which.ids),
        metadata=bool(which.metadata),
        since=since,
        until=until,
    )
    return narrowing, values


def _word_values(words: Sequence[str], dialect: str) -> dict[str, Any]:
    """Words are letters and digits only, so nothing in them means anything to a query language."""
    if dialect == POSTGRES:
        return {"words": " & ".join(f"'{word}':*" for word in words)}
    begins = {f"word_{n}": f" {word}" for n, word in enumerate(words)}
    return {"words": " ".join(f'"{word}"*' for word in words), **begins}


def _id_or_slug(category: str) -> tuple[str, Any]:
    try:
        return "id", CategoryId.parse(category).uuid
    except Invalid:
        return "slug", category


def _product(
    row: Row, currency: str, variants: list[VariantView] | None, categories: list[CategoryView] | None
) -> ProductView:
    (id_, slug, title, description, vendor, status, tags, ranges, media, options, seo_title, seo_text, *rest) = row
    metadata, created_at, updated_at, version, _, category_ids = rest
    lowest, highest = span_in(ranges, currency)
    return ProductView(
        ProductId(id_),
        slug,
        title,
        description,
        vendor,
        _STATUSES[status],
        tags_in(tags),
        lowest,
        highest,
        media_in(media),
        options_in(options),
        tuple([CategoryId(category) for category in category_ids]) if category_ids else (),
        seo_title,
        seo_text,
        metadata_in(metadata),
        created_at,
        updated_at,
        version,
        variants,
        categories,
    )


def _variants(rows: Iterable[Row], currency: str) -> Mapping[UUID, list[VariantView]]:
    """By product; a row for each price of each variant, those of one variant together."""
    by_variant: dict[UUID, list[Row]] = {}
    for row in rows:
        by_variant.setdefault(row[0], []).append(row)
    by_product: defaultdict[UUID, list[VariantView]] = defaultdict(list)
    for priced in by_variant.values():
        by_product[priced[0][1]].append(_variant(priced, currency))
    return by_product


def _variant(rows: Sequence[Row], currency: str) -> VariantView:
    (id_, product_id, sku, barcode, options, weight, tax_class, tracked, shipped, archived, metadata, *_) = rows[0]
    price = compare_at = None
    prices = []
    for row in rows:
        minor, compare_at_minor, in_currency = row[11], row[12], row[13]
        if in_currency is None:
            continue
        prices.append(Money(minor, in_currency))
        if in_currency == currency:
            price = prices[-1]
            compare_at = Money(compare_at_minor, currency) if compare_at_minor is not None else None
    return VariantView(
        id=VariantId(id_),
        product_id=ProductId(product_id),
        sku=sku or "",
        barcode=barcode,
        title=" / ".join(options),
        options=tuple(options),
        price=price,
        compare_at=compare_at,
        prices=prices,
        weight_grams=weight,
        tax_class=tax_class,
        tracked=tracked,
        requires_shipping=shipped,
        archived=archived,
        metadata=metadata,
    )


def _availability(levels: Sequence[Row], low_below: int) -> str:
    if not levels[0][2]:
        return "in_stock"
    counted = [(on_hand - reserved, limit) for _, _, _, on_hand, reserved, limit in levels if on_hand is not None]
    free = sum(max(unpromised, 0) for unpromised, _ in counted)
    if free >= low_below:
        return "in_stock"
    if free > 0:
        return "low_stock"
    return "backorder" if any(unpromised + limit > 0 for unpromised, limit in counted) else "out_of_stock"


def _category(
    row: Row, *, ancestors: list[CategoryView] | None = None, children: list[CategoryView] | None = None
) -> CategoryView:
    parent = row["parent_id"]
    return CategoryView(
        id=CategoryId(row["id"]),
        slug=row["slug"],
        name=row["name"],
        description=row["description"],
        parent_id=CategoryId(parent) if parent is not None else None,
        position=row["position"],
        seo_title=row["seo_title"],
        seo_description=row["seo_description"],
        metadata=row["metadata"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        version=row["version"],
        ancestors=ancestors,
        children=children,
    )


def _tree(rows: Iterable[Row], below: UUID | None) -> list[CategoryView]:
    """What hangs below this category (None: the whole tree), children inside their parents."""
    by_parent: defaultdict[UUID | None, list[Row]] = defaultdict(list)
    for row in sorted(rows, key=lambda row: (row["position"], row["name"], row["id"])):
        by_parent[row["parent_id"]].append(row)

    def hung(parent: UUID | None) -> list[CategoryView]:
        return [_category(row, children=hung(row["id"])) for row in by_parent.get(parent, ())]

    return hung(below)


def _path(rows: Iterable[Row], to: Row) -> list[CategoryView]:
    """From the root down to what is directly above."""
    by_id = {row["id"]: row for row in rows}
    path: list[CategoryView] = []
    above = by_id.get(to["parent_id"])
    while above is not None and len(path) < len(by_id):
        path.append(_category(above))
        above = by_id.get(above["parent_id"])
    return path[::-1]
