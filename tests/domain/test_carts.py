"""A cart joins what is the same, keeps its bounds, and becomes at most one order."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shop.domain.carts import (
    CART_ARROWS,
    ITEMS_MAX,
    LIFETIME,
    NOTE_LENGTH_MAX,
    QUANTITY_MAX,
    Cart,
    CartClosed,
    CartEmpty,
    CartItemNotFound,
    CartNotReady,
    CartStatus,
)
from shop.domain.kernel.errors import Invalid
from shop.domain.kernel.identifiers import CartItemId, PlanId, UserId, VariantId
from tests.domain.samples import NOW, a_cart, an, an_address, later

SHIRT, HAT = an(VariantId, 1), an(VariantId, 2)


def a_full_cart(**changes: Any) -> Cart:
    cart = a_cart(**{"email": "ada@example.com", "shipping_address": an_address(), "shipping_code": "post", **changes})
    cart.add(an(CartItemId, 1), SHIRT, 1, NOW)
    return cart


@given(st.lists(st.tuples(st.integers(1, 3), st.sampled_from([None, 1, 2]), st.integers(1, 9)), max_size=30), st.data())
def test_lines_are_by_variant_and_plan(wanted: list[tuple[int, int | None, int]], data: st.DataObject) -> None:
    """Also when a guest's cart joins the customer's: however they are split, it is the same in the end."""
    mine, guests = a_cart(), a_cart()
    sums: dict[tuple[VariantId, PlanId | None], int] = {}
    for number, (variant, plan, quantity) in enumerate(wanted):
        key = an(VariantId, variant), an(PlanId, plan) if plan else None
        sums[key] = sums.get(key, 0) + quantity
        cart = data.draw(st.sampled_from([mine, guests]))
        cart.add(an(CartItemId, number + 1), key[0], quantity, NOW, key[1])
    mine.take_in(guests, NOW)
    assert {(item.variant_id, item.plan_id): item.quantity for item in mine.items} == sums
    assert len(mine.items) == len(sums)


@given(st.lists(st.tuples(st.integers(1, 5), st.integers(1, 9)), max_size=20))
def test_the_same_variant_joins_its_line(wanted: list[tuple[int, int]]) -> None:
    cart = a_cart()
    sums: dict[VariantId, int] = {}
    for number, (variant, quantity) in enumerate(wanted):
        item = cart.add(an(CartItemId, number), an(VariantId, variant), quantity, later(number))
        sums[item.variant_id] = sums.get(item.variant_id, 0) + quantity
        assert cart.updated_at == later(number)
    assert {item.variant_id: item.quantity for item in cart.items} == sums
    assert len({item.id for item in cart.items}) == len(cart.items) == len(sums)


def test_items_are_changed_and_removed() -> None:
    cart = a_full_cart()
    cart.add(an(CartItemId, 2), HAT, 1, NOW)
    assert cart.change_quantity(an(CartItemId, 2), 7, later()).quantity == 7
    assert [item.quantity for item in cart.items] == [1, 7]
    cart.remove(an(CartItemId, 1), later())
    assert [item.variant_id for item in cart.items] == [HAT]
    for action in (cart.item, lambda item: cart.change_quantity(item, 1, NOW), lambda item: cart.remove(item, NOW)):
        with pytest.raises(CartItemNotFound):
            action(an(CartItemId, 1))


@pytest.mark.parametrize("quantity", [0, -1, QUANTITY_MAX + 1])
def test_quantities_have_bounds(quantity: int) -> None:
    cart = a_full_cart()
    before = cart.items
    for variant in (SHIRT, HAT):
        with pytest.raises(Invalid):
            cart.add(an(CartItemId, 2), variant, quantity, later())
    with pytest.raises(Invalid):
        cart.change_quantity(an(CartItemId, 1), quantity, later())
    assert (cart.items, cart.updated_at) == (before, NOW)


def test_joined_quantities_have_the_same_bound() -> None:
    cart = a_full_cart()
    with pytest.raises(Invalid):
        cart.add(an(CartItemId, 2), SHIRT, QUANTITY_MAX, NOW)
    assert cart.add(an(CartItemId, 2), SHIRT, QUANTITY_MAX - 1, NOW).quantity == QUANTITY_MAX


def test_a_cart_holds_so_many_items() -> None:
    cart = a_cart()
    for number in range(ITEMS_MAX):
        cart.add(an(CartItemId, number), an(VariantId, number), 1, NOW)
    with pytest.raises(Invalid):
        cart.add(an(CartItemId, ITEMS_MAX), an(VariantId, ITEMS_MAX), 1, NOW)
    assert cart.add(an(CartItemId, ITEMS_MAX), an(VariantId, 0), 1, NOW).quantity == 2


CHANGES: dict[str, Callable[[Cart], object]] = {
    "add": lambda cart: cart.add(an(CartItemId, 2), HAT, 1, cart.updated_at),
    "join": lambda cart: cart.add(an(CartItemId, 2), SHIRT, 1, cart.updated_at),
    "quantity": lambda cart: cart.change_quantity(an(CartItemId, 1), 2, cart.updated_at),
    "remove": lambda cart: cart.remove(an(CartItemId, 1), cart.updated_at),
    "describe": lambda cart: cart.describe(cart.updated_at, note="Ring twice"),
    "shipping": lambda cart: cart.choose_shipping("express", cart.updated_at),
    "order": lambda cart: cart.become_order(cart.updated_at),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
@pytest.mark.parametrize("end", [lambda cart: cart.become_order(NOW), lambda cart: cart.expire(NOW)])
def test_f17_a_closed_cart_never_changes_again(change: Callable[[Cart], object], end: Callable[[Cart], None]) -> None:
    cart = a_full_cart()
    end(cart)
    before = (cart.items, cart.note, cart.shipping_code, cart.status)
    with pytest.raises(CartClosed):
        change(cart)
    with pytest.raises(CartClosed):
        cart.expire(later())
    assert (cart.items, cart.note, cart.shipping_code, cart.status) == before


def test_a_cart_is_open_until_its_last_moment() -> None:
    cart = a_full_cart()
    assert cart.expires_at == NOW + LIFETIME
    cart.choose_shipping("express", cart.expires_at - LIFETIME / 10**6)
    with pytest.raises(CartClosed, match="expired"):
        cart.become_order(cart.expires_at)


def test_closed_is_the_end() -> None:
    assert CART_ARROWS[CartStatus.ORDERED] == CART_ARROWS[CartStatus.EXPIRED] == frozenset()


def test_a_description_is_taken_whole_or_not_at_all() -> None:
    cart = a_full_cart()
    with pytest.raises(Invalid):
        cart.describe(later(), note="Ring twice", email="nobody")
    assert (cart.note, cart.email, cart.updated_at) == ("", "ada@example.com", NOW)
    cart.describe(later(), email=" bob@example.com ", billing_address=an_address(name="Bob"), metadata={"k": "v"})
    assert (cart.email, cart.billing_address, cart.metadata) == ("bob@example.com", an_address(name="Bob"), {"k": "v"})
    assert cart.items
    cart.describe(later(2), email="")
    assert cart.email == ""


@pytest.mark.parametrize(
    "flaw",
    [
        {"currency": "EURO"},
        {"note": "x" * (NOTE_LENGTH_MAX + 1)},
        {"note": "\x00"},
        {"metadata": {"": "x"}},
    ],
    ids=["currency", "long note", "null in the note", "metadata"],
)
def test_what_no_cart_may_carry_is_refused(flaw: dict[str, Any]) -> None:
    with pytest.raises(Invalid):
        a_cart(**flaw)
    with pytest.raises(Invalid):
        a_full_cart().describe(later(), **flaw)


@pytest.mark.parametrize(
    ("changes", "needs_shipping", "missing"),
    [
        ({}, True, []),
        ({"email": ""}, True, ["/email"]),
        ({"shipping_address": None}, True, ["/shipping_address"]),
        ({"shipping_code": ""}, True, ["/shipping_option"]),
        (
            {"email": "", "shipping_address": None, "shipping_code": ""},
            True,
            ["/email", "/shipping_address", "/shipping_option"],
        ),
        ({"shipping_code": ""}, False, []),
        ({"shipping_address": None, "shipping_code": ""}, False, ["/billing_address"]),
        ({"shipping_address": None, "billing_address": an_address()}, False, []),
    ],
)
def test_what_an_order_needs_is_said_all_at_once(
    changes: dict[str, Any], needs_shipping: bool, missing: list[str]
) -> None:
    cart = a_full_cart(**changes)
    if not missing:
        cart.check_ready(needs_shipping)
        return
    with pytest.raises(CartNotReady) as refusal:
        cart.check_ready(needs_shipping)
    assert [flaw.pointer for flaw in refusal.value.flaws] == missing


def test_an_empty_cart_is_never_ready() -> None:
    with pytest.raises(CartEmpty):
        a_cart(email="ada@example.com").check_ready(False)


def test_a_cart_follows_its_order_to_whom_that_belongs_and_stays_theirs() -> None:
    cart = a_full_cart()
    cart.become_order(NOW)
    cart.follow_order(an(UserId, 1), later(1))
    cart.follow_order(an(UserId, 2), later(2))
    assert (cart.owner_id, cart.updated_at, cart.status) == (an(UserId, 1), later(1), CartStatus.ORDERED)
