"""What is left out of a product, or comes in otherwise than it is written, is said in a note, with its line."""

import json
from pathlib import Path
from typing import Any

import pytest

from shop.entrypoints.cli.imports.json import read_json
from shop.entrypoints.cli.imports.shopify import read_shopify
from shop.entrypoints.cli.imports.vendure import read_vendure
from tests.entrypoints.cli.imports.reading import Reading, read_woocommerce

SHOPIFY = "Handle,Title,Type,Option1 Name,Option1 Value,Variant SKU,Variant Price,Variant Compare At Price,"
SHOPIFY += "Variant Inventory Tracker,Variant Inventory Qty\n"


def read(reader: Any, tmp_path: Path, text: str) -> Reading:
    path = tmp_path / "products"
    path.write_text(text, encoding="utf-8")
    return Reading(reader, path)


def places(found: Reading) -> list[tuple[int, str]]:
    assert found.problems == []
    return [(note.line, note.column) for note in found.notes]


@pytest.mark.parametrize(
    ("reader", "text", "column"),
    [
        (read_shopify, f"{SHOPIFY}mug,Mug,,Size,S,M,9,,shopify,-3\n", "Variant Inventory Qty"),
        (read_woocommerce, "Type,SKU,Name,Regular price,Stock\nsimple,M,Mug,9,-3\n", "Stock"),
        (
            read_vendure,
            "name,slug,sku,price,optionGroups,optionValues,stockOnHand\nMug,mug,M,9,,,-3\n",
            "stockOnHand",
        ),
        (read_json, '\n{"title": "Mug", "variants": [{"price": 9, "stock": -3}]}', "variants/0/stock"),
    ],
)
def test_stock_below_zero(reader: Any, text: str, column: str, tmp_path: Path) -> None:
    found = read(reader, tmp_path, text)
    assert places(found) == [(2, column)]
    assert [variant.stock for variant in found.variants] == [0]
    assert places(read(reader, tmp_path, text.replace("-3", "0"))) == []


def test_stock_that_nobody_counts_is_not_worth_a_note(tmp_path: Path) -> None:
    assert places(read(read_shopify, tmp_path, f"{SHOPIFY}mug,Mug,,Size,S,M,9,,,-3\n")) == []


@pytest.mark.parametrize(
    ("reader", "text", "column"),
    [
        (read_shopify, f"{SHOPIFY}mug,Mug,,Size,S,M,9,8.99,,\n", "Variant Compare At Price"),
        (read_woocommerce, "Type,SKU,Name,Regular price,Sale price\nsimple,M,Mug,8.99,9\n", "Sale price"),
        (
            read_json,
            '\n{"title": "Mug", "variants": [{"price": 9, "compare_at": 8.99}]}',
            "variants/0/compare_at",
        ),
    ],
)
def test_a_price_to_compare_with_that_is_below(reader: Any, text: str, column: str, tmp_path: Path) -> None:
    found = read(reader, tmp_path, text)
    assert places(found) == [(2, column)]
    assert [price.compare_at for price in found.prices] == [None]
    assert places(read(reader, tmp_path, text.replace("8.99", "9.00"))) == []


@pytest.mark.parametrize(
    ("reader", "text", "column"),
    [
        (read_shopify, f"{SHOPIFY}mug,Mug,🎉,Size,S,M,9,,,\n", "Type"),
        (read_woocommerce, "Type,SKU,Name,Regular price,Categories\nsimple,M,Mug,9,🎉 > Party\n", "Categories"),
        (
            read_vendure,
            "name,slug,sku,price,optionGroups,optionValues,facets\nMug,mug,M,9,,,category:🎉\n",
            "facets",
        ),
        (
            read_json,
            '\n{"title": "Mug", "categories": [["🎉", "Party"]], "variants": [{"price": 9}]}',
            "categories",
        ),
    ],
)
def test_a_category_of_which_no_address_can_be_made(reader: Any, text: str, column: str, tmp_path: Path) -> None:
    found = read(reader, tmp_path, text)
    assert places(found) == [(2, column)]
    assert "🎉" in found.notes[0].detail


def test_categories_that_come_to_one_address_are_told_once_each(tmp_path: Path) -> None:
    paths = [["A", "B-C"], ["A-B", "C"], ["a", "b-c"], ["C++"], ["C#"], ["C", "Sub"], ["C#"], ["D"]]
    paths += [["x" * 200 + end] for end in "ab"]
    products = [{"title": f"P{n}", "categories": [path], "variants": []} for n, path in enumerate(paths)]
    found = read(read_json, tmp_path, "\n".join(map(json.dumps, products)))
    assert [line for line, _ in places(found)] == [2, 5, 6, 10]
    assert "“A-B > C” comes into “A > B-C”: both are “a-b-c”." in found.notes[0].detail


def test_a_sku_that_comes_again_is_told_with_the_lines_of_both(tmp_path: Path) -> None:
    rows = "mug,Mug,,Size,S,A,9,,,\nmug,,,,M,B,9,,,\ncup,Cup,,Size,S,C,9,,,\ncup,,,,M,B,9,,,\n"
    found = read(read_shopify, tmp_path, SHOPIFY + rows)
    assert places(found) == [(5, "Variant SKU")]
    assert "first in line 3" in found.notes[0].detail


def test_a_rule_that_a_product_breaks_while_it_is_read_has_its_column(tmp_path: Path) -> None:
    long = f"mug,Mug,,{'x' * 101},S,A,9,,,\n"
    found = read(read_shopify, tmp_path, SHOPIFY + long)
    assert [(problem.line, problem.column) for problem in found.problems] == [(2, "Option1 Name")]
