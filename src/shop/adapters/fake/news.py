"""The messages by which the fake provider tells the shop what happened, and their signatures."""

import hashlib
import hmac
import json
from datetime import datetime

from attrs import frozen

from shop.adapters.fake.books import Announcement
from shop.application.ports.payments import ProviderNews, SignatureRejected
from shop.application.ports.signatures import read_signature_header

HEADER = "fake-signature"


@frozen(kw_only=True)
class OutgoingNews:
    """A message that is ready to be posted to the shop: these bytes, with a signature made for them."""

    event_ref: str
    event_type: str
    object_ref: str
    body: bytes

    def as_received(self, provider: str) -> ProviderNews:
        """The message as the shop keeps it once it has come."""
        return ProviderNews(
            provider=provider,
            event_ref=self.event_ref,
            event_type=self.event_type,
            object_ref=self.object_ref,
            body=self.body,
        )


def written(announcement: Announcement) -> OutgoingNews:
    """The message that tells of this; written twice, it is the same message with the same id."""
    intent = announcement.intent
    event_ref = f"evt_{intent.ref}_{intent.events}"
    body = {
        "id": event_ref,
        "object": "event",
        "type": announcement.type,
        "created": announcement.at,
        "livemode": False,
        "data": {
            "object": {
                "id": intent.ref,
                "object": "payment_intent",
                "status": intent.status,
                "amount": intent.minor,
                "amount_received": intent.captured,
                "amount_refunded": intent.refunded,
                "currency": intent.currency,
            }
        },
    }
    return OutgoingNews(
        event_ref=event_ref,
        event_type=announcement.type,
        object_ref=intent.ref,
        body=json.dumps(body, separators=(",", ":")).encode(),
    )


def of_subscription(number: int, ref: str, event_type: str, at: int) -> OutgoingNews:
    """A message about a subscription or one of its invoices."""
    event_ref = f"evt_{ref}_{number}"
    thing = {"id": ref, "object": "subscription"}
    body = {"id": event_ref, "object": "event", "type": event_type, "created": at, "data": {"object": thing}}
    return OutgoingNews(
        event_ref=event_ref,
        event_type=event_type,
        object_ref=ref,
        body=json.dumps(body, separators=(",", ":")).encode(),
    )


def of_saved_method(number: int, customer_ref: str, method_ref: str, event_type: str, at: int) -> OutgoingNews:
    """A message about a saved way to pay of a customer, or without one about the customer."""
    event_ref = f"evt_{customer_ref}_{number}"
    thing = {"id": customer_ref, "object": "payment_method" if method_ref else "customer", "method": method_ref}
    body = {"id": event_ref, "object": "event", "type": event_type, "created": at, "data": {"object": thing}}
    return OutgoingNews(
        event_ref=event_ref,
        event_type=event_type,
        object_ref=customer_ref,
        body=json.dumps(body, separators=(",", ":")).encode(),
    )


def sign(body: bytes, secret: str, at: datetime) -> str:
    """The header that proves, to who knows the secret, that these bytes were sent at this moment."""
    moment = int(at.timestamp())
    return f"t={moment},v1={_mac(body, secret, moment)}"


def read(provider: str, body: bytes, header: str, secret: str, now: datetime) -> ProviderNews:
    """The message, if it was signed with the secret just now. Raises SignatureRejected."""
    signed = read_signature_header(header, now)
    expected = _mac(body, secret, signed.moment)
    if not any(hmac.compare_digest(expected, signature) for signature in signed.signatures):
        raise SignatureRejected("The signature is of other bytes, or made with another secret.")
    try:
        message = json.loads(body)
        news = ProviderNews(
            provider=provider,
            event_ref=str(message["id"]),
            event_type=str(message["type"]),
            object_ref=str(message["data"]["object"]["id"]),
            body=body,
        )
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise SignatureRejected("The fake provider sends no such message.") from error
    return news


def _mac(body: bytes, secret: str, moment: int) -> str:
    return hmac.new(secret.encode(), f"{moment}.".encode() + body, hashlib.sha256).hexdigest()
