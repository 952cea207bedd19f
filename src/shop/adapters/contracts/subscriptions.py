"""What every billing of subscriptions promises, as tests: subclass `SubscriptionBillingContract`, say how to open it.

    class TestMyBilling(SubscriptionBillingContract):
        @asynccontextmanager
        async def open_subject(self):
            ...
            yield BillingUnderTest(...)

pytest is all that is needed.
"""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from typing import ClassVar
from uuid import uuid4

import pytest
from attrs import evolve, frozen

from shop.adapters.contracts.payments import MovableClock
from shop.adapters.contracts.stories import alone
from shop.application.ports.network import ProgrammingMistake, enter_transaction, leave_transaction
from shop.application.ports.payments import PaymentGateway, PaymentRefused
from shop.application.ports.subscriptions import (
    BillingRequest,
    BillingState,
    BillingStatus,
    InvoiceCharge,
    MethodNotForSubscriptions,
    SubscriptionBilling,
)
from shop.domain.kernel.identifiers import AttemptId, OrderId, SubscriptionId, UserId
from shop.domain.kernel.money import Money
from shop.domain.payments import AttemptStatus
from shop.domain.subscriptions import Interval, IntervalUnit, SubscriptionNotFound

MONTHLY = Interval(IntervalUnit.MONTH)


@frozen(kw_only=True)
class BillingUnderTest:
    """A billing with all that a test needs around it.

    `clock` is the one that it was given; `passed` tells the provider that time has passed, where it has a clock of its
    own. `gateway` takes the payments of the same provider. The methods can be used without the customer, but for
    `method_for_once`.
    """

    billing: SubscriptionBilling
    gateway: PaymentGateway
    clock: MovableClock
    method: str
    declined_method: str
    method_for_once: str
    unknown_ref: str
    passed: Callable[[], None] = lambda: None

    def request(self, method: str = "", minor: int = 3490) -> BillingRequest:
        return BillingRequest(
            subscription_id=SubscriptionId(uuid4()),
            customer_id=UserId(uuid4()),
            email="ada@example.com",
            method=method or self.method,
            title="Coffee",
            amount=Money(minor, "EUR"),
            interval=MONTHLY,
        )

    async def begun(self, method: str = "") -> tuple[BillingState, InvoiceCharge]:
        """A subscription, and the charge of its first period."""
        request = self.request(method)
        state = await self.billing.subscribe(request)
        return state, self.charge(state, request.amount)

    def charge(self, state: BillingState, amount: Money) -> InvoiceCharge:
        return InvoiceCharge(
            provider_ref=state.provider_ref,
            period_start=self.clock.now(),
            attempt_id=AttemptId(uuid4()),
            order_id=OrderId(uuid4()),
            amount=amount,
        )


class SubscriptionBillingContract:
    """The promises of `shop.application.ports.subscriptions.SubscriptionBilling`."""

    leaves_out: ClassVar[Mapping[str, str]] = {}

    def open_subject(self) -> AbstractAsyncContextManager[BillingUnderTest]:
        """A billing at a provider that nobody else uses, closed at the end."""
        raise NotImplementedError

    @alone
    async def test_subscribing_takes_nothing_and_twice_is_once(self, subject: BillingUnderTest) -> None:
        request = subject.request()
        first = await subject.billing.subscribe(request)
        assert first.status is BillingStatus.RUNNING
        assert first.provider_ref
        assert (await subject.billing.subscribe(request)).provider_ref == first.provider_ref
        assert (await subject.billing.fetch(first.provider_ref)).provider_ref == first.provider_ref
        assert (await subject.billing.subscribe(subject.request())).provider_ref != first.provider_ref

    @alone
    async def test_what_it_takes_can_be_charged_again(self, subject: BillingUnderTest) -> None:
        """A checkout asks before it takes the money of a first period."""
        assert subject.billing.takes(subject.method)
        assert not subject.billing.takes(subject.method_for_once)
        assert not subject.billing.takes("")
        with pytest.raises(MethodNotForSubscriptions):
            await subject.billing.subscribe(subject.request(subject.method_for_once))

    @alone
    async def test_it_says_what_it_takes_at_least(self, subject: BillingUnderTest) -> None:
        for currency in ("EUR", "JPY", "KWD"):
            least = subject.billing.least(currency)
            assert Money.zero(currency) <= least < Money(1000, currency)

    @alone
    async def test_what_the_provider_has_not_is_not_found(self, subject: BillingUnderTest) -> None:
        with pytest.raises(SubscriptionNotFound):
            await subject.billing.fetch(subject.unknown_ref)

    @alone
    async def test_a_charge_takes_exactly_its_amount_once(self, subject: BillingUnderTest) -> None:
        _, charge = await subject.begun()
        first = await subject.billing.charge(charge)
        assert (first.status, first.captured, first.amount) == (AttemptStatus.CAPTURED, charge.amount, charge.amount)
        again = await asyncio.gather(*(subject.billing.charge(charge) for _ in range(3)))
        assert {(state.provider_ref, state.captured) for state in again} == {(first.provider_ref, charge.amount)}
        assert (await subject.gateway.fetch(first.provider_ref)).captured == charge.amount

    @alone
    async def test_a_period_costs_what_the_charge_says(self, subject: BillingUnderTest) -> None:
        """What a change comes to, or a delivery that has become dearer."""
        _, charge = await subject.begun()
        for minor in (1, 99_999):
            _, charge = await subject.begun()
            state = await subject.billing.charge(evolve(charge, amount=Money(minor, "EUR")))
            assert state.captured == Money(minor, "EUR")

    @alone
    async def test_each_period_has_an_invoice_of_its_own(self, subject: BillingUnderTest) -> None:
        state, charge = await subject.begun()
        first = await subject.billing.charge(charge)
        subject.clock.at = MONTHLY.boundary(subject.clock.at, 1)
        subject.passed()
        second = await subject.billing.charge(subject.charge(state, charge.amount))
        assert second.status is AttemptStatus.CAPTURED
        assert second.provider_ref != first.provider_ref

    @alone
    async def test_nothing_is_taken_for_a_period_that_costs_nothing(self, subject: BillingUnderTest) -> None:
        _, charge = await subject.begun()
        free = evolve(charge, amount=Money(0, "EUR"))
        assert not (await subject.billing.charge(free)).captured
        assert not (await subject.billing.charge(free)).captured

    @alone
    async def test_a_decline_is_a_state_and_is_not_tried_again_unasked(self, subject: BillingUnderTest) -> None:
        _, charge = await subject.begun(subject.declined_method)
        for _ in range(2):
            state = await subject.billing.charge(charge)
            assert state.status is AttemptStatus.FAILED
            assert state.failure_code
            assert not state.captured

    @alone
    async def test_a_retry_uses_the_method_of_now(self, subject: BillingUnderTest) -> None:
        request = subject.request(subject.declined_method)
        state = await subject.billing.subscribe(request)
        charge = subject.charge(state, request.amount)
        declined = await subject.billing.charge(charge)
        assert (await subject.billing.retry(charge, "again-1")).status is AttemptStatus.FAILED
        better = evolve(request, method=subject.method)
        await subject.billing.change(state.provider_ref, better, key="other-card")
        paid = await subject.billing.retry(charge, "again-2")
        assert (paid.status, paid.captured) == (AttemptStatus.CAPTURED, charge.amount)
        assert paid.provider_ref == declined.provider_ref
        assert (await subject.billing.retry(charge, "again-3")).captured == charge.amount

    @alone
    async def test_another_method_in_between_changes_nothing_of_a_charge(self, subject: BillingUnderTest) -> None:
        """Whoever was cut short asks again, and the customer may have changed their mind meanwhile."""
        request = subject.request()
        state = await subject.billing.subscribe(request)
        charge = subject.charge(state, request.amount)
        paid = await subject.billing.charge(charge)
        other = evolve(request, method=subject.declined_method)
        await subject.billing.change(state.provider_ref, other, key="other-card")
        assert await subject.billing.charge(charge) == paid

    @alone
    async def test_what_was_voided_takes_nothing_any_more(self, subject: BillingUnderTest) -> None:
        for method in (subject.method, subject.declined_method):
            _, charge = await subject.begun(method)
            declined = await subject.billing.charge(charge) if method == subject.declined_method else None
            for _ in range(2):
                voided = await subject.billing.void(charge)
                assert voided.status is AttemptStatus.CANCELLED
                assert declined is None or voided.provider_ref == declined.provider_ref
            assert not (await subject.billing.charge(charge)).captured

    @alone
    async def test_what_was_paid_is_not_voided(self, subject: BillingUnderTest) -> None:
        _, charge = await subject.begun()
        paid = await subject.billing.charge(charge)
        voided = await subject.billing.void(charge)
        assert (voided.status, voided.captured) == (AttemptStatus.CAPTURED, charge.amount)
        assert voided.provider_ref == paid.provider_ref

    @alone
    async def test_it_is_paused_resumed_and_ended(self, subject: BillingUnderTest) -> None:
        state, charge = await subject.begun()
        ref, billing = state.provider_ref, subject.billing
        for act, status in (
            (billing.pause, BillingStatus.PAUSED),
            (billing.resume, BillingStatus.RUNNING),
            (billing.cancel, BillingStatus.ENDED),
        ):
            for _ in range(2):
                await act(ref)
                assert (await billing.fetch(ref)).status is status
        later = evolve(charge, period_start=charge.period_start + timedelta(days=40), attempt_id=AttemptId(uuid4()))
        with pytest.raises(PaymentRefused):
            await billing.charge(later)

    @alone
    async def test_what_was_taken_can_be_given_back(self, subject: BillingUnderTest) -> None:
        """The money of an invoice is the money of a payment, as everywhere in the shop."""
        _, charge = await subject.begun()
        paid = await subject.billing.charge(charge)
        assert (await subject.gateway.fetch(paid.provider_ref)).status is AttemptStatus.CAPTURED

    @alone
    async def test_nobody_waits_for_it_inside_a_transaction(self, subject: BillingUnderTest) -> None:
        state, charge = await subject.begun()
        token = enter_transaction()
        try:
            for call in (
                subject.billing.subscribe(subject.request()),
                subject.billing.fetch(state.provider_ref),
                subject.billing.charge(charge),
                subject.billing.retry(charge, "k"),
                subject.billing.void(charge),
                subject.billing.pause(state.provider_ref),
                subject.billing.resume(state.provider_ref),
                subject.billing.cancel(state.provider_ref),
                subject.billing.change(state.provider_ref, subject.request(), key="k"),
            ):
                with pytest.raises(ProgrammingMistake):
                    await call
        finally:
            leave_transaction(token)
