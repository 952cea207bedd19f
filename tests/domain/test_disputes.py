"""Disputes: followed forward only, each movement of money booked once, and losses written off."""

from collections.abc import Sequence
from datetime import timedelta
from itertools import permutations
from typing import Any

import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st

from shop.domain.kernel.identifiers import DisputeId, OrderId, PaymentId
from shop.domain.kernel.money import Money
from shop.domain.ledger import (
    DISPUTE_LOSSES,
    DISPUTES,
    FEES,
    NothingMoved,
    clearing,
    dispute_postings,
    loss_postings,
)
from shop.domain.payments import (
    ANSWERABLE,
    CONTESTED,
    DISPUTE_ARROWS,
    INQUIRIES,
    OPEN_DISPUTES,
    AttemptStatus,
    Dispute,
    DisputeInquired,
    DisputeLost,
    DisputeMove,
    DisputeNotAnswerable,
    DisputeOpened,
    DisputeState,
    DisputeStatus,
    DisputeWon,
)
from tests.domain.samples import NOW, a_payment, an, eur, later
from tests.scale import rounds

S = DisputeStatus
WITHDRAWN = DisputeMove(provider_ref="txn_1", taken=eur(2000), fee=eur(1500))
RETURNED = DisputeMove(provider_ref="txn_2", taken=eur(-2000), fee=eur(0))


def news(status: DisputeStatus, *moves: DisputeMove, **changes: Any) -> DisputeState:
    plain: dict[str, Any] = {
        "provider_ref": "dp_1",
        "status": status,
        "amount": eur(2000),
        "reason": "fraudulent",
        "due_at": later(86_400),
        "moves": moves,
        "opened_at": NOW,
    }
    return DisputeState(**{**plain, **changes})


def a_dispute(status: DisputeStatus = S.NEEDS_RESPONSE, *moves: DisputeMove) -> Dispute:
    told = news(status, *moves)
    dispute = Dispute.open(
        id=an(DisputeId), payment_id=an(PaymentId), order_id=an(OrderId), provider="fake", news=told, at=NOW
    )
    dispute.follow(told, NOW)
    return dispute


def test_every_state_is_in_the_table_and_only_what_is_decided_for_good_is_an_end() -> None:
    assert set(DISPUTE_ARROWS) == set(S)
    assert all(state not in ends for state, ends in DISPUTE_ARROWS.items())
    assert {state for state, ends in DISPUTE_ARROWS.items() if not ends} == {S.PREVENTED, S.WON}
    assert set().union(*DISPUTE_ARROWS.values()) == set(S) - {S.WARNING_NEEDS_RESPONSE}
    assert OPEN_DISPUTES == INQUIRIES | CONTESTED
    assert ANSWERABLE < OPEN_DISPUTES


@pytest.mark.parametrize("state", S)
@pytest.mark.parametrize("target", S)
def test_news_move_it_along_the_arrows_only(state: DisputeStatus, target: DisputeStatus) -> None:
    dispute = a_dispute(state)
    dispute.follow(news(target), later())
    assert dispute.status is (target if target in DISPUTE_ARROWS[state] else state)


@pytest.mark.parametrize(
    ("status", "event"),
    [
        (S.WARNING_NEEDS_RESPONSE, DisputeInquired),
        (S.NEEDS_RESPONSE, DisputeOpened),
        (S.WON, DisputeWon),
        (S.WARNING_CLOSED, DisputeWon),
        (S.PREVENTED, DisputeWon),
        (S.LOST, DisputeLost),
    ],
)
def test_what_others_care_about_is_told_once(status: DisputeStatus, event: type[Any]) -> None:
    dispute = a_dispute(status)
    for _ in range(2):
        dispute.follow(news(status), later())
    [told] = dispute.take_events()
    assert isinstance(told, event)
    assert told.subject == dispute.id
    assert told.amount == eur(2000)


@pytest.mark.parametrize("status", S)
def test_evidence_is_taken_while_somebody_waits_for_it(status: DisputeStatus) -> None:
    dispute = a_dispute(status)
    if status in ANSWERABLE:
        assert [dispute.begin_answer("key 1", later()) for _ in range(2)] == [True, False]
        dispute.note_evidence("user_1", later())
        assert (dispute.evidence_by, dispute.evidence_at) == ("user_1", later())
    else:
        with pytest.raises(DisputeNotAnswerable):
            dispute.begin_answer("key 1", later())


def test_the_same_evidence_may_be_given_again_when_nobody_heard_what_became_of_it() -> None:
    dispute = a_dispute(S.NEEDS_RESPONSE)
    dispute.begin_answer("key 1", later())
    dispute.follow(news(S.UNDER_REVIEW), later())
    assert not dispute.begin_answer("key 1", later())
    with pytest.raises(DisputeNotAnswerable):
        dispute.begin_answer("key 2", later())


def test_evidence_that_was_given_before_other_evidence_is_given_anew() -> None:
    dispute = a_dispute(S.NEEDS_RESPONSE)
    keys = []
    for fingerprint in ("a", "b", "a"):
        assert dispute.begin_answer(fingerprint, later())
        keys.append(dispute.evidence_key)
    assert keys == ["1:a", "2:b", "3:a"]


def test_a_loss_is_written_off_once_and_taken_back_when_an_appeal_is_won() -> None:
    dispute = a_dispute(S.NEEDS_RESPONSE, WITHDRAWN)
    assert (dispute.taken, dispute.fee) == (eur(2000), eur(1500))
    assert dispute.to_write_off() == ()
    assert dispute.follow(news(S.LOST, WITHDRAWN), later()) == ()
    assert dispute.to_write_off() == (WITHDRAWN,)
    assert dispute.to_write_off() == ()
    assert dispute.to_take_back() == ()
    assert dispute.follow(news(S.WON, WITHDRAWN, RETURNED), later(2)) == (RETURNED,)
    assert dispute.to_take_back() == (WITHDRAWN,)
    assert dispute.to_take_back() == dispute.to_write_off() == ()
    assert dispute.taken == eur(0)


def test_money_that_moved_is_noticed_whatever_the_status_says() -> None:
    dispute = a_dispute(S.WON)
    assert dispute.follow(news(S.NEEDS_RESPONSE, WITHDRAWN), later()) == (WITHDRAWN,)
    assert dispute.status is S.WON


STORY = [
    news(S.WARNING_NEEDS_RESPONSE),
    news(S.NEEDS_RESPONSE, WITHDRAWN),
    news(S.UNDER_REVIEW, WITHDRAWN),
    news(S.LOST, WITHDRAWN),
    news(S.WON, WITHDRAWN, RETURNED),
]


def accounts(told: Sequence[DisputeState]) -> dict[str, int]:
    """What the books come to when these news are followed one after the other."""
    dispute = a_dispute(told[0].status)
    sums: dict[str, int] = {}
    for state in told:
        postings = [p for m in dispute.follow(state, later()) for p in dispute_postings("fake", m.taken, m.fee)]
        postings += [p for m in dispute.to_write_off() for p in loss_postings(m.taken)]
        postings += [p for m in dispute.to_take_back() for p in loss_postings(-m.taken)]
        for posting in postings:
            sums[posting.account] = sums.get(posting.account, 0) + posting.amount.minor
    return {account: minor for account, minor in sums.items() if minor} | {"status": list(S).index(dispute.status)}


@pytest.mark.parametrize("end", range(1, len(STORY) + 1))
def test_news_in_any_order_end_alike(end: int) -> None:
    told = STORY[:end]
    expected = accounts([told[-1]])
    assert {tuple(sorted(accounts(order).items())) for order in permutations(told)} == {tuple(sorted(expected.items()))}


@settings(max_examples=rounds(100, in_full=2_000))
@given(st.lists(st.sampled_from(STORY), min_size=1, max_size=12))
def test_repeated_and_missing_news_end_as_the_furthest_of_them(told: list[DisputeState]) -> None:
    furthest = max(told, key=STORY.index)
    assert accounts(told) == accounts([furthest])


def test_the_books_of_a_dispute() -> None:
    assert {(p.account, p.amount.minor) for p in dispute_postings("fake", eur(2000), eur(1500))} == {
        (DISPUTES, 2000),
        (FEES, 1500),
        (clearing("fake"), -2000),
        (clearing("fake"), -1500),
    }
    dollars = dispute_postings("fake", eur(2000), Money(1500, "USD"))
    assert {p.amount.currency for p in dollars if p.account == FEES} == {"USD"}
    assert [(p.account, p.amount.minor) for p in loss_postings(eur(2000))] == [
        (DISPUTE_LOSSES, 2000),
        (DISPUTES, -2000),
    ]
    with pytest.raises(NothingMoved):
        dispute_postings("fake", eur(0), eur(0))
    with pytest.raises(NothingMoved):
        loss_postings(eur(0))


def test_a_payment_with_an_open_dispute_is_looked_at_again_and_more_and_more_rarely() -> None:
    payment = a_payment()
    payment.attempts = (evolve(payment.attempt, status=AttemptStatus.CAPTURED),)
    assert [payment.is_unfinished, payment.contest(True, NOW), payment.is_unfinished] == [False, True, True]
    assert not payment.contest(True, NOW)
    pauses = []
    for _ in range(12):
        payment.put_off(NOW)
        assert payment.look_at is not None
        pauses.append(payment.look_at - NOW)
    assert timedelta(hours=4) < pauses[-1] < timedelta(hours=8)
    assert [payment.contest(False, NOW), payment.is_unfinished] == [True, False]
