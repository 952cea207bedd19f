"""What it means that a provider will not make an intent, and when that is certain."""

from datetime import datetime, timedelta

from shop.application.ports.payments import KeyReused, PaymentRefused
from shop.application.settlement.sales import Cashier, Sale
from shop.domain.kernel.errors import Invalid
from shop.domain.kernel.money import Money
from shop.domain.payments import AttemptStatus, IntentState, PaymentAttempt

KEYS_LAST = timedelta(hours=20)
"""How long a provider surely remembers an idempotency key; Stripe forgets it after a day."""


def is_for_good(refusal: PaymentRefused | Invalid, sale: Sale, now: datetime, cashier: Cashier) -> bool:
    """Whether a refusal to make the intent of the latest attempt means that there is none, and never will be.

    Not so where it may have been made before: under a key that meant something else, or that may be forgotten by
    now; nor where the customer of a saved way to pay is not known any more, so that the question was another one.
    """
    attempt = sale.payment.attempt
    if isinstance(refusal, KeyReused) or now - attempt.created_at > KEYS_LAST:
        return False
    return isinstance(refusal, PaymentRefused) or not cashier.saved_methods.names(attempt.method)


def refused(attempt: PaymentAttempt, refusal: PaymentRefused | Invalid) -> IntentState:
    """The attempt failed as by a decline; the same attempt has nothing more to it."""
    reason = refusal.reason if isinstance(refusal, PaymentRefused) else ""
    return _nothing(attempt, AttemptStatus.FAILED, reason or refusal.code)


def never_made(attempt: PaymentAttempt) -> IntentState:
    """There is nothing that could take money."""
    return _nothing(attempt, AttemptStatus.CANCELLED, attempt.failure_code)


def _nothing(attempt: PaymentAttempt, status: AttemptStatus, failure_code: str) -> IntentState:
    zero = Money.zero(attempt.amount.currency)
    return IntentState(provider_ref="", status=status, amount=attempt.amount, captured=zero, failure_code=failure_code)
