"""Our minor units and Stripe's, over every currency."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shop.adapters.stripe.amounts import AmountNotChargeable, from_stripe, least_charge, to_stripe
from shop.domain.kernel.currencies import EXPONENTS, UnknownCurrency
from shop.domain.kernel.money import AMOUNT_MAX, Money

# From Stripe's page on currencies, apart from our code: whole units, and those it counts in thousandths.
STRIPE_WHOLE = ["BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA", "PYG", "RWF", "VND", "VUV", "XAF", "XOF", "XPF"]
STRIPE_HUNDREDTHS_THOUGH_WHOLE = ["ISK", "UGX"]
STRIPE_THOUSANDTHS = ["BHD", "JOD", "KWD", "OMR", "TND"]

currencies = st.sampled_from(sorted(EXPONENTS))
amounts = st.integers(min_value=0, max_value=AMOUNT_MAX // 100)


@given(amounts, currencies)
def test_f48_there_and_back_is_the_same_amount_or_it_is_not_charged(minor: int, currency: str) -> None:
    money = Money(minor, currency)
    try:
        amount = to_stripe(money)
    except AmountNotChargeable:
        assert EXPONENTS[currency] > 2 or currency == "MGA"
        return
    assert from_stripe(amount, currency.lower()) == money


@given(amounts, currencies)
def test_f48_the_amount_in_major_units_is_the_same_at_stripe(minor: int, currency: str) -> None:
    money = Money(minor, currency)
    if currency in STRIPE_HUNDREDTHS_THOUGH_WHOLE:
        digits = 2
    else:
        digits = 0 if currency in STRIPE_WHOLE else EXPONENTS[currency]
    try:
        amount = to_stripe(money)
    except AmountNotChargeable:
        return
    assert Decimal(amount).scaleb(-digits) == money.to_major()


@pytest.mark.parametrize("currency", [c for c in STRIPE_WHOLE if c != "MGA"])
def test_f48_whole_currencies_are_not_multiplied(currency: str) -> None:
    assert to_stripe(Money(500, currency)) == 500


@pytest.mark.parametrize("currency", STRIPE_HUNDREDTHS_THOUGH_WHOLE)
def test_f48_some_whole_currencies_are_hundredths_at_stripe(currency: str) -> None:
    assert to_stripe(Money(5, currency)) == 500
    with pytest.raises(AmountNotChargeable):
        from_stripe(550, currency)


@pytest.mark.parametrize("currency", STRIPE_THOUSANDTHS)
def test_f48_thousandths_must_be_round(currency: str) -> None:
    assert to_stripe(Money(5120, currency)) == 5120
    for minor in (5124, 1, 5129):
        with pytest.raises(AmountNotChargeable):
            to_stripe(Money(minor, currency))


def test_f48_ariary_are_whole_at_stripe() -> None:
    assert to_stripe(Money(1200, "MGA")) == 12
    assert from_stripe(12, "mga") == Money(1200, "MGA")
    with pytest.raises(AmountNotChargeable):
        to_stripe(Money(1210, "MGA"))


@pytest.mark.parametrize("currency", ["HUF", "TWD", "EUR", "USD"])
def test_f48_hundredths_stay_hundredths(currency: str) -> None:
    assert to_stripe(Money(1045, currency)) == 1045


def test_f48_currencies_of_four_digits_cannot_be_charged() -> None:
    with pytest.raises(AmountNotChargeable):
        to_stripe(Money(10_000, "CLF"))


def test_a_currency_that_nobody_has_is_named() -> None:
    with pytest.raises(UnknownCurrency):
        from_stripe(1, "zzz")


@pytest.mark.parametrize(
    ("currency", "minor"),
    [("EUR", 50), ("USD", 50), ("GBP", 30), ("JPY", 50), ("HUF", 17_500), ("KWD", 500), ("KRW", 1)],
)
def test_the_least_that_stripe_takes_in_our_minor_units(currency: str, minor: int) -> None:
    assert least_charge(currency) == Money(minor, currency)
