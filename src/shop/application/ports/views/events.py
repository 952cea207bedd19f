"""Events as developers see them."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar

from attrs import frozen

from shop.domain.kernel.identifiers import EventId


@frozen(kw_only=True, slots=False)
class DeliveryView:
    """How far an event has come to one subscriber."""

    subscriber: str
    state: str
    attempts: int
    due_at: datetime
    problem: str


@frozen(kw_only=True, slots=False)
class EventView:
    """Something that happened, and who has heard of it."""

    object: ClassVar[str] = "event"
    id: EventId
    type: str
    subject_id: str
    at: datetime
    request_id: str
    data: Mapping[str, Any]
    deliveries: list[DeliveryView]
