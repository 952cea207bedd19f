"""A shop for the length of one command, and the group that turns the shop's errors into words and exit codes."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, TypeVar

import typer
from typer.core import TyperGroup

from shop.domain.kernel.errors import ShopError
from shop.entrypoints.cli.output import exit_code, show_error

# The shop is loaded by the commands that need one: `shop --help` has to be quick.
if TYPE_CHECKING:
    from shop.application.shop import Shop
    from shop.entrypoints.settings import Settings

T = TypeVar("T")
INTERRUPTED = 130


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


def with_shop(work: "Callable[[Shop], Awaitable[T]]") -> T:
    """Opens the shop of the settings, does the work, and closes it. Raises what the work raises, and Unavailable
    where the database cannot be reached or is behind on migrations."""
    from shop.entrypoints.embed import open_shop

    async def run() -> T:
        async with open_shop(read_settings()) as shop:
            return await work(shop)

    return asyncio.run(run())
