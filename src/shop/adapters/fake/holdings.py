"""What the fake provider says of what it holds for the shop, and of what it paid out."""

import math
from collections.abc import Sequence
from datetime import datetime

from shop.adapters.fake import balance
from shop.adapters.fake.books import Books
from shop.adapters.fake.told import moment_of
from shop.application.ports.clock import Clock
from shop.application.ports.network import forbid_inside_transaction
from shop.application.ports.payments import PaymentRefused
from shop.application.ports.records import LISTED_MAX, BalanceTransaction, Listed, Payout, PayoutStatus
from shop.domain.kernel.money import Money

_SECOND_LENGTH_MAX = 12


class FakeBalance:
    """The lists of movements and payouts over the provider's books."""

    def __init__(self, books: Books, clock: Clock) -> None:
        self._books = books
        self._clock = clock

    async def list_transactions(
        self, since: datetime, until: datetime, *, after: str = "", limit: int = LISTED_MAX
    ) -> Listed[BalanceTransaction]:
        forbid_inside_transaction("list_transactions")
        with self._books.writing():
            self._books.balance.pay_out(self._moment())
            found = self._books.balance.transactions(second(since), second(until), behind(after), limit)
        return _transactions(found, limit)

    async def find_transaction(self, ref: str) -> BalanceTransaction | None:
        forbid_inside_transaction("find_transaction")
        with self._books.writing():
            found = self._books.balance.transaction(ref)
        return _transaction(found) if found else None

    async def list_payouts(
        self, since: datetime, until: datetime, *, after: str = "", limit: int = LISTED_MAX
    ) -> Listed[Payout]:
        forbid_inside_transaction("list_payouts")
        now = self._moment()
        with self._books.writing():
            self._books.balance.pay_out(now)
            found = self._books.balance.payouts(second(since), second(until), behind(after), limit)
        return Listed(data=[_payout(one, now) for one in found], next=next_of([(p.at, p.ref) for p in found], limit))

    async def list_paid_out(
        self, payout_ref: str, *, after: str = "", limit: int = LISTED_MAX
    ) -> Listed[BalanceTransaction]:
        forbid_inside_transaction("list_paid_out")
        with self._books.writing():
            found = self._books.balance.paid_out(payout_ref, behind(after), limit)
        return _transactions(found, limit)

    def payout_fails(self, payout_ref: str, failure_code: str = "account_closed") -> None:
        """The bank does not take a payout: its money is the shop's at the provider again."""
        with self._books.writing():
            self._books.balance.come_back(payout_ref, failure_code, self._moment())

    def _moment(self) -> int:
        return int(self._clock.now().timestamp())


def second(moment: datetime) -> int:
    """The first whole second that is not before this moment."""
    return math.ceil(moment.timestamp())


def behind(after: str) -> tuple[int, str]:
    """Where a list goes on; every list is in order of second and name. Raises PaymentRefused for what is no place."""
    second, _, ref = after.partition(":")
    if second and not (second.isascii() and second.isdigit() and len(second) <= _SECOND_LENGTH_MAX):
        raise PaymentRefused("There is no such place in the list.")
    return (int(second), ref) if second else (-1, "")


def next_of(page: Sequence[tuple[int, str]], limit: int) -> str:
    return f"{page[-1][0]}:{page[-1][1]}" if len(page) == limit else ""


def _transactions(found: Sequence[balance.BookedTransaction], limit: int) -> Listed[BalanceTransaction]:
    return Listed(data=[_transaction(one) for one in found], next=next_of([(t.at, t.ref) for t in found], limit))


def _transaction(booked: balance.BookedTransaction) -> BalanceTransaction:
    return BalanceTransaction(
        ref=booked.ref,
        kind=booked.kind,
        amount=Money(booked.minor, booked.currency),
        fee=Money(booked.fee, booked.currency),
        source_ref=booked.source,
        intent_ref=booked.intent,
        created_at=moment_of(booked.at),
    )


def _payout(booked: balance.BookedPayout, now: int) -> Payout:
    arrives = booked.at + balance.ARRIVES_AFTER_SECONDS
    status = PayoutStatus.PAID if arrives <= now else PayoutStatus.IN_TRANSIT
    return Payout(
        ref=booked.ref,
        status=PayoutStatus.FAILED if booked.failure_code else status,
        amount=Money(booked.minor, booked.currency),
        transaction_ref=f"txn_{booked.ref}",
        failure_code=booked.failure_code,
        arrives_at=moment_of(arrives),
        created_at=moment_of(booked.at),
    )
