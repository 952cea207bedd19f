"""A shop inside another program: which adapters it is given, and what is said when it cannot be opened."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta, timezone, tzinfo
from pathlib import Path

import pytest

import shop as package
from shop.adapters.fake.payments import FakePaymentGateway
from shop.adapters.loading import AdapterUnknown
from shop.adapters.memory.cache import MemoryCache
from shop.adapters.memory.limits import MemoryRateLimiter
from shop.adapters.memory.markup import PlainMarkup
from shop.adapters.memory.notifications import MemoryNotifier
from shop.adapters.memory.storage import MemoryStorage
from shop.adapters.redis.cache import RedisCache
from shop.adapters.redis.limits import RedisRateLimiter
from shop.adapters.second_step.passkeys import WebauthnPasskeys
from shop.adapters.second_step.totp import PyotpCodes
from shop.adapters.sign_in.calls import ProviderClient
from shop.adapters.sign_in.oidc import OidcSignIn
from shop.adapters.sql.postgres import Postgres
from shop.adapters.sql.sqlite import Sqlite
from shop.adapters.sql.storage import SqlStorage
from shop.adapters.stripe.payments import StripePaymentGateway
from shop.adapters.tokens import JwtAccessTokens
from shop.application.ports.saved_methods import NoSavedMethods
from shop.application.ports.subscriptions import NoBilling
from shop.application.shop import Shop
from shop.domain.kernel.errors import Invalid, Unavailable
from shop.entrypoints.container import Container
from shop.entrypoints.database import upgrade
from shop.entrypoints.embed import SWAPPABLE, open_shop
from shop.entrypoints.settings import Settings
from tests.people import PlainPasswords
from tests.servers import Databases
from tests.shops import CountedIds, DroppedTags, NobodyKnown, NoLimits, OpenBooks, PlainSecrets, SettableClock


async def test_without_settings_everything_is_in_memory() -> None:
    async with package.open_shop() as shop:
        assert isinstance(shop, Shop)
        assert isinstance(shop.ports.storage, MemoryStorage)
        assert isinstance(shop.ports.gateway, FakePaymentGateway)
        assert isinstance(shop.ports.cache, MemoryCache)
        assert isinstance(shop.ports.limiter, MemoryRateLimiter)


CLIENT = ProviderClient(client_id="shop", client_secret="s3cret", scope="openid")


def swaps() -> dict[str, object]:
    """Another adapter for each port, by the argument's name."""
    clock = SettableClock()
    return {
        "storage": MemoryStorage(CountedIds()),
        "payments": FakePaymentGateway(OpenBooks(), clock, "another", provider="another"),
        "billing": NoBilling(),
        "saved_methods": NoSavedMethods(),
        "cache": DroppedTags(),
        "limiter": NoLimits(),
        "markup": PlainMarkup(),
        "clock": clock,
        "ids": CountedIds(),
        "secrets": PlainSecrets(),
        "authenticator": NobodyKnown(),
        "notifier": MemoryNotifier(clock),
        "passwords": PlainPasswords(),
        "access_tokens": JwtAccessTokens(PlainSecrets(), "https://another.test"),
        "totp": PyotpCodes(),
        "passkeys": WebauthnPasskeys("https://another.test"),
        "sign_in": {"another": OidcSignIn("another", "https://another.test", CLIENT, clock)},
    }


def test_each_adapter_can_be_swapped() -> None:
    assert swaps().keys() == SWAPPABLE


@pytest.mark.parametrize("name", sorted(SWAPPABLE))
async def test_one_argument_swaps_one_adapter(name: str) -> None:
    adapter = swaps()[name]
    async with open_shop(None, **{name: adapter}) as shop:
        ports = shop.ports
        behind = {port: getattr(ports, "gateway" if port == "payments" else port) for port in SWAPPABLE}
        assert behind.pop(name) is adapter
        assert not any(other is adapter for other in behind.values())


async def test_an_unknown_argument_names_the_right_ones() -> None:
    with pytest.raises(TypeError) as caught:
        async with open_shop(gateway=object(), tills=object()):
            pass
    assert "no adapter gateway, tills" in str(caught.value)
    assert all(name in str(caught.value) for name in SWAPPABLE)


@pytest.mark.parametrize(
    ("settings", "names"),
    [
        (Settings(payments="abacus"), "fake, stripe"),
        (Settings(database_url="oracle://somewhere"), "memory, postgresql, sqlite"),
    ],
)
async def test_an_unknown_setting_names_the_right_ones(settings: Settings, names: str) -> None:
    with pytest.raises(AdapterUnknown, match=names):
        async with open_shop(settings):
            pass


@pytest.mark.parametrize(
    ("url", "database"), [("sqlite:///shop.db", Sqlite), ("postgresql://shop@127.0.0.1/shop", Postgres)]
)
def test_the_url_chooses_the_storage(url: str, database: type) -> None:
    storage = Container(settings=Settings(database_url=url)).storage()
    assert isinstance(storage, SqlStorage)
    assert isinstance(storage.database, database)


def test_settings_choose_redis_and_stripe() -> None:
    settings = Settings(
        redis_url="redis://127.0.0.1:1/0",
        payments="stripe",
        stripe_secret_key="sk_test_x",
        stripe_webhook_secret="whsec_x",
    )
    ports = Container(settings=settings).ports()
    assert isinstance(ports.cache, RedisCache)
    assert isinstance(ports.limiter, RedisRateLimiter)
    assert isinstance(ports.gateway, StripePaymentGateway)


@asynccontextmanager
async def _refused(url: str) -> AsyncIterator[Unavailable]:
    with pytest.raises(Unavailable) as caught:
        async with open_shop(Settings(database_url=url)):
            pytest.fail("it opened")
    yield caught.value


async def test_a_database_without_tables_says_which_command_helps(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'shop.db'}"
    async with _refused(url) as refusal:
        assert "There is no file" in refusal.detail
        assert "shop db upgrade" in refusal.hint
    (tmp_path / "shop.db").touch()
    async with _refused(url) as refusal:
        assert "no tables" in refusal.detail
        assert "shop db upgrade" in refusal.hint
    await upgrade(Settings(database_url=url))
    async with open_shop(Settings(database_url=url)):
        pass


@pytest.mark.integration
async def test_a_postgresql_without_tables_says_which_command_helps(postgres_url: str) -> None:
    async with _refused(postgres_url) as refusal:
        assert "shop db upgrade" in refusal.hint
    await upgrade(Settings(database_url=postgres_url))
    async with open_shop(Settings(database_url=postgres_url)):
        pass


async def test_a_database_that_is_away_is_said_to_be() -> None:
    async with _refused("postgresql://shop@127.0.0.1:1/shop") as refusal:
        assert refusal.detail


class Closing:
    """Notes the order in which things were closed."""

    provider = "closing"

    def __init__(self, closed: list[str], name: str) -> None:
        self._closed, self._name = closed, name

    async def close(self) -> None:
        self._closed.append(self._name)


class LockedStorage(MemoryStorage):
    """Cannot be opened."""

    def __init__(self, closed: list[str]) -> None:
        super().__init__(CountedIds())
        self._closed = closed

    async def open(self) -> None:
        raise Unavailable("It is locked.")

    async def close(self) -> None:
        self._closed.append("storage")


async def test_what_was_opened_is_closed_even_when_opening_fails() -> None:
    closed: list[str] = []
    storage = LockedStorage(closed)
    others = {name: Closing(closed, name) for name in ("payments", "cache", "limiter")}
    with pytest.raises(Unavailable, match="locked"):
        async with open_shop(None, storage=storage, **others):
            pytest.fail("it opened")
    assert sorted(closed) == ["cache", "limiter", "payments", "storage"]


@pytest.mark.parametrize("zone", [None, timezone(timedelta(hours=1))])
async def test_a_clock_tells_utc(zone: tzinfo | None) -> None:
    with pytest.raises(Invalid, match=r"aware times in UTC: such as datetime\.now\(UTC\)"):
        async with open_shop(clock=SettableClock(datetime(2026, 3, 4, tzinfo=zone))):
            pytest.fail("it opened")


async def test_two_shops_in_one_program_know_nothing_of_each_other() -> None:
    async with open_shop() as one, open_shop() as other:
        assert one.ports.storage is not other.ports.storage
        assert one.ports.cache is not other.ports.cache


@pytest.mark.integration
async def test_a_shop_that_was_closed_leaves_no_connection(postgres: Databases, postgres_url: str) -> None:
    await upgrade(Settings(database_url=postgres_url))
    async with open_shop(Settings(database_url=postgres_url)) as shop:
        await asyncio.gather(*(shop.ports.storage.check() for _ in range(8)))
    name = postgres_url.rsplit("/", 1)[1]
    open_now = ""
    for _ in range(50):
        open_now = postgres.sql(f"SELECT count(*) FROM pg_stat_activity WHERE datname = '{name}'").strip()
        if open_now == "0":
            break
        await asyncio.sleep(0.05)
    assert open_now == "0"


async def test_providers_are_there_under_their_names() -> None:
    settings = Settings(
        google_client_id="g",
        google_client_secret="gs",
        oidc_name="acme",
        oidc_issuer="https://login.example",
        oidc_client_id="o",
        oidc_client_secret="os",
    )
    async with open_shop(settings) as shop:
        assert {name: provider.name for name, provider in shop.ports.sign_in.items()} == {
            "google": "google",
            "acme": "acme",
        }
