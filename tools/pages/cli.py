"""docs/reference/cli.md, from what `shop --help` says."""

from collections.abc import Iterator
from typing import Any

from typer.main import get_command
from typer.testing import CliRunner

from shop.entrypoints.cli.app import app
from tools.pages.page import Page

_ABOUT = """
Everything that can be typed. Settings are environment variables ([settings.md](settings.md)). Lists and things are
tables for people; piped, or with `--json`, they are JSON. Exit codes are 0 when it was done, 1 when something failed,
and by kind of error 2 to 6 ([problems.md](problems.md)); `shop api` has its own: 1 refused, 2 not reached or not asked
properly.
"""


def _commands(command: Any, words: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The words of every command, groups before what is in them."""
    yield words
    for name, child in getattr(command, "commands", {}).items():
        yield from _commands(child, (*words, name))


def _help(words: tuple[str, ...]) -> str:
    result = CliRunner().invoke(app, [*words, "--help"], prog_name="shop", env={"COLUMNS": "80"}, color=False)
    assert result.exit_code == 0, result.output
    return "\n".join(line.rstrip() for line in result.stdout.strip().splitlines())


def _body() -> str:
    return "\n".join(
        f"{'##' if len(words) < 2 else '###'} `{' '.join(('shop', *words))}`\n\n```text\n{_help(words)}\n```\n"
        for words in _commands(get_command(app))
    )


CLI = Page("cli.md", "The command line", _ABOUT, "`src/shop/entrypoints/cli`", _body)
