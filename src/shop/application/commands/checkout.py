"""From a cart to an order: one short transaction that prices, places and holds the stock."""

from datetime import timedelta
from typing import ClassVar

from attrs import frozen

from shop.application.access import check_owner
from shop.application.messages import OWNER, Command, Context
from shop.application.ports.clock import Ids
from shop.application.ports.identity import Secrets
from shop.application.ports.readers import StoreReader
from shop.application.ports.unit_of_work import Transaction, UnitOfWork
from shop.application.pricing import PricedCart, price_cart
from shop.application.settlement import Sale
from shop.domain.carts import CartEmpty, CartNotFound, CartNotReady, CartStatus
from shop.domain.inventory import (
    Allocation,
    InsufficientStock,
    MovementKind,
    Reservation,
    ReservationState,
    StockMovement,
    allocate,
    demand_of,
)
from shop.domain.kernel.errors import Conflict
from shop.domain.kernel.identifiers import (
    AttemptId,
    CartId,
    MovementId,
    OrderId,
    OrderLineId,
    PaymentId,
    PaymentSessionId,
    ReservationId,
)
from shop.domain.kernel.money import Money
from shop.domain.orders import CartAlreadyOrdered, Order, OrderLine, OrderShipping
from shop.domain.payments import Payment, PaymentMethodUnknown, PaymentSession, PaymentSessionNotFound


class CartChanged(Conflict):
    """The cart, or what it costs, is not what the shopper last saw."""

    code = "cart_changed"
    title = "The cart has changed"
    default_hint = "Show the shopper the cart as it is now, and order again with its version."

    def __init__(self, detail: str, cart_id: CartId) -> None:
        super().__init__(detail)
        self.cart_id = cart_id


@frozen(kw_only=True)
class CreateOrder(Command[OrderId]):
    """Places the order of a cart and holds its stock. Ordering the same cart again gives the same order.

    `cart_version` is the version that the shopper saw; `expected_total`, if given, the sum.
    """

    requires: ClassVar = OWNER
    cart_id: CartId
    cart_version: int
    payment_session_id: PaymentSessionId
    expected_total: Money | None = None


async def create_order(
    command: CreateOrder,
    context: Context,
    *,
    uow: UnitOfWork,
    ids: Ids,
    secrets: Secrets,
    store: StoreReader,
    hold: timedelta,
    provider: str,
) -> OrderId:
    settings = await store.settings()
    async with uow(context) as tx:
        found = await tx.carts.with_offers(command.cart_id)
        cart = found.cart
        check_owner(context.actor, cart.owner_id, cart.id, secrets=secrets, otherwise=CartNotFound)
        session = await tx.payment_sessions.get(command.payment_session_id)
        if session.cart_id != cart.id:
            raise PaymentSessionNotFound(f"There is no payment session {session.id} for this cart.")
        if cart.status is CartStatus.ORDERED:
            return await _ordered_before(tx, cart.id)
        if session.provider != provider:  # chosen before the shop changed to another
            raise PaymentMethodUnknown(f"“{session.method}” is no way to pay here any more.")
        if cart.version != command.cart_version:
            raise CartChanged(f"It is at version {cart.version}, not {command.cart_version}.", cart.id)
        priced = price_cart(found, settings)
        _check_ready(priced)
        if command.expected_total not in (None, priced.quote.total):
            raise CartChanged(f"It costs {priced.quote.total}, not {command.expected_total}.", cart.id)
        order = _order_of(priced, session, context, ids, hold)
        cart.become_order(context.now)
        tx.carts.save(cart)
        tx.orders.save(order)
        held = _hold_stock(tx, priced, order, context, ids)
        payment = _payment_of(order, session, context, ids) if order.total else None
        if payment is not None:
            tx.payments.save(payment)
        tx.answer(order.id)
    if payment is not None:
        context.just_written.keep(order.id, Sale(order, payment, held))
    return order.id


async def _ordered_before(tx: Transaction, cart_id: CartId) -> OrderId:
    order = await tx.orders.find_by_cart(cart_id)
    if order is None:  # its row is written in one step with the cart's, so only a broken storage gets here
        raise CartAlreadyOrdered(f"The cart {cart_id} was ordered, but its order is missing.")
    tx.answer(order.id)
    return order.id


def _check_ready(priced: PricedCart) -> None:
    if not priced.cart.items:
        raise CartEmpty
    short = [flaw for flaw in priced.flaws if flaw.code == "insufficient_stock"]
    if short:
        offers = priced.offers
        demand = demand_of((item.variant_id, item.quantity) for item in priced.cart.items)
        missing = {v: a for v, n in demand.items() if v in offers and (a := offers[v].available) is not None and a < n}
        raise InsufficientStock(missing, {v: offers[v].title for v in missing})
    priced.cart.check_ready(priced.needs_shipping)
    if priced.flaws:
        raise CartNotReady(priced.flaws[0].detail, flaws=priced.flaws)


def _order_of(priced: PricedCart, session: PaymentSession, context: Context, ids: Ids, hold: timedelta) -> Order:
    cart, quote = priced.cart, priced.quote
    order = Order.place(
        at=context.now,
        id=ids.new(OrderId),
        cart_id=cart.id,
        owner_id=cart.owner_id,
        payment_session_id=session.id,
        email=cart.email,
        currency=cart.currency,
        lines=tuple(_lines_of(priced, ids)),
        shipping=_shipping_of(priced),
        shipping_address=cart.shipping_address,
        billing_address=cart.billing_address or cart.shipping_address,
        note=cart.note,
        prices_include_tax=quote.prices_include_tax,
        subtotal=quote.subtotal,
        shipping_total=quote.shipping_total,
        tax_total=quote.tax_total,
        total=quote.total,
        hold_expires_at=context.now + hold,
        metadata=cart.metadata,
    )
    if not order.total:
        order.waive_payment(context.now)
    return order


def _lines_of(priced: PricedCart, ids: Ids) -> list[OrderLine]:
    lines = []
    for item in priced.cart.items:
        offer, quoted = priced.offers[item.variant_id], priced.lines[item.id]
        lines.append(
            OrderLine(
                id=ids.new(OrderLineId),
                variant_id=item.variant_id,
                product_id=offer.product_id,
                sku=offer.sku,
                title=offer.title,
                variant_title=offer.variant_title,
                quantity=item.quantity,
                unit_price=quoted.line.unit_price,
                subtotal=quoted.subtotal,
                net=quoted.taxed.net,
                tax=quoted.taxed.tax,
                total=quoted.taxed.gross,
                tax_rate=quoted.taxed.rate,
                tax_name=quoted.taxed.tax_name,
                tax_rounding=quoted.taxed.rounding,
                weight_grams=offer.weight_grams,
                requires_shipping=offer.requires_shipping,
                tracked=offer.tracked,
            )
        )
    return lines


def _shipping_of(priced: PricedCart) -> OrderShipping | None:
    charge, taxed = priced.quote.shipping, priced.quote.shipping_taxed
    if charge is None or taxed is None:
        return None
    return OrderShipping(
        code=charge.code,
        name=charge.name,
        price=charge.price,
        net=taxed.net,
        tax=taxed.tax,
        total=taxed.gross,
        tax_rate=taxed.rate,
        tax_name=taxed.tax_name,
    )


def _payment_of(order: Order, session: PaymentSession, context: Context, ids: Ids) -> Payment:
    return Payment.open(
        id=ids.new(PaymentId),
        attempt_id=ids.new(AttemptId),
        order_id=order.id,
        provider=session.provider,
        method=session.method,
        amount=order.total,
        at=context.now,
    )


def _hold_stock(
    tx: Transaction, priced: PricedCart, order: Order, context: Context, ids: Ids
) -> tuple[Reservation, ...]:
    demand = demand_of((line.variant_id, line.quantity) for line in order.lines if line.tracked)
    levels = [level for variant_id in demand for level in priced.offers[variant_id].levels]
    held = []
    for allocation in allocate(demand, levels):
        held.append(_reservation(allocation, order, ids))
        tx.stock.hold(held[-1])
        tx.stock.move(
            StockMovement(
                id=ids.new(MovementId),
                variant_id=allocation.variant_id,
                location_id=allocation.location_id,
                reserved=allocation.quantity,
                kind=MovementKind.RESERVED,
                source=order.id,
                at=context.now,
            )
        )
    return tuple(held)


def _reservation(allocation: Allocation, order: Order, ids: Ids) -> Reservation:
    return Reservation(
        id=ids.new(ReservationId),
        order_id=order.id,
        variant_id=allocation.variant_id,
        location_id=allocation.location_id,
        quantity=allocation.quantity,
        state=ReservationState.HELD if order.hold_expires_at else ReservationState.ALLOCATED,
        expires_at=order.hold_expires_at,
    )
