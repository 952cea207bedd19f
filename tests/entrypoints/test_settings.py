"""Settings: read from variables, refused together and in plain words."""

from datetime import timedelta

import attrs
import pytest

from shop.adapters.system import SystemClock
from shop.application.limits import CLASSES, DEFAULT, USUAL
from shop.application.ports.cache import RateLimit
from shop.entrypoints.container import Container
from shop.entrypoints.settings import DEVELOPMENT_SECRET, Settings, SettingsWrong

PRODUCTION = {
    "SHOP_ENV": "production",
    "SHOP_DATABASE_URL": "postgresql://shop@127.0.0.1/shop",
    "SHOP_PAYMENTS": "stripe",
    "SHOP_MAIL": "smtp",
    "SHOP_SMTP_URL": "smtps://shop:secret@mail.example:465",
    "SHOP_MAIL_FROM": "Shop <shop@example.com>",
    "SHOP_SECRET_KEY": "x" * 32,
    "SHOP_BASE_URL": "https://shop.example",
}


def test_nothing_set_means_a_file_and_the_defaults() -> None:
    settings = Settings.from_environment({})
    assert settings.database_url == "sqlite:///shop.sqlite3"
    assert settings.storage == "sqlite"
    assert attrs.evolve(settings, database_url="memory:") == Settings()


def test_variables_are_read_with_their_types() -> None:
    settings = Settings.from_environment(
        {"SHOP_CART_DAYS": "3", "SHOP_STOCK_HOLD_MINUTES": "7", "SHOP_CATALOG_CACHE_SECONDS": "1.5", "OTHER": "1"}
    )
    assert settings.lifetimes.cart == timedelta(days=3)
    assert settings.lifetimes.stock_hold == timedelta(minutes=7)
    assert settings.catalog_cache_seconds == 1.5
    assert settings.environment.keys() == {"SHOP_CART_DAYS", "SHOP_STOCK_HOLD_MINUTES", "SHOP_CATALOG_CACHE_SECONDS"}


def test_an_empty_variable_is_an_unset_one() -> None:
    assert Settings.from_environment({"SHOP_CART_DAYS": ""}).cart_days == 30


def test_every_wrong_variable_is_named_at_once() -> None:
    with pytest.raises(SettingsWrong) as refused:
        Settings.from_environment({"SHOP_ENV": "moon", "SHOP_RATE_LIMIT": "many", "SHOP_CART_DAYS": "0"})
    for variable in ("SHOP_ENV", "SHOP_RATE_LIMIT", "SHOP_CART_DAYS"):
        assert variable in refused.value.detail
    with pytest.raises(SettingsWrong, match="SHOP_CART_DAYS is not a number"):
        Settings.from_environment({"SHOP_CART_DAYS": "soon"})
    with pytest.raises(SettingsWrong, match=r"SHOP_CART_DAYS is not a number.*SHOP_ENV"):
        Settings.from_environment({"SHOP_CART_DAYS": "soon", "SHOP_ENV": "moon"})


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("SHOP_LOG_LEVEL", "LOUD"),
        ("SHOP_RATE_LIMIT", "0/60"),
        ("SHOP_RATE_LIMIT", "60/00"),
        ("SHOP_RATE_LIMIT", "60/"),
        ("SHOP_CATALOG_CACHE_SECONDS", "-1"),
        ("SHOP_PROXIES", "-1"),
        ("SHOP_PROXIES", "11"),
        ("SHOP_BCRYPT_COST", "3"),
        ("SHOP_BCRYPT_COST", "17"),
        ("SHOP_MAIL", "smtp"),
        ("SHOP_GOOGLE_CLIENT_ID", "1.apps.example"),
        ("SHOP_GITHUB_CLIENT_SECRET", "s3cret"),
        ("SHOP_OIDC_ISSUER", "https://login.example"),
        ("SHOP_REDIS_URL", "nonsense"),
        ("SHOP_REDIS_URL", "redis://127.0.0.1:notaport/0"),
        ("SHOP_REDIS_URL", "http://127.0.0.1:6379"),
        ("SHOP_DATABASE_URL", "postgresql://shop:s3cret@db:notaport/shop"),
        ("SHOP_DATABASE_URL", "postgres://shop@db:5432x/shop"),
    ],
)
def test_values_that_cannot_be_are_refused(variable: str, value: str) -> None:
    with pytest.raises(SettingsWrong, match=variable):
        Settings.from_environment({variable: value})


@pytest.mark.parametrize(
    ("url", "storage"),
    [
        ("postgres://shop@db/shop", "postgresql"),
        ("postgresql://shop@db/shop", "postgresql"),
        ("postgresql://shop:p%40ss@[::1]:5432,other:5433/shop?sslmode=require", "postgresql"),
        ("postgresql:///shop?host=/run/postgresql", "postgresql"),
        ("sqlite:///shop.sqlite3", "sqlite"),
        ("memory:", "memory"),
    ],
)
def test_the_database_url_names_the_storage(url: str, storage: str) -> None:
    assert Settings(database_url=url).storage == storage


def test_the_settings_show_no_password() -> None:
    settings = Settings(database_url="postgresql://shop:hush@db/shop", redis_url="redis://:hush@cache")
    assert "hush" not in repr(settings)


def test_the_rate_limit_is_a_quota_per_window_or_off() -> None:
    assert Settings(rate_limit="5/60").limits.of(DEFAULT) == RateLimit(5, 60)
    assert Settings(rate_limit="off").limits.of(DEFAULT) is None
    assert Settings.from_environment(PRODUCTION).limits.of(DEFAULT) == RateLimit(600, 60)
    assert Settings().limits.of(DEFAULT) == RateLimit(60_000, 60)


@pytest.mark.parametrize("name", [name for name in CLASSES if name != DEFAULT])
def test_each_class_has_a_limit_and_a_variable_of_its_own(name: str) -> None:
    variable = f"SHOP_RATE_LIMIT_{name.upper().replace('-', '_')}"
    production = Settings.from_environment({**PRODUCTION, "SHOP_RATE_LIMIT": "off"})
    assert production.limits.of(name) == USUAL[name]
    assert Settings.from_environment({**PRODUCTION, variable: "7/30"}).limits.of(name) == RateLimit(7, 30)
    assert Settings.from_environment({**PRODUCTION, variable: "off"}).limits.of(name) is None
    assert Settings().limits.of(name) == RateLimit(USUAL[name].quota * 100, USUAL[name].window_seconds)
    assert Settings(rate_limit="off").limits.of(name) is None
    with pytest.raises(SettingsWrong, match=variable):
        Settings.from_environment({variable: "many"})


def test_production_starts_with_what_it_needs() -> None:
    assert Settings.from_environment(PRODUCTION).production


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("SHOP_SECRET_KEY", DEVELOPMENT_SECRET),
        ("SHOP_SECRET_KEY", "short"),
        ("SHOP_PAYMENTS", "fake"),
        ("SHOP_DATABASE_URL", "memory:"),
        ("SHOP_BASE_URL", "http://shop.example"),
        ("SHOP_LOG_LEVEL", "DEBUG"),
        ("SHOP_CORS_ORIGINS", "*"),
        ("SHOP_CORS_ORIGINS", "null"),
        ("SHOP_CORS_ORIGINS", "http://front.example"),
        ("SHOP_ALLOWED_HOSTS", "*"),
    ],
)
def test_s69_production_refuses_what_only_development_may_have(variable: str, value: str) -> None:
    with pytest.raises(SettingsWrong, match=variable):
        Settings.from_environment({**PRODUCTION, variable: value})


def test_s69_production_has_the_real_time_and_no_debugging() -> None:
    container = Container(settings=Settings.from_environment({**PRODUCTION, "SHOP_STRIPE_SECRET_KEY": "sk_test_x"}))
    assert isinstance(container.clock(), SystemClock)
    assert not Settings().production


@pytest.mark.parametrize(
    "url", ["shop.example", "https://", "https://shop.example/shop", "https://a@shop.example", "ftp://x"]
)
def test_s33_the_base_url_is_a_plain_address(url: str) -> None:
    with pytest.raises(SettingsWrong, match="SHOP_BASE_URL"):
        Settings(base_url=url)


def test_the_shop_answers_under_its_own_name_and_those_besides() -> None:
    settings = Settings(base_url="https://shop.example:8443", allowed_hosts="api.example, ::1")
    assert settings.hosts == ("shop.example", "api.example", "::1")
    with pytest.raises(SettingsWrong, match="SHOP_ALLOWED_HOSTS"):
        Settings(allowed_hosts="https://shop.example")


def test_secrets_are_not_shown() -> None:
    settings = Settings(secret_key="s" * 40, stripe_secret_key="sk_test_never_shown", redis_url="redis://:pw@host/0")
    assert "never_shown" not in repr(settings)
    assert "s" * 40 not in repr(settings)
    assert ":pw@" not in repr(settings)


def test_adapters_get_every_variable_and_their_own() -> None:
    variables = Settings.from_environment({"SHOP_ADYEN_KEY": "k", "SHOP_DATABASE_URL": "sqlite:///a.db"}).variables()
    assert variables["SHOP_ADYEN_KEY"] == "k"
    assert variables["SHOP_DATABASE_URL"] == "sqlite:///a.db"
    assert variables["SHOP_FAKE_PAYMENTS_FILE"] == "a.db.provider"


def test_the_fake_provider_keeps_its_books_outside_our_database() -> None:
    assert Settings().variables()["SHOP_FAKE_PAYMENTS_FILE"] == ""
    one = Settings(database_url="postgresql://h/one").variables()["SHOP_FAKE_PAYMENTS_FILE"]
    two = Settings(database_url="postgresql://h/two").variables()["SHOP_FAKE_PAYMENTS_FILE"]
    assert one != two
    assert Settings(fake_payments_file="mine").variables()["SHOP_FAKE_PAYMENTS_FILE"] == "mine"


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("SHOP_MAIL", "mailbox", "set SHOP_MAIL=smtp, SHOP_SMTP_URL and SHOP_MAIL_FROM in production"),
        ("SHOP_BCRYPT_COST", "11", "at least 12 in production"),
    ],
)
def test_production_refuses_what_is_for_trying_out(variable: str, value: str, said: str) -> None:
    with pytest.raises(SettingsWrong, match=said):
        Settings.from_environment({**PRODUCTION, variable: value})


def test_mail_lies_beside_the_database_and_nowhere_for_a_shop_in_memory() -> None:
    settings = Settings.from_environment({"SHOP_DATABASE_URL": "sqlite:////var/lib/shop/shop.sqlite3"})
    assert (settings.notifier, settings.variables()["SHOP_MAILBOX"]) == ("mailbox", "/var/lib/shop/shop.sqlite3.mail")
    assert Settings().notifier == "memory"
    assert Settings(mailbox="some/folder").notifier == "mailbox"
    assert "hexshop-mail-" in Settings(database_url="postgresql://db/shop").variables()["SHOP_MAILBOX"]


OIDC = {
    "SHOP_OIDC_NAME": "acme",
    "SHOP_OIDC_ISSUER": "https://login.example",
    "SHOP_OIDC_CLIENT_ID": "shop",
    "SHOP_OIDC_CLIENT_SECRET": "s3cret",
}


def test_a_provider_is_one_whose_settings_are_all_there() -> None:
    assert Settings().sign_in == ()
    assert Settings.from_environment(OIDC).sign_in == ("oidc",)
    github = {"SHOP_GITHUB_CLIENT_ID": "shop", "SHOP_GITHUB_CLIENT_SECRET": "s3cret"}
    assert Settings.from_environment({**OIDC, **github}).sign_in == ("github", "oidc")
    assert "s3cret" not in repr(Settings.from_environment({**OIDC, **github}))


@pytest.mark.parametrize("name", ["Google", "google", "github", "a/b", "../x", "ä", "-a"])
def test_the_name_of_a_provider_stands_in_addresses(name: str) -> None:
    with pytest.raises(SettingsWrong, match="SHOP_OIDC_NAME"):
        Settings.from_environment({**OIDC, "SHOP_OIDC_NAME": name})


def test_a_provider_without_tls_is_on_this_machine_and_for_trying_out() -> None:
    here = {**OIDC, "SHOP_OIDC_ISSUER": "http://127.0.0.1:9400"}
    assert Settings.from_environment(here).sign_in == ("oidc",)
    with pytest.raises(SettingsWrong, match="SHOP_OIDC_ISSUER"):
        Settings.from_environment({**PRODUCTION, **here})
    with pytest.raises(SettingsWrong, match="SHOP_OIDC_ISSUER"):
        Settings.from_environment({**OIDC, "SHOP_OIDC_ISSUER": "http://login.example"})
