"""`shop subscriptions`: who gets what again and again, and what to do about it."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from shop.entrypoints.cli.output import After, AsJson, Limit, moment, say, show_list, show_one
from shop.entrypoints.cli.session import commands, with_shop

# The shop is loaded by the commands that need one: `shop --help` has to be quick.
if TYPE_CHECKING:
    from shop.application.messages import Command
    from shop.application.ports.paging import Page
    from shop.application.ports.views import PlanView, SubscriptionView
    from shop.application.shop import Shop
    from shop.domain.kernel.identifiers import SubscriptionId

app = commands("Who gets what again and again.")

Subscription = Annotated[str, typer.Argument(help="sub_…")]
States = Annotated[list[str] | None, typer.Option("--status", help="Only in this state, such as past_due.")]


@app.command("list")
def list_subscriptions(status: States = None, limit: Limit = 20, after: After = "", as_json: AsJson = False) -> None:
    """List subscriptions, the newest first."""
    from shop.application.ports.paging import PageRequest
    from shop.application.ports.readers import SubscriptionFilter
    from shop.application.queries.subscriptions import GetAllSubscriptions
    from shop.domain.kernel.errors import Invalid
    from shop.domain.subscriptions import SubscriptionStatus

    try:
        statuses = frozenset(SubscriptionStatus(one) for one in status or ())
    except ValueError:
        raise Invalid(f"A subscription is {', '.join(SubscriptionStatus)}.") from None
    asked = GetAllSubscriptions(
        which=SubscriptionFilter(statuses=statuses), page=PageRequest(limit=limit, after=after or None)
    )

    async def ask(shop: "Shop") -> "Page[SubscriptionView]":
        return await shop.ask(asked)

    found = with_shop(ask)
    columns = {
        "plan": lambda one: one["title"],
        "status": lambda one: one["status"],
        "units": lambda one: one["quantity"],
        "e-mail": lambda one: one["email"],
        "until": lambda one: moment(one["current_period_end"]),
        "failed": lambda one: one["failed_tries"] or "",
        "order": lambda one: one["order_id"] or "",
        "id": lambda one: one["id"],
    }
    show_list(found.data, columns, as_json=as_json, next_page=found.next, nothing="No subscriptions.")


@app.command()
def show(subscription: Subscription, as_json: AsJson = False) -> None:
    """Show one subscription, with what comes next."""
    show_one(with_shop(lambda shop: _view(shop, _id(subscription))), as_json=as_json)


@app.command()
def plans(limit: Limit = 20, after: After = "", as_json: AsJson = False) -> None:
    """List the plans that are offered, the newest first."""
    from shop.application.ports.paging import PageRequest
    from shop.application.queries.subscriptions import GetPlans

    asked = GetPlans(page=PageRequest(limit=limit, after=after or None))

    async def ask(shop: "Shop") -> "Page[PlanView]":
        return await shop.ask(asked)

    found = with_shop(ask)
    columns = {
        "code": lambda one: one["code"],
        "name": lambda one: one["name"],
        "every": lambda one: f"{one['interval_count']} {one['interval']}",
        "prices": lambda one: ", ".join(price["display"] for price in one["prices"]),
        "trial": lambda one: f"{one['trial_days']} days" if one["trial_days"] else "",
        "id": lambda one: one["id"],
    }
    show_list(found.data, columns, as_json=as_json, next_page=found.next, nothing="No plans.")


@app.command()
def pause(subscription: Subscription, as_json: AsJson = False) -> None:
    """Let nothing come and take nothing until it is resumed."""
    from shop.application.commands.subscriptions import PauseSubscription

    _do(subscription, lambda one: PauseSubscription(subscription_id=one), as_json)


@app.command()
def resume(subscription: Subscription, as_json: AsJson = False) -> None:
    """Go on after a pause, or take back that it was to end."""
    from shop.application.commands.subscriptions import ResumeSubscription

    _do(subscription, lambda one: ResumeSubscription(subscription_id=one), as_json)


@app.command()
def cancel(
    subscription: Subscription,
    at_period_end: Annotated[
        bool, typer.Option("--at-period-end", help="When the period that is paid is over.")
    ] = False,
    reason: Annotated[str, typer.Option("--reason", help="Why.")] = "staff",
    as_json: AsJson = False,
) -> None:
    """End a subscription, now or with its period."""
    from shop.application.commands.subscriptions import CancelSubscription

    _do(
        subscription,
        lambda one: CancelSubscription(subscription_id=one, reason=reason, at_period_end=at_period_end),
        as_json,
    )


@app.command()
def retry(subscription: Subscription, as_json: AsJson = False) -> None:
    """Try a payment that failed once more, now."""
    from shop.application.commands.subscriptions import RetrySubscription

    _do(subscription, lambda one: RetrySubscription(subscription_id=one), as_json)


def _do(subscription: str, command: "Callable[[SubscriptionId], Command[Any]]", as_json: bool) -> None:
    subscription_id = _id(subscription)

    async def act(shop: "Shop") -> "SubscriptionView":
        await shop.execute(command(subscription_id))
        return await _view(shop, subscription_id)

    view = with_shop(act)
    say(f"{subscription} is {view.status}.")
    show_one(view, as_json=as_json)


def _view(shop: "Shop", subscription_id: "SubscriptionId") -> "Awaitable[SubscriptionView]":
    from shop.application.queries.subscriptions import GetAnySubscription

    return shop.ask(GetAnySubscription(subscription_id=subscription_id))


def _id(text: str) -> "SubscriptionId":
    from shop.domain.kernel.identifiers import SubscriptionId

    return SubscriptionId.parse(text)
