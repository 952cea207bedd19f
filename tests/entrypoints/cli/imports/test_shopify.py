"""Files of Shopify: every corner of the format that shops use."""

from pathlib import Path

import pytest

from shop.domain.catalog import ProductStatus
from shop.domain.kernel.money import Money
from shop.entrypoints.cli.imports.shopify import read_shopify
from tests.entrypoints.cli.imports.reading import Reading

HEADER = "Handle,Title,Vendor,Type,Tags,Published,Status,Option1 Name,Option1 Value,Option2 Name,Option2 Value"
VARIANT = "Variant SKU,Variant Grams,Variant Inventory Tracker,Variant Inventory Qty,Variant Inventory Policy"
PRICE = "Variant Price,Variant Compare At Price,Variant Requires Shipping,Variant Taxable"
REST = f"{PRICE},Image Src,Image Position,Gift Card"
COLUMNS = f"{HEADER},{VARIANT},{REST}".split(",")


def read(tmp_path: Path, *rows: dict[str, str], currency: str = "EUR") -> Reading:
    path = tmp_path / "products.csv"
    lines = [",".join(f'"{row.get(column, "")}"' for column in COLUMNS) for row in rows]
    path.write_text("\n".join([",".join(COLUMNS), *lines]), encoding="utf-8")
    return Reading(read_shopify, path, currency)


def row(handle: str = "mug", **cells: str) -> dict[str, str]:
    names = {"price": "Variant Price", "sku": "Variant SKU", "size": "Option1 Value", "grams": "Variant Grams"}
    return {"Handle": handle, **{names.get(name, name.replace("_", " ")): cell for name, cell in cells.items()}}


def test_variants_need_not_stand_together(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        row(Title="Mug", Option1_Name="Size", size="S", price="9"),
        row("cup", Title="Cup", price="5"),
        row(size="L", price="12.5"),
    )
    assert [(r.handle, [v.options for v in r.variants]) for r in found.records] == [
        ("mug", [("S",), ("L",)]),
        ("cup", [()]),
    ]
    assert [price.amount for price in found.prices] == [Money(900, "EUR"), Money(1250, "EUR"), Money(500, "EUR")]


def test_a_row_without_handle_goes_on_with_the_product_above(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        row(Title="Mug", Option1_Name="Size", size="S", price="9"),
        row("", size="L", price="12"),
        row("", Title="Milk Jug", price="20"),
    )
    assert [(r.handle, len(r.variants)) for r in found.records] == [("mug", 2), ("milk-jug", 1)]
    orphan = read(tmp_path, row("", size="L", price="12"))
    assert [(p.line, p.column) for p in orphan.problems] == [(2, "Handle")]


def test_stock_is_what_the_tracker_tracks(tmp_path: Path) -> None:
    tracked = {"Variant Inventory Tracker": "shopify"}
    found = read(
        tmp_path,
        row("a", Title="A", price="1") | {"Variant Inventory Qty": "7"},
        row("b", Title="B", price="1") | tracked | {"Variant Inventory Qty": "7"},
        row("c", Title="C", price="1")
        | tracked
        | {"Variant Inventory Qty": "-3", "Variant Inventory Policy": "continue"},
        row("d", Title="D", price="1") | tracked,
    )
    told = [(v.tracked, v.stock, v.backorder_limit) for v in found.variants]
    assert told == [(False, None, 0), (True, 7, 0), (True, 0, 10**6), (True, None, 0)]


@pytest.mark.parametrize(
    ("cells", "status"),
    [
        ({}, ProductStatus.ACTIVE),
        ({"Published": "true"}, ProductStatus.ACTIVE),
        ({"Published": "false"}, ProductStatus.DRAFT),
        ({"Status": "draft"}, ProductStatus.DRAFT),
        ({"Status": "Active", "Published": "FALSE"}, ProductStatus.DRAFT),
        ({"Status": "archived", "Published": "true"}, ProductStatus.ARCHIVED),
        ({"Gift Card": "true"}, ProductStatus.DRAFT),
    ],
)
def test_status(cells: dict[str, str], status: ProductStatus, tmp_path: Path) -> None:
    [record] = read(tmp_path, row(Title="Mug", price="9") | cells).records
    assert record.status is status


def test_a_gift_card_is_not_shipped_and_comes_with_a_note(tmp_path: Path) -> None:
    found = read(tmp_path, row(Title="Card", price="25") | {"Gift Card": "true"})
    assert not found.variants[0].requires_shipping
    assert [note.column for note in found.notes] == ["Gift Card"]


def test_what_is_not_taxable_is_exempt(tmp_path: Path) -> None:
    found = read(tmp_path, row(Title="Stamp", price="1") | {"Variant Taxable": "false"})
    assert [variant.tax_class for variant in found.variants] == ["exempt"]
    assert [note.column for note in found.notes] == ["Variant Taxable"]


@pytest.mark.parametrize(("before", "kept"), [("12", 1200), ("9", None), ("8.99", None), ("", None)])
def test_compare_at_counts_only_above_the_price(before: str, kept: int | None, tmp_path: Path) -> None:
    found = read(tmp_path, row(Title="Mug", price="9") | {"Variant Compare At Price": before})
    [price] = found.prices
    assert (price.compare_at.minor if price.compare_at else None) == kept


@pytest.mark.parametrize("price", ["9.999", "9,99", "free", "-1", "1e3", "NaN", "٣", "9" * 20])
def test_a_price_is_never_rounded_or_guessed(price: str, tmp_path: Path) -> None:
    found = read(tmp_path, row(Title="Mug", price=price), row("cup", Title="Cup", price="5"))
    assert [(p.line, p.column) for p in found.problems] == [(2, "Variant Price")]
    assert [record.handle for record in found.records] == ["cup"]


@pytest.mark.parametrize(
    ("currency", "price", "minor"), [("JPY", "1500", 1500), ("KWD", "1.234", 1234), ("EUR", "5.00", 500)]
)
def test_digits_are_those_of_the_currency(currency: str, price: str, minor: int, tmp_path: Path) -> None:
    assert read(tmp_path, row(Title="Mug", price=price), currency=currency).sum_of_prices == minor


def test_no_price_means_nobody_can_buy_it(tmp_path: Path) -> None:
    found = read(tmp_path, row(Title="Mug", sku="M"))
    assert found.prices == []
    assert [note.column for note in found.notes] == ["Variant Price"]


def test_skus_that_come_again_are_kept_once(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        row(Title="Mug", Option1_Name="Size", size="S", price="9", sku="M"),
        row(size="L", price="9", sku="M"),
        row("cup", Title="Cup", price="5", sku="M"),
        row("jug", Title="Jug", price="5", sku="J"),
    )
    assert [variant.sku for variant in found.variants] == ["M", "", "", "J"]
    assert len(found.notes) == 2


def test_handles_become_slugs_and_two_that_become_the_same_are_told(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        row("Große Tasse_2", Title="Mug", price="9"),
        row("grosse-tasse-2", Title="Mug", price="9"),
        row("☕", Title="Mug", price="9"),
    )
    assert [record.handle for record in found.records] == ["grosse-tasse-2"]
    assert [problem.line for problem in found.problems] == [3, 4]


@pytest.mark.parametrize(
    ("rows", "column"),
    [
        ([row(price="9")], "Title"),
        ([row(Title="Mug", Option1_Name="Size", size="S", price="9"), row(price="9")], "Option1 Value"),
        ([row(Title="Mug", size="S", price="9"), row(size="L", price="9")], "Option1 Name"),
        ([row(Title="Mug", price="9", grams="heavy")], "Variant Grams"),
        ([row(Title="Mug", price="9", grams="-1")], "Variant Grams"),
        ([row(Title="Mug", price="9", Status="gone")], "Status"),
        ([row(Title="Mug", price="9") | {"Variant Inventory Tracker": "x", "Variant Inventory Qty": "few"}],
         "Variant Inventory Qty"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_with_its_column(rows: list[dict[str, str]], column: str, tmp_path: Path) -> None:
    found = read(tmp_path, *rows)
    assert [problem.column for problem in found.problems] == [column]
    assert found.records == []


def test_pictures_come_in_their_order_once_each(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        row(Title="Mug", price="9") | {"Image Src": "https://x.example/2.jpg", "Image Position": "2"},
        row() | {"Image Src": "https://x.example/1.jpg", "Image Position": "1"},
        row() | {"Image Src": "https://x.example/2.jpg", "Image Position": "3"},
    )
    assert [media.url for media in found.records[0].media] == ["https://x.example/1.jpg", "https://x.example/2.jpg"]
    assert len(found.variants) == 1


def test_the_template_of_2024(tmp_path: Path) -> None:
    path = tmp_path / "new.csv"
    path.write_text(
        "Title,URL handle,Description,SKU,Price,Compare-at price,Inventory tracker,Inventory quantity,"
        "Continue selling when out of stock,Weight value (grams),Requires shipping,Charge tax,Product image URL\n"
        "Mug,mug,Nice,M-1,9.90,12,shopify,4,TRUE,350.4,TRUE,TRUE,https://x.example/1.jpg\n",
        encoding="utf-8",
    )
    [variant] = Reading(read_shopify, path).variants
    assert (variant.sku, variant.stock, variant.backorder_limit, variant.weight_grams) == ("M-1", 4, 10**6, 350)
    assert variant.prices[0].compare_at == Money(1200, "EUR")
