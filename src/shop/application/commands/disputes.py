"""Answering a dispute: the shop's evidence goes to the bank, and is not kept here."""

import hashlib
from collections.abc import Mapping
from typing import ClassVar

from attrs import field, frozen

from shop.application.messages import Command, Context
from shop.application.ports.payments import DisputeAnswer, EvidenceKind
from shop.application.settlement import Cashier, Sale, settle_answer
from shop.domain.kernel.errors import Flaw, Invalid
from shop.domain.kernel.identifiers import DisputeId
from shop.domain.kernel.texts import storable
from shop.domain.payments import SYSTEM

TEXT_LENGTH_MAX, TEXTS_LENGTH_MAX = 20_000, 150_000
"""Of one text, and of all together, in characters: what Stripe takes."""


@frozen(kw_only=True)
class SubmitDisputeEvidence(Command[DisputeId]):
    """Gives the provider evidence for a dispute or an inquiry. With `submit` it goes to the bank, mostly only once."""

    requires: ClassVar = "payments:write"
    dispute_id: DisputeId
    evidence: Mapping[EvidenceKind, str] = field(repr=False)
    submit: bool = True


async def submit_dispute_evidence(command: SubmitDisputeEvidence, context: Context, *, cashier: Cashier) -> DisputeId:
    _check(command.evidence)
    async with cashier.uow(context) as tx:
        dispute = await tx.disputes.get(command.dispute_id)
        if dispute.begin_answer(_fingerprint(command), context.now):
            tx.disputes.save(dispute)
        payment = await tx.payments.get(dispute.payment_id)
        sale = Sale(await tx.orders.get(dispute.order_id), payment)
    answer = DisputeAnswer(
        key=f"{dispute.id}:{dispute.evidence_key}",
        dispute_id=dispute.id,
        provider_ref=dispute.provider_ref,
        evidence=command.evidence,
        submit=command.submit,
    )
    state = await cashier.provider_of(payment).answer_dispute(answer)
    by = (context.actor.principal or SYSTEM) if command.submit else ""
    await settle_answer(sale, dispute.id, state, by, context, cashier)
    return dispute.id


def _check(evidence: Mapping[EvidenceKind, str]) -> None:
    if not any(text.strip() for text in evidence.values()):
        raise Invalid("Say at least one thing that speaks for the shop.", flaws=(Flaw("/evidence", "empty", "Empty"),))
    for kind, text in evidence.items():
        if len(text) > TEXT_LENGTH_MAX or not storable(text):
            what = f"At most {TEXT_LENGTH_MAX} characters"
            raise Invalid(what, flaws=(Flaw(f"/evidence/{kind}", "too_long", what),))
    if sum(map(len, evidence.values())) > TEXTS_LENGTH_MAX:
        what = f"All texts together have at most {TEXTS_LENGTH_MAX} characters"
        raise Invalid(what, flaws=(Flaw("/evidence", "too_long", what),))


def _fingerprint(command: SubmitDisputeEvidence) -> str:
    """The same evidence for the same dispute is one effect at the provider."""
    said = repr((sorted((kind.value, text) for kind, text in command.evidence.items()), command.submit))
    return hashlib.sha256(said.encode()).hexdigest()[:32]
