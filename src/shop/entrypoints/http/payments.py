"""Ways to pay, payment sessions, and what providers tell us."""

from typing import Annotated

from msgspec import Meta

from shop.application.commands.payments import (
    ConfirmPayment,
    CreatePaymentSession,
    PaidByInvoice,
    ReceiveProviderNews,
)
from shop.application.ports.saved_methods import SavingNotOffered
from shop.application.ports.views import MyPaymentView, PaymentMethodView, PaymentSessionView
from shop.application.queries.payments import GetMyPayment, GetMyPayments, GetPaymentMethods, GetPaymentSession
from shop.application.settlement import MethodNotReusable, MethodNotSavable, SavingDecided, SavingNeedsCustomer
from shop.domain.kernel.identifiers import CartId, PaymentId, PaymentSessionId
from shop.entrypoints.http.answers import Answer
from shop.entrypoints.http.bodies import Body, IdText, identifier
from shop.entrypoints.http.calls import Call
from shop.entrypoints.http.endpoints import CART_TOKEN, Endpoints, Keys, Shows, Who
from shop.entrypoints.http.endurance import carried_through
from shop.entrypoints.http.parameters import fields, page_request, paging

endpoints = Endpoints("payments")
WEBHOOK_BYTES_MAX = 512_000
_ONE = Shows(view=PaymentSessionView)


class NewPaymentSession(Body):
    """How a cart will be paid."""

    cart_id: IdText
    method: Annotated[str, Meta(min_length=1, max_length=60)]
    save: bool = False


class Confirmation(Body):
    """Nothing needs to be said to confirm."""


@endpoints.get(
    "/api/payments/methods",
    "payment_method_type_list",
    Who.GUEST,
    "Ways to pay",
    shows=Shows(view=PaymentMethodView, many=True),
    problems=("payment_provider_unavailable",),
)
async def payment_method_type_list(call: Call) -> Answer:
    """The ways to pay, and whether each is confirmed in the browser or on the server."""
    return call.whole(await call.ask(GetPaymentMethods()))


@endpoints.get(
    "/api/payments",
    "payment_list",
    Who.CUSTOMER,
    "My payments and refunds",
    tier=2,
    query=(fields(MyPaymentView), *paging()),
    shows=Shows(view=MyPaymentView, many=True),
)
async def payment_list(call: Call) -> Answer:
    """The payments of one's own orders with what went back, the latest order first."""
    return call.page(await call.ask(GetMyPayments(page=page_request(call.query))))


@endpoints.get(
    "/api/payments/{id}",
    "payment_get",
    Who.CUSTOMER,
    "One payment of mine",
    tier=2,
    shows=Shows(view=MyPaymentView),
    conditional=True,
    problems=("not_found",),
)
async def payment_get(call: Call) -> Answer:
    """What was taken for an order of one's own, and what went back."""
    return call.one(await call.ask(GetMyPayment(payment_id=call.id(PaymentId))))


@endpoints.post(
    "/api/payments/sessions",
    "payment_session_create",
    Who.GUEST,
    "Choose how to pay",
    body=NewPaymentSession,
    example={"cart_id": "cart_01jd8zc5w0e7ktmj9c2q8k4h1n", "method": "fake_card"},
    status=201,
    keys=Keys.REQUIRED,
    token=CART_TOKEN,
    shows=_ONE,
    problems=(
        "not_found",
        "cart_not_own",
        "payment_method_unknown",
        MethodNotSavable.code,
        SavingNeedsCustomer.code,
        SavingDecided.code,
        SavingNotOffered.code,
        "payment_provider_unavailable",
        "account_erased",
        "conflict",
    ),
)
async def payment_session_create(call: Call) -> Answer:
    """Notes how the cart will be paid: by the code of a way to pay, or the id of a saved one of the customer. The
    provider hears of it when the order is placed. With `save` a customer's card is saved once it is accepted, to be
    charged later as well: it is among the saved ways to pay then."""
    cart_id = identifier(CartId, call.body.cart_id, "/cart_id")
    session_id = await call.execute(CreatePaymentSession(cart_id=cart_id, method=call.body.method, save=call.body.save))
    session = await call.ask(GetPaymentSession(session_id=session_id))
    return call.one(session, location=f"/api/payments/sessions/{session_id}")


@endpoints.get(
    "/api/payments/sessions/{id}",
    "payment_session_get",
    Who.GUEST,
    "How a payment stands",
    token=CART_TOKEN,
    shows=_ONE,
    conditional=True,
    problems=("not_found",),
)
async def payment_session_get(call: Call) -> Answer:
    """How far the payment has come, and what the shopper must do, such as 3-D Secure."""
    return call.one(await call.ask(GetPaymentSession(session_id=call.id(PaymentSessionId))))


@endpoints.post(
    "/api/payments/sessions/{id}/confirm",
    "payment_session_confirm",
    Who.GUEST,
    "Confirm a payment on the server",
    body=Confirmation,
    body_optional=True,
    token=CART_TOKEN,
    shows=_ONE,
    problems=(
        "not_found",
        "order_missing",
        "payment_elsewhere",
        "payment_refused",
        "payment_cannot_move",
        SavingDecided.code,
        MethodNotReusable.code,
        PaidByInvoice.code,
        "payment_provider_unavailable",
        "conflict",
    ),
)
async def payment_session_confirm(call: Call) -> Answer:
    """Confirms what needs no browser: an answered challenge, or another method after a decline.

    Where the provider would not even begin with the method before, it begins anew with this one: the answer has what
    the browser needs, if this one needs a browser.
    """
    session_id = call.id(PaymentSessionId)
    await carried_through(call.execute(ConfirmPayment(session_id=session_id)))
    return call.one(await call.ask(GetPaymentSession(session_id=session_id)))


@endpoints.post(
    "/api/payments/webhooks/{provider}",
    "payment_webhook_receive",
    Who.PROVIDER,
    "What a payment provider has to tell",
    raw_body=True,
    body_bytes_max=WEBHOOK_BYTES_MAX,
    keys=Keys.NO,
    shows=Shows(schema={"type": "object", "properties": {"received": {"const": True}}, "required": ["received"]}),
    problems=("not_found", "signature_rejected", "conflict"),
)
async def payment_webhook_receive(call: Call) -> Answer:
    """Keeps a signed message as it came, once, and looks at it afterwards. 200 means that it is safely kept."""
    headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in call.headers.items()}
    command = ReceiveProviderNews(provider=call.path_values["provider"], body=call.raw, headers=headers)
    await call.execute(command)
    return call.plain({"received": True})
