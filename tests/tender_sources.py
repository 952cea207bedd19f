"""A source of tenders for tests: balances of customers in a dictionary, with every step that was taken.

It promises what real sources will: each step has its effect once, however often a transaction is tried again.
"""

from collections.abc import Sequence

from attrs import define, field

from shop.application.ports.unit_of_work import Transaction
from shop.domain.carts import Cart
from shop.domain.kernel.identifiers import CartId, OrderId, RefundId
from shop.domain.kernel.money import Money
from shop.domain.kernel.tenders import Tender, TenderKind
from shop.domain.orders import Order


@define(eq=False)
class Balance:
    """One balance that pays for whatever cart comes, as far as it reaches. `generous` offers more than is left."""

    kind: TenderKind
    amount: Money
    reference: str = "balance"
    generous: bool = False
    steps: list[str] = field(factory=list)
    _held: dict[CartId, Money] = field(factory=dict)
    _ended: dict[OrderId, str] = field(factory=dict)
    _given: dict[RefundId, Money] = field(factory=dict)

    @property
    def free(self) -> Money:
        """What nobody has been promised."""
        return self.amount - Money(sum(held.minor for held in self._held.values()), self.amount.currency)

    async def hold(self, tx: Transaction, cart: Cart, left: Money) -> Sequence[Tender]:
        self._held.pop(cart.id, None)
        if self.amount.currency != left.currency or not self.free:
            return ()
        whole = Tender(kind=self.kind, amount=self.free, reference=self.reference)
        tender = whole if self.generous else whole.at_most(left)
        assert tender is not None
        self._held[cart.id] = min(tender.amount, self.free)
        return (tender,)

    async def take(self, tx: Transaction, order: Order, tender: Tender) -> None:
        if self._ended.setdefault(order.id, "taken") != "taken":
            raise AssertionError("what was let go of is taken")
        if order.cart_id in self._held:
            self.amount -= self._held.pop(order.cart_id)
            self.steps.append(f"taken {tender.amount.minor}")

    async def release(self, tx: Transaction, order: Order, tender: Tender) -> None:
        if self._ended.setdefault(order.id, "released") != "released":
            raise AssertionError("what was taken is let go of")
        if self._held.pop(order.cart_id, None) is not None:
            self.steps.append(f"released {tender.amount.minor}")

    async def give_back(self, tx: Transaction, order: Order, tender: Tender, refund_id: RefundId) -> None:
        assert self._ended[order.id] == "taken", "what was never taken cannot go back"
        if refund_id not in self._given:
            self._given[refund_id] = tender.amount
            self.amount += tender.amount
            self.steps.append(f"back {tender.amount.minor}")


def credit(minor: int) -> Balance:
    return Balance(TenderKind.STORE_CREDIT, Money(minor, "EUR"), "credit")


def gift_card(minor: int) -> Balance:
    return Balance(TenderKind.GIFT_CARD, Money(minor, "EUR"), "card")
