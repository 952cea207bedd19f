"""What shoppers and staff see of the catalogue."""

from typing import ClassVar

from attrs import frozen

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
    """Products that fit a filter. Statuses other than active need the scope products:read."""

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
    return await catalog.products(query.which, query.page, currency=currency, expand=query.expand)


@frozen(kw_only=True)
class GetProduct(Query[ProductView]):
    """One product by id or slug. What is not active is only there for staff."""

    requires: ClassVar = PUBLIC
    id_or_slug: ProductId | str
    currency: str = ""
    expand: frozenset[str] = frozenset()


async def get_product(
    query: GetProduct, context: Context, *, catalog: CatalogReader, store: StoreReader
) -> ProductView:
    currency = query.currency or (await store.settings()).store.currency
    return await catalog.product(
        query.id_or_slug, currency=currency, statuses=_visible(context.actor), expand=query.expand
    )


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


def _visible(actor: Actor) -> frozenset[ProductStatus]:
    return frozenset(ProductStatus) if actor.may("products:read") else _PUBLIC_STATUSES
