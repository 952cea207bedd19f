"""What a file says nothing about: columns that are not there, keys that are left out. A blank cell says “nothing”."""

import json
from pathlib import Path
from typing import Any

from shop.entrypoints.cli.imports.json import read_json
from shop.entrypoints.cli.imports.shopify import read_shopify
from shop.entrypoints.cli.imports.vendure import read_vendure
from tests.entrypoints.cli.imports.reading import Reading, read_woocommerce

SEO = {"seo_title", "seo_description"}


def read(read: Any, tmp_path: Path, text: str, name: str = "products.csv") -> Reading:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return Reading(read, path)


def test_shopify_columns_that_are_not_there(tmp_path: Path) -> None:
    found = read(read_shopify, tmp_path, "Handle,Title,Variant SKU,Variant Price\nmug,Mug,M-S,9\nmug,,M-L,11\n")
    [record] = found.records
    fields = {"description", "vendor", "status", "tags", "media", "options", "categories"}
    assert record.silent == fields | SEO
    of_variant = {"barcode", "options", "weight_grams", "tax_class", "tracked", "backorder_limit"}
    assert [variant.silent for variant in record.variants] == [of_variant | {"requires_shipping", "compare_at"}] * 2


def test_shopify_blank_cells_are_told(tmp_path: Path) -> None:
    text = (
        "Handle,Title,Body (HTML),Vendor,Tags,Type,Status,SEO Title,SEO Description,Option1 Name,Option1 Value,"
        "Image Src,Variant SKU,Variant Price,Variant Compare At Price,Variant Barcode,Variant Grams,Variant Taxable,"
        "Variant Inventory Tracker,Variant Inventory Policy,Variant Requires Shipping\n"
        "mug,Mug" + "," * 10 + "M,9" + "," * 7 + "\n"
    )
    [record] = read(read_shopify, tmp_path, text).records
    assert (record.silent, record.variants[0].silent) == (frozenset(), frozenset())


def test_a_shopify_file_without_tracker_still_counts_what_is_counted(tmp_path: Path) -> None:
    text = "Handle,Title,Variant Price,Variant Inventory Qty,Variant Inventory Policy\nmug,Mug,9,4,continue\n"
    [variant] = read(read_shopify, tmp_path, text).variants
    assert "tracked" in variant.silent
    assert (variant.stock, variant.backorder_limit) == (4, 10**6)


def test_a_gift_card_says_that_it_is_a_draft_and_not_shipped(tmp_path: Path) -> None:
    [record] = read(read_shopify, tmp_path, "Handle,Title,Variant Price,Gift Card\ncard,Card,9,true\n").records
    assert "status" not in record.silent
    assert "requires_shipping" not in record.variants[0].silent


def test_a_handle_that_was_made_of_the_title_is_not_told(tmp_path: Path) -> None:
    found = read(read_shopify, tmp_path, "Handle,Title,Variant Price\n,Mug,9\ncup,Cup,9\n")
    assert [("handle" in record.silent) for record in found.records] == [True, False]


def test_woocommerce(tmp_path: Path) -> None:
    found = read(
        read_woocommerce, tmp_path, "Type,SKU,Name,Regular price,In stock?\nsimple,M,Mug,9,1\nsimple,C,Cup,9,0\n"
    )
    fields = {"handle", "description", "vendor", "status", "tags", "media", "options", "categories"}
    assert [record.silent for record in found.records] == [fields | SEO] * 2
    of_variant = {"barcode", "options", "tax_class", "backorder_limit", "weight_grams"}
    assert [variant.silent for variant in found.variants] == [of_variant | {"tracked"}, of_variant]
    assert [variant.stock for variant in found.variants] == [None, 0]


def test_woocommerce_columns_that_are_there_are_told(tmp_path: Path) -> None:
    text = (
        "Type,SKU,Name,Regular price,Published,Description,Brands,Tags,Images,Categories,Attribute 1 name,Stock,"
        'Weight (kg),Tax class,Backorders allowed?,"GTIN, UPC, EAN, or ISBN"\nsimple,M,Mug,9\n'
    )
    [record] = read(read_woocommerce, tmp_path, text).records
    assert record.silent == {"handle"} | SEO
    assert record.variants[0].silent == frozenset()


def test_vendure(tmp_path: Path) -> None:
    found = read(read_vendure, tmp_path, "name,slug,sku,price,optionGroups,optionValues\nMug,mug,M,9,,\nCup,,C,,,\n")
    fields = {"description", "vendor", "status", "tags", "media", "categories"}
    assert [record.silent for record in found.records] == [fields | SEO, fields | SEO | {"handle"}]
    assert found.variants[0].silent == {
        "barcode",
        "weight_grams",
        "tax_class",
        "tracked",
        "backorder_limit",
        "requires_shipping",
        "compare_at",
    }
    assert found.variants[1].prices == ()
    assert [note.column for note in found.notes] == ["price"]


def test_vendure_pictures_that_cannot_come_along_replace_none(tmp_path: Path) -> None:
    head = "name,slug,assets,sku,price,optionGroups,optionValues\n"
    for assets, silent in (("a.jpg", True), ("", False), ("a.jpg|https://x.example/b.jpg", False)):
        [record] = read(read_vendure, tmp_path, f"{head}Mug,mug,{assets},M,9,,\n").records
        assert ("media" in record.silent) is silent


def test_json(tmp_path: Path) -> None:
    bare = {"title": "Mug", "handle": "mug", "variants": [{"price": 9}]}
    told = {
        **bare,
        "handle": "full",
        "description": "",
        "vendor": "",
        "status": "active",
        "tags": [],
        "seo": {"title": "", "description": ""},
        "media": [],
        "categories": [],
        "variants": [
            {
                "price": 9,
                "compare_at": None,
                "barcode": "",
                "options": {},
                "weight_grams": 0,
                "tax_class": "standard",
                "tracked": True,
                "backorder_limit": 0,
                "requires_shipping": True,
            }
        ],
    }
    little, full = read(read_json, tmp_path, json.dumps([bare, told]), "products.json").records
    assert (full.silent, full.variants[0].silent) == (frozenset(), frozenset())
    fields = {"description", "vendor", "status", "tags", "media", "options", "categories"}
    assert little.silent == fields | SEO
    of_variant = {"barcode", "options", "weight_grams", "tax_class", "tracked", "backorder_limit"}
    assert little.variants[0].silent == of_variant | {"requires_shipping", "compare_at"}
    [half] = read(read_json, tmp_path, json.dumps({**bare, "seo": {"title": "T"}}), "products.json").records
    assert SEO & half.silent == {"seo_description"}
