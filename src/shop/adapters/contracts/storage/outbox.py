"""The outbox: events are written with their cause, nobody is forgotten, nothing overtakes, nobody gets one twice."""

import asyncio
from collections.abc import Sequence
from datetime import datetime

from shop.adapters.contracts.storage.subject import Bench, StoragePromises
from shop.adapters.contracts.stories import alone
from shop.application.ports.outbox import Delivery, DeliveryState
from shop.application.ports.paging import PageRequest
from shop.application.ports.views import DeliveryView
from shop.domain.catalog import Product, ProductCreated, ProductUpdated
from shop.domain.kernel.identifiers import EventId, ProductId
from shop.domain.orders import OrderCreated


class OutboxPromises(StoragePromises):
    """The promises of `Outbox` and `Transaction.publish`."""

    @alone
    async def test_events_are_written_in_order_with_a_delivery_for_each_subscriber(self, bench: Bench) -> None:
        product = bench.samples.product()
        product.change(bench.later(1), title="Changed")
        context = bench.context(caused_by=bench.samples.new(EventId))
        async with bench.transaction(context) as tx:
            tx.products.save(product)
            tx.publish(ProductUpdated(at=bench.later(2), product_id=product.id))
        assert product.take_events() == []
        newest, middle, oldest = (await bench.outbox.events(PageRequest())).data
        assert (oldest.type, middle.type, newest.type) == ("product.created", "product.updated", "product.updated")
        assert (oldest.subject_id, oldest.request_id) == (str(product.id), str(context.request_id))
        assert (oldest.at, middle.at, newest.at) == (bench.now, bench.later(1), bench.later(2))
        assert sorted(d.subscriber for d in oldest.deliveries) == ["index", "mail"]
        assert [(d.subscriber, d.state, d.attempts, d.problem) for d in newest.deliveries] == [
            ("index", "pending", 0, "")
        ]
        assert dict(oldest.data) == {"at": "2026-03-04T05:06:07.123456Z", "product_id": str(product.id)}

    @alone
    async def test_an_event_comes_back_whole(self, bench: Bench) -> None:
        order = await bench.placed()
        (delivery,) = await bench.outbox.claim(bench.now, bench.later(30), 10)
        assert delivery.event == OrderCreated(at=bench.now, order_id=order.id, cart_id=order.cart_id, total=order.total)
        assert (delivery.subscriber, delivery.attempt) == ("mail", 1)
        (shown,) = (await bench.outbox.events(PageRequest(), types=["order.created"])).data
        assert shown.id == delivery.event_id
        assert shown.request_id == str(delivery.request_id)
        assert shown.data["total"] == {"amount": 2380, "currency": "EUR"}

    @alone
    async def test_only_the_oldest_of_a_subject_is_given_to_a_subscriber(self, bench: Bench) -> None:
        product, other = await _changed(bench, 2), await _changed(bench, 1)
        first = await _claim(bench, 0)
        assert _told(first) == {
            ("mail", product.id, "product.created"),
            ("index", product.id, "product.created"),
            ("mail", other.id, "product.created"),
            ("index", other.id, "product.created"),
        }
        assert await _claim(bench, 0) == []
        for delivery in first:
            if delivery.event.subject == product.id:
                assert await bench.outbox.done(delivery, bench.now)
        second = await _claim(bench, 0)
        assert _told(second) == {("index", product.id, "product.updated")}
        assert await bench.outbox.done(second[0], bench.now)
        third = await _claim(bench, 0)
        assert [delivery.event.at for delivery in third] == [bench.later(2)]

    @alone
    async def test_a_claim_is_bounded_and_gives_the_rest_to_the_next(self, bench: Bench) -> None:
        for _ in range(3):
            await bench.save(bench.samples.product())
        one = await bench.outbox.claim(bench.now, bench.later(30), 4)
        two = await bench.outbox.claim(bench.now, bench.later(30), 4)
        assert (len(one), len(two)) == (4, 2)
        assert not _keys(one) & _keys(two)

    @alone
    async def test_two_at_once_never_get_the_same(self, bench: Bench) -> None:
        for _ in range(10):
            await bench.save(bench.samples.product())
        claims = await asyncio.gather(*(bench.outbox.claim(bench.now, bench.later(30), 8) for _ in range(4)))
        keys = [key for claim in claims for key in _keys(claim)]
        assert len(keys) == len(set(keys))
        rest = await bench.outbox.claim(bench.now, bench.later(30), 100)
        assert len(keys) + len(rest) == 20

    @alone
    async def test_a_lease_that_ran_out_is_claimed_again_and_the_old_holder_has_lost_it(self, bench: Bench) -> None:
        await bench.placed()
        (lost,) = await _claim(bench, 0)
        assert await _claim(bench, 29) == []
        (taken,) = await _claim(bench, 30)
        assert (taken.event_id, taken.attempt) == (lost.event_id, 2)
        assert not await bench.outbox.done(lost, bench.later(31))
        assert not await bench.outbox.retry(lost, bench.later(31), "late")
        assert not await bench.outbox.set_aside(lost, bench.later(31), "late")
        (delivery,) = await _deliveries(bench)
        assert (delivery.state, delivery.attempts, delivery.problem) == ("pending", 2, "")
        assert await bench.outbox.done(taken, bench.later(31))
        assert not await bench.outbox.done(taken, bench.later(31))
        assert await _claim(bench, 1000) == []
        (delivery,) = await _deliveries(bench)
        assert delivery.state == "done"

    @alone
    async def test_a_failed_one_waits_its_time_and_holds_back_its_successors(self, bench: Bench) -> None:
        await _changed(bench, 1)
        for delivery in await _claim(bench, 0):
            if delivery.subscriber == "index":
                assert await bench.outbox.retry(delivery, bench.later(10), "no answer")
        assert [d for d in await _claim(bench, 9) if d.subscriber == "index"] == []
        problems = {(d.subscriber, d.problem, d.due_at) for d in await _deliveries(bench, "product.created")}
        assert ("index", "no answer", bench.later(10)) in problems
        (again,) = [d for d in await _claim(bench, 10) if d.subscriber == "index"]
        assert (again.event.type, again.attempt) == ("product.created", 2)

    @alone
    async def test_one_that_was_set_aside_lets_the_next_pass(self, bench: Bench) -> None:
        await _changed(bench, 1)
        (first,) = [d for d in await _claim(bench, 0) if d.subscriber == "index"]
        assert await bench.outbox.set_aside(first, bench.later(1), "it never works")
        assert not await bench.outbox.done(first, bench.later(1))
        (second,) = [d for d in await _claim(bench, 2) if d.subscriber == "index"]
        assert second.event.type == "product.updated"
        backlog = await bench.outbox.backlog()
        assert backlog[DeliveryState.SET_ASIDE] == 1
        assert backlog[DeliveryState.PENDING] == 2
        (aside,) = (await bench.outbox.events(PageRequest(), only_set_aside=True)).data
        assert aside.id == first.event_id
        assert {(d.subscriber, d.state, d.problem) for d in aside.deliveries} >= {
            ("index", "set_aside", "it never works")
        }

    @alone
    async def test_revived_ones_are_due_again_before_their_successors(self, bench: Bench) -> None:
        product = await _changed(bench, 1)
        for delivery in await _claim(bench, 0):
            assert await bench.outbox.set_aside(delivery, bench.now, "away")
        assert await bench.outbox.revive(bench.samples.new(EventId), bench.later(5)) == 0
        (created,) = (await bench.outbox.events(PageRequest(), types=["product.created"])).data
        assert await bench.outbox.revive(created.id, bench.later(5)) == 2
        assert await bench.outbox.revive(None, bench.later(5)) == 0
        revived = await _claim(bench, 5)
        assert _told(revived) == {
            ("mail", product.id, "product.created"),
            ("index", product.id, "product.created"),
        }
        assert all((delivery.claim, delivery.attempt) == (2, 1) for delivery in revived)
        assert await bench.outbox.done(revived[0], bench.later(6))

    @alone
    async def test_who_held_it_before_it_was_revived_has_no_say(self, bench: Bench) -> None:
        await bench.placed()
        (slow,) = await _claim(bench, 0)
        (quick,) = await _claim(bench, 31)
        assert await bench.outbox.set_aside(quick, bench.later(32), "away")
        assert await bench.outbox.revive(None, bench.later(33)) == 1
        (revived,) = await _claim(bench, 34)
        for lost in (slow, quick):
            assert not await bench.outbox.done(lost, bench.later(35))
            assert not await bench.outbox.retry(lost, bench.later(35), "too late")
            assert not await bench.outbox.set_aside(lost, bench.later(35), "too late")
        assert await bench.outbox.done(revived, bench.later(36))

    @alone
    async def test_all_that_was_set_aside_can_be_revived(self, bench: Bench) -> None:
        for _ in range(2):
            await bench.placed()
        for delivery in await _claim(bench, 0):
            assert await bench.outbox.set_aside(delivery, bench.now, "away")
        assert await bench.outbox.revive(None, bench.later(5)) == 2
        assert await bench.outbox.backlog() == {DeliveryState.PENDING: 2, DeliveryState.SET_ASIDE: 0}
        assert len(await _claim(bench, 5)) == 2

    @alone
    async def test_nothing_is_due_before_its_cause(self, bench: Bench) -> None:
        async with bench.transaction(bench.context(now=bench.later(10))) as tx:
            tx.publish(ProductCreated(at=bench.later(10), product_id=bench.samples.new(ProductId)))
        assert await _claim(bench, 9) == []
        assert len(await _claim(bench, 10)) == 2

    @alone
    async def test_what_was_delivered_long_ago_is_forgotten(self, bench: Bench) -> None:
        for _ in range(2):
            await bench.placed()
        claimed = await _claim(bench, 0)
        assert await bench.outbox.done(claimed[0], bench.later(10))
        assert await bench.outbox.forget(bench.later(10), 10) == 0
        assert await bench.outbox.forget(bench.later(11), 10) == 1
        (left,) = (await bench.outbox.events(PageRequest(total=True))).data
        assert left.id == claimed[1].event_id
        assert await bench.outbox.set_aside(claimed[1], bench.later(11), "away")
        assert await bench.outbox.forget(bench.later(1000), 10) == 0

    @alone
    async def test_events_for_nobody_are_kept_their_time(self, bench: Bench) -> None:
        await bench.save(*(bench.samples.category() for _ in range(3)))
        assert await bench.outbox.forget(bench.now, 10) == 0
        assert await bench.outbox.forget(bench.later(1), 2) == 2
        assert await bench.outbox.forget(bench.later(1), 2) == 1

    @alone
    async def test_events_are_filtered_by_type(self, bench: Bench) -> None:
        await _changed(bench, 1)
        await bench.placed()
        page = await bench.outbox.events(PageRequest(total=True), types=["order.created", "product.updated", "unknown"])
        assert [event.type for event in page.data] == ["order.created", "product.updated"]
        assert page.total == 2


async def _changed(bench: Bench, times: int) -> Product:
    """A product that was created, and then changed so many times."""
    product = bench.samples.product()
    await bench.save(product)
    for number in range(times):
        product.change(bench.later(number + 1), title=f"Changed {number}")
        await bench.save(product)
    return product


async def _claim(bench: Bench, seconds: float) -> list[Delivery]:
    """All that is due then, leased for 30 seconds."""
    lease_until: datetime = bench.later(seconds + 30)
    return await bench.outbox.claim(bench.later(seconds), lease_until, 100)


async def _deliveries(bench: Bench, type_name: str = "order.created") -> Sequence[DeliveryView]:
    (event,) = (await bench.outbox.events(PageRequest(), types=[type_name])).data
    return event.deliveries


def _told(deliveries: Sequence[Delivery]) -> set[tuple[str, object, str]]:
    return {(d.subscriber, d.event.subject, d.event.type) for d in deliveries}


def _keys(deliveries: Sequence[Delivery]) -> set[tuple[EventId, str]]:
    return {(d.event_id, d.subscriber) for d in deliveries}
