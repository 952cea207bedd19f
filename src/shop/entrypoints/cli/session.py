"""A shop for the length of one command, and the group that turns the shop's errors into words and exit codes."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import typer
from typer.core import TyperGroup

from shop.domain.kernel.errors import ShopError
from shop.entrypoints.cli.output import exit_code, say, show_error

# The shop is loaded by the commands that need one: `shop --help` has to be quick.
if TYPE_CHECKING:
    from shop.application.shop import Shop
    from shop.entrypoints.settings import Settings

T = TypeVar("T")
INTERRUPTED = 130
_OWN, _DEMO = Path("shop.sqlite3"), Path("shop-demo") / "shop.sqlite3"


class ShopCommands(TyperGroup):
    """Commands whose refusals are told in words."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except ShopError as error:
            show_error(error)
            raise typer.Exit(exit_code(error)) from None
        except KeyboardInterrupt:
            raise typer.Exit(INTERRUPTED) from None


def commands(help: str) -> typer.Typer:
    """A group of commands."""
    return typer.Typer(help=help, no_args_is_help=True, pretty_exceptions_enable=False, add_completion=False)


def read_settings() -> "Settings":
    """What the environment says. Raises SettingsWrong."""
    from shop.entrypoints.settings import Settings

    return Settings.from_environment()


def environment_at_hand() -> dict[str, str]:
    """The environment. Where it names the database of a demo, or none and nothing but a demo lives in this folder, with
    all that is the demo's own: what it signs, its mail, its provider."""
    from shop.entrypoints.demo_settings import demo_settings_found, demo_with

    environment = dict(os.environ)
    url = environment.get("SHOP_DATABASE_URL", "")
    demo = demo_with(url)
    if not url and _DEMO.exists() and not _OWN.exists():
        demo = _DEMO.parent
        say(f"SHOP_DATABASE_URL is not set: this is the demo in {demo}.")
    return environment | demo_settings_found(demo) if demo is not None else environment


def settings_at_hand() -> "Settings":
    """The settings of the shop that is at hand. Raises SettingsWrong."""
    from shop.entrypoints.settings import Settings

    return Settings.from_environment(environment_at_hand())


def with_shop(work: "Callable[[Shop], Awaitable[T]]", settings: "Settings | None" = None) -> T:
    """Opens the shop that is at hand, does the work, and closes it. Raises what the work raises, and Unavailable
    where the database cannot be reached or is behind on migrations."""
    from shop.entrypoints.embed import open_shop

    chosen = settings or settings_at_hand()

    async def run() -> T:
        async with open_shop(chosen) as shop:
            shop.source = "cli"
            return await work(shop)

    return asyncio.run(run())
