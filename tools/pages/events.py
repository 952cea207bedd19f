"""docs/reference/events.md, from the events of the domain and the table of subscribers."""

import types
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Union, get_args, get_origin, get_type_hints

import attrs

from shop.adapters.wire import event_types
from shop.application.wiring import SUBSCRIBERS
from shop.domain.kernel.aggregates import Event
from shop.domain.kernel.identifiers import Identifier
from shop.domain.kernel.money import Money
from tools.pages.page import Page, first_paragraph, table

_ABOUT = """
What the shop says has happened. An event is written together with its cause; a worker takes it to each subscriber, at
least once, those of one subject in the order in which they happened. `shop events list` and `GET /api/admin/events`
show them with the state of their deliveries; `shop events tail` shows them as they happen.

An event carries ids and money only; whoever wants more asks. Each carries `at`, the moment it happened. Its schema
number grows when its shape changes in a way that an older reader could not bear.

Subscribers are bound in `src/shop/application/wiring`; what they do stands in `src/shop/application/reactions`.
"""
_NAMES: Mapping[type[Any], str] = {str: "text", int: "number", datetime: "moment", Money: "money", bool: "yes or no"}


def _named(hint: Any) -> str:
    """The type of a field as a reader of JSON knows it."""
    if get_origin(hint) in (Union, types.UnionType):
        return " or ".join("nothing" if part is type(None) else _named(part) for part in get_args(hint))
    if isinstance(hint, type) and issubclass(hint, Identifier):
        return f"`{hint.prefix}_…`"
    if get_origin(hint) is tuple:
        return f"list of {_named(get_args(hint)[0])}"
    return _NAMES[hint]


def _fields(kind: type[Event]) -> str:
    hints = get_type_hints(kind)
    own = [attribute.name for attribute in attrs.fields(kind) if attribute.name != "at"]
    return ", ".join(f"`{name}` {_named(hints[name])}" for name in own)


def _body() -> str:
    rows = [
        (
            f"`{name}`",
            str(kind.schema),
            first_paragraph(kind.__doc__),
            _fields(kind),
            ", ".join(f"`{subscriber}`" for subscriber in SUBSCRIBERS.get(kind, ())),
        )
        for name, kind in sorted(event_types().items())
        if kind.__module__.startswith("shop.")  # a program that runs us may have events of its own
    ]
    heads = ("event", "schema", "what happened", "fields besides `at`", "who hears of it")
    return table(heads, rows)


EVENTS = Page("events.md", "Events", _ABOUT, "the events in `src/shop/domain` and their subscribers", _body)
