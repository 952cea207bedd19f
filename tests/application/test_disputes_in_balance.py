"""What disputes move is booked once, by the dispute; the provider's list explains it and finds what is lost."""

from datetime import timedelta

import pytest
from attrs import evolve

from shop.application.commands.reconciliation import FindingNeedsPeople, FindingUnknown, RepairFinding
from shop.domain.kernel.identifiers import LedgerEntryId
from shop.domain.ledger import DISPUTE_LOSSES, DISPUTES, FEES, EntryKind, Posting, clearing
from shop.domain.payments import DisputeStatus
from shop.entrypoints.worker.schedule import reconcile_recent
from tests.application.test_balance import account, balance, bought, entries, replace_entry
from tests.application.test_captures import capture, manual
from tests.application.test_reconciliation import balanced, ids, paid_intents, settled, told
from tests.shops import SmallShop, eur, open_small_shop

TOTAL, CHARGE_FEE, DISPUTE_FEE = 2489, 60, 1500
OF_DISPUTES = (EntryKind.DISPUTE, EntryKind.DISPUTE_REVERSAL)


async def disputed(*, heard: bool = True) -> SmallShop:
    """A shop that sold six times: one chargeback is lost, one won, one open, one inquiry closed, and two are well."""
    small = await open_small_shop()
    await bought(small, 6)
    await settled(small)
    lost, won, still, inquiry, *_ = [intent.ref for intent in paid_intents(small)]
    for ref in (lost, won, still):
        small.provider.disputes_open(ref)
    small.provider.disputes_open(inquiry, DisputeStatus.WARNING_NEEDS_RESPONSE)
    small.provider.dispute_ends(lost, DisputeStatus.LOST)
    small.provider.dispute_ends(won, DisputeStatus.WON)
    small.provider.dispute_ends(inquiry, DisputeStatus.WARNING_CLOSED)
    if heard:
        await settled(small)
    else:
        small.provider.take_news()
    return small


async def paid_out(small: SmallShop) -> None:
    small.clock.forward(timedelta(days=1))
    for _ in range(2):
        await balanced(small)
        small.clock.forward(timedelta(hours=1))


async def test_f60_disputes_are_booked_once_and_their_payout_is_explained() -> None:
    small = await disputed()
    await paid_out(small)
    assert [len(entries(small, kind)) for kind in (*OF_DISPUTES, EntryKind.FEE)] == [3, 1, 6]
    assert account(small, FEES) == 6 * CHARGE_FEE + 3 * DISPUTE_FEE
    assert (account(small, DISPUTES), account(small, DISPUTE_LOSSES)) == (TOTAL, TOTAL)
    [payout] = entries(small, EntryKind.PAYOUT)
    assert payout.postings[0].amount == eur(4 * TOTAL - 6 * CHARGE_FEE - 3 * DISPUTE_FEE)
    assert account(small, clearing("fake")) == 0
    assert await ids(small) == []
    assert await balanced(small) == 0


async def test_f60_what_a_dispute_moves_after_the_payout_leaves_the_account_below_zero() -> None:
    small = await open_small_shop()
    await bought(small)
    await settled(small)
    await paid_out(small)
    [intent] = paid_intents(small)
    small.provider.disputes_open(intent.ref)
    await settled(small)
    await paid_out(small)
    assert account(small, clearing("fake")) == -TOTAL - DISPUTE_FEE
    assert len(entries(small, EntryKind.PAYOUT)) == 1
    small.provider.dispute_ends(intent.ref, DisputeStatus.WON)
    await settled(small)
    await paid_out(small)
    assert account(small, clearing("fake")) == -DISPUTE_FEE
    assert await ids(small) == []


async def test_f60_a_dispute_of_which_nobody_heard_is_found_and_heals() -> None:
    small = await disputed(heard=False)
    small.clock.forward(timedelta(minutes=9))
    await balanced(small)
    fresh = {finding.kind for finding in (await told(small)).findings}
    assert "dispute_missing" not in fresh
    small.clock.forward(timedelta(minutes=2))
    found = [finding for finding in (await told(small)).findings if finding.kind == "dispute_missing"]
    assert len(found) == 4
    assert all(finding.healing and finding.order_number for finding in found)
    assert entries(small, *OF_DISPUTES) == []
    await reconcile_recent(small.shop)
    assert len(entries(small, *OF_DISPUTES)) == 4
    assert (await told(small)).clean


async def test_a_dispute_that_lost_its_entry_is_booked_again() -> None:
    small = await disputed()
    await paid_out(small)
    gone = entries(small, *OF_DISPUTES)
    for entry in gone:
        replace_entry(small, entry)
    found = [finding for finding in (await told(small)).findings if finding.kind == "dispute_missing"]
    assert sorted(finding.provider_ref for finding in found) == sorted(entry.provider_ref for entry in gone)
    for finding in found:
        await small.shop.execute(RepairFinding(finding=finding.id))
        with pytest.raises(FindingUnknown):
            await small.shop.execute(RepairFinding(finding=finding.id))
    assert {e.provider_ref: e.postings for e in entries(small, *OF_DISPUTES)} == {
        e.provider_ref: e.postings for e in gone
    }
    assert (await told(small)).clean


@pytest.mark.parametrize("kind", OF_DISPUTES)
async def test_f60_a_dispute_of_which_the_provider_knows_nothing_is_for_people(kind: EntryKind) -> None:
    small = await disputed()
    await paid_out(small)
    entry = entries(small, kind)[0]
    made_up = evolve(entry, id=small.ids.new(LedgerEntryId), provider_ref="txn_made_up")
    async with small.storage.uow(small.context()) as tx:
        tx.ledger.book(made_up)
    [found] = [finding for finding in (await told(small)).findings if finding.provider_ref == "txn_made_up"]
    assert found.kind == "entry_unmatched"
    with pytest.raises(FindingNeedsPeople):
        await small.shop.execute(RepairFinding(finding=found.id))


async def test_a_dispute_that_was_edited_is_for_people() -> None:
    small = await disputed()
    await paid_out(small)
    entry = entries(small, EntryKind.DISPUTE)[0]
    wrong = tuple(Posting(p.account, p.amount + p.amount) for p in entry.postings)
    replace_entry(small, entry, evolve(entry, postings=wrong))
    differs, payout = sorted((await told(small)).findings, key=lambda finding: finding.kind)
    assert (differs.kind, payout.kind) == ("dispute_differs", "payout_unexplained")
    assert (differs.ours, differs.theirs) == (eur(-2 * (TOTAL + DISPUTE_FEE)), eur(-TOTAL - DISPUTE_FEE))
    with pytest.raises(FindingNeedsPeople):
        await small.shop.execute(RepairFinding(finding=differs.id))


async def test_a_dispute_in_the_currency_of_the_bank_cannot_be_compared() -> None:
    """The payment was in euro, the account is paid out in dollars: neither the dispute nor its payout is told of."""
    small = await disputed()
    held = balance(small)._transactions
    for ref, one in held.items():
        held[ref] = evolve(one, minor=one.minor * 5 // 4, currency="USD")
    await paid_out(small)
    assert [name for name in await ids(small) if not name.startswith("fee")] == []


async def test_a_dispute_of_money_that_is_not_ours_is_no_dispute_of_ours() -> None:
    small = await open_small_shop()
    stranger = small.provider.charged_elsewhere(1000)
    small.provider.disputes_open(stranger.provider_ref)
    small.clock.forward(timedelta(hours=1))
    assert await balanced(small) == 0
    assert {finding.kind for finding in (await told(small)).findings} <= {"charge_unmatched", "message_missing"}


@pytest.mark.parametrize("ref", ["txn_unknown", ""])
async def test_what_is_no_movement_of_a_dispute_is_not_repaired(ref: str) -> None:
    small = await disputed()
    name = ref or entries(small, EntryKind.DISPUTE)[0].provider_ref
    with pytest.raises(FindingUnknown):
        await small.shop.execute(RepairFinding(finding=f"dispute_missing:{name}"))
    assert small.tables.booked


async def test_f45_a_part_that_was_captured_is_paid_out_as_that_part() -> None:
    small = await manual(await open_small_shop())
    [order_id] = await bought(small)
    await capture(small, order_id, eur(1000))
    await settled(small)
    assert (await small.payment(order_id)).captured == eur(1000)
    await paid_out(small)
    [payout] = entries(small, EntryKind.PAYOUT)
    assert payout.postings[0].amount == eur(1000 - 39)
    assert account(small, clearing("fake")) == 0
    assert await ids(small) == []
