"""Files of WooCommerce and Vendure, and our own JSON: what the real examples do not show."""

import json
from pathlib import Path
from typing import Any

import pytest

from shop.domain.catalog import ProductStatus
from shop.domain.kernel.money import Money
from shop.entrypoints.cli.imports.json import read_json
from shop.entrypoints.cli.imports.records import FileUnreadable
from shop.entrypoints.cli.imports.vendure import read_vendure
from tests.entrypoints.cli.imports.reading import Reading, read_woocommerce

WOO = [
    "ID",
    "Type",
    "SKU",
    "Name",
    "Published",
    "Visibility in catalog",
    "In stock?",
    "Stock",
    "Backorders allowed?",
    "Weight (lbs)",
    "Sale price",
    "Regular price",
    "Date sale price starts",
    "Date sale price ends",
    "Short description",
    "Description",
    "Categories",
    "Tags",
    "Images",
    "Parent",
    "Position",
    "Tax status",
    "Tax class",
    "Attribute 1 name",
    "Attribute 1 value(s)",
]


def woo(tmp_path: Path, *rows: dict[str, str]) -> Reading:
    path = tmp_path / "woo.csv"
    base = {"Type": "simple", "Published": "1", "In stock?": "1"}
    lines = [",".join(f'"{(base | row).get(column, "")}"' for column in WOO) for row in rows]
    path.write_text("\n".join([",".join(WOO), *lines]), encoding="utf-8")
    return Reading(read_woocommerce, path)


def shirt(**cells: str) -> dict[str, str]:
    return {
        "Type": "variable",
        "Name": "Shirt",
        "Attribute 1 name": "Size",
        "Attribute 1 value(s)": "S, M, L",
        **cells,
    }


def size(value: str, **cells: str) -> dict[str, str]:
    return {
        "Type": "variation",
        "Regular price": "20",
        "Attribute 1 name": "Size",
        "Attribute 1 value(s)": value,
        **cells,
    }


def test_variations_may_stand_before_their_parent_and_name_it_by_sku_or_id(tmp_path: Path) -> None:
    found = woo(
        tmp_path,
        size("M", SKU="s-m", Parent="id:7"),
        size("S", SKU="s-s", Parent="SHIRT"),
        shirt(ID="7", SKU="SHIRT"),
        size("L", SKU="s-l", Parent="SHIRT"),
    )
    assert found.problems == []
    [record] = found.records
    assert record.options[0].values == ("S", "M", "L")
    assert {(variant.sku, variant.options) for variant in record.variants} == {
        ("s-m", ("M",)),
        ("s-s", ("S",)),
        ("s-l", ("L",)),
    }


def test_orphans_and_childless_parents_are_told(tmp_path: Path) -> None:
    found = woo(tmp_path, size("M", Parent="gone"), shirt(ID="7", SKU="SHIRT"), size("S"), {"Type": "auction"})
    assert sorted((problem.line, problem.column) for problem in found.problems) == [
        (2, "Parent"),
        (3, "Type"),
        (4, "Parent"),
        (5, "Type"),
    ]


def test_an_attribute_that_only_some_leave_open_gets_a_value_for_it(tmp_path: Path) -> None:
    found = woo(tmp_path, shirt(SKU="SHIRT"), size("S", Parent="SHIRT"), size("", Parent="SHIRT"))
    assert [variant.options for variant in found.variants] == [("S",), ("Any",)]
    assert found.records[0].options[0].values == ("S", "Any")


def test_stock_and_prices(tmp_path: Path) -> None:
    found = woo(
        tmp_path,
        {"Name": "A", "Regular price": "20", "Sale price": "15", "Stock": "4", "Backorders allowed?": "notify"},
        {"Name": "B", "Regular price": "20", "Sale price": "25"},
        {"Name": "C", "Regular price": "20", "In stock?": "0"},
        {"Name": "D", "Regular price": "20", "Stock": "-2", "Tax status": "none"},
        {"Name": "E", "Weight (lbs)": "2"},
    )
    a, b, c, d, e = found.variants
    assert (a.prices[0].amount, a.prices[0].compare_at) == (Money(1500, "EUR"), Money(2000, "EUR"))
    assert (a.tracked, a.stock, a.backorder_limit) == (True, 4, 10**6)
    assert (b.prices[0].amount, b.prices[0].compare_at, b.tracked) == (Money(2000, "EUR"), None, False)
    assert (c.tracked, c.stock) == (True, 0)
    assert (d.stock, d.tax_class) == (0, "exempt")
    assert (e.prices, e.weight_grams) == ((), 907)


@pytest.mark.parametrize(
    ("starts", "ends", "minor", "column"),
    [
        ("", "", 1500, ""),
        ("2026-03-04", "", 1500, ""),
        ("2026-03-05 0:00:00", "", 2000, "Date sale price starts"),
        ("2026-03-05", "2026-03-09", 2000, "Date sale price starts"),
        ("", "2026-03-03 23:59:59", 2000, ""),
        ("2026-01-01T00:00:00Z", "2026-03-04", 1500, "Date sale price ends"),
    ],
)
def test_a_sale_is_on_between_its_days(starts: str, ends: str, minor: int, column: str, tmp_path: Path) -> None:
    sale = {"Regular price": "20", "Sale price": "15", "Date sale price starts": starts, "Date sale price ends": ends}
    found = woo(tmp_path, {"Name": "A", **sale})
    assert found.sum_of_prices == minor
    assert found.prices[0].compare_at == (Money(2000, "EUR") if minor == 1500 else None)
    assert [note.column for note in found.notes] == [column][: bool(column)]


@pytest.mark.parametrize("day", ["tomorrow", "2026-13-01", "01/02/2026"])
def test_a_day_that_is_none_is_told(day: str, tmp_path: Path) -> None:
    cells = {"Name": "A", "Regular price": "20", "Sale price": "15", "Date sale price ends": day}
    assert [problem.column for problem in woo(tmp_path, cells).problems] == ["Date sale price ends"]


def test_the_short_description_comes_first_and_neither_is_lost(tmp_path: Path) -> None:
    both = {"Short description": "Warm.", "Description": "Of wool.\\nBy hand."}
    found = woo(
        tmp_path,
        {"Name": "A", "Regular price": "1", **both},
        {"Name": "B", "Regular price": "1", "Short description": "Warm."},
        {"Name": "C", "Regular price": "1", "Short description": "Warm.", "Description": "Warm."},
    )
    assert [record.description for record in found.records] == ["Warm.\n\nOf wool.\nBy hand.", "Warm.", "Warm."]


def test_lists_with_escaped_commas_and_paths_of_categories(tmp_path: Path) -> None:
    path = tmp_path / "woo.csv"
    path.write_text(
        "Type,SKU,Name,Published,Regular price,Categories,Tags\n"
        'simple,x,X,1,1,"Home > Salt\\, Pepper, Home","a\\, b, c"\n',
        encoding="utf-8",
    )
    [record] = Reading(read_woocommerce, path).records
    assert record.tags == ("a, b", "c")
    assert record.categories == (
        (("home", "Home"), ("home-salt-pepper", "Salt, Pepper")),
        (("home", "Home"),),
    )


def test_two_products_of_one_name_have_two_addresses(tmp_path: Path) -> None:
    same = {"Name": "Mug", "Regular price": "9"}
    found = woo(tmp_path, same | {"SKU": "M1"}, same | {"SKU": "M2"}, {"Name": "!", "Regular price": "1"})
    assert [record.handle for record in found.records] == ["mug", "mug-m2"]
    assert [problem.line for problem in found.problems] == [4]


@pytest.mark.parametrize(("published", "visibility"), [("0", "visible"), ("-1", "visible"), ("1", "hidden")])
def test_what_nobody_finds_is_a_draft(published: str, visibility: str, tmp_path: Path) -> None:
    cells = {"Name": "A", "Regular price": "1", "Published": published, "Visibility in catalog": visibility}
    assert woo(tmp_path, cells).records[0].status is ProductStatus.DRAFT


VENDURE = (
    "name , slug,assets,facets,optionGroups,optionValues,sku,price,"
    "taxCategory,stockOnHand,trackInventory,variantFacets\n"
)


def vendure(tmp_path: Path, text: str) -> Reading:
    path = tmp_path / "vendure.csv"
    path.write_text(VENDURE + text, encoding="utf-8")
    return Reading(read_vendure, path)


def test_vendure_rows_go_on_with_the_product_above(tmp_path: Path) -> None:
    found = vendure(
        tmp_path,
        "  Shirt ,shirt ,https://x.example/a.jpg|b.jpg, brand:Acme|category:Wear|color:red ,"
        "size ,S ,S1 ,10 ,reduced,5,true,\n"
        "        ,      ,                             ,                                   ,"
        "     ,M ,S2 ,12 ,standard,5,false,fit:slim\n",
    )
    [record] = found.records
    assert (record.vendor, record.tags) == ("Acme", ("color:red", "fit:slim"))
    assert [(v.tracked, v.stock, v.tax_class) for v in record.variants] == [
        (True, 5, "reduced"),
        (False, None, "standard"),
    ]
    assert [media.url for media in record.media] == ["https://x.example/a.jpg"]
    assert ["b.jpg" in note.detail for note in found.notes] == [True]


@pytest.mark.parametrize(
    ("text", "column"),
    [
        (",,,,,S,S1,10,standard,5,,\n", "name"),
        ("Shirt,shirt,,,size|color,S,S1,10,standard,5,,\n", "optionValues"),
        ("Shirt,shirt,,,,,S1,ten,standard,5,,\n", "price"),
        ("Shirt,shirt,,,,,S1,10,standard,some,,\n", "stockOnHand"),
    ],
)
def test_vendure_problems_name_their_column(text: str, column: str, tmp_path: Path) -> None:
    found = vendure(tmp_path, text)
    assert [(problem.line, problem.column) for problem in found.problems] == [(2, column)]


def told(tmp_path: Path, text: str) -> Reading:
    path = tmp_path / "products.json"
    path.write_text(text, encoding="utf-8")
    return Reading(read_json, path)


def product(**parts: Any) -> dict[str, Any]:
    return {"title": "Mug", "variants": [{"price": "9.90"}], **parts}


@pytest.mark.parametrize(
    ("price", "minor"),
    [
        ('"19.99"', 1999),
        ("19.99", 1999),
        ("20", 2000),
        ("19.990000000000002", 1999),
        ("19.989999999999998", 1999),
        ("0.1", 10),
    ],
)
def test_json_prices_are_exact_and_noise_is_taken_off(price: str, minor: int, tmp_path: Path) -> None:
    found = told(tmp_path, f'[{{"title": "Mug", "variants": [{{"price": {price}}}]}}]')
    assert found.sum_of_prices == minor


@pytest.mark.parametrize(
    "price",
    ["19.999", '"19.990000000000002"', "19.995000000000001", "1e30", "1e999999999", "true", "[1]", '"9,99"', "-1"],
)
def test_json_prices_are_never_rounded(price: str, tmp_path: Path) -> None:
    found = told(tmp_path, f'[{{"title": "Mug", "variants": [{{"price": {price}}}]}}]')
    assert [(problem.line, problem.column) for problem in found.problems] == [(1, "variants/0/price")]


def test_json_arrays_and_lines_are_the_same(tmp_path: Path) -> None:
    products = [product(title=f"Mug {number}", description="x" * 9_000) for number in range(50)]
    indented = told(tmp_path, json.dumps(products, indent=2))
    lines = told(tmp_path, "\n".join(json.dumps(one) for one in products))
    assert indented.records == lines.records
    assert len(indented.records) == 50
    assert [found.line for found in lines.found] == list(range(1, 51))
    assert [found.line for found in indented.found][:3] == [2, 11, 20]


def test_json_tells_everything(tmp_path: Path) -> None:
    full = product(
        handle="mug",
        vendor="Acme",
        status="draft",
        tags=["a", "a"],
        seo={"title": "T", "description": "D"},
        media=[{"url": "https://x.example/1.jpg", "alt": "A"}],
        categories=[["Home", "Cups"]],
        metadata={"k": "v"},
        variants=[
            {
                "sku": "S",
                "barcode": "4",
                "options": {"Size": "S"},
                "price": "10",
                "compare_at": "12",
                "prices": [{"currency": "USD", "amount": "11"}],
                "weight_grams": 5,
                "tax_class": "reduced",
                "backorder_limit": 3,
                "requires_shipping": False,
                "stock": 7,
            },
            {"options": {"Size": "L"}, "price": 12, "tracked": False},
        ],
    )
    [record] = told(tmp_path, json.dumps([full])).records
    small, large = record.variants
    assert [price.amount for price in small.prices] == [Money(1000, "EUR"), Money(1100, "USD")]
    assert (small.stock, small.backorder_limit, large.tracked) == (7, 3, False)
    assert record.categories == ((("home", "Home"), ("home-cups", "Cups")),)
    assert record.options[0].values == ("S", "L")
    assert record.tags == ("a",)


@pytest.mark.parametrize(
    "parts",
    [
        {"titel": "Mug"},
        {"variants": [{"prize": 1}]},
        {"variants": [{"price": 1, "options": {"Size": "S"}}, {"price": 1}]},
        {"status": "sold"},
        {"title": ""},
        {"media": [{"url": ""}]},
    ],
)
def test_json_of_the_wrong_shape_is_told_and_the_next_product_comes(parts: dict[str, Any], tmp_path: Path) -> None:
    found = told(tmp_path, json.dumps([product(**parts), product(title="Cup")]))
    assert len(found.problems) == 1
    assert [record.title for record in found.records] == ["Cup"]


def test_json_handles_are_numbered_in_the_order_of_the_file(tmp_path: Path) -> None:
    products = [
        product(),
        product(variants=[{"sku": "S"}]),
        product(handle="mug-3"),
        product(),
        product(handle="mug-2"),
    ]
    for indent in (None, 2):
        found = told(tmp_path, json.dumps(products, indent=indent))
        assert found.problems == []
        assert [record.handle for record in found.records] == ["mug", "mug-4", "mug-3", "mug-5", "mug-2"]
        assert [("handle" in record.silent) for record in found.records] == [True, True, False, True, False]


def test_json_titles_too_long_for_a_number_get_one(tmp_path: Path) -> None:
    found = told(tmp_path, json.dumps([product(title="x" * 250)] * 3))
    assert len({record.handle for record in found.records}) == 3


def test_json_problems_name_their_product(tmp_path: Path) -> None:
    products = [
        product(title="Cup", titel="Cup"),
        product(handle="bowl", variants=[{"price": "ten"}]),
        {"handle": "jug", "variants": []},
        {"variants": []},
        product(handle="mug", variants=[{"sku": "A"}]),
        product(handle="tea", title="Tea", variants=[{"sku": "A", "stock": -2, "price": 3, "compare_at": "2"}]),
        product(handle="mug"),
    ]
    found = told(tmp_path, json.dumps(products))
    names = [problem.detail.partition(": ")[0] for problem in found.problems]
    assert names == ["“Cup”", "“bowl”", "“jug”", "Product 4", "“mug”"]
    assert [(note.detail.partition(": ")[0], note.column) for note in found.notes] == [
        ("“tea”", "variants/0/stock"),
        ("“tea”", "variants/0/compare_at"),
        ("“tea”", "variants/0/sku"),
    ]
    assert found.variants[1].stock == 0


def test_blanks_around_a_sku_in_json_make_no_other_one(tmp_path: Path) -> None:
    found = told(tmp_path, json.dumps([product(variants=[{"sku": " A "}]), product(variants=[{"sku": "A"}])]))
    assert [variant.sku for variant in found.variants] == ["A", ""]
    assert [note.column for note in found.notes] == ["variants/0/sku"]


@pytest.mark.parametrize(
    "text", ['[{"title": "Mug", "variants": []},', '[{"title": "Mug", "variants": []}', "[", "[]]"]
)
def test_json_that_is_cut_off_is_refused(text: str, tmp_path: Path) -> None:
    with pytest.raises(FileUnreadable):
        told(tmp_path, text)


@pytest.mark.parametrize("text", ["[1]", '{"title": "Mug"', "title: Mug", '[{"title": NaN}]', "[" + '{"a":' * 5000])
def test_json_that_is_none_is_refused(text: str, tmp_path: Path) -> None:
    with pytest.raises(FileUnreadable):
        told(tmp_path, text)


def test_json_in_another_encoding_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "products.json"
    path.write_bytes('[{"title": "Café"}]'.encode("latin-1"))
    with pytest.raises(FileUnreadable, match="UTF-8"):
        Reading(read_json, path)
