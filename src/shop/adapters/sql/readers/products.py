"""Statements that list products, one for each shape of question.

A list without narrowing filters walks an index that has its order, one walk per status. Narrowing filters (words,
a category, a tag) are each looked up in an index of their own, one after the other, until one of them leaves few
products: those are checked against the others and sorted. When each of them leaves many, the walk meets enough
products soon that satisfy all. The statement finds out by itself which way is short, so that neither a rare word
nor one that half the catalogue has makes it slow.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any
from uuid import UUID

from attrs import frozen
from sqlalchemy import (
    CTE,
    ColumnElement,
    FromClause,
    Select,
    Text,
    bindparam,
    cast,
    column,
    false,
    func,
    literal_column,
    select,
    table,
    true,
    type_coerce,
)
from sqlalchemy.dialects.postgresql import TSQUERY

from shop.adapters.sql.readers.paging import IdKey, Key, Kind, Listing, Window, among, between, few_of, merge, walk
from shop.adapters.sql.readers.texts import as_text
from shop.adapters.sql.schema import SEARCH_VECTOR, categories, product_categories, products, variants
from shop.adapters.sql.schema.columns import Id, Json, Portable, word
from shop.adapters.sql.statements import POSTGRES, SQLITE, Statement, any_of, json_rows
from shop.domain.catalog import ProductStatus

_CREATED = Key("created_at", products.c.created_at, Kind.MOMENT)
PRODUCT_LISTING = Listing(
    keys={
        "created_at": _CREATED,
        "updated_at": Key("updated_at", products.c.updated_at, Kind.MOMENT),
        "title": Key("title", products.c.title, Kind.TEXT),
        "price": Key("price_from_minor", products.c.price_from_minor, Kind.NUMBER),
    },
    own=((_CREATED, True),),
    ids=(IdKey("id", products.c.id),),
)
_COLUMNS: tuple[ColumnElement[Any], ...] = (
    products.c.id,
    products.c.slug,
    products.c.title,
    products.c.description,
    products.c.vendor,
    products.c.status,
    as_text(products.c.tags),
    as_text(products.c.price_ranges),
    as_text(products.c.media),
    as_text(products.c.options),
    products.c.seo_title,
    products.c.seo_description,
    as_text(products.c.metadata),
    products.c.created_at,
    products.c.updated_at,
    products.c.version,
    products.c.price_from_minor,
)
_SEARCH_VECTOR: ColumnElement[Any] = literal_column(f"products.{SEARCH_VECTOR.name}")
_WORDS = table("product_words", column("rowid"))  # SQLite's full text
_ROWS = table("product_rows", column("id"), column("product_id", Id()))


@frozen
class Narrowing:
    """Which filters a question has. `words` is how many there are."""

    dialect: str
    statuses: tuple[str, ...]
    words: int = 0
    category: str = ""  # how it is named: by `id` or by `slug`
    tag: bool = False
    vendor: bool = False
    sku: bool = False
    ids: bool = False
    metadata: bool = False
    since: bool = False
    until: bool = False

    def narrowing(self, window: Window) -> list[str]:
        """The filters with an index that finds few products among many, those first that leave the fewest."""
        in_own_order = [key.name for key, _ in window.order.keys] == ["created_at", "id"]
        documents = self.dialect == POSTGRES
        found = {
            "ids": self.ids,
            "sku": self.sku,
            "metadata": self.metadata and documents,
            "words": bool(self.words),
            "vendor": self.vendor and not in_own_order,
            "tag": self.tag and documents,
            "category": bool(self.category),
            "period": (self.since or self.until) and not in_own_order,
        }
        return [name for name, there in found.items() if there]


class _OrderedIds(Portable):
    """Ids in order of their positions, as SQLite tells them: a JSON list of pairs."""

    impl = Text
    cache_ok = True

    @staticmethod
    def from_sqlite(value: str) -> list[UUID]:
        return [UUID(hexadecimal) for _, hexadecimal in sorted(Json.from_sqlite(value))]


@lru_cache(maxsize=500)
def products_page(narrowing: Narrowing, window: Window) -> Statement:
    """The products of a page, nearest to its mark first."""
    columns = (*_COLUMNS, _category_ids(narrowing.dialect))
    filters = narrowing.narrowing(window)
    on_the_way = [*_plain(narrowing), *_found_on_the_way(narrowing)]
    if not filters and len(narrowing.statuses) == 1:
        return Statement(walk(window, columns, [products.c.status == narrowing.statuses[0], *on_the_way]))
    legs: list[Select[Any]] = []
    all_many: list[ColumnElement[bool]] = []
    for name in filters:
        few, many = few_of(_candidates(name, narrowing, window), name)
        if len(filters) == 1:
            legs.append(_sorted(few, window, [~many]))
        else:
            legs.append(_checked(few, window, [*all_many, ~many], on_the_way))
        all_many.append(many)
    for status in narrowing.statuses:
        conditions = [*all_many, products.c.status == status, *on_the_way]
        legs.append(walk(window, [products.c.id], conditions))
    return Statement(merge(window, columns, products, legs))


@lru_cache(maxsize=100)
def products_total(narrowing: Narrowing) -> Statement:
    """How many products there are on all pages."""
    return Statement(select(func.count()).select_from(_source(narrowing)).where(*_found_by_index(narrowing)))


@lru_cache(maxsize=10)
def one_product(dialect: str, by: str) -> Statement:
    """A product by `id` or by `slug`."""
    key = products.c[by]
    return Statement(select(*_COLUMNS, _category_ids(dialect)).where(key == bindparam(by, type_=key.type)))


def _sorted(few: CTE, window: Window, conditions: Sequence[ColumnElement[bool]]) -> Select[Any]:
    """The few nearest to the mark. One that hangs in two categories of a branch is found twice and listed once."""
    found = select(few).where(*conditions, *window.restrict(few)).distinct().subquery()
    return select(found.c.id).order_by(*window.clauses(found)).limit(window.size)


def _checked(
    few: CTE, window: Window, conditions: Sequence[ColumnElement[bool]], others: Sequence[ColumnElement[bool]]
) -> Select[Any]:
    """The same, of those that the other filters leave."""
    found = select(few.c.id).where(*conditions).subquery()
    return walk(window, [products.c.id], [among(products.c.id, found), *others])


def _candidates(name: str, narrowing: Narrowing, window: Window) -> Select[Any]:
    """What one filter finds by its index, with what it is sorted by."""
    keys = [key.column.label(key.name) for key, _ in window.order.keys if key.name != "id"]
    # What no index finds (SQLite has none for documents) is looked at here; what one finds is checked in its turn.
    unindexed = _documents(narrowing) if narrowing.dialect == SQLITE else []
    found = select(products.c.id, *keys).where(_has_status(narrowing.statuses), *_plain(narrowing), *unindexed)
    if name == "words":
        found = found.select_from(_source(narrowing)).where(*_words_by_index(narrowing))
    elif name == "category":
        found = _in_branch(narrowing, found)
    elif name in ("tag", "metadata"):
        found = found.where(*_documents(narrowing))
    return found


def _in_branch(narrowing: Narrowing, found: Select[Any]) -> Select[Any]:
    """Category by category, product by product: a planner that does not know how many there are reads all there are."""
    branch = _branch(narrowing.category)
    members = select(product_categories.c.product_id).where(product_categories.c.category_id == branch.c.id)
    if narrowing.dialect == SQLITE:
        joined = branch.join(product_categories, product_categories.c.category_id == branch.c.id)
        return found.select_from(joined.join(products, products.c.id == product_categories.c.product_id))
    member = members.correlate(branch).offset(0).lateral("member")
    described = found.where(products.c.id == member.c.product_id).correlate(member).offset(0).lateral("described")
    return select(*described.c).select_from(branch.join(member, true()).join(described, true()))


def _source(narrowing: Narrowing) -> FromClause:
    """Where candidates come from: on SQLite, words are found by a table of their own."""
    if narrowing.dialect == SQLITE and narrowing.words:
        rows = _WORDS.join(_ROWS, _ROWS.c.id == _WORDS.c.rowid)
        return rows.join(products, products.c.id == _ROWS.c.product_id)
    return products


def _words_by_index(narrowing: Narrowing) -> list[ColumnElement[bool]]:
    if narrowing.words and narrowing.dialect == SQLITE:
        return [literal_column("product_words").op("MATCH", is_comparison=True)(_text("words"))]
    return [_matches(_SEARCH_VECTOR)] if narrowing.words else []


def _found_by_index(narrowing: Narrowing) -> list[ColumnElement[bool]]:
    conditions = [_has_status(narrowing.statuses), *_plain(narrowing), *_documents(narrowing)]
    conditions += _words_by_index(narrowing)
    if narrowing.category:
        in_branch = product_categories.c.category_id.in_(select(_branch(narrowing.category).c.id))
        conditions.append(products.c.id.in_(select(product_categories.c.product_id).where(in_branch)))
    return conditions


def _found_on_the_way(narrowing: Narrowing) -> list[ColumnElement[bool]]:
    """The same as above, in words that no index answers to."""
    conditions: list[ColumnElement[bool]] = []
    if narrowing.words and narrowing.dialect == SQLITE:
        words = literal_column("' '", Text).concat(products.c.search_text)
        conditions += [func.instr(words, _text(f"word_{n}")) > 0 for n in range(narrowing.words)]
    elif narrowing.words:
        conditions.append(_matches(func.coalesce(_SEARCH_VECTOR, literal_column("''::tsvector"))))
    if narrowing.category:
        within = product_categories.c.category_id.in_(select(_branch(narrowing.category).c.id))
        hung = product_categories.c.product_id == products.c.id
        conditions.append(select(product_categories.c.position).where(hung, within).offset(0).limit(1).exists())
    if narrowing.dialect == POSTGRES:
        tags = func.coalesce(products.c.tags, literal_column("'[]'::jsonb"))
        fields = func.coalesce(products.c.metadata, literal_column("'{}'::jsonb"))
        return conditions + _contained(narrowing, tags, fields)
    return conditions + _documents(narrowing)


def _plain(narrowing: Narrowing) -> list[ColumnElement[bool]]:
    conditions = between(products.c.created_at, narrowing.since, narrowing.until)
    if narrowing.vendor:
        conditions.append(products.c.vendor == bindparam("vendor", type_=word()))
    if narrowing.sku:
        of_sku = select(variants.c.product_id).where(variants.c.sku == bindparam("sku", type_=word()))
        conditions.append(products.c.id.in_(of_sku))
    if narrowing.ids:
        conditions.append(any_of(products.c.id, "ids"))
    return conditions


def _documents(narrowing: Narrowing) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if narrowing.dialect == POSTGRES:
        # What is said of empty documents lets the small indexes serve that leave those out.
        conditions += _contained(narrowing, products.c.tags, products.c.metadata)
        if narrowing.tag:
            conditions.append(products.c.tags != literal_column("'[]'::jsonb"))
        if narrowing.metadata:
            conditions.append(products.c.metadata != literal_column("'{}'::jsonb"))
        return conditions
    if narrowing.tag:
        tags = func.json_each(products.c.tags).table_valued("value", name="tags_of")
        conditions.append(select(tags.c.value).where(tags.c.value == _text("tag")).exists())
    if narrowing.metadata:
        conditions.append(holds_metadata(SQLITE, products.c.metadata))
    return conditions


def holds_metadata(dialect: str, document: ColumnElement[Any]) -> ColumnElement[bool]:
    """The document holds every pair of the parameter `metadata`."""
    if dialect == POSTGRES:
        return document.op("@>", is_comparison=True)(bindparam("metadata", type_=Json()))
    wanted = func.json_each(bindparam("metadata", type_=Json())).table_valued("key", "value", name="wanted")
    held = func.json_each(document).table_valued("key", "value", name="held")
    alike = select(held.c.key).where(held.c.key == wanted.c.key, held.c.value == wanted.c.value).exists()
    return ~select(wanted.c.key).where(~alike).exists()


def _contained(narrowing: Narrowing, tags: ColumnElement[Any], fields: ColumnElement[Any]) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if narrowing.tag:
        conditions.append(tags.op("@>", is_comparison=True)(bindparam("tag", type_=Json())))
    if narrowing.metadata:
        conditions.append(holds_metadata(POSTGRES, fields))
    return conditions


def _has_status(statuses: tuple[str, ...]) -> ColumnElement[bool]:
    if len(statuses) == len(ProductStatus):
        return products.c.status.is_not(None)
    return products.c.status.in_([literal_column(f"'{status}'") for status in statuses]) if statuses else false()


def _matches(vector: ColumnElement[Any]) -> ColumnElement[bool]:
    return vector.op("@@", is_comparison=True)(cast(_text("words"), TSQUERY))


def _text(name: str) -> ColumnElement[Any]:
    return bindparam(name, type_=Text())


@lru_cache(maxsize=2)  # one statement may hold it twice, but only as the same object
def _branch(by: str) -> CTE:
    """The category and all that hang below it."""
    column = categories.c[by]
    root = select(categories.c.id).where(column == bindparam("category", type_=column.type))
    branch = root.cte("branch", recursive=True)
    return branch.union(select(categories.c.id).join(branch, categories.c.parent_id == branch.c.id))


def _category_ids(dialect: str) -> ColumnElement[Any]:
    """The ids of the product's categories, in their order."""
    hung = product_categories.c.product_id == products.c.id
    if dialect == POSTGRES:
        ordered = select(product_categories.c.category_id).where(hung).order_by(product_categories.c.position)
        return func.array(ordered.scalar_subquery()).label("category_ids")
    pairs = json_rows(product_categories.c.position, product_categories.c.category_id)
    return type_coerce(select(pairs).where(hung).scalar_subquery(), _OrderedIds()).label("category_ids")
