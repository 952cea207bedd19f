"""The shop itself: its name, currencies and countries."""

import re
from typing import Any

from attrs import field, frozen

from shop.domain.kernel.address import COUNTRIES, checked_country
from shop.domain.kernel.capturing import CapturePolicy
from shop.domain.kernel.currencies import exponent
from shop.domain.kernel.errors import Invalid
from shop.domain.kernel.money import Money

_METHOD = re.compile(r"[a-z][a-z0-9_]{0,99}")


def _currencies(_instance: Any, _attribute: Any, currencies: tuple[str, ...]) -> None:
    if not currencies:
        raise Invalid("A shop sells in at least one currency.")
    for currency in currencies:
        exponent(currency)


def _countries(_instance: Any, _attribute: Any, countries: tuple[str, ...]) -> None:
    if unknown := sorted(set(countries) - COUNTRIES):
        raise Invalid(f"{', '.join(unknown)}: no country code of ISO 3166-1.")


def _limits(_instance: Any, _attribute: Any, limits: tuple[Money, ...]) -> None:
    if any(limit.minor < 0 for limit in limits) or len({limit.currency for limit in limits}) < len(limits):
        raise Invalid("A limit is not below zero, and there is one for each currency.")


def _policy(capture: str) -> CapturePolicy:
    try:
        return CapturePolicy(capture)
    except ValueError:
        raise Invalid(f"Money is captured {' or '.join(CapturePolicy)}; not “{str(capture)[:40]}”.") from None


def _methods(_instance: Any, _attribute: Any, methods: tuple[str, ...]) -> None:
    if not all(_METHOD.fullmatch(method) for method in methods):
        raise Invalid("A payment method has a code such as stripe_direct: see GET /api/payments/methods.")


@frozen(kw_only=True)
class Store:
    """What a storefront needs to know before it shows the first product.

    The first currency and locale are the defaults. `ships_to` empty means everywhere. Guests see prices taxed
    for `country` until they name an address. A refund above `refund_limits` needs a second person. `capture` is for
    orders with something to keep in stock or to send; what has neither is paid at once. What is paid by one of the
    `unheld_methods` keeps its stock for the first minutes only, and not for the days that a bank may take to decide.
    """

    name: str = "Shop"
    country: str = field(default="DE", validator=checked_country)
    currencies: tuple[str, ...] = field(default=("EUR",), validator=_currencies)
    locales: tuple[str, ...] = ("en",)
    ships_to: tuple[str, ...] = field(default=(), validator=_countries)
    refund_limits: tuple[Money, ...] = field(default=(), validator=_limits)
    capture: CapturePolicy = field(default=CapturePolicy.MANUAL, converter=_policy)
    unheld_methods: tuple[str, ...] = field(default=(), validator=_methods)

    @property
    def currency(self) -> str:
        return self.currencies[0]
