"""Pages by keyset: a list goes on from the sort values of an entry, so no page costs more than the first.

The order is that of `shop.application.ports.paging`. Statements are kept per shape: which order, which direction,
from a cursor or not, and one of a few sizes; so there are few, and each is compiled and planned once.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from enum import Enum
from functools import lru_cache
from typing import Any
from uuid import UUID

from attrs import field, frozen
from sqlalchemy import (
    CTE,
    BigInteger,
    Boolean,
    ColumnElement,
    FromClause,
    Select,
    bindparam,
    func,
    select,
    tuple_,
    union_all,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from shop.adapters.sql.database import Database, Row
from shop.adapters.sql.schema.columns import Id, UtcDateTime, word
from shop.adapters.sql.statements import POSTGRES, SQLITE, Statement
from shop.application.ports.paging import (
    CursorMalformed,
    PageRequest,
    SortUnknown,
    decode_cursor,
    encode_cursor,
)
from shop.application.ports.readers import TimeRange

# A page is fetched with one entry more, and in one of these sizes. The planner must see the number: of a limit that
# is a parameter it thinks that a tenth of the table will be wanted, and sorts all of it.
_SIZES = (2, 6, 21, 51, 101)
FEW = 1_500
"""Up to so many entries are sorted; where a filter leaves more, an index in the right order is walked."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EARLIEST, _LATEST = datetime(1000, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)


class Kind(Enum):
    """What the values of a sort key are."""

    TEXT = word()
    NUMBER = BigInteger()
    MOMENT = UtcDateTime()


def storable(text: str) -> bool:
    """Whether a database could hold this text at all; what it cannot hold, it does not hold."""
    if "\x00" in text:
        return False
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


@frozen
class Key:
    """A column that lists may be sorted by, and its name in the rows."""

    name: str
    column: ColumnElement[Any]
    kind: Kind

    def in_cursor(self, row: Row) -> str | int:
        value = row[self.name]
        if self.kind is Kind.MOMENT:
            value = (value - _EPOCH) // timedelta(microseconds=1)
        assert isinstance(value, (str, int))
        return value

    def from_cursor(self, value: str | int) -> Any:
        """Raises ValueError for what is no value of this key."""
        if isinstance(value, str) != (self.kind is Kind.TEXT):
            raise ValueError("A value of another kind.")
        if self.kind is Kind.MOMENT:
            return _moment(int(value))
        if isinstance(value, str) and not storable(value):
            raise ValueError("No text that a database could hold.")
        return value

    def mark(self, index: int) -> ColumnElement[Any]:
        return bindparam(f"mark_{index}", type_=self.kind.value)


@frozen
class IdKey:
    """A column with ids, which breaks ties, and its name in the rows."""

    name: str
    column: ColumnElement[Any]

    def in_cursor(self, row: Row) -> str | int:
        identifier: UUID = row[self.name]
        return identifier.hex

    def from_cursor(self, value: str | int) -> Any:
        """Raises ValueError for what is no such id."""
        return UUID(str(value))

    def mark(self, index: int) -> ColumnElement[Any]:
        return bindparam(f"mark_{index}", type_=Id())


def _moment(microseconds: int) -> datetime:
    try:
        return min(max(_EPOCH + timedelta(microseconds=microseconds), _EARLIEST), _LATEST)
    except OverflowError:
        return _LATEST if microseconds > 0 else _EARLIEST


@frozen(eq=False)
class Order:
    """A total order of a list: keys, each of them ascending or descending; the ids last. `sort` asked for it."""

    keys: tuple[tuple[Key | IdKey, bool], ...]
    sort: tuple[str, ...]

    def clauses(self, backwards: bool = False, of: Any = None) -> list[ColumnElement[Any]]:
        """What to order by: the columns themselves, or those of the same names in a subquery."""
        columns = [(key.column if of is None else of.c[key.name], down) for key, down in self.keys]
        return [column.desc() if down != backwards else column.asc() for column, down in columns]

    def beyond_mark(self, backwards: bool = False, of: Any = None) -> ColumnElement[bool]:
        """What comes after the mark (or before it, backwards)."""
        columns = [key.column if of is None else of.c[key.name] for key, _ in self.keys]
        marks = [key.mark(index) for index, (key, _) in enumerate(self.keys)]
        downs = [down != backwards for _, down in self.keys]
        if len(set(downs)) == 1:
            here, there = tuple_(*columns), tuple_(*marks)
            return here < there if downs[0] else here > there
        return _beyond(columns, marks, downs)

    def values_at(self, cursor: str) -> dict[str, Any]:
        """The mark as parameters. Raises CursorMalformed."""
        values = decode_cursor(cursor, len(self.keys), self.sort)
        try:
            return {f"mark_{i}": key.from_cursor(values[i]) for i, (key, _) in enumerate(self.keys)}
        except ValueError:
            shown = cursor[:40].encode(errors="replace").decode()
            raise CursorMalformed(f"“{shown}” is a cursor of another order.") from None

    def cursor_to(self, row: Row) -> str:
        return encode_cursor(*(key.in_cursor(row) for key, _ in self.keys), sort=self.sort)


def _beyond(
    columns: Sequence[ColumnElement[Any]], marks: Sequence[ColumnElement[Any]], downs: Sequence[bool]
) -> ColumnElement[bool]:
    """Beyond in the first column, or level there and beyond in the rest; said so that an index on the first serves."""
    column, mark, down = columns[0], marks[0], downs[0]
    beyond: ColumnElement[bool] = column < mark if down else column > mark
    if len(columns) == 1:
        return beyond
    not_short: ColumnElement[bool] = column <= mark if down else column >= mark
    return not_short & (beyond | _beyond(columns[1:], marks[1:], downs[1:]))


@frozen(kw_only=True, eq=False)
class Listing:
    """What callers may sort a list by, and its own order."""

    keys: Mapping[str, Key] = field(factory=dict)
    own: tuple[tuple[Key, bool], ...] = ()
    ids: tuple[IdKey, ...]
    ids_descend: bool = True

    def order(self, sort: tuple[str, ...]) -> Order:
        """Raises SortUnknown."""
        for name in sort:
            if name.removeprefix("-") not in self.keys:
                offered = ", ".join(self.keys) or "nothing"
                raise SortUnknown(f"“{name[:40]}” is no sort key of this list; it offers {offered}.")
        return _order(self, sort)


@lru_cache(maxsize=500)
def _order(listing: Listing, sort: tuple[str, ...]) -> Order:
    chosen: dict[str, tuple[Key | IdKey, bool]] = {}
    for name in sort:  # a key that comes again decides nothing any more
        chosen.setdefault(name.removeprefix("-"), (listing.keys[name.removeprefix("-")], name.startswith("-")))
    keys = list(chosen.values()) or list(listing.own)
    ids_descend = sort[0].startswith("-") if sort else listing.ids_descend
    return Order((*keys, *((key, ids_descend) for key in listing.ids)), sort)


@frozen
class Window:
    """The part of a list that was asked for, as far as it shapes a statement."""

    order: Order
    size: int
    marked: bool
    backwards: bool

    def restrict(self, of: Any = None) -> list[ColumnElement[bool]]:
        """The condition that begins the page, if it does not begin at the end of the list."""
        return [self.order.beyond_mark(self.backwards, of)] if self.marked else []

    def clauses(self, of: Any = None) -> list[ColumnElement[Any]]:
        return self.order.clauses(self.backwards, of)


def window(listing: Listing, request: PageRequest) -> tuple[Window, dict[str, Any]]:
    """What shapes the statement, and the parameters of its mark. Raises SortUnknown, CursorMalformed."""
    order = listing.order(request.sort)
    cursor = request.after if request.after is not None else request.before
    size = next(size for size in _SIZES if size > request.limit)
    shape = Window(order, size, cursor is not None, request.before is not None)
    return shape, order.values_at(cursor) if cursor is not None else {}


def walk(
    shape: Window, columns: Sequence[ColumnElement[Any]], conditions: Sequence[ColumnElement[bool]]
) -> Select[Any]:
    """From the mark on in the order of the list, as far as the page reaches."""
    return select(*columns).where(*conditions, *shape.restrict()).order_by(*shape.clauses()).limit(shape.size)


def few_of(found: Select[Any], name: str) -> tuple[CTE, ColumnElement[bool]]:
    """What a filter finds by its index, up to one more than FEW; and whether that is what it came to."""
    hits = found.cte(f"hits_by_{name}").prefix_with("MATERIALIZED")
    few = select(hits).limit(FEW + 1).cte(f"few_by_{name}").prefix_with("MATERIALIZED")
    return few, select(func.count() > FEW).select_from(few).scalar_subquery()


def merge(
    shape: Window, columns: Sequence[ColumnElement[Any]], table: FromClause, legs: Sequence[Select[Any]]
) -> Select[Any]:
    """The page of several walks over the same table, each of which answers with its `id`s."""
    parts = [leg.subquery() for leg in legs]
    found = among(table.c.id, union_all(*(select(part.c.id) for part in parts)).subquery())
    return select(*columns).where(found).order_by(*shape.clauses()).limit(shape.size)


def among(column: ColumnElement[Any], found: FromClause) -> ColumnElement[bool]:
    """The column is one of the ids that were found: looked up one by one, however many the planner expects."""
    return _Among(column, select(found.c.id).scalar_subquery())


class _Among(FunctionElement[bool]):
    inherit_cache = False
    type = Boolean()

    def self_group(self, against: Any = None) -> Any:
        """A condition as it is."""
        return self


@compiles(_Among, POSTGRES)
def _among_postgres(element: _Among, compiler: SQLCompiler, **options: Any) -> str:
    column, found = (compiler.process(part, **options) for part in element.clauses)
    return f"{column} = ANY (ARRAY{found})"


@compiles(_Among, SQLITE)
def _among_sqlite(element: _Among, compiler: SQLCompiler, **options: Any) -> str:
    column, found = (compiler.process(part, **options) for part in element.clauses)
    return f"{column} IN {found}"


@frozen
class Slice:
    """The rows of a page in their order, and what is beside them."""

    rows: Sequence[Row]
    next: str | None
    previous: str | None


def page_of(rows: Sequence[Row], request: PageRequest, order: Order) -> Slice:
    """Cuts what was fetched to what was asked for."""
    more, found = len(rows) > request.limit, rows[: request.limit]
    if not found:
        return Slice((), None, None)
    backwards = request.before is not None
    if backwards:
        found = found[::-1]
    to_next = more or backwards
    to_previous = more if backwards else request.after is not None
    return Slice(
        found,
        order.cursor_to(found[-1]) if to_next else None,
        order.cursor_to(found[0]) if to_previous else None,
    )


async def total_of(page: PageRequest, database: Database, statement: Statement, **values: Any) -> int | None:
    """How many there are on all pages together, if that was asked; `statement` counts them."""
    if not page.total:
        return None
    counted = await database.fetch_one(statement, **values)
    return int(counted[0]) if counted is not None else 0


def between(column: ColumnElement[Any], since: bool, until: bool) -> list[ColumnElement[bool]]:
    """The conditions of a time range whose ends are the parameters `since` (inclusive) and `until` (exclusive)."""
    ends = in_time(column)
    return [ends[end] for end, asked in (("since", since), ("until", until)) if asked]


def in_time(column: ColumnElement[Any]) -> dict[str, ColumnElement[bool]]:
    """The same conditions, by their parameters."""
    since, until = (bindparam(end, type_=UtcDateTime()) for end in ("since", "until"))
    return {"since": column >= since, "until": column < until}


def ends_of(period: TimeRange) -> dict[str, Any]:
    """A time range as its two ends: the later of the beginnings, the earlier of the ends."""
    ends: dict[str, Any] = {}
    begins = [moment for moment in (period.gte, _next(period.gt)) if moment is not None]
    stops = [moment for moment in (_next(period.lte), period.lt) if moment is not None]
    if begins:
        ends["since"] = max(*begins, _EARLIEST)
    if stops:
        ends["until"] = max(min(stops), _EARLIEST)
    return ends


def _next(moment: datetime | None) -> datetime | None:
    if moment is None or moment >= _LATEST:
        return moment
    return moment.astimezone(UTC) + timedelta(microseconds=1)  # east of Greenwich it may have been the last there is
