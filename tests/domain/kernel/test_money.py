"""Money is whole minor units of one currency; it splits without a rest and rounds in one place."""

import operator
from decimal import ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal, localcontext
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shop.domain.kernel.currencies import EXPONENTS, UnknownCurrency
from shop.domain.kernel.errors import Invalid
from shop.domain.kernel.money import AMOUNT_MAX, AmountOutOfRange, CurrenciesDiffer, Money, total, turnover
from tests.domain.samples import currencies, eur, minors

amounts = st.builds(Money, minors, currencies)
weights = st.lists(st.integers(0, 10**9), min_size=1, max_size=30)


@given(amounts)
def test_f48_major_and_back_is_the_same_amount_in_every_currency(amount: Money) -> None:
    major = amount.to_major()
    assert Money.from_major(major, amount.currency) == amount
    assert Money.from_major(str(major), amount.currency) == amount
    assert -major.as_tuple().exponent == EXPONENTS[amount.currency]  # type: ignore[operator]


@pytest.mark.parametrize(
    ("major", "currency", "minor"),
    [("19.99", "EUR", 1999), ("500", "JPY", 500), ("1.234", "KWD", 1234), ("1.2345", "CLF", 12345)],
)
def test_f48_the_minor_unit_has_the_digits_of_its_currency(major: str, currency: str, minor: int) -> None:
    assert Money.from_major(major, currency) == Money(minor, currency)
    assert str(Money(minor, currency)) == f"{major} {currency}"


@pytest.mark.parametrize(
    "text",
    [
        *("1.001", "0.005", "abc", "", "NaN", "sNaN", "Infinity", "-Infinity", "1e13", "10000000000.01"),
        *("1.0000000000000000000000000000000000001", "1." + "0" * 70 + "1", "1e-70", "1e999999", "1e-999999"),
        *("1_0", "1e1", "1E1", "１０", "٣", ".", "+-1", "1.2.3", "1 0", "1,50"),
        pytest.param("9" * 5000, id="5000 digits"),
    ],
)
def test_what_is_no_amount_of_the_currency_is_refused(text: str) -> None:
    with pytest.raises(AmountOutOfRange):
        Money.from_major(text, "EUR")


def test_digits_that_say_nothing_are_allowed() -> None:
    assert Money.from_major("1.500000", "EUR") == eur(150)
    assert Money.from_major(Decimal("-0.00"), "EUR") == eur(0)
    assert [Money.from_major(text, "EUR") for text in (" 5 ", "+5", "5.", ".5")] == [eur(500)] * 3 + [eur(50)]


@pytest.mark.parametrize("minor", [1.0, True, False, Decimal(1), "1", None, Fraction(1), float("nan")])
def test_minor_units_are_integers_and_nothing_else(minor: Any) -> None:
    with pytest.raises(AmountOutOfRange):
        Money(minor, "EUR")


@pytest.mark.parametrize("beyond", [AMOUNT_MAX + 1, -AMOUNT_MAX - 1, 10**5000], ids=["above", "below", "far"])
def test_amounts_have_bounds(beyond: int) -> None:
    assert Money(AMOUNT_MAX, "EUR").minor == AMOUNT_MAX == -Money(-AMOUNT_MAX, "EUR").minor
    with pytest.raises(AmountOutOfRange):
        Money(beyond, "EUR")


def test_no_sum_or_multiple_escapes_the_bounds() -> None:
    most = Money(AMOUNT_MAX, "EUR")
    with pytest.raises(AmountOutOfRange):
        most + eur(1)
    with pytest.raises(AmountOutOfRange):
        -most - eur(1)
    with pytest.raises(AmountOutOfRange):
        most * 2
    with pytest.raises(AmountOutOfRange):
        eur(1) * 1.5  # type: ignore[operator]


@pytest.mark.parametrize("code", ["eur", "XXX", "XAU", "", "BTC", None])
def test_currencies_are_those_one_can_pay_with(code: Any) -> None:
    with pytest.raises(UnknownCurrency):
        Money(1, code)
    with pytest.raises(UnknownCurrency):
        Money.from_major("1", code or "")


def test_two_currencies_never_meet() -> None:
    one, other = eur(1), Money(1, "USD")
    assert one != other
    for mix in (
        lambda: one + other,
        lambda: one - other,
        lambda: one < other,
        lambda: one <= other,
        lambda: one > other,
        lambda: one >= other,
        lambda: total([one, other], "EUR"),
        lambda: total([other], "EUR"),
    ):
        with pytest.raises(CurrenciesDiffer):
            mix()


@given(minors, minors)
def test_amounts_order_and_add_as_their_integers(a: int, b: int) -> None:
    one, other = eur(a), eur(b)
    assert (one < other, one <= other, one > other, one >= other) == (a < b, a <= b, a > b, a >= b)
    assert (one == other) == (a == b)
    assert bool(one) == bool(a)
    assert -one == eur(-a)
    if abs(a + b) <= AMOUNT_MAX:
        assert one + other == eur(a + b)
        assert one + other - other == one


@given(st.lists(st.integers(-(10**9), 10**9)))
def test_a_total_is_the_sum_and_of_nothing_is_zero(numbers: list[int]) -> None:
    assert total((eur(number) for number in numbers), "EUR") == eur(sum(numbers))


@given(amounts, weights)
def test_f58_a_split_adds_up_and_no_share_is_a_unit_off(amount: Money, shares: list[int]) -> None:
    parts = amount.split(shares)
    even = shares if any(shares) else [1] * len(shares)
    assert sum(part.minor for part in parts) == amount.minor
    assert {part.currency for part in parts} == {amount.currency}
    for part, weight in zip(parts, even, strict=True):
        assert abs(part.minor - Fraction(amount.minor * weight, sum(even))) < 1


@given(minors, weights)
def test_giving_back_splits_like_taking(minor: int, shares: list[int]) -> None:
    assert [-part for part in eur(minor).split(shares)] == eur(-minor).split(shares)


def test_of_equal_remainders_the_earlier_gets_the_unit() -> None:
    assert [part.minor for part in eur(100).split([1, 1, 1])] == [34, 33, 33]
    assert [part.minor for part in eur(-100).split([0, 0, 0])] == [-34, -33, -33]
    assert [part.minor for part in eur(5).split([0, 3, 0])] == [0, 5, 0]


@pytest.mark.parametrize("shares", [[], [1, -1], [-1]])
def test_a_split_needs_weights_that_are_not_below_zero(shares: list[int]) -> None:
    with pytest.raises(Invalid):
        eur(100).split(shares)


@pytest.mark.parametrize(
    ("minor", "rate", "rounded"),
    [(5, "0.5", 2), (3, "0.5", 2), (7, "0.5", 4), (-5, "0.5", -2), (25, "0.1", 2), (26, "0.1", 3), (0, "0.19", 0)],
)
def test_a_portion_rounds_half_to_even(minor: int, rate: str, rounded: int) -> None:
    assert eur(minor).portion(Decimal(rate)) == eur(rounded)


def test_a_portion_may_round_as_a_country_wants() -> None:
    assert eur(5).portion(Decimal("0.5"), ROUND_HALF_UP) == eur(3)


@given(minors, st.decimals(0, 9, places=6), st.decimals("0.01", 9, places=6))
def test_a_portion_is_the_exact_fraction_rounded_once(minor: int, rate: Decimal, of: Decimal) -> None:
    exact = minor * Fraction(rate) / Fraction(of)
    if abs(exact) < AMOUNT_MAX:
        assert eur(minor).portion(rate, of=of).minor == round(exact)  # Fraction rounds half to even


def test_a_tie_is_a_tie_though_a_sixth_has_no_last_digit() -> None:
    """20 % inside 3 cents is exactly half a cent: rounding 1 ÷ 6 before would make it more than half."""
    assert eur(3).portion(Decimal("0.2"), ROUND_HALF_EVEN, of=Decimal("1.2")) == eur(0)
    assert eur(15).portion(Decimal("0.2"), ROUND_HALF_EVEN, of=Decimal("1.2")) == eur(2)


def test_the_precision_of_the_program_around_does_not_matter() -> None:
    with localcontext() as context:
        context.prec = 3
        assert eur(123_456_789).portion(Decimal("0.19")) == eur(23_456_790)
        assert Money.from_major("1234567.89", "EUR") == eur(123_456_789)
        assert str(eur(123_456_789)) == "1234567.89 EUR"


@pytest.mark.parametrize("other", [1, 1.5, None, "EUR"])
def test_money_and_a_number_are_no_sum(other: Any) -> None:
    for apply in (operator.add, operator.sub, operator.lt, operator.ge):
        with pytest.raises(TypeError):
            apply(Money(1, "EUR"), other)


def test_only_figures_may_be_larger_than_any_amount() -> None:
    most = Money(AMOUNT_MAX, "EUR")
    assert turnover(AMOUNT_MAX, "EUR") == most
    more = turnover(AMOUNT_MAX + 1, "EUR")
    assert (more.minor, str(more)) == (AMOUNT_MAX + 1, "10000000000.01 EUR")
    with pytest.raises(AmountOutOfRange):
        more + Money(0, "EUR")
    with pytest.raises(UnknownCurrency):
        turnover(AMOUNT_MAX + 1, "XXX")
