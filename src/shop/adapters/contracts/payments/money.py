"""Money: it is taken once, released or given back, never more than there is."""

from datetime import timedelta
from uuid import uuid4

import pytest

from shop.adapters.contracts.payments.subject import (
    GatewayPromises,
    GatewayUnderTest,
    alone,
    authorized,
    captured,
    new_refund,
    new_request,
)
from shop.application.ports.payments import PaymentRefused
from shop.domain.kernel.errors import Invalid
from shop.domain.kernel.identifiers import AttemptId
from shop.domain.kernel.money import Money
from shop.domain.payments import AUTHORIZATION_EXPIRED, AttemptStatus


class MoneyPromises(GatewayPromises):
    """Money: it is taken once, released or given back, never more than there is."""

    @alone
    async def test_f48_amounts_come_back_in_the_minor_units_of_their_currency(self, subject: GatewayUnderTest) -> None:
        for minor, currency in ((1999, "EUR"), (500, "JPY"), (5120, "KWD"), (500, "ISK"), (700, "UGX")):
            request = new_request(subject, minor, currency)
            state = await subject.gateway.create_intent(request)
            assert state.amount == request.amount
            assert (await subject.gateway.fetch(state.provider_ref)).amount == request.amount

    @alone
    async def test_f48_captured_and_refunded_come_back_in_minor_units(self, subject: GatewayUnderTest) -> None:
        for minor, currency in ((500, "JPY"), (5120, "KWD"), (500, "ISK")):
            request = new_request(subject, minor, currency)
            state = await captured(subject, request)
            assert state.captured == request.amount
            half = Money(minor // 2, currency)
            refund = await subject.gateway.refund(new_refund(state.provider_ref, half.minor, currency))
            assert refund.amount == half
            assert (await subject.gateway.fetch(state.provider_ref)).refunded == half

    @alone
    async def test_capture_takes_the_whole_amount_once(self, subject: GatewayUnderTest) -> None:
        request = new_request(subject)
        first = await captured(subject, request)
        assert first.status is AttemptStatus.CAPTURED
        assert first.captured == request.amount
        again = await subject.gateway.capture(first.provider_ref, request.attempt_id)
        assert again == first
        assert (await subject.gateway.fetch(first.provider_ref)).captured == request.amount

    @alone
    async def test_the_brand_of_the_card_is_told_once_it_was_charged(self, subject: GatewayUnderTest) -> None:
        request = new_request(subject, method=subject.challenged_method)
        assert not (await subject.gateway.create_intent(request)).brand
        assert (await captured(subject, new_request(subject))).brand == "visa"

    @alone
    async def test_what_is_captured_already_is_captured_for_another_key_too(self, subject: GatewayUnderTest) -> None:
        state = await captured(subject, new_request(subject))
        again = await subject.gateway.capture(state.provider_ref, AttemptId(uuid4()))
        assert again.status is AttemptStatus.CAPTURED
        assert again.captured == state.captured

    @alone
    async def test_capture_waits_for_the_authorisation(self, subject: GatewayUnderTest) -> None:
        request = new_request(subject, method=subject.challenged_method)
        state = await subject.gateway.create_intent(request)
        await subject.challenge(state)
        with pytest.raises(PaymentRefused):
            await subject.gateway.capture(state.provider_ref, request.attempt_id)

    @alone
    async def test_a_refused_capture_can_be_repeated_once_it_is_authorised(self, subject: GatewayUnderTest) -> None:
        request = new_request(subject, method=subject.challenged_method)
        state = await subject.gateway.create_intent(request)
        with pytest.raises(PaymentRefused):
            await subject.gateway.capture(state.provider_ref, request.attempt_id)
        await subject.pay(state)
        state = await subject.gateway.capture(state.provider_ref, request.attempt_id)
        assert state.captured == request.amount

    @alone
    async def test_cancel_ends_an_intent_before_it_is_paid(self, subject: GatewayUnderTest) -> None:
        request = new_request(subject, method=subject.challenged_method)
        state = await subject.gateway.create_intent(request)
        for _ in range(2):
            state = await subject.gateway.cancel(state.provider_ref, request.attempt_id)
            assert state.status is AttemptStatus.CANCELLED
        state = await subject.gateway.cancel(state.provider_ref, AttemptId(uuid4()))
        assert state.status is AttemptStatus.CANCELLED
        with pytest.raises(PaymentRefused):
            await subject.gateway.confirm(state.provider_ref, request.attempt_id, subject.server_method)

    @alone
    async def test_cancel_releases_an_authorisation(self, subject: GatewayUnderTest) -> None:
        request = new_request(subject)
        state = await authorized(subject, request)
        state = await subject.gateway.cancel(state.provider_ref, request.attempt_id)
        assert state.status is AttemptStatus.CANCELLED
        assert not state.captured
        with pytest.raises(PaymentRefused):
            await subject.gateway.capture(state.provider_ref, request.attempt_id)

    @alone
    async def test_cancel_after_capture_says_captured_and_cancels_nothing(self, subject: GatewayUnderTest) -> None:
        request = new_request(subject)
        state = await captured(subject, request)
        state = await subject.gateway.cancel(state.provider_ref, request.attempt_id)
        assert state.status is AttemptStatus.CAPTURED
        assert state.captured == request.amount
        assert not state.refunded

    @alone
    async def test_a_part_is_captured_and_the_rest_let_go_of(self, subject: GatewayUnderTest) -> None:
        request = new_request(subject)
        ref = (await authorized(subject, request)).provider_ref
        for _ in range(2):
            state = await subject.gateway.capture(ref, request.attempt_id, Money(1500, "EUR"))
            assert (state.status, state.captured) == (AttemptStatus.CAPTURED, Money(1500, "EUR"))
        again = await subject.gateway.fetch(ref)
        assert (again.amount, again.captured, again.refunds) == (request.amount, Money(1500, "EUR"), ())
        with pytest.raises(PaymentRefused):
            await subject.gateway.refund(new_refund(ref, 1501))
        await subject.gateway.refund(new_refund(ref, 1500))
        assert (await subject.gateway.fetch(ref)).refunded == Money(1500, "EUR")

    @alone
    async def test_f48_a_part_comes_in_the_minor_units_of_its_currency(self, subject: GatewayUnderTest) -> None:
        for whole, part, currency in ((500, 120, "JPY"), (5120, 10, "KWD"), (500, 300, "ISK")):
            request = new_request(subject, whole, currency)
            ref = (await authorized(subject, request)).provider_ref
            await subject.gateway.capture(ref, request.attempt_id, Money(part, currency))
            state = await subject.gateway.fetch(ref)
            assert (state.captured, state.refunds) == (Money(part, currency), ())

    @alone
    async def test_no_more_is_captured_than_is_authorised(self, subject: GatewayUnderTest) -> None:
        request = new_request(subject)
        ref, attempt = (await authorized(subject, request)).provider_ref, request.attempt_id
        with pytest.raises(PaymentRefused):
            await subject.gateway.capture(ref, attempt, Money(2000, "EUR"))
        for wrong in (Money(0, "EUR"), Money(-1, "EUR"), Money(100, "USD")):
            with pytest.raises(Invalid):
                await subject.gateway.capture(ref, attempt, wrong)
        assert (await subject.gateway.fetch(ref)).status is AttemptStatus.AUTHORIZED
        assert (await subject.gateway.capture(ref, attempt)).captured == request.amount

    @alone
    async def test_f20_what_was_captured_in_part_cannot_be_captured_again(self, subject: GatewayUnderTest) -> None:
        request = new_request(subject)
        ref = (await authorized(subject, request)).provider_ref
        await subject.gateway.capture(ref, request.attempt_id, Money(500, "EUR"))
        for amount in (None, Money(600, "EUR")):
            state = await subject.gateway.capture(ref, AttemptId(uuid4()), amount)
            assert (state.status, state.captured) == (AttemptStatus.CAPTURED, Money(500, "EUR"))

    @alone
    async def test_f40_it_says_until_when_it_can_be_captured(self, subject: GatewayUnderTest) -> None:
        request = new_request(subject)
        state = await authorized(subject, request)
        assert state.expires_at is not None
        assert timedelta(days=1) < state.expires_at - subject.clock.now() <= timedelta(days=31)
        taken = await subject.gateway.capture(state.provider_ref, request.attempt_id)
        assert taken.expires_at is None

    @alone
    async def test_f40_what_has_lapsed_is_cancelled_and_takes_nothing(self, subject: GatewayUnderTest) -> None:
        request = new_request(subject)
        ref = (await authorized(subject, request)).provider_ref
        if subject.lapse is None:
            pytest.skip("nobody can let the time pass at this provider")
        await subject.lapse(ref)
        with pytest.raises(PaymentRefused):
            await subject.gateway.capture(ref, request.attempt_id)
        assert (await subject.gateway.cancel(ref, request.attempt_id)).status is AttemptStatus.CANCELLED
        state = await subject.gateway.fetch(ref)
        assert (state.status, state.failure_code) == (AttemptStatus.CANCELLED, AUTHORIZATION_EXPIRED)
        assert (state.captured, state.refunds) == (Money(0, "EUR"), ())
