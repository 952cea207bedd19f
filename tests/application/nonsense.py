"""Messages made at random: each part is of its type, and most say nothing that anybody would."""

from collections.abc import Mapping, Sequence, Set
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from enum import Enum
from random import Random
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints
from uuid import UUID

from attrs import NOTHING, fields, frozen, has

from shop.domain.kernel.identifiers import Identifier
from tests.shops import START

_AWAY = (timezone(timedelta(hours=14)), timezone(timedelta(hours=-12)))
_TEXTS = (
    *("", " ", "\x00", "a\x00b", "\ud800", "\udfff x", "\n", "\u202e", "\ufeff", "a" * 300, "a" * 100_000, "9" * 5000),
    *("ß", "İ", "ﬁ", "e\u0301", "０１", "%", "_", "\\", "'", "-", "--", "-created_at", "NaN", "1e999", "-1", "null"),
    *(
        "[]",
        "{}",
        "W10",
        "bnVsbA",
        "https://[",
        "http://x:99999999/",
        "javascript:1",
        "a@b@c",
        "x@xn--a",
        "ı@example.com",
    ),
)
_KNOWN: Mapping[str, Sequence[str]] = {
    "sort": ("created_at", "-created_at", "title", "-title", "price", "total", "-placed_at", "amount"),
    "expand": ("variants", "categories", "children", "customer"),
    "forget": ("email", "note", "shipping_address"),
    "scopes": ("orders:read", "products:write", "*"),
    "slug": ("linen-shirt", "new-thing", "shirts"),
    "email": ("ada@example.com", "ADA@EXAMPLE.COM", "new@example.com"),
    "currency": ("EUR", "USD", "JPY"),
    "country": ("DE", "AT", "US"),
    "sku": ("LINEN-SHIRT", "linen-shirt", "NEW-1"),
    "method": ("fake_card", "fake_card_declined", "fake_card_3ds"),
    "option_id": ("standard", "express"),
    "provider": ("fake", "google"),
}
_SCALARS: Mapping[Any, tuple[Sequence[Any], Sequence[Any]]] = {
    bool: ((False, True), (False, True)),
    int: (
        (0, 1, 2, 3, 5, 10),
        (-1, 101, 10**6 + 1, 2**31 - 1, 2**31, -(2**31) - 1, 2**63 - 1, 2**63, -(2**63) - 1, 10**30, 10**5000),
    ),
    bytes: ((b"{}",), (b"", b"\xff\x00", b"[" * 5000)),
    timedelta: ((timedelta(hours=1), timedelta(0)), (timedelta.min, timedelta.max, timedelta(days=-1))),
    Decimal: (
        (Decimal("0.19"), Decimal(0)),
        tuple(map(Decimal, ("-1", "NaN", "sNaN", "Infinity", "1E+1000", "1E-1000", "-0"))),
    ),
    datetime: (
        (START, START - timedelta(days=1), START + timedelta(days=1)),
        (
            *(datetime.min.replace(tzinfo=zone) for zone in (UTC, *_AWAY)),
            *(datetime.max.replace(tzinfo=zone) for zone in (UTC, *_AWAY)),
            datetime(500, 1, 1, tzinfo=UTC),
            datetime(1969, 1, 1, tzinfo=UTC),
        ),
    ),
    Any: ((1, "a"), (None, -1.5, float("nan"), "\ud800", [], {}, [1, {"a": None}], b"x")),
}
"""By type: what may be meant, and what never is."""


@frozen
class Speaker:
    """Says whatever the types allow, the same in every run. Of ids it knows some; `odd` is how often it rambles."""

    random: Random
    ids: Mapping[type, Sequence[Identifier]]
    odd: float

    def message(self, kind: type[Any]) -> Any:
        """Raises what the making of it raises."""
        if not has(kind):
            return kind()
        hints, parts = get_type_hints(kind), dict[str, Any]()
        for one in fields(kind):
            if one.default is NOTHING or self.random.random() < 0.4:
                parts[one.name] = self._said(hints[one.name], one.name)
        return kind(**parts)

    def _said(self, kind: Any, name: str) -> Any:
        origin, of = get_origin(kind), get_args(kind)
        if origin in (Union, UnionType):
            return self._said(self.random.choice(of), name)
        if kind is NoneType:
            return None
        if origin is Literal:
            return self.random.choice(of)
        if origin is tuple and of[-1] is not ...:
            return tuple(self._said(one, name) for one in of)
        if isinstance(origin, type) and issubclass(origin, Mapping):
            return {self._said(of[0], "key"): self._said(of[1], name) for _ in range(self._count())}
        if isinstance(origin, type) and issubclass(origin, (Sequence, Set)):
            many = [self._said(of[0], name) for _ in range(self._count())]
            return frozenset(many) if issubclass(origin, Set) else (*many, *many[: self.random.randrange(2)])
        return self._single(kind, name)

    def _single(self, kind: Any, name: str) -> Any:
        if kind is str:
            return self.random.choice(_TEXTS if self._rambles() else _KNOWN.get(name, ("word", "a", "EUR")))
        if kind in _SCALARS:
            return self.random.choice(_SCALARS[kind][self._rambles()])
        if issubclass(kind, Identifier):
            known = self.ids.get(kind, ())
            unknown = kind(UUID(int=self.random.choice((0, 1, 2**128 - 1))))
            return self.random.choice(known) if known and self.random.random() < 0.9 else unknown
        return self.random.choice(list(kind)) if issubclass(kind, Enum) else self.message(kind)

    def _count(self) -> int:
        return self.random.choice((4, 50, 300) if self._rambles() else (0, 1, 1, 2))

    def _rambles(self) -> bool:
        return self.random.random() < self.odd
