"""Saved ways to pay: kept by the provider, used by their owners alone, and forgotten with the person."""

from datetime import timedelta

import pytest
from attrs import evolve

from shop.application.commands.carts import ClaimCart
from shop.application.commands.identity.privacy import EraseMe
from shop.application.commands.orders import ExpireOrder
from shop.application.commands.payments import CartNotOwn, ConfirmPayment, CreatePaymentSession
from shop.application.commands.saved_methods import BeginSavingMethod, RemoveSavedMethod, SavedMethodInUse
from shop.application.commands.subscriptions import ChangeSubscription, Subscribe
from shop.application.messages import Actor, Idempotency
from shop.application.ports.payments import PaymentProviderUnavailable
from shop.application.ports.saved_methods import NoSavedMethods, SavingNotOffered, SetupStatus
from shop.application.ports.views import SavedMethodView
from shop.application.queries.payments import GetPaymentSession
from shop.application.queries.saved_methods import GetSavedMethods
from shop.application.settlement import MethodNotSavable, Sale
from shop.application.settlement.steps import request_of
from shop.application.shop import Shop
from shop.domain.identity import AccountErased, User
from shop.domain.kernel.identifiers import CartId, WalletId
from shop.domain.orders import Order, OrderStatus, PaymentStatus
from shop.domain.payments import AttemptStatus, InboxState, PaymentMethodUnknown, SavedMethodNotFound
from shop.domain.subscriptions import SubscriptionStatus
from tests.application.providers import Refusing
from tests.application.test_subscriptions import carry_on, found, offer, subscribe
from tests.shops import BERLIN, SmallShop
from tests.shops import customer as person

ADA, BOB = person(1), person(2)


@pytest.fixture(autouse=True)
async def people(small: SmallShop) -> None:
    async with small.storage.uow(small.context()) as tx:
        for actor, name in ((ADA, "ada"), (BOB, "bob")):
            assert actor.user_id is not None
            tx.users.save(User.register(id=actor.user_id, email=f"{name}@example.com", at=small.clock.now()))


async def saved(small: SmallShop, actor: Actor = ADA) -> list[SavedMethodView]:
    return await small.shop.ask(GetSavedMethods(), actor=actor)


async def save(small: SmallShop, code: str = "fake_card", actor: Actor = ADA) -> str:
    """One more saved way to pay; its id."""
    await small.shop.execute(BeginSavingMethod(method=code), actor=actor)
    return (await saved(small, actor))[0].id


async def customer(small: SmallShop, actor: Actor = ADA) -> str:
    assert actor.user_id is not None
    async with small.storage.uow(small.context()) as tx:
        wallet = await tx.wallets.find(actor.user_id, "fake")
    return wallet.customer_ref if wallet is not None else ""


async def own_cart(small: SmallShop, actor: Actor = ADA) -> CartId:
    cart_id = await small.cart((await small.product(f"shirt-{small.ids.made}"), 1))
    claiming = evolve(actor, token=small.secrets.guest_token(cart_id))
    await small.shop.execute(ClaimCart(cart_id=cart_id), actor=claiming)
    return cart_id


async def paid(small: SmallShop, method: str, actor: Actor = ADA) -> PaymentStatus:
    """What becomes of an order of one's own that is paid with this."""
    cart_id = await own_cart(small, actor)
    session_id = await small.shop.execute(CreatePaymentSession(cart_id=cart_id, method=method), actor=actor)
    command = evolve(await small.order_command(cart_id), payment_session_id=session_id)
    order_id = await small.shop.execute(command)
    await small.pay(order_id)
    async with small.storage.uow(small.context()) as tx:
        return (await tx.orders.get(order_id)).payment_status


async def test_what_cannot_be_charged_again_is_not_saved(small: SmallShop) -> None:
    with pytest.raises(MethodNotSavable):
        await small.shop.execute(BeginSavingMethod(method="fake_debit"), actor=ADA)
    assert await saved(small) == []
    assert await customer(small) == ""


class TestSaving:
    async def test_a_way_to_pay_is_saved_and_removed(self, small: SmallShop) -> None:
        assert await saved(small) == []
        setup = await small.shop.execute(BeginSavingMethod(), actor=ADA)
        assert (setup.status, setup.provider) == (SetupStatus.SUCCEEDED, "fake")
        [card] = await saved(small)
        assert (card.brand, card.last4, card.expires_year) == ("visa", "4242", 2034)
        await small.shop.execute(RemoveSavedMethod(method=card.id), actor=ADA)
        assert await saved(small) == []
        with pytest.raises(SavedMethodNotFound):
            await small.shop.execute(RemoveSavedMethod(method=card.id), actor=ADA)

    async def test_what_needs_the_browser_is_saved_when_that_is_done(self, small: SmallShop) -> None:
        setup = await small.shop.execute(BeginSavingMethod(method="fake_card_3ds"), actor=ADA)
        assert setup.status is SetupStatus.REQUIRES_ACTION
        assert setup.client_secret
        assert await saved(small) == []
        small.saved_methods.customer_finishes(await customer(small), setup.provider_ref)
        assert [card.last4 for card in await saved(small)] == ["3220"]

    async def test_repeated_under_one_key_it_is_one_setup(self, small: SmallShop) -> None:
        setups = [
            await small.shop.execute(
                BeginSavingMethod(), context=small.context(ADA, Idempotency(route="r", key="k", fingerprint=b"f"))
            )
            for _ in range(2)
        ]
        assert setups[0] == setups[1]
        assert len(await saved(small)) == 1

    async def test_cut_short_it_is_the_same_customer_again(self, small: SmallShop) -> None:
        opened = small.saved_methods.open_customer
        asked: list[object] = []

        async def away(wallet_id: object) -> str:
            asked.append(wallet_id)
            raise PaymentProviderUnavailable

        small.saved_methods.open_customer = away  # type: ignore[method-assign]
        with pytest.raises(PaymentProviderUnavailable):
            await small.shop.execute(BeginSavingMethod(), actor=ADA)

        async def looking(wallet_id: object) -> str:
            asked.append(wallet_id)
            return await opened(wallet_id)  # type: ignore[arg-type]

        small.saved_methods.open_customer = looking  # type: ignore[method-assign]
        await small.shop.execute(BeginSavingMethod(), actor=ADA)
        assert asked[0] == asked[1]
        assert len(await saved(small)) == 1

    @pytest.mark.parametrize("cut_short", [False, True])
    async def test_s73_who_is_erased_meanwhile_is_not_made_known_anew(self, small: SmallShop, cut_short: bool) -> None:
        """Cut short, the provider has the customer and the shop never heard of it."""
        opened, refs = small.saved_methods.open_customer, list[str]()

        async def slow(wallet_id: WalletId) -> str:
            refs.append(ref := await opened(wallet_id))
            small.saved_methods.open_customer = opened  # type: ignore[method-assign]
            await small.shop.execute(EraseMe(), actor=evolve(ADA, fresh_at=small.clock.now()))
            if not cut_short:
                await small.deliver()
            return ref

        small.saved_methods.open_customer = slow  # type: ignore[method-assign]
        with pytest.raises(AccountErased):
            await small.shop.execute(BeginSavingMethod(), actor=ADA)
        await small.deliver()
        tables = small.tables
        assert tables.wallets == {}
        [known] = {ref: small.provider.wallets.get(ref) for ref in refs}.values()
        assert known is not None
        assert known.gone

    async def test_f83_a_provider_that_is_down_is_left_alone_for_a_moment(self, small: SmallShop) -> None:
        await save(small)
        asked = 0

        async def away(customer_ref: str) -> list[object]:
            nonlocal asked
            asked += 1
            raise PaymentProviderUnavailable

        small.saved_methods.saved = away  # type: ignore[method-assign, assignment]
        for _ in range(40):
            with pytest.raises(PaymentProviderUnavailable):
                await saved(small)
        assert asked < 20, "most were not even asked"

    async def test_i16_that_a_customer_is_known_and_forgotten_is_in_the_audit_log(self, small: SmallShop) -> None:
        await save(small)
        ref = await customer(small)
        await small.saved_methods.forget(ref)
        await small.post_news()
        await small.deliver()
        tables = small.tables
        told = [
            (change.field, change.before, change.after)
            for entry in tables.audit_entries.values()
            for change in entry.changes
            if change.subject.startswith("wallet_")
        ]
        assert [field for field, _, _ in told] == ["provider", "customer_ref", "removed"]
        assert ref not in repr(told)

    async def test_a_provider_that_keeps_nothing_says_so(self, small: SmallShop) -> None:
        small.shop = Shop(evolve(small.shop.ports, saved_methods=NoSavedMethods()), jitter=lambda: 0.0)
        with pytest.raises(SavingNotOffered):
            await small.shop.execute(BeginSavingMethod(), actor=ADA)
        assert await saved(small) == []
        with pytest.raises(SavedMethodNotFound):
            await small.shop.execute(RemoveSavedMethod(method="pm_fake_card_x_1"), actor=ADA)

    async def test_what_cannot_be_saved_is_refused(self, small: SmallShop) -> None:
        with pytest.raises(PaymentMethodUnknown):
            await small.shop.execute(BeginSavingMethod(method="cash"), actor=ADA)


class TestPaying:
    async def test_an_order_is_paid_with_a_saved_card(self, small: SmallShop) -> None:
        assert await paid(small, await save(small)) is PaymentStatus.PAID

    async def test_a_saved_card_that_is_declined_leaves_the_order_to_be_paid_otherwise(self, small: SmallShop) -> None:
        declined, good = await save(small, "fake_card_declined"), await save(small)
        cart_id = await own_cart(small)
        order_id = await small.shop.execute(
            evolve(
                await small.order_command(cart_id),
                payment_session_id=await small.shop.execute(
                    CreatePaymentSession(cart_id=cart_id, method=declined), actor=ADA
                ),
            )
        )
        await small.pay(order_id)
        again = CreatePaymentSession(cart_id=cart_id, method=good)
        async with small.storage.uow(small.context()) as tx:
            assert (await tx.orders.get(order_id)).payment_status is PaymentStatus.FAILED
        session_id = await small.shop.execute(again, actor=ADA)
        await small.shop.execute(ConfirmPayment(session_id=session_id), actor=ADA)
        view = await small.shop.ask(GetPaymentSession(session_id=session_id), actor=ADA)
        assert view.status == "captured"

    async def test_a_card_that_is_gone_by_then_takes_nothing(self, small: SmallShop) -> None:
        card = await save(small)
        cart_id = await own_cart(small)
        session_id = await small.shop.execute(CreatePaymentSession(cart_id=cart_id, method=card), actor=ADA)
        command = evolve(await small.order_command(cart_id), payment_session_id=session_id)
        await small.shop.execute(RemoveSavedMethod(method=card), actor=ADA)
        order_id = await small.shop.execute(command)
        await small.pay(order_id)
        async with small.storage.uow(small.context()) as tx:
            payment = await tx.payments.of_order(order_id)
        assert (payment.captured.minor, payment.attempt.failure_code) == (0, "saved_method_gone")

    async def test_s03_nobody_pays_with_what_is_somebody_elses(self, small: SmallShop) -> None:
        hers = await save(small)
        await save(small, actor=BOB)
        cart_id = await own_cart(small, BOB)
        with pytest.raises(SavedMethodNotFound):
            await small.shop.execute(CreatePaymentSession(cart_id=cart_id, method=hers), actor=BOB)
        with pytest.raises(SavedMethodNotFound):
            await small.session(cart_id, hers)
        with pytest.raises(SavedMethodNotFound):
            await small.shop.execute(RemoveSavedMethod(method=hers), actor=BOB)
        assert [card.id for card in await saved(small)] == [hers]

    async def test_a_saved_card_is_for_ones_own_cart(self, small: SmallShop) -> None:
        card = await save(small)
        cart_id = await small.cart((await small.product(), 1))
        with pytest.raises(CartNotOwn):
            await small.shop.execute(
                CreatePaymentSession(cart_id=cart_id, method=card),
                actor=evolve(ADA, token=small.secrets.guest_token(cart_id)),
            )

    async def test_one_that_waits_for_the_browser_is_paid_when_that_is_done(self, small: SmallShop) -> None:
        setup = await small.shop.execute(BeginSavingMethod(method="fake_card_3ds"), actor=ADA)
        small.saved_methods.customer_finishes(await customer(small), setup.provider_ref)
        [card] = await saved(small)
        assert await paid(small, card.id) is PaymentStatus.PENDING
        [intent] = small.books.intents.values()
        small.provider.shopper_confirms(intent.ref)
        await small.settle_down(3)
        assert small.books.intents[intent.ref].captured == intent.minor


class TestCallingOff:
    """Of an order that is to be paid with a saved card, and of whose intent the shop knows nothing."""

    async def ordered(self, small: SmallShop, *, made: bool) -> Order:
        """An order that was not paid in time. With `made` the provider has its intent, and the answer was lost."""
        cart_id, method = await own_cart(small), await save(small)
        session_id = await small.shop.execute(CreatePaymentSession(cart_id=cart_id, method=method), actor=ADA)
        order_id = await small.shop.execute(evolve(await small.order_command(cart_id), payment_session_id=session_id))
        if made:
            sale = Sale(await small.order(order_id), await small.payment(order_id))
            await small.provider.create_intent(request_of(sale, await customer(small)))
        small.provider.take_news()
        small.clock.forward(timedelta(minutes=16))
        return await small.order(order_id)

    async def forget_wallet(self, small: SmallShop) -> None:
        assert ADA.user_id is not None
        async with small.storage.uow(small.context()) as tx:
            wallet = await tx.wallets.find(ADA.user_id, "fake")
            assert wallet is not None
            tx.wallets.delete(wallet)

    @pytest.mark.parametrize("wallet_is_gone", [False, True])
    async def test_the_card_is_not_asked_for_what_is_called_off(self, small: SmallShop, wallet_is_gone: bool) -> None:
        order = await self.ordered(small, made=False)
        if wallet_is_gone:
            await self.forget_wallet(small)
        await small.shop.execute(ExpireOrder(order_id=order.id))
        assert (await small.order(order.id)).status is OrderStatus.CANCELLED
        told = {news.event_type for news in small.provider.take_news()}
        assert told == {"payment_intent.requires_action", "payment_intent.canceled"}

    async def test_what_was_begun_is_let_go_of(self, small: SmallShop) -> None:
        order = await self.ordered(small, made=True)
        await small.shop.execute(ExpireOrder(order_id=order.id))
        assert (await small.order(order.id)).status is OrderStatus.CANCELLED
        assert [intent.status for intent in small.books.intents.values()] == [AttemptStatus.CANCELLED]

    async def test_what_may_have_been_begun_is_not_taken_for_never_made(self, small: SmallShop) -> None:
        """The wallet is gone, so the same request cannot be made again; and there is an authorisation."""
        order = await self.ordered(small, made=True)
        await self.forget_wallet(small)
        with pytest.raises(PaymentProviderUnavailable):
            await small.shop.execute(ExpireOrder(order_id=order.id))
        assert (await small.order(order.id)).status is OrderStatus.PENDING
        assert [intent.status for intent in small.books.intents.values()] == [AttemptStatus.AUTHORIZED]

    async def test_a_provider_that_wants_the_customer_leaves_it_open_too(self, small: SmallShop) -> None:
        order = await self.ordered(small, made=True)
        await self.forget_wallet(small)
        small = small.with_ports(gateway=Refusing(small.provider, PaymentMethodUnknown))
        with pytest.raises(PaymentProviderUnavailable):
            await small.shop.execute(ExpireOrder(order_id=order.id))
        assert (await small.order(order.id)).status is OrderStatus.PENDING


class TestNews:
    async def states(self, small: SmallShop) -> list[InboxState]:
        tables = small.tables
        return [item.state for item in tables.inbox.values()]

    async def told(self, small: SmallShop) -> list[str]:
        tables = small.tables
        types = [stored.event.type for stored in tables.events.values()]
        return [kind for kind in types if kind.startswith("payment_method.")]

    async def bodies(self, small: SmallShop) -> list[bytes]:
        """What is kept of the words of messages that are settled."""
        tables = small.tables
        return [item.body for item in tables.inbox.values() if item.state is not InboxState.NEW]

    async def settle(self, small: SmallShop) -> None:
        await small.post_news()
        await small.deliver()

    async def test_what_the_provider_says_of_a_card_is_told(self, small: SmallShop) -> None:
        card = await save(small)
        small.saved_methods.bank_renews(await customer(small), card, 2040)
        await self.settle(small)
        assert (await saved(small))[0].expires_year == 2040
        assert await self.told(small) == ["payment_method.updated"]
        await small.shop.execute(RemoveSavedMethod(method=card), actor=ADA)
        await self.settle(small)
        assert await self.told(small) == ["payment_method.updated", "payment_method.detached"]
        assert set(await self.states(small)) == {InboxState.APPLIED}

    async def test_f38_old_news_of_a_card_say_nothing(self, small: SmallShop) -> None:
        """It says that a card has changed, and the card is gone by the time that anybody looks."""
        card = await save(small)
        small.saved_methods.bank_renews(await customer(small), card, 2040)
        await small.shop.execute(RemoveSavedMethod(method=card), actor=ADA)
        await self.settle(small)
        assert await self.told(small) == ["payment_method.detached"]

    async def test_f35_news_of_strangers_mean_nothing(self, small: SmallShop) -> None:
        stranger = await small.saved_methods.open_customer(small.ids.new(WalletId))
        await small.saved_methods.begin(stranger, "fake_card", "k")
        await self.settle(small)
        assert await self.states(small) == [InboxState.IGNORED]
        assert await self.told(small) == []
        assert await self.bodies(small) == [b""]

    async def test_a_customer_removed_at_the_provider_begins_anew(self, small: SmallShop) -> None:
        await save(small)
        await self.settle(small)
        assert all(await self.bodies(small))
        first = await customer(small)
        await small.saved_methods.forget(first)
        await self.settle(small)
        assert set(await self.bodies(small)) == {b""}
        assert await customer(small) == ""
        assert await saved(small) == []
        await save(small)
        assert await customer(small) not in ("", first)


class TestSubscriptions:
    async def test_s03_a_subscription_is_paid_with_ones_own(self, small: SmallShop) -> None:
        plan_id, mine, hers = await offer(small), await save(small), await save(small, actor=BOB)
        wish = Subscribe(plan_id=plan_id, method=hers, email="a@b.example", shipping_address=BERLIN)
        with pytest.raises(SavedMethodNotFound):
            await small.shop.execute(wish, actor=ADA)
        subscription_id = await subscribe(small, plan_id, mine)
        assert (await found(small, subscription_id)).status is SubscriptionStatus.ACTIVE
        with pytest.raises(SavedMethodNotFound):
            await small.shop.execute(ChangeSubscription(subscription_id=subscription_id, method=hers), actor=ADA)

    async def test_what_pays_a_subscription_stays_until_it_has_another(self, small: SmallShop) -> None:
        card = await save(small)
        subscription_id = await subscribe(small, await offer(small), card)
        with pytest.raises(SavedMethodInUse):
            await small.shop.execute(RemoveSavedMethod(method=card), actor=ADA)
        await small.shop.execute(ChangeSubscription(subscription_id=subscription_id, method="fake_card"), actor=ADA)
        await small.shop.execute(RemoveSavedMethod(method=card), actor=ADA)
        await carry_on(small, subscription_id)
        assert await saved(small) == []
