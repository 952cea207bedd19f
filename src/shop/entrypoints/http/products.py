"""Products and their variants: what shoppers browse, and how staff change it."""

from typing import Annotated

from msgspec import UNSET, Meta, UnsetType, field

from shop.application.commands.catalog import (
    ArchiveProduct,
    CreateProduct,
    NewVariant,
    UpdateProduct,
)
from shop.application.ports.readers import ProductFilter
from shop.application.ports.views import AvailabilityView, ProductView
from shop.application.queries.catalog import GetAvailability, GetProduct, GetProducts
from shop.domain.catalog import Media, Option, ProductStatus
from shop.domain.kernel.errors import below
from shop.domain.kernel.identifiers import CategoryId, ProductId
from shop.entrypoints.http.answers import Answer
from shop.entrypoints.http.bodies import (
    Body,
    IdText,
    LongText,
    Metadata,
    MetadataChange,
    Slug,
    Text,
    given,
    identifier,
    merged,
)
from shop.entrypoints.http.calls import Call
from shop.entrypoints.http.endpoints import Endpoints, Shows, Who
from shop.entrypoints.http.parameters import (
    CURRENCY,
    METADATA,
    choices,
    currency,
    expand,
    fields,
    identifiers,
    moments,
    page_request,
    paging,
    range_of,
    text,
)
from shop.entrypoints.http.variants import CHANGES, WRITE, VariantBody, show_product

endpoints = Endpoints("products")
EXPANSIONS = ("variants", "categories")
_ALL_STATUSES = frozenset(ProductStatus)

Words = Annotated[list[Annotated[str, Meta(min_length=1, max_length=100)]], Meta(max_length=100)]
CategoryIds = Annotated[list[IdText], Meta(max_length=100)]


class MediaBody(Body):
    """A picture or film, wherever it is kept."""

    url: Annotated[str, Meta(min_length=1, max_length=2000)]
    alt: Annotated[str, Meta(max_length=500)] = ""

    def media(self) -> Media:
        return Media(url=self.url, alt=self.alt)


class OptionBody(Body):
    """A way in which variants differ, such as Size with S, M and L."""

    name: Annotated[str, Meta(min_length=1, max_length=100)]
    values: Annotated[list[Annotated[str, Meta(min_length=1, max_length=100)]], Meta(max_length=250)]

    def option(self) -> Option:
        return Option(name=self.name, values=tuple(self.values))


MediaList = Annotated[list[MediaBody], Meta(max_length=100)]


class ProductBody(Body):
    """A product to be made, with its variants, prices and stock in one go."""

    slug: Slug
    title: Annotated[str, Meta(min_length=1, max_length=300)]
    description: LongText = ""
    vendor: Annotated[str, Meta(max_length=200)] = ""
    status: ProductStatus = ProductStatus.DRAFT
    tags: Words = field(default_factory=list)
    seo_title: Text = ""
    seo_description: Annotated[str, Meta(max_length=1000)] = ""
    media: MediaList = field(default_factory=list)
    options: Annotated[list[OptionBody], Meta(max_length=5)] = field(default_factory=list)
    variants: Annotated[list[VariantBody], Meta(max_length=250)] = field(default_factory=list)
    category_ids: CategoryIds = field(default_factory=list)
    metadata: Metadata = field(default_factory=dict)


class ProductChange(Body):
    """What is to be changed about a product: a merge patch. Null empties a text or a list."""

    slug: Slug | UnsetType = UNSET
    title: Annotated[str, Meta(min_length=1, max_length=300)] | UnsetType = UNSET
    description: LongText | UnsetType | None = UNSET
    vendor: Annotated[str, Meta(max_length=200)] | UnsetType | None = UNSET
    status: ProductStatus | UnsetType = UNSET
    tags: Words | UnsetType | None = UNSET
    seo_title: Text | UnsetType | None = UNSET
    seo_description: Annotated[str, Meta(max_length=1000)] | UnsetType | None = UNSET
    media: MediaList | UnsetType | None = UNSET
    category_ids: CategoryIds | UnsetType | None = UNSET
    metadata: MetadataChange | UnsetType | None = UNSET


def _variants(variants: list[VariantBody]) -> tuple[NewVariant, ...]:
    return tuple(below(f"/variants/{i}", variant.variant) for i, variant in enumerate(variants))


def _media(media: list[MediaBody]) -> tuple[Media, ...]:
    return tuple(below(f"/media/{i}", each.media) for i, each in enumerate(media))


def _options(options: list[OptionBody]) -> tuple[Option, ...]:
    return tuple(below(f"/options/{i}", each.option) for i, each in enumerate(options))


def _categories(ids: list[str]) -> tuple[CategoryId, ...]:
    return tuple(identifier(CategoryId, text, f"/category_ids/{i}") for i, text in enumerate(ids))


_ONE = Shows(view=ProductView)


@endpoints.get(
    "/api/products",
    "product_list",
    Who.PUBLIC,
    "Products that fit a filter",
    query=(
        text("q", "Each word begins a word of title, vendor, tags, SKUs or description."),
        text("category", "Id or slug of a category: what hangs in its whole branch."),
        text("tag", "Has this tag."),
        text("vendor", "Is of this vendor."),
        text("sku", "Has a variant of this SKU."),
        identifiers("id", ProductId, "These products only."),
        choices("status", ProductStatus, "Others than active need the scope products:read."),
        *moments("created_at", "Made"),
        METADATA,
        currency("Prices in this currency (ISO 4217). sort=price goes by the shop's first one."),
        expand(*EXPANSIONS),
        fields(ProductView),
        *paging("created_at", "updated_at", "title", "price"),
    ),
    shows=Shows(view=ProductView, many=True),
    conditional=True,
    remembered=True,
    problems=("authentication_required", "scope_missing"),
)
async def product_list(call: Call) -> Answer:
    """Lists what is on sale, the newest first unless sorted; with a secret key also drafts and archived products."""
    query = call.query
    which = _NO_FILTER
    if query:
        which = ProductFilter(
            statuses=query.get("status", _NO_FILTER.statuses),
            words=query.get("q", ""),
            category=query.get("category", ""),
            tag=query.get("tag", ""),
            vendor=query.get("vendor", ""),
            sku=query.get("sku", ""),
            ids=query.get("id", ()),
            created_at=range_of(query, "created_at"),
            metadata=query.get("metadata", {}),
        )
    asked = GetProducts(
        which=which,
        page=page_request(query),
        currency=query.get("currency", ""),
        expand=query.get("expand", frozenset()),
    )
    return call.page(await call.ask(asked))


_NO_FILTER = ProductFilter()


@endpoints.post(
    "/api/products",
    "product_create",
    Who.STAFF,
    "Make a product",
    scope=WRITE,
    body=ProductBody,
    example={
        "slug": "linen-shirt",
        "title": "Linen Shirt",
        "status": "active",
        "options": [{"name": "Size", "values": ["S", "M"]}],
        "variants": [
            {"sku": "LS-S", "options": ["S"], "prices": [{"amount": 4900, "currency": "EUR"}], "stock": 10},
            {"sku": "LS-M", "options": ["M"], "prices": [{"amount": 4900, "currency": "EUR"}], "stock": 4},
        ],
    },
    status=201,
    shows=_ONE,
    problems=("slug_taken", "sku_taken", "variants_alike", "not_found"),
)
async def product_create(call: Call) -> Answer:
    """Makes a product with its variants, prices and stock in one call."""
    body: ProductBody = call.body
    command = CreateProduct(
        slug=body.slug,
        title=body.title,
        description=body.description,
        vendor=body.vendor,
        status=body.status,
        tags=tuple(body.tags),
        seo_title=body.seo_title,
        seo_description=body.seo_description,
        media=_media(body.media),
        options=_options(body.options),
        variants=_variants(body.variants),
        category_ids=_categories(body.category_ids),
        metadata=body.metadata,
    )
    product_id = await call.execute(command)
    await call.catalog_changed()
    return call.one(await show_product(call, product_id), location=f"/api/products/{product_id}")


@endpoints.get(
    "/api/products/{id_or_slug}",
    "product_get",
    Who.PUBLIC,
    "One product",
    query=(CURRENCY, expand(*EXPANSIONS), fields(ProductView)),
    shows=_ONE,
    conditional=True,
    remembered=True,
    problems=("not_found",),
)
async def product_get(call: Call) -> Answer:
    """One product by id or slug. What is not active, and variants that were archived, are there for staff only."""
    asked = GetProduct(
        id_or_slug=call.id_or_slug(ProductId),
        currency=call.query.get("currency", ""),
        expand=call.query.get("expand", frozenset()),
    )
    return call.one(await call.ask(asked))


@endpoints.patch(
    "/api/products/{id}",
    "product_update",
    Who.STAFF,
    "Change a product",
    body=ProductChange,
    example={"title": "Linen Shirt, washed", "metadata": {"season": "summer", "old": None}},
    shows=_ONE,
    problems=("not_found", "slug_taken", "conflict"),
    **CHANGES,
)
async def product_update(call: Call) -> Answer:
    """Changes what is said about a product, its media and categories, and whether it is on sale."""
    body: ProductChange = call.body
    product_id, version = call.id(ProductId), call.expected_version()
    changes = given(body, "slug", "title", "description", "vendor", "status", "seo_title", "seo_description")
    if body.tags is not UNSET:
        changes["tags"] = tuple(body.tags or ())
    if body.media is not UNSET:
        changes["media"] = _media(body.media or [])
    if body.category_ids is not UNSET:
        changes["category_ids"] = _categories(body.category_ids or [])
    if body.metadata is not UNSET:
        changes["metadata"] = merged((await show_product(call, product_id)).metadata, body.metadata)
    await call.execute(UpdateProduct(product_id=product_id, expected_version=version, **changes))
    await call.catalog_changed()
    return call.one(await show_product(call, product_id))


@endpoints.delete(
    "/api/products/{id}",
    "product_archive",
    Who.STAFF,
    "Archive a product",
    problems=("not_found", "conflict"),
    **CHANGES,
)
async def product_archive(call: Call) -> Answer:
    """Takes a product off sale for good, and keeps it for the orders that name it."""
    await call.execute(ArchiveProduct(product_id=call.id(ProductId), expected_version=call.expected_version()))
    await call.catalog_changed()
    return call.nothing()


@endpoints.get(
    "/api/products/{id}/availability",
    "product_availability",
    Who.PUBLIC,
    "Whether the variants can be had",
    shows=Shows(view=AvailabilityView),
    problems=("not_found",),
)
async def product_availability(call: Call) -> Answer:
    """Per variant in_stock, low_stock, backorder or out_of_stock; never how many."""
    return call.one(await call.ask(GetAvailability(product_id=call.id(ProductId))))
