"""What the fake provider's billing remembers: subscriptions with their invoices, and what it has to tell."""

import json
from typing import Any

from attrs import asdict, define, field

from shop.adapters.fake.records import MemoryRecords, Records, SqliteRecords


@define(kw_only=True)
class BookedInvoice:
    """One period. `method` is the one of when it was made: asked again, its intent is the same. `intent` is the payment
    that it is paid by, once it was tried."""

    attempt: str
    minor: int
    method: str
    intent: str = ""
    void: bool = False


@define(kw_only=True)
class BookedSubscription:
    """A subscription as the provider has it; invoices by the beginning of their period."""

    ref: str
    method: str
    paused: bool = False
    ended: bool = False
    invoices: dict[str, BookedInvoice] = field(factory=dict)


BillingBooks = Records[BookedSubscription]
"""The memory of the billing."""


class MemoryBillingBooks(MemoryRecords[BookedSubscription]):
    """Books of one process, gone when it ends."""

    def __init__(self) -> None:
        super().__init__(_to_text, _from_text)


class SqliteBillingBooks(SqliteRecords[BookedSubscription]):
    """Books in a file that the processes of one machine share."""

    def __init__(self, path: str) -> None:
        super().__init__(path, "subscriptions", _to_text, _from_text)


def _to_text(subscription: BookedSubscription) -> str:
    return json.dumps(asdict(subscription))


def _from_text(text: str) -> BookedSubscription:
    record: dict[str, Any] = json.loads(text)
    invoices = {start: BookedInvoice(**invoice) for start, invoice in record.pop("invoices").items()}
    return BookedSubscription(invoices=invoices, **record)
