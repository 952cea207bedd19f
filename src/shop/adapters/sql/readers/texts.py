"""Documents of products as text, and what they say: most products share theirs, so what was read is remembered."""

from functools import lru_cache
from typing import Any

import msgspec
from sqlalchemy import Column, ColumnElement, Text, cast

from shop.adapters.sql.documents import to_media, to_options
from shop.domain.catalog import Media, Option
from shop.domain.kernel.money import Money

REMEMBERED, LENGTH_MAX = 4_096, 1_000
"""So many documents of each sort are remembered, none longer than this: some megabytes at most."""

Span = tuple[Money | None, Money | None]


def as_text(column: Column[Any]) -> ColumnElement[str]:
    """The document as it is on the way from the database, under the name of its column."""
    return cast(column, Text).label(column.name)


def tags_in(text: str) -> tuple[str, ...]:
    return _known_tags(text) if len(text) <= LENGTH_MAX else _known_tags.__wrapped__(text)


def media_in(text: str) -> tuple[Media, ...]:
    return _known_media(text) if len(text) <= LENGTH_MAX else _known_media.__wrapped__(text)


def options_in(text: str) -> tuple[Option, ...]:
    return _known_options(text) if len(text) <= LENGTH_MAX else _known_options.__wrapped__(text)


def metadata_in(text: str) -> dict[str, str]:
    metadata: dict[str, str] = msgspec.json.decode(text) if text != "{}" else {}
    return metadata


def span_in(text: str, currency: str) -> Span:
    """The lowest and the highest price in the currency, if there is one."""
    return _known_span(text, currency) if len(text) <= LENGTH_MAX else _known_span.__wrapped__(text, currency)


@lru_cache(maxsize=REMEMBERED)
def _known_tags(text: str) -> tuple[str, ...]:
    return tuple(msgspec.json.decode(text))


@lru_cache(maxsize=REMEMBERED)
def _known_media(text: str) -> tuple[Media, ...]:
    return to_media(msgspec.json.decode(text))


@lru_cache(maxsize=REMEMBERED)
def _known_options(text: str) -> tuple[Option, ...]:
    return to_options(msgspec.json.decode(text))


@lru_cache(maxsize=REMEMBERED)
def _known_span(text: str, currency: str) -> Span:
    span = msgspec.json.decode(text).get(currency)
    return (Money(span[0], currency), Money(span[1], currency)) if span else (None, None)
