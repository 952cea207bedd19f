"""Where a provider's news become ours: the only place that moves the state of money.

The browser's request, the webhook, the sweeper and the command line all come here. `carry_on` takes the next step
that a payment needs (make its intent, ask how it stands, capture, give back) and `settle` writes what came of it.
Steps may be repeated and cut short anywhere: each call to the provider carries the attempt's id as its key, and
each write expects what it was decided on.
"""

from collections.abc import Iterable

from attrs import field, frozen

from shop.application.messages import Context
from shop.application.ports.clock import Ids
from shop.application.ports.payments import IntentRequest, PaymentGateway, PaymentRefused
from shop.application.ports.subscriptions import InvoiceCharge, InvoiceMethod, NoBilling, SubscriptionBilling
from shop.application.ports.unit_of_work import Transaction, UnitOfWork
from shop.domain.inventory import LIVE, MovementKind, Reservation, ReservationState, StockMovement
from shop.domain.kernel.errors import Conflict, Invalid, Unavailable
from shop.domain.kernel.identifiers import LedgerEntryId, MovementId, OrderId
from shop.domain.kernel.money import Money, total
from shop.domain.ledger import (
    EntryKind,
    LedgerEntry,
    Posting,
    refund_postings,
    sale_postings,
    unapplied_postings,
)
from shop.domain.orders import Order, OrderStatus, PaymentStatus
from shop.domain.payments import AttemptStatus, IntentState, MoneyMove, Payment, PaymentAttempt

STEPS_MAX = 6
MISMATCH = "payment_mismatch"


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


@frozen
class _Step:
    """What the provider said, and what it did not do after that."""

    news: IntentState
    trouble: Unavailable | PaymentRefused | None = None


async def sale_of(order_id: OrderId, context: Context, uow: UnitOfWork) -> Sale | None:
    """The order with its payment; None for an order that costs nothing. Raises OrderNotFound."""
    async with uow(context) as tx:
        order = await tx.orders.get(order_id)
        if not order.total:
            return None
        return Sale(order, await tx.payments.of_order(order_id))


async def carry_on(sale: Sale, context: Context, cashier: Cashier, *, refresh: bool = False) -> Sale:
    """Takes the payment as far as it goes without the shopper. With `refresh`, first asks how it stands.

    Raises PaymentProviderUnavailable, StaleAggregate, PaymentElsewhere; each time doing it again is safe.
    """
    if refresh and (ref := sale.payment.attempt.provider_ref):
        sale = await settle(sale, await cashier.provider_of(sale.payment).fetch(ref), context, cashier)
    for _ in range(STEPS_MAX):
        step = await _next_step(sale, context, cashier)
        if step is None:
            break
        version = sale.payment.version
        sale = await settle(sale, step.news, context, cashier)
        if step.trouble is not None:
            raise step.trouble
        if sale.payment.version == version:
            break  # such as a refund that the provider takes its time for: asking at once again changes nothing
    return sale


async def call_off(sale: Sale, reason: str, context: Context, cashier: Cashier) -> Sale:
    """Makes sure the provider can take no more money, and only then cancels the order and frees its stock.

    If the money was taken meanwhile, the order stands and is paid.
    """
    if sale.payment.status not in (AttemptStatus.CAPTURED, AttemptStatus.CANCELLED):
        sale = await settle(sale, await _stop(sale, cashier), context, cashier, reason=reason)
    return sale


async def call_off_free(order_id: OrderId, reason: str, context: Context, cashier: Cashier) -> None:
    """Cancels an order that costs nothing, and frees its stock. Raises OrderNotCancellable once goods left."""
    async with cashier.uow(context) as tx:
        order = await tx.orders.get(order_id)
        if order.status is not OrderStatus.CANCELLED:
            order.cancel(reason, context.now)
            await _StockOf(tx, order.id, context, cashier.ids).release()
            tx.orders.save(order)


async def _stop(sale: Sale, cashier: Cashier) -> IntentState:
    """Makes sure that the attempt can take no money, and says how it stands then."""
    gateway, attempt = cashier.provider_of(sale.payment), sale.payment.attempt
    if (charge := charge_of(sale)) is not None:
        return await cashier.billing.void(charge)
    ref = attempt.provider_ref
    if not ref:
        # Whether the provider has heard of it is not known: asking again with the same key gives the same intent.
        try:
            ref = (await gateway.create_intent(_request(sale))).provider_ref
        except (PaymentRefused, Invalid):
            return _never_made(attempt)
    return await gateway.cancel(ref, attempt.id)


def _never_made(attempt: PaymentAttempt) -> IntentState:
    """The provider refuses to make the intent at all, so there is nothing that could take money."""
    nothing = Money.zero(attempt.amount.currency)
    return IntentState(
        provider_ref="",
        status=AttemptStatus.CANCELLED,
        amount=attempt.amount,
        captured=nothing,
        refunded=nothing,
    )


async def _next_step(sale: Sale, context: Context, cashier: Cashier) -> _Step | None:
    """Does the next thing at the provider, if there is one, with no transaction open."""
    order, payment = sale.order, sale.payment
    attempt = payment.attempt
    if not attempt.provider_ref:
        # Once the hold has run out the shopper is long gone: the order is called off, and not paid for after all.
        over = order.status is OrderStatus.CANCELLED or order.is_overdue(context.now)
        return None if over else await _begin(sale, cashier)
    if attempt.status is AttemptStatus.AUTHORIZED:
        gateway = cashier.provider_of(payment)
        if not _stands(order) and not payment.captured:
            return _Step(await gateway.cancel(attempt.provider_ref, attempt.id))
        return _Step(await gateway.capture(attempt.provider_ref, attempt.id))
    if payment.refund_due:
        left = payment.captured - payment.refunded
        gateway = cashier.provider_of(payment)
        return _Step(await gateway.refund(attempt.provider_ref, attempt.id, left, str(payment.refunded.minor)))
    return None


async def _begin(sale: Sale, cashier: Cashier) -> _Step:
    """Makes the intent, and captures at once what was authorised as it was asked: one write tells of both.

    Cut short in between, the attempt's keys lead to the same intent and the same capture again. A capture that fails
    is told after the authorisation was written.
    """
    gateway, attempt = cashier.provider_of(sale.payment), sale.payment.attempt
    if (charge := charge_of(sale)) is not None:
        return _Step(await cashier.billing.charge(charge))
    made = await gateway.create_intent(_request(sale))
    if made.status is not AttemptStatus.AUTHORIZED or made.amount != attempt.amount or not _stands(sale.order):
        return _Step(made)
    try:
        return _Step(await gateway.capture(made.provider_ref, attempt.id))
    except (Unavailable, PaymentRefused) as trouble:
        return _Step(made, trouble)


def _stands(order: Order) -> bool:
    """Whether its money may be taken."""
    return order.status not in (OrderStatus.CANCELLED, OrderStatus.ON_HOLD)


def charge_of(sale: Sale) -> InvoiceCharge | None:
    """The invoice by which an order of a subscription is paid; None for an order that a shopper pays."""
    attempt = sale.payment.attempt
    method = InvoiceMethod.read(attempt.method)
    if method is None:
        return None
    return InvoiceCharge(
        provider_ref=method.provider_ref,
        period_start=method.period_start,
        attempt_id=attempt.id,
        order_id=sale.order.id,
        amount=attempt.amount,
        email=sale.order.email,
    )


def _request(sale: Sale) -> IntentRequest:
    attempt = sale.payment.attempt
    return IntentRequest(
        attempt_id=attempt.id,
        order_id=sale.order.id,
        amount=attempt.amount,
        method=attempt.method,
        email=sale.order.email,
    )


async def settle(
    sale: Sale, news: IntentState, context: Context, cashier: Cashier, *, reason: str = "payment_cancelled"
) -> Sale:
    """Writes what the news mean for payment, order, stock and books, all at once. Old news write nothing new.

    Raises StaleAggregate when the sale changed since it was read: read it again and ask the provider again.
    """
    before, refunded_before = sale.payment.attempt, sale.payment.refunded
    moves = sale.payment.follow(news, at=context.now)
    if not moves and sale.payment.attempt == before:
        return sale
    refunded = sale.payment.refunded  # its currency is the provider's, once that took another one
    just_refunded = Money(refunded.minor - refunded_before.minor, refunded.currency)
    return await _write(sale, moves, news.provider_ref, context, cashier, reason, just_refunded)


async def _write(
    sale: Sale,
    moves: list[MoneyMove],
    provider_ref: str,
    context: Context,
    cashier: Cashier,
    reason: str,
    just_refunded: Money,
) -> Sale:
    async with cashier.uow(context) as tx:
        stock = _StockOf(tx, sale.order.id, context, cashier.ids, sale.held)
        books = _BooksOf(tx, sale, provider_ref, just_refunded, context, cashier.ids)
        for move in moves:
            await _follow(move, sale, stock, books, context, reason)
        tx.payments.save(sale.payment)
        if moves:
            tx.orders.save(sale.order)
    return Sale(sale.order, sale.payment)


async def _follow(
    move: MoneyMove, sale: Sale, stock: "_StockOf", books: "_BooksOf", context: Context, reason: str
) -> None:
    order, payment, now = sale.order, sale.payment, context.now
    alive = order.status is not OrderStatus.CANCELLED
    if move is MoneyMove.AUTHORIZED:
        if alive and order.move_payment(PaymentStatus.AUTHORIZED, now):
            order.confirm(now)
            await stock.allocate()
    elif move is MoneyMove.CAPTURED:
        if alive and order.move_payment(PaymentStatus.PAID, now):
            order.confirm(now)
            await stock.allocate()
            books.sale()
        else:
            books.unapplied()
            payment.owe_refund(now)
    elif move is MoneyMove.MISMATCHED:
        if alive:
            order.put_on_hold(MISMATCH, now)
        if payment.captured:  # what was only authorised is let go of instead
            order.move_payment(PaymentStatus.MISMATCH, now)
            books.unapplied()
            payment.owe_refund(now)
    elif move is MoneyMove.REFUNDED:
        books.refund()
        whole = payment.refunded >= payment.captured
        order.move_payment(PaymentStatus.REFUNDED if whole else PaymentStatus.PARTIALLY_REFUNDED, now)
        if alive and whole and order.hold_reason == MISMATCH:
            order.cancel(MISMATCH, now)
            await stock.release()
    elif move is MoneyMove.FAILED:
        order.move_payment(PaymentStatus.FAILED, now)
    elif alive:  # voided
        order.move_payment(PaymentStatus.VOIDED, now)
        order.cancel(reason, now)
        await stock.release()


@frozen
class _StockOf:
    """The stock that is held for an order."""

    tx: Transaction
    order_id: OrderId
    context: Context
    ids: Ids
    held: tuple[Reservation, ...] | None = None

    async def allocate(self) -> None:
        """It is sold: the hold no longer runs out."""
        for reservation in await self._reservations():
            if reservation.state is ReservationState.HELD:
                self.tx.stock.settle(reservation, reservation.move_to(ReservationState.ALLOCATED))

    async def release(self) -> None:
        """It can be sold to somebody else."""
        for reservation in await self._reservations():
            if reservation.state not in LIVE:
                continue
            self.tx.stock.settle(reservation, reservation.move_to(ReservationState.RELEASED))
            self.tx.stock.move(
                StockMovement(
                    id=self.ids.new(MovementId),
                    variant_id=reservation.variant_id,
                    location_id=reservation.location_id,
                    reserved=-reservation.quantity,
                    kind=MovementKind.RELEASED,
                    source=self.order_id,
                    at=self.context.now,
                )
            )

    async def _reservations(self) -> Iterable[Reservation]:
        return self.held if self.held is not None else await self.tx.stock.reservations(self.order_id)


@frozen
class _BooksOf:
    """The ledger of one sale."""

    tx: Transaction
    of: Sale
    provider_ref: str
    just_refunded: Money
    context: Context
    ids: Ids

    def sale(self) -> None:
        order = self.of.order
        net = total((line.net for line in order.lines), order.currency)
        shipping = order.shipping.net if order.shipping else Money.zero(order.currency)
        self._book(
            EntryKind.CAPTURE,
            self.provider_ref,
            sale_postings(self._provider, net, shipping, order.tax_total),
        )

    def unapplied(self) -> None:
        postings = unapplied_postings(self._provider, self.of.payment.captured)
        self._book(EntryKind.CAPTURE, self.provider_ref, postings)

    def refund(self) -> None:
        """Books what went back just now; the sum so far makes its reference unique."""
        applied = self.of.order.payment_status in (PaymentStatus.PAID, PaymentStatus.PARTIALLY_REFUNDED)
        postings = refund_postings(self._provider, self.just_refunded, applied=applied)
        self._book(EntryKind.REFUND, f"{self.provider_ref}:{self.of.payment.refunded.minor}", postings)

    @property
    def _provider(self) -> str:
        return self.of.payment.provider

    def _book(self, kind: EntryKind, ref: str, postings: tuple[Posting, ...]) -> None:
        self.tx.ledger.book(
            LedgerEntry(
                id=self.ids.new(LedgerEntryId),
                at=self.context.now,
                kind=kind,
                order_id=self.of.order.id,
                payment_id=self.of.payment.id,
                provider=self._provider,
                provider_ref=ref,
                postings=postings,
            )
        )
