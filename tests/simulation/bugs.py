"""Mistakes that people make in shops, planted into the real code: the simulation has to find each of them.

Every planter replaces a piece of the shop by one that is almost right.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import count
from typing import Any
from uuid import UUID

from attrs import evolve
from pytest import MonkeyPatch  # noqa: PT013 - a type, not a fixture

from shop.adapters.fake.subscriptions import FakeSubscriptionBilling
from shop.adapters.memory import carts as memory_carts
from shop.adapters.memory import orders as memory_orders
from shop.adapters.memory import payments as memory_payments
from shop.adapters.memory import subscriptions as memory_subscriptions
from shop.adapters.memory import unit_of_work as memory_unit_of_work
from shop.adapters.memory.answers import MemoryAnswers
from shop.adapters.memory.inventory import MemoryStockRepository
from shop.adapters.memory.ledger import MemoryLedger
from shop.adapters.memory.outbox import MemoryOutbox
from shop.adapters.memory.tables import Journal
from shop.adapters.memory.unit_of_work import MemoryTransaction
from shop.adapters.memory.writes import Rank
from shop.application import placing, renewals, wiring
from shop.application.commands import checkout, orders
from shop.application.commands import payments as payment_commands
from shop.application.commands import refunds as refund_commands
from shop.application.messages import Context
from shop.application.ports.answers import Answer
from shop.application.ports.network import leave_transaction
from shop.application.ports.outbox import Delivery
from shop.application.ports.payments import IntentRequest, PaymentProviderUnavailable, PaymentRefused
from shop.application.ports.unit_of_work import StaleAggregate
from shop.application.settlement import Cashier, Sale, refusals, steps
from shop.application.settlement.refunds import RefundsOf
from shop.application.settlement.stock import StockOf
from shop.application.shop import Shop
from shop.application.wiring import Ports
from shop.domain.inventory import Allocation, Reservation, StockLevel
from shop.domain.kernel.errors import Unavailable
from shop.domain.kernel.identifiers import AttemptId, Identifier, OrderId, VariantId
from shop.domain.ledger import LedgerEntry
from shop.domain.orders import PaymentStatus
from shop.domain.payments import (
    AttemptStatus,
    Dispute,
    DisputeMove,
    DisputeState,
    IntentState,
    MoneyMove,
    Payment,
    PaymentSession,
)
from shop.domain.subscriptions import Renewal, Subscription, subscribe_at_checkout
from shop.entrypoints.worker import schedule
from tests.shops import eur

Plant = Callable[[MonkeyPatch], None]


def key_per_call(patch: MonkeyPatch) -> None:
    """Each call to the provider has a key of its own, instead of the attempt's: a repeated one is another intent."""
    keys, rightly = count(1), steps.request_of

    def request(sale: Sale, customer_ref: str = "") -> IntentRequest:
        return evolve(rightly(sale, customer_ref), attempt_id=AttemptId(UUID(int=next(keys))))

    patch.setattr(steps, "request_of", request)


def money_before_order(patch: MonkeyPatch) -> None:
    """The provider is asked before the order stands: whatever fails afterwards leaves money without an order."""
    rightly = wiring.command_handlers

    def handlers(ports: Ports) -> Any:
        table = dict(rightly(ports))
        place = table[checkout.CreateOrder]

        async def create_order(command: Any, context: Context) -> Any:
            attempt, order = ports.ids.new(AttemptId), ports.ids.new(OrderId)
            asked = IntentRequest(attempt_id=attempt, order_id=order, amount=eur(1000), method="fake_card")
            await ports.gateway.create_intent(asked)
            return await place(command, context)

        table[checkout.CreateOrder] = create_order
        return table

    patch.setattr("shop.application.shop.command_handlers", handlers)


def no_version_guard(patch: MonkeyPatch) -> None:
    """An aggregate is saved whatever became of it since it was read: the last one wins."""
    for module in (memory_carts, memory_orders, memory_payments):
        patch.setattr(module, "check_version", lambda saved, stored: None)


def stock_rule_off(patch: MonkeyPatch) -> None:
    """The statement that changes a level no longer asks whether there is enough."""

    def after(level: StockLevel, on_hand: int, reserved: int) -> StockLevel:
        return evolve(level, on_hand=level.on_hand + on_hand, reserved=level.reserved + reserved)

    patch.setattr(StockLevel, "after", after)


def sells_what_is_left(patch: MonkeyPatch) -> None:
    """An order is placed for all that was asked for, and only as much is held as there is."""

    def allocate(demand: Mapping[VariantId, int], levels: Sequence[StockLevel]) -> list[Allocation]:
        found = {level.variant_id: level for level in levels if level.available > 0}
        return [
            Allocation(variant_id, found[variant_id].location_id, min(quantity, found[variant_id].available))
            for variant_id, quantity in demand.items()
            if variant_id in found
        ]

    patch.setattr(placing, "allocate", allocate)


def events_after_commit(patch: MonkeyPatch) -> None:
    """Events are written in a step of their own after the commit: who dies between the two tells nobody."""

    async def leave(block: Any, kind: Any, error: Any, traceback: Any) -> None:
        leave_transaction(block._token)
        if kind is None:
            writes = block._transaction.writes
            writes.commit()
            if writes.events:
                await asyncio.sleep(0.05)
                block._events.write(writes.events, block._context, Journal())

    patch.setattr(memory_unit_of_work._Block, "__aexit__", leave)


def events_before_commit(patch: MonkeyPatch) -> None:
    """Events are told outside the transaction, before it is known whether it will be written."""

    async def leave(block: Any, kind: Any, error: Any, traceback: Any) -> None:
        leave_transaction(block._token)
        if kind is None:
            writes = block._transaction.writes
            block._events.write(writes.events, block._context, Journal())
            writes.commit()

    patch.setattr(memory_unit_of_work._Block, "__aexit__", leave)


def releases_without_cancelling(patch: MonkeyPatch) -> None:
    """An order that nobody paid in time is called off without telling the provider, who may still take the money."""

    async def call_off(sale: Sale, reason: str, context: Context, cashier: Cashier) -> Sale:
        gone = evolve(refusals.never_made(sale.payment.attempt), provider_ref=sale.payment.attempt.provider_ref)
        return await steps.settle(sale, gone, context, cashier, reason=reason)

    patch.setattr(orders, "call_off", call_off)


def captures_booked_again(patch: MonkeyPatch) -> None:
    """Every message that tells of a capture is booked, however often it was told; and the books let it happen."""
    rightly = Payment.follow

    def follow(payment: Payment, news: IntentState, at: datetime) -> list[MoneyMove]:
        moves = rightly(payment, news, at)
        return moves or ([MoneyMove.CAPTURED] if news.captured else [])

    def append(ledger: Any, entry: LedgerEntry, journal: Journal) -> None:
        journal.add(ledger._tables.entries_by_order, entry.order_id, entry)

    patch.setattr(Payment, "follow", follow)
    patch.setattr(MemoryLedger, "_append", append)


def messages_kept_twice(patch: MonkeyPatch) -> None:
    """A message that comes again is another message."""

    async def find(inbox: Any, provider: str, event_ref: str) -> None:
        return None

    patch.setattr(memory_payments.MemoryInboxRepository, "find", find)
    patch.setattr(memory_payments.MemoryInboxRepository, "_put", _put_without_looking)


def _put_without_looking(inbox: Any, item: Any, journal: Journal) -> None:
    journal.put(inbox._tables.inbox, item.id, item)


def late_money_stays(patch: MonkeyPatch) -> None:
    """Money that comes for an order that was called off is booked, and never given back."""
    patch.setattr(RefundsOf, "owe", lambda refunds: None)


def idempotency_ignored(patch: MonkeyPatch) -> None:
    """A key that came before is carried out again."""

    async def once(shop: Shop, handler: Any, command: Any, context: Context, principal: str, key: Any) -> Any:
        return await shop._again_after_collision(handler, command, evolve(context, idempotency=None))

    patch.setattr(Shop, "_once", once)


def answer_before_effect(patch: MonkeyPatch) -> None:
    """The answer to a key is kept at once, and what it speaks of perhaps never."""

    def answer(transaction: MemoryTransaction, result: Identifier) -> None:
        key, principal = transaction._context.idempotency, transaction._context.actor.principal
        if key is not None and principal is not None:
            kept = Answer(fingerprint=key.fingerprint, result=str(result))
            transaction._tables.answers[principal, key.route, key.key] = kept, transaction._context.now

    patch.setattr(MemoryTransaction, "answer", answer)


def unknown_commit_repeated(patch: MonkeyPatch) -> None:
    """A commit that got no answer is taken for one that failed, and everything is done once more."""
    rightly = Shop._again_after_collision

    async def again(shop: Shop, handler: Callable[..., Awaitable[Any]], message: Any, context: Context) -> Any:
        async def carry_out(message: Any, context: Context) -> Any:
            try:
                return await handler(message, context)
            except Unavailable as error:
                raise StaleAggregate from error

        return await rightly(shop, carry_out, message, context)

    patch.setattr(Shop, "_again_after_collision", again)


def queue_jumping(patch: MonkeyPatch) -> None:
    """Deliveries that are due are given out though an earlier one of the same thing is still open."""

    async def claim(outbox: MemoryOutbox, now: datetime, lease_until: datetime, limit: int) -> list[Delivery]:
        due = [stored for stored in outbox._tables.open_deliveries.values() if stored.due_at <= now][:limit]
        for stored in due:
            stored.due_at = lease_until
            stored.attempts += 1
        return [outbox._delivery(stored) for stored in due]

    patch.setattr(MemoryOutbox, "claim", claim)


def lease_without_fence(patch: MonkeyPatch) -> None:
    """Who held a delivery once may say what became of it, though somebody else holds it by now."""

    def leased(outbox: MemoryOutbox, delivery: Delivery) -> Any:
        return outbox._tables.open_deliveries.get((delivery.event_id, delivery.subscriber))

    patch.setattr(MemoryOutbox, "_leased", leased)


def claimed_without_lease(patch: MonkeyPatch) -> None:
    """What was given to a worker is given to the next one too."""
    rightly = MemoryOutbox.claim

    async def claim(outbox: MemoryOutbox, now: datetime, lease_until: datetime, limit: int) -> list[Delivery]:
        return await rightly(outbox, now, now, limit)

    patch.setattr(MemoryOutbox, "claim", claim)


def lease_for_ever(patch: MonkeyPatch) -> None:
    """What a worker was given and died over is never given to another."""
    rightly = MemoryOutbox.claim

    async def claim(outbox: MemoryOutbox, now: datetime, lease_until: datetime, limit: int) -> list[Delivery]:
        return await rightly(outbox, now, lease_until + timedelta(days=365), limit)

    patch.setattr(MemoryOutbox, "claim", claim)


def level_without_movement(patch: MonkeyPatch) -> None:
    """Stock that is released is put back into the level, and no movement says why."""
    rightly = MemoryStockRepository._note

    def note(stock: MemoryStockRepository, movement: Any, journal: Journal) -> None:
        if movement.reserved >= 0:
            rightly(stock, movement, journal)

    patch.setattr(MemoryStockRepository, "_note", note)


def sweeper_asleep(patch: MonkeyPatch) -> None:
    """Payments that stopped half-way are left to the provider's messages alone."""

    async def finish_payments(shop: Shop) -> int:
        return 0

    chores = tuple(evolve(c, run=finish_payments) if c.name == "finish payments" else c for c in schedule.CHORES)
    patch.setattr(schedule.run_schedule_once, "__defaults__", (chores,))


def stale_cart_ordered(patch: MonkeyPatch) -> None:
    """The cart is ordered as it is, not as the shopper saw it."""
    rightly = checkout.create_order

    async def create_order(command: Any, context: Context, **ports: Any) -> OrderId:
        async with ports["uow"](context) as tx:
            cart = await tx.carts.get(command.cart_id)
        seen_now = evolve(command, cart_version=cart.version, expected_total=None)
        return await rightly(seen_now, context, **ports)

    patch.setattr(checkout, "create_order", create_order)


def acknowledged_before_commit(patch: MonkeyPatch) -> None:
    """Callers are told that it is done when it is about to be: a commit that fails is only logged."""
    rightly = memory_unit_of_work._Block.__aexit__

    async def leave(block: Any, kind: Any, error: Any, traceback: Any) -> None:
        try:
            await rightly(block, kind, error, traceback)
        except StaleAggregate:
            return

    patch.setattr(memory_unit_of_work._Block, "__aexit__", leave)


def news_believed(patch: MonkeyPatch) -> None:
    """A cancelled payment is followed back to life by a message that comes late."""
    everything = {state: frozenset(AttemptStatus) for state in AttemptStatus}
    patch.setattr("shop.domain.payments.payment.ATTEMPT_ARROWS", everything)


def other_sums_accepted(patch: MonkeyPatch) -> None:
    """Whatever the provider took pays for the order, be it the right sum or not."""
    rightly = Payment.follow

    def follow(payment: Payment, news: IntentState, at: datetime) -> list[MoneyMove]:
        moves: Iterable[MoneyMove] = rightly(payment, news, at)
        return [MoneyMove.CAPTURED if move is MoneyMove.MISMATCHED else move for move in moves]

    patch.setattr(Payment, "follow", follow)


def captured_twice(patch: MonkeyPatch) -> None:
    """What the provider took already is asked for once more, under another attempt, when nobody answered."""
    rightly = steps._next_step

    async def next_step(sale: Sale, context: Context, cashier: Cashier) -> steps._Step | None:
        try:
            step = await rightly(sale, context, cashier)
            if step is None or step.trouble is None:
                return step
        except Unavailable:
            pass
        request = evolve(steps.request_of(sale), attempt_id=AttemptId(UUID(int=sale.order.id.uuid.int + 1)))
        made = await cashier.gateway.create_intent(request)
        return steps._Step(await cashier.gateway.capture(made.provider_ref, request.attempt_id))

    patch.setattr(steps, "_next_step", next_step)


def forgotten_answers(patch: MonkeyPatch) -> None:
    """Answers are looked up under the key alone and of the wrong route: none is ever found."""

    async def find(answers: MemoryAnswers, principal: str, route: str, key: str) -> None:
        return None

    patch.setattr(MemoryAnswers, "find", find)
    patch.setattr(memory_unit_of_work, "keep_answer", lambda *anything: None)


def two_schedulers_unguarded(patch: MonkeyPatch) -> None:
    """Neither the subscription's version nor the period's key is looked at: each scheduler orders the period."""
    patch.setattr(memory_subscriptions, "check_version", lambda saved, stored: None)

    def renew(repository: Any, renewal: Renewal) -> None:
        def put(journal: Journal) -> None:
            journal.add(repository._tables.renewals, renewal.subscription_id, renewal)

        repository._writes.add(Rank.PAYMENT, put)

    patch.setattr(memory_subscriptions.MemorySubscriptionRepository, "renew", renew)


def period_charged_with_a_key_per_call(patch: MonkeyPatch) -> None:
    """Each try to charge a period has a key of its own: one whose answer was lost takes the money again."""
    keys, rightly = count(1), steps.charge_of

    def charge_of(sale: Sale) -> Any:
        charge = rightly(sale)
        return charge and evolve(charge, attempt_id=AttemptId(UUID(int=next(keys))))

    patch.setattr(steps, "charge_of", charge_of)
    patch.setattr(renewals, "charge_of", charge_of)


def end_not_told(patch: MonkeyPatch) -> None:
    """A subscription ends by our books only: the provider goes on with it."""

    async def cancel(billing: FakeSubscriptionBilling, provider_ref: str) -> None:
        """Says nothing to anybody."""

    patch.setattr(FakeSubscriptionBilling, "cancel", cancel)


def renewals_asleep(patch: MonkeyPatch) -> None:
    """Nobody looks for subscriptions that are due."""

    async def due(repository: Any, now: datetime, limit: int) -> list[Any]:
        return []

    patch.setattr(memory_subscriptions.MemorySubscriptionRepository, "due", due)


def period_stays_where_it_is(patch: MonkeyPatch) -> None:
    """A period that was ordered is not counted: the same one is due again."""
    rightly = Subscription.begin_period

    def begin_period(subscription: Subscription, *about: Any) -> Renewal:
        renewal = rightly(subscription, *about)
        subscription.begun -= 1
        return renewal

    patch.setattr(Subscription, "begin_period", begin_period)


def renewal_taken_for_paid(patch: MonkeyPatch) -> None:
    """Whoever renews believes that the money came, and looks no more."""

    def take_over(subscription: Subscription, sale: Sale, now: datetime, *, tried: bool) -> None:
        subscription.pay(sale.order.id, now)

    patch.setattr(renewals, "_take_over", take_over)


def sold_without_taking_anew(patch: MonkeyPatch) -> None:
    """What was let go of while the bank decided is sold when the money comes, whether it is still there or not."""

    async def take_anew(stock: StockOf, released: Sequence[Reservation]) -> bool:
        return True

    patch.setattr(StockOf, "_take_anew", take_anew)


def begun_on_a_promise(patch: MonkeyPatch) -> None:
    """What is in the cart by a plan begins when its money is authorised, whether it is ever taken or not."""
    patch.setattr(renewals, "_TAKEN", renewals._TAKEN | {PaymentStatus.AUTHORIZED})


def checkouts_asleep(patch: MonkeyPatch) -> None:
    """Only the request that pays begins what was subscribed at the checkout: when it dies nobody looks again."""
    rightly = subscribe_at_checkout

    def subscribe(**attributes: Any) -> tuple[Subscription, Renewal | None]:
        subscription, renewal = rightly(**attributes)
        subscription.due_at = None
        return subscription, renewal

    patch.setattr(placing, "subscribe_at_checkout", subscribe)


def lapse_unnoticed(patch: MonkeyPatch) -> None:
    """What waits for staff is asked about no more: when its authorisation lapses nobody notices."""
    rightly = memory_payments.MemoryPaymentRepository.unfinished

    async def unfinished(payments: Any, before: datetime, now: datetime, limit: int) -> list[OrderId]:
        found = await rightly(payments, before, now, limit)
        stored = payments._tables
        of_order = {order_id: stored.payments[stored.payments_by_order[order_id][-1]] for order_id in found}
        return [order_id for order_id in found if not of_order[order_id].awaits_capture]

    patch.setattr(memory_payments.MemoryPaymentRepository, "unfinished", unfinished)


def void_forgets_the_money(patch: MonkeyPatch) -> None:
    """A void is believed, whatever the provider answers: money that was quicker is forgotten."""
    rightly = steps._next_step

    async def next_step(sale: Sale, context: Context, cashier: Cashier) -> steps._Step | None:
        step = await rightly(sale, context, cashier)
        if step is None or not sale.payment.void_due:
            return step
        nothing = evolve(step.news.captured, minor=0)
        return steps._Step(evolve(step.news, status=AttemptStatus.CANCELLED, captured=nothing))

    patch.setattr(steps, "_next_step", next_step)


def part_forgotten(patch: MonkeyPatch) -> None:
    """Which part was to be taken is not remembered: it is taken for another sum than the order's, and goes back."""
    rightly = Payment.follow

    def follow(payment: Payment, news: IntentState, at: datetime) -> list[MoneyMove]:
        due, payment.capture_due = payment.capture_due, None
        try:
            return rightly(payment, news, at)
        finally:
            payment.capture_due = due

    patch.setattr(Payment, "follow", follow)


def captured_unasked(patch: MonkeyPatch) -> None:
    """What is authorised is captured as soon as anybody comes by, whether staff are to say so or not."""
    patch.setattr(Payment, "awaits_capture", False)


def void_captures(patch: MonkeyPatch) -> None:
    """What staff let go of is captured when the sweeper comes by: its state is the same until the provider answers."""
    patch.setattr(steps, "_lets_go", lambda sale, context: False)


def silence_taken_for_a_refusal(patch: MonkeyPatch) -> None:
    """Where nobody answers, the attempt is given up and another one begun, without asking whether it was made."""
    rightly = steps._begin

    async def begin(sale: Sale, context: Context, cashier: Cashier) -> steps._Step:
        try:
            return await rightly(sale, context, cashier)
        except PaymentProviderUnavailable:
            return steps._Step(refusals.refused(sale.payment.attempt, PaymentRefused("No answer.")))

    async def begin_anew(sale: Sale, session: PaymentSession, context: Context, cashier: Cashier) -> Sale:
        async with cashier.uow(context) as tx:
            payment = await tx.payments.of_order(sale.order.id)
            payment.begin_anew(cashier.ids.new(AttemptId), session.method, context.now)
            tx.payments.save(payment)
        return await steps.carry_on(Sale(sale.order, payment), context, cashier)

    patch.setattr(steps, "_begin", begin)
    patch.setattr(payment_commands, "begin_anew", begin_anew)


def refund_although_disputed(patch: MonkeyPatch) -> None:
    """Staff may give money back that a bank is deciding about: it is promised, and would be paid twice."""
    patch.setattr(refund_commands, "_DISPUTED", frozenset())
    patch.setattr(refund_commands, "_REFUNDABLE", frozenset(PaymentStatus))


def disputes_booked_again(patch: MonkeyPatch) -> None:
    """What a bank moved is booked each time it is told of, and the books let it happen."""
    rightly = Dispute.follow

    def follow(dispute: Dispute, news: DisputeState, at: datetime) -> tuple[DisputeMove, ...]:
        rightly(dispute, news, at)
        return news.moves

    def append(ledger: Any, entry: LedgerEntry, journal: Journal) -> None:
        journal.add(ledger._tables.entries_by_order, entry.order_id, entry)

    patch.setattr(Dispute, "follow", follow)
    patch.setattr(MemoryLedger, "_append", append)


def losses_forgotten(patch: MonkeyPatch) -> None:
    """A dispute is lost, and its money stays in the books as if it could still come back."""
    patch.setattr(Dispute, "to_write_off", lambda dispute: ())


def wish_looked_at_once(patch: MonkeyPatch) -> None:
    """Whether a card is saved is looked at when a payment session is opened, and not when it pays."""
    patch.setattr(payment_commands, "check_wish", lambda session, attempt, cashier: None)


BUGS: tuple[Plant, ...] = (
    key_per_call,
    money_before_order,
    no_version_guard,
    stock_rule_off,
    sells_what_is_left,
    events_after_commit,
    events_before_commit,
    releases_without_cancelling,
    captures_booked_again,
    messages_kept_twice,
    late_money_stays,
    idempotency_ignored,
    answer_before_effect,
    unknown_commit_repeated,
    queue_jumping,
    lease_without_fence,
    claimed_without_lease,
    lease_for_ever,
    level_without_movement,
    sweeper_asleep,
    stale_cart_ordered,
    acknowledged_before_commit,
    news_believed,
    other_sums_accepted,
    captured_twice,
    forgotten_answers,
    two_schedulers_unguarded,
    period_charged_with_a_key_per_call,
    end_not_told,
    renewals_asleep,
    period_stays_where_it_is,
    renewal_taken_for_paid,
    sold_without_taking_anew,
    begun_on_a_promise,
    checkouts_asleep,
    lapse_unnoticed,
    void_forgets_the_money,
    part_forgotten,
    captured_unasked,
    void_captures,
    refund_although_disputed,
    disputes_booked_again,
    losses_forgotten,
    silence_taken_for_a_refusal,
    wish_looked_at_once,
)
