"""Who watches a run: cheap rules after every commit, all rules now and then, and what was promised to whom.

The cheap rules look straight into the tables of memory storage; the full ones are `tests.invariants`.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Coroutine
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any, TypeVar

from attrs import define, field, frozen

from shop.adapters.fake.billing_books import MemoryBillingBooks
from shop.adapters.fake.booked import BookedIntent
from shop.adapters.fake.books import MemoryBooks
from shop.adapters.memory.storage import MemoryStorage
from shop.adapters.memory.tables import LevelKey, Tables
from shop.adapters.memory.unit_of_work import MemoryUnitOfWork
from shop.application.messages import Context
from shop.application.ports.outbox import Delivery
from shop.application.ports.subscriptions import InvoiceMethod
from shop.application.settlement.refunds import MISMATCH
from shop.domain.inventory import LIVE
from shop.domain.kernel.capturing import CapturePolicy
from shop.domain.kernel.identifiers import (
    CartId,
    EventId,
    Identifier,
    MovementId,
    OrderId,
    RefundId,
    SubscriptionId,
    VariantId,
    encode_suffix,
)
from shop.domain.kernel.money import Money
from shop.domain.orders import OrderStatus, PaymentStatus
from shop.domain.payments import REASONS_OF_PEOPLE, AttemptStatus
from tests.invariants import PAID_FOR, Broken, Snapshot, Watch, broken
from tests.simulation.consents import Consents
from tests.simulation.plans import check_begun, check_lines, waiting

T = TypeVar("T")
LOOK_EVERY = 40
CLOCKS_DIFFER = timedelta(minutes=5)
CONTESTED = frozenset({PaymentStatus.DISPUTED, PaymentStatus.DISPUTED_LOST})
HAS_IT_AGAIN = frozenset({PaymentStatus.REFUNDED, PaymentStatus.DISPUTED_LOST})
"""Whoever bought has the money again: such an order may be called off."""
SETTLED = PAID_FOR | CONTESTED | {PaymentStatus.MISMATCH}
"""For a subscription: money of another sum goes back by itself."""
"""Commits between two looks at all the rules."""


def at_once(steps: Coroutine[Any, Any, T]) -> T:
    """Runs what never waits to its end, before anybody else goes on."""
    try:
        steps.send(None)
    except StopIteration as end:
        answer: T = end.value
        return answer
    raise AssertionError("This was to wait for nothing.")


class WatchedBooks(MemoryBooks):
    """The provider's books, which tell of each change, and know for which order an intent was asked."""

    def __init__(self, announced: Callable[[], None]) -> None:
        super().__init__()
        self._announced = announced
        self.order_of: dict[str, str] = {}

    @property
    def intents(self) -> dict[str, BookedIntent]:
        return self._intents

    def keep(self, intent: BookedIntent, *, event: str, at: int, key: str = "", asked: str = "") -> None:
        self.order_of.setdefault(intent.ref, asked.partition("|")[0])
        super().keep(intent, event=event, at=at, key=key, asked=asked)
        if event:
            self._announced()

    def alter(self, intent: BookedIntent) -> None:
        """What the provider does by itself, of which it says nothing."""
        self._intents[intent.ref] = intent


@frozen
class Seen:
    """A cart as a shopper saw it when they ordered: the sum, and how many of what."""

    total: Money
    items: tuple[tuple[VariantId, int], ...]


@define
class Promises:
    """What callers were told, which nothing may undo."""

    answers: dict[tuple[str, str], Identifier] = field(factory=dict)
    orders: dict[CartId, OrderId] = field(factory=dict)
    seen: dict[CartId, list[Seen]] = field(factory=lambda: defaultdict(list))
    paid: set[OrderId] = field(factory=set)
    called_off: set[OrderId] = field(factory=set)
    captured: dict[OrderId, Money] = field(factory=dict)
    ended: set[SubscriptionId] = field(factory=set)
    consents: Consents = field(factory=Consents)
    moved: set[MovementId] = field(factory=set)
    once: set[str] = field(factory=set)
    """Reasons of adjustments that each were asked for once, or with one key."""

    def answered(self, caller: str, key: str, result: Identifier) -> None:
        """I4: the same key is the same result."""
        if self.answers.setdefault((caller, key), result) != result:
            broken("I4", f"the key {key} was answered with {self.answers[caller, key]}, and now with {result}")

    def ordered(self, cart_id: CartId, order_id: OrderId) -> None:
        if self.orders.setdefault(cart_id, order_id) != order_id:
            broken("I4", f"{cart_id} became {self.orders[cart_id]}, and now {order_id}")


@define(eq=False)
class Oracle:
    """Remembers the first rule that was broken. `broke` is called at that moment."""

    storage: MemoryStorage
    books: WatchedBooks
    billing: MemoryBillingBooks
    context: Callable[[], Context]
    broke: Callable[[BaseException], None]
    promises: Promises = field(factory=Promises)
    taken_elsewhere: set[str] = field(factory=set)
    """Intents that somebody captured at the provider itself."""
    commits: int = 0
    watch: Watch = field(init=False)
    tables: Tables = field(init=False)
    _moved: int = 0
    _on_hand: dict[LevelKey, int] = field(factory=lambda: defaultdict(int))
    _reserved: dict[LevelKey, int] = field(factory=lambda: defaultdict(int))
    _refunds: set[RefundId] = field(factory=set)
    _claims: dict[tuple[EventId, str], tuple[int, datetime]] = field(factory=dict)

    def __attrs_post_init__(self) -> None:
        self.watch = Watch(self.storage, lambda: self.books.intents)
        uow = self.storage.uow
        assert isinstance(uow, MemoryUnitOfWork)
        self.tables = uow._tables

    # After every commit.

    def committed(self) -> None:
        self.commits += 1
        try:
            self._check_levels()
            self._check_once()
            self._check_charges()
            self._check_periods()
            check_lines(self.tables)
            self._check_refunds()
            if self.commits % LOOK_EVERY == 0:
                at_once(self.watch.look(self.context()))
        except Broken as error:
            self.broke(error)

    def _check_levels(self) -> None:
        """I1, I2, I3."""
        tables = self.tables
        for movement in tables.movements[self._moved :]:
            key = movement.variant_id, movement.location_id
            self._on_hand[key] += movement.on_hand
            self._reserved[key] += movement.reserved
        self._moved = len(tables.movements)
        held: Counter[LevelKey] = Counter()
        for kept in tables.reservations.values():
            if kept.state in LIVE:
                held[kept.variant_id, kept.location_id] += kept.quantity
        for key, level in tables.levels.items():
            if level.on_hand < 0 or not 0 <= level.reserved <= level.on_hand + level.backorder_limit:
                broken("I1", f"{level.reserved} of {level.on_hand} are promised at {key}")
            if (level.on_hand, level.reserved) != (self._on_hand[key], self._reserved[key]):
                broken("I2", f"the movements do not make the level {level}")
            if level.reserved != held[key]:
                broken("I3", f"{level.reserved} are reserved at {key}, and {held[key]} held for orders")

    def _check_once(self) -> None:
        """I4, I5: one order per cart, one record per message, one movement per wish."""
        orders = self.tables.orders.values()
        if len({order.cart_id for order in orders}) != len(orders):
            broken("I4", "a cart was ordered twice")
        inbox = self.tables.inbox.values()
        if len({(item.provider, item.event_ref) for item in inbox}) != len(inbox):
            broken("I5", "a message of the provider was kept twice")

    def _check_charges(self) -> None:
        """I6: whatever goes wrong, nobody's money is taken twice for the same order, or given back twice."""
        charged: Counter[str] = Counter()
        for intent in self.books.intents.values():
            charged[self.books.order_of[intent.ref]] += bool(intent.captured)
            if not 0 <= intent.refunded <= intent.captured:
                broken("I7", f"of {intent.captured} of {intent.ref} {intent.refunded} went back")
        if twice := [order for order, times in charged.items() if times > 1]:
            broken("I6", f"the orders {twice} were charged more than once")

    def _check_periods(self) -> None:
        """I4, I7, F-23: a period of a subscription is one order, none begins before the one before has ended, and
        none after the end."""
        tables, ordered = self.tables, Counter[tuple[OrderId, SubscriptionId | None]]()
        methods = [p.attempt.method for p in tables.payments.values() if InvoiceMethod.read(p.attempt.method)]
        if len(set(methods)) != len(methods):
            broken("I7", "a period of a subscription was ordered twice")
        for subscription_id, renewals in tables.renewals.items():
            in_time = sorted(renewals, key=lambda renewal: renewal.period_start)
            subscription = tables.subscriptions[subscription_id]
            first = subscription.order_id  # of a checkout, where others may have begun too
            ordered.update((r.order_id, subscription_id if r.order_id == first else None) for r in in_time)
            if any(later.period_start < earlier.period_end for earlier, later in pairwise(in_time)):
                broken("I7", f"periods of {subscription_id} overlap")
            for renewal in in_time:
                order = tables.orders[renewal.order_id]
                settled = order.payment_status in SETTLED or order.status is OrderStatus.CANCELLED
                if order.id == first and subscription.ended:
                    continue  # the order stands by itself
                if not settled and subscription.open_order != order.id:
                    broken("I9", f"{order.id} is {order.payment_status}, and {subscription.id} has forgotten it")
            ended = subscription.cancelled_at
            if ended is not None and in_time[-1].period_start > ended + CLOCKS_DIFFER:
                broken("I7", f"{subscription_id} was renewed after its end")
        if any(times > 1 for times in ordered.values()):
            broken("I4", "two periods are of one order")

    def _check_refunds(self) -> None:
        """I7, F-60: nobody of the shop promises money that a bank is deciding about, or has decided about."""
        refunds = self.tables.refunds
        if len(refunds) == len(self._refunds):
            return
        for refund_id, refund in refunds.items():
            if refund_id in self._refunds:
                continue
            self._refunds.add(refund_id)
            status = self.tables.orders[refund.order_id].payment_status
            if refund.reason in REASONS_OF_PEOPLE and status in CONTESTED:
                broken("I7", f"{refund.amount} of {refund.order_id}, which is {status}, were promised back")

    def _check_subscriptions(self) -> None:
        """I9, I13: what is due was done, what is paid is followed, and what has ended has ended at the provider too."""
        now = self.context().now
        for subscription in self.tables.subscriptions.values():
            if subscription.due_at is not None and now - subscription.due_at > timedelta(hours=3):
                broken("I9", f"{subscription.id} was to be looked at on {subscription.due_at}, and nobody did")
            if subscription.order_id is not None and not subscription.provider_ref:
                continue  # it never began
            booked = self.billing.get(subscription.provider_ref)
            if booked is None or booked.ended is not subscription.ended:
                broken("I6", f"{subscription.id} is {subscription.status}, and not so at the provider")
        check_begun(self.tables)
        for subscription_id in self.promises.ended:
            subscription = self.tables.subscriptions[subscription_id]
            if not subscription.ended:
                broken("I13", f"{subscription_id} was said to be at its end and is {subscription.status}")

    # What workers are given.

    def claimed(self, deliveries: list[Delivery], now: datetime, lease_until: datetime) -> None:
        """I10: nobody overtakes, and nobody is given what another holds."""
        try:
            for delivery in deliveries:
                key = delivery.event_id, delivery.subscriber
                claim, leased_until = self._claims.get(key, (0, now))
                if delivery.claim != claim + 1 or leased_until > now:
                    broken("I10", f"{delivery.event.type} was given to two at the same time")
                self._claims[key] = delivery.claim, lease_until
                self._check_first(delivery)
        except Broken as error:
            self.broke(error)

    def _check_first(self, delivery: Delivery) -> None:
        events, subject = self.tables.events, delivery.event.subject
        for event_id, subscriber in self.tables.open_deliveries:
            if events[event_id].number >= events[delivery.event_id].number:
                continue
            if subscriber == delivery.subscriber and events[event_id].event.subject == subject:
                broken("I10", f"{delivery.event.type} of {subject} overtook an earlier event")

    def noted(self, delivery: Delivery, kept: bool) -> None:
        """I5: who lost a lease has no say any more."""
        key = delivery.event_id, delivery.subscriber
        claim, _ = self._claims[key]
        if kept and delivery.claim != claim:
            try:
                broken("I5", f"claim {delivery.claim} of {delivery.event.type} was noted during claim {claim}")
            except Broken as error:
                self.broke(error)
        if kept:
            self._claims[key] = claim, datetime.min.replace(tzinfo=delivery.event.at.tzinfo)

    # At the end.

    def is_quiet(self) -> bool:
        """Whether nothing is left to be done without people."""
        tables = self.tables
        if tables.open_deliveries or any(o.status is OrderStatus.PENDING for o in tables.orders.values()):
            return False
        if any(intent.quarrel for intent in self.books.intents.values()):
            return False
        now = self.context().now
        if any(s.due_at is not None and s.due_at <= now for s in tables.subscriptions.values()):
            return False
        if waiting(tables):
            return False
        under_way = (AttemptStatus.NEW, AttemptStatus.PROCESSING, AttemptStatus.AUTHORIZED)
        return not any(payment.refund_due or payment.status in under_way for payment in tables.payments.values())

    def check_at_rest(self) -> Snapshot:
        """I6, I9, I10, I13 and all the others, once everything is quiet."""
        seen = at_once(self.watch.look(self.context(), at_rest=True))
        self._check_provider()
        self._check_captures()
        self._check_promises()
        self.promises.consents.check(self.tables, self.books.intents, self.books.order_of)
        self._check_subscriptions()
        return seen

    def _check_provider(self) -> None:
        """I6: what is off by our books can take no money by the provider's."""
        for payment in self.tables.payments.values():
            intent = self.books.intents.get(payment.attempt.provider_ref)
            if intent is not None and intent.status is not payment.status:
                broken("I6", f"{intent.ref} is {intent.status} at the provider, and {payment.status} by our books")
            for given_up in payment.attempts[:-1]:
                if f"pi_fake_{encode_suffix(given_up.id.uuid)}" in self.books.intents:
                    broken("I6", f"{given_up.id} was given up, and the provider has an intent of it")

    def _check_captures(self) -> None:
        """I5, I13: what waits for staff is taken when they say so, and what they were told was taken stays."""
        tables = self.tables
        for payment in tables.payments.values():
            asked = payment.capture is CapturePolicy.AUTOMATIC or payment.capture_due is not None
            if payment.captured and not asked and payment.attempt.provider_ref not in self.taken_elsewhere:
                broken("I5", f"{payment.captured} of {payment.id} were captured, and nobody had asked for that")
        for order_id, captured in self.promises.captured.items():
            order, kept = tables.orders[order_id], tables.payments[tables.payments_by_order[order_id][-1]].captured
            gone = order.status is OrderStatus.CANCELLED and order.payment_status not in HAS_IT_AGAIN
            if gone or kept != captured:
                broken("I13", f"{captured} were said to be taken for {order_id}, which is {order.status} with {kept}")
            if MISMATCH in (order.hold_reason, order.cancel_reason):
                broken("I13", f"{captured} were taken for {order_id} as staff wished, and count as another sum")

    def _check_promises(self) -> None:
        """I13: what was acknowledged is there, whatever died meanwhile."""
        orders, promises = self.tables.orders, self.promises
        for cart_id, order_id in promises.orders.items():
            if order_id not in orders or orders[order_id].cart_id != cart_id:
                broken("I13", f"{order_id} was confirmed to its buyer and is not there")
        for order_id in promises.paid:
            if orders[order_id].payment_status not in PAID_FOR | CONTESTED:
                broken("I13", f"{order_id} was said to be paid and is {orders[order_id].payment_status}")
        for order_id in promises.called_off:
            if orders[order_id].status is not OrderStatus.CANCELLED:
                broken("I13", f"{order_id} was said to be cancelled and is {orders[order_id].status}")
        renewed = {renewal.order_id for of_one in self.tables.renewals.values() for renewal in of_one}
        for order in orders.values():
            if order.id in renewed and not order.subscribes:
                continue  # nobody saw its cart
            bought = Seen(order.total, tuple(sorted((line.variant_id, line.quantity) for line in order.lines)))
            if bought not in promises.seen[order.cart_id]:
                broken("I8", f"{order.id} is not what its buyer saw: {bought}")
        if lost := promises.moved - {movement.id for movement in self.tables.movements}:
            broken("I13", f"movements that were confirmed to staff are gone: {lost}")
        reasons = Counter(movement.reason for movement in self.tables.movements)
        if twice := [reason for reason in promises.once if reasons[reason] > 1]:
            broken("I4", f"what staff asked for once was done more than once: {twice}")
