"""Stock is never promised twice: the rule of a level, and where a demand is taken from."""

from collections import Counter, defaultdict

import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st

from shop.domain.inventory import (
    LIVE,
    QUANTITY_MAX,
    RESERVATION_ARROWS,
    InsufficientStock,
    InventoryAdjusted,
    MovementKind,
    Reservation,
    ReservationState,
    StockLevel,
    StockMovement,
    allocate,
    demand_of,
)
from shop.domain.kernel.errors import Conflict, Invalid
from shop.domain.kernel.identifiers import LocationId, MovementId, OrderId, ReservationId, VariantId
from tests.domain.samples import NOW, an, later, refused

changes = st.lists(st.tuples(st.integers(-6, 6), st.integers(-6, 6)), max_size=30)
demands = st.dictionaries(st.integers(1, 5).map(lambda n: an(VariantId, n)), st.integers(0, 12), max_size=5)
piles = st.dictionaries(st.tuples(st.integers(1, 5), st.integers(1, 4)), st.integers(-2, 9), max_size=20)


def a_level(on_hand: int, variant: int = 1, location: int = 1, *, reserved: int = 0, backorder: int = 0) -> StockLevel:
    return StockLevel(
        variant_id=an(VariantId, variant),
        location_id=an(LocationId, location),
        on_hand=on_hand,
        reserved=reserved,
        backorder_limit=backorder,
    )


def levels_of(pile: dict[tuple[int, int], int]) -> list[StockLevel]:
    """Levels with that much available, in an order that is neither that of variants nor of locations."""
    return [
        a_level(max(left, 0), variant, location, reserved=max(-left, 0))
        for (variant, location), left in sorted(pile.items(), key=lambda item: (item[1] % 3, item[0][1]))
    ]


def never_oversold(history: list[tuple[int, int]], backorder: int) -> None:
    level = a_level(3, backorder=backorder)
    for on_hand, reserved in history:
        level = level.after(on_hand, reserved) or level
        assert level.on_hand >= 0
        assert 0 <= level.reserved <= level.on_hand + level.backorder_limit


@given(changes, st.integers(0, 5))
def test_f01_no_history_of_a_level_oversells(history: list[tuple[int, int]], backorder: int) -> None:
    never_oversold(history, backorder)


def test_f05_a_guard_that_always_says_yes_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Planted: the guard is `True`. The property above then has to fail."""
    monkeypatch.setattr(
        StockLevel,
        "after",
        lambda self, h, r: evolve(self, on_hand=self.on_hand + h, reserved=self.reserved + r),
    )
    attempt = settings(database=None, report_multiple_bugs=False)(given(changes, st.integers(0, 5))(never_oversold))
    with pytest.raises(AssertionError):
        attempt()


@pytest.mark.parametrize(
    ("level", "on_hand", "reserved", "allowed"),
    [
        (a_level(1), 0, 1, True),
        (a_level(1), 0, 2, False),
        (a_level(1, reserved=1), 0, 1, False),
        (a_level(1, reserved=1), -1, -1, True),  # shipped
        (a_level(1, reserved=1), 0, -1, True),  # released
        (a_level(1, reserved=1), 0, -2, False),
        (a_level(1, reserved=1), -1, 0, False),  # what is promised cannot be taken away
        (a_level(1), -2, 0, False),
        (a_level(0, backorder=2), 0, 2, True),
        (a_level(0, backorder=2), 0, 3, False),
        (a_level(0, reserved=5), 3, 0, True),  # received, though too much was promised before
        (a_level(0, reserved=5), 0, -1, True),
    ],
)
def test_the_rule_of_a_level(level: StockLevel, on_hand: int, reserved: int, allowed: bool) -> None:
    after = level.after(on_hand, reserved)
    assert (after is not None) == allowed
    if after:
        assert (after.on_hand, after.reserved) == (level.on_hand + on_hand, level.reserved + reserved)


@given(demands, piles)
def test_f01_an_allocation_meets_the_demand_or_says_what_is_left(
    demand: dict[VariantId, int], pile: dict[tuple[int, int], int]
) -> None:
    levels = levels_of(pile)
    left: defaultdict[VariantId, int] = defaultdict(int)
    for level in levels:
        left[level.variant_id] += max(level.available, 0)
    short = {variant: left[variant] for variant, quantity in demand.items() if quantity > left[variant]}
    if short:
        with pytest.raises(InsufficientStock) as refusal:
            allocate(demand, levels)
        assert refusal.value.available == short
        return
    taken = allocate(demand, levels)
    places = [(part.variant_id, part.location_id) for part in taken]
    assert places == sorted(places)  # F-06: always locked in the same order
    assert len(set(places)) == len(places)  # F-07: never locked twice
    sums: Counter[VariantId] = Counter()
    available = {(level.variant_id, level.location_id): level.available for level in levels}
    for part in taken:
        assert 1 <= part.quantity <= available[part.variant_id, part.location_id]
        sums[part.variant_id] += part.quantity
    assert sums == {variant: quantity for variant, quantity in demand.items() if quantity}
    for variant, quantity in demand.items():
        whole = [level for level in levels if level.variant_id == variant and level.available >= quantity]
        if whole and quantity:
            assert [p.location_id for p in taken if p.variant_id == variant] == [whole[0].location_id]


def test_one_location_with_all_of_it_is_preferred_and_then_the_order_given() -> None:
    far, near, next_door = a_level(2, location=3), a_level(5, location=2), a_level(9, location=1)
    assert [part.location_id for part in allocate({an(VariantId): 4}, [far, near, next_door])] == [near.location_id]
    split = allocate({an(VariantId): 6}, [far, near])
    assert [(part.location_id, part.quantity) for part in split] == [(near.location_id, 4), (far.location_id, 2)]


def test_f02_a_variant_in_two_lines_is_checked_in_sum() -> None:
    shirt, hat = an(VariantId, 1), an(VariantId, 2)
    demand = demand_of([(shirt, 2), (hat, 1), (shirt, 2)])
    assert demand == {shirt: 4, hat: 1}
    with pytest.raises(InsufficientStock) as refusal:
        allocate(demand, [a_level(3, 1), a_level(1, 2)])
    assert refusal.value.available == {shirt: 3}


@given(st.lists(st.tuples(st.integers(1, 3), st.integers(1, 5)), max_size=10), st.randoms(use_true_random=False))
def test_f07_the_order_and_number_of_lines_do_not_matter(lines: list[tuple[int, int]], random: object) -> None:
    wanted = [(an(VariantId, number), quantity) for number, quantity in lines]
    single = [(variant, 1) for variant, quantity in wanted for _ in range(quantity)]
    random.shuffle(single)  # type: ignore[attr-defined]
    assert demand_of(single) == demand_of(wanted)
    plenty = [a_level(100, number) for number in (3, 1, 2)]
    assert allocate(demand_of(single), plenty) == allocate(demand_of(wanted), plenty)


def test_the_refusal_names_what_is_left_for_people_and_programs() -> None:
    shirt = an(VariantId)
    error = InsufficientStock({shirt: 3}, {shirt: "Linen shirt"})
    assert error.detail == "Only 3 of “Linen shirt” left."
    assert error.flaws[0].meta == {"variant_id": str(shirt), "available": 3}
    assert str(shirt) in InsufficientStock({shirt: 3}).detail
    assert InsufficientStock({}).detail == InsufficientStock.title


@pytest.mark.parametrize(
    ("on_hand", "reserved"), [(0, 0), (QUANTITY_MAX + 1, 0), (0, QUANTITY_MAX + 1), (-QUANTITY_MAX - 1, 0)]
)
def test_a_movement_changes_something_within_bounds(on_hand: int, reserved: int) -> None:
    with pytest.raises(Invalid):
        StockMovement(
            id=an(MovementId),
            variant_id=an(VariantId),
            location_id=an(LocationId),
            on_hand=on_hand,
            reserved=reserved,
            kind=MovementKind.ADJUSTED,
            source=an(OrderId),
            at=NOW,
        )


def test_a_movement_may_change_both_sides_at_once() -> None:
    shipped = StockMovement(
        id=an(MovementId),
        variant_id=an(VariantId),
        location_id=an(LocationId),
        on_hand=-QUANTITY_MAX,
        reserved=-1,
        kind=MovementKind.SHIPPED,
        source=an(OrderId),
        at=NOW,
    )
    assert (shipped.on_hand, shipped.reserved, shipped.reason) == (-QUANTITY_MAX, -1, "")


def a_reservation(state: ReservationState) -> Reservation:
    return Reservation(
        id=an(ReservationId),
        order_id=an(OrderId),
        variant_id=an(VariantId),
        location_id=an(LocationId),
        quantity=2,
        state=state,
        expires_at=later(15),
    )


@pytest.mark.parametrize("state", ReservationState)
@pytest.mark.parametrize("target", ReservationState)
def test_f10_a_reservation_ends_once(state: ReservationState, target: ReservationState) -> None:
    reservation = a_reservation(state)
    if target in RESERVATION_ARROWS[state]:
        moved = reservation.move_to(target)
        assert moved == evolve(reservation, state=target, expires_at=None)
    else:
        assert refused(Conflict, lambda: reservation.move_to(target))


@pytest.mark.parametrize("state", ReservationState)
def test_f15_only_what_is_held_is_held_for_longer(state: ReservationState) -> None:
    reservation = a_reservation(state)
    if state is ReservationState.HELD:
        assert reservation.extend_to(later(75)) == evolve(reservation, expires_at=later(75))
    else:
        assert refused(Conflict, lambda: reservation.extend_to(later(75)))


def test_live_reservations_are_those_that_can_still_move() -> None:
    assert {state for state, targets in RESERVATION_ARROWS.items() if targets} == LIVE


def test_an_adjustment_is_about_its_variant() -> None:
    event = InventoryAdjusted(at=NOW, variant_id=an(VariantId), location_id=an(LocationId), delta=-1, reason="broken")
    assert event.subject == an(VariantId)
