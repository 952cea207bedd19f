"""Setting up the shop: its name, currencies, taxes and deliveries."""

from typing import ClassVar

from attrs import frozen

from shop.application.messages import Command, Context, check_version
from shop.application.ports.repositories import StoreSettings
from shop.application.ports.unit_of_work import UnitOfWork
from shop.domain.pricing.taxes import TaxTable
from shop.domain.shipping import ShippingMethod
from shop.domain.store import Store


@frozen(kw_only=True)
class ConfigureStore(Command[None]):
    """Replaces the parts of the shop's settings that are given. Orders that stand keep what they were placed with."""

    requires: ClassVar = "settings:write"
    store: Store | None = None
    taxes: TaxTable | None = None
    shipping_methods: tuple[ShippingMethod, ...] | None = None
    expected_version: int | None = None


async def configure_store(command: ConfigureStore, context: Context, *, uow: UnitOfWork) -> None:
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
