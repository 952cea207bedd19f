"""Moving the shop's clock ahead a day at a time, doing on each day what is due on it.

In one leap a month of renewals, reminders and second tries would all happen on its last day.
"""

from datetime import datetime, timedelta

from attrs import evolve

from shop.application.commands.clock import MoveClock
from shop.application.messages import Actor, Context
from shop.application.ports.paging import PageRequest
from shop.application.ports.views import EventView
from shop.application.shop import Shop
from shop.domain.kernel.errors import Invalid
from shop.domain.kernel.identifiers import EventId
from shop.entrypoints.worker.deliveries import deliver_once
from shop.entrypoints.worker.schedule import run_schedule_once

STEP = timedelta(days=1)
DAYS_MAX = 400
"""At once: each day costs a round of chores, and somebody waits for the answer."""
ROUNDS_MAX = 20
EVENTS_MAX = 1_000
_PAGE = 100


async def advance_clock(shop: Shop, to: datetime, *, actor: Actor) -> list[EventView]:
    """Moves the clock to this moment and does what is due on the way. The events of it, in order, 1,000 at most.

    Raises ClockNotMovable, and Invalid for a moment that is past or more than 400 days ahead.
    """
    first = shop.context(actor)
    if to - first.now > timedelta(days=DAYS_MAX):
        raise Invalid(f"The clock moves at most {DAYS_MAX} days at once.", hint="Move it in several steps.")
    last_event = await _last_event(shop)
    await _step(shop, min(to, first.now + STEP), first)
    while (now := shop.ports.clock.now()) < to:
        await _step(shop, min(to, now + STEP), evolve(first, now=now))
    return await _events_since(shop, last_event)


async def _step(shop: Shop, to: datetime, context: Context) -> None:
    await shop.execute(MoveClock(to=to), context=context)
    for _ in range(ROUNDS_MAX):
        done = sum((await run_schedule_once(shop)).values())
        while await deliver_once(shop):
            done += 1
        if not done:
            return


async def _last_event(shop: Shop) -> EventId | None:
    page = await shop.ports.storage.outbox.events(PageRequest(limit=1))
    return page.data[0].id if page.data else None


async def _events_since(shop: Shop, last: EventId | None) -> list[EventView]:
    found: list[EventView] = []
    after: str | None = None
    while len(found) < EVENTS_MAX:
        page = await shop.ports.storage.outbox.events(PageRequest(limit=_PAGE, after=after))
        for event in page.data:
            if event.id == last:
                return found[::-1]
            found.append(event)
        after = page.next
        if after is None:
            break
    return found[::-1]
