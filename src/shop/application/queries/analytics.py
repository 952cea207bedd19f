"""Figures about the shop as a whole, for its people."""

from datetime import datetime
from typing import ClassVar

from attrs import frozen

from shop.application.messages import Context, Query
from shop.application.ports.analytics import AnalyticsReader
from shop.application.ports.readers import StoreReader
from shop.application.ports.views import DeclineCodeView, PaymentStatisticsView
from shop.application.windows import window_of
from shop.domain.kernel.currencies import exponent

_WHOLE = 10_000


@frozen(kw_only=True)
class GetPaymentStatistics(Query[PaymentStatisticsView]):
    """What became of the payments begun in a window, the last 30 days if left out, in one currency: the shop's first
    if left out."""

    requires: ClassVar = "analytics:read"
    since: datetime | None = None
    until: datetime | None = None
    currency: str = ""


async def get_payment_statistics(
    query: GetPaymentStatistics, context: Context, *, analytics: AnalyticsReader, store: StoreReader
) -> PaymentStatisticsView:
    """Raises Invalid for a window that ends before it begins or is longer than 400 days, UnknownCurrency."""
    window = window_of(query.since, query.until, context.now)
    currency = query.currency or (await store.settings()).store.currency
    exponent(currency)
    figures = await analytics.payments(currency, window.since, window.until)
    answered = figures.succeeded + figures.declined
    attempts = answered + figures.unfinished
    return PaymentStatisticsView(
        since=window.since,
        until=window.until,
        currency=currency,
        attempts=attempts,
        succeeded=figures.succeeded,
        declined=figures.declined,
        unfinished=figures.unfinished,
        success_rate_bp=rate(figures.succeeded, attempts),
        authorization_rate_bp=rate(figures.succeeded, answered),
        orders_attempted=figures.orders_attempted,
        orders_paid=figures.orders_paid,
        order_success_rate_bp=rate(figures.orders_paid, figures.orders_attempted),
        captured=figures.captured,
        refunded=figures.refunded,
        refunds=figures.refunds,
        fees=figures.fees,
        disputes_opened=figures.disputes_opened,
        disputes_won=figures.disputes_won,
        disputes_lost=figures.disputes_lost,
        disputes_due=figures.disputes_due,
        disputed=figures.disputed,
        decline_codes=[DeclineCodeView(code=code, count=count) for code, count in figures.decline_codes],
    )


def rate(part: int, whole: int) -> int | None:
    """The share in basis points, to the nearest one, halves upwards; None of nothing."""
    return (part * _WHOLE * 2 + whole) // (2 * whole) if whole else None
