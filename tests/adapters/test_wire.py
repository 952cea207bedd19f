"""Events survive the way to JSON and back, also between versions of the shop."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from enum import Enum
from types import NoneType, UnionType
from typing import Any, ClassVar, get_args, get_type_hints
from uuid import UUID

import pytest
from attrs import evolve, fields, frozen
from hypothesis import given
from hypothesis import strategies as st

from shop.adapters.wire import EventUnreadable, data_of, decode, encode, event_types
from shop.domain.inventory import InventoryAdjusted
from shop.domain.kernel.aggregates import Event
from shop.domain.kernel.currencies import EXPONENTS
from shop.domain.kernel.identifiers import CartId, Identifier, LocationId, OrderId, ProductId, VariantId
from shop.domain.kernel.money import AMOUNT_MAX, Money
from shop.domain.orders import OrderCreated

MOMENT = datetime(2026, 3, 4, 5, 6, 7, 89, tzinfo=UTC)
CREATED = OrderCreated(at=MOMENT, order_id=OrderId(UUID(int=1)), cart_id=CartId(UUID(int=2)), total=Money(1999, "EUR"))

_VALUES: Mapping[object, st.SearchStrategy[Any]] = {
    str: st.text(),
    int: st.integers(-(10**9), 10**9),
    bool: st.booleans(),
    NoneType: st.none(),
    datetime: st.datetimes(timezones=st.just(UTC)),
    tuple[str, ...]: st.lists(st.text(), max_size=5).map(tuple),
    Money: st.builds(Money, st.integers(-AMOUNT_MAX, AMOUNT_MAX), st.sampled_from(sorted(EXPONENTS))),
}


def of_type(hint: Any) -> st.SearchStrategy[Any]:
    if isinstance(hint, type) and issubclass(hint, Identifier):
        return st.integers(0, 2**128 - 1).map(lambda number: hint(UUID(int=number)))
    if isinstance(hint, UnionType):
        return st.one_of(*(of_type(kind) for kind in get_args(hint)))
    return _VALUES[hint]


def of_kind(kind: type[Event]) -> st.SearchStrategy[Event]:
    hints = get_type_hints(kind)
    return st.builds(kind, **{attribute.name: of_type(hints[attribute.name]) for attribute in fields(kind)})


class Size(Enum):
    SMALL = "s"


@frozen(kw_only=True)
class _ThingMeasured(Event):
    """An event with every kind of field that events may have."""

    type: ClassVar[str] = "test.thing_measured"
    schema: ClassVar[int] = 2
    thing_id: Identifier
    size: Size
    weight: Decimal
    parts: tuple[ProductId, ...]
    parent: ProductId | None
    heavy: bool = False

    @property
    def subject(self) -> Identifier:
        return self.thing_id


MEASURED = _ThingMeasured(
    at=MOMENT,
    thing_id=VariantId(UUID(int=1)),
    size=Size.SMALL,
    weight=Decimal("1.50"),
    parts=(ProductId(UUID(int=3)),),
    parent=None,
    heavy=True,
)


@given(st.sampled_from(sorted(set(event_types()) - {MEASURED.type})).flatmap(lambda name: of_kind(event_types()[name])))
def test_every_event_comes_back_as_it_was(event: Event) -> None:
    text = encode(event)
    for data in (text, text.encode(), json.loads(text), data_of(event)):
        assert decode(event.type, event.schema, data) == event


def test_every_event_of_the_domain_is_known() -> None:
    assert {"product.created", "inventory.adjusted", "order.created", "payment.processed"} <= set(event_types())
    assert "" not in event_types()


def test_this_is_how_an_event_looks() -> None:
    assert json.loads(encode(CREATED)) == {
        "at": "2026-03-04T05:06:07.000089Z",
        "order_id": "order_00000000000000000000000001",
        "cart_id": "cart_00000000000000000000000002",
        "total": {"amount": 1999, "currency": "EUR"},
    }
    assert data_of(MEASURED)["weight"] == "1.50"
    read = decode(MEASURED.type, 2, data_of(MEASURED))
    assert isinstance(read, _ThingMeasured)
    assert str(read.weight) == "1.50"


def test_what_a_newer_writer_added_is_ignored() -> None:
    assert decode("order.created", 1, {**data_of(CREATED), "colour": "red"}) == CREATED


def test_what_an_older_writer_did_not_know_takes_its_default() -> None:
    data = data_of(MEASURED)
    del data["heavy"]
    assert decode(MEASURED.type, 1, data) == evolve(MEASURED, heavy=False)


def test_times_of_other_zones_become_utc() -> None:
    data = {**data_of(CREATED), "at": "2026-03-04T06:06:07.000089+01:00"}
    event = decode("order.created", 1, data)
    assert (event.at, event.at.tzinfo) == (MOMENT, UTC)
    abroad = evolve(CREATED, at=MOMENT.astimezone(timezone(timedelta(hours=5))))
    assert encode(abroad) == encode(CREATED)


@pytest.mark.parametrize(
    ("name", "schema", "data"),
    [
        ("order.unknown", 1, data_of(CREATED)),
        ("order.created", 2, data_of(CREATED)),
        ("order.created", 1, "{"),
        ("order.created", 1, "[]"),
        ("order.created", 1, "null"),
        ("order.created", 1, b"\xff"),
        ("order.created", 1, "[" * 100_000),
        ("order.created", 1, {}),
        ("order.created", 1, {**data_of(CREATED), "at": "2026-03-04T05:06:07"}),
        ("order.created", 1, {**data_of(CREATED), "at": 7}),
        ("order.created", 1, {**data_of(CREATED), "order_id": str(CREATED.cart_id)}),
        ("order.created", 1, {**data_of(CREATED), "order_id": 5}),
        ("order.created", 1, {**data_of(CREATED), "total": {"amount": 1.5, "currency": "EUR"}}),
        ("order.created", 1, {**data_of(CREATED), "total": 1999}),
        ("order.created", 1, {**data_of(CREATED), "total": None}),
        (MEASURED.type, 2, {**data_of(MEASURED), "size": "xl"}),
        (MEASURED.type, 2, {**data_of(MEASURED), "weight": "heavy"}),
        (MEASURED.type, 2, {**data_of(MEASURED), "weight": 1.5}),
        (MEASURED.type, 2, {**data_of(MEASURED), "parts": "prod"}),
        (MEASURED.type, 2, {**data_of(MEASURED), "heavy": 1}),
    ],
)
def test_what_cannot_be_read_is_said_plainly(name: str, schema: int, data: Any) -> None:
    with pytest.raises(EventUnreadable, match=name):
        decode(name, schema, data)


def test_whole_numbers_are_no_truth_values() -> None:
    adjusted = InventoryAdjusted(
        at=MOMENT, variant_id=VariantId(UUID(int=1)), location_id=LocationId(UUID(int=2)), delta=1, reason="x"
    )
    with pytest.raises(EventUnreadable):
        decode(adjusted.type, 1, {**data_of(adjusted), "delta": True})


def test_events_hold_plain_values_only() -> None:
    with pytest.raises(TypeError, match="float"):
        encode(evolve(MEASURED, weight=1.5))  # type: ignore[arg-type]
