"""What shoppers ask for: single requests, and the nine calls from an empty cart to a paid order."""

from collections.abc import Iterator
from uuid import UUID

import msgspec

from benchmarks.load import Script, request
from shop.domain.kernel.identifiers import CartId, PaymentSessionId, VariantId

EMAIL = "ada@example.com"
_WHO = msgspec.json.encode(
    {
        "email": EMAIL,
        "shipping_address": {
            "name": "Ada Byron",
            "line1": "Torstr. 1",
            "postal_code": "10119",
            "city": "Berlin",
            "country": "DE",
        },
    }
)
_DELIVERY = b'{"option_id":"standard"}'
_BROWSE = request("GET", "/api/products?limit=1&expand=variants")
_OPEN = request("POST", "/api/carts", body=b'{"currency":"EUR"}')


class _Opened(msgspec.Struct):
    id: str
    cart_token: str


class _Versioned(msgspec.Struct):
    id: str
    version: int = 0


class _Item(msgspec.Struct):
    id: str


class _Filled(msgspec.Struct):
    items: list[_Item]


class _Placed(msgspec.Struct):
    id: str
    status: str
    payment_status: str


_opened = msgspec.json.Decoder(_Opened).decode
_versioned = msgspec.json.Decoder(_Versioned).decode
_filled = msgspec.json.Decoder(_Filled).decode
_placed = msgspec.json.Decoder(_Placed).decode


def ready_cart(wanted: list[tuple[VariantId, int]], say: list[str]) -> Script:
    """From an empty cart to one that can be ordered. Its id, token, payment session and version go into `say`."""
    opened = _opened((yield _OPEN))
    cart, guest = f"/api/carts/{opened.id}", {"Cart-Token": opened.cart_token}
    for variant_id, quantity in wanted:
        item = b'{"variant_id":"%s","quantity":%d}' % (str(variant_id).encode(), quantity)
        yield request("POST", f"{cart}/items", guest, item)
    yield request("PATCH", cart, guest, _WHO)
    yield request("GET", f"{cart}/shipping-options", guest)
    yield request("PUT", f"{cart}/shipping-option", guest, _DELIVERY)
    asked = b'{"cart_id":"%s","method":"fake_card"}' % opened.id.encode()
    # Any text that nobody else has is a good key.
    session = _versioned(
        (yield request("POST", "/api/payments/sessions", {**guest, "Idempotency-Key": f"pay-{opened.id}"}, asked))
    )
    version = _versioned((yield request("GET", cart, guest))).version
    say += [opened.id, opened.cart_token, session.id, str(version)]


def checkout(wanted: list[tuple[VariantId, int]]) -> Script:
    """The nine calls. Raises AssertionError when they do not end in a paid order."""
    yield _BROWSE
    say: list[str] = []
    yield from ready_cart(wanted, say)
    cart_id, token, session, version = say
    placed = _placed((yield order_request(cart_id, token, session, int(version))))
    assert (placed.status, placed.payment_status) == ("confirmed", "paid"), placed


def add_to_cart(cart_id: str, token: str, variant_id: VariantId) -> Script:
    """One unit into a cart that is there."""
    item = b'{"variant_id":"%s","quantity":1}' % str(variant_id).encode()
    yield request("POST", f"/api/carts/{cart_id}/items", {"Cart-Token": token}, item)


def items_of(said: list[str], items: list[str]) -> Script:
    """Puts the ids of a cart's items into `items`."""
    filled = _filled((yield request("GET", f"/api/carts/{said[0]}", {"Cart-Token": said[1]})))
    items += [item.id for item in filled.items]


def order_request(cart_id: str, token: str, session_id: str, version: int) -> bytes:
    """Places the order of a cart and pays for it."""
    body = b'{"cart_id":"%s","cart_version":%d,"payment_session_id":"%s"}'
    asked = body % (cart_id.encode(), version, session_id.encode())
    return request("POST", "/api/orders", {"Cart-Token": token, "Idempotency-Key": f"order-{cart_id}"}, asked)


def checkouts(variants: Iterator[VariantId]) -> Iterator[Script]:
    """One shopper after the other, each with two units of one variant."""
    for variant_id in variants:
        yield checkout([(variant_id, 2)])


def ids_of(said: list[str]) -> tuple[UUID, UUID]:
    """The ids of the cart and the payment session that `ready_cart` told of."""
    return CartId.parse(said[0]).uuid, PaymentSessionId.parse(said[2]).uuid
