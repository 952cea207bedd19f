"""The tree of categories in a table."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import bindparam, delete, func, literal, select, update

from shop.adapters.sql.database import Row, Write
from shop.adapters.sql.gathering import REMOVED, Gathered, Rank, Root
from shop.adapters.sql.schema import categories, product_categories, products
from shop.adapters.sql.statements import Statement
from shop.domain.catalog import DEPTH_MAX, Category, CategoryNotFound
from shop.domain.kernel.identifiers import CategoryId
from shop.domain.kernel.texts import storable

_ROOT = Root.of(categories, fixed=["created_at"])
_GET = Statement(select(categories).where(categories.c.id == bindparam("category_id")))
_BY_SLUG = Statement(select(categories).where(categories.c.slug == bindparam("of_slug")))


def _path() -> Statement:
    path = (
        select(categories.c.id, categories.c.parent_id, literal(0).label("above"))
        .where(categories.c.id == bindparam("category_id"))
        .cte("path", recursive=True)
    )
    # Bounded, should the tree ever have a circle.
    path = path.union_all(
        select(categories.c.id, categories.c.parent_id, path.c.above + 1)
        .join(path, path.c.parent_id == categories.c.id)
        .where(path.c.above < 2 * DEPTH_MAX)
    )
    return Statement(select(path.c.id, path.c.parent_id).order_by(path.c.above.desc()))


def _depth() -> Statement:
    below = (
        select(categories.c.id, literal(0).label("levels"))
        .where(categories.c.id == bindparam("category_id"))
        .cte("below", recursive=True)
    )
    below = below.union_all(
        select(categories.c.id, below.c.levels + 1)
        .join(below, categories.c.parent_id == below.c.id)
        .where(below.c.levels < 2 * DEPTH_MAX)
    )
    return Statement(select(func.coalesce(func.max(below.c.levels), 0)))


_ANCESTORS = _path()
_LEVELS_BELOW = _depth()
_STILL_THERE = Statement(
    update(categories)
    .values(position=categories.c.position)
    .where(
        categories.c.id == bindparam("this_id"),
        categories.c.parent_id.is_not_distinct_from(bindparam("read_parent", type_=categories.c.id.type)),
    )
)
_LIFT_CHILDREN = Statement(
    update(categories)
    .values(parent_id=bindparam("new_parent"), version=categories.c.version + 1)
    .where(categories.c.parent_id == bindparam("gone"))
)
_TOUCH_PRODUCTS = Statement(
    update(products)
    .values(version=products.c.version + 1)
    .where(
        products.c.id.in_(
            select(product_categories.c.product_id).where(product_categories.c.category_id == bindparam("gone"))
        )
    )
)
_DELETE = Statement(
    delete(categories).where(categories.c.id == bindparam("this_id"), categories.c.version == bindparam("read_version"))
)


def category_of(row: Row) -> Category:
    """The category in a row of its table."""
    parent = row["parent_id"]
    return Category(
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
    )


class SqlCategoryRepository:
    """Categories. A path that was read must still be as it was when something is hung below it."""

    def __init__(self, gathered: Gathered) -> None:
        self._gathered = gathered
        self._parents: dict[CategoryId, CategoryId | None] = {}
        self._saved: set[CategoryId] = set()
        gathered.at_the_end(self._path_writes)

    async def get(self, category_id: CategoryId) -> Category:
        row = await self._gathered.database.fetch_one(_GET, category_id=category_id.uuid)
        if row is None:
            raise CategoryNotFound(f"There is no category {category_id}.")
        return category_of(row)

    async def find_by_slug(self, slug: str) -> Category | None:
        if not storable(slug):
            return None
        row = await self._gathered.database.fetch_one(_BY_SLUG, of_slug=slug)
        return category_of(row) if row is not None else None

    async def ancestors(self, category_id: CategoryId) -> list[CategoryId]:
        rows = await self._gathered.database.fetch(_ANCESTORS, category_id=category_id.uuid)
        if not rows:
            raise CategoryNotFound(f"There is no category {category_id}.")
        for category, parent in rows:
            self._parents[CategoryId(category)] = CategoryId(parent) if parent is not None else None
        return [CategoryId(row[0]) for row in rows]

    async def levels_below(self, category_id: CategoryId) -> int:
        row = await self._gathered.database.fetch_one(_LEVELS_BELOW, category_id=category_id.uuid)
        assert row is not None, "an aggregate has a row"
        return int(row[0])

    def save(self, category: Category) -> None:
        self._saved.add(category.id)
        write = _ROOT.write(Rank.CATEGORY, _row(category), category.version)
        self._gathered.save(Rank.CATEGORY, category.id.uuid, category, [write])

    def delete(self, category: Category) -> None:
        gone = category.id.uuid
        parent = category.parent_id.uuid if category.parent_id else None
        self._gathered.discard(Rank.CATEGORY, gone)
        self._gathered.events += category.take_events()
        self._gathered.add(
            Write(_LIFT_CHILDREN, [{"gone": gone, "new_parent": parent}], Rank.CATEGORY),
            Write(_TOUCH_PRODUCTS, [{"gone": gone}], Rank.PRODUCT),
            Write(_DELETE, [{"this_id": gone, "read_version": category.version}], Rank.PRODUCT + REMOVED, expect=1),
        )

    def _path_writes(self) -> Iterable[Write]:
        """Two moves at the same time could make a circle that neither of them sees: so paths are guarded too."""
        if not self._saved:
            return
        above = sorted(category for category in self._parents if category not in self._saved)
        rows = [{"this_id": c.uuid, "read_parent": p.uuid if (p := self._parents[c]) else None} for c in above]
        if rows:
            yield Write(_STILL_THERE, rows, Rank.CATEGORY, expect=1)


def _row(category: Category) -> dict[str, Any]:
    return {
        "id": category.id.uuid,
        "slug": category.slug,
        "name": category.name,
        "description": category.description,
        "parent_id": category.parent_id.uuid if category.parent_id else None,
        "position": category.position,
        "seo_title": category.seo_title,
        "seo_description": category.seo_description,
        "metadata": dict(category.metadata),
        "created_at": category.created_at,
        "updated_at": category.updated_at,
    }
