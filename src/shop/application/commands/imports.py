"""Bringing catalogues in from elsewhere, product by product, so that doing it again changes nothing."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import ClassVar

from attrs import evolve, frozen

from shop.application.messages import Command, Context
from shop.application.ports.clock import Ids
from shop.application.ports.markup import Markup
from shop.application.ports.unit_of_work import Transaction, UnitOfWork
from shop.application.storeroom import Storeroom
from shop.domain.catalog import Category, Media, Option, Price, Product, ProductStatus, Variant
from shop.domain.inventory import MovementKind
from shop.domain.kernel.identifiers import CategoryId, ProductId, VariantId
from shop.domain.kernel.metadata import checked_metadata


class Outcome(StrEnum):
    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"


@frozen(kw_only=True)
class VariantRecord:
    """A variant as a file tells of it. `stock` None: the file says nothing about it."""

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


@frozen(kw_only=True)
class ProductRecord:
    """A product as a file tells of it. Each category is a path of (slug, name) from the root."""

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


@frozen(kw_only=True)
class Imported:
    """What became of a record."""

    product_id: ProductId | None
    outcome: Outcome


@frozen(kw_only=True)
class ImportProduct(Command[Imported]):
    """Makes the product of a record, or brings it up to date.

    A product is known again by its handle, or by the SKU of one of its variants; a variant by its SKU, else by its
    option values. What the file says of stock is taken as a count of what is on hand. A dry run writes nothing.
    """

    requires: ClassVar = "products:write"
    record: ProductRecord
    dry_run: bool = False


async def import_product(
    command: ImportProduct, context: Context, *, uow: UnitOfWork, ids: Ids, markup: Markup
) -> Imported:
    record = command.record
    description = markup.clean(record.description)
    async with uow(context) as tx:
        known = await _find(tx, record)
        category_ids = await _categories(tx, record.categories, context, ids, write=not command.dry_run)
        variants = _variants(record, known, ids)
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
            "metadata": checked_metadata(dict(record.metadata)),
        }
        if known is None:
            product = Product.create(
                id=ids.new(ProductId), slug=record.handle, status=record.status, at=context.now, **parts
            )
            changed = True
        else:
            product = known
            changes = {name: value for name, value in parts.items() if value != getattr(product, name)}
            changed = bool(changes) or product.status is not record.status
            if changes:
                product.change(context.now, **changes)
            product.move_to(record.status, context.now)
        counted = await _counts(record, variants, Storeroom(tx, context, ids), write=not command.dry_run)
        if changed and not command.dry_run:
            tx.products.save(product)
    if known is None:
        return Imported(product_id=None if command.dry_run else product.id, outcome=Outcome.CREATED)
    return Imported(product_id=product.id, outcome=Outcome.UPDATED if changed or counted else Outcome.UNCHANGED)


async def _find(tx: Transaction, record: ProductRecord) -> Product | None:
    product = await tx.products.find_by_slug(record.handle)
    for variant in record.variants if product is None else ():
        if variant.sku and (product := await tx.products.find_by_sku(variant.sku)) is not None:
            return product
    return product


def _variants(record: ProductRecord, known: Product | None, ids: Ids) -> tuple[Variant, ...]:
    """The record's variants under the ids they have already; what the file no longer names is archived."""
    before = known.variants if known else ()
    by_sku = {variant.sku: variant for variant in before if variant.sku}
    by_options = {variant.options: variant for variant in before if not variant.sku}
    variants: list[Variant] = []
    for told in record.variants:
        found = by_sku.get(told.sku) if told.sku else by_options.get(told.options)
        new = Variant(
            id=found.id if found else ids.new(VariantId),
            sku=told.sku,
            barcode=told.barcode,
            options=told.options,
            prices=told.prices,
            weight_grams=told.weight_grams,
            tax_class=told.tax_class,
            tracked=told.tracked,
            backorder_limit=told.backorder_limit,
            requires_shipping=told.requires_shipping,
            metadata=found.metadata if found else {},
        )
        variants.append(new)
    kept = {variant.id for variant in variants}
    return (*variants, *(evolve(v, archived=True) for v in before if v.id not in kept))


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
    tracked = [(v, told.stock) for v, told in zip(variants, record.variants, strict=False) if v.tracked]
    if not tracked:
        return False
    location = await storeroom.location()
    levels = await storeroom.levels(location, [variant.id for variant, _ in tracked])
    changed = False
    for variant, counted in tracked:
        level = levels.get(variant.id)
        on_hand, promised = (level.on_hand, level.reserved) if level else (0, 0)
        # Units that are promised to orders are still there: a count below them would sell them twice.
        delta = max(on_hand if counted is None else counted, promised) - on_hand
        changed |= bool(delta)
        if not write:
            continue
        await storeroom.relimit(variant)
        relimited = level is not None and level.backorder_limit != variant.backorder_limit
        if delta:
            # A new limit has its own check that nobody else moved the level.
            unmoved = not relimited
            storeroom.change(variant, location, level, delta, MovementKind.COUNTED, "import", expect_unmoved=unmoved)
        elif level is None:
            storeroom.open(variant, location, 0, variant.id, "import")
    return changed
