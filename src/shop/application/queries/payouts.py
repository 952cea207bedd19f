"""What the provider pays out to the shop's bank, for its people."""

from datetime import datetime
from typing import ClassVar

from attrs import frozen

from shop.application.messages import Context, Query
from shop.application.ports.paging import LIMIT_MAX, CursorMalformed, Page, decode_cursor, encode_cursor, limited
from shop.application.ports.payments import PaymentRefused
from shop.application.ports.reconciliation import BookedSum, ReconciliationReader
from shop.application.ports.records import Listed, Payout, ProviderBalance
from shop.application.ports.views import PayoutView
from shop.application.windows import Window, window_of
from shop.domain.ledger import BANK, EntryKind
from shop.domain.payments import PaymentNotFound


@frozen(kw_only=True)
class GetPayouts(Query[Page[PayoutView]]):
    """What the provider says it paid out in a window, the last 30 days if left out, in its own order. None where the
    provider does not say."""

    requires: ClassVar = "payments:read"
    since: datetime | None = None
    until: datetime | None = None
    after: str | None = None
    limit: int = limited(20, LIMIT_MAX)


async def get_payouts(
    query: GetPayouts, context: Context, *, balance: ProviderBalance | None, books: ReconciliationReader
) -> Page[PayoutView]:
    """Raises PaymentProviderUnavailable, CursorMalformed, Invalid for a window that is none or too long."""
    window = window_of(query.since, query.until, context.now)
    if balance is None:
        return Page(data=[])
    found = await _listed(balance, window, query)
    refs = sorted({payout.transaction_ref for payout in found.data} - {""})
    booked = await books.booked(balance.provider, refs) if refs else []
    return Page(
        data=[_view(payout, balance.provider, booked) for payout in found.data],
        next=encode_cursor(found.next) if found.next else None,
    )


async def _listed(balance: ProviderBalance, window: Window, query: GetPayouts) -> Listed[Payout]:
    """The cursor is the provider's own, which is the only one who can tell whether it is any."""
    [after] = decode_cursor(query.after, 1) if query.after else [""]
    try:
        return await balance.list_payouts(window.since, window.until, after=str(after), limit=query.limit)
    except (PaymentRefused, PaymentNotFound) as error:
        raise CursorMalformed("The payment provider knows no such place in its list of payouts.") from error


def _view(payout: Payout, provider: str, booked: list[BookedSum]) -> PayoutView:
    sums = [one for one in booked if (one.provider_ref, one.account) == (payout.transaction_ref, BANK)]
    return PayoutView(
        id=payout.ref,
        provider=provider,
        status=payout.status,
        amount=payout.amount,
        booked=any(one.kind is EntryKind.PAYOUT for one in sums)
        and sum(one.amount.minor for one in sums) == payout.amount.minor,
        failure_code=payout.failure_code or None,
        arrives_at=payout.arrives_at,
        created_at=payout.created_at,
    )
