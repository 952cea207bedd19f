"""Ways of delivery: where they go, what they cost, and which of them a cart may choose."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shop.domain.kernel.errors import Invalid
from shop.domain.kernel.money import Money
from shop.domain.shipping import ShippingMethod, WeightStep, options_for
from tests.domain.samples import eur

STEPS = (
    WeightStep(up_to_grams=5000, price=eur(690)),
    WeightStep(up_to_grams=1000, price=eur(490)),
    WeightStep(up_to_grams=1000, price=Money(590, "USD")),
)


def a_method(code: str = "post", **changes: Any) -> ShippingMethod:
    plain: dict[str, Any] = {"code": code, "name": code.title()}
    if "by_weight" not in changes:
        plain["flat"] = (eur(490), Money(590, "USD"))
    return ShippingMethod(**{**plain, **changes})


def test_a_flat_price_holds_for_any_weight_everywhere() -> None:
    assert a_method().price("NZ", 10**8, "EUR") == eur(490)
    assert a_method().price("NZ", 0, "USD") == Money(590, "USD")
    assert a_method().price("NZ", 0, "JPY") is None


@pytest.mark.parametrize(
    ("grams", "currency", "minor"),
    [
        *((0, "EUR", 490), (1000, "EUR", 490), (1001, "EUR", 690), (5000, "EUR", 690), (5001, "EUR", None)),
        *((1000, "USD", 590), (1001, "USD", None), (1, "JPY", None)),
    ],
)
def test_a_price_by_weight_is_that_of_the_lightest_step_that_carries_it(
    grams: int, currency: str, minor: int | None
) -> None:
    price = a_method(by_weight=STEPS).price("DE", grams, currency)
    assert (price.minor if price else None) == minor


def test_a_method_goes_to_its_countries_only() -> None:
    method = a_method(countries=frozenset({"DE", "AT"}))
    assert method.price("AT", 1, "EUR") == eur(490)
    assert method.price("CH", 1, "EUR") is None


@pytest.mark.parametrize(
    "flaw",
    [
        {"flat": ()},
        {"flat": (eur(1),), "by_weight": STEPS},
        {"flat": (eur(-1),)},
        {"by_weight": (WeightStep(up_to_grams=1, price=eur(-1)),)},
        {"countries": frozenset({"UK"})},
        {"days_min": 3, "days_max": 2},
        {"days_min": -1},
    ],
    ids=str,
)
def test_a_method_that_makes_no_sense_is_refused(flaw: dict[str, Any]) -> None:
    with pytest.raises(Invalid):
        a_method(**flaw)


@given(st.lists(st.tuples(st.sampled_from("abcdef"), st.integers(0, 3)), max_size=8), st.sampled_from(["DE", "CH"]))
def test_the_options_of_a_cart_are_all_that_serve_it_the_cheapest_first(
    prices: list[tuple[str, int]], country: str
) -> None:
    methods = [a_method(code, flat=(eur(minor),)) for code, minor in prices]
    methods.append(a_method("national", flat=(eur(1),), countries=frozenset({"DE"})))
    options = options_for(methods, country, 100, "EUR")
    keys = [(option.price.minor, option.code) for option in options]
    assert keys == sorted(keys)
    served = prices + ([("national", 1)] if country == "DE" else [])
    assert keys == sorted((minor, code) for code, minor in served)


def test_an_option_tells_what_the_shopper_needs() -> None:
    [option] = options_for([a_method(tax_class="reduced", days_min=1, days_max=2)], "DE", 1, "EUR")
    assert (option.name, option.tax_class, option.days_min, option.days_max) == ("Post", "reduced", 1, 2)
