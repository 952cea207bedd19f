"""Refunds: what goes back is never more than was taken, and what the provider says of one is only followed forward."""

from itertools import pairwise, permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shop.domain.kernel.errors import Invalid
from shop.domain.kernel.identifiers import OrderId, PaymentId, RefundId
from shop.domain.kernel.money import Money
from shop.domain.payments import (
    ON_THE_WAY,
    REFUND_ARROWS,
    RESERVING,
    ApproverIsRequester,
    Refund,
    RefundActionRequired,
    RefundCancelled,
    RefundCannotMove,
    RefundCreated,
    RefundExceedsCaptured,
    RefundFailed,
    RefundNotPositive,
    RefundReason,
    RefundState,
    RefundStatus,
    RefundSucceeded,
    meant_by,
    part_of,
)
from tests.domain.samples import NOW, a_payment, an, eur, later

S = RefundStatus
TOLD = (S.PENDING, S.REQUIRES_ACTION, S.SUCCEEDED, S.FAILED, S.CANCELLED)


def a_refund(**changes: Any) -> Refund:
    plain: dict[str, Any] = {
        "id": an(RefundId),
        "payment_id": an(PaymentId),
        "order_id": an(OrderId),
        "provider": "fake",
        "amount": eur(500),
        "reason": RefundReason.DAMAGED,
        "requested_by": "user_1",
        "at": NOW,
    }
    return Refund.request(**{**plain, **changes})


def news(status: RefundStatus, **changes: Any) -> RefundState:
    plain: dict[str, Any] = {"provider_ref": "re_1", "status": status, "amount": eur(500)}
    return RefundState(**{**plain, **changes})


@pytest.mark.parametrize("minor", [0, -1, -500])
def test_f49_nothing_or_less_cannot_go_back(minor: int) -> None:
    with pytest.raises(RefundNotPositive):
        a_refund(amount=eur(minor))
    payment = a_payment()
    payment.captured = eur(500)
    with pytest.raises(RefundNotPositive):
        payment.reserve_refund(eur(minor), NOW)
    assert payment.refund_reserved == eur(0)


@given(st.lists(st.integers(1, 600), max_size=8))
def test_f50_what_is_promised_never_exceeds_what_was_taken(wishes: list[int]) -> None:
    payment = a_payment()
    payment.captured = eur(1000)
    promised = 0
    for wish in wishes:
        try:
            payment.reserve_refund(eur(wish), NOW)
        except RefundExceedsCaptured:
            assert promised + wish > 1000
        else:
            promised += wish
        assert payment.refund_reserved == eur(promised)
        assert payment.refundable == eur(1000 - promised)


def test_nothing_goes_back_before_anything_was_taken() -> None:
    with pytest.raises(RefundExceedsCaptured):
        a_payment().reserve_refund(eur(1), NOW)


def test_s15_a_second_person_agrees() -> None:
    refund = a_refund(needs_approval=True)
    assert refund.status is S.PENDING_APPROVAL
    with pytest.raises(ApproverIsRequester):
        refund.approve("user_1", later())
    with pytest.raises(ApproverIsRequester):
        refund.approve("key_of_user_1", later(), same_person=True)
    assert refund.status is S.PENDING_APPROVAL
    refund.approve("user_2", later())
    assert (refund.status, refund.approved_by) == (S.REQUESTED, "user_2")
    with pytest.raises(RefundCannotMove):
        refund.approve("user_3", later())


def test_what_waits_for_approval_can_be_refused_and_nothing_else() -> None:
    refund = a_refund(needs_approval=True)
    refund.refuse("user_2", later())
    assert refund.status is S.CANCELLED
    sent = a_refund()
    with pytest.raises(RefundCannotMove):
        sent.refuse("user_2", later())
    assert sent.status is S.REQUESTED


def test_the_provider_cannot_settle_what_nobody_approved() -> None:
    refund = a_refund(needs_approval=True)
    assert refund.follow(news(S.SUCCEEDED), later()) is None
    assert refund.status is S.PENDING_APPROVAL


@pytest.mark.parametrize(
    ("status", "event"),
    [
        (S.SUCCEEDED, RefundSucceeded),
        (S.FAILED, RefundFailed),
        (S.REQUIRES_ACTION, RefundActionRequired),
        (S.CANCELLED, RefundCancelled),
        (S.PENDING, None),
    ],
)
def test_what_is_said_of_each_step(status: RefundStatus, event: type | None) -> None:
    refund = a_refund()
    assert [type(told) for told in refund.take_events()] == [RefundCreated]
    assert refund.follow(news(status, failure_code="declined" if status is S.FAILED else ""), later()) is S.REQUESTED
    assert [type(told) for told in refund.take_events()] == ([event] if event else [])
    assert refund.provider_ref == "re_1"
    assert refund.follow(news(status), later(2)) is None
    assert refund.take_events() == []


def test_f51_only_failing_follows_a_success_and_nothing_follows_failing() -> None:
    assert REFUND_ARROWS[S.SUCCEEDED] == {S.FAILED}
    assert not REFUND_ARROWS[S.FAILED]
    assert not REFUND_ARROWS[S.CANCELLED]
    assert set(S) - {S.FAILED, S.CANCELLED} == RESERVING
    assert ON_THE_WAY < RESERVING


@pytest.mark.parametrize("life", [(S.PENDING, S.SUCCEEDED), (S.PENDING, S.SUCCEEDED, S.FAILED), (S.PENDING, S.FAILED)])
def test_f51_the_end_depends_only_on_the_provider_in_whatever_order_it_is_told(life: tuple[RefundStatus, ...]) -> None:
    for order in permutations(life * 2):
        refund = a_refund()
        for status in order:
            refund.follow(news(status), later())
        assert refund.status is life[-1], order


def test_the_provider_speaks_of_the_refund_of_its_name_or_of_the_one_that_we_named() -> None:
    known, asked = a_refund(id=an(RefundId, 2)), a_refund(id=an(RefundId, 3))
    known.follow(news(S.PENDING), NOW)
    assert meant_by(news(S.SUCCEEDED), [asked, known]) is known
    assert meant_by(news(S.SUCCEEDED, provider_ref="re_2", refund_id=asked.id), [asked, known]) is asked
    assert meant_by(news(S.SUCCEEDED, provider_ref="re_2"), [asked, known]) is None
    assert meant_by(news(S.SUCCEEDED, provider_ref="", refund_id=None), [asked]) is None


def test_f43_a_hint_counts_only_where_all_else_fits() -> None:
    asked, waiting = a_refund(), a_refund(id=an(RefundId, 2), needs_approval=True)
    assert meant_by(news(S.SUCCEEDED, refund_id=asked.id, amount=eur(499)), [asked]) is None
    assert meant_by(news(S.SUCCEEDED, refund_id=waiting.id), [waiting]) is None
    asked.follow(news(S.PENDING, provider_ref="re_9"), NOW)
    assert meant_by(news(S.SUCCEEDED, refund_id=asked.id), [asked]) is None


@given(st.integers(0, 10**9), st.lists(st.integers(1, 50), min_size=1, max_size=10))
def test_f58_the_parts_of_a_line_make_the_whole(minor: int, quantities: list[int]) -> None:
    whole, of = Money(minor, "EUR"), sum(quantities)
    before, parts = 0, []
    for quantity in quantities:
        parts.append(part_of(whole, quantity, before, of))
        before += quantity
    assert sum(part.minor for part in parts) == minor
    assert all(part.minor >= 0 for part in parts)


def test_a_note_has_an_end() -> None:
    for note in ("x" * 1001, "\x00"):
        with pytest.raises(Invalid):
            a_refund(note=note)


def test_asking_in_vain_is_done_less_and_less_often_until_something_happens() -> None:
    payment = a_payment()
    waits = []
    for _ in range(20):
        payment.put_off(NOW)
        assert payment.look_at is not None
        waits.append((payment.look_at - NOW).total_seconds())
    assert 10 < waits[0] < 30
    assert all(now < later_on * 2.5 for now, later_on in pairwise(waits))
    assert 11 * 60 <= waits[-1] <= 19 * 60
    payment.captured = eur(5)
    payment.reserve_refund(eur(5), later())
    assert (payment.looks, payment.look_at) == (0, None)
