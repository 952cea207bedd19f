"""Where a provider's news become ours: the only place that moves the state of money."""

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
from shop.application.settlement.wallets import check_own_method, customer_of, follow_wallet_news, wallet_of

__all__ = [
    "MISMATCH",
    "STEPS_MAX",
    "Cashier",
    "PaymentElsewhere",
    "Sale",
    "call_off",
    "call_off_free",
    "carry_on",
    "charge_of",
    "check_own_method",
    "customer_of",
    "follow_wallet_news",
    "sale_of",
    "settle",
    "settle_refunds",
    "wallet_of",
]
