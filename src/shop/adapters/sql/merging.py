"""Many writes as one statement: on PostgreSQL a whole transaction is one round trip.

Each write becomes a part of `WITH w0 AS (INSERT … RETURNING 1), w1 AS (UPDATE … RETURNING 1) SELECT …`. The SELECT
asks for the parts one after the other, which is when PostgreSQL carries them out: so rows are locked in the order
of the writes. Where a part touched another number of rows than it must, the SELECT divides by zero, and nothing of
the statement has happened.
"""

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from operator import attrgetter
from typing import Any

import msgspec
from attrs import define

from shop.adapters.sql.database import Write
from shop.adapters.sql.statements import POSTGRES, VALUES, Compiled

PARTS_MAX = 40
VALUES_MAX = 8
TEXTS_MAX = 2000
_PARAMETER = re.compile(r"\$(\d+)")


class EncodedJson(str):
    """JSON that is text already."""

    __slots__ = ()


@define
class Part:
    """A statement as it is run once: its text, its arguments, and how many rows it must touch."""

    text: str
    arguments: list[Any]
    expect: int | None


def parts_of(writes: Iterable[Write]) -> list[Part]:
    """The parts, in order of rank. Rows of an insert go together, everything else goes row by row."""
    parts: list[Part] = []
    for write in sorted(writes, key=attrgetter("rank")):
        compiled = write.statement.compiled(POSTGRES)
        if len(write.rows) == 1:
            parts.append(Part(compiled.text, compiled.arguments(write.rows[0]), write.expect))
        elif compiled.bulk_text:
            parts.append(_together(compiled, write) if len(write.rows) <= VALUES_MAX else _bulk(compiled, write))
        else:
            parts += [Part(compiled.text, compiled.arguments(row), write.expect) for row in write.rows]
    return parts


def _together(compiled: Compiled, write: Write) -> Part:
    """A few rows, each with parameters of its own: the driver is slower with arrays, but they have one shape."""
    arguments = [row[name] for row in write.rows for name in compiled.names]
    expect = None if write.expect is None else write.expect * len(write.rows)
    return Part(_repeated(compiled.text, len(compiled.names), len(write.rows)), arguments, expect)


@lru_cache(maxsize=500)
def _repeated(text: str, width: int, rows: int) -> str:
    found = VALUES.search(text)
    assert found is not None, text
    row = found.group(1)
    more = "".join(f", {_shifted(row, width * number)}" for number in range(1, rows))
    return text[: found.end()] + more + text[found.end() :]


def _bulk(compiled: Compiled, write: Write) -> Part:
    columns: list[Any] = [[_element(row[name]) for row in write.rows] for name in compiled.names]
    expect = None if write.expect is None else write.expect * len(write.rows)
    return Part(compiled.bulk_text, columns, expect)


def _element(value: Any) -> Any:
    """The value as one element of an array: the driver would take a list for a further dimension."""
    return EncodedJson(msgspec.json.encode(value).decode()) if isinstance(value, list) else value


class MergedTexts:
    """The texts of merged statements by shape, so that each is built, and prepared on a connection, once."""

    def __init__(self) -> None:
        self._texts: dict[tuple[object, ...], str] = {}

    def text(self, parts: Sequence[Part]) -> str:
        shape = tuple((part.text, part.expect) for part in parts)
        text = self._texts.get(shape)
        if text is None:
            if len(self._texts) >= TEXTS_MAX:  # no shop has so many shapes; but nothing grows for ever
                self._texts.clear()
            text = self._texts[shape] = merged(parts)
        return text


def merged(parts: Sequence[Part]) -> str:
    """The parts as one statement. A single one that needs no guard stays as it is."""
    if len(parts) == 1 and parts[0].expect is None:
        return parts[0].text
    offset = 0
    bodies, checks = [], []
    for number, part in enumerate(parts):
        text = _shifted(part.text, offset)
        bodies.append(f"w{number} AS ({text} RETURNING 1)")
        checks.append(_check(number, part.expect))
        offset += len(part.arguments)
    return f"WITH {', '.join(bodies)} SELECT {', '.join(checks)}"


def _shifted(text: str, offset: int) -> str:
    return _PARAMETER.sub(lambda match: f"${int(match.group(1)) + offset}", text)


def _check(number: int, expect: int | None) -> str:
    count = f"(SELECT count(*) FROM w{number})"  # noqa: S608
    if expect is None:
        return count
    if expect == 1:  # a row by its key: none, or one
        return f"1 / {count}"
    return f"1 / (CASE WHEN {count} = {expect} THEN 1 ELSE 0 END)"
