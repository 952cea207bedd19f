"""Refunds: money that goes back, from the wish of a person to what the provider made of it in the end."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import ClassVar, Self

from attrs import define, field, frozen

from shop.domain.kernel.aggregates import Aggregate, Event
from shop.domain.kernel.errors import Conflict, Forbidden, Invalid, NotFound
from shop.domain.kernel.identifiers import OrderId, OrderLineId, PaymentId, RefundId
from shop.domain.kernel.money import Money, total
from shop.domain.kernel.tenders import Tender
from shop.domain.kernel.texts import storable
from shop.domain.payments.refund_states import REFUND_ARROWS, RefundState, RefundStatus

NOTE_LENGTH_MAX = 1000
SYSTEM = "system"


class RefundNotFound(NotFound):
    title = "No such refund"


class RefundNotPositive(Invalid):
    """A refund of nothing, or of less, is a mistake and never “all of it”."""

    code = "amount_not_positive"
    title = "The amount must be more than nothing"
    default_hint = "Say `full` when all that is left is to go back."


class RefundExceedsCaptured(Conflict):
    """More was asked back than is left of what was taken."""

    code = "refund_exceeds_captured"
    title = "Not so much is left to give back"


class RefundCannotMove(Conflict):
    """No arrow leads from the refund's state to the one asked for."""

    code = "refund_cannot_move"
    title = "The refund's state does not allow this"


class ApproverIsRequester(Forbidden):
    """The person who asked for a refund cannot be the one who agrees to it, by whatever key."""

    code = "second_person_needed"
    title = "Somebody else has to approve this refund"


class RefundReason(StrEnum):
    """Why money goes back. UNAPPLIED: it was taken and buys nothing. ELSEWHERE: somebody did it at the provider."""

    CUSTOMER_REQUEST = "customer_request"
    RETURN = "return"
    DAMAGED = "damaged"
    DUPLICATE = "duplicate"
    FRAUD = "fraud"
    GOODWILL = "goodwill"
    CANCELLATION = "cancellation"
    OTHER = "other"
    UNAPPLIED = "unapplied"
    ELSEWHERE = "elsewhere"


# What a person may give as the reason.
REASONS_OF_PEOPLE = frozenset(RefundReason) - {RefundReason.UNAPPLIED, RefundReason.ELSEWHERE}


@frozen(kw_only=True)
class _RefundEvent(Event):
    payment_id: PaymentId
    order_id: OrderId
    amount: Money
    refund_id: RefundId | None = None  # not said by older versions

    @property
    def subject(self) -> PaymentId | RefundId:
        return self.refund_id or self.payment_id


@frozen(kw_only=True)
class RefundCreated(_RefundEvent):
    """Money is to go back; `needs_approval` when a second person has to agree first."""

    type: ClassVar[str] = "refund.created"
    needs_approval: bool = False


@frozen(kw_only=True)
class RefundSucceeded(_RefundEvent):
    """Money went back."""

    type: ClassVar[str] = "refund.succeeded"


@frozen(kw_only=True)
class RefundFailed(_RefundEvent):
    """Money could not go back, or came back to the shop after all: people must look at it."""

    type: ClassVar[str] = "refund.failed"
    failure_code: str = ""


@frozen(kw_only=True)
class RefundActionRequired(_RefundEvent):
    """The buyer must do something before the money can reach them."""

    type: ClassVar[str] = "refund.action_required"


@frozen(kw_only=True)
class RefundCancelled(_RefundEvent):
    """It will not happen: somebody refused it, or the provider called it off."""

    type: ClassVar[str] = "refund.cancelled"


def _note(_instance: object, _attribute: object, note: str) -> None:
    if len(note) > NOTE_LENGTH_MAX or not storable(note):
        raise Invalid(f"A note has at most {NOTE_LENGTH_MAX} characters.")


@frozen(kw_only=True)
class RefundLine:
    """So many of an order's line, and what goes back for them."""

    order_line_id: OrderLineId
    quantity: int
    amount: Money


@define(eq=False, kw_only=True)
class Refund(Aggregate):
    """Money of one payment that goes back. Its id is the idempotency key at the provider.

    `applied` says whether the money had paid for the order: what never did goes back another way in the books.
    `lines` and `shipping` say what it is for, where it is for something; `restock` that its units can be sold again.
    `amount` is all that goes back; `tenders` are the parts of it that go to gift cards and store credit, and the rest
    goes back through the provider.
    """

    audited: ClassVar = ("amount", "tenders", "reason", "applied", "status", "requested_by", "approved_by")

    id: RefundId
    payment_id: PaymentId
    order_id: OrderId
    provider: str
    amount: Money
    reason: RefundReason
    note: str = field(default="", validator=_note)
    lines: tuple[RefundLine, ...] = ()
    shipping: Money | None = None
    restock: bool = False
    applied: bool = True
    tenders: tuple[Tender, ...] = ()
    status: RefundStatus = RefundStatus.REQUESTED
    requested_by: str
    approved_by: str = ""
    provider_ref: str = ""
    failure_code: str = ""
    created_at: datetime
    updated_at: datetime

    @classmethod
    def request(
        cls,
        *,
        id: RefundId,
        payment_id: PaymentId,
        order_id: OrderId,
        provider: str,
        amount: Money,
        reason: RefundReason,
        requested_by: str,
        needs_approval: bool = False,
        at: datetime,
        applied: bool = True,
        note: str = "",
        lines: tuple[RefundLine, ...] = (),
        shipping: Money | None = None,
        restock: bool = False,
        tenders: tuple[Tender, ...] = (),
    ) -> Self:
        """The wish. Raises RefundNotPositive."""
        if amount.minor <= 0:
            raise RefundNotPositive(f"{amount} is nothing that could go back.")
        refund = cls(
            id=id,
            payment_id=payment_id,
            order_id=order_id,
            provider=provider,
            amount=amount,
            reason=reason,
            note=note,
            lines=lines,
            shipping=shipping,
            restock=restock,
            applied=applied,
            tenders=tenders,
            status=RefundStatus.PENDING_APPROVAL if needs_approval else RefundStatus.REQUESTED,
            requested_by=requested_by,
            created_at=at,
            updated_at=at,
        )
        refund._record(RefundCreated(at=at, needs_approval=needs_approval, **refund._about))  # type: ignore[arg-type]
        return refund

    @property
    def at_provider(self) -> Money:
        """The part that goes back through the provider; nothing where tenders get all of it."""
        return self.amount - total((tender.amount for tender in self.tenders), self.amount.currency)

    @property
    def has_succeeded(self) -> bool:
        """Whether it went back, as far as anybody knows now."""
        return self.status is RefundStatus.SUCCEEDED

    def approve(self, by: str, at: datetime, *, same_person: bool = False) -> None:
        """A second person agrees; `same_person` when whoever is behind `by` has asked, by a key of theirs or in person.

        Raises ApproverIsRequester, RefundCannotMove.
        """
        if self.status is not RefundStatus.PENDING_APPROVAL:
            raise RefundCannotMove(f"A refund that is {self.status} waits for nobody's approval.")
        if same_person or by == self.requested_by:
            raise ApproverIsRequester("Whoever asked for a refund cannot approve it.")
        self.status, self.approved_by, self.updated_at = RefundStatus.REQUESTED, by, at

    def refuse(self, by: str, at: datetime) -> None:
        """It is not approved; whoever asked may take it back too. Raises RefundCannotMove."""
        if self.status is not RefundStatus.PENDING_APPROVAL:
            raise RefundCannotMove(f"A refund that is {self.status} cannot be called off.")
        self.approved_by = by
        self._move(RefundStatus.CANCELLED, "", at)

    def drop(self, at: datetime) -> None:
        """It is not needed any more: the money went back another way before the provider heard of it."""
        self._move(RefundStatus.CANCELLED, "", at)

    def follow(self, news: RefundState, at: datetime) -> RefundStatus | None:
        """Takes the provider's news over: the status that it had before when it moved, None for old news."""
        if news.status not in REFUND_ARROWS[self.status]:
            return None
        before = self.status
        self.provider_ref = news.provider_ref or self.provider_ref
        self._move(news.status, news.failure_code, at)
        return before

    def _move(self, status: RefundStatus, failure_code: str, at: datetime) -> None:
        self.status, self.failure_code, self.updated_at = status, failure_code, at
        about = {"at": at, **self._about}
        if status is RefundStatus.SUCCEEDED:
            self._record(RefundSucceeded(**about))  # type: ignore[arg-type]
        elif status is RefundStatus.FAILED:
            self._record(RefundFailed(failure_code=failure_code, **about))  # type: ignore[arg-type]
        elif status is RefundStatus.REQUIRES_ACTION:
            self._record(RefundActionRequired(**about))  # type: ignore[arg-type]
        elif status is RefundStatus.CANCELLED:
            self._record(RefundCancelled(**about))  # type: ignore[arg-type]

    @property
    def _about(self) -> dict[str, object]:
        return {
            "payment_id": self.payment_id,
            "order_id": self.order_id,
            "amount": self.amount,
            "refund_id": self.id,
        }


def meant_by(news: RefundState, refunds: Sequence[Refund]) -> Refund | None:
    """Which of these refunds the provider speaks of; None: of one that the shop did not ask for."""
    for refund in refunds:
        if refund.provider_ref and refund.provider_ref == news.provider_ref:
            return refund
    for refund in refunds:
        ours = refund.id == news.refund_id and not refund.provider_ref
        if ours and refund.status is RefundStatus.REQUESTED and refund.at_provider == news.amount:
            return refund
    return None


def part_of(whole: Money, quantity: int, before: int, of: int) -> Money:
    """What `quantity` of `of` units are of an amount, when `before` went back already: all parts make the whole."""
    until = whole.minor * (before + quantity) // of
    return Money(until - whole.minor * before // of, whole.currency)
