"""What staff see of events."""

from typing import ClassVar

from attrs import frozen

from shop.application.messages import Context, Query
from shop.application.ports.outbox import Outbox
from shop.application.ports.paging import Page, PageRequest
from shop.application.ports.views import EventView


@frozen(kw_only=True)
class GetEvents(Query[Page[EventView]]):
    """What has happened, the latest first, with the state of each delivery."""

    requires: ClassVar = "events:read"
    page: PageRequest = PageRequest()
    types: tuple[str, ...] = ()
    only_set_aside: bool = False


async def get_events(query: GetEvents, context: Context, *, outbox: Outbox) -> Page[EventView]:
    return await outbox.events(query.page, types=query.types, only_set_aside=query.only_set_aside)
