"""Events beside their cause: a row for each, and a delivery for each subscriber of its type."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from shop.adapters.sql.database import Write
from shop.adapters.sql.gathering import ADDED, Rank
from shop.adapters.sql.schema import deliveries, events
from shop.adapters.sql.statements import insert_into
from shop.adapters.wire import data_of
from shop.application.messages import Context
from shop.application.ports.clock import Ids
from shop.application.ports.outbox import DeliveryState
from shop.application.ports.storage import SubscribersByType
from shop.domain.kernel.aggregates import Event
from shop.domain.kernel.identifiers import EventId

_ADD_EVENTS = insert_into(events)
_ADD_DELIVERIES = insert_into(deliveries)


class EventWriter:
    """Knows who wants to hear of what."""

    def __init__(self, ids: Ids, subscribers: SubscribersByType) -> None:
        self._ids = ids
        self._subscribers = subscribers

    def writes(self, happened: Iterable[Event], context: Context) -> Iterable[Write]:
        event_rows: list[dict[str, Any]] = []
        delivery_rows: list[dict[str, Any]] = []
        for event in happened:
            row = self._event_row(event, context)
            event_rows.append(row)
            delivery_rows += [
                _delivery_row(row, subscriber, context.now) for subscriber in self._subscribers.get(event.type, ())
            ]
        if event_rows:
            yield Write(_ADD_EVENTS, event_rows, Rank.EVENTS)
        if delivery_rows:
            yield Write(_ADD_DELIVERIES, delivery_rows, Rank.EVENTS + ADDED)

    def _event_row(self, event: Event, context: Context) -> dict[str, Any]:
        return {
            "id": self._ids.new(EventId).uuid,
            "type": event.type,
            "schema": event.schema,
            "subject": str(event.subject),
            "at": event.at,
            "request_id": context.request_id.uuid,
            "caused_by": context.caused_by.uuid if context.caused_by else None,
            "actor": context.actor.kind,
            "data": data_of(event),
        }


def _delivery_row(event: dict[str, Any], subscriber: str, now: datetime) -> dict[str, Any]:
    return {
        "event_id": event["id"],
        "subscriber": subscriber,
        "subject": event["subject"],
        "state": DeliveryState.PENDING,
        "attempts": 0,
        "due_at": now,
        "settled_at": None,
        "problem": "",
    }
