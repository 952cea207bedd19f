"""What a cart costs right now: the cart, what is known of its variants, and the shop's settings make a quote."""

from collections.abc import Mapping

from attrs import frozen

from shop.application.ports.repositories import CartWithOffers, Offer, StoreSettings
from shop.domain.carts import Cart, CartItem
from shop.domain.inventory import demand_of
from shop.domain.kernel.errors import Flaw
from shop.domain.kernel.identifiers import CartItemId, VariantId
from shop.domain.kernel.money import Money
from shop.domain.pricing.prices import price_for
from shop.domain.pricing.quote import PricedLine, Quote, QuotedLine, ShippingCharge, quote
from shop.domain.shipping import ShippingMethod, ShippingOption, options_for


@frozen(kw_only=True)
class PricedCart:
    """A cart with its quote. `lines` has what could be priced; `flaws` say why the rest, or the delivery, could not.

    `goes_to` is the country to which it can be sent, if it has to be and says where.
    """

    cart: Cart
    offers: Mapping[VariantId, Offer]
    lines: Mapping[CartItemId, QuotedLine]
    quote: Quote
    shipping_methods: tuple[ShippingMethod, ...]
    goes_to: str
    weight_grams: int
    needs_shipping: bool
    flaws: tuple[Flaw, ...]

    @property
    def shipping_options(self) -> list[ShippingOption]:
        """The deliveries that the cart is offered, the cheapest first."""
        if not self.goes_to:
            return []
        return options_for(self.shipping_methods, self.goes_to, self.weight_grams, self.cart.currency)


def price_cart(found: CartWithOffers, settings: StoreSettings) -> PricedCart:
    """Prices everything that can be had, taxes it for where it goes, and lists what stands in the way of an order."""
    cart, offers = found.cart, found.offers
    flaws: list[Flaw] = []
    priced: list[tuple[CartItem, PricedLine]] = []
    weight, needs_shipping = 0, False
    for index, item in enumerate(cart.items):
        offer = offers.get(item.variant_id)
        price = _price_of(offer, cart.currency)
        if offer is None or price is None:
            name = offer.title if offer else str(item.variant_id)
            flaws.append(Flaw(f"/items/{index}", "variant_unavailable", f"“{name}” is no longer for sale"))
            continue
        line = PricedLine(
            variant_id=item.variant_id,
            title=_full_title(offer),
            quantity=item.quantity,
            unit_price=price,
            tax_class=offer.tax_class,
        )
        priced.append((item, line))
        if offer.requires_shipping:
            needs_shipping = True
            weight += offer.weight_grams * item.quantity
    flaws += _shortages(cart, offers)
    goes_to = _destination(cart, settings, flaws) if needs_shipping else ""
    charge = _delivery(cart, settings, goes_to, weight, flaws) if goes_to else None
    taxed_where = cart.shipping_address or cart.billing_address
    total = quote(
        cart.currency,
        [line for _, line in priced],
        settings.taxes,
        country=taxed_where.country if taxed_where else settings.store.country,
        region=taxed_where.region if taxed_where else "",
        shipping=charge,
    )
    return PricedCart(
        cart=cart,
        offers=offers,
        lines={item.id: quoted for (item, _), quoted in zip(priced, total.lines, strict=True)},
        quote=total,
        shipping_methods=settings.shipping_methods,
        goes_to=goes_to,
        weight_grams=weight,
        needs_shipping=needs_shipping,
        flaws=tuple(flaws),
    )


def _price_of(offer: Offer | None, currency: str) -> Money | None:
    if offer is None or not offer.on_sale:
        return None
    prices = {price.currency: price for price in offer.prices}
    return price_for(prices, currency, offer.title) if currency in prices else None


def _full_title(offer: Offer) -> str:
    return f"{offer.title} / {offer.variant_title}" if offer.variant_title else offer.title


def _shortages(cart: Cart, offers: Mapping[VariantId, Offer]) -> list[Flaw]:
    demand = demand_of((item.variant_id, item.quantity) for item in cart.items)
    positions = {item.variant_id: index for index, item in enumerate(cart.items)}
    flaws = []
    for variant_id, wanted in demand.items():
        offer = offers.get(variant_id)
        available = offer.available if offer else None
        if offer and available is not None and available < wanted:
            detail = f"Only {available} of “{_full_title(offer)}” are left; the cart has {wanted}."
            meta = {"variant_id": str(variant_id), "available": available}
            flaws.append(Flaw(f"/items/{positions[variant_id]}", "insufficient_stock", detail, meta))
    return flaws


def _destination(cart: Cart, settings: StoreSettings, flaws: list[Flaw]) -> str:
    if cart.shipping_address is None:
        return ""
    country = cart.shipping_address.country
    if settings.store.ships_to and country not in settings.store.ships_to:
        flaws.append(Flaw("/shipping_address/country", "shipping_unavailable", f"Nothing is sent to {country}"))
        return ""
    return country


def _delivery(
    cart: Cart, settings: StoreSettings, country: str, weight_grams: int, flaws: list[Flaw]
) -> ShippingCharge | None:
    if not cart.shipping_code:
        return None
    methods = [method for method in settings.shipping_methods if method.code == cart.shipping_code]
    chosen = next(iter(options_for(methods, country, weight_grams, cart.currency)), None)
    if chosen is None:
        detail = f"“{cart.shipping_code}” is not available for this address and weight"
        flaws.append(Flaw("/shipping_option", "shipping_unavailable", detail))
        return None
    return ShippingCharge(code=chosen.code, name=chosen.name, price=chosen.price, tax_class=chosen.tax_class)
