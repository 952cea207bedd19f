"""The books balance: every entry adds up to nothing, and none books a movement of nothing."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shop.domain.kernel.identifiers import LedgerEntryId, OrderId, PaymentId
from shop.domain.kernel.money import Money
from shop.domain.ledger import (
    BANK,
    FEES,
    RECEIVABLE,
    REFUNDS,
    REVENUE,
    SHIPPING,
    TAX,
    EntryKind,
    EntryUnbalanced,
    LedgerEntry,
    NothingMoved,
    Posting,
    clearing,
    fee_postings,
    payout_postings,
    refund_postings,
    sale_postings,
    unapplied_postings,
)
from tests.domain.samples import NOW, an, eur

some = st.integers(0, 10**11).map(eur)
positive = st.integers(1, 10**11).map(eur)


def an_entry(*postings: Posting) -> LedgerEntry:
    return LedgerEntry(
        id=an(LedgerEntryId),
        at=NOW,
        kind=EntryKind.CAPTURE,
        order_id=an(OrderId),
        payment_id=an(PaymentId),
        provider="fake",
        provider_ref="ref",
        postings=postings,
    )


def on(entry: LedgerEntry, account: str) -> int:
    return sum(posting.amount.minor for posting in entry.postings if posting.account == account)


@given(some, some, some)
def test_a_sale_is_what_was_earned_and_what_is_owed(net: Money, shipping: Money, tax: Money) -> None:
    entry = an_entry(*sale_postings("fake", net, shipping, tax))
    assert on(entry, clearing("fake")) == (net + shipping + tax).minor
    assert (on(entry, REVENUE), on(entry, SHIPPING), on(entry, TAX)) == (-net.minor, -shipping.minor, -tax.minor)
    assert all(posting.amount for posting in entry.postings[1:])


@given(positive)
def test_money_that_pays_for_nothing_is_owed_until_it_goes_back(amount: Money) -> None:
    came = an_entry(*unapplied_postings("fake", amount))
    went = an_entry(*refund_postings("fake", amount, applied=False))
    for account in (RECEIVABLE, clearing("fake")):
        assert on(came, account) == -on(went, account) != 0


@given(positive)
def test_a_refund_of_a_sale_is_booked_apart_from_revenue(amount: Money) -> None:
    entry = an_entry(*refund_postings("fake", amount, applied=True))
    assert (on(entry, REFUNDS), on(entry, clearing("fake"))) == (amount.minor, -amount.minor)


@pytest.mark.parametrize("minor", [0, -1])
@pytest.mark.parametrize(
    "book",
    [
        lambda amount: refund_postings("fake", amount, applied=True),
        lambda amount: refund_postings("fake", amount, applied=False),
        lambda amount: unapplied_postings("fake", amount),
    ],
    ids=["refund", "refund of unapplied money", "unapplied money"],
)
def test_f49_nothing_and_less_than_nothing_are_not_booked(book: Callable[[Money], Any], minor: int) -> None:
    with pytest.raises(NothingMoved):
        book(eur(minor))


@pytest.mark.parametrize(
    "postings",
    [
        (),
        (Posting(REVENUE, eur(1)),),
        (Posting(REVENUE, eur(1)), Posting(TAX, eur(1))),
        (Posting(REVENUE, eur(1)), Posting(TAX, Money(-1, "USD"))),
        (Posting("pocket", eur(1)), Posting(TAX, eur(-1))),
    ],
    ids=["empty", "one-sided", "two debits", "two currencies", "unknown account"],
)
def test_an_entry_that_does_not_balance_is_refused(postings: tuple[Posting, ...]) -> None:
    with pytest.raises(EntryUnbalanced):
        an_entry(*postings)


def test_an_entry_may_balance_in_two_currencies_at_once() -> None:
    dollars = Money(5, "USD")
    entry = an_entry(
        Posting(REVENUE, eur(-1)), Posting(TAX, eur(1)), Posting(REVENUE, -dollars), Posting(clearing("x"), dollars)
    )
    assert len(entry.postings) == 4


@given(st.integers(-(10**11), 10**11).filter(bool).map(eur))
def test_fees_and_payouts_leave_what_the_provider_holds(amount: Money) -> None:
    for postings, account in ((fee_postings("fake", amount), FEES), (payout_postings("fake", amount), BANK)):
        entry = an_entry(*postings)
        assert (on(entry, account), on(entry, clearing("fake"))) == (amount.minor, -amount.minor)


def test_nothing_is_no_fee_and_no_payout() -> None:
    for book in (fee_postings, payout_postings):
        with pytest.raises(NothingMoved):
            book("fake", eur(0))
