"""A payment ends where the provider's intent ends, whatever the order, number or delay of the news about it."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import permutations
from typing import NamedTuple

import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from shop.domain.kernel.errors import Conflict
from shop.domain.kernel.identifiers import CartId, InboxId, PaymentSessionId
from shop.domain.kernel.money import Money
from shop.domain.payments import (
    ATTEMPT_ARROWS,
    DECLINES_MAX,
    LIVE_ATTEMPTS,
    AttemptStatus,
    InboxItem,
    InboxState,
    IntentState,
    MoneyMove,
    NextAction,
    Payment,
    PaymentActionRequired,
    PaymentCaptured,
    PaymentFailed,
    PaymentNotFound,
    PaymentProcessed,
    PaymentSession,
    PaymentVoided,
    ProviderNewsReceived,
    RefundExceedsCaptured,
)
from tests.domain.samples import NOW, a_payment, an, eur, later
from tests.scale import rounds

TOTAL = 1190
S = AttemptStatus


def news(status: AttemptStatus, captured: int = 0, **changes: object) -> IntentState:
    state = IntentState(
        provider_ref="pi_1",
        status=status,
        amount=eur(TOTAL),
        captured=eur(captured),
        failure_code="card_declined" if status is S.FAILED else "",
        next_action=NextAction(kind="redirect", url="https://bank.example") if status is S.REQUIRES_ACTION else None,
    )
    return evolve(state, **changes)  # type: ignore[arg-type]


# An intent as providers have it: each name is a state of it, with the states that may come next.
INTENT = {
    "action": news(S.REQUIRES_ACTION),
    "processing": news(S.PROCESSING),
    "failed": news(S.FAILED),
    "authorized": news(S.AUTHORIZED),
    "captured": news(S.CAPTURED, TOTAL),
    "cancelled": news(S.CANCELLED),
}
UNDECIDED = ("action", "processing", "failed")
NEXT = {
    **{name: {*UNDECIDED, "authorized", "captured", "cancelled"} - {name} for name in UNDECIDED},
    "authorized": {"captured", "cancelled"},
    "captured": set(),
    "cancelled": set(),
}
FIRST = (*UNDECIDED, "authorized", "captured", "cancelled")


def lives(length: int) -> Iterator[tuple[str, ...]]:
    """Every life of an intent in so many states."""
    todo: list[tuple[str, ...]] = [(name,) for name in FIRST]
    while todo:
        life = todo.pop()
        if len(life) == length:
            yield life
        else:
            todo += [(*life, name) for name in sorted(NEXT[life[-1]])]


class End(NamedTuple):
    status: AttemptStatus
    captured: Money
    failure_code: str
    next_action: NextAction | None


def told(names: Iterable[str]) -> tuple[Payment, End]:
    payment = a_payment()
    for minute, name in enumerate(names, start=1):
        payment.follow(INTENT[name], later(minute))
    attempt = payment.attempt
    return payment, End(attempt.status, payment.captured, attempt.failure_code, attempt.next_action)


def orders_with_copies(life: Sequence[str]) -> Iterator[tuple[str, ...]]:
    """The news in every order, once each, twice in a row, and twice over."""
    for order in permutations(life):
        yield order
        yield tuple(name for name in order for _ in range(2))
        yield order * 2


@pytest.mark.prove
@pytest.mark.parametrize("length", range(2, rounds(4, in_full=5) + 1))
def test_f38_the_end_depends_only_on_the_provider_in_whatever_order_it_is_told(length: int) -> None:
    """Confluence: any order of the news, any copies, then how it stands at last: as if only that had been told."""
    count = 0
    for life in lives(length):
        last = life[-1]
        _, expected = told([last])
        for order in orders_with_copies(life):
            count += 1
            assert told([*order, last])[1] == expected, (life, order)
            if last not in UNDECIDED:  # what is decided needs no last look
                assert told(order)[1] == expected, (life, order)
    assert count > 100


@pytest.mark.parametrize("length", [2, 3])
def test_f20_f21_captured_money_is_told_once_however_often_it_is_news(length: int) -> None:
    for life in lives(length):
        for order in orders_with_copies(life):
            payment, end = told(order)
            events = payment.take_events()
            assert [e.amount for e in events if isinstance(e, PaymentCaptured)] == [eur(TOTAL)] * bool(end.captured)
            assert sum(isinstance(event, PaymentProcessed) for event in events) == payment.processed
            assert payment.processed or not end.captured
            assert {event.subject for event in events} <= {payment.id}


@pytest.mark.parametrize("name", INTENT)
def test_f10_the_same_news_again_change_nothing(name: str) -> None:
    payment, end = told([name])
    payment.take_events()
    before = (payment.attempts, payment.processed, payment.updated_at)
    assert payment.follow(INTENT[name], later(60)) == []
    assert payment.take_events() == []
    assert (payment.attempts, payment.processed, payment.updated_at) == before
    assert end.status is INTENT[name].status


@pytest.mark.parametrize(
    ("names", "moves", "events"),
    [
        (["authorized"], [MoneyMove.AUTHORIZED], [PaymentProcessed]),
        (["authorized", "captured"], [MoneyMove.CAPTURED], [PaymentCaptured]),
        (["captured"], [MoneyMove.CAPTURED], [PaymentProcessed, PaymentCaptured]),
        (["failed"], [MoneyMove.FAILED], [PaymentFailed]),
        (["action"], [], [PaymentActionRequired]),
        (["processing"], [], []),
        (["action", "cancelled"], [MoneyMove.VOIDED], [PaymentVoided]),
        (["captured", "failed"], [], []),
        (["processing", "action"], [], [PaymentActionRequired]),
    ],
    ids=lambda names: " ".join(map(str, names)) if isinstance(names, list) else None,
)
def test_what_follows_from_the_last_news(names: list[str], moves: list[MoneyMove], events: list[type]) -> None:
    payment, _ = told(names[:-1])
    payment.take_events()
    assert payment.follow(INTENT[names[-1]], later(60)) == moves
    assert [type(event) for event in payment.take_events()] == events


def test_a_payment_opens_with_one_new_attempt_that_the_provider_may_not_know() -> None:
    payment = a_payment()
    assert (payment.status, payment.attempt.provider_ref, len(payment.attempts)) == (S.NEW, "", 1)
    assert payment.status in LIVE_ATTEMPTS
    assert payment.follow(news(S.NEW, client_secret="hidden"), later()) == []
    assert (payment.attempt.provider_ref, payment.attempt.client_secret) == ("pi_1", "hidden")
    payment.follow(news(S.PROCESSING), later())
    assert payment.attempt.client_secret == "hidden"


def test_news_of_a_foreign_intent_are_refused() -> None:
    payment, end = told(["processing"])
    with pytest.raises(PaymentNotFound, match="pi_2"):
        payment.follow(news(S.CAPTURED, TOTAL, provider_ref="pi_2"), later())
    assert payment.status is end.status
    assert payment.captured == eur(0)


def test_another_step_or_reason_in_the_same_state_is_taken_over() -> None:
    payment, _ = told(["action"])
    moved_on = NextAction(kind="redirect", url="https://bank.example/2")
    assert payment.follow(news(S.REQUIRES_ACTION, next_action=moved_on), later(9)) == []
    assert payment.attempt.next_action == moved_on
    assert payment.updated_at == payment.attempt.updated_at == later(9)
    payment, _ = told(["failed"])
    payment.follow(news(S.FAILED, failure_code="expired_card"), later(9))
    assert payment.attempt.failure_code == "expired_card"


@pytest.mark.parametrize("captured", [TOTAL - 1, TOTAL + 1])
def test_f42_another_sum_is_a_mismatch_and_can_go_back_whole(captured: int) -> None:
    payment = a_payment()
    assert payment.follow(news(S.CAPTURED, captured), later()) == [MoneyMove.MISMATCHED]
    assert payment.refundable == eur(captured)
    payment.reserve_refund(eur(captured), later())
    assert not payment.refundable


def test_f42_another_currency_is_a_mismatch_and_can_be_given_back() -> None:
    dollars = Money(TOTAL, "USD")
    payment = a_payment()
    taken = evolve(news(S.CAPTURED), amount=dollars, captured=dollars)
    assert payment.follow(taken, later()) == [MoneyMove.MISMATCHED]
    with pytest.raises(RefundExceedsCaptured):
        payment.reserve_refund(eur(1), later())
    payment.reserve_refund(dollars, later())
    assert (payment.refund_reserved, payment.refundable) == (dollars, Money(0, "USD"))


def test_f42_an_authorisation_of_another_sum_is_a_mismatch() -> None:
    payment = a_payment()
    assert payment.follow(news(S.AUTHORIZED, amount=eur(1)), later()) == [MoneyMove.MISMATCHED]
    assert not payment.captured


def test_until_it_is_authorised_an_attempt_is_where_the_provider_last_saw_it() -> None:
    undecided = {S.REQUIRES_ACTION, S.PROCESSING, S.FAILED}
    assert all(undecided - {state} <= ATTEMPT_ARROWS[state] for state in undecided)
    for state in (S.AUTHORIZED, S.CAPTURED, S.CANCELLED):
        assert not ATTEMPT_ARROWS[state] & (undecided | {S.NEW})


class NewsOfAnIntent(RuleBasedStateMachine):
    """A provider's intent lives on; what was true of it at any time may arrive at any later time."""

    def __init__(self) -> None:
        super().__init__()
        self.payment = a_payment()
        self.past: list[str] = []
        self.captured = 0
        self.processed = 0
        self.status = self.payment.status

    @rule(choice=st.integers(0, 100))
    def the_intent_lives_on(self, choice: int) -> None:
        possible = sorted(NEXT[self.past[-1]]) if self.past else FIRST
        if possible:
            self.past.append(possible[choice % len(possible)])

    @precondition(lambda self: self.past)
    @rule(choice=st.integers(0, 100))
    def some_news_arrive(self, choice: int) -> None:
        self.payment.follow(INTENT[self.past[choice % len(self.past)]], later())
        self.look()

    @precondition(lambda self: self.past)
    @rule()
    def the_reconciler_looks(self) -> None:
        now = INTENT[self.past[-1]]
        self.payment.follow(now, later())
        self.look()
        assert (self.payment.status, self.payment.captured) == (now.status, now.captured)

    def look(self) -> None:
        self.processed += sum(isinstance(event, PaymentProcessed) for event in self.payment.take_events())
        status = self.payment.status
        assert status is self.status or status in ATTEMPT_ARROWS[self.status]
        self.status = status

    @invariant()
    def what_was_taken_only_grows(self) -> None:
        captured = self.payment.captured.minor
        assert self.captured <= captured <= TOTAL
        self.captured = captured

    @invariant()
    def it_was_processed_at_most_once(self) -> None:
        assert self.processed == self.payment.processed
        assert self.processed <= 1
        assert self.payment.processed or self.payment.status not in (S.AUTHORIZED, S.CAPTURED)


TestNewsOfAnIntent = pytest.mark.prove(NewsOfAnIntent.TestCase)
TestNewsOfAnIntent.settings = settings(max_examples=rounds(50, in_full=2_000), stateful_step_count=30)


def a_message() -> InboxItem:
    return InboxItem.receive(
        id=an(InboxId),
        provider="fake",
        event_ref="evt_1",
        event_type="payment_intent.succeeded",
        object_ref="pi_1",
        body=b"{}",
        at=NOW,
    )


def test_a_message_is_kept_and_told_of() -> None:
    item = a_message()
    [event] = item.take_events()
    assert isinstance(event, ProviderNewsReceived)
    assert (event.subject, item.state, item.received_at) == (item.id, InboxState.NEW, NOW)


@pytest.mark.parametrize("state", [InboxState.APPLIED, InboxState.IGNORED])
def test_f21_a_message_is_settled_once(state: InboxState) -> None:
    item = a_message()
    item.settle(state, later())
    assert (item.state, item.settled_at) == (state, later())
    with pytest.raises(Conflict):
        item.settle(InboxState.APPLIED, later(2))
    assert item.settled_at == later()


def test_what_was_parked_may_be_settled_once_more() -> None:
    item = a_message()
    item.settle(InboxState.PARKED, later())
    item.settle(InboxState.APPLIED, later(2))
    assert (item.state, item.settled_at) == (InboxState.APPLIED, later(2))


def test_a_session_is_our_own_record_of_the_choice() -> None:
    session = PaymentSession(
        id=an(PaymentSessionId), cart_id=an(CartId), provider="fake", method="fake_card", created_at=NOW
    )
    assert (session.version, session.take_events()) == (0, [])


@given(st.lists(st.sampled_from([(S.FAILED, "a"), (S.FAILED, "b"), (S.REQUIRES_ACTION, ""), (S.PROCESSING, "")])))
def test_each_decline_is_kept_once_and_in_order(seen: list[tuple[AttemptStatus, str]]) -> None:
    payment = a_payment(amount=eur(TOTAL))
    expected: list[str] = []
    before: tuple[AttemptStatus, str] | None = None
    for status, code in seen:
        payment.follow(news(status, failure_code=code), at=NOW)
        if status is S.FAILED and (status, code) != before:
            expected.append(code)
        before = (status, code)
        assert payment.attempt.declines == tuple(expected[:DECLINES_MAX])
        assert payment.last_decline == (expected[:DECLINES_MAX][-1] if expected else "")
    payment.follow(news(S.AUTHORIZED), at=NOW)
    assert payment.attempt.declines == tuple(expected[:DECLINES_MAX]), "a card that works does not undo them"


def test_no_more_declines_are_kept_than_a_shopper_has_cards() -> None:
    payment = a_payment(amount=eur(TOTAL))
    for number in range(DECLINES_MAX + 50):
        payment.follow(news(S.FAILED, failure_code=f"code_{number}"), at=NOW)
    assert len(payment.attempt.declines) == DECLINES_MAX
