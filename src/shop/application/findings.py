"""What a comparison of books can find, and what may be done about each kind."""

from datetime import timedelta
from enum import StrEnum

from shop.application.ports.reconciliation import BookedSale
from shop.application.ports.views import FindingView
from shop.domain.kernel.money import Money

GRACE = timedelta(minutes=10)
"""What was touched within it is left to those who are at it."""


class FindingKind(StrEnum):
    CHARGE_UNMATCHED = "charge_unmatched"
    """The provider took or holds money, and no order of ours knows of it."""
    PAYMENT_UNMATCHED = "payment_unmatched"
    """A payment of ours names something that the provider does not have."""
    CURRENCY_DIFFERS = "currency_differs"
    AMOUNT_DIFFERS = "amount_differs"
    """What was taken or given back is another sum at the provider."""
    STATE_DIFFERS = "state_differs"
    LEDGER_DIFFERS = "ledger_differs"
    """An entry is missing or too much: the ledger does not say what the payment says."""
    LEDGER_UNBALANCED = "ledger_unbalanced"
    """The postings about a payment do not add up to nothing."""
    MESSAGE_MISSING = "message_missing"
    """The provider told us something, and we have no record of it."""
    STOCK_DIFFERS = "stock_differs"
    """A level is not the sum of its movements."""
    RESERVED_DIFFERS = "reserved_differs"
    """What a level says is reserved is not what orders hold."""
    FEE_MISSING = "fee_missing"
    """The provider kept a fee that is not in the ledger."""
    FEE_DIFFERS = "fee_differs"
    PAYOUT_MISSING = "payout_missing"
    """Money left the provider for the bank, or came back from there, and that is not in the ledger."""
    PAYOUT_DIFFERS = "payout_differs"
    PAYOUT_UNEXPLAINED = "payout_unexplained"
    """By the ledger, what a payout consists of comes to another sum."""
    DISPUTE_MISSING = "dispute_missing"
    """A bank took money because of a dispute, or gave it back, and that is not in the ledger."""
    DISPUTE_DIFFERS = "dispute_differs"
    ENTRY_UNMATCHED = "entry_unmatched"
    """The ledger has a fee, a payout or a movement of a dispute of which the provider knows nothing."""
    EVENTS_SET_ASIDE = "events_set_aside"
    """Something that should have followed from events did not, ten times over."""


HEALING = frozenset(
    {
        FindingKind.CURRENCY_DIFFERS,
        FindingKind.AMOUNT_DIFFERS,
        FindingKind.STATE_DIFFERS,
        FindingKind.MESSAGE_MISSING,
        FindingKind.FEE_MISSING,
        FindingKind.PAYOUT_MISSING,
        FindingKind.DISPUTE_MISSING,
    }
)
"""What is put right by asking the provider again; nothing else is decided by that."""
REPAIRABLE = HEALING | {
    FindingKind.CHARGE_UNMATCHED,
    FindingKind.LEDGER_DIFFERS,
    FindingKind.STOCK_DIFFERS,
    FindingKind.FEE_DIFFERS,
    FindingKind.PAYOUT_DIFFERS,
}
"""What a command can put right. For the rest it takes people, who know what they did."""


def finding_of(
    kind: FindingKind,
    subject: str,
    detail: str,
    *,
    provider: str = "",
    provider_ref: str = "",
    sale: BookedSale | None = None,
    ours: Money | None = None,
    theirs: Money | None = None,
) -> FindingView:
    """The finding, with the command that helps if one does."""
    name = f"{kind}:{subject}"
    return FindingView(
        id=name,
        kind=kind,
        subject=subject,
        detail=detail,
        provider=provider,
        provider_ref=provider_ref,
        order_id=sale.order_id if sale else None,
        order_number=sale.order_number if sale else None,
        payment_id=sale.payment_id if sale else None,
        ours=ours,
        theirs=theirs,
        healing=kind in HEALING,
        repair=f"shop reconcile --repair {name}" if kind in REPAIRABLE else "",
    )
