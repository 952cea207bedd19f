"""Events on the wire: JSON that other programs, older and newer versions of the shop can read.

Ids are TypeIDs, money is `{"amount": 1999, "currency": "EUR"}`, times are RFC 3339 in UTC. What a reader does not
know it ignores, and what an older writer did not know takes its default.
"""

import json
import types
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from enum import Enum
from functools import cache
from importlib import import_module
from pkgutil import walk_packages
from typing import Any, Union, get_args, get_origin, get_type_hints

from attrs import NOTHING, fields

import shop.domain
from shop.domain.kernel.aggregates import Event
from shop.domain.kernel.errors import ShopError
from shop.domain.kernel.identifiers import Identifier, parse_any
from shop.domain.kernel.money import Money

Reader = Callable[[Any], Any]
_READERS: dict[type[Event], dict[str, tuple[Reader, bool]]] = {}


class EventUnreadable(ShopError):
    """This version of the shop does not know the event, or its data are not what they must be."""

    code = "event_unreadable"
    title = "An event that this version cannot read"
    default_hint = "Is an older version still running? Upgrade it, then revive what was set aside."


def data_of(event: Event) -> dict[str, object]:
    """The event as plain data: what JSON knows and nothing else."""
    kind: Any = type(event)  # which is hashable, whatever its instances are
    return {name: _plain(getattr(event, name)) for name in _names(kind)}


@cache
def _names(kind: type[Event]) -> tuple[str, ...]:
    return tuple(attribute.name for attribute in fields(kind))


def encode(event: Event) -> str:
    """The data of the event as JSON, without its type and schema."""
    return json.dumps(data_of(event), ensure_ascii=False, separators=(",", ":"))


def decode(type_name: str, schema: int, data: str | bytes | Mapping[str, Any]) -> Event:
    """The event behind data of this type. Raises EventUnreadable."""
    kind = event_types().get(type_name)
    if kind is None or schema > kind.schema:
        raise EventUnreadable(f"“{type_name[:80]}” in version {schema} of its shape is unknown here.")
    try:
        values = json.loads(data) if isinstance(data, str | bytes) else data
        return kind(**_read(kind, values))
    except (ValueError, TypeError, KeyError, ArithmeticError, RecursionError, ShopError) as error:
        raise EventUnreadable(f"The data of an event “{type_name}” cannot be read: {error}") from error


def event_types() -> Mapping[str, type[Event]]:
    """Every type of event there is, by its name on the wire."""
    _load_domain()
    return {kind.type: kind for kind in _kinds(Event) if "type" in vars(kind)}


@cache
def _load_domain() -> None:
    # An event is known once its module was imported: a worker must know those that nobody has imported yet.
    for module in walk_packages(shop.domain.__path__, "shop.domain."):
        import_module(module.name)


def _kinds(kind: type[Event]) -> Iterator[type[Event]]:
    for child in kind.__subclasses__():
        yield child
        yield from _kinds(child)


def _plain(value: Any) -> object:
    match value:
        case Identifier():
            return str(value)
        case Money():
            return {"amount": value.minor, "currency": value.currency}
        case datetime():
            return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
        case Enum():
            return value.value
        case Decimal():
            return str(value)
        case tuple():
            return [_plain(part) for part in value]
        case None | bool() | int() | str():
            return value
        case _:
            raise TypeError(f"Events hold ids, money, times and plain values; not {type(value).__name__}.")


def _read(kind: type[Event], values: Any) -> dict[str, Any]:
    readers = _readers(kind)
    return {name: reader(values[name]) for name, (reader, required) in readers.items() if required or name in values}


def _readers(kind: type[Event]) -> dict[str, tuple[Reader, bool]]:
    """How each field is read, and whether it must be there."""
    if kind not in _READERS:
        hints = get_type_hints(kind)
        _READERS[kind] = {a.name: (_reader(hints[a.name]), a.default is NOTHING) for a in fields(kind)}
    return _READERS[kind]


def _reader(hint: Any) -> Reader:
    """What turns plain data into a value of this type."""
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        inner = [_reader(argument) for argument in arguments if argument is not types.NoneType]
        if len(inner) != 1:
            raise TypeError(f"An event's field is of one type, or that type and None; not {hint}.")
        return lambda value: None if value is None else inner[0](value)
    if origin is tuple and len(arguments) == 2 and arguments[1] is Ellipsis:
        part = _reader(arguments[0])
        return lambda value: tuple(part(each) for each in _of(list, value))
    if hint is Money:
        return _money
    if hint is datetime:
        return _moment
    if hint is Identifier:
        return lambda value: parse_any(_of(str, value))
    if isinstance(hint, type) and issubclass(hint, Identifier):
        return lambda value: hint.parse(_of(str, value))
    if isinstance(hint, type) and issubclass(hint, Enum | Decimal):
        return lambda value: hint(_of(str, value))
    if hint in (str, int, bool):
        return lambda value: _of(hint, value)
    raise TypeError(f"Events hold ids, money, times and plain values; not {hint}.")


def _of(kind: type, value: Any) -> Any:
    if type(value) is not kind:
        raise TypeError(f"{kind.__name__} expected, {type(value).__name__} found")
    return value


def _money(value: Any) -> Money:
    return Money(value["amount"], value["currency"])


def _moment(value: str) -> datetime:
    moment = datetime.fromisoformat(value)
    if moment.tzinfo is None:
        raise ValueError("a time without a zone")
    return moment.astimezone(UTC)
