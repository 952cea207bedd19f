"""What is where: levels per variant and location, holds for orders, and the movements that explain both.

No level changes but by a movement, so a level is the sum of its movements. The guard against overselling is
stated here and enforced where the data lives, in the same statement that changes the level.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar

from attrs import define, evolve, field, frozen

from shop.domain.kernel.address import COUNTRIES
from shop.domain.kernel.aggregates import Aggregate, Event
from shop.domain.kernel.errors import Conflict, Flaw, Invalid, NotFound
from shop.domain.kernel.identifiers import (
    Identifier,
    LocationId,
    MovementId,
    OrderId,
    ReservationId,
    VariantId,
)
from shop.domain.kernel.texts import storable

QUANTITY_MAX = 10**9
NAME_LENGTH_MAX = 200
PRIORITY_MAX = 10**6


class LocationNotFound(NotFound):
    title = "No such location"


class InsufficientStock(Conflict):
    """Less is left than was asked for, found out when it was about to be taken."""

    code = "insufficient_stock"
    title = "Not enough stock"
    default_hint = "Lower the quantity, or take the item out of the cart."

    def __init__(self, available: Mapping[VariantId, int], names: Mapping[VariantId, str] | None = None) -> None:
        names = names or {}
        self.available = dict(available)
        left = ", ".join(f"{count} of “{names.get(v, str(v))}”" for v, count in self.available.items())
        flaws = tuple(
            Flaw("/items", "exceeds_available", f"At most {count}", {"variant_id": str(v), "available": count})
            for v, count in self.available.items()
        )
        super().__init__(f"Only {left} left." if left else "", flaws=flaws)


class MovementKind(StrEnum):
    """Why a level changed."""

    RECEIVED = "received"
    ADJUSTED = "adjusted"
    COUNTED = "counted"
    RESERVED = "reserved"
    RELEASED = "released"
    SHIPPED = "shipped"
    RETURNED = "returned"


class ReservationState(StrEnum):
    HELD = "held"
    ALLOCATED = "allocated"
    RELEASED = "released"
    FULFILLED = "fulfilled"


# A hold ends in one of two ways, and never begins again.
RESERVATION_ARROWS: Mapping[ReservationState, frozenset[ReservationState]] = {
    ReservationState.HELD: frozenset({ReservationState.ALLOCATED, ReservationState.RELEASED}),
    ReservationState.ALLOCATED: frozenset({ReservationState.RELEASED, ReservationState.FULFILLED}),
    ReservationState.RELEASED: frozenset(),
    ReservationState.FULFILLED: frozenset(),
}
LIVE = frozenset({ReservationState.HELD, ReservationState.ALLOCATED})


@frozen(kw_only=True)
class InventoryAdjusted(Event):
    """People or an import changed what is on hand."""

    type: ClassVar[str] = "inventory.adjusted"
    variant_id: VariantId
    location_id: LocationId
    delta: int
    reason: str

    @property
    def subject(self) -> VariantId:
        return self.variant_id


def _name(_instance: Any, _attribute: Any, name: str) -> None:
    if not 1 <= len(name.strip()) <= len(name) <= NAME_LENGTH_MAX or not storable(name):
        raise Invalid(
            f"A location has a name of 1 to {NAME_LENGTH_MAX} characters.",
            flaws=(Flaw("/name", "length", f"1 to {NAME_LENGTH_MAX} characters"),),
        )


def _country(_instance: Any, _attribute: Any, country: str) -> None:
    if country and country not in COUNTRIES:
        raise Invalid(
            f"“{country[:10]}” is not a country code of ISO 3166-1, such as DE or US.",
            flaws=(Flaw("/country", "country_unknown", "A two-letter code such as DE, or nothing"),),
        )


def _priority(_instance: Any, _attribute: Any, priority: int) -> None:
    if not 0 <= priority <= PRIORITY_MAX:
        raise Invalid(f"A priority is 0 to {PRIORITY_MAX}.")


@define(eq=False, kw_only=True)
class Location(Aggregate):
    """A warehouse or store that holds stock. Orders take from the lowest priority number first."""

    audited: ClassVar = ("name", "country", "priority")

    id: LocationId
    name: str = field(validator=_name)
    country: str = field(default="", validator=_country)
    priority: int = field(default=0, validator=_priority)
    created_at: datetime


@frozen(kw_only=True)
class StockLevel:
    """How many of a variant are at a location, and how many of those are promised to orders."""

    variant_id: VariantId
    location_id: LocationId
    on_hand: int = 0
    reserved: int = 0
    backorder_limit: int = 0
    version: int = 0

    @property
    def available(self) -> int:
        return self.on_hand + self.backorder_limit - self.reserved

    def after(self, on_hand: int, reserved: int) -> "StockLevel | None":
        """The level after these changes, or None when the rule against overselling forbids them.

        Nothing is below zero, and no more is promised than there is (or may be backordered). Storage enforces
        the same rule in the statement that changes the row, and once more as a CHECK on the table.
        """
        new = evolve(self, on_hand=self.on_hand + on_hand, reserved=self.reserved + reserved)
        if new.on_hand < 0 or new.reserved < 0 or ((reserved > 0 or on_hand < 0) and new.available < 0):
            return None
        return new


@frozen(kw_only=True)
class StockMovement:
    """One change of one level with its cause. The same cause changes a level once: (level, kind, source) is unique."""

    id: MovementId
    variant_id: VariantId
    location_id: LocationId
    on_hand: int = 0
    reserved: int = 0
    kind: MovementKind
    source: Identifier
    reason: str = ""
    at: datetime

    def __attrs_post_init__(self) -> None:
        if type(self.on_hand) is not int or type(self.reserved) is not int:
            raise Invalid("A movement is of whole units.", flaws=(Flaw("/delta", "not_whole", "A whole number"),))
        if not (self.on_hand or self.reserved):
            raise Invalid("A movement changes something.")
        if abs(self.on_hand) > QUANTITY_MAX or abs(self.reserved) > QUANTITY_MAX:
            raise Invalid(f"A movement is of at most {QUANTITY_MAX} units.")


@frozen(kw_only=True)
class Reservation:
    """Units of a level that are kept for an order until it is paid (held) or shipped (allocated)."""

    id: ReservationId
    order_id: OrderId
    variant_id: VariantId
    location_id: LocationId
    quantity: int
    state: ReservationState = ReservationState.HELD
    expires_at: datetime | None = None

    def move_to(self, state: ReservationState) -> "Reservation":
        """Raises Conflict when no arrow leads there."""
        if state not in RESERVATION_ARROWS[self.state]:
            raise Conflict(f"A reservation that is {self.state} cannot become {state}.")
        return evolve(self, state=state, expires_at=None)

    def extend_to(self, until: datetime) -> "Reservation":
        """The same units for longer. Raises Conflict when they are not held any more."""
        if self.state is not ReservationState.HELD:
            raise Conflict(f"A reservation that is {self.state} does not run out.")
        return evolve(self, expires_at=until)


@frozen
class Allocation:
    """So many of a variant from this location."""

    variant_id: VariantId
    location_id: LocationId
    quantity: int


def demand_of(wanted: Iterable[tuple[VariantId, int]]) -> dict[VariantId, int]:
    """What is wanted of each variant altogether: a variant that stands in two lines is checked once, in sum."""
    demand: defaultdict[VariantId, int] = defaultdict(int)
    for variant_id, quantity in wanted:
        demand[variant_id] += quantity
    return dict(demand)


def allocate(demand: Mapping[VariantId, int], levels: Sequence[StockLevel]) -> list[Allocation]:
    """Where to take the demand from, sorted by variant and location (the order in which rows are locked).

    `levels` come in the order of preference of their locations. One location that has all of a variant is
    preferred to splitting it. Raises InsufficientStock with what is available of each variant that falls short.
    """
    allocations: list[Allocation] = []
    short: dict[VariantId, int] = {}
    for variant_id in sorted(demand):
        quantity = demand[variant_id]
        if not quantity:
            continue
        candidates = [level for level in levels if level.variant_id == variant_id and level.available > 0]
        whole = next((level for level in candidates if level.available >= quantity), None)
        if whole is not None:
            allocations.append(Allocation(variant_id, whole.location_id, quantity))
            continue
        parts: list[Allocation] = []
        for level in candidates:
            taken = min(level.available, quantity - sum(part.quantity for part in parts))
            if taken > 0:
                parts.append(Allocation(variant_id, level.location_id, taken))
        if sum(part.quantity for part in parts) < quantity:
            short[variant_id] = sum(level.available for level in candidates)
        allocations += sorted(parts, key=lambda part: part.location_id)
    if short:
        raise InsufficientStock(short)
    return allocations
