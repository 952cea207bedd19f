"""Money: an integer of minor units and a currency. Never a float, one rounding, splits that add up."""

import re
from collections.abc import Iterable, Sequence
from decimal import ROUND_HALF_EVEN, Context, Decimal, DecimalException
from typing import Any

from attrs import frozen

from shop.domain.kernel.currencies import EXPONENTS, UnknownCurrency, exponent
from shop.domain.kernel.errors import Invalid

AMOUNT_MAX = 10**12
"""No amount of a shop is larger, in minor units: what is, is a mistake or an attack."""

_WRITTEN = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)")
"""As people write amounts. Python would take “1_0” and “1e1” for ten as well, and the digits of any script."""

# Our own arithmetic: the program that embeds the shop may have set the precision of its thread to anything.
_ARITHMETIC = Context(prec=60)


class AmountOutOfRange(Invalid):
    """The amount is larger than any a shop handles, or not a whole number of minor units."""

    code = "amount_out_of_range"
    title = "An amount no shop handles"


class CurrenciesDiffer(Invalid):
    """Amounts of two currencies were about to be added or compared."""

    code = "currencies_differ"
    title = "Two currencies in one sum"


@frozen(order=False)
class Money:
    """An amount such as 1999 EUR cents. May be negative: a refund is money too."""

    minor: int
    currency: str

    def __attrs_post_init__(self) -> None:
        # One look instead of a validator each: nothing is made as often as amounts.
        minor, currency = self.minor, self.currency
        if type(minor) is not int or not -AMOUNT_MAX <= minor <= AMOUNT_MAX or currency not in EXPONENTS:
            raise _refusal(minor, currency)

    @classmethod
    def zero(cls, currency: str) -> "Money":
        return cls(0, currency)

    @classmethod
    def from_major(cls, amount: str | Decimal, currency: str) -> "Money":
        """“19.99” EUR as 1999 cents. Raises AmountOutOfRange when it has more digits than the currency."""
        digits = exponent(currency)
        if isinstance(amount, str) and not _WRITTEN.fullmatch(amount.strip()):
            raise AmountOutOfRange(f"“{amount[:40]}” is not an amount.")
        try:
            major = Decimal(amount)
            # Before anything is done with it: the digits of 1e999999 would fill the memory.
            if not abs(major) <= AMOUNT_MAX:
                raise AmountOutOfRange(f"“{str(amount)[:40]}” is not an amount that a shop handles.")
            minor = int(major.scaleb(digits, _ARITHMETIC))
        except DecimalException:
            raise AmountOutOfRange(f"“{str(amount)[:40]}” is not an amount.") from None
        if Decimal(minor).scaleb(-digits, _ARITHMETIC) != major:
            raise AmountOutOfRange(f"{str(amount)[:40]} {currency} has more than {digits} digits after the point.")
        return cls(minor, currency)

    def to_major(self) -> Decimal:
        """1999 EUR cents as 19.99, with exactly the digits of the currency."""
        return Decimal(self.minor).scaleb(-exponent(self.currency), _ARITHMETIC)

    def portion(self, rate: Decimal, rounding: str = ROUND_HALF_EVEN, *, of: Decimal = Decimal(1)) -> "Money":
        """This amount times `rate` ÷ `of`, rounded to the minor unit: the only rounding in the shop.

        The division comes last, so that a tie is a tie: 3 cents × 0.2 ÷ 1.2 are half a cent and not a bit more.
        """
        exact = _ARITHMETIC.divide(_ARITHMETIC.multiply(Decimal(self.minor), rate), of)
        return Money(int(exact.to_integral_value(rounding)), self.currency)

    def split(self, weights: Sequence[int]) -> list["Money"]:
        """Shares in proportion to the weights that add up to exactly this amount.

        By largest remainder: every share is within one minor unit of its exact value, and of two shares with the
        same remainder the earlier one gets the unit. All-zero weights share evenly. Raises Invalid for no
        weights or a negative one.
        """
        if not weights or any(weight < 0 for weight in weights):
            raise Invalid("A split needs at least one weight, and none below zero.")
        if not any(weights):
            weights = [1] * len(weights)
        whole, sign = abs(self.minor), -1 if self.minor < 0 else 1
        total = sum(weights)
        shares = [whole * weight // total for weight in weights]
        by_remainder = sorted(range(len(weights)), key=lambda i: (-(whole * weights[i] % total), i))
        for index in by_remainder[: whole - sum(shares)]:
            shares[index] += 1
        return [Money(sign * share, self.currency) for share in shares]

    def _same(self, other: "Money") -> "Money":
        try:
            same = other.currency == self.currency
        except AttributeError:
            raise TypeError(f"{self} and {type(other).__name__} cannot be added or compared.") from None
        if not same:
            raise CurrenciesDiffer(f"{self.currency} and {other.currency} cannot be added or compared.")
        return other

    def __add__(self, other: "Money") -> "Money":
        return Money(self.minor + self._same(other).minor, self.currency)

    def __sub__(self, other: "Money") -> "Money":
        return Money(self.minor - self._same(other).minor, self.currency)

    def __mul__(self, times: int) -> "Money":
        return Money(self.minor * times, self.currency)

    def __neg__(self) -> "Money":
        return Money(-self.minor, self.currency)

    def __lt__(self, other: "Money") -> bool:
        return self.minor < self._same(other).minor

    def __le__(self, other: "Money") -> bool:
        return self.minor <= self._same(other).minor

    def __gt__(self, other: "Money") -> bool:
        return self.minor > self._same(other).minor

    def __ge__(self, other: "Money") -> bool:
        return self.minor >= self._same(other).minor

    def __bool__(self) -> bool:
        return self.minor != 0

    def __str__(self) -> str:
        return f"{self.to_major():f} {self.currency}"


@frozen(order=False)
class _Turnover(Money):
    """A sum beyond what a single amount may be."""

    def __attrs_post_init__(self) -> None:
        if self.currency not in EXPONENTS:
            raise _refusal(0, self.currency)


def turnover(minor: int, currency: str) -> Money:
    """What many amounts of a shop come to, for figures: in a currency of many small units (rupiah, pounds of Lebanon)
    that is soon more than AMOUNT_MAX. Nothing is reckoned with it any further."""
    return Money(minor, currency) if -AMOUNT_MAX <= minor <= AMOUNT_MAX else _Turnover(minor, currency)


def _refusal(minor: Any, currency: Any) -> Invalid:
    if type(minor) is not int:
        return AmountOutOfRange(f"Amounts are whole minor units; {minor!r} is not a whole number.")
    if not -AMOUNT_MAX <= minor <= AMOUNT_MAX:
        # Without the number: one of many thousand digits cannot be written down.
        return AmountOutOfRange(f"The amount is beyond {AMOUNT_MAX} minor units, the most that the shop handles.")
    return UnknownCurrency(f"“{str(currency)[:10]}” is not a currency code of ISO 4217, such as EUR or JPY.")


def total(amounts: Iterable[Money], currency: str) -> Money:
    """The sum of the amounts, zero of the currency when there are none."""
    minor = 0
    for amount in amounts:
        if amount.currency != currency:
            raise CurrenciesDiffer(f"{currency} and {amount.currency} cannot be added or compared.")
        minor += amount.minor
    return Money(minor, currency)
