"""What a cart costs right now: the cart, what is known of its variants, and the shop's settings make a quote."""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet

from attrs import frozen

from shop.application.ports.repositories import CartWithOffers, Offer, StoreSettings
from shop.domain.carts import Cart, CartItem
from shop.domain.inventory import demand_of
from shop.domain.kernel.errors import Flaw
from shop.domain.kernel.identifiers import CartItemId, PlanId, VariantId
from shop.domain.kernel.money import AMOUNT_MAX, AmountOutOfRange, Money
from shop.domain.pricing.prices import price_for
from shop.domain.pricing.quote import PricedLine, Quote, QuotedLine, ShippingCharge, quote
from shop.domain.shipping import ShippingMethod, ShippingOption, options_for
from shop.domain.subscriptions import Plan, PlanNotOffered
from shop.domain.subscriptions.subscription import QUANTITY_MAX


@frozen(kw_only=True)
class PricedCart:
    """A cart with its quote. `lines` has what could be priced; `flaws` say why the rest, or the delivery, could not.

    `goes_to` is the country to which it can be sent, if it has to be and says where. Where only trials need a
    delivery, one has to be chosen for what comes later, and costs nothing now.
    """

    cart: Cart
    offers: Mapping[VariantId, Offer]
    plans: Mapping[PlanId, Plan]
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


LINES_MAX = AMOUNT_MAX // 4
"""Minor units that all lines may cost: taxes and delivery come on top of them."""


def price_cart(found: CartWithOffers, settings: StoreSettings) -> PricedCart:
    """Prices everything that can be had, taxes it for where it goes, and lists what stands in the way of an order."""
    cart, offers = found.cart, found.offers
    flaws: list[Flaw] = []
    priced: list[tuple[CartItem, PricedLine]] = []
    parcels: list[tuple[bool, int]] = []
    left = LINES_MAX
    for index, item in enumerate(cart.items):
        offer = offers.get(item.variant_id)
        line = _line_of(item, offer, found, f"/items/{index}", flaws)
        if offer is None or line is None:
            continue
        worth = line.unit_price.minor * item.quantity
        if worth > left:  # a price may have risen meanwhile: the cart can be read all the same
            flaws.append(
                Flaw(f"/items/{index}", AmountOutOfRange.code, "With this the cart costs more than a shop handles")
            )
            continue
        left -= worth
        priced.append((item, line))
        if offer.requires_shipping:
            parcels.append((line.later, offer.weight_grams * item.quantity))
    flaws += _shortages(cart, offers, {item.id for item, line in priced if line.later})
    now = [weight for later, weight in parcels if not later]
    weight = sum(now) if now else sum([weight for _, weight in parcels])
    goes_to = _destination(cart, settings, flaws) if parcels else ""
    charge = _delivery(cart, settings, goes_to, weight, flaws) if goes_to else None
    taxed_where = cart.shipping_address or cart.billing_address
    total = quote(
        cart.currency,
        [line for _, line in priced],
        settings.taxes,
        country=taxed_where.country if taxed_where else settings.store.country,
        region=taxed_where.region if taxed_where else "",
        shipping=charge if now else None,
    )
    return PricedCart(
        cart=cart,
        offers=offers,
        plans=found.plans,
        lines={item.id: quoted for (item, _), quoted in zip(priced, total.lines, strict=True)},
        quote=total,
        shipping_methods=settings.shipping_methods,
        goes_to=goes_to,
        weight_grams=weight,
        needs_shipping=bool(parcels),
        flaws=tuple(flaws),
    )


def _line_of(
    item: CartItem, offer: Offer | None, found: CartWithOffers, pointer: str, flaws: list[Flaw]
) -> PricedLine | None:
    """The line of an item; None, and one more flaw, where it cannot be had."""
    plan, price, currency = None, None, found.cart.currency
    if offer is not None and offer.on_sale and item.plan_id is not None:
        plan = found.plans.get(item.plan_id)
        try:
            price = price_by_plan(plan, offer, currency)
        except PlanNotOffered as refusal:
            flaws.append(Flaw(pointer, refusal.code, refusal.detail))
            return None
        if item.quantity > QUANTITY_MAX:
            detail = f"A subscription is of 1 to {QUANTITY_MAX} units"
            flaws.append(Flaw(pointer, "quantity_out_of_range", detail, {"max": QUANTITY_MAX}))
    elif offer is not None and offer.on_sale:
        price = _price_of(offer, currency)
    if offer is None or price is None:
        name = offer.title if offer else str(item.variant_id)
        flaws.append(Flaw(pointer, "variant_unavailable", f"“{name}” is no longer for sale"))
        return None
    later = plan is not None and plan.trial_days > 0
    return PricedLine(
        variant_id=item.variant_id,
        title=_full_title(offer) + (f" ({_terms(plan)})" if plan is not None else ""),
        quantity=item.quantity,
        unit_price=Money.zero(currency) if later else price,
        tax_class=offer.tax_class,
        plan_id=item.plan_id,
        later=later,
    )


def _price_of(offer: Offer, currency: str) -> Money | None:
    prices = {price.currency: price for price in offer.prices}
    return price_for(prices, currency, offer.title) if currency in prices else None


def price_by_plan(plan: Plan | None, offer: Offer, currency: str) -> Money:
    """What a unit costs in each period. The variant needs no price of its own.

    Raises PlanNotOffered for a plan that is gone, archived, of another variant or without a price in the currency.
    """
    if plan is None or plan.variant_id != offer.variant_id:
        raise PlanNotOffered(f"“{offer.title}” does not come by this plan.")
    return plan.price_in(currency)


def _terms(plan: Plan) -> str:
    return f"{plan.name}, {f'{plan.trial_days} days of trial' if plan.trial_days else plan.interval}"


def _full_title(offer: Offer) -> str:
    return f"{offer.title} / {offer.variant_title}" if offer.variant_title else offer.title


def _shortages(cart: Cart, offers: Mapping[VariantId, Offer], later: AbstractSet[CartItemId]) -> list[Flaw]:
    demand = demand_of((item.variant_id, item.quantity) for item in cart.items if item.id not in later)
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
