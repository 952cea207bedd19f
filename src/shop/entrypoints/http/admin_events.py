"""What has happened in the shop, for developers."""

from shop.application.ports.views import EventView
from shop.application.queries.events import GetEvents
from shop.entrypoints.http.answers import Answer
from shop.entrypoints.http.calls import Call
from shop.entrypoints.http.endpoints import Endpoints, Shows, Who
from shop.entrypoints.http.parameters import fields, page_request, paging, types

endpoints = Endpoints("admin events")


@endpoints.get(
    "/api/admin/events",
    "event_list",
    Who.STAFF,
    "What has happened",
    scope="events:read",
    query=(types("type", "Events of these types, such as order.created."), fields(EventView), *paging()),
    shows=Shows(view=EventView, many=True),
)
async def event_list(call: Call) -> Answer:
    """The latest first, each with how far it has come to those who listen."""
    asked = GetEvents(page=page_request(call.query), types=call.query.get("type", ()))
    return call.page(await call.ask(asked))
