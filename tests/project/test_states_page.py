"""The page of states says what the tables say."""

import importlib
import pkgutil
import re
from collections.abc import Mapping

import shop.domain
from shop.domain.orders import FULFILMENT_ARROWS, OrderStatus
from tools.draw_states import LIVES, PAGE, diagram, page


def test_the_committed_page_is_current() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "Run `python -m tools.draw_states` and commit the page."


def test_every_table_of_the_domain_is_drawn() -> None:
    modules = pkgutil.walk_packages(shop.domain.__path__, "shop.domain.")
    tables = {
        f"{module.name}.{name}": table
        for module in modules
        for name, table in vars(importlib.import_module(module.name)).items()
        if name.endswith("_ARROWS") and isinstance(table, Mapping)
    }
    assert len(tables) == len(LIVES)
    drawn = [id(life.arrows) for life in LIVES]
    assert {name for name, table in tables.items() if id(table) not in drawn} == set()


def test_a_diagram_has_every_arrow_and_no_other() -> None:
    drawn = set(re.findall(r"^    (\w+) --> (\w+)$", diagram(FULFILMENT_ARROWS), re.MULTILINE))
    assert drawn == {(str(state), str(target)) for state, to in FULFILMENT_ARROWS.items() for target in to}
    assert str(OrderStatus.PENDING) not in diagram(FULFILMENT_ARROWS)
