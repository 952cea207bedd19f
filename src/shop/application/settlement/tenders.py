"""Gift cards and store credit of one order: held when it is placed, taken with its money, free again with its end."""

from collections.abc import Sequence

from attrs import frozen

from shop.application.ports.tenders import TenderSource, TenderSources
from shop.application.ports.unit_of_work import Transaction
from shop.domain.carts import Cart
from shop.domain.kernel.errors import Conflict
from shop.domain.kernel.money import Money
from shop.domain.kernel.tenders import Tender, due_after
from shop.domain.orders import Order
from shop.domain.payments import Refund


class TenderSourceGone(Conflict):
    """The order was paid with something that the shop does not know any more."""

    code = "tender_source_gone"
    title = "The shop no longer keeps balances of this kind"


async def held_for(tx: Transaction, cart: Cart, amount: Money, sources: TenderSources) -> tuple[Tender, ...]:
    """What the sources promise to this cart's order, in their order. Without sources nothing is asked."""
    held: list[Tender] = []
    for source in sources:
        left = due_after(amount, held)
        if left:
            held += await source.hold(tx, cart, left)
    due_after(amount, held)
    return tuple(held)


@frozen
class TendersOf:
    """The tenders of one order. An order without any costs nothing here."""

    tx: Transaction
    order: Order
    sources: TenderSources

    async def take(self) -> None:
        """The order is paid."""
        for tender in self.order.tenders:
            await self._source(tender).take(self.tx, self.order, tender)

    async def release(self) -> None:
        """The order will not be paid."""
        for tender in self.order.tenders:
            await self._source(tender).release(self.tx, self.order, tender)

    async def give_back(self, refund: Refund) -> None:
        """The parts of a refund that go to tenders."""
        for part in refund.tenders:
            await self._source(part).give_back(self.tx, self.order, part, refund.id)

    def _source(self, tender: Tender) -> TenderSource:
        """Raises TenderSourceGone."""
        for source in self.sources:
            if source.kind is tender.kind:
                return source
        raise TenderSourceGone(f"Nobody keeps balances of the kind {tender.kind} here.")


def left_of(order: Order, refunds: Sequence[Refund]) -> list[Tender]:
    """What each tender of the order could still get back, none that could not: less what is promised to it already.

    `refunds` are those of the order that promise something. What they gave back is counted by the order itself.
    """
    left = []
    for tender in order.tenders:
        promised = sum(
            part.amount.minor
            for refund in refunds
            if not refund.has_succeeded
            for part in refund.tenders
            if part.name == tender.name
        )
        free = tender.left.minor - promised
        if free > 0:
            left.append(Tender(kind=tender.kind, amount=Money(free, order.currency), reference=tender.reference))
    return left
