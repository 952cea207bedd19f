"""`shop reconcile`: whether the shop's books and the provider's say the same, and putting right what does not."""

from collections import Counter
from typing import TYPE_CHECKING, Annotated

import typer

from shop.entrypoints.cli.output import EXIT_FAILED, AsJson, console, for_people, plain, print_json, read_moment, say
from shop.entrypoints.cli.session import with_shop

# The shop is loaded by the commands that need one: `shop --help` has to be quick.
if TYPE_CHECKING:
    from shop.application.ports.views import ReconciliationView
    from shop.application.shop import Shop

_REPAIRS = {
    "charge_unmatched": "let the order that the money was asked for have it, if that order is still there",
    "currency_differs": "ask the provider how it stands, and follow that",
    "amount_differs": "ask the provider how it stands, and follow that",
    "state_differs": "ask the provider how it stands, and follow that",
    "ledger_differs": "book the entry that is missing, if one is missing",
    "message_missing": "take the message from the provider's list, as if it had just come",
    "fee_missing": "book the fee as the provider says it",
    "fee_differs": "book what the ledger lacks of the provider's fee, or has too much of it",
    "payout_missing": "book the payout, or its coming back, as the provider says it",
    "payout_differs": "book what the ledger lacks of the payout, or has too much of it",
    "dispute_missing": "ask the provider for the disputes of the payment, and book what is not in the ledger",
    "stock_differs": "set the level to what its movements come to",
}


def reconcile(
    since: Annotated[str, typer.Option("--since", help="From when: 2h, 4d, or 2026-11-21T00:00:00Z.")] = "2h",
    until: Annotated[str, typer.Option("--until", help="Up to when; now if left out.")] = "",
    limit: Annotated[int, typer.Option("--limit", min=1, max=1000, help="How many findings at most.")] = 100,
    heal: Annotated[
        bool, typer.Option("--heal", help="Put right what asking the provider again puts right, as the worker does.")
    ] = False,
    repair: Annotated[str, typer.Option("--repair", help="Put one finding right, by its id; says first how.")] = "",
    yes: Annotated[bool, typer.Option("--yes", help="With --repair: do it.")] = False,
    metrics: Annotated[bool, typer.Option("--metrics", help="Print gauges for Prometheus instead.")] = False,
    as_json: AsJson = False,
) -> None:
    """Compare the shop's books with the provider's, and with each other: exit code 1 if anything differs."""
    if repair:
        _repair(repair, yes=yes)
        return

    async def compare(shop: "Shop") -> "ReconciliationView":
        return await _report(shop, since, until, limit, heal=heal)

    if for_people(as_json) and not metrics:
        with console(errors=True).status("Comparing with the provider …"):
            report = with_shop(compare)
        _tell(report)
    else:
        report = with_shop(compare)
        if metrics:
            typer.echo(gauges(report), nl=False)
        else:
            print_json(plain(report))
    if not report.clean:
        raise typer.Exit(EXIT_FAILED)


def gauges(report: "ReconciliationView") -> str:
    """The report as Prometheus reads it: how many findings of each kind, and how much was looked at."""
    from shop.application.findings import FindingKind

    kinds = Counter(finding.kind for finding in report.findings)
    looked_at = {
        "intents": report.intents,
        "payments": report.payments,
        "messages": report.messages,
        "levels": report.levels,
        "transactions": report.transactions,
        "payouts": report.payouts,
    }
    lines = ["# HELP shop_reconciliation_findings What does not agree.", "# TYPE shop_reconciliation_findings gauge"]
    lines += [f'shop_reconciliation_findings{{kind="{kind}"}} {kinds[kind]}' for kind in FindingKind]
    lines += [
        "# HELP shop_reconciliation_compared How much was looked at.",
        "# TYPE shop_reconciliation_compared gauge",
    ]
    lines += [f'shop_reconciliation_compared{{what="{what}"}} {number}' for what, number in looked_at.items()]
    return "\n".join(lines) + "\n"


async def _report(shop: "Shop", since: str, until: str, limit: int, *, heal: bool) -> "ReconciliationView":
    from shop.application.commands.balance import BookBalance
    from shop.application.commands.reconciliation import RepairFinding
    from shop.application.queries.reconciliation import Reconcile
    from shop.domain.kernel.errors import ShopError

    now = shop.ports.clock.now()
    begin, end = read_moment(since, now), read_moment(until, now) if until else now
    query = Reconcile(since=begin, until=end, limit=limit)
    if heal:
        # Fees and payouts by the hundred, instead of one by one.
        await shop.execute(BookBalance(since=begin, until=end, catch_up=True))
    report = await shop.ask(query)
    healing = [finding.id for finding in report.findings if finding.healing] if heal else []
    for finding in healing:
        try:
            await shop.execute(RepairFinding(finding=finding))
        except ShopError as trouble:
            say(f"{finding}: {trouble.detail}")
    return await shop.ask(query) if healing else report


def _repair(finding: str, *, yes: bool) -> None:
    kind = finding.partition(":")[0]
    if kind in _REPAIRS and not yes:
        say(f"This would {_REPAIRS[kind]}. Nothing was done; add --yes to do it.")
        return
    from shop.application.commands.reconciliation import RepairFinding

    async def put_right(shop: "Shop") -> None:
        await shop.execute(RepairFinding(finding=finding))

    with_shop(put_right)
    say(f"{finding} is put right.")


def _tell(report: "ReconciliationView") -> None:
    from rich.markup import escape

    out = console()
    looked = (
        f"{report.payments} payments, {report.messages} messages, {report.transactions} movements of money, "
        f"{report.payouts} payouts and {report.levels} levels"
    )
    if not report.compared:
        out.print(f"[yellow]·[/yellow] {report.provider} has no lists to compare with", soft_wrap=True)
    if report.clean:
        out.print(f"[green]✓[/green] {looked} were looked at, and everything agrees")
        return
    for finding in report.findings:
        out.print(f"[red]✗[/red] {escape(finding.id)}", soft_wrap=True)
        out.print(f"  {escape(finding.detail)}", soft_wrap=True)
        out.print(f"  [dim]{escape(finding.repair or 'For people: docs/how-to/reconcile.md')}[/dim]", soft_wrap=True)
    more = ", and there may be more" if report.truncated else ""
    out.print(f"{looked} were looked at; {len(report.findings)} findings{more}")
