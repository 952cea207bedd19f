"""What somebody holds in the shop, all of it: for their file, for forgetting them, for what is paid with their card."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from shop.application.ports.paging import Page, PageRequest
from shop.application.ports.readers import OrderReader, SubscriptionFilter, SubscriptionReader
from shop.application.ports.views import OrderView, SubscriptionView
from shop.domain.kernel.identifiers import UserId
from shop.domain.subscriptions import SubscriptionStatus

AT_ONCE = 50

View = TypeVar("View")


async def orders_of(user_id: UserId, orders: OrderReader) -> list[OrderView]:
    """All orders of a person, the newest first."""
    return await _all(lambda page: orders.of_owner(user_id, page))


async def subscriptions_of(
    user_id: UserId, subscriptions: SubscriptionReader, statuses: frozenset[SubscriptionStatus] = frozenset()
) -> list[SubscriptionView]:
    """All subscriptions of a person, the newest first; of these statuses, if any are named."""
    which = SubscriptionFilter(statuses=statuses, owner_id=user_id)
    return await _all(lambda page: subscriptions.all(which, page))


async def _all(ask: Callable[[PageRequest], Awaitable[Page[View]]]) -> list[View]:
    page = await ask(PageRequest(limit=AT_ONCE))
    found = list(page.data)
    while page.next is not None:
        page = await ask(PageRequest(limit=AT_ONCE, after=page.next))
        found += page.data
    return found
