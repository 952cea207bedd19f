"""Where a provider's news become ours: the only place that moves the state of money.

The browser's request, the webhook, the sweeper and the command line all come here. `carry_on` takes the next step
that a payment needs (make its intent, ask how it stands, capture, give back) and `settle` writes what came of it.
Steps may be repeated and cut short anywhere: each call to the provider carries the attempt's id as its key, and
each write expects what it was decided on.
"""

from collections.abc import Sequence

from attrs import evolve, frozen

from shop.application.messages import Context
from shop.application.ports.payments import (
    IntentRequest,
    KeyReused,
    PaymentProviderUnavailable,
    PaymentRefused,
    RefundRequest,
)
from shop.application.ports.subscriptions import InvoiceCharge, InvoiceMethod
from shop.application.settlement.books import BooksOf
from shop.application.settlement.captures import lapse, let_go, take
from shop.application.settlement.disputes import is_contested, look_at_disputes
from shop.application.settlement.endings import EMPTIED, call_off_emptied
from shop.application.settlement.refunds import MISMATCH, RefundsOf
from shop.application.settlement.refusals import KEYS_LAST, is_for_good, never_made, refused
from shop.application.settlement.sales import Cashier, Sale
from shop.application.settlement.stock import StockOf
from shop.application.settlement.tenders import TendersOf
from shop.application.settlement.wallets import customer_of
from shop.domain.kernel.capturing import CapturePolicy
from shop.domain.kernel.errors import Invalid, Unavailable
from shop.domain.kernel.money import Money
from shop.domain.orders import Order, OrderStatus, PaymentStatus
from shop.domain.payments import (
    TENDERS,
    AttemptStatus,
    IntentState,
    MoneyMove,
    Payment,
    Refund,
    RefundState,
    RefundStatus,
)

STEPS_MAX = 6
VOIDED_BY_STAFF = "payment_voided"
SOLD_MEANWHILE = "out_of_stock"

_TOLD = {MoneyMove.FAILED: PaymentStatus.FAILED, MoneyMove.TRIED_AGAIN: PaymentStatus.PENDING}
"""What only the order tells: neither stock nor books have a part in it."""


@frozen
class _Step:
    """What the provider said, and what it did not do after that."""

    news: IntentState
    trouble: Unavailable | PaymentRefused | None = None


async def carry_on(
    sale: Sale, context: Context, cashier: Cashier, *, refresh: bool = False, disputes: bool = False
) -> Sale:
    """Takes the payment as far as it goes without the shopper. With `refresh`, first asks how it stands; with
    `disputes`, for those too, even where nothing is known of any.

    Raises PaymentProviderUnavailable, StaleAggregate, PaymentElsewhere; each time doing it again is safe.
    """
    if refresh and (ref := sale.payment.attempt.provider_ref) and sale.payment.provider != TENDERS:
        state = await cashier.provider_of(sale.payment).fetch(ref)
        sale = await settle(sale, state, context, cashier)
        if state.disputed or sale.payment.disputed or disputes:
            sale = await look_at_disputes(sale, context, cashier)
            if sale.payment.refunded:  # what waited for the bank: goods that nobody bought after all
                sale = await settle_refunds(sale, (), context, cashier)
    for _ in range(STEPS_MAX):
        version = sale.payment.version
        step = await _next_step(sale, context, cashier)
        if step is not None:
            sale = await settle(sale, step.news, context, cashier)
            if step.trouble is not None:
                raise step.trouble
        elif sale.payment.refund_due:
            sale = await _give_back(sale, context, cashier)
        if sale.payment.version == version:
            break  # such as a refund that the provider takes its time for: asking at once again changes nothing
    return sale


async def _give_back(sale: Sale, context: Context, cashier: Cashier) -> Sale:
    """Asks the provider for the next refund that it has not heard of yet, if there is one."""
    async with cashier.uow(context) as tx:
        if await is_contested(sale.payment, tx):
            return sale  # F-60: it waits for what the bank decides
        refunds = await tx.refunds.of_payment(sale.payment.id)
    refund = next((refund for refund in refunds if refund.status is RefundStatus.REQUESTED), None)
    if refund is None:
        return sale
    if not refund.at_provider:
        return await settle_refunds(sale, (_given_back_here(refund),), context, cashier)
    gateway = cashier.provider_of(sale.payment)
    if context.now - refund.created_at > KEYS_LAST:
        # It may have been asked for under a key that is forgotten by now: then it is among those that there are.
        known = (await gateway.fetch(sale.payment.attempt.provider_ref)).refunds
        if any(state.refund_id == refund.id for state in known):
            return await settle_refunds(sale, known, context, cashier)
    request = RefundRequest(
        refund_id=refund.id,
        provider_ref=sale.payment.attempt.provider_ref,
        amount=refund.at_provider,
        reason=refund.reason,
    )
    try:
        state = await gateway.refund(request)
    except (PaymentRefused, Invalid):
        state = _not_given_back(refund)
    return await settle_refunds(sale, (state,), context, cashier)


def _not_given_back(refund: Refund) -> RefundState:
    """The provider will not do it, now or later: people must look at it."""
    return RefundState(
        provider_ref="",
        status=RefundStatus.FAILED,
        amount=refund.at_provider,
        failure_code="refused",
        refund_id=refund.id,
    )


def _given_back_here(refund: Refund) -> RefundState:
    """All of it goes to gift cards and store credit: no provider has a part in it."""
    return RefundState(
        provider_ref=str(refund.id), status=RefundStatus.SUCCEEDED, amount=refund.at_provider, refund_id=refund.id
    )


async def call_off(sale: Sale, reason: str, context: Context, cashier: Cashier) -> Sale:
    """Makes sure the provider can take no more money, and only then cancels the order and frees its stock.

    If the money was taken meanwhile, the order stands and is paid; if all of it went back, or a bank gave it back,
    nothing is left of it but the stock. Raises OrderNotCancellable where a bank left a part.
    """
    if sale.order.payment_status in EMPTIED:
        return await call_off_emptied(sale, reason, context, cashier)
    if sale.payment.status not in (AttemptStatus.CAPTURED, AttemptStatus.CANCELLED):
        sale = await settle(sale, await _stop(sale, context, cashier), context, cashier, reason=reason)
    return sale


async def _stop(sale: Sale, context: Context, cashier: Cashier) -> IntentState:
    """Makes sure that the attempt can take no money, and says how it stands then."""
    gateway, attempt = cashier.provider_of(sale.payment), sale.payment.attempt
    if (charge := charge_of(sale)) is not None:
        return await cashier.billing.void(charge)
    ref = attempt.provider_ref
    if not ref:
        # Whether the provider has heard of it is not known: asking again with the same key gives the same intent.
        customer = await _customer(sale, context, cashier)
        try:
            ref = (await gateway.create_intent(evolve(request_of(sale, customer), confirm=False))).provider_ref
        except (PaymentRefused, Invalid) as refusal:
            otherwise = cashier.saved_methods.names(attempt.method) and not customer
            if otherwise or isinstance(refusal, KeyReused):
                # It was asked for otherwise before, such as for a customer who is gone: it may be there, and paid.
                raise PaymentProviderUnavailable("Whether the payment was begun is not known.") from refusal
            return never_made(attempt)
    return await gateway.cancel(ref, attempt.id)


async def _next_step(sale: Sale, context: Context, cashier: Cashier) -> _Step | None:
    """Does the next thing at the provider, if there is one, with no transaction open."""
    order, payment = sale.order, sale.payment
    attempt = payment.attempt
    if not attempt.provider_ref:
        # Once the hold has run out the shopper is long gone: the order is called off, and not paid for after all.
        over = order.status is OrderStatus.CANCELLED or order.is_overdue(context.now)
        return None if over or attempt.is_refused else await _begin(sale, context, cashier)
    if attempt.status is not AttemptStatus.AUTHORIZED:
        return None
    if _lets_go(sale, context):
        return _Step(await cashier.provider_of(payment).cancel(attempt.provider_ref, attempt.id))
    if payment.awaits_capture or order.status is OrderStatus.ON_HOLD:
        return None  # people decide
    return _Step(await take(sale, _part_to_take(payment), context, cashier))


def _lets_go(sale: Sale, context: Context) -> bool:
    """Whether what is authorised is not to be taken: nobody may, or nobody wishes to, or it is too late."""
    order, payment = sale.order, sale.payment
    off = order.status is OrderStatus.CANCELLED or order.hold_reason == MISMATCH
    return (off and not payment.captured) or payment.void_due or payment.has_lapsed(context.now)


def _part_to_take(payment: Payment) -> Money | None:
    """None for all of it."""
    return None if payment.to_take == payment.amount else payment.to_take


async def _begin(sale: Sale, context: Context, cashier: Cashier) -> _Step:
    """Makes the intent, and captures at once what was authorised as it was asked, unless that is for people to say.

    One write tells of both. Cut short in between, the attempt's keys lead to the same intent and the same capture
    again. A capture that fails is told after the authorisation was written. An intent that the provider will not make
    is a decline of this attempt, where that is certain; elsewhere the refusal is raised, and nothing is written.
    """
    gateway, attempt = cashier.provider_of(sale.payment), sale.payment.attempt
    if (charge := charge_of(sale)) is not None:
        try:
            return _Step(await cashier.billing.charge(charge))
        except (PaymentRefused, Invalid) as refusal:
            return _Step(refused(attempt, refusal))
    customer = await _customer(sale, context, cashier)
    try:
        made = await gateway.create_intent(request_of(sale, customer))
    except (PaymentRefused, Invalid) as refusal:
        if not is_for_good(refusal, sale, context.now, cashier):
            raise
        return _Step(refused(attempt, refusal))
    if sale.payment.capture is CapturePolicy.MANUAL:
        return _Step(made)
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


async def _customer(sale: Sale, context: Context, cashier: Cashier) -> str:
    """Whose saved way to pay the attempt uses, or for whom it saves one."""
    attempt = sale.payment.attempt
    return await customer_of(sale.order.owner_id, attempt.method, context, cashier, saves=attempt.saves)


def request_of(sale: Sale, customer_ref: str = "") -> IntentRequest:
    """What the provider is asked for by the latest attempt."""
    attempt = sale.payment.attempt
    return IntentRequest(
        attempt_id=attempt.id,
        order_id=sale.order.id,
        amount=attempt.amount,
        method=attempt.method,
        email=sale.order.email,
        customer_ref=customer_ref,
        save=attempt.saves,
    )


async def settle(
    sale: Sale, news: IntentState, context: Context, cashier: Cashier, *, reason: str = "payment_cancelled"
) -> Sale:
    """Writes what the news mean for payment, order, stock and books, all at once. Old news write nothing new.

    Raises StaleAggregate when the sale changed since it was read: read it again and ask the provider again.
    """
    before = sale.payment.attempt
    if charge_of(sale) is not None:  # an invoice stays one, whichever card pays it
        news = evolve(news, method="")
    moves = sale.payment.follow(news, at=context.now)
    changed = bool(moves) or sale.payment.attempt != before
    refunds = news.refunds if sale.payment.captured else ()
    if not changed and not refunds:
        return sale
    async with cashier.uow(context) as tx:
        stock = StockOf(tx, sale.order.id, context, cashier.ids, sale.held)
        books = BooksOf(tx, sale, context, cashier.ids)
        tenders = TendersOf(tx, sale.order, cashier.tenders)
        back = RefundsOf(tx, sale, books, stock, tenders, context, cashier.ids)
        if refunds:
            await back.read()
        for move in moves:
            await _follow(move, sale, news.provider_ref, stock, books, tenders, back, context, reason)
        await back.follow(refunds)
        given_back = await back.conclude() if sale.payment.captured and (refunds or moves) else False
        if changed or given_back:
            tx.payments.save(sale.payment)
        if moves or given_back:
            tx.orders.save(sale.order)
    return Sale(sale.order, sale.payment)


async def _sell(sale: Sale, status: PaymentStatus, stock: StockOf, tenders: TendersOf, context: Context) -> bool:
    """Confirms the order whose money is safe. False where that money buys nothing: the order is cancelled, or its stock
    was let go of while the bank decided and is somebody else's by now, for which the order is called off."""
    order = sale.order
    if order.status is OrderStatus.CANCELLED or not order.may_move_payment(status):
        return False
    if not await stock.allocate():
        await let_go(sale, SOLD_MEANWHILE, stock, tenders, context)
        return False
    order.move_payment(status, context.now)
    order.confirm(context.now)
    return True


async def settle_refunds(sale: Sale, news: Sequence[RefundState], context: Context, cashier: Cashier) -> Sale:
    """Writes what the provider says of refunds. Raises StaleAggregate as `settle` does."""
    async with cashier.uow(context) as tx:
        stock = StockOf(tx, sale.order.id, context, cashier.ids, sale.held)
        books = BooksOf(tx, sale, context, cashier.ids)
        back = RefundsOf(tx, sale, books, stock, TendersOf(tx, sale.order, cashier.tenders), context, cashier.ids)
        await back.read()
        await back.follow(news)
        if await back.conclude():
            tx.payments.save(sale.payment)
            tx.orders.save(sale.order)
    return sale


async def _follow(
    move: MoneyMove,
    sale: Sale,
    provider_ref: str,
    stock: StockOf,
    books: BooksOf,
    tenders: TendersOf,
    back: RefundsOf,
    context: Context,
    reason: str,
) -> None:
    order, payment, now = sale.order, sale.payment, context.now
    alive = order.status is not OrderStatus.CANCELLED
    if move is MoneyMove.AUTHORIZED:
        await _sell(sale, PaymentStatus.AUTHORIZED, stock, tenders, context)
    elif move is MoneyMove.CAPTURED:
        if await _sell(sale, PaymentStatus.PAID, stock, tenders, context):
            await tenders.take()
            books.sale(provider_ref)
        else:
            books.unapplied(provider_ref)
            back.owe()
    elif move is MoneyMove.MISMATCHED:
        if alive:
            order.put_on_hold(MISMATCH, now)
        if payment.captured:  # what was only authorised is let go of instead
            order.move_payment(PaymentStatus.MISMATCH, now)
            books.unapplied(provider_ref)
            back.owe()
    elif move in _TOLD:
        order.move_payment(_TOLD[move], now)
    elif move is MoneyMove.EXPIRED:
        if alive:
            await lapse(sale, stock, tenders, context)
    elif alive:  # voided
        await let_go(sale, VOIDED_BY_STAFF if payment.void_due else reason, stock, tenders, context)
