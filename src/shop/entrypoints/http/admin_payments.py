"""Payments of the whole shop, for staff."""

from datetime import timedelta

from shop.application.ports.paging import LIMIT_MAX
from shop.application.ports.payments import PaymentProviderUnavailable
from shop.application.ports.readers import PaymentFilter
from shop.application.ports.views import PaymentView, PayoutView, ReconciliationView
from shop.application.queries.payments import GetPayment, GetPayments
from shop.application.queries.payouts import GetPayouts
from shop.application.queries.reconciliation import RECENT, Reconcile
from shop.application.windows import window_of
from shop.domain.kernel.errors import Invalid
from shop.domain.kernel.identifiers import OrderId, PaymentId
from shop.domain.payments import AttemptStatus
from shop.entrypoints.http.answers import Answer
from shop.entrypoints.http.calls import Call
from shop.entrypoints.http.endpoints import Endpoints, Shows, Who
from shop.entrypoints.http.parameters import (
    choices,
    fields,
    identifier,
    moment,
    moments,
    number,
    page_request,
    paging,
    range_of,
    text,
)

DAYS_MAX = timedelta(days=31)
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
        text("failure_code", "In which a card was last declined for this reason, whatever came after it."),
        *moments("created_at", "Begun"),
        *moments("authorization_expires_at", "Authorised until"),
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
        authorization_expires_at=range_of(query, "authorization_expires_at"),
    )
    return call.page(await call.ask(GetPayments(which=which, page=page_request(query))))


@endpoints.get(
    "/api/admin/payments/reconciliation",
    "payment_reconciliation",
    Who.STAFF,
    "Our books beside the provider's",
    scope="payments:read",
    tier=2,
    query=(
        moment("since", "Payments begun from here on; two hours before `until` if left out."),
        moment("until", "Up to but not including this moment; now if left out."),
        number("limit", "How many findings at most (100 if left out).", 1, LIMIT_MAX),
        fields(ReconciliationView),
    ),
    shows=Shows(view=ReconciliationView),
    problems=(PaymentProviderUnavailable.code,),
)
async def payment_reconciliation(call: Call) -> Answer:
    """What does not agree between the shop and its payment provider, and within the shop; nothing is changed.

    The window may be 31 days long; `shop reconcile` compares longer ones, and puts things right.
    """
    query = call.query
    window = window_of(query.get("since"), query.get("until"), call.context.now, RECENT)
    if window.until - window.since > DAYS_MAX:
        raise Invalid("The window is at most 31 days long here; the command line compares longer ones.")
    wanted = Reconcile(since=window.since, until=window.until, limit=query.get("limit", LIMIT_MAX))
    return call.one(await call.ask(wanted))


@endpoints.get(
    "/api/admin/payments/payouts",
    "payout_list",
    Who.STAFF,
    "What the provider paid out",
    scope="payments:read",
    tier=2,
    query=(
        moment("since", "Payouts made from here on; 30 days before `until` if left out."),
        moment("until", "Up to but not including this moment; now if left out."),
        number("limit", "How many at most (20 if left out).", 1, LIMIT_MAX),
        text("after", "What follows this place: `page.next` as it came."),
        fields(PayoutView),
    ),
    shows=Shows(view=PayoutView, many=True),
    problems=(PaymentProviderUnavailable.code, "cursor_malformed"),
)
async def payout_list(call: Call) -> Answer:
    """What the provider says it sent to the bank, and whether the ledger has it. The window may be 400 days long."""
    query = call.query
    asked = GetPayouts(
        since=query.get("since"),
        until=query.get("until"),
        after=query.get("after"),
        limit=query.get("limit", 20),
    )
    return call.page(await call.ask(asked))


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
