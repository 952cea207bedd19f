"""`shop audit`: who did what, and whether that has been tampered with."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from shop.entrypoints.cli.output import (
    EXIT_FAILED,
    After,
    AsJson,
    Limit,
    console,
    for_people,
    print_json,
    readable,
    say,
    show_list,
)
from shop.entrypoints.cli.session import commands, with_shop

# The shop is loaded by the commands that need one: `shop --help` has to be quick.
if TYPE_CHECKING:
    from shop.application.auditing import Verification
    from shop.application.ports.audit import Link
    from shop.application.ports.paging import Page
    from shop.application.ports.views import AuditEntryView
    from shop.application.shop import Shop

app = commands("Who did what, and whether that has been tampered with.")


@app.command()
def tail(
    actor: Annotated[str, typer.Option("--actor", help="Only of this person or key, by id.")] = "",
    subject: Annotated[str, typer.Option("--subject", help="Only about this thing, by id.")] = "",
    action: Annotated[str, typer.Option("--action", help="Only of this command, such as AdjustStock.")] = "",
    limit: Limit = 20,
    after: After = "",
    as_json: AsJson = False,
) -> None:
    """Show the latest entries of the audit log, the latest first."""
    from shop.application.ports.audit import AuditFilter
    from shop.application.ports.paging import PageRequest
    from shop.application.queries.audit import GetAuditLog

    page = PageRequest(limit=limit, after=after or None)
    narrowed = AuditFilter(actor=actor, subject=subject, action=action)

    async def ask(shop: "Shop") -> "Page[AuditEntryView]":
        return await shop.ask(GetAuditLog(page=page, narrowed=narrowed))

    found = with_shop(ask)
    columns = {
        "at": lambda entry: f"{entry['at']:%Y-%m-%d %H:%M:%S}",
        "who": lambda entry: entry["actor_id"] or entry["actor"],
        "from": lambda entry: entry["source"],
        "what": lambda entry: entry["action"],
        "changes": lambda entry: "\n".join(map(_told, entry["changes"])),
        "sealed": lambda entry: entry["position"] or "",
    }
    show_list(found.data, columns, as_json=as_json, next_page=found.next, nothing="Nothing was done yet.")


@app.command()
def seal() -> None:
    """Seal every entry that is not sealed yet, as the worker does for new ones every few seconds."""
    from shop.application.commands.audit import SealAuditLog

    async def all_of_it(shop: "Shop") -> int:
        count = 0
        while sealed := await shop.execute(SealAuditLog(everything=True)):
            count += sealed
        return count

    say(f"{with_shop(all_of_it)} entries were sealed.")


@app.command()
def verify(
    anchor: Annotated[
        str, typer.Option("--anchor", help="A link that was noted elsewhere, POSITION:HASH: it must still be there.")
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Walk along the whole chain of the audit log: exit code 1 if anything in it is not as it was sealed."""
    people = for_people(as_json)
    noted = _link(anchor) if anchor else None

    async def walk(shop: "Shop") -> "Verification":
        return await _walk(shop, noted, people)

    found = with_shop(walk)
    tip = f"{found.sealed}:{found.tip.hex()}"
    flaws = [{"position": flaw.position, "detail": flaw.detail} for flaw in found.flaws]
    if people:
        _tell(found, tip)
    else:
        waiting = {"unsealed": found.unsealed, "overdue": found.overdue}
        print_json({"fine": found.fine, "sealed": found.sealed, "anchor": tip, **waiting, "flaws": flaws})
    if not found.fine:
        raise typer.Exit(EXIT_FAILED)


async def _walk(shop: "Shop", noted: "Link | None", people: bool) -> "Verification":
    from shop.application import auditing

    trail, now = shop.ports.storage.audit, shop.ports.clock.now()
    if not people:
        return await auditing.verify(trail, now, anchor=noted)
    with console(errors=True).status("Walking along the chain …") as status:
        return await auditing.verify(
            trail,
            now,
            anchor=noted,
            progress=lambda sealed: status.update(f"Walking along the chain … {sealed} entries"),
        )


def _tell(found: "Verification", tip: str) -> None:
    from rich.markup import escape

    out = console()
    for flaw in found.flaws:
        out.print(f"[red]✗[/red] {flaw.position}: {escape(flaw.detail)}", soft_wrap=True)
    if found.fine:
        out.print(f"[green]✓[/green] {found.sealed} entries are as they were sealed", soft_wrap=True)
    if found.overdue:
        out.print(f"[yellow]·[/yellow] {found.overdue} entries or more wait for over an hour: shop audit seal")
    out.print(f"  [dim]Note this elsewhere, for --anchor: {tip}[/dim]", soft_wrap=True)


def _link(text: str) -> "Link":
    from uuid import UUID

    from shop.application.ports.audit import Link
    from shop.domain.kernel.errors import Invalid
    from shop.domain.kernel.identifiers import AuditEntryId

    position, _, digest = text.partition(":")
    try:
        return Link(position=int(position), entry_id=AuditEntryId(UUID(int=0)), hash=bytes.fromhex(digest))
    except ValueError:
        raise Invalid(f"“{text[:80]}” is no POSITION:HASH.") from None


def _told(change: dict[str, Any]) -> str:
    before, after = readable(change["before"]).replace("\n", ", "), readable(change["after"]).replace("\n", ", ")
    arrow = f"{before} → {after}" if before else after
    return f"{change['subject_id']} {change['field']}: {arrow}"
