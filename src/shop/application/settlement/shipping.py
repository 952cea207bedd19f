"""Whether the goods of a sale may leave: asked before anything is packed, and after its money was captured."""

from datetime import datetime

from shop.application.settlement.sales import Sale
from shop.domain.kernel.errors import Conflict
from shop.domain.orders import Order, OrderStatus, PaymentStatus

_PAID = frozenset({PaymentStatus.PAID, PaymentStatus.PARTIALLY_REFUNDED})


class OrderNotShippable(Conflict):
    """Its goods must not leave: its money is not safe, or people have to look at it first."""

    code = "order_not_shippable"
    title = "The order must not be sent yet"


def check_shippable(sale: Sale, now: datetime) -> None:
    """Confirmed, not on hold, and its money taken or promised until later than now. Raises OrderNotShippable."""
    payment = sale.payment
    check_money_safe(sale.order)
    if payment.void_due:
        raise OrderNotShippable("Its authorisation is being let go of.")
    if payment.has_lapsed(now):
        raise OrderNotShippable(f"Its money was authorised until {payment.authorization_expires_at}, and not captured.")


def check_money_safe(order: Order) -> None:
    """The same of an order alone, such as one that costs nothing. Raises OrderNotShippable."""
    if order.status is OrderStatus.ON_HOLD:
        raise OrderNotShippable(f"It is on hold: {order.hold_reason}.")
    if order.status is not OrderStatus.CONFIRMED:
        raise OrderNotShippable(f"An order that is {order.status} is not sent.")
    if order.fulfilment_on_hold:
        raise OrderNotShippable(f"Nothing of it is sent for now: {', '.join(sorted(order.flags))}.")
    if order.payment_status not in _PAID and order.payment_status is not PaymentStatus.AUTHORIZED:
        raise OrderNotShippable(f"Its money is {order.payment_status}.")
