"""Bringing catalogues in from elsewhere, product by product, so that doing it again changes nothing."""

from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from functools import partial
from typing import Any, ClassVar

from attrs import evolve, frozen

from shop.application.messages import Command, Context
from shop.application.ports.clock import Ids
from shop.application.ports.markup import Markup
from shop.application.ports.unit_of_work import Transaction, UnitOfWork
from shop.application.skus import Skus
from shop.application.storeroom import Storeroom
from shop.domain.catalog import Category, Media, Option, Price, Product, ProductStatus, Variant
from shop.domain.inventory import Location, MovementKind, StockLevel
from shop.domain.kernel.errors import below
from shop.domain.kernel.identifiers import CategoryId, ProductId, VariantId
from shop.domain.kernel.metadata import checked_metadata


class Outcome(StrEnum):
    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"


@frozen(kw_only=True)
class VariantRecord:
    """A variant as a file tells of it. `stock` None: the file says nothing about it.

    `silent` are the names of other fields of which the file says nothing: a variant that the shop knows keeps them, a
    new one takes what stands here. “compare_at” is silent where no price says what it is compared with. Currencies
    without a price are left as they are, and so is the SKU where there is none here.
    """

    sku: str = ""
    barcode: str = ""
    options: tuple[str, ...] = ()
    prices: tuple[Price, ...] = ()
    weight_grams: int = 0
    tax_class: str = "standard"
    tracked: bool = True
    backorder_limit: int = 0
    requires_shipping: bool = True
    stock: int | None = None
    silent: frozenset[str] = frozenset()


@frozen(kw_only=True)
class ProductRecord:
    """A product as a file tells of it. Each category is a path of (slug, name) from the root.

    `silent` are the names of fields of which the file says nothing: a product that the shop knows keeps them, a new one
    takes what stands here. A silent handle was made up for lack of one. Of metadata, keys that are not here stay.
    """

    handle: str
    title: str
    description: str = ""
    vendor: str = ""
    status: ProductStatus = ProductStatus.ACTIVE
    tags: tuple[str, ...] = ()
    seo_title: str = ""
    seo_description: str = ""
    media: tuple[Media, ...] = ()
    options: tuple[Option, ...] = ()
    variants: tuple[VariantRecord, ...] = ()
    categories: tuple[tuple[tuple[str, str], ...], ...] = ()
    metadata: Mapping[str, str] = {}
    silent: frozenset[str] = frozenset()


@frozen(kw_only=True)
class Imported:
    """What became of a record."""

    product_id: ProductId | None
    outcome: Outcome


@frozen(kw_only=True)
class ImportProduct(Command[Imported]):
    """Makes the product of a record, or brings it up to date.

    A product is known again by its handle, else by the SKU of a live variant of a product that the file does not name
    itself: `handles` are all that it names. A variant is known by its SKU, else by its option values. A SKU that the
    file gives to another product than before moves there; one of a product that the file does not name stays, and the
    record is refused. What the file says of stock is taken as a count of what is on hand. A dry run writes nothing.
    """

    requires: ClassVar = "products:write"
    record: ProductRecord
    handles: frozenset[str] = frozenset()
    dry_run: bool = False


async def import_product(
    command: ImportProduct, context: Context, *, uow: UnitOfWork, ids: Ids, markup: Markup
) -> Imported:
    record, write = command.record, not command.dry_run
    description = markup.clean(record.description)
    async with uow(context) as tx:
        known = await _find(tx, record, command.handles)
        category_ids = await _categories(tx, record.categories, context, ids, write=write)
        variants = _variants(record, known, ids)
        await Skus(tx, context).take(
            _new_skus(variants, known), by=known.id if known else None, retiring=command.handles, write=write
        )
        parts = {
            "title": record.title,
            "description": description,
            "vendor": record.vendor,
            "tags": record.tags,
            "seo_title": record.seo_title,
            "seo_description": record.seo_description,
            "media": record.media,
            "options": record.options,
            "variants": variants,
            "category_ids": category_ids,
            "metadata": checked_metadata({**(known.metadata if known else {}), **record.metadata}),
        }
        if known is None:
            product = Product.create(
                id=ids.new(ProductId), slug=record.handle, status=record.status, at=context.now, **parts
            )
            changed = True
        else:
            product = known
            changed = _bring_up_to_date(known, record, parts, context)
        counted = await _counts(record, variants, Storeroom(tx, context, ids), write=write)
        if changed and write:
            tx.products.save(product)
    if known is None:
        return Imported(product_id=product.id if write else None, outcome=Outcome.CREATED)
    return Imported(product_id=product.id, outcome=Outcome.UPDATED if changed or counted else Outcome.UNCHANGED)


def _bring_up_to_date(product: Product, record: ProductRecord, parts: Mapping[str, Any], context: Context) -> bool:
    """Changes what the record says otherwise. True when that is anything."""
    told = {"slug": record.handle, **parts}
    for name in record.silent:
        told.pop(_PARTS.get(name, name), None)
    changes = {name: value for name, value in told.items() if value != getattr(product, name)}
    moves = "status" not in record.silent and product.status is not record.status
    if changes:
        product.change(context.now, **changes)
    if moves:
        product.move_to(record.status, context.now)
    return bool(changes) or moves


_PARTS = {"handle": "slug", "categories": "category_ids"}
"""What fields of records are called in products, where it differs."""


async def _find(tx: Transaction, record: ProductRecord, handles: frozenset[str]) -> Product | None:
    """The product of the record, if the shop has it.

    A handle that was made up may be that of another product by now: then one with a SKU of the record comes first.
    """
    named = await tx.products.find_by_slug(record.handle)
    skus = [variant.sku for variant in record.variants if variant.sku]
    if named is not None and ("handle" not in record.silent or any(v.sku in skus for v in named.variants)):
        return named
    for sku in skus:
        product = await tx.products.find_by_sku(sku)
        if product is None or product.slug in handles:
            continue
        if any(variant.sku == sku for variant in product.live_variants):
            return product
    return named


def _variants(record: ProductRecord, known: Product | None, ids: Ids) -> tuple[Variant, ...]:
    """The record's variants under the ids they have already; what the file no longer names is archived."""
    before = known.variants if known else ()
    found = _known_again(record.variants, before)
    variants = [
        below(f"/variants/{index}", partial(_merged, told, found.get(index), ids))
        for index, told in enumerate(record.variants)
    ]
    kept = {variant.id for variant in variants}
    return (*variants, *(evolve(v, archived=True) for v in before if v.id not in kept))


def _known_again(told: Sequence[VariantRecord], before: Sequence[Variant]) -> dict[int, Variant]:
    """Which variant each record (by its place) is about, each variant once.

    By SKU first; then a live one of the same options, since a SKU may have been filled in or changed; then an archived
    one that had no SKU. Where nothing is said of options, the only one there is.
    """
    left, found = list(before), dict[int, Variant]()

    def claim(fits: Callable[[VariantRecord, Variant], bool]) -> None:
        for index, record in enumerate(told):
            variant = next((v for v in left if fits(record, v)), None) if index not in found else None
            if variant is not None:
                found[index] = variant
                left.remove(variant)

    only = len(told) == 1 and sum(not variant.archived for variant in before) == 1
    claim(lambda record, variant: bool(record.sku) and record.sku == variant.sku)
    claim(lambda record, variant: not variant.archived and record.options == variant.options)
    claim(lambda record, variant: only and not variant.archived and "options" in record.silent)
    claim(lambda record, variant: not variant.sku and record.options == variant.options)
    return found


def _merged(told: VariantRecord, known: Variant | None, ids: Ids) -> Variant:
    """The variant as the record tells of it, and as it was where the record is silent."""
    if known is None:
        return Variant(id=ids.new(VariantId), sku=told.sku, prices=told.prices, **{n: getattr(told, n) for n in _TOLD})
    changes = {name: getattr(told, name) for name in _TOLD if name not in told.silent}
    prices = {price.amount.currency: price for price in known.prices}
    for price in told.prices:
        currency = price.amount.currency
        prices[currency] = _compared(price, prices.get(currency)) if "compare_at" in told.silent else price
    return evolve(known, sku=told.sku or known.sku, prices=tuple(prices.values()), archived=False, **changes)


_TOLD = ("barcode", "options", "weight_grams", "tax_class", "tracked", "backorder_limit", "requires_shipping")


def _compared(price: Price, known: Price | None) -> Price:
    """The price beside what the known one is compared with, as long as that is above it."""
    before = known.compare_at if known else None
    return evolve(price, compare_at=before) if before is not None and before > price.amount else price


def _new_skus(variants: Sequence[Variant], known: Product | None) -> dict[str, str]:
    """The SKUs that the product did not have before, by where they stand in the record."""
    had = {variant.sku for variant in known.variants} if known else set()
    return {f"/variants/{i}/sku": v.sku for i, v in enumerate(variants) if v.sku and v.sku not in had}


async def _categories(
    tx: Transaction,
    paths: Sequence[Sequence[tuple[str, str]]],
    context: Context,
    ids: Ids,
    *,
    write: bool,
) -> tuple[CategoryId, ...]:
    """The last category of each path; those that are missing are made. A slug is looked up wherever it hangs."""
    made: dict[str, CategoryId] = {}
    leaves: list[CategoryId] = []
    for path in paths:
        ancestors: list[CategoryId] = []
        for slug, name in path:
            category_id = made.get(slug)
            if category_id is None:
                found = await tx.categories.find_by_slug(slug)
                category_id = found.id if found else _new_category(tx, slug, name, ancestors, context, ids, write)
                made[slug] = category_id
            ancestors.append(category_id)
        if ancestors and ancestors[-1] not in leaves:
            leaves.append(ancestors[-1])
    return tuple(leaves)


def _new_category(
    tx: Transaction,
    slug: str,
    name: str,
    ancestors: Sequence[CategoryId],
    context: Context,
    ids: Ids,
    write: bool,
) -> CategoryId:
    category = Category(id=ids.new(CategoryId), slug=slug, name=name, created_at=context.now, updated_at=context.now)
    category.hang_below(ancestors, context.now)
    if write:
        tx.categories.save(category)
    return category.id


async def _counts(record: ProductRecord, variants: Sequence[Variant], storeroom: Storeroom, *, write: bool) -> bool:
    """Brings the preferred location to what the file counted. True when that changes anything."""
    pairs = zip(variants, record.variants, strict=False)
    tracked = [(index, v, told.stock) for index, (v, told) in enumerate(pairs) if v.tracked]
    # A shop without a location gets one here: not in a dry run.
    if not tracked or not (write or await storeroom.tx.stock.locations()):
        return any(counted for _, _, counted in tracked)
    location = await storeroom.location()
    levels = await storeroom.levels(location, [variant.id for _, variant, _ in tracked])
    changed = False
    for index, variant, counted in tracked:
        level = levels.get(variant.id)
        delta = _delta(variant, level, counted)
        changed |= bool(delta)
        if write:
            await storeroom.relimit(variant)
            below(f"/variants/{index}/stock", partial(_count, storeroom, location, variant, level, delta))
    return changed


def _delta(variant: Variant, level: StockLevel | None, counted: int | None) -> int:
    """What the count changes. Units that are promised, and may not be backordered, are still there: a count below
    them would sell them twice."""
    if counted is None:
        return 0
    on_hand, promised = (level.on_hand, level.reserved) if level else (0, 0)
    return max(counted, promised - variant.backorder_limit, 0) - on_hand


def _count(storeroom: Storeroom, location: Location, variant: Variant, level: StockLevel | None, delta: int) -> None:
    if delta:
        # A new limit has its own check that nobody else moved the level.
        unmoved = level is None or level.backorder_limit == variant.backorder_limit
        storeroom.change(variant, location, level, delta, MovementKind.COUNTED, "import", expect_unmoved=unmoved)
    elif level is None:
        storeroom.open(variant, location, 0, variant.id, "import")
