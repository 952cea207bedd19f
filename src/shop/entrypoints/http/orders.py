"""Orders as their buyers place, see and cancel them."""

import logging
from typing import Annotated

from attrs import evolve
from msgspec import Meta

from shop.application.commands.checkout import CartChanged, CreateOrder
from shop.application.commands.orders import REASON_LENGTH_MAX, CancelOrder
from shop.application.commands.payments import ProcessPayment
from shop.application.messages import SYSTEM, Context
from shop.application.ports.subscriptions import SubscriptionsNotOffered
from shop.application.ports.views import OrderView
from shop.application.queries.orders import GetOrder
from shop.application.settlement import MethodNotReusable, SavingDecided
from shop.domain.carts import ITEMS_MAX
from shop.domain.kernel.errors import ShopError, below
from shop.domain.kernel.identifiers import CartId, OrderId, PaymentSessionId, PlanId
from shop.domain.subscriptions import PlanNeedsCustomer
from shop.entrypoints.http.answers import Answer
from shop.entrypoints.http.bodies import Body, IdText, MoneyBody, identifier
from shop.entrypoints.http.calls import Call
from shop.entrypoints.http.carts import cart_as_it_is
from shop.entrypoints.http.endpoints import CART_TOKEN, ORDER_TOKEN, Endpoints, Keys, Shows, Who
from shop.entrypoints.http.endurance import carried_through
from shop.entrypoints.http.parameters import fields
from shop.entrypoints.representation import Plain

endpoints = Endpoints("orders")
_log = logging.getLogger("shop.http")
_TOKEN_SCHEMA = {
    "type": "string",
    "description": "Opens the order while it is a guest's: send it as the header Order-Token.",
}


class SeenPlan(Body):
    """A plan as the cart showed it: what the shopper subscribes to."""

    id: IdText
    version: Annotated[int, Meta(ge=0, le=2**53)]


class NewOrder(Body):
    """What is to be ordered: a cart as the shopper saw it, and how it will be paid.

    The version of a cart is of what is in it. Prices, taxes and deliveries may change without it: `expected_total` is
    what the shopper saw as the sum, and another is refused.
    """

    cart_id: IdText
    cart_version: Annotated[int, Meta(ge=0, le=2**53)]
    payment_session_id: IdText
    expected_total: MoneyBody | None = None
    expected_plans: Annotated[tuple[SeenPlan, ...], Meta(max_length=ITEMS_MAX)] = ()


class Cancellation(Body):
    """Why an order is called off."""

    reason: Annotated[str, Meta(min_length=1, max_length=REASON_LENGTH_MAX)] = "customer"


async def _current_cart(call: Call) -> Plain:
    return await cart_as_it_is(call, CartId.parse(call.body.cart_id))


@endpoints.post(
    "/api/orders",
    "order_place",
    Who.GUEST,
    "Place the order of a cart",
    body=NewOrder,
    example={
        "cart_id": "cart_01jd8zc5w0e7ktmj9c2q8k4h1n",
        "cart_version": 4,
        "payment_session_id": "ps_01jd8zc5w0e7ktmj9c2q8k4h1n",
    },
    status=201,
    keys=Keys.REQUIRED,
    token=CART_TOKEN,
    shows=Shows(view=OrderView, besides={"order_token": _TOKEN_SCHEMA}),
    current=_current_cart,
    problems=(
        CartChanged.code,
        "not_found",
        "cart_empty",
        "cart_not_ready",
        "cart_closed",
        "cart_already_ordered",
        "insufficient_stock",
        "payment_method_unknown",
        MethodNotReusable.code,
        SavingDecided.code,
        PlanNeedsCustomer.code,
        SubscriptionsNotOffered.code,
        "shipping_unavailable",
        "variant_unavailable",
        "conflict",
    ),
)
async def order_place(call: Call) -> Answer:
    """Places the order and takes the payment as far as it goes: paid, or with what the shopper must do next.

    Where the provider declines, the order is there and its payment failed; where it does not answer, the order is
    pending and the payment is taken up again. The same cart ordered again is the same order. With
    `expected_total` nothing is charged that the shopper did not see. Lines that come by a plan
    become subscriptions, which begin once it is paid: `expected_plans` are those that the shopper saw.
    """
    body: NewOrder = call.body
    command = CreateOrder(
        cart_id=identifier(CartId, body.cart_id, "/cart_id"),
        cart_version=body.cart_version,
        payment_session_id=identifier(PaymentSessionId, body.payment_session_id, "/payment_session_id"),
        expected_total=below("/expected_total", body.expected_total.money) if body.expected_total else None,
        expected_plans={
            identifier(PlanId, plan.id, f"/expected_plans/{index}/id"): plan.version
            for index, plan in enumerate(body.expected_plans)
        },
    )
    # A client that hangs up now still wants its order: what has begun is carried through.
    order_id = await carried_through(_place_and_pay(call, command))
    token = call.shop.ports.secrets.guest_token(order_id)
    order = await call.ask(GetOrder(order_id=order_id), actor=evolve(call.actor, token=token))
    return call.one(order, besides={"order_token": token}, location=f"/api/orders/{order_id}")


async def _place_and_pay(call: Call, command: CreateOrder) -> OrderId:
    order_id = await call.execute(command)
    context: Context = call.context_of(SYSTEM)
    try:
        await call.shop.execute(ProcessPayment(order_id=order_id), context=context)
    except ShopError as error:
        _log.warning("payment of %s waits: %s", order_id, error.detail, extra={"request_id": call.visit.shown_id})
    except Exception:
        # The order stands whatever happened after it: its buyer must hear of it, and the worker pays for it later.
        _log.exception("payment of %s stopped", order_id, extra={"request_id": call.visit.shown_id})
    return order_id


@endpoints.get(
    "/api/orders/{id}",
    "order_get",
    Who.GUEST,
    "One order",
    query=(fields(OrderView),),
    token=ORDER_TOKEN,
    shows=Shows(view=OrderView),
    conditional=True,
    problems=("not_found",),
)
async def order_get(call: Call) -> Answer:
    """One's own order, or the guest's that the order token opens: no longer once an account has taken it along."""
    return call.one(await call.ask(GetOrder(order_id=call.id(OrderId))))


@endpoints.post(
    "/api/orders/{id}/cancel",
    "order_cancel",
    Who.GUEST,
    "Cancel an order",
    body=Cancellation,
    example={"reason": "ordered twice"},
    body_optional=True,
    token=ORDER_TOKEN,
    shows=Shows(view=OrderView),
    problems=(
        "not_found",
        "order_not_cancellable",
        "payment_elsewhere",
        "payment_refused",
        "payment_provider_unavailable",
        "conflict",
    ),
)
async def order_cancel(call: Call) -> Answer:
    """Calls an order off while no money was taken and nothing was sent. Cancelling twice is once."""
    order_id = call.id(OrderId)
    await carried_through(call.execute(CancelOrder(order_id=order_id, reason=call.body.reason)))
    return call.one(await call.ask(GetOrder(order_id=order_id)))
