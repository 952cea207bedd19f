"""`shop payments disputes`, `inbox` and their like: what banks ask, and what providers told us."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from shop.entrypoints.cli.output import After, AsJson, Limit, moment, say, show_list, show_one
from shop.entrypoints.cli.payments import members
from shop.entrypoints.cli.session import commands, with_shop

# The shop is loaded by the commands that need one: `shop --help` has to be quick.
if TYPE_CHECKING:
    from shop.application.ports.paging import Page
    from shop.application.ports.payments import EvidenceKind
    from shop.application.ports.views import DisputeView, InboxItemView, PaymentView
    from shop.application.shop import Shop
    from shop.domain.kernel.identifiers import InboxId

DisputeName = Annotated[str, typer.Argument(help="dispute_…")]
disputes = commands("What banks ask and decide.")
inbox = commands("What payment providers told us.")


@disputes.command("list")
def list_disputes(
    status: Annotated[list[str] | None, typer.Option("--status", help="needs_response, lost, …")] = None,
    limit: Limit = 20,
    after: After = "",
    as_json: AsJson = False,
) -> None:
    """List disputes and inquiries, the newest first."""
    from shop.application.ports.paging import PageRequest
    from shop.application.ports.readers import DisputeFilter
    from shop.application.queries.disputes import GetDisputes
    from shop.domain.payments import DisputeStatus

    which = DisputeFilter(statuses=frozenset(members(DisputeStatus, status)))

    async def ask(shop: "Shop") -> "Page[DisputeView]":
        return await shop.ask(GetDisputes(which=which, page=PageRequest(limit=limit, after=after or None)))

    found = with_shop(ask)
    columns = {
        "amount": lambda one: one["amount"]["display"],
        "status": lambda one: one["status"],
        "reason": lambda one: one["reason"],
        "taken": lambda one: one["taken"]["display"],
        "evidence due": lambda one: moment(one["due_at"]) if one["due_at"] else "",
        "id": lambda one: one["id"],
    }
    show_list(found.data, columns, as_json=as_json, next_page=found.next, nothing="No disputes.")


@disputes.command("show")
def show_dispute(dispute: DisputeName, as_json: AsJson = False) -> None:
    """Show how a dispute stands, and what it costs."""
    from shop.application.queries.disputes import GetDispute
    from shop.domain.kernel.identifiers import DisputeId

    async def ask(shop: "Shop") -> "DisputeView":
        return await shop.ask(GetDispute(dispute_id=DisputeId.parse(dispute)))

    show_one(with_shop(ask), as_json=as_json)


@disputes.command("answer")
def answer_dispute(
    dispute: DisputeName,
    says: Annotated[list[str], typer.Argument(help="What speaks for the shop, such as shipping_tracking_number=0034…")],
    draft: Annotated[bool, typer.Option("--draft", help="Leave it with the provider; do not send it yet.")] = False,
    as_json: AsJson = False,
) -> None:
    """Give the bank evidence, mostly only once. A value that begins with @ is the name of a file to read."""
    from shop.application.commands.disputes import SubmitDisputeEvidence
    from shop.application.queries.disputes import GetDispute
    from shop.domain.kernel.identifiers import DisputeId

    command = SubmitDisputeEvidence(
        dispute_id=DisputeId.parse(dispute), evidence=dict(map(_evidence, says)), submit=not draft
    )

    async def send(shop: "Shop") -> "DisputeView":
        return await shop.ask(GetDispute(dispute_id=await shop.execute(command)))

    show_one(with_shop(send), as_json=as_json)


@inbox.command("list")
def list_messages(
    state: Annotated[list[str] | None, typer.Option("--state", help="parked, applied, …")] = None,
    limit: Limit = 20,
    after: After = "",
    as_json: AsJson = False,
) -> None:
    """List what payment providers told us, the latest first; what is parked waits for people."""
    from shop.application.ports.paging import PageRequest
    from shop.application.ports.readers import InboxFilter
    from shop.application.queries.disputes import GetInbox
    from shop.domain.payments import InboxState

    which = InboxFilter(states=frozenset(members(InboxState, state)))

    async def ask(shop: "Shop") -> "Page[InboxItemView]":
        return await shop.ask(GetInbox(which=which, page=PageRequest(limit=limit, after=after or None)))

    found = with_shop(ask)
    columns = {
        "received": lambda one: moment(one["received_at"]),
        "state": lambda one: one["state"],
        "type": lambda one: one["event_type"],
        "about": lambda one: one["object_ref"],
        "message": lambda one: one["event_ref"],
    }
    show_list(found.data, columns, as_json=as_json, next_page=found.next, nothing="No messages.")


@inbox.command("replay")
def replay_message(
    message: Annotated[str, typer.Argument(help="evt_… as the provider names it, or inbox_…")], as_json: AsJson = False
) -> None:
    """Look at a message once more: ask the provider how things stand now. Doing that again is safe."""
    from shop.application.commands.payments import ReplayProviderNews
    from shop.application.queries.disputes import GetInboxItem

    async def replay(shop: "Shop") -> "InboxItemView":
        inbox_id = await shop.execute(ReplayProviderNews(inbox_id=await _named(shop, message)))
        return await shop.ask(GetInboxItem(inbox_id=inbox_id))

    show_one(with_shop(replay), as_json=as_json)


def simulate(
    payment: Annotated[str, typer.Argument(help="pay_…")],
    outcome: Annotated[str, typer.Argument(help="succeed, decline, dispute, win, lose, inquiry, fraud_warning, …")],
    as_json: AsJson = False,
) -> None:
    """Play shopper and bank to a payment of the fake provider; never in production."""
    from shop.application.commands.simulation import SimulatePayment
    from shop.application.ports.payments import Simulation
    from shop.application.queries.payments import GetPayment
    from shop.domain.kernel.identifiers import PaymentId

    [what] = members(Simulation, [outcome])
    command = SimulatePayment(payment_id=PaymentId.parse(payment), what=what)

    async def play(shop: "Shop") -> "PaymentView":
        return await shop.ask(GetPayment(payment_id=await shop.execute(command)))

    show_one(with_shop(play), as_json=as_json)


def add_to(payments: typer.Typer) -> None:
    """Puts these beside the other commands about payments."""
    payments.add_typer(disputes, name="disputes")
    payments.add_typer(inbox, name="inbox")
    payments.command("simulate")(simulate)


async def _named(shop: "Shop", name: str) -> "InboxId":
    """The message of this name: the provider's or ours. Raises NotFound."""
    from shop.application.ports.readers import InboxFilter
    from shop.application.queries.disputes import GetInbox
    from shop.domain.kernel.errors import NotFound
    from shop.domain.kernel.identifiers import InboxId

    if name.startswith(f"{InboxId.prefix}_"):
        return InboxId.parse(name)
    found = await shop.ask(GetInbox(which=InboxFilter(event_ref=name)))
    if not found.data:
        raise NotFound(f"No provider told us {name[:80]}.")
    if len(found.data) > 1:
        say("Several providers have a message of this name: the latest is taken.")
    return found.data[0].id


def _evidence(said: str) -> "tuple[EvidenceKind, str]":
    from shop.application.ports.payments import EvidenceKind
    from shop.domain.kernel.errors import Invalid

    name, equals, text = said.partition("=")
    if not equals:
        raise Invalid(f"“{said[:40]}” is not of the form kind=text.")
    [kind] = members(EvidenceKind, [name])
    try:
        return kind, Path(text[1:]).read_text(encoding="utf-8") if text.startswith("@") else text
    except (OSError, UnicodeDecodeError) as error:
        raise Invalid(f"{text[1:]} cannot be read.") from error
