"""The circuit breaker between the shop and its payment provider."""

import asyncio
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shop.application.outages import (
    DEADLINE_SECONDS,
    CircuitBreaker,
    CircuitRules,
    CircuitState,
    Guard,
    GuardedBilling,
    GuardedGateway,
    ProviderResting,
)
from shop.application.ports.payments import PaymentProviderUnavailable
from shop.application.ports.subscriptions import BillingState
from shop.domain.orders import PaymentStatus
from shop.domain.payments import PaymentNotFound
from shop.domain.subscriptions import SubscriptionNotFound
from tests.application.providers import Away, faulty
from tests.shops import SettableClock, open_small_shop

RULES = CircuitRules(window_seconds=30, calls_min=4, share=0.5, rest_seconds=10)
# How long after the one before a call ends, and how: None is called off.
ENDS = st.lists(st.tuples(st.floats(0, 20), st.sampled_from([True, False, None])), max_size=80)


def failed(breaker: CircuitBreaker, times: int, at: float = 0.0) -> None:
    for _ in range(times):
        breaker.note(at, answered=False)


def test_it_stays_closed_below_the_least_number_of_calls_and_below_the_share() -> None:
    breaker = CircuitBreaker(RULES)
    failed(breaker, 3)
    assert breaker.state(0) is CircuitState.CLOSED
    calm = CircuitBreaker(RULES)
    for n in range(30):
        calm.note(n, answered=n % 3 > 0)
    assert calm.admits(30)


def test_it_opens_when_half_of_the_calls_fail_and_rests() -> None:
    breaker = CircuitBreaker(RULES)
    failed(breaker, 4)
    assert breaker.state(9.9) is CircuitState.OPEN
    assert not breaker.admits(9.9)


def test_failures_of_long_ago_do_not_count() -> None:
    breaker = CircuitBreaker(RULES)
    failed(breaker, 3, at=0)
    failed(breaker, 1, at=31)
    assert breaker.state(31) is CircuitState.CLOSED


def test_after_the_rest_one_call_tries_and_decides() -> None:
    breaker = CircuitBreaker(RULES)
    failed(breaker, 4)
    assert [breaker.admits(10), breaker.admits(10), breaker.admits(11)] == [True, False, False]
    breaker.note(12, answered=False)
    assert not breaker.admits(21.9)
    assert breaker.admits(22)
    breaker.note(23, answered=True)
    assert breaker.state(23) is CircuitState.CLOSED
    failed(breaker, 3, at=24)
    assert breaker.admits(24)  # what was before the rest is forgotten


def test_a_trial_that_never_ends_does_not_keep_the_circuit_open() -> None:
    breaker = CircuitBreaker(RULES)
    failed(breaker, 4)
    assert breaker.admits(10)
    assert not breaker.admits(10 + DEADLINE_SECONDS - 1)
    assert breaker.admits(10 + DEADLINE_SECONDS)


@given(ENDS)
def test_whatever_happened_a_provider_that_answers_again_is_used_again(ends: list[tuple[float, bool | None]]) -> None:
    breaker, now = CircuitBreaker(RULES), 0.0
    for pause, answered in ends:
        now += pause
        if not breaker.admits(now):
            assert breaker.state(now) is not CircuitState.CLOSED
        elif answered is None:
            breaker.forgo()
        else:
            breaker.note(now, answered=answered)
    now += RULES.rest_seconds + 0.001
    assert breaker.admits(now)
    breaker.note(now, answered=True)
    for _ in range(3):
        assert breaker.admits(now)


@given(st.lists(st.floats(0, 3), min_size=20, max_size=200))
def test_a_provider_that_is_down_is_asked_once_in_a_rest(pauses: list[float]) -> None:
    breaker, now, asked = CircuitBreaker(RULES), 0.0, 0
    for pause in pauses:
        now += pause
        if breaker.admits(now):
            asked += 1
            breaker.note(now, answered=False)
    assert asked <= now // RULES.rest_seconds + now // RULES.window_seconds + RULES.calls_min + RULES.calls_min * 2


@given(st.lists(st.floats(0, 5), max_size=100))
def test_a_provider_that_answers_is_never_cut_off(pauses: list[float]) -> None:
    breaker, now = CircuitBreaker(RULES), 0.0
    for pause in pauses:
        now += pause
        assert breaker.admits(now)
        breaker.note(now, answered=True)


async def test_refusals_are_answers_and_outages_are_not() -> None:
    away = Away()
    small = await open_small_shop(faulty(away))
    guarded = GuardedGateway(small.shop.ports.gateway, Guard(CircuitBreaker(RULES), small.clock))
    for _ in range(4):
        with pytest.raises(PaymentProviderUnavailable):
            await guarded.fetch("pi_unknown")
    with pytest.raises(ProviderResting):
        await guarded.fetch("pi_unknown")
    away.over = True
    patient = GuardedGateway(small.shop.ports.gateway, Guard(CircuitBreaker(RULES), small.clock))
    for _ in range(20):
        with pytest.raises(PaymentNotFound):
            await patient.fetch("pi_unknown")


async def test_bills_and_payments_of_one_provider_rest_together() -> None:
    small = await open_small_shop()
    billing = small.billing
    refused, asked = GuardedBilling(billing, Guard(CircuitBreaker(RULES), small.clock)), list[str]()
    for _ in range(20):
        with pytest.raises(SubscriptionNotFound):
            await refused.fetch("sub_unknown")

    async def away(provider_ref: str) -> BillingState:
        asked.append(provider_ref)
        raise PaymentProviderUnavailable("It does not answer.")

    billing.fetch = away  # type: ignore[method-assign]
    cashier = small.shop.ports.cashier
    for _ in range(10):
        with pytest.raises(PaymentProviderUnavailable):
            await cashier.billing.fetch("sub_1")
    with pytest.raises(ProviderResting):
        await cashier.billing.fetch("sub_1")
    with pytest.raises(ProviderResting):
        await cashier.gateway.fetch("pi_1")
    assert len(asked) == 10


async def test_a_call_that_hangs_ends_at_its_deadline() -> None:
    hanging = type("Hanging", (), {"provider": "fake", "fetch": lambda self, ref: asyncio.Event().wait()})()
    guarded = GuardedGateway(hanging, Guard(CircuitBreaker(RULES), SettableClock(), deadline_seconds=0.01))
    for _ in range(4):
        with pytest.raises(PaymentProviderUnavailable):
            await guarded.fetch("pi_1")
    with pytest.raises(ProviderResting):
        await guarded.fetch("pi_1")


async def test_a_caller_who_goes_away_leaves_the_trial_to_the_next() -> None:
    small = await open_small_shop()
    breaker = CircuitBreaker(CircuitRules(calls_min=1, rest_seconds=10))
    breaker.note(small.clock.now().timestamp(), answered=False)
    small.clock.forward(timedelta(seconds=10))
    hanging = type("Hanging", (), {"provider": "fake", "fetch": lambda self, ref: asyncio.Event().wait()})()
    task = asyncio.create_task(GuardedGateway(hanging, Guard(breaker, small.clock)).fetch("pi_1"))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    with pytest.raises(PaymentNotFound):
        await GuardedGateway(small.shop.ports.gateway, Guard(breaker, small.clock)).fetch("pi_1")
    assert breaker.state(small.clock.now().timestamp()) is CircuitState.CLOSED


async def test_a_clock_that_is_put_back_does_not_keep_the_circuit_open() -> None:
    breaker = CircuitBreaker(RULES)
    failed(breaker, 4, at=1000)
    assert not breaker.admits(1001)
    assert breaker.admits(5)


async def test_orders_are_still_taken_while_the_provider_rests_and_paid_afterwards() -> None:
    """F-83 in small: the order stands, nobody waits, and it is paid once the provider is back."""
    away = Away()
    small = await open_small_shop(faulty(away))
    variant = await small.product(stock=20)
    placed = [await small.place(await small.cart((variant, 1))) for _ in range(12)]
    said = []
    for order_id in placed:
        with pytest.raises(PaymentProviderUnavailable) as trouble:
            await small.pay(order_id)
        said.append(type(trouble.value))
    assert said == [PaymentProviderUnavailable] * 10 + [ProviderResting] * 2
    assert not small.books.intents
    away.over = True
    small.clock.forward(timedelta(seconds=10))
    for order_id in placed:
        await small.pay(order_id)
        assert (await small.order(order_id)).payment_status is PaymentStatus.PAID
    assert len(small.books.intents) == 12
