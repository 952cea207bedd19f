"""The generated pages say what the code says, and leave nothing out."""

import importlib
import pkgutil
import re
from collections.abc import Mapping

import pytest

import shop.adapters.contracts
import shop.domain
from shop.domain.orders import FULFILMENT_ARROWS, OrderStatus
from shop.entrypoints.embed import SWAPPABLE
from tools.pages.page import Page, table
from tools.pages.ports import PORTS_BY_NAME
from tools.pages.states import LIVES, diagram
from tools.pages.table import FOLDER, PAGES


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.file)
def test_the_committed_page_is_current(page: Page) -> None:
    assert (FOLDER / page.file).read_text(encoding="utf-8") == page.text(), "Run `python -m tools.pages` and commit."


def test_cells_cannot_break_their_table() -> None:
    assert table(("a", "b"), [("1 | 2", "3")]) == "| a | b |\n| --- | --- |\n| 1 \\| 2 | 3 |"


def test_every_port_has_its_place_and_every_contract_its_port() -> None:
    assert PORTS_BY_NAME.keys() == SWAPPABLE
    contracts = {
        name
        for module in pkgutil.walk_packages(shop.adapters.contracts.__path__, "shop.adapters.contracts.")
        for name, thing in vars(importlib.import_module(module.name)).items()
        if isinstance(thing, type) and name.endswith("Contract")
    }
    assert contracts == {port.contract.__name__ for port in PORTS_BY_NAME.values()}


def test_every_table_of_the_domain_is_drawn() -> None:
    modules = pkgutil.walk_packages(shop.domain.__path__, "shop.domain.")
    tables = {
        f"{module.name}.{name}": arrows
        for module in modules
        for name, arrows in vars(importlib.import_module(module.name)).items()
        if name.endswith("_ARROWS") and isinstance(arrows, Mapping)
    }
    assert len({id(arrows) for arrows in tables.values()}) == len(LIVES)
    drawn = [id(life.arrows) for life in LIVES]
    assert {name for name, arrows in tables.items() if id(arrows) not in drawn} == set()


def test_a_diagram_has_every_arrow_and_no_other() -> None:
    drawn = set(re.findall(r"^    (\w+) --> (\w+)$", diagram(FULFILMENT_ARROWS), re.MULTILINE))
    assert drawn == {(str(state), str(target)) for state, to in FULFILMENT_ARROWS.items() for target in to}
    assert str(OrderStatus.PENDING) not in diagram(FULFILMENT_ARROWS)
