"""Events are taken from an aggregate once, in the order they happened."""

import pytest

from shop.domain.catalog import ProductCreated, ProductUpdated
from shop.domain.kernel.aggregates import Event
from tests.domain.samples import NOW, a_product, later


def test_events_are_taken_once_and_in_order() -> None:
    product = a_product()
    product.change(later(), title="Linen blouse")
    assert [type(event) for event in product.take_events()] == [ProductCreated, ProductUpdated]
    assert product.take_events() == []


def test_aggregates_are_themselves_and_nothing_else() -> None:
    assert a_product() != a_product()
    assert a_product().version == 0


def test_an_event_must_say_what_it_happened_to() -> None:
    with pytest.raises(NotImplementedError):
        _ = Event(at=NOW).subject
