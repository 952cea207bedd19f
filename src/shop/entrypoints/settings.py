"""Settings: which adapter stands behind which port, and what it is told. All of them are environment variables."""

import hashlib
import os
import re
import tempfile
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

import attrs
from attrs import field, frozen

from shop.application.commands.identity.opening import AccountRules
from shop.application.limits import CLASSES, DEFAULT, USUAL, RateLimits
from shop.application.ports.cache import RateLimit
from shop.application.wiring import Lifetimes
from shop.domain.kernel.errors import Invalid

ENVIRONMENTS = ("demo", "development", "production")
DEVELOPMENT_SECRET = "for-development-only-never-in-production"  # noqa: S105 - production refuses it
SECRET_LENGTH_MIN = 32
PROXIES_MAX = 10
LENIENCE = 100
_ORIGIN = re.compile(r"https?://[a-z0-9.-]{1,253}(:[0-9]{1,5})?|https?://\[[0-9a-f:.]{2,45}\](:[0-9]{1,5})?")
_NAME = re.compile(r"[A-Za-z0-9.-]{1,253}|[0-9a-fA-F:]{2,45}")
# What a test can wait for, what a thief cannot, and what nobody would wait for.
BCRYPT_COSTS, BCRYPT_COST_MIN = range(4, 17), 12
_REDIS = ("redis://", "rediss://", "unix://")
# A host, or one in brackets with colons in it, and its port.
_HOST = re.compile(r"(\[[^\[\]]*\]|[^:\[\]]*)(:[0-9]{1,5})?")
_SLUG = re.compile(r"[a-z][a-z0-9-]{0,39}", re.ASCII)


class SettingsWrong(Invalid):
    """A variable is missing or says something that cannot be. Names all of them at once."""

    code = "settings_wrong"
    title = "The settings do not fit together"
    default_hint = "docs/reference/settings.md lists every variable."


def _setting(variable: str, default: Any, help: str, *, secret: bool = False) -> Any:
    return field(default=default, repr=not secret, metadata={"variable": variable, "help": help})


@frozen(kw_only=True)
class Settings:
    """Everything that can be set. `Settings()` is a shop in memory, for programs and tests."""

    env: str = _setting("SHOP_ENV", "development", "demo, development or production")
    database_url: str = _setting(
        "SHOP_DATABASE_URL", "memory:", "sqlite:///file, postgresql://… or memory:", secret=True
    )
    database_connections: int = _setting("SHOP_DATABASE_CONNECTIONS", 10, "Most connections of one process")
    redis_url: str = _setting("SHOP_REDIS_URL", "", "redis://…; empty: cache and counters in the process", secret=True)
    payments: str = _setting("SHOP_PAYMENTS", "fake", "Who takes the money: fake, stripe or an installed adapter")
    stripe_secret_key: str = _setting("SHOP_STRIPE_SECRET_KEY", "", "sk_test_… or sk_live_… of Stripe", secret=True)
    stripe_webhook_secret: str = _setting("SHOP_STRIPE_WEBHOOK_SECRET", "", "whsec_… of Stripe", secret=True)
    stripe_api_base: str = _setting("SHOP_STRIPE_API_BASE", "", "Another address for Stripe's API, for tests")
    fake_payments_file: str = _setting(
        "SHOP_FAKE_PAYMENTS_FILE", "", "Where the fake provider keeps its books; empty: beside the database"
    )
    secret_key: str = _setting(
        "SHOP_SECRET_KEY", DEVELOPMENT_SECRET, "Signs guests' tokens; at least 32 characters", secret=True
    )
    base_url: str = _setting("SHOP_BASE_URL", "http://127.0.0.1:8000", "Where the shop is reached from outside")
    allowed_hosts: str = _setting(
        "SHOP_ALLOWED_HOSTS", "", "More names under which the shop answers, by comma, besides that of SHOP_BASE_URL"
    )
    mail: str = _setting(
        "SHOP_MAIL", "mailbox", "Who carries mail: mailbox (a folder, nobody gets it), smtp or an installed adapter"
    )
    mailbox: str = _setting("SHOP_MAILBOX", "", "The folder of SHOP_MAIL=mailbox; empty: beside the database")
    smtp_url: str = _setting("SHOP_SMTP_URL", "", "smtp(s)://user:password@host:port of SHOP_MAIL=smtp", secret=True)
    mail_from: str = _setting("SHOP_MAIL_FROM", "", "Who the shop's mail is from: Tea & Co <shop@example.com>")
    passwords: str = _setting("SHOP_PASSWORDS", "bcrypt", "How new passwords are kept: bcrypt or argon2")
    bcrypt_cost: int = _setting("SHOP_BCRYPT_COST", 12, "One more is twice the work for us and for a thief")
    google_client_id: str = _setting("SHOP_GOOGLE_CLIENT_ID", "", "Sign-in with Google: the client's id")
    google_client_secret: str = _setting("SHOP_GOOGLE_CLIENT_SECRET", "", "… and its secret", secret=True)
    github_client_id: str = _setting("SHOP_GITHUB_CLIENT_ID", "", "Sign-in with GitHub: the client's id")
    github_client_secret: str = _setting("SHOP_GITHUB_CLIENT_SECRET", "", "… and its secret", secret=True)
    oidc_name: str = _setting("SHOP_OIDC_NAME", "", "Sign-in with any OpenID provider: what the shop calls it")
    oidc_issuer: str = _setting("SHOP_OIDC_ISSUER", "", "… who it is, such as https://login.example.com")
    oidc_client_id: str = _setting("SHOP_OIDC_CLIENT_ID", "", "… the client's id")
    oidc_client_secret: str = _setting("SHOP_OIDC_CLIENT_SECRET", "", "… and its secret", secret=True)
    account_url: str = _setting(
        "SHOP_ACCOUNT_URL", "", "Where mailed links lead: a storefront's own account pages; empty: the shop's"
    )
    access_minutes: int = _setting("SHOP_ACCESS_MINUTES", 5, "Minutes an access token opens something")
    session_days: int = _setting("SHOP_SESSION_DAYS", 30, "Days without a visit until somebody has to sign in again")
    session_days_at_most: int = _setting(
        "SHOP_SESSION_DAYS_AT_MOST", 90, "Days until somebody has to sign in again, however often they come"
    )
    cors_origins: str = _setting("SHOP_CORS_ORIGINS", "", "Origins of storefronts in browsers, by comma")
    proxies: int = _setting(
        "SHOP_PROXIES", 0, "Proxies in front that append to X-Forwarded-For: whom rate limits count depends on it"
    )
    rate_limit: str = _setting(
        "SHOP_RATE_LIMIT",
        "",
        "Requests/seconds for each caller, or off; empty: 600/60 in production, 100 times that elsewhere",
    )
    rate_limit_write: str = _setting("SHOP_RATE_LIMIT_WRITE", "", "The same for what changes something; empty: 300/60")
    rate_limit_sign_in: str = _setting("SHOP_RATE_LIMIT_SIGN_IN", "", "The same for trying to sign in; empty: 5/60")
    rate_limit_register: str = _setting("SHOP_RATE_LIMIT_REGISTER", "", "The same for new accounts; empty: 3/60")
    rate_limit_recovery: str = _setting(
        "SHOP_RATE_LIMIT_RECOVERY", "", "The same for what mails somebody a link; empty: 3/60"
    )
    rate_limit_codes: str = _setting(
        "SHOP_RATE_LIMIT_CODES", "", "The same for codes that could be guessed; empty: 5/60"
    )
    catalog_cache_seconds: float = _setting(
        "SHOP_CATALOG_CACHE_SECONDS", 60.0, "How long answers about the catalogue are remembered; 0: not at all"
    )
    cart_days: int = _setting("SHOP_CART_DAYS", 30, "Days until a cart expires")
    stock_hold_minutes: int = _setting("SHOP_STOCK_HOLD_MINUTES", 15, "Minutes an unpaid order holds its stock")
    answers_days: int = _setting("SHOP_ANSWERS_DAYS", 7, "Days an Idempotency-Key is remembered")
    events_days: int = _setting("SHOP_EVENTS_DAYS", 30, "Days a delivered event is kept")
    log_level: str = _setting("SHOP_LOG_LEVEL", "WARNING", "DEBUG, INFO, WARNING or ERROR")
    environment: Mapping[str, str] = field(factory=dict, repr=False)
    """Variables as they were read: an installed adapter finds its own here."""

    def __attrs_post_init__(self) -> None:
        if problems := list(self._problems()):
            raise SettingsWrong(" ".join(problems))

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> Self:
        """What the variables say; unset ones mean their defaults, and a SQLite file. Raises SettingsWrong."""
        environment = os.environ if environment is None else environment
        read = {name: value for name, value in environment.items() if name.startswith("SHOP_")}
        values: dict[str, Any] = {"database_url": "sqlite:///shop.sqlite3"}
        wrong: list[str] = []
        for attribute in attrs.fields(cls):
            variable = attribute.metadata.get("variable")
            if variable and read.get(variable):
                try:
                    values[attribute.name] = type(attribute.default)(read[variable])
                except ValueError:
                    wrong.append(f"{variable} is not a number.")
        try:
            settings = cls(environment=read, **values)
        except SettingsWrong as error:
            raise SettingsWrong(" ".join([*wrong, error.detail])) from None
        if wrong:
            raise SettingsWrong(" ".join(wrong))
        return settings

    @property
    def storage(self) -> str:
        """The name of the storage adapter: the scheme of the database URL, which for PostgreSQL has two spellings."""
        scheme = self.database_url.partition(":")[0]
        return "postgresql" if scheme == "postgres" else scheme

    @property
    def production(self) -> bool:
        return self.env == "production"

    @property
    def notifier(self) -> str:
        """The name of the notifier: a shop in memory, of which nothing is to be left, keeps its mail there too."""
        nowhere = self.mail == "mailbox" and self.storage == "memory" and not self.mailbox
        return "memory" if nowhere else self.mail

    @property
    def sign_in(self) -> tuple[str, ...]:
        """The kinds of providers that people may sign in with."""
        return tuple(kind for kind in ("google", "github", "oidc") if getattr(self, f"{kind}_client_id"))

    @property
    def accounts(self) -> AccountRules:
        """How long people stay signed in, and where the pages of their accounts are."""
        return AccountRules(
            access_lifetime=timedelta(minutes=self.access_minutes),
            refresh_lifetime=timedelta(days=self.session_days),
            browser_lifetime=timedelta(days=self.session_days),
            longest=timedelta(days=self.session_days_at_most),
            owner_needs_second_factor=self.production,
            account_url=self.account_url or f"{self.base_url.rstrip('/')}/account",
        )

    @property
    def hosts(self) -> tuple[str, ...]:
        """The names under which the shop answers."""
        return (urlsplit(self.base_url).hostname or "", *_listed(self.allowed_hosts))

    @property
    def origins(self) -> tuple[str, ...]:
        """Whose pages may speak to the API from a browser."""
        return _listed(self.cors_origins)

    @property
    def limits(self) -> RateLimits:
        """The rate limit of each class that is counted."""
        told = {name: self._limit(name) for name in CLASSES}
        return RateLimits({name: limit for name, limit in told.items() if limit is not None})

    def _limit(self, name: str) -> RateLimit | None:
        text: str = getattr(self, _limit_setting(name))
        if text == "off":
            return None
        if text:
            quota, _, seconds = text.partition("/")
            return RateLimit(int(quota), int(seconds))
        if self.production:
            return USUAL[name]
        # Whoever tries the shop out does so from one address, with as many clients as they like.
        usual = RateLimit(USUAL[name].quota * LENIENCE, USUAL[name].window_seconds)
        return None if self.rate_limit == "off" else usual

    @property
    def lifetimes(self) -> Lifetimes:
        return Lifetimes(
            cart=timedelta(days=self.cart_days),
            stock_hold=timedelta(minutes=self.stock_hold_minutes),
            answers=timedelta(days=self.answers_days),
            delivered_events=timedelta(days=self.events_days),
        )

    def variables(self) -> dict[str, str]:
        """All settings by the names of their variables: what adapters are opened with."""
        own = {
            attribute.metadata["variable"]: str(getattr(self, attribute.name))
            for attribute in attrs.fields(type(self))
            if "variable" in attribute.metadata
        }
        own["SHOP_FAKE_PAYMENTS_FILE"] = self.fake_payments_file or _beside(self.database_url, "provider", ".sqlite3")
        own["SHOP_MAILBOX"] = self.mailbox or _beside(self.database_url, "mail")
        return {**self.environment, **own}

    def _problems(self) -> list[str]:
        problems = []
        if self.env not in ENVIRONMENTS:
            problems.append(f"SHOP_ENV is one of {', '.join(ENVIRONMENTS)}.")
        limits = {name: getattr(self, name) for name in map(_limit_setting, CLASSES)}
        problems += [
            f"SHOP_{name.upper()} is such as 600/60, or off."
            for name, text in limits.items()
            if text not in ("", "off") and not _is_limit(text)
        ]
        if self.log_level not in ("DEBUG", "INFO", "WARNING", "ERROR"):
            problems.append("SHOP_LOG_LEVEL is DEBUG, INFO, WARNING or ERROR.")
        counts = (
            "database_connections",
            "cart_days",
            "stock_hold_minutes",
            "answers_days",
            "events_days",
            "access_minutes",
            "session_days",
            "session_days_at_most",
        )
        problems += [f"SHOP_{name.upper()} is at least 1." for name in counts if getattr(self, name) < 1]
        if not 0 <= self.proxies <= PROXIES_MAX:
            problems.append(f"SHOP_PROXIES is 0 to {PROXIES_MAX}.")
        if not _ORIGIN.fullmatch(self.base_url.rstrip("/")):
            problems.append("SHOP_BASE_URL is such as https://shop.example, without a path.")
        if not all(_ORIGIN.fullmatch(origin) for origin in self.origins):
            problems.append("SHOP_CORS_ORIGINS has whole origins such as https://front.example; * and null are none.")
        if not all(_NAME.fullmatch(name) for name in self.hosts[1:]):
            problems.append("SHOP_ALLOWED_HOSTS has names such as shop.example, without ports and wildcards.")
        if self.storage == "postgresql" and not _is_address(self.database_url):
            problems.append("SHOP_DATABASE_URL is such as postgresql://user:password@host:5432/shop.")
        if self.redis_url and not (self.redis_url.startswith(_REDIS) and _is_address(self.redis_url)):
            problems.append("SHOP_REDIS_URL is such as redis://host:6379/0.")
        if self.catalog_cache_seconds < 0:
            problems.append("SHOP_CATALOG_CACHE_SECONDS is at least 0.")
        problems += self._account_problems()
        if self.production:
            problems += self._production_problems()
        return problems

    def _account_problems(self) -> list[str]:
        problems = []
        if not BCRYPT_COSTS[0] <= self.bcrypt_cost <= BCRYPT_COSTS[-1]:
            problems.append(f"SHOP_BCRYPT_COST is {BCRYPT_COSTS[0]} to {BCRYPT_COSTS[-1]}.")
        if self.mail == "smtp" and not (self.smtp_url and self.mail_from):
            problems.append("SHOP_MAIL=smtp needs SHOP_SMTP_URL and SHOP_MAIL_FROM.")
        return problems + self._provider_problems()

    def _provider_problems(self) -> list[str]:
        problems = []
        for kind, more in (("google", ()), ("github", ()), ("oidc", ("name", "issuer"))):
            names = [f"{kind}_{name}" for name in (*more, "client_id", "client_secret")]
            if len({bool(getattr(self, name)) for name in names}) > 1:
                told = ", ".join(f"SHOP_{name.upper()}" for name in names)
                problems.append(f"{told} belong together: set all of them or none.")
        if self.oidc_name and (not _SLUG.fullmatch(self.oidc_name) or self.oidc_name in ("google", "github")):
            problems.append("SHOP_OIDC_NAME is such as acme-login: it stands in addresses. Not google, not github.")
        if self.oidc_issuer and not self.oidc_issuer.startswith(("https://", "http://127.0.0.1:", "http://localhost:")):
            problems.append("SHOP_OIDC_ISSUER starts with https://, or is on this machine.")
        if self.production and self.oidc_issuer.startswith("http://"):
            problems.append("SHOP_OIDC_ISSUER starts with https:// in production.")
        return problems

    def _production_problems(self) -> list[str]:
        problems = []
        if self.secret_key == DEVELOPMENT_SECRET or len(self.secret_key) < SECRET_LENGTH_MIN:
            problems.append(f"SHOP_SECRET_KEY needs {SECRET_LENGTH_MIN} random characters of its own in production.")
        if self.payments == "fake":
            problems.append("SHOP_PAYMENTS=fake takes no money: production needs another.")
        if self.storage == "memory":
            problems.append("SHOP_DATABASE_URL=memory: forgets everything: production needs another.")
        if self.mail == "mailbox":
            problems.append(
                "SHOP_MAIL=mailbox reaches nobody: set SHOP_MAIL=smtp, SHOP_SMTP_URL and SHOP_MAIL_FROM in production."
            )
        if self.bcrypt_cost < BCRYPT_COST_MIN:
            problems.append(f"SHOP_BCRYPT_COST is at least {BCRYPT_COST_MIN} in production.")
        if not self.base_url.startswith("https://"):
            problems.append("SHOP_BASE_URL starts with https:// in production.")
        if self.log_level == "DEBUG":
            problems.append("SHOP_LOG_LEVEL=DEBUG writes what shoppers send into the log: not in production.")
        if not all(origin.startswith("https://") for origin in self.origins):
            problems.append("SHOP_CORS_ORIGINS start with https:// in production.")
        return problems


def _listed(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _limit_setting(limit_class: str) -> str:
    return "rate_limit" if limit_class == DEFAULT else f"rate_limit_{limit_class.replace('-', '_')}"


def _is_limit(text: str) -> bool:
    quota, _, seconds = text.partition("/")
    return all(part.isascii() and part.isdigit() and int(part) for part in (quota, seconds))


def _beside(database_url: str, what: str, ending: str = "") -> str:
    """Where something lies that has no place in our database: the fake provider's own books, and mail."""
    scheme, _, path = database_url.partition(":///")
    if scheme == "sqlite":
        return f"{path}.{what}"
    if database_url.startswith("memory:"):
        return ""
    name = hashlib.sha256(database_url.encode()).hexdigest()[:16]
    return str(Path(tempfile.gettempdir()) / f"hexshop-{what}-{name}{ending}")


def _is_address(url: str) -> bool:
    """Whether its hosts (PostgreSQL may have several) and their ports can be read."""
    hosts = url.partition("://")[2].partition("?")[0].partition("/")[0].rpartition("@")[2]
    return all(_HOST.fullmatch(host) for host in hosts.split(","))
