"""From a cart to an order: one short transaction that prices, places and holds the stock."""

from collections.abc import Mapping
from datetime import timedelta
from typing import ClassVar

from attrs import field, frozen

from shop.application.access import check_owner
from shop.application.messages import OWNER, Command, Context
from shop.application.placing import Placed, check_ready, place
from shop.application.ports.clock import Ids
from shop.application.ports.identity import Secrets
from shop.application.ports.readers import StoreReader
from shop.application.ports.repositories import CartWithOffers
from shop.application.ports.subscriptions import SubscriptionBilling, SubscriptionsNotOffered
from shop.application.ports.tenders import TenderSources
from shop.application.ports.unit_of_work import Transaction, UnitOfWork
from shop.application.pricing import price_cart
from shop.application.settlement import BooksOf, Sale, TendersOf, check_reusable, check_undecided, held_for
from shop.domain.carts import CartNotFound, CartStatus
from shop.domain.kernel.errors import Conflict
from shop.domain.kernel.identifiers import CartId, OrderId, PaymentSessionId, PlanId
from shop.domain.kernel.money import Money
from shop.domain.orders import CartAlreadyOrdered
from shop.domain.payments import PaymentMethodUnknown, PaymentSession, PaymentSessionNotFound
from shop.domain.subscriptions import PlanNeedsCustomer


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

    `cart_version` is the version that the shopper saw; `expected_total`, if given, the sum; `expected_plans` the
    versions of its plans, whose interval or trial may have changed though the sum has not.
    """

    requires: ClassVar = OWNER
    one_write: ClassVar = True
    cart_id: CartId
    cart_version: int
    payment_session_id: PaymentSessionId
    expected_total: Money | None = None
    expected_plans: Mapping[PlanId, int] = field(factory=dict)


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
    sources: TenderSources,
    billing: SubscriptionBilling,
) -> OrderId:
    settings = await store.settings()
    async with uow(context) as tx:
        found, session = await tx.carts.to_order(command.cart_id, command.payment_session_id)
        cart = found.cart
        check_owner(context.actor, cart.owner_id, cart.id, secrets=secrets, otherwise=CartNotFound)
        if session is None:
            raise PaymentSessionNotFound(f"There is no payment session {command.payment_session_id} for this cart.")
        if cart.status is CartStatus.ORDERED:
            return await _ordered_before(tx, cart.id, session)
        cart.check_open(context.now)
        if session.provider != provider:  # chosen before the shop changed to another
            raise PaymentMethodUnknown(f"“{session.method}” is no way to pay here any more.")
        if cart.version != command.cart_version:
            raise CartChanged(f"It is at version {cart.version}, not {command.cart_version}.", cart.id)
        priced = price_cart(found, settings)
        check_ready(priced)
        if command.expected_total not in (None, priced.quote.total):
            raise CartChanged(f"It costs {priced.quote.total}, not {command.expected_total}.", cart.id)
        tenders = await held_for(tx, cart, priced.quote.total, sources) if sources else ()
        if found.plans:
            due = priced.quote.total.minor > sum(tender.amount.minor for tender in tenders)
            _check_plans(command, found, session, billing, due=due)
        placed = place(tx, priced, session, context, ids, hold, capture=settings.store.capture, tenders=tenders)
        if tenders and not placed.order.due:
            await _paid_by_tenders(tx, placed, context, ids, sources)
        tx.answer(placed.order.id)
    if placed.payment is not None:
        context.just_written.keep(placed.order.id, Sale(placed.order, placed.payment, placed.held))
    return placed.order.id


def _check_plans(
    command: CreateOrder, found: CartWithOffers, session: PaymentSession, billing: SubscriptionBilling, *, due: bool
) -> None:
    """Raises PlanNeedsCustomer, SubscriptionsNotOffered, MethodNotReusable, CartChanged."""
    if found.cart.owner_id is None:
        raise PlanNeedsCustomer("There is something in the cart that comes again and again.")
    if not billing.provider:
        raise SubscriptionsNotOffered
    check_reusable(session, billing, due=due)
    for plan_id, version in command.expected_plans.items():
        plan = found.plans.get(plan_id)
        if plan is None or plan.version != version:
            raise CartChanged(f"The plan {plan_id} is not as it was at version {version}.", found.cart.id)


async def _paid_by_tenders(tx: Transaction, placed: Placed, context: Context, ids: Ids, sources: TenderSources) -> None:
    """Nothing is left for a provider: the order is paid as it is placed."""
    order, payment = placed.order, placed.payment
    assert payment is not None, "an order that costs something has a payment"
    await TendersOf(tx, order, sources).take()
    BooksOf(tx, Sale(order, payment), context, ids).sale(payment.attempt.provider_ref)


async def _ordered_before(tx: Transaction, cart_id: CartId, session: PaymentSession) -> OrderId:
    order = await tx.orders.find_by_cart(cart_id)
    if order is None:  # its row is written in one step with the cart's, so only a broken storage gets here
        raise CartAlreadyOrdered(f"The cart {cart_id} was ordered, but its order is missing.")
    if session.id != order.payment_session_id:
        await check_undecided(cart_id, session.saves, tx)
    tx.answer(order.id)
    return order.id
