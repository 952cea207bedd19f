"""What moved the money that Stripe holds for the shop, and what it pays out, in the shop's words."""

from datetime import UTC, datetime

from stripe import BalanceTransaction as StripeTransaction
from stripe import Payout as StripePayout

from shop.adapters.stripe.amounts import from_stripe
from shop.application.ports.payments import PaymentProviderUnavailable
from shop.application.ports.records import BalanceTransaction, Payout, PayoutStatus, TransactionKind
from shop.domain.kernel.errors import Invalid

# By Stripe's own type; what is missing here is money that moved for reasons which the shop has no books for.
_KINDS = {
    "charge": TransactionKind.CHARGE,
    "payment": TransactionKind.CHARGE,
    "refund": TransactionKind.REFUND,
    "payment_refund": TransactionKind.REFUND,
    "refund_failure": TransactionKind.REFUND_REVERSAL,
    "payment_failure_refund": TransactionKind.REFUND_REVERSAL,
    "stripe_fee": TransactionKind.FEE,
    "stripe_fx_fee": TransactionKind.FEE,
    "tax_fee": TransactionKind.FEE,
    "payout": TransactionKind.PAYOUT,
    "payout_cancel": TransactionKind.PAYOUT_REVERSAL,
    "payout_failure": TransactionKind.PAYOUT_REVERSAL,
}
# Disputes are adjustments; only the category tells.
_CATEGORIES = {"dispute": TransactionKind.DISPUTE, "dispute_reversal": TransactionKind.DISPUTE}
_STATUSES = {
    "pending": PayoutStatus.PENDING,
    "in_transit": PayoutStatus.IN_TRANSIT,
    "paid": PayoutStatus.PAID,
    "failed": PayoutStatus.FAILED,
    "canceled": PayoutStatus.CANCELLED,
}


def transaction_of(transaction: StripeTransaction) -> BalanceTransaction:
    """The movement as Stripe describes it, its source included in the answer. Raises PaymentProviderUnavailable when
    the description makes no sense."""
    try:
        return BalanceTransaction(
            ref=transaction.id,
            kind=_CATEGORIES.get(transaction.reporting_category) or _KINDS.get(transaction.type, TransactionKind.OTHER),
            amount=from_stripe(transaction.amount, transaction.currency),
            fee=from_stripe(transaction.fee, transaction.currency),
            source_ref=_name(transaction.source),
            intent_ref=_name(getattr(transaction.source, "payment_intent", None)),
            created_at=datetime.fromtimestamp(transaction.created, UTC),
        )
    except (AttributeError, LookupError, TypeError, ValueError, Invalid) as error:
        raise PaymentProviderUnavailable("Stripe answered something that makes no sense.") from error


def payout_of(payout: StripePayout) -> Payout:
    """The payout as Stripe describes it. Raises as `transaction_of`. A status that this version has never heard of:
    it is under way."""
    try:
        return Payout(
            ref=payout.id,
            status=_STATUSES.get(payout.status, PayoutStatus.PENDING),
            amount=from_stripe(payout.amount, payout.currency),
            transaction_ref=_name(payout.balance_transaction),
            failure_code=(payout.failure_code or "")[:100],
            arrives_at=datetime.fromtimestamp(payout.arrival_date, UTC),
            created_at=datetime.fromtimestamp(payout.created, UTC),
        )
    except (AttributeError, LookupError, TypeError, ValueError, Invalid) as error:
        raise PaymentProviderUnavailable("Stripe answered something that makes no sense.") from error


def _name(thing: object) -> str:
    """What it is called, whether it came as a name, as a whole, or not at all."""
    return thing if isinstance(thing, str) else str(getattr(thing, "id", "") or "")
