"""A shop inside another program: `async with open_shop() as shop: …`."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from dependency_injector import providers

from shop.application.shop import Shop
from shop.entrypoints.container import Container
from shop.entrypoints.settings import Settings

SWAPPABLE = frozenset({"storage", "payments", "cache", "limiter", "clock", "ids", "secrets", "authenticator"})


@asynccontextmanager
async def open_shop(settings: Settings | None = None, **adapters: Any) -> AsyncIterator[Shop]:
    """A living shop: in memory unless the settings say otherwise, closed when the block ends.

    Any adapter may be given instead of what the settings would choose: `open_shop(payments=MyGateway())`. The names
    are storage, payments, cache, limiter, clock, ids, secrets and authenticator. Raises TypeError for another one,
    SettingsWrong, AdapterUnknown, Unavailable when the database cannot be reached or is behind on migrations.
    """
    unknown = sorted(adapters.keys() - SWAPPABLE)
    if unknown:
        raise TypeError(f"open_shop() knows no adapter {', '.join(unknown)}; it has: {', '.join(sorted(SWAPPABLE))}.")
    container = Container(settings=settings or Settings())
    for name, adapter in adapters.items():
        getattr(container, name).override(providers.Object(adapter))
    async with opened(container.shop()) as shop:
        yield shop


@asynccontextmanager
async def opened(shop: Shop) -> AsyncIterator[Shop]:
    """The shop, connected until the block ends. Raises Unavailable as `open_shop` does."""
    ports = shop.ports
    async with AsyncExitStack() as stack:
        stack.push_async_callback(ports.cache.close)
        stack.push_async_callback(ports.limiter.close)
        stack.push_async_callback(ports.gateway.close)
        stack.push_async_callback(ports.storage.close)
        await ports.storage.open()
        await ports.storage.check()
        yield shop
