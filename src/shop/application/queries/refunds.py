"""What staff see of refunds, and of the books behind an order."""

from typing import ClassVar

from attrs import frozen

from shop.application.messages import Context, Query
from shop.application.ports.paging import Page, PageRequest
from shop.application.ports.readers import PaymentReader, RefundFilter
from shop.application.ports.unit_of_work import UnitOfWork
from shop.application.ports.views import LedgerEntryView, LedgerPostingView, RefundView
from shop.domain.kernel.identifiers import OrderId, RefundId


@frozen(kw_only=True)
class GetRefunds(Query[Page[RefundView]]):
    """All refunds of the shop, for staff."""

    requires: ClassVar = "payments:read"
    which: RefundFilter = RefundFilter()
    page: PageRequest = PageRequest()


async def get_refunds(query: GetRefunds, context: Context, *, payments: PaymentReader) -> Page[RefundView]:
    return await payments.refunds(query.which, query.page)


@frozen(kw_only=True)
class GetRefund(Query[RefundView]):
    """One refund, for staff."""

    requires: ClassVar = "payments:read"
    refund_id: RefundId


async def get_refund(query: GetRefund, context: Context, *, payments: PaymentReader) -> RefundView:
    return await payments.refund(query.refund_id)


@frozen(kw_only=True)
class GetOrderBooks(Query[list[LedgerEntryView]]):
    """What was booked for an order, in the order of booking. Raises OrderNotFound."""

    requires: ClassVar = "payments:read"
    order_id: OrderId


async def get_order_books(query: GetOrderBooks, context: Context, *, uow: UnitOfWork) -> list[LedgerEntryView]:
    async with uow(context) as tx:
        await tx.orders.get(query.order_id)
        entries = await tx.ledger.of_order(query.order_id)
    return [
        LedgerEntryView(
            id=entry.id,
            at=entry.at,
            kind=entry.kind,
            provider=entry.provider,
            provider_ref=entry.provider_ref,
            postings=[LedgerPostingView(account=p.account, amount=p.amount) for p in entry.postings],
        )
        for entry in entries
    ]
