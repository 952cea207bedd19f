"""Comparing what the provider has with what we have, and our own books with each other.

The shop goes on selling meanwhile, so whatever seems to differ is looked at a second time, at the provider and in
storage, before it is told; and what was touched within the last minutes is left to those who are at it.
"""

from collections.abc import AsyncIterator, Iterable, Mapping
from datetime import datetime

from attrs import define, evolve, field

from shop.application.clearing import BalanceComparison, BalanceCount
from shop.application.findings import GRACE, FindingKind, finding_of
from shop.application.ports.outbox import DeliveryState
from shop.application.ports.payments import PaymentGateway
from shop.application.ports.reconciliation import BookedSale, Place, ReconciliationReader, StockSums
from shop.application.ports.records import LISTED_MAX, ListedIntent, ListedNews, ProviderBalance, ProviderRecords
from shop.application.ports.views import FindingView
from shop.application.windows import Window
from shop.domain.kernel.money import Money
from shop.domain.payments import AttemptStatus, IntentState, PaymentNotFound

PAGE = 100
_MONEY = frozenset({AttemptStatus.AUTHORIZED, AttemptStatus.CAPTURED})


@define
class Count:
    """How much was looked at."""

    intents: int = 0
    payments: int = 0
    messages: int = 0
    levels: int = 0


@define
class Comparison:
    """One run over a window. `records` is None where the provider has no lists, `balance` where it does not say what
    it holds."""

    now: datetime
    gateway: PaymentGateway
    records: ProviderRecords | None
    books: ReconciliationReader
    balance: ProviderBalance | None = None
    count: Count = field(factory=Count)
    held: BalanceCount = field(factory=BalanceCount)

    async def findings(self, window: Window, *, stock: bool = True) -> AsyncIterator[FindingView]:
        for part in window.slices():
            seen: set[str] = set()
            if self.records is not None:
                async for finding in self._theirs(self.records, part.wider(), part, seen):
                    yield finding
                async for finding in self._messages(self.records, part):
                    yield finding
            async for finding in self._ours(part, seen):
                yield finding
            if self.balance is not None:
                async for finding in BalanceComparison(self.now, self.balance, self.books, self.held).findings(part):
                    yield finding
        if stock:
            async for finding in self._stock():
                yield finding

    async def level(self, place: Place) -> StockSums | None:
        async for sums in self._levels():
            if sums.place == place:
                return sums
        return None

    async def differs(self, ref: str) -> bool:
        """Whether the payment of this name is otherwise at the provider than here; not said of what was touched now."""
        return bool(await self._look_again([ref]))

    # Provider against us.

    async def _theirs(
        self, records: ProviderRecords, wide: Window, part: Window, seen: set[str]
    ) -> AsyncIterator[FindingView]:
        async for page in intents(records, wide):
            ours = {sale.provider_ref: sale for sale in await self.books.sales_of(self.gateway.provider, _refs(page))}
            seen.update(ours)
            inside = [one for one in page if part.since <= one.created_at < part.until]
            self.count.intents += len(inside)
            doubtful = [
                one.state.provider_ref for one in inside if _differs(one.state, ours.get(one.state.provider_ref))
            ]
            hints = {one.state.provider_ref: one for one in inside}
            for finding in await self._look_again(doubtful, hints):
                yield finding

    async def _look_again(self, refs: list[str], listed: dict[str, ListedIntent] | None = None) -> list[FindingView]:
        """What still differs when provider and storage are asked once more."""
        if not refs:
            return []
        found: list[FindingView] = []
        for ref in refs:
            try:
                state = await self.gateway.fetch(ref)
            except PaymentNotFound:
                state = None
            ours = next(iter(await self.books.sales_of(self.gateway.provider, [ref])), None)
            if ours is None:
                made_at = listed[ref].created_at if listed and ref in listed else None
                if state is not None and _holds_money(state) and not self._fresh(made_at):
                    found.append(self._unmatched(state))
            elif not self._fresh(ours.updated_at):
                found += self._compared(state, ours)
        return found

    def _fresh(self, at: datetime | None) -> bool:
        return at is not None and self.now - at < GRACE

    def _unmatched(self, state: IntentState) -> FindingView:
        kept = Money(state.captured.minor - state.refunded.minor, state.captured.currency)
        held = kept if state.status is AttemptStatus.CAPTURED else state.amount
        return finding_of(
            FindingKind.CHARGE_UNMATCHED,
            state.provider_ref,
            f"{self.gateway.provider} has {held} of {state.provider_ref} ({state.status}), and no order knows of it.",
            provider=self.gateway.provider,
            provider_ref=state.provider_ref,
            theirs=held,
        )

    def _compared(self, state: IntentState | None, ours: BookedSale) -> list[FindingView]:
        if state is None:
            return [_about(FindingKind.PAYMENT_UNMATCHED, ours, f"the provider has no {ours.provider_ref}", self)]
        captured, refunded = _ours(ours)
        if state.captured.currency != captured.currency and (state.captured or captured):
            kind, what = FindingKind.CURRENCY_DIFFERS, f"{state.captured} were taken, by our books {captured}"
        elif (state.captured.minor, state.refunded.minor) != (captured.minor, refunded.minor):
            kind = FindingKind.AMOUNT_DIFFERS
            what = (
                f"the provider took {state.captured} and gave {state.refunded} back; "
                f"by our books {captured} and {refunded}"
            )
        elif state.status is not ours.status:
            kind, what = FindingKind.STATE_DIFFERS, f"it is {state.status} at the provider and {ours.status} here"
        else:
            return []
        return [_about(kind, ours, what, self, theirs=state.captured)]

    # Us against the provider, and against our ledger.

    async def _ours(self, part: Window, seen: set[str]) -> AsyncIterator[FindingView]:
        after: BookedSale | None = None
        while True:
            sales = await self.books.sales(self.gateway.provider, part.since, part.until, after, PAGE)
            self.count.payments += len(sales)
            lost = (
                [] if self.records is None else [sale.provider_ref for sale in sales if sale.provider_ref not in seen]
            )
            for finding in await self._look_again(lost):
                yield finding
            for sale in sales:
                if after is None or sale.payment_id != after.payment_id:
                    for finding in self._ledger(sale):
                        yield finding
                after = sale
            if len(sales) < PAGE:
                return

    def _ledger(self, sale: BookedSale) -> list[FindingView]:
        """Payment and ledger are written at once and were read at once: there is no grace between them."""
        found = []
        kept = sale.captured.minor - sale.refunded.minor
        if sale.cleared != kept:
            cleared = Money(sale.cleared, sale.captured.currency)
            what = f"the ledger says {cleared}, the payment {Money(kept, sale.captured.currency)}"
            found.append(_about(FindingKind.LEDGER_DIFFERS, sale, what, self, ours=cleared))
        if sale.unbalanced:
            what = f"its postings add up to {sale.unbalanced} instead of nothing"
            found.append(_about(FindingKind.LEDGER_UNBALANCED, sale, what, self))
        return found

    # Messages.

    async def _messages(self, records: ProviderRecords, part: Window) -> AsyncIterator[FindingView]:
        until = min(part.until, self.now - GRACE)  # what was sent just now may still be on its way
        if until <= part.since:
            return
        async for page in messages(records, Window(part.since, until)):
            self.count.messages += len(page)
            refs = [one.news.event_ref for one in page]
            known = await self.books.known_news(self.gateway.provider, refs)
            for one in page:
                if one.news.event_ref not in known:
                    yield finding_of(
                        FindingKind.MESSAGE_MISSING,
                        one.news.event_ref,
                        f"{one.news.event_type} of {one.news.object_ref} never came, or its record is gone.",
                        provider=self.gateway.provider,
                        provider_ref=one.news.object_ref,
                    )

    # Stock.

    async def _stock(self) -> AsyncIterator[FindingView]:
        async for sums in self._levels():
            self.count.levels += 1
            for finding in stock_findings(sums):
                yield finding

    async def _levels(self) -> AsyncIterator[StockSums]:
        after: Place | None = None
        while True:
            page = await self.books.stock(after, PAGE)
            for sums in page:
                yield sums
            if len(page) < PAGE:
                return
            after = page[-1].place


def stock_findings(sums: StockSums) -> list[FindingView]:
    """What is wrong with one level."""
    name, found = f"{sums.variant_id}@{sums.location_id}", []
    if (sums.on_hand, sums.reserved) != (sums.moved_on_hand, sums.moved_reserved):
        detail = (
            f"The level has {sums.on_hand} on hand and {sums.reserved} reserved; "
            f"its movements come to {sums.moved_on_hand} and {sums.moved_reserved}."
        )
        found.append(finding_of(FindingKind.STOCK_DIFFERS, name, detail))
    if sums.held != sums.moved_reserved:
        detail = f"Orders hold {sums.held}; movements have reserved {sums.moved_reserved}."
        found.append(finding_of(FindingKind.RESERVED_DIFFERS, name, detail))
    return found


def outbox_findings(backlog: Mapping[DeliveryState, int]) -> list[FindingView]:
    """What waits for people in the outbox."""
    aside = backlog.get(DeliveryState.SET_ASIDE, 0)
    if not aside:
        return []
    found = finding_of(FindingKind.EVENTS_SET_ASIDE, "all", f"{aside} deliveries failed ten times and were set aside.")
    return [evolve(found, repair="shop events revive")]


async def intents(records: ProviderRecords, window: Window) -> AsyncIterator[list[ListedIntent]]:
    """All intents of a window, by the page."""
    after = ""
    while True:
        page = await records.list_intents(window.since, window.until, after=after, limit=LISTED_MAX)
        yield page.data
        if not (after := page.next):
            return


async def messages(records: ProviderRecords, window: Window) -> AsyncIterator[list[ListedNews]]:
    """All messages of a window, by the page."""
    after = ""
    while True:
        page = await records.list_news(window.since, window.until, after=after, limit=LISTED_MAX)
        yield page.data
        if not (after := page.next):
            return


def _refs(page: Iterable[ListedIntent]) -> list[str]:
    return [one.state.provider_ref for one in page]


def _holds_money(state: IntentState) -> bool:
    return state.status in _MONEY and (not state.captured or state.captured.minor > state.refunded.minor)


def _differs(state: IntentState, ours: BookedSale | None) -> bool:
    if ours is None:
        return _holds_money(state)
    captured, refunded = _ours(ours)
    return (state.status, state.captured.minor, state.refunded.minor) != (
        ours.status,
        captured.minor,
        refunded.minor,
    ) or (bool(state.captured) and state.captured.currency != captured.currency)


def _ours(sale: BookedSale) -> tuple[Money, Money]:
    """What was taken and given back by this attempt: nothing by one that was cancelled before another was begun."""
    if sale.status is AttemptStatus.CANCELLED:
        return Money.zero(sale.captured.currency), Money.zero(sale.refunded.currency)
    return sale.captured, sale.refunded


def _about(
    kind: FindingKind,
    sale: BookedSale,
    what: str,
    comparison: Comparison,
    *,
    ours: Money | None = None,
    theirs: Money | None = None,
) -> FindingView:
    return finding_of(
        kind,
        sale.provider_ref,
        f"Order {sale.order_number}: {what}.",
        provider=comparison.gateway.provider,
        provider_ref=sale.provider_ref,
        sale=sale,
        ours=sale.captured if ours is None else ours,
        theirs=theirs,
    )
