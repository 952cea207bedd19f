"""Product files of Vendure: a product and its first variant in one row, its other variants in the rows below.

Columns are padded with spaces, lists are divided by “|”.
"""

from collections.abc import Iterator
from pathlib import Path

from shop.application.commands.imports import ProductRecord, VariantRecord
from shop.domain.catalog import Media, Option
from shop.domain.kernel.errors import Invalid
from shop.entrypoints.cli.imports.records import (
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
from shop.entrypoints.cli.imports.rows import Row, ToldBy, column_names, silent, table
from shop.entrypoints.cli.imports.uniqueness import Uniqueness

_PRODUCT_TOLD_BY: ToldBy = {
    "description": ("description",),
    "vendor": ("facets",),
    "status": (),
    "tags": ("facets", "variantFacets"),
    "seo_title": (),
    "seo_description": (),
    "media": ("assets",),
    "categories": ("facets",),
}
_VARIANT_TOLD_BY: ToldBy = {
    "barcode": (),
    "weight_grams": (),
    "tax_class": ("taxCategory",),
    "tracked": ("trackInventory",),
    "backorder_limit": (),
    "requires_shipping": (),
    "compare_at": (),
}
_ALWAYS_TOLD: ToldBy = {
    "handle": ("slug", "name"),
    "slug": ("slug", "name"),
    "title": ("name",),
    "options": ("optionValues",),
    "sku": ("sku",),
    "prices": ("price",),
    "stock": ("stockOnHand",),
    "name": ("optionGroups",),
    "url": ("assets",),
}


def read_vendure(path: Path, currency: str) -> Iterator[Entry]:
    """The products of the file in its order. Pictures that are no URLs are left out. Raises FileUnreadable."""
    unique = Uniqueness()
    for rows in _products(path):
        if isinstance(rows, RowProblem):
            yield rows
            continue
        columns = column_names(rows[0], {**_PRODUCT_TOLD_BY, **_VARIANT_TOLD_BY, **_ALWAYS_TOLD})
        try:
            record = _product(rows, currency)
        except (Unusable, Invalid) as error:
            yield refused(rows[0].line, error, columns, _slug(rows[0]))
            continue
        yield from _notes(rows)
        yield from unique.check(Found(rows[0].line, record, tuple(row.line for row in rows), columns))


def _notes(rows: list[Row]) -> Iterator[RowProblem]:
    """What a shop owner should know of a product that is imported all the same."""
    head = rows[0]
    files = [name for row in rows for name in _listed(row, "assets", "variantAssets") if not _is_url(name)]
    if files:
        detail = f"Left out: {', '.join(files)[:200]}; only pictures with a URL can come along."
        yield RowProblem(head.line, "assets", detail, fatal=False)
    yield from lost_categories(_faceted(head, "category"), head.line, "facets")
    for row in rows:
        if not row.get("price"):
            yield unpriced(row.line, "price")
        if _tracks(row):
            yield from oversold(row.get("stockOnHand"), row.line, "stockOnHand")


def _products(path: Path) -> Iterator[list[Row] | RowProblem]:
    rows: list[Row] = []
    for row in table(path, ("name", "sku", "price", "optionGroups", "optionValues"), "Vendure"):
        if isinstance(row, RowProblem):
            yield row
        elif row.get("name"):
            if rows:
                yield rows
            rows = [row]
        elif rows:
            rows.append(row)
        else:
            yield RowProblem(row.line, "name", "The row has no name, and no product stands above it.")
    if rows:
        yield rows


def _product(rows: list[Row], currency: str) -> ProductRecord:
    head = rows[0]
    slug = _slug(head)
    if not slug:
        raise Unusable(head.line, "slug", "The product has no name to make an address of.")
    names = _listed(head, "optionGroups")
    variants = tuple(_variant(row, len(names), currency) for row in rows)
    path = category_path(_faceted(head, "category"))
    pictures = tuple(Media(url=name) for name in _listed(head, "assets") if _is_url(name))
    fields = silent(head, _PRODUCT_TOLD_BY)
    if not head.get("slug"):
        fields |= {"handle"}
    if _listed(head, "assets") and not pictures:
        # Only files that cannot come along: whoever added pictures here keeps them.
        fields |= {"media"}
    return ProductRecord(
        handle=slug,
        title=head.get("name"),
        description=head.get("description"),
        vendor=next(iter(_faceted(head, "brand")), ""),
        tags=tuple(dict.fromkeys(_tags(rows))),
        media=pictures,
        options=tuple(
            Option(name=name, values=tuple(dict.fromkeys(variant.options[index] for variant in variants)))
            for index, name in enumerate(names)
        ),
        variants=variants,
        categories=(path,) if path else (),
        silent=fields,
    )


def _slug(head: Row) -> str:
    return slug_of(head.get("slug") or head.get("name"))


def _variant(row: Row, options: int, currency: str) -> VariantRecord:
    values = tuple(_listed(row, "optionValues"))
    if len(values) != options:
        detail = f"There are {options} option groups and {len(values)} values."
        raise Unusable(row.line, "optionValues", detail)
    tracked, stock, price = _tracks(row), row.get("stockOnHand"), row.get("price")
    return VariantRecord(
        sku=row.get("sku"),
        options=values,
        prices=(price_of(amount_of(price, currency, row.line, "price"), None),) if price else (),
        tax_class=slug_of(row.get("taxCategory")) or "standard",
        tracked=tracked,
        stock=max(whole_number(stock, row.line, "stockOnHand"), 0) if tracked and stock else None,
        silent=silent(row, _VARIANT_TOLD_BY),
    )


def _tracks(row: Row) -> bool:
    """A blank says “as the shop does”, and Vendure's shops track unless they are told otherwise."""
    return row.get("trackInventory").casefold() != "false"


def _tags(rows: list[Row]) -> Iterator[str]:
    """Facets that are neither category nor brand, as “color:gray”."""
    for row in rows:
        for facet in (*_listed(row, "facets"), *_listed(row, "variantFacets")):
            if not facet.startswith(("category:", "brand:")):
                yield facet


def _faceted(row: Row, name: str) -> list[str]:
    """The values of this facet."""
    facets = [facet.partition(":") for facet in _listed(row, "facets")]
    return [value.strip() for facet, _, value in facets if facet == name]


def _listed(row: Row, *columns: str) -> list[str]:
    return [value.strip() for column in columns for value in row.get(column).split("|") if value.strip()]


def _is_url(name: str) -> bool:
    return name.startswith(("https://", "http://"))
