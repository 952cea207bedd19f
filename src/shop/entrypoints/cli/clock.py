"""`shop clock`: what time it is for the shop, and moving it ahead to see what happens then."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from shop.entrypoints.cli.output import AsJson, Columns, draw, for_people, moment, plain, print_json, say, show_one
from shop.entrypoints.cli.session import commands, settings_at_hand, with_shop

# The shop is loaded by the commands that need one: `shop --help` has to be quick.
if TYPE_CHECKING:
    from shop.application.ports.views import ClockView
    from shop.application.shop import Shop

app = commands("What time it is for the shop; outside production it can be moved ahead.")


@app.command()
def show(as_json: AsJson = False) -> None:
    """Show what time it is for the shop, and how far that is ahead."""
    show_one(with_shop(_clock), as_json=as_json)


@app.command()
def advance(
    by: Annotated[str, typer.Argument(help="How far: 30d, 12h, P30D, or a moment: 2026-12-24T00:00:00Z.")],
    as_json: AsJson = False,
) -> None:
    """Move the clock ahead, a day at a time, and do what is due on each: holds run out, subscriptions renew."""
    from shop.entrypoints import run

    moved = plain(run.advance(settings_at_hand(), lambda now: _moment(by, now)))
    if not for_people(as_json):
        print_json(moved)
        return
    if moved["events"]:
        columns: Columns = {
            "at": lambda event: moment(event["at"]),
            "type": lambda event: event["type"],
            "of": lambda event: event["subject_id"],
        }
        draw(columns, moved["events"])
    say(f"It is {moved['now']:%Y-%m-%d %H:%M} for the shop: other processes follow within two seconds.")


@app.command()
def reset() -> None:
    """Put the clock back to the real time. What was planned for later stays planned for then."""
    from shop.application.commands.clock import MoveClock

    async def back(shop: "Shop") -> None:
        await shop.execute(MoveClock(to=None))

    with_shop(back)
    say("The shop tells the real time again: other processes follow within two seconds.")


async def _clock(shop: "Shop") -> "ClockView":
    from shop.application.queries.clock import GetClock

    return await shop.ask(GetClock())


def _moment(text: str, now: datetime) -> datetime:
    from shop.application.commands.clock import read_duration
    from shop.domain.kernel.errors import Invalid

    if "-" not in text:
        return now + read_duration(text)
    try:
        until = datetime.fromisoformat(text)
    except ValueError:
        raise Invalid(f"“{text[:40]}” is no moment such as 2026-12-24T00:00:00Z.") from None
    if until.tzinfo is None:
        raise Invalid("The moment does not say in which time zone it is.", hint="Add Z for UTC.")
    return until
