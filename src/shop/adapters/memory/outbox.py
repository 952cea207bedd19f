"""The outbox in memory: events in the order they were written, and deliveries that are leased to workers."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from shop.adapters.memory.paging import Listing
from shop.adapters.memory.tables import Journal, StoredDelivery, StoredEvent, Tables
from shop.adapters.wire import data_of
from shop.application.messages import Context
from shop.application.ports.clock import Ids
from shop.application.ports.outbox import Delivery, DeliveryState
from shop.application.ports.paging import Page, PageRequest
from shop.application.ports.storage import SubscribersByType
from shop.application.ports.views import DeliveryView, EventView
from shop.domain.kernel.aggregates import Event
from shop.domain.kernel.identifiers import EventId, Identifier

_LATEST_FIRST: Listing[StoredEvent] = Listing(
    own=((lambda stored: stored.number, True),), id=lambda stored: stored.id.uuid.hex
)


class EventWriter:
    """Writes events beside their cause, with a delivery for each subscriber of their type."""

    def __init__(self, tables: Tables, ids: Ids, subscribers: SubscribersByType) -> None:
        self._tables = tables
        self.ids = ids
        self._subscribers = subscribers

    def write(self, events: Iterable[Event], context: Context, journal: Journal) -> None:
        tables = self._tables
        for event in events:
            event_id = self.ids.new(EventId)
            deliveries = tuple(
                StoredDelivery(event_id=event_id, subject=event.subject, subscriber=subscriber, due_at=context.now)
                for subscriber in self._subscribers.get(event.type, ())
            )
            stored = StoredEvent(
                number=tables.next_event_number,
                id=event_id,
                event=event,
                request_id=context.request_id,
                caused_by=context.caused_by,
                deliveries=deliveries,
            )
            journal.assign(tables, "next_event_number", stored.number + 1)
            journal.put(tables.events, event_id, stored)
            for delivery in deliveries:
                journal.put(tables.open_deliveries, delivery.key, delivery)


class MemoryOutbox:
    """Open deliveries lie in the order of their events; a claim walks along them and takes heads only."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def claim(self, now: datetime, lease_until: datetime, limit: int) -> list[Delivery]:
        claimed: list[Delivery] = []
        passed: set[tuple[str, Identifier]] = set()
        for stored in self._tables.open_deliveries.values():
            if len(claimed) >= limit:
                break
            queue = (stored.subscriber, stored.subject)
            if queue in passed:
                continue
            passed.add(queue)
            if stored.due_at <= now:
                stored.due_at = lease_until
                stored.attempts += 1
                claimed.append(self._delivery(stored))
        return claimed

    async def done(self, delivery: Delivery, now: datetime) -> bool:
        stored = self._leased(delivery)
        if stored is None:
            return False
        stored.state, stored.done_at, stored.problem = DeliveryState.DONE, now, ""
        del self._tables.open_deliveries[stored.key]
        return True

    async def retry(self, delivery: Delivery, at: datetime, problem: str) -> bool:
        stored = self._leased(delivery)
        if stored is None:
            return False
        stored.due_at, stored.problem = at, problem
        return True

    async def set_aside(self, delivery: Delivery, now: datetime, problem: str) -> bool:
        stored = self._leased(delivery)
        if stored is None:
            return False
        stored.state, stored.problem, stored.due_at = DeliveryState.SET_ASIDE, problem, now
        del self._tables.open_deliveries[stored.key]
        return True

    async def revive(self, event_id: EventId | None, now: datetime) -> int:
        tables = self._tables
        revived = [
            delivery
            for event in ([tables.events.get(event_id)] if event_id else list(tables.events.values()))
            if event is not None
            for delivery in event.deliveries
            if delivery.state is DeliveryState.SET_ASIDE
        ]
        for delivery in revived:
            delivery.state, delivery.forgiven, delivery.due_at = DeliveryState.PENDING, delivery.attempts, now
            tables.open_deliveries[delivery.key] = delivery
        if revived:
            # Back to their places: what is older goes first again.
            in_order = sorted(tables.open_deliveries.values(), key=lambda d: tables.events[d.event_id].number)
            tables.open_deliveries = {delivery.key: delivery for delivery in in_order}
        return len(revived)

    async def events(
        self, page: PageRequest, *, types: Sequence[str] = (), only_set_aside: bool = False
    ) -> Page[EventView]:
        chosen = [
            stored
            for stored in self._tables.events.values()
            if (not types or stored.event.type in types)
            and (not only_set_aside or any(d.state is DeliveryState.SET_ASIDE for d in stored.deliveries))
        ]
        return _LATEST_FIRST.page(chosen, page, _event_view)

    async def backlog(self) -> dict[DeliveryState, int]:
        deliveries = [d for event in self._tables.events.values() for d in event.deliveries]
        return {
            state: sum(delivery.state is state for delivery in deliveries)
            for state in (DeliveryState.PENDING, DeliveryState.SET_ASIDE)
        }

    async def forget(self, before: datetime, limit: int) -> int:
        old = [stored.id for stored in self._tables.events.values() if _settled_before(stored, before)]
        for event_id in old[:limit]:
            del self._tables.events[event_id]
        return len(old[:limit])

    def _leased(self, delivery: Delivery) -> StoredDelivery | None:
        stored = self._tables.open_deliveries.get((delivery.event_id, delivery.subscriber))
        return stored if stored is not None and stored.attempts == delivery.claim else None

    def _delivery(self, stored: StoredDelivery) -> Delivery:
        event = self._tables.events[stored.event_id]
        return Delivery(
            event_id=event.id,
            event=event.event,
            subscriber=stored.subscriber,
            claim=stored.attempts,
            attempt=stored.attempts - stored.forgiven,
            request_id=event.request_id,
        )


def _settled_before(stored: StoredEvent, before: datetime) -> bool:
    if not stored.deliveries:
        return stored.event.at < before
    return all(delivery.done_at is not None and delivery.done_at < before for delivery in stored.deliveries)


def _event_view(stored: StoredEvent) -> EventView:
    event = stored.event
    return EventView(
        id=stored.id,
        type=event.type,
        subject_id=str(event.subject),
        at=event.at,
        request_id=str(stored.request_id),
        data=data_of(event),
        deliveries=[
            DeliveryView(
                subscriber=delivery.subscriber,
                state=delivery.state.value,
                attempts=delivery.attempts,
                due_at=delivery.due_at,
                problem=delivery.problem,
            )
            for delivery in stored.deliveries
        ],
    )
