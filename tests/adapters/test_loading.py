"""Adapters by name: ours, those of installed packages, and what is said of those that are not there."""

import subprocess
import sys
from importlib.metadata import EntryPoint, EntryPoints
from types import ModuleType

import pytest

from shop.adapters import loading
from shop.adapters.fake.payments import open_fake_payments
from shop.adapters.loading import OURS, AdapterUnknown, load
from shop.adapters.memory.storage import open_memory_storage
from shop.entrypoints.embed import open_shop
from shop.entrypoints.settings import Settings


def install(monkeypatch: pytest.MonkeyPatch, port: str, name: str, value: str) -> None:
    """As if a package that offers this adapter were installed."""
    entry = EntryPoint(name=name, value=value, group=f"shop.{port}")

    def entry_points(*, group: str) -> EntryPoints:
        return EntryPoints([entry]).select(group=group)

    monkeypatch.setattr(loading, "entry_points", entry_points)


@pytest.mark.parametrize(("port", "name"), [(port, name) for port, names in OURS.items() for name in names])
def test_each_of_ours_is_where_the_table_says(port: str, name: str) -> None:
    factory = load(port, name)
    assert factory.__module__.startswith("shop.adapters.")
    assert factory.__name__.startswith("open_")


@pytest.mark.parametrize("port", OURS)
def test_for_an_unknown_name_the_right_ones_are_listed(port: str) -> None:
    with pytest.raises(AdapterUnknown) as caught:
        load(port, "abacus")
    assert "“abacus”" in caught.value.detail
    assert caught.value.detail.endswith(f"{', '.join(sorted(OURS[port]))}.")


async def test_an_installed_package_comes_through_the_same_door(monkeypatch: pytest.MonkeyPatch) -> None:
    package = ModuleType("shop_abacus")
    package.open_abacus = open_fake_payments  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "shop_abacus", package)
    install(monkeypatch, "payments", "abacus", "shop_abacus:open_abacus")
    assert load("payments", "abacus") is open_fake_payments
    async with open_shop(Settings(payments="abacus")) as shop:
        assert shop.ports.gateway.provider == "fake"
    with pytest.raises(AdapterUnknown, match="abacus, fake, stripe"):
        load("payments", "purse")


def test_nobody_takes_the_name_of_one_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, "storage", "memory", "elsewhere:open_elsewhere")
    assert load("storage", "memory") is open_memory_storage


@pytest.mark.parametrize(
    ("port", "name", "package", "extra"),
    [
        ("storage", "sqlite", "sqlalchemy", "sql"),
        ("storage", "postgresql", "sqlalchemy", "postgres"),
        ("payments", "stripe", "stripe", "stripe"),
        ("cache", "redis", "redis", "redis"),
        ("limiter", "redis", "redis", "redis"),
        ("notifier", "smtp", "aiosmtplib", "accounts"),
        ("passwords", "bcrypt", "bcrypt", "accounts"),
        ("passwords", "argon2", "argon2", "argon2"),
        ("access_tokens", "jwt", "jwt", "accounts"),
        ("totp", "pyotp", "pyotp", "accounts"),
        ("passkeys", "webauthn", "webauthn", "accounts"),
        ("sign_in", "google", "authlib", "accounts"),
        ("sign_in", "oidc", "authlib", "accounts"),
        ("sign_in", "github", "authlib", "accounts"),
    ],
)
def test_a_missing_extra_is_named_with_the_command_that_installs_it(
    monkeypatch: pytest.MonkeyPatch, port: str, name: str, package: str, extra: str
) -> None:
    def missing(module: str) -> ModuleType:
        raise ModuleNotFoundError(f"No module named '{package}'", name=package)

    monkeypatch.setattr(loading, "import_module", missing)
    with pytest.raises(AdapterUnknown) as caught:
        load(port, name)
    assert package in caught.value.detail
    assert f"pip install 'hexshop[{extra}]'" in caught.value.hint


def test_a_package_that_is_broken_says_so_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only what an extra would bring is explained away."""
    install(monkeypatch, "payments", "abacus", "no_such_package_anywhere:open_abacus")
    with pytest.raises(ModuleNotFoundError, match="no_such_package_anywhere"):
        load("payments", "abacus")


def test_a_hole_in_the_shop_itself_is_no_missing_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(module: str) -> ModuleType:
        raise ModuleNotFoundError("No module named 'shop.adapters.sql.gone'", name="shop.adapters.sql.gone")

    monkeypatch.setattr(loading, "import_module", missing)
    with pytest.raises(ModuleNotFoundError, match="gone"):
        load("storage", "sqlite")


WITHOUT_ACCOUNTS = """
import asyncio, sys

for library in "aiosmtplib argon2 authlib bcrypt cryptography httpx2 joserfc jwt pyotp segno webauthn".split():
    sys.modules[library] = None

import shop
from shop.adapters.loading import AdapterUnknown
from shop.application.queries.store import GetStore


async def main():
    async with shop.open_shop() as my_shop:
        print((await my_shop.ask(GetStore())).name)
        ports = my_shop.ports
        for use in (
            lambda: ports.passwords.hash("correct horse"),
            lambda: ports.access_tokens.key_of("x"),
            lambda: ports.totp.step_of,
            lambda: ports.passkeys.sign_in,
        ):
            try:
                use()
            except AdapterUnknown as unknown:
                print(unknown.hint)


asyncio.run(main())
"""


def test_without_the_libraries_of_accounts_there_is_a_shop_all_the_same() -> None:
    """Until somebody needs one: then it says what to install."""
    done = subprocess.run([sys.executable, "-c", WITHOUT_ACCOUNTS], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    name, *hints = done.stdout.splitlines()
    assert name
    assert hints == ["Install it with: pip install 'hexshop[accounts]'"] * 4


def test_what_was_chosen_by_name_is_missed_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A shop that was told to send mail must not find out with the first one."""
    monkeypatch.setitem(sys.modules, "aiosmtplib", None)
    monkeypatch.delitem(sys.modules, "shop.adapters.mail.smtp", raising=False)
    with pytest.raises(AdapterUnknown, match="aiosmtplib"):
        load("notifier", "smtp")
