"""Product files of WooCommerce: simple products, and variable ones whose variations are rows of their own.

A variation names its parent by SKU or as `id:42`, and may stand before or after it: all rows are read before the
first product is made.
"""

import re
from collections.abc import Iterator, Mapping
from decimal import Decimal, InvalidOperation
from pathlib import Path

from attrs import define, field

from shop.application.commands.imports import ProductRecord, VariantRecord
from shop.domain.catalog import Media, Option, Price, ProductStatus
from shop.domain.kernel.errors import Invalid
from shop.entrypoints.cli.imports.records import (
    BACKORDER_WITHOUT_END,
    Entry,
    Found,
    RowProblem,
    Uniqueness,
    Unusable,
    amount_of,
    category_path,
    price_of,
    slug_of,
    whole_number,
)
from shop.entrypoints.cli.imports.rows import Row, Spool, table

ANY = "Any"
"""The value of an option that a variation leaves open while its sisters do not."""

_KINDS_LEFT_OUT = {
    "grouped": "a grouped product only lists other products",
    "external": "an external product is sold by another shop",
}
_ATTRIBUTES = range(1, 11)
_UNESCAPED_COMMA = re.compile(r"(?<!\\),")
_WEIGHT = re.compile(r"weight \((\w+)\)")
_GRAMS = {
    "kg": Decimal(1000),
    "g": Decimal(1),
    "oz": Decimal("28.349523125"),
    "lbs": Decimal("453.59237"),
    "lb": Decimal("453.59237"),
}


@define
class _Parts:
    """Where the rows of the file lie: products in its order, variations by what they call their parent."""

    products: list[int] = field(factory=list)
    variations: dict[str, list[int]] = field(factory=dict)


def read_woocommerce(path: Path, currency: str) -> Iterator[Entry]:
    """The products of the file in its order. Raises FileUnreadable."""
    with Spool() as spool:
        parts = _Parts()
        for row in table(path, ("Type", "SKU", "Name", "Regular price"), "WooCommerce"):
            if isinstance(row, RowProblem):
                yield row
            elif problem := _sort(row, parts, spool):
                yield problem
        unique = Uniqueness()
        for place in parts.products:
            head = spool.get(place)
            rows = _variations_of(head, parts, spool)
            slug = unique.free_handle(slug_of(head.get("Name")), head.get("SKU") or head.get("ID"))
            try:
                record = _product(slug, head, rows, currency)
            except Unusable as unusable:
                yield unusable.problem
                continue
            except Invalid as error:
                yield RowProblem(head.line, "", error.detail)
                continue
            yield from _notes(head, rows)
            yield from unique.check(Found(head.line, record))
        for parent, places in parts.variations.items():
            for place in places:
                yield RowProblem(spool.get(place).line, "Parent", f"The file has no product “{parent}”.")


def _sort(row: Row, parts: _Parts, spool: Spool) -> RowProblem | None:
    kinds = {kind.strip().casefold() for kind in row.get("Type").split(",")}
    for kind, reason in _KINDS_LEFT_OUT.items():
        if kind in kinds:
            return RowProblem(row.line, "Type", f"“{row.get('Name')}” is left out: {reason}.", fatal=False)
    if "variation" in kinds:
        parent = row.get("Parent")
        if not parent:
            return RowProblem(row.line, "Parent", "A variation names its parent, by SKU or as id:42.")
        parts.variations.setdefault(parent, []).append(spool.put(row))
    elif kinds & {"simple", "variable"}:
        parts.products.append(spool.put(row))
    else:
        return RowProblem(row.line, "Type", f"“{row.get('Type')[:40]}” is no kind of product that the shop knows.")
    return None


def _variations_of(head: Row, parts: _Parts, spool: Spool) -> list[Row]:
    """The variations in the order of their positions; none is left for another product."""
    places: list[int] = []
    for name in {head.get("SKU"), f"id:{head.get('ID')}"}:
        places += parts.variations.pop(name, [])
    rows = [spool.get(place) for place in sorted(places)]
    return sorted(rows, key=lambda row: int(at) if (at := row.get("Position")).isdecimal() else 0)


def _product(slug: str, head: Row, rows: list[Row], currency: str) -> ProductRecord:
    if not slug:
        raise Unusable(head.line, "Name", "The product has no name to make an address of.")
    if "variable" in head.get("Type").casefold() and not rows:
        raise Unusable(head.line, "Type", "A variable product needs variations, and the file has none of this one.")
    options = _options(head, rows)
    constant = {name: value for name, value in _attributes(head).items() if name not in options}
    paths = [category_path([part.strip() for part in path.split(">")]) for path in _listed(head.get("Categories"))]
    return ProductRecord(
        handle=slug,
        title=head.get("Name"),
        description=head.get("Description", "Short description").replace("\\n", "\n"),
        vendor=head.get("Brands"),
        status=_status(head),
        tags=tuple(dict.fromkeys(_listed(head.get("Tags")))),
        media=tuple(Media(url=url) for url in dict.fromkeys(_pictures(head, rows))),
        options=tuple(Option(name=name, values=tuple(values)) for name, values in options.items()),
        variants=tuple(
            _variant(row, head, tuple(_attributes(row).get(name) or ANY for name in options), currency)
            for row in rows or [head]
        ),
        categories=tuple(path for path in paths if path),
        metadata={name[:40]: value[:500] for name, value in constant.items() if value},
    )


def _attributes(row: Row) -> dict[str, str]:
    return {
        name: row.get(f"Attribute {number} value(s)")
        for number in _ATTRIBUTES
        if (name := row.get(f"Attribute {number} name"))
    }


def _options(head: Row, rows: list[Row]) -> dict[str, list[str]]:
    """The attributes in which variations differ, with their values in the parent's order.

    One that every variation leaves open (“any size”) is no option: there is one variant for all of its values.
    """
    options: dict[str, list[str]] = {}
    told = [_attributes(row) for row in rows]
    for name, values in _attributes(head).items():
        used = dict.fromkeys(attributes.get(name) or ANY for attributes in told)
        if set(used) - {ANY}:
            in_order = [value for value in _listed(values) if value in used]
            options[name] = [*in_order, *(value for value in used if value not in in_order)]
    return options


def _variant(row: Row, head: Row, options: tuple[str, ...], currency: str) -> VariantRecord:
    kinds = {kind.strip().casefold() for kind in row.get("Type").split(",")}
    stock, in_stock = row.get("Stock"), row.get("In stock?") != "0"
    # Without a count the shop sells what is said to be in stock, and nothing of what is not.
    tracked = bool(stock) or not in_stock
    counted = 0 if not in_stock and not stock else None
    if stock and stock != "parent":
        counted = max(whole_number(stock, row.line, "Stock"), 0)
    tax_class = row.get("Tax class")
    if tax_class in ("", "parent"):
        tax_class = head.get("Tax class")
    exempt = (row.get("Tax status") or head.get("Tax status")) in ("none", "shipping")
    return VariantRecord(
        sku=row.get("SKU"),
        barcode=row.get("GTIN, UPC, EAN, or ISBN"),
        options=options,
        prices=_prices(row, currency),
        weight_grams=_grams(row) or _grams(head),
        tax_class="exempt" if exempt else slug_of(tax_class) or "standard",
        tracked=tracked,
        backorder_limit=BACKORDER_WITHOUT_END if tracked and row.get("Backorders allowed?") in ("1", "notify") else 0,
        requires_shipping=not kinds & {"virtual", "downloadable"},
        stock=counted,
    )


def _prices(row: Row, currency: str) -> tuple[Price, ...]:
    regular, sale = row.get("Regular price"), row.get("Sale price")
    if not regular:
        return ()
    full = amount_of(regular, currency, row.line, "Regular price")
    if not sale:
        return (price_of(full, None),)
    reduced = amount_of(sale, currency, row.line, "Sale price")
    return (price_of(min(reduced, full), full),)


def _grams(row: Row) -> int:
    for column, text in row.cells.items():
        unit = found[1] if (found := _WEIGHT.fullmatch(column)) else ""
        if unit in _GRAMS:
            try:
                grams = Decimal(text) * _GRAMS[unit]
                if 0 <= grams <= 10**8:
                    return round(grams)
            except InvalidOperation:
                pass
            raise Unusable(row.line, column, f"“{text[:40]}” is not a weight.")
    return 0


def _status(head: Row) -> ProductStatus:
    """On sale when it is published and can be found: what WooCommerce hides from its lists comes in as a draft."""
    shown = head.get("Published") == "1" and head.get("Visibility in catalog").casefold() != "hidden"
    return ProductStatus.ACTIVE if shown else ProductStatus.DRAFT


def _pictures(head: Row, rows: list[Row]) -> Iterator[str]:
    for row in (head, *rows):
        yield from _listed(row.get("Images"))


def _listed(text: str) -> list[str]:
    """The values of a list by commas; a comma that belongs to a value has a backslash before it."""
    values = (value.strip().replace("\\,", ",") for value in _UNESCAPED_COMMA.split(text))
    return [value for value in values if value]


def _notes(head: Row, rows: list[Row]) -> Iterator[RowProblem]:
    if head.get("Visibility in catalog").casefold() == "hidden" and head.get("Published") == "1":
        yield RowProblem(head.line, "Visibility in catalog", "It is hidden: it comes in as a draft.", fatal=False)
    left_open: Mapping[str, str] = {
        name: values
        for name, values in _attributes(head).items()
        if rows and name not in _options(head, rows) and len(_listed(values)) > 1
    }
    for name in left_open:
        detail = f"Its variations are of any {name}: it is no option here, the values stand in the metadata."
        yield RowProblem(head.line, "", detail, fatal=False)
    for row in rows or [head]:
        if not row.get("Regular price"):
            yield RowProblem(row.line, "Regular price", "It has no price: nobody can buy it.", fatal=False)
        if row.get("Stock") == "parent":
            yield RowProblem(row.line, "Stock", "It shares its parent's stock: count it by hand.", fatal=False)
