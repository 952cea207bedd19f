"""Our own shape: products as JSON, one array or one object after the other. `docs/reference/import-json.md` has it.

Read piece by piece, so that a file of any size fits.
"""

import json
from collections.abc import Iterator
from decimal import ROUND_HALF_EVEN, Decimal
from pathlib import Path
from typing import Any, Literal, TextIO, TypeAlias, TypeVar

import msgspec
from attrs import evolve
from msgspec import UNSET, UnsetType

from shop.application.commands.imports import ProductRecord, VariantRecord
from shop.domain.catalog import Media, Option, Price, ProductStatus
from shop.domain.kernel.currencies import exponent
from shop.domain.kernel.errors import Invalid
from shop.domain.kernel.money import Money
from shop.entrypoints.cli.imports.records import (
    Entry,
    FileUnreadable,
    Found,
    RowProblem,
    Unusable,
    amount_of,
    category_path,
    compared_below,
    lost_categories,
    oversold,
    price_of,
    refused,
    slug_of,
)
from shop.entrypoints.cli.imports.rows import no_utf8, opened
from shop.entrypoints.cli.imports.uniqueness import Uniqueness

PIECE = 1 << 16
PRODUCT_LENGTH_MAX = 4_000_000
NOISE_DIGITS_MIN = 15
"""A JSON number of at least so many digits was once a binary fraction: 19.990000000000002 is meant to be 19.99."""
EXPONENT_MAX = 20
_NOISE_MAX = Decimal("1e-9")
_BETWEEN = " \t\r\n,[]\ufeff"


T = TypeVar("T")
Amount: TypeAlias = Any
"""Text or number in major units; checked by `_amount`, since msgspec cannot tell the two from one union."""


class ImportPrice(msgspec.Struct, forbid_unknown_fields=True):
    """A price in one currency, as text or number in major units."""

    currency: str
    amount: Amount
    compare_at: Amount = UNSET


class ImportMedia(msgspec.Struct, forbid_unknown_fields=True):
    """A picture."""

    url: str
    alt: str = ""


class ImportSeo(msgspec.Struct, forbid_unknown_fields=True):
    """What search engines show."""

    title: str | UnsetType = UNSET
    description: str | UnsetType = UNSET


class ImportVariant(msgspec.Struct, forbid_unknown_fields=True):
    """A variant. `price` is in the currency of the import, `prices` in any; `stock` is a count of what is on hand."""

    sku: str = ""
    barcode: str | UnsetType = UNSET
    options: dict[str, str] | UnsetType = UNSET
    price: Amount = None
    compare_at: Amount = UNSET
    prices: list[ImportPrice] = []
    weight_grams: int | UnsetType = UNSET
    tax_class: str | UnsetType = UNSET
    tracked: bool | UnsetType = UNSET
    backorder_limit: int | UnsetType = UNSET
    requires_shipping: bool | UnsetType = UNSET
    stock: int | None = None


class ImportedProduct(msgspec.Struct, forbid_unknown_fields=True):
    """A product. Without handle it gets one of its title; `categories` are paths of names from the root.

    Of what is left out the file says nothing.
    """

    title: str
    variants: list[ImportVariant]
    handle: str = ""
    description: str | UnsetType = UNSET
    vendor: str | UnsetType = UNSET
    status: Literal["draft", "active", "archived"] | UnsetType = UNSET
    tags: list[str] | UnsetType = UNSET
    seo: ImportSeo = msgspec.field(default_factory=ImportSeo)
    media: list[ImportMedia] | UnsetType = UNSET
    categories: list[list[str]] | UnsetType = UNSET
    metadata: dict[str, str] = {}


def read_json(path: Path, currency: str) -> Iterator[Entry]:
    """The products of the file in its order. Raises FileUnreadable."""
    # Handles of the whole file first: none of them is made up for a product that has none.
    unique = Uniqueness(_handles(path))
    with opened(path) as text:
        for number, (line, value) in enumerate(_values(text), start=1):
            name = _name_of(value)
            called = f"“{name[:60]}”" if name else f"Product {number}"
            for entry in _entries(value, line, currency, unique):
                yield entry if isinstance(entry, Found) else evolve(entry, detail=f"{called}: {entry.detail}")


def _handles(path: Path) -> frozenset[str]:
    with opened(path) as text:
        told = (value.get("handle") for _, value in _values(text))
        return frozenset(slug_of(handle) for handle in told if isinstance(handle, str))


def _name_of(value: dict[str, Any]) -> str:
    """What people call the product: lines do not tell much of JSON, which may be one line."""
    for name in (value.get("handle"), value.get("title")):
        if isinstance(name, str) and name.strip():
            return name.strip()
    return ""


def _entries(value: dict[str, Any], line: int, currency: str, unique: Uniqueness) -> Iterator[Entry]:
    """What comes of one product of the file."""
    try:
        told = msgspec.convert(value, ImportedProduct)
        handle = slug_of(told.handle)
        record = _product(told, handle or unique.free_handle(slug_of(told.title)), currency, line)
    except msgspec.ValidationError as error:
        yield RowProblem(line, "", str(error), handle=slug_of(_name_of(value)))
    except (Unusable, Invalid) as error:
        yield refused(line, error, {}, slug_of(_name_of(value)))
    else:
        yield from _notes(told, line)
        yield from unique.check(Found(line, record if handle else evolve(record, silent=record.silent | {"handle"})))


def _values(text: TextIO) -> Iterator[tuple[int, Any]]:
    """The objects of the file with the lines they begin in; floats as the exact decimals that are written."""
    decoder = json.JSONDecoder(parse_float=Decimal, parse_constant=_no_number)
    buffer, line, wanted, depth = "", 1, PIECE, 0
    while True:
        try:
            piece = text.read(max(wanted - len(buffer), PIECE))
        except UnicodeDecodeError:
            raise no_utf8(line) from None
        buffer += piece
        while True:
            rest = buffer.lstrip(_BETWEEN)
            between, buffer = buffer[: len(buffer) - len(rest)], rest
            line += between.count("\n")
            depth += between.count("[") - between.count("]")
            if not buffer:
                break
            if buffer[0] != "{":
                raise FileUnreadable(f"Line {line}: a product is a JSON object, and begins with a brace.")
            try:
                value, end = decoder.raw_decode(buffer)
            except (json.JSONDecodeError, RecursionError) as error:
                if not piece or len(buffer) > PRODUCT_LENGTH_MAX or isinstance(error, RecursionError):
                    raise FileUnreadable(f"The product that begins in line {line} is no JSON: {error}.") from None
                # Twice as much each time, so that reading a long product stays linear.
                wanted = 2 * len(buffer)
                break
            yield line, value
            line += buffer.count("\n", 0, end)
            buffer, wanted = buffer[end:], PIECE
        if not piece:
            break
    if depth:
        raise FileUnreadable(
            f"The file ends in line {line}, and its array does not.", hint="It was cut off: fetch or export it again."
        )


def _no_number(text: str) -> Any:
    raise FileUnreadable(f"{text} is no JSON.")


def _product(told: ImportedProduct, handle: str, currency: str, line: int) -> ProductRecord:
    if not handle:
        raise Unusable(line, "handle", "There is no letter or digit to make an address of.")
    names = list(dict.fromkeys(name for variant in told.variants for name in _told(variant.options, {})))
    paths = [category_path(path) for path in _told(told.categories, [])]
    parts = ("description", "vendor", "status", "tags", "media", "categories")
    silent = {part for part in parts if getattr(told, part) is UNSET}
    silent |= {f"seo_{part}" for part in ("title", "description") if getattr(told.seo, part) is UNSET}
    if all(variant.options is UNSET for variant in told.variants):
        silent.add("options")
    return ProductRecord(
        handle=handle,
        title=told.title,
        description=_told(told.description, ""),
        vendor=_told(told.vendor, ""),
        status=ProductStatus(_told(told.status, "active")),
        tags=tuple(dict.fromkeys(_told(told.tags, []))),
        seo_title=_told(told.seo.title, ""),
        seo_description=_told(told.seo.description, ""),
        media=tuple(Media(url=media.url, alt=media.alt) for media in _told(told.media, [])),
        options=tuple(Option(name=name, values=_values_of(name, told.variants)) for name in names),
        variants=tuple(_variant(variant, index, names, currency, line) for index, variant in enumerate(told.variants)),
        categories=tuple(path for path in paths if path),
        metadata=told.metadata,
        silent=frozenset(silent),
    )


def _told(value: T | UnsetType, otherwise: T) -> T:
    return otherwise if isinstance(value, UnsetType) else value


def _values_of(name: str, variants: list[ImportVariant]) -> tuple[str, ...]:
    """The values of this option, each once."""
    told = (_told(variant.options, {}) for variant in variants)
    return tuple(dict.fromkeys(options[name] for options in told if name in options))


_PARTS = ("barcode", "weight_grams", "tax_class", "tracked", "backorder_limit", "requires_shipping")


def _variant(told: ImportVariant, index: int, names: list[str], currency: str, line: int) -> VariantRecord:
    options, at = _told(told.options, {}), f"variants/{index}"
    missing = [name for name in names if name not in options]
    if missing:
        raise Unusable(line, f"{at}/options", f"A variant lacks the option {', '.join(missing)} that its sisters have.")
    silent = {part for part in _PARTS if getattr(told, part) is UNSET}
    if told.options is UNSET:
        silent.add("options")
    if all(compare_at is UNSET for _, compare_at, _ in _amounts(told, currency)):
        silent.add("compare_at")
    return VariantRecord(
        sku=told.sku.strip(),
        options=tuple(options[name] for name in names),
        prices=tuple(_price(*amounts, line, at) for amounts in _amounts(told, currency)),
        stock=None if told.stock is None else max(told.stock, 0),
        silent=frozenset(silent),
        **{part: getattr(told, part) for part in _PARTS if part not in silent},
    )


def _amounts(told: ImportVariant, currency: str) -> Iterator[tuple[Amount, Amount, str]]:
    """What it costs, what that is compared with, and the currency of both."""
    if told.price is not None:
        yield told.price, told.compare_at, currency
    for price in told.prices:
        yield price.amount, price.compare_at, price.currency


def _notes(told: ImportedProduct, line: int) -> Iterator[RowProblem]:
    """What a shop owner should know of a product that is imported all the same."""
    for path in _told(told.categories, []):
        yield from lost_categories(path, line, "categories")
    for index, variant in enumerate(told.variants):
        yield from oversold(str(_told(variant.stock, "")), line, f"variants/{index}/stock")
        for amount, compare_at, _ in _amounts(variant, ""):
            before = "" if compare_at in (None, UNSET) else str(compare_at)
            yield from compared_below(str(amount), before, line, f"variants/{index}/compare_at")


def _price(amount: Amount, compare_at: Amount, currency: str, line: int, at: str) -> Price:
    return price_of(
        _amount(amount, currency, line, f"{at}/price"),
        None if compare_at in (None, UNSET) else _amount(compare_at, currency, line, f"{at}/compare_at"),
    )


def _amount(told: Amount, currency: str, line: int, column: str) -> Money:
    """Exactly what is written; only what a binary fraction added to a JSON number is taken off again."""
    if isinstance(told, bool) or not isinstance(told, str | int | Decimal):
        raise Unusable(line, column, "An amount is text or a number, such as “19.99”.")
    if isinstance(told, Decimal) and abs(told.adjusted()) > EXPONENT_MAX:
        # Written out it would fill the memory.
        raise Unusable(line, column, "That is not an amount that a shop handles.")
    if isinstance(told, Decimal) and len(told.as_tuple().digits) >= NOISE_DIGITS_MIN:
        meant = told.quantize(Decimal(1).scaleb(-exponent(currency)), ROUND_HALF_EVEN)
        if abs(meant - told) <= _NOISE_MAX:
            told = meant
    return amount_of(f"{told:f}" if isinstance(told, Decimal) else str(told), currency, line, column)
