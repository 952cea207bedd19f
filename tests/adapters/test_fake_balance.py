"""The fake provider's balance: what came is paid out, held, or was its fee; in memory and in a file."""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st

from shop.adapters.fake.acts import Change
from shop.adapters.fake.balance import DAY_SECONDS, BookedTransaction, fee_of
from shop.adapters.fake.booked import BookedIntent, BookedRefund
from shop.adapters.fake.books import Books, MemoryBooks, SqliteBooks
from shop.adapters.fake.quarrels import decided, disputed, escalated
from shop.application.ports.payments import PaymentRefused
from shop.application.ports.records import TransactionKind
from shop.domain.payments import AttemptStatus, DisputeStatus, RefundStatus

OUT = (TransactionKind.PAYOUT, TransactionKind.PAYOUT_REVERSAL)
START = 1_700_000_000
BANKS: dict[str, Callable[[BookedIntent], Change]] = {
    "inquire": lambda intent: disputed(intent, DisputeStatus.WARNING_NEEDS_RESPONSE, START),
    "withdraw": lambda intent: disputed(intent, DisputeStatus.NEEDS_RESPONSE, START),
    "escalate": escalated,
    "lose": lambda intent: decided(intent, DisputeStatus.LOST),
    "win": lambda intent: decided(intent, DisputeStatus.WON),
    "close": lambda intent: decided(intent, DisputeStatus.WARNING_CLOSED),
}
acts = st.lists(
    st.one_of(
        st.tuples(st.just("captured"), st.integers(1, 5000), st.sampled_from(["EUR", "USD"])),
        st.tuples(st.just("refunded"), st.integers(0, 20), st.integers(1, 5000)),
        st.tuples(st.just("refund fails"), st.integers(0, 20), st.just(0)),
        st.tuples(st.just("banks act"), st.integers(0, 20), st.sampled_from(sorted(BANKS))),
        st.tuples(st.just("hours pass"), st.integers(1, 60), st.just(0)),
        st.tuples(st.just("payout fails"), st.integers(0, 5), st.just(0)),
    ),
    max_size=40,
)


def told(books: Books, story: list[tuple[str, int, object]]) -> tuple[int, list[BookedIntent]]:
    """Lets it happen; when it ended, and with what."""
    now, intents = START, list[BookedIntent]()

    def keep(intent: BookedIntent) -> None:
        with books.writing():
            books.keep(intent, event="x", at=now)

    for act, number, more in story:
        now += 60
        if act == "captured":
            intent = BookedIntent(
                ref=f"pi_{len(intents)}",
                method="fake_card",
                minor=number,
                currency=str(more),
                status=AttemptStatus.CAPTURED,
                captured=number,
            )
            intents.append(intent)
            keep(intent)
        elif act == "hours pass":
            now += number * 3600
            with books.writing():
                books.balance.pay_out(now)
        elif act == "payout fails":
            with books.writing():
                for payout in books.balance.payouts(0, now, (-1, ""), 100)[number : number + 1]:
                    books.balance.come_back(payout.ref, "account_closed", now)
        elif intents:
            place = number % len(intents)
            intent = intents[place]
            if act == "banks act":
                with suppress(PaymentRefused):  # there is no dispute to which this could happen
                    intents[place] = BANKS[str(more)](intent).intent
            elif act == "refunded":
                amount = min(int(str(more)), intent.left)
                if not amount:
                    continue
                refund = BookedRefund(
                    ref=f"re_{intent.ref}_{len(intent.refunds)}", minor=amount, status=RefundStatus.SUCCEEDED
                )
                intents[place] = evolve(intent, refunds=(*intent.refunds, refund))
            else:
                gone = tuple(evolve(refund, status=RefundStatus.FAILED) for refund in intent.refunds)
                intents[place] = evolve(intent, refunds=gone)
            keep(intents[place])
    return now, intents


def moved(books: Books, until: int) -> list[BookedTransaction]:
    found: list[BookedTransaction] = []
    while True:
        after = (found[-1].at, found[-1].ref) if found else (-1, "")
        with books.writing():
            page = books.balance.transactions(0, until, after, 7)
        found += page
        if len(page) < 7:
            return found


def check(books: Books, now: int, intents: list[BookedIntent]) -> None:
    found = moved(books, now + 1)
    by_banks = {one.ref: (-one.minor, one.fee) for one in found if one.kind is TransactionKind.DISPUTE}
    moves = [move for intent in intents for dispute in intent.disputes for move in dispute.moves]
    assert by_banks == {move.ref: (move.minor, move.fee) for move in moves}
    assert len({one.ref for one in found}) == len(found)
    for currency in ("EUR", "USD"):
        came = sum(one.minor - one.fee for one in found if one.kind not in OUT and one.currency == currency)
        paid_out = 0
        with books.writing():
            payouts = [p for p in books.balance.payouts(0, now + 1, (-1, ""), 100) if p.currency == currency]
            for payout in payouts:
                contents = books.balance.paid_out(payout.ref, (-1, ""), 1000)
                assert payout.minor == sum(one.minor - one.fee for one in contents) > 0
                assert all(one.at < payout.at - payout.at % DAY_SECONDS for one in contents)
                paid_out += payout.minor
        left = sum(one.minor for one in found if one.kind is TransactionKind.PAYOUT and one.currency == currency)
        assert left == -paid_out
        held = came - paid_out
        today = [one for one in found if one.kind not in OUT and one.currency == currency]
        assert held <= sum(max(one.minor - one.fee, 0) for one in today)


@settings(max_examples=60, deadline=None)
@given(acts)
def test_whatever_happens_it_adds_up_and_the_file_says_the_same(story: list[tuple[str, int, object]]) -> None:
    with TemporaryDirectory() as folder:
        opened: tuple[Callable[[], Books], ...] = (MemoryBooks, lambda: SqliteBooks(Path(folder) / "provider.db"))
        told_of = []
        for make in opened:
            books = make()
            now, intents = told(books, story)
            check(books, now, intents)
            told_of.append(moved(books, now + 1))
            books.close()
        assert told_of[0] == told_of[1]


def test_a_charge_costs_its_share_and_a_bit() -> None:
    assert [fee_of(minor) for minor in (1, 35, 36, 1000, 2489)] == [25, 25, 26, 39, 60]
