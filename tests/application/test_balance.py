"""Fees and payouts: learnt from the list of movements, booked once; and what went wrong with them is found."""

import asyncio
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import cast

import pytest
from attrs import evolve

from shop.adapters.fake.balance import BookedTransaction, MemoryBalance, fee_of
from shop.adapters.fake.faults import ScriptedFaults
from shop.adapters.fake.payments import FakePaymentGateway
from shop.application.commands.balance import BookBalance
from shop.application.commands.reconciliation import FindingNeedsPeople, FindingUnknown, RepairFinding
from shop.application.findings import FindingKind
from shop.application.ports.payments import PaymentProviderUnavailable
from shop.application.ports.records import LISTED_MAX, BalanceTransaction, Listed, TransactionKind
from shop.domain.kernel.identifiers import LedgerEntryId, OrderId
from shop.domain.kernel.money import Money
from shop.domain.ledger import BANK, FEES, EntryKind, LedgerEntry, Posting, clearing, fee_postings, payout_postings
from shop.domain.payments import RefundStatus
from shop.entrypoints.worker.schedule import reconcile_recent, reconcile_week
from tests.application.providers import faulty
from tests.application.test_reconciliation import DEFECTS, balanced, ids, paid_intents, settled, sold, told
from tests.invariants import Watch
from tests.shops import START, SmallShop, eur, open_small_shop

DAYS = 100


def balance(small: SmallShop) -> MemoryBalance:
    return cast(MemoryBalance, small.books.balance)


def entries(small: SmallShop, *kinds: EntryKind) -> list[LedgerEntry]:
    found = (entry for some in small.tables.entries_by_order.values() for entry in some)
    return sorted((entry for entry in found if entry.kind in kinds), key=lambda entry: entry.at)


def account(small: SmallShop, name: str) -> int:
    booked = entries(small, *EntryKind)
    return sum(p.amount.minor for entry in booked for p in entry.postings if p.account == name)


async def bought(small: SmallShop, orders: int = 1) -> list[OrderId]:
    variant = await small.product(stock=orders)
    return [await small.buy((variant, 1)) for _ in range(orders)]


class TestBooking:
    async def test_a_fee_is_booked_for_the_moment_of_the_charge_and_once(self) -> None:
        small = await open_small_shop()
        [order_id] = await bought(small)
        small.clock.forward(timedelta(minutes=5))
        assert await balanced(small) == 1
        assert await balanced(small) == 0
        capture, fee = await small.entries(order_id)
        assert (fee.kind, fee.at, fee.payment_id) == (EntryKind.FEE, START, capture.payment_id)
        assert fee.provider_ref == f"txn_{capture.provider_ref}"
        assert fee.postings == fee_postings("fake", eur(fee_of(2489)))
        assert fee_of(2489) == 60

    async def test_paying_asks_the_provider_for_nothing_more(self) -> None:
        """Fees are learnt by the worker; whoever buys does not wait for them."""
        small = await open_small_shop()
        asked: list[str] = []
        watched = type(small.provider)
        patch = pytest.MonkeyPatch()
        for name in ("list_transactions", "find_transaction", "list_payouts", "list_paid_out"):
            patch.setattr(watched, name, lambda *_, name=name, **__: asked.append(name))
        try:
            await bought(small)
            await settled(small)
        finally:
            patch.undo()
        assert asked == []

    async def test_a_refund_gives_no_fee_back_and_costs_none(self) -> None:
        small = await open_small_shop()
        [order_id] = await bought(small)
        [intent] = paid_intents(small)
        small.provider.refunds_elsewhere(intent.ref, 500)
        small.clock.forward(timedelta(minutes=1))
        assert await balanced(small) == 1
        assert [entry.kind for entry in await small.entries(order_id)] == [EntryKind.CAPTURE, EntryKind.FEE]

    async def test_what_came_in_a_day_is_paid_out_and_the_account_is_empty(self) -> None:
        small = await open_small_shop()
        await bought(small, 3)
        small.clock.forward(timedelta(days=1))
        await balanced(small)  # the provider pays out now, and the window ends at now
        small.clock.forward(timedelta(minutes=1))
        assert await balanced(small) == 1
        [payout] = entries(small, EntryKind.PAYOUT)
        assert (payout.order_id, payout.payment_id) == (None, None)
        assert payout.postings == payout_postings("fake", eur(3 * (2489 - 60)))
        assert account(small, BANK) == 3 * (2489 - 60)
        assert account(small, FEES) == 3 * 60
        assert account(small, clearing("fake")) == 0

    async def test_a_payout_that_the_bank_does_not_take_comes_back(self) -> None:
        small = await open_small_shop()
        await bought(small)
        small.clock.forward(timedelta(days=1))
        await balanced(small)
        small.clock.forward(timedelta(days=1))
        [payout] = (await small.provider.list_payouts(START, small.clock.now())).data
        small.provider.payout_fails(payout.ref)
        small.provider.payout_fails(payout.ref)
        small.clock.forward(timedelta(minutes=11))
        assert await balanced(small) == 2
        assert [entry.kind for entry in entries(small, EntryKind.PAYOUT, EntryKind.PAYOUT_REVERSAL)] == [
            EntryKind.PAYOUT,
            EntryKind.PAYOUT_REVERSAL,
        ]
        assert account(small, BANK) == 0
        assert account(small, clearing("fake")) == 2489 - 60
        await settled(small)
        assert await ids(small) == []

    async def test_money_of_which_the_shop_knows_nothing_costs_it_nothing(self) -> None:
        small = await open_small_shop()
        small.provider.charged_elsewhere(1000)
        small.clock.forward(timedelta(hours=1))
        assert await balanced(small) == 0

    async def test_a_fee_for_the_account_is_of_no_order(self) -> None:
        small = await open_small_shop()
        monthly = BalanceTransaction(
            ref="txn_monthly",
            kind=TransactionKind.FEE,
            amount=eur(-900),
            fee=eur(0),
            created_at=START,
        )
        shop = small.with_ports(gateway=AlsoMoved(small, monthly))
        small.clock.forward(timedelta(hours=1))
        assert await balanced(shop) == 1
        [fee] = entries(small, EntryKind.FEE)
        assert (fee.order_id, fee.postings) == (None, fee_postings("fake", eur(900)))
        assert await ids(shop) == []

    async def test_a_fee_in_the_currency_of_the_bank_is_booked_in_that(self) -> None:
        """The payment was in euro, the account is paid out in dollars: what was exchanged cannot be compared."""
        small = await open_small_shop()
        [order_id] = await bought(small)
        [(ref, charge)] = balance(small)._transactions.items()
        balance(small)._transactions[ref] = evolve(charge, minor=2700, fee=63, currency="USD")
        small.clock.forward(timedelta(days=1, minutes=1))
        await balanced(small)
        small.clock.forward(timedelta(hours=1))
        await balanced(small)
        assert (await small.entries(order_id))[1].postings == fee_postings("fake", Money(63, "USD"))
        await settled(small)
        assert await ids(small) == []

    async def test_a_provider_that_does_not_say_what_it_holds(self) -> None:
        small = await open_small_shop()
        await bought(small)
        shop = small.with_ports(gateway=faulty(ScriptedFaults({}))(small.provider))
        small.clock.forward(timedelta(hours=1))
        assert await balanced(shop) == 0
        assert (await told(shop)).transactions == 0

    async def test_two_workers_book_a_fee_once(self) -> None:
        small = await open_small_shop()
        await bought(small, 5)
        small.clock.forward(timedelta(hours=1))
        first, second = small, small.with_ports()
        counts = await asyncio.gather(balanced(first), balanced(second), balanced(first))
        assert sum(counts) >= 5
        assert len(entries(small, EntryKind.FEE)) == 5

    async def test_the_worker_books_and_then_finds_nothing_to_heal(self) -> None:
        small = await open_small_shop()
        await bought(small, 3)
        await settled(small)
        small.clock.forward(timedelta(hours=1))
        assert await reconcile_recent(small.shop) == 0
        assert len(entries(small, EntryKind.FEE)) == 3
        small.clock.forward(timedelta(days=1))
        assert await reconcile_week(small.shop) == 0
        small.clock.forward(timedelta(hours=1))
        assert await reconcile_recent(small.shop) == 0
        assert len(entries(small, EntryKind.PAYOUT)) == 1
        assert (await told(small)).clean

    async def test_rules_hold_with_fees_in_the_books(self) -> None:
        small, placed = await sold(10)
        [first, *_] = paid_intents(small)
        small.provider.refunds_elsewhere(first.ref, 300)
        await small.pay(placed[0], refresh=True)
        await Watch(small.storage, lambda: small.books.intents).look(small.context(), at_rest=False)


class AlsoMoved(FakePaymentGateway):
    """The fake provider, which moved something besides."""

    def __init__(self, small: SmallShop, besides: BalanceTransaction) -> None:
        super().__init__(small.books, small.clock, "whsec")
        self._besides = besides

    async def list_transactions(
        self, since: datetime, until: datetime, *, after: str = "", limit: int = LISTED_MAX
    ) -> Listed[BalanceTransaction]:
        page = await super().list_transactions(since, until, after=after, limit=limit)
        besides = [self._besides] if since <= self._besides.created_at < until and not after else []
        return Listed(data=[*besides, *page.data], next=page.next)


Plant = Callable[[SmallShop], Iterable[str]]


def replace_entry(small: SmallShop, old: LedgerEntry, *new: LedgerEntry) -> None:
    booked = small.tables.entries_by_order
    booked[old.order_id] = tuple(e for one in booked[old.order_id] for e in ([one] if one is not old else new))
    if not new:
        del small.tables.booked[old.provider, old.provider_ref, old.kind]


def a_fee_is_gone(small: SmallShop) -> Iterable[str]:
    for entry in entries(small, EntryKind.FEE)[:DEFECTS]:
        replace_entry(small, entry)
        yield f"fee_missing:{entry.provider_ref}"


def a_fee_was_edited(small: SmallShop) -> Iterable[str]:
    for number, entry in enumerate(entries(small, EntryKind.FEE)[:DEFECTS]):
        replace_entry(small, entry, evolve(entry, postings=fee_postings("fake", eur(61 + number % 7))))
        yield f"fee_differs:{entry.provider_ref}"


def a_fee_is_too_much(small: SmallShop) -> Iterable[str]:
    for number, entry in enumerate(entries(small, EntryKind.FEE)[:DEFECTS]):
        made_up = evolve(entry, provider_ref=f"txn_made_up_{number}", id=small.ids.new(LedgerEntryId))
        replace_entry(small, entry, entry, made_up)
        small.tables.booked_for["fake", made_up.provider_ref] = (entry.order_id,)
        yield f"entry_unmatched:{made_up.provider_ref}"


def a_payout_is_gone(small: SmallShop) -> Iterable[str]:
    for entry in entries(small, EntryKind.PAYOUT)[:DEFECTS]:
        replace_entry(small, entry)
        yield f"payout_missing:{entry.provider_ref}"


def a_payout_was_edited(small: SmallShop) -> Iterable[str]:
    for number, entry in enumerate(entries(small, EntryKind.PAYOUT)[:DEFECTS]):
        replace_entry(small, entry, evolve(entry, postings=payout_postings("fake", eur(1 + number % 7))))
        yield f"payout_differs:{entry.provider_ref}"


def a_payout_is_too_much(small: SmallShop) -> Iterable[str]:
    for number, entry in enumerate(entries(small, EntryKind.PAYOUT)[:DEFECTS]):
        made_up = evolve(entry, provider_ref=f"txn_made_up_{number}", id=small.ids.new(LedgerEntryId))
        replace_entry(small, entry, entry, made_up)
        yield f"entry_unmatched:{made_up.provider_ref}"


def a_payout_consists_of_less(small: SmallShop) -> Iterable[str]:
    """The provider paid out a day, and says that half of it is in there."""
    for ref, contents in list(balance(small)._contents.items())[:DEFECTS]:
        if len(contents) > 1:
            contents.pop()
            yield f"payout_unexplained:{ref}"


async def sold_for_days(count: int) -> SmallShop:
    """A shop that sold twice a day, and was paid out for each of them."""
    small = await open_small_shop()
    variant = await small.product(stock=3 * count)
    for _ in range(count):
        for _ in range(2):
            await small.buy((variant, 1))
        await settled(small)
        await small.sweep()
        small.clock.forward(timedelta(days=1))
        await balanced(small)
    small.clock.forward(timedelta(hours=1))
    await balanced(small)
    return small


@pytest.mark.parametrize("plant", [a_fee_is_gone, a_fee_was_edited, a_fee_is_too_much], ids=lambda p: p.__name__)
async def test_a_hundred_defects_of_fees_are_all_found_and_nothing_else(plant: Plant) -> None:
    small, _ = await sold(DEFECTS + 10)
    assert await ids(small) == []
    planted = sorted(plant(small))
    assert len(planted) == DEFECTS
    assert await ids(small) == planted


@pytest.mark.parametrize(
    "plant",
    [a_payout_is_gone, a_payout_was_edited, a_payout_is_too_much, a_payout_consists_of_less],
    ids=lambda p: p.__name__,
)
async def test_a_hundred_defects_of_payouts_are_all_found_and_nothing_else(plant: Plant) -> None:
    small = await sold_for_days(DAYS)
    assert await ids(small) == []
    planted = sorted(plant(small))
    assert len(planted) == DEFECTS
    assert await ids(small) == planted


async def test_a_payout_tells_of_a_capture_that_the_ledger_lost() -> None:
    small = await sold_for_days(1)
    lost = entries(small, EntryKind.CAPTURE)[0]
    replace_entry(small, lost)
    [ledger, payout] = (await told(small)).findings
    assert (ledger.kind, payout.kind) == ("ledger_differs", "payout_unexplained")
    assert f"txn_{lost.provider_ref} differ" in payout.detail
    await small.shop.execute(RepairFinding(finding=ledger.id))
    assert (await told(small)).clean


class TestRepairs:
    async def test_a_missing_fee_and_payout_heal_by_themselves(self) -> None:
        small = await sold_for_days(1)
        planted = [*a_fee_is_gone(small), *a_payout_is_gone(small)]
        report = await told(small)
        unexplained, rest = [
            [f for f in report.findings if (f.kind == FindingKind.PAYOUT_UNEXPLAINED) is of] for of in (True, False)
        ]
        assert sorted(f.id for f in rest) == sorted(planted)
        assert len(unexplained) == 1
        assert all(finding.healing for finding in rest)
        for finding in planted:
            await small.shop.execute(RepairFinding(finding=finding))
            with pytest.raises(FindingUnknown):
                await small.shop.execute(RepairFinding(finding=finding))
        assert (await told(small)).clean

    @pytest.mark.parametrize("plant", [a_fee_was_edited, a_payout_was_edited])
    async def test_what_differs_is_adjusted_once(self, plant: Plant) -> None:
        small = await sold_for_days(1)
        planted = list(plant(small))
        for finding in planted:
            await small.shop.execute(RepairFinding(finding=finding))
        assert (await told(small)).clean
        assert all(entry.postings for entry in entries(small, EntryKind.ADJUSTMENT))
        for entry in entries(small, EntryKind.ADJUSTMENT):
            doubled = tuple(Posting(p.account, p.amount + p.amount) for p in entry.postings)
            replace_entry(small, entry, evolve(entry, postings=doubled))
        for finding in planted:
            with pytest.raises(FindingNeedsPeople, match="once before"):
                await small.shop.execute(RepairFinding(finding=finding))

    async def test_an_entry_too_much_is_for_people(self) -> None:
        small = await sold_for_days(1)
        [finding, *_] = a_payout_is_too_much(small)
        with pytest.raises(FindingNeedsPeople):
            await small.shop.execute(RepairFinding(finding=finding))

    @pytest.mark.parametrize("kind", ["fee_missing", "fee_differs", "payout_missing", "payout_differs"])
    async def test_what_agrees_or_is_unknown_is_no_finding(self, kind: str) -> None:
        small = await sold_for_days(1)
        for ref in (entries(small, EntryKind.FEE)[0].provider_ref, "txn_unknown"):
            with pytest.raises(FindingUnknown):
                await small.shop.execute(RepairFinding(finding=f"{kind}:{ref}"))


async def test_money_that_moved_for_other_reasons_explains_itself() -> None:
    small = await open_small_shop()
    await bought(small, 2)
    small.clock.forward(timedelta(minutes=1))
    other = BookedTransaction(
        ref="txn_other",
        kind=TransactionKind.OTHER,
        minor=-300,
        fee=20,
        currency="EUR",
        source="",
        at=int(small.clock.now().timestamp()),
    )
    balance(small)._unpaid[other.ref] = None
    balance(small)._keep(other)
    small.clock.forward(timedelta(days=1))
    for _ in range(2):
        await balanced(small)
        small.clock.forward(timedelta(hours=1))
    await settled(small)
    assert len(entries(small, EntryKind.FEE)) == 3
    assert (await told(small)).findings == []


async def test_a_refund_that_fails_after_it_went_leaves_nothing_unexplained() -> None:
    small = await open_small_shop()
    order_id, *_ = await bought(small, 3)
    [first, *_] = paid_intents(small)
    state = small.provider.refunds_elsewhere(first.ref, 500)
    small.provider.refund_becomes(first.ref, state.refunds[0].provider_ref, RefundStatus.FAILED, "lost_or_stolen_card")
    await settled(small)
    await small.pay(order_id, refresh=True)
    small.clock.forward(timedelta(days=1))
    for _ in range(2):
        small.clock.forward(timedelta(hours=1))
        await balanced(small)
    await settled(small)
    assert len(entries(small, EntryKind.PAYOUT)) == 1
    report = await told(small)
    assert [f.detail for f in report.findings] == []


async def test_nothing_is_booked_while_the_provider_is_away(caplog: pytest.LogCaptureFixture) -> None:
    small = await open_small_shop()
    await bought(small)
    small.clock.forward(timedelta(hours=1))
    patch = pytest.MonkeyPatch()

    async def away(*_args: object, **_more: object) -> None:
        raise PaymentProviderUnavailable("away")

    patch.setattr(type(small.provider), "list_transactions", away)
    try:
        with pytest.raises(PaymentProviderUnavailable):
            await reconcile_recent(small.shop)
    finally:
        patch.undo()
    assert "fees and payouts were not booked" in caplog.text
    assert entries(small, EntryKind.FEE) == []
    assert await small.shop.execute(BookBalance(since=START, until=small.clock.now())) == 1


@pytest.mark.parametrize(
    ("booked", "told_of"),
    [(0, ["dispute_missing"]), (-2500, []), (-2000, ["dispute_differs", "payout_unexplained"])],
)
async def test_a_dispute_is_booked_by_itself_and_explains_its_payout(booked: int, told_of: list[str]) -> None:
    """Its entry has the movement's own name, its fee included; without one the provider is believed."""
    small = await open_small_shop()
    order_id, *_ = await bought(small, 2)
    [first, _] = paid_intents(small)
    small.clock.forward(timedelta(minutes=1))
    taken = BookedTransaction(
        ref="txn_dispute",
        kind=TransactionKind.DISPUTE,
        minor=-1000,
        fee=1500,
        currency="EUR",
        source="dp_1",
        intent=first.ref,
        at=int(small.clock.now().timestamp()),
    )
    balance(small)._unpaid[taken.ref] = None
    balance(small)._keep(taken)
    if booked:
        payment = await small.payment(order_id)
        entry = LedgerEntry(
            id=small.ids.new(LedgerEntryId),
            at=small.clock.now(),
            kind=EntryKind.DISPUTE,
            order_id=order_id,
            payment_id=payment.id,
            provider="fake",
            provider_ref=taken.ref,
            postings=(Posting(FEES, eur(-booked)), Posting(clearing("fake"), eur(booked))),
        )
        async with small.storage.uow(small.context()) as tx:
            tx.ledger.book(entry)
    small.clock.forward(timedelta(days=1))
    for _ in range(2):
        await balanced(small)
        small.clock.forward(timedelta(hours=1))
    await settled(small)
    assert len(entries(small, EntryKind.FEE)) == 2
    assert sorted(finding.kind for finding in (await told(small)).findings) == told_of
