"""`shop mail`: what the shop wrote to people, where a mailbox keeps it instead of sending it."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer
from attrs import frozen

from shop.domain.kernel.errors import Invalid, NotFound
from shop.entrypoints.cli.output import AsJson, Columns, Limit, for_people, moment, print_json, say, show_list
from shop.entrypoints.cli.session import commands, with_shop

# The shop is loaded by the commands that need one: `shop --help` has to be quick.
if TYPE_CHECKING:
    from shop.application.ports.notifications import SentNotification
    from shop.application.shop import Shop

app = commands("What the shop wrote to people, where SHOP_MAIL=mailbox keeps it.")
_KEPT_MAX = 1000


class NoMailbox(Invalid):
    """Mail is sent, not kept: its readers have it."""

    code = "no_mailbox"
    title = "This shop keeps no mail"
    default_hint = "SHOP_MAIL=mailbox keeps mail in a folder and sends none: for a demo and for trying things out."


@frozen(kw_only=True)
class ListedMail:
    """A mail in a list: what it says is shown only when it is asked for, since it may sign somebody in."""

    number: int
    at: datetime
    kind: str
    to: str
    subject: str


@app.command("list")
def list_mail(limit: Limit = 20, as_json: AsJson = False) -> None:
    """List the latest mail, newest first."""
    rows = [
        ListedMail(number=number, at=sent.at, kind=mail.kind, to=mail.to, subject=mail.subject)
        for number, sent in enumerate(_mail(limit), start=1)
        for mail in (sent.notification,)
    ]
    columns: Columns = {
        "number": lambda row: str(row["number"]),
        "at": lambda row: moment(row["at"]),
        "kind": lambda row: row["kind"],
        "to": lambda row: row["to"],
        "subject": lambda row: row["subject"],
    }
    show_list(rows, columns, as_json=as_json, nothing="No mail yet.")


@app.command()
def show(
    number: Annotated[
        int, typer.Argument(min=1, max=_KEPT_MAX, help="As `shop mail list` shows it: 1 is the newest.")
    ] = 1,
    as_json: AsJson = False,
) -> None:
    """Show one mail: its text, with the links in it."""
    found = _mail(number)
    if len(found) < number:
        raise NotFound(f"There is no mail number {number}.")
    sent = found[-1]
    mail = sent.notification
    if for_people(as_json):
        say(f"To: {mail.to}\nSubject: {mail.subject}\nDate: {moment(sent.at)}\n")
        typer.echo(mail.text)
    else:
        told = {"kind": mail.kind, "to": mail.to, "subject": mail.subject, "text": mail.text, "html": mail.html}
        print_json({"at": sent.at, **told})


def _mail(limit: int) -> "list[SentNotification]":
    from shop.application.ports.notifications import Mailbox

    async def look(shop: "Shop") -> "list[SentNotification]":
        mailbox = shop.ports.notifier
        if not isinstance(mailbox, Mailbox):
            raise NoMailbox
        return await mailbox.sent(limit)

    return with_shop(look)
