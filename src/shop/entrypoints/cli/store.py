"""`shop store`: the shop's own settings, as one JSON document that can be shown, changed and put back."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from shop.entrypoints.cli.output import AsJson, for_people, print_json, say, show_one
from shop.entrypoints.cli.session import commands, with_shop

# The shop is loaded by the commands that need one: `shop --help` has to be quick.
if TYPE_CHECKING:
    from shop.application.ports.repositories import StoreSettings
    from shop.application.shop import Shop

app = commands("The shop's name, currencies, taxes and deliveries.")


@app.command()
def show(as_json: AsJson = False) -> None:
    """Show the settings. Their JSON is what `shop store configure` takes."""
    from shop.application.queries.store import GetStoreSettings
    from shop.entrypoints.cli.store_document import as_document

    async def ask(shop: "Shop") -> "StoreSettings":
        return await shop.ask(GetStoreSettings())

    document = as_document(with_shop(ask))
    if for_people(as_json):
        show_one(document, as_json=False)
    else:
        print_json(document)


@app.command()
def configure(file: Annotated[Path, typer.Argument(help="JSON with store, taxes or shipping_methods.")]) -> None:
    """Replace the parts of the settings that the file has. Orders that stand keep what they were placed with, but for
    `unheld_methods`."""
    from shop.entrypoints.cli.store_document import read_document

    command = read_document(file)

    async def replace(shop: "Shop") -> None:
        await shop.execute(command)

    with_shop(replace)
    say("The settings are replaced: other processes follow within two seconds.")
