"""The audit log, for staff."""

from shop.application.ports.audit import AuditFilter
from shop.application.ports.views import AuditEntryView
from shop.application.queries.audit import GetAuditLog
from shop.entrypoints.http.answers import Answer
from shop.entrypoints.http.calls import Call
from shop.entrypoints.http.endpoints import Endpoints, Shows, Who
from shop.entrypoints.http.parameters import fields, moment, page_request, paging, text

endpoints = Endpoints("admin audit")


@endpoints.get(
    "/api/admin/audit-log",
    "audit_log_list",
    Who.STAFF,
    "Who did what",
    scope="audit:read",
    query=(
        text("actor", "Of this person or key, by id."),
        text("subject", "About this thing, by id: an order, a payment, a variant, a key; or settings."),
        text("action", "Of this command, such as AdjustStock."),
        moment("since", "At or after this moment."),
        moment("until", "Before this moment."),
        fields(AuditEntryView),
        *paging(),
    ),
    shows=Shows(view=AuditEntryView, many=True),
)
async def audit_log_list(call: Call) -> Answer:
    """Who did what, when and from where, with each value before and after, the latest first."""
    query = call.query
    which = AuditFilter(
        actor=query.get("actor", ""),
        subject=query.get("subject", ""),
        action=query.get("action", ""),
        since=query.get("since"),
        until=query.get("until"),
    )
    return call.page(await call.ask(GetAuditLog(page=page_request(query), narrowed=which)))
