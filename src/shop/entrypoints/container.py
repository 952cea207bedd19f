"""The container: settings go in, a Shop comes out. It makes adapters and ports, and nothing else."""

from importlib.util import find_spec
from typing import Any

from dependency_injector import containers, providers

from shop.adapters.credentials import CredentialAuthenticator
from shop.adapters.loading import load, load_for_later, offered
from shop.adapters.secrets import HmacSecrets
from shop.adapters.system import OffsetClock, SystemClock, SystemIds
from shop.application.ports.clock import Clock, Ids
from shop.application.ports.options import Options
from shop.application.ports.saved_methods import NoSavedMethods, SavedMethods
from shop.application.ports.sign_in import SignInProvider
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


def _saved_methods(name: str, options: Options, gateway: Any) -> SavedMethods:
    """The provider's customers; a provider that keeps no ways to pay has none."""
    return load("saved_methods", name)(options, gateway) if name in offered("saved_methods") else NoSavedMethods()


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
    saved_methods = providers.Singleton(_saved_methods, settings.provided.payments, options, payments)
    _counters = providers.Callable(_beside_redis, settings)
    cache = providers.Singleton(_adapter, "cache", _counters, options)
    limiter = providers.Singleton(_adapter, "limiter", _counters, options)
    markup = providers.Singleton(_adapter, "markup", providers.Callable(_best_markup), options)
    passwords = providers.Singleton(_account_adapter, "passwords", settings.provided.passwords, options)
    access_tokens = providers.Singleton(_account_adapter, "access_tokens", "jwt", options, secrets=secrets)
    authenticator = providers.Singleton(
        CredentialAuthenticator,
        storage.provided.readers.api_keys,
        storage.provided.readers.people,
        secrets=secrets,
        access_tokens=access_tokens,
        clock=clock,
        owner_needs_second_factor=settings.provided.production,
    )
    totp = providers.Singleton(_account_adapter, "totp", "pyotp", options)
    passkeys = providers.Singleton(_account_adapter, "passkeys", "webauthn", options)
    sign_in = providers.Singleton(_sign_in, settings, options)
    notifier = providers.Singleton(_adapter, "notifier", settings.provided.notifier, options)
    ports = providers.Singleton(
        Ports,
        storage=storage,
        gateway=payments,
        billing=billing,
        saved_methods=saved_methods,
        cache=cache,
        limiter=limiter,
        clock=clock,
        ids=ids,
        secrets=secrets,
        authenticator=authenticator,
        markup=markup,
        passwords=passwords,
        access_tokens=access_tokens,
        totp=totp,
        passkeys=passkeys,
        sign_in=sign_in,
        notifier=notifier,
        lifetimes=settings.provided.lifetimes,
        limits=settings.provided.limits,
        accounts=settings.provided.accounts,
    )
    shop = providers.Singleton(Shop, ports)
