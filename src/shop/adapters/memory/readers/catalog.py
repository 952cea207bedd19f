"""Products and categories as shoppers see them, from memory."""

from collections import defaultdict
from collections.abc import Iterator

from shop.adapters.memory.catalog import branch_of, category_of, path_to, product_of
from shop.adapters.memory.inventory import levels_of
from shop.adapters.memory.paging import Listing, microseconds
from shop.adapters.memory.readers.filters import has_metadata, within
from shop.adapters.memory.tables import Tables
from shop.application.ports.paging import PRICELESS, Page, PageRequest
from shop.application.ports.readers import ProductFilter
from shop.application.ports.search import question_words
from shop.application.ports.views import (
    AvailabilityView,
    CategoryView,
    ProductView,
    VariantAvailabilityView,
    VariantView,
)
from shop.domain.catalog import (
    Category,
    CategoryNotFound,
    Product,
    ProductNotFound,
    ProductStatus,
    Variant,
)
from shop.domain.kernel.identifiers import CategoryId, MalformedId, ProductId, WrongIdType
from shop.domain.kernel.money import Money


class MemoryCatalogReader:
    """Answers about products and categories."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables
        self._products: Listing[Product] = Listing(
            keys={
                "created_at": _created_at,
                "updated_at": lambda product: microseconds(product.updated_at),
                "title": lambda product: product.title,
                "price": self._price_from,
            },
            own=((_created_at, True),),
            id=lambda product: product.id.uuid.hex,
        )

    async def products(
        self,
        which: ProductFilter,
        page: PageRequest,
        *,
        currency: str,
        expand: frozenset[str] = frozenset(),
    ) -> Page[ProductView]:
        return self._products.page(self._matching(which), page, lambda product: self._view(product, currency, expand))

    async def product(
        self,
        id_or_slug: ProductId | str,
        *,
        currency: str,
        statuses: frozenset[ProductStatus],
        expand: frozenset[str] = frozenset(),
    ) -> ProductView:
        if isinstance(id_or_slug, str):
            found = self._tables.product_by_slug.get(id_or_slug)
            product = self._tables.products[found] if found is not None else None
        else:
            product = self._tables.products.get(id_or_slug)
        if product is None or product.status not in statuses:
            raise ProductNotFound(f"There is no product {str(id_or_slug)[:80]}.")
        return self._view(product, currency, expand)

    async def availability(self, product_id: ProductId, *, low_below: int = 5) -> AvailabilityView:
        product = product_of(self._tables, product_id)
        if product.status is not ProductStatus.ACTIVE:
            raise ProductNotFound(f"There is no product {product_id}.")
        variants = [
            VariantAvailabilityView(variant_id=variant.id, sku=variant.sku, status=self._status(variant, low_below))
            for variant in product.live_variants
        ]
        return AvailabilityView(product_id=product_id, variants=variants)

    async def categories(self, parent: CategoryId | None = None) -> list[CategoryView]:
        return self._below(parent, self._children())

    async def category(self, id_or_slug: CategoryId | str, *, expand: frozenset[str] = frozenset()) -> CategoryView:
        category_id = id_or_slug
        if isinstance(category_id, str):
            found = self._tables.category_by_slug.get(category_id)
            if found is None:
                raise CategoryNotFound(f"There is no category {category_id[:80]}.")
            category_id = found
        category = category_of(self._tables, category_id)
        path = path_to(self._tables, category_id)[:-1] if "ancestors" in expand else None
        return _category_view(
            category,
            ancestors=[_category_view(above) for above in path] if path is not None else None,
            children=self._below(category_id, self._children()) if "children" in expand else None,
        )

    def _matching(self, which: ProductFilter) -> Iterator[Product]:
        tables = self._tables
        words = [" " + word for word in question_words(which.words)]
        if which.words.strip() and not words:
            return  # nothing but punctuation: no word begins with it
        branch = self._branch(which.category) if which.category else None
        if which.ids:
            chosen = [tables.products[i] for i in dict.fromkeys(which.ids) if i in tables.products]
        else:
            chosen = list(tables.products.values())
        for product in chosen:
            if (
                (not which.statuses or product.status in which.statuses)
                and (branch is None or not branch.isdisjoint(product.category_ids))
                and _described(product, which)
                and all(word in tables.product_words[product.id] for word in words)
            ):
                yield product

    def _branch(self, id_or_slug: str) -> set[CategoryId]:
        category_id = self._tables.category_by_slug.get(id_or_slug)
        if category_id is None:
            try:
                category_id = CategoryId.parse(id_or_slug)
            except (MalformedId, WrongIdType):
                return set()
        return branch_of(self._tables, category_id) if category_id in self._tables.categories else set()

    def _price_from(self, product: Product) -> int:
        span = _span(product, self._tables.settings.store.currency)
        return span[0].minor if span else PRICELESS

    def _view(self, product: Product, currency: str, expand: frozenset[str]) -> ProductView:
        span = _span(product, currency)
        return ProductView(
            id=product.id,
            slug=product.slug,
            title=product.title,
            description=product.description,
            vendor=product.vendor,
            status=product.status,
            tags=product.tags,
            price_from=span[0] if span else None,
            price_to=span[1] if span else None,
            media=product.media,
            options=product.options,
            category_ids=product.category_ids,
            seo_title=product.seo_title,
            seo_description=product.seo_description,
            metadata=dict(product.metadata),
            created_at=product.created_at,
            updated_at=product.updated_at,
            version=product.version,
            variants=(
                [_variant_view(product.id, variant, currency) for variant in product.variants]
                if "variants" in expand
                else None
            ),
            categories=(
                [_category_view(self._tables.categories[category_id]) for category_id in product.category_ids]
                if "categories" in expand
                else None
            ),
        )

    def _status(self, variant: Variant, low_below: int) -> str:
        if not variant.tracked:
            return "in_stock"
        levels = levels_of(self._tables, [variant.id])
        free = sum(max(level.on_hand - level.reserved, 0) for level in levels)
        if free >= low_below:
            return "in_stock"
        if free > 0:
            return "low_stock"
        return "backorder" if any(level.available > 0 for level in levels) else "out_of_stock"

    def _children(self) -> dict[CategoryId | None, list[Category]]:
        children: defaultdict[CategoryId | None, list[Category]] = defaultdict(list)
        for category in sorted(self._tables.categories.values(), key=lambda c: (c.position, c.name, c.id)):
            children[category.parent_id].append(category)
        return children

    def _below(
        self, parent: CategoryId | None, children: dict[CategoryId | None, list[Category]]
    ) -> list[CategoryView]:
        return [_category_view(child, children=self._below(child.id, children)) for child in children.get(parent, ())]


def _created_at(product: Product) -> int:
    return microseconds(product.created_at)


def _described(product: Product, which: ProductFilter) -> bool:
    return (
        (not which.tag or which.tag in product.tags)
        and (not which.vendor or product.vendor == which.vendor)
        and (not which.sku or any(variant.sku == which.sku for variant in product.variants))
        and within(product.created_at, which.created_at)
        and has_metadata(product.metadata, which.metadata)
    )


def _span(product: Product, currency: str) -> tuple[Money, Money] | None:
    """The lowest and the highest price of the live variants."""
    prices = [price for v in product.live_variants if (price := v.price_in(currency)) is not None]
    amounts = [price.amount for price in prices]
    return (min(amounts), max(amounts)) if amounts else None


def _variant_view(product_id: ProductId, variant: Variant, currency: str) -> VariantView:
    price = variant.price_in(currency)
    return VariantView(
        id=variant.id,
        product_id=product_id,
        sku=variant.sku,
        barcode=variant.barcode,
        title=variant.title,
        options=variant.options,
        price=price.amount if price else None,
        compare_at=price.compare_at if price else None,
        prices=[each.amount for each in variant.prices],
        weight_grams=variant.weight_grams,
        tax_class=variant.tax_class,
        tracked=variant.tracked,
        requires_shipping=variant.requires_shipping,
        archived=variant.archived,
        metadata=dict(variant.metadata),
    )


def _category_view(
    category: Category,
    *,
    ancestors: list[CategoryView] | None = None,
    children: list[CategoryView] | None = None,
) -> CategoryView:
    return CategoryView(
        id=category.id,
        slug=category.slug,
        name=category.name,
        description=category.description,
        parent_id=category.parent_id,
        position=category.position,
        seo_title=category.seo_title,
        seo_description=category.seo_description,
        metadata=dict(category.metadata),
        created_at=category.created_at,
        updated_at=category.updated_at,
        version=category.version,
        ancestors=ancestors,
        children=children,
    )
