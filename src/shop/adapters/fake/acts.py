"""What can be done to an intent of the fake provider, and what follows from it."""

from typing import NoReturn

from attrs import evolve, frozen

from shop.adapters.fake.booked import BookedIntent, BookedRefund
from shop.adapters.fake.wallet_books import code_of
from shop.application.ports.payments import IntentRequest, PaymentRefused, RefundRequest
from shop.domain.kernel.errors import Invalid
from shop.domain.kernel.identifiers import encode_suffix
from shop.domain.kernel.money import Money
from shop.domain.payments import AUTHORIZATION_EXPIRED, AttemptStatus, RefundStatus

# How an intent begins with each method, and what is announced of it.
BEGINNINGS = {
    "fake_card": (AttemptStatus.AUTHORIZED, ""),
    "fake_card_declined": (AttemptStatus.FAILED, "card_declined"),
    "fake_card_3ds": (AttemptStatus.REQUIRES_ACTION, ""),
    "fake_debit": (AttemptStatus.PROCESSING, ""),
}
EVENTS = {
    AttemptStatus.AUTHORIZED: "payment_intent.amount_capturable_updated",
    AttemptStatus.CAPTURED: "payment_intent.succeeded",
    AttemptStatus.FAILED: "payment_intent.payment_failed",
    AttemptStatus.REQUIRES_ACTION: "payment_intent.requires_action",
    AttemptStatus.PROCESSING: "payment_intent.processing",
    AttemptStatus.CANCELLED: "payment_intent.canceled",
}
_CHALLENGE_FAILED = "payment_intent_authentication_failure"
_DEBIT_FAILED = "debit_not_authorized"


@frozen
class Change:
    """The state that an action led to, and the event to announce; no event: nothing changed.

    What is not final is no answer to be repeated: the same request again means the next step.
    """

    intent: BookedIntent
    event: str = ""
    final: bool = True


def asked_for(request: IntentRequest) -> str:
    """What is compared when the same key comes again."""
    amount = request.amount
    asked = f"{request.order_id.uuid}|{amount.minor}|{amount.currency}|{request.method}|{request.email}"
    return f"{asked}|{request.customer_ref}" if request.customer_ref else asked


def moved(intent: BookedIntent, status: AttemptStatus, captured: int = 0, failure_code: str = "") -> Change:
    changed = evolve(intent, status=status, captured=captured, failure_code=failure_code, events=intent.events + 1)
    return Change(changed, EVENTS[status])


def confirmed(intent: BookedIntent, method: str, beginning: tuple[AttemptStatus, str] | None = None) -> Change:
    """`beginning` is how an intent begins with this method, where the method itself does not say."""
    if intent.status is AttemptStatus.CANCELLED:
        refuse(intent, "confirmed")
    if intent.status in (AttemptStatus.AUTHORIZED, AttemptStatus.CAPTURED):
        return Change(intent)
    if intent.status is AttemptStatus.REQUIRES_ACTION and intent.method == method:
        return moved(intent, AttemptStatus.AUTHORIZED)
    status, failure_code = beginning or BEGINNINGS[code_of(method)]
    begun = moved(evolve(intent, method=method), status, failure_code=failure_code)
    return evolve(begun, final=status is not AttemptStatus.REQUIRES_ACTION)


def begun_again(intent: BookedIntent) -> Change:
    """After a decline, with a card that is challenged."""
    if intent.status is not AttemptStatus.FAILED:
        refuse(intent, "begun again")
    return confirmed(intent, "fake_card_3ds")


def challenge_failed(intent: BookedIntent) -> Change:
    if intent.status is not AttemptStatus.REQUIRES_ACTION:
        refuse(intent, "challenged")
    return moved(intent, AttemptStatus.FAILED, failure_code=_CHALLENGE_FAILED)


def captured(intent: BookedIntent, amount: Money | None = None) -> Change:
    """All of it, or a part: then the rest is let go of."""
    if intent.status is AttemptStatus.CAPTURED:
        return Change(intent)
    if amount is not None and (amount.minor <= 0 or amount.currency != intent.currency):
        raise Invalid(f"{amount} is nothing that could be captured of a payment in {intent.currency}.")
    if intent.status is not AttemptStatus.AUTHORIZED:
        refuse(intent, "captured")
    minor = intent.minor if amount is None else amount.minor
    if minor > intent.minor:
        raise PaymentRefused(f"{intent.minor} minor units are authorised; {minor} were asked for.")
    return moved(intent, AttemptStatus.CAPTURED, captured=minor)


def lapsed(intent: BookedIntent) -> Change:
    """Nobody captured it in time."""
    return moved(intent, AttemptStatus.CANCELLED, failure_code=AUTHORIZATION_EXPIRED)


def debited(intent: BookedIntent, *, paid: bool) -> Change:
    """The shopper's bank has decided about a debit, after days."""
    if intent.status is not AttemptStatus.PROCESSING:
        refuse(intent, "debited")
    if paid:
        return moved(intent, AttemptStatus.CAPTURED, captured=intent.minor)
    return moved(intent, AttemptStatus.FAILED, failure_code=_DEBIT_FAILED)


def succeeded(intent: BookedIntent) -> Change:
    """The bank says yes, at once or to a debit after days."""
    if intent.status is AttemptStatus.PROCESSING:
        return debited(intent, paid=True)
    return confirmed(intent, intent.method if intent.method != "fake_card_declined" else "fake_card")


def declined(intent: BookedIntent) -> Change:
    """The bank says no, to a challenge or to a debit after days."""
    return debited(intent, paid=False) if intent.status is AttemptStatus.PROCESSING else challenge_failed(intent)


def cancelled(intent: BookedIntent) -> Change:
    if intent.status in (AttemptStatus.CAPTURED, AttemptStatus.CANCELLED):
        return Change(intent)
    return moved(intent, AttemptStatus.CANCELLED)


def refunded(intent: BookedIntent, request: RefundRequest, begins: RefundStatus) -> Change:
    """Part of it goes back, or begins to."""
    amount = request.amount
    if amount.currency != intent.currency:
        raise Invalid(f"The payment was made in {intent.currency}; it cannot go back in {amount.currency}.")
    if not intent.refundable:
        raise PaymentRefused("The charge is disputed: its bank decides about the money.")
    if amount.minor > intent.left:
        raise PaymentRefused(f"{intent.left} minor units are left to refund; {amount.minor} were asked for.")
    refund = BookedRefund(
        ref=f"re_fake_{encode_suffix(request.refund_id.uuid)}",
        minor=amount.minor,
        status=begins,
        ours=str(request.refund_id),
    )
    changed = evolve(intent, refunds=(*intent.refunds, refund), events=intent.events + 1)
    return Change(changed, "charge.refunded" if begins is RefundStatus.SUCCEEDED else "refund.created")


def refunded_elsewhere(intent: BookedIntent, minor: int) -> Change:
    """Somebody gives money back from the provider's own pages."""
    if not intent.refundable:
        raise PaymentRefused("The charge is disputed: its bank decides about the money.")
    if not 0 < minor <= intent.left:
        raise PaymentRefused(f"{intent.left} minor units are left to refund; {minor} were asked for.")
    ref = f"re_{intent.ref}_{intent.events + 1}"
    refund = BookedRefund(ref=ref, minor=minor, status=RefundStatus.SUCCEEDED)
    return Change(evolve(intent, refunds=(*intent.refunds, refund), events=intent.events + 1), "charge.refunded")


def refund_became(intent: BookedIntent, refund_ref: str, status: RefundStatus, failure_code: str = "") -> Change:
    """A refund comes to its end, or fails though it had come to one."""
    if not any(refund.ref == refund_ref for refund in intent.refunds):
        raise PaymentRefused(f"{intent.ref} has no refund {refund_ref}.")
    refunds = tuple(
        evolve(refund, status=status, failure_code=failure_code) if refund.ref == refund_ref else refund
        for refund in intent.refunds
    )
    event = "refund.failed" if status is RefundStatus.FAILED else "refund.updated"
    return Change(evolve(intent, refunds=refunds, events=intent.events + 1), event)


def refuse(intent: BookedIntent, what: str) -> NoReturn:
    raise PaymentRefused(f"An intent that is {intent.status} cannot be {what}.")
