"""Cards that are saved along with paying."""

from attrs import evolve

from shop.adapters.fake.booked import BookedIntent
from shop.adapters.fake.wallet_books import WalletBooks, is_saved
from shop.domain.payments import AttemptStatus

ACCEPTED = frozenset({AttemptStatus.AUTHORIZED, AttemptStatus.CAPTURED})


def with_card_saved(intent: BookedIntent, wallets: WalletBooks) -> BookedIntent:
    """The intent that was paid with a new card, and keeps it for its owner; once."""
    if not intent.saves_for or intent.status not in ACCEPTED or is_saved(intent.method):
        return intent
    with wallets.writing():
        customer = wallets.get(intent.saves_for)
        if customer is None or customer.gone:
            return intent
        method = customer.save(intent.method)
        wallets.put(customer, "payment_method.attached", method.ref)
    return evolve(intent, method=method.ref)
