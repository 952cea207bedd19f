"""Pages of lists that are in memory, in the order that `shop.application.ports.paging` defines."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import total_ordering
from heapq import nlargest, nsmallest
from typing import Any, Generic, TypeVar

from attrs import field, frozen

from shop.application.ports.paging import (
    CursorMalformed,
    Page,
    PageRequest,
    SortUnknown,
    decode_cursor,
    encode_cursor,
)

E = TypeVar("E")
V = TypeVar("V")
Position = tuple[Any, ...]
_HEX = re.compile("[0-9a-f]{32}")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def microseconds(moment: datetime) -> int:
    """A time as it stands in a cursor: microseconds since 1970."""
    return (moment - _EPOCH) // timedelta(microseconds=1)


@total_ordering
class _Descending:
    """A text that sorts the other way round."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Descending) and bool(self.value == other.value)

    def __lt__(self, other: object) -> bool:
        return bool(other.value < self.value) if isinstance(other, _Descending) else NotImplemented

    __hash__ = None  # type: ignore[assignment]


def _turned(value: str | int) -> Any:
    """What sorts the other way round."""
    return -value if isinstance(value, int) else _Descending(value)


@frozen(kw_only=True)
class Listing(Generic[E]):
    """The order of one list: what callers may sort by, its own order, and the id (32 hexadecimal digits) for ties.

    Its own order is made of pairs: a key, and whether it descends.
    """

    keys: Mapping[str, Callable[[E], str | int]] = field(factory=dict)
    own: Sequence[tuple[Callable[[E], str | int], bool]] = ()
    id: Callable[[E], str]
    ids_descend: bool = True

    def page(self, entries: Iterable[E], request: PageRequest, view: Callable[[E], V]) -> Page[V]:
        """The part of the entries that was asked for, as views. Raises SortUnknown, CursorMalformed."""
        order = self._order(request.sort)
        entries = list(entries)
        cursor = request.after if request.after is not None else request.before
        chosen = [(self._position(entry, order), entry) for entry in entries]
        if cursor is not None:
            mark = self._mark(cursor, order, request.sort)
            try:
                chosen = [c for c in chosen if (mark < c[0] if request.after is not None else c[0] < mark)]
            except TypeError:
                raise CursorMalformed(f"“{cursor[:40]}” is a cursor of another order.") from None
        pick = nlargest if request.before is not None else nsmallest
        found = pick(request.limit + 1, chosen, key=lambda c: c[0])
        more, found = len(found) > request.limit, found[: request.limit]
        if request.before is not None:
            found.reverse()
        ends = (
            [encode_cursor(*self._values(found[i][1], order), sort=request.sort) for i in (0, -1)]
            if found
            else [None, None]
        )
        return Page(
            data=[view(entry) for _, entry in found],
            next=ends[1] if more or request.before is not None else None,
            previous=ends[0] if (more if request.before is not None else request.after is not None) else None,
            total=len(entries) if request.total else None,
        )

    def _order(self, sort: Sequence[str]) -> list[tuple[Callable[[E], str | int], bool]]:
        if not sort:
            return [*self.own, (self.id, self.ids_descend)]
        order = []
        for name in sort:
            key = self.keys.get(name.removeprefix("-"))
            if key is None:
                offered = ", ".join(self.keys) or "nothing"
                raise SortUnknown(f"“{name[:40]}” is no sort key of this list; it offers {offered}.")
            order.append((key, name.startswith("-")))
        return [*order, (self.id, order[0][1])]

    def _values(self, entry: E, order: Sequence[tuple[Callable[[E], str | int], bool]]) -> list[str | int]:
        return [key(entry) for key, _ in order]

    def _position(self, entry: E, order: Sequence[tuple[Callable[[E], str | int], bool]]) -> Position:
        return tuple(_turned(key(entry)) if descends else key(entry) for key, descends in order)

    def _mark(
        self, cursor: str, order: Sequence[tuple[Callable[[E], str | int], bool]], sort: tuple[str, ...]
    ) -> Position:
        values = decode_cursor(cursor, len(order), sort)
        if not _HEX.fullmatch(str(values[-1])):
            raise CursorMalformed(f"“{cursor[:40]}” is not a cursor of this list.")
        return tuple(_turned(value) if descends else value for value, (_, descends) in zip(values, order, strict=True))
