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
    reference = _name(event.get("id"))
    return ProviderNews(
        provider=provider,
        event_ref=reference or f"sha256:{hashlib.sha256(body).hexdigest()}",
        event_type=_name(event.get("type")) or UNREADABLE,
        object_ref=_intent_of(event),
        body=body,
    )


def _object(body: bytes) -> dict[str, Any]:
    try:
        event = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return event if isinstance(event, dict) else {}


def _intent_of(event: dict[str, Any]) -> str:
    """The intent that the event is about, also when it tells of its charge, refund, dispute or checkout."""
    data = event.get("data")
    thing = data.get("object") if isinstance(data, dict) else None
    if not isinstance(thing, dict):
        return ""
    intent = thing.get("id") if thing.get("object") == "payment_intent" else thing.get("payment_intent")
    if isinstance(intent, dict):
        intent = intent.get("id")
    return _name(intent)


def _name(value: Any) -> str:
    """The value, if it is a name such as Stripe gives: short, and fit for any database and log."""
    return value if isinstance(value, str) and _NAME.fullmatch(value) else ""
