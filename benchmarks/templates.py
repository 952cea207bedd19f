"""One recorded run of the shop's statements as a mould for thousands more: with fresh ids, by any other client.

Ids that the run made become ids that follow from a plain number, the same number the same ids; the two variants that
were bought become two of that number's own. So the raw driver and pgbench do exactly what the shop does.
"""

import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from attrs import define, field

from benchmarks.catalogue import Catalogue, variant_sql
from benchmarks.recording import Sent
from shop.adapters.sql.merging import EncodedJson

_FRESH = "01980000-0000-7{:03x}-8000-"
_PARAMETER = re.compile(r"\$(\d+)(?!\d)(::JSONB)?", re.IGNORECASE)
CART, SESSION, ITEM = 1, 2, 3  # the second item of a cart is in the place after the first
_FIRST_OWN = 16


def fresh_id(place: int, number: int) -> UUID:
    """The id that stands in this place of the unit of this number."""
    return UUID(_FRESH.format(place) + f"{number:012x}")


def fresh_sql(place: str, number: str) -> str:
    """The same as an SQL expression of two SQL expressions."""
    head = f"'01980000-0000-7' || lpad(to_hex({place}), 3, '0') || '-8000-'"
    return f"({head} || lpad(to_hex(({number})::bigint), 12, '0'))::uuid"


def variant_numbers(number: int, catalogue: Catalogue) -> tuple[int, int]:
    """Two variants for the unit of this number, the first below the second, spread over the catalogue."""
    half = catalogue.variants // 2
    return number * 7919 % half, half + number * 5003 % half


def variant_numbers_sql(number: str, catalogue: Catalogue) -> tuple[str, str]:
    """The same as SQL expressions, in pgbench's own words too."""
    half = catalogue.variants // 2
    return f"({number} * 7919 % {half})", f"({half} + {number} * 5003 % {half})"


@define(eq=False)
class Mould:
    """Statements of one unit. `bought` are its variants, `given` has a place already, `keys` are texts to be new."""

    catalogue: Catalogue
    sent: Sequence[Sent]
    bought: Sequence[UUID]
    given: dict[UUID, int]
    keys: Sequence[str] = ()
    _places: dict[UUID, int] = field(factory=dict)

    def __attrs_post_init__(self) -> None:
        self._places = dict(self.given)
        for statement in self.sent:
            for argument in statement.arguments:
                self._find_places(argument)

    def _find_places(self, value: Any) -> None:
        if isinstance(value, list):
            for each in value:
                self._find_places(each)
        elif isinstance(value, UUID) and self._is_new(value):
            self._places.setdefault(value, _FIRST_OWN + len(self._places))

    def _is_new(self, value: UUID) -> bool:
        """Ids of the catalogue stay what they are; those of a run are younger."""
        return value not in self.bought and not str(value).startswith("01970000-0000-7000-")

    def unit(self, number: int) -> list[Sent]:
        """The statements of the unit of this number."""
        variants = [self.catalogue.variant(n).uuid for n in variant_numbers(number, self.catalogue)]
        ids = {old: fresh_id(place, number) for old, place in self._places.items()}
        ids |= dict(zip(self.bought, variants, strict=False))
        return [
            Sent(
                sent.text,
                self._arguments(sent.arguments, ids, number),
                tuple((text, self._arguments(given, ids, number)) for text, given in sent.parts),
            )
            for sent in self.sent
        ]

    def _arguments(self, arguments: Iterable[Any], ids: dict[UUID, UUID], number: int) -> list[Any]:
        return [self._argument(argument, ids, number) for argument in arguments]

    def _argument(self, value: Any, ids: dict[UUID, UUID], number: int) -> Any:
        if isinstance(value, UUID):
            return ids.get(value, value)
        if isinstance(value, list):
            return self._arguments(value, ids, number)
        if isinstance(value, str) and value in self.keys:
            return f"key-{number}"
        return value

    def pgbench(self, first: int, each: int) -> str:
        """A script for pgbench. Each transaction is a unit of its own, `each` so many per client from `first` on."""
        lines = [f"\\set unit {first} + :client_id * {each} + :done", "\\set done :done + 1"]
        lines += [" ".join(self._in_sql(sent).split()) + ";" for sent in self.sent]
        return "\n".join(lines) + "\n"

    def _in_sql(self, sent: Sent) -> str:
        def value(match: re.Match[str]) -> str:
            argument = sent.arguments[int(match[1]) - 1]
            # A list is an array for the server, unless it is said to be a document.
            return _document(argument) if match[2] and argument is not None else self._value(argument)

        return _PARAMETER.sub(value, sent.text)

    def _value(self, value: Any) -> str:
        if isinstance(value, UUID):
            return self._id(value)
        if isinstance(value, list):
            return f"ARRAY[{', '.join(map(self._value, value))}]"
        if isinstance(value, str) and value in self.keys:
            return "('key-' || (:unit)::bigint)"
        return _literal(value)

    def _id(self, value: UUID) -> str:
        if value in self._places:
            return fresh_sql(str(self._places[value]), ":unit")
        if value in self.bought:
            return variant_sql(variant_numbers_sql("(:unit)::bigint", self.catalogue)[list(self.bought).index(value)])
        return f"'{value}'::uuid"


def _literal(value: Any) -> str:
    """A value in SQL. pgbench would take a colon for one of its variables, except in its own places."""
    if value is None:
        return "NULL"
    if isinstance(value, (bool, int)):
        return str(value)
    if isinstance(value, bytes):
        return f"decode('{value.hex()}', 'hex')"
    if isinstance(value, datetime):
        return f"to_timestamp({value.timestamp():.6f})"
    if isinstance(value, (dict, EncodedJson)):
        return _document(value)
    return _quoted(str(value))


def _document(value: Any) -> str:
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    return f"{_quoted(text)}::jsonb"


def _quoted(text: str) -> str:
    """In hexadecimal, because a colon would begin a variable of pgbench."""
    if ":" not in text and "'" not in text and "\\" not in text:
        return f"'{text}'"
    return f"convert_from(decode('{text.encode().hex()}', 'hex'), 'UTF8')"
