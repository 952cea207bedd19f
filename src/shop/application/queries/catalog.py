"""What shoppers and staff see of the catalogue."""

from typing import ClassVar

from attrs import evolve, frozen

from shop.application.access import check_permission
from shop.application.messages import PUBLIC, Actor, Context, Query
from shop.application.ports.paging import Page, PageRequest
from shop.application.ports.readers import CatalogReader, ProductFilter, StoreReader
from shop.application.ports.views import AvailabilityView, CategoryView, ProductView
from shop.domain.catalog import ProductStatus
from shop.domain.kernel.identifiers import CategoryId, ProductId

_PUBLIC_STATUSES = frozenset({ProductStatus.ACTIVE})


@frozen(kw_only=True)
class GetProducts(Query[Page[ProductView]]):
    """Products that fit a filter. Statuses other than active, and archived variants, need the scope products:read."""

    requires: ClassVar = PUBLIC
    which: ProductFilter = ProductFilter()
    page: PageRequest = PageRequest()
    currency: str = ""
    expand: frozenset[str] = frozenset()


async def get_products(
    query: GetProducts, context: Context, *, catalog: CatalogReader, store: StoreReader
) -> Page[ProductView]:
    if query.which.statuses != _PUBLIC_STATUSES:
        check_permission("products:read", context.actor)
    currency = query.currency or (await store.settings()).store.currency
    page = await catalog.products(query.which, query.page, currency=currency, expand=query.expand)
    if "variants" in query.expand and not context.actor.may("products:read"):
        return evolve(page, data=[_on_sale(product) for product in page.data])
    return page


@frozen(kw_only=True)
class GetProduct(Query[ProductView]):
    """One product by id or slug. What is not active, and archived variants, are only there for staff."""

    requires: ClassVar = PUBLIC
    id_or_slug: ProductId | str
    currency: str = ""
    expand: frozenset[str] = frozenset()


async def get_product(
    query: GetProduct, context: Context, *, catalog: CatalogReader, store: StoreReader
) -> ProductView:
    currency = query.currency or (await store.settings()).store.currency
    product = await catalog.product(
        query.id_or_slug, currency=currency, statuses=_visible(context.actor), expand=query.expand
    )
    return product if context.actor.may("products:read") else _on_sale(product)


@frozen(kw_only=True)
class GetAvailability(Query[AvailabilityView]):
    """Whether the variants of a product can be had; never how many."""

    requires: ClassVar = PUBLIC
    product_id: ProductId


async def get_availability(query: GetAvailability, context: Context, *, catalog: CatalogReader) -> AvailabilityView:
    return await catalog.availability(query.product_id)


@frozen(kw_only=True)
class GetCategories(Query[list[CategoryView]]):
    """The tree of categories, or one branch."""

    requires: ClassVar = PUBLIC
    parent: CategoryId | None = None


async def get_categories(query: GetCategories, context: Context, *, catalog: CatalogReader) -> list[CategoryView]:
    return await catalog.categories(query.parent)


@frozen(kw_only=True)
class GetCategory(Query[CategoryView]):
    """One category by id or slug."""

    requires: ClassVar = PUBLIC
    id_or_slug: CategoryId | str
    expand: frozenset[str] = frozenset()


async def get_category(query: GetCategory, context: Context, *, catalog: CatalogReader) -> CategoryView:
    return await catalog.category(query.id_or_slug, expand=query.expand)


def _on_sale(product: ProductView) -> ProductView:
    """The product as shoppers see it: without the variants that were taken off sale."""
    if not product.variants or not any(variant.archived for variant in product.variants):
        return product
    return evolve(product, variants=[variant for variant in product.variants if not variant.archived])


def _visible(actor: Actor) -> frozenset[ProductStatus]:
    return frozenset(ProductStatus) if actor.may("products:read") else _PUBLIC_STATUSES
