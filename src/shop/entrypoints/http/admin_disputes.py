"""Disputes, for staff: what banks ask or decide, and the shop's answer."""

from typing import Annotated

from msgspec import Meta

from shop.application.commands.disputes import TEXT_LENGTH_MAX, SubmitDisputeEvidence
from shop.application.messages import SYSTEM
from shop.application.ports.payments import EvidenceKind, PaymentProviderUnavailable, PaymentRefused
from shop.application.ports.readers import DisputeFilter
from shop.application.ports.views import DisputeView
from shop.application.queries.disputes import GetDispute, GetDisputes
from shop.domain.kernel.identifiers import DisputeId, OrderId, PaymentId
from shop.domain.payments import DisputeNotAnswerable, DisputeStatus
from shop.entrypoints.http.answers import Answer
from shop.entrypoints.http.bodies import Body
from shop.entrypoints.http.calls import Call
from shop.entrypoints.http.endpoints import Endpoints, Keys, Shows, Who
from shop.entrypoints.http.endurance import carried_through
from shop.entrypoints.http.parameters import choices, identifier, moments, page_request, paging, range_of

endpoints = Endpoints("admin disputes")
_ONE = Shows(view=DisputeView)


class Evidence(Body):
    """What speaks for the shop, by kind. Without `submit` the provider only keeps it."""

    evidence: Annotated[dict[EvidenceKind, Annotated[str, Meta(max_length=TEXT_LENGTH_MAX)]], Meta(min_length=1)]
    submit: bool = True


@endpoints.get(
    "/api/admin/disputes",
    "dispute_list",
    Who.STAFF,
    "All disputes",
    scope="payments:read",
    query=(
        choices("status", DisputeStatus, "Disputes in these states."),
        identifier("payment_id", PaymentId, "Of this payment."),
        identifier("order_id", OrderId, "Of this order."),
        *moments("due_at", "Evidence is due"),
        *paging("created_at", "amount"),
    ),
    shows=Shows(view=DisputeView, many=True),
)
async def dispute_list(call: Call) -> Answer:
    """All disputes and inquiries, the newest first unless sorted: `status=needs_response,warning_needs_response`
    wait for the shop, until `due_at`."""
    query = call.query
    which = DisputeFilter(
        statuses=query.get("status", frozenset()),
        payment_id=query.get("payment_id"),
        order_id=query.get("order_id"),
        due_at=range_of(query, "due_at"),
    )
    return call.page(await call.ask(GetDisputes(which=which, page=page_request(query))))


@endpoints.get(
    "/api/admin/disputes/{id}",
    "dispute_get",
    Who.STAFF,
    "One dispute",
    scope="payments:read",
    shows=_ONE,
    conditional=True,
    problems=("not_found",),
)
async def dispute_get(call: Call) -> Answer:
    """How it stands, what it costs, and until when the shop may answer."""
    return call.one(await call.ask(GetDispute(dispute_id=call.id(DisputeId))))


@endpoints.post(
    "/api/admin/disputes/{id}/evidence",
    "dispute_evidence_submit",
    Who.STAFF,
    "Answer a dispute",
    scope="payments:write",
    tier=3,
    body=Evidence,
    example={"evidence": {"shipping_tracking_number": "00340434161094021501", "uncategorized_text": "Signed for."}},
    keys=Keys.REQUIRED,
    shows=_ONE,
    problems=(
        "not_found",
        DisputeNotAnswerable.code,
        PaymentRefused.code,
        PaymentProviderUnavailable.code,
        "payment_elsewhere",
        "conflict",
    ),
)
async def dispute_evidence_submit(call: Call) -> Answer:
    """Gives the bank the shop's evidence, mostly only once; `submit: false` leaves a draft with the provider.

    It tells of the buyer, so the shop itself keeps none of it: only who sent it, and when.
    """
    body: Evidence = call.body
    command = SubmitDisputeEvidence(dispute_id=call.id(DisputeId), evidence=body.evidence, submit=body.submit)
    dispute_id = await carried_through(call.execute(command))
    return call.one(await call.ask(GetDispute(dispute_id=dispute_id), actor=SYSTEM))
