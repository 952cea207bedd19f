"""What buyers said about saving their card, and whether the provider holds to it."""

from uuid import UUID

from attrs import define, field

from shop.adapters.fake.booked import BookedIntent
from shop.adapters.fake.wallet_books import is_saved
from shop.adapters.memory.tables import Tables
from shop.domain.kernel.identifiers import CartId, OrderId
from tests.invariants import broken


@define
class Consents:
    """By cart: all that was ever said, and where the card may be saved by something that can still come true."""

    said: dict[CartId, set[bool]] = field(factory=dict)
    given: set[CartId] = field(factory=set)

    def says(self, cart_id: CartId, save: bool) -> bool:
        """Somebody pays in a way that saves their card, or in one that does not. Whether this gave their consent."""
        self.said.setdefault(cart_id, set()).add(save)
        new = save and cart_id not in self.given
        if new:
            self.given.add(cart_id)
        return new

    def withdraw(self, cart_id: CartId) -> None:
        """What they agreed to was refused for certain: it was for that try, and for no other."""
        self.given.discard(cart_id)

    def check(self, tables: Tables, intents: dict[str, BookedIntent], order_of: dict[str, str]) -> None:
        """I8: no card is saved whose owner did not say so for what paid, and one is where they never said anything
        else."""
        for ref, intent in intents.items():
            order = tables.orders.get(OrderId(UUID(order_of[ref])))
            said = self.said.get(order.cart_id, set()) if order is not None else set()
            if intent.saves_for and is_saved(intent.method) and (order is None or order.cart_id not in self.given):
                broken("I8", f"the card of {ref} was saved, and its owner had said {said or 'nothing'} by then")
            if said == {True} and not intent.saves_for:
                broken("I8", f"the card of {ref} was to be saved, and the provider was not told so")
