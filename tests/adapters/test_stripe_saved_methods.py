"""Stripe's saved cards: what it is asked for, what its refusals mean, and whose card its messages speak of."""

import json
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID, uuid4

import pytest
from attrs import evolve

from shop.adapters.contracts.payments import MovableClock
from shop.adapters.stripe import news
from shop.adapters.stripe.account import StripeAccount
from shop.adapters.stripe.payments import StripePaymentGateway
from shop.adapters.stripe.saved_methods import StripeSavedMethods
from shop.application.ports.payments import METHOD_GONE, IntentRequest, PaymentProviderUnavailable, PaymentRefused
from shop.application.ports.saved_methods import SetupStatus
from shop.domain.kernel.identifiers import AttemptId, OrderId, WalletId
from shop.domain.kernel.money import Money
from shop.domain.payments import AttemptStatus, PaymentMethodUnknown, SavedMethodNotFound
from tests.stripe_stub import SECRET_KEY, WEBHOOK_SECRET
from tests.stripe_wallet_stub import StripeWalletStub

WALLET = WalletId(UUID(int=7))


@pytest.fixture
async def stub() -> AsyncIterator[StripeWalletStub]:
    async with StripeWalletStub() as server:
        yield server


@pytest.fixture
async def saved(stub: StripeWalletStub) -> AsyncIterator[StripeSavedMethods]:
    methods = StripeSavedMethods(account(stub))
    yield methods
    await methods.close()


@pytest.fixture
async def gateway(stub: StripeWalletStub) -> AsyncIterator[StripePaymentGateway]:
    opened = StripePaymentGateway(account(stub), MovableClock())
    yield opened
    await opened.close()


def account(stub: StripeWalletStub) -> StripeAccount:
    return StripeAccount(secret_key=SECRET_KEY, webhook_secret=WEBHOOK_SECRET, api_base=stub.url)


def request(method: str, customer: str) -> IntentRequest:
    return IntentRequest(
        attempt_id=AttemptId(uuid4()),
        order_id=OrderId(uuid4()),
        amount=Money(1999, "EUR"),
        method=method,
        customer_ref=customer,
    )


async def card(stub: StripeWalletStub, saved: StripeSavedMethods, behaviour: str = "visa") -> tuple[str, str]:
    """A customer and a saved card of theirs."""
    customer = await saved.open_customer(WALLET)
    setup = await saved.begin(customer, "", str(uuid4()))
    return customer, stub.browser_saves(setup.client_secret, behaviour)


async def test_nothing_of_the_person_goes_to_stripe(stub: StripeWalletStub, saved: StripeSavedMethods) -> None:
    await saved.open_customer(WALLET)
    [asked] = stub.seen
    assert asked.params == {"metadata[wallet_id]": str(WALLET)}
    assert asked.headers["idempotency-key"] == str(WALLET)


async def test_a_card_is_saved_to_be_charged_later(stub: StripeWalletStub, saved: StripeSavedMethods) -> None:
    customer = await saved.open_customer(WALLET)
    setup = await saved.begin(customer, "stripe_card", "k")
    asked = stub.seen[-1]
    assert (asked.params["usage"], asked.headers["idempotency-key"]) == ("off_session", "k")
    assert setup.status is SetupStatus.REQUIRES_ACTION
    assert setup.client_secret.startswith(setup.provider_ref)
    with pytest.raises(PaymentMethodUnknown):
        await saved.begin(customer, "stripe", "other")


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("requires_confirmation", SetupStatus.REQUIRES_ACTION),
        ("processing", SetupStatus.PROCESSING),
        ("succeeded", SetupStatus.SUCCEEDED),
        ("canceled", SetupStatus.CANCELLED),
    ],
)
async def test_a_setup_is_as_stripe_says(
    stub: StripeWalletStub, saved: StripeSavedMethods, status: str, expected: SetupStatus
) -> None:
    customer = await saved.open_customer(WALLET)
    stub.setup_status = status
    setup = await saved.begin(customer, "", "k")
    assert setup.status is expected
    assert bool(setup.client_secret) is (expected is SetupStatus.REQUIRES_ACTION)


async def test_without_an_answer_it_may_be_asked_again(stub: StripeWalletStub, saved: StripeSavedMethods) -> None:
    for fault in ("500", "429"):
        stub.faults.extend([fault] * 3)
        with pytest.raises(PaymentProviderUnavailable):
            await saved.open_customer(WALLET)
        stub.faults.clear()
    assert await saved.open_customer(WALLET)


async def test_the_gateway_pays_with_the_customers_own(
    stub: StripeWalletStub, saved: StripeSavedMethods, gateway: StripePaymentGateway
) -> None:
    customer, ref = await card(stub, saved)
    stub.seen.clear()
    state = await gateway.create_intent(request(ref, customer))
    made, confirmed = stub.seen
    assert (made.params["customer"], made.params["allowed_payment_method_types[0]"]) == (customer, "card")
    assert "payment_method" not in made.params
    assert confirmed.params["payment_method"] == ref
    assert state.status is AttemptStatus.AUTHORIZED


async def test_a_saved_card_without_its_customer_is_no_way_to_pay(
    stub: StripeWalletStub, saved: StripeSavedMethods, gateway: StripePaymentGateway
) -> None:
    _, ref = await card(stub, saved)
    with pytest.raises(PaymentMethodUnknown):
        await gateway.create_intent(request(ref, ""))


async def test_a_challenge_is_finished_in_the_browser(
    stub: StripeWalletStub, saved: StripeSavedMethods, gateway: StripePaymentGateway
) -> None:
    customer, ref = await card(stub, saved, "authenticationRequired")
    asked = request(ref, customer)
    state = await gateway.create_intent(asked)
    assert (state.status, bool(state.client_secret)) == (AttemptStatus.REQUIRES_ACTION, True)
    waiting = await gateway.confirm(state.provider_ref, asked.attempt_id, ref, customer)
    assert waiting.status is AttemptStatus.REQUIRES_ACTION
    stub.browser_passes_challenge(state.client_secret)
    done = await gateway.confirm(state.provider_ref, asked.attempt_id, ref, customer)
    assert done.status is AttemptStatus.AUTHORIZED


async def test_a_customer_that_is_gone_pays_nothing_and_leaves_the_intent_open(
    stub: StripeWalletStub, saved: StripeSavedMethods, gateway: StripePaymentGateway
) -> None:
    customer, ref = await card(stub, saved)
    asked = request("stripe_card", "")
    made = await gateway.create_intent(asked)
    await saved.forget(customer)
    state = await gateway.confirm(made.provider_ref, asked.attempt_id, ref, customer)
    assert (state.status, state.failure_code) == (AttemptStatus.FAILED, METHOD_GONE)
    with pytest.raises(SavedMethodNotFound):
        await saved.detach(customer, ref)


async def test_a_saved_card_that_was_declined_may_be_tried_again_and_pays_once(
    stub: StripeWalletStub, saved: StripeSavedMethods, gateway: StripePaymentGateway
) -> None:
    customer, ref = await card(stub, saved)
    stub.empty.add(ref)
    asked = request(ref, customer)
    made = await gateway.create_intent(asked)
    assert made.status is AttemptStatus.FAILED
    stub.empty.clear()
    for _ in range(2):
        state = await gateway.confirm(made.provider_ref, asked.attempt_id, ref, customer, "paysess_2")
        assert state.status is AttemptStatus.AUTHORIZED
    late = await gateway.confirm(made.provider_ref, asked.attempt_id, ref, customer, "paysess_3")
    assert late.status is AttemptStatus.AUTHORIZED
    paid = [charge for charge in stub._charges.values() if charge["status"] == "succeeded"]
    assert len(paid) == 1


async def test_what_was_called_off_is_not_confirmed(
    stub: StripeWalletStub, saved: StripeSavedMethods, gateway: StripePaymentGateway
) -> None:
    customer, ref = await card(stub, saved)
    asked = request("stripe_card", "")
    made = await gateway.create_intent(asked)
    await gateway.cancel(made.provider_ref, asked.attempt_id)
    with pytest.raises(PaymentRefused):
        await gateway.confirm(made.provider_ref, asked.attempt_id, ref, customer)


def message(kind: str, thing: dict[str, Any], before: dict[str, Any] | None = None) -> dict[str, Any]:
    data: dict[str, Any] = {"object": thing}
    if before is not None:
        data["previous_attributes"] = before
    return {"id": "evt_1", "type": kind, "data": data}


PM = {"id": "pm_1", "object": "payment_method", "customer": "cus_1"}


@pytest.mark.parametrize(
    ("event", "customer", "method"),
    [
        (message("payment_method.updated", PM), "cus_1", "pm_1"),
        (message("payment_method.attached", PM | {"customer": {"id": "cus_2", "object": "customer"}}), "cus_2", "pm_1"),
        (message("payment_method.detached", PM | {"customer": None}, {"customer": "cus_3"}), "cus_3", "pm_1"),
        (message("payment_method.detached", PM | {"customer": None}), "", "pm_1"),
        (message("payment_method.detached", PM | {"customer": 7}, {"customer": []}), "", "pm_1"),
        (message("customer.deleted", {"id": "cus_4", "object": "customer"}), "cus_4", ""),
        (message("customer.updated", {"id": "cus_4", "object": "customer"}), "", ""),
    ],
)
def test_messages_say_whose_card_they_speak_of(event: dict[str, Any], customer: str, method: str) -> None:
    body = json.dumps(event).encode()
    found = news.message_of("stripe", event, body)
    assert found.object_ref == customer
    saved = StripeSavedMethods(StripeAccount(secret_key=SECRET_KEY, webhook_secret=WEBHOOK_SECRET))
    assert saved.method_in(body) == method


async def test_a_card_for_a_customer_who_is_gone_there_is_refused(
    gateway: StripePaymentGateway, stub: StripeWalletStub
) -> None:
    """Where the shop has not heard of it: a decline with this reason, and another session pays."""
    with pytest.raises(PaymentRefused) as refusal:
        await gateway.create_intent(evolve(request("stripe_card", "cus_gone"), save=True))
    assert refusal.value.reason == "resource_missing"
