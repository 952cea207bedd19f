"""An entry of a sale that is gone is booked again as it was, whatever paid for the order and whatever came after."""

from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest
from attrs import evolve

from shop.adapters.fake.faults import Fault
from shop.application.commands.captures import CapturePayment
from shop.application.commands.orders import CancelAnyOrder
from shop.application.commands.reconciliation import FindingNeedsPeople, RepairFinding
from shop.application.commands.refunds import RequestRefund
from shop.application.ports.payments import PaymentProviderUnavailable
from shop.domain.kernel.identifiers import OrderId
from shop.domain.ledger import EntryKind, LedgerEntry
from shop.domain.orders import OrderStatus, PaymentStatus
from shop.domain.payments import AttemptStatus, DisputeStatus, RefundStatus
from tests.application.providers import faulty, mismatched
from tests.application.test_captures import manual
from tests.application.test_reconciliation import told
from tests.application.test_tenders import PRICE, given_back, sold, with_tenders
from tests.shops import STAFF, SmallShop, eur, open_small_shop
from tests.tender_sources import credit, gift_card

Told = tuple[str, str, str, str]


class NoRefunds:
    """Trouble with each refund."""

    def fault_for(self, call: str) -> Fault | None:
        return Fault.ERROR if call == "refund" else None


async def paid_with_tenders() -> tuple[SmallShop, OrderId]:
    small = await open_small_shop()
    return small, await sold(with_tenders(small, gift_card(300), credit(700)))


async def paid_in_part() -> tuple[SmallShop, OrderId]:
    """Staff took a part of what was authorised: the order is paid."""
    small = await manual(await open_small_shop())
    order_id = await sold(small)
    payment = await small.payment(order_id)
    await small.shop.execute(CapturePayment(payment_id=payment.id, amount=eur(1000)), actor=STAFF)
    await small.pay(order_id)
    order = await small.order(order_id)
    assert (order.payment_status, (await small.payment(order_id)).captured) == (PaymentStatus.PAID, eur(1000))
    return small, order_id


async def given_back_with_tenders() -> tuple[SmallShop, OrderId]:
    small, order_id = await paid_with_tenders()
    assert await given_back(small, order_id, PRICE - 500) == [PRICE - 1000, 500]
    assert await given_back(small, order_id) == [0, 200, 300]
    return small, order_id


async def given_back_and_called_off() -> tuple[SmallShop, OrderId]:
    """All of it went back, and its goods with it: the order is cancelled now, and was paid once."""
    small = await open_small_shop()
    order_id = await sold(small)
    payment = await small.payment(order_id)
    await small.shop.execute(RequestRefund(payment_id=payment.id, full=True, restock=True), actor=STAFF)
    await small.pay(order_id)
    assert (await small.order(order_id)).status is OrderStatus.CANCELLED
    return small, order_id


async def sent_back_by_the_bank() -> tuple[SmallShop, OrderId]:
    """The provider's part of a refund failed later; the tender keeps its own."""
    small = await open_small_shop()
    order_id = await sold(with_tenders(small, credit(1000)))
    assert await given_back(small, order_id) == [PRICE - 1000, 1000]
    [intent] = small.books.intents.values()
    small.provider.refund_becomes(intent.ref, intent.refunds[0].ref, RefundStatus.FAILED, "lost_card")
    await small.pay(order_id, refresh=True)
    return small, order_id


async def disputed() -> tuple[SmallShop, OrderId]:
    small, order_id = await paid_with_tenders()
    await _dispute(small, order_id, PaymentStatus.DISPUTED)
    return small, order_id


async def late_and_disputed(end: DisputeStatus | None = None) -> tuple[SmallShop, OrderId]:
    """The order had been called off when just its sum came; before it could go back the buyer's bank took it."""
    small = await open_small_shop(faulty(NoRefunds()))
    order_id = await sold(small, "fake_card_3ds")
    await small.shop.execute(CancelAnyOrder(order_id=order_id), actor=STAFF)
    [intent] = small.books.intents.values()
    small.books.alter(evolve(intent, status=AttemptStatus.CAPTURED, captured=intent.minor))
    with pytest.raises(PaymentProviderUnavailable):
        await small.pay(order_id, refresh=True)
    await _dispute(small, order_id, PaymentStatus.DISPUTED)
    if end is not None:
        small.provider.dispute_ends(intent.ref, end)
        with pytest.raises(PaymentProviderUnavailable):
            await small.pay(order_id, refresh=True)
        assert (await small.order(order_id)).payment_status is PaymentStatus.DISPUTED_LOST
    return small, order_id


async def late_and_lost() -> tuple[SmallShop, OrderId]:
    return await late_and_disputed(DisputeStatus.LOST)


async def another_sum() -> tuple[SmallShop, OrderId]:
    small = await open_small_shop()
    order_id = await mismatched(small, captured=1000)
    await small.pay(order_id, refresh=True)
    return small, order_id


async def _dispute(small: SmallShop, order_id: OrderId, status: PaymentStatus) -> None:
    small.provider.disputes_open((await small.payment(order_id)).attempt.provider_ref)
    await small.pay(order_id, refresh=True)
    assert (await small.order(order_id)).payment_status is status


@pytest.mark.parametrize(
    "story",
    [
        paid_with_tenders,
        paid_in_part,
        given_back_with_tenders,
        given_back_and_called_off,
        sent_back_by_the_bank,
        disputed,
        late_and_disputed,
        late_and_lost,
        another_sum,
    ],
    ids=lambda story: story.__name__,
)
async def test_f86_what_is_booked_again_is_what_was_booked(
    story: Callable[[], Awaitable[tuple[SmallShop, OrderId]]],
) -> None:
    """Each entry of the sale by itself, and all of them at once."""
    small, order_id = await story()
    small.clock.forward(timedelta(hours=1))
    entries = await small.entries(order_id)
    ref = (await small.payment(order_id)).attempt.provider_ref
    ours = [entry for entry in entries if entry.kind in (EntryKind.CAPTURE, EntryKind.REFUND)]
    assert ours
    for gone in (*([entry] for entry in ours), ours):
        for entry in gone:
            _lose(small, order_id, entry)
        cleared = sum(p.amount.minor for entry in gone for p in entry.postings if p.account == "clearing:fake")
        found = [finding.id for finding in (await told(small)).findings if finding.kind == "ledger_differs"]
        assert found == ([f"ledger_differs:{ref}"] if cleared else [])
        await small.shop.execute(RepairFinding(finding=f"ledger_differs:{ref}"))
        assert _told(await small.entries(order_id)) == _told(entries)
        with pytest.raises(FindingNeedsPeople):
            await small.shop.execute(RepairFinding(finding=f"ledger_differs:{ref}"))
        assert "ledger_differs" not in [finding.kind for finding in (await told(small)).findings]


def _lose(small: SmallShop, order_id: OrderId, entry: LedgerEntry) -> None:
    kept = small.tables.entries_by_order[order_id]
    small.tables.entries_by_order[order_id] = tuple(
        one for one in kept if (one.kind, one.provider_ref) != (entry.kind, entry.provider_ref)
    )
    del small.tables.booked[entry.provider, entry.provider_ref, entry.kind]


def _told(entries: list[LedgerEntry]) -> list[Told]:
    """What entries say, but for their ids and when they were booked."""
    return sorted((e.provider, e.kind, e.provider_ref, str(e.postings)) for e in entries)
