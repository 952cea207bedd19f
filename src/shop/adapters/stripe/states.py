"""What Stripe's answers mean in the shop's words."""

from collections.abc import Sequence
from datetime import UTC, datetime

from stripe import Charge, IdempotencyError, PaymentIntent, RateLimitError, Refund, StripeError

from shop.adapters.stripe.amounts import from_stripe
from shop.adapters.stripe.refunds import refund_state_of
from shop.application.ports.payments import KeyReused, PaymentProviderUnavailable, PaymentRefused
from shop.application.ports.records import ListedIntent
from shop.domain.kernel.errors import Invalid, ShopError
from shop.domain.payments import AUTHORIZATION_EXPIRED, AttemptStatus, IntentState, NextAction, PaymentNotFound

_STATUSES = {
    "requires_payment_method": AttemptStatus.REQUIRES_ACTION,
    "requires_confirmation": AttemptStatus.REQUIRES_ACTION,
    "requires_action": AttemptStatus.REQUIRES_ACTION,
    "processing": AttemptStatus.PROCESSING,
    "requires_capture": AttemptStatus.AUTHORIZED,
    "succeeded": AttemptStatus.CAPTURED,
    "canceled": AttemptStatus.CANCELLED,
}
_FOR_THE_BROWSER = frozenset({AttemptStatus.REQUIRES_ACTION, AttemptStatus.FAILED})
_LAPSED = frozenset({"automatic", "expired"})
"""Why Stripe cancels an intent by itself."""
_BRAND_LENGTH_MAX = 40
MISSING = "resource_missing"
"""Stripe's word where something that is named is not there."""
_NOT_FOUND, _REFUSALS = 404, (400, 402)


def state_of(intent: PaymentIntent, refunds: Sequence[Refund] | None = None) -> IntentState:
    """The intent as Stripe describes it, its latest charge included in the answer; `refunds` where those are not.

    Raises PaymentProviderUnavailable when the description makes no sense, such as an amount below zero: the
    question is asked again later, and in the end by people.
    """
    try:
        return _state_of(intent, refunds)
    except (AttributeError, LookupError, TypeError, ValueError, Invalid) as error:
        raise PaymentProviderUnavailable("Stripe answered something that makes no sense.") from error


def listed_of(intent: PaymentIntent) -> ListedIntent:
    """The intent as it stands in a list. Raises as `state_of`."""
    return ListedIntent(
        state=state_of(intent),
        created_at=datetime.fromtimestamp(intent.created, UTC),
        order_hint=str(getattr(intent.metadata, "order_id", "")),
    )


def _state_of(intent: PaymentIntent, refunds: Sequence[Refund] | None) -> IntentState:
    status = _status(intent)
    charge = intent.latest_charge
    if isinstance(charge, str):
        raise ValueError("the charge was not included")
    received = _received(intent)
    if min(intent.amount, received) < 0:
        raise ValueError("an amount is below zero")
    listed = _listed(charge) if refunds is None else refunds
    return IntentState(
        provider_ref=intent.id,
        status=status,
        amount=from_stripe(intent.amount, intent.currency),
        captured=from_stripe(received, intent.currency),
        # Stripe lists the latest first; what failed has to be known before what was given back in its place.
        refunds=tuple(
            refund_state_of(refund) for refund in reversed(listed) if not _is_release(refund, intent.amount - received)
        ),
        disputed=bool(getattr(charge, "disputed", False)),
        brand=_brand(charge),
        failure_code=_failure_code(intent, status, charge),
        next_action=_next_action(intent) if status is AttemptStatus.REQUIRES_ACTION else None,
        client_secret=(intent.client_secret or "") if status in _FOR_THE_BROWSER else "",
        expires_at=_capture_before(charge) if status is AttemptStatus.AUTHORIZED else None,
        method=_saved_along(intent, status),
    )


def _saved_along(intent: PaymentIntent, status: AttemptStatus) -> str:
    """The card that Stripe keeps for its owner by the wish of this intent, once the bank has accepted it."""
    saved = getattr(intent, "setup_future_usage", None) and status in (AttemptStatus.AUTHORIZED, AttemptStatus.CAPTURED)
    method = getattr(intent, "payment_method", None)
    return method if saved and isinstance(method, str) else ""


def _capture_before(charge: Charge | None) -> datetime | None:
    """Until when the bank's promise stands, where Stripe says."""
    before = getattr(getattr(getattr(charge, "payment_method_details", None), "card", None), "capture_before", None)
    return datetime.fromtimestamp(before, UTC) if before else None


def _is_release(refund: Refund, not_captured: int) -> bool:
    """Whether it is what was let go of by capturing a part: Stripe shows that as a refund, though no money moved."""
    ours = getattr(refund.metadata, "refund_id", None)
    return not ours and refund.amount == not_captured > 0 and not getattr(refund, "balance_transaction", None)


def _brand(charge: Charge | None) -> str:
    """The brand of the card that was charged; nothing for other ways to pay."""
    details = getattr(charge, "payment_method_details", None)
    brand = getattr(getattr(details, "card", None), "brand", None)
    return brand[:_BRAND_LENGTH_MAX] if isinstance(brand, str) else ""


def _listed(charge: Charge | None) -> Sequence[Refund]:
    """The refunds in the answer; none where it was not asked for them."""
    listed = getattr(charge, "refunds", None)
    return listed.data if listed is not None else ()


def _status(intent: PaymentIntent) -> AttemptStatus:
    if _partly_funded(intent):
        return AttemptStatus.PROCESSING
    if intent.status == "requires_payment_method" and intent.last_payment_error:
        return AttemptStatus.FAILED
    # A status that this version of ours has never heard of: under way, so nothing is released or delivered.
    return _STATUSES.get(intent.status, AttemptStatus.PROCESSING)


def _partly_funded(intent: PaymentIntent) -> bool:
    """Whether a part of a bank transfer has come. It lies in the buyer's own balance at Stripe until all is there, so
    nothing was taken yet; but it is on its way."""
    instructions = getattr(intent.next_action, "display_bank_transfer_instructions", None)
    remaining = getattr(instructions, "amount_remaining", None)
    return intent.status == "requires_action" and remaining is not None and 0 < remaining < intent.amount


def _received(intent: PaymentIntent) -> int:
    received: int | None = getattr(intent, "amount_received", None)
    if received is not None:
        return received
    # Simulators of Stripe may leave it out; what succeeded was taken whole, for we ask for nothing else.
    return intent.amount if intent.status == "succeeded" else 0


def _failure_code(intent: PaymentIntent, status: AttemptStatus, charge: Charge | None) -> str:
    if status is AttemptStatus.CANCELLED:
        authorized = charge is not None and charge.status == "succeeded"
        reason = getattr(intent, "cancellation_reason", None)
        return AUTHORIZATION_EXPIRED if authorized and reason in _LAPSED else ""
    if status is not AttemptStatus.FAILED:
        return ""
    error = intent.last_payment_error
    return (error.code if error else "") or "payment_failed"


def _next_action(intent: PaymentIntent) -> NextAction:
    redirect = getattr(intent.next_action, "redirect_to_url", None)
    if redirect is not None and redirect.url:
        return NextAction(kind="redirect", url=redirect.url)
    return NextAction(kind="confirm_in_browser")


def error_of(error: StripeError) -> ShopError:
    """Stripe's error in the shop's words: not found, refused for good, or to be repeated later."""
    if error.http_status == _NOT_FOUND:
        return PaymentNotFound("Stripe has no payment of this name.")
    # These are answers; all else is no answer yet, a key that Stripe does not take included: once the
    # owner has mended it, the same call works.
    if error.http_status in _REFUSALS and not isinstance(error, RateLimitError):
        kind = KeyReused if isinstance(error, IdempotencyError) else PaymentRefused
        detail = f"Stripe refused: {(error.user_message or 'no reason given')[:300]}"
        return kind(detail, reason=error.code or "")
    return PaymentProviderUnavailable(f"Stripe does not do this at the moment ({type(error).__name__}).")
