"""What a storage promises about the messages of payment providers."""

import pytest

from shop.adapters.contracts.storage.subject import Bench, StoragePromises, state
from shop.adapters.contracts.stories import alone
from shop.application.ports.unit_of_work import StaleAggregate
from shop.domain.kernel.errors import NotFound
from shop.domain.kernel.identifiers import InboxId
from shop.domain.payments import InboxState


class MessagePromises(StoragePromises):
    """Messages of providers are kept once, settled once, and can be emptied."""

    @alone
    async def test_messages_come_back_as_they_were(self, bench: Bench) -> None:
        message = bench.samples.message(body=bytes(range(256)))
        await bench.save(message)
        message.settle(InboxState.IGNORED, bench.later(1))
        await bench.save(message)
        async with bench.transaction() as tx:
            assert state(await tx.inbox.get(message.id)) == state(message)
            assert state(await tx.inbox.find("fake", message.event_ref)) == state(message)
            assert await tx.inbox.find("other", message.event_ref) is None
            with pytest.raises(NotFound):
                await tx.inbox.get(bench.samples.new(InboxId))

    @alone
    async def test_the_same_message_is_kept_once(self, bench: Bench) -> None:
        message = bench.samples.message()
        await bench.save(message)
        with pytest.raises(StaleAggregate):
            await bench.save(bench.samples.message(event_ref=message.event_ref))
        await bench.save(bench.samples.message(event_ref=message.event_ref, provider="other"))

    @alone
    async def test_what_messages_told_of_somebody_can_be_forgotten(self, bench: Bench) -> None:
        told = [bench.samples.message(object_ref="pi_1"), bench.samples.message(object_ref="pi_2")]
        others = [bench.samples.message(object_ref="pi_3"), bench.samples.message(object_ref="pi_1", provider="other")]
        await bench.save(*told, *others)
        async with bench.transaction() as tx:
            tx.inbox.forget_bodies("fake", ["pi_1", "pi_2", "pi_9"])
        async with bench.transaction() as tx:
            assert [(await tx.inbox.get(item.id)).body for item in told] == [b"", b""]
            assert [(await tx.inbox.get(item.id)).body for item in others] == [item.body for item in others]
            again = await tx.inbox.get(told[0].id)
            again.settle(InboxState.APPLIED, bench.later(1))
            tx.inbox.save(again)

    @alone
    async def test_a_message_may_be_settled_and_forgotten_at_once(self, bench: Bench) -> None:
        earlier, message = [bench.samples.message(object_ref="pi_1") for _ in range(2)]
        await bench.save(earlier, message)
        async with bench.transaction() as tx:
            again = await tx.inbox.get(message.id)
            again.settle(InboxState.APPLIED, bench.later(1))
            again.forget()
            tx.inbox.save(again)
            tx.inbox.forget_bodies("fake", ["pi_1"])
        async with bench.transaction() as tx:
            kept, before = await tx.inbox.get(message.id), await tx.inbox.get(earlier.id)
        assert (kept.state, kept.body) == (InboxState.APPLIED, b"")
        assert (before.state, before.body) == (InboxState.NEW, b"")

    @alone
    async def test_of_a_customer_who_is_forgotten_nothing_is_kept(self, bench: Bench) -> None:
        earlier, message = [bench.samples.message(object_ref="cus_1") for _ in range(2)]
        other = bench.samples.message(object_ref="cus_2")
        await bench.save(earlier, message, other)
        async with bench.transaction() as tx:
            again = await tx.inbox.get(message.id)
            again.settle(InboxState.APPLIED, bench.later(1))
            again.forget_customer()
            tx.inbox.save(again)
            tx.inbox.forget_customer("fake", "cus_1")
        async with bench.transaction() as tx:
            for item, state in ((message, InboxState.APPLIED), (earlier, InboxState.NEW)):
                kept = await tx.inbox.get(item.id)
                assert (kept.state, kept.object_ref, kept.body) == (state, "", b"")
            assert (await tx.inbox.get(other.id)).object_ref == "cus_2"

    @alone
    async def test_a_message_is_settled_once(self, bench: Bench) -> None:
        """I5: its effect and its state are written together, by one of two workers."""
        message = bench.samples.message()
        await bench.save(message)
        with pytest.raises(StaleAggregate):
            async with bench.transaction() as slow:
                mine = await slow.inbox.get(message.id)
                message.settle(InboxState.APPLIED, bench.later(1))
                await bench.save(message)
                mine.settle(InboxState.PARKED, bench.later(2))
                slow.inbox.save(mine)
        async with bench.transaction() as tx:
            assert (await tx.inbox.get(message.id)).state is InboxState.APPLIED
