"""Where tenders come from: sources of gift cards and store credit, in the shop's words.

A source keeps balances in the shop's own storage. What it does happens in the transaction that it is given, so it is
written together with the order or not at all. Every step happens once under a name: holding under that of the cart
(which the order keeps), taking and letting go under that of the order, giving back under that of the refund.
"""

from collections.abc import Sequence
from typing import Protocol

from shop.application.ports.unit_of_work import Transaction
from shop.domain.carts import Cart
from shop.domain.kernel.identifiers import RefundId
from shop.domain.kernel.money import Money
from shop.domain.kernel.tenders import Tender, TenderKind
from shop.domain.orders import Order


class TenderSource(Protocol):
    """Holds balances of one kind."""

    kind: TenderKind

    async def hold(self, tx: Transaction, cart: Cart, left: Money) -> Sequence[Tender]:
        """What pays for a part of what is left of this cart's order, promised to it. Never more than is left."""

    async def take(self, tx: Transaction, order: Order, tender: Tender) -> None:
        """What was held pays for the order now."""

    async def release(self, tx: Transaction, order: Order, tender: Tender) -> None:
        """What was held is free again: the order was called off before it was paid."""

    async def give_back(self, tx: Transaction, order: Order, tender: Tender, refund_id: RefundId) -> None:
        """The tender's amount, which is a part of what it paid, goes back to the balance."""


TenderSources = Sequence[TenderSource]
