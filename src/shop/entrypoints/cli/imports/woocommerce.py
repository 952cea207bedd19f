"""Product files of WooCommerce: simple products, and variable ones whose variations are rows of their own.

A variation names its parent by SKU or as `id:42`, and may stand before or after it: all rows are read before the
first product is made.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import date
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
    Unusable,
    amount_of,
    category_path,
    lost_categories,
    oversold,
    price_of,
    refused,
    slug_of,
    unpriced,
    whole_number,
)
from shop.entrypoints.cli.imports.rows import Row, Spool, ToldBy, column_names, silent, table
from shop.entrypoints.cli.imports.uniqueness import Uniqueness

ANY = "Any"
"""The value of an option that a variation leaves open while its sisters do not."""

_KINDS_LEFT_OUT = {
    "grouped": "a grouped product only lists other products",
    "external": "an external product is sold by another shop",
}
_ATTRIBUTES = range(1, 11)
_UNESCAPED_COMMA = re.compile(r"(?<!\\),")
_WEIGHT = re.compile(r"weight \((\w+)\)")
_DAY = re.compile(r"(\d{4}-\d{2}-\d{2})(?:[ T][\d:.+Z -]{0,30})?", re.ASCII)
_STARTS, _ENDS = "Date sale price starts", "Date sale price ends"
_PRODUCT_TOLD_BY: ToldBy = {
    "description": ("Description", "Short description"),
    "vendor": ("Brands",),
    "status": ("Published",),
    "tags": ("Tags",),
    "seo_title": (),
    "seo_description": (),
    "media": ("Images",),
    "options": ("Attribute 1 name",),
    "categories": ("Categories",),
}
_VARIANT_TOLD_BY: ToldBy = {
    "barcode": ("GTIN, UPC, EAN, or ISBN",),
    "options": ("Attribute 1 name",),
    "tax_class": ("Tax class", "Tax status"),
    "tracked": ("Stock",),
    "backorder_limit": ("Backorders allowed?",),
}
_ALWAYS_TOLD: ToldBy = {
    "title": ("Name",),
    "sku": ("SKU",),
    "prices": ("Regular price",),
    "requires_shipping": ("Type",),
    "stock": ("Stock",),
    "name": ("Attribute 1 name",),
    "url": ("Images",),
}
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


def read_woocommerce(path: Path, currency: str, today: date) -> Iterator[Entry]:
    """The products of the file in its order, with the sales of today. Raises FileUnreadable."""
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
            columns = column_names(head, {**_PRODUCT_TOLD_BY, **_VARIANT_TOLD_BY, **_ALWAYS_TOLD})
            try:
                record = _product(slug, head, rows, currency, today)
            except (Unusable, Invalid) as error:
                yield refused(head.line, error, columns, slug)
                continue
            yield from _notes(head, rows, today)
            yield from unique.check(Found(head.line, record, tuple(row.line for row in rows or [head]), columns))
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


def _product(slug: str, head: Row, rows: list[Row], currency: str, today: date) -> ProductRecord:
    if not slug:
        raise Unusable(head.line, "Name", "The product has no name to make an address of.")
    if "variable" in head.get("Type").casefold() and not rows:
        raise Unusable(head.line, "Type", "A variable product needs variations, and the file has none of this one.")
    options = _options(head, rows)
    constant = {name: value for name, value in _attributes(head).items() if name not in options}
    paths = [category_path(names) for names in _paths(head)]
    return ProductRecord(
        handle=slug,
        title=head.get("Name"),
        description=_description(head),
        vendor=head.get("Brands"),
        status=_status(head),
        tags=tuple(dict.fromkeys(_listed(head.get("Tags")))),
        media=tuple(Media(url=url) for url in dict.fromkeys(_pictures(head, rows))),
        options=tuple(Option(name=name, values=tuple(values)) for name, values in options.items()),
        variants=tuple(
            _variant(row, head, tuple(_attributes(row).get(name) or ANY for name in options), currency, today)
            for row in rows or [head]
        ),
        categories=tuple(path for path in paths if path),
        metadata={name[:40]: value[:500] for name, value in constant.items() if value},
        # The file has no handles: this one is made of the name.
        silent=silent(head, _PRODUCT_TOLD_BY) | {"handle"},
    )


def _description(head: Row) -> str:
    """The short one first, as shops show them, and the long one after it."""
    texts = dict.fromkeys(head.get(column) for column in ("Short description", "Description"))
    return "\n\n".join(text.replace("\\n", "\n") for text in texts if text)


def _paths(head: Row) -> list[list[str]]:
    return [[name.strip() for name in path.split(">")] for path in _listed(head.get("Categories"))]


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


def _variant(row: Row, head: Row, options: tuple[str, ...], currency: str, today: date) -> VariantRecord:
    kinds = {kind.strip().casefold() for kind in row.get("Type").split(",")}
    stock, in_stock = row.get("Stock"), row.get("In stock?") != "0"
    # Without a count the shop sells what is said to be in stock, and nothing of what is not.
    tracked = bool(stock) or not in_stock
    counted = 0 if not in_stock and not stock else None
    sells_on = (tracked or not row.has("Stock")) and row.get("Backorders allowed?") in ("1", "notify")
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
        prices=_prices(row, currency, today),
        weight_grams=_grams(row) or _grams(head),
        tax_class="exempt" if exempt else slug_of(tax_class) or "standard",
        tracked=tracked,
        backorder_limit=BACKORDER_WITHOUT_END if sells_on else 0,
        requires_shipping=not kinds & {"virtual", "downloadable"},
        stock=counted,
        silent=_silent(row, tracked),
    )


def _silent(row: Row, tracked: bool) -> frozenset[str]:
    """What the file does not say of a variant. One that is told to be out of stock is counted, column or not."""
    fields = silent(row, _VARIANT_TOLD_BY) - ({"tracked"} if tracked else frozenset())
    weighs = any(_gram_factor(column) for column in row.columns)
    return fields if weighs else fields | {"weight_grams"}


def _prices(row: Row, currency: str, today: date) -> tuple[Price, ...]:
    regular, sale = row.get("Regular price"), row.get("Sale price")
    if not regular:
        return ()
    full = amount_of(regular, currency, row.line, "Regular price")
    starts, ends = _day(row, _STARTS), _day(row, _ENDS)
    if not sale or (starts and starts > today) or (ends and ends < today):
        return (price_of(full, None),)
    reduced = amount_of(sale, currency, row.line, "Sale price")
    return (price_of(min(reduced, full), full),)


def _day(row: Row, column: str) -> date | None:
    text = row.get(column)
    if not text:
        return None
    found = _DAY.fullmatch(text)
    try:
        return date.fromisoformat(found[1] if found else text[:20])
    except ValueError:
        raise Unusable(row.line, column, f"“{text[:40]}” is not a day such as 2026-01-31.") from None


def _gram_factor(column: str) -> Decimal | None:
    """What one unit of this column weighs, if it is one of weights."""
    found = _WEIGHT.fullmatch(column)
    return _GRAMS.get(found[1]) if found else None


def _grams(row: Row) -> int:
    for column, text in row.cells.items():
        factor = _gram_factor(column)
        if factor is not None:
            try:
                grams = Decimal(text) * factor
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


def _notes(head: Row, rows: list[Row], today: date) -> Iterator[RowProblem]:
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
    for names in _paths(head):
        yield from lost_categories(names, head.line, "Categories")
    for row in rows or [head]:
        if not row.get("Regular price"):
            yield unpriced(row.line, "Regular price")
        elif row.get("Sale price"):
            yield from _sale_notes(row, today)
        if row.get("Stock") == "parent":
            yield RowProblem(row.line, "Stock", "It shares its parent's stock: count it by hand.", fatal=False)
        else:
            yield from oversold(row.get("Stock"), row.line, "Stock")


def _sale_notes(row: Row, today: date) -> Iterator[RowProblem]:
    """The shop's prices have no dates: what a file says of days to come has to be imported again."""
    starts, ends = _day(row, _STARTS), _day(row, _ENDS)
    if ends and ends < today:
        return
    if starts and starts > today:
        detail = f"The sale begins on {starts} and is left out: import the file again then."
        yield RowProblem(row.line, _STARTS, detail, fatal=False)
    elif Decimal(row.get("Sale price")) > Decimal(row.get("Regular price")):
        yield RowProblem(row.line, "Sale price", "It is above the regular price: that one is taken.", fatal=False)
    elif ends:
        detail = f"The sale price is taken, and stays after the sale ends on {ends}: import the file again then."
        yield RowProblem(row.line, _ENDS, detail, fatal=False)
