"""Plans: what can be subscribed to, how often it comes and what it costs."""

from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar, Self

from attrs import define, field

from shop.domain.kernel.aggregates import Aggregate
from shop.domain.kernel.errors import Conflict, Flaw, Invalid, NotFound
from shop.domain.kernel.identifiers import PlanId, VariantId
from shop.domain.kernel.money import Money
from shop.domain.kernel.texts import storable
from shop.domain.subscriptions.periods import Interval

TRIAL_DAYS_MAX = 730
NAME_LENGTH_MAX = 200


class PlanNotFound(NotFound):
    title = "No such plan"


class PlanCodeTaken(Conflict):
    code = "plan_code_taken"
    title = "Another plan has this code"


class PlanNotOffered(Conflict):
    """It was archived, or has no price in this currency."""

    code = "plan_not_offered"
    title = "This plan cannot be subscribed to"


class AfterDunning(StrEnum):
    """What becomes of a subscription whose payment failed as often as it is tried."""

    CANCEL = "cancel"
    UNPAID = "unpaid"


def _named(_instance: Any, _attribute: Any, name: str) -> None:
    if not 1 <= len(name.strip()) <= len(name) <= NAME_LENGTH_MAX or not storable(name):
        raise Invalid(
            f"A plan's name has 1 to {NAME_LENGTH_MAX} characters.", flaws=(Flaw("/name", "length", "1 to 200"),)
        )


def _short_trial(_instance: Any, _attribute: Any, days: int) -> None:
    if not 0 <= days <= TRIAL_DAYS_MAX:
        raise Invalid(
            f"A trial lasts 0 to {TRIAL_DAYS_MAX} days.",
            flaws=(Flaw("/trial_days", "trial_out_of_range", f"0 to {TRIAL_DAYS_MAX}"),),
        )


def _one_per_currency(_instance: Any, _attribute: Any, prices: tuple[Money, ...]) -> None:
    currencies = [price.currency for price in prices]
    if not prices or len(set(currencies)) != len(currencies) or any(price.minor <= 0 for price in prices):
        raise Invalid(
            "A plan has a price above zero, and one in each currency at most.",
            flaws=(Flaw("/prices", "prices", "One above zero per currency"),),
        )


@define(eq=False, kw_only=True)
class Plan(Aggregate):
    """A variant that comes again and again. `prices` are for one unit and one period, stated as all prices are."""

    audited: ClassVar = ("code", "interval", "prices", "trial_days", "after_dunning", "archived_at")

    id: PlanId
    code: str
    name: str = field(validator=_named)
    variant_id: VariantId
    interval: Interval
    prices: tuple[Money, ...] = field(validator=_one_per_currency)
    trial_days: int = field(default=0, validator=_short_trial)
    after_dunning: AfterDunning = AfterDunning.CANCEL
    created_at: datetime
    updated_at: datetime
    archived_at: datetime | None = None

    @classmethod
    def offer(cls, *, at: datetime, **attributes: Any) -> Self:
        return cls(created_at=at, updated_at=at, **attributes)

    @property
    def active(self) -> bool:
        return self.archived_at is None

    def price_in(self, currency: str) -> Money:
        """Raises PlanNotOffered."""
        if not self.active:
            raise PlanNotOffered(f"The plan “{self.name}” is not offered any more.")
        for price in self.prices:
            if price.currency == currency:
                return price
        raise PlanNotOffered(f"The plan “{self.name}” has no price in {currency}.")

    def change(self, at: datetime, **changes: Any) -> None:
        """Who subscribed keeps price and interval; only new subscriptions follow. Raises Invalid."""
        for name, value in changes.items():
            setattr(self, name, value)
        self.updated_at = at

    def archive(self, at: datetime) -> None:
        """Nobody new; who subscribed stays. Archiving twice is once."""
        if self.archived_at is None:
            self.archived_at = self.updated_at = at
