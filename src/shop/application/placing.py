"""From a priced cart to an order: lines, payment and the stock that it holds, as one transaction writes them."""

from datetime import timedelta

from attrs import frozen

from shop.application.messages import Context
from shop.application.ports.clock import Ids
from shop.application.ports.unit_of_work import Transaction
from shop.application.pricing import PricedCart
from shop.domain.carts import CartEmpty, CartNotReady
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
from shop.domain.kernel.capturing import CapturePolicy
from shop.domain.kernel.identifiers import (
    AttemptId,
    MovementId,
    OrderId,
    OrderLineId,
    PaymentId,
    ReservationId,
    SubscriptionId,
)
from shop.domain.kernel.tenders import Tender
from shop.domain.orders import Order, OrderLine, OrderShipping
from shop.domain.payments import Payment, PaymentSession
from shop.domain.subscriptions import subscribe_at_checkout


@frozen
class Placed:
    """An order with the payment that is to come (None where it costs nothing) and the stock that it holds."""

    order: Order
    payment: Payment | None
    held: tuple[Reservation, ...]


def place(
    tx: Transaction,
    priced: PricedCart,
    session: PaymentSession,
    context: Context,
    ids: Ids,
    hold: timedelta,
    *,
    capture: CapturePolicy = CapturePolicy.AUTOMATIC,
    tenders: tuple[Tender, ...] = (),
) -> Placed:
    """Closes the cart, keeps its order with the payment that is to come, and holds the stock, which is written last.

    `capture` is what the shop does as a rule with orders of goods. `tenders` were held for it in this transaction.
    """
    order = _order_of(priced, session, context, ids, hold, tenders)
    priced.cart.become_order(context.now)
    tx.carts.save(priced.cart)
    tx.orders.save(order)
    held = _hold_stock(tx, priced, order, context, ids)
    payment = _payment_of(order, session, context, ids, capture) if order.total else None
    if payment is not None:
        tx.payments.save(payment)
    if order.subscribes:
        _subscribe(tx, priced, order, session, ids)
    return Placed(order, payment, held)


def check_ready(priced: PricedCart) -> None:
    """Raises CartEmpty, InsufficientStock, CartNotReady when it could not be ordered as it is."""
    if not priced.cart.items:
        raise CartEmpty
    short = [flaw for flaw in priced.flaws if flaw.code == "insufficient_stock"]
    if short:
        offers = priced.offers
        later = {item_id for item_id, quoted in priced.lines.items() if quoted.line.later}
        demand = demand_of((item.variant_id, item.quantity) for item in priced.cart.items if item.id not in later)
        missing = {v: a for v, n in demand.items() if v in offers and (a := offers[v].available) is not None and a < n}
        raise InsufficientStock(missing, {v: offers[v].title for v in missing})
    priced.cart.check_ready(priced.needs_shipping)
    if priced.flaws:
        raise CartNotReady(priced.flaws[0].detail, flaws=priced.flaws)


def _order_of(
    priced: PricedCart,
    session: PaymentSession,
    context: Context,
    ids: Ids,
    hold: timedelta,
    tenders: tuple[Tender, ...],
) -> Order:
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
        tenders=tenders,
        hold_expires_at=context.now + hold,
        metadata=cart.metadata,
    )
    if not order.due:
        order.waive_payment(context.now)
    return order


def _lines_of(priced: PricedCart, ids: Ids) -> list[OrderLine]:
    lines = []
    for quoted in priced.quote.lines:
        offer = priced.offers[quoted.line.variant_id]
        lines.append(
            OrderLine(
                id=ids.new(OrderLineId),
                variant_id=offer.variant_id,
                product_id=offer.product_id,
                sku=offer.sku,
                title=offer.title,
                variant_title=offer.variant_title,
                quantity=quoted.line.quantity,
                unit_price=quoted.line.unit_price,
                subtotal=quoted.subtotal,
                net=quoted.taxed.net,
                tax=quoted.taxed.tax,
                total=quoted.taxed.gross,
                tax_rate=quoted.taxed.rate,
                tax_name=quoted.taxed.tax_name,
                tax_rounding=quoted.taxed.rounding,
                weight_grams=offer.weight_grams,
                requires_shipping=offer.requires_shipping and not quoted.line.later,
                tracked=offer.tracked and not quoted.line.later,
                plan_id=quoted.line.plan_id,
            )
        )
    return lines


def _subscribe(tx: Transaction, priced: PricedCart, order: Order, session: PaymentSession, ids: Ids) -> None:
    """One subscription for each line with a plan, with this order as its first period."""
    assert order.owner_id is not None, "a guest's cart with a plan in it is refused before"
    for line in order.lines:
        if line.plan_id is None:
            continue
        subscription, renewal = subscribe_at_checkout(
            at=order.placed_at,
            plan=priced.plans[line.plan_id],
            currency=order.currency,
            email=order.email,
            order_id=order.id,
            order_line_id=line.id,
            id=ids.new(SubscriptionId),
            owner_id=order.owner_id,
            quantity=line.quantity,
            shipping_address=order.shipping_address,
            billing_address=order.billing_address,
            shipping_code=priced.cart.shipping_code,
            provider=session.provider,
            method=session.method,
        )
        tx.subscriptions.save(subscription)
        if renewal is not None:
            tx.subscriptions.renew(renewal)


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


def _payment_of(order: Order, session: PaymentSession, context: Context, ids: Ids, capture: CapturePolicy) -> Payment:
    due = order.due
    if not due:
        return Payment.without_provider(
            id=ids.new(PaymentId),
            attempt_id=ids.new(AttemptId),
            order_id=order.id,
            currency=order.currency,
            at=context.now,
        )
    return Payment.open(
        id=ids.new(PaymentId),
        attempt_id=ids.new(AttemptId),
        order_id=order.id,
        provider=session.provider,
        method=session.method,
        amount=due,
        at=context.now,
        capture=session.captures(capture, goods=order.has_goods),
        saves=session.saves,
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
