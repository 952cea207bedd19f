"""Putting right what a reconciliation found. Each looks again first: what agrees by now is left alone."""

from datetime import timedelta
from typing import ClassVar

from attrs import frozen

from shop.application.messages import INTERNAL, Command, Context
from shop.application.ports.payments import ProviderNews
from shop.application.ports.reconciliation import ReconciliationReader
from shop.application.ports.records import ProviderRecords
from shop.application.ports.unit_of_work import Transaction
from shop.application.reconciling import (
    REPAIRABLE,
    Comparison,
    FindingKind,
    Window,
    intents,
    messages,
    stock_findings,
)
from shop.application.settlement import Cashier, Sale, carry_on, sale_of
from shop.domain.kernel.errors import Conflict, NotFound, ShopError
from shop.domain.kernel.identifiers import InboxId, LedgerEntryId, LocationId, OrderId, VariantId
from shop.domain.kernel.money import Money, total
from shop.domain.ledger import (
    EntryKind,
    LedgerEntry,
    Posting,
    clearing,
    refund_postings,
    sale_postings,
    unapplied_postings,
)
from shop.domain.orders import PaymentStatus
from shop.domain.payments import InboxItem

LOOKED_BACK = timedelta(days=30)
_PAID_FOR = (
    PaymentStatus.PAID,
    PaymentStatus.PARTIALLY_REFUNDED,
    PaymentStatus.REFUNDED,
    PaymentStatus.DISPUTED,
    PaymentStatus.DISPUTED_LOST,
)


class FindingUnknown(NotFound):
    """There is no such finding, or it has been put right since."""

    title = "No such finding"
    default_hint = "Run shop reconcile again and take the id from there."


class FindingNeedsPeople(Conflict):
    """What is right here only people can know."""

    code = "finding_needs_people"
    title = "A person has to decide this"
    default_hint = "docs/how-to/reconcile.md says for each kind what to look at."


@frozen(kw_only=True)
class RepairFinding(Command[None]):
    """Puts one finding right, by its id (`kind:subject`)."""

    requires: ClassVar = INTERNAL
    finding: str


async def repair_finding(
    command: RepairFinding,
    context: Context,
    *,
    cashier: Cashier,
    records: ProviderRecords | None,
    books: ReconciliationReader,
) -> None:
    kind, _, subject = command.finding.partition(":")
    if kind not in set(FindingKind) or not subject:
        raise FindingUnknown(f"“{command.finding[:120]}” is no finding.")
    if kind not in REPAIRABLE:
        raise FindingNeedsPeople(f"A finding of the kind {kind} is not put right by a command.")
    mender = _Mender(context, cashier, records, Comparison(context.now, cashier.gateway, records, books), books)
    if kind == FindingKind.STOCK_DIFFERS:
        await mender.level(subject)
    elif kind == FindingKind.MESSAGE_MISSING:
        await mender.message(subject)
    elif kind == FindingKind.CHARGE_UNMATCHED:
        await mender.adopt(subject)
    elif kind == FindingKind.LEDGER_DIFFERS:
        await mender.ledger(subject)
    else:
        await mender.ask_again(subject)


@frozen
class _Mender:
    context: Context
    cashier: Cashier
    records: ProviderRecords | None
    comparison: Comparison
    books: ReconciliationReader

    async def ask_again(self, ref: str) -> None:
        """The provider is right about its own money: what it says now becomes ours."""
        sale = await self._sale(ref)
        await carry_on(sale, self.context, self.cashier, refresh=True)

    async def level(self, subject: str) -> None:
        """The movements say how many there are: each has its reason."""
        variant, _, location = subject.partition("@")
        sums = await self.comparison.level((VariantId.parse(variant), LocationId.parse(location)))
        if sums is None or not stock_findings(sums):
            raise FindingUnknown(f"The level {subject} agrees with its movements.")
        if not await self.books.restore_level(sums):
            raise Conflict("The level was changed at this moment; run the command again.")

    async def message(self, event_ref: str) -> None:
        """The message is taken from the provider's list and put where it would have come in."""
        news = await self._listed_news(event_ref)
        async with self.cashier.uow(self.context) as tx:
            if await tx.inbox.find(news.provider, news.event_ref) is None:
                tx.inbox.save(
                    InboxItem.receive(
                        id=self.cashier.ids.new(InboxId),
                        provider=news.provider,
                        event_ref=news.event_ref,
                        event_type=news.event_type,
                        object_ref=news.object_ref,
                        body=news.body,
                        at=self.context.now,
                    )
                )

    async def adopt(self, ref: str) -> None:
        """Money that was taken for an order which lost track of it is its payment after all; all else is for people."""
        if self.records is None:
            raise FindingNeedsPeople("The provider has no lists, so nobody can say for whom this was taken.")
        window = Window(self.context.now - LOOKED_BACK, self.context.now)
        async for page in intents(self.records, window):
            for one in page:
                if one.state.provider_ref == ref and one.order_hint:
                    await self._take_up(one.order_hint, ref)
                    return
        raise FindingNeedsPeople(
            f"{ref} was not taken for an order of this shop.",
            hint="Find out whose it is in the provider's dashboard; give it back there if it is nobody's.",
        )

    async def ledger(self, ref: str) -> None:
        """Books what the payment says happened and no entry tells. An entry too much is for people: books only grow."""
        sale = await self._sale(ref)
        async with self.cashier.uow(self.context) as tx:
            entries = await tx.ledger.of_order(sale.order.id)
            missing = _missing(sale, entries)
            for kind, name, postings in missing:
                self._book(tx, sale, kind, name, postings)
        if not missing:
            raise FindingNeedsPeople(f"No entry is missing for order {sale.order.number}: one is too much, or wrong.")

    async def _sale(self, ref: str) -> Sale:
        async with self.cashier.uow(self.context) as tx:
            payment = await tx.payments.find_by_provider_ref(self.cashier.gateway.provider, ref)
            if payment is None:
                raise FindingUnknown(f"No payment of the shop has the name {ref[:80]}.")
            return Sale(await tx.orders.get(payment.order_id), payment)

    async def _take_up(self, order_hint: str, ref: str) -> None:
        try:
            sale = await sale_of(OrderId.parse(order_hint), self.context, self.cashier.uow)
        except ShopError:
            sale = None
        if sale is None or sale.payment.attempt.provider_ref:
            raise FindingNeedsPeople(
                f"{ref} was taken for {order_hint[:40]}, which is gone or was paid otherwise.",
                hint="Give the money back in the provider's dashboard, or restore the order from a backup.",
            )
        await carry_on(sale, self.context, self.cashier)

    async def _listed_news(self, event_ref: str) -> ProviderNews:
        if self.records is not None:
            window = Window(self.context.now - LOOKED_BACK, self.context.now)
            async for page in messages(self.records, window):
                for one in page:
                    if one.news.event_ref == event_ref:
                        return one.news
        raise FindingUnknown(f"The provider does not list the message {event_ref[:80]} any more.")

    def _book(self, tx: Transaction, sale: Sale, kind: EntryKind, name: str, postings: tuple[Posting, ...]) -> None:
        tx.ledger.book(
            LedgerEntry(
                id=self.cashier.ids.new(LedgerEntryId),
                at=self.context.now,
                kind=kind,
                order_id=sale.order.id,
                payment_id=sale.payment.id,
                provider=sale.payment.provider,
                provider_ref=name,
                postings=postings,
            )
        )


def _missing(sale: Sale, entries: list[LedgerEntry]) -> list[tuple[EntryKind, str, tuple[Posting, ...]]]:
    """The entries that the payment calls for and the ledger does not have."""
    order, payment = sale.order, sale.payment
    ref, provider = payment.attempt.provider_ref, payment.provider
    paid = order.payment_status in _PAID_FOR
    missing: list[tuple[EntryKind, str, tuple[Posting, ...]]] = []
    if payment.captured and not any(entry.kind is EntryKind.CAPTURE for entry in entries):
        if paid and payment.captured == order.due:
            net = total((line.net for line in order.lines), order.currency)
            shipping = order.shipping.net if order.shipping else Money.zero(order.currency)
            postings = sale_postings(provider, net, shipping, order.tax_total)
        else:
            postings = unapplied_postings(provider, payment.captured)
        missing.append((EntryKind.CAPTURE, ref, postings))
    went_back = -sum(
        posting.amount.minor
        for entry in entries
        if entry.kind in (EntryKind.REFUND, EntryKind.REFUND_REVERSAL)
        for posting in entry.postings
        if posting.account == clearing(provider)
    )
    if payment.refunded.minor > went_back:
        unbooked = Money(payment.refunded.minor - went_back, payment.refunded.currency)
        postings = refund_postings(provider, unbooked, applied=paid)
        missing.append((EntryKind.REFUND, f"{ref}:repaired:{payment.refunded.minor}", postings))
    return missing
