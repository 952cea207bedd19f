"""What comes out of a catalogue file: records, notes about what was left out, and problems, each with its line."""

import re
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from typing import TypeAlias

from attrs import evolve, field, frozen
from slugify import slugify

from shop.application.commands.imports import ProductRecord
from shop.domain.catalog import Price
from shop.domain.kernel.errors import Invalid
from shop.domain.kernel.money import Money

BACKORDER_WITHOUT_END = 10**6
"""The most that may be backordered: what other shops mean by selling on when nothing is left."""

_AMOUNT = re.compile(r"\d{1,15}(?:\.\d{1,20})?", re.ASCII)
_WHOLE = re.compile(r"(-?\d{1,12})(?:\.0+)?", re.ASCII)
_SLUG_LENGTH_MAX = 190


class FileUnreadable(Invalid):
    """The file as a whole cannot be read: it is no text, or not of this format."""

    code = "file_unreadable"
    title = "The file cannot be read"


@frozen
class RowProblem:
    """Something in the file that is wrong, and why. `line` counts from 1 in the file as an editor shows it.

    What has a problem is not imported; a note (`fatal` false) says what was left out of something that is. `handle` is
    that of the product which is not imported because of this, where it has one: the file names it all the same.
    """

    line: int
    column: str
    detail: str
    fatal: bool = True
    handle: str = ""


@frozen
class Found:
    """A product of the file, and the line where it begins.

    `lines` are those of its variants, where they have lines of their own; `columns` the names that the file has for
    fields of products and variants.
    """

    line: int
    record: ProductRecord
    lines: tuple[int, ...] = ()
    columns: Mapping[str, str] = field(factory=dict)

    def line_of(self, index: int) -> int:
        """Where this variant of the record stands."""
        return self.lines[index] if index < len(self.lines) else self.line

    def place(self, pointer: str) -> tuple[int, str]:
        """The line and the column of what a JSON pointer into the record means, as far as they are known."""
        steps = pointer.removeprefix("/").split("/")
        line = self.line
        if len(steps) > 1 and steps[0] == "variants" and steps[1].isdecimal():
            line, steps = self.line_of(int(steps[1])), steps[2:] or [""]
        return line, self.columns.get(steps[0], pointer.removeprefix("/"))


Entry: TypeAlias = Found | RowProblem


class Unusable(Exception):
    """Raised while a product is read: it cannot be imported, because of this."""

    def __init__(self, line: int, column: str, detail: str) -> None:
        super().__init__(detail)
        self.problem = RowProblem(line, column, detail)


def refused(line: int, error: Unusable | Invalid, columns: Mapping[str, str], handle: str) -> RowProblem:
    """The problem with a product that cannot be read or breaks a rule of the shop, with its column if that is known."""
    if isinstance(error, Unusable):
        return evolve(error.problem, handle=handle)
    pointer = error.flaws[0].pointer.removeprefix("/") if error.flaws else ""
    return RowProblem(line, columns.get(pointer, pointer), error.detail, handle=handle)


def amount_of(text: str, currency: str, line: int, column: str) -> Money:
    """The amount exactly as it is written. Raises Unusable; nothing is ever rounded."""
    if not _AMOUNT.fullmatch(text):
        raise Unusable(line, column, f"“{text[:40]}” is not an amount such as 19.99 (digits, a point, digits).")
    try:
        return Money.from_major(text, currency)
    except Invalid as error:
        raise Unusable(line, column, error.detail) from None


def price_of(amount: Money, compare_at: Money | None) -> Price:
    """A price; what it is compared with is left out where it is not above: other shops then show no sale either."""
    return Price(amount=amount, compare_at=compare_at if compare_at is not None and compare_at > amount else None)


def whole_number(text: str, line: int, column: str) -> int:
    """A whole number, also when it is written as “5.0”. Raises Unusable."""
    digits = _WHOLE.fullmatch(text)
    if digits is None:
        raise Unusable(line, column, f"“{text[:40]}” is not a whole number.")
    return int(digits[1])


def slug_of(*names: str) -> str:
    """A slug of these names; nothing when no letter or digit is left of them."""
    return slugify("-".join(names), max_length=_SLUG_LENGTH_MAX)


def category_path(names: list[str]) -> tuple[tuple[str, str], ...]:
    """A path of categories as (slug, name), each slug made of the path so far: men’s “Shoes” are not women’s."""
    kept = [name for name in names if slug_of(name)]
    return tuple((slug_of(*kept[: depth + 1]), name) for depth, name in enumerate(kept))


def lost_categories(names: Iterable[str], line: int, column: str) -> Iterator[RowProblem]:
    """A note for each name of which no address can be made: no category comes of it."""
    for name in names:
        if name.strip() and not slug_of(name):
            detail = f"“{name.strip()[:40]}” has no letter or digit to make an address of: this category is left out."
            yield RowProblem(line, column, detail, fatal=False)


def oversold(stock: str, line: int, column: str) -> Iterator[RowProblem]:
    """A note for a number below zero: other shops count so what they sold too much."""
    if stock.startswith("-") and stock.strip("-0."):
        yield RowProblem(line, column, f"{stock} on hand cannot be: it comes in as 0.", fatal=False)


def unpriced(line: int, column: str) -> RowProblem:
    """A note for a variant without a price."""
    detail = "There is no price here: a variant that is there already keeps what it costs, a new one cannot be bought."
    return RowProblem(line, column, detail, fatal=False)


def compared_below(price: str, before: str, line: int, column: str) -> Iterator[RowProblem]:
    """A note for a price to compare with that is below the price. Both are amounts, or blank."""
    if price and before and Decimal(before) < Decimal(price):
        detail = f"{before} is below the price of {price}: it is left out."
        yield RowProblem(line, column, detail, fatal=False)
