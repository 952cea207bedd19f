"""What staff see of disputes, and of what providers told us."""

from typing import ClassVar

from attrs import frozen

from shop.application.messages import Context, Query
from shop.application.ports.paging import Page, PageRequest
from shop.application.ports.readers import DisputeFilter, InboxFilter, PaymentReader
from shop.application.ports.views import DisputeView, InboxItemView
from shop.domain.kernel.identifiers import DisputeId, InboxId


@frozen(kw_only=True)
class GetDisputes(Query[Page[DisputeView]]):
    """All disputes and inquiries of the shop, for staff."""

    requires: ClassVar = "payments:read"
    which: DisputeFilter = DisputeFilter()
    page: PageRequest = PageRequest()


async def get_disputes(query: GetDisputes, context: Context, *, payments: PaymentReader) -> Page[DisputeView]:
    return await payments.disputes(query.which, query.page)


@frozen(kw_only=True)
class GetDispute(Query[DisputeView]):
    """One dispute, for staff."""

    requires: ClassVar = "payments:read"
    dispute_id: DisputeId


async def get_dispute(query: GetDispute, context: Context, *, payments: PaymentReader) -> DisputeView:
    return await payments.dispute(query.dispute_id)


@frozen(kw_only=True)
class GetInbox(Query[Page[InboxItemView]]):
    """What payment providers told us, for staff."""

    requires: ClassVar = "payments:read"
    which: InboxFilter = InboxFilter()
    page: PageRequest = PageRequest()


async def get_inbox(query: GetInbox, context: Context, *, payments: PaymentReader) -> Page[InboxItemView]:
    return await payments.messages(query.which, query.page)


@frozen(kw_only=True)
class GetInboxItem(Query[InboxItemView]):
    """One message of a provider, for staff."""

    requires: ClassVar = "payments:read"
    inbox_id: InboxId


async def get_inbox_item(query: GetInboxItem, context: Context, *, payments: PaymentReader) -> InboxItemView:
    return await payments.message(query.inbox_id)
