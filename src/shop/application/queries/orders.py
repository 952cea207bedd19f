"""What buyers and staff see of orders."""

from typing import ClassVar

from attrs import frozen

from shop.application.access import check_owner
from shop.application.messages import INTERNAL, OWNER, Context, Query
from shop.application.ports.identity import AuthenticationRequired, Secrets
from shop.application.ports.paging import Page, PageRequest, limited
from shop.application.ports.readers import OrderFilter, OrderReader
from shop.application.ports.unit_of_work import UnitOfWork
from shop.application.ports.views import AdminOrderView, OrderView
from shop.domain.kernel.identifiers import OrderId
from shop.domain.orders import OrderNotFound


@frozen(kw_only=True)
class GetOrder(Query[OrderView]):
    """An order for its buyer."""

    requires: ClassVar = OWNER
    order_id: OrderId


async def get_order(query: GetOrder, context: Context, *, orders: OrderReader, secrets: Secrets) -> OrderView:
    found = await orders.order(query.order_id)
    check_owner(context.actor, found.owner_id, query.order_id, secrets=secrets, otherwise=OrderNotFound)
    return found.view


@frozen(kw_only=True)
class GetUserOrders(Query[Page[OrderView]]):
    """The caller's own orders, the newest first."""

    requires: ClassVar = OWNER
    page: PageRequest = PageRequest()


async def get_user_orders(query: GetUserOrders, context: Context, *, orders: OrderReader) -> Page[OrderView]:
    if context.actor.user_id is None:
        raise AuthenticationRequired("Only somebody who signed in has orders of their own.")
    return await orders.of_owner(context.actor.user_id, query.page)


@frozen(kw_only=True)
class GetAllOrders(Query[Page[AdminOrderView]]):
    """All orders of the shop, for staff."""

    requires: ClassVar = "orders:read"
    which: OrderFilter = OrderFilter()
    page: PageRequest = PageRequest()
    expand: frozenset[str] = frozenset()


async def get_all_orders(query: GetAllOrders, context: Context, *, orders: OrderReader) -> Page[AdminOrderView]:
    return await orders.all(query.which, query.page, expand=query.expand)


@frozen(kw_only=True)
class GetAnyOrder(Query[AdminOrderView]):
    """One order with lines and payments, for staff."""

    requires: ClassVar = "orders:read"
    order_id: OrderId


async def get_any_order(query: GetAnyOrder, context: Context, *, orders: OrderReader) -> AdminOrderView:
    return await orders.one(query.order_id)


@frozen(kw_only=True)
class GetOverdueOrders(Query[list[OrderId]]):
    """Orders whose hold on the stock ran out unpaid, the oldest first."""

    requires: ClassVar = INTERNAL
    limit: int = limited()


async def get_overdue_orders(query: GetOverdueOrders, context: Context, *, uow: UnitOfWork) -> list[OrderId]:
    async with uow(context) as tx:
        return await tx.orders.overdue(context.now, query.limit)
