"""Subscriptions: what comes again and again until it is called off, and what becomes of it when it is not paid.

The shop keeps the calendar: which period is due, when a failed payment is tried again, when that was often enough.
"""

from datetime import datetime, timedelta
from typing import Any, ClassVar, Self

from attrs import define, field

from shop.domain.kernel.address import ERASED, Address
from shop.domain.kernel.aggregates import Aggregate
from shop.domain.kernel.email import checked_email
from shop.domain.kernel.errors import Flaw, Invalid
from shop.domain.kernel.identifiers import OrderId, OrderLineId, PlanId, SubscriptionId, UserId, VariantId
from shop.domain.kernel.money import Money
from shop.domain.subscriptions.events import (
    SubscriptionCancelled,
    SubscriptionPaused,
    SubscriptionPaymentFailed,
    SubscriptionRenewed,
    SubscriptionResumed,
    SubscriptionStarted,
    SubscriptionTrialEnding,
)
from shop.domain.subscriptions.periods import Interval, Period, Renewal
from shop.domain.subscriptions.plans import AfterDunning, Plan
from shop.domain.subscriptions.proration import Proration, left_of, prorate
from shop.domain.subscriptions.states import (
    BILLABLE,
    ENDED,
    RUNNING,
    SubscriptionCannotMove,
    SubscriptionNotPausable,
    SubscriptionStatus,
    check_move,
)
from shop.domain.subscriptions.waiting import DUNNING, INCOMPLETE_FOR, LOOK_AGAIN, WAIT_FOR_GOODS

QUANTITY_MAX = 1_000


def _bounded(_instance: Any, _attribute: Any, quantity: int) -> None:
    if type(quantity) is not int or not 1 <= quantity <= QUANTITY_MAX:
        flaw = Flaw("/quantity", "quantity_out_of_range", f"1 to {QUANTITY_MAX}", {"max": QUANTITY_MAX})
        raise Invalid(f"A subscription is of 1 to {QUANTITY_MAX} units.", flaws=(flaw,))


@define(eq=False, kw_only=True)
class Subscription(Aggregate):
    """Somebody's subscription. Price and interval are those of the plan at the moment when it was chosen.

    `begun` counts the periods that have begun since the anchor; `open_order` is the order of the current one while
    it is not paid; `balance` makes the next bill higher or lower; `due_at` is when something has to be done next.
    `order_id` and `order_line_id`: the line of a checkout by which it was subscribed; its money is that order's.
    """

    audited: ClassVar = ("plan_id", "unit_price", "quantity", "balance", "status", "cancel_at_period_end")

    id: SubscriptionId
    owner_id: UserId
    plan_id: PlanId
    variant_id: VariantId
    title: str
    interval: Interval
    unit_price: Money
    quantity: int = field(validator=_bounded)
    after_dunning: AfterDunning
    email: str
    shipping_address: Address | None = None
    billing_address: Address | None = None
    shipping_code: str = ""
    provider: str
    method: str
    provider_ref: str = ""
    order_id: OrderId | None = None
    order_line_id: OrderLineId | None = None
    status: SubscriptionStatus = SubscriptionStatus.INCOMPLETE
    anchor: datetime
    begun: int = 0
    period_start: datetime
    period_end: datetime
    trial_ends_at: datetime | None = None
    trial_noticed: bool = False
    balance: Money
    open_order: OrderId | None = None
    tries: int = 0
    due_at: datetime | None
    cancel_at_period_end: bool = False
    cancel_reason: str = ""
    created_at: datetime
    updated_at: datetime
    cancelled_at: datetime | None = None

    @classmethod
    def open(cls, *, at: datetime, plan: Plan, currency: str, email: str, **attributes: Any) -> Self:
        """What somebody asked for; it begins once the provider knows of it. Raises PlanNotOffered, Invalid."""
        trial_ends_at = at + timedelta(days=plan.trial_days) if plan.trial_days else None
        return cls(
            email=checked_email(email),
            plan_id=plan.id,
            variant_id=plan.variant_id,
            title=plan.name,
            interval=plan.interval,
            unit_price=plan.price_in(currency),
            after_dunning=plan.after_dunning,
            anchor=trial_ends_at or at,
            period_start=at,
            period_end=trial_ends_at or at,
            trial_ends_at=trial_ends_at,
            balance=Money.zero(currency),
            due_at=at,
            created_at=at,
            updated_at=at,
            **attributes,
        )

    # What it is about to do.

    @property
    def price(self) -> Money:
        """What a whole period costs, before what the balance adds or takes off."""
        return self.unit_price * self.quantity

    @property
    def ended(self) -> bool:
        return self.status in ENDED

    @property
    def next_period(self) -> Period:
        """The period that is billed next."""
        return self.interval.period(self.anchor, self.begun)

    @property
    def next_bill(self) -> Money:
        """What the next period will cost, never below nothing."""
        bill = self.price + self.balance
        return max(bill, Money.zero(bill.currency), key=lambda money: money.minor)

    @property
    def exhausted(self) -> bool:
        """Whether its payment was tried often enough."""
        return self.tries > len(DUNNING)

    def is_due(self, now: datetime) -> bool:
        return self.due_at is not None and self.due_at <= now

    def is_over(self, now: datetime) -> bool:
        """Whether its last period has ended, and it was to end with it."""
        return self.cancel_at_period_end and self.status in RUNNING and self.period_end <= now

    def owes_period(self, now: datetime) -> bool:
        """Whether the next period is to be billed now."""
        begins = self.status in BILLABLE and self.open_order is None and not self.cancel_at_period_end
        return begins and bool(self.provider_ref) and self.is_due(now)

    # What happens to it.

    def begin(self, provider_ref: str, at: datetime) -> None:
        """The provider knows of it: its trial begins, or its first period is to be paid, or was at the checkout."""
        if self.provider_ref or self.status is not SubscriptionStatus.INCOMPLETE:
            return
        self.provider_ref, self.updated_at = provider_ref, at
        if self.trial_ends_at is not None:
            self._move(SubscriptionStatus.TRIALING, at)
            self.open_order, self.due_at = None, self.trial_ends_at
            self._record(SubscriptionStarted(at=at, subscription_id=self.id, plan_id=self.plan_id))
        elif self.open_order is not None:
            self.pay(self.open_order, at)

    def begin_period(self, period: Period, order_id: OrderId, at: datetime, billed: Money | None = None) -> Renewal:
        """The next period was ordered: from now on it is about that order's money. What was not `billed` stays in the
        balance. Raises SubscriptionCannotMove."""
        if period.number != self.begun or self.open_order is not None or self.status not in BILLABLE:
            raise SubscriptionCannotMove(f"Period {period.number} of a subscription that is {self.status} is not next.")
        self.balance = self.price + self.balance - (self.next_bill if billed is None else billed)
        self.begun = period.number + 1
        self.period_start, self.period_end = period.start, period.end
        self.open_order, self.tries, self.due_at, self.updated_at = order_id, 0, at + LOOK_AGAIN, at
        return Renewal(subscription_id=self.id, period_start=period.start, period_end=period.end, order_id=order_id)

    def wait_for_goods(self, at: datetime) -> None:
        """What it needs is not there: it is looked for every day. A first period that waits too long never comes."""
        self.due_at, self.updated_at = at + WAIT_FOR_GOODS, at
        if at >= self.created_at + INCOMPLETE_FOR:
            self.expire(at)

    def leave_out_missed(self, at: datetime) -> bool:
        """Bills nothing for periods that passed while something was missing for them. Whether there were any."""
        period = self.next_period
        if self.due_at is None or not self.period_end <= period.start < self.due_at or at < period.end:
            return False
        while self.next_period.end <= at:
            self.begun += 1
        self.due_at = self.updated_at = at
        return True

    def look_again(self, at: datetime) -> None:
        """The provider takes its time."""
        self.due_at, self.updated_at = at + LOOK_AGAIN, at

    def pay(self, order_id: OrderId, at: datetime) -> None:
        """The order of the current period is paid. Late news of another order change nothing."""
        if self.open_order != order_id or self.ended:
            return
        first = self.status is SubscriptionStatus.INCOMPLETE
        if self.status is not SubscriptionStatus.ACTIVE:
            self._move(SubscriptionStatus.ACTIVE, at)
        self._close_order(at)
        if first:
            self._record(SubscriptionStarted(at=at, subscription_id=self.id, plan_id=self.plan_id))
        else:
            self._record(
                SubscriptionRenewed(at=at, subscription_id=self.id, order_id=order_id, period_start=self.period_start)
            )

    def fail(self, order_id: OrderId, at: datetime) -> None:
        """One more try to take the money of the current period has failed."""
        if self.open_order != order_id or self.ended:
            return
        self.tries, self.updated_at = self.tries + 1, at
        self._record(SubscriptionPaymentFailed(at=at, subscription_id=self.id, order_id=order_id, tries=self.tries))
        if self.status is SubscriptionStatus.INCOMPLETE:
            self.due_at = self.created_at + INCOMPLETE_FOR
            return
        if self.status in RUNNING:
            self._move(SubscriptionStatus.PAST_DUE, at)
        self.due_at = None if self.exhausted else at + DUNNING[self.tries - 1]

    def drop_order(self, order_id: OrderId, at: datetime) -> None:
        """The order of the current period was called off: the period is left out. What is unpaid stays so."""
        if self.open_order != order_id or self.ended:
            return
        if self.status is SubscriptionStatus.INCOMPLETE:
            self.expire(at)
        elif self.status is SubscriptionStatus.UNPAID:
            self.open_order, self.due_at, self.updated_at = None, None, at
        else:
            if self.status in (SubscriptionStatus.PAST_DUE, SubscriptionStatus.TRIALING):
                self._move(SubscriptionStatus.ACTIVE, at)
            self._close_order(at)

    def give_up(self, at: datetime) -> None:
        """It was tried often enough: it ends, or stays unpaid for people to decide, as the plan said."""
        if self.after_dunning is AfterDunning.CANCEL:
            self.cancel("payment_failed", at)
        elif self.status is SubscriptionStatus.PAST_DUE:
            self._move(SubscriptionStatus.UNPAID, at)
            self.due_at = None

    def take_up(self, at: datetime) -> None:
        """Goes on after it stayed unpaid. What it missed is left out: billed next is the period of this moment.

        Raises SubscriptionCannotMove.
        """
        if self.status is not SubscriptionStatus.UNPAID or self.open_order is not None:
            raise SubscriptionCannotMove("No payment of this subscription is open.")
        self._move(SubscriptionStatus.ACTIVE, at)
        self._close_order(at)
        self.due_at = max(self.period_end, at)
        self._record(SubscriptionResumed(at=at, subscription_id=self.id))

    def expire(self, at: datetime) -> None:
        """Its first payment never came."""
        if self.status is SubscriptionStatus.INCOMPLETE:
            self._move(SubscriptionStatus.INCOMPLETE_EXPIRED, at)
            self._leave(at)

    def let_go(self, at: datetime) -> None:
        """It has ended, the provider knows, and the order of its last period is settled or called off."""
        if self.ended:
            self.open_order, self.due_at, self.updated_at = None, None, at

    def notice_trial_end(self, at: datetime) -> bool:
        """Says once that the trial ends soon; whether that was now."""
        if self.status is not SubscriptionStatus.TRIALING or self.trial_noticed or self.trial_ends_at is None:
            return False
        self.trial_noticed, self.updated_at = True, at
        self._record(SubscriptionTrialEnding(at=at, subscription_id=self.id, ends_at=self.trial_ends_at))
        return True

    # What its owner does.

    def pause(self, at: datetime) -> None:
        """Pausing twice is once. Raises SubscriptionNotPausable."""
        if self.status is SubscriptionStatus.PAUSED:
            return
        if not self._rests(at):
            raise SubscriptionNotPausable(f"A subscription that is {self.status} cannot be paused at this moment.")
        self._move(SubscriptionStatus.PAUSED, at)
        self.due_at = None
        self._record(SubscriptionPaused(at=at, subscription_id=self.id))

    def resume(self, at: datetime) -> None:
        """Goes on: what came due during the pause is left out. Also takes back that it was to end.

        Raises SubscriptionCannotMove.
        """
        if self.cancel_at_period_end and self.status in RUNNING:
            self.cancel_at_period_end, self.cancel_reason, self.updated_at = False, "", at
        elif self.status is not SubscriptionStatus.PAUSED:
            raise SubscriptionCannotMove(f"A subscription that is {self.status} cannot be resumed.")
        elif self.begun == 0 and self.trial_ends_at is not None and self.anchor == self.trial_ends_at:
            self._move(SubscriptionStatus.TRIALING, at)
            # A trial that ended during the pause is paid for from now on.
            self.anchor = self.due_at = max(self.trial_ends_at, at)
            self.period_end = self.anchor
        else:
            self._move(SubscriptionStatus.ACTIVE, at)
            if at >= self.period_end:
                period = self.interval.period_at(self.anchor, at)
                self.begun = period.number + 1
                self.period_start, self.period_end = period.start, period.end
            self.due_at = self.period_end
        self._record(SubscriptionResumed(at=at, subscription_id=self.id))

    def cancel(self, reason: str, at: datetime, *, at_period_end: bool = False) -> None:
        """Ends it, now or with the current period. Cancelling twice is once."""
        if self.ended:
            return
        if at_period_end and self.status in RUNNING and self.open_order is None:
            self.cancel_at_period_end, self.cancel_reason, self.updated_at = True, reason, at
            return
        self._move(SubscriptionStatus.CANCELLED, at)
        self.cancel_reason, self.cancelled_at, self.cancel_at_period_end = reason, at, False
        self._leave(at)
        self._record(SubscriptionCancelled(at=at, subscription_id=self.id, reason=reason))

    def leave_trial(self, reason: str, at: datetime) -> bool:
        """Ends it if nothing was ever billed for it; whether that was now."""
        if self.ended or self.begun:
            return False
        self.cancel(reason, at)
        return True

    def change(self, at: datetime, *, plan: Plan | None = None, quantity: int | None = None) -> Proration:
        """Changes to another plan or quantity; what that comes to is on the next bill.

        With another interval a new period begins at once. Raises SubscriptionCannotMove, PlanNotOffered, Invalid.
        """
        if not self._rests(at):
            raise SubscriptionCannotMove(f"A subscription that is {self.status} cannot be changed at this moment.")
        old, zero = self.price, Money.zero(self.unit_price.currency)
        period, other_interval = Period(self.begun - 1, self.period_start, self.period_end), False
        unit_price = plan.price_in(old.currency) if plan is not None else self.unit_price
        new_quantity = self.quantity if quantity is None else quantity
        _bounded(self, None, new_quantity)
        if plan is not None:
            other_interval = plan.interval != self.interval
            self.plan_id, self.variant_id, self.title = plan.id, plan.variant_id, plan.name
            self.interval, self.after_dunning, self.unit_price = plan.interval, plan.after_dunning, unit_price
        self.quantity, self.updated_at = new_quantity, at
        if self.status is SubscriptionStatus.TRIALING:
            return Proration(credit=zero, charge=zero)
        if not other_interval:
            proration = prorate(old, self.price, period, at)
            self.balance += proration.net
            return proration
        credit = left_of(old, period, at)
        self.balance -= credit
        self.anchor = self.due_at = self.period_end = at
        self.begun = 0
        return Proration(credit=credit, charge=self.price)

    def pseudonymise(self, at: datetime) -> bool:
        """It has ended and its owner is to be forgotten; what was paid stays. False where nobody was to be seen."""
        if self.email == ERASED:
            return False
        self.email, self.method, self.updated_at = ERASED, ERASED, at  # which may name a saved card
        self.shipping_address = self.shipping_address and self.shipping_address.without_person()
        self.billing_address = self.billing_address and self.billing_address.without_person()
        return True

    def use_method(self, method: str, at: datetime) -> None:
        """Pays in another way from now on; an open payment is tried with it at once, and what stayed unpaid goes on."""
        self.method, self.updated_at = method, at
        if self.status is SubscriptionStatus.UNPAID and self.open_order is None:
            self.take_up(at)
        elif self.status in (SubscriptionStatus.PAST_DUE, SubscriptionStatus.UNPAID, SubscriptionStatus.INCOMPLETE):
            self.due_at = at

    def _rests(self, at: datetime) -> bool:
        """Whether it runs, and nothing is under way or due at this moment."""
        return (
            self.status in RUNNING and self.open_order is None and not self.cancel_at_period_end and not self.is_due(at)
        )

    def _leave(self, at: datetime) -> None:
        """What is left to do: the provider has to know, and nothing may be taken for an open order any more. Before the
        provider knows of it, an open order is that of a checkout, which may have other goods in it: it stands."""
        self.due_at = at if self.provider_ref else None
        self.open_order = self.open_order if self.provider_ref else None

    def _close_order(self, at: datetime) -> None:
        self.open_order, self.tries, self.due_at, self.updated_at = None, 0, self.period_end, at

    def _move(self, status: SubscriptionStatus, at: datetime) -> None:
        check_move(self.status, status)
        self.status, self.updated_at = status, at
