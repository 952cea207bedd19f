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
    refund_postings,
    refund_reversal_postings,
    sale_postings,
    unapplied_postings,
)
from shop.domain.payments import Refund


@frozen
class BooksOf:
    """The ledger of one sale."""

    tx: Transaction
    of: Sale
    context: Context
    ids: Ids

    def sale(self, provider_ref: str) -> None:
        order = self.of.order
        net = total((line.net for line in order.lines), order.currency)
        shipping = order.shipping.net if order.shipping else Money.zero(order.currency)
        self._book(EntryKind.CAPTURE, provider_ref, self._sale(net, shipping))

    def unapplied(self, provider_ref: str) -> None:
        postings = unapplied_postings(self._provider, self.of.payment.captured)
        self._book(EntryKind.CAPTURE, provider_ref, postings)

    def refund(self, refund: Refund) -> None:
        """The provider's own name of the refund makes the entry unique."""
        postings = refund_postings(self._provider, refund.amount, applied=refund.applied, tenders=refund.tenders)
        self._book(EntryKind.REFUND, refund.provider_ref, postings)

    def refund_reversed(self, refund: Refund) -> None:
        """Only what went through the provider comes back; what tenders got is theirs."""
        postings = refund_reversal_postings(self._provider, refund.at_provider, applied=refund.applied)
        self._book(EntryKind.REFUND_REVERSAL, refund.provider_ref, postings)

    def _sale(self, net: Money, shipping: Money) -> tuple[Posting, ...]:
        order = self.of.order
        return sale_postings(self._provider, net, shipping, order.tax_total, order.tenders)

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
