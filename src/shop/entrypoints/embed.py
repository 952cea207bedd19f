"""A shop inside another program: `async with open_shop() as shop: …`."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from typing import Any

from dependency_injector import providers

from shop.application.shop import Shop
from shop.domain.kernel.errors import Invalid, Unavailable
from shop.entrypoints.container import Container
from shop.entrypoints.settings import Settings


class ClockMoved(Unavailable):
    """The shop's clock was moved for a test, and this shop must tell the real time."""

    code = "clock_moved"
    title = "The shop's clock was moved for a test"
    default_hint = "Put it back with SHOP_ENV=development shop clock reset, or use a database that was not for tests."


SWAPPABLE = frozenset(
    {
        *("storage", "payments", "billing", "saved_methods", "cache", "limiter", "clock", "ids", "secrets"),
        *("authenticator", "markup", "notifier", "passwords", "access_tokens", "totp", "passkeys", "sign_in"),
    }
)


@asynccontextmanager
async def open_shop(settings: Settings | None = None, **adapters: Any) -> AsyncIterator[Shop]:
    """A living shop: in memory unless the settings say otherwise, closed when the block ends.

    Any adapter may be given instead of what the settings would choose: `open_shop(payments=MyGateway())`. The names
    are those of `SWAPPABLE`; `sign_in` is a mapping of providers by their names. Raises TypeError for another one,
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
    """The shop, connected until the block ends. Raises Unavailable as `open_shop` does, Invalid for a clock of its own
    that does not tell UTC."""
    ports = shop.ports
    async with AsyncExitStack() as stack:
        stack.push_async_callback(ports.cache.close)
        stack.push_async_callback(ports.limiter.close)
        stack.push_async_callback(ports.billing.close)
        stack.push_async_callback(ports.saved_methods.close)
        stack.push_async_callback(ports.gateway.close)
        stack.push_async_callback(ports.notifier.close)
        stack.push_async_callback(ports.passwords.close)
        for provider in ports.sign_in.values():
            stack.push_async_callback(provider.close)
        stack.push_async_callback(ports.storage.close)
        stack.push_async_callback(shop.denials.close)
        if ports.clock.now().utcoffset() != timedelta(0):
            raise Invalid("The clock has to tell aware times in UTC: such as datetime.now(UTC).")
        await ports.storage.open()
        await ports.storage.check()
        await follow_clock(shop)
        yield shop


async def follow_clock(shop: Shop) -> None:
    """Moves this process's clock to where storage says the shop's is. Raises ClockMoved where it cannot be moved."""
    offset = await shop.ports.storage.clock.read()
    movable = shop.ports.movable_clock
    if movable is not None:
        movable.move(offset)
    elif offset:
        raise ClockMoved(f"The database says that the shop's clock is {_told(offset)} ahead of the real time.")


def _told(offset: timedelta) -> str:
    return str(timedelta(seconds=round(offset.total_seconds())))
