"""The shop's settings as one JSON document: what `shop store show` writes and `shop store configure` reads."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import attrs
import msgspec
from msgspec import UNSET, UnsetType

from shop.application.commands.store import ConfigureStore
from shop.application.ports.repositories import StoreSettings
from shop.domain.kernel.errors import Invalid
from shop.domain.kernel.money import Money
from shop.domain.pricing.taxes import TaxRate, TaxTable
from shop.domain.shipping import ShippingMethod, WeightStep
from shop.domain.store import Store


class SettingsFileWrong(Invalid):
    """The file is no JSON, or does not have the shape of the settings."""

    code = "settings_file_wrong"
    title = "The settings cannot be read"
    default_hint = "See what they look like: shop store show --json"


class _Part(msgspec.Struct, forbid_unknown_fields=True):
    """What is left out has the default of the settings themselves."""

    def told(self) -> dict[str, Any]:
        each = {name: getattr(self, name) for name in self.__struct_fields__}
        return {name: value for name, value in each.items() if value is not UNSET}


class _Amount(_Part):
    amount: int
    currency: str

    def money(self) -> Money:
        return Money(self.amount, self.currency)


class _Store(_Part):
    name: str | UnsetType = UNSET
    country: str | UnsetType = UNSET
    currencies: tuple[str, ...] | UnsetType = UNSET
    locales: tuple[str, ...] | UnsetType = UNSET
    ships_to: tuple[str, ...] | UnsetType = UNSET
    refund_limits: tuple[_Amount, ...] | UnsetType = UNSET
    capture: str | UnsetType = UNSET
    unheld_methods: tuple[str, ...] | UnsetType = UNSET

    def store(self) -> Store:
        limits = self.refund_limits or ()
        return Store(**{**self.told(), "refund_limits": tuple(limit.money() for limit in limits)})


class _Rate(_Part):
    name: str
    country: str
    rate: Decimal
    region: str | UnsetType = UNSET
    tax_class: str | UnsetType = UNSET
    rounding: str | UnsetType = UNSET


class _Taxes(_Part):
    rates: tuple[_Rate, ...]
    prices_include_tax: bool | UnsetType = UNSET

    def taxes(self) -> TaxTable:
        return TaxTable(**{**self.told(), "rates": tuple(TaxRate(**rate.told()) for rate in self.rates)})


class _Step(_Part):
    up_to_grams: int
    price: _Amount


class _Delivery(_Part):
    code: str
    name: str
    countries: frozenset[str] | UnsetType = UNSET
    flat: tuple[_Amount, ...] = ()
    by_weight: tuple[_Step, ...] = ()
    tax_class: str | UnsetType = UNSET
    days_min: int | UnsetType = UNSET
    days_max: int | UnsetType = UNSET

    def method(self) -> ShippingMethod:
        steps = tuple(WeightStep(up_to_grams=step.up_to_grams, price=step.price.money()) for step in self.by_weight)
        prices = {"flat": tuple(price.money() for price in self.flat), "by_weight": steps}
        return ShippingMethod(**{**self.told(), **prices})


class _Document(_Part):
    store: _Store | UnsetType = UNSET
    taxes: _Taxes | UnsetType = UNSET
    shipping_methods: tuple[_Delivery, ...] | UnsetType = UNSET


def read_document(file: Path) -> ConfigureStore:
    """The command that puts the parts of the file in place. Raises SettingsFileWrong, which says where, and Invalid."""
    try:
        found = msgspec.json.decode(file.read_bytes(), type=_Document)
    except (OSError, ValueError) as error:  # msgspec's own are ValueErrors
        raise SettingsFileWrong(f"{file}: {error}.") from None
    if not found.told():
        raise SettingsFileWrong(f"{file} has neither store nor taxes nor shipping_methods.")
    return ConfigureStore(
        store=found.store.store() if found.store else None,
        taxes=found.taxes.taxes() if found.taxes else None,
        shipping_methods=None
        if found.shipping_methods is UNSET
        else tuple(delivery.method() for delivery in found.shipping_methods),
    )


def as_document(settings: StoreSettings) -> dict[str, Any]:
    """The settings as JSON."""
    return {
        "store": _plain(settings.store),
        "taxes": _plain(settings.taxes),
        "shipping_methods": [_plain(method) for method in settings.shipping_methods],
    }


def _plain(value: Any) -> Any:
    if isinstance(value, Money):
        return {"amount": value.minor, "currency": value.currency}
    if isinstance(value, Decimal):
        return f"{value:f}"
    if attrs.has(type(value)):
        return {attribute.name: _plain(getattr(value, attribute.name)) for attribute in attrs.fields(type(value))}
    if isinstance(value, frozenset):
        return sorted(value)
    if isinstance(value, tuple):
        return [_plain(part) for part in value]
    return value
