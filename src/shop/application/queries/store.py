"""What everybody may know of the shop itself, and what its own people may."""

from typing import ClassVar

from attrs import frozen

from shop.application.messages import PUBLIC, Context, Query
from shop.application.ports.payments import PaymentGateway
from shop.application.ports.readers import StoreReader
from shop.application.ports.repositories import StoreSettings
from shop.application.ports.views import StoreView


@frozen(kw_only=True)
class GetStore(Query[StoreView]):
    """What a storefront needs before it shows the first product."""

    requires: ClassVar = PUBLIC


async def get_store(query: GetStore, context: Context, *, store: StoreReader, gateway: PaymentGateway) -> StoreView:
    settings = await store.settings()
    return StoreView(
        name=settings.store.name,
        country=settings.store.country,
        currency=settings.store.currency,
        currencies=settings.store.currencies,
        locales=settings.store.locales,
        ships_to=settings.store.ships_to,
        prices_include_tax=settings.taxes.prices_include_tax,
        payment_provider=gateway.provider,
    )


@frozen(kw_only=True)
class GetStoreSettings(Query[StoreSettings]):
    """The settings as they are configured."""

    requires: ClassVar = "settings:read"


async def get_store_settings(query: GetStoreSettings, context: Context, *, store: StoreReader) -> StoreSettings:
    return await store.settings()
