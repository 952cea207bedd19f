"""An address has what a parcel needs, within bounds, or says what is missing."""

from typing import Any

import pytest

from shop.domain.kernel.address import COUNTRIES, AddressIncomplete
from tests.domain.samples import an_address


def test_an_address_needs_little() -> None:
    address = an_address(postal_code="")
    assert (address.line2, address.company, address.postal_code, address.region, address.phone) == ("",) * 5
    assert address == an_address(postal_code="")


@pytest.mark.parametrize(
    ("part", "value"),
    [
        *((part, "") for part in ("name", "line1", "city", "country")),
        *((part, "  ") for part in ("name", "line1", "city")),
        *((part, "x" * 201) for part in ("name", "line1", "line2", "company", "city", "region")),
        *(("postal_code", "1" * 21), ("phone", "1" * 41), ("name", "A\x00da"), ("line2", "\x00")),
        *(("country", "de"), ("country", "UK"), ("country", "DEU"), ("country", "XX"), ("country", "EU")),
    ],
)
def test_a_part_that_is_missing_or_malformed_is_pointed_at(part: str, value: Any) -> None:
    with pytest.raises(AddressIncomplete) as refusal:
        an_address(**{part: value})
    assert [flaw.pointer for flaw in refusal.value.flaws] == [f"/{part}"]


def test_every_assigned_country_is_known() -> None:
    assert len(COUNTRIES) == 249
    assert all(an_address(country=country).country == country for country in COUNTRIES)


def test_countries_are_those_of_an_independent_list() -> None:
    locale = pytest.importorskip("babel").Locale("en")
    named = {code for code in locale.territories if len(code) == 2 and code.isalpha()}
    # Reserved or user-assigned codes, groups of countries, and placeholders of CLDR.
    others = {"AC", "CP", "CQ", "DG", "EA", "EU", "EZ", "IC", "QO", "TA", "UN", "XA", "XB", "XK", "ZZ"}
    assert COUNTRIES - named == set()
    assert named - COUNTRIES <= others
