"""The container: settings go in, a Shop comes out. It makes adapters and ports, and nothing else."""

from importlib.util import find_spec
from typing import Any

from dependency_injector import containers, providers

from shop.adapters.keys import KeyAuthenticator
from shop.adapters.loading import load, offered
from shop.adapters.secrets import HmacSecrets
from shop.adapters.system import OffsetClock, SystemClock, SystemIds
from shop.application.ports.clock import Clock, Ids
from shop.application.ports.options import Options
from shop.application.ports.subscriptions import NoBilling, SubscriptionBilling
from shop.application.shop import Shop
from shop.application.wiring import Ports, subscribers
from shop.entrypoints.settings import Settings


def _clock(settings: Settings, machine_clock: Clock) -> Clock:
    """The real time in production; elsewhere a clock that can be moved ahead."""
    return machine_clock if settings.production else OffsetClock(machine_clock)


def _options(settings: Settings, clock: Clock, machine_clock: Clock, ids: Ids) -> Options:
    return Options(
        environment=settings.variables(),
        clock=clock,
        machine_clock=machine_clock,
        ids=ids,
        subscribers=subscribers(),
    )


def _adapter(port: str, name: str, options: Options) -> Any:
    return load(port, name)(options)


def _billing(name: str, options: Options, gateway: Any) -> SubscriptionBilling:
    """The provider's billing; a provider that has none bills no subscriptions."""
    return load("billing", name)(options, gateway) if name in offered("billing") else NoBilling()


def _secrets(settings: Settings) -> HmacSecrets:
    return HmacSecrets(settings.secret_key, live=settings.production)


def _beside_redis(settings: Settings) -> str:
    return "redis" if settings.redis_url else "memory"


def _best_markup() -> str:
    """Descriptions keep their tags where what tells good tags from bad is installed."""
    return "nh3" if find_spec("nh3") else "plain"


class Container(containers.DeclarativeContainer):
    """One per process. Override a provider to swap an adapter: `container.payments.override(MyGateway())`."""

    settings = providers.Dependency(instance_of=Settings)
    machine_clock = providers.Singleton(SystemClock)
    clock = providers.Singleton(_clock, settings, machine_clock)
    ids = providers.Singleton(SystemIds)
    options = providers.Singleton(_options, settings, clock, machine_clock, ids)
    secrets = providers.Singleton(_secrets, settings)
    storage = providers.Singleton(_adapter, "storage", settings.provided.storage, options)
    payments = providers.Singleton(_adapter, "payments", settings.provided.payments, options)
    billing = providers.Singleton(_billing, settings.provided.payments, options, payments)
    _counters = providers.Callable(_beside_redis, settings)
    cache = providers.Singleton(_adapter, "cache", _counters, options)
    limiter = providers.Singleton(_adapter, "limiter", _counters, options)
    markup = providers.Singleton(_adapter, "markup", providers.Callable(_best_markup), options)
    authenticator = providers.Singleton(
        KeyAuthenticator, storage.provided.readers.api_keys, secrets=secrets, clock=clock
    )
    ports = providers.Singleton(
        Ports,
        storage=storage,
        gateway=payments,
        billing=billing,
        cache=cache,
        limiter=limiter,
        clock=clock,
        ids=ids,
        secrets=secrets,
        authenticator=authenticator,
        markup=markup,
        lifetimes=settings.provided.lifetimes,
        limits=settings.provided.limits,
    )
    shop = providers.Singleton(Shop, ports)
