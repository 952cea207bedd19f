"""Taking what was authorised, or letting go of it, for staff."""

import logging
from collections.abc import Awaitable

from shop.application.commands.captures import CapturePayment, VoidPayment
from shop.application.commands.payments import ProcessPayment
from shop.application.messages import SYSTEM
from shop.application.ports.payments import PaymentRefused
from shop.application.ports.views import PaymentView
from shop.application.queries.payments import GetPayment
from shop.domain.kernel.capturing import CapturePolicy
from shop.domain.kernel.errors import ShopError, below
from shop.domain.kernel.identifiers import PaymentId
from shop.domain.payments import AttemptStatus
from shop.entrypoints.http.answers import Answer
from shop.entrypoints.http.bodies import Body, MoneyBody
from shop.entrypoints.http.calls import Call
from shop.entrypoints.http.endpoints import Endpoints, Keys, Shows, Who
from shop.entrypoints.http.endurance import carried_through

endpoints = Endpoints("admin payments")
_log = logging.getLogger("shop.http")


class Capture(Body):
    """How much is to be taken; all that is authorised if left out."""

    amount: MoneyBody | None = None


@endpoints.post(
    "/api/admin/payments/{id}/capture",
    "admin_payment_capture",
    Who.STAFF,
    "Take what was authorised",
    scope="payments:write",
    body=Capture,
    example={"amount": {"amount": 1500, "currency": "EUR"}},
    keys=Keys.REQUIRED,
    shows=Shows(view=PaymentView),
    problems=(
        "not_found",
        "payment_cannot_move",
        "authorization_expired",
        "capture_exceeds_authorized",
        "payment_refused",
        "conflict",
    ),
)
async def admin_payment_capture(call: Call) -> Answer:
    """All of it, or a part: then the rest is let go of for good, and what was taken is what the order costs.

    The wish is kept first. While the provider does not answer, `capture_due` says what will be taken later. A part that
    it will not take is `payment_refused`; another one can be taken then.
    """
    body: Capture = call.body
    command = CapturePayment(
        payment_id=call.id(PaymentId), amount=below("/amount", body.amount.money) if body.amount else None
    )
    return call.one(await carried_through(_wished_and_done(call, call.execute(command))))


@endpoints.post(
    "/api/admin/payments/{id}/void",
    "admin_payment_void",
    Who.STAFF,
    "Let go of what was authorised",
    scope="payments:write",
    keys=Keys.REQUIRED,
    shows=Shows(view=PaymentView),
    problems=("not_found", "payment_cannot_move", "order_not_cancellable", "conflict"),
)
async def admin_payment_void(call: Call) -> Answer:
    """The order is cancelled with it, and its stock is free again. A capture that was under way may still come first:
    the answer says how the payment stands."""
    command = VoidPayment(payment_id=call.id(PaymentId))
    return call.one(await carried_through(_wished_and_done(call, call.execute(command))))


async def _wished_and_done(call: Call, work: Awaitable[PaymentId]) -> PaymentView:
    """The wish stands whatever the provider says: the worker goes on with it later. Raises PaymentRefused for a part
    that it will not take, also to whoever repeats the request."""
    payment = await call.ask(GetPayment(payment_id=await work), actor=SYSTEM)
    if payment.status is not AttemptStatus.AUTHORIZED:
        return payment
    said = ""
    try:
        await call.shop.execute(ProcessPayment(order_id=payment.order_id), context=call.context_of(SYSTEM))
    except ShopError as error:
        said = error.detail
        _log.warning("%s waits: %s", payment.id, said, extra={"request_id": call.visit.shown_id})
    except Exception:
        _log.exception("%s stopped", payment.id, extra={"request_id": call.visit.shown_id})
    payment = await call.ask(GetPayment(payment_id=payment.id), actor=SYSTEM)
    wished = payment.capture is CapturePolicy.AUTOMATIC or payment.capture_due is not None or payment.void_due
    if payment.status is AttemptStatus.AUTHORIZED and not wished:
        raise PaymentRefused(said or "The provider would not take this part; nobody wishes for it any more.")
    return payment
