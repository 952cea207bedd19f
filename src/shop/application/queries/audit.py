"""What staff see of the audit log."""

from typing import ClassVar

from attrs import frozen

from shop.application.messages import Context, Query
from shop.application.ports.audit import AuditFilter, AuditTrail
from shop.application.ports.paging import Page, PageRequest
from shop.application.ports.views import AuditEntryView


@frozen(kw_only=True)
class GetAuditLog(Query[Page[AuditEntryView]]):
    """Who did what, when and from where, the latest first."""

    requires: ClassVar = "audit:read"
    page: PageRequest = PageRequest()
    narrowed: AuditFilter = AuditFilter()


async def get_audit_log(query: GetAuditLog, context: Context, *, trail: AuditTrail) -> Page[AuditEntryView]:
    return await trail.log(query.page, query.narrowed)
