"""`shop`: everything that can be done from the command line."""

from typing import Annotated

import typer

from shop import __version__
from shop.entrypoints.cli import (
    audit,
    calls,
    clock,
    database,
    demo,
    disputes,
    doctor,
    events,
    importing,
    inventory,
    keys,
    mail,
    orders,
    payments,
    products,
    reconciliation,
    serving,
    store,
    subscriptions,
    users,
)
from shop.entrypoints.cli.session import ShopCommands

app = typer.Typer(
    cls=ShopCommands,
    help="Shop: a headless commerce backend.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("demo")(demo.demo)
app.command("serve")(serving.serve)
app.command("worker")(serving.worker)
app.command("doctor")(doctor.doctor)
app.command("reconcile")(reconciliation.reconcile)
app.add_typer(database.app, name="db")
app.add_typer(importing.app, name="import")
app.add_typer(products.app, name="products")
app.add_typer(orders.app, name="orders")
disputes.add_to(payments.app)
app.add_typer(payments.app, name="payments")
app.add_typer(payments.ledger, name="ledger")
app.add_typer(inventory.app, name="inventory")
app.add_typer(users.app, name="users")
app.add_typer(keys.app, name="keys")
app.add_typer(audit.app, name="audit")
app.add_typer(events.app, name="events")
app.add_typer(store.app, name="store")
app.add_typer(mail.app, name="mail")
app.add_typer(clock.app, name="clock")
app.add_typer(subscriptions.app, name="subscriptions")
app.add_typer(calls.app, name="api")


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"shop {__version__}")
        raise typer.Exit


@app.callback()
def _shop(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Shop: a headless commerce backend. Settings are environment variables: SHOP_DATABASE_URL, …"""


def main() -> None:
    """The console command."""
    app()


if __name__ == "__main__":
    main()
