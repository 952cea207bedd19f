"""Where a provider's news become ours: the only place that moves the state of money."""

from shop.application.settlement.books import BooksOf
from shop.application.settlement.refunds import MISMATCH
from shop.application.settlement.sales import Cashier, PaymentElsewhere, Sale, sale_of
from shop.application.settlement.steps import (
    STEPS_MAX,
    call_off,
    call_off_free,
    carry_on,
    charge_of,
    settle,
    settle_refunds,
)
from shop.application.settlement.tenders import TendersOf, TenderSourceGone, held_for, left_of
from shop.application.settlement.wallets import check_own_method, customer_of, follow_wallet_news, wallet_of

__all__ = [
    "MISMATCH",
    "STEPS_MAX",
    "BooksOf",
    "Cashier",
    "PaymentElsewhere",
    "Sale",
    "TenderSourceGone",
    "TendersOf",
    "call_off",
    "call_off_free",
    "carry_on",
    "charge_of",
    "check_own_method",
    "customer_of",
    "follow_wallet_news",
    "held_for",
    "left_of",
    "sale_of",
    "settle",
    "settle_refunds",
    "wallet_of",
]
