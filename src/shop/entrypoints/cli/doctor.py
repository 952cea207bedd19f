"""`shop doctor`: whether all is well, and what helps where it is not."""

from typing import Annotated

import typer

from shop.entrypoints.cli.output import EXIT_FAILED, AsJson, console, for_people, print_json
from shop.entrypoints.cli.session import environment_at_hand


def doctor(
    as_json: AsJson = False,
    books: Annotated[bool, typer.Option(help="Add up stock, reservations and ledger of the whole shop too.")] = True,
) -> None:
    """Check settings, database, Redis, payments, stock, ledger and events: exit code 1 if anything fails."""
    import asyncio

    from shop.entrypoints.cli.checks.examination import Verdict, examine

    findings = asyncio.run(examine(environment_at_hand(), books=books))
    if for_people(as_json):
        from rich.markup import escape

        marks = {Verdict.FINE: "[green]✓[/green]", Verdict.NOTE: "[yellow]·[/yellow]", Verdict.WRONG: "[red]✗[/red]"}
        out = console()
        for finding in findings:
            out.print(f"{marks[finding.verdict]} {finding.check}: {escape(finding.detail)}", soft_wrap=True)
            if finding.hint and finding.verdict is not Verdict.FINE:
                out.print(f"  [dim]{escape(finding.hint)}[/dim]", soft_wrap=True)
    else:
        print_json([{"check": f.check, "verdict": f.verdict, "detail": f.detail, "hint": f.hint} for f in findings])
    if any(finding.verdict is Verdict.WRONG for finding in findings):
        raise typer.Exit(EXIT_FAILED)
