"""Our minor units and Stripe's: for most currencies the same number, for some not.

Stripe follows ISO 4217 but for these: ISK and UGX have no minor unit, yet Stripe wants them with two digits that
are zero; MGA has two digits, yet Stripe wants whole ariary; of currencies with three digits the last must be
zero. Getting this wrong charges a hundred times too much or too little.
"""

from shop.domain.kernel.currencies import exponent
from shop.domain.kernel.errors import Invalid
from shop.domain.kernel.money import Money

# How many digits Stripe counts where these differ from the currency's own.
_STRIPE_DIGITS = {"ISK": 2, "UGX": 2, "MGA": 0}
_THREE_DIGITS = 3
_DIGITS_MAX = 3
# Stripe's documentation, “Minimum and maximum charge amounts”, in minor units. Half a unit is that of the larger ones,
# and assumed of those that it does not name.
_LEAST = {
    "AED": 200, "BGN": 100, "CZK": 1500, "DKK": 250, "GBP": 30, "HKD": 400, "HUF": 17_500, "JPY": 50, "MXN": 1000,
    "MYR": 200, "NOK": 300, "PLN": 200, "RON": 200, "SEK": 300, "THB": 1000,
}  # fmt: skip


class AmountNotChargeable(Invalid):
    """Stripe cannot charge exactly this amount in this currency."""

    code = "amount_not_chargeable"
    title = "Stripe cannot charge this amount"
    default_hint = "Price in amounts that cards can pay: whole ariary in MGA; in KWD the last digit is 0."


def to_stripe(money: Money) -> int:
    """The number that means this amount to Stripe. Raises AmountNotChargeable; it never rounds."""
    ours, theirs = _digits(money.currency)
    amount, rest = _scaled(money.minor, theirs - ours)
    if rest or (theirs == _THREE_DIGITS and amount % 10):
        raise AmountNotChargeable(f"Stripe cannot charge {money} exactly.")
    return amount


def from_stripe(amount: int, currency: str) -> Money:
    """The amount that this number means; the currency in either case. Raises AmountNotChargeable, UnknownCurrency."""
    code = currency.upper()
    ours, theirs = _digits(code)
    minor, rest = _scaled(amount, ours - theirs)
    if rest:
        raise AmountNotChargeable(f"Stripe speaks of {amount} in {code}, which no amount of the shop equals.")
    return Money(minor, code)


def _scaled(amount: int, digits: int) -> tuple[int, int]:
    """The amount with this many digits more or less, and what of it could not be kept."""
    factor: int = 10 ** abs(digits)
    return (amount * factor, 0) if digits >= 0 else divmod(amount, factor)


def _digits(currency: str) -> tuple[int, int]:
    ours = exponent(currency)
    if ours > _DIGITS_MAX:
        raise AmountNotChargeable(f"Stripe knows no currency with {ours} digits, such as {currency}.")
    return ours, _STRIPE_DIGITS.get(currency, ours)


def least_charge(currency: str) -> Money:
    """The smallest amount that Stripe takes in this currency, as far as it says so."""
    return Money(_LEAST.get(currency, max(10 ** exponent(currency) // 2, 1)), currency)
