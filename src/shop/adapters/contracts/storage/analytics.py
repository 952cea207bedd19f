"""Figures about payments: each try counts once, no currency is added to another, a window has its ends."""

from datetime import datetime, timedelta
from typing import Any

from shop.adapters.contracts.samples import eur
from shop.adapters.contracts.storage.subject import Bench, StoragePromises
from shop.adapters.contracts.stories import alone
from shop.application.ports.analytics import DECLINE_CODES_MAX, PaymentFigures
from shop.domain.kernel.identifiers import AttemptId, PaymentId
from shop.domain.kernel.money import AMOUNT_MAX, Money
from shop.domain.ledger import EntryKind, fee_postings, refund_postings, refund_reversal_postings
from shop.domain.payments import DECLINES_MAX, AttemptStatus, DisputeStatus, IntentState, Payment

NOTHING = PaymentFigures(
    succeeded=0,
    declined=0,
    unfinished=0,
    orders_attempted=0,
    orders_paid=0,
    captured=eur(0),
    refunded=eur(0),
    refunds=0,
    fees=eur(0),
    disputes_opened=0,
    disputes_won=0,
    disputes_lost=0,
    disputes_due=0,
    disputed=eur(0),
    decline_codes=[],
)


class AnalyticsPromises(StoragePromises):
    """The promises of `AnalyticsReader`."""

    @alone
    async def test_nothing_happened(self, bench: Bench) -> None:
        assert await _figures(bench) == NOTHING

    @alone
    async def test_each_try_counts_once(self, bench: Bench) -> None:
        """Declined twice and then paid; paid at once; let go of; declined; left at the challenge; never begun."""
        F, A = AttemptStatus.FAILED, AttemptStatus
        stories: list[list[tuple[AttemptStatus, str]]] = [
            [(F, "card_declined"), (F, "insufficient_funds"), (A.AUTHORIZED, ""), (A.CAPTURED, "")],
            [(A.CAPTURED, "")],
            [(A.AUTHORIZED, ""), (A.CANCELLED, "")],
            [(F, "card_declined"), (F, "card_declined")],
            [(A.REQUIRES_ACTION, ""), (F, "card_declined"), (A.REQUIRES_ACTION, "")],
            [(A.REQUIRES_ACTION, "")],
            [],
        ]
        for number, story in enumerate(stories):
            await _told(bench, f"pi_{number}", story)
        figures = await _figures(bench)
        assert (figures.succeeded, figures.declined, figures.unfinished) == (3, 4, 1)
        assert (figures.orders_attempted, figures.orders_paid) == (6, 3)
        assert figures.decline_codes == [("card_declined", 3), ("insufficient_funds", 1)]
        assert figures.captured == eur(2 * 2380)

    @alone
    async def test_what_the_provider_would_not_begin_with_is_a_decline(self, bench: Bench) -> None:
        """Refused, and paid in another way: two tries of one order. Refused and left: one of another."""
        paid = await _told(bench, "", [(AttemptStatus.FAILED, "amount_too_small")])
        paid.begin_anew(bench.samples.new(AttemptId), "fake_card", bench.now)
        _tell(paid, "pi_1", AttemptStatus.CAPTURED, "", bench)
        await bench.save(paid)
        await _told(bench, "", [(AttemptStatus.FAILED, "amount_too_small"), (AttemptStatus.CANCELLED, "")])
        figures = await _figures(bench)
        assert (figures.succeeded, figures.declined, figures.unfinished) == (1, 2, 0)
        assert (figures.orders_attempted, figures.orders_paid) == (2, 1)
        assert figures.decline_codes == [("amount_too_small", 2)]

    @alone
    async def test_what_tenders_pay_whole_is_no_try(self, bench: Bench) -> None:
        order = await bench.placed()
        payment = Payment.without_provider(
            id=bench.samples.new(PaymentId),
            attempt_id=bench.samples.new(AttemptId),
            order_id=order.id,
            currency="EUR",
            at=bench.now,
        )
        await bench.save(payment)
        assert await _figures(bench) == NOTHING
        await _told(bench, "pi_1", [(AttemptStatus.CAPTURED, "")])
        figures = await _figures(bench)
        assert (figures.succeeded, figures.orders_attempted, figures.orders_paid) == (1, 1, 1)

    @alone
    async def test_declines_come_back_as_they_were(self, bench: Bench) -> None:
        story = [(AttemptStatus.FAILED, code) for code in ("a", "b", "b", "a")]
        payment = await _told(bench, "pi_1", story)
        async with bench.transaction() as tx:
            assert (await tx.payments.get(payment.id)).attempt.declines == ("a", "b", "a")
        view = await bench.readers.payments.one(payment.id)
        assert [attempt.declines for attempt in view.attempts] == [["a", "b", "a"]]

    @alone
    async def test_only_the_most_frequent_codes_are_told(self, bench: Bench) -> None:
        codes = [f"code_{number:02}" for number in range(DECLINE_CODES_MAX + 10)]
        await _told(bench, "pi_1", [(AttemptStatus.FAILED, code) for code in codes])
        await _told(bench, "pi_2", [(AttemptStatus.FAILED, codes[-1])])
        figures = await _figures(bench)
        assert figures.declined == len(codes) + 1 <= DECLINES_MAX
        assert figures.decline_codes[:2] == [(codes[-1], 2), (codes[0], 1)]
        assert len(figures.decline_codes) == DECLINE_CODES_MAX

    @alone
    async def test_a_window_has_its_ends_and_its_currency(self, bench: Bench) -> None:
        await _told(bench, "pi_1", [(AttemptStatus.CAPTURED, "")])
        after = timedelta(microseconds=1)
        for since, until in ((bench.now - timedelta(days=1), bench.now), (bench.now + after, bench.later(60))):
            assert await bench.readers.analytics.payments("EUR", since, until) == NOTHING
        exactly = await bench.readers.analytics.payments("EUR", bench.now, bench.now + after)
        assert (exactly.succeeded, exactly.captured) == (1, eur(2380))
        dollars = await _figures(bench, "USD")
        assert (dollars.succeeded, dollars.captured, dollars.fees) == (0, Money(0, "USD"), Money(0, "USD"))

    @alone
    async def test_refunds_and_fees_are_those_of_the_ledger(self, bench: Bench) -> None:
        payment = await _told(bench, "pi_1", [(AttemptStatus.CAPTURED, "")])
        await _book(bench, payment, EntryKind.FEE, "txn_1", fee_postings("fake", eur(60)))
        await _book(bench, payment, EntryKind.ADJUSTMENT, "txn_1", fee_postings("fake", eur(-5)))
        await _book(bench, payment, EntryKind.FEE, "txn_2", fee_postings("fake", Money(70, "USD")))
        await _book(bench, payment, EntryKind.FEE, "txn_3", fee_postings("fake", eur(99)), at=bench.later(-3600))
        for ref, minor in (("re_1", 300), ("re_2", 200)):
            await _book(bench, payment, EntryKind.REFUND, ref, refund_postings("fake", eur(minor), applied=True))
        back = refund_reversal_postings("fake", eur(200), applied=True)
        await _book(bench, payment, EntryKind.REFUND_REVERSAL, "re_2", back)
        figures = await bench.readers.analytics.payments("EUR", bench.now, bench.later(60))
        assert (figures.fees, figures.refunded, figures.refunds) == (eur(55), eur(300), 1)
        assert (await _figures(bench, "USD")).fees == Money(70, "USD")

    @alone
    async def test_sums_may_be_larger_than_any_amount(self, bench: Bench) -> None:
        """Of rupiah the largest amount is some 600,000 dollars, and a shop takes more than that in a year."""
        payment = await _told(bench, "pi_1", [(AttemptStatus.CAPTURED, "")])
        for number in range(2):
            await _book(bench, payment, EntryKind.FEE, f"txn_{number}", fee_postings("fake", eur(AMOUNT_MAX)))
            lost = refund_postings("fake", eur(AMOUNT_MAX), applied=True)
            await _book(bench, payment, EntryKind.REFUND, f"re_{number}", lost)
            await bench.save(bench.samples.dispute(payment, provider_ref=f"dp_{number}", amount=eur(AMOUNT_MAX)))
        found = await _figures(bench)
        for sums in (found.fees, found.refunded, found.disputed):
            assert (sums.minor, sums.currency) == (2 * AMOUNT_MAX, "EUR")

    @alone
    async def test_disputes_are_counted_by_how_they_stand(self, bench: Bench) -> None:
        payment = await _told(bench, "pi_1", [(AttemptStatus.CAPTURED, "")])
        for number, status in enumerate(DisputeStatus):
            dispute = bench.samples.dispute(
                payment, provider_ref=f"dp_{number}", status=status, amount=eur(2**number), at=bench.later(number)
            )
            await bench.save(dispute)
        elsewhere = bench.samples.dispute(payment, provider_ref="dp_usd", amount=Money(9, "USD"))
        await bench.save(elsewhere)
        found = await _figures(bench)
        assert (found.disputes_opened, found.disputed) == (8, eur(255))
        assert (found.disputes_won, found.disputes_lost, found.disputes_due) == (3, 1, 2)
        first = await bench.readers.analytics.payments("EUR", bench.now, bench.later(1))
        assert (first.disputes_opened, first.disputed) == (1, eur(1))
        dollars = await _figures(bench, "USD")
        assert (dollars.disputes_opened, dollars.disputed, dollars.disputes_due) == (1, Money(9, "USD"), 1)


async def _told(bench: Bench, ref: str, story: list[tuple[AttemptStatus, str]]) -> Payment:
    _, payment = await bench.paying()
    for status, code in story:
        _tell(payment, ref, status, code, bench)
    await bench.save(payment)
    return payment


def _tell(payment: Payment, ref: str, status: AttemptStatus, code: str, bench: Bench) -> None:
    news = IntentState(
        provider_ref=ref,
        status=status,
        amount=payment.amount,
        captured=payment.amount if status is AttemptStatus.CAPTURED else eur(0),
        failure_code=code,
    )
    payment.follow(news, at=bench.now)


async def _book(bench: Bench, payment: Payment, kind: EntryKind, ref: str, postings: Any, **changes: Any) -> None:
    entry = bench.samples.entry(payment, kind=kind, provider_ref=ref, postings=postings, **changes)
    await bench.save(entry)


async def _figures(bench: Bench, currency: str = "EUR") -> PaymentFigures:
    since: datetime = bench.now - timedelta(days=1)
    return await bench.readers.analytics.payments(currency, since, bench.later(60))
