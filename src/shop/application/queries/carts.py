"""What a shopper sees of a cart."""

from typing import ClassVar

from attrs import frozen

from shop.application.access import check_owner
from shop.application.messages import INTERNAL, OWNER, Context, Query
from shop.application.ports.identity import Secrets
from shop.application.ports.paging import limited
from shop.application.ports.readers import CartReader, StoreReader
from shop.application.ports.repositories import CartWithOffers
from shop.application.ports.views import (
    CartItemView,
    CartPlanView,
    CartProblemView,
    CartView,
    ShippingOptionView,
    StepView,
    TaxSumView,
)
from shop.application.pricing import PricedCart, price_cart
from shop.domain.carts import CartItem, CartNotFound
from shop.domain.kernel.identifiers import CartId


@frozen(kw_only=True)
class GetCart(Query[CartView]):
    """A cart with what it costs right now, and what stands in the way of ordering it."""

    requires: ClassVar = OWNER
    cart_id: CartId


async def get_cart(
    query: GetCart, context: Context, *, carts: CartReader, store: StoreReader, secrets: Secrets
) -> CartView:
    return _view(await _priced(query.cart_id, context, carts, store, secrets))


@frozen(kw_only=True)
class GetShippingOptions(Query[list[ShippingOptionView]]):
    """The deliveries that this cart is offered, the cheapest first. None before it has an address."""

    requires: ClassVar = OWNER
    cart_id: CartId


async def get_shipping_options(
    query: GetShippingOptions, context: Context, *, carts: CartReader, store: StoreReader, secrets: Secrets
) -> list[ShippingOptionView]:
    priced = await _priced(query.cart_id, context, carts, store, secrets)
    return [
        ShippingOptionView(
            id=option.code,
            name=option.name,
            price=option.price,
            days_min=option.days_min,
            days_max=option.days_max,
        )
        for option in priced.shipping_options
    ]


@frozen(kw_only=True)
class GetExpiredCarts(Query[list[CartId]]):
    """Open carts whose time is over, the oldest first."""

    requires: ClassVar = INTERNAL
    limit: int = limited()


async def get_expired_carts(query: GetExpiredCarts, context: Context, *, carts: CartReader) -> list[CartId]:
    return await carts.overdue(context.now, query.limit)


async def _priced(
    cart_id: CartId, context: Context, carts: CartReader, store: StoreReader, secrets: Secrets
) -> PricedCart:
    found = context.just_written.take(cart_id, CartWithOffers) or await carts.with_offers(cart_id)
    check_owner(context.actor, found.cart.owner_id, cart_id, secrets=secrets, otherwise=CartNotFound)
    return price_cart(found, await store.settings())


def _view(priced: PricedCart) -> CartView:
    cart, quote = priced.cart, priced.quote
    return CartView(
        id=cart.id,
        version=cart.version,
        status=cart.status,
        currency=cart.currency,
        email=cart.email,
        shipping_address=cart.shipping_address,
        billing_address=cart.billing_address,
        shipping_option_id=cart.shipping_code,
        note=cart.note,
        items=[_item_view(item, priced) for item in cart.items],
        subtotal=quote.subtotal,
        shipping_total=quote.shipping_total,
        tax_total=quote.tax_total,
        total=quote.total,
        prices_include_tax=quote.prices_include_tax,
        taxes=[TaxSumView(name=t.name, rate=f"{t.rate.normalize():f}", net=t.net, tax=t.tax) for t in quote.taxes],
        explanation=[StepView(label=step.label, amount=step.amount) for step in quote.steps],
        problems=[CartProblemView(pointer=f.pointer, code=f.code, detail=f.detail) for f in priced.flaws],
        metadata=cart.metadata,
        created_at=cart.created_at,
        updated_at=cart.updated_at,
        expires_at=cart.expires_at,
    )


def _item_view(item: CartItem, priced: PricedCart) -> CartItemView:
    offer, quoted = priced.offers.get(item.variant_id), priced.lines.get(item.id)
    return CartItemView(
        id=item.id,
        variant_id=item.variant_id,
        product_id=offer.product_id if offer else None,
        product_slug=offer.product_slug if offer else "",
        title=offer.title if offer else "",
        variant_title=offer.variant_title if offer else "",
        sku=offer.sku if offer else "",
        image_url=offer.image_url if offer else "",
        plan=_plan_view(item, priced),
        quantity=item.quantity,
        unit_price=quoted.line.unit_price if quoted else None,
        subtotal=quoted.subtotal if quoted else None,
        tax=quoted.taxed.tax if quoted else None,
        total=quoted.taxed.gross if quoted else None,
    )


def _plan_view(item: CartItem, priced: PricedCart) -> CartPlanView | None:
    plan = priced.plans.get(item.plan_id) if item.plan_id is not None else None
    if plan is None:
        return None
    prices = {price.currency: price for price in plan.prices}
    return CartPlanView(
        id=plan.id,
        name=plan.name,
        interval=plan.interval.unit,
        interval_count=plan.interval.count,
        trial_days=plan.trial_days,
        price=prices.get(priced.cart.currency),
        version=plan.version,
    )
