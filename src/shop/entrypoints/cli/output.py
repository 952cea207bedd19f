"""What the command line says: tables for people, JSON for programs, one clear block for an error."""

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from shop.domain.kernel.errors import Conflict, Forbidden, Invalid, NotFound, ShopError, Unavailable

# Libraries that draw tables or write JSON are loaded by what uses them: `shop --help` has to be quick.
if TYPE_CHECKING:
    from rich.console import Console

EXIT_CODES: tuple[tuple[type[ShopError], int], ...] = (
    (Invalid, 2),
    (NotFound, 3),
    (Conflict, 4),
    (Forbidden, 5),
    (Unavailable, 6),
)
EXIT_FAILED = 1

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, as is done anyhow when the output is piped.")]
Limit = Annotated[int, typer.Option("--limit", min=1, max=100, help="How many at most.")]
After = Annotated[str, typer.Option("--after", help="Go on after this cursor of the page before.")]


def exit_code(error: ShopError) -> int:
    """By the error's kind: invalid 2, not found 3, conflict 4, forbidden 5, unavailable 6."""
    return next((code for kind, code in EXIT_CODES if isinstance(error, kind)), EXIT_FAILED)


def for_people(as_json: bool) -> bool:
    """Whether somebody looks at the output, and did not ask for JSON."""
    return not as_json and sys.stdout.isatty()


def console(*, errors: bool = False) -> "Console":
    from rich.console import Console

    return Console(stderr=errors, highlight=False)


def say(text: str) -> None:
    """A line for people: on stderr, so that it never gets between JSON."""
    typer.echo(text, err=True)


def print_json(value: Any) -> None:
    """Compact, one line: made for programs."""
    import msgspec

    sys.stdout.write(msgspec.json.encode(value).decode() + "\n")


def plain(view: Any) -> dict[str, Any]:
    """The view as the HTTP API shows it."""
    from shop.entrypoints.representation import representation

    return representation().plain(view)


Columns = Mapping[str, Callable[[dict[str, Any]], Any]]


def show_list(
    rows: Sequence[Any], columns: Columns, *, as_json: bool, next_page: str | None = None, nothing: str = "Nothing."
) -> None:
    """Views as a table of these columns, or as `{"data": […], "next": …}`."""
    plains = [plain(row) for row in rows]
    if not for_people(as_json):
        print_json({"data": plains, "next": next_page})
        return
    if not plains:
        say(nothing)
        return
    draw(columns, plains)
    if next_page:
        say(f"There is more: --after {next_page}")


def draw(columns: Columns, rows: Iterable[dict[str, Any]]) -> None:
    """A table without lines."""
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="dim")
    for name in columns:
        table.add_column(name, overflow="fold")
    for row in rows:
        table.add_row(*(str(value(row) if value(row) is not None else "") for value in columns.values()))
    console().print(table)


def show_one(view: Any, *, as_json: bool) -> None:
    """One view: its fields below each other, or its JSON."""
    shown = view if isinstance(view, dict) else plain(view)
    if not for_people(as_json):
        print_json(shown)
        return
    from rich.table import Table

    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(style="dim")
    table.add_column(overflow="fold")
    for name, value in shown.items():
        table.add_row(name, readable(value))
    console().print(table)


def readable(value: Any) -> str:
    """A value of a view as a person reads it."""
    if isinstance(value, dict) and "display" in value:
        return str(value["display"])
    if isinstance(value, dict):
        return "\n".join(f"{name}: {readable(part)}" for name, part in value.items() if part not in (None, "", [], {}))
    if isinstance(value, list | tuple):
        return "\n".join(readable(part).replace("\n", ", ") for part in value)
    return "" if value is None else str(value)


def moment(value: Any) -> str:
    """A time to the minute, in UTC."""
    return f"{value:%Y-%m-%d %H:%M}" if value is not None else ""


def read_moment(text: str, now: datetime) -> datetime:
    """A moment, or so long before now. Raises Invalid."""
    from shop.application.commands.clock import read_duration
    from shop.domain.kernel.errors import Invalid

    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return now - read_duration(text)
    try:
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except OverflowError:
        raise Invalid(f"“{text[:40]}” is further away than time reaches.") from None


def show_error(error: ShopError) -> None:
    """What went wrong, where, and what to do about it. Never a traceback: that is for our own mistakes."""
    from rich.markup import escape

    out = console(errors=True)
    out.print(f"[red]✗[/red] [bold]{escape(error.code)}[/bold]: {escape(error.detail)}", soft_wrap=True)
    for flaw in error.flaws:
        out.print(f"  {escape(flaw.pointer)}  {escape(flaw.detail)}", soft_wrap=True)
    if hint := hint_of(error):
        out.print(f"  [dim]{escape(hint)}[/dim]", soft_wrap=True)


def hint_of(error: ShopError) -> str:
    """What to do about it, for somebody who sits at the machine: the usual hint about outages is for programs."""
    from shop.domain.kernel.errors import Unavailable

    if error.hint != Unavailable.default_hint:
        return error.hint
    return "Does it run, and is its address right (SHOP_DATABASE_URL, SHOP_REDIS_URL)? A damaged file needs its backup."
