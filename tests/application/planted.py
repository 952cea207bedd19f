"""Mistakes that people make with money, planted into the real code, each with the test that has to find it.

What the simulation finds stands in `tests/simulation/bugs.py`; these need less than a whole world.
"""

from collections.abc import Awaitable, Callable
from datetime import datetime
from itertools import count
from typing import Any
from uuid import UUID

from attrs import evolve, frozen
from pytest import MonkeyPatch  # noqa: PT013 - a type, not a fixture

from shop.adapters.fake.faults import Fault
from shop.adapters.memory import subscriptions as memory_subscriptions
from shop.adapters.memory.ledger import MemoryLedger
from shop.adapters.memory.readers import reconciliation as memory_reconciliation
from shop.adapters.memory.tables import Journal
from shop.adapters.memory.writes import Rank
from shop.adapters.stripe import amounts
from shop.application import clearing
from shop.application.ports.payments import RefundRequest
from shop.application.ports.records import TransactionKind
from shop.application.reconciling import Comparison
from shop.application.settlement import steps
from shop.application.settlement.books import BooksOf
from shop.application.settlement.disputes import DisputesOf
from shop.application.settlement.refunds import RefundsOf
from shop.application.windows import Window
from shop.domain.kernel.currencies import exponent
from shop.domain.kernel.identifiers import RefundId
from shop.domain.kernel.money import Money
from shop.domain.ledger import EntryKind, LedgerEntry, Posting, fee_postings
from shop.domain.payments import Payment
from shop.domain.subscriptions import Renewal
from tests.adapters import test_stripe_amounts
from tests.application import test_balance, test_disputes_at_once, test_reconciliation, test_refunds, test_subscriptions
from tests.contracts.test_memory_storage import TestMemoryStorage as MemoryContract
from tests.shops import SmallShop, open_small_shop

Plant = Callable[[MonkeyPatch], None]
Finder = Callable[[], Awaitable[None] | None]


def refund_promised_by_nobody(patch: MonkeyPatch) -> None:
    """A refund is checked against what is left, and its promise is not kept: two together exceed what was taken."""
    rightly = Payment.reserve_refund

    def reserve(payment: Payment, amount: Money, at: datetime) -> None:
        before = payment.refund_reserved
        rightly(payment, amount, at)
        payment.refund_reserved = before

    patch.setattr(Payment, "reserve_refund", reserve)


def failed_refund_stays_booked(patch: MonkeyPatch) -> None:
    """A refund that fails after it was booked is not taken back in the ledger."""
    patch.setattr(BooksOf, "refund_reversed", lambda books, refund: None)


def refund_with_a_key_per_call(patch: MonkeyPatch) -> None:
    """Each call that asks for a refund has a key of its own: one whose answer was lost gives the money back twice."""
    keys = count(1)

    def request(**what: Any) -> RefundRequest:
        return RefundRequest(**{**what, "refund_id": RefundId(UUID(int=next(keys)))})

    patch.setattr(steps, "RefundRequest", request)


def refund_of_the_dashboard_ignored(patch: MonkeyPatch) -> None:
    """What somebody gave back at the provider is none of our business."""
    patch.setattr(RefundsOf, "_fits", lambda refunds, state: False)


def ledger_without_uniqueness(patch: MonkeyPatch) -> None:
    """The ledger takes the same news again."""

    def append(ledger: Any, entry: LedgerEntry, journal: Journal) -> None:
        journal.add(ledger._tables.entries_by_order, entry.order_id, entry)

    patch.setattr(MemoryLedger, "_append", append)


def period_without_uniqueness(patch: MonkeyPatch) -> None:
    """A period may become an order again; only the subscription's version is looked at."""

    def renew(repository: Any, renewal: Renewal) -> None:
        def put(journal: Journal) -> None:
            journal.add(repository._tables.renewals, renewal.subscription_id, renewal)

        repository._writes.add(Rank.PAYMENT, put)

    patch.setattr(memory_subscriptions.MemorySubscriptionRepository, "renew", renew)


def second_scheduler_overwrites(patch: MonkeyPatch) -> None:
    """Of two schedulers that change a subscription at once, the later one wins."""
    patch.setattr(memory_subscriptions, "check_version", lambda saved, stored: None)


def fee_named_by_the_run(patch: MonkeyPatch) -> None:
    """A fee is booked under a name of the run that learnt it: the next run learns it again."""
    runs, rightly = count(1), clearing.Due._entry

    def entry(due: clearing.Due, provider: str, ids: Any, kind: EntryKind, amount: Money) -> LedgerEntry:
        return evolve(rightly(due, provider, ids, kind, amount), provider_ref=f"run_{next(runs)}")

    patch.setattr(clearing.Due, "_entry", entry)


def fee_earned(patch: MonkeyPatch) -> None:
    """The fee is booked the wrong way round: as if the provider paid it to us."""

    def postings(provider: str, amount: Money) -> tuple[Posting, ...]:
        return fee_postings(provider, -amount)

    patch.setattr(clearing, "fee_postings", postings)


def fee_booked_when_learnt(patch: MonkeyPatch) -> None:
    """A fee is booked for the moment at which it was learnt, and falls into another month than its charge."""
    rightly = clearing.Due._entry

    def entry(due: clearing.Due, provider: str, ids: Any, kind: EntryKind, amount: Money) -> LedgerEntry:
        right = rightly(due, provider, ids, kind, amount)
        return evolve(right, at=right.at.replace(year=right.at.year + 1))

    patch.setattr(clearing.Due, "_entry", entry)


def payout_gone_for_good(patch: MonkeyPatch) -> None:
    """A payout that the bank did not take is still on the bank's account in the ledger."""
    patch.setattr(clearing, "_PAYOUTS", {TransactionKind.PAYOUT: EntryKind.PAYOUT})


def fees_of_strangers(patch: MonkeyPatch) -> None:
    """The fee of any charge is booked, also of one that the shop has no part in."""
    rightly = clearing.dues_of

    def dues_of(transaction: Any, sale: Any) -> list[clearing.Due]:
        return rightly(evolve(transaction, intent_ref=""), sale)

    patch.setattr(clearing, "dues_of", dues_of)


def fees_counted_as_given_back(patch: MonkeyPatch) -> None:
    """What the provider keeps is taken for a part of the sale: every payment with a fee differs from its ledger."""
    patch.setattr(memory_reconciliation, "OF_SALES", frozenset({"capture", "refund", "refund_reversal", "fee"}))


def alarm_at_first_sight(patch: MonkeyPatch) -> None:
    """What was touched a moment ago is told as a difference, though somebody is at it."""
    patch.setattr(Comparison, "_fresh", lambda comparison, at: False)


def last_slice_left_out(patch: MonkeyPatch) -> None:
    """The window is compared in slices, and the last one is forgotten."""
    rightly = Window.slices
    patch.setattr(Window, "slices", lambda window: rightly(window)[:-1])


def dispute_written_alone(patch: MonkeyPatch) -> None:
    """A dispute is written without the order that was read before it: who read the order too early decides for it."""
    rightly = DisputesOf.conclude

    def conclude(disputes: DisputesOf) -> None:
        disputes._moved = False
        rightly(disputes)

    patch.setattr(DisputesOf, "conclude", conclude)


def hundredths_of_everything(patch: MonkeyPatch) -> None:
    """Every currency has two digits at the provider, also those that have none."""
    patch.setattr(amounts, "_digits", lambda currency: (exponent(currency), 2))


def _with_shop(story: Callable[[SmallShop], Awaitable[None]]) -> Finder:
    async def find() -> None:
        await story(await open_small_shop())

    return find


@frozen
class Planted:
    """A planted bug, what finds it, and under which name that is known."""

    plant: Plant
    found_by: str
    find: Finder


_GIVING = test_refunds.TestPromises()
_BOOKING = test_balance.TestBooking()
PLANTED: tuple[Planted, ...] = (
    Planted(
        refund_promised_by_nobody,
        "test_f50_two_at_once_cannot_promise_more_than_was_taken",
        _with_shop(_GIVING.test_f50_two_at_once_cannot_promise_more_than_was_taken),
    ),
    Planted(
        failed_refund_stays_booked,
        "test_f51_a_refund_that_fails_later_reopens_the_debt",
        _with_shop(test_refunds.TestNews().test_f51_a_refund_that_fails_later_reopens_the_debt),
    ),
    Planted(
        refund_with_a_key_per_call,
        "test_f19_a_lost_answer_is_one_refund",
        lambda: _GIVING.test_f19_a_lost_answer_is_one_refund(Fault.TIMEOUT_AFTER),
    ),
    Planted(
        refund_of_the_dashboard_ignored,
        "test_f44_a_refund_from_the_dashboard_is_booked_once",
        _with_shop(test_refunds.TestNews().test_f44_a_refund_from_the_dashboard_is_booked_once),
    ),
    Planted(
        ledger_without_uniqueness,
        "contract: test_the_same_news_book_once",
        lambda: MemoryContract().test_the_same_news_book_once(),
    ),
    Planted(
        period_without_uniqueness,
        "test_f23_storage_refuses_a_second_order_of_a_period",
        _with_shop(test_subscriptions.TestRenewing().test_f23_storage_refuses_a_second_order_of_a_period),
    ),
    Planted(
        second_scheduler_overwrites,
        "contract: test_of_two_who_change_it_at_once_one_is_refused",
        lambda: MemoryContract().test_of_two_who_change_it_at_once_one_is_refused(),
    ),
    Planted(
        fee_named_by_the_run,
        "test_a_fee_is_booked_for_the_moment_of_the_charge_and_once",
        _BOOKING.test_a_fee_is_booked_for_the_moment_of_the_charge_and_once,
    ),
    Planted(
        fee_earned,
        "test_what_came_in_a_day_is_paid_out_and_the_account_is_empty",
        _BOOKING.test_what_came_in_a_day_is_paid_out_and_the_account_is_empty,
    ),
    Planted(
        fee_booked_when_learnt,
        "test_a_fee_is_booked_for_the_moment_of_the_charge_and_once",
        _BOOKING.test_a_fee_is_booked_for_the_moment_of_the_charge_and_once,
    ),
    Planted(
        payout_gone_for_good,
        "test_a_payout_that_the_bank_does_not_take_comes_back",
        _BOOKING.test_a_payout_that_the_bank_does_not_take_comes_back,
    ),
    Planted(
        fees_of_strangers,
        "test_money_of_which_the_shop_knows_nothing_costs_it_nothing",
        _BOOKING.test_money_of_which_the_shop_knows_nothing_costs_it_nothing,
    ),
    Planted(
        fees_counted_as_given_back,
        "contract: test_fees_are_about_a_sale_and_no_part_of_what_was_taken",
        lambda: MemoryContract().test_fees_are_about_a_sale_and_no_part_of_what_was_taken(),
    ),
    Planted(
        alarm_at_first_sight,
        "test_what_was_touched_just_now_is_left_to_those_who_are_at_it",
        test_reconciliation.test_what_was_touched_just_now_is_left_to_those_who_are_at_it,
    ),
    Planted(
        last_slice_left_out,
        "test_what_the_provider_knows_better_is_asked_again",
        test_reconciliation.TestRepairs().test_what_the_provider_knows_better_is_asked_again,
    ),
    Planted(
        dispute_written_alone,
        "test_a_dispute_that_another_opened_meanwhile_is_not_overlooked",
        _with_shop(test_disputes_at_once.test_a_dispute_that_another_opened_meanwhile_is_not_overlooked),
    ),
    Planted(
        hundredths_of_everything,
        "test_f48_whole_currencies_are_not_multiplied",
        lambda: test_stripe_amounts.test_f48_whole_currencies_are_not_multiplied("JPY"),
    ),
)
