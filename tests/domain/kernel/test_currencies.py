"""The table of currencies, held against an independent one."""

import re

import pytest

from shop.domain.kernel.currencies import EXPONENTS, UnknownCurrency, exponent

# In ISO 4217, but units of account, bonds or of one institution only: no country's CLDR list has them as tender.
FUNDS = {"BOV", "CHE", "CHW", "CLF", "COU", "MXV", "USN", "UYI", "UYW", "XAD"}
# Second codes of a currency that CLDR has under the first one.
SECOND_CODES = {"SVC", "VED"}
# Tender in CLDR's release, gone since: Bulgaria pays in euro from 2026.
GONE = {"BGN"}
# CLDR has digits that people use; ISO 4217, which payment providers follow, those that the currency has.
USED_WITHOUT_DIGITS = {
    *("AFN", "ALL", "IQD", "IRR", "KPW", "LAK", "LBP", "MGA", "MMK", "RSD", "SOS", "SYP", "YER"),
}


def test_codes_are_three_letters_with_a_known_number_of_digits() -> None:
    assert all(re.fullmatch("[A-Z]{3}", code) for code in EXPONENTS)
    assert set(EXPONENTS.values()) == {0, 2, 3, 4}


@pytest.mark.parametrize(
    ("code", "digits"),
    [("EUR", 2), ("JPY", 0), ("ISK", 0), ("UGX", 0), ("HUF", 2), ("TWD", 2), ("KWD", 3), ("CLF", 4)],
)
def test_f48_digits_of_currencies_that_others_got_wrong(code: str, digits: int) -> None:
    assert exponent(code) == digits


def test_an_unknown_code_is_named_in_the_refusal() -> None:
    with pytest.raises(UnknownCurrency, match="“EURO”"):
        exponent("EURO")


def test_the_table_differs_from_cldr_only_where_we_know_why() -> None:
    core = pytest.importorskip("babel.core")
    numbers = pytest.importorskip("babel.numbers")
    tender = {
        code
        for uses in core.get_global("territory_currencies").values()
        for code, _, until, is_tender in uses
        if until is None and is_tender
    }
    assert len(tender) > 150
    assert tender - EXPONENTS.keys() <= GONE
    assert EXPONENTS.keys() - tender <= FUNDS | SECOND_CODES
    differing = {code for code, digits in EXPONENTS.items() if numbers.get_currency_precision(code) != digits}
    assert differing <= USED_WITHOUT_DIGITS
