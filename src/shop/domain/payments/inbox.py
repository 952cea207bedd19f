"""What providers tell us, kept as it came."""

import json
from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar, Self

from attrs import define, frozen

from shop.domain.kernel.aggregates import Aggregate, Event
from shop.domain.kernel.errors import Conflict
from shop.domain.kernel.identifiers import InboxId


class InboxState(StrEnum):
    NEW = "new"
    APPLIED = "applied"
    IGNORED = "ignored"
    PARKED = "parked"


@frozen(kw_only=True)
class ProviderNewsReceived(Event):
    """A payment provider told us something; it is kept and will be looked at."""

    type: ClassVar[str] = "payment.news_received"
    inbox_id: InboxId

    @property
    def subject(self) -> InboxId:
        return self.inbox_id


@define(eq=False, kw_only=True)
class InboxItem(Aggregate):
    """A provider's message as it came. (provider, event_ref) is unique: the same message is kept once."""

    id: InboxId
    provider: str
    event_ref: str
    event_type: str
    object_ref: str
    body: bytes
    state: InboxState = InboxState.NEW
    received_at: datetime
    settled_at: datetime | None = None

    @classmethod
    def receive(
        cls,
        *,
        id: InboxId,
        provider: str,
        event_ref: str,
        event_type: str,
        object_ref: str,
        body: bytes,
        at: datetime,
    ) -> Self:
        item = cls(
            id=id,
            provider=provider,
            event_ref=event_ref,
            event_type=event_type,
            object_ref=object_ref,
            body=body,
            received_at=at,
        )
        item._record(ProviderNewsReceived(at=at, inbox_id=id))
        return item

    def reopen(self, at: datetime) -> bool:
        """It is to be looked at once more; whether that is anything new."""
        if self.state is InboxState.NEW:
            return False
        self.state, self.settled_at = InboxState.NEW, None
        self._record(ProviderNewsReceived(at=at, inbox_id=self.id))
        return True

    def settle(self, state: InboxState, at: datetime) -> None:
        """Raises Conflict when its effect is there already; what was parked may be settled once more."""
        if self.state not in (InboxState.NEW, InboxState.PARKED):
            raise Conflict(f"The message {self.event_ref} is {self.state} already.")
        self.state, self.settled_at = state, at

    def forget(self) -> None:
        """What it told becomes empty, for it is about somebody who was forgotten; that it told something stays."""
        self.body = b""

    def forget_customer(self) -> None:
        """The same of news about the customer themselves: how the provider calls them goes too."""
        self.body, self.object_ref = b"", ""


COVER = "[hidden]"
_COVERED = frozenset(
    {
        "address",
        "billing_details",
        "client_secret",
        "customer_address",
        "customer_details",
        "customer_email",
        "customer_name",
        "customer_phone",
        "customer_shipping",
        "email",
        "evidence",
        "fingerprint",
        "ip",
        "ip_address",
        "name",
        "phone",
        "receipt_email",
        "recipient",
        "secret",
        "shipping",
        "tax_ids",
        "token",
        "user_agent",
        "verification_secret",
    }
)
"""What providers call secrets and what they know of people: staff need neither to see what became of a payment."""


def covered(body: bytes) -> str:
    """A provider's message for people: as it came, but with secrets and what it says of the shopper covered.

    What is not JSON is not shown at all: nobody knows what is in it.
    """
    text = body.decode(errors="replace")
    try:
        message = json.loads(text)
        shown = _covered(message)
        return text if shown == message else json.dumps(shown, ensure_ascii=False)
    except (ValueError, RecursionError):
        return COVER


def _covered(thing: Any) -> Any:
    if isinstance(thing, dict):
        return {name: COVER if name in _COVERED and value else _covered(value) for name, value in thing.items()}
    if isinstance(thing, list):
        return [_covered(one) for one in thing]
    return thing
