"""Orders as buyers and as staff see them, from memory."""

from collections.abc import Iterator

from shop.adapters.memory.orders import order_of
from shop.adapters.memory.paging import Listing, microseconds
from shop.adapters.memory.payments import payments_of
from shop.adapters.memory.readers.filters import has_metadata, within
from shop.adapters.memory.readers.payments import payment_view
from shop.adapters.memory.tables import Tables
from shop.application.ports.paging import Page, PageRequest
from shop.application.ports.readers import OrderFilter, OrderWithOwner
from shop.application.ports.subscriptions import shown_method
from shop.application.ports.views import (
    AdminOrderView,
    OrderLineView,
    OrderPaymentView,
    OrderShippingView,
    OrderView,
    TenderView,
)
from shop.domain.kernel.identifiers import OrderId, UserId
from shop.domain.orders import Order, OrderLine
from shop.domain.payments import Payment

EVERYTHING = frozenset({"lines", "payments"})


def _placed_at(order: Order) -> int:
    return microseconds(order.placed_at)


_ORDERS: Listing[Order] = Listing(
    keys={
        "placed_at": _placed_at,
        "total": lambda order: order.total.minor,
        "number": lambda order: order.number or 0,
    },
    own=((_placed_at, True),),
    id=lambda order: order.id.uuid.hex,
)
_OF_OWNER: Listing[Order] = Listing(own=((_placed_at, True),), id=lambda order: order.id.uuid.hex)


class MemoryOrderReader:
    """Answers about orders."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def order(self, order_id: OrderId) -> OrderWithOwner:
        order = order_of(self._tables, order_id)
        return OrderWithOwner(view=self._view(order), owner_id=order.owner_id)

    async def of_owner(self, owner_id: UserId, page: PageRequest) -> Page[OrderView]:
        owned = [order for order in self._tables.orders.values() if order.owner_id == owner_id]
        return _OF_OWNER.page(owned, page, self._view)

    async def all(
        self, which: OrderFilter, page: PageRequest, *, expand: frozenset[str] = frozenset()
    ) -> Page[AdminOrderView]:
        return _ORDERS.page(self._matching(which), page, lambda order: self._admin_view(order, expand))

    async def one(self, order_id: OrderId) -> AdminOrderView:
        return self._admin_view(order_of(self._tables, order_id), EVERYTHING)

    def _matching(self, which: OrderFilter) -> Iterator[Order]:
        for order in self._tables.orders.values():
            if (
                (not which.statuses or order.status in which.statuses)
                and (not which.payment_statuses or order.payment_status in which.payment_statuses)
                and (not which.fulfilment_statuses or order.fulfilment_status in which.fulfilment_statuses)
                and _described(order, which)
            ):
                yield order

    def _view(self, order: Order) -> OrderView:
        payments = payments_of(self._tables, order.id)
        return OrderView(
            id=order.id,
            number=str(order.number),
            cart_id=order.cart_id,
            status=order.status,
            payment_status=order.payment_status,
            fulfilment_status=order.fulfilment_status,
            email=order.email,
            currency=order.currency,
            lines=[_line_view(line) for line in order.lines],
            shipping=_shipping_view(order),
            shipping_address=order.shipping_address,
            billing_address=order.billing_address,
            note=order.note,
            prices_include_tax=order.prices_include_tax,
            subtotal=order.subtotal,
            shipping_total=order.shipping_total,
            tax_total=order.tax_total,
            total=order.total,
            tenders=[TenderView.of(tender) for tender in order.tenders],
            payment=_order_payment_view(payments[-1]) if payments else None,
            metadata=dict(order.metadata),
            cancel_reason=order.cancel_reason,
            placed_at=order.placed_at,
            cancelled_at=order.cancelled_at,
            created_at=order.placed_at,
            updated_at=order.updated_at,
            version=order.version,
        )

    def _admin_view(self, order: Order, expand: frozenset[str]) -> AdminOrderView:
        lines = payments = None
        if "lines" in expand:
            lines = [_line_view(line) for line in order.lines]
        if "payments" in expand:
            payments = [payment_view(payment) for payment in payments_of(self._tables, order.id)]
        return AdminOrderView(
            id=order.id,
            number=str(order.number),
            cart_id=order.cart_id,
            customer_id=order.owner_id,
            status=order.status,
            payment_status=order.payment_status,
            fulfilment_status=order.fulfilment_status,
            email=order.email,
            currency=order.currency,
            shipping=_shipping_view(order),
            shipping_address=order.shipping_address,
            billing_address=order.billing_address,
            note=order.note,
            hold_reason=order.hold_reason,
            flags=sorted(order.flags),
            fulfilment_on_hold=order.fulfilment_on_hold,
            prices_include_tax=order.prices_include_tax,
            subtotal=order.subtotal,
            shipping_total=order.shipping_total,
            tax_total=order.tax_total,
            total=order.total,
            tenders=[TenderView.of(tender) for tender in order.tenders],
            metadata=dict(order.metadata),
            cancel_reason=order.cancel_reason,
            placed_at=order.placed_at,
            cancelled_at=order.cancelled_at,
            created_at=order.placed_at,
            updated_at=order.updated_at,
            version=order.version,
            lines=lines,
            payments=payments,
        )


def _described(order: Order, which: OrderFilter) -> bool:
    return (
        (not which.email or order.email == which.email)
        and (not which.number or str(order.number) == which.number)
        and (which.owner_id is None or order.owner_id == which.owner_id)
        and within(order.placed_at, which.placed_at)
        and has_metadata(order.metadata, which.metadata)
    )


def _line_view(line: OrderLine) -> OrderLineView:
    return OrderLineView(
        id=line.id,
        variant_id=line.variant_id,
        product_id=line.product_id,
        sku=line.sku,
        title=line.title,
        variant_title=line.variant_title,
        quantity=line.quantity,
        unit_price=line.unit_price,
        subtotal=line.subtotal,
        tax=line.tax,
        tax_rate=str(line.tax_rate),
        tax_name=line.tax_name,
        total=line.total,
        plan_id=line.plan_id,
    )


def _shipping_view(order: Order) -> OrderShippingView | None:
    shipping = order.shipping
    if shipping is None:
        return None
    return OrderShippingView(
        id=shipping.code,
        name=shipping.name,
        price=shipping.price,
        tax=shipping.tax,
        total=shipping.total,
    )


def _order_payment_view(payment: Payment) -> OrderPaymentView:
    attempt = payment.attempt
    return OrderPaymentView(
        id=payment.id,
        status=attempt.status,
        method=shown_method(attempt.method),
        next_action=attempt.next_action,
        client_secret=attempt.client_secret or None,
        failure_code=attempt.failure_code or None,
    )
