"""A shop that captures by hand, with Stripe behind it: the stub answers as the real one, and its messages are written
by hand after Stripe's documentation."""

import json
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from attrs import evolve

from shop.adapters.stripe.account import StripeAccount
from shop.adapters.stripe.news import HEADER
from shop.adapters.stripe.payments import StripePaymentGateway
from shop.application.commands.captures import CapturePayment, VoidPayment
from shop.application.commands.payments import ReceiveProviderNews
from shop.application.commands.store import ConfigureStore
from shop.domain.kernel.capturing import CapturePolicy
from shop.domain.kernel.identifiers import OrderId
from shop.domain.orders import OrderStatus, PaymentStatus
from shop.domain.payments import AttemptStatus
from tests.application.providers import CALLED_OFF, PAID, states
from tests.shops import SETTINGS, STAFF, SmallShop, eur, open_small_shop
from tests.stripe_stub import SECRET_KEY, WEBHOOK_SECRET, StripeStub, sign


@pytest.fixture
async def stub() -> AsyncIterator[StripeStub]:
    async with StripeStub() as stub:
        yield stub


@pytest.fixture
async def small(stub: StripeStub) -> AsyncIterator[SmallShop]:
    shop = await open_small_shop()
    account = StripeAccount(secret_key=SECRET_KEY, webhook_secret=WEBHOOK_SECRET, api_base=stub.url)
    gateway = StripePaymentGateway(account, shop.clock)
    store = evolve(SETTINGS.store, capture=CapturePolicy.MANUAL)
    await shop.shop.execute(ConfigureStore(store=store), actor=STAFF)
    yield shop.with_ports(gateway=gateway)
    await gateway.close()


async def authorized(small: SmallShop, stub: StripeStub) -> OrderId:
    order_id = await small.buy((await small.product(stock=5), 2), method="stripe_card")
    stub.browser_confirms((await small.payment(order_id)).attempt.client_secret, "pm_card_visa")
    await small.pay(order_id, refresh=True)
    assert (await small.order(order_id)).payment_status is PaymentStatus.AUTHORIZED
    return order_id


async def told(small: SmallShop, kind: str, thing: dict[str, Any]) -> None:
    """Stripe posts this, and the worker looks at it."""
    event = {"id": f"evt_{kind}", "object": "event", "type": kind, "livemode": False, "data": {"object": thing}}
    body = json.dumps(event).encode()
    headers = {HEADER: sign(body, WEBHOOK_SECRET, small.clock.now())}
    await small.shop.execute(ReceiveProviderNews(provider="stripe", body=body, headers=headers))
    await small.deliver()


@pytest.mark.parametrize("kind", ["charge.expired", "payment_intent.canceled"])
async def test_f40_stripe_says_that_it_has_lapsed(small: SmallShop, stub: StripeStub, kind: str) -> None:
    order_id = await authorized(small, stub)
    ref = (await small.payment(order_id)).attempt.provider_ref
    await small.deliver()
    small.clock.forward(timedelta(days=6))
    stub.lapse(ref)
    charge = {"id": "ch_1", "object": "charge", "payment_intent": ref, "captured": False, "status": "succeeded"}
    await told(small, kind, charge if kind == "charge.expired" else stub.intent(ref))
    assert await states(small, order_id) == CALLED_OFF
    assert (await small.order(order_id)).cancel_reason == "authorization_expired"


async def test_f40_stripe_says_until_when(small: SmallShop, stub: StripeStub) -> None:
    order_id = await authorized(small, stub)
    until = (await small.payment(order_id)).authorization_expires_at
    assert until is not None
    small.clock.at = until
    await small.sweep()
    assert await states(small, order_id) == CALLED_OFF
    [intent] = stub._intents.values()
    assert (intent["status"], intent["amount_received"]) == ("canceled", 0)


async def test_staff_capture_a_part(small: SmallShop, stub: StripeStub) -> None:
    order_id = await authorized(small, stub)
    payment = await small.payment(order_id)
    await small.shop.execute(CapturePayment(payment_id=payment.id, amount=eur(1500)), actor=STAFF)
    await small.pay(order_id)
    await small.pay(order_id, refresh=True)  # what was let go of is no refund
    assert await states(small, order_id) == PAID
    payment = await small.payment(order_id)
    assert (payment.captured, payment.refunded) == (eur(1500), eur(0))


async def test_staff_void(small: SmallShop, stub: StripeStub) -> None:
    order_id = await authorized(small, stub)
    payment = await small.payment(order_id)
    await small.shop.execute(VoidPayment(payment_id=payment.id), actor=STAFF)
    await small.pay(order_id)
    assert await states(small, order_id) == CALLED_OFF
    assert (await small.order(order_id)).cancel_reason == "payment_voided"


async def test_f47_a_debit_is_taken_by_stripe_days_later(small: SmallShop, stub: StripeStub) -> None:
    """It never was authorised; the order waits with its stock, and is paid when Stripe says so."""
    order_id = await small.buy((await small.product(stock=5), 2), method="stripe_direct")
    payment = await small.payment(order_id)
    assert payment.capture is CapturePolicy.AUTOMATIC
    stub.browser_confirms(payment.attempt.client_secret, "pm_Slow")
    for _ in range(12 * 24):
        small.clock.forward(timedelta(minutes=15))
        await small.sweep()
    assert (await small.order(order_id)).status is OrderStatus.PENDING
    assert (await small.payment(order_id)).status is AttemptStatus.PROCESSING
    intent = stub._intents[payment.attempt.provider_ref]
    intent["latest_charge"] = stub._charge(intent, "succeeded")
    intent.update(status="succeeded", amount_received=intent["amount"])
    await told(small, "payment_intent.succeeded", intent)
    assert await states(small, order_id) == PAID
