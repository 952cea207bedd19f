"""Which price applies to a variant in a cart."""

import pytest

from shop.domain.kernel.money import Money
from shop.domain.pricing.prices import NoPrice, price_for
from tests.domain.samples import eur


def test_the_price_is_the_one_in_the_currency_of_the_cart() -> None:
    prices = {"EUR": eur(1999), "USD": Money(2199, "USD")}
    assert price_for(prices, "USD", "Linen shirt") == Money(2199, "USD")
    with pytest.raises(NoPrice, match="“Linen shirt” has no price in JPY"):
        price_for(prices, "JPY", "Linen shirt")
