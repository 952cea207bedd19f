"""Lists: how much of one is asked for, and what comes back.

The order of a list, the same in every storage:

- The sort keys one after the other, each ascending or (with “-”) descending; texts by code point.
- Ties are broken by id, in the direction of the first sort key. Without sort keys the list has its own order;
  most begin with the newest, and there ids descend too.
- A cursor holds the sort values and the id of an entry, so entries that come or go beside it move nothing; and the
  sort keys, so that it is refused under others. Times travel in it as microseconds since 1970. A product without a
  price sorts as dearer than all (`PRICELESS`).

`next` leads to what follows the last entry of the page and `previous` to what precedes the first. `next` is None
at the end of the list and `previous` on a first page (asked for without cursor); a page reached by `after` has a
`previous`, one reached by `before` a `next`, and one without entries has neither.
"""

import base64
import binascii
import json
from typing import Any, Generic, TypeVar

from attrs import field, frozen

from shop.domain.kernel.errors import Invalid
from shop.domain.kernel.texts import storable

LIMIT_MAX, AT_ONCE_MAX = 100, 10_000
PRICELESS = 10**15
"""What a product without a price counts as where products are sorted by price, in minor units."""

V = TypeVar("V")
_to_json = json.JSONEncoder(separators=(",", ":")).encode


class CursorMalformed(Invalid):
    code = "cursor_malformed"
    title = "Not a cursor of this list"
    default_hint = "Pass page.next or page.previous exactly as they came, with the same sort."


class SortUnknown(Invalid):
    code = "sort_unknown"
    title = "The list cannot be sorted like this"


def limited(default: int = 100, most: int = AT_ONCE_MAX) -> Any:
    """The `limit` of a list without pages: 1 to `most`, else Invalid is raised."""

    def check(_instance: Any, _attribute: Any, limit: int) -> None:
        if type(limit) is not int or not 1 <= limit <= most:
            raise Invalid(f"A limit is 1 to {most:,}.")

    return field(default=default, validator=check)


@frozen(kw_only=True)
class PageRequest:
    """Which part of a list: at most `limit` entries `after` or `before` a cursor, in the order of `sort`.

    A sort key may start with “-” for descending; ties are broken by id. An empty sort is the list's own order.
    """

    limit: int = 20
    sort: tuple[str, ...] = ()
    after: str | None = None
    before: str | None = None
    total: bool = False

    def __attrs_post_init__(self) -> None:
        if type(self.limit) is not int or not 1 <= self.limit <= LIMIT_MAX:
            raise Invalid(f"A page has 1 to {LIMIT_MAX} entries.")
        if self.after is not None and self.before is not None:
            raise Invalid("Ask for what comes after an entry, or before one; not both.")


@frozen(kw_only=True)
class Page(Generic[V]):
    """Some entries of a list, cursors to what is beside them, and the total if it was asked for."""

    data: list[V]
    next: str | None = None
    previous: str | None = None
    total: int | None = None


def encode_cursor(*values: str | int, sort: tuple[str, ...] = ()) -> str:
    """Sort values and the id of an entry as one opaque word, which knows how its list was sorted."""
    told = (*values, ",".join(sort)) if sort else values
    return base64.urlsafe_b64encode(_to_json(told).encode()).decode().rstrip("=")


def decode_cursor(cursor: str, length: int, sort: tuple[str, ...] = ()) -> list[str | int]:
    """The values behind a cursor of this many values. Raises CursorMalformed, as for one of another order."""
    try:
        values = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (binascii.Error, UnicodeError, ValueError, RecursionError):
        values = None
    if not isinstance(values, list) or not all(map(_is_sort_value, values)):
        raise CursorMalformed(f"“{cursor[:40]}” is not a cursor of this list.")
    if len(values) != length + bool(sort) or (sort and values.pop() != ",".join(sort)):
        raise CursorMalformed(f"“{cursor[:40]}” is a cursor of another order.")
    return values


def _is_sort_value(value: object) -> bool:
    if isinstance(value, str):
        return storable(value)
    return type(value) is int and abs(value) < 2**63
