"""Whether the shop's books and the provider's say the same."""

from datetime import datetime, timedelta
from typing import ClassVar

from attrs import frozen

from shop.application.messages import Context, Query
from shop.application.ports.outbox import Outbox
from shop.application.ports.paging import limited
from shop.application.ports.payments import PaymentGateway
from shop.application.ports.reconciliation import ReconciliationReader
from shop.application.ports.records import ProviderBalance, ProviderRecords
from shop.application.ports.views import ReconciliationView
from shop.application.reconciling import Comparison, outbox_findings
from shop.application.windows import window_of

RECENT = timedelta(hours=2)
FINDINGS_MAX = 1_000


@frozen(kw_only=True)
class Reconcile(Query[ReconciliationView]):
    """Compares what was begun in a window with the provider, the last two hours if left out; stock and outbox too."""

    requires: ClassVar = "payments:read"
    since: datetime | None = None
    until: datetime | None = None
    stock: bool = True
    limit: int = limited(most=FINDINGS_MAX)


async def reconcile(
    query: Reconcile,
    context: Context,
    *,
    gateway: PaymentGateway,
    records: ProviderRecords | None,
    balance: ProviderBalance | None,
    books: ReconciliationReader,
    outbox: Outbox,
) -> ReconciliationView:
    """Raises Invalid for a window that is none or too long."""
    window = window_of(query.since, query.until, context.now, RECENT)
    comparison = Comparison(context.now, gateway, records, books, balance)
    found = outbox_findings(await outbox.backlog())
    truncated = False
    async for finding in comparison.findings(window, stock=query.stock):
        if len(found) >= query.limit:
            truncated = True
            break
        found.append(finding)
    count = comparison.count
    return ReconciliationView(
        since=window.since,
        until=window.until,
        provider=gateway.provider,
        compared=records is not None,
        intents=count.intents,
        payments=count.payments,
        messages=count.messages,
        levels=count.levels,
        transactions=comparison.held.transactions,
        payouts=comparison.held.payouts,
        clean=not found,
        truncated=truncated,
        findings=found,
    )
