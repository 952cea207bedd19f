"""Tenders: they never pay more than an order costs, and what goes back is exact to the cent."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shop.domain.kernel.errors import Invalid
from shop.domain.kernel.money import Money
from shop.domain.kernel.tenders import Tender, TenderKind, TenderUnfit, due_after, split_refund
from shop.domain.ledger import GIFT_CARDS, STORE_CREDIT, clearing, refund_postings, sale_postings

CARD, CREDIT = TenderKind.GIFT_CARD, TenderKind.STORE_CREDIT


def eur(minor: int) -> Money:
    return Money(minor, "EUR")


def tender(minor: int, kind: TenderKind = CARD, reference: str = "a", returned: int = 0) -> Tender:
    return Tender(kind=kind, amount=eur(minor), reference=reference, returned=eur(returned))


@st.composite
def parts_of(draw: st.DrawFn) -> tuple[int, list[Tender]]:
    """An order's total and tenders that fit into it."""
    amounts = draw(st.lists(st.integers(1, 10_000), max_size=4))
    tenders = [tender(minor, draw(st.sampled_from(TenderKind)), str(n)) for n, minor in enumerate(amounts)]
    return sum(amounts) + draw(st.integers(0, 10_000)), tenders


@given(parts_of())
def test_what_is_due_and_the_tenders_make_the_total(sold: tuple[int, list[Tender]]) -> None:
    whole, tenders = sold
    due = due_after(eur(whole), tenders)
    assert due.minor + sum(one.amount.minor for one in tenders) == whole


@given(minor=st.integers(1, 10_000), most=st.integers(-5, 10_000))
def test_f56_as_much_as_fits_and_never_more(minor: int, most: int) -> None:
    part = tender(minor).at_most(eur(most))
    assert (part.amount.minor if part is not None else 0) == max(0, min(minor, most))


@pytest.mark.parametrize(
    "tenders",
    [
        [tender(101)],
        [tender(60), tender(41, reference="b")],
        [tender(10), tender(10)],
        [Tender(kind=CARD, amount=Money(1, "USD"), reference="a")],
    ],
)
def test_f56_tenders_that_do_not_fit_are_refused(tenders: list[Tender]) -> None:
    with pytest.raises(TenderUnfit):
        due_after(eur(100), tenders)


@pytest.mark.parametrize(
    ("minor", "reference", "returned"),
    [(0, "a", 0), (-1, "a", 0), (1, "", 0), (1, "a" * 201, 0), (1, "a", 2), (1, "a", -1)],
)
def test_a_tender_is_something_with_a_name(minor: int, reference: str, returned: int) -> None:
    with pytest.raises(Invalid):
        tender(minor, CARD, reference, returned)


@given(parts_of(), st.data())
def test_what_goes_back_is_the_provider_first_and_then_the_last_used(
    sold: tuple[int, list[Tender]], data: st.DataObject
) -> None:
    whole, tenders = sold
    provider_left = due_after(eur(whole), tenders)
    amount = data.draw(st.integers(0, whole))
    at_provider, parts = split_refund(eur(amount), provider_left, tenders)
    assert at_provider.minor + sum(part.amount.minor for part in parts) == amount
    assert at_provider == min(eur(amount), provider_left)
    assert [part.name for part in parts] == [one.name for one in reversed(tenders)][: len(parts)]
    for part, of in zip(parts[:-1], reversed(tenders), strict=False):
        assert part.amount == of.amount, "one is emptied before the next is touched"
    with pytest.raises(TenderUnfit):
        split_refund(eur(whole + 1), provider_left, tenders)


@given(parts_of(), st.data())
def test_any_sequence_of_refunds_empties_exactly_what_was_paid(
    sold: tuple[int, list[Tender]], data: st.DataObject
) -> None:
    whole, tenders = sold
    provider_left, left, given_back = due_after(eur(whole), tenders), list(tenders), 0
    while given_back < whole:
        amount = data.draw(st.integers(1, whole - given_back))
        free = [tender(one.left.minor, one.kind, one.reference) for one in left if one.left]
        at_provider, parts = split_refund(eur(amount), provider_left, free)
        provider_left -= at_provider
        back = {part.name: part.amount for part in parts}
        left = [one.give_back(back[one.name]) if one.name in back else one for one in left]
        given_back += amount
    assert not provider_left
    assert not any(one.left for one in left)


def test_no_more_goes_back_than_was_paid() -> None:
    with pytest.raises(TenderUnfit):
        tender(10, returned=8).give_back(eur(3))


@given(parts_of(), st.integers(0, 2000))
def test_books_of_sales_and_refunds_add_up_to_nothing(sold: tuple[int, list[Tender]], tax: int) -> None:
    whole, tenders = sold
    tax = min(tax, whole)
    sale = sale_postings("fake", eur(whole - tax), eur(0), eur(tax), tenders)
    assert sum(posting.amount.minor for posting in sale) == 0
    at = {posting.account: 0 for posting in sale}
    for posting in sale:
        at[posting.account] += posting.amount.minor
    assert at.get(clearing("fake"), 0) == due_after(eur(whole), tenders).minor
    for kind, account in ((CARD, GIFT_CARDS), (CREDIT, STORE_CREDIT)):
        assert at.get(account, 0) == sum(one.amount.minor for one in tenders if one.kind is kind)
    if whole:
        back = refund_postings("fake", eur(whole), applied=True, tenders=tenders)
        assert sum(posting.amount.minor for posting in back) == 0
        assert all(posting.amount.minor for posting in back)
