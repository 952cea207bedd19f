"""What Stripe posts to the shop: is it genuine, and of which payment does it speak?

The body is kept as it came; what it says of amounts and states is not believed but asked of Stripe again.
"""

import hashlib
import json
import re
from datetime import datetime
from typing import Any

from attrs import frozen
from stripe import SignatureVerificationError, WebhookSignature

from shop.application.ports.payments import ProviderNews, SignatureRejected
from shop.application.ports.signatures import read_signature_header

HEADER = "stripe-signature"
UNREADABLE = "unreadable"
"""The type of a genuine message that is not what Stripe documents; it is kept for people to look at."""

_OF_SUBSCRIPTIONS = ("customer.subscription.", "invoice.")
_OF_CUSTOMERS = ("payment_method.", "customer.deleted")
LISTED = [
    "payment_intent.amount_capturable_updated",
    "payment_intent.canceled",
    "payment_intent.partially_funded",
    "payment_intent.payment_failed",
    "payment_intent.processing",
    "payment_intent.requires_action",
    "payment_intent.succeeded",
    "charge.expired",
    "charge.refunded",
    "charge.dispute.created",
    "charge.dispute.updated",
    "charge.dispute.closed",
    "charge.dispute.funds_withdrawn",
    "charge.dispute.funds_reinstated",
    "refund.created",
    "refund.updated",
    "refund.failed",
    "radar.early_fraud_warning.created",
    "review.opened",
    "review.closed",
]
"""The types that are looked for when what Stripe sent is compared with what came: those that docs ask it to send.
Stripe lists at most 20 types at once."""

_NAME = re.compile(r"[A-Za-z0-9_.:\-]{1,255}")


@frozen
class Endpoint:
    """The webhook endpoint at Stripe: its secret, and whether it is of a live account or of a test one."""

    secret: str
    live: bool


def read(provider: str, endpoint: Endpoint, body: bytes, header: str, now: datetime) -> ProviderNews:
    """The message, if it is Stripe's, made just now, for this account and mode. Raises SignatureRejected."""
    read_signature_header(header, now)
    try:
        # Without a tolerance: the library knows no clock but the machine's, and lets the future pass.
        WebhookSignature.verify_header(body, header, endpoint.secret, tolerance=None)
    except (SignatureVerificationError, ValueError, TypeError) as error:
        raise SignatureRejected("The signature is of other bytes, or made with another secret.") from error
    event = _object(body)
    if event.get("livemode", endpoint.live) is not endpoint.live:
        raise SignatureRejected("A message of Stripe's test mode came for live payments, or the other way round.")
    if event.get("account"):
        raise SignatureRejected("The message is about another account's payments.")
    return message_of(provider, event, body)


def message_of(provider: str, event: dict[str, Any], body: bytes) -> ProviderNews:
    """The message in the shop's words, whether Stripe sent it or was asked for it."""
    reference = _name(event.get("id"))
    return ProviderNews(
        provider=provider,
        event_ref=reference or f"sha256:{hashlib.sha256(body).hexdigest()}",
        event_type=_name(event.get("type")) or UNREADABLE,
        object_ref=_subscription_of(event) or _customer_of(event) or _intent_of(event),
        body=body,
    )


def _object(body: bytes) -> dict[str, Any]:
    try:
        event = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return event if isinstance(event, dict) else {}


def _subscription_of(event: dict[str, Any]) -> str:
    """The subscription that the event is about, also when it tells of one of its invoices."""
    kind = event.get("type")
    thing = _thing(event)
    if not isinstance(kind, str) or not kind.startswith(_OF_SUBSCRIPTIONS):
        return ""
    if thing.get("object") == "subscription":
        return _name(thing.get("id"))
    parent = thing.get("parent")
    details = parent.get("subscription_details") if isinstance(parent, dict) else None
    # Older versions of Stripe's messages name it on the invoice itself.
    found = details.get("subscription") if isinstance(details, dict) else thing.get("subscription")
    return _name(found.get("id") if isinstance(found, dict) else found)


def _customer_of(event: dict[str, Any]) -> str:
    """The customer whose saved way to pay the event is about; once it is detached, whose it was."""
    kind, thing = event.get("type"), _thing(event)
    if not isinstance(kind, str) or not kind.startswith(_OF_CUSTOMERS):
        return ""
    if thing.get("object") == "customer":
        return _name(thing.get("id"))
    data = event.get("data")
    before = data.get("previous_attributes") if isinstance(data, dict) else None
    customer = thing.get("customer") or (before.get("customer") if isinstance(before, dict) else None)
    return _name(customer.get("id") if isinstance(customer, dict) else customer)


def _thing(event: dict[str, Any]) -> dict[str, Any]:
    """What the event is about, as it came."""
    data = event.get("data")
    thing = data.get("object") if isinstance(data, dict) else None
    return thing if isinstance(thing, dict) else {}


def _intent_of(event: dict[str, Any]) -> str:
    """The intent that the event is about, also when it tells of its charge, refund, dispute or checkout."""
    thing = _thing(event)
    intent = thing.get("id") if thing.get("object") == "payment_intent" else thing.get("payment_intent")
    if isinstance(intent, dict):
        intent = intent.get("id")
    return _name(intent)


def _name(value: Any) -> str:
    """The value, if it is a name such as Stripe gives: short, and fit for any database and log."""
    return value if isinstance(value, str) and _NAME.fullmatch(value) else ""
