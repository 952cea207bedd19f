"""What comes out of a catalogue file: records, notes about what was left out, and problems, each with its line."""

import re
from collections.abc import Iterator
from typing import TypeAlias

from attrs import evolve, frozen
from slugify import slugify

from shop.application.commands.imports import ProductRecord, VariantRecord
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

    What has a problem is not imported; a note (`fatal` false) says what was left out of something that is.
    """

    line: int
    column: str
    detail: str
    fatal: bool = True


@frozen
class Found:
    """A product of the file, and the line where it begins."""

    line: int
    record: ProductRecord


Entry: TypeAlias = Found | RowProblem


class Unusable(Exception):
    """Raised while a product is read: it cannot be imported, because of this."""

    def __init__(self, line: int, column: str, detail: str) -> None:
        super().__init__(detail)
        self.problem = RowProblem(line, column, detail)


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


class Uniqueness:
    """Watches over a file: what must be there once only (handles, SKUs) is noticed when it comes again."""

    def __init__(self) -> None:
        self._handles: dict[str, int] = {}
        self._skus: dict[str, int] = {}

    def free_handle(self, wanted: str, otherwise: str) -> str:
        """`wanted`, or with `otherwise` behind it where the file has used it before; claims it for the product."""
        return wanted if wanted not in self._handles else slug_of(wanted, otherwise)

    def check(self, found: Found) -> Iterator[Entry]:
        """The product with its SKUs made unique (a note for each that was not), or a problem with its handle."""
        handle = found.record.handle
        if handle in self._handles:
            detail = f"“{handle}” is the handle of another product too, which begins in line {self._handles[handle]}."
            yield RowProblem(found.line, "", detail)
            return
        self._handles[handle] = found.line
        variants: list[VariantRecord] = []
        for variant in found.record.variants:
            earlier = self._skus.get(variant.sku)
            if earlier is not None:
                detail = f"The SKU {variant.sku} comes again (first in line {earlier}): this variant gets none."
                yield RowProblem(found.line, "", detail, fatal=False)
                variant = evolve(variant, sku="")
            elif variant.sku:
                self._skus[variant.sku] = found.line
            variants.append(variant)
        yield Found(found.line, evolve(found.record, variants=tuple(variants)))
