"""The front door: permission, idempotency, another try after a collision, and the log line."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast
from uuid import UUID

import pytest
from attrs import evolve

from shop.application.access import ScopeMissing
from shop.application.commands.carts import AddToCart, ExpireCart, OpenCart
from shop.application.commands.inventory import AdjustStock
from shop.application.commands.payments import ProcessPayment
from shop.application.messages import (
    GUEST,
    SYSTEM,
    Actor,
    Context,
    Idempotency,
    IdempotencyInProgress,
    IdempotencyKeyReused,
)
from shop.application.ports.answers import Answer
from shop.application.ports.identity import AuthenticationRequired
from shop.application.ports.outbox import Delivery
from shop.application.ports.storage import Storage
from shop.application.ports.unit_of_work import AnsweredAlready, StaleAggregate
from shop.application.queries.carts import GetCart
from shop.application.queries.orders import GetAllOrders, GetOverdueOrders
from shop.application.queries.store import GetStore
from shop.application.shop import PAUSE_MAX_SECONDS, TRIES_MAX, Shop, SubscriberUnknown
from shop.domain.kernel.errors import Invalid
from shop.domain.kernel.identifiers import ApiKeyId, CartId, EventId, OrderId, RequestId, VariantId
from tests.shops import STAFF, SmallShop
from tests.turnstiles import Jostle, behind

CLERK = Actor(kind="api_key", id=ApiKeyId(UUID(int=5)), scopes=frozenset({"products:read"}))


def key(value: str = "k1", fingerprint: bytes = b"f", route: str = "POST /carts") -> Idempotency:
    return Idempotency(route=route, key=value, fingerprint=fingerprint)


class _Colliding:
    """A storage in which the first `times` transactions come to nothing, because somebody else was faster."""

    def __init__(self, storage: Storage, times: int, error: type[StaleAggregate] = StaleAggregate) -> None:
        self._storage, self.times, self._error, self.begun = storage, times, error, 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._storage, name)

    @asynccontextmanager
    async def uow(self, context: Context) -> AsyncIterator[Any]:
        self.begun += 1
        async with self._storage.uow(context) as tx:
            yield tx
            if self.begun <= self.times:
                raise self._error


def colliding(small: SmallShop, times: int, error: type[StaleAggregate] = StaleAggregate) -> tuple[Shop, _Colliding]:
    storage = _Colliding(small.storage, times, error)
    return small.with_ports(storage=cast(Storage, storage)).shop, storage


class TestPermission:
    async def test_a_guest_is_asked_who_they_are(self, small: SmallShop) -> None:
        adjust = AdjustStock(variant_id=small.ids.new(VariantId), delta=1, reason="found")
        with pytest.raises(AuthenticationRequired):
            await small.shop.execute(adjust, actor=GUEST)
        with pytest.raises(AuthenticationRequired):
            await small.shop.ask(GetAllOrders(), actor=GUEST)

    async def test_somebody_known_is_told_which_scope_is_missing(self, small: SmallShop) -> None:
        with pytest.raises(ScopeMissing) as caught:
            await small.shop.ask(GetAllOrders(), actor=CLERK)
        assert caught.value.required_scope == "orders:read"
        assert "orders:read" in caught.value.hint

    async def test_what_everybody_may_know_needs_nobody(self, small: SmallShop) -> None:
        assert (await small.shop.ask(GetStore(), actor=GUEST)).name == "Small"

    @pytest.mark.parametrize(("actor", "error"), [(GUEST, AuthenticationRequired), (STAFF, ScopeMissing)])
    async def test_what_the_shop_does_itself_nobody_else_may_whatever_their_scopes(
        self, small: SmallShop, actor: Actor, error: type[Exception]
    ) -> None:
        with pytest.raises(error):
            await small.shop.execute(ProcessPayment(order_id=small.ids.new(OrderId)), actor=actor)
        with pytest.raises(error):
            await small.shop.execute(ExpireCart(cart_id=small.ids.new(CartId)), actor=actor)
        with pytest.raises(error):
            await small.shop.ask(GetOverdueOrders(), actor=actor)

    async def test_a_forbidden_command_leaves_no_trace(self, small: SmallShop) -> None:
        variant_id = await small.product(stock=3)
        with pytest.raises(ScopeMissing):
            await small.shop.execute(AdjustStock(variant_id=variant_id, delta=9, reason="theft"), actor=CLERK)
        assert (await small.level(variant_id)).on_hand == 3


class TestCollisions:
    async def test_a_collision_is_tried_again(self, small: SmallShop) -> None:
        shop, storage = colliding(small, 3)
        assert isinstance(await shop.execute(OpenCart(), actor=GUEST), CartId)
        assert storage.begun == 4

    async def test_tries_are_bounded_and_their_pauses_grow_jitter_and_end(
        self, small: SmallShop, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        pauses: list[float] = []

        async def sleep(seconds: float) -> None:
            pauses.append(seconds)

        _, storage = colliding(small, 99)
        ports = evolve(small.shop.ports, storage=cast(Storage, storage))
        drawn = iter([0.0, 1.0] * TRIES_MAX)
        shop = Shop(ports, jitter=lambda: next(drawn))
        monkeypatch.setattr(asyncio, "sleep", sleep)
        with pytest.raises(StaleAggregate):
            await shop.execute(OpenCart())
        assert storage.begun == TRIES_MAX
        assert len(pauses) == TRIES_MAX - 1
        assert pauses[0] == 0.002  # half of 4 ms
        assert pauses[1] == 0.012  # one and a half of 8 ms
        assert max(pauses) <= PAUSE_MAX_SECONDS * 1.5

    async def test_reactions_are_tried_again_too(self, small: SmallShop) -> None:
        order_id = await small.place(await small.cart((await small.product(), 1)))
        small.clock.at = small.clock.at.replace(minute=12)
        deliveries = await small.storage.outbox.claim(small.clock.now(), small.clock.now(), 10)
        resume = next(d for d in deliveries if d.subscriber == "payments.resume")
        shop, storage = colliding(small, 1)
        await shop.react(resume)
        assert (await small.payment(order_id)).captured.minor == 2489
        assert storage.begun > 2

    async def test_a_subscriber_that_is_gone_is_said_to_be_unknown(self, small: SmallShop) -> None:
        await small.product()
        delivery = (await small.storage.outbox.claim(small.clock.now(), small.clock.now(), 1))[0]
        with pytest.raises(SubscriberUnknown):
            await small.shop.react(evolve(delivery, subscriber="gone.long_ago"))


class TestIdempotency:
    async def test_the_same_key_again_replays_the_answer(self, small: SmallShop) -> None:
        first, again = key(), key()
        cart_id = await small.shop.execute(OpenCart(), context=small.context(STAFF, first))
        assert await small.shop.execute(OpenCart(), context=small.context(STAFF, again)) == cart_id
        assert (first.replayed, again.replayed) == (False, True)

    async def test_f26_the_same_key_with_another_request_is_refused(self, small: SmallShop) -> None:
        await small.shop.execute(OpenCart(), context=small.context(STAFF, key()))
        with pytest.raises(IdempotencyKeyReused):
            await small.shop.execute(OpenCart(), context=small.context(STAFF, key(fingerprint=b"other")))

    async def test_f30_keys_of_others_and_of_other_routes_are_other_keys(self, small: SmallShop) -> None:
        carts = {
            await small.shop.execute(OpenCart(), context=small.context(actor, key(route=route)))
            for actor in (STAFF, CLERK, SYSTEM)
            for route in ("POST /carts", "POST /other")
        }
        assert len(carts) == 6

    @pytest.mark.parametrize("seed", range(5))
    async def test_f27_of_many_at_once_one_is_carried_out_and_all_get_its_answer(
        self, small: SmallShop, seed: int
    ) -> None:
        crowd = behind(small, Jostle(seed))
        variant_id = await small.product(stock=5)
        adjust = AdjustStock(variant_id=variant_id, delta=2, reason="delivery")
        keys = [key() for _ in range(10)]
        answers = await asyncio.gather(*(crowd.shop.execute(adjust, context=small.context(STAFF, k)) for k in keys))
        assert len(set(answers)) == 1
        assert (await small.level(variant_id)).on_hand == 7
        assert sorted(k.replayed for k in keys) == [False] + [True] * 9

    async def test_f27_a_key_that_is_answered_and_not_to_be_found_is_under_way(self, small: SmallShop) -> None:
        shop, storage = colliding(small, 99, AnsweredAlready)
        with pytest.raises(IdempotencyInProgress):
            await shop.execute(OpenCart(), context=small.context(STAFF, key()))
        assert storage.begun == 2

    async def test_f28_a_request_that_died_leaves_its_key_free(self, small: SmallShop) -> None:
        shop, _ = colliding(small, 99)
        with pytest.raises(StaleAggregate):
            await shop.execute(OpenCart(), context=small.context(STAFF, key()))
        again = key()
        await small.shop.execute(OpenCart(), context=small.context(STAFF, again))
        assert not again.replayed

    async def test_a_guest_without_a_token_is_not_remembered(self, small: SmallShop) -> None:
        first = await small.shop.execute(OpenCart(), context=small.context(GUEST, key()))
        assert await small.shop.execute(OpenCart(), context=small.context(GUEST, key())) != first

    async def test_a_refused_request_may_be_mended_under_the_same_key(self, small: SmallShop) -> None:
        variant_id = await small.product(stock=5)
        cart_id = await small.cart(ready=False)
        too_many = AddToCart(cart_id=cart_id, variant_id=variant_id, quantity=6)
        guest = small.guest(cart_id)
        with pytest.raises(Invalid):
            await small.shop.execute(too_many, context=small.context(guest, key()))
        mended = key(fingerprint=b"five")
        await small.shop.execute(evolve(too_many, quantity=5), context=small.context(guest, mended))
        assert not mended.replayed

    async def test_what_is_one_write_is_looked_up_when_its_key_collides(
        self, small: SmallShop, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        looks: list[str] = []
        find = small.storage.answers.find

        async def noted(principal: str, route: str, looked_for: str) -> Answer | None:
            looks.append(looked_for)
            return await find(principal, route, looked_for)

        monkeypatch.setattr(small.storage.answers, "find", noted)
        variant_id = await small.product(stock=5)
        cart_id = await small.cart(ready=False)
        add = AddToCart(cart_id=cart_id, variant_id=variant_id, quantity=2)

        async def once(asked: AddToCart, fingerprint: bytes = b"f") -> tuple[object, bool]:
            under = key(fingerprint=fingerprint)
            return await small.shop.execute(asked, context=small.context(small.guest(cart_id), under)), under.replayed

        item_id, _ = await once(add)
        assert looks == []
        assert await once(add) == (item_id, True)
        assert looks == ["k1"]
        with pytest.raises(IdempotencyKeyReused):
            await once(evolve(add, quantity=1), b"other")
        assert [item.quantity for item in (await small.shop.ask(GetCart(cart_id=cart_id))).items] == [2]

    async def test_what_was_done_is_answered_though_it_could_not_be_done_any_more(self, small: SmallShop) -> None:
        variant_id = await small.product(stock=5)
        cart_id = await small.cart(ready=False)
        guest, add = small.guest(cart_id), AddToCart(cart_id=cart_id, variant_id=variant_id, quantity=4)
        item_id = await small.shop.execute(add, context=small.context(guest, key()))
        again = key()
        assert await small.shop.execute(add, context=small.context(guest, again)) == item_id
        assert again.replayed
        with pytest.raises(Invalid):  # four and four are more than there are
            await small.shop.execute(add, context=small.context(guest, key("k2")))
        with pytest.raises(IdempotencyKeyReused):
            await small.shop.execute(evolve(add, quantity=5), context=small.context(guest, key(fingerprint=b"five")))

    async def test_f29_what_was_pruned_is_done_again(self, small: SmallShop) -> None:
        first = await small.shop.execute(OpenCart(), context=small.context(STAFF, key()))
        small.clock.at = small.clock.at.replace(month=9)
        assert await small.storage.answers.forget(small.clock.now(), 100) == 1
        assert await small.storage.answers.find(str(STAFF.id), "POST /carts", "k1") is None
        assert await small.shop.execute(OpenCart(), context=small.context(STAFF, key())) != first

    async def test_an_answer_is_the_text_of_an_id(self, small: SmallShop) -> None:
        cart_id = await small.shop.execute(OpenCart(), context=small.context(STAFF, key()))
        kept = await small.storage.answers.find(str(STAFF.id), "POST /carts", "k1")
        assert kept == Answer(fingerprint=b"f", result=str(cart_id))


class TestLog:
    async def test_a_command_is_one_line_with_its_outcome(
        self, small: SmallShop, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.INFO, logger="shop")
        context = small.context(GUEST)
        await small.shop.execute(OpenCart(), context=context)
        with pytest.raises(AuthenticationRequired):
            await small.shop.execute(AdjustStock(variant_id=VariantId(UUID(int=1)), delta=1, reason="x"), actor=GUEST)
        with pytest.raises(Invalid):
            await small.shop.execute(OpenCart(currency="JPY"), actor=GUEST)
        assert [r.getMessage().split(" ")[:2] for r in caplog.records] == [
            ["OpenCart", "done"],
            ["AdjustStock", "authentication_required"],
            ["OpenCart", "currency_not_sold"],
        ]
        assert vars(caplog.records[0])["request_id"] == str(context.request_id)
        assert vars(caplog.records[0])["actor"] == "guest"

    async def test_what_nobody_expected_is_named_by_its_type(
        self, small: SmallShop, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async def cancelled() -> None:
            raise asyncio.CancelledError

        monkeypatch.setattr(small.storage.readers.store, "settings", cancelled)
        caplog.set_level(logging.INFO, logger="shop")
        with pytest.raises(asyncio.CancelledError):
            await small.shop.execute(OpenCart())
        assert "OpenCart CancelledError" in caplog.text

    async def test_nothing_is_written_when_nobody_reads_it(
        self, small: SmallShop, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.WARNING, logger="shop")
        await small.shop.execute(OpenCart())
        assert not caplog.records


async def test_a_context_has_the_time_and_a_request_id(small: SmallShop) -> None:
    request_id = small.ids.new(RequestId)
    context = small.shop.context(GUEST, request_id=request_id)
    assert (context.now, context.request_id, context.actor) == (small.clock.at, request_id, GUEST)
    assert small.shop.context().actor is SYSTEM
    assert small.shop.context().request_id != small.shop.context().request_id


async def test_a_reaction_knows_what_caused_it(small: SmallShop) -> None:
    await small.product()
    [delivery] = await small.storage.outbox.claim(small.clock.now(), small.clock.now(), 10)
    assert isinstance(delivery, Delivery)
    assert isinstance(delivery.event_id, EventId)
    await small.shop.react(delivery)
    assert small.cache.dropped == ["catalog"]
