"""Payments as staff see them, from memory."""

from collections.abc import Iterator

from shop.adapters.memory.copies import copied
from shop.adapters.memory.disputes import dispute_of
from shop.adapters.memory.orders import order_of
from shop.adapters.memory.paging import Listing, microseconds
from shop.adapters.memory.payments import item_of, payment_of, payments_of, session_of
from shop.adapters.memory.readers.filters import within
from shop.adapters.memory.refunds import refund_of
from shop.adapters.memory.tables import Tables
from shop.application.ports.paging import Page, PageRequest
from shop.application.ports.readers import (
    DisputeFilter,
    InboxFilter,
    PaymentFilter,
    PaymentWithOwner,
    RefundFilter,
    SessionWithPayment,
    TimeRange,
)
from shop.application.ports.views import (
    DisputeView,
    InboxItemView,
    MyPaymentView,
    PaymentAttemptView,
    PaymentView,
    ProviderMessageView,
    RefundView,
    dispute_view,
    inbox_item_view,
    my_payment_view,
    refund_view,
)
from shop.domain.kernel.identifiers import DisputeId, InboxId, PaymentId, PaymentSessionId, RefundId, UserId
from shop.domain.orders import Order
from shop.domain.payments import Dispute, InboxItem, Payment, Refund, covered

MESSAGES_MAX = 100


def _created_at(payment: Payment) -> int:
    return microseconds(payment.created_at)


_PAYMENTS: Listing[Payment] = Listing(
    keys={"created_at": _created_at, "amount": lambda payment: payment.amount.minor},
    own=((_created_at, True),),
    id=lambda payment: payment.id.uuid.hex,
)


_OF_OWNER: Listing[tuple[Order, Payment]] = Listing(
    own=((lambda pair: microseconds(pair[0].placed_at), True),),
    id=lambda pair: pair[0].id.uuid.hex,
)


def _asked_at(refund: Refund) -> int:
    return microseconds(refund.created_at)


_REFUNDS: Listing[Refund] = Listing(
    keys={"created_at": _asked_at, "amount": lambda refund: refund.amount.minor},
    own=((_asked_at, True),),
    id=lambda refund: refund.id.uuid.hex,
)


def _disputed_at(dispute: Dispute) -> int:
    return microseconds(dispute.created_at)


_DISPUTES: Listing[Dispute] = Listing(
    keys={"created_at": _disputed_at, "amount": lambda dispute: dispute.amount.minor},
    own=((_disputed_at, True),),
    id=lambda dispute: dispute.id.uuid.hex,
)


def _received_at(item: InboxItem) -> int:
    return microseconds(item.received_at)


_MESSAGES: Listing[InboxItem] = Listing(
    keys={"received_at": _received_at},
    own=((_received_at, True),),
    id=lambda item: item.id.uuid.hex,
)


def _is_due(dispute: Dispute, when: TimeRange) -> bool:
    return when == TimeRange() or (dispute.due_at is not None and within(dispute.due_at, when))


class MemoryPaymentReader:
    """Answers about payments."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def all(self, which: PaymentFilter, page: PageRequest) -> Page[PaymentView]:
        return _PAYMENTS.page(self._matching(which), page, payment_view)

    async def one(self, payment_id: PaymentId) -> PaymentView:
        payment = payment_of(self._tables, payment_id)
        return payment_view(payment, [_message_view(item) for item in self._messages(payment)])

    async def of_owner(self, owner_id: UserId, page: PageRequest) -> Page[MyPaymentView]:
        owned = [
            (order, payment)
            for order in self._tables.orders.values()
            if order.owner_id == owner_id
            for payment in payments_of(self._tables, order.id)
        ]
        return _OF_OWNER.page(owned, page, lambda pair: self._for_buyer(*pair))

    async def for_buyer(self, payment_id: PaymentId) -> PaymentWithOwner:
        payment = payment_of(self._tables, payment_id)
        order = order_of(self._tables, payment.order_id)
        return PaymentWithOwner(view=self._for_buyer(order, payment), owner_id=order.owner_id)

    def _for_buyer(self, order: Order, payment: Payment) -> MyPaymentView:
        refunds = [self._tables.refunds[i] for i in self._tables.refunds_by_payment.get(payment.id, ())]
        refunds.sort(key=lambda refund: (refund.created_at, refund.id))
        return my_payment_view(payment_view(payment), order.number, refunds)

    async def session(self, session_id: PaymentSessionId) -> SessionWithPayment:
        session = session_of(self._tables, session_id)
        order_id = self._tables.order_by_cart.get(session.cart_id)
        payments = payments_of(self._tables, order_id) if order_id is not None else ()
        return SessionWithPayment(
            session=session,
            owner_id=self._tables.carts[session.cart_id].owner_id,
            order_id=order_id,
            payment=copied(payments[-1]) if payments else None,
        )

    async def refunds(self, which: RefundFilter, page: PageRequest) -> Page[RefundView]:
        found = (
            refund
            for refund in self._tables.refunds.values()
            if (not which.statuses or refund.status in which.statuses)
            and which.payment_id in (None, refund.payment_id)
            and which.order_id in (None, refund.order_id)
            and within(refund.created_at, which.created_at)
        )
        return _REFUNDS.page(found, page, refund_view)

    async def refund(self, refund_id: RefundId) -> RefundView:
        return refund_view(refund_of(self._tables, refund_id))

    async def disputes(self, which: DisputeFilter, page: PageRequest) -> Page[DisputeView]:
        found = (
            dispute
            for dispute in self._tables.disputes.values()
            if (not which.statuses or dispute.status in which.statuses)
            and which.payment_id in (None, dispute.payment_id)
            and which.order_id in (None, dispute.order_id)
            and _is_due(dispute, which.due_at)
        )
        return _DISPUTES.page(found, page, dispute_view)

    async def dispute(self, dispute_id: DisputeId) -> DisputeView:
        return dispute_view(dispute_of(self._tables, dispute_id))

    async def messages(self, which: InboxFilter, page: PageRequest) -> Page[InboxItemView]:
        found = (
            item
            for item in self._tables.inbox.values()
            if (not which.states or item.state in which.states)
            and which.event_ref in ("", item.event_ref)
            and which.event_type in ("", item.event_type)
            and which.object_ref in ("", item.object_ref)
            and within(item.received_at, which.received_at)
        )
        return _MESSAGES.page(found, page, inbox_item_view)

    async def message(self, inbox_id: InboxId) -> InboxItemView:
        return inbox_item_view(item_of(self._tables, inbox_id))

    def _matching(self, which: PaymentFilter) -> Iterator[Payment]:
        for payment in self._tables.payments.values():
            if (
                (not which.statuses or payment.status in which.statuses)
                and (not which.provider or payment.provider == which.provider)
                and (which.order_id is None or payment.order_id == which.order_id)
                and (not which.failure_code or payment.last_decline == which.failure_code)
                and within(payment.created_at, which.created_at)
                and _lapses_within(payment, which.authorization_expires_at)
            ):
                yield payment

    def _messages(self, payment: Payment) -> list[InboxItem]:
        refs = {attempt.provider_ref for attempt in payment.attempts if attempt.provider_ref}
        ids = [i for ref in refs for i in self._tables.inbox_by_object.get((payment.provider, ref), ())]
        items = [self._tables.inbox[inbox_id] for inbox_id in ids]
        return sorted(items, key=lambda item: (item.received_at, item.id), reverse=True)[:MESSAGES_MAX]


def _lapses_within(payment: Payment, wanted: TimeRange) -> bool:
    """Without a wish any payment does; with one only those whose authorisation lapses at all."""
    until = payment.authorization_expires_at
    return wanted == TimeRange() or (until is not None and within(until, wanted))


def payment_view(payment: Payment, messages: list[ProviderMessageView] | None = None) -> PaymentView:
    """The payment for people; the client secret stays inside."""
    return PaymentView(
        id=payment.id,
        order_id=payment.order_id,
        provider=payment.provider,
        status=payment.status,
        amount=payment.amount,
        captured=payment.captured,
        refunded=payment.refunded,
        refund_due=payment.refund_due,
        capture=payment.capture,
        capture_due=payment.capture_due,
        void_due=payment.void_due,
        authorization_expires_at=payment.authorization_expires_at,
        disputed=payment.disputed,
        attempts=[
            PaymentAttemptView(
                id=attempt.id,
                method=attempt.method,
                amount=attempt.amount,
                status=attempt.status,
                brand=attempt.brand,
                provider_ref=attempt.provider_ref,
                failure_code=attempt.failure_code,
                declines=list(attempt.declines),
                created_at=attempt.created_at,
                updated_at=attempt.updated_at,
            )
            for attempt in payment.attempts
        ],
        created_at=payment.created_at,
        updated_at=payment.updated_at,
        version=payment.version,
        provider_messages=messages,
    )


def _message_view(item: InboxItem) -> ProviderMessageView:
    return ProviderMessageView(
        event_ref=item.event_ref,
        event_type=item.event_type,
        state=item.state.value,
        body=covered(item.body),
        received_at=item.received_at,
        settled_at=item.settled_at,
    )
