"""Carts: what a shopper is about to buy, where it goes and how. A cart becomes at most one order."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from attrs import define, evolve, field, frozen

from shop.domain.kernel.address import Address
from shop.domain.kernel.aggregates import Aggregate
from shop.domain.kernel.cards import without_card_numbers
from shop.domain.kernel.currencies import exponent
from shop.domain.kernel.email import checked_email
from shop.domain.kernel.errors import Conflict, Flaw, Invalid, NotFound
from shop.domain.kernel.identifiers import CartId, CartItemId, PlanId, UserId, VariantId
from shop.domain.kernel.metadata import checked_metadata
from shop.domain.kernel.texts import storable

ITEMS_MAX = 100
QUANTITY_MAX = 10_000
NOTE_LENGTH_MAX = 2000
LIFETIME = timedelta(days=30)


class CartNotFound(NotFound):
    title = "No such cart"


class CartItemNotFound(NotFound):
    title = "No such item in the cart"


class CartEmpty(Conflict):
    code = "cart_empty"
    title = "The cart is empty"
    default_hint = "Add something with POST /api/carts/{id}/items."


class CartNotReady(Conflict):
    """Something is missing that an order needs."""

    code = "cart_not_ready"
    title = "The cart is not ready to be ordered"


class CartClosed(Conflict):
    """It was ordered, or is too old."""

    code = "cart_closed"
    title = "The cart can no longer be changed"
    default_hint = "Open a new one with POST /api/carts."


class CartStatus(StrEnum):
    OPEN = "open"
    ORDERED = "ordered"
    EXPIRED = "expired"


CART_ARROWS: Mapping[CartStatus, frozenset[CartStatus]] = {
    CartStatus.OPEN: frozenset({CartStatus.ORDERED, CartStatus.EXPIRED}),
    CartStatus.ORDERED: frozenset(),
    CartStatus.EXPIRED: frozenset(),
}


def _bounded(quantity: int) -> int:
    if type(quantity) is not int or not 1 <= quantity <= QUANTITY_MAX:
        raise Invalid(
            f"A quantity is 1 to {QUANTITY_MAX}.",
            flaws=(Flaw("/quantity", "quantity_out_of_range", f"1 to {QUANTITY_MAX}", {"max": QUANTITY_MAX}),),
        )
    return quantity


def _known_currency(_instance: Any, _attribute: Any, currency: str) -> None:
    exponent(currency)


def _short_note(_instance: Any, _attribute: Any, note: str) -> None:
    if len(note) > NOTE_LENGTH_MAX or not storable(note):
        raise Invalid(
            f"A note has at most {NOTE_LENGTH_MAX} characters.",
            flaws=(Flaw("/note", "length", f"At most {NOTE_LENGTH_MAX} characters"),),
        )


@frozen(kw_only=True)
class CartItem:
    """So many of a variant, once or again and again by a plan. Prices are not kept here: they are the shop's, and
    looked up whenever they are shown."""

    id: CartItemId
    variant_id: VariantId
    quantity: int = field(converter=_bounded)
    plan_id: PlanId | None = None

    def is_of(self, variant_id: VariantId, plan_id: PlanId | None) -> bool:
        """Whether more of this joins the line."""
        return self.variant_id == variant_id and self.plan_id == plan_id


@define(eq=False, kw_only=True)
class Cart(Aggregate):
    """A guest's or a customer's cart. `version` is what the shopper last saw when they order."""

    id: CartId
    owner_id: UserId | None = None
    currency: str = field(validator=_known_currency)
    email: str = ""
    shipping_address: Address | None = None
    billing_address: Address | None = None
    shipping_code: str = ""
    note: str = field(default="", converter=without_card_numbers, validator=_short_note)
    items: tuple[CartItem, ...] = ()
    status: CartStatus = CartStatus.OPEN
    metadata: Mapping[str, str] = field(factory=dict, converter=checked_metadata)
    created_at: datetime
    updated_at: datetime
    expires_at: datetime

    @classmethod
    def open(cls, *, at: datetime, lifetime: timedelta = LIFETIME, **attributes: Any) -> "Cart":
        return cls(created_at=at, updated_at=at, expires_at=at + lifetime, **attributes)

    def add(
        self, item_id: CartItemId, variant_id: VariantId, quantity: int, at: datetime, plan_id: PlanId | None = None
    ) -> CartItem:
        """Adds units; the same variant by the same plan again joins its line. Raises CartClosed, Invalid."""
        existing = next((item for item in self.items if item.is_of(variant_id, plan_id)), None)
        if existing is not None:
            return self.change_quantity(existing.id, existing.quantity + _bounded(quantity), at)
        if len(self.items) >= ITEMS_MAX:
            raise Invalid(f"A cart holds at most {ITEMS_MAX} different items.")
        item = CartItem(id=item_id, variant_id=variant_id, quantity=quantity, plan_id=plan_id)
        self._change(at)
        self.items = (*self.items, item)
        return item

    def change_quantity(self, item_id: CartItemId, quantity: int, at: datetime) -> CartItem:
        """Raises CartItemNotFound, CartClosed, Invalid."""
        item = evolve(self.item(item_id), quantity=quantity)
        self._change(at)
        self.items = tuple(item if i.id == item_id else i for i in self.items)
        return item

    def remove(self, item_id: CartItemId, at: datetime) -> None:
        """Raises CartItemNotFound, CartClosed."""
        self.item(item_id)
        self._change(at)
        self.items = tuple(item for item in self.items if item.id != item_id)

    def item(self, item_id: CartItemId) -> CartItem:
        """Raises CartItemNotFound."""
        for item in self.items:
            if item.id == item_id:
                return item
        raise CartItemNotFound(f"The cart has no item {item_id}.")

    def describe(self, at: datetime, **changes: Any) -> None:
        """Sets e-mail, addresses, note, currency, metadata. Raises CartClosed, Invalid."""
        if changes.get("email"):
            changes["email"] = checked_email(changes["email"])
        changed = evolve(self, **changes)
        self._change(at)
        for name in changes:
            setattr(self, name, getattr(changed, name))

    def choose_shipping(self, code: str, at: datetime) -> None:
        self._change(at)
        self.shipping_code = code

    def check_ready(self, needs_shipping: bool) -> None:
        """Raises CartEmpty, or CartNotReady with all that is missing for an order."""
        if not self.items:
            raise CartEmpty
        missing = []
        if not self.email:
            missing.append(Flaw("/email", "missing", "Where the confirmation goes"))
        if needs_shipping and self.shipping_address is None:
            missing.append(Flaw("/shipping_address", "missing", "Where the parcel goes"))
        if needs_shipping and not self.shipping_code:
            missing.append(Flaw("/shipping_option", "missing", "How the parcel goes there"))
        if not needs_shipping and self.shipping_address is None and self.billing_address is None:
            missing.append(Flaw("/billing_address", "missing", "Who pays, and where: taxes depend on it"))
        if missing:
            names = ", ".join(flaw.pointer.removeprefix("/") for flaw in missing)
            raise CartNotReady(f"Still missing: {names}.", flaws=tuple(missing), hint="Set them on the cart first.")

    def claim(self, owner_id: UserId, at: datetime) -> None:
        """A guest who signed in takes their cart along. Raises CartClosed, CartNotFound for somebody else's."""
        if self.owner_id not in (None, owner_id):
            raise CartNotFound(f"There is no cart {self.id}.")
        self._change(at)
        self.owner_id = owner_id

    def follow_order(self, owner_id: UserId, at: datetime) -> None:
        """Its order was placed by a guest who has proved to be this person: what was bought belongs to it."""
        if self.owner_id is None:
            self.owner_id, self.updated_at = owner_id, at

    def take_in(self, other: "Cart", at: datetime) -> None:
        """What is in a guest's cart comes along into this one, as far as it fits; so do addresses that this one lacks.

        Lines of the same variant and plan join. Raises CartClosed.
        """
        for item in other.items:
            known = next((mine for mine in self.items if mine.is_of(item.variant_id, item.plan_id)), None)
            if known is not None:
                self.change_quantity(known.id, min(known.quantity + item.quantity, QUANTITY_MAX), at)
            elif len(self.items) < ITEMS_MAX:
                self._change(at)
                self.items = (*self.items, item)
        for name in ("email", "shipping_address", "billing_address", "note"):
            setattr(self, name, getattr(self, name) or getattr(other, name))

    def forget_person(self, at: datetime) -> None:
        """Its shopper is to be forgotten: the cart says nothing of them, and one that was open is closed."""
        self.email = self.note = ""
        self.shipping_address = self.billing_address = None
        self.metadata = {}
        self.updated_at = at
        if self.status is CartStatus.OPEN:
            self.status = CartStatus.EXPIRED

    def become_order(self, at: datetime) -> None:
        """Closes the cart for good. Raises CartClosed."""
        self._change(at)
        self.status = CartStatus.ORDERED

    def expire(self, at: datetime) -> None:
        if CartStatus.EXPIRED not in CART_ARROWS[self.status]:
            raise CartClosed(f"A cart that is {self.status} cannot expire.")
        self.forget_person(at)  # nobody needs to know any longer whose it was

    def check_open(self, at: datetime) -> None:
        """Raises CartClosed."""
        if self.status is not CartStatus.OPEN or at >= self.expires_at:
            reason = "was ordered" if self.status is CartStatus.ORDERED else "has expired"
            raise CartClosed(f"This cart {reason}.")

    def _change(self, at: datetime) -> None:
        self.check_open(at)
        self.updated_at = at
