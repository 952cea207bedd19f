"""What is compared: payments beside their entries, levels beside their movements, messages by name."""

from datetime import timedelta
from typing import Any

import pytest
from attrs import evolve

from shop.adapters.contracts.samples import eur
from shop.adapters.contracts.storage.subject import Bench, StoragePromises
from shop.adapters.contracts.stories import alone
from shop.application.ports.reconciliation import BookedMovement, BookedSale, StockSums
from shop.application.ports.unit_of_work import StaleAggregate
from shop.domain.inventory import ReservationState
from shop.domain.kernel.identifiers import LedgerEntryId, MovementId
from shop.domain.ledger import (
    BANK,
    FEES,
    EntryKind,
    LedgerEntry,
    clearing,
    fee_postings,
    payout_postings,
    refund_postings,
)
from shop.domain.payments import AttemptStatus, IntentState, Payment


class ReconciliationPromises(StoragePromises):
    """The promises of `ReconciliationReader`."""

    @alone
    async def test_a_sale_comes_with_the_sums_of_its_books(self, bench: Bench) -> None:
        order, payment = await bench.paying()
        _captured(payment, "pi_1", 2380, refunded=500)
        await bench.save(payment)
        await bench.save(bench.samples.entry(payment))
        await bench.save(
            bench.samples.entry(
                payment,
                kind=EntryKind.REFUND,
                provider_ref="pi_1:500",
                postings=refund_postings("fake", eur(500), applied=True),
            )
        )
        [sale] = await bench.readers.reconciliation.sales_of("fake", ["pi_1", "pi_other"])
        assert sale == BookedSale(
            provider_ref="pi_1",
            method="fake_card",
            status=AttemptStatus.CAPTURED,
            payment_id=payment.id,
            order_id=order.id,
            order_number=order.number,
            captured=eur(2380),
            refunded=eur(500),
            cleared=1880,
            unbalanced=0,
            created_at=payment.created_at,
            updated_at=payment.updated_at,
        )
        assert await bench.readers.reconciliation.sales_of("other", ["pi_1"]) == []
        assert await bench.readers.reconciliation.sales_of("fake", []) == []

    @alone
    async def test_sales_are_read_by_time_and_page(self, bench: Bench) -> None:
        refs = []
        for number in range(7):
            _, payment = await bench.paying(at=bench.later(number // 2))
            if number == 3:
                continue  # of which the provider has not heard
            _captured(payment, f"pi_{number}", 2380)
            refs.append(f"pi_{number}")
            await bench.save(payment)
        for limit in (1, 2, 3, 10):
            assert await _sales(bench, 0, 60, limit) == refs
        assert await _sales(bench, 1, 3, 10) == ["pi_2", "pi_4", "pi_5"]
        assert await _sales(bench, 4, 60, 10) == []

    @alone
    async def test_fees_are_about_a_sale_and_no_part_of_what_was_taken(self, bench: Bench) -> None:
        _, payment = await bench.paying()
        _captured(payment, "pi_1", 2380)
        await bench.save(payment)
        await bench.save(bench.samples.entry(payment))
        await bench.save(_fee(bench, payment, "txn_1"))
        [sale] = await bench.readers.reconciliation.sales_of("fake", ["pi_1"])
        assert (sale.cleared, sale.unbalanced) == (2380, 0)

    @alone
    async def test_what_is_booked_under_a_name_is_summed(self, bench: Bench) -> None:
        _, payment = await bench.paying()
        await bench.save(bench.samples.entry(payment))
        await bench.save(_fee(bench, payment, "txn_1", 60))
        await bench.save(_fee(bench, payment, "txn_1", 5, kind=EntryKind.ADJUSTMENT))
        await bench.save(_payout(bench, "txn_2", 900))
        found = await bench.readers.reconciliation.booked("fake", ["txn_1", "txn_2", "txn_3", "txn_1"])
        clearing_fake = clearing("fake")
        assert sorted((s.provider_ref, s.kind, s.account, s.amount) for s in found) == sorted(
            [
                ("txn_1", EntryKind.FEE, FEES, eur(60)),
                ("txn_1", EntryKind.FEE, clearing_fake, eur(-60)),
                ("txn_1", EntryKind.ADJUSTMENT, FEES, eur(5)),
                ("txn_1", EntryKind.ADJUSTMENT, clearing_fake, eur(-5)),
                ("txn_2", EntryKind.PAYOUT, BANK, eur(900)),
                ("txn_2", EntryKind.PAYOUT, clearing_fake, eur(-900)),
            ]
        )
        [sale] = {s for s in await bench.readers.reconciliation.booked("fake", ["pi_1"]) if s.account == clearing_fake}
        assert (sale.kind, sale.amount) == (EntryKind.CAPTURE, eur(2380))
        assert await bench.readers.reconciliation.booked("other", ["txn_1"]) == []
        assert await bench.readers.reconciliation.booked("fake", []) == []

    @alone
    async def test_a_payout_is_of_no_order_and_booked_once(self, bench: Bench) -> None:
        await bench.save(_payout(bench, "txn_1", 900))
        with pytest.raises(StaleAggregate):
            await bench.save(_payout(bench, "txn_1", 900))
        await bench.save(_payout(bench, "txn_1", -900, kind=EntryKind.PAYOUT_REVERSAL))

    @alone
    async def test_fees_payouts_and_disputes_are_read_by_time_and_page(self, bench: Bench) -> None:
        _, payment = await bench.paying()
        await bench.save(bench.samples.entry(payment))
        refs = [f"txn_{number}" for number in range(6)]
        disputes = {"txn_7": EntryKind.DISPUTE, "txn_8": EntryKind.DISPUTE_REVERSAL}
        for ref, kind in disputes.items():
            await bench.save(_fee(bench, payment, ref, kind=kind, at=bench.later(2)))
        for number, ref in enumerate(refs):
            at = bench.later(number // 2)
            entry = _payout(bench, ref, 5, at=at) if number % 2 else _fee(bench, payment, ref, at=at)
            await bench.save(entry)
        await bench.save(_fee(bench, payment, "txn_1", kind=EntryKind.ADJUSTMENT))
        for limit in (1, 2, 4, 10):
            assert sorted(await _movements(bench, 0, 60, limit)) == [*refs, *disputes]
        assert sorted(await _movements(bench, 1, 2, 10)) == ["txn_2", "txn_3"]
        assert await _movements(bench, 3, 60, 10) == []

    @alone
    async def test_it_is_known_until_when_fees_and_payouts_are_booked(self, bench: Bench) -> None:
        until = bench.readers.reconciliation.balance_booked_until
        assert await until("fake") is None
        _, payment = await bench.paying()
        for seconds in (5, 3, 9):
            await bench.save(bench.samples.entry(payment, provider_ref=f"pi_{seconds}", at=bench.later(seconds)))
        assert await until("fake") == bench.later(3)
        await bench.save(_fee(bench, payment, "txn_1", at=bench.later(4)))
        await bench.save(_fee(bench, payment, "txn_2", kind=EntryKind.DISPUTE, at=bench.later(8)))
        assert await until("fake") == bench.later(4)
        await bench.save(_payout(bench, "txn_3", 5, at=bench.later(7)))
        await bench.save(_fee(bench, payment, "txn_4", at=bench.later(6)))
        assert await until("fake") == bench.later(7)
        assert await until("other") is None

    @alone
    async def test_it_is_known_which_messages_have_come(self, bench: Bench) -> None:
        message = bench.samples.message()
        await bench.save(message)
        known = await bench.readers.reconciliation.known_news("fake", [message.event_ref, "evt_never"])
        assert known == {message.event_ref}
        assert await bench.readers.reconciliation.known_news("other", [message.event_ref]) == set()

    @alone
    async def test_a_level_comes_with_what_explains_it(self, bench: Bench) -> None:
        variant_id, location_id = await bench.stocked(10)
        order = await bench.placed(lines=(bench.samples.line(variant_id=variant_id),))
        held = bench.samples.reservation(order, location_id)
        released = evolve(bench.samples.reservation(order, location_id), state=ReservationState.RELEASED)
        async with bench.transaction() as tx:
            tx.stock.hold(held)
            tx.stock.hold(released)
            tx.stock.move(bench.samples.movement(variant_id, location_id, on_hand=0, reserved=held.quantity))
        [sums] = await _stock(bench, 10)
        level = await bench.level(variant_id, location_id)
        assert sums == StockSums(
            variant_id=variant_id,
            location_id=location_id,
            on_hand=10,
            reserved=held.quantity,
            moved_on_hand=10,
            moved_reserved=held.quantity,
            held=held.quantity,
            version=level.version,
        )

    @alone
    async def test_levels_are_read_by_page_in_order(self, bench: Bench) -> None:
        places = sorted([await bench.stocked(number) for number in range(1, 6)], key=lambda p: (p[0].uuid, p[1].uuid))
        for limit in (1, 2, 5, 10):
            assert [sums.place for sums in await _stock(bench, limit)] == places

    @alone
    async def test_a_level_is_restored_unless_it_changed_meanwhile(self, bench: Bench) -> None:
        variant_id, location_id = await bench.stocked(10)
        [sums] = await _stock(bench, 10)
        edited = evolve(sums, moved_on_hand=8)  # as if somebody had edited ten into eight
        assert await bench.readers.reconciliation.restore_level(edited)
        assert (await bench.level(variant_id, location_id)).on_hand == 8
        assert not await bench.readers.reconciliation.restore_level(edited)
        [sums] = await _stock(bench, 10)
        async with bench.transaction() as tx:
            tx.stock.move(bench.samples.movement(variant_id, location_id, on_hand=1, id=bench.samples.new(MovementId)))
        assert not await bench.readers.reconciliation.restore_level(sums)
        assert (await bench.level(variant_id, location_id)).on_hand == 9


def _captured(payment: Payment, ref: str, minor: int, refunded: int = 0) -> None:
    news = IntentState(
        provider_ref=ref,
        status=AttemptStatus.CAPTURED,
        amount=payment.amount,
        captured=eur(minor),
    )
    payment.follow(news, at=payment.created_at)
    payment.refunded = payment.refund_reserved = eur(refunded)


def _fee(bench: Bench, payment: Payment, ref: str, minor: int = 60, **changes: Any) -> LedgerEntry:
    plain = {"kind": EntryKind.FEE, "provider_ref": ref, "postings": fee_postings("fake", eur(minor))}
    return bench.samples.entry(payment, **{**plain, **changes})


def _payout(bench: Bench, ref: str, minor: int, **changes: Any) -> LedgerEntry:
    plain: dict[str, Any] = {
        "id": bench.samples.new(LedgerEntryId),
        "at": bench.now,
        "kind": EntryKind.PAYOUT,
        "provider": "fake",
        "provider_ref": ref,
        "postings": payout_postings("fake", eur(minor)),
    }
    return LedgerEntry(**{**plain, **changes})


async def _movements(bench: Bench, since: int, until: int, limit: int) -> list[str]:
    found: list[BookedMovement] = []
    begin, end = bench.now + timedelta(seconds=since), bench.now + timedelta(seconds=until)
    while True:
        after = found[-1] if found else None
        page = await bench.readers.reconciliation.movements("fake", begin, end, after, limit)
        found += page
        if len(page) < limit:
            assert [one.at for one in found] == sorted(one.at for one in found)
            return [one.provider_ref for one in found]


async def _sales(bench: Bench, since: int, until: int, limit: int) -> list[str]:
    found: list[BookedSale] = []
    begin, end = bench.now + timedelta(seconds=since), bench.now + timedelta(seconds=until)
    while True:
        after = found[-1] if found else None
        page = await bench.readers.reconciliation.sales("fake", begin, end, after, limit)
        found += page
        if len(page) < limit:
            return [sale.provider_ref for sale in found]


async def _stock(bench: Bench, limit: int) -> list[StockSums]:
    found: list[StockSums] = []
    while True:
        page = await bench.readers.reconciliation.stock(found[-1].place if found else None, limit)
        found += page
        if len(page) < limit:
            return found
