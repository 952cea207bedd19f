"""Lists of one table that filters narrow: each filter is a condition with a parameter of its own."""

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any, TypeVar

from attrs import frozen
from sqlalchemy import ColumnElement, FromClause, func, select

from shop.adapters.sql.database import Database, Row
from shop.adapters.sql.readers.paging import Listing, Window, page_of, total_of, walk, window
from shop.adapters.sql.statements import Statement
from shop.application.ports.paging import Page, PageRequest

V = TypeVar("V")


@frozen(kw_only=True, eq=False)
class Filtered:
    """A list of the rows of `table`. Of the `conditions`, by their parameters, those hold whose parameter is given;
    `joined` hold always. Each combination that is asked for is compiled once."""

    listing: Listing
    table: FromClause
    columns: Sequence[ColumnElement[Any]]
    conditions: Mapping[str, ColumnElement[bool]]
    joined: tuple[ColumnElement[bool], ...] = ()

    async def page(
        self, database: Database, page: PageRequest, values: Mapping[str, Any], view: Callable[[Row], V]
    ) -> Page[V]:
        """Raises SortUnknown, CursorMalformed."""
        shape, mark = window(self.listing, page)
        asked = frozenset(values)
        rows = await database.fetch(_page(self, asked, shape), **values, **mark)
        found = page_of(rows, page, shape.order)
        total = await total_of(page, database, _total(self, asked), **values)
        return Page(data=[view(row) for row in found.rows], next=found.next, previous=found.previous, total=total)

    def where(self, asked: frozenset[str]) -> list[ColumnElement[bool]]:
        return [*self.joined, *(condition for name, condition in self.conditions.items() if name in asked)]


@lru_cache(maxsize=1000)
def _page(filtered: Filtered, asked: frozenset[str], shape: Window) -> Statement:
    return Statement(walk(shape, filtered.columns, filtered.where(asked)))


@lru_cache(maxsize=300)
def _total(filtered: Filtered, asked: frozenset[str]) -> Statement:
    return Statement(select(func.count()).select_from(filtered.table).where(*filtered.where(asked)))
