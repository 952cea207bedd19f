"""Making products and categories and changing them. In changes, None leaves a part as it is."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import ClassVar

from attrs import evolve, frozen

from shop.application.messages import Command, Context, check_version
from shop.application.ports.clock import Ids
from shop.application.ports.markup import Markup
from shop.application.ports.unit_of_work import Transaction, UnitOfWork
from shop.application.skus import Skus, without_skus
from shop.application.storeroom import Storeroom
from shop.domain.catalog import (
    Media,
    Option,
    Price,
    Product,
    ProductStatus,
    Variant,
)
from shop.domain.inventory import QUANTITY_MAX
from shop.domain.kernel.errors import Flaw, Invalid, below
from shop.domain.kernel.identifiers import CategoryId, ProductId, VariantId

PRODUCTS_WRITE = "products:write"


@frozen(kw_only=True)
class NewVariant:
    """A variant to be made. `stock` units are put into the first location; None for no stock record yet."""

    sku: str = ""
    barcode: str = ""
    options: tuple[str, ...] = ()
    prices: tuple[Price, ...] = ()
    weight_grams: int = 0
    tax_class: str = "standard"
    tracked: bool = True
    backorder_limit: int = 0
    requires_shipping: bool = True
    metadata: Mapping[str, str] = {}
    stock: int | None = None


@frozen(kw_only=True)
class CreateProduct(Command[ProductId]):
    """Makes a product with its variants, prices and stock in one go."""

    requires: ClassVar = PRODUCTS_WRITE
    slug: str
    title: str
    description: str = ""
    vendor: str = ""
    status: ProductStatus = ProductStatus.DRAFT
    tags: tuple[str, ...] = ()
    seo_title: str = ""
    seo_description: str = ""
    media: tuple[Media, ...] = ()
    options: tuple[Option, ...] = ()
    variants: tuple[NewVariant, ...] = ()
    category_ids: tuple[CategoryId, ...] = ()
    metadata: Mapping[str, str] = {}


async def create_product(
    command: CreateProduct, context: Context, *, uow: UnitOfWork, ids: Ids, markup: Markup
) -> ProductId:
    description = markup.clean(command.description)
    async with uow(context) as tx:
        await _check_categories(tx, command.category_ids)
        variants = tuple(
            below(f"/variants/{index}", partial(_variant, new, ids)) for index, new in enumerate(command.variants)
        )
        product = Product.create(
            id=ids.new(ProductId),
            slug=command.slug,
            title=command.title,
            description=description,
            vendor=command.vendor,
            status=command.status,
            tags=command.tags,
            seo_title=command.seo_title,
            seo_description=command.seo_description,
            media=command.media,
            options=command.options,
            variants=variants,
            category_ids=command.category_ids,
            metadata=command.metadata,
            at=context.now,
        )
        await Skus(tx, context).take({f"/variants/{i}/sku": v.sku for i, v in enumerate(variants) if v.sku})
        tx.products.save(product)
        stocked = [(v, new.stock) for v, new in zip(variants, command.variants, strict=True)]
        await _open_levels(Storeroom(tx, context, ids), stocked, product.id)
        tx.answer(product.id)
    return product.id


@frozen(kw_only=True)
class UpdateProduct(Command[None]):
    """Changes what is said about a product, and whether it is on sale. Variants have commands of their own."""

    requires: ClassVar = PRODUCTS_WRITE
    product_id: ProductId
    expected_version: int | None = None
    slug: str | None = None
    title: str | None = None
    description: str | None = None
    vendor: str | None = None
    status: ProductStatus | None = None
    tags: tuple[str, ...] | None = None
    seo_title: str | None = None
    seo_description: str | None = None
    media: tuple[Media, ...] | None = None
    category_ids: tuple[CategoryId, ...] | None = None
    metadata: Mapping[str, str] | None = None


async def update_product(command: UpdateProduct, context: Context, *, uow: UnitOfWork, markup: Markup) -> None:
    if command.description is not None:
        command = evolve(command, description=markup.clean(command.description))
    async with uow(context) as tx:
        product = await tx.products.get(command.product_id)
        check_version(product.version, command.expected_version)
        if command.category_ids:
            await _check_categories(tx, command.category_ids)
        changes = {
            name: value
            for name in _PRODUCT_PARTS
            if (value := getattr(command, name)) is not None and value != getattr(product, name)
        }
        if changes:
            product.change(context.now, **changes)
        moves = command.status not in (None, product.status)
        if command.status is not None:
            product.move_to(command.status, context.now)
        if changes or moves:
            tx.products.save(product)


_PRODUCT_PARTS = (
    "slug",
    "title",
    "description",
    "vendor",
    "tags",
    "seo_title",
    "seo_description",
    "media",
    "category_ids",
    "metadata",
)


@frozen(kw_only=True)
class ArchiveProduct(Command[None]):
    """Takes a product off sale for good, and keeps it for the orders that name it."""

    requires: ClassVar = PRODUCTS_WRITE
    product_id: ProductId
    expected_version: int | None = None


async def archive_product(command: ArchiveProduct, context: Context, *, uow: UnitOfWork) -> None:
    async with uow(context) as tx:
        product = await tx.products.get(command.product_id)
        check_version(product.version, command.expected_version)
        product.move_to(ProductStatus.ARCHIVED, context.now)
        tx.products.save(product)


@frozen(kw_only=True)
class AddVariant(Command[VariantId]):
    """Adds a variant. Values that its product's options do not have yet are added to them.

    A SKU that an archived variant has goes over to it.
    """

    requires: ClassVar = PRODUCTS_WRITE
    product_id: ProductId
    variant: NewVariant


async def add_variant(command: AddVariant, context: Context, *, uow: UnitOfWork, ids: Ids) -> VariantId:
    async with uow(context) as tx:
        product = await tx.products.get(command.product_id)
        variant = _variant(command.variant, ids)
        product.change(
            context.now,
            options=_with_values(product.options, variant.options),
            variants=(*without_skus(product.variants, {variant.sku}), variant),
        )
        if variant.sku:
            await Skus(tx, context).take({"/sku": variant.sku}, by=product.id)
        tx.products.save(product)
        await _open_levels(Storeroom(tx, context, ids), [(variant, command.variant.stock)], product.id)
        tx.answer(variant.id)
    return variant.id


@frozen(kw_only=True)
class UpdateVariant(Command[None]):
    """Changes a variant. New prices replace all of its prices; a new SKU may be one that an archived variant has."""

    requires: ClassVar = PRODUCTS_WRITE
    product_id: ProductId
    variant_id: VariantId
    expected_version: int | None = None
    """The version of the product."""
    sku: str | None = None
    barcode: str | None = None
    options: tuple[str, ...] | None = None
    prices: tuple[Price, ...] | None = None
    weight_grams: int | None = None
    tax_class: str | None = None
    tracked: bool | None = None
    backorder_limit: int | None = None
    requires_shipping: bool | None = None
    archived: bool | None = None
    metadata: Mapping[str, str] | None = None


_VARIANT_PARTS = (
    "sku",
    "barcode",
    "options",
    "prices",
    "weight_grams",
    "tax_class",
    "tracked",
    "backorder_limit",
    "requires_shipping",
    "archived",
    "metadata",
)


async def update_variant(command: UpdateVariant, context: Context, *, uow: UnitOfWork, ids: Ids) -> None:
    async with uow(context) as tx:
        product = await tx.products.get(command.product_id)
        check_version(product.version, command.expected_version)
        before = product.variant(command.variant_id)
        changes = {name: value for name in _VARIANT_PARTS if (value := getattr(command, name)) is not None}
        after = evolve(before, **changes)
        if after != before:
            others = without_skus(product.variants, {after.sku} if after.sku != before.sku else ())
            product.change(
                context.now,
                options=_with_values(product.options, after.options),
                variants=tuple(after if v.id == after.id else v for v in others),
            )
            if after.sku and after.sku != before.sku:
                await Skus(tx, context).take({"/sku": after.sku}, by=product.id)
            tx.products.save(product)
        storeroom = Storeroom(tx, context, ids)
        if not await storeroom.relimit(after):
            await _open_levels(storeroom, [(after, None)], product.id)


@frozen(kw_only=True)
class ArchiveVariant(Command[None]):
    """Takes one variant off sale."""

    requires: ClassVar = PRODUCTS_WRITE
    product_id: ProductId
    variant_id: VariantId
    expected_version: int | None = None


async def archive_variant(command: ArchiveVariant, context: Context, *, uow: UnitOfWork) -> None:
    async with uow(context) as tx:
        product = await tx.products.get(command.product_id)
        check_version(product.version, command.expected_version)
        product.change_variant(command.variant_id, context.now, archived=True)
        tx.products.save(product)


def _variant(new: NewVariant, ids: Ids) -> Variant:
    return Variant(
        id=ids.new(VariantId),
        sku=new.sku,
        barcode=new.barcode,
        options=new.options,
        prices=new.prices,
        weight_grams=new.weight_grams,
        tax_class=new.tax_class,
        tracked=new.tracked,
        backorder_limit=new.backorder_limit,
        requires_shipping=new.requires_shipping,
        metadata=new.metadata,
    )


def _with_values(options: tuple[Option, ...], values: tuple[str, ...]) -> tuple[Option, ...]:
    if len(values) != len(options):
        return options  # the product itself says what is wrong
    return tuple(
        option if value in option.values else evolve(option, values=(*option.values, value))
        for option, value in zip(options, values, strict=True)
    )


async def _check_categories(tx: Transaction, category_ids: tuple[CategoryId, ...]) -> None:
    for category_id in category_ids:
        await tx.categories.get(category_id)


async def _open_levels(storeroom: Storeroom, stocked: Sequence[tuple[Variant, int | None]], source: ProductId) -> None:
    """A level at the preferred location for every tracked variant."""
    for index, (variant, stock) in enumerate(stocked):
        if variant.tracked and not 0 <= (stock or 0) <= QUANTITY_MAX:
            flaw = Flaw(f"/variants/{index}/stock", "stock_out_of_range", f"0 to {QUANTITY_MAX}")
            raise Invalid(f"Stock is 0 to {QUANTITY_MAX} units.", flaws=(flaw,))
    tracked = [(variant, stock or 0) for variant, stock in stocked if variant.tracked]
    if tracked:
        location = await storeroom.location()
        for variant, stock in tracked:
            storeroom.open(variant, location, stock, source, "initial stock")
