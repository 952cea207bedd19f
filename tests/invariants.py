"""What must always be true of a shop (I1 to I10), checked from what its ports and the provider's books say.

`Watch.look` may be called after every commit; with `at_rest` also what must be true once all faults have ended and
all that can be done without people is done. A broken rule raises `Broken` with the rule's id.
"""

from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from datetime import datetime, timedelta
from typing import NoReturn, TypeVar

from attrs import define, field, frozen

from shop.adapters.fake.booked import BookedIntent
from shop.application.messages import Context
from shop.application.ports.outbox import DeliveryState
from shop.application.ports.paging import LIMIT_MAX, Page, PageRequest
from shop.application.ports.readers import OrderFilter
from shop.application.ports.storage import Storage
from shop.application.ports.views import EventView, StockLevelView, StockMovementView
from shop.domain.inventory import LIVE, Reservation, ReservationState
from shop.domain.kernel.identifiers import DisputeId, LocationId, OrderId, VariantId
from shop.domain.ledger import DISPUTE_LOSSES, DISPUTES, OF_SALES, EntryKind, LedgerEntry, clearing
from shop.domain.orders import (
    CONTEST_ARROWS,
    ORDER_ARROWS,
    PAYMENT_ARROWS,
    REOPENED,
    Order,
    OrderFlag,
    OrderStatus,
    PaymentStatus,
)
from shop.domain.payments import (
    ATTEMPT_ARROWS,
    CONTESTED,
    DISPUTE_ARROWS,
    AttemptStatus,
    Dispute,
    DisputeStatus,
    Payment,
)

V = TypeVar("V")
S = TypeVar("S")
Where = tuple[VariantId, LocationId]
HOLD_MAX = timedelta(minutes=17)
ONCE_PER_ORDER = ("order.created", "order.confirmed", "order.cancelled", "order.held")
ONCE_PER_PAYMENT = ("payment.processed", "payment.voided")
MONEY_ARROWS = {
    state: ends | REOPENED.get(state, frozenset()) | CONTEST_ARROWS.get(state, frozenset())
    for state, ends in PAYMENT_ARROWS.items()
}
OF_DISPUTES = frozenset({EntryKind.DISPUTE, EntryKind.DISPUTE_REVERSAL})
PAID_FOR = frozenset({PaymentStatus.PAID, PaymentStatus.PARTIALLY_REFUNDED, PaymentStatus.REFUNDED})


class Broken(AssertionError):
    """A rule that must never be broken was."""


def broken(rule: str, what: str) -> NoReturn:
    raise Broken(f"{rule}: {what}")


@frozen
class Sold:
    """All that is known of one order."""

    order: Order
    payment: Payment | None
    reservations: tuple[Reservation, ...]
    entries: tuple[LedgerEntry, ...]
    disputes: tuple[Dispute, ...] = ()


@frozen
class Snapshot:
    """Everything the rules speak of, at one moment."""

    now: datetime
    sold: tuple[Sold, ...]
    levels: tuple[StockLevelView, ...]
    movements: tuple[StockMovementView, ...]
    events: tuple[EventView, ...]
    intents: Mapping[str, BookedIntent]
    unheld_methods: tuple[str, ...] = ()


async def snapshot(storage: Storage, context: Context, intents: Mapping[str, BookedIntent]) -> Snapshot:
    """Reads it all. Nothing else may write meanwhile, or the parts do not belong together."""
    readers = storage.readers
    orders = [view.id async for view in _all(lambda page: readers.orders.all(OrderFilter(), page))]
    async with storage.uow(context) as tx:
        store = (await tx.store.get()).store
    return Snapshot(
        now=context.now,
        sold=tuple([await _sold(storage, context, order_id) for order_id in orders]),
        levels=tuple([level async for level in _all(readers.inventory.levels)]),
        movements=tuple([movement async for movement in _all(readers.inventory.movements)]),
        events=tuple([event async for event in _all(storage.outbox.events)]),
        intents=dict(intents),
        unheld_methods=store.unheld_methods,
    )


async def _sold(storage: Storage, context: Context, order_id: OrderId) -> Sold:
    async with storage.uow(context) as tx:
        order = await tx.orders.get(order_id)
        payment = await tx.payments.of_order(order_id) if order.total else None
        reservations = tuple(await tx.stock.reservations(order_id))
        disputes = tuple(await tx.disputes.of_payment(payment.id)) if payment and payment.captured else ()
        return Sold(order, payment, reservations, tuple(await tx.ledger.of_order(order_id)), disputes)


async def _all(read: Callable[[PageRequest], Awaitable[Page[V]]]) -> AsyncIterator[V]:
    after: str | None = None
    while True:
        page = await read(PageRequest(limit=LIMIT_MAX, after=after))
        for entry in page.data:
            yield entry
        if page.next is None:
            return
        after = page.next


@define
class Watch:
    """Looks at a shop again and again, and remembers where its state machines stood."""

    storage: Storage
    intents: Callable[[], Mapping[str, BookedIntent]]
    _orders: dict[OrderId, Order] = field(factory=dict)
    _payments: dict[OrderId, Payment] = field(factory=dict)
    _disputes: dict[DisputeId, Dispute] = field(factory=dict)

    async def look(self, context: Context, *, at_rest: bool = False) -> Snapshot:
        """Raises Broken when a rule is broken now."""
        seen = await snapshot(self.storage, context, self.intents())
        check_stock(seen)
        check_one_order_per_cart(seen)
        check_effects_once(seen)
        check_money(seen)
        self._check_moves(seen)
        if at_rest:
            check_every_capture_pays(seen)
            check_nothing_hangs(seen)
            check_everything_delivered(seen)
        return seen

    def _check_moves(self, seen: Snapshot) -> None:
        """I8: nothing moved but along the arrows, and no order is ever lost or another's."""
        if lost := self._orders.keys() - {sold.order.id for sold in seen.sold}:
            broken("I4", f"orders are gone: {lost}")
        for sold in seen.sold:
            order, before = sold.order, self._orders.get(sold.order.id)
            if before is not None:
                _check_arrow(ORDER_ARROWS, before.status, order.status, str(order.id))
                _check_arrow(MONEY_ARROWS, before.payment_status, order.payment_status, str(order.id))
                if (before.lines, before.total, before.cart_id) != (order.lines, order.total, order.cart_id):
                    broken("I8", f"{order.id} is not what was bought any more")
            self._orders[order.id] = order
            if sold.payment is not None:
                was = self._payments.get(order.id)
                if was is not None:
                    _check_attempts(was, sold.payment)
                    if was.captured.minor > sold.payment.captured.minor or was.id != sold.payment.id:
                        broken("I8", f"the money of {order.id} went backwards")
                self._payments[order.id] = sold.payment
            for dispute in sold.disputes:
                was_so = self._disputes.get(dispute.id, dispute)
                _check_arrow(DISPUTE_ARROWS, was_so.status, dispute.status, str(dispute.id))
                self._disputes[dispute.id] = dispute


def _check_attempts(before: Payment, now: Payment) -> None:
    """Each follows its arrows, and another one only comes after one of which the provider knows nothing."""
    if [attempt.id for attempt in now.attempts[: len(before.attempts)]] != [attempt.id for attempt in before.attempts]:
        broken("I8", f"attempts of {now.order_id} are gone")
    for was, attempt in zip(before.attempts, now.attempts, strict=False):
        _check_arrow(ATTEMPT_ARROWS, was.status, attempt.status, str(attempt.id))
    for given_up in now.attempts[:-1]:
        if given_up.status is not AttemptStatus.CANCELLED or given_up.provider_ref:
            broken("I8", f"{given_up.id} is {given_up.status}, and another one came after it")


def _check_arrow(arrows: Mapping[S, frozenset[S]], before: S, now: S, of: str) -> None:
    """Several arrows may have been followed since the last look."""
    reached, ahead = {before}, [before]
    while ahead:
        ahead = [s for state in ahead for s in arrows[state] if s not in reached]
        reached.update(ahead)
    if now not in reached:
        broken("I8", f"{of} went from {before} to {now}")


def check_stock(seen: Snapshot) -> None:
    """I1, I2, I3: nothing oversold, levels explained by movements, what is reserved by reservations."""
    on_hand: defaultdict[Where, int] = defaultdict(int)
    moved: defaultdict[Where, int] = defaultdict(int)
    held: defaultdict[Where, int] = defaultdict(int)
    for movement in seen.movements:
        where = movement.variant_id, movement.location_id
        on_hand[where] += movement.on_hand
        moved[where] += movement.reserved
    for sold in seen.sold:
        for reservation in sold.reservations:
            if reservation.state in LIVE:
                held[reservation.variant_id, reservation.location_id] += reservation.quantity
        _check_reservations(sold, lets_go=bool(seen.unheld_methods))
    for level in seen.levels:
        where = level.variant_id, level.location_id
        if level.on_hand < 0 or level.reserved < 0 or level.reserved > level.on_hand + level.backorder_limit:
            broken("I1", f"{level.reserved} of {level.on_hand} are promised at {where}")
        if on_hand.pop(where, 0) != level.on_hand:
            broken("I2", f"{level.on_hand} are on hand at {where}, and the movements say otherwise")
        if not level.reserved == moved.pop(where, 0) == held.pop(where, 0):
            broken("I3", f"{level.reserved} are reserved at {where}; movements or reservations say otherwise")
    if any(on_hand.values()) or any(moved.values()) or any(held.values()):
        broken("I2", "something moved where there is no level")


_KEPT = {
    OrderStatus.PENDING: {ReservationState.HELD},
    OrderStatus.CONFIRMED: {ReservationState.ALLOCATED, ReservationState.FULFILLED},
    OrderStatus.ON_HOLD: {ReservationState.HELD, ReservationState.ALLOCATED},
    OrderStatus.CANCELLED: {ReservationState.RELEASED},
    OrderStatus.COMPLETED: set(ReservationState),
}


def _check_reservations(sold: Sold, *, lets_go: bool) -> None:
    """All that was ordered is kept, once; where the shop `lets_go` of it for slow methods, all of it may have been let
    go of before."""
    order = sold.order
    wanted: Counter[VariantId] = Counter()
    for line in order.lines:
        if line.tracked:
            wanted[line.variant_id] += line.quantity
    kept, let_go = Counter[VariantId](), Counter[VariantId]()
    for reservation in sold.reservations:
        into = let_go if reservation.state is ReservationState.RELEASED else kept
        into[reservation.variant_id] += reservation.quantity
    if order.status is OrderStatus.CANCELLED:
        right = not kept and (let_go == wanted or (lets_go and let_go == wanted + wanted))
    elif lets_go and let_go == wanted:
        right = kept == wanted or (not kept and order.status in (OrderStatus.PENDING, OrderStatus.ON_HOLD))
    else:
        right = kept == wanted and not let_go
    states = {reservation.state for reservation in sold.reservations} - {ReservationState.RELEASED}
    if not right or not states <= _KEPT[order.status]:
        held = [(reservation.state.value, reservation.quantity) for reservation in sold.reservations]
        broken("I3", f"{order.id} is {order.status}, wants {dict(wanted)} and has {held}")


def check_one_order_per_cart(seen: Snapshot) -> None:
    """I4: one cart, one order."""
    if repeated := _repeated(sold.order.cart_id for sold in seen.sold):
        broken("I4", f"carts were ordered more than once: {repeated}")
    if numbers := _repeated(sold.order.number for sold in seen.sold):
        broken("I4", f"order numbers were given more than once: {numbers}")


def check_effects_once(seen: Snapshot) -> None:
    """I5, I10: what may happen once happened once, and nothing is told of orders that do not exist."""
    told = Counter((event.type, event.subject_id) for event in seen.events)
    for (name, subject), times in told.items():
        if times > 1 and name in (*ONCE_PER_ORDER, *ONCE_PER_PAYMENT):
            broken("I5", f"{name} of {subject} was said {times} times")
    created = {subject for (name, subject) in told if name == "order.created"}
    if created != {str(sold.order.id) for sold in seen.sold}:
        broken("I10", "the orders and the events that tell of their creation differ")
    for sold in seen.sold:
        confirmed = told["order.confirmed", str(sold.order.id)]
        if sold.order.status is OrderStatus.CONFIRMED and confirmed != 1:
            broken("I10", f"{sold.order.id} is confirmed, and that was said {confirmed} times")


def check_money(seen: Snapshot) -> None:
    """I7: quotes add up, books agree with payments, and nothing is given back that was not taken."""
    refs = _repeated(attempt.provider_ref for sold in seen.sold if sold.payment for attempt in sold.payment.attempts)
    if refs - {""}:
        broken("I7", f"intents belong to several orders: {refs}")
    for sold in seen.sold:
        _check_sums(sold.order)
        _check_books(sold)


def _check_sums(order: Order) -> None:
    parts = [(line.net.minor, line.tax.minor, line.total.minor) for line in order.lines]
    if order.shipping:
        parts.append((order.shipping.net.minor, order.shipping.tax.minor, order.shipping.total.minor))
    if any(net + tax != gross for net, tax, gross in parts):
        broken("I7", f"net and tax of a line of {order.id} do not make its total")
    if order.total.minor != sum(gross for *_, gross in parts) or order.tax_total.minor != sum(p[1] for p in parts):
        broken("I7", f"the lines of {order.id} do not make its total")


def _check_books(sold: Sold) -> None:
    order, payment = sold.order, sold.payment
    sums: defaultdict[tuple[str, str], int] = defaultdict(int)
    for entry in sold.entries:
        for posting in entry.postings:
            sums[posting.account, posting.amount.currency] += posting.amount.minor
    currencies = {currency for _, currency in sums}
    if any(sum(s for (_, c), s in sums.items() if c == currency) for currency in currencies):
        broken("I7", f"the books of {order.id} do not add up to nothing")
    if payment is None:
        if sold.entries:
            broken("I7", f"{order.id} costs nothing and has books")
        return
    if not 0 <= payment.refunded.minor <= payment.refund_reserved.minor <= payment.captured.minor:
        broken("I7", f"{payment.refunded} of {payment.captured} went back")
    if len([entry for entry in sold.entries if entry.kind is EntryKind.CAPTURE]) > 1:
        broken("I7", f"{order.id} was captured twice")
    held = _cleared(sold, OF_SALES)
    if held != payment.captured.minor - payment.refunded.minor:
        broken("I7", f"the provider holds {held} for {order.id}, by our books; the payment says otherwise")
    _check_disputes(sold, sums)
    if order.payment_status is PaymentStatus.PAID and payment.captured not in (order.due, payment.capture_due):
        broken("I6", f"{order.id} is paid with {payment.captured} instead of {order.due}")


def _cleared(sold: Sold, kinds: frozenset[EntryKind]) -> int:
    """What entries of these kinds left on the provider's account."""
    payment = sold.payment
    assert payment is not None
    postings = [p for entry in sold.entries if entry.kind in kinds for p in entry.postings]
    account, currency = clearing(payment.provider), payment.captured.currency
    return sum(p.amount.minor for p in postings if p.account == account and p.amount.currency == currency)


def _check_disputes(sold: Sold, sums: Mapping[tuple[str, str], int]) -> None:
    """I7, F-60: what banks took is in the books, once, and what is lost is written off."""
    order, payment = sold.order, sold.payment
    if payment is None or not (sold.disputes or payment.disputed):
        return
    currency = payment.captured.currency
    taken = sum(dispute.taken.minor for dispute in sold.disputes)
    fees = sum(move.fee.minor for d in sold.disputes for move in d.moves if move.fee.currency == currency)
    lost = sum(dispute.taken.minor for dispute in sold.disputes if dispute.status is DisputeStatus.LOST)
    if _cleared(sold, OF_DISPUTES) != -taken - fees:
        broken("I7", f"banks took {taken} and {fees} for {order.id}; the books say {_cleared(sold, OF_DISPUTES)}")
    moves = {move.provider_ref for dispute in sold.disputes for move in dispute.moves}
    if twice := moves & {entry.provider_ref for entry in sold.entries if entry.kind is EntryKind.FEE}:
        broken("I7", f"the fees of disputes were booked a second time for {order.id}: {sorted(twice)}")
    if (sums[DISPUTES, currency], sums[DISPUTE_LOSSES, currency]) != (taken - lost, lost):
        broken("I7", f"{lost} of {taken} disputed are lost for {order.id}, and the books say otherwise")
    statuses = {dispute.status for dispute in sold.disputes}
    expected = (
        PaymentStatus.DISPUTED_LOST
        if DisputeStatus.LOST in statuses
        else PaymentStatus.DISPUTED
        if statuses & CONTESTED
        else None
    )
    contested = order.payment_status if order.payment_status in CONTEST_ARROWS[PaymentStatus.VOIDED] else None
    if contested is not expected:
        broken("I8", f"{order.id} is {order.payment_status}, and its disputes are {sorted(statuses)}")
    if (OrderFlag.DISPUTE in order.flags) is not (expected is not None):
        broken("I8", f"{order.id} is {order.payment_status} and flagged {sorted(order.flags)}")
    if payment.disputed is not any(dispute.is_open for dispute in sold.disputes):
        broken("I8", f"the payment of {order.id} does not know that it is disputed, or that it is not any more")


def check_every_capture_pays(seen: Snapshot) -> None:
    """I6: money that the provider took pays for exactly one order, or went back; and it says the same as our books."""
    by_ref = {attempt.provider_ref: sold for sold in seen.sold if sold.payment for attempt in sold.payment.attempts}
    for intent in seen.intents.values():
        sold = by_ref.get(intent.ref)
        if sold is None or sold.payment is None:
            broken("I6", f"the provider has {intent.ref} ({intent.status}), and we know nothing of it")
        payment = sold.payment
        if (payment.captured.minor, payment.refunded.minor) != (intent.captured, intent.refunded):
            broken("I6", f"of {intent.ref} the provider took {intent.captured}, by our books {payment.captured}")
        pays = sold.order.payment_status in PAID_FOR and sold.order.status is OrderStatus.CONFIRMED
        if sum(dispute.taken.minor for dispute in sold.disputes) != intent.charged_back:
            broken("I7", f"of {intent.ref} banks hold {intent.charged_back}, and our books say otherwise")
        contested = sold.order.payment_status in CONTEST_ARROWS[PaymentStatus.VOIDED]
        if intent.captured and not pays and not contested and intent.refunded != intent.captured:
            broken("I6", f"{intent.captured} were taken for {sold.order.id}, which is {sold.order.status}")


def check_nothing_hangs(seen: Snapshot) -> None:
    """I9, I3: what can move without people has moved, and no hold outlives its time."""
    for sold in seen.sold:
        order, payment = sold.order, sold.payment
        on_its_way = payment is not None and payment.status is AttemptStatus.PROCESSING
        overdue = order.status is OrderStatus.PENDING and seen.now - order.placed_at > HOLD_MAX
        if overdue and not on_its_way:
            broken("I9", f"{order.id} has been pending since {order.placed_at}")
        waits = payment is not None and payment.awaits_capture and not payment.has_lapsed(seen.now)
        if payment is not None and payment.status in (AttemptStatus.NEW, AttemptStatus.AUTHORIZED) and not waits:
            broken("I9", f"the payment of {order.id} stopped at {payment.status}")
        if payment is not None and payment.refund_due and not payment.disputed:
            broken("I9", f"the money of {order.id} is still due to go back")
        paid = order.payment_status in PAID_FOR
        contested = order.payment_status in CONTEST_ARROWS[PaymentStatus.VOIDED]
        if order.status is OrderStatus.CONFIRMED and not paid and not waits and not contested:
            broken("I9", f"{order.id} is confirmed and {order.payment_status}")


def check_everything_delivered(seen: Snapshot) -> None:
    """I10: every event has reached everybody who was to hear of it."""
    for event in seen.events:
        for delivery in event.deliveries:
            if delivery.state != DeliveryState.DONE:
                broken("I10", f"{event.type} of {event.subject_id} is {delivery.state} for {delivery.subscriber}")


def _repeated(values: Iterable[V]) -> set[V]:
    return {value for value, times in Counter(values).items() if times > 1}
