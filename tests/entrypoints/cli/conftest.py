"""A shop of its own for each test of the command line, and a way to type commands at it."""

import asyncio
import json
import os
import shutil
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

import pytest
from attrs import frozen
from typer.testing import CliRunner

from shop.application.shop import Shop
from shop.entrypoints.cli.app import app
from shop.entrypoints.demo.seed import configuration
from shop.entrypoints.embed import open_shop
from shop.entrypoints.settings import Settings

T = TypeVar("T")


@frozen
class Typed:
    """What a command said, and how it ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


class Terminal:
    """A folder in which commands are typed, with a SQLite shop."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.file = folder / "shop.sqlite3"
        self.settings = Settings.from_environment({"SHOP_DATABASE_URL": f"sqlite:///{self.file}"})

    def type(self, *words: str, input: str = "") -> Typed:
        """Runs `shop` with these words."""
        result = CliRunner().invoke(app, list(words), input=input)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return Typed(result.exit_code, result.stdout, result.stderr)

    def shop(self, work: Callable[[Shop], Awaitable[T]]) -> T:
        """Does something with the shop beside the command line."""

        async def run() -> T:
            async with open_shop(self.settings) as shop:
                return await work(shop)

        return asyncio.run(run())


@pytest.fixture
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """Before the database has any tables."""
    terminal = Terminal(tmp_path)
    for name in [name for name in os.environ if name.startswith("SHOP_")]:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SHOP_DATABASE_URL", terminal.settings.database_url)
    monkeypatch.chdir(tmp_path)
    return terminal


@pytest.fixture(scope="session")
def configured(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of a shop with settings, to be copied."""
    terminal = Terminal(tmp_path_factory.mktemp("configured"))
    shutil.copy(sqlite_template, terminal.file)

    async def configure(shop: Shop) -> None:
        await shop.execute(configuration())

    terminal.shop(configure)
    return terminal.file


@pytest.fixture
def terminal(bare: Terminal, configured: Path) -> Terminal:
    """With tables and settings, and nothing on sale yet."""
    shutil.copy(configured, bare.file)
    return bare
