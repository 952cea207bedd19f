"""Real catalogues of other shops come in whole: every product, every variant, every cent."""

import csv
import gzip
import json
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from shop.domain.catalog import ProductStatus
from shop.entrypoints.cli.imports.json import read_json
from shop.entrypoints.cli.imports.records import Entry
from shop.entrypoints.cli.imports.shopify import read_shopify
from shop.entrypoints.cli.imports.vendure import read_vendure
from tests.entrypoints.cli.imports.reading import Reading, read_woocommerce, shared
from tests.entrypoints.cli.imports.shapes import from_bestbuy, from_dummyjson, plain


@pytest.mark.parametrize(
    ("name", "products", "variants", "cents", "compared"),
    [
        ("apparel.csv", 20, 22, 129500, 0),
        ("home-and-garden.csv", 20, 21, 234584, 16),
        ("jewelery.csv", 20, 23, 98074, 17),
    ],
)
def test_shopify(name: str, products: int, variants: int, cents: int, compared: int) -> None:
    path = shared(f"shopify-csv/{name}")
    read = Reading(read_shopify, path)
    assert read.problems == []
    assert (len(read.records), len(read.variants), read.sum_of_prices) == (products, variants, cents)
    assert sum(price.compare_at is not None for price in read.prices) == compared
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    told = sum(Decimal(row["Variant Price"] or 0) for row in rows)
    assert Decimal(read.sum_of_prices) / 100 == told
    pictures = {(row["Handle"], row["Image Src"]) for row in rows if row["Image Src"]}
    assert {(r.handle, m.url) for r in read.records for m in r.media} >= pictures


def test_shopify_tracks_what_the_file_tracks() -> None:
    read = Reading(read_shopify, shared("shopify-csv/home-and-garden.csv"))
    assert sum(variant.tracked for variant in read.variants) == 1
    assert all(variant.stock is None for variant in read.variants if not variant.tracked)


def test_shopify_keeps_every_picture_of_a_product() -> None:
    read = Reading(read_shopify, shared("shopify-csv/jewelery.csv"))
    anchor = next(record for record in read.records if record.handle == "leather-anchor")
    assert [option.values for option in anchor.options] == [("Gold", "Silver")]
    assert len(anchor.media) == 3
    earrings = next(record for record in read.records if record.handle == "boho-earrings")
    # The column is in grams; “oz” is how Shopify shows them.
    assert earrings.variants[0].weight_grams == 28


def test_woocommerce() -> None:
    read = Reading(read_woocommerce, shared("woocommerce/sample_products.csv"))
    assert read.problems == []
    # 24 rows: 11 simple, 2 variable with 9 variations; a grouped and an external one are left out with a reason.
    assert (len(read.records), len(read.variants)) == (13, 20)
    left_out = [note.detail for note in read.notes if note.column == "Type"]
    assert len(left_out) == 2
    assert "grouped" in left_out[0]
    assert "external" in left_out[1]
    assert len({variant.sku for variant in read.variants}) == 20
    with shared("woocommerce/sample_products.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["Type"] not in ("grouped", "external")]
    told = sum(Decimal(row["Sale price"] or row["Regular price"] or 0) for row in rows)
    assert Decimal(read.sum_of_prices) / 100 == told
    digital = [variant.sku for variant in read.variants if not variant.requires_shipping]
    assert digital == ["cc-album", "cc-single"]
    assert [r.title for r in read.records if r.status is ProductStatus.DRAFT] == ["Hoodie with Pocket"]
    hoodie = next(record for record in read.records if record.title == "Hoodie")
    assert [(o.name, o.values) for o in hoodie.options] == [
        ("Color", ("Blue", "Green", "Red")),
        ("Logo", ("Yes", "No")),
    ]
    assert hoodie.categories == ((("clothing", "Clothing"), ("clothing-hoodies", "Hoodies")),)


def test_vendure() -> None:
    read = Reading(read_vendure, shared("vendure/products.csv"))
    assert read.problems == []
    assert (len(read.records), len(read.variants), read.sum_of_prices) == (54, 88, 3038965)
    assert {variant.stock for variant in read.variants} == {100}
    laptop = read.records[0]
    assert (laptop.handle, laptop.title, laptop.vendor) == ("laptop", "Laptop", "Apple")
    assert [option.name for option in laptop.options] == ["screen size", "RAM"]
    assert laptop.variants[3].options == ("15 inch", "16GB")
    # One SKU stands in three variants of a chair: the first keeps it.
    assert sum(not variant.sku for variant in read.variants) == 2
    assert len([note for note in read.notes if "404.038.96" in note.detail]) == 2


Convert = Callable[[list[dict[str, Any]]], list[dict[str, Any]]]


@pytest.mark.parametrize(
    ("name", "convert", "products", "cents"),
    [
        ("dummyjson/products.json", from_dummyjson, 194, 30459996),
        ("bestbuy/ecommerce.json.gz", from_bestbuy, 3291, 28800858),
    ],
)
def test_json(name: str, convert: Convert, products: int, cents: int, tmp_path: Path) -> None:
    source = shared(name)
    raw = source.read_bytes()
    text = (gzip.decompress(raw) if source.suffix == ".gz" else raw).decode()
    path = tmp_path / "converted.json"
    path.write_text(json.dumps(convert(json.loads(text, parse_float=Decimal)), default=plain), encoding="utf-8")
    read = Reading(read_json, path, "USD")
    assert read.problems == []
    assert (len(read.records), read.sum_of_prices) == (products, cents)


Read = Callable[[Path, str], Iterator[Entry]]


@pytest.mark.parametrize("read", [read_shopify, read_woocommerce, read_vendure])
@pytest.mark.parametrize("name", ["shopify-csv/apparel.csv", "woocommerce/sample_products.csv", "vendure/products.csv"])
def test_a_file_of_another_format_is_refused_in_words(read: Read, name: str) -> None:
    if read.__name__.removeprefix("read_") in name:
        pytest.skip("its own format")
    with pytest.raises(Exception, match="it lacks the column"):
        Reading(read, shared(name))
