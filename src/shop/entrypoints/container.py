"""The container: settings go in, a Shop comes out. It makes adapters and ports, and nothing else."""

from typing import Any

from dependency_injector import containers, providers

from shop.adapters.keys import KeyAuthenticator
from shop.adapters.loading import load, load_for_later
from shop.adapters.secrets import HmacSecrets
from shop.adapters.system import OffsetClock, SystemClock, SystemIds
from shop.application.ports.clock import Clock, Ids
from shop.application.ports.options import Options
from shop.application.ports.sign_in import SignInProvider
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


def _account_adapter(port: str, name: str, options: Options, **given: Any) -> Any:
    """Without the extra `accounts` there is a shop all the same: it cannot do what needs this."""
    return load_for_later(port, name)(options, **given)


def _sign_in(settings: Settings, options: Options) -> dict[str, SignInProvider]:
    providers = [load("sign_in", kind)(options) for kind in settings.sign_in]
    return {provider.name: provider for provider in providers}


def _secrets(settings: Settings) -> HmacSecrets:
    return HmacSecrets(settings.secret_key, live=settings.production)


def _beside_redis(settings: Settings) -> str:
    return "redis" if settings.redis_url else "memory"


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
    _counters = providers.Callable(_beside_redis, settings)
    cache = providers.Singleton(_adapter, "cache", _counters, options)
    limiter = providers.Singleton(_adapter, "limiter", _counters, options)
    authenticator = providers.Singleton(
        KeyAuthenticator, storage.provided.readers.api_keys, secrets=secrets, clock=clock
    )
    passwords = providers.Singleton(_account_adapter, "passwords", settings.provided.passwords, options)
    access_tokens = providers.Singleton(_account_adapter, "access_tokens", "jwt", options, secrets=secrets)
    totp = providers.Singleton(_account_adapter, "totp", "pyotp", options)
    passkeys = providers.Singleton(_account_adapter, "passkeys", "webauthn", options)
    sign_in = providers.Singleton(_sign_in, settings, options)
    notifier = providers.Singleton(_adapter, "notifier", settings.provided.notifier, options)
    ports = providers.Singleton(
        Ports,
        storage=storage,
        gateway=payments,
        cache=cache,
        limiter=limiter,
        clock=clock,
        ids=ids,
        secrets=secrets,
        authenticator=authenticator,
        passwords=passwords,
        access_tokens=access_tokens,
        totp=totp,
        passkeys=passkeys,
        sign_in=sign_in,
        notifier=notifier,
        lifetimes=settings.provided.lifetimes,
    )
    shop = providers.Singleton(Shop, ports)
