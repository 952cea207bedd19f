"""Products and categories in memory."""

from collections import defaultdict

from shop.adapters.memory.copies import copied
from shop.adapters.memory.tables import Journal, Tables
from shop.adapters.memory.writes import Rank, Writes, check_version
from shop.application.ports.search import product_words
from shop.application.ports.unit_of_work import StaleAggregate
from shop.domain.catalog import (
    Category,
    CategoryNotFound,
    Product,
    ProductNotFound,
    SkuTaken,
    SlugTaken,
)
from shop.domain.kernel.identifiers import CategoryId, ProductId, VariantId


class MemoryProductRepository:
    """Products by id, slug and SKU."""

    def __init__(self, tables: Tables, writes: Writes) -> None:
        self._tables = tables
        self._writes = writes

    async def get(self, product_id: ProductId) -> Product:
        return copied(product_of(self._tables, product_id))

    async def find_by_slug(self, slug: str) -> Product | None:
        return self._copy(self._tables.product_by_slug.get(slug))

    async def find_by_sku(self, sku: str) -> Product | None:
        return self._copy(self._tables.product_by_sku.get(sku))

    async def find_by_variant(self, variant_id: VariantId) -> Product | None:
        return self._copy(self._tables.product_by_variant.get(variant_id))

    def save(self, product: Product) -> None:
        self._writes.save(Rank.PRODUCT, product, product.id, self._put)

    def _copy(self, product_id: ProductId | None) -> Product | None:
        return copied(self._tables.products[product_id]) if product_id is not None else None

    def _put(self, product: Product, journal: Journal) -> None:
        tables = self._tables
        before = tables.products.get(product.id)
        check_version(product, before)
        if any(category_id not in tables.categories for category_id in product.category_ids):
            raise StaleAggregate("A category of the product is gone.")
        if before is not None:
            _forget_keys(tables, before, journal)
        if product.slug in tables.product_by_slug:
            raise SlugTaken
        journal.put(tables.product_by_slug, product.slug, product.id)
        for variant in product.variants:
            if variant.sku and variant.sku in tables.product_by_sku:
                raise SkuTaken
            if variant.id in tables.product_by_variant:
                raise StaleAggregate(f"The variant {variant.id} is another product's.")
            journal.put(tables.product_by_variant, variant.id, product.id)
            if variant.sku:
                journal.put(tables.product_by_sku, variant.sku, product.id)
        # A space before each word, so that “ linen” finds where a word begins.
        journal.put(tables.product_words, product.id, " " + " ".join(product_words(product)))
        journal.put(tables.products, product.id, product)


class MemoryCategoryRepository:
    """The tree of categories."""

    def __init__(self, tables: Tables, writes: Writes) -> None:
        self._tables = tables
        self._writes = writes

    async def get(self, category_id: CategoryId) -> Category:
        return copied(category_of(self._tables, category_id))

    async def find_by_slug(self, slug: str) -> Category | None:
        category_id = self._tables.category_by_slug.get(slug)
        return copied(self._tables.categories[category_id]) if category_id is not None else None

    async def ancestors(self, category_id: CategoryId) -> list[CategoryId]:
        return [category.id for category in path_to(self._tables, category_id)]

    async def levels_below(self, category_id: CategoryId) -> int:
        levels, above = -1, {category_id}
        while above:
            levels += 1
            above = {category.id for category in self._tables.categories.values() if category.parent_id in above}
        return levels

    def save(self, category: Category) -> None:
        self._writes.save(Rank.CATEGORY, category, category.id, self._put)

    def delete(self, category: Category) -> None:
        self._writes.discard(category.id)
        self._writes.events += category.take_events()
        gone = copied(category)
        self._writes.add(Rank.CATEGORY, lambda journal: self._drop(gone, journal))

    def _put(self, category: Category, journal: Journal) -> None:
        tables = self._tables
        before = tables.categories.get(category.id)
        check_version(category, before)
        if category.parent_id is not None:
            if category.parent_id not in tables.categories:
                raise StaleAggregate("The category above is gone.")
            if category.id in [above.id for above in path_to(tables, category.parent_id)]:
                raise StaleAggregate("The category above was moved below this one.")
        if before is not None:
            journal.drop(tables.category_by_slug, before.slug)
        if category.slug in tables.category_by_slug:
            raise SlugTaken
        journal.put(tables.category_by_slug, category.slug, category.id)
        journal.put(tables.categories, category.id, category)

    def _drop(self, category: Category, journal: Journal) -> None:
        """Whatever pointed to it gets a new version: who read it before cannot bring the pointer back."""
        tables = self._tables
        stored = tables.categories.get(category.id)
        if stored is None or stored.version != category.version:
            raise StaleAggregate("The category has changed since it was read.")
        journal.drop(tables.categories, stored.id)
        journal.drop(tables.category_by_slug, stored.slug)
        for child in [child for child in tables.categories.values() if child.parent_id == stored.id]:
            lifted = copied(child)
            lifted.parent_id, lifted.version = stored.parent_id, child.version + 1
            journal.put(tables.categories, child.id, lifted)
        for product in [p for p in tables.products.values() if stored.id in p.category_ids]:
            taken_off = copied(product)
            taken_off.category_ids = tuple(c for c in product.category_ids if c != stored.id)
            taken_off.version = product.version + 1
            journal.put(tables.products, product.id, taken_off)


def product_of(tables: Tables, product_id: ProductId) -> Product:
    """What is stored, not a copy. Raises ProductNotFound."""
    try:
        return tables.products[product_id]
    except KeyError:
        raise ProductNotFound(f"There is no product {product_id}.") from None


def category_of(tables: Tables, category_id: CategoryId) -> Category:
    """What is stored, not a copy. Raises CategoryNotFound."""
    try:
        return tables.categories[category_id]
    except KeyError:
        raise CategoryNotFound(f"There is no category {category_id}.") from None


def path_to(tables: Tables, category_id: CategoryId) -> list[Category]:
    """From the root down to and including this category. Raises CategoryNotFound."""
    path = [category_of(tables, category_id)]
    while path[-1].parent_id is not None:
        path.append(tables.categories[path[-1].parent_id])
    return path[::-1]


def branch_of(tables: Tables, category_id: CategoryId) -> set[CategoryId]:
    """This category and all below it."""
    children: defaultdict[CategoryId | None, list[CategoryId]] = defaultdict(list)
    for category in tables.categories.values():
        children[category.parent_id].append(category.id)
    branch, heads = {category_id}, [category_id]
    while heads:
        below = children[heads.pop()]
        branch.update(below)
        heads += below
    return branch


def _forget_keys(tables: Tables, product: Product, journal: Journal) -> None:
    journal.drop(tables.product_by_slug, product.slug)
    for variant in product.variants:
        journal.drop(tables.product_by_variant, variant.id)
        if variant.sku:
            journal.drop(tables.product_by_sku, variant.sku)
