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
    Uniqueness,
    Unusable,
    amount_of,
    category_path,
    price_of,
    slug_of,
    whole_number,
)
from shop.entrypoints.cli.imports.rows import Row, table


def read_vendure(path: Path, currency: str) -> Iterator[Entry]:
    """The products of the file in its order. Pictures that are no URLs are left out. Raises FileUnreadable."""
    unique = Uniqueness()
    for rows in _products(path):
        if isinstance(rows, RowProblem):
            yield rows
            continue
        try:
            record = _product(rows, currency)
        except Unusable as unusable:
            yield unusable.problem
            continue
        except Invalid as error:
            yield RowProblem(rows[0].line, "", error.detail)
            continue
        files = [name for row in rows for name in _listed(row, "assets", "variantAssets") if not _is_url(name)]
        if files:
            detail = f"Left out: {', '.join(files)[:200]}; only pictures with a URL can come along."
            yield RowProblem(rows[0].line, "assets", detail, fatal=False)
        yield from unique.check(Found(rows[0].line, record))


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
    slug = slug_of(head.get("slug") or head.get("name"))
    if not slug:
        raise Unusable(head.line, "slug", "The product has no name to make an address of.")
    names = _listed(head, "optionGroups")
    variants = tuple(_variant(row, len(names), currency) for row in rows)
    facets = [tuple(facet.partition(":")[::2]) for facet in _listed(head, "facets")]
    path = category_path([value.strip() for name, value in facets if name == "category"])
    return ProductRecord(
        handle=slug,
        title=head.get("name"),
        description=head.get("description"),
        vendor=next((value.strip() for name, value in facets if name == "brand"), ""),
        tags=tuple(dict.fromkeys(_tags(rows))),
        media=tuple(Media(url=name) for name in _listed(head, "assets") if _is_url(name)),
        options=tuple(
            Option(name=name, values=tuple(dict.fromkeys(variant.options[index] for variant in variants)))
            for index, name in enumerate(names)
        ),
        variants=variants,
        categories=(path,) if path else (),
    )


def _variant(row: Row, options: int, currency: str) -> VariantRecord:
    values = tuple(_listed(row, "optionValues"))
    if len(values) != options:
        detail = f"There are {options} option groups and {len(values)} values."
        raise Unusable(row.line, "optionValues", detail)
    # A blank says “as the shop does”, and Vendure's shops track unless they are told otherwise.
    tracked = row.get("trackInventory").casefold() != "false"
    stock = row.get("stockOnHand")
    return VariantRecord(
        sku=row.get("sku"),
        options=values,
        prices=(price_of(amount_of(row.get("price"), currency, row.line, "price"), None),),
        tax_class=slug_of(row.get("taxCategory")) or "standard",
        tracked=tracked,
        stock=max(whole_number(stock, row.line, "stockOnHand"), 0) if tracked and stock else None,
    )


def _tags(rows: list[Row]) -> Iterator[str]:
    """Facets that are neither category nor brand, as “color:gray”."""
    for row in rows:
        for facet in (*_listed(row, "facets"), *_listed(row, "variantFacets")):
            if not facet.startswith(("category:", "brand:")):
                yield facet


def _listed(row: Row, *columns: str) -> list[str]:
    return [value.strip() for column in columns for value in row.get(column).split("|") if value.strip()]


def _is_url(name: str) -> bool:
    return name.startswith(("https://", "http://"))
