"""From a name to an adapter: ours and those of installed packages come through the same door.

A package offers an adapter as an entry point: `[project.entry-points."shop.payments"]` with
`adyen = "shop_adyen:open_adyen"`, and `SHOP_PAYMENTS=adyen` chooses it. Nothing is imported before it is chosen.
"""

from collections.abc import Callable, Mapping
from importlib import import_module
from importlib.metadata import entry_points
from typing import Any

from shop.domain.kernel.errors import Invalid

OURS: Mapping[str, Mapping[str, str]] = {
    "storage": {
        "memory": "shop.adapters.memory.storage:open_memory_storage",
        "sqlite": "shop.adapters.sql.storage:open_sql_storage",
        "postgresql": "shop.adapters.sql.storage:open_sql_storage",
    },
    "payments": {
        "fake": "shop.adapters.fake.payments:open_fake_payments",
        "stripe": "shop.adapters.stripe.payments:open_stripe_payments",
    },
    "billing": {
        "fake": "shop.adapters.fake.subscriptions:open_fake_billing",
        "stripe": "shop.adapters.stripe.subscriptions:open_stripe_billing",
    },
    "saved_methods": {
        "fake": "shop.adapters.fake.saved_methods:open_fake_saved_methods",
        "stripe": "shop.adapters.stripe.saved_methods:open_stripe_saved_methods",
    },
    "cache": {
        "memory": "shop.adapters.memory.cache:open_memory_cache",
        "redis": "shop.adapters.redis.cache:open_redis_cache",
    },
    "limiter": {
        "memory": "shop.adapters.memory.limits:open_memory_limiter",
        "redis": "shop.adapters.redis.limits:open_redis_limiter",
    },
    "markup": {
        "plain": "shop.adapters.memory.markup:open_plain_markup",
        "nh3": "shop.adapters.nh3.markup:open_safe_markup",
    },
    "notifier": {
        "memory": "shop.adapters.memory.notifications:open_memory_notifier",
        "mailbox": "shop.adapters.mail.mailbox:open_mailbox",
        "smtp": "shop.adapters.mail.smtp:open_smtp_notifier",
    },
    "passwords": {
        "bcrypt": "shop.adapters.passwords.bcrypt:open_bcrypt_passwords",
        "argon2": "shop.adapters.passwords.argon2:open_argon2_passwords",
    },
    "access_tokens": {"jwt": "shop.adapters.tokens:open_jwt_access_tokens"},
    "sign_in": {
        "google": "shop.adapters.sign_in.oidc:open_google_sign_in",
        "oidc": "shop.adapters.sign_in.oidc:open_oidc_sign_in",
        "github": "shop.adapters.sign_in.github:open_github_sign_in",
    },
    "totp": {"pyotp": "shop.adapters.second_step.totp:open_pyotp_codes"},
    "passkeys": {"webauthn": "shop.adapters.second_step.passkeys:open_webauthn_passkeys"},
}
# Which extra of the distribution brings what an adapter imports.
_EXTRAS = {
    "sqlite": "sql",
    "postgresql": "postgres",
    "stripe": "stripe",
    "redis": "redis",
    "nh3": "api",
    "argon2": "argon2",
    **dict.fromkeys(("smtp", "bcrypt", "jwt", "pyotp", "webauthn", "google", "oidc", "github"), "accounts"),
}


class AdapterUnknown(Invalid):
    code = "adapter_unknown"
    title = "There is no such adapter"


def offered(port: str) -> Mapping[str, str]:
    """The adapters of this port by name, ours before those of installed packages."""
    found = dict(OURS[port])
    for entry in entry_points(group=f"shop.{port}"):
        found.setdefault(entry.name, entry.value)
    return found


class LibraryMissing(AdapterUnknown):
    """The adapter is known, but what it needs is not installed."""


class StandIn:
    """Stands where an adapter's library is not installed, and says what to install once it is needed."""

    def __init__(self, missing: LibraryMissing) -> None:
        self._missing = missing

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        raise LibraryMissing(self._missing.detail, hint=self._missing.hint)

    async def close(self) -> None:
        """Nothing to let go of."""


def load_for_later(port: str, name: str) -> Callable[..., Any]:
    """As `load`, for what a shop may do without: where the library is missing, only the first use raises."""
    try:
        return load(port, name)
    except LibraryMissing as missing:
        stand_in = StandIn(missing)
        return lambda *_given, **_named: stand_in


def load(port: str, name: str) -> Callable[..., Any]:
    """The factory of the adapter of this name. Raises AdapterUnknown, which lists the right names."""
    adapters = offered(port)
    target = adapters.get(name)
    if target is None:
        raise AdapterUnknown(f"There is no {port} adapter “{name}”; there is: {', '.join(sorted(adapters))}.")
    module, _, attribute = target.partition(":")
    try:
        factory: Callable[..., Any] = getattr(import_module(module), attribute)
    except ModuleNotFoundError as missing:
        extra = _EXTRAS.get(name)
        if extra is None or (missing.name or "").startswith("shop"):
            raise
        raise LibraryMissing(
            f"The {port} adapter “{name}” needs the package {missing.name}.",
            hint=f"Install it with: pip install 'hexshop[{extra}]'",
        ) from missing
    return factory
