"""Fees and payouts from before the window of the worker: a shop that is new to them, a worker that was away."""

from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

import pytest

from shop.adapters.fake.balance import fee_of
from shop.adapters.fake.payments import FakePaymentGateway
from shop.application.clearing import check
from shop.application.commands import balance
from shop.application.commands.balance import CATCH_UP_MAX, BookBalance
from shop.application.findings import GRACE
from shop.application.ports.payments import PaymentProviderUnavailable
from shop.application.ports.records import BalanceTransaction, Listed
from shop.domain.ledger import FEES, EntryKind
from shop.entrypoints.worker.schedule import CHORES, run_schedule_once
from tests.application.test_balance import account, entries
from tests.application.test_reconciliation import settled, told
from tests.shops import SmallShop, open_small_shop

_RECONCILING = [chore for chore in CHORES if chore.name.startswith("reconcile")]


async def sold_every(days: int, orders: int) -> SmallShop:
    """Orders with so many days between them; nobody has booked a fee. What the last one brought was paid out."""
    small = await open_small_shop()
    small.clock.forward(timedelta(milliseconds=500))  # the provider counts in whole seconds
    variant = await small.product(stock=orders)
    for _ in range(orders):
        await small.buy((variant, 1))
        await settled(small)
        small.clock.forward(timedelta(days=days))
    return small


async def test_a_worker_that_comes_late_books_what_came_before_its_window(caplog: pytest.LogCaptureFixture) -> None:
    small = await sold_every(4, orders=6)
    await run_schedule_once(small.shop, _RECONCILING)
    small.clock.forward(timedelta(hours=1))
    done = await run_schedule_once(small.shop, _RECONCILING)
    assert set(done.values()) == {0}
    assert "payout_unexplained" not in caplog.text
    assert account(small, FEES) == 6 * fee_of(2489)
    assert len(entries(small, EntryKind.PAYOUT)) == 6
    assert (await told(small)).findings == []


async def test_a_worker_that_was_away_goes_on_where_the_books_end(monkeypatch: pytest.MonkeyPatch) -> None:
    small = await sold_every(4, orders=3)
    await run_schedule_once(small.shop, _RECONCILING)
    variant = await small.product("later", stock=3)
    small.clock.forward(timedelta(days=10))
    for _ in range(3):
        await small.buy((variant, 1))
        await settled(small)
        small.clock.forward(timedelta(days=4))
    rightly, asked = type(small.provider).list_transactions, []

    async def noted(provider: object, since: object, *more: object, **named: object) -> object:
        asked.append(since)
        return await rightly(provider, since, *more, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(type(small.provider), "list_transactions", noted)
    ended = max(entry.at for entry in entries(small, EntryKind.FEE, EntryKind.PAYOUT))
    await run_schedule_once(small.shop, _RECONCILING)
    assert asked[0] == ended - GRACE
    assert len(entries(small, EntryKind.FEE)) == 6


async def test_cut_short_it_goes_on_where_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    """Though the provider tells the newest first."""
    small = await sold_every(4, orders=6)
    now, rightly = small.clock.now(), type(small.provider).list_transactions

    async def breaks_off(provider: object, since: object, *more: object, **named: object) -> object:
        if len(entries(small, EntryKind.FEE)) == 2:
            raise PaymentProviderUnavailable("away")
        return await rightly(provider, since, *more, **named)  # type: ignore[arg-type]

    book = BookBalance(since=now - timedelta(days=7), until=now, catch_up=True)
    with monkeypatch.context() as patch:
        patch.setattr(type(small.provider), "list_transactions", breaks_off)
        with pytest.raises(PaymentProviderUnavailable):
            await small.shop.execute(book)
    assert len(entries(small, EntryKind.FEE)) == 2
    assert await small.shop.execute(book)
    assert len(entries(small, EntryKind.FEE)) == 6


async def test_it_goes_back_so_far_and_no_further() -> None:
    small = await sold_every(40, orders=3)
    now = small.clock.now()
    assert now - timedelta(days=7) - CATCH_UP_MAX > entries(small, EntryKind.CAPTURE)[0].at
    await small.shop.execute(BookBalance(since=now - timedelta(days=7), until=now, catch_up=True))
    assert len(entries(small, EntryKind.FEE)) == 2


async def test_what_is_due_in_a_window_brings_along_what_is_missing_before_it() -> None:
    """Else what is booked last would say that all before it is booked."""
    small = await sold_every(4, orders=3)
    now = small.clock.now()
    assert await small.shop.execute(BookBalance(since=now - timedelta(days=5), until=now))
    assert len(entries(small, EntryKind.FEE)) == 3


async def test_the_hours_leave_no_gap_where_the_week_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    small = await sold_every(4, orders=6)

    async def away(*_: object, **__: object) -> None:
        raise PaymentProviderUnavailable("away")

    with monkeypatch.context() as patch:
        patch.setattr(type(small.provider), "list_transactions", away)
        await run_schedule_once(small.shop, _RECONCILING)
    await small.buy((await small.product("later"), 1))
    await settled(small)
    small.clock.forward(timedelta(minutes=20))
    await run_schedule_once(small.shop, [chore for chore in CHORES if chore.name == "reconcile the last hours"])
    assert len(entries(small, EntryKind.FEE)) == 7


@pytest.mark.parametrize("newest_first", [True, False])
async def test_cut_short_within_a_slice_it_goes_on_where_it_was(
    monkeypatch: pytest.MonkeyPatch, newest_first: bool
) -> None:
    """Whatever the order of the provider's lists; here with one movement on a page of each side."""
    monkeypatch.setattr(balance, "PAGE", 1)
    small = await open_small_shop()
    small.clock.forward(timedelta(milliseconds=500))
    variant = await small.product(stock=9)
    for _ in range(4):
        await small.buy((variant, 1))
        small.clock.forward(timedelta(hours=1))
    small.clock.forward(timedelta(days=20))
    now, rightly = small.clock.now(), type(small.provider).list_transactions
    broken_off = False

    async def one_a_page(
        provider: FakePaymentGateway, since: datetime, until: datetime, *, after: str = "", limit: int = 1
    ) -> Listed[BalanceTransaction]:
        found = (await rightly(provider, since, until)).data
        listed = sorted(found, key=lambda one: one.created_at, reverse=newest_first)
        at = int(after or 0)
        return Listed(data=listed[at : at + 1], next=str(at + 1) if at + 1 < len(listed) else "")

    async def breaks_off(*asked: Any) -> Any:
        nonlocal broken_off
        if entries(small, EntryKind.FEE) and not broken_off:
            broken_off = True
            raise PaymentProviderUnavailable("away")
        return await check(*asked)

    monkeypatch.setattr(type(small.provider), "list_transactions", one_a_page)
    monkeypatch.setattr(balance, "check", breaks_off)
    for _ in range(2):
        with suppress(PaymentProviderUnavailable):
            await small.shop.execute(BookBalance(since=now - timedelta(days=7), until=now, catch_up=True))
    assert broken_off
    assert len(entries(small, EntryKind.FEE)) == 4
