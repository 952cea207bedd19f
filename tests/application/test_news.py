"""What providers tell us: late, twice, in any order, from several sides at once."""

import asyncio
import itertools
import json
from datetime import timedelta

import pytest
from attrs import evolve

from shop.adapters.fake.faults import Fault, ScriptedFaults
from shop.application.commands.orders import ExpireOrder
from shop.application.commands.payments import ApplyProviderNews, ConfirmPayment
from shop.application.ports.payments import (
    IntentRequest,
    PaymentProviderUnavailable,
)
from shop.application.queries.payments import GetPayment, GetUnfinishedPayments
from shop.domain.kernel.identifiers import OrderId
from shop.domain.ledger import EntryKind
from shop.domain.orders import OrderCreated, OrderStatus, PaymentStatus
from shop.domain.payments import AttemptStatus
from tests.application.providers import (
    PAID,
    at_rest,
    faulty,
    states,
)
from tests.shops import SmallShop, eur, open_small_shop
from tests.turnstiles import Jostle, behind


class TestNews:
    async def test_f21_the_same_message_many_times_is_one_entry_and_one_effect(self, small: SmallShop) -> None:
        crowd = behind(small, Jostle(3))
        order_id = await small.buy((await small.product(), 1), method="fake_card_3ds")
        small.provider.shopper_confirms((await small.payment(order_id)).attempt.provider_ref)
        messages = [small.message(news.body) for news in small.provider.take_news()]
        for message in messages:
            await asyncio.gather(*(crowd.shop.execute(message) for _ in range(20)))
        payment = await small.payment(order_id)
        view = await small.shop.ask(GetPayment(payment_id=payment.id))
        assert len(view.provider_messages or []) == len(messages)
        await asyncio.gather(*(crowd.deliver() for _ in range(5)))
        assert await states(small, order_id) == PAID
        assert [entry.kind for entry in await small.entries(order_id)] == [EntryKind.CAPTURE]
        await at_rest(small)

    @pytest.mark.parametrize("seed", range(6))
    async def test_f20_browser_message_and_sweeper_at_once_capture_once_and_refund_nothing(
        self, small: SmallShop, seed: int
    ) -> None:
        crowd = behind(small, Jostle(seed))
        order_id = await small.buy((await small.product(), 1), method="fake_card_3ds")
        order = await small.order(order_id)
        small.provider.shopper_confirms((await small.payment(order_id)).attempt.provider_ref)
        await small.post_news()
        small.clock.forward(timedelta(minutes=16))
        results = await asyncio.gather(
            crowd.shop.execute(ConfirmPayment(session_id=order.payment_session_id)),
            crowd.pay(order_id),
            crowd.deliver(),
            crowd.deliver(),
            crowd.sweep(),
            crowd.shop.execute(ExpireOrder(order_id=order_id)),
            crowd.pay(order_id, refresh=True),
            return_exceptions=True,
        )
        assert [r for r in results if isinstance(r, Exception)] == []
        assert await states(small, order_id) == PAID
        [intent] = small.books.intents.values()
        assert (intent.captured, intent.refunded) == (2489, 0)
        assert len(await small.entries(order_id)) == 1
        await at_rest(small)

    async def test_f32_a_message_ahead_of_our_record_is_kept_and_followed_later(self, small: SmallShop) -> None:
        order_id = await small.place(await small.cart((await small.product(), 1)))
        payment = await small.payment(order_id)
        # The provider has made the intent; the answer is still on its way to us when the message comes.
        await small.provider.create_intent(
            IntentRequest(
                attempt_id=payment.attempt.id,
                order_id=order_id,
                amount=payment.amount,
                method="fake_card",
                email="ada@example.com",
            )
        )
        assert await small.post_news() == 1
        await small.deliver()
        assert (await small.payment(order_id)).status is AttemptStatus.NEW
        assert await small.open_deliveries() >= 2
        await at_rest(small)
        assert await states(small, order_id) == PAID

    async def test_f32_a_message_about_nothing_of_ours_is_put_aside_after_an_hour(self, small: SmallShop) -> None:
        order_id = await small.buy((await small.product(), 1))
        [intent] = small.books.intents.values()
        small.books.keep(evolve(intent, ref="pi_fake_foreign"), event="payment_intent.succeeded", at=1)
        foreign = small.books.intents["pi_fake_foreign"]
        await small.post_news()
        await small.settle_down(70)
        assert await small.open_deliveries() == 0
        assert await states(small, order_id) == PAID
        assert len(await small.entries(order_id)) == 1
        assert foreign.ref == "pi_fake_foreign"

    async def test_f43_what_a_message_says_of_an_order_counts_for_nothing(self, small: SmallShop) -> None:
        """A message about the cheap order's intent moves that one only, though it names the dear one."""
        dear = await small.buy((await small.product(price=90_000), 1), method="fake_card_3ds")
        cheap = await small.buy((await small.product("pin", price=50), 1))
        small.provider.take_news()
        ref = (await small.payment(cheap)).attempt.provider_ref
        lies = {"id": ref, "status": "captured", "amount": 90_490, "metadata": {"order_id": str(dear)}}
        message = {"id": "evt_lies", "type": "payment_intent.succeeded", "data": {"object": lies}}
        await small.shop.execute(small.message(json.dumps(message).encode()))
        await small.settle_down(3)
        assert (await small.order(cheap)).payment_status is PaymentStatus.PAID
        assert (await small.order(dear)).total == eur(90_490)
        assert (await small.order(dear)).status is OrderStatus.PENDING
        assert (await small.payment(dear)).captured == eur(0)
        assert (await small.payment(cheap)).captured == eur(540)

    async def test_f34_f35_messages_are_kept_before_anything_is_made_of_them(self, small: SmallShop) -> None:
        """The provider is told yes once the message is kept; trouble with what it says comes later, and stays ours."""
        small = await open_small_shop(faulty(ScriptedFaults({"fetch": [Fault.ERROR] * 3})))
        order_id = await small.buy((await small.product(), 1), method="fake_card_3ds")
        small.provider.shopper_confirms((await small.payment(order_id)).attempt.provider_ref)
        assert await small.post_news() == 2
        await small.deliver()
        assert (await small.order(order_id)).status is OrderStatus.PENDING
        await at_rest(small)
        assert await states(small, order_id) == PAID

    async def test_f38_f39_old_news_move_nothing_back(self, small: SmallShop) -> None:
        order_id = await small.buy((await small.product(), 1))
        for status in AttemptStatus:
            [intent] = small.books.intents.values()
            small.books.alter(evolve(intent, status=status, captured=0))
            if status is AttemptStatus.NEW:
                continue
            await small.pay(order_id, refresh=True)
            assert await states(small, order_id) == PAID
        assert len(await small.entries(order_id)) == 1

    @pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
    async def test_f22_messages_in_any_order_and_twice_lead_to_the_same_end(
        self, small: SmallShop, order: tuple[int, ...]
    ) -> None:
        order_id = await small.buy((await small.product(), 1), method="fake_card_3ds")
        small.provider.shopper_confirms((await small.payment(order_id)).attempt.provider_ref)
        await small.pay(order_id, refresh=True)
        bodies = [news.body for news in small.provider.take_news()]
        assert len(bodies) == 3
        for index in (*order, *order):
            await small.shop.execute(small.message(bodies[index]))
            await small.deliver()
        assert await states(small, order_id) == PAID
        await at_rest(small)

    async def test_f41_a_crash_between_commit_and_publishing_loses_nothing(self, small: SmallShop) -> None:
        """The order is committed and its process dies: the worker finds the event, and pays."""
        order_id = await small.place(await small.cart((await small.product(), 1)))
        await small.deliver()
        assert (await small.payment(order_id)).status is AttemptStatus.NEW  # the request has ten seconds' head start
        small.clock.forward(timedelta(minutes=2))
        await small.deliver()
        assert await states(small, order_id) == PAID
        await at_rest(small)

    async def test_f41_a_crash_between_authorisation_and_capture_is_taken_up(self) -> None:
        small = await open_small_shop(faulty(ScriptedFaults({"capture": [Fault.TIMEOUT_BEFORE]})))
        with pytest.raises(PaymentProviderUnavailable):
            await small.buy((await small.product(), 1))
        small.clock.forward(timedelta(seconds=30))
        await small.deliver()
        [intent] = small.books.intents.values()
        assert intent.captured == 2489
        await at_rest(small)

    async def test_f61_an_event_is_never_ahead_of_what_it_tells(self, small: SmallShop) -> None:
        crowd = behind(small, Jostle(1))
        shirt = await small.product(stock=2)
        commands = [await small.order_command(await small.cart((shirt, 1))) for _ in range(4)]
        seen: set[OrderId] = set()

        async def look_out() -> None:
            for _ in range(200):
                now = small.clock.now()
                for delivery in await small.storage.outbox.claim(now, now, 100):
                    if isinstance(delivery.event, OrderCreated):
                        await small.order(delivery.event.order_id)  # raises when it is not there
                        seen.add(delivery.event.order_id)
                await asyncio.sleep(0)

        await asyncio.gather(look_out(), *(crowd.shop.execute(command) for command in commands), return_exceptions=True)
        assert len(seen) == 2

    async def test_f65_an_event_delivered_twice_is_done_once(self, small: SmallShop) -> None:
        order_id = await small.place(await small.cart((await small.product(), 1)))
        small.clock.forward(timedelta(minutes=1))
        now = small.clock.now()
        first = await small.storage.outbox.claim(now, now + timedelta(seconds=1), 100)
        for delivery in first:
            await small.shop.react(delivery)
        small.clock.forward(timedelta(minutes=1))
        now = small.clock.now()
        again = await small.storage.outbox.claim(now, now + timedelta(seconds=30), 100)
        assert {d.event_id for d in first} <= {d.event_id for d in again}
        for delivery in again:
            await small.shop.react(delivery)
            await small.storage.outbox.done(delivery, now)
        assert not await small.storage.outbox.done(first[0], now)
        assert await states(small, order_id) == PAID
        assert len(await small.entries(order_id)) == 1
        await at_rest(small)


async def test_a_message_is_looked_at_once(small: SmallShop) -> None:
    await small.buy((await small.product(), 1))
    await small.post_news()
    for delivery in await small.deliver():
        event = delivery.event
        if hasattr(event, "inbox_id"):
            await small.shop.execute(ApplyProviderNews(inbox_id=event.inbox_id))
    assert await small.shop.ask(GetUnfinishedPayments(idle=timedelta(0))) == []
