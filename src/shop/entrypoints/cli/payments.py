"""`shop payments` and `shop ledger`: what was taken, what goes back, and what the books say of it."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from shop.entrypoints.cli.output import (
    After,
    AsJson,
    Limit,
    moment,
    plain,
    print_json,
    read_moment,
    say,
    show_list,
    show_one,
)
from shop.entrypoints.cli.session import commands, with_shop

# The shop is loaded by the commands that need one: `shop --help` has to be quick.
if TYPE_CHECKING:
    from datetime import datetime

    from shop.application.commands.refunds import RequestRefund
    from shop.application.messages import Command
    from shop.application.ports.paging import Page
    from shop.application.ports.views import (
        LedgerEntryView,
        PaymentStatisticsView,
        PaymentView,
        PayoutView,
        RefundView,
    )
    from shop.application.shop import Shop
    from shop.domain.kernel.identifiers import PaymentId, RefundId
    from shop.domain.kernel.money import Money

app = commands("What was taken, and what goes back.")
ledger = commands("The books.")

Since = Annotated[str, typer.Option("--since", help="From when: 2h, 30d, or 2026-11-21T00:00:00Z.")]
Until = Annotated[str, typer.Option("--until", help="Up to when; now if left out.")]
PaymentName = Annotated[str, typer.Argument(help="pay_…")]
RefundName = Annotated[str, typer.Argument(help="refund_…")]
OrderName = Annotated[str, typer.Argument(help="order_…")]


@app.command("list")
def list_payments(
    status: Annotated[list[str] | None, typer.Option("--status", help="captured, failed, …")] = None,
    provider: Annotated[str, typer.Option("--provider", help="Of this provider.")] = "",
    declined: Annotated[str, typer.Option("--declined", help="Last declined for this reason: card_declined, …")] = "",
    limit: Limit = 20,
    after: After = "",
    as_json: AsJson = False,
) -> None:
    """List payments, the newest first."""
    from shop.application.ports.paging import PageRequest
    from shop.application.ports.readers import PaymentFilter
    from shop.application.queries.payments import GetPayments
    from shop.domain.payments import AttemptStatus

    which = PaymentFilter(statuses=frozenset(members(AttemptStatus, status)), provider=provider, failure_code=declined)

    async def ask(shop: "Shop") -> "Page[PaymentView]":
        return await shop.ask(GetPayments(which=which, page=PageRequest(limit=limit, after=after or None)))

    found = with_shop(ask)
    columns = {
        "amount": lambda one: one["amount"]["display"],
        "status": lambda one: one["status"],
        "until": lambda one: moment(one["authorization_expires_at"]) if one["authorization_expires_at"] else "",
        "taken": lambda one: one["captured"]["display"],
        "went back": lambda one: one["refunded"]["display"],
        "begun": lambda one: moment(one["created_at"]),
        "id": lambda one: one["id"],
    }
    show_list(found.data, columns, as_json=as_json, next_page=found.next, nothing="No payments yet.")


@app.command()
def show(payment: PaymentName, as_json: AsJson = False) -> None:
    """Show a payment with its attempts and what the provider said of it."""
    from shop.application.queries.payments import GetPayment
    from shop.domain.kernel.identifiers import PaymentId

    async def ask(shop: "Shop") -> "PaymentView":
        return await shop.ask(GetPayment(payment_id=PaymentId.parse(payment)))

    show_one(with_shop(ask), as_json=as_json)


@app.command()
def capture(
    payment: PaymentName,
    amount: Annotated[str, typer.Option("--amount", help="A part, such as 15.00: the rest is let go of.")] = "",
    as_json: AsJson = False,
) -> None:
    """Take what was authorised: all of it, or a part."""
    from shop.application.commands.captures import CapturePayment
    from shop.application.queries.payments import GetPayment
    from shop.domain.kernel.identifiers import PaymentId

    payment_id = PaymentId.parse(payment)

    async def take(shop: "Shop") -> "PaymentView":
        currency = (await shop.ask(GetPayment(payment_id=payment_id))).amount.currency
        part = _money(amount, currency) if amount else None
        return await _bring_about(shop, CapturePayment(payment_id=payment_id, amount=part))

    show_one(with_shop(take), as_json=as_json)


@app.command()
def void(payment: PaymentName, as_json: AsJson = False) -> None:
    """Let go of what was authorised; its order is cancelled with it."""
    from shop.application.commands.captures import VoidPayment
    from shop.domain.kernel.identifiers import PaymentId

    command = VoidPayment(payment_id=PaymentId.parse(payment))
    show_one(with_shop(lambda shop: _bring_about(shop, command)), as_json=as_json)


@app.command()
def stats(
    since: Since = "30d",
    until: Until = "",
    currency: Annotated[str, typer.Option("--currency", help="EUR, …; the shop's first if left out.")] = "",
    as_json: AsJson = False,
) -> None:
    """Show how payments went: tries, successes, declines by reason, refunds, fees and disputes, in one currency."""
    from shop.application.queries.analytics import GetPaymentStatistics

    async def ask(shop: "Shop") -> "PaymentStatisticsView":
        begin, end = _window(since, until, shop)
        return await shop.ask(GetPaymentStatistics(since=begin, until=end, currency=currency.upper()))

    show_one(with_shop(ask), as_json=as_json)


@app.command()
def payouts(
    since: Since = "30d",
    until: Until = "",
    limit: Limit = 20,
    after: After = "",
    as_json: AsJson = False,
) -> None:
    """List what the provider sent to the bank, and whether the ledger has it."""
    from shop.application.queries.payouts import GetPayouts

    async def ask(shop: "Shop") -> "Page[PayoutView]":
        begin, end = _window(since, until, shop)
        return await shop.ask(GetPayouts(since=begin, until=end, after=after or None, limit=limit))

    found = with_shop(ask)
    columns = {
        "amount": lambda one: one["amount"]["display"],
        "status": lambda one: one["status"],
        "in the ledger": lambda one: "yes" if one["booked"] else "no",
        "made": lambda one: moment(one["created_at"]),
        "arrives": lambda one: moment(one["arrives_at"]),
        "id": lambda one: one["id"],
    }
    show_list(found.data, columns, as_json=as_json, next_page=found.next, nothing="No payouts in this time.")


def _window(since: str, until: str, shop: "Shop") -> "tuple[datetime, datetime]":
    now = shop.ports.clock.now()
    return read_moment(since, now), read_moment(until, now) if until else now


@app.command()
def refund(
    payment: PaymentName,
    amount: Annotated[str, typer.Option("--amount", help="Such as 5.00; or say --all.")] = "",
    everything: Annotated[bool, typer.Option("--all", help="All that is left.")] = False,
    reason: Annotated[str, typer.Option("--reason", help="damaged, goodwill, customer_request, …")] = "other",
    note: Annotated[str, typer.Option("--note", help="For the shop's people.")] = "",
    restock: Annotated[bool, typer.Option("--restock", help="What was not sent can be sold again.")] = False,
    as_json: AsJson = False,
) -> None:
    """Give money back: the sum is promised first, then the provider is asked."""
    from shop.application.commands.refunds import RequestRefund
    from shop.application.queries.payments import GetPayment
    from shop.domain.kernel.identifiers import PaymentId
    from shop.domain.payments import RefundReason

    [why] = members(RefundReason, [reason])

    async def wish(shop: "Shop") -> "RequestRefund":
        payment_id = PaymentId.parse(payment)
        currency = (await shop.ask(GetPayment(payment_id=payment_id))).captured.currency
        return RequestRefund(
            payment_id=payment_id,
            amount=_money(amount, currency) if amount else None,
            full=everything,
            reason=why,
            note=note,
            restock=restock,
        )

    async def give_back(shop: "Shop") -> "RefundView":
        return await _send(shop, await wish(shop))

    show_one(with_shop(give_back), as_json=as_json)


@app.command()
def refunds(
    status: Annotated[list[str] | None, typer.Option("--status", help="failed, pending_approval, …")] = None,
    limit: Limit = 20,
    after: After = "",
    as_json: AsJson = False,
) -> None:
    """List refunds, the newest first."""
    from shop.application.ports.paging import PageRequest
    from shop.application.ports.readers import RefundFilter
    from shop.application.queries.refunds import GetRefunds
    from shop.domain.payments import RefundStatus

    which = RefundFilter(statuses=frozenset(members(RefundStatus, status)))

    async def ask(shop: "Shop") -> "Page[RefundView]":
        return await shop.ask(GetRefunds(which=which, page=PageRequest(limit=limit, after=after or None)))

    found = with_shop(ask)
    columns = {
        "amount": lambda one: one["amount"]["display"],
        "status": lambda one: one["status"],
        "reason": lambda one: one["reason"],
        "wanted by": lambda one: one["requested_by"],
        "asked for": lambda one: moment(one["created_at"]),
        "id": lambda one: one["id"],
    }
    show_list(found.data, columns, as_json=as_json, next_page=found.next, nothing="No refunds.")


@app.command()
def approve(refund: RefundName, as_json: AsJson = False) -> None:
    """Agree to a refund that a second person has to agree to; never one that the command line asked for itself."""
    from shop.application.commands.refunds import ApproveRefund
    from shop.domain.kernel.identifiers import RefundId

    command = ApproveRefund(refund_id=RefundId.parse(refund))
    show_one(with_shop(lambda shop: _send(shop, command)), as_json=as_json)


@app.command()
def refuse(refund: RefundName) -> None:
    """Refuse a refund that waits for approval: what it promised is free again."""
    from shop.application.commands.refunds import RefuseRefund
    from shop.domain.kernel.identifiers import RefundId

    async def call_off(shop: "Shop") -> None:
        await shop.execute(RefuseRefund(refund_id=RefundId.parse(refund)))

    with_shop(call_off)
    say(f"{refund} will not happen.")


@ledger.command("show")
def show_books(order: OrderName, as_json: AsJson = False) -> None:
    """Show what was booked for an order: a debit is positive, a credit negative."""
    from shop.application.queries.refunds import GetOrderBooks
    from shop.domain.kernel.identifiers import OrderId
    from shop.entrypoints.cli.output import draw, for_people

    async def ask(shop: "Shop") -> "list[LedgerEntryView]":
        return await shop.ask(GetOrderBooks(order_id=OrderId.parse(order)))

    entries = [plain(entry) for entry in with_shop(ask)]
    if not for_people(as_json):
        print_json(entries)
        return
    rows = [{**entry, **posting} for entry in entries for posting in entry["postings"]]
    if not rows:
        say("Nothing was booked for it.")
        return
    columns = {
        "at": lambda row: moment(row["at"]),
        "kind": lambda row: row["kind"],
        "account": lambda row: row["account"],
        "amount": lambda row: row["amount"]["display"],
        "provider's name": lambda row: row["provider_ref"],
    }
    draw(columns, rows)


async def _send(shop: "Shop", command: "Command[RefundId]") -> "RefundView":
    """What became of it: it stands whatever the provider says, and the worker goes on with it later."""
    from shop.application.commands.payments import ProcessPayment
    from shop.application.queries.refunds import GetRefund
    from shop.domain.kernel.errors import Unavailable
    from shop.domain.payments import RefundStatus

    refund_id = await shop.execute(command)
    view = await shop.ask(GetRefund(refund_id=refund_id))
    if view.status is RefundStatus.REQUESTED:
        try:
            await shop.execute(ProcessPayment(order_id=view.order_id))
        except Unavailable as error:
            say(f"It stands, and is sent later: {error.detail}")
        view = await shop.ask(GetRefund(refund_id=refund_id))
    return view


async def _bring_about(shop: "Shop", command: "Command[PaymentId]") -> "PaymentView":
    """How the payment stands then. The wish is kept whatever the provider says: the worker goes on with it later."""
    from shop.application.commands.payments import ProcessPayment
    from shop.application.queries.payments import GetPayment
    from shop.domain.kernel.errors import Unavailable

    payment_id = await shop.execute(command)
    view = await shop.ask(GetPayment(payment_id=payment_id))
    try:
        await shop.execute(ProcessPayment(order_id=view.order_id))
    except Unavailable as error:
        say(f"The wish is kept, and carried out later: {error.detail}")
    return await shop.ask(GetPayment(payment_id=payment_id))


def _money(text: str, currency: str) -> "Money":
    from shop.domain.kernel.money import Money

    return Money.from_major(text, currency)


def members(kind: Any, words: list[str] | None) -> list[Any]:
    """The members of an enumeration that these words name. Raises Invalid, which says which there are."""
    from shop.domain.kernel.errors import Invalid

    try:
        return [kind(word) for word in words or ()]
    except ValueError:
        raise Invalid(f"It is one of {', '.join(kind)}.") from None
