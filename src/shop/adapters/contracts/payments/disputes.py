"""Disputes, inquiries and fears of fraud: the provider can be asked for them, and takes evidence."""

from uuid import uuid4

import pytest
from attrs import evolve

from shop.adapters.contracts.payments.subject import (
    Bank,
    GatewayPromises,
    GatewayUnderTest,
    alone,
    captured,
    new_refund,
    new_request,
)
from shop.application.ports.payments import DisputeAnswer, EvidenceKind, PaymentRefused, Simulation
from shop.domain.kernel.identifiers import DisputeId
from shop.domain.kernel.money import Money
from shop.domain.payments import DisputeNotFound, DisputeState, DisputeStatus, RiskState

S = DisputeStatus
TOTAL = Money(1999, "EUR")


class DisputePromises(GatewayPromises):
    """Disputes, inquiries and fears of fraud. `bank` of the subject plays buyer, bank and reviewer."""

    @alone
    async def test_what_was_never_disputed_has_no_disputes(self, subject: GatewayUnderTest) -> None:
        state = await captured(subject, new_request(subject))
        assert not state.disputed
        assert await subject.gateway.disputes(state.provider_ref) == ()
        assert await subject.gateway.disputes(subject.unknown_ref) == ()
        assert await subject.gateway.risk(state.provider_ref) == RiskState()

    @alone
    async def test_f60_a_dispute_tells_what_was_withdrawn_and_forbids_refunds(self, subject: GatewayUnderTest) -> None:
        ref, bank = await _taken(subject)
        await bank(ref, Simulation.DISPUTE)
        dispute = await _only(subject, ref)
        assert (dispute.status, dispute.amount) == (S.NEEDS_RESPONSE, TOTAL)
        assert dispute.provider_ref
        assert dispute.reason
        assert dispute.due_at is not None
        assert dispute.due_at > dispute.opened_at
        [move] = dispute.moves
        assert move.taken == TOTAL
        assert move.fee.minor > 0
        assert (await subject.gateway.fetch(ref)).disputed
        with pytest.raises(PaymentRefused):
            await subject.gateway.refund(new_refund(ref, 1))
        assert not (await subject.gateway.fetch(ref)).refunds

    @alone
    async def test_what_is_won_comes_back(self, subject: GatewayUnderTest) -> None:
        ref, bank = await _taken(subject)
        await bank(ref, Simulation.DISPUTE)
        await bank(ref, Simulation.WIN)
        dispute = await _only(subject, ref)
        assert dispute.status is S.WON
        assert sum(move.taken.minor for move in dispute.moves) == 0
        assert len({move.provider_ref for move in dispute.moves}) == 2

    @alone
    async def test_what_is_lost_stays_away(self, subject: GatewayUnderTest) -> None:
        ref, bank = await _taken(subject)
        await bank(ref, Simulation.DISPUTE)
        await bank(ref, Simulation.LOSE)
        dispute = await _only(subject, ref)
        assert dispute.status is S.LOST
        assert sum(move.taken.minor for move in dispute.moves) == TOTAL.minor
        with pytest.raises(PaymentRefused):
            await subject.gateway.refund(new_refund(ref, 1))

    @alone
    async def test_an_inquiry_moves_nothing_and_may_become_a_chargeback(self, subject: GatewayUnderTest) -> None:
        ref, bank = await _taken(subject)
        await bank(ref, Simulation.INQUIRY)
        dispute = await _only(subject, ref)
        assert (dispute.status, dispute.moves) == (S.WARNING_NEEDS_RESPONSE, ())
        await bank(ref, Simulation.ESCALATE)
        again = await _only(subject, ref)
        assert (again.status, again.provider_ref) == (S.NEEDS_RESPONSE, dispute.provider_ref)
        assert again.moves

    @alone
    async def test_an_inquiry_may_end_and_leaves_the_money(self, subject: GatewayUnderTest) -> None:
        ref, bank = await _taken(subject)
        await bank(ref, Simulation.INQUIRY)
        await subject.gateway.refund(new_refund(ref, 1))
        await bank(ref, Simulation.CLOSE_INQUIRY)
        dispute = await _only(subject, ref)
        assert (dispute.status, dispute.moves) == (S.WARNING_CLOSED, ())

    @alone
    async def test_evidence_is_given_once_for_each_key(self, subject: GatewayUnderTest) -> None:
        ref, bank = await _taken(subject)
        await bank(ref, Simulation.DISPUTE)
        dispute = await _only(subject, ref)
        draft = _answer(dispute, submit=False)
        assert (await subject.gateway.answer_dispute(draft)).status is S.NEEDS_RESPONSE
        answer = _answer(dispute)
        for _ in range(2):
            assert (await subject.gateway.answer_dispute(answer)).status is S.UNDER_REVIEW
        assert (await _only(subject, ref)).status is S.UNDER_REVIEW
        with pytest.raises(PaymentRefused):
            await subject.gateway.answer_dispute(_answer(dispute))
        with pytest.raises(PaymentRefused):
            await subject.gateway.answer_dispute(evolve(answer, evidence={EvidenceKind.CUSTOMER_NAME: "Ada"}))
        with pytest.raises(DisputeNotFound):
            await subject.gateway.answer_dispute(evolve(_answer(dispute), provider_ref="dp_unknown"))

    @alone
    async def test_fears_of_fraud_come_and_go(self, subject: GatewayUnderTest) -> None:
        ref, bank = await _taken(subject)
        await bank(ref, Simulation.OPEN_REVIEW)
        assert await subject.gateway.risk(ref) == RiskState(reviewed=True)
        await bank(ref, Simulation.FRAUD_WARNING)
        assert await subject.gateway.risk(ref) == RiskState(reviewed=True, warned=True)
        await bank(ref, Simulation.CLOSE_REVIEW)
        await subject.gateway.refund(new_refund(ref, TOTAL.minor))
        assert await subject.gateway.risk(ref) == RiskState()


async def _taken(subject: GatewayUnderTest) -> tuple[str, Bank]:
    return (await captured(subject, new_request(subject, TOTAL.minor))).provider_ref, subject.bank


async def _only(subject: GatewayUnderTest, ref: str) -> DisputeState:
    [dispute] = await subject.gateway.disputes(ref)
    return dispute


def _answer(dispute: DisputeState, *, submit: bool = True) -> DisputeAnswer:
    return DisputeAnswer(
        key=f"test:{uuid4()}",
        dispute_id=DisputeId(uuid4()),
        provider_ref=dispute.provider_ref,
        evidence={EvidenceKind.UNCATEGORIZED_TEXT: "They wore it on their wedding. é", EvidenceKind.CUSTOMER_NAME: "B"},
        submit=submit,
    )
