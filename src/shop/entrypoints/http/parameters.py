"""Query parameters: each documented by name, read strictly, and refused when it is none of them."""

import difflib
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from enum import Enum
from typing import Any
from urllib.parse import parse_qsl

from attrs import field, frozen

from shop.application.ports.paging import LIMIT_MAX, PageRequest
from shop.application.ports.readers import TimeRange
from shop.domain.kernel.currencies import exponent
from shop.domain.kernel.errors import Flaw, Invalid
from shop.domain.kernel.identifiers import Identifier
from shop.entrypoints.representation import field_names, id_pattern

LIST_MAX = 100
TEXT_LENGTH_MAX = 200
PARAMETERS_MAX = 60
_METADATA = "metadata"


class FilterUnknown(Invalid):
    """A query parameter that means nothing here would be ignored silently: better to say so."""

    code = "filter_unknown"
    title = "Unknown query parameter"


@frozen
class Parameter:
    """One query parameter: how it is read, and its schema."""

    name: str
    read: Callable[[str], Any]
    schema: Mapping[str, Any]
    description: str
    style: Mapping[str, Any] = field(factory=dict)
    """How OpenAPI says that it is written, where that is not plain."""


def refused(name: str, detail: str) -> Invalid:
    """`detail` says what the parameter is, so that it goes on from its name."""
    return Invalid(f"The parameter “{name}” {detail}", flaws=(Flaw(f"?{name}", "parameter", detail),))


def read_query(query_string: bytes, parameters: Mapping[str, Parameter], *, others: bool = False) -> dict[str, Any]:
    """The parameters that were sent, read; `others` may stand there, too, and are left out.

    Raises Invalid for malformed and repeated ones, FilterUnknown.
    """
    if not query_string:
        return {}
    try:
        pairs = parse_qsl(
            query_string.decode("ascii"),
            keep_blank_values=True,
            errors="strict",
            max_num_fields=PARAMETERS_MAX,
        )
    except ValueError:
        raise Invalid("The query string is not UTF-8 in percent-encoding, or has too many parameters.") from None
    values: dict[str, Any] = {}
    for name, text in pairs:
        if "\x00" in text or "\x00" in name:
            raise Invalid("A query has no null characters.")
        key = name
        if name.startswith("metadata[") and name.endswith("]") and _METADATA in parameters:
            key, text = _METADATA, name[9:-1] + "\x00" + text
        parameter = parameters.get(key)
        if parameter is None or (key == _METADATA and key == name):
            if others:
                continue
            raise _unknown(name, parameters)
        if key == _METADATA:
            _add_metadata(values.setdefault(key, {}), text)
            continue
        if key in values:
            raise refused(name, "stands there twice; use commas for several values.")
        values[key] = parameter.read(text)
    return values


def _add_metadata(metadata: dict[str, str], text: str) -> None:
    name, _, value = text.partition("\x00")
    if not 1 <= len(name) <= 40 or len(value) > 500 or "[" in name or "]" in name:
        raise refused(
            f"metadata[{name[:40]}]", "has a name of 1 to 40 characters without brackets, and a value of at most 500."
        )
    if name in metadata:
        raise refused(f"metadata[{name}]", "stands there twice.")
    metadata[name] = value


def _unknown(name: str, known: Iterable[str]) -> Invalid:
    names = sorted(known)
    near = difflib.get_close_matches(name[:60], names, n=1)
    near = [f"{_METADATA}[key]=value" if each == _METADATA else each for each in near]
    return FilterUnknown(
        f"There is no parameter “{name[:60]}” here.",
        hint=f"Did you mean {near[0]}?" if near else f"There is: {', '.join(names) or 'none'}.",
        flaws=(Flaw(f"?{name[:60]}", "filter_unknown", "Unknown"),),
    )


# Kinds of parameters.


def _parts(name: str, value: str) -> list[str]:
    parts = value.split(",")
    if len(parts) > LIST_MAX:
        raise refused(name, f"has at most {LIST_MAX} values.")
    return parts


def _listed(
    name: str, read: Callable[[str], Any], items: Mapping[str, Any], description: str, *, unique: bool = False
) -> Parameter:
    schema: dict[str, Any] = {"type": "array", "items": items, "minItems": 1, "maxItems": LIST_MAX}
    if unique:
        schema |= {"uniqueItems": True}
    return Parameter(name, read, schema, description, {"style": "form", "explode": False})


def text(name: str, description: str, *, length_max: int = TEXT_LENGTH_MAX) -> Parameter:
    def read(value: str) -> str:
        if len(value) > length_max:
            raise refused(name, f"has at most {length_max} characters.")
        return value

    return Parameter(name, read, {"type": "string", "maxLength": length_max}, description)


def number(name: str, description: str, minimum: int, maximum: int) -> Parameter:
    def read(value: str) -> int:
        digits = value[1:] if value.startswith("-") else value
        if not (digits.isascii() and digits.isdigit() and len(digits) <= 12) or not minimum <= int(value) <= maximum:
            raise refused(name, f"is a whole number from {minimum} to {maximum}.")
        return int(value)

    return Parameter(name, read, {"type": "integer", "minimum": minimum, "maximum": maximum}, description)


def identifier(name: str, kind: type[Identifier], description: str) -> Parameter:
    return Parameter(name, kind.parse, {"type": "string", "pattern": id_pattern(kind)}, description)


def identifiers(name: str, kind: type[Identifier], description: str) -> Parameter:
    def read(value: str) -> tuple[Identifier, ...]:
        return tuple(kind.parse(part) for part in _parts(name, value))

    return _listed(name, read, {"type": "string", "pattern": id_pattern(kind)}, description)


def choices(name: str, kind: type[Enum], description: str) -> Parameter:
    """Some values of an enumeration, by comma."""
    by_value = {str(member.value): member for member in kind}

    def read(value: str) -> frozenset[Any]:
        parts = _parts(name, value)
        for part in parts:
            if part not in by_value:
                raise refused(name, f"is some of: {', '.join(by_value)}.")
        return frozenset(by_value[part] for part in parts)

    return _listed(name, read, {"type": "string", "enum": list(by_value)}, description)


_TYPE = re.compile(r"[a-z_]{1,40}\.[a-z_]{1,40}")


def types(name: str, description: str) -> Parameter:
    """Types of events, by comma."""

    def read(value: str) -> tuple[str, ...]:
        parts = _parts(name, value)
        if not all(_TYPE.fullmatch(part) for part in parts):
            raise refused(name, "is some types such as order.created.")
        return tuple(parts)

    return _listed(name, read, {"type": "string", "pattern": f"^{_TYPE.pattern}$"}, description)


def choice(name: str, kind: type[Enum], description: str) -> Parameter:
    by_value = {str(member.value): member for member in kind}

    def read(value: str) -> Any:
        if value not in by_value:
            raise refused(name, f"is one of: {', '.join(by_value)}.")
        return by_value[value]

    return Parameter(name, read, {"type": "string", "enum": list(by_value)}, description)


def names(name: str, allowed: tuple[str, ...], description: str) -> Parameter:
    """Some of the allowed names, by comma. An unknown one is FilterUnknown, with a near name."""

    def read(value: str) -> frozenset[str]:
        parts = _parts(name, value)
        for part in parts:
            if part not in allowed:
                raise _unknown(part, allowed)
        return frozenset(parts)

    return _listed(name, read, {"type": "string", "enum": list(allowed)}, description)


def sort(*allowed: str) -> Parameter:
    keys = [*allowed, *(f"-{key}" for key in allowed)]

    def read(value: str) -> tuple[str, ...]:
        parts = _parts("sort", value)
        for part in parts:
            if part not in keys:
                raise refused("sort", f"is some of: {', '.join(allowed)}; a minus in front means descending.")
        if len({part.lstrip("-") for part in parts}) != len(parts):
            raise refused("sort", "names each key once.")
        return tuple(parts)

    description = "Sort keys by comma; a minus in front means descending. Ties are broken by id."
    return _listed("sort", read, {"type": "string", "enum": keys}, description, unique=True)


def moment(name: str, description: str) -> Parameter:
    def read(value: str) -> datetime:
        try:
            read = datetime.fromisoformat(value)
            return (read if read.tzinfo else read.replace(tzinfo=UTC)).astimezone(UTC)
        except (ValueError, OverflowError):
            raise refused(name, "is a date or a time such as 2026-11-22T12:00:00Z.") from None

    schema = {"type": "string", "anyOf": [{"format": "date-time"}, {"format": "date"}]}
    return Parameter(name, read, schema, description)


def moments(name: str, what: str) -> tuple[Parameter, ...]:
    """The four bounds of a range of time."""
    bounds = {"gte": "at or after", "gt": "after", "lte": "at or before", "lt": "before"}
    return tuple(moment(f"{name}[{bound}]", f"{what} {words} this moment.") for bound, words in bounds.items())


def range_of(query: Mapping[str, Any], name: str) -> TimeRange:
    return TimeRange(**{bound: query.get(f"{name}[{bound}]") for bound in ("gte", "gt", "lte", "lt")})


def _currency(value: str) -> str:
    exponent(value)
    return value


def currency(description: str) -> Parameter:
    return Parameter("currency", _currency, {"type": "string", "pattern": "^[A-Z]{3}$"}, description)


CURRENCY = currency("Prices in this currency (ISO 4217).")
METADATA = Parameter(
    _METADATA,
    str,
    {"type": "object", "additionalProperties": {"type": "string", "maxLength": 500}},
    "Only what has exactly these metadata values: metadata[key]=value.",
    {"style": "deepObject", "explode": True},
)
_TOTAL = names("include", ("total",), "total: count all entries that fit.")


def paging(*sort_keys: str) -> tuple[Parameter, ...]:
    """What every list takes."""
    cursors = (
        text("after", "What follows this cursor (page.next).", length_max=1000),
        text("before", "What precedes this cursor (page.previous).", length_max=1000),
    )
    limit = number("limit", "How many entries at most (20 if left out).", 1, LIMIT_MAX)
    return (limit, *cursors, _TOTAL, *((sort(*sort_keys),) if sort_keys else ()))


def page_request(query: Mapping[str, Any]) -> PageRequest:
    if not query:
        return _FIRST_PAGE
    return PageRequest(
        limit=query.get("limit", 20),
        sort=query.get("sort", ()),
        after=query.get("after"),
        before=query.get("before"),
        total="total" in query.get("include", ()),
    )


_FIRST_PAGE = PageRequest()


def fields(view: type) -> Parameter:
    return names("fields", field_names(view), "Only these members; id and object are always among them.")


def expand(*allowed: str) -> Parameter:
    return names("expand", allowed, "Relations to show whole, by comma.")
