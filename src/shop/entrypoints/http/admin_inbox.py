"""What payment providers told the shop, for staff."""

from shop.application.commands.payments import ReplayProviderNews
from shop.application.messages import SYSTEM
from shop.application.ports.payments import PaymentProviderUnavailable
from shop.application.ports.readers import InboxFilter
from shop.application.ports.views import InboxItemView
from shop.application.queries.disputes import GetInbox, GetInboxItem
from shop.domain.kernel.identifiers import InboxId
from shop.domain.payments import InboxState
from shop.entrypoints.http.answers import Answer
from shop.entrypoints.http.calls import Call
from shop.entrypoints.http.endpoints import Endpoints, Shows, Who
from shop.entrypoints.http.endurance import carried_through
from shop.entrypoints.http.parameters import choices, moments, page_request, paging, range_of, text

endpoints = Endpoints("admin payments")
_ONE = Shows(view=InboxItemView)


@endpoints.get(
    "/api/admin/payments/inbox",
    "payment_inbox_list",
    Who.STAFF,
    "What providers told us",
    scope="payments:read",
    query=(
        choices("state", InboxState, "Messages in these states."),
        text("event_ref", "Of this name at the provider, such as evt_…"),
        text("event_type", "Of this type."),
        text("object_ref", "About this payment or subscription, by the provider's name for it."),
        *moments("received_at", "Received"),
        *paging("received_at"),
    ),
    shows=Shows(view=InboxItemView, many=True),
)
async def payment_inbox_list(call: Call) -> Answer:
    """All messages, the latest first unless sorted: `state=parked` wait for people."""
    query = call.query
    which = InboxFilter(
        states=query.get("state", frozenset()),
        event_ref=query.get("event_ref", ""),
        event_type=query.get("event_type", ""),
        object_ref=query.get("object_ref", ""),
        received_at=range_of(query, "received_at"),
    )
    return call.page(await call.ask(GetInbox(which=which, page=page_request(query))))


@endpoints.get(
    "/api/admin/payments/inbox/{id}",
    "payment_inbox_get",
    Who.STAFF,
    "One message",
    scope="payments:read",
    shows=_ONE,
    conditional=True,
    problems=("not_found",),
)
async def payment_inbox_get(call: Call) -> Answer:
    """What became of it. The payment that it is about shows the message itself."""
    return call.one(await call.ask(GetInboxItem(inbox_id=call.id(InboxId))))


@endpoints.post(
    "/api/admin/payments/inbox/{id}/replay",
    "payment_inbox_replay",
    Who.STAFF,
    "Look at a message again",
    scope="payments:write",
    shows=_ONE,
    problems=("not_found", PaymentProviderUnavailable.code, "payment_refused", "payment_elsewhere", "conflict"),
)
async def payment_inbox_replay(call: Call) -> Answer:
    """Asks the provider how things stand now, and follows that; doing it again changes nothing."""
    inbox_id = await carried_through(call.execute(ReplayProviderNews(inbox_id=call.id(InboxId))))
    return call.one(await call.ask(GetInboxItem(inbox_id=inbox_id), actor=SYSTEM))
