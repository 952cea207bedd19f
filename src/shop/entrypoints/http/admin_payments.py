"""Payments of the whole shop, for staff."""

from shop.application.ports.readers import PaymentFilter
from shop.application.ports.views import PaymentView
from shop.application.queries.payments import GetPayment, GetPayments
from shop.domain.kernel.identifiers import OrderId, PaymentId
from shop.domain.payments import AttemptStatus
from shop.entrypoints.http.answers import Answer
from shop.entrypoints.http.calls import Call
from shop.entrypoints.http.endpoints import Endpoints, Shows, Who
from shop.entrypoints.http.parameters import (
    choices,
    fields,
    identifier,
    moments,
    page_request,
    paging,
    range_of,
    text,
)

endpoints = Endpoints("admin payments")


@endpoints.get(
    "/api/admin/payments",
    "admin_payment_list",
    Who.STAFF,
    "All payments",
    scope="payments:read",
    query=(
        choices("status", AttemptStatus, "Payments in these states."),
        text("provider", "Of this provider."),
        identifier("order_id", OrderId, "Of this order."),
        text("failure_code", "Declined for this reason."),
        *moments("created_at", "Begun"),
        fields(PaymentView),
        *paging("created_at", "amount"),
    ),
    shows=Shows(view=PaymentView, many=True),
)
async def admin_payment_list(call: Call) -> Answer:
    """All payments of the shop, the newest first unless sorted."""
    query = call.query
    which = PaymentFilter(
        statuses=query.get("status", frozenset()),
        provider=query.get("provider", ""),
        order_id=query.get("order_id"),
        failure_code=query.get("failure_code", ""),
        created_at=range_of(query, "created_at"),
    )
    return call.page(await call.ask(GetPayments(which=which, page=page_request(query))))


@endpoints.get(
    "/api/admin/payments/{id}",
    "admin_payment_get",
    Who.STAFF,
    "One payment",
    scope="payments:read",
    query=(fields(PaymentView),),
    shows=Shows(view=PaymentView),
    conditional=True,
    problems=("not_found",),
)
async def admin_payment_get(call: Call) -> Answer:
    """One payment with its attempts and what the provider said about it."""
    return call.one(await call.ask(GetPayment(payment_id=call.id(PaymentId))))
