"""Commands beside a demo speak with its shop: its database, and what it signs, its mail and its provider."""

import json
from pathlib import Path

import pytest

from shop.entrypoints.cli.session import environment_at_hand, settings_at_hand
from shop.entrypoints.demo.home import Home


async def nothing(_shop: object) -> None:
    """There is nothing to settle."""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a demo that was started before, as far as commands look at it."""
    monkeypatch.chdir(tmp_path)
    for name in ("SHOP_DATABASE_URL", "SHOP_SECRET_KEY", "SHOP_MAILBOX", "SHOP_ENV", "SHOP_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    demo = tmp_path / "shop-demo"
    demo.mkdir()
    (demo / "shop.sqlite3").touch()
    (demo / "card.json").write_text(json.dumps({"base_url": "http://127.0.0.1:8123"}), encoding="utf-8")
    return demo


def test_they_have_its_settings(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    demos = Home(folder, 8123, nothing).settings()
    assert settings_at_hand() == demos
    assert demos.secret_key
    assert Path(demos.mailbox) == folder / "mail"
    assert "this is the demo in shop-demo" in capsys.readouterr().err


def test_they_have_them_from_elsewhere(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """As the card says how to watch its events."""
    demos = Home(folder, 8123, nothing).settings()
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    monkeypatch.setenv("SHOP_DATABASE_URL", "sqlite:///../shop-demo/shop.sqlite3")
    found = settings_at_hand()
    assert (found.secret_key, found.base_url) == (demos.secret_key, demos.base_url)
    assert Path(found.mailbox).resolve() == folder / "mail"
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("gone", ["secret", "card.json"])
def test_what_is_gone_is_left_out(folder: Path, gone: str) -> None:
    Home(folder, 8123, nothing).settings()
    (folder / gone).unlink()
    environment = environment_at_hand()
    assert environment["SHOP_DATABASE_URL"].endswith("shop-demo/shop.sqlite3")
    assert ("SHOP_SECRET_KEY" in environment, "SHOP_BASE_URL" in environment) == (gone != "secret", gone == "secret")


@pytest.mark.parametrize("url", ["postgresql://localhost/shop", "sqlite:///shop-demo/other.sqlite3", "memory:"])
def test_another_database_is_another_shop(folder: Path, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOP_DATABASE_URL", url)
    assert environment_at_hand()["SHOP_DATABASE_URL"] == url
    assert "SHOP_SECRET_KEY" not in environment_at_hand()
