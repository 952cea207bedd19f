"""Refunds: each is made once, never of more than is left, and the provider can be asked for all of them."""

import asyncio

import pytest
from attrs import evolve

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
from shop.domain.kernel.money import Money
from shop.domain.payments import AttemptStatus, RefundReason, RefundStatus


class RefundPromises(GatewayPromises):
    """Refunds: each is made once, never of more than is left, and the provider can be asked for all of them."""

    @alone
    async def test_refunds_add_up_and_repeat_safely(self, subject: GatewayUnderTest) -> None:
        request = new_request(subject)
        ref = (await captured(subject, request)).provider_ref
        first, second = new_refund(ref, 500), new_refund(ref, 1499)
        answers = [await subject.gateway.refund(first) for _ in range(2)]
        assert answers[0] == answers[1]
        assert (answers[0].status, answers[0].amount) == (RefundStatus.SUCCEEDED, Money(500, "EUR"))
        assert answers[0].provider_ref
        await subject.gateway.refund(second)
        state = await subject.gateway.fetch(ref)
        assert state.refunded == state.captured == request.amount
        assert state.status is AttemptStatus.CAPTURED
        assert {refund.refund_id for refund in state.refunds} == {first.refund_id, second.refund_id}

    @alone
    async def test_f19_the_same_refund_at_the_same_time_is_one(self, subject: GatewayUnderTest) -> None:
        ref = (await captured(subject, new_request(subject))).provider_ref
        request = new_refund(ref, 500)
        states = await asyncio.gather(*(subject.gateway.refund(request) for _ in range(3)))
        assert len({state.provider_ref for state in states}) == 1
        assert len((await subject.gateway.fetch(ref)).refunds) == 1

    @alone
    async def test_each_reason_is_understood(self, subject: GatewayUnderTest) -> None:
        ref = (await captured(subject, new_request(subject))).provider_ref
        for reason in RefundReason:
            state = await subject.gateway.refund(evolve(new_refund(ref, 1), reason=reason))
            assert state.status is RefundStatus.SUCCEEDED

    @alone
    async def test_many_refunds_are_all_told(self, subject: GatewayUnderTest) -> None:
        """Stripe shows the latest ten with the charge, and has to be asked for the others."""
        ref = (await captured(subject, new_request(subject))).provider_ref
        for _ in range(12):
            await subject.gateway.refund(new_refund(ref, 3))
        state = await subject.gateway.fetch(ref)
        assert (len(state.refunds), state.refunded) == (12, Money(36, "EUR"))

    @alone
    async def test_f49_no_refund_of_nothing_or_less(self, subject: GatewayUnderTest) -> None:
        state = await captured(subject, new_request(subject))
        for minor in (0, -1, -1999):
            with pytest.raises(Invalid):
                await subject.gateway.refund(new_refund(state.provider_ref, minor))
        assert not (await subject.gateway.fetch(state.provider_ref)).refunds

    @alone
    async def test_f49_no_refund_of_more_than_is_left(self, subject: GatewayUnderTest) -> None:
        ref = (await captured(subject, new_request(subject))).provider_ref
        with pytest.raises(PaymentRefused):
            await subject.gateway.refund(new_refund(ref, 2000))
        await subject.gateway.refund(new_refund(ref, 1000))
        with pytest.raises(PaymentRefused):
            await subject.gateway.refund(new_refund(ref, 1000))
        assert (await subject.gateway.fetch(ref)).refunded == Money(1000, "EUR")

    @alone
    async def test_a_refund_is_in_the_currency_of_the_payment(self, subject: GatewayUnderTest) -> None:
        ref = (await captured(subject, new_request(subject))).provider_ref
        with pytest.raises(Invalid):
            await subject.gateway.refund(new_refund(ref, 500, "USD"))
        assert not (await subject.gateway.fetch(ref)).refunds

    @alone
    async def test_what_was_not_captured_cannot_go_back(self, subject: GatewayUnderTest) -> None:
        state = await authorized(subject, new_request(subject))
        with pytest.raises(PaymentRefused):
            await subject.gateway.refund(new_refund(state.provider_ref, 1))
