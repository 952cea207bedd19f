"""What is compared: payments beside their entries, levels beside their movements, messages by name."""

from datetime import timedelta

from attrs import evolve

from shop.adapters.contracts.samples import eur
from shop.adapters.contracts.storage.subject import Bench, StoragePromises
from shop.adapters.contracts.stories import alone
from shop.application.ports.reconciliation import BookedSale, StockSums
from shop.domain.inventory import ReservationState
from shop.domain.kernel.identifiers import MovementId
from shop.domain.ledger import EntryKind, refund_postings
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
