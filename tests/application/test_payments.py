"""Choosing how to pay, confirming, and what the provider tells us; and what buyers and staff see of it."""

from datetime import timedelta
from uuid import UUID

import pytest
from attrs import evolve

from shop.adapters.fake.news import sign
from shop.application.commands.carts import DescribeCart
from shop.application.commands.payments import (
    UNMATCHED_AFTER,
    ApplyProviderNews,
    ConfirmPayment,
    CreatePaymentSession,
    NothingToConfirm,
    ProviderUnknown,
    ReceiveProviderNews,
)
from shop.application.messages import GUEST
from shop.application.ports.payments import SignatureRejected
from shop.application.ports.readers import PaymentFilter
from shop.application.queries.payments import GetPayment, GetPaymentMethods, GetPayments, GetPaymentSession
from shop.domain.carts import CartNotFound
from shop.domain.kernel.errors import NotFound
from shop.domain.kernel.identifiers import CartId, InboxId, PaymentId, PaymentSessionId
from shop.domain.orders import OrderStatus
from shop.domain.payments import (
    AttemptStatus,
    InboxState,
    PaymentMethodUnknown,
    PaymentNotFound,
    PaymentSessionNotFound,
    ProviderNewsReceived,
)
from shop.entrypoints.worker.deliveries import ATTEMPTS_MAX, pause_after
from tests.shops import BERLIN, STAFF, WEBHOOK_SECRET, SmallShop, eur


class TestSessions:
    async def test_the_ways_to_pay(self, small: SmallShop) -> None:
        methods = await small.shop.ask(GetPaymentMethods(), actor=GUEST)
        assert [(method.id, method.provider, method.confirms_in) for method in methods][:1] == [
            ("fake_card", "fake", "server")
        ]

    async def test_a_session_is_open_until_its_cart_is_ordered_and_the_provider_hears_nothing(
        self, small: SmallShop
    ) -> None:
        cart_id = await small.cart((await small.product(), 1))
        guest = small.guest(cart_id)
        session_id = await small.shop.execute(
            CreatePaymentSession(cart_id=cart_id, method="fake_card_3ds"), actor=guest
        )
        view = await small.shop.ask(GetPaymentSession(session_id=session_id), actor=guest)
        assert (view.status, view.order_id, view.method, view.client_secret) == ("open", None, "fake_card_3ds", None)
        assert small.books.intents == {}

    async def test_after_the_order_it_tells_what_the_shopper_must_do(self, small: SmallShop) -> None:
        order_id = await small.buy((await small.product(), 1), method="fake_card_3ds")
        order = await small.order(order_id)
        guest = small.guest(order.cart_id)
        view = await small.shop.ask(GetPaymentSession(session_id=order.payment_session_id), actor=guest)
        assert (view.status, view.order_id) == ("requires_action", order_id)
        assert view.next_action is not None
        assert view.client_secret
        assert view.failure_code is None

    async def test_only_ways_that_there_are(self, small: SmallShop) -> None:
        with pytest.raises(PaymentMethodUnknown, match="fake_card_3ds"):
            await small.session(await small.cart(ready=False), "barter")

    async def test_other_peoples_carts_and_sessions_are_not_there(self, small: SmallShop) -> None:
        cart_id = await small.cart(ready=False)
        session_id = await small.session(cart_id)
        stranger = small.guest(await small.cart(ready=False))
        with pytest.raises(CartNotFound):
            await small.shop.execute(CreatePaymentSession(cart_id=cart_id, method="fake_card"), actor=stranger)
        with pytest.raises(CartNotFound):
            await small.shop.execute(CreatePaymentSession(cart_id=CartId(UUID(int=1)), method="fake_card"))
        for query in (GetPaymentSession(session_id=session_id),):
            with pytest.raises(PaymentSessionNotFound):
                await small.shop.ask(query, actor=stranger)
        with pytest.raises(PaymentSessionNotFound):
            await small.shop.execute(ConfirmPayment(session_id=session_id), actor=stranger)
        with pytest.raises(PaymentSessionNotFound):
            await small.shop.ask(GetPaymentSession(session_id=PaymentSessionId(UUID(int=1))))


class TestConfirming:
    async def test_after_a_decline_another_session_pays_for_the_order_and_tells_of_its_payment(
        self, small: SmallShop
    ) -> None:
        order_id = await small.buy((await small.product(), 1), method="fake_card_declined")
        cart_id = (await small.order(order_id)).cart_id
        guest = small.guest(cart_id)
        session_id = await small.session(cart_id, "fake_card")
        view = await small.shop.ask(GetPaymentSession(session_id=session_id), actor=guest)
        assert (view.status, view.failure_code, view.order_id) == ("failed", "card_declined", order_id)
        await small.shop.execute(ConfirmPayment(session_id=session_id), actor=guest)
        view = await small.shop.ask(GetPaymentSession(session_id=session_id), actor=guest)
        assert (view.status, view.failure_code, view.order_id) == ("captured", None, order_id)
        assert (await small.payment(order_id)).attempt.method == "fake_card"

    async def test_there_is_nothing_to_confirm_before_the_order(self, small: SmallShop) -> None:
        cart_id = await small.cart((await small.product(), 1))
        with pytest.raises(NothingToConfirm):
            await small.shop.execute(ConfirmPayment(session_id=await small.session(cart_id)))

    async def test_what_cost_nothing_is_confirmed_already(self, small: SmallShop) -> None:
        sample = await small.product("sample", price=0, requires_shipping=False)
        cart_id = await small.cart((sample, 1), ready=False)
        await small.shop.execute(DescribeCart(cart_id=cart_id, email="a@b.example", billing_address=BERLIN))
        order_id = await small.place(cart_id)
        session_id = (await small.order(order_id)).payment_session_id
        assert await small.shop.execute(ConfirmPayment(session_id=session_id)) == order_id
        assert small.books.intents == {}

    async def test_confirming_a_payment_that_nobody_began_begins_it(self, small: SmallShop) -> None:
        order_id = await small.place(await small.cart((await small.product(), 1)), "fake_card_3ds")
        session_id = (await small.order(order_id)).payment_session_id
        await small.shop.execute(ConfirmPayment(session_id=session_id))
        assert (await small.payment(order_id)).captured == eur(2489)

    async def test_another_declined_card_is_another_decline(self, small: SmallShop) -> None:
        order_id = await small.buy((await small.product(), 1), method="fake_card_3ds")
        cart_id = (await small.order(order_id)).cart_id
        declined = await small.session(cart_id, "fake_card_declined")
        for _ in range(2):
            await small.shop.execute(ConfirmPayment(session_id=declined))
        assert (await small.payment(order_id)).attempt.method == "fake_card_declined"
        assert (await small.payment(order_id)).status is AttemptStatus.FAILED
        assert (await small.order(order_id)).status is OrderStatus.PENDING


class TestNews:
    async def test_s63_what_is_not_signed_just_now_by_the_provider_is_not_kept(self, small: SmallShop) -> None:
        await small.buy((await small.product(), 1))
        body = small.provider.take_news()[0].body
        now = small.clock.now()
        forged = [
            {},
            {"fake-signature": ""},
            {"fake-signature": sign(body, "another secret", now)},
            {"fake-signature": sign(body + b" ", WEBHOOK_SECRET, now)},
            {"fake-signature": sign(body, WEBHOOK_SECRET, now - timedelta(minutes=6))},
            {"fake-signature": sign(body, WEBHOOK_SECRET, now + timedelta(minutes=6))},
        ]
        for headers in forged:
            with pytest.raises(SignatureRejected):
                await small.shop.execute(ReceiveProviderNews(provider="fake", body=body, headers=headers), actor=GUEST)
        with pytest.raises(ProviderUnknown):
            await small.shop.execute(ReceiveProviderNews(provider="other", body=body, headers={}), actor=GUEST)
        before = await small.open_deliveries()
        await small.shop.execute(small.message(body), actor=GUEST)
        assert await small.open_deliveries() == before + 1

    async def test_s64_a_message_that_comes_again_is_taken_and_changes_nothing(self, small: SmallShop) -> None:
        await small.buy((await small.product(), 1))
        message = small.message(small.provider.take_news()[0].body)
        await small.shop.execute(message)
        before = await small.open_deliveries()
        for _ in range(3):
            await small.shop.execute(message)
        assert await small.open_deliveries() == before

    async def test_a_message_about_no_intent_is_ignored_and_kept(self, small: SmallShop) -> None:
        news = small.provider.read_news

        def without_an_object(body: bytes, headers: dict[str, str]) -> object:
            return evolve(news(body, headers), object_ref="")

        small.provider.read_news = without_an_object  # type: ignore[method-assign,assignment]
        await small.buy((await small.product(), 1))
        await small.post_news()
        [first, *_] = [d for d in await small.deliver() if isinstance(d.event, ProviderNewsReceived)]
        assert isinstance(first.event, ProviderNewsReceived)
        async with small.storage.uow(small.context()) as tx:
            assert (await tx.inbox.get(first.event.inbox_id)).state is InboxState.IGNORED

    async def test_a_message_settled_meanwhile_is_left_alone(self, small: SmallShop) -> None:
        """Two workers look at it; the slower one finds it settled when it is about to settle it."""
        order_id = await small.buy((await small.product(), 1))
        await small.post_news()
        now = small.clock.now()
        deliveries = await small.storage.outbox.claim(now, now, 100)
        [news, *_] = [d.event for d in deliveries if isinstance(d.event, ProviderNewsReceived)]
        apply = ApplyProviderNews(inbox_id=news.inbox_id)
        fetch = small.provider.fetch

        async def while_another_worker_is_done(provider_ref: str) -> object:
            small.provider.fetch = fetch  # type: ignore[method-assign]
            await small.shop.execute(apply)
            return await fetch(provider_ref)

        small.provider.fetch = while_another_worker_is_done  # type: ignore[method-assign,assignment]
        await small.shop.execute(apply)
        async with small.storage.uow(small.context()) as tx:
            item = await tx.inbox.get(news.inbox_id)
        assert (item.state, item.version) == (InboxState.APPLIED, 2)
        assert len(await small.entries(order_id)) == 1

    async def test_f32_a_message_about_nothing_of_ours_is_parked_before_its_delivery_is_given_up(
        self, small: SmallShop
    ) -> None:
        shortest = sum((pause_after(attempt, 0.0) for attempt in range(1, ATTEMPTS_MAX)), timedelta())
        assert shortest > UNMATCHED_AFTER + timedelta(minutes=1)
        order_id = await small.buy((await small.product(), 1))
        [intent] = small.books.intents.values()
        small.provider.take_news()
        small.books.keep(evolve(intent, ref="pi_fake_foreign"), event="payment_intent.succeeded", at=1)
        await small.post_news()
        await small.settle_down(15)
        async with small.storage.uow(small.context()) as tx:
            item = await tx.inbox.find("fake", f"evt_pi_fake_foreign_{intent.events}")
        assert item is not None
        assert item.state is InboxState.PARKED
        assert len(await small.entries(order_id)) == 1

    async def test_a_message_that_was_never_kept(self, small: SmallShop) -> None:
        with pytest.raises(NotFound):
            await small.shop.execute(ApplyProviderNews(inbox_id=InboxId(UUID(int=1))))

    async def test_staff_see_what_the_provider_said(self, small: SmallShop) -> None:
        order_id = await small.buy((await small.product(), 1))
        await small.post_news()
        payment = await small.payment(order_id)
        view = await small.shop.ask(GetPayment(payment_id=payment.id), actor=STAFF)
        assert view.captured == eur(2489)
        assert [message.state for message in view.provider_messages or []] == ["new", "new"]
        which = PaymentFilter(order_id=order_id, statuses=frozenset({AttemptStatus.CAPTURED}))
        page = await small.shop.ask(GetPayments(which=which), actor=STAFF)
        assert [found.id for found in page.data] == [payment.id]
        with pytest.raises(PaymentNotFound):
            await small.shop.ask(GetPayment(payment_id=PaymentId(UUID(int=1))), actor=STAFF)
