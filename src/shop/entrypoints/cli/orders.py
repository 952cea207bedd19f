"""`shop orders`: what was sold."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from shop.entrypoints.cli.output import After, AsJson, Limit, moment, say, show_list, show_one
from shop.entrypoints.cli.session import commands, with_shop

# The shop is loaded by the commands that need one: `shop --help` has to be quick.
if TYPE_CHECKING:
    from shop.application.ports.paging import Page
    from shop.application.ports.views import AdminOrderView
    from shop.application.shop import Shop
    from shop.domain.kernel.identifiers import OrderId

app = commands("What was sold.")

OrderName = Annotated[str, typer.Argument(help="order_…, or the number that people know.")]


@app.command("list")
def list_orders(
    status: Annotated[list[str] | None, typer.Option("--status", help="pending, confirmed, on_hold, …")] = None,
    payment_status: Annotated[list[str] | None, typer.Option("--payment-status", help="pending, paid, …")] = None,
    email: Annotated[str, typer.Option("--email", help="Only of this buyer.")] = "",
    sort: Annotated[str, typer.Option("--sort", help="placed_at, total or number; “-” before it turns it round.")] = "",
    limit: Limit = 20,
    after: After = "",
    as_json: AsJson = False,
) -> None:
    """List orders, the newest first."""
    from shop.application.ports.paging import PageRequest
    from shop.application.ports.readers import OrderFilter
    from shop.application.queries.orders import GetAllOrders

    which = OrderFilter(
        statuses=frozenset(_members("OrderStatus", status)),
        payment_statuses=frozenset(_members("PaymentStatus", payment_status)),
        email=email,
    )
    page = PageRequest(limit=limit, sort=tuple(sort.split(",")) if sort else (), after=after or None)

    async def ask(shop: "Shop") -> "Page[AdminOrderView]":
        return await shop.ask(GetAllOrders(which=which, page=page))

    found = with_shop(ask)
    columns = {
        "number": lambda order: order["number"],
        "customer": lambda order: order["shipping_address"]["name"] if order["shipping_address"] else order["email"],
        "total": lambda order: order["total"]["display"],
        "status": lambda order: order["status"],
        "payment": lambda order: order["payment_status"],
        "placed": lambda order: moment(order["placed_at"]),
        "id": lambda order: order["id"],
    }
    show_list(found.data, columns, as_json=as_json, next_page=found.next, nothing="No orders yet.")


@app.command()
def show(order: OrderName, as_json: AsJson = False) -> None:
    """Show an order with its lines and payments."""
    from shop.application.queries.orders import GetAnyOrder

    async def ask(shop: "Shop") -> "AdminOrderView":
        return await shop.ask(GetAnyOrder(order_id=await _find(shop, order)))

    show_one(with_shop(ask), as_json=as_json)


@app.command()
def cancel(
    order: OrderName,
    reason: Annotated[str, typer.Option("--reason", help="Why; the buyer may read it.")] = "staff",
) -> None:
    """Call an order off: its payment is cancelled first, then its stock is free again."""
    from shop.application.commands.orders import CancelAnyOrder

    async def call_off(shop: "Shop") -> None:
        await shop.execute(CancelAnyOrder(order_id=await _find(shop, order), reason=reason))

    with_shop(call_off)
    say(f"Order {order} is cancelled.")


async def _find(shop: "Shop", name: str) -> "OrderId":
    """The order of this id or number. Raises OrderNotFound."""
    from shop.application.ports.paging import PageRequest
    from shop.application.ports.readers import OrderFilter
    from shop.application.queries.orders import GetAllOrders
    from shop.domain.kernel.identifiers import OrderId
    from shop.domain.orders import OrderNotFound

    if name.startswith(OrderId.prefix):
        return OrderId.parse(name)
    found = await shop.ask(GetAllOrders(which=OrderFilter(number=name), page=PageRequest(limit=1)))
    if not found.data:
        raise OrderNotFound(f"There is no order of the number {name}.")
    return found.data[0].id


def _members(name: str, words: list[str] | None) -> list[Any]:
    from shop.domain import orders
    from shop.domain.kernel.errors import Invalid

    kind = getattr(orders, name)
    try:
        return [kind(word) for word in words or ()]
    except ValueError:
        raise Invalid(f"It is one of {', '.join(kind)}.") from None
