"""Which price applies: today the variant's own in the currency of the cart."""

from collections.abc import Mapping

from shop.domain.kernel.errors import Conflict
from shop.domain.kernel.money import Money


class NoPrice(Conflict):
    """The variant is not sold in this currency."""

    code = "variant_unavailable"
    title = "Not for sale"
    default_hint = "Take the item out of the cart, or choose a currency in which it has a price."


def price_for(prices: Mapping[str, Money], currency: str, name: str) -> Money:
    """The price of one unit in this currency, whatever the quantity. Raises NoPrice."""
    try:
        return prices[currency]
    except KeyError:
        raise NoPrice(f"“{name}” has no price in {currency}.") from None
