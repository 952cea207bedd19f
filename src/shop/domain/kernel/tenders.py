"""Tenders: means of payment that the shop itself holds for a customer, and what each of them pays of an order.

What is left of an order's total is the part that the payment provider takes. Nothing here knows how a customer came
to a balance; it is only said what a part of it is used for, and what of that went back.
"""

from collections.abc import Sequence
from enum import StrEnum

from attrs import evolve, field, frozen

from shop.domain.kernel.errors import Invalid
from shop.domain.kernel.money import Money, total

REFERENCE_LENGTH_MAX = 200


class TenderUnfit(Invalid):
    """The tenders do not fit the order: another currency, nothing or too much, or the same one twice."""

    code = "tender_unfit"
    title = "This cannot pay for the order"


class TenderKind(StrEnum):
    GIFT_CARD = "gift_card"
    STORE_CREDIT = "store_credit"


@frozen(kw_only=True)
class Tender:
    """What a gift card or a store credit pays of an order. `reference` names it at its source; `returned` went back.

    Raises TenderUnfit unless the amount is above zero and no more than that went back.
    """

    kind: TenderKind
    amount: Money
    reference: str
    returned: Money = field()

    @returned.default
    def _nothing_returned(self) -> Money:
        return Money.zero(self.amount.currency)

    def __attrs_post_init__(self) -> None:
        if self.amount.minor <= 0 or not 1 <= len(self.reference) <= REFERENCE_LENGTH_MAX:
            raise TenderUnfit("A tender pays more than nothing, and has a name of 1 to 200 characters.")
        if not 0 <= self.returned.minor <= self.amount.minor:
            raise TenderUnfit(f"{self.returned} cannot go back of {self.amount}.")

    @property
    def name(self) -> tuple[TenderKind, str]:
        """What tells it from the other tenders of an order."""
        return self.kind, self.reference

    @property
    def left(self) -> Money:
        """What could still go back."""
        return self.amount - self.returned

    def give_back(self, amount: Money) -> "Tender":
        """The same after this much more went back. Raises TenderUnfit."""
        return evolve(self, returned=self.returned + amount)

    def at_most(self, amount: Money) -> "Tender | None":
        """As much of it as fits into this amount; None: nothing does."""
        if amount.minor <= 0:
            return None
        return self if self.amount <= amount else evolve(self, amount=amount)


def due_after(amount: Money, tenders: Sequence[Tender]) -> Money:
    """What the provider has to take once these have paid their parts. Raises TenderUnfit."""
    if len({tender.name for tender in tenders}) != len(tenders):
        raise TenderUnfit("The same tender pays once.")
    if any(tender.amount.currency != amount.currency for tender in tenders):
        raise TenderUnfit(f"The order is in {amount.currency}.")
    paid = total((tender.amount for tender in tenders), amount.currency)
    if paid > amount:
        raise TenderUnfit(f"{paid} are more than the {amount} that the order costs.")
    return amount - paid


def split_refund(amount: Money, provider_left: Money, tenders_left: Sequence[Tender]) -> tuple[Money, list[Tender]]:
    """Where money goes back to: what the provider gives back, and what goes to which tender.

    First what the provider took, as far as that reaches; then the tenders, the one used last first. `tenders_left`
    are in the order in which they were used, each with the amount that can still go back. The parts make exactly the
    amount. Raises TenderUnfit when less is left.
    """
    at_provider = min(amount, provider_left)
    rest, parts = amount - at_provider, list[Tender]()
    for tender in reversed(tenders_left):
        if (part := tender.at_most(rest)) is not None:
            parts.append(part)
            rest -= part.amount
    if rest:
        raise TenderUnfit(f"{rest} more than is left.")
    return at_provider, parts
