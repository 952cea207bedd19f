"""Product files of Shopify: one row for each variant or further picture, all under the handle of their product.

Both the long-standing columns (Handle, Variant Price, …) and those of the template of 2024 (URL handle, Price, …).
"""

from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from pathlib import Path

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
    compared_below,
    lost_categories,
    oversold,
    price_of,
    refused,
    slug_of,
    unpriced,
    whole_number,
)
from shop.entrypoints.cli.imports.rows import Row, Spool, column_names, silent, table
from shop.entrypoints.cli.imports.uniqueness import Uniqueness

_HANDLE = ("Handle", "URL handle")
_PRICE = ("Variant Price", "Price")
_SKU = ("Variant SKU", "SKU")
_IMAGE = ("Image Src", "Product image URL")
_OF_VARIANT = ("Variant Image", "Variant image URL")
_COMPARE_AT = ("Variant Compare At Price", "Compare-at price")
_STOCK = ("Variant Inventory Qty", "Inventory quantity")
_TRACKER = ("Variant Inventory Tracker", "Inventory tracker")
_TAXABLE = ("Variant Taxable", "Charge tax")
_SHIPPED = ("Variant Requires Shipping", "Requires shipping")
_SELLS_ON = ("Variant Inventory Policy", "Continue selling when out of stock")
_PUBLISHED = ("Published", "Published on online store")
_GRAM_COLUMNS = ("Variant Grams", "Weight value (grams)")
_PRODUCT_TOLD_BY = {
    "description": ("Body (HTML)", "Description"),
    "vendor": ("Vendor",),
    "status": ("Status", *_PUBLISHED),
    "tags": ("Tags",),
    "seo_title": ("SEO Title",),
    "seo_description": ("SEO Description",),
    "media": (*_IMAGE, *_OF_VARIANT),
    "options": ("Option1 Value",),
    "categories": ("Type",),
}
_VARIANT_TOLD_BY = {
    "barcode": ("Variant Barcode", "Barcode"),
    "options": ("Option1 Value",),
    "weight_grams": (*_GRAM_COLUMNS, "Variant Weight"),
    "tax_class": _TAXABLE,
    "tracked": _TRACKER,
    "backorder_limit": _SELLS_ON,
    "requires_shipping": _SHIPPED,
    "compare_at": _COMPARE_AT,
}
_ALWAYS_TOLD = {
    "handle": _HANDLE,
    "slug": _HANDLE,
    "title": ("Title",),
    "sku": _SKU,
    "prices": _PRICE,
    "stock": _STOCK,
    "name": ("Option1 Name",),
    "url": _IMAGE,
    "alt": ("Image Alt Text",),
}
_STATUSES = {
    "active": ProductStatus.ACTIVE,
    "draft": ProductStatus.DRAFT,
    "archived": ProductStatus.ARCHIVED,
    "unlisted": ProductStatus.DRAFT,
}
_GRAMS = {"g": Decimal(1), "kg": Decimal(1000), "oz": Decimal("28.349523125"), "lb": Decimal("453.59237")}


def read_shopify(path: Path, currency: str) -> Iterator[Entry]:
    """The products of the file in its order. Raises FileUnreadable."""
    with Spool() as spool:
        places: dict[str, list[int]] = {}
        handle = ""
        for row in table(path, (_HANDLE, "Title", _PRICE), "Shopify"):
            if isinstance(row, RowProblem):
                yield row
                continue
            # A row without handle begins a product when it has a title, and goes on with the one above otherwise.
            handle = row.get(*_HANDLE) or (slug_of(row.get("Title")) if row.get("Title") else handle)
            if handle:
                places.setdefault(handle, []).append(spool.put(row))
            else:
                yield RowProblem(row.line, "Handle", "The row has no handle, and no product stands above it.")
        unique = Uniqueness()
        for handle, found in places.items():
            rows = [spool.get(place) for place in found]
            columns = column_names(rows[0], _PRODUCT_TOLD_BY | _VARIANT_TOLD_BY | _ALWAYS_TOLD)
            try:
                record = _product(handle, rows, currency)
            except (Unusable, Invalid) as error:
                yield refused(rows[0].line, error, columns, slug_of(handle))
                continue
            yield from _notes(rows)
            lines = tuple(row.line for row in _tellers(rows))
            yield from unique.check(Found(rows[0].line, record, lines, columns))


def _product(handle: str, rows: list[Row], currency: str) -> ProductRecord:
    head = rows[0]
    if not head.get("Title"):
        raise Unusable(head.line, "Title", "The first row of a product holds its title.")
    slug = slug_of(handle)
    if not slug:
        raise Unusable(head.line, "Handle", f"“{handle[:40]}” has no letter or digit to make an address of.")
    tellers = _tellers(rows)
    names = _option_names(head, tellers) if head.has(*_VARIANT_TOLD_BY["options"]) else []
    variants = tuple(_variant(row, head, len(names), currency) for row in tellers)
    category = head.get("Product category", "Product Category", "Google Shopping / Google Product Category")
    return ProductRecord(
        handle=slug,
        title=head.get("Title"),
        description=head.get("Body (HTML)", "Description"),
        vendor=head.get("Vendor"),
        status=_status(head),
        tags=tuple(dict.fromkeys(tag.strip() for tag in head.get("Tags").split(",") if tag.strip())),
        seo_title=head.get("SEO Title"),
        seo_description=head.get("SEO Description"),
        media=_media(rows),
        options=tuple(
            Option(name=name, values=tuple(dict.fromkeys(variant.options[index] for variant in variants)))
            for index, name in enumerate(names)
        ),
        variants=variants,
        categories=(category_path([head.get("Type")]),) if slug_of(head.get("Type")) else (),
        metadata={"product_category": category[:500]} if category else {},
        silent=_silent(head),
    )


def _silent(head: Row) -> frozenset[str]:
    """What the file does not say of the product. A handle that was made of the title was not said either."""
    fields = silent(head, _PRODUCT_TOLD_BY)
    if _is_true(head.get("Gift Card")):
        fields -= {"status"}
    return fields if head.get(*_HANDLE) else fields | {"handle"}


def _tellers(rows: list[Row]) -> list[Row]:
    return [row for row in rows if _tells_of_variant(row)] or rows[:1]


def _tells_of_variant(row: Row) -> bool:
    """Whether the row is a variant, and not only one more picture."""
    return bool(row.get("Option1 Value") or row.get(*_PRICE) or row.get(*_SKU))


def _option_names(head: Row, tellers: list[Row]) -> list[str]:
    """The names of the options; none for the “Default Title” of a product that comes one way only."""
    names = [head.get(f"Option{number} Name") for number in (1, 2, 3)]
    if names[0] in ("", "Title") and {row.get("Option1 Value") for row in tellers} <= {"", "Default Title"}:
        return []
    given = [name for name in names if name]
    if names[: len(given)] != given or not given:
        raise Unusable(head.line, "Option1 Name", "The first row of a product names its options, from the first on.")
    return given


def _variant(row: Row, head: Row, options: int, currency: str) -> VariantRecord:
    values = tuple(row.get(f"Option{number} Value") for number in range(1, options + 1))
    if "" in values:
        column = f"Option{values.index('') + 1} Value"
        raise Unusable(row.line, column, "A variant has a value for each option of its product.")
    gift_card = _is_true(head.get("Gift Card"))
    fields = silent(row, _VARIANT_TOLD_BY) - ({"requires_shipping"} if gift_card else frozenset())
    tracked = bool(row.get(*_TRACKER))
    # Without the column the shop knows best whether it is counted, and takes the count if it is.
    counts = tracked or "tracked" in fields
    stock = row.get(*_STOCK)
    taxable = row.get(*_TAXABLE).casefold() != "false"
    sells_on = counts and row.get(*_SELLS_ON).casefold() in ("continue", "true")
    return VariantRecord(
        sku=row.get(*_SKU).removeprefix("'"),
        barcode=row.get("Variant Barcode", "Barcode").removeprefix("'"),
        options=values,
        prices=_prices(row, currency),
        weight_grams=_grams(row),
        tax_class="standard" if taxable else "exempt",
        tracked=tracked,
        backorder_limit=BACKORDER_WITHOUT_END if sells_on else 0,
        requires_shipping=not gift_card and row.get(*_SHIPPED).casefold() != "false",
        stock=max(whole_number(stock, row.line, "Variant Inventory Qty"), 0) if counts and stock else None,
        silent=fields,
    )


def _prices(row: Row, currency: str) -> tuple[Price, ...]:
    price = row.get(*_PRICE)
    if not price:
        return ()
    before = row.get(*_COMPARE_AT)
    return (
        price_of(
            amount_of(price, currency, row.line, "Variant Price"),
            amount_of(before, currency, row.line, "Variant Compare At Price") if before else None,
        ),
    )


def _grams(row: Row) -> int:
    """The weight. The column in grams is in grams whatever the unit says: that is only how Shopify shows it."""
    if grams := row.get(*_GRAM_COLUMNS):
        return _whole_grams(grams, Decimal(1), row.line, "Variant Grams")
    unit = row.get("Variant Weight Unit").casefold() or "kg"
    weight = row.get("Variant Weight")
    if weight and unit not in _GRAMS:
        raise Unusable(row.line, "Variant Weight Unit", f"“{unit[:20]}” is none of {', '.join(_GRAMS)}.")
    return _whole_grams(weight, _GRAMS[unit], row.line, "Variant Weight") if weight else 0


def _whole_grams(text: str, unit: Decimal, line: int, column: str) -> int:
    try:
        grams = Decimal(text) * unit
        if not 0 <= grams <= 10**8:
            raise InvalidOperation
    except InvalidOperation:
        raise Unusable(line, column, f"“{text[:40]}” is not a weight.") from None
    return round(grams)


def _status(head: Row) -> ProductStatus:
    told = head.get("Status").casefold()
    if told and told not in _STATUSES:
        raise Unusable(head.line, "Status", f"“{told[:20]}” is none of {', '.join(_STATUSES)}.")
    status = _STATUSES.get(told, ProductStatus.ACTIVE)
    hidden = head.get(*_PUBLISHED).casefold() == "false" or _is_true(head.get("Gift Card"))
    return ProductStatus.DRAFT if hidden and status is ProductStatus.ACTIVE else status


def _media(rows: list[Row]) -> tuple[Media, ...]:
    """All pictures in the order of their positions, those of single variants last; each once."""
    placed = [
        (int(position) if (position := row.get("Image Position")).isdecimal() else index, row)
        for index, row in enumerate(rows, start=1)
        if row.get(*_IMAGE)
    ]
    urls = {row.get(*_IMAGE): row.get("Image Alt Text") for _, row in sorted(placed, key=lambda pair: pair[0])}
    for row in rows:
        if of_variant := row.get(*_OF_VARIANT):
            urls.setdefault(of_variant, "")
    return tuple(Media(url=url, alt=alt[:500]) for url, alt in urls.items())


def _notes(rows: list[Row]) -> Iterator[RowProblem]:
    """What a shop owner should know of a product that is imported all the same."""
    if _is_true(rows[0].get("Gift Card")):
        yield RowProblem(
            rows[0].line, "Gift Card", "Gift cards cannot be sold yet: it comes in as a draft.", fatal=False
        )
    yield from lost_categories([rows[0].get("Type")], rows[0].line, "Type")
    for row in _tellers(rows):
        price, before = row.get(*_PRICE), row.get(*_COMPARE_AT)
        if not price:
            yield unpriced(row.line, "Variant Price")
        yield from compared_below(price, before, row.line, "Variant Compare At Price")
        if row.get(*_TRACKER) or not row.has(*_TRACKER):
            yield from oversold(row.get(*_STOCK), row.line, "Variant Inventory Qty")
        if row.get(*_TAXABLE).casefold() == "false":
            detail = "Not taxable: its tax class is “exempt”; give that class a rate of 0 (shop store configure)."
            yield RowProblem(row.line, "Variant Taxable", detail, fatal=False)


def _is_true(text: str) -> bool:
    return text.casefold() in ("true", "1", "yes")
