"""Carts: from the first item to the chosen delivery."""

from typing import Annotated, Any

from attrs import evolve
from msgspec import UNSET, Meta, UnsetType

from shop.application.commands.carts import (
    AddToCart,
    ChangeCartItem,
    ChooseShipping,
    ClaimCart,
    DescribeCart,
    OpenCart,
    OpenOwnCart,
)
from shop.application.ports.views import CartView, ShippingOptionView
from shop.application.queries.carts import GetCart, GetShippingOptions
from shop.domain.carts import NOTE_LENGTH_MAX, QUANTITY_MAX
from shop.domain.kernel.errors import below
from shop.domain.kernel.identifiers import CartId, CartItemId, PlanId, VariantId
from shop.entrypoints.http.answers import Answer
from shop.entrypoints.http.bodies import (
    AddressBody,
    Body,
    CurrencyText,
    IdText,
    MetadataChange,
    given,
    identifier,
)
from shop.entrypoints.http.calls import Call
from shop.entrypoints.http.endpoints import CART_TOKEN, Endpoints, Shows, Who
from shop.entrypoints.http.parameters import fields
from shop.entrypoints.representation import Plain

endpoints = Endpoints("carts")
_ONE = Shows(view=CartView)
_OWN: dict[str, Any] = {"token": CART_TOKEN}
_TOKEN_SCHEMA = {"type": "string", "description": "Opens a guest's cart: send it as the header Cart-Token."}


class NewCart(Body):
    """A cart to be opened; without a currency it is the shop's first."""

    currency: CurrencyText | UnsetType = UNSET


class CartChange(Body):
    """Who buys and where it goes: a merge patch. Null takes an address or the metadata off the cart."""

    email: Annotated[str, Meta(min_length=3, max_length=254)] | UnsetType = UNSET
    shipping_address: AddressBody | UnsetType | None = UNSET
    billing_address: AddressBody | UnsetType | None = UNSET
    currency: CurrencyText | UnsetType = UNSET
    note: Annotated[str, Meta(max_length=NOTE_LENGTH_MAX)] | UnsetType | None = UNSET
    metadata: MetadataChange | UnsetType | None = UNSET


class NewItem(Body):
    """Units of a variant to be put into the cart; with a plan they come again and again."""

    variant_id: IdText
    plan_id: IdText | None = None
    quantity: Annotated[int, Meta(ge=1, le=QUANTITY_MAX)] = 1


class ItemChange(Body):
    """How many of a line are wanted; 0 removes it."""

    quantity: Annotated[int, Meta(ge=0, le=QUANTITY_MAX)]


class ShippingChoice(Body):
    """One of the cart's shipping options."""

    option_id: Annotated[str, Meta(min_length=1, max_length=100)]


async def cart_as_it_is(call: Call, cart_id: CartId) -> Plain:
    """What is shown of a cart to somebody who knew another version of it."""
    return call.representation.plain(await call.ask(GetCart(cart_id=cart_id)))


async def _current(call: Call) -> Plain:
    return await cart_as_it_is(call, call.id(CartId))


async def _show(call: Call, *, status: int = 200) -> Answer:
    return call.one(await call.ask(GetCart(cart_id=call.id(CartId))), status=status)


_NOT_TO_BE_HAD = (
    "not_found",
    "cart_closed",
    "insufficient_stock",
    "variant_unavailable",
    "plan_not_offered",
    "amount_out_of_range",
    "conflict",
)


@endpoints.post(
    "/api/carts",
    "cart_create",
    Who.PUBLIC,
    "Open a cart",
    body=NewCart,
    example={"currency": "EUR"},
    body_optional=True,
    status=201,
    shows=Shows(view=CartView, besides={"cart_token": _TOKEN_SCHEMA}, optional=frozenset({"cart_token"})),
    problems=("currency_not_sold",),
)
async def cart_create(call: Call) -> Answer:
    """Opens an empty cart. A guest keeps `cart_token`, which opens it; a customer's own is opened by signing in."""
    cart_id = await call.execute(OpenCart(currency=call.body.currency or ""))
    token = call.shop.ports.secrets.guest_token(cart_id)
    cart = await call.ask(GetCart(cart_id=cart_id), actor=evolve(call.actor, token=token))
    besides = {"cart_token": token} if call.actor.user_id is None else {}
    return call.one(cart, besides=besides, location=f"/api/carts/{cart_id}")


@endpoints.get(
    "/api/carts/current",
    "cart_current",
    Who.CUSTOMER,
    "My open cart",
    query=(fields(CartView),),
    shows=_ONE,
    problems=("currency_not_sold",),
)
async def cart_current(call: Call) -> Answer:
    """The latest one that is open; a new one where there is none."""
    return call.one(await call.ask(GetCart(cart_id=await call.execute(OpenOwnCart()))))


@endpoints.post(
    "/api/carts/{id}/claim",
    "cart_claim",
    Who.CUSTOMER,
    "Take a guest's cart along",
    shows=_ONE,
    problems=("not_found", "cart_closed", "conflict"),
    **_OWN,
)
async def cart_claim(call: Call) -> Answer:
    """After signing in. Its token shows that it is the caller's; an open cart of theirs takes in what is in it."""
    return call.one(await call.ask(GetCart(cart_id=await call.execute(ClaimCart(cart_id=call.id(CartId))))))


@endpoints.get(
    "/api/carts/{id}",
    "cart_get",
    Who.GUEST,
    "One cart",
    query=(fields(CartView),),
    shows=_ONE,
    conditional=True,
    problems=("not_found",),
    **_OWN,
)
async def cart_get(call: Call) -> Answer:
    """Lines, totals, taxes, and what is to be mended before the cart can be ordered."""
    return await _show(call)


@endpoints.patch(
    "/api/carts/{id}",
    "cart_update",
    Who.GUEST,
    "Say who buys and where it goes",
    body=CartChange,
    example={
        "email": "ada@example.com",
        "shipping_address": {
            "name": "Ada Byron",
            "line1": "Torstr. 1",
            "postal_code": "10119",
            "city": "Berlin",
            "country": "DE",
        },
    },
    shows=_ONE,
    may_match=True,
    current=_current,
    problems=("cart_closed", "address_incomplete", "currency_not_sold", "version_mismatch", "conflict"),
    **_OWN,
)
async def cart_update(call: Call) -> Answer:
    """Sets e-mail, addresses, currency, note and metadata; with If-Match only if nobody changed the cart since."""
    body: CartChange = call.body
    cart_id = call.id(CartId)
    changes = given(body, "email", "currency", "note")
    forgotten = set()
    for name in ("shipping_address", "billing_address", "metadata"):
        value = getattr(body, name)
        if value is None:
            forgotten.add(name)
        elif value is not UNSET:
            changes[name] = value if name == "metadata" else below(f"/{name}", value.address)
    expected = call.version_if_sent()
    await call.execute(DescribeCart(cart_id=cart_id, forget=frozenset(forgotten), expected_version=expected, **changes))
    return await _show(call)


@endpoints.post(
    "/api/carts/{id}/items",
    "cart_item_add",
    Who.GUEST,
    "Put something into the cart",
    body=NewItem,
    example={"variant_id": "var_01jd8zc5w0e7ktmj9c2q8k4h1n", "quantity": 2},
    status=201,
    shows=_ONE,
    problems=_NOT_TO_BE_HAD,
    **_OWN,
)
async def cart_item_add(call: Call) -> Answer:
    """Puts units of a variant into the cart; the same variant again joins its line.

    With `plan_id` they are subscribed to when the cart is ordered, in a line of their own.
    """
    body: NewItem = call.body
    command = AddToCart(
        cart_id=call.id(CartId),
        variant_id=identifier(VariantId, body.variant_id, "/variant_id"),
        quantity=body.quantity,
        plan_id=identifier(PlanId, body.plan_id, "/plan_id") if body.plan_id is not None else None,
    )
    await call.execute(command)
    return await _show(call, status=201)


@endpoints.patch(
    "/api/carts/{id}/items/{item_id}",
    "cart_item_update",
    Who.GUEST,
    "Change how many of a line are wanted",
    body=ItemChange,
    example={"quantity": 3},
    shows=_ONE,
    problems=_NOT_TO_BE_HAD,
    **_OWN,
)
async def cart_item_update(call: Call) -> Answer:
    """Sets the quantity of a line; 0 removes it."""
    await call.execute(_quantity(call, call.body.quantity))
    return await _show(call)


@endpoints.delete(
    "/api/carts/{id}/items/{item_id}",
    "cart_item_remove",
    Who.GUEST,
    "Take a line out of the cart",
    status=200,
    shows=_ONE,
    problems=("not_found", "cart_closed", "conflict"),
    **_OWN,
)
async def cart_item_remove(call: Call) -> Answer:
    """Takes a line out, and answers with the cart as it is then."""
    await call.execute(_quantity(call, 0))
    return await _show(call)


def _quantity(call: Call, quantity: int) -> ChangeCartItem:
    return ChangeCartItem(cart_id=call.id(CartId), item_id=call.id(CartItemId, "item_id"), quantity=quantity)


@endpoints.get(
    "/api/carts/{id}/shipping-options",
    "cart_shipping_options",
    Who.GUEST,
    "The deliveries offered to this cart",
    shows=Shows(view=ShippingOptionView, many=True),
    problems=("not_found",),
    **_OWN,
)
async def cart_shipping_options(call: Call) -> Answer:
    """The cheapest first. None before the cart has an address."""
    return call.whole(await call.ask(GetShippingOptions(cart_id=call.id(CartId))))


@endpoints.put(
    "/api/carts/{id}/shipping-option",
    "cart_shipping_option_set",
    Who.GUEST,
    "Choose a delivery",
    body=ShippingChoice,
    example={"option_id": "standard"},
    shows=_ONE,
    problems=("not_found", "cart_closed", "shipping_unavailable", "conflict"),
    **_OWN,
)
async def cart_shipping_option_set(call: Call) -> Answer:
    """Chooses one of the deliveries that the cart is offered."""
    await call.execute(ChooseShipping(cart_id=call.id(CartId), option_id=call.body.option_id))
    return await _show(call)
