"""Money that is promised first and taken later: wishes are kept, one at a time, and never of more than is promised."""

from contextlib import suppress
from datetime import timedelta

import pytest
from attrs import evolve
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from shop.domain.kernel.capturing import CapturePolicy
from shop.domain.kernel.errors import Invalid
from shop.domain.kernel.money import Money
from shop.domain.payments import (
    AUTHORIZATION_EXPIRED,
    WARNED_BEFORE,
    AttemptStatus,
    AuthorizationExpired,
    CaptureExceedsAuthorized,
    IntentState,
    MoneyMove,
    Payment,
    PaymentAuthorizationExpiring,
    PaymentCannotMove,
    PaymentVoided,
)
from tests.domain.samples import NOW, a_payment, eur, later
from tests.scale import rounds

TOTAL = 1190
WEEK = NOW + timedelta(days=7)
S = AttemptStatus


def news(status: AttemptStatus, captured: int = 0, **changes: object) -> IntentState:
    until = WEEK if status is S.AUTHORIZED else None
    state = IntentState(provider_ref="pi_1", status=status, amount=eur(TOTAL), captured=eur(captured), expires_at=until)
    return evolve(state, **changes)  # type: ignore[arg-type]


def authorized(capture: CapturePolicy = CapturePolicy.MANUAL) -> Payment:
    payment = a_payment(capture=capture)
    assert payment.follow(news(S.AUTHORIZED), NOW) == [MoneyMove.AUTHORIZED]
    payment.take_events()
    return payment


class TestWishes:
    def test_all_of_it_unless_a_part_is_named(self) -> None:
        payment = authorized()
        assert payment.awaits_capture
        assert payment.request_capture(None, later())
        assert (payment.to_take, payment.awaits_capture) == (eur(TOTAL), False)
        assert not payment.request_capture(eur(TOTAL), later())
        with pytest.raises(PaymentCannotMove):
            payment.request_capture(eur(1), later())

    def test_what_is_captured_automatically_needs_no_wish(self) -> None:
        payment = authorized(CapturePolicy.AUTOMATIC)
        assert (payment.to_take, payment.awaits_capture) == (eur(TOTAL), False)
        assert not payment.request_capture(None, later())

    @pytest.mark.parametrize("amount", [eur(TOTAL + 1), Money(1, "USD")])
    def test_never_more_than_is_promised(self, amount: Money) -> None:
        with pytest.raises(CaptureExceedsAuthorized):
            authorized().request_capture(amount, later())

    @pytest.mark.parametrize("minor", [0, -1])
    def test_never_nothing(self, minor: int) -> None:
        with pytest.raises(Invalid):
            authorized().request_capture(eur(minor), later())

    @pytest.mark.parametrize("status", sorted(set(S) - {S.AUTHORIZED, S.NEW}))
    def test_only_what_is_promised(self, status: AttemptStatus) -> None:
        payment = a_payment(capture=CapturePolicy.MANUAL)
        payment.follow(news(status, TOTAL if status is S.CAPTURED else 0), NOW)
        with pytest.raises(PaymentCannotMove):
            payment.request_capture(eur(1), later())
        if status is not S.CANCELLED:
            with pytest.raises(PaymentCannotMove):
                payment.request_void(later())

    def test_f40_until_it_lapses(self) -> None:
        payment = authorized()
        assert not payment.has_lapsed(WEEK - timedelta(microseconds=1))
        with pytest.raises(AuthorizationExpired):
            payment.request_capture(None, WEEK)

    def test_a_void_is_the_last_wish(self) -> None:
        payment = authorized()
        payment.request_capture(eur(5), later())
        assert payment.request_void(later())
        assert not payment.request_void(later())
        assert (payment.to_take, payment.capture_due) == (None, eur(5))
        with pytest.raises(PaymentCannotMove):
            payment.request_capture(eur(5), later())
        payment.follow(news(S.CANCELLED), later())
        assert not payment.request_void(later())


class TestNews:
    def test_a_part_that_was_wished_for_is_the_right_sum(self) -> None:
        payment = authorized()
        payment.request_capture(eur(500), later())
        assert payment.follow(news(S.CAPTURED, 500), later()) == [MoneyMove.CAPTURED]
        assert not payment.request_capture(eur(500), later())

    def test_a_part_that_nobody_wished_for_is_not(self) -> None:
        payment = authorized()
        payment.request_capture(eur(500), later())
        assert payment.follow(news(S.CAPTURED, 501), later()) == [MoneyMove.MISMATCHED]

    def test_money_that_was_quicker_than_a_void_is_there(self) -> None:
        payment = authorized()
        payment.request_void(later())
        assert payment.follow(news(S.CAPTURED, TOTAL), later()) == [MoneyMove.CAPTURED]
        assert not payment.void_due

    @pytest.mark.parametrize("said", [True, False])
    def test_f40_what_lapsed_is_told_apart_from_what_was_voided(self, said: bool) -> None:
        payment = authorized()
        gone = news(S.CANCELLED, failure_code=AUTHORIZATION_EXPIRED if said else "")
        assert payment.follow(gone, later() if said else WEEK) == [MoneyMove.EXPIRED]
        assert [type(event) for event in payment.take_events()] == [PaymentVoided]
        assert authorized().follow(news(S.CANCELLED), later()) == [MoneyMove.VOIDED]

    def test_an_authorisation_that_is_prolonged_lapses_later(self) -> None:
        payment = authorized()
        payment.follow(news(S.AUTHORIZED, expires_at=WEEK + timedelta(days=2)), later(9))
        assert payment.authorization_expires_at == WEEK + timedelta(days=2)
        payment.follow(news(S.AUTHORIZED, expires_at=None), later(10))
        assert payment.authorization_expires_at == WEEK + timedelta(days=2)


class TestLooks:
    def test_what_waits_for_people_is_looked_at_rarely_and_at_its_end(self) -> None:
        payment = authorized()
        assert payment.look_at == NOW + timedelta(hours=6)
        payment.put_off(later(10))
        assert payment.look_at == later(10) + timedelta(hours=6)
        payment.put_off(WEEK - WARNED_BEFORE - timedelta(hours=1))
        assert payment.look_at == WEEK - WARNED_BEFORE
        assert payment.remind(WEEK - WARNED_BEFORE)
        payment.put_off(WEEK - timedelta(hours=2))
        assert payment.look_at == WEEK
        payment.put_off(WEEK)
        assert payment.look_at is not None
        assert payment.look_at > WEEK

    def test_a_wish_is_looked_at_at_once(self) -> None:
        payment = authorized()
        payment.request_capture(None, later())
        assert payment.look_at is None

    def test_an_authorisation_without_an_end_is_looked_at_all_the_same(self) -> None:
        payment = a_payment(capture=CapturePolicy.MANUAL)
        payment.follow(news(S.AUTHORIZED, expires_at=None), NOW)
        assert payment.look_at == NOW + timedelta(hours=6)
        assert not payment.remind(WEEK)
        assert not payment.has_lapsed(WEEK)

    def test_people_are_warned_once(self) -> None:
        payment = authorized()
        assert not payment.remind(WEEK - WARNED_BEFORE - timedelta(seconds=1))
        assert payment.remind(WEEK - WARNED_BEFORE)
        assert not payment.remind(WEEK)
        [event] = payment.take_events()
        assert isinstance(event, PaymentAuthorizationExpiring)
        assert (event.expires_at, event.amount) == (WEEK, eur(TOTAL))

    def test_nobody_is_warned_of_what_is_under_way(self) -> None:
        payment = authorized()
        payment.request_capture(None, later())
        assert not payment.remind(WEEK - timedelta(hours=1))


class Captures(RuleBasedStateMachine):
    """Staff wish this and that, in any order and at any time, of an intent that a provider follows its own way."""

    def __init__(self) -> None:
        super().__init__()
        self.payment = authorized()
        self.now = NOW
        self.intent = news(S.AUTHORIZED)
        self.moves: list[MoneyMove] = []
        self.warned = 0

    @rule(hours=st.integers(1, 60))
    def time_passes(self, hours: int) -> None:
        self.now += timedelta(hours=hours)
        if self.intent.status is S.AUTHORIZED and self.now >= WEEK:
            self.intent = news(S.CANCELLED, failure_code=AUTHORIZATION_EXPIRED)

    @rule(minor=st.sampled_from([None, 1, 500, TOTAL, TOTAL + 1, 0]))
    def staff_wish_a_capture(self, minor: int | None) -> None:
        before = self.payment.to_take
        with suppress(PaymentCannotMove, AuthorizationExpired, CaptureExceedsAuthorized, Invalid):
            self.payment.request_capture(None if minor is None else eur(minor), self.now)
            assert minor in (None, 1, 500, TOTAL)
        assert before in (None, self.payment.to_take)

    @rule()
    def staff_wish_a_void(self) -> None:
        with suppress(PaymentCannotMove):
            self.payment.request_void(self.now)

    @precondition(lambda self: self.intent.status is S.AUTHORIZED and self.payment.status is S.AUTHORIZED)
    @rule()
    def the_wish_reaches_the_provider(self) -> None:
        if self.payment.void_due or self.payment.has_lapsed(self.now):
            self.intent = news(S.CANCELLED)
        elif (amount := self.payment.to_take) is not None:
            self.intent = news(S.CAPTURED, amount.minor)

    @rule()
    def the_shop_hears(self) -> None:
        self.moves += self.payment.follow(self.intent, self.now)
        assert (self.payment.status, self.payment.captured) == (self.intent.status, self.intent.captured)

    @rule()
    def the_sweeper_comes(self) -> None:
        self.warned += self.payment.remind(self.now)
        self.payment.put_off(self.now)
        assert self.payment.look_at is not None
        assert self.payment.look_at >= self.now

    @invariant()
    def it_ends_once_and_with_the_sum_that_was_wished_for(self) -> None:
        assert len(self.moves) <= 1
        assert MoneyMove.MISMATCHED not in self.moves
        if self.moves == [MoneyMove.CAPTURED]:
            assert self.payment.captured == self.payment.capture_due
        assert self.warned <= 1

    @invariant()
    def nothing_is_to_be_taken_of_what_is_let_go_of(self) -> None:
        assert not (self.payment.void_due and self.payment.to_take)
        due = self.payment.capture_due
        assert due is None or 0 < due.minor <= TOTAL


TestCaptures = pytest.mark.prove(Captures.TestCase)
TestCaptures.settings = settings(max_examples=rounds(50, in_full=2_000), stateful_step_count=30)
