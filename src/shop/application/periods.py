"""What the next period of a subscription costs: priced as a cart is, at the subscription's own price."""

from datetime import datetime

from attrs import evolve, frozen

from shop.application.ports.clock import Ids
from shop.application.ports.repositories import CartWithOffers, Offer, StoreSettings
from shop.application.pricing import PricedCart, price_cart
from shop.domain.carts import Cart
from shop.domain.kernel.identifiers import CartId, CartItemId
from shop.domain.kernel.money import Money
from shop.domain.pricing.quote import PricedLine, quote
from shop.domain.subscriptions import Subscription, spread


@frozen
class PricedPeriod:
    """A cart as the subscriber would have filled it; `bill` is what its goods cost, the balance counted in."""

    cart: PricedCart
    bill: Money


def price_period(
    subscription: Subscription, offer: Offer | None, settings: StoreSettings, least: Money, now: datetime, ids: Ids
) -> PricedPeriod:
    """Where all of it together is less than the provider takes at `least`, the goods are on the bill after it."""
    bill, nothing = subscription.next_bill, Money.zero(least.currency)
    cart = _priced(subscription, offer, settings, now, ids)
    if not cart.lines:
        return PricedPeriod(cart, bill)
    priced = _billed(subscription, cart, bill, settings)
    if bill and nothing < priced.quote.total < least:
        return PricedPeriod(_billed(subscription, cart, nothing, settings), nothing)
    return PricedPeriod(priced, bill)


def _priced(
    subscription: Subscription, offer: Offer | None, settings: StoreSettings, now: datetime, ids: Ids
) -> PricedCart:
    cart = Cart.open(
        at=now,
        id=ids.new(CartId),
        owner_id=subscription.owner_id,
        currency=subscription.unit_price.currency,
        email=subscription.email,
        shipping_address=subscription.shipping_address,
        billing_address=subscription.billing_address,
        shipping_code=subscription.shipping_code,
    )
    cart.add(ids.new(CartItemId), subscription.variant_id, subscription.quantity, now)
    offers = {} if offer is None else {offer.variant_id: evolve(offer, prices=(subscription.unit_price,))}
    return price_cart(CartWithOffers(cart=cart, offers=offers), settings)


def _billed(subscription: Subscription, priced: PricedCart, bill: Money, settings: StoreSettings) -> PricedCart:
    """With the bill spread over the units, where it is not simply their price."""
    if bill == subscription.price:
        return priced
    line = next(iter(priced.quote.lines)).line
    address = priced.cart.shipping_address or priced.cart.billing_address
    lines = [
        PricedLine(
            variant_id=line.variant_id,
            title=line.title,
            quantity=quantity,
            unit_price=price,
            tax_class=line.tax_class,
        )
        for quantity, price in spread(bill, subscription.quantity)
    ]
    prorated = quote(
        priced.cart.currency,
        lines,
        settings.taxes,
        country=address.country if address else settings.store.country,
        region=address.region if address else "",
        shipping=priced.quote.shipping,
    )
    return evolve(priced, quote=prorated)
