"""`shop inventory`: what is where, and changing it with a reason."""

from typing import TYPE_CHECKING, Annotated

import typer

from shop.entrypoints.cli.output import After, AsJson, Limit, say, show_list
from shop.entrypoints.cli.session import commands, with_shop

# The shop is loaded by the commands that need one: `shop --help` has to be quick.
if TYPE_CHECKING:
    from shop.application.ports.paging import Page
    from shop.application.ports.views import StockLevelView
    from shop.application.shop import Shop

app = commands("What is where.")


@app.command("list")
def list_levels(
    sku: Annotated[str, typer.Option("--sku", help="Only of this SKU.")] = "",
    below: Annotated[int | None, typer.Option("--below", help="Only where fewer are available.")] = None,
    limit: Limit = 20,
    after: After = "",
    as_json: AsJson = False,
) -> None:
    """List how many are on hand, promised and available."""
    from shop.application.ports.paging import PageRequest
    from shop.application.queries.inventory import GetStockLevels

    page = PageRequest(limit=limit, after=after or None)

    async def ask(shop: "Shop") -> "Page[StockLevelView]":
        return await shop.ask(GetStockLevels(page=page, sku=sku, below=below))

    found = with_shop(ask)
    columns = {
        "sku": lambda level: level["sku"],
        "title": lambda level: level["title"],
        "location": lambda level: level["location_name"],
        "on hand": lambda level: level["on_hand"],
        "reserved": lambda level: level["reserved"],
        "available": lambda level: level["available"],
        "variant": lambda level: level["variant_id"],
    }
    show_list(found.data, columns, as_json=as_json, next_page=found.next, nothing="No stock is kept.")


@app.command()
def adjust(
    variant: Annotated[str, typer.Argument(help="var_….")],
    delta: Annotated[int, typer.Argument(help="How many more; fewer with a minus, after --.")],
    reason: Annotated[str, typer.Option("--reason", help="Why.")],
) -> None:
    """Add to or take from what is on hand at the first location."""
    from shop.application.commands.inventory import AdjustStock
    from shop.domain.kernel.identifiers import VariantId

    command = AdjustStock(variant_id=VariantId.parse(variant), delta=delta, reason=reason)

    async def move(shop: "Shop") -> None:
        await shop.execute(command)

    with_shop(move)
    say(f"Moved by {delta}.")
