"""Figures about the shop as a whole, for those of its people who look at them."""

from shop.application.ports.views import PaymentStatisticsView
from shop.application.queries.analytics import GetPaymentStatistics
from shop.entrypoints.http.answers import Answer
from shop.entrypoints.http.calls import Call
from shop.entrypoints.http.endpoints import Endpoints, Shows, Who
from shop.entrypoints.http.parameters import currency, fields, moment

endpoints = Endpoints("analytics")


@endpoints.get(
    "/api/analytics/payments",
    "analytics_payments",
    Who.STAFF,
    "How payments went",
    scope="analytics:read",
    query=(
        moment("since", "Payments begun from here on; 30 days before `until` if left out."),
        moment("until", "Up to but not including this moment; now if left out."),
        currency("Payments in this currency (ISO 4217); the shop's first if left out. Currencies are never added."),
        fields(PaymentStatisticsView),
    ),
    shows=Shows(view=PaymentStatisticsView),
    problems=("currency_unknown",),
)
async def analytics_payments(call: Call) -> Answer:
    """Tries, successes, declines by reason, refunds, fees and disputes of at most 400 days, in one currency.

    How each figure is counted stands in docs/reference/payment-figures.md.
    """
    query = call.query
    wanted = GetPaymentStatistics(
        since=query.get("since"), until=query.get("until"), currency=query.get("currency", "")
    )
    return call.one(await call.ask(wanted))
