"""Setting up the shop: its name, currencies, taxes and deliveries."""

from collections.abc import Iterable, Sequence
from typing import ClassVar

from attrs import frozen

from shop.application.messages import Command, Context, check_version
from shop.application.ports.payments import PaymentGateway
from shop.application.ports.repositories import StoreSettings
from shop.application.ports.unit_of_work import UnitOfWork
from shop.domain.kernel.errors import Invalid
from shop.domain.kernel.texts import storable
from shop.domain.pricing.taxes import TaxTable, region_key
from shop.domain.shipping import ShippingMethod, check_distinct
from shop.domain.store import Store

NAME_LENGTH_MAX = 200
CODE_LENGTH_MAX, CLASS_LENGTH_MAX = 100, 40


@frozen(kw_only=True)
class ConfigureStore(Command[None]):
    """Replaces the parts of the shop's settings that are given. Orders that stand keep what they were placed with, but
    for `unheld_methods`."""

    requires: ClassVar = "settings:write"
    store: Store | None = None
    taxes: TaxTable | None = None
    shipping_methods: tuple[ShippingMethod, ...] | None = None
    expected_version: int | None = None


async def configure_store(
    command: ConfigureStore, context: Context, *, uow: UnitOfWork, gateway: PaymentGateway
) -> None:
    if command.store is not None and command.store.unheld_methods:
        _check_known(command.store.unheld_methods, [method.code for method in await gateway.methods()])
    if command.store is not None:
        _check_sensible(command.store)
    if command.taxes is not None:
        _check_taxes(command.taxes)
    _check_deliveries(command.shipping_methods or ())
    async with uow(context) as tx:
        settings = await tx.store.get()
        check_version(settings.version, command.expected_version)
        tx.store.save(
            StoreSettings(
                store=command.store or settings.store,
                taxes=command.taxes or settings.taxes,
                shipping_methods=(
                    settings.shipping_methods if command.shipping_methods is None else command.shipping_methods
                ),
                version=settings.version,
            )
        )


def _check_sensible(store: Store) -> None:
    """What is new has to make sense; what was stored before that was asked is read all the same."""
    if not 1 <= len(store.name.strip()) <= len(store.name) <= NAME_LENGTH_MAX or not storable(store.name):
        raise Invalid(f"A shop's name has 1 to {NAME_LENGTH_MAX} characters.")
    if len(set(store.currencies)) < len(store.currencies):
        raise Invalid("Each currency of the shop stands there once.")


def _check_taxes(taxes: TaxTable) -> None:
    """Bills name each tax, and a region counts once however it is written."""
    for rate in taxes.rates:
        _check_text(rate.name, f"The name of the tax in {rate.country}")
        _check_text(rate.tax_class, f"The class of the tax “{rate.name[:40]}”", CLASS_LENGTH_MAX)
    zones = [(rate.country, region_key(rate.country, rate.region), rate.tax_class) for rate in taxes.rates]
    if len(set(zones)) < len(zones):
        raise Invalid("A tax class has one rate in a country, and one in each of its regions.")


def _check_deliveries(methods: Sequence[ShippingMethod]) -> None:
    check_distinct(methods)
    for method in methods:
        _check_text(method.code, "The code of a delivery", CODE_LENGTH_MAX)
        _check_text(method.name, f"The name of the delivery “{method.code}”")
        _check_text(method.tax_class, f"The tax class of the delivery “{method.code}”", CLASS_LENGTH_MAX)
        flat = [price.currency for price in method.flat]
        steps = [(step.price.currency, step.up_to_grams) for step in method.by_weight]
        if len(set(flat)) < len(flat) or len(set(steps)) < len(steps):
            raise Invalid(f"“{method.code}” has two prices for the same parcel.")
        if any(step.up_to_grams <= 0 for step in method.by_weight):
            raise Invalid(f"A weight step of “{method.code}” goes up to less than a gram.")


def _check_text(text: str, what: str, longest: int = NAME_LENGTH_MAX) -> None:
    if not 1 <= len(text.strip()) <= len(text) <= longest or not text.isprintable():
        raise Invalid(f"{what} has 1 to {longest} characters.")


def _check_known(methods: Iterable[str], known: Sequence[str]) -> None:
    if unknown := sorted(set(methods) - set(known)):
        raise Invalid(f"The shop takes no payment by {', '.join(unknown)}: it takes {', '.join(known)}.")
