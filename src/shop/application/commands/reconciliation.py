"""Putting right what a reconciliation found. Each looks again first: what agrees by now is left alone."""

from collections.abc import Sequence
from datetime import timedelta
from typing import ClassVar

from attrs import frozen

from shop.application.clearing import Checked, check, check_disputes
from shop.application.findings import REPAIRABLE, FindingKind
from shop.application.messages import INTERNAL, Command, Context
from shop.application.ports.payments import ProviderNews
from shop.application.ports.reconciliation import ReconciliationReader
from shop.application.ports.records import ProviderBalance, ProviderRecords
from shop.application.ports.unit_of_work import StaleAggregate
from shop.application.reconciling import Comparison, intents, messages, stock_findings
from shop.application.settlement import Cashier, Sale, carry_on, sale_of
from shop.application.settlement.books import BooksOf
from shop.application.settlement.disputes import look_at_disputes
from shop.application.settlement.refunds import pays
from shop.application.windows import Window
from shop.domain.kernel.errors import Conflict, NotFound, ShopError
from shop.domain.kernel.identifiers import InboxId, LocationId, OrderId, VariantId
from shop.domain.kernel.money import Money
from shop.domain.ledger import BANK, FEES, EntryKind, LedgerEntry, clearing
from shop.domain.orders import Order
from shop.domain.payments import InboxItem, Refund, RefundReason

LOOKED_BACK = timedelta(days=30)
_OF_BALANCE = {
    FindingKind.FEE_MISSING: FEES,
    FindingKind.FEE_DIFFERS: FEES,
    FindingKind.PAYOUT_MISSING: BANK,
    FindingKind.PAYOUT_DIFFERS: BANK,
}


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
    balance: ProviderBalance | None,
    books: ReconciliationReader,
) -> None:
    kind, _, subject = command.finding.partition(":")
    if kind not in set(FindingKind) or not subject:
        raise FindingUnknown(f"“{command.finding[:120]}” is no finding.")
    if kind not in REPAIRABLE:
        raise FindingNeedsPeople(f"A finding of the kind {kind} is not put right by a command.")
    comparison = Comparison(context.now, cashier.gateway, records, books)
    mender = _Mender(context, cashier, records, comparison, books, balance)
    if kind in _OF_BALANCE:
        await mender.movement(FindingKind(kind), subject)
    elif kind == FindingKind.DISPUTE_MISSING:
        await mender.dispute(subject)
    elif kind == FindingKind.STOCK_DIFFERS:
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
    balance: ProviderBalance | None

    async def ask_again(self, ref: str) -> None:
        """The provider is right about its own money: what it says now becomes ours.

        News only move a payment forward, and the ledger takes each once. What differs after that, or is refused though
        nobody else is at it, was not brought about by news: somebody changed our own records.
        """
        sale = await self._sale(ref)
        before = _versions(sale)
        try:
            await carry_on(sale, self.context, self.cashier, refresh=True)
        except StaleAggregate:
            if _versions(await self._sale(ref)) != before:
                raise
            raise _altered(ref) from None
        if await self.comparison.differs(ref) and _versions(await self._sale(ref)) == before:
            raise _altered(ref)

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
            found = await _book_missing(BooksOf(tx, sale, self.context, self.cashier.ids))
        if not found:
            raise FindingNeedsPeople(f"No entry is missing for order {sale.order.number}: one is too much, or wrong.")

    async def movement(self, kind: FindingKind, ref: str) -> None:
        """The provider says what it kept and what it paid out: that, or what of it is missing, is booked."""
        wrong = await self._wrong(ref, _OF_BALANCE[kind])
        if wrong is None:
            raise FindingUnknown(f"The ledger says of {ref[:80]} what the provider says, or neither knows of it.")
        provider, ids = self.cashier.gateway.provider, self.cashier.ids
        if wrong.booked is None:
            entry = wrong.due.entry(provider, ids)
        else:
            entry = wrong.due.adjustment(provider, ids, wrong.booked)
            adjusted = [one for one in await self.books.booked(provider, [ref]) if one.kind is EntryKind.ADJUSTMENT]
            if adjusted:
                raise FindingNeedsPeople(f"{ref} was put right once before, and is wrong again.")
        async with self.cashier.uow(self.context) as tx:
            tx.ledger.book(entry)

    async def dispute(self, ref: str) -> None:
        """The provider is asked for the payment's disputes, which books what was not known of them. What was known and
        lost its entry is booked from what the dispute remembers."""
        about = await self._unbooked_dispute(ref)
        if about is None:
            raise FindingUnknown(f"The ledger has an entry of {ref[:80]}, or it is no movement of a dispute.")
        sale = await look_at_disputes(await self._sale(about), self.context, self.cashier)
        if await self._unbooked_dispute(ref) is None:
            return
        async with self.cashier.uow(self.context) as tx:
            books = BooksOf(tx, sale, self.context, self.cashier.ids)
            for dispute in await tx.disputes.of_payment(sale.payment.id):
                for move in dispute.moves:
                    if move.provider_ref == ref:
                        books.dispute_moved(move)

    async def _unbooked_dispute(self, ref: str) -> str | None:
        """The intent that this movement of a dispute is about, if the ledger has no entry of it."""
        found = await self.balance.find_transaction(ref) if self.balance is not None else None
        checked = await check_disputes([found], self.cashier.gateway.provider, self.books) if found else []
        return next((one.transaction.intent_ref for one in checked if one.booked is None), None)

    async def _wrong(self, ref: str, account: str) -> Checked | None:
        """What of this movement the ledger does not say, or says otherwise, on this account."""
        found = await self.balance.find_transaction(ref) if self.balance is not None else None
        if found is None:
            return None
        checked = await check([found], self.cashier.gateway.provider, self.books)
        return next((one for one in checked if one.due.account == account and not one.agrees), None)

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


def _versions(sale: Sale) -> tuple[int, int]:
    return sale.order.version, sale.payment.version


def _altered(ref: str) -> FindingNeedsPeople:
    return FindingNeedsPeople(
        f"What the provider says of {ref[:80]} does not follow from what is written of it here.",
        hint="Somebody changed the payment or its refunds in the database: undo that, or restore them from a backup.",
    )


async def _book_missing(books: BooksOf) -> bool:
    """Books what the payment calls for and the ledger does not have, as settlement does. Whether that was anything."""
    sale, tx = books.of, books.tx
    payment, ref = sale.payment, sale.payment.attempt.provider_ref
    entries, refunds = await tx.ledger.of_order(sale.order.id), await tx.refunds.of_payment(payment.id)
    bought, found = _bought(sale.order, refunds), False
    if payment.captured and not any(entry.kind is EntryKind.CAPTURE for entry in entries):
        (books.sale if bought else books.unapplied)(ref)
        found = True
    named = {entry.provider_ref for entry in entries if entry.kind is EntryKind.REFUND}
    undone = {entry.provider_ref for entry in entries if entry.kind is EntryKind.REFUND_REVERSAL}
    left = payment.refunded.minor - _went_back(entries, clearing(payment.provider))
    for refund in refunds:
        happened = refund.has_succeeded or refund.provider_ref in undone
        if happened and refund.provider_ref not in named and refund.at_provider.minor <= left:
            books.refund(refund)
            left -= refund.at_provider.minor
            found = True
    if left > 0:
        name = f"{ref}:repaired:{payment.refunded.minor}"
        books.went_back(Money(left, payment.refunded.currency), name, applied=bought)
        found = True
    return found


def _bought(order: Order, refunds: Sequence[Refund]) -> bool:
    """Whether the money paid for the order when it came. Its refunds remember that, whatever became of the order
    since: what never paid for it was owed back in the same moment."""
    if not refunds:
        return pays(order)
    owed = any(refund.reason is RefundReason.UNAPPLIED and not refund.applied for refund in refunds)
    return not owed and any(refund.applied for refund in refunds)


def _went_back(entries: Sequence[LedgerEntry], account: str) -> int:
    """Minor units that refunds took from this account, less what came back to it."""
    return -sum(
        posting.amount.minor
        for entry in entries
        if entry.kind in (EntryKind.REFUND, EntryKind.REFUND_REVERSAL)
        for posting in entry.postings
        if posting.account == account
    )
