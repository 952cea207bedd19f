"""The shop as storefronts see it."""

from typing import ClassVar

from attrs import frozen


@frozen(kw_only=True, slots=False)
class StoreView:
    """What a storefront needs before it shows the first product."""

    object: ClassVar[str] = "store"
    name: str
    country: str
    currency: str
    currencies: tuple[str, ...]
    locales: tuple[str, ...]
    ships_to: tuple[str, ...]
    prices_include_tax: bool
    payment_provider: str
