"""A period of a subscription is paid by its invoice, whatever card is tried; and what no card can pay ends."""

from typing import Any

import pytest

from shop.adapters.fake.subscriptions import FakeSubscriptionBilling
from shop.adapters.fake.wallet_books import is_saved
from shop.application.commands.orders import CancelAnyOrder
from shop.application.commands.payments import ConfirmPayment, CreatePaymentSession, PaidByInvoice
from shop.application.commands.refunds import RequestRefund
from shop.application.commands.subscriptions import ChangeSubscription, PauseSubscription, ResumeSubscription
from shop.application.ports.payments import PaymentProviderUnavailable, PaymentRefused
from shop.application.ports.subscriptions import InvoiceCharge
from shop.domain.kernel.errors import Invalid, ShopError
from shop.domain.kernel.identifiers import OrderId, SubscriptionId
from shop.domain.orders import OrderStatus, PaymentStatus
from shop.domain.subscriptions import SubscriptionStatus as S
from tests.application.test_saved_methods import customer
from tests.application.test_saved_methods import people as people
from tests.application.test_saving_along import placed, session
from tests.application.test_subscribing_at_checkout import filled, only
from tests.application.test_subscriptions import ADA, carry_on, days, found, offer, renewals, subscribe
from tests.shops import STAFF, SmallShop


async def failed(small: SmallShop) -> tuple[SubscriptionId, OrderId]:
    """A subscription whose second period was declined, and the order of that."""
    subscription_id = await subscribe(small, await offer(small))
    worse = ChangeSubscription(subscription_id=subscription_id, method="fake_card_declined")
    await small.shop.execute(worse, actor=ADA)
    await days(small, 31)
    subscription = await found(small, subscription_id)
    assert (subscription.status, subscription.open_order is not None) == (S.PAST_DUE, True)
    assert subscription.open_order is not None
    return subscription_id, subscription.open_order


async def try_another_card(small: SmallShop, order_id: OrderId, method: str) -> None:
    order = await small.order(order_id)
    wish = CreatePaymentSession(cart_id=order.cart_id, method=method)
    session_id = await small.shop.execute(wish, actor=ADA)
    await small.shop.execute(ConfirmPayment(session_id=session_id), actor=ADA)


async def test_another_card_that_is_declined_leaves_the_schedule_as_it_was(small: SmallShop) -> None:
    subscription_id, order_id = await failed(small)
    await try_another_card(small, order_id, "fake_card_declined")
    await days(small, 2)
    better = ChangeSubscription(subscription_id=subscription_id, method="fake_card")
    await small.shop.execute(better, actor=ADA)
    await days(small, 2)
    assert (await found(small, subscription_id)).status is S.ACTIVE


async def test_another_card_pays_the_period(small: SmallShop) -> None:
    subscription_id, order_id = await failed(small)
    await try_another_card(small, order_id, "fake_card")
    await carry_on(small, subscription_id, refresh=True)
    assert (await found(small, subscription_id)).status is S.ACTIVE
    assert (await small.order(order_id)).payment_status is PaymentStatus.PAID


async def test_calling_off_voids_the_invoice_whatever_card_was_tried(
    small: SmallShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, order_id = await failed(small)
    await try_another_card(small, order_id, "fake_card_declined")
    voided, rightly = [], small.billing.void

    async def noted(charge: InvoiceCharge) -> Any:
        voided.append(charge.order_id)
        return await rightly(charge)

    monkeypatch.setattr(small.billing, "void", noted)
    await small.shop.execute(CancelAnyOrder(order_id=order_id), actor=STAFF)
    assert voided == [order_id]


@pytest.mark.parametrize("refusal", [PaymentRefused, Invalid])
async def test_what_the_provider_will_not_charge_is_declined_and_ends(
    small: SmallShop, monkeypatch: pytest.MonkeyPatch, refusal: type[ShopError]
) -> None:
    subscription_id = await subscribe(small, await offer(small))

    async def never(*_: object, **__: object) -> None:
        raise refusal("It cannot be charged.")

    monkeypatch.setattr(small.billing, "charge", never)
    monkeypatch.setattr(small.billing, "retry", never)
    await days(small, 31)
    assert (await found(small, subscription_id)).status is S.PAST_DUE
    order_id = (await renewals(small, subscription_id))[-1].order_id
    with pytest.raises(PaidByInvoice):
        await try_another_card(small, order_id, "fake_card")
    await days(small, 20)
    assert (await found(small, subscription_id)).status is S.CANCELLED
    assert (await small.order(order_id)).status is OrderStatus.CANCELLED
    assert len(small.books.intents) == 1


async def test_a_change_whose_answer_was_lost_does_not_stand_in_the_way_of_another(
    small: SmallShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    subscription_id = await subscribe(small, await offer(small))
    keys = []

    async def lost(*_: object, key: str) -> None:
        keys.append(key)
        raise PaymentProviderUnavailable("its answer was lost")

    monkeypatch.setattr(small.billing, "change", lost)
    for method in ("fake_card_3ds", "fake_card_declined"):
        with pytest.raises(PaymentProviderUnavailable):
            await small.shop.execute(ChangeSubscription(subscription_id=subscription_id, method=method), actor=ADA)
    assert len(set(keys)) == 2


async def test_resuming_is_done_though_the_providers_message_was_faster(
    small: SmallShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    subscription_id = await subscribe(small, await offer(small))
    await small.shop.execute(PauseSubscription(subscription_id=subscription_id), actor=ADA)
    await small.post_news()
    await small.deliver()
    rightly = small.billing.resume

    async def overtaken(ref: str) -> None:
        await rightly(ref)
        await small.post_news()
        await small.deliver()

    monkeypatch.setattr(small.billing, "resume", overtaken)
    for _ in range(2):
        await small.shop.execute(ResumeSubscription(subscription_id=subscription_id), actor=ADA)
    assert (await found(small, subscription_id)).status is S.ACTIVE


async def test_what_was_paid_back_before_it_began_never_begins(
    small: SmallShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(FakeSubscriptionBilling, "takes", lambda billing, method: is_saved(method))
    cart_id = await filled(small, await offer(small))
    session_id = await session(small, cart_id)
    await small.saved_methods.forget(await customer(small))
    order_id = await placed(small, cart_id, session_id)
    subscription = await only(small, order_id)
    assert subscription.status is S.INCOMPLETE
    refund = RequestRefund(payment_id=(await small.payment(order_id)).id, full=True)
    await small.shop.execute(refund, actor=STAFF)
    await small.pay(order_id)
    monkeypatch.setattr(FakeSubscriptionBilling, "takes", lambda billing, method: True)
    await days(small, 2)
    assert (await found(small, subscription.id)).status is S.INCOMPLETE_EXPIRED
