"""`shop import products`: again and again, cut short and given again, with a word on every row that did not fit."""

from typing import Any

import pytest

from shop.application.commands.imports import ImportProduct
from shop.application.messages import Command
from shop.application.ports.paging import PageRequest
from shop.application.ports.readers import ProductFilter
from shop.application.ports.unit_of_work import StaleAggregate
from shop.application.queries.catalog import GetProducts
from shop.application.shop import Shop
from shop.domain.catalog import SkuTaken, SlugTaken
from shop.domain.kernel.errors import ShopError, Unavailable
from shop.entrypoints.cli.imports.records import RowProblem
from shop.entrypoints.cli.imports.running import Import
from tests.entrypoints.cli.catalogues import shopify_file
from tests.entrypoints.cli.conftest import Terminal
from tests.entrypoints.cli.imports.reading import shared


def counts(summary: dict[str, Any]) -> tuple[int, ...]:
    return tuple(summary[name] for name in ("created", "updated", "unchanged", "failed"))


def slugs(terminal: Terminal) -> list[str]:
    async def ask(shop: Shop) -> list[str]:
        page = await shop.ask(GetProducts(which=ProductFilter(statuses=frozenset()), page=PageRequest(limit=100)))
        return sorted(product.slug for product in page.data)

    return terminal.shop(ask)


class Silent:
    """Nobody watches."""

    def begin(self, total: int) -> None: ...

    def advance(self) -> None: ...

    def problem(self, problem: RowProblem) -> None: ...

    def end(self) -> None: ...


def test_doing_it_again_changes_nothing(terminal: Terminal) -> None:
    path = shopify_file(terminal.folder)
    assert counts(terminal.type("import", "products", str(path)).json) == (3, 0, 0, 0)
    assert counts(terminal.type("import", "products", str(path)).json) == (0, 0, 3, 0)
    shopify_file(terminal.folder, price="12.00")
    assert counts(terminal.type("import", "products", str(path)).json) == (0, 3, 0, 0)
    shown = terminal.type("products", "list").json["data"]
    assert {product["price_from"]["amount"] for product in shown} == {1200}
    assert {level["available"] for level in terminal.type("inventory", "list").json["data"]} == {5}


def test_a_dry_run_writes_nothing(terminal: Terminal) -> None:
    path = shopify_file(terminal.folder)
    typed = terminal.type("import", "products", str(path), "--dry-run")
    assert (counts(typed.json), typed.json["dry_run"]) == ((3, 0, 0, 0), True)
    assert slugs(terminal) == []


def test_rows_that_do_not_fit_are_told_and_the_rest_comes_in(terminal: Terminal) -> None:
    path = shopify_file(terminal.folder)
    text = path.read_text(encoding="utf-8").replace("thing-1,Thing 1,T-1,9.90", "thing-1,Thing 1,T-1,9.999")
    path.write_text(text + "\n" + f"long,{'x' * 400},L,1,,\n", encoding="utf-8")
    typed = terminal.type("import", "products", str(path), "--currency", "eur")
    assert typed.code == 1
    assert counts(typed.json) == (2, 0, 0, 2)
    assert [(p["line"], p["fatal"]) for p in typed.json["problems"]] == [(3, True), (5, True)]
    assert "9.999 EUR has more than 2 digits" in typed.json["problems"][0]["detail"]


@pytest.mark.parametrize("cut", [Unavailable("The database went away."), KeyboardInterrupt()], ids=["away", "stopped"])
def test_an_import_that_was_cut_short_is_given_again(
    cut: BaseException, terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = shopify_file(terminal.folder, 30)
    tried: list[str] = []
    execute = Shop.execute

    async def watched(self: Shop, command: Command[Any], **context: Any) -> Any:
        if isinstance(command, ImportProduct):
            tried.append(command.record.handle)
            if len(tried) == 13:
                raise cut
        return await execute(self, command, **context)

    monkeypatch.setattr(Shop, "execute", watched)
    assert terminal.type("import", "products", str(path)).code in (6, 130)
    assert len(slugs(terminal)) == 12
    assert counts(terminal.type("import", "products", str(path)).json) == (18, 0, 12, 0)
    assert len(slugs(terminal)) == 30


def test_nothing_of_an_import_is_kept_beside_the_shop(terminal: Terminal) -> None:
    """A mark of how far it came would leave products out once the database is another one."""
    path, empty = shopify_file(terminal.folder, 3), terminal.file.read_bytes()
    there = set(terminal.folder.iterdir())
    assert counts(terminal.type("import", "products", str(path)).json) == (3, 0, 0, 0)
    assert set(terminal.folder.iterdir()) == there
    terminal.file.write_bytes(empty)
    assert counts(terminal.type("import", "products", str(path)).json) == (3, 0, 0, 0)


@pytest.mark.parametrize("error", [SlugTaken, SkuTaken, StaleAggregate])
def test_what_another_import_brings_in_at_the_same_moment_is_no_failure(
    error: type[ShopError], terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = shopify_file(terminal.folder, 4)
    execute, overtaken = Shop.execute, set[str]()

    async def raced(self: Shop, command: Command[Any], **context: Any) -> Any:
        if isinstance(command, ImportProduct) and command.record.handle not in overtaken:
            overtaken.add(command.record.handle)
            await execute(self, command, **context)  # the other one
            raise error
        return await execute(self, command, **context)

    monkeypatch.setattr(Shop, "execute", raced)
    assert counts(terminal.type("import", "products", str(path)).json) == (0, 0, 4, 0)


def test_a_refusal_names_the_line_and_the_column_of_the_variant(terminal: Terminal) -> None:
    path = terminal.folder / "products.csv"
    path.write_text(
        "Handle,Title,Option1 Name,Option1 Value,Variant SKU,Variant Price\n"
        f"mug,Mug,Size,S,M-S,9\nmug,,,M,M-M,9\nmug,,,L,{'x' * 101},9\n"
        "cup,Cup,Size,S,C-1,9\ncup,,,S,C-2,9\n"
        f"jug,{'x' * 301},,,J,9\n",
        encoding="utf-8",
    )
    problems = terminal.type("import", "products", str(path)).json["problems"]
    assert [(p["line"], p["column"]) for p in problems] == [
        (4, "Variant SKU"),
        (6, "Option1 Value"),
        (7, "Title"),
    ]


def test_a_sku_that_somebody_else_has_is_refused_by_name(terminal: Terminal) -> None:
    shopify_file(terminal.folder, 1)
    terminal.type("import", "products", "products.csv")
    path = terminal.folder / "both.csv"
    path.write_text("Handle,Title,Option1 Name,Option1 Value,Variant SKU,Variant Price\nhat,Hat,Size,S,H-S,5\n")
    assert counts(terminal.type("import", "products", str(path)).json) == (1, 0, 0, 0)
    with path.open("a") as file:
        file.write("hat,,,M,T-0,5\n")
    typed = terminal.type("import", "products", str(path))
    [problem] = typed.json["problems"]
    assert (problem["line"], problem["column"]) == (3, "Variant SKU")
    assert "thing-0" in problem["detail"]
    assert slugs(terminal) == ["hat", "thing-0"]


@pytest.mark.parametrize(
    ("name", "first", "second"),
    [
        (
            "shopify.csv",
            "Handle,Title,Variant SKU,Variant Price\nshirt,Shirt,A,9\n",
            "shirt,Shirt,B,free\nhat,Hat,A,9\n",
        ),
        (
            "vendure.csv",
            "name,slug,sku,price,optionGroups,optionValues\nShirt,shirt,A,9,,\n",
            "Shirt,shirt,B,free,,\nHat,hat,A,9,,\n",
        ),
        (
            "woocommerce.csv",
            "Type,SKU,Name,Regular price,Published\nsimple,A,Shirt,9,1\n",
            "simple,B,Shirt,free,1\nsimple,A,Hat,9,1\n",
        ),
        (
            "ours.jsonl",
            '{"title": "Shirt", "handle": "shirt", "variants": [{"sku": "A", "price": 9}]}\n',
            (
                '{"title": "Shirt", "handle": "shirt", "variants": [{"sku": "B", "price": "free"}]}\n'
                '{"title": "Hat", "handle": "hat", "variants": [{"sku": "A", "price": 9}]}\n'
            ),
        ),
    ],
)
def test_a_product_with_an_error_is_not_taken_for_another(
    name: str, first: str, second: str, terminal: Terminal
) -> None:
    path = terminal.folder / name
    path.write_text(first)
    assert counts(terminal.type("import", "products", str(path)).json) == (1, 0, 0, 0)
    head = first.partition("\n")[0] + "\n" if path.suffix == ".csv" else ""
    path.write_text(head + second)
    typed = terminal.type("import", "products", str(path))
    assert (counts(typed.json)[0], typed.code) == (1, 1)
    assert slugs(terminal) == ["hat", "shirt"]


def test_a_partial_file_leaves_the_rest_alone(terminal: Terminal) -> None:
    full = terminal.folder / "full.csv"
    full.write_text(
        "Handle,Title,Body (HTML),Vendor,Tags,Option1 Name,Option1 Value,Variant SKU,Variant Grams,"
        "Variant Inventory Tracker,Variant Inventory Qty,Variant Price,Variant Compare At Price\n"
        "mug,Mug,Nice,Potter,tea,Size,S,M-S,300,shopify,4,9,12\nmug,,,,,,L,M-L,400,shopify,2,11,\n",
        encoding="utf-8",
    )
    assert counts(terminal.type("import", "products", str(full)).json) == (1, 0, 0, 0)
    partial = terminal.folder / "partial.csv"
    text = "Handle,Title,Variant SKU,Variant Price\nmug,Mug,M-S,9\nmug,,M-L,{}\n"
    partial.write_text(text.format("11"))
    assert counts(terminal.type("import", "products", str(partial)).json) == (0, 0, 1, 0)
    partial.write_text(text.format(""))
    assert counts(terminal.type("import", "products", str(partial)).json) == (0, 0, 1, 0)
    partial.write_text(text.format("10"))
    assert counts(terminal.type("import", "products", str(partial)).json) == (0, 1, 0, 0)
    assert counts(terminal.type("import", "products", str(full)).json) == (0, 1, 0, 0)


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["nothing.csv"], "There is no file"),
        (["nothing.csv", "--format", "vendure"], "There is no file"),
        (["odd.txt"], "does not tell whose file"),
        (["latin.csv"], "UTF-8"),
        (["odd.txt", "--format", "woocommerce"], "lacks the columns"),
        (["products.csv", "--currency", "XXX"], "currency code"),
    ],
)
def test_what_cannot_be_read_is_told_before_anything_is_written(
    words: list[str], text: str, terminal: Terminal
) -> None:
    shopify_file(terminal.folder)
    (terminal.folder / "odd.txt").write_text("a,b\n1,2\n")
    (terminal.folder / "latin.csv").write_bytes("Größe\n".encode("latin-1"))
    typed = terminal.type("import", "products", *words)
    assert (typed.code, typed.out) == (2, "")
    assert text in typed.err
    assert slugs(terminal) == []


@pytest.mark.parametrize(
    ("name", "products"),
    [
        ("shopify-csv/apparel.csv", 20),
        ("shopify-csv/jewelery.csv", 20),
        ("shopify-csv/home-and-garden.csv", 20),
        ("woocommerce/sample_products.csv", 13),
        ("vendure/products.csv", 54),
    ],
)
def test_real_files_come_in_by_name_alone_and_only_once(name: str, products: int, terminal: Terminal) -> None:
    path = shared(name)
    assert counts(terminal.type("import", "products", str(path)).json) == (products, 0, 0, 0)
    assert counts(terminal.type("import", "products", str(path)).json) == (0, 0, products, 0)
    assert len(slugs(terminal)) == products


def test_json_comes_in_by_name(terminal: Terminal) -> None:
    path = terminal.folder / "ours.jsonl"
    path.write_text('{"title": "Mug", "variants": [{"price": "9.90"}]}\n', encoding="utf-8")
    assert counts(terminal.type("import", "products", str(path)).json) == (1, 0, 0, 0)


def test_people_see_a_table_of_what_happened(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shop.entrypoints.cli.importing.for_people", lambda as_json: not as_json)
    path = shopify_file(terminal.folder)
    path.write_text(path.read_text(encoding="utf-8") + "\nbad,Bad,B,free,,\n", encoding="utf-8")
    typed = terminal.type("import", "products", str(path))
    assert "3 products of products.csv: 3 created, 0 updated, 0 unchanged, 1 failed." in typed.out
    assert "line 5, Variant Price: “free” is not an amount" in typed.err
    dry = terminal.type("import", "products", str(path), "--dry-run")
    assert "Nothing was written." in dry.out


def test_progress_is_told_step_by_step(terminal: Terminal) -> None:
    class Counting(Silent):
        steps = 0

        def advance(self) -> None:
            self.steps += 1

    watching = Counting()

    async def run(shop: Shop) -> None:
        await (await Import.prepare(shop, shopify_file(terminal.folder, 7), "shopify")).run(watching)

    terminal.shop(run)
    assert watching.steps == 7
