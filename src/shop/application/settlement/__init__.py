"""Where a provider's news become ours: the only place that moves the state of money."""

from shop.application.settlement.anew import begin_anew
from shop.application.settlement.books import BooksOf
from shop.application.settlement.captures import CapturesOf
from shop.application.settlement.disputes import look_at_risk, settle_answer, settle_disputes
from shop.application.settlement.endings import call_off_free
from shop.application.settlement.refunds import MISMATCH
from shop.application.settlement.sales import Cashier, PaymentElsewhere, Sale, sale_of
from shop.application.settlement.saving import (
    MethodNotReusable,
    MethodNotSavable,
    SavingDecided,
    SavingNeedsCustomer,
    check_reusable,
    check_undecided,
    check_wish,
    prepare_saving,
)
from shop.application.settlement.shipping import OrderNotShippable, check_money_safe, check_shippable
from shop.application.settlement.steps import (
    STEPS_MAX,
    call_off,
    carry_on,
    charge_of,
    settle,
    settle_refunds,
)
from shop.application.settlement.tenders import TendersOf, TenderSourceGone, held_for, left_of
from shop.application.settlement.wallets import (
    check_own_method,
    customer_of,
    follow_wallet_news,
    open_wallet,
    wallet_of,
)

__all__ = [
    "MISMATCH",
    "STEPS_MAX",
    "BooksOf",
    "CapturesOf",
    "Cashier",
    "MethodNotReusable",
    "MethodNotSavable",
    "OrderNotShippable",
    "PaymentElsewhere",
    "Sale",
    "SavingDecided",
    "SavingNeedsCustomer",
    "TenderSourceGone",
    "TendersOf",
    "begin_anew",
    "call_off",
    "call_off_free",
    "carry_on",
    "charge_of",
    "check_money_safe",
    "check_own_method",
    "check_reusable",
    "check_shippable",
    "check_undecided",
    "check_wish",
    "customer_of",
    "follow_wallet_news",
    "held_for",
    "left_of",
    "look_at_risk",
    "open_wallet",
    "prepare_saving",
    "sale_of",
    "settle",
    "settle_answer",
    "settle_disputes",
    "settle_refunds",
    "wallet_of",
]
