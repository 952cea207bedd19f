"""The tables are whole: every message has a handler and a permission, every subscriber a reaction."""

import importlib
import pkgutil
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest

from shop.application import commands, queries
from shop.application.messages import POLICIES, Command, Query
from shop.application.wiring import SUBSCRIBERS, command_handlers, query_handlers, reactions, subscribers
from shop.domain.identity import SCOPES
from shop.domain.kernel.aggregates import Event
from tests.shops import SmallShop


def _messages(package: ModuleType, kind: type[Any]) -> list[type[Any]]:
    found = set()
    for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        for value in vars(importlib.import_module(module.name)).values():
            if isinstance(value, type) and issubclass(value, kind) and value is not kind:
                found.add(value)
    return sorted(found, key=lambda message: message.__name__)


COMMANDS, QUERIES = _messages(commands, Command), _messages(queries, Query)


def _events(event: type[Event] = Event) -> Iterator[type[Event]]:
    for kind in event.__subclasses__():
        if not kind.__name__.startswith("_"):
            yield kind
        yield from _events(kind)


def test_there_are_messages_to_look_at() -> None:
    assert {"CreateOrder", "UpdateProduct", "ProcessPayment"} <= {command.__name__ for command in COMMANDS}
    assert {"GetProducts", "GetUserOrders"} <= {query.__name__ for query in QUERIES}


async def test_every_command_has_a_use_case(small: SmallShop) -> None:
    assert set(command_handlers(small.shop.ports)) == set(COMMANDS)


async def test_every_query_has_a_reader(small: SmallShop) -> None:
    assert set(query_handlers(small.shop.ports)) == set(QUERIES)


@pytest.mark.parametrize("message", COMMANDS + QUERIES, ids=lambda message: message.__name__)
def test_every_message_says_what_it_requires(message: type[Any]) -> None:
    requires = vars(message).get("requires")
    assert requires in POLICIES | SCOPES
    if issubclass(message, Query):
        assert not requires.endswith(":write")
    assert message.__doc__


def test_what_changes_the_catalogue_money_or_stock_is_never_public() -> None:
    public = {command.__name__ for command in COMMANDS if command.requires == "public"}
    # Those of accounts show who they are by what they bring: a password, or a token that was mailed.
    accounts = {command.__name__ for command in COMMANDS if ".identity." in command.__module__}
    assert public - accounts == {"OpenCart"}


async def test_every_subscriber_has_a_reaction_and_every_reaction_a_subscriber(small: SmallShop) -> None:
    named = {name for names in SUBSCRIBERS.values() for name in names}
    assert named == set(reactions(small.shop.ports))
    assert subscribers() == {event.type: names for event, names in SUBSCRIBERS.items()}


def test_no_two_events_share_a_name() -> None:
    names = [event.type for event in _events()]
    assert len(set(names)) == len(names)
    assert {"order.created", "payment.processed", "product.updated"} <= set(names)
