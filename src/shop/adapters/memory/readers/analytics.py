"""Figures about the shop as a whole, from memory."""

from collections import Counter
from datetime import datetime

from shop.adapters.memory.tables import Tables
from shop.application.ports.analytics import DECLINE_CODES_MAX, PaymentFigures
from shop.domain.kernel.money import turnover
from shop.domain.ledger import FEES, EntryKind
from shop.domain.payments import ANSWERABLE, ENDED_WELL, TENDERS, AttemptStatus, DisputeStatus, Payment, PaymentAttempt

_ACCEPTED = frozenset({AttemptStatus.AUTHORIZED, AttemptStatus.CAPTURED})
_WENT_BACK = frozenset({EntryKind.REFUND, EntryKind.REFUND_REVERSAL})


class MemoryAnalyticsReader:
    """Answers for analytics."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def payments(self, currency: str, since: datetime, until: datetime) -> PaymentFigures:
        begun = [p for p in self._tables.payments.values() if since <= p.created_at < until]
        at_providers = [p for p in begun if p.amount.currency == currency and p.provider != TENDERS]
        asked = [(p, a) for p in at_providers for a in p.attempts if a.provider_ref or a.declines]
        accepted = [(p, a) for p, a in asked if _accepted(p, a)]
        codes = Counter(code for _, attempt in asked for code in attempt.declines)
        captured = sum(p.captured.minor for p in begun if p.captured.currency == currency)
        refunded = refunds = fees = 0
        for entries in self._tables.entries_by_order.values():
            for entry in entries:
                if not since <= entry.at < until or entry.kind is EntryKind.CAPTURE:
                    continue
                for posting in entry.postings:
                    if posting.amount.currency != currency:
                        continue
                    if posting.account == FEES:
                        fees += posting.amount.minor
                    elif entry.kind in _WENT_BACK and posting.account.startswith("clearing:"):
                        refunded -= posting.amount.minor
                        refunds += 1 if entry.kind is EntryKind.REFUND else -1
        disputes = [
            d for d in self._tables.disputes.values() if since <= d.created_at < until and d.amount.currency == currency
        ]
        return PaymentFigures(
            succeeded=len(accepted),
            declined=codes.total(),
            unfinished=sum(not _accepted(p, a) and not a.declines for p, a in asked),
            orders_attempted=len({p.order_id for p, _ in asked}),
            orders_paid=len({p.order_id for p, _ in accepted}),
            captured=turnover(captured, currency),
            refunded=turnover(refunded, currency),
            refunds=refunds,
            fees=turnover(fees, currency),
            disputes_opened=len(disputes),
            disputes_won=sum(dispute.status in ENDED_WELL for dispute in disputes),
            disputes_lost=sum(dispute.status is DisputeStatus.LOST for dispute in disputes),
            disputes_due=sum(dispute.status in ANSWERABLE for dispute in disputes),
            disputed=turnover(sum(dispute.amount.minor for dispute in disputes), currency),
            decline_codes=sorted(codes.items(), key=lambda one: (-one[1], one[0]))[:DECLINE_CODES_MAX],
        )


def _accepted(payment: Payment, attempt: PaymentAttempt) -> bool:
    """Whether a card was accepted, be it that its money was let go of again."""
    let_go = attempt.status is AttemptStatus.CANCELLED and bool(attempt.provider_ref) and payment.processed
    return attempt.status in _ACCEPTED or let_go
