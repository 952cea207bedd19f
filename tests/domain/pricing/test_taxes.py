"""Which tax rate applies, and what it takes inside a price or on top of it."""

from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shop.domain.kernel.address import AddressIncomplete
from shop.domain.kernel.errors import Invalid
from shop.domain.pricing.taxes import TaxRate, TaxTable
from tests.domain.samples import eur

GERMANY = TaxRate(name="MwSt", country="DE", rate=Decimal("0.19"))
GERMANY_REDUCED = TaxRate(name="MwSt", country="DE", tax_class="reduced", rate=Decimal("0.07"))
AMERICA = TaxRate(name="Sales tax", country="US", rate=Decimal("0.05"))
CALIFORNIA = TaxRate(name="Sales tax", country="US", region="CA", rate=Decimal("0.0725"))
TABLE = TaxTable(rates=(GERMANY, GERMANY_REDUCED, AMERICA, CALIFORNIA))
rates = st.decimals(0, Decimal("9.9999"), places=4)


@pytest.mark.parametrize(
    ("country", "region", "tax_class", "rate"),
    [
        ("DE", "", "standard", GERMANY),
        ("DE", "BE", "standard", GERMANY),
        ("DE", "", "reduced", GERMANY_REDUCED),
        ("DE", "", "books", GERMANY),
        ("US", "CA", "standard", CALIFORNIA),
        ("US", "CA", "reduced", CALIFORNIA),
        ("US", " ca ", "standard", CALIFORNIA),
        ("US", "US-CA", "standard", CALIFORNIA),
        ("US", "NY", "standard", AMERICA),
        ("FR", "", "standard", None),
    ],
)
def test_the_region_goes_before_the_country_and_the_class_before_the_standard_one(
    country: str, region: str, tax_class: str, rate: TaxRate | None
) -> None:
    assert TABLE.rate_for(country, region, tax_class) is rate


def test_tax_inside_a_price_and_on_top_of_it() -> None:
    assert GERMANY.within(eur(11900)) == eur(1900)
    assert GERMANY.on_top_of(eur(10000)) == eur(1900)


def test_f58_a_tie_inside_a_price_is_rounded_to_even() -> None:
    """3 cents with 20 % hold exactly half a cent of tax, 9 cents one and a half."""
    britain = TaxRate(name="VAT", country="GB", rate=Decimal("0.20"))
    assert [britain.within(eur(minor)).minor for minor in (3, 9, 15)] == [0, 2, 2]
    up = TaxRate(name="VAT", country="GB", rate=Decimal("0.20"), rounding=ROUND_HALF_UP)
    assert [up.within(eur(minor)).minor for minor in (3, 9, 15)] == [1, 2, 3]


@given(st.integers(0, 10**10), rates)
def test_tax_is_the_exact_one_rounded_once(minor: int, rate: Decimal) -> None:
    tax = TaxRate(name="VAT", country="DE", rate=rate)
    assert tax.within(eur(minor)).minor == round(minor * Fraction(rate) / (1 + Fraction(rate)))
    assert tax.on_top_of(eur(minor)).minor == round(minor * Fraction(rate))


@pytest.mark.parametrize("rate", ["-0.01", "10", "19", "NaN", "Infinity"])
def test_a_rate_is_a_fraction(rate: str) -> None:
    with pytest.raises(Invalid):
        TaxRate(name="VAT", country="DE", rate=Decimal(rate))


def test_a_rate_is_for_a_country_there_is_and_rounds_in_a_known_way() -> None:
    with pytest.raises(AddressIncomplete, match="“UK”"):
        TaxRate(name="VAT", country="UK", rate=Decimal("0.2"))
    with pytest.raises(Invalid, match="round"):
        TaxRate(name="VAT", country="GB", rate=Decimal("0.2"), rounding="HALF")


def test_two_rates_for_the_same_are_refused_rather_than_one_forgotten() -> None:
    with pytest.raises(Invalid):
        TaxTable(rates=(GERMANY, TaxRate(name="Other", country="DE", rate=Decimal("0.2"))))
