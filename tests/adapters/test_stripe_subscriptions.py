"""Stripe's billing: what it is asked for, what its refusals mean, and of which subscription its messages speak.

The shapes of events were written by hand after the types of the Stripe library (`stripe.Event`, `Invoice`,
`Subscription`); none was recorded from an account.
"""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from attrs import evolve

from shop.adapters.contracts.payments import MovableClock
from shop.adapters.stripe.account import StripeAccount
from shop.adapters.stripe.amounts import AmountNotChargeable
from shop.adapters.stripe.news import HEADER
from shop.adapters.stripe.payments import StripePaymentGateway
from shop.adapters.stripe.saved_methods import StripeSavedMethods
from shop.adapters.stripe.subscriptions import StripeSubscriptionBilling
from shop.application.commands.checkout import CreateOrder
from shop.application.commands.payments import CreatePaymentSession
from shop.application.ports.payments import PaymentProviderUnavailable, PaymentRefused
from shop.application.ports.subscriptions import BillingRequest, BillingStatus, InvoiceCharge, MethodNotForSubscriptions
from shop.application.shop import Shop
from shop.domain.identity import User
from shop.domain.kernel.identifiers import AttemptId, OrderId, PaymentSessionId, SubscriptionId, UserId, WalletId
from shop.domain.kernel.money import Money
from shop.domain.payments import AttemptStatus, PaymentSession, Wallet
from shop.domain.subscriptions import Interval, IntervalUnit, SubscriptionStatus
from tests.application.test_subscribing_at_checkout import filled, only
from tests.application.test_subscriptions import days, offer
from tests.shops import customer, open_small_shop
from tests.stripe_billing_stub import CUSTOMER, NOT_SAVED, SAVED, SAVED_DECLINED, StripeBillingStub
from tests.stripe_stub import SECRET_KEY, WEBHOOK_SECRET, sign

NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
SUBSCRIPTION = "sub_1PqRsT2eZvKYlo2C1a2b3c4d"
REQUEST = BillingRequest(
    subscription_id=SubscriptionId(UUID(int=1)),
    customer_id=UserId(UUID(int=1)),
    email="ada@example.com",
    method=SAVED,
    title="Coffee",
    amount=Money(1500, "EUR"),
    interval=Interval(IntervalUnit.WEEK, 2),
)


@pytest.fixture
async def stub() -> AsyncIterator[StripeBillingStub]:
    async with StripeBillingStub() as opened:
        yield opened


@pytest.fixture
async def billing(stub: StripeBillingStub) -> AsyncIterator[StripeSubscriptionBilling]:
    account = StripeAccount(secret_key=SECRET_KEY, webhook_secret=WEBHOOK_SECRET, api_base=stub.url)
    opened = StripeSubscriptionBilling(account)
    yield opened
    await opened.close()


def charge_of(ref: str, minor: int = 3490, number: int = 1) -> InvoiceCharge:
    return InvoiceCharge(
        provider_ref=ref,
        period_start=NOW + timedelta(days=14 * number),
        attempt_id=AttemptId(UUID(int=number)),
        order_id=OrderId(UUID(int=number)),
        amount=Money(minor, "EUR"),
    )


async def test_what_can_never_be_charged_can_be_voided(
    stub: StripeBillingStub, billing: StripeSubscriptionBilling
) -> None:
    ref = (await billing.subscribe(REQUEST)).provider_ref
    odd = evolve(charge_of(ref), amount=Money(1_571, "KWD"))
    with pytest.raises(AmountNotChargeable):
        await billing.charge(odd)
    assert (await billing.void(odd)).status is AttemptStatus.CANCELLED
    assert stub.invoices == {}


async def test_an_invoice_of_another_sum_is_refused_and_can_be_voided(
    stub: StripeBillingStub, billing: StripeSubscriptionBilling
) -> None:
    """A coupon was put on the subscription at Stripe, say."""
    ref = (await billing.subscribe(REQUEST)).provider_ref
    await billing._made(charge_of(ref))
    [invoice] = stub.invoices.values()
    invoice["total"] = 3000
    with pytest.raises(PaymentRefused):
        await billing.charge(charge_of(ref))
    assert (await billing.void(charge_of(ref))).status is AttemptStatus.CANCELLED
    assert invoice["status"] == "void"


async def test_what_is_too_small_for_a_card_is_refused(
    stub: StripeBillingStub, billing: StripeSubscriptionBilling
) -> None:
    stub.least_charge = 50
    ref = (await billing.subscribe(REQUEST)).provider_ref
    for _ in range(2):
        with pytest.raises(PaymentRefused) as refusal:
            await billing.charge(charge_of(ref, 49))
        assert refusal.value.reason == "amount_too_small"
    assert (await billing.void(charge_of(ref, 49))).status is AttemptStatus.CANCELLED


async def test_what_stripe_is_asked_for(stub: StripeBillingStub, billing: StripeSubscriptionBilling) -> None:
    trial_ends_at = NOW + timedelta(days=14)
    state = await billing.subscribe(evolve(REQUEST, trial_ends_at=trial_ends_at))
    asked = next(seen for seen in stub.seen if seen.path == "/v1/subscriptions")
    assert asked.headers["idempotency-key"] == str(REQUEST.subscription_id)
    prefix = "items[0][price_data]"
    price = {name.removeprefix(prefix): v for name, v in asked.params.items() if name.startswith(prefix)}
    assert price["[recurring][interval]"] == "week"
    assert price["[recurring][interval_count]"] == "2"
    assert price["[unit_amount]"] == "0"
    assert asked.params["trial_end"] == str(int(trial_ends_at.timestamp()))
    await billing.charge(charge_of(state.provider_ref))
    keys = {seen.path.split("/")[2]: seen.headers.get("idempotency-key") for seen in stub.seen if seen.method == "POST"}
    assert keys["invoiceitems"] == f"{AttemptId(UUID(int=1))}:item"
    paid = next(seen for seen in stub.seen if seen.path.endswith("/pay"))
    assert paid.params["off_session"] == "true"
    assert paid.headers["idempotency-key"] == f"{AttemptId(UUID(int=1))}:pay"


@pytest.mark.parametrize("method", [NOT_SAVED, "pm_unknown", "stripe_card", "4242424242424242"])
async def test_only_what_was_saved_before_can_be_used_again(billing: StripeSubscriptionBilling, method: str) -> None:
    with pytest.raises(MethodNotForSubscriptions):
        await billing.subscribe(evolve(REQUEST, method=method))


@pytest.mark.parametrize("answered", range(7))
async def test_a_charge_that_was_cut_short_anywhere_is_taken_up_again(
    stub: StripeBillingStub, billing: StripeSubscriptionBilling, answered: int
) -> None:
    """However far it came: one invoice, of the right amount, paid once."""
    ref = (await billing.subscribe(REQUEST)).provider_ref
    # After so many answers nothing is heard any more, the library's own repeats included.
    stub.faults.extend([""] * answered + ["drop_after"] * 3)
    with pytest.raises(PaymentProviderUnavailable):
        await billing.charge(charge_of(ref))
    assert not stub.faults
    state = await billing.charge(charge_of(ref))
    assert (state.status, state.captured) == (AttemptStatus.CAPTURED, Money(3490, "EUR"))
    [invoice] = stub.invoices.values()
    assert (invoice["total"], invoice["status"]) == (3490, "paid")


async def test_an_invoice_of_another_amount_is_not_paid(
    stub: StripeBillingStub, billing: StripeSubscriptionBilling
) -> None:
    ref = (await billing.subscribe(evolve(REQUEST, method=SAVED_DECLINED))).provider_ref
    await billing.charge(charge_of(ref))
    with pytest.raises(PaymentRefused, match=r"34\.90 EUR"):
        await billing.charge(charge_of(ref, 3500))
    assert len(stub.invoices) == 1


async def test_a_challenge_is_left_to_the_customer(stub: StripeBillingStub, billing: StripeSubscriptionBilling) -> None:
    ref = (await billing.subscribe(evolve(REQUEST, method="pm_card_authenticationRequired"))).provider_ref
    state = await billing.charge(charge_of(ref))
    assert state.status is AttemptStatus.REQUIRES_ACTION
    assert state.client_secret


async def test_what_was_written_off_at_stripe_takes_nothing_any_more(
    stub: StripeBillingStub, billing: StripeSubscriptionBilling
) -> None:
    ref = (await billing.subscribe(evolve(REQUEST, method=SAVED_DECLINED))).provider_ref
    declined = await billing.charge(charge_of(ref))
    next(iter(stub.invoices.values()))["status"] = "uncollectible"
    for state in (await billing.charge(charge_of(ref)), await billing.void(charge_of(ref))):
        assert (state.status, state.provider_ref) == (AttemptStatus.CANCELLED, declined.provider_ref)


async def test_what_has_ended_has_no_invoice_to_void(
    stub: StripeBillingStub, billing: StripeSubscriptionBilling
) -> None:
    ref = (await billing.subscribe(REQUEST)).provider_ref
    await billing.cancel(ref)
    await billing.cancel(ref)
    assert (await billing.void(charge_of(ref))).status is AttemptStatus.CANCELLED
    assert not stub.invoices


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"status": "active"}, BillingStatus.RUNNING),
        ({"status": "past_due"}, BillingStatus.RUNNING),
        ({"status": "unpaid"}, BillingStatus.RUNNING),
        ({"status": "trialing"}, BillingStatus.RUNNING),
        ({"status": "incomplete"}, BillingStatus.RUNNING),
        ({"status": "something_new"}, BillingStatus.RUNNING),
        ({"status": "paused"}, BillingStatus.PAUSED),
        ({"status": "active", "pause_collection": {"behavior": "void"}}, BillingStatus.PAUSED),
        ({"status": "canceled"}, BillingStatus.ENDED),
        ({"status": "incomplete_expired"}, BillingStatus.EXPIRED),
    ],
)
async def test_stripes_states_in_the_shops_words(
    stub: StripeBillingStub, billing: StripeSubscriptionBilling, changes: dict[str, Any], status: BillingStatus
) -> None:
    ref = (await billing.subscribe(REQUEST)).provider_ref
    stub.subscriptions[ref].update(changes)
    assert (await billing.fetch(ref)).status is status


async def test_stripe_that_is_away_is_asked_again_later(
    stub: StripeBillingStub, billing: StripeSubscriptionBilling
) -> None:
    ref = (await billing.subscribe(REQUEST)).provider_ref
    stub.faults.extend(["500"] * 3)
    with pytest.raises(PaymentProviderUnavailable):
        await billing.fetch(ref)


INVOICE = {
    "id": "in_1",
    "object": "invoice",
    "status": "open",
    "currency": "eur",
    "total": 3490,
    "customer": "cus_1",
    "parent": {
        "type": "subscription_details",
        "quote_details": None,
        "subscription_details": {"subscription": SUBSCRIPTION, "metadata": {}},
    },
}
OLD_INVOICE = {**INVOICE, "parent": None, "subscription": SUBSCRIPTION, "payment_intent": "pi_1"}
OF_SUBSCRIPTION = {"id": SUBSCRIPTION, "object": "subscription", "status": "active", "customer": "cus_1"}
_LIFE = ("created", "updated", "deleted", "paused", "resumed", "trial_will_end")
_MONEY = (
    "paid",
    "payment_failed",
    "payment_action_required",
    "finalization_failed",
    "marked_uncollectible",
    "voided",
    "overpaid",
)
EVENTS = {
    **{f"customer.subscription.{what}": OF_SUBSCRIPTION for what in _LIFE},
    **{f"invoice.{what}": INVOICE for what in _MONEY},
}


def read(kind: str, thing: object) -> str:
    event = {"id": "evt_1", "object": "event", "type": kind, "livemode": False, "data": {"object": thing}}
    body = json.dumps(event).encode()
    account = StripeAccount(secret_key=SECRET_KEY, webhook_secret=WEBHOOK_SECRET)
    gateway = StripePaymentGateway(account, MovableClock(NOW))
    return gateway.read_news(body, {HEADER: sign(body, WEBHOOK_SECRET, NOW)}).object_ref


@pytest.mark.parametrize("kind", EVENTS)
def test_each_message_names_its_subscription(kind: str) -> None:
    assert read(kind, EVENTS[kind]) == SUBSCRIPTION


@pytest.mark.parametrize(
    ("thing", "ref"),
    [
        (OLD_INVOICE, SUBSCRIPTION),
        ({**INVOICE, "parent": {"subscription_details": {"subscription": {"id": SUBSCRIPTION}}}}, SUBSCRIPTION),
        ({**INVOICE, "parent": None}, ""),
        ({**INVOICE, "parent": "nonsense"}, ""),
        ({**INVOICE, "parent": {"subscription_details": {"subscription": ["sub_1"]}}}, ""),
        (None, ""),
    ],
)
def test_invoices_in_other_shapes(thing: object, ref: str) -> None:
    assert read("invoice.paid", thing) == ref


async def test_a_saved_card_pays_a_checkout_and_then_its_periods(
    stub: StripeBillingStub, billing: StripeSubscriptionBilling
) -> None:
    """The checkout's money is an ordinary payment; from the second period on it is invoices."""
    small = await open_small_shop()
    account = StripeAccount(secret_key=SECRET_KEY, webhook_secret=WEBHOOK_SECRET, api_base=stub.url)
    gateway, saved = StripePaymentGateway(account, small.clock), StripeSavedMethods(account)
    small.shop = Shop(evolve(small.shop.ports, gateway=gateway, billing=billing, saved_methods=saved))
    ada = customer()
    assert ada.user_id is not None
    wallet = Wallet.open(id=small.ids.new(WalletId), user_id=ada.user_id, provider="stripe", at=small.clock.now())
    wallet.know(CUSTOMER, small.clock.now())
    cart_id = await filled(small, await offer(small))
    session = PaymentSession(
        id=small.ids.new(PaymentSessionId),
        cart_id=cart_id,
        provider="stripe",
        method=SAVED,
        created_at=small.clock.now(),
    )
    async with small.storage.uow(small.context()) as tx:
        tx.wallets.save(wallet)
        tx.payment_sessions.save(session)
        version = (await tx.carts.get(cart_id)).version
    command = CreateOrder(cart_id=cart_id, cart_version=version, payment_session_id=session.id)
    order_id = await small.shop.execute(command, actor=ada)
    await small.pay(order_id)
    subscription = await only(small, order_id)
    assert subscription.status is SubscriptionStatus.ACTIVE, await small.payment(order_id)
    assert list(stub.subscriptions) == [subscription.provider_ref]
    assert not stub.invoices
    await days(small, 31)
    [invoice] = stub.invoices.values()
    assert (invoice["status"], invoice["total"]) == ("paid", 3490)
    await saved.close()
    await gateway.close()


async def test_a_new_card_that_is_saved_with_a_checkout_pays_its_periods(
    stub: StripeBillingStub, billing: StripeSubscriptionBilling
) -> None:
    """The browser confirms the intent; what Stripe made of the card is what the subscription is paid with."""
    small = await open_small_shop()
    account = StripeAccount(secret_key=SECRET_KEY, webhook_secret=WEBHOOK_SECRET, api_base=stub.url)
    gateway, saved = StripePaymentGateway(account, small.clock), StripeSavedMethods(account)
    small.shop = Shop(evolve(small.shop.ports, gateway=gateway, billing=billing, saved_methods=saved))
    ada = customer()
    assert ada.user_id is not None
    async with small.storage.uow(small.context()) as tx:
        tx.users.save(User.register(id=ada.user_id, email="ada@example.com", at=small.clock.now()))
    cart_id = await filled(small, await offer(small))
    choice = CreatePaymentSession(cart_id=cart_id, method="stripe_card", save=True)
    session_id = await small.shop.execute(choice, actor=ada)
    async with small.storage.uow(small.context()) as tx:
        version = (await tx.carts.get(cart_id)).version
    command = CreateOrder(cart_id=cart_id, cart_version=version, payment_session_id=session_id)
    order_id = await small.shop.execute(command, actor=ada)
    await small.pay(order_id)
    stub.browser_confirms((await small.payment(order_id)).attempt.client_secret, "pm_card_visa")
    await small.pay(order_id, refresh=True)
    [card] = stub.cards
    assert (await small.payment(order_id)).attempt.method == card
    subscription = await only(small, order_id)
    assert (subscription.status, subscription.method) == (SubscriptionStatus.ACTIVE, card)
    await days(small, 31)
    [invoice] = stub.invoices.values()
    assert (invoice["status"], invoice["total"]) == ("paid", 3490)
    await saved.close()
    await gateway.close()
