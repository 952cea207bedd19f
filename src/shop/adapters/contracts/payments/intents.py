"""Intents: how they begin, what the shopper does, what a gateway refuses."""

import asyncio
from collections.abc import Awaitable, Callable
from uuid import uuid4

import pytest
from attrs import evolve

from shop.adapters.contracts.payments.subject import (
    GatewayPromises,
    GatewayUnderTest,
    alone,
    authorized,
    new_refund,
    new_request,
)
from shop.application.ports.network import ProgrammingMistake, enter_transaction, leave_transaction
from shop.application.ports.payments import KeyReused, PaymentRefused
from shop.domain.kernel.errors import Invalid
from shop.domain.kernel.identifiers import AttemptId
from shop.domain.kernel.money import Money
from shop.domain.payments import AttemptStatus, PaymentNotFound


class IntentPromises(GatewayPromises):
    """Intents: how they begin, what the shopper does, what a gateway refuses."""

    @alone
    async def test_it_names_the_ways_to_pay(self, subject: GatewayUnderTest) -> None:
        methods = await subject.gateway.methods()
        codes = [method.code for method in methods]
        assert {subject.method, subject.declined_method, subject.challenged_method} <= set(codes)
        assert len(set(codes)) == len(codes)
        assert all(method.confirms_in in ("browser", "server") and method.name for method in methods)
        assert all(method.authorizes for method in methods if method.code == subject.method)

    @alone
    async def test_a_new_intent_has_taken_no_money(self, subject: GatewayUnderTest) -> None:
        request = new_request(subject)
        state = await subject.gateway.create_intent(request)
        assert state.amount == request.amount
        assert not state.captured
        assert not state.refunded
        assert state.provider_ref

    @alone
    async def test_the_same_key_gives_the_same_intent(self, subject: GatewayUnderTest) -> None:
        request = new_request(subject)
        first = await subject.gateway.create_intent(request)
        assert await subject.gateway.create_intent(request) == first
        another = await subject.gateway.create_intent(evolve(request, attempt_id=AttemptId(uuid4())))
        assert another.provider_ref != first.provider_ref

    @alone
    async def test_the_same_key_at_the_same_time_gives_the_same_intent(self, subject: GatewayUnderTest) -> None:
        request = new_request(subject)
        states = await asyncio.gather(*(subject.gateway.create_intent(request) for _ in range(3)))
        assert len({state.provider_ref for state in states}) == 1

    @alone
    async def test_the_same_key_with_another_request_is_refused(self, subject: GatewayUnderTest) -> None:
        request = new_request(subject)
        await subject.gateway.create_intent(request)
        with pytest.raises(PaymentRefused):
            await subject.gateway.create_intent(evolve(request, amount=Money(1, "EUR")))

    @alone
    async def test_an_intent_above_zero_only(self, subject: GatewayUnderTest) -> None:
        for minor in (0, -1999):
            with pytest.raises(Invalid):
                await subject.gateway.create_intent(new_request(subject, minor))

    @alone
    async def test_what_it_refuses_to_make_is_refused_again_and_never_made(self, subject: GatewayUnderTest) -> None:
        """Another attempt for the same order may begin: there is nothing beside it that could take money."""
        if subject.refuse is None:
            pytest.skip("nobody can bring this provider to refuse")
        request = new_request(subject)
        subject.refuse(request)
        for confirm in (True, False, True):
            with pytest.raises(PaymentRefused) as refusal:
                await subject.gateway.create_intent(evolve(request, confirm=confirm))
            assert not isinstance(refusal.value, KeyReused)
            assert refusal.value.reason
        another = evolve(request, attempt_id=AttemptId(uuid4()))
        assert (await authorized(subject, another)).status is AttemptStatus.AUTHORIZED

    @alone
    async def test_paying_authorises_and_takes_nothing(self, subject: GatewayUnderTest) -> None:
        state = await authorized(subject, new_request(subject))
        assert state.status is AttemptStatus.AUTHORIZED
        assert not state.captured

    @alone
    async def test_a_decline_is_a_state(self, subject: GatewayUnderTest) -> None:
        state = await subject.gateway.create_intent(new_request(subject, method=subject.declined_method))
        await subject.decline(state)
        state = await subject.gateway.fetch(state.provider_ref)
        assert state.status is AttemptStatus.FAILED
        assert state.failure_code == subject.declined_code
        assert not state.captured

    @alone
    async def test_after_a_decline_another_method_may_be_tried(self, subject: GatewayUnderTest) -> None:
        request = new_request(subject, method=subject.declined_method)
        state = await subject.gateway.create_intent(request)
        await subject.decline(state)
        ref, attempt = state.provider_ref, request.attempt_id
        state = await subject.gateway.confirm(ref, attempt, subject.server_declined_method)
        assert state.status is AttemptStatus.FAILED
        for _ in range(2):
            state = await subject.gateway.confirm(ref, attempt, subject.server_method)
            assert state.provider_ref == ref
            assert state.status is AttemptStatus.AUTHORIZED
            assert not state.failure_code

    @alone
    async def test_a_challenge_asks_the_shopper_to_act(self, subject: GatewayUnderTest) -> None:
        state = await subject.gateway.create_intent(new_request(subject, method=subject.challenged_method))
        await subject.challenge(state)
        state = await subject.gateway.fetch(state.provider_ref)
        assert state.status is AttemptStatus.REQUIRES_ACTION
        assert state.next_action is not None
        assert state.next_action.kind in ("redirect", "confirm_in_browser")
        assert state.client_secret or state.next_action.url

    @alone
    async def test_an_unknown_intent_is_not_found(self, subject: GatewayUnderTest) -> None:
        gateway, ref, attempt = subject.gateway, subject.unknown_ref, AttemptId(uuid4())
        with pytest.raises(PaymentNotFound):
            await gateway.fetch(ref)
        with pytest.raises(PaymentNotFound):
            await gateway.capture(ref, attempt)
        with pytest.raises(PaymentNotFound):
            await gateway.cancel(ref, attempt)
        with pytest.raises(PaymentNotFound):
            await gateway.confirm(ref, attempt, subject.server_method)
        with pytest.raises(PaymentNotFound):
            await gateway.refund(new_refund(ref, 1))

    @alone
    async def test_f76_no_call_inside_a_transaction(self, subject: GatewayUnderTest) -> None:
        gateway, request, ref = subject.gateway, new_request(subject), subject.unknown_ref
        attempt = request.attempt_id
        calls: tuple[Callable[[], Awaitable[object]], ...] = (
            lambda: gateway.create_intent(request),
            lambda: gateway.fetch(ref),
            lambda: gateway.confirm(ref, attempt, subject.server_method),
            lambda: gateway.capture(ref, attempt),
            lambda: gateway.cancel(ref, attempt),
            lambda: gateway.refund(new_refund(ref, 1)),
        )
        token = enter_transaction()
        try:
            for call in calls:
                with pytest.raises(ProgrammingMistake):
                    await call()
        finally:
            leave_transaction(token)
        assert (await gateway.create_intent(request)).provider_ref
