"""What a provider holds for the shop: what each movement of it means in the ledger, and whether the ledger says so.

Movements are facts: they never change, so what was booked under the name of one is booked for good.
"""

from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable
from datetime import datetime
from typing import Any, TypeVar

from attrs import define, frozen

from shop.application.findings import GRACE, FindingKind, finding_of
from shop.application.ports.clock import Ids
from shop.application.ports.payments import PaymentRefused
from shop.application.ports.reconciliation import BookedMovement, BookedSale, BookedSum, ReconciliationReader
from shop.application.ports.records import (
    BalanceTransaction,
    Listed,
    Payout,
    PayoutStatus,
    ProviderBalance,
    TransactionKind,
)
from shop.application.ports.views import FindingView
from shop.application.windows import Window
from shop.domain.kernel.identifiers import LedgerEntryId
from shop.domain.kernel.money import Money
from shop.domain.ledger import (
    BANK,
    FEES,
    EntryKind,
    LedgerEntry,
    Posting,
    clearing,
    fee_postings,
    payout_postings,
)

PAGE = 100
_ODD_SHOWN = 3
_PAYOUTS = {
    TransactionKind.PAYOUT: EntryKind.PAYOUT,
    TransactionKind.PAYOUT_REVERSAL: EntryKind.PAYOUT_REVERSAL,
}
_BOOKED_AS = {
    TransactionKind.CHARGE: EntryKind.CAPTURE,
    TransactionKind.REFUND: EntryKind.REFUND,
    TransactionKind.REFUND_REVERSAL: EntryKind.REFUND_REVERSAL,
}
_MISSING = {FEES: FindingKind.FEE_MISSING, BANK: FindingKind.PAYOUT_MISSING}
_DIFFERS = {FEES: FindingKind.FEE_DIFFERS, BANK: FindingKind.PAYOUT_DIFFERS}
_NAMES = {FEES: "a fee", BANK: "a payout"}

T = TypeVar("T")


@frozen(kw_only=True)
class Due:
    """An entry that the ledger should have because of a movement: so much on `account`, against what is held."""

    transaction: BalanceTransaction
    kind: EntryKind
    account: str
    amount: Money
    sale: BookedSale | None = None

    def entry(self, provider: str, ids: Ids) -> LedgerEntry:
        """It is booked for the moment at which the money moved, whenever that was learnt."""
        return self._entry(provider, ids, self.kind, self.amount)

    def adjustment(self, provider: str, ids: Ids, booked: Money) -> LedgerEntry:
        """What is to be booked besides `booked`, to make it right."""
        return self._entry(provider, ids, EntryKind.ADJUSTMENT, self.amount - booked)

    def _entry(self, provider: str, ids: Ids, kind: EntryKind, amount: Money) -> LedgerEntry:
        return LedgerEntry(
            id=ids.new(LedgerEntryId),
            at=self.transaction.created_at,
            kind=kind,
            order_id=self.sale.order_id if self.sale else None,
            payment_id=self.sale.payment_id if self.sale else None,
            provider=provider,
            provider_ref=self.transaction.ref,
            postings=self._postings(provider, amount),
        )

    def _postings(self, provider: str, amount: Money) -> tuple[Posting, ...]:
        return fee_postings(provider, amount) if self.account == FEES else payout_postings(provider, amount)


def dues_of(transaction: BalanceTransaction, sale: BookedSale | None) -> list[Due]:
    """What the ledger should say of a movement besides what payment and refund say: its fee, or that it was paid out.

    What a payment costs of which the shop knows nothing is not booked: neither is what it brought. What a dispute costs
    is a part of the dispute's own entry.
    """
    dues = []
    elsewhere = bool(transaction.intent_ref) and sale is None
    if transaction.whole_fee and not elsewhere and transaction.kind is not TransactionKind.DISPUTE:
        fee = transaction.whole_fee
        dues.append(Due(transaction=transaction, kind=EntryKind.FEE, account=FEES, amount=fee, sale=sale))
    if (kind := _PAYOUTS.get(transaction.kind)) is not None and transaction.amount:
        dues.append(Due(transaction=transaction, kind=kind, account=BANK, amount=-transaction.amount))
    return dues


@frozen
class Checked:
    """What should be in the ledger, and the sum that is: None where nothing is."""

    due: Due
    booked: Money | None

    @property
    def agrees(self) -> bool:
        return self.booked == self.due.amount


async def check(page: list[BalanceTransaction], provider: str, books: ReconciliationReader) -> list[Checked]:
    """What the ledger should say of these movements, beside what it says."""
    intents = sorted({one.intent_ref for one in page} - {""})
    sales = {sale.provider_ref: sale for sale in await books.sales_of(provider, intents)} if intents else {}
    dues = [due for one in page for due in dues_of(one, sales.get(one.intent_ref))]
    if not dues:
        return []
    booked = _by_ref(await books.booked(provider, sorted({due.transaction.ref for due in dues})))
    return [Checked(due, _sum(booked[due.transaction.ref], due.account, due.amount.currency)) for due in dues]


@frozen
class CheckedDispute:
    """What a dispute moved, fee included, and what its own entry says of that: None where there is none.

    What was exchanged on the way agrees with any entry: only the provider knows the rate.
    """

    transaction: BalanceTransaction
    sale: BookedSale
    booked: Money | None
    exchanged: bool = False

    @property
    def agrees(self) -> bool:
        return self.exchanged or self.booked == self.transaction.net


async def check_disputes(
    page: list[BalanceTransaction], provider: str, books: ReconciliationReader
) -> list[CheckedDispute]:
    """The movements of disputes about payments that the shop knows, beside what the ledger says of them."""
    moved = [one for one in page if one.kind is TransactionKind.DISPUTE and (one.amount or one.fee)]
    if not moved:
        return []
    sales = {one.provider_ref: one for one in await books.sales_of(provider, sorted({m.intent_ref for m in moved}))}
    booked = _by_ref(await books.booked(provider, sorted({one.ref for one in moved})))
    checked = []
    for one in moved:
        if (sale := sales.get(one.intent_ref)) is not None:
            held = _sum(booked[one.ref], clearing(provider), one.amount.currency)
            checked.append(CheckedDispute(one, sale, held, exchanged=_exchanged(booked[one.ref], provider, one)))
    return checked


async def transactions(balance: ProviderBalance, window: Window) -> AsyncIterator[list[BalanceTransaction]]:
    """All movements of a window, by the page."""
    async for page in _pages(lambda after: balance.list_transactions(window.since, window.until, after=after)):
        yield page


@define
class BalanceCount:
    """How much was looked at."""

    transactions: int = 0
    payouts: int = 0


@define
class BalanceComparison:
    """One run over what the provider holds for the shop, beside the ledger."""

    now: datetime
    balance: ProviderBalance
    books: ReconciliationReader
    count: BalanceCount

    async def findings(self, part: Window) -> AsyncIterator[FindingView]:
        seen: set[str] = set()
        async for page in transactions(self.balance, part):
            self.count.transactions += len(page)
            seen.update(one.ref for one in page)
            for checked in await check(page, self.balance.provider, self.books):
                if not checked.agrees and not self._fresh(checked.due.transaction.created_at):
                    yield self._disagreement(checked)
            for dispute in await check_disputes(page, self.balance.provider, self.books):
                if not dispute.agrees and not self._fresh(dispute.transaction.created_at):
                    yield self._dispute(dispute)
        async for movement in self._booked(part):
            if movement.provider_ref not in seen and await self.balance.find_transaction(movement.provider_ref) is None:
                yield self._unmatched(movement)
        async for payouts in _pages(lambda after: self.balance.list_payouts(part.since, part.until, after=after)):
            self.count.payouts += len(payouts)
            for payout in payouts:
                finding = await self._explained(payout)
                if finding is not None:
                    yield finding

    def _fresh(self, at: datetime) -> bool:
        return self.now - at < GRACE

    def _disagreement(self, checked: Checked) -> FindingView:
        due, booked = checked.due, checked.booked
        name, ref = _NAMES[due.account], due.transaction.ref
        if booked is None:
            detail = f"By {ref}, {name} of {due.amount} is not in the ledger."
        else:
            detail = f"By {ref} it is {name} of {due.amount}; the ledger says {booked}."
        return finding_of(
            (_MISSING if booked is None else _DIFFERS)[due.account],
            ref,
            f"Order {due.sale.order_number}: {detail[0].lower()}{detail[1:]}" if due.sale else detail,
            provider=self.balance.provider,
            provider_ref=ref,
            sale=due.sale,
            ours=booked or Money.zero(due.amount.currency),
            theirs=due.amount,
        )

    def _dispute(self, checked: CheckedDispute) -> FindingView:
        one, booked = checked.transaction, checked.booked
        says = "has no entry of it" if booked is None else f"has it with {booked}"
        return finding_of(
            FindingKind.DISPUTE_MISSING if booked is None else FindingKind.DISPUTE_DIFFERS,
            one.ref,
            f"Order {checked.sale.order_number}: a dispute moved {one.net} as {one.ref}; the ledger {says}.",
            provider=self.balance.provider,
            provider_ref=one.ref,
            sale=checked.sale,
            ours=booked or Money.zero(one.amount.currency),
            theirs=one.net,
        )

    async def _booked(self, part: Window) -> AsyncIterator[BookedMovement]:
        after: BookedMovement | None = None
        while True:
            page = await self.books.movements(self.balance.provider, part.since, part.until, after, PAGE)
            for movement in page:
                yield movement
            if len(page) < PAGE:
                return
            after = page[-1]

    def _unmatched(self, movement: BookedMovement) -> FindingView:
        return finding_of(
            FindingKind.ENTRY_UNMATCHED,
            movement.provider_ref,
            f"The ledger has a {movement.kind} of {movement.provider_ref}; {self.balance.provider} has no such thing.",
            provider=self.balance.provider,
            provider_ref=movement.provider_ref,
        )

    async def _explained(self, payout: Payout) -> FindingView | None:
        """Whether, by the ledger, what a payout consists of comes to its sum."""
        gone = payout.status in (PayoutStatus.FAILED, PayoutStatus.CANCELLED)
        if gone or not payout.transaction_ref or self._fresh(payout.created_at):
            return None
        ours, parts, odd = 0, 0, list[str]()
        try:
            async for page in _pages(lambda after: self.balance.list_paid_out(payout.ref, after=after)):
                for one, minor in await self._by_our_books(page):
                    parts += 1
                    ours += minor
                    if minor != one.net.minor:
                        odd.append(one.ref)
        except PaymentRefused:
            return None  # of a payout that was asked for by hand, no provider says what it consists of
        if not parts or ours == payout.amount.minor:
            return None
        more = f" ({', '.join(odd[:_ODD_SHOWN])}{' and more' if len(odd) > _ODD_SHOWN else ''} differ)" if odd else ""
        sums = Money(ours, payout.amount.currency)
        return finding_of(
            FindingKind.PAYOUT_UNEXPLAINED,
            payout.ref,
            f"{payout.amount} were paid out; by the ledger it should have been {sums}{more}.",
            provider=self.balance.provider,
            provider_ref=payout.ref,
            ours=sums,
            theirs=payout.amount,
        )

    async def _by_our_books(self, page: list[BalanceTransaction]) -> list[tuple[BalanceTransaction, int]]:
        """What each movement came to by the ledger, in minor units of its own currency."""
        refs = {one.ref for one in page} | {_source(one) for one in page}
        booked = _by_ref(await self.books.booked(self.balance.provider, sorted(refs - {""})))
        return [(one, self._ours(one, booked)) for one in page]

    def _ours(self, one: BalanceTransaction, booked: "defaultdict[str, list[BookedSum]]") -> int:
        fee = _sum(booked[one.ref], FEES, one.amount.currency)
        fees = fee.minor if fee else 0
        if one.kind is TransactionKind.FEE:
            return -fees
        kind = _BOOKED_AS.get(one.kind)
        if one.kind is TransactionKind.DISPUTE:
            # Its own entry holds the fee too; where there is none, the provider is believed.
            moved = _sum(booked[one.ref], clearing(self.balance.provider), one.amount.currency)
            if moved is None or _exchanged(booked[one.ref], self.balance.provider, one):
                return one.net.minor
            return moved.minor
        if kind is None:
            return one.amount.minor - fees  # the shop has no books for it
        held = [s for s in booked[_source(one)] if s.kind is kind and s.account == clearing(self.balance.provider)]
        if any(s.amount.currency != one.amount.currency for s in held):
            return one.amount.minor - fees  # it was exchanged on the way, at a rate that only the provider knows
        return sum(s.amount.minor for s in held) - fees


def _source(one: BalanceTransaction) -> str:
    """The name under which the ledger has what moved: a capture under the intent's, a refund under its own."""
    return one.intent_ref if one.kind is TransactionKind.CHARGE else one.source_ref


def _by_ref(sums: Iterable[BookedSum]) -> "defaultdict[str, list[BookedSum]]":
    found: defaultdict[str, list[BookedSum]] = defaultdict(list)
    for one in sums:
        found[one.provider_ref].append(one)
    return found


def _exchanged(sums: list[BookedSum], provider: str, one: BalanceTransaction) -> bool:
    """Whether the books follow the buyer's currency, and the provider's account has another one."""
    return any(s.account == clearing(provider) and s.amount.currency != one.amount.currency for s in sums)


def _sum(sums: list[BookedSum], account: str, currency: str) -> Money | None:
    """What was booked on this account; None where nothing was. Another currency is another sum than any."""
    found = [one.amount for one in sums if one.account == account]
    if not found:
        return None
    return Money(sum(amount.minor for amount in found if amount.currency == currency), currency)


async def _pages(ask: Callable[[str], Coroutine[Any, Any, Listed[T]]]) -> AsyncIterator[list[T]]:
    after = ""
    while True:
        page = await ask(after)
        yield page.data
        if not (after := page.next):
            return
