"""Refunds at Stripe: how we ask for them, and what its answers mean in the shop's words."""

from stripe import Refund
from stripe.params import RefundCreateParams

from shop.adapters.stripe.amounts import from_stripe, to_stripe
from shop.application.ports.payments import PaymentProviderUnavailable, RefundRequest
from shop.domain.kernel.errors import Invalid
from shop.domain.kernel.identifiers import RefundId
from shop.domain.payments import RefundReason, RefundState, RefundStatus

_HINT = "refund_id"
_STATUSES = {
    "pending": RefundStatus.PENDING,
    "requires_action": RefundStatus.REQUIRES_ACTION,
    "succeeded": RefundStatus.SUCCEEDED,
    "failed": RefundStatus.FAILED,
    "canceled": RefundStatus.CANCELLED,
}


def refund_params(request: RefundRequest) -> RefundCreateParams:
    """The refund to ask for. Of our reasons Stripe knows two, and blocks the card and address of the second."""
    params: RefundCreateParams = {
        "payment_intent": request.provider_ref,
        "amount": to_stripe(request.amount),
        "metadata": {_HINT: str(request.refund_id)},
    }
    if request.reason is RefundReason.DUPLICATE:
        params["reason"] = "duplicate"
    elif request.reason is RefundReason.FRAUD:
        params["reason"] = "fraudulent"
    return params


def refund_answer_of(refund: Refund) -> RefundState:
    """As `refund_state_of`; raises PaymentProviderUnavailable when the description makes no sense."""
    try:
        return refund_state_of(refund)
    except (AttributeError, LookupError, TypeError, ValueError, Invalid) as error:
        raise PaymentProviderUnavailable("Stripe answered something that makes no sense.") from error


def refund_state_of(refund: Refund) -> RefundState:
    """The refund as Stripe describes it. A status that this version has never heard of: it is under way."""
    if refund.amount < 0:
        raise ValueError("an amount is below zero")
    return RefundState(
        provider_ref=refund.id,
        status=_STATUSES.get(refund.status or "", RefundStatus.PENDING),
        amount=from_stripe(refund.amount, refund.currency),
        failure_code=(getattr(refund, "failure_reason", None) or "")[:100],
        refund_id=_hint_of(refund),
    )


def _hint_of(refund: Refund) -> RefundId | None:
    metadata = getattr(refund, "metadata", None)
    text = getattr(metadata, _HINT, None)
    try:
        return RefundId.parse(text) if isinstance(text, str) else None
    except Invalid:
        return None
