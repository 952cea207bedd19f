"""Deliveries: what works is done, what fails is repeated, what never works is set aside and holds nobody up."""

from datetime import timedelta

import pytest

from shop.application.ports.outbox import Delivery, DeliveryState
from shop.application.ports.paging import PageRequest
from shop.application.ports.views import DeliveryView
from shop.application.shop import Shop
from shop.domain.kernel.errors import Unavailable
from shop.domain.kernel.identifiers import EventId
from shop.domain.orders import OrderStatus
from shop.entrypoints.worker.deliveries import (
    ATTEMPTS_MAX,
    LEASE,
    LONGEST_PAUSE,
    Outcome,
    claim,
    deliver_once,
    described,
    pause_after,
)
from tests.shops import SmallShop, open_small_shop


class PoisonedShop(Shop):
    """A shop in which some events make their subscribers fail."""

    poison: frozenset[EventId] = frozenset()

    async def react(self, delivery: Delivery) -> None:
        if delivery.event_id in self.poison:
            raise RuntimeError("this one cannot be digested")
        await super().react(delivery)


def middle() -> float:
    return 0.5


@pytest.fixture
async def small() -> SmallShop:
    return await open_small_shop()


async def drain(small: SmallShop) -> list[Outcome]:
    outcomes: list[Outcome] = []
    while found := await deliver_once(small.shop, jitter=middle):
        outcomes += found
    return outcomes


async def backlog(small: SmallShop, state: DeliveryState) -> int:
    return (await small.storage.outbox.backlog()).get(state, 0)


def test_pauses_double_up_to_an_hour() -> None:
    seconds = [pause_after(attempt, 0.5).total_seconds() for attempt in range(1, ATTEMPTS_MAX)]
    assert seconds == [2, 4, 8, 16, 32, 64, 128, 256, 512]
    assert pause_after(50, 0.5) == LONGEST_PAUSE


@pytest.mark.parametrize("attempt", range(1, 15))
def test_jitter_spreads_pauses_and_never_beyond_an_hour(attempt: int) -> None:
    earliest, latest = pause_after(attempt, 0.0), pause_after(attempt, 1.0)
    assert earliest < latest <= LONGEST_PAUSE
    assert latest <= earliest * 1.6


async def test_what_works_is_done(small: SmallShop) -> None:
    await small.product()
    assert await drain(small) == [Outcome.DONE]
    assert small.cache.dropped == ["catalog"]
    assert await deliver_once(small.shop) == []


async def test_a_failure_comes_again_later_with_its_reason(small: SmallShop) -> None:
    poisoned, event_id = await _poisoned(small)
    assert await deliver_once(poisoned, jitter=middle) == [Outcome.RETRY]
    assert await deliver_once(poisoned, jitter=middle) == []
    delivery = await _delivery(small, event_id)
    assert (delivery.state, delivery.problem) == ("pending", "RuntimeError: this one cannot be digested")
    small.clock.forward(timedelta(seconds=2))
    assert await deliver_once(poisoned, jitter=middle) == [Outcome.RETRY]
    small.clock.forward(timedelta(seconds=3.9))
    assert await deliver_once(poisoned, jitter=middle) == []


async def test_after_ten_attempts_it_is_set_aside_and_can_be_revived(small: SmallShop) -> None:
    poisoned, event_id = await _poisoned(small)
    outcomes = await _until_quiet(small, poisoned)
    assert outcomes == [Outcome.RETRY] * (ATTEMPTS_MAX - 1) + [Outcome.SET_ASIDE]
    assert await backlog(small, DeliveryState.SET_ASIDE) == 1
    assert (await _delivery(small, event_id)).state == "set_aside"
    small.clock.forward(timedelta(days=1))
    assert await deliver_once(small.shop) == []
    assert await small.storage.outbox.revive(event_id, small.clock.now()) == 1
    assert await deliver_once(poisoned, jitter=middle) == [Outcome.RETRY], "it has all its tries again"
    small.clock.forward(timedelta(minutes=1))
    assert await deliver_once(small.shop) == [Outcome.DONE]


async def test_f66_a_poison_event_does_not_block_the_queue(small: SmallShop) -> None:
    """F-66: events of other things pass at once; later events of the same thing pass once it is set aside."""
    poisoned, event_id = await _poisoned(small)
    await small.product("mug")
    assert sorted(await deliver_once(poisoned, jitter=middle)) == [Outcome.DONE, Outcome.RETRY]
    await _change_first_product(small)
    assert await deliver_once(poisoned, jitter=middle) == []  # order is kept while there is hope
    outcomes = await _until_quiet(small, poisoned)
    assert outcomes[-2:] == [Outcome.SET_ASIDE, Outcome.DONE]
    assert await backlog(small, DeliveryState.PENDING) == 0
    assert (await _delivery(small, event_id)).state == "set_aside"


async def test_f65_a_crash_between_effect_and_mark_has_one_effect(
    small: SmallShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """F-65: the worker pays an order and dies before it notes so; the next one finds the money taken."""
    order_id = await small.place(await small.cart((await small.product(), 2)))
    await deliver_once(small.shop, jitter=middle)  # too early for the payment: its own request may still be at it
    small.clock.forward(timedelta(seconds=11))

    async def killed(delivery: Delivery, now: object) -> bool:
        raise Unavailable("the power went off")

    with monkeypatch.context() as patch:
        patch.setattr(small.storage.outbox, "done", killed)
        with pytest.raises(Unavailable):
            await deliver_once(small.shop, jitter=middle)
    captured = [intent.captured for intent in small.books.intents.values()]
    assert captured == [2 * 1999 + 490]
    leased = {delivery.subscriber for delivery in await claim(small.shop)}
    assert "payments.resume" not in leased
    small.clock.forward(LEASE)
    outcomes = await drain(small)
    assert outcomes
    assert set(outcomes) == {Outcome.DONE}
    async with small.storage.uow(small.context()) as tx:
        order, entries = await tx.orders.get(order_id), await tx.ledger.of_order(order_id)
    assert order.status is OrderStatus.CONFIRMED
    assert len(entries) == 1
    assert [intent.captured for intent in small.books.intents.values()] == captured


async def test_a_lost_lease_notes_nothing(small: SmallShop) -> None:
    await small.product()
    [slow] = await claim(small.shop)
    small.clock.forward(LEASE)
    assert await deliver_once(small.shop) == [Outcome.DONE]
    assert not await small.storage.outbox.retry(slow, small.clock.now(), "too late")


async def test_an_unknown_subscriber_is_set_aside_at_once(small: SmallShop) -> None:
    await small.product()
    small.shop._reactions = {}
    assert await deliver_once(small.shop) == [Outcome.SET_ASIDE]
    page = await small.storage.outbox.events(PageRequest(), only_set_aside=True)
    assert "cache.forget_answers" in page.data[0].deliveries[0].problem


async def test_no_more_than_asked_for_are_claimed(small: SmallShop) -> None:
    for number in range(5):
        await small.product(f"product-{number}")
    assert len(await deliver_once(small.shop, 3)) == 3
    assert len(await deliver_once(small.shop, 3)) == 2


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (Unavailable("gone"), "unavailable: gone"),
        (TimeoutError(), "It took longer than 90 s."),
        (ValueError("x" * 1000), "ValueError: " + "x" * 488),
    ],
)
def test_errors_are_told_in_a_line(error: Exception, text: str) -> None:
    assert described(error) == text


async def _poisoned(small: SmallShop) -> tuple[PoisonedShop, EventId]:
    """A product whose creation cannot be digested."""
    await small.product()
    event = (await small.storage.outbox.events(PageRequest())).data[0]
    shop = PoisonedShop(small.shop.ports, jitter=middle)
    shop.poison = frozenset({event.id})
    return shop, event.id


async def _until_quiet(small: SmallShop, shop: Shop) -> list[Outcome]:
    outcomes: list[Outcome] = []
    for _ in range(40):
        outcomes += await deliver_once(shop, jitter=middle)
        small.clock.forward(timedelta(minutes=10))
    return outcomes


async def _delivery(small: SmallShop, event_id: EventId) -> DeliveryView:
    page = await small.storage.outbox.events(PageRequest(limit=100))
    return next(event for event in page.data if event.id == event_id).deliveries[0]


async def _change_first_product(small: SmallShop) -> None:
    async with small.storage.uow(small.context()) as tx:
        product = await tx.products.find_by_slug("linen-shirt")
        assert product is not None
        product.change(small.clock.now(), title="Linen Shirt, Washed")
        tx.products.save(product)
