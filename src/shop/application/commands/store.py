"""Setting up the shop: its name, currencies, taxes and deliveries."""

from collections.abc import Iterable, Sequence
from typing import ClassVar

from attrs import frozen

from shop.application.messages import Command, Context, check_version
from shop.application.ports.payments import PaymentGateway
from shop.application.ports.repositories import StoreSettings
from shop.application.ports.unit_of_work import UnitOfWork
from shop.domain.kernel.errors import Invalid
from shop.domain.pricing.taxes import TaxTable
from shop.domain.shipping import ShippingMethod, check_distinct
from shop.domain.store import Store

NAME_LENGTH_MAX = 200


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
    check_distinct(command.shipping_methods or ())
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
    if not 1 <= len(store.name.strip()) <= len(store.name) <= NAME_LENGTH_MAX or "\x00" in store.name:
        raise Invalid(f"A shop's name has 1 to {NAME_LENGTH_MAX} characters.")
    if len(set(store.currencies)) < len(store.currencies):
        raise Invalid("Each currency of the shop stands there once.")


def _check_known(methods: Iterable[str], known: Sequence[str]) -> None:
    if unknown := sorted(set(methods) - set(known)):
        raise Invalid(f"The shop takes no payment by {', '.join(unknown)}: it takes {', '.join(known)}.")
