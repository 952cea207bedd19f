"""`shop import products`: again and again, cut short and taken up, with a word on every row that did not fit."""

from pathlib import Path
from typing import Any

import pytest

from shop.application.commands.imports import ImportProduct
from shop.application.messages import Command
from shop.application.ports.paging import PageRequest
from shop.application.ports.readers import ProductFilter
from shop.application.queries.catalog import GetProducts
from shop.application.shop import Shop
from shop.domain.kernel.errors import Unavailable
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

    def begin(self, total: int, done: int) -> None: ...

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
    assert not (terminal.folder / "state").exists()


def test_rows_that_do_not_fit_are_told_and_the_rest_comes_in(terminal: Terminal) -> None:
    path = shopify_file(terminal.folder)
    text = path.read_text(encoding="utf-8").replace("thing-1,Thing 1,T-1,9.90", "thing-1,Thing 1,T-1,9.999")
    path.write_text(text + "\n" + f"long,{'x' * 400},L,1,,\n", encoding="utf-8")
    typed = terminal.type("import", "products", str(path), "--currency", "eur")
    assert typed.code == 1
    assert counts(typed.json) == (2, 0, 0, 2)
    assert [(p["line"], p["fatal"]) for p in typed.json["problems"]] == [(3, True), (5, True)]
    assert "9.999 EUR has more than 2 digits" in typed.json["problems"][0]["detail"]


def test_an_import_that_was_cut_short_goes_on(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    path = shopify_file(terminal.folder, 30)
    tried: list[str] = []
    execute = Shop.execute

    async def watched(self: Shop, command: Command[Any], **context: Any) -> Any:
        if isinstance(command, ImportProduct):
            tried.append(command.record.handle)
            if len(tried) == 13:
                raise Unavailable("The database went away.")
        return await execute(self, command, **context)

    monkeypatch.setattr(Shop, "execute", watched)
    typed = terminal.type("import", "products", str(path))
    assert (typed.code, len(slugs(terminal))) == (6, 12)
    assert "The database went away." in typed.err
    typed = terminal.type("import", "products", str(path))
    assert tried[13:] == [f"thing-{number}" for number in range(12, 30)]
    assert counts(typed.json) == (30, 0, 0, 0)
    assert "Going on after 12 of 30" in typed.err
    assert len(slugs(terminal)) == 30
    assert counts(terminal.type("import", "products", str(path)).json) == (0, 0, 30, 0)


def test_what_was_refused_before_the_cut_is_tried_again(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    path = shopify_file(terminal.folder, 5)
    long = path.read_text(encoding="utf-8").replace("Thing 1", "x" * 400)
    path.write_text(long, encoding="utf-8")
    execute, broken = Shop.execute, [True]

    async def watched(self: Shop, command: Command[Any], **context: Any) -> Any:
        if isinstance(command, ImportProduct) and command.record.handle == "thing-3" and broken:
            raise KeyboardInterrupt
        return await execute(self, command, **context)

    monkeypatch.setattr(Shop, "execute", watched)
    assert terminal.type("import", "products", str(path)).code == 130
    broken.clear()
    typed = terminal.type("import", "products", str(path))
    assert (typed.code, counts(typed.json)) == (1, (4, 0, 0, 1))


def test_no_resume_begins_anew(terminal: Terminal) -> None:
    path = shopify_file(terminal.folder, 4)

    async def cut_short(shop: Shop) -> None:
        into = terminal.settings.database_url
        importing = await Import.prepare(shop, path, "shopify", into=into)
        importing.summary.done = 2
        importing.mark.write(importing.summary)

    terminal.shop(cut_short)
    assert counts(terminal.type("import", "products", str(path), "--no-resume").json) == (4, 0, 0, 0)
    terminal.shop(cut_short)
    assert counts(terminal.type("import", "products", str(path)).json) == (0, 0, 2, 0)


def test_a_mark_that_is_no_mark_is_ignored(terminal: Terminal) -> None:
    path = shopify_file(terminal.folder, 2)

    async def spoil(shop: Shop) -> None:
        importing = await Import.prepare(shop, path, "shopify", into=terminal.settings.database_url)
        importing.mark.write(importing.summary)
        [mark] = (terminal.folder / "state" / "hexshop" / "imports").iterdir()
        mark.write_text('{"done": "many"}', encoding="utf-8")

    terminal.shop(spoil)
    assert counts(terminal.type("import", "products", str(path)).json) == (2, 0, 0, 0)


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


def test_where_nothing_can_be_kept_the_import_still_works(terminal: Terminal, tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file where a folder should be")
    assert counts(terminal.type("import", "products", str(shopify_file(tmp_path, 21))).json) == (21, 0, 0, 0)


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
