"""The books: double entry, append only. Every entry adds up to nothing in each currency."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum

from attrs import field, frozen

from shop.domain.kernel.errors import Invalid
from shop.domain.kernel.identifiers import LedgerEntryId, OrderId, PaymentId
from shop.domain.kernel.money import Money, total
from shop.domain.kernel.tenders import Tender, TenderKind

# The chart of accounts. A debit is positive, a credit negative.
RECEIVABLE, FEES, REFUNDS, DISPUTES = "receivable", "fees", "refunds", "disputes"
GIFT_CARDS, STORE_CREDIT, TAX, SHIPPING, REVENUE = "gift_cards", "store_credit", "tax", "shipping", "revenue"
DISPUTE_LOSSES, BANK = "dispute_losses", "bank"
ACCOUNTS = frozenset(
    {RECEIVABLE, FEES, REFUNDS, DISPUTES, DISPUTE_LOSSES, GIFT_CARDS, STORE_CREDIT, TAX, SHIPPING, REVENUE, BANK}
)


_LIABILITIES = {TenderKind.GIFT_CARD: GIFT_CARDS, TenderKind.STORE_CREDIT: STORE_CREDIT}


def clearing(provider: str) -> str:
    """The account of money that a payment provider holds for the shop."""
    return f"clearing:{provider}"


class EntryUnbalanced(Invalid):
    code = "entry_unbalanced"
    title = "Debits and credits differ"


class NothingMoved(Invalid):
    """A refund of nothing, or of less, is a mistake and never “all of it”."""

    code = "amount_not_positive"
    title = "The amount must be more than nothing"


class EntryKind(StrEnum):
    CAPTURE = "capture"
    REFUND = "refund"
    REFUND_REVERSAL = "refund_reversal"
    FEE = "fee"
    DISPUTE = "dispute"
    DISPUTE_REVERSAL = "dispute_reversal"
    PAYOUT = "payout"
    PAYOUT_REVERSAL = "payout_reversal"
    ADJUSTMENT = "adjustment"
    GIFT_CARD = "gift_card"
    STORE_CREDIT = "store_credit"
    WRITE_OFF = "write_off"


OF_SALES = frozenset({EntryKind.CAPTURE, EntryKind.REFUND, EntryKind.REFUND_REVERSAL})
"""What says of a sale how much was taken for it and went back. Fees are about it, and no part of that."""


@frozen
class Posting:
    """An amount on an account: positive is debit, negative is credit."""

    account: str
    amount: Money


def _balanced(_instance: object, _attribute: object, postings: Sequence[Posting]) -> None:
    sums: defaultdict[str, int] = defaultdict(int)
    for posting in postings:
        if posting.account not in ACCOUNTS and not posting.account.startswith("clearing:"):
            raise EntryUnbalanced(f"There is no account “{posting.account}”.")
        sums[posting.amount.currency] += posting.amount.minor
    if not postings or any(sums.values()):
        raise EntryUnbalanced("The debits and credits of an entry add up to nothing.")


@frozen(kw_only=True)
class LedgerEntry:
    """Something that happened to money. (provider, provider_ref, kind) is unique: the same news books once.

    A payout, or a fee for the account as a whole, is about no order and no payment.
    """

    id: LedgerEntryId
    at: datetime
    kind: EntryKind
    order_id: OrderId | None = None
    payment_id: PaymentId | None = None
    provider: str
    provider_ref: str
    postings: tuple[Posting, ...] = field(validator=_balanced)


def sale_postings(
    provider: str, net: Money, shipping_net: Money, tax: Money, tenders: Sequence[Tender] = ()
) -> tuple[Posting, ...]:
    """A captured sale: what the provider holds and what the shop owes no more to holders of gift cards and credit,
    against what was earned and what is owed to the state."""
    amounts = ((REVENUE, net), (SHIPPING, shipping_net), (TAX, tax))
    credits = tuple(Posting(account, -amount) for account, amount in amounts if amount)
    whole = net + shipping_net + tax
    if not tenders:
        return (Posting(clearing(provider), whole), *credits)
    paid = total((tender.amount for tender in tenders), whole.currency)
    held = (Posting(clearing(provider), whole - paid),) if whole != paid else ()
    return (*held, *(Posting(_LIABILITIES[tender.kind], tender.amount) for tender in tenders), *credits)


def unapplied_postings(provider: str, amount: Money) -> tuple[Posting, ...]:
    """Money captured that pays for nothing (the sum differs, the order is cancelled): owed to the shopper."""
    _more_than_nothing(amount)
    return (Posting(clearing(provider), amount), Posting(RECEIVABLE, -amount))


def refund_postings(
    provider: str, amount: Money, *, applied: bool, tenders: Sequence[Tender] = ()
) -> tuple[Posting, ...]:
    """Money given back: for a sale (`applied`), or for money that never paid for one. What goes to `tenders` is owed
    to their holders again; the rest went through the provider."""
    _more_than_nothing(amount)
    given = Posting(REFUNDS if applied else RECEIVABLE, amount)
    if not tenders:
        return (given, Posting(clearing(provider), -amount))
    owed = tuple(Posting(_LIABILITIES[tender.kind], -tender.amount) for tender in tenders)
    rest = amount - total((tender.amount for tender in tenders), amount.currency)
    return (given, *((Posting(clearing(provider), -rest),) if rest else ()), *owed)


def refund_reversal_postings(provider: str, amount: Money, *, applied: bool) -> tuple[Posting, ...]:
    """Money that had gone back and came back to the shop: what was owed before is owed again."""
    return tuple(Posting(p.account, -p.amount) for p in refund_postings(provider, amount, applied=applied))


def dispute_postings(provider: str, taken: Money, fee: Money) -> tuple[Posting, ...]:
    """Money withdrawn because of a dispute, with what that costs; amounts below zero came back to the shop."""
    amounts = ((DISPUTES, taken), (FEES, fee))
    if not (taken or fee):
        raise NothingMoved("A dispute that moved nothing is not booked.")
    return tuple(
        posting
        for account, amount in amounts
        if amount
        for posting in (Posting(account, amount), Posting(clearing(provider), -amount))
    )


def loss_postings(amount: Money) -> tuple[Posting, ...]:
    """Disputed money that is lost; an amount below zero takes that back."""
    if not amount:
        raise NothingMoved("Nothing was lost.")
    return (Posting(DISPUTE_LOSSES, amount), Posting(DISPUTES, -amount))


def fee_postings(provider: str, amount: Money) -> tuple[Posting, ...]:
    """What the provider keeps for its work; below zero, what it gives back of that. Raises NothingMoved for zero."""
    _something(amount)
    return (Posting(FEES, amount), Posting(clearing(provider), -amount))


def payout_postings(provider: str, amount: Money) -> tuple[Posting, ...]:
    """Money that left the provider for the bank; below zero, that came back. Raises NothingMoved for zero."""
    _something(amount)
    return (Posting(BANK, amount), Posting(clearing(provider), -amount))


def _something(amount: Money) -> None:
    if not amount.minor:
        raise NothingMoved("Nothing moved, so there is nothing to book.")


def _more_than_nothing(amount: Money) -> None:
    if amount.minor <= 0:
        raise NothingMoved(f"{amount} is nothing that could be moved.")
