"""Tax rates per zone and tax class, inside the price or on top of it."""

import decimal
from collections.abc import Mapping
from decimal import ROUND_HALF_EVEN, Decimal
from functools import cached_property
from typing import Any

from attrs import field, frozen

from shop.domain.kernel.address import checked_country
from shop.domain.kernel.errors import Invalid
from shop.domain.kernel.money import Money

STANDARD = "standard"
ROUNDINGS = frozenset(
    {decimal.ROUND_HALF_EVEN, decimal.ROUND_HALF_UP, decimal.ROUND_HALF_DOWN, decimal.ROUND_UP, decimal.ROUND_DOWN}
)


def _rate(_instance: Any, _attribute: Any, rate: Decimal) -> None:
    if not (rate.is_finite() and 0 <= rate < 10):
        raise Invalid(f"A tax rate is a fraction such as 0.19, at least 0 and below 10; not {rate}.")


def _rounding(_instance: Any, _attribute: Any, rounding: str) -> None:
    if rounding not in ROUNDINGS:
        raise Invalid(f"“{rounding[:40]}” is not a way to round, such as {ROUND_HALF_EVEN}.")


def region_key(country: str, region: str) -> str:
    """A region of a country as it is compared: “ca”, “CA” and “US-CA” are one region of the US."""
    return region.strip().casefold().removeprefix(f"{country.casefold()}-") if region else ""


@frozen(kw_only=True)
class TaxRate:
    """What a country (or one region of it) takes of a tax class, as a fraction: 0.19 is 19 %."""

    name: str
    country: str = field(validator=checked_country)
    region: str = ""
    tax_class: str = STANDARD
    rate: Decimal = field(validator=_rate)
    rounding: str = field(default=ROUND_HALF_EVEN, validator=_rounding)

    def within(self, gross: Money) -> Money:
        """The tax that a price with tax contains: gross − gross ÷ (1 + rate), rounded once."""
        return gross.portion(self.rate, self.rounding, of=1 + self.rate)

    def on_top_of(self, net: Money) -> Money:
        """The tax that comes on top of a price without: net × rate, rounded once."""
        return net.portion(self.rate, self.rounding)


@frozen(kw_only=True)
class TaxTable:
    """All rates, and whether the shop's prices contain them."""

    prices_include_tax: bool = True
    rates: tuple[TaxRate, ...] = ()

    def __attrs_post_init__(self) -> None:
        zones = [(rate.country, rate.region, rate.tax_class) for rate in self.rates]
        if len(set(zones)) != len(zones):
            raise Invalid("A tax class has one rate in a country, and one in each of its regions.")

    def rate_for(self, country: str, region: str, tax_class: str) -> TaxRate | None:
        """The rate of the class there: the region's before the country's, its own before the standard one.

        None where the shop collects no tax. A region may be written in capitals or not, and as US-CA.
        """
        zones, region = self._by_zone, region_key(country, region)
        for wanted_class in (tax_class, STANDARD):
            rate = zones.get((country, region, wanted_class)) or zones.get((country, "", wanted_class))
            if rate is not None:
                return rate
        return None

    @cached_property
    def _by_zone(self) -> Mapping[tuple[str, str, str], TaxRate]:
        return {(rate.country, region_key(rate.country, rate.region), rate.tax_class): rate for rate in self.rates}
