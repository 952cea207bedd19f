"""What the fake provider holds for the shop: each movement of it, its fees, and what it pays out to the bank.

A charge costs 1.4 % of what was captured and 25 minor units, which a refund does not give back. A dispute moves what
the bank takes and gives back, under the names by which the dispute itself knows them. Once a day is over, what came
and went in it is paid out; a day that ends below zero waits for the next. What is listed is a fact: it never changes.
"""

import json
import sqlite3
from bisect import bisect_left, bisect_right, insort
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Protocol

from attrs import evolve, frozen

from shop.adapters.fake.booked import BookedIntent
from shop.application.ports.payments import PaymentRefused
from shop.application.ports.records import TransactionKind
from shop.domain.payments import RefundStatus

DAY_SECONDS = 86_400
ARRIVES_AFTER_SECONDS = 2 * DAY_SECONDS
SET_UP = (
    "CREATE TABLE IF NOT EXISTS balance (ref TEXT PRIMARY KEY, at INTEGER, payout TEXT, record TEXT) WITHOUT ROWID",
    "CREATE INDEX IF NOT EXISTS ix_balance_at ON balance (at, ref)",
    "CREATE INDEX IF NOT EXISTS ix_balance_payout ON balance (payout, at, ref)",
    "CREATE TABLE IF NOT EXISTS payouts (ref TEXT PRIMARY KEY, at INTEGER, record TEXT) WITHOUT ROWID",
)

Behind = tuple[int, str]


def fee_of(minor: int) -> int:
    """What a charge costs, in minor units: 1.4 % to the nearest unit, and 25."""
    return (minor * 14 + 500) // 1000 + 25


@frozen(kw_only=True)
class BookedTransaction:
    """A movement as the provider has it. Amounts are minor units, `at` seconds since 1970."""

    ref: str
    kind: TransactionKind
    minor: int
    fee: int = 0
    currency: str
    source: str
    intent: str = ""
    at: int


@frozen(kw_only=True)
class BookedPayout:
    """A payout as the provider has it: on its way to the bank, or come back from there."""

    ref: str
    minor: int
    currency: str
    at: int
    failure_code: str = ""


class Balance(Protocol):
    """The provider's memory of what it holds for the shop."""

    def note(self, intent: BookedIntent, at: int) -> None:
        """Keeps the movements that this state of an intent is made of, as far as they are new."""

    def pay_out(self, now: int) -> None:
        """Pays out what came and went until the last midnight, unless that was done."""

    def transaction(self, ref: str) -> BookedTransaction | None:
        """The movement of this name."""

    def transactions(self, since: int, until: int, after: Behind, limit: int) -> list[BookedTransaction]:
        """Movements in order of second and name, from behind this second and name."""

    def paid_out(self, payout: str, after: Behind, limit: int) -> list[BookedTransaction]:
        """The movements that a payout consists of, in the same order."""

    def payouts(self, since: int, until: int, after: Behind, limit: int) -> list[BookedPayout]:
        """Payouts in order of second and name."""

    def come_back(self, payout: str, failure_code: str, at: int) -> None:
        """The bank did not take a payout. Raises PaymentRefused when there is none of this name."""


class MemoryBalance:
    """The balance of one process, gone when it ends."""

    def __init__(self) -> None:
        self._transactions: dict[str, BookedTransaction] = {}
        self._calendar: list[Behind] = []
        self._unpaid: dict[str, None] = {}
        self._payouts: dict[str, BookedPayout] = {}
        self._contents: dict[str, list[Behind]] = {}
        self._settled_until = 0

    def note(self, intent: BookedIntent, at: int) -> None:
        for transaction in _movements(intent, at, self._transactions.__contains__):
            self.pay_out(at)
            self._unpaid[transaction.ref] = None
            self._keep(transaction)

    def pay_out(self, now: int) -> None:
        midnight = now - now % DAY_SECONDS
        if midnight <= self._settled_until:
            return
        self._settled_until = midnight
        due = [t for t in map(self._transactions.__getitem__, self._unpaid) if t.at < midnight]
        for payout, contents in _payouts_of(due, now):
            self._payouts[payout.ref] = payout
            self._contents[payout.ref] = sorted((t.at, t.ref) for t in contents)
            for transaction in contents:
                del self._unpaid[transaction.ref]
            self._keep(_leaving(payout))

    def transaction(self, ref: str) -> BookedTransaction | None:
        return self._transactions.get(ref)

    def transactions(self, since: int, until: int, after: Behind, limit: int) -> list[BookedTransaction]:
        begin = max(bisect_left(self._calendar, (since, "")), bisect_right(self._calendar, after))
        found = islice(self._calendar, begin, begin + limit)
        return [self._transactions[ref] for at, ref in found if at < until]

    def paid_out(self, payout: str, after: Behind, limit: int) -> list[BookedTransaction]:
        contents = self._contents.get(payout, [])
        begin = bisect_right(contents, after)
        return [self._transactions[ref] for _, ref in contents[begin : begin + limit]]

    def payouts(self, since: int, until: int, after: Behind, limit: int) -> list[BookedPayout]:
        found = sorted((p.at, p.ref) for p in self._payouts.values() if since <= p.at < until and (p.at, p.ref) > after)
        return [self._payouts[ref] for _, ref in found[:limit]]

    def come_back(self, payout: str, failure_code: str, at: int) -> None:
        if payout not in self._payouts:
            raise PaymentRefused(f"There is no payout {payout[:80]}.")
        if not self._payouts[payout].failure_code:
            self._payouts[payout] = evolve(self._payouts[payout], failure_code=failure_code)
            self._keep(_coming_back(self._payouts[payout], at))

    def _keep(self, transaction: BookedTransaction) -> None:
        self._transactions[transaction.ref] = transaction
        insort(self._calendar, (transaction.at, transaction.ref))


class SqliteBalance:
    """The balance in the file that the books are in. What writes is called inside a step of the books."""

    def __init__(self, opened: Callable[[], sqlite3.Connection]) -> None:
        self._opened = opened

    def note(self, intent: BookedIntent, at: int) -> None:
        for transaction in list(_movements(intent, at, lambda ref: self.transaction(ref) is not None)):
            self.pay_out(at)
            self._keep(transaction, "")

    def pay_out(self, now: int) -> None:
        midnight = now - now % DAY_SECONDS
        rows = self._opened().execute(
            "SELECT record FROM balance WHERE payout = '' AND at < ? ORDER BY at, ref", (midnight,)
        )
        for payout, contents in _payouts_of([_transaction_in(record) for (record,) in rows], now):
            self._put(payout)
            refs = [(payout.ref, transaction.ref) for transaction in contents]
            self._opened().executemany("UPDATE balance SET payout = ? WHERE ref = ?", refs)
            self._keep(_leaving(payout), "-")

    def transaction(self, ref: str) -> BookedTransaction | None:
        row = self._opened().execute("SELECT record FROM balance WHERE ref = ?", (ref,)).fetchone()
        return _transaction_in(row[0]) if row else None

    def transactions(self, since: int, until: int, after: Behind, limit: int) -> list[BookedTransaction]:
        rows = self._opened().execute(
            "SELECT record FROM balance WHERE at >= ? AND at < ? AND (at, ref) > (?, ?) ORDER BY at, ref LIMIT ?",
            (since, until, *after, limit),
        )
        return [_transaction_in(record) for (record,) in rows]

    def paid_out(self, payout: str, after: Behind, limit: int) -> list[BookedTransaction]:
        rows = self._opened().execute(
            "SELECT record FROM balance WHERE payout = ? AND (at, ref) > (?, ?) ORDER BY at, ref LIMIT ?",
            (payout, *after, limit),
        )
        return [_transaction_in(record) for (record,) in rows]

    def payouts(self, since: int, until: int, after: Behind, limit: int) -> list[BookedPayout]:
        rows = self._opened().execute(
            "SELECT record FROM payouts WHERE at >= ? AND at < ? AND (at, ref) > (?, ?) ORDER BY at, ref LIMIT ?",
            (since, until, *after, limit),
        )
        return [_payout_in(record) for (record,) in rows]

    def come_back(self, payout: str, failure_code: str, at: int) -> None:
        row = self._opened().execute("SELECT record FROM payouts WHERE ref = ?", (payout,)).fetchone()
        if row is None:
            raise PaymentRefused(f"There is no payout {payout[:80]}.")
        kept = _payout_in(row[0])
        if not kept.failure_code:
            failed = evolve(kept, failure_code=failure_code)
            self._put(failed)
            self._keep(_coming_back(failed, at), "-")

    def _keep(self, transaction: BookedTransaction, payout: str) -> None:
        record = json.dumps(
            [
                transaction.ref,
                transaction.kind,
                transaction.minor,
                transaction.fee,
                transaction.currency,
                transaction.source,
                transaction.intent,
                transaction.at,
            ]
        )
        row = (transaction.ref, transaction.at, payout, record)
        self._opened().execute("INSERT INTO balance VALUES (?, ?, ?, ?)", row)

    def _put(self, payout: BookedPayout) -> None:
        record = json.dumps([payout.ref, payout.minor, payout.currency, payout.at, payout.failure_code])
        self._opened().execute("INSERT OR REPLACE INTO payouts VALUES (?, ?, ?)", (payout.ref, payout.at, record))


def _transaction_in(record: str) -> BookedTransaction:
    ref, kind, minor, fee, currency, source, intent, at = json.loads(record)
    return BookedTransaction(
        ref=ref,
        kind=TransactionKind(kind),
        minor=minor,
        fee=fee,
        currency=currency,
        source=source,
        intent=intent,
        at=at,
    )


def _payout_in(record: str) -> BookedPayout:
    ref, minor, currency, at, failure_code = json.loads(record)
    return BookedPayout(ref=ref, minor=minor, currency=currency, at=at, failure_code=failure_code)


def _movements(intent: BookedIntent, at: int, known: Callable[[str], bool]) -> Iterator[BookedTransaction]:
    """What this state of an intent is made of and was not there before."""

    def moved(ref: str, kind: TransactionKind, minor: int, fee: int, source: str) -> BookedTransaction:
        return BookedTransaction(
            ref=ref,
            kind=kind,
            minor=minor,
            fee=fee,
            currency=intent.currency,
            source=source,
            intent=intent.ref,
            at=at,
        )

    if not intent.captured:
        return
    charge = f"txn_{intent.ref}"
    if not known(charge):
        fee = fee_of(intent.captured)
        yield moved(charge, TransactionKind.CHARGE, intent.captured, fee, f"ch_{intent.ref}")
    for refund in intent.refunds:
        went = f"txn_{refund.ref}"
        if refund.status is RefundStatus.SUCCEEDED and not known(went):
            yield moved(went, TransactionKind.REFUND, -refund.minor, 0, refund.ref)
        undone = refund.status in (RefundStatus.FAILED, RefundStatus.CANCELLED)
        if undone and known(went) and not known(back := f"{went}_back"):
            yield moved(back, TransactionKind.REFUND_REVERSAL, refund.minor, 0, refund.ref)
    for dispute in intent.disputes:
        for move in dispute.moves:
            if not known(move.ref):
                yield moved(move.ref, TransactionKind.DISPUTE, -move.minor, move.fee, dispute.ref)


def _payouts_of(due: Iterable[BookedTransaction], now: int) -> Iterator[tuple[BookedPayout, list[BookedTransaction]]]:
    """One payout in each currency of which there is anything to pay out."""
    by_currency: defaultdict[str, list[BookedTransaction]] = defaultdict(list)
    for transaction in due:
        by_currency[transaction.currency].append(transaction)
    for currency, contents in sorted(by_currency.items()):
        minor = sum(transaction.minor - transaction.fee for transaction in contents)
        if minor > 0:
            ref = f"po_fake_{now}_{currency.lower()}"
            yield BookedPayout(ref=ref, minor=minor, currency=currency, at=now), contents


def _leaving(payout: BookedPayout) -> BookedTransaction:
    return BookedTransaction(
        ref=f"txn_{payout.ref}",
        kind=TransactionKind.PAYOUT,
        minor=-payout.minor,
        currency=payout.currency,
        source=payout.ref,
        at=payout.at,
    )


def _coming_back(payout: BookedPayout, at: int) -> BookedTransaction:
    return BookedTransaction(
        ref=f"txn_{payout.ref}_back",
        kind=TransactionKind.PAYOUT_REVERSAL,
        minor=payout.minor,
        currency=payout.currency,
        source=payout.ref,
        at=at,
    )
