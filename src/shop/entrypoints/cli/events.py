"""`shop events`: what happened, and who has not heard of it yet."""

import asyncio
import contextlib
from typing import TYPE_CHECKING, Annotated, Any

import typer

from shop.entrypoints.cli.output import After, AsJson, Limit, for_people, plain, print_json, say, show_list
from shop.entrypoints.cli.session import commands, with_shop

# The shop is loaded by the commands that need one: `shop --help` has to be quick.
if TYPE_CHECKING:
    from shop.application.ports.paging import Page
    from shop.application.ports.views import EventView
    from shop.application.shop import Shop

app = commands("What happened, and who has not heard of it yet.")

Types = Annotated[list[str] | None, typer.Option("--type", help="Only of this type, such as order.created.")]
PAUSE_SECONDS = 0.5


@app.command("list")
def list_events(
    types: Types = None,
    set_aside: Annotated[
        bool, typer.Option("--set-aside", help="Only those with a delivery that failed for good.")
    ] = False,
    limit: Limit = 20,
    after: After = "",
    as_json: AsJson = False,
) -> None:
    """List events, the latest first, with the state of their deliveries."""
    from shop.application.ports.paging import PageRequest

    page = PageRequest(limit=limit, after=after or None)

    async def ask(shop: "Shop") -> "Page[EventView]":
        return await shop.ports.storage.outbox.events(page, types=types or (), only_set_aside=set_aside)

    found = with_shop(ask)
    columns = {
        "at": lambda event: f"{event['at']:%Y-%m-%d %H:%M:%S}",
        "type": lambda event: event["type"],
        "of": lambda event: event["subject_id"],
        "deliveries": lambda event: "\n".join(_delivery(delivery) for delivery in event["deliveries"]),
        "id": lambda event: event["id"],
    }
    show_list(found.data, columns, as_json=as_json, next_page=found.next, nothing="No events.")


@app.command()
def tail(
    types: Types = None,
    as_json: AsJson = False,
    seconds: Annotated[float, typer.Option("--for", min=0, help="Stop after so many seconds; 0: never.")] = 0,
) -> None:
    """Print events as they happen, until Ctrl+C."""
    people = for_people(as_json)

    async def follow(shop: "Shop") -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds or None):
                await _follow(shop, types or [], people)

    with_shop(follow)


@app.command()
def revive(
    event: Annotated[str, typer.Argument(help="evt_…; leave it out for all.")] = "",
) -> None:
    """Make deliveries that were set aside due again."""
    from shop.domain.kernel.identifiers import EventId

    event_id = EventId.parse(event) if event else None

    async def again(shop: "Shop") -> int:
        return await shop.ports.storage.outbox.revive(event_id, shop.ports.clock.now())

    count = with_shop(again)
    say(f"{count} {'delivery is' if count == 1 else 'deliveries are'} due again.")


async def _follow(shop: "Shop", types: list[str], people: bool) -> None:
    from shop.application.ports.paging import PageRequest

    outbox = shop.ports.storage.outbox
    began = shop.ports.clock.now()
    seen: dict[Any, None] = {}
    while True:
        page = await outbox.events(PageRequest(limit=100), types=types)
        for event in reversed(page.data):
            if event.at >= began and event.id not in seen:
                seen[event.id] = None
                if people:
                    typer.echo(f"{event.at:%H:%M:%S}  {event.type:<26} {event.subject_id}")
                else:
                    print_json(plain(event))
        for old in list(seen)[:-1000]:
            del seen[old]
        await asyncio.sleep(PAUSE_SECONDS)


def _delivery(delivery: dict[str, Any]) -> str:
    problem = f" ({delivery['problem']})" if delivery["problem"] else ""
    return f"{delivery['subscriber']}: {delivery['state']}{problem}"
