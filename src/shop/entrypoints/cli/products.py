"""`shop products`: what is on sale."""

from typing import TYPE_CHECKING, Annotated

import typer

from shop.entrypoints.cli.output import After, AsJson, Limit, show_list, show_one
from shop.entrypoints.cli.session import commands, with_shop

# The shop is loaded by the commands that need one: `shop --help` has to be quick.
if TYPE_CHECKING:
    from shop.application.ports.paging import Page
    from shop.application.ports.views import ProductView
    from shop.application.shop import Shop

app = commands("What is on sale.")


@app.command("list")
def list_products(
    words: Annotated[
        str, typer.Option("-q", "--words", help="Words of title, vendor, tags, SKUs or description.")
    ] = "",
    category: Annotated[str, typer.Option("--category", help="A category (slug or id) and all below it.")] = "",
    limit: Limit = 20,
    after: After = "",
    as_json: AsJson = False,
) -> None:
    """List products of every status, the newest first."""
    from shop.application.ports.paging import PageRequest
    from shop.application.ports.readers import ProductFilter
    from shop.application.queries.catalog import GetProducts

    which = ProductFilter(statuses=frozenset(), words=words, category=category)
    page = PageRequest(limit=limit, after=after or None)

    async def ask(shop: "Shop") -> "Page[ProductView]":
        return await shop.ask(GetProducts(which=which, page=page))

    found = with_shop(ask)
    columns = {
        "slug": lambda product: product["slug"],
        "title": lambda product: product["title"],
        "from": lambda product: (product["price_from"] or {}).get("display"),
        "status": lambda product: product["status"],
        "id": lambda product: product["id"],
    }
    show_list(found.data, columns, as_json=as_json, next_page=found.next, nothing="No products.")


@app.command()
def show(product: Annotated[str, typer.Argument(help="Slug or prod_….")], as_json: AsJson = False) -> None:
    """Show a product with its variants."""
    from shop.application.queries.catalog import GetProduct
    from shop.domain.kernel.identifiers import ProductId

    wanted = ProductId.parse(product) if product.startswith(f"{ProductId.prefix}_") else product

    async def ask(shop: "Shop") -> "ProductView":
        return await shop.ask(GetProduct(id_or_slug=wanted, expand=frozenset({"variants", "categories"})))

    show_one(with_shop(ask), as_json=as_json)
