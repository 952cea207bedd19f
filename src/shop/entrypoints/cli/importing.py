"""`shop import`: bringing a catalogue in from elsewhere, as often as one likes."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from shop.entrypoints.cli.output import EXIT_FAILED, AsJson, console, for_people, print_json
from shop.entrypoints.cli.session import commands, settings_at_hand, with_shop

# The shop and the readers are loaded by the command: `shop --help` has to be quick.
if TYPE_CHECKING:
    from shop.application.shop import Shop
    from shop.entrypoints.cli.imports.records import RowProblem
    from shop.entrypoints.cli.imports.running import Summary

app = commands("Bring a catalogue in from elsewhere.")
_SHOWN_MAX = 50


class Format(StrEnum):
    """Whose file it is."""

    SHOPIFY = "shopify"
    WOOCOMMERCE = "woocommerce"
    VENDURE = "vendure"
    JSON = "json"


@app.callback()
def _imports() -> None:
    """Keeps `products` a command of its own beside those to come."""


@app.command()
def products(
    file: Annotated[Path, typer.Argument(help="The file; .gz is unpacked.")],
    format: Annotated[
        Format | None, typer.Option("--format", help="Whose file it is; without it the file's first line tells.")
    ] = None,
    currency: Annotated[str, typer.Option("--currency", help="Of the file's prices; the shop's own by default.")] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would happen, and write nothing.")] = False,
    as_json: AsJson = False,
) -> None:
    """Import products. Doing it again changes only what the file has changed.

    A product is known again by its handle or SKUs; of what the file says nothing about, nothing changes. An import that
    was interrupted is given again: what is there already is passed over. Exit code 1 when a product could not be
    imported.
    """
    from shop.entrypoints.cli.imports.running import Import, told_format

    people, settings = for_people(as_json), settings_at_hand()

    async def run(shop: "Shop") -> "Summary":
        importing = await Import.prepare(
            shop, file, str(format or told_format(file)), currency=currency, dry_run=dry_run
        )
        return await importing.run(_Progress(people))

    summary = with_shop(run, settings)
    if not people:
        print_json(summary.plain())
    else:
        _show(summary)
    if summary.failed:
        raise typer.Exit(EXIT_FAILED)


class _Progress:
    """A bar for people; nothing for programs."""

    def __init__(self, people: bool) -> None:
        self._people = people
        self._bar: Any = None
        self._shown = 0

    def begin(self, total: int) -> None:
        if self._people:
            from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

            self._bar = Progress(
                "{task.description}",
                BarColumn(),
                MofNCompleteColumn(),
                TimeRemainingColumn(),
                console=console(errors=True),
                transient=True,
            )
            self._bar.start()
            self._task = self._bar.add_task("Importing", total=total)

    def advance(self) -> None:
        if self._bar is not None:
            self._bar.advance(self._task)

    def problem(self, problem: "RowProblem") -> None:
        self._shown += 1
        if not self._people or self._shown > _SHOWN_MAX:
            return
        from rich.markup import escape

        mark = "[red]✗[/red]" if problem.fatal else "[yellow]·[/yellow]"
        column = f", {escape(problem.column)}" if problem.column else ""
        out = self._bar.console if self._bar is not None else console(errors=True)
        out.print(f"{mark} line {problem.line}{column}: {escape(problem.detail)}", soft_wrap=True)
        if self._shown == _SHOWN_MAX:
            out.print("  … and more; --json lists up to a thousand.")

    def end(self) -> None:
        if self._bar is not None:
            self._bar.stop()


def _show(summary: "Summary") -> None:
    out = console()
    would = "would be " if summary.dry_run else ""
    parts = [f"{summary.created} {would}created", f"{summary.updated} {would}updated", f"{summary.unchanged} unchanged"]
    mark = "[red]✗[/red]" if summary.failed else "[green]✓[/green]"
    failed = f", [red]{summary.failed} failed[/red]" if summary.failed else ""
    out.print(f"{mark} {summary.total} products of {summary.file}: {', '.join(parts)}{failed}.", soft_wrap=True)
    if summary.notes:
        out.print(f"  {summary.notes} notes on what was left out or came in otherwise.")
    if summary.dry_run:
        out.print("  Nothing was written.")
