"""Our own shape: products as JSON, one array or one object after the other. `docs/reference/import-json.md` has it.

Read piece by piece, so that a file of any size fits.
"""

import json
from collections.abc import Iterator
from decimal import ROUND_HALF_EVEN, Decimal
from pathlib import Path
from typing import Any, Literal, TextIO, TypeAlias

import msgspec

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
    Uniqueness,
    Unusable,
    amount_of,
    category_path,
    price_of,
    slug_of,
)
from shop.entrypoints.cli.imports.rows import no_utf8, opened

PIECE = 1 << 16
PRODUCT_LENGTH_MAX = 4_000_000
NOISE_DIGITS_MIN = 15
"""A JSON number of at least so many digits was once a binary fraction: 19.990000000000002 is meant to be 19.99."""
EXPONENT_MAX = 20
_NOISE_MAX = Decimal("1e-9")
_BETWEEN = " \t\r\n,[]\ufeff"


Amount: TypeAlias = Any
"""Text or number in major units; checked by `_amount`, since msgspec cannot tell the two from one union."""


class ImportPrice(msgspec.Struct, forbid_unknown_fields=True):
    """A price in one currency, as text or number in major units."""

    currency: str
    amount: Amount
    compare_at: Amount = None


class ImportMedia(msgspec.Struct, forbid_unknown_fields=True):
    """A picture."""

    url: str
    alt: str = ""


class ImportSeo(msgspec.Struct, forbid_unknown_fields=True):
    """What search engines show."""

    title: str = ""
    description: str = ""


class ImportVariant(msgspec.Struct, forbid_unknown_fields=True):
    """A variant. `price` is in the currency of the import, `prices` in any; `stock` is a count of what is on hand."""

    sku: str = ""
    barcode: str = ""
    options: dict[str, str] = {}
    price: Amount = None
    compare_at: Amount = None
    prices: list[ImportPrice] = []
    weight_grams: int = 0
    tax_class: str = "standard"
    tracked: bool = True
    backorder_limit: int = 0
    requires_shipping: bool = True
    stock: int | None = None


class ImportedProduct(msgspec.Struct, forbid_unknown_fields=True):
    """A product. Without handle it gets one of its title; `categories` are paths of names from the root."""

    title: str
    variants: list[ImportVariant]
    handle: str = ""
    description: str = ""
    vendor: str = ""
    status: Literal["draft", "active", "archived"] = "active"
    tags: list[str] = []
    seo: ImportSeo = msgspec.field(default_factory=ImportSeo)
    media: list[ImportMedia] = []
    categories: list[list[str]] = []
    metadata: dict[str, str] = {}


def read_json(path: Path, currency: str) -> Iterator[Entry]:
    """The products of the file in its order. Raises FileUnreadable."""
    unique = Uniqueness()
    with opened(path) as text:
        for line, value in _values(text):
            try:
                told = msgspec.convert(value, ImportedProduct)
                sku = next((variant.sku for variant in told.variants if variant.sku), "")
                handle = slug_of(told.handle) or unique.free_handle(slug_of(told.title), sku or str(line))
                record = _product(told, handle, currency, line)
            except msgspec.ValidationError as error:
                yield RowProblem(line, "", str(error))
            except Unusable as unusable:
                yield unusable.problem
            except Invalid as error:
                yield RowProblem(line, "", error.detail)
            else:
                yield from unique.check(Found(line, record))


def _values(text: TextIO) -> Iterator[tuple[int, Any]]:
    """The objects of the file with the lines they begin in; floats as the exact decimals that are written."""
    decoder = json.JSONDecoder(parse_float=Decimal, parse_constant=_no_number)
    buffer, line, wanted = "", 1, PIECE
    while True:
        try:
            piece = text.read(max(wanted - len(buffer), PIECE))
        except UnicodeDecodeError:
            raise no_utf8(line) from None
        buffer += piece
        while True:
            rest = buffer.lstrip(_BETWEEN)
            line += buffer.count("\n", 0, len(buffer) - len(rest))
            buffer = rest
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
            return


def _no_number(text: str) -> Any:
    raise FileUnreadable(f"{text} is no JSON.")


def _product(told: ImportedProduct, handle: str, currency: str, line: int) -> ProductRecord:
    if not handle:
        raise Unusable(line, "handle", "There is no letter or digit to make an address of.")
    names = list(dict.fromkeys(name for variant in told.variants for name in variant.options))
    paths = [category_path(path) for path in told.categories]
    return ProductRecord(
        handle=handle,
        title=told.title,
        description=told.description,
        vendor=told.vendor,
        status=ProductStatus(told.status),
        tags=tuple(dict.fromkeys(told.tags)),
        seo_title=told.seo.title,
        seo_description=told.seo.description,
        media=tuple(Media(url=media.url, alt=media.alt) for media in told.media),
        options=tuple(
            Option(name=name, values=tuple(dict.fromkeys(v.options[name] for v in told.variants if name in v.options)))
            for name in names
        ),
        variants=tuple(_variant(variant, names, currency, line) for variant in told.variants),
        categories=tuple(path for path in paths if path),
        metadata=told.metadata,
    )


def _variant(told: ImportVariant, names: list[str], currency: str, line: int) -> VariantRecord:
    missing = [name for name in names if name not in told.options]
    if missing:
        raise Unusable(line, "variants", f"A variant lacks the option {', '.join(missing)} that its sisters have.")
    prices = [_price(price.amount, price.compare_at, price.currency, line) for price in told.prices]
    if told.price is not None:
        prices.insert(0, _price(told.price, told.compare_at, currency, line))
    return VariantRecord(
        sku=told.sku,
        barcode=told.barcode,
        options=tuple(told.options[name] for name in names),
        prices=tuple(prices),
        weight_grams=told.weight_grams,
        tax_class=told.tax_class,
        tracked=told.tracked,
        backorder_limit=told.backorder_limit,
        requires_shipping=told.requires_shipping,
        stock=told.stock,
    )


def _price(amount: Amount, compare_at: Amount, currency: str, line: int) -> Price:
    return price_of(
        _amount(amount, currency, line, "price"),
        None if compare_at is None else _amount(compare_at, currency, line, "compare_at"),
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
