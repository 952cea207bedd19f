"""Copies in and out: nobody outside holds what is stored, so nothing changes but by a save."""

from copy import copy
from typing import Any, TypeVar

from shop.domain.catalog import Product, Variant
from shop.domain.kernel.aggregates import Aggregate

A = TypeVar("A", bound=Aggregate)


def copied(aggregate: A) -> A:
    """The same aggregate once more, without events. Its parts are values, so only mappings are copied with it."""
    twin = copy(aggregate)
    twin._events = []
    metadata = getattr(twin, "metadata", None)
    if metadata is not None:
        _set(twin, "metadata", dict(metadata))
    if isinstance(twin, Product):
        _set(twin, "variants", tuple(_copied_variant(variant) for variant in twin.variants))
    return twin


def _copied_variant(variant: Variant) -> Variant:
    twin = copy(variant)
    _set(twin, "metadata", dict(variant.metadata))
    return twin


def _set(thing: Any, name: str, value: object) -> None:
    # What is copied was checked when it was made: no validator needs to see it again.
    object.__setattr__(thing, name, value)
