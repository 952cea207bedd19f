"""How views look outside: the public JSON and its schema, both from the same classes.

A view becomes plain values (`object` first, then its fields in declared order) that msgspec writes: ids as TypeIDs,
`Money` as amount, currency and display in the reader's language, times as RFC 3339. What is compiled once per class
and language touches only the fields that need it.
"""

import copy
import types
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from enum import Enum
from functools import cache, lru_cache
from typing import Any, Union, get_args, get_origin, get_type_hints

import attrs
import msgspec
from babel import Locale, UnknownLocaleError
from babel.numbers import NumberPattern

from shop.domain.kernel.currencies import exponent
from shop.domain.kernel.identifiers import Identifier, encode_suffix, uuid_of
from shop.domain.kernel.money import Money

DEFAULT_LOCALE = "en"
_LOCALES_MAX, _AMOUNTS_MAX, _IDS_MAX = 32, 16_384, 65_536
_SUFFIX_PATTERN = "[0-7][0-9a-hjkmnp-tv-z]{25}"

Plain = dict[str, Any]
Convert = Callable[[Any], Any]
to_json: Callable[[Any], bytes] = msgspec.json.Encoder().encode


@lru_cache(maxsize=_IDS_MAX)
def _suffix(number: int) -> str:
    return encode_suffix(uuid_of(number))


def _id_text(identifier: Identifier) -> str:
    return f"{identifier.prefix}_{_suffix(identifier.uuid.int)}"


def id_pattern(kind: type[Identifier]) -> str:
    """What the ids of a kind look like, as a regular expression of JSON Schema."""
    return f"^{kind.prefix}_{_SUFFIX_PATTERN}$"


class Representation:
    """Views in one language. Made once per language; see `representation`."""

    def __init__(self, locale: Locale) -> None:
        self.locale = locale
        self._patterns: dict[tuple[str, int, bool], str] = {}
        self._encoders: dict[type, Convert] = {}
        self._shown = self._money_encoder()

    def plain(self, view: Any) -> Plain:
        """The view as plain values."""
        encoder = self._encoders.get(type(view)) or self._encoder(type(view))
        plain: Plain = encoder(view)
        return plain

    def plains(self, views: Sequence[Any]) -> list[Plain]:
        """All of these, which are of one class."""
        if not views:
            return []
        encoder = self._encoders.get(type(views[0])) or self._encoder(type(views[0]))
        return [encoder(view) for view in views]

    def money(self, money: Money) -> Plain:
        return self._shown(money.minor, money.currency)

    def display(self, minor: int, currency: str) -> str:
        """The amount as people of this language write it, with all digits of the currency: “€29.99”.

        How many digits there are decides all but the digits themselves, so the rest is asked of Babel once.
        """
        digits = str(abs(minor)).zfill(exponent(currency) + 1)
        key = (currency, len(digits), minor < 0)
        pattern = self._patterns.get(key)
        if pattern is None:
            ones = self._written(int("1" * len(digits)) * (-1 if minor < 0 else 1), currency)
            fits = ones.count("1") == len(digits)
            pattern = self._patterns[key] = ones.replace("%", "%%").replace("1", "%s") if fits else ""
        return pattern % tuple(digits) if pattern else self._written(minor, currency)

    def _written(self, minor: int, currency: str) -> str:
        digits = exponent(currency)
        # The currency's digits by ISO 4217: Babel would show some currencies without theirs, and round.
        pattern: NumberPattern = copy.copy(self.locale.currency_formats["standard"])
        pattern.frac_prec = (digits, digits)
        written: str = pattern.apply(
            Decimal(minor).scaleb(-digits), self.locale, currency=currency, currency_digits=False
        )
        return written

    def _money_encoder(self) -> Callable[[int, str], Plain]:
        @lru_cache(maxsize=_AMOUNTS_MAX)
        def shown(minor: int, currency: str) -> Plain:
            return {"amount": minor, "currency": currency, "display": self.display(minor, currency)}

        return shown

    def _encoder(self, cls: type) -> Convert:
        """Written out as the function that one would write by hand for this class, because every answer needs it."""
        self._encoders[cls] = self.plain  # it may contain itself
        hints = get_type_hints(cls)
        names: Plain = {"money": self._shown, "id_text": _id_text, "suffix": _suffix}
        always = [f'"object": {cls.object!r}'] if hasattr(cls, "object") else []
        later: list[str] = []
        for attribute in attrs.fields(cls):
            name = attribute.name
            value = self._expression(hints[name], f"view.{name}", names)
            if attribute.default is None:  # left out where there is nothing
                later += [f"    if view.{name} is not None:", f"        plain[{name!r}] = {value}"]
            elif later:
                later.append(f"    plain[{name!r}] = {value}")
            else:
                always.append(f"{name!r}: {value}")
        source = ["def encode(view):", f"    plain = {{{', '.join(always)}}}", *later, "    return plain"]
        exec("\n".join(source), names)  # noqa: S102 - of our own classes' names only, as attrs does
        encode: Convert = names["encode"]
        self._encoders[cls] = encode
        return encode

    def _expression(self, hint: Any, value: str, names: Plain) -> str:
        """What makes a plain value of one of this type; msgspec writes most types as they are."""
        if isinstance(hint, type) and issubclass(hint, Identifier):
            return (
                f"{hint.prefix + '_'!r} + suffix({value}.uuid.int)" if hasattr(hint, "prefix") else f"id_text({value})"
            )
        if hint is Money:
            return f"money({value}.minor, {value}.currency)"
        if isinstance(hint, type) and attrs.has(hint):
            name = f"plain_{hint.__name__}"
            names[name] = self._encoders.get(hint) or self._encoder(hint)
            return f"{name}({value})"
        arguments = [a for a in get_args(hint) if a not in (type(None), Ellipsis)]
        if get_origin(hint) in (Union, types.UnionType) and len(arguments) == 1:
            inner = self._expression(arguments[0], value, names)
            return inner if inner == value else f"(None if {value} is None else {inner})"
        if get_origin(hint) in (list, tuple):
            each = self._expression(arguments[0], "each", names)
            return value if each == "each" else f"[{each} for each in {value}] if {value} else []"
        return value


@lru_cache(maxsize=_LOCALES_MAX)
def representation(locale: str = DEFAULT_LOCALE) -> Representation:
    """The representation in this language (BCP 47), or in English where the language is unknown."""
    try:
        return Representation(Locale.parse(locale, sep="-"))
    except (UnknownLocaleError, ValueError, TypeError):
        return Representation(Locale.parse(DEFAULT_LOCALE))


def with_fields(plain: Plain, names: frozenset[str]) -> Plain:
    """Only the named fields; `id` and `object` are always among them."""
    return {name: value for name, value in plain.items() if name in names or name in ("id", "object")}


# The schema of the same classes.


def schema_name(cls: type) -> str:
    return cls.__name__.removesuffix("View")


def money_schema() -> Plain:
    return {
        "type": "object",
        "description": "An amount in whole minor units of its currency (cents), and how people write it.",
        "properties": {
            "amount": {"type": "integer"},
            "currency": {"type": "string", "pattern": "^[A-Z]{3}$"},
            "display": {"type": "string"},
        },
        "required": ["amount", "currency", "display"],
        "examples": [{"amount": 2999, "currency": "EUR", "display": "€29.99"}],
    }


@cache
def field_names(cls: type) -> tuple[str, ...]:
    """The names that stand in the JSON of this view."""
    return ("object", *(a.name for a in attrs.fields(cls)))


def schema_of(cls: type, components: dict[str, Plain]) -> Plain:
    """A reference to the schema of a view; what it needs is added to `components`."""
    name = schema_name(cls)
    if name not in components:
        components[name] = {}  # it may contain itself
        hints = get_type_hints(cls)
        kind = getattr(cls, "object", None)
        properties: Plain = {"object": {"type": "string", "const": kind}} if kind else {}
        properties |= {a.name: _schema(hints[a.name], components) for a in attrs.fields(cls)}
        optional = {a.name for a in attrs.fields(cls) if a.default is None}
        components[name] = {
            "type": "object",
            "title": name,
            "description": (cls.__doc__ or "").strip().split("\n\n")[0].replace("\n    ", " "),
            "properties": properties,
            "required": [n for n in properties if n not in optional],
        }
    return {"$ref": f"#/components/schemas/{name}"}


_PLAIN_SCHEMAS: Mapping[Any, Plain] = {
    str: {"type": "string"},
    int: {"type": "integer"},
    bool: {"type": "boolean"},
    datetime: {"type": "string", "format": "date-time"},
    Any: {},
}


def _schema(hint: Any, components: dict[str, Plain]) -> Plain:
    if hint in _PLAIN_SCHEMAS:
        return dict(_PLAIN_SCHEMAS[hint])
    if hint is Money:
        components.setdefault("Money", money_schema())
        return {"$ref": "#/components/schemas/Money"}
    if isinstance(hint, type) and issubclass(hint, Identifier):
        return {"type": "string", "pattern": id_pattern(hint)}
    if isinstance(hint, type) and issubclass(hint, Enum):
        return {"type": "string", "enum": [member.value for member in hint]}
    if isinstance(hint, type) and attrs.has(hint):
        return schema_of(hint, components)
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        return {"anyOf": [{"type": "null"} if a is type(None) else _schema(a, components) for a in arguments]}
    if origin in (list, tuple):
        return {"type": "array", "items": _schema(arguments[0], components)}
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return {"type": "object", "additionalProperties": _schema(arguments[1], components)}
    raise TypeError(f"{hint} has no place in the public JSON")  # pragma: no cover - a view that cannot be shown
