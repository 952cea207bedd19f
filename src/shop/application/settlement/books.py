"""The ledger of one sale: what each thing that happens to its money means in the books."""

from attrs import frozen

from shop.application.messages import Context
from shop.application.ports.clock import Ids
from shop.application.ports.unit_of_work import Transaction
from shop.application.settlement.sales import Sale
from shop.domain.kernel.identifiers import LedgerEntryId
from shop.domain.kernel.money import Money, total
from shop.domain.ledger import (
    EntryKind,
    LedgerEntry,
    Posting,
    dispute_postings,
    loss_postings,
    refund_postings,
    refund_reversal_postings,
    sale_postings,
    unapplied_postings,
)
from shop.domain.payments import DisputeMove, Refund


@frozen
class BooksOf:
    """The ledger of one sale."""

    tx: Transaction
    of: Sale
    context: Context
    ids: Ids

    def sale(self, provider_ref: str) -> None:
        """What was paid for the order: where a part was let go of, the same part of goods, delivery and tax."""
        order, payment = self.of.order, self.of.payment
        net = total((line.net for line in order.lines), order.currency)
        shipping = order.shipping.net if order.shipping else Money.zero(order.currency)
        tax = order.tax_total
        if let_go := payment.amount - payment.captured:
            net, shipping, tax = (order.total - let_go).split([net.minor, shipping.minor, tax.minor])
        self._book(EntryKind.CAPTURE, provider_ref, sale_postings(self._provider, net, shipping, tax, order.tenders))

    def unapplied(self, provider_ref: str) -> None:
        postings = unapplied_postings(self._provider, self.of.payment.captured)
        self._book(EntryKind.CAPTURE, provider_ref, postings)

    def refund(self, refund: Refund) -> None:
        """The provider's own name of the refund makes the entry unique."""
        postings = refund_postings(self._provider, refund.amount, applied=refund.applied, tenders=refund.tenders)
        self._book(EntryKind.REFUND, refund.provider_ref, postings)

    def went_back(self, amount: Money, ref: str, *, applied: bool) -> None:
        """Through the provider, by a refund that nobody remembers."""
        self._book(EntryKind.REFUND, ref, refund_postings(self._provider, amount, applied=applied))

    def refund_reversed(self, refund: Refund) -> None:
        """Only what went through the provider comes back; what tenders got is theirs."""
        postings = refund_reversal_postings(self._provider, refund.at_provider, applied=refund.applied)
        self._book(EntryKind.REFUND_REVERSAL, refund.provider_ref, postings)

    def dispute_moved(self, move: DisputeMove) -> None:
        """Each movement at the provider is booked once, under its name there."""
        if move.taken or move.fee:
            back = move.taken.minor < 0 or (not move.taken and move.fee.minor < 0)
            kind = EntryKind.DISPUTE_REVERSAL if back else EntryKind.DISPUTE
            self._book(kind, move.provider_ref, dispute_postings(self._provider, move.taken, move.fee))

    def lost(self, move: DisputeMove) -> None:
        if move.taken:
            self._book(EntryKind.WRITE_OFF, move.provider_ref, loss_postings(move.taken))

    def not_lost(self, move: DisputeMove) -> None:
        """An appeal was won: under another name, for what was booked stays booked."""
        if move.taken:
            self._book(EntryKind.WRITE_OFF, f"{move.provider_ref}:won", loss_postings(-move.taken))

    @property
    def _provider(self) -> str:
        return self.of.payment.provider

    def _book(self, kind: EntryKind, ref: str, postings: tuple[Posting, ...]) -> None:
        self.tx.ledger.book(
            LedgerEntry(
                id=self.ids.new(LedgerEntryId),
                at=self.context.now,
                kind=kind,
                order_id=self.of.order.id,
                payment_id=self.of.payment.id,
                provider=self._provider,
                provider_ref=ref,
                postings=postings,
            )
        )
