"""A new card that is saved along with paying: for customers, with their consent, and to be charged again."""

import pytest
from attrs import evolve

from shop.adapters.fake.subscriptions import FakeSubscriptionBilling
from shop.adapters.fake.wallet_books import is_saved
from shop.application.commands.checkout import CreateOrder
from shop.application.commands.payments import CartNotOwn, ConfirmPayment, CreatePaymentSession
from shop.application.commands.saved_methods import RemoveSavedMethod, SavedMethodInUse
from shop.application.ports.payments import PaymentProviderUnavailable, PaymentRefused
from shop.application.ports.saved_methods import NoSavedMethods, SavingNotOffered
from shop.application.queries.payments import GetPaymentMethods, GetPaymentSession
from shop.application.settlement import MethodNotReusable, MethodNotSavable, SavingDecided, SavingNeedsCustomer
from shop.application.shop import Shop
from shop.domain.kernel.identifiers import CartId, OrderId, PaymentSessionId
from shop.domain.payments import AttemptStatus
from shop.domain.subscriptions import SubscriptionStatus
from tests.application.providers import PAID, Choosy, at_rest, states
from tests.application.test_saved_methods import ADA, BOB, customer, own_cart, paid, save, saved
from tests.application.test_saved_methods import people as people
from tests.application.test_subscribing_at_checkout import captured, filled, only
from tests.application.test_subscriptions import days, offer
from tests.shops import SmallShop


async def session(
    small: SmallShop, cart_id: CartId, method: str = "fake_card", *, wish: bool = True
) -> PaymentSessionId:
    """One that saves the card, or with no such `wish` one that does not."""
    command = CreatePaymentSession(cart_id=cart_id, method=method, save=wish)
    return await small.shop.execute(command, actor=ADA)


async def placed(small: SmallShop, cart_id: CartId, session_id: PaymentSessionId) -> OrderId:
    command = evolve(await small.order_command(cart_id), payment_session_id=session_id)
    order_id = await small.shop.execute(command, actor=ADA)
    await small.pay(order_id)
    return order_id


async def bought(small: SmallShop, method: str = "fake_card") -> OrderId:
    """An order of one's own, paid with a new card that is to be saved."""
    cart_id = await own_cart(small)
    return await placed(small, cart_id, await session(small, cart_id, method))


async def confirm(small: SmallShop, session_id: PaymentSessionId) -> None:
    await small.shop.execute(ConfirmPayment(session_id=session_id), actor=ADA)


class TestSaving:
    async def test_the_card_that_paid_is_saved_and_pays_again(self, small: SmallShop) -> None:
        order_id = await bought(small)
        assert await states(small, order_id) == PAID
        [card] = await saved(small)
        assert (card.last4, (await small.payment(order_id)).attempt.method) == ("4242", card.id)
        assert await saved(small, BOB) == []
        assert await paid(small, card.id) == PAID[1]
        await at_rest(small)
        assert await saved(small) == [card]

    async def test_it_is_saved_once_the_challenge_is_passed(self, small: SmallShop) -> None:
        order_id = await bought(small, "fake_card_3ds")
        assert await saved(small) == []
        small.provider.shopper_confirms((await small.payment(order_id)).attempt.provider_ref)
        await small.settle_down(3)
        assert await states(small, order_id) == PAID
        [card] = await saved(small)
        assert (card.last4, (await small.payment(order_id)).attempt.method) == ("3220", card.id)

    async def test_nothing_is_saved_unless_it_is_wished(self, small: SmallShop) -> None:
        cart_id = await own_cart(small)
        await placed(small, cart_id, await session(small, cart_id, wish=False))
        assert await saved(small) == []
        assert await customer(small) == ""

    async def test_an_answer_that_was_lost_saves_it_once(self, small: SmallShop) -> None:
        order_id = await bought(small)
        again = await bought(small)
        for one in (order_id, again, again):
            await small.pay(one, refresh=True)
        assert len(await saved(small)) == 2

    async def test_where_the_customer_is_gone_the_order_is_paid_and_nothing_saved(self, small: SmallShop) -> None:
        cart_id = await own_cart(small)
        session_id = await session(small, cart_id)
        assert ADA.user_id is not None
        async with small.storage.uow(small.context()) as tx:
            wallet = await tx.wallets.find(ADA.user_id, "fake")
            assert wallet is not None
            tx.wallets.delete(wallet)
        order_id = await placed(small, cart_id, session_id)
        assert await states(small, order_id) == PAID
        assert await saved(small) == []

    async def test_an_order_that_is_there_already_is_not_paid_by_another_wish(self, small: SmallShop) -> None:
        """Its browser may be about to pay it: what this tab says comes too late."""
        cart_id = await own_cart(small)
        saves = await session(small, cart_id, "fake_card_3ds")
        does_not = await session(small, cart_id, "fake_card_3ds", wish=False)
        order_id = await placed(small, cart_id, saves)
        again = CreateOrder(cart_id=cart_id, cart_version=1, payment_session_id=does_not)
        with pytest.raises(SavingDecided):
            await small.shop.execute(again, actor=ADA)
        assert await small.shop.execute(evolve(again, payment_session_id=saves), actor=ADA) == order_id

    async def test_where_nothing_is_kept_nothing_is_savable(self, small: SmallShop) -> None:
        assert any(way.savable for way in await small.shop.ask(GetPaymentMethods()))
        small.shop = Shop(evolve(small.shop.ports, saved_methods=NoSavedMethods()), jitter=lambda: 0.0)
        assert not any(way.savable for way in await small.shop.ask(GetPaymentMethods()))


class TestWhoAndWhat:
    async def test_a_guest_cannot(self, small: SmallShop) -> None:
        cart_id = await small.cart((await small.product(), 1))
        with pytest.raises(SavingNeedsCustomer) as refusal:
            await small.shop.execute(
                CreatePaymentSession(cart_id=cart_id, method="fake_card", save=True), actor=small.guest(cart_id)
            )
        assert "claim" in refusal.value.hint

    async def test_a_customer_with_a_guests_cart_claims_it_first(self, small: SmallShop) -> None:
        cart_id = await small.cart((await small.product(), 1))
        holding = evolve(ADA, token=small.secrets.guest_token(cart_id))
        with pytest.raises(CartNotOwn):
            await small.shop.execute(
                CreatePaymentSession(cart_id=cart_id, method="fake_card", save=True), actor=holding
            )

    async def test_only_what_can_be_charged_again(self, small: SmallShop) -> None:
        cart_id = await own_cart(small)
        ways = await small.shop.ask(GetPaymentMethods())
        assert [way.id for way in ways if not way.savable] == ["fake_debit"]
        for method in ("fake_debit", await save(small)):
            with pytest.raises(MethodNotSavable):
                await session(small, cart_id, method)

    async def test_a_provider_that_keeps_none(self, small: SmallShop) -> None:
        cart_id = await own_cart(small)
        small.shop = Shop(evolve(small.shop.ports, saved_methods=NoSavedMethods()), jitter=lambda: 0.0)
        with pytest.raises(SavingNotOffered):
            await session(small, cart_id)

    async def test_a_provider_that_is_away(self, small: SmallShop, monkeypatch: pytest.MonkeyPatch) -> None:
        async def away(wallet_id: object) -> str:
            raise PaymentProviderUnavailable

        cart_id = await own_cart(small)
        with monkeypatch.context() as patch:
            patch.setattr(small.saved_methods, "open_customer", away)
            with pytest.raises(PaymentProviderUnavailable):
                await session(small, cart_id)
        assert await states(small, await placed(small, cart_id, await session(small, cart_id))) == PAID


class TestAnotherCard:
    async def declined(self, small: SmallShop) -> tuple[CartId, OrderId]:
        cart_id = await own_cart(small)
        order_id = await placed(small, cart_id, await session(small, cart_id, "fake_card_declined"))
        assert (await small.payment(order_id)).status is AttemptStatus.FAILED
        return cart_id, order_id

    async def test_after_a_decline_the_one_that_is_accepted_is_saved(self, small: SmallShop) -> None:
        cart_id, order_id = await self.declined(small)
        assert await saved(small) == []
        await confirm(small, await session(small, cart_id))
        assert await states(small, order_id) == PAID
        [card] = await saved(small)
        assert (card.last4, (await small.payment(order_id)).attempt.method) == ("4242", card.id)

    async def test_nobodys_card_is_saved_against_what_they_said(self, small: SmallShop) -> None:
        cart_id, order_id = await self.declined(small)
        with pytest.raises(SavingDecided):
            await session(small, cart_id, wish=False)
        plain = await own_cart(small)
        await placed(small, plain, await session(small, plain, "fake_card_declined", wish=False))
        with pytest.raises(SavingDecided):
            await session(small, plain)
        assert (await small.payment(order_id)).status is AttemptStatus.FAILED

    async def test_nor_by_a_session_that_is_older_than_the_order(self, small: SmallShop) -> None:
        cart_id = await own_cart(small)
        plain = await session(small, cart_id, wish=False)
        order_id = await placed(small, cart_id, await session(small, cart_id, "fake_card_declined"))
        with pytest.raises(SavingDecided):
            await confirm(small, plain)
        assert (await small.payment(order_id)).status is AttemptStatus.FAILED
        assert await saved(small) == []

    async def test_nor_by_an_intent_that_is_made_after_all(self, small: SmallShop) -> None:
        choosy = small.with_ports(gateway=Choosy(small.provider, PaymentRefused, "fake_card_3ds"))
        cart_id = await own_cart(choosy)
        order_id = await placed(choosy, cart_id, await session(choosy, cart_id, "fake_card_3ds"))
        plain = await session(choosy, cart_id, wish=False)
        with pytest.raises(SavingDecided):
            await confirm(small, plain)
        assert await saved(small) == []
        await confirm(small, await session(small, cart_id))
        assert await states(small, order_id) == PAID

    async def test_a_card_that_is_saved_already_pays_either_way(self, small: SmallShop) -> None:
        card = await save(small)
        cart_id, order_id = await self.declined(small)
        await confirm(small, await session(small, cart_id, card, wish=False))
        assert await states(small, order_id) == PAID
        assert [one.id for one in await saved(small)] == [card]

    async def test_a_session_says_what_will_happen(self, small: SmallShop) -> None:
        cart_id = await own_cart(small)
        not_used, used = await session(small, cart_id, wish=False), await session(small, cart_id, "fake_card_declined")
        await placed(small, cart_id, used)
        for one in (not_used, used):
            assert (await small.shop.ask(GetPaymentSession(session_id=one), actor=ADA)).save

    @pytest.mark.parametrize("wish", [True, False])
    async def test_where_the_first_was_refused_it_is_open_again(self, small: SmallShop, wish: bool) -> None:
        small = small.with_ports(gateway=Choosy(small.provider, PaymentRefused, "fake_card_3ds"))
        cart_id = await own_cart(small)
        order_id = await placed(small, cart_id, await session(small, cart_id, "fake_card_3ds", wish=not wish))
        await confirm(small, await session(small, cart_id, wish=wish))
        assert await states(small, order_id) == PAID
        assert len(await saved(small)) == wish


class TestSubscribing:
    """At a provider that charges again only what is saved."""

    @pytest.fixture(autouse=True)
    def _takes_saved_ones(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(FakeSubscriptionBilling, "takes", lambda billing, method: is_saved(method))

    async def test_the_card_that_is_saved_with_the_order_pays_from_then_on(self, small: SmallShop) -> None:
        cart_id = await filled(small, await offer(small))
        order_id = await placed(small, cart_id, await session(small, cart_id))
        [card] = await saved(small)
        subscription = await only(small, order_id)
        assert (subscription.status, subscription.method) == (SubscriptionStatus.ACTIVE, card.id)
        with pytest.raises(SavedMethodInUse):
            await small.shop.execute(RemoveSavedMethod(method=card.id), actor=ADA)
        await days(small, 31)
        assert captured(small) == [3490, 3490]

    async def test_beside_goods_that_are_paid_a_trial_can_begin(self, small: SmallShop) -> None:
        goods = await small.product("mug")
        cart_id = await filled(small, await offer(small, trial_days=7), goods=goods)
        subscription = await only(small, await placed(small, cart_id, await session(small, cart_id)))
        assert (subscription.status, subscription.method) == (SubscriptionStatus.TRIALING, (await saved(small))[0].id)

    async def test_where_nothing_is_paid_nothing_is_saved(self, small: SmallShop) -> None:
        cart_id = await filled(small, await offer(small, trial_days=7))
        with pytest.raises(MethodNotReusable):
            await placed(small, cart_id, await session(small, cart_id))

    async def test_without_saving_it_is_refused(self, small: SmallShop) -> None:
        cart_id = await filled(small, await offer(small))
        with pytest.raises(MethodNotReusable) as refusal:
            await placed(small, cart_id, await session(small, cart_id, wish=False))
        assert "save" in refusal.value.hint

    async def test_nor_is_it_paid_otherwise_after_a_refusal(self, small: SmallShop) -> None:
        small = small.with_ports(gateway=Choosy(small.provider, PaymentRefused, "fake_card_3ds"))
        cart_id = await filled(small, await offer(small))
        order_id = await placed(small, cart_id, await session(small, cart_id, "fake_card_3ds"))
        with pytest.raises(MethodNotReusable):
            await confirm(small, await session(small, cart_id, wish=False))
        assert captured(small) == []
        await confirm(small, await session(small, cart_id))
        assert (await only(small, order_id)).status is SubscriptionStatus.ACTIVE

    async def test_nor_after_a_decline(self, small: SmallShop) -> None:
        cart_id = await filled(small, await offer(small))
        card, plain = await save(small, "fake_card_declined"), await session(small, cart_id, wish=False)
        order_id = await placed(small, cart_id, await session(small, cart_id, card, wish=False))
        with pytest.raises(MethodNotReusable):
            await confirm(small, plain)
        assert not any(captured(small))
        good = await save(small)
        await confirm(small, await session(small, cart_id, good, wish=False))
        assert (await only(small, order_id)).method == good

    async def test_where_the_card_could_not_be_saved_it_waits_for_another(self, small: SmallShop) -> None:
        cart_id = await filled(small, await offer(small))
        session_id = await session(small, cart_id)
        await small.saved_methods.forget(await customer(small))
        order_id = await placed(small, cart_id, session_id)
        assert await states(small, order_id) == PAID
        assert (await only(small, order_id)).status is SubscriptionStatus.INCOMPLETE
