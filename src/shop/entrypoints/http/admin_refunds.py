"""Money that goes back, for staff."""

import logging
from collections.abc import Awaitable
from typing import Annotated

from msgspec import Meta

from shop.application.commands.payments import ProcessPayment
from shop.application.commands.refunds import ApproveRefund, LineToRefund, RefuseRefund, RequestRefund
from shop.application.messages import SYSTEM
from shop.application.ports.readers import RefundFilter
from shop.application.ports.views import RefundView
from shop.application.queries.refunds import GetRefund, GetRefunds
from shop.domain.kernel.errors import ShopError, below
from shop.domain.kernel.identifiers import OrderId, OrderLineId, PaymentId, RefundId
from shop.domain.payments import NOTE_LENGTH_MAX, RefundReason, RefundStatus
from shop.entrypoints.http.answers import Answer
from shop.entrypoints.http.bodies import Body, IdText, MoneyBody
from shop.entrypoints.http.bodies import identifier as id_of
from shop.entrypoints.http.calls import Call
from shop.entrypoints.http.endpoints import Endpoints, Keys, Shows, Who
from shop.entrypoints.http.endurance import carried_through
from shop.entrypoints.http.parameters import choices, identifier, moments, page_request, paging, range_of

endpoints = Endpoints("admin refunds")
_ONE = Shows(view=RefundView)
_log = logging.getLogger("shop.http")


class RefundLineBody(Body):
    """So many units of an order's line."""

    line_id: IdText
    quantity: Annotated[int, Meta(ge=1, le=1_000_000)]


class NewRefund(Body):
    """What goes back, and why: an amount, or lines with or without the delivery, or all that is left.

    With `restock` an order of which nothing was sent is called off once all of it went back, and its stock is free.
    """

    amount: MoneyBody | None = None
    lines: Annotated[list[RefundLineBody], Meta(max_length=500)] = []  # noqa: RUF012 - msgspec copies it
    shipping: bool = False
    full: bool = False
    reason: RefundReason = RefundReason.OTHER
    note: Annotated[str, Meta(max_length=NOTE_LENGTH_MAX)] = ""
    restock: bool = False


@endpoints.post(
    "/api/admin/payments/{id}/refunds",
    "refund_create",
    Who.STAFF,
    "Give money back",
    scope="refunds:write",
    body=NewRefund,
    example={"amount": {"amount": 500, "currency": "EUR"}, "reason": "damaged", "note": "a scratch"},
    status=201,
    keys=Keys.REQUIRED,
    shows=_ONE,
    problems=(
        "not_found",
        "amount_not_positive",
        "nothing_to_refund",
        "payment_disputed",
        "refund_exceeds_captured",
        "conflict",
    ),
)
async def refund_create(call: Call) -> Answer:
    """Promises the sum first, then asks the provider. Above the shop's limit it waits for a second person."""
    body: NewRefund = call.body
    command = RequestRefund(
        payment_id=call.id(PaymentId),
        amount=below("/amount", body.amount.money) if body.amount else None,
        lines=tuple(
            LineToRefund(line_id=id_of(OrderLineId, line.line_id, f"/lines/{n}/line_id"), quantity=line.quantity)
            for n, line in enumerate(body.lines)
        ),
        shipping=body.shipping,
        full=body.full,
        reason=body.reason,
        note=body.note,
        restock=body.restock,
    )
    refund = await carried_through(_asked_and_sent(call, call.execute(command)))
    return call.one(refund, location=f"/api/admin/refunds/{refund.id}")


@endpoints.get(
    "/api/admin/refunds",
    "refund_list",
    Who.STAFF,
    "All refunds",
    scope="payments:read",
    query=(
        choices("status", RefundStatus, "Refunds in these states."),
        identifier("payment_id", PaymentId, "Of this payment."),
        identifier("order_id", OrderId, "Of this order."),
        *moments("created_at", "Asked for"),
        *paging("created_at", "amount"),
    ),
    shows=Shows(view=RefundView, many=True),
)
async def refund_list(call: Call) -> Answer:
    """All refunds of the shop, the newest first unless sorted: `status=failed` and `status=pending_approval` wait
    for people."""
    query = call.query
    which = RefundFilter(
        statuses=query.get("status", frozenset()),
        payment_id=query.get("payment_id"),
        order_id=query.get("order_id"),
        created_at=range_of(query, "created_at"),
    )
    return call.page(await call.ask(GetRefunds(which=which, page=page_request(query))))


@endpoints.get(
    "/api/admin/refunds/{id}",
    "refund_get",
    Who.STAFF,
    "One refund",
    scope="payments:read",
    shows=_ONE,
    conditional=True,
    problems=("not_found",),
)
async def refund_get(call: Call) -> Answer:
    """How far it has come, who wanted it, and what it is for."""
    return call.one(await call.ask(GetRefund(refund_id=call.id(RefundId))))


@endpoints.post(
    "/api/admin/refunds/{id}/approve",
    "refund_approve",
    Who.STAFF,
    "Agree to a refund",
    scope="refunds:write",
    shows=_ONE,
    problems=(
        "not_found",
        "refund_cannot_move",
        "second_person_needed",
        "nothing_to_refund",
        "payment_disputed",
        "conflict",
    ),
)
async def refund_approve(call: Call) -> Answer:
    """A second person agrees, and the provider is asked. Whoever asked for it cannot."""
    work = _asked_and_sent(call, call.execute(ApproveRefund(refund_id=call.id(RefundId))))
    return call.one(await carried_through(work))


@endpoints.post(
    "/api/admin/refunds/{id}/refuse",
    "refund_refuse",
    Who.STAFF,
    "Refuse a refund",
    scope="refunds:write",
    shows=_ONE,
    problems=("not_found", "refund_cannot_move", "conflict"),
)
async def refund_refuse(call: Call) -> Answer:
    """It waits for nobody any more: what it promised is free again."""
    refund_id = await call.execute(RefuseRefund(refund_id=call.id(RefundId)))
    return call.one(await call.ask(GetRefund(refund_id=refund_id), actor=SYSTEM))


async def _asked_and_sent(call: Call, work: Awaitable[RefundId]) -> RefundView:
    """The refund stands whatever the provider says: the worker goes on with it later."""
    refund = await call.ask(GetRefund(refund_id=await work), actor=SYSTEM)
    if refund.status is not RefundStatus.REQUESTED:
        return refund
    try:
        await call.shop.execute(ProcessPayment(order_id=refund.order_id), context=call.context_of(SYSTEM))
    except ShopError as error:
        _log.warning("%s waits: %s", refund.id, error.detail, extra={"request_id": call.visit.shown_id})
    except Exception:
        _log.exception("%s stopped", refund.id, extra={"request_id": call.visit.shown_id})
    return await call.ask(GetRefund(refund_id=refund.id), actor=SYSTEM)
