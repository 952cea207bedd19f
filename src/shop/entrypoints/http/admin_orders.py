"""Orders of the whole shop, for staff."""

from typing import Annotated

from msgspec import Meta

from shop.application.commands.orders import REASON_LENGTH_MAX, CancelAnyOrder
from shop.application.ports.readers import OrderFilter
from shop.application.ports.views import AdminOrderView
from shop.application.queries.orders import GetAllOrders, GetAnyOrder
from shop.domain.kernel.identifiers import OrderId
from shop.domain.orders import FulfilmentStatus, OrderStatus, PaymentStatus
from shop.entrypoints.http.answers import Answer
from shop.entrypoints.http.bodies import Body
from shop.entrypoints.http.calls import Call
from shop.entrypoints.http.endpoints import Endpoints, Shows, Who
from shop.entrypoints.http.endurance import carried_through
from shop.entrypoints.http.parameters import (
    METADATA,
    choices,
    expand,
    fields,
    moments,
    page_request,
    paging,
    range_of,
    text,
)

endpoints = Endpoints("admin orders")
_ANY: frozenset[str] = frozenset()


class StaffCancellation(Body):
    """Why staff call an order off."""

    reason: Annotated[str, Meta(min_length=1, max_length=REASON_LENGTH_MAX)] = "staff"


@endpoints.get(
    "/api/admin/orders",
    "admin_order_list",
    Who.STAFF,
    "All orders",
    scope="orders:read",
    query=(
        choices("status", OrderStatus, "Orders in these states."),
        choices("payment_status", PaymentStatus, "Orders whose payment is in these states."),
        choices("fulfilment_status", FulfilmentStatus, "Orders whose delivery is in these states."),
        text("email", "Of this buyer."),
        text("number", "With this number."),
        *moments("placed_at", "Placed"),
        METADATA,
        expand("lines", "payments"),
        fields(AdminOrderView),
        *paging("placed_at", "total", "number"),
    ),
    shows=Shows(view=AdminOrderView, many=True),
)
async def admin_order_list(call: Call) -> Answer:
    """All orders of the shop, the newest first unless sorted."""
    query = call.query
    which = OrderFilter(
        statuses=query.get("status", frozenset()),
        payment_statuses=query.get("payment_status", frozenset()),
        fulfilment_statuses=query.get("fulfilment_status", frozenset()),
        email=query.get("email", ""),
        number=query.get("number", ""),
        placed_at=range_of(query, "placed_at"),
        metadata=query.get("metadata", {}),
    )
    asked = GetAllOrders(which=which, page=page_request(query), expand=query.get("expand", _ANY))
    return call.page(await call.ask(asked))


@endpoints.get(
    "/api/admin/orders/{id}",
    "admin_order_get",
    Who.STAFF,
    "One order",
    scope="orders:read",
    query=(fields(AdminOrderView),),
    shows=Shows(view=AdminOrderView),
    conditional=True,
    problems=("not_found",),
)
async def admin_order_get(call: Call) -> Answer:
    """One order with its lines and payments."""
    return call.one(await call.ask(GetAnyOrder(order_id=call.id(OrderId))))


@endpoints.post(
    "/api/admin/orders/{id}/cancel",
    "admin_order_cancel",
    Who.STAFF,
    "Cancel an order",
    scope="orders:write",
    body=StaffCancellation,
    example={"reason": "out of stock"},
    body_optional=True,
    shows=Shows(view=AdminOrderView),
    problems=(
        "not_found",
        "order_not_cancellable",
        "payment_elsewhere",
        "payment_refused",
        "payment_provider_unavailable",
        "conflict",
    ),
)
async def admin_order_cancel(call: Call) -> Answer:
    """Makes sure that no money can be taken any more, then cancels the order and frees its stock."""
    order_id = call.id(OrderId)
    await carried_through(call.execute(CancelAnyOrder(order_id=order_id, reason=call.body.reason)))
    return call.one(await call.ask(GetAnyOrder(order_id=order_id)))
