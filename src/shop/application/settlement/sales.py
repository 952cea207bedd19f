"""An order and its payment, which move together, and what it takes to move them."""

from attrs import field, frozen

from shop.application.messages import Context
from shop.application.ports.clock import Ids
from shop.application.ports.payments import PaymentGateway
from shop.application.ports.saved_methods import NoSavedMethods, SavedMethods
from shop.application.ports.subscriptions import NoBilling, SubscriptionBilling
from shop.application.ports.tenders import TenderSources
from shop.application.ports.unit_of_work import UnitOfWork
from shop.domain.inventory import Reservation
from shop.domain.kernel.errors import Conflict
from shop.domain.kernel.identifiers import OrderId
from shop.domain.orders import Order
from shop.domain.payments import Payment


class PaymentElsewhere(Conflict):
    """The payment was begun with another provider than the shop's: only that one can say how it stands."""

    code = "payment_elsewhere"
    title = "Another provider has this payment"
    default_hint = "Run a worker with SHOP_PAYMENTS set to that provider until its payments have come to an end."


@frozen
class Cashier:
    """What it takes to move money: storage, ids and the provider."""

    uow: UnitOfWork
    ids: Ids
    gateway: PaymentGateway
    billing: SubscriptionBilling = field(factory=NoBilling)
    saved_methods: SavedMethods = field(factory=NoSavedMethods)
    tenders: TenderSources = ()

    def provider_of(self, payment: Payment) -> PaymentGateway:
        """Whom to ask about this payment. Raises PaymentElsewhere once the shop has changed to another provider."""
        if payment.provider != self.gateway.provider:
            raise PaymentElsewhere(f"It was begun with “{payment.provider}”; the shop uses “{self.gateway.provider}”.")
        return self.gateway


@frozen
class Sale:
    """An order and its payment, which move together; and the stock held for it, where nobody has to look it up."""

    order: Order
    payment: Payment
    held: tuple[Reservation, ...] | None = None


async def sale_of(order_id: OrderId, context: Context, uow: UnitOfWork) -> Sale | None:
    """The order with its payment; None for an order that costs nothing. Raises OrderNotFound."""
    async with uow(context) as tx:
        order = await tx.orders.get(order_id)
        if not order.total:
            return None
        return Sale(order, await tx.payments.of_order(order_id))
