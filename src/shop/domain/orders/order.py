"""An order as it was placed, the arrows of its states, and what may be done with it."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, ClassVar, Self

from attrs import define, field, frozen

from shop.domain.kernel.address import ERASED, Address
from shop.domain.kernel.aggregates import Aggregate
from shop.domain.kernel.errors import Conflict, NotFound
from shop.domain.kernel.identifiers import (
    CartId,
    OrderId,
    OrderLineId,
    PaymentSessionId,
    PlanId,
    ProductId,
    UserId,
    VariantId,
)
from shop.domain.kernel.metadata import checked_metadata
from shop.domain.kernel.money import Money, total
from shop.domain.kernel.tenders import Tender, due_after
from shop.domain.orders.events import OrderAtRisk, OrderCancelled, OrderConfirmed, OrderCreated, OrderHeld


class OrderNotFound(NotFound):
    title = "No such order"


class OrderCannotMove(Conflict):
    """No arrow leads from the order's state to the one asked for."""

    code = "order_cannot_move"
    title = "The order's state does not allow this"


class OrderNotCancellable(Conflict):
    code = "order_not_cancellable"
    title = "The order can no longer be cancelled"
    default_hint = "Once goods are on their way or money was taken, ask for a return or a refund."


class CartAlreadyOrdered(Conflict):
    """Another request has ordered this cart."""

    code = "cart_already_ordered"
    title = "This cart was ordered already"


class OrderStatus(StrEnum):
    PENDING = "pending"
    CONFIRMED = "confirmed"
    ON_HOLD = "on_hold"
    COMPLETED = "completed"
    CANCELLED = "cancelled"


class PaymentStatus(StrEnum):
    PENDING = "pending"
    AUTHORIZED = "authorized"
    PAID = "paid"
    PARTIALLY_REFUNDED = "partially_refunded"
    REFUNDED = "refunded"
    FAILED = "failed"
    MISMATCH = "mismatch"
    VOIDED = "voided"
    DISPUTED = "disputed"
    DISPUTED_LOST = "disputed_lost"


class OrderFlag(StrEnum):
    """What people should know of an order: a bank asks about its payment or disputes it, or fraud is feared."""

    INQUIRY = "inquiry"
    DISPUTE = "dispute"
    FRAUD_WARNING = "fraud_warning"
    REVIEW = "review"


HOLDING_FLAGS = frozenset(OrderFlag) - {OrderFlag.INQUIRY}
"""While one of these is there nothing should be sent."""


class FulfilmentStatus(StrEnum):
    UNFULFILLED = "unfulfilled"
    PARTIALLY_FULFILLED = "partially_fulfilled"
    FULFILLED = "fulfilled"
    DELIVERED = "delivered"
    RETURNED = "returned"


# The whole life of an order. Nothing moves except along these arrows.
ORDER_ARROWS: Mapping[OrderStatus, frozenset[OrderStatus]] = {
    OrderStatus.PENDING: frozenset({OrderStatus.CONFIRMED, OrderStatus.ON_HOLD, OrderStatus.CANCELLED}),
    OrderStatus.CONFIRMED: frozenset({OrderStatus.ON_HOLD, OrderStatus.COMPLETED, OrderStatus.CANCELLED}),
    OrderStatus.ON_HOLD: frozenset({OrderStatus.CONFIRMED, OrderStatus.CANCELLED}),
    OrderStatus.COMPLETED: frozenset(),
    OrderStatus.CANCELLED: frozenset(),
}
PAYMENT_ARROWS: Mapping[PaymentStatus, frozenset[PaymentStatus]] = {
    PaymentStatus.PENDING: frozenset(
        {
            PaymentStatus.AUTHORIZED,
            PaymentStatus.PAID,
            PaymentStatus.FAILED,
            PaymentStatus.MISMATCH,
            PaymentStatus.VOIDED,
        }
    ),
    PaymentStatus.FAILED: frozenset(
        {
            PaymentStatus.PENDING,
            PaymentStatus.AUTHORIZED,
            PaymentStatus.PAID,
            PaymentStatus.MISMATCH,
            PaymentStatus.VOIDED,
        }
    ),
    PaymentStatus.AUTHORIZED: frozenset(
        {PaymentStatus.PAID, PaymentStatus.PENDING, PaymentStatus.MISMATCH, PaymentStatus.VOIDED}
    ),
    PaymentStatus.PAID: frozenset({PaymentStatus.PARTIALLY_REFUNDED, PaymentStatus.REFUNDED}),
    PaymentStatus.PARTIALLY_REFUNDED: frozenset({PaymentStatus.REFUNDED}),
    PaymentStatus.MISMATCH: frozenset({PaymentStatus.REFUNDED}),
    PaymentStatus.VOIDED: frozenset({PaymentStatus.REFUNDED}),
    PaymentStatus.DISPUTED: frozenset(),
    PaymentStatus.REFUNDED: frozenset(),
    PaymentStatus.DISPUTED_LOST: frozenset(),
}
# Only a refund that fails after it succeeded leads back; no late news of the payment itself ever does.
REOPENED: Mapping[PaymentStatus, frozenset[PaymentStatus]] = {
    PaymentStatus.REFUNDED: frozenset({PaymentStatus.PARTIALLY_REFUNDED, PaymentStatus.PAID, PaymentStatus.MISMATCH}),
    PaymentStatus.PARTIALLY_REFUNDED: frozenset({PaymentStatus.PAID}),
}
# Disputes lead in and out whatever the refunds are at; a loss may be turned by an appeal.
_IN_DISPUTE = frozenset({PaymentStatus.DISPUTED, PaymentStatus.DISPUTED_LOST})
_TAKEN = frozenset({PaymentStatus(s) for s in ("paid", "partially_refunded", "refunded", "mismatch", "voided")})
CONTEST_ARROWS: Mapping[PaymentStatus, frozenset[PaymentStatus]] = {
    **dict.fromkeys(_TAKEN, _IN_DISPUTE),
    **{status: (_TAKEN | _IN_DISPUTE) - {status} for status in _IN_DISPUTE},
}
FULFILMENT_ARROWS: Mapping[FulfilmentStatus, frozenset[FulfilmentStatus]] = {
    FulfilmentStatus.UNFULFILLED: frozenset({FulfilmentStatus.PARTIALLY_FULFILLED, FulfilmentStatus.FULFILLED}),
    FulfilmentStatus.PARTIALLY_FULFILLED: frozenset({FulfilmentStatus.FULFILLED, FulfilmentStatus.RETURNED}),
    FulfilmentStatus.FULFILLED: frozenset({FulfilmentStatus.DELIVERED, FulfilmentStatus.RETURNED}),
    FulfilmentStatus.DELIVERED: frozenset({FulfilmentStatus.RETURNED}),
    FulfilmentStatus.RETURNED: frozenset(),
}
_MONEY_TAKEN = frozenset(
    {PaymentStatus.PAID, PaymentStatus.PARTIALLY_REFUNDED, PaymentStatus.MISMATCH, PaymentStatus.DISPUTED}
)
"""Not what is lost: the buyer has that again."""


@frozen(kw_only=True)
class OrderLine:
    """A line as it was bought. `subtotal` is unit price × quantity; `net + tax == total`.

    With `plan_id` the buyer subscribed by it; where that began with a trial, nothing of it is sent with this order.
    """

    id: OrderLineId
    variant_id: VariantId
    product_id: ProductId
    sku: str
    title: str
    variant_title: str = ""
    quantity: int
    unit_price: Money
    subtotal: Money
    net: Money
    tax: Money
    total: Money
    tax_rate: Decimal
    tax_name: str = ""
    tax_rounding: str = ""
    weight_grams: int = 0
    requires_shipping: bool = True
    tracked: bool = True
    plan_id: PlanId | None = None


@frozen(kw_only=True)
class OrderShipping:
    """The delivery as it was bought."""

    code: str
    name: str
    price: Money
    net: Money
    tax: Money
    total: Money
    tax_rate: Decimal
    tax_name: str = ""


@define(eq=False, kw_only=True)
class Order(Aggregate):
    """A sale. After it is placed nothing in it is looked up again: it is paid, or cancelled and released.

    `number` is for people and given by storage when the order is first saved. `tenders` are what gift cards and store
    credit pay, in the order in which they were used; the rest of the total is `due` from the provider.
    """

    audited: ClassVar = ("total", "tenders", "status", "payment_status", "flags")

    id: OrderId
    number: int | None = None
    cart_id: CartId
    owner_id: UserId | None = None
    payment_session_id: PaymentSessionId
    email: str
    currency: str
    lines: tuple[OrderLine, ...]
    shipping: OrderShipping | None = None
    shipping_address: Address | None = None
    billing_address: Address | None = None
    note: str = ""
    prices_include_tax: bool = True
    subtotal: Money
    shipping_total: Money
    tax_total: Money
    total: Money
    tenders: tuple[Tender, ...] = ()
    status: OrderStatus = OrderStatus.PENDING
    payment_status: PaymentStatus = PaymentStatus.PENDING
    fulfilment_status: FulfilmentStatus = FulfilmentStatus.UNFULFILLED
    hold_reason: str = ""
    cancel_reason: str = ""
    flags: frozenset[OrderFlag] = frozenset()
    metadata: Mapping[str, str] = field(factory=dict, converter=checked_metadata)
    placed_at: datetime
    updated_at: datetime
    hold_expires_at: datetime | None = None
    cancelled_at: datetime | None = None

    @classmethod
    def place(cls, *, at: datetime, **attributes: Any) -> Self:
        """Raises TenderUnfit when its tenders are not of its currency or pay more than it costs."""
        order = cls(placed_at=at, updated_at=at, **attributes)
        if order.tenders:
            due_after(order.total, order.tenders)
        order._record(OrderCreated(at=at, order_id=order.id, cart_id=order.cart_id, total=order.total))
        return order

    @property
    def subscribes(self) -> bool:
        """Whether a subscription begins with it."""
        return any(line.plan_id is not None for line in self.lines)

    @property
    def has_goods(self) -> bool:
        """Whether there is anything to keep in stock or to send."""
        return any(line.tracked or line.requires_shipping for line in self.lines)

    @property
    def due(self) -> Money:
        """The part of the total that the provider takes."""
        return due_after(self.total, self.tenders) if self.tenders else self.total

    @property
    def returned_to_tenders(self) -> Money:
        """What went back to gift cards and store credit."""
        return total((tender.returned for tender in self.tenders), self.currency)

    @property
    def tenders_returned_whole(self) -> bool:
        """Whether all that tenders paid went back; so it is where there are none."""
        return not any(tender.left for tender in self.tenders)

    def return_to_tenders(self, parts: Iterable[Tender], at: datetime) -> None:
        """These parts went back. Raises TenderUnfit when that is more than a tender paid."""
        back = {part.name: part.amount for part in parts}
        if back:
            self.tenders = tuple(
                tender.give_back(back[tender.name]) if tender.name in back else tender for tender in self.tenders
            )
            self.updated_at = at

    def claim(self, owner_id: UserId, at: datetime) -> None:
        """It was placed by a guest who has proved to be this person. Somebody's order stays theirs."""
        if self.owner_id is None:
            self.owner_id, self.updated_at = owner_id, at

    def confirm(self, at: datetime) -> None:
        """Its money is safe. Confirming twice is once. Raises OrderCannotMove."""
        if self.status is OrderStatus.CONFIRMED:
            return
        self._move(OrderStatus.CONFIRMED, at)
        self.hold_expires_at, self.hold_reason = None, ""
        self._record(OrderConfirmed(at=at, order_id=self.id))

    def waive_payment(self, at: datetime) -> None:
        """Nothing of it is due from a provider: paid and confirmed without asking any."""
        self.move_payment(PaymentStatus.PAID, at)
        self.confirm(at)

    def put_on_hold(self, reason: str, at: datetime) -> None:
        """Raises OrderCannotMove."""
        if self.status is OrderStatus.ON_HOLD:
            return
        self._move(OrderStatus.ON_HOLD, at)
        self.hold_reason = reason
        self._record(OrderHeld(at=at, order_id=self.id, reason=reason))

    def is_overdue(self, now: datetime) -> bool:
        """Whether it still waits for money though its time for that has run out."""
        until = self.hold_expires_at
        return self.status is OrderStatus.PENDING and until is not None and until <= now

    def wait_until(self, until: datetime, at: datetime) -> None:
        """Its money is on the way and takes longer."""
        if self.status is OrderStatus.PENDING:
            self.hold_expires_at, self.updated_at = until, at

    def pseudonymise(self, at: datetime) -> bool:
        """Its buyer is to be forgotten; goods, sums and taxes stay. False where nobody was to be seen any more."""
        if self.email == ERASED:
            return False
        self.email, self.note, self.metadata, self.updated_at = ERASED, "", {}, at
        self.shipping_address = self.shipping_address and self.shipping_address.without_person()
        self.billing_address = self.billing_address and self.billing_address.without_person()
        return True

    def check_cancellable(self) -> None:
        """Raises OrderNotCancellable once goods left or money was taken. Cancelling twice is once."""
        if self.status is OrderStatus.CANCELLED:
            return
        if OrderStatus.CANCELLED not in ORDER_ARROWS[self.status]:
            raise OrderNotCancellable(f"An order that is {self.status} cannot be cancelled.")
        if self.fulfilment_status is not FulfilmentStatus.UNFULFILLED:
            raise OrderNotCancellable("Some of it was sent already.")
        if self.total and self.payment_status in _MONEY_TAKEN:
            raise OrderNotCancellable(f"It is {self.payment_status}; its money goes back by a refund.")

    def cancel(self, reason: str, at: datetime) -> None:
        """Calls it off: only when the provider can no longer take its money. Raises OrderNotCancellable."""
        if self.status is OrderStatus.CANCELLED:
            return
        self.check_cancellable()
        self._move(OrderStatus.CANCELLED, at)
        self.cancel_reason, self.cancelled_at, self.hold_expires_at = reason, at, None
        self._record(OrderCancelled(at=at, order_id=self.id, reason=reason))

    def may_move_payment(self, status: PaymentStatus) -> bool:
        """Whether an arrow leads there: late news moves nothing back."""
        return status in PAYMENT_ARROWS[self.payment_status]

    def move_payment(self, status: PaymentStatus, at: datetime) -> bool:
        """Follows its payment. False, and no change, where no arrow leads."""
        if not self.may_move_payment(status):
            return False
        self.payment_status = status
        self.updated_at = at
        return True

    def reopen_payment(self, status: PaymentStatus, at: datetime) -> None:
        """Money that had gone back came back to the shop: a refund failed after all. Raises OrderCannotMove."""
        if status is self.payment_status:
            return
        if status not in REOPENED.get(self.payment_status, frozenset()):
            raise OrderCannotMove(f"An order that is {self.payment_status} cannot become {status} again.")
        self.payment_status, self.updated_at = status, at

    @property
    def fulfilment_on_hold(self) -> bool:
        """Whether nothing of it should be sent for now."""
        return bool(self.flags & HOLDING_FLAGS)

    def contest_payment(self, status: PaymentStatus, at: datetime) -> bool:
        """Follows the disputes of its payment: into them, out of them, or lost. Whether that is anything new."""
        if status not in CONTEST_ARROWS.get(self.payment_status, frozenset()):
            return False
        self.payment_status, self.updated_at = status, at
        return True

    def flag(self, flag: OrderFlag, on: bool, at: datetime) -> bool:
        """Puts a flag up or takes it down; whether that is anything new."""
        if (flag in self.flags) is on:
            return False
        self.flags = self.flags | {flag} if on else self.flags - {flag}
        self.updated_at = at
        if on and flag in (OrderFlag.FRAUD_WARNING, OrderFlag.REVIEW):
            self._record(OrderAtRisk(at=at, order_id=self.id, risk=flag.value))
        return True

    def _move(self, status: OrderStatus, at: datetime) -> None:
        if status not in ORDER_ARROWS[self.status]:
            raise OrderCannotMove(f"An order that is {self.status} cannot become {status}.")
        self.status = status
        self.updated_at = at
