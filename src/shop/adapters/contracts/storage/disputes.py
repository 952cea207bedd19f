"""Disputes and messages of providers: each kept once, as it was, and found by what it is about."""

import pytest

from shop.adapters.contracts.samples import eur
from shop.adapters.contracts.storage.subject import Bench, StoragePromises, state
from shop.adapters.contracts.stories import alone
from shop.application.ports.paging import PageRequest
from shop.application.ports.readers import DisputeFilter, InboxFilter, TimeRange
from shop.application.ports.unit_of_work import StaleAggregate
from shop.domain.kernel.errors import NotFound
from shop.domain.kernel.identifiers import DisputeId, InboxId, PaymentId
from shop.domain.kernel.money import Money
from shop.domain.orders import OrderFlag
from shop.domain.payments import DisputeMove, DisputeNotFound, DisputeStatus, InboxState


class DisputePromises(StoragePromises):
    """The promises of `DisputeRepository`, and what `PaymentReader` answers about disputes and messages."""

    @alone
    async def test_disputes_come_back_as_they_were(self, bench: Bench) -> None:
        _, payment = await bench.paying()
        moves = (
            DisputeMove(provider_ref="txn_1", taken=eur(7), fee=Money(1500, "USD")),
            DisputeMove(provider_ref="txn_2", taken=eur(-7), fee=Money(-1500, "USD")),
        )
        rich = bench.samples.dispute(payment, moves=moves, due_at=bench.later(3600))
        bare = bench.samples.dispute(payment, provider_ref="dp_2", due_at=None, at=bench.later(5))
        await bench.save(rich, bare)
        async with bench.transaction() as tx:
            assert state(await tx.disputes.get(rich.id)) == state(rich)
            found = [state(dispute) for dispute in await tx.disputes.of_payment(payment.id)]
            assert found == [state(rich), state(bare)]
            assert await tx.disputes.of_payment(bench.samples.new(PaymentId)) == []
            with pytest.raises(DisputeNotFound):
                await tx.disputes.get(bench.samples.new(DisputeId))
        rich.follow(bench.samples.dispute_state(status=DisputeStatus.LOST, moves=moves), bench.later(9))
        rich.to_write_off()
        rich.note_evidence("user_1", bench.later(9))
        rich.evidence_key = "a key"
        await bench.save(rich)
        async with bench.transaction() as tx:
            assert state(await tx.disputes.get(rich.id)) == state(rich)

    @alone
    async def test_i5_a_dispute_of_the_provider_is_one_dispute(self, bench: Bench) -> None:
        _, payment = await bench.paying()
        await bench.save(bench.samples.dispute(payment))
        with pytest.raises(StaleAggregate):
            await bench.save(bench.samples.dispute(payment))

    @alone
    async def test_a_dispute_is_saved_as_it_was_read_or_not_at_all(self, bench: Bench) -> None:
        _, payment = await bench.paying()
        dispute = bench.samples.dispute(payment)
        await bench.save(dispute)
        with pytest.raises(StaleAggregate):
            async with bench.transaction() as slow:
                mine = await slow.disputes.get(dispute.id)
                dispute.note_evidence("user_1", bench.later(1))
                await bench.save(dispute)
                mine.note_evidence("user_2", bench.later(1))
                slow.disputes.save(mine)

    @alone
    async def test_each_filter_of_disputes_narrows(self, bench: Bench) -> None:
        (_, payment), (_, other) = await bench.paying(), await bench.paying()
        lost = DisputeStatus.LOST
        wanted = bench.samples.dispute(payment, status=lost, due_at=bench.later(60), at=bench.later(60))
        elsewhere = bench.samples.dispute(other, provider_ref="dp_2", due_at=bench.later(600))
        never_due = bench.samples.dispute(other, provider_ref="dp_3", due_at=None, at=bench.later(-60))
        await bench.save(wanted, elsewhere, never_due)
        for which in (
            DisputeFilter(statuses=frozenset({DisputeStatus.LOST, DisputeStatus.WON})),
            DisputeFilter(payment_id=payment.id),
            DisputeFilter(order_id=payment.order_id),
            DisputeFilter(due_at=TimeRange(lt=bench.later(600))),
        ):
            page = await bench.readers.payments.disputes(which, PageRequest(total=True))
            assert ([view.id for view in page.data], page.total) == ([wanted.id], 1), which
        first = await bench.readers.payments.disputes(DisputeFilter(), PageRequest(limit=1))
        assert [view.id for view in first.data] == [wanted.id]
        rest = await bench.readers.payments.disputes(DisputeFilter(), PageRequest(limit=5, after=first.next))
        assert [view.id for view in rest.data] == [elsewhere.id, never_due.id]
        assert (await bench.readers.payments.dispute(wanted.id)) == first.data[0]
        with pytest.raises(DisputeNotFound):
            await bench.readers.payments.dispute(bench.samples.new(DisputeId))

    @alone
    async def test_a_payment_with_an_open_dispute_is_unfinished(self, bench: Bench) -> None:
        order, payment = await bench.paying()
        quiet = bench.later(-60)
        payment.attempts = (bench.samples.captured(payment.attempt),)
        payment.contest(True, quiet)
        await bench.save(payment)
        async with bench.transaction() as tx:
            assert await tx.payments.unfinished(bench.now, bench.now, 10) == [order.id]
            assert state(await tx.payments.get(payment.id)) == state(payment)
        assert (await bench.readers.payments.one(payment.id)).disputed
        payment.contest(False, quiet)
        await bench.save(payment)
        async with bench.transaction() as tx:
            assert await tx.payments.unfinished(bench.now, bench.now, 10) == []

    @alone
    async def test_flags_of_an_order_come_back_and_are_shown_to_staff(self, bench: Bench) -> None:
        order, _ = await bench.paying()
        order = await bench.reread(order)
        for flag in OrderFlag:
            order.flag(flag, True, bench.later(1))
        await bench.save(order)
        assert (await bench.reread(order)).flags == frozenset(OrderFlag)
        view = await bench.readers.orders.one(order.id)
        assert (view.flags, view.fulfilment_on_hold) == (sorted(OrderFlag), True)
        for flag in OrderFlag:
            order.flag(flag, flag is OrderFlag.INQUIRY, bench.later(2))
        await bench.save(order)
        view = await bench.readers.orders.one(order.id)
        assert (view.flags, view.fulfilment_on_hold) == ([OrderFlag.INQUIRY], False)

    @alone
    async def test_each_filter_of_messages_narrows(self, bench: Bench) -> None:
        wanted = bench.samples.message(object_ref="pi_2", event_type="refund.failed", at=bench.later(60))
        other = bench.samples.message()
        await bench.save(wanted, other)
        wanted.settle(InboxState.PARKED, bench.later(61))
        await bench.save(wanted)
        for which in (
            InboxFilter(states=frozenset({InboxState.PARKED, InboxState.IGNORED})),
            InboxFilter(event_ref=wanted.event_ref),
            InboxFilter(event_type="refund.failed"),
            InboxFilter(object_ref="pi_2"),
            InboxFilter(received_at=TimeRange(gt=bench.now)),
        ):
            page = await bench.readers.payments.messages(which, PageRequest(total=True))
            assert ([view.id for view in page.data], page.total) == ([wanted.id], 1), which
        nothing = await bench.readers.payments.messages(InboxFilter(event_ref="evt\x00"), PageRequest(total=True))
        assert (nothing.data, nothing.total) == ([], 0)
        first = await bench.readers.payments.messages(InboxFilter(), PageRequest(limit=1))
        rest = await bench.readers.payments.messages(InboxFilter(), PageRequest(limit=1, after=first.next))
        assert [view.id for view in (*first.data, *rest.data)] == [wanted.id, other.id]
        shown = await bench.readers.payments.message(wanted.id)
        assert (shown.state, shown.settled_at, shown.received_at) == (
            InboxState.PARKED,
            bench.later(61),
            bench.later(60),
        )
        with pytest.raises(NotFound):
            await bench.readers.payments.message(bench.samples.new(InboxId))

    @alone
    async def test_a_message_may_be_opened_again(self, bench: Bench) -> None:
        message = bench.samples.message()
        await bench.save(message)
        message.settle(InboxState.PARKED, bench.later(1))
        await bench.save(message)
        assert message.reopen(bench.later(2))
        await bench.save(message)
        async with bench.transaction() as tx:
            again = await tx.inbox.get(message.id)
            assert (again.state, again.settled_at) == (InboxState.NEW, None)
