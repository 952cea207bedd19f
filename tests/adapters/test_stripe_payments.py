"""How Stripe's adapter speaks to Stripe: what it sends, what it makes of answers, what it does on a bad line."""

import asyncio
import logging
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from uuid import uuid4

import pytest
import stripe
from attrs import evolve

from shop.adapters.contracts.payments import MovableClock
from shop.adapters.contracts.payments.subject import new_refund
from shop.adapters.stripe import connection
from shop.adapters.stripe.account import API_VERSION, NETWORK_RETRIES, StripeAccount, StripeNotSetUp
from shop.adapters.stripe.payments import StripePaymentGateway, open_stripe_payments
from shop.adapters.system import SystemIds
from shop.application.ports.options import Options
from shop.application.ports.payments import IntentRequest, PaymentProviderUnavailable, PaymentRefused
from shop.domain.kernel.errors import Invalid
from shop.domain.kernel.identifiers import AttemptId, OrderId
from shop.domain.kernel.money import Money
from shop.domain.payments import AUTHORIZATION_EXPIRED, AttemptStatus, PaymentMethodUnknown, RefundStatus
from tests.stripe_stub import CAPTURE_BEFORE, SECRET_KEY, WEBHOOK_SECRET, StripeStub


def request(minor: int = 1999, currency: str = "EUR", method: str = "stripe_card") -> IntentRequest:
    return IntentRequest(
        attempt_id=AttemptId(uuid4()),
        order_id=OrderId(uuid4()),
        amount=Money(minor, currency),
        method=method,
        email="ada@example.com",
    )


@pytest.fixture(autouse=True)
def quick_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    """The library pauses half a second and more between its tries."""
    monkeypatch.setattr(stripe.HTTPClient, "INITIAL_DELAY", 0.01)
    monkeypatch.setattr(stripe.HTTPClient, "MAX_DELAY", 0.02)


@pytest.fixture
async def stub() -> AsyncIterator[StripeStub]:
    async with StripeStub() as stub:
        yield stub


@pytest.fixture
async def gateway(stub: StripeStub) -> AsyncIterator[StripePaymentGateway]:
    account = StripeAccount(secret_key=SECRET_KEY, webhook_secret=WEBHOOK_SECRET, api_base=stub.url)
    gateway = StripePaymentGateway(account, MovableClock())
    yield gateway
    await gateway.close()


async def paid(stub: StripeStub, gateway: StripePaymentGateway, asked: IntentRequest) -> str:
    state = await gateway.create_intent(asked)
    stub.browser_confirms(state.client_secret, "pm_card_visa")
    return state.provider_ref


async def test_the_intent_is_made_for_the_browser_to_confirm(stub: StripeStub, gateway: StripePaymentGateway) -> None:
    asked = request()
    state = await gateway.create_intent(asked)
    assert state.status is AttemptStatus.REQUIRES_ACTION
    assert state.next_action is not None
    assert state.next_action.kind == "confirm_in_browser"
    assert state.client_secret.startswith(state.provider_ref)
    [seen] = stub.seen
    assert seen.params == {
        "amount": "1999",
        "currency": "eur",
        "capture_method": "manual",
        "allowed_payment_method_types[0]": "card",
        "metadata[order_id]": str(asked.order_id),
        "metadata[attempt_id]": str(asked.attempt_id),
        "receipt_email": "ada@example.com",
        "expand[0]": "latest_charge",
    }
    assert seen.headers["idempotency-key"] == str(asked.attempt_id)
    assert seen.headers["stripe-version"] == API_VERSION


async def test_with_the_owners_own_choice_of_methods_nothing_is_said(
    stub: StripeStub, gateway: StripePaymentGateway
) -> None:
    await gateway.create_intent(request(method="stripe"))
    assert not [name for name in stub.seen[0].params if "method_types" in name or "automatic" in name]


async def test_what_cannot_authorise_is_taken_by_stripe_itself(stub: StripeStub, gateway: StripePaymentGateway) -> None:
    await gateway.create_intent(request(method="stripe_direct"))
    params = stub.seen[0].params
    assert (params["capture_method"], params["excluded_payment_method_types[0]"]) == ("automatic_async", "card")
    assert [m.code for m in await gateway.methods() if not m.authorizes] == ["stripe_direct"]


async def test_a_part_is_named_in_stripes_own_units_under_a_key_of_its_own(
    stub: StripeStub, gateway: StripePaymentGateway
) -> None:
    for minor, part, currency, sent in ((1999, 1500, "EUR", "1500"), (500, 300, "ISK", "30000")):
        asked = request(minor, currency)
        ref = await paid(stub, gateway, asked)
        assert (await gateway.capture(ref, asked.attempt_id, Money(part, currency))).captured == Money(part, currency)
        seen = next(seen for seen in reversed(stub.seen) if seen.path.endswith("/capture"))
        assert seen.params["amount_to_capture"] == sent
        assert seen.headers["idempotency-key"] == f"{asked.attempt_id}:capture:{part}"


async def test_what_was_let_go_of_is_no_refund_and_a_refund_of_the_same_sum_is_one(
    stub: StripeStub, gateway: StripePaymentGateway
) -> None:
    asked = request()
    ref = await paid(stub, gateway, asked)
    await gateway.capture(ref, asked.attempt_id, Money(1500, "EUR"))
    assert len(stub._refunds) == 1
    assert (await gateway.fetch(ref)).refunds == ()
    elsewhere = stub._keep_refund(stub._charges[stub.intent(ref)["latest_charge"]], 499, {"by": "owner"}, "succeeded")
    assert [refund.provider_ref for refund in (await gateway.fetch(ref)).refunds] == [elsewhere["id"]]


async def test_f40_only_what_was_authorised_lapses(stub: StripeStub, gateway: StripePaymentGateway) -> None:
    """Stripe also cancels by itself what nobody ever paid."""
    asked = request()
    ref = await paid(stub, gateway, asked)
    authorized = await gateway.fetch(ref)
    assert authorized.expires_at == datetime.fromtimestamp(CAPTURE_BEFORE, UTC)
    stub.lapse(ref)
    assert (await gateway.fetch(ref)).failure_code == AUTHORIZATION_EXPIRED
    never = (await gateway.create_intent(request())).provider_ref
    stub.lapse(never)
    state = await gateway.fetch(never)
    assert (state.status, state.failure_code, state.expires_at) == (AttemptStatus.CANCELLED, "", None)
    voided = request()
    ref = await paid(stub, gateway, voided)
    assert (await gateway.cancel(ref, voided.attempt_id)).failure_code == ""


async def test_every_step_has_a_key_of_its_own(stub: StripeStub, gateway: StripePaymentGateway) -> None:
    asked = request()
    ref = await paid(stub, gateway, asked)
    await gateway.capture(ref, asked.attempt_id)
    back = new_refund(ref, 1)
    await gateway.refund(back)
    await gateway.cancel(ref, asked.attempt_id)
    keys = [seen.headers["idempotency-key"] for seen in stub.seen if seen.method == "POST"]
    attempt = str(asked.attempt_id)
    assert keys == [attempt, f"{attempt}:capture", str(back.refund_id), f"{attempt}:cancel"]


def test_the_pinned_version_is_the_one_that_the_librarys_types_describe() -> None:
    """Red after an upgrade of the library: read its changelog, then move the pin."""
    assert stripe.api_version == API_VERSION


def options(**variables: str) -> Options:
    return Options(environment=variables, clock=MovableClock(), ids=SystemIds())


async def test_the_settings_say_where_and_as_whom(stub: StripeStub) -> None:
    gateway = open_stripe_payments(
        options(
            SHOP_STRIPE_SECRET_KEY=SECRET_KEY,
            SHOP_STRIPE_WEBHOOK_SECRET=WEBHOOK_SECRET,
            SHOP_STRIPE_API_BASE=stub.url,
        )
    )
    assert (await gateway.create_intent(request())).provider_ref
    await gateway.close()


def test_settings_that_are_missing_are_named() -> None:
    with pytest.raises(StripeNotSetUp, match="SHOP_STRIPE_SECRET_KEY and SHOP_STRIPE_WEBHOOK_SECRET"):
        open_stripe_payments(options())
    with pytest.raises(StripeNotSetUp, match=r"needs SHOP_STRIPE_WEBHOOK_SECRET\."):
        open_stripe_payments(options(SHOP_STRIPE_SECRET_KEY=SECRET_KEY))


def test_keys_are_not_shown() -> None:
    account = StripeAccount(secret_key="sk_live_secret", webhook_secret="whsec_secret")
    assert "secret" not in repr(account).replace("StripeAccount", "")
    assert account.live


async def test_what_the_browser_needs_is_never_logged(
    gateway: StripePaymentGateway, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    state = await gateway.create_intent(request())
    assert caplog.records
    assert state.client_secret
    for text in (caplog.text, repr(state)):
        assert state.client_secret not in text
        assert SECRET_KEY not in text


async def test_f48_stripe_is_told_its_own_units(stub: StripeStub, gateway: StripePaymentGateway) -> None:
    for minor, currency, sent in ((500, "JPY", "500"), (5, "ISK", "500"), (1200, "MGA", "12")):
        asked = request(minor, currency)
        ref = await paid(stub, gateway, asked)
        assert stub.intent(ref)["amount"] == int(sent)
        state = await gateway.capture(ref, asked.attempt_id)
        assert state.captured == asked.amount
        assert (await gateway.refund(new_refund(ref, minor, currency))).amount == asked.amount
    with pytest.raises(Invalid):
        await gateway.create_intent(request(5124, "KWD"))


@pytest.mark.parametrize("fault", ["drop", "drop_after", "500", "503", "409"])
async def test_a_passing_fault_is_overcome_with_one_effect(
    stub: StripeStub, gateway: StripePaymentGateway, fault: str
) -> None:
    stub.faults.append(fault)
    asked = request()
    state = await gateway.create_intent(asked)
    assert len(stub.seen) == 2
    assert (await gateway.create_intent(asked)).provider_ref == state.provider_ref
    assert stub.intent(state.provider_ref)["amount"] == 1999


@pytest.mark.parametrize("fault", ["drop", "drop_after", "500", "409"])
async def test_a_lasting_fault_is_a_provider_that_does_not_answer(
    stub: StripeStub, gateway: StripePaymentGateway, fault: str
) -> None:
    stub.faults.extend([fault] * (1 + NETWORK_RETRIES))
    asked = request()
    with pytest.raises(PaymentProviderUnavailable):
        await gateway.create_intent(asked)
    assert (await gateway.create_intent(asked)).status is AttemptStatus.REQUIRES_ACTION


@pytest.mark.parametrize("fault", ["401", "403", "429"])
async def test_what_only_the_owner_or_time_can_mend_is_to_be_repeated(
    stub: StripeStub, gateway: StripePaymentGateway, fault: str
) -> None:
    stub.faults.append(fault)
    with pytest.raises(PaymentProviderUnavailable) as caught:
        await gateway.create_intent(request())
    assert SECRET_KEY not in str(caught.value)


async def test_a_provider_that_hangs_is_waited_for_only_so_long(
    gateway: StripePaymentGateway, stub: StripeStub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "CALL_TIMEOUT_SECONDS", 0.2)
    stub.faults.append("hang")
    async with asyncio.timeout(5):
        with pytest.raises(PaymentProviderUnavailable, match="in time"):
            await gateway.create_intent(request())


async def test_nobody_listening_is_a_provider_that_does_not_answer() -> None:
    async with StripeStub() as gone:
        address = gone.url
    account = StripeAccount(secret_key=SECRET_KEY, webhook_secret=WEBHOOK_SECRET, api_base=address)
    gateway = StripePaymentGateway(account, MovableClock())
    with pytest.raises(PaymentProviderUnavailable):
        await gateway.fetch("pi_1")
    await gateway.close()


async def test_an_unknown_method_is_named(gateway: StripePaymentGateway) -> None:
    with pytest.raises(PaymentMethodUnknown, match="fake_card"):
        await gateway.create_intent(request(method="fake_card"))


async def test_a_payment_under_way_is_not_cancelled_but_told(stub: StripeStub, gateway: StripePaymentGateway) -> None:
    asked = request()
    state = await gateway.create_intent(asked)
    stub.browser_confirms(state.client_secret, "pm_card_visa_Slow")
    state = await gateway.cancel(state.provider_ref, asked.attempt_id)
    assert state.status is AttemptStatus.PROCESSING


async def test_a_refusal_that_stripe_repeats_does_not_outlive_its_cause(
    stub: StripeStub, gateway: StripePaymentGateway
) -> None:
    """The intent was under way when we first cancelled; a day long Stripe answers that key with the refusal."""
    asked = request()
    ref = (await gateway.create_intent(asked)).provider_ref
    stub.intent(ref)["status"] = "processing"
    assert (await gateway.cancel(ref, asked.attempt_id)).status is AttemptStatus.PROCESSING
    stub.intent(ref)["status"] = "requires_payment_method"
    assert (await gateway.cancel(ref, asked.attempt_id)).status is AttemptStatus.CANCELLED


async def test_a_redirect_is_told(stub: StripeStub, gateway: StripePaymentGateway) -> None:
    ref = (await gateway.create_intent(request())).provider_ref
    stub.intent(ref).update(
        status="requires_action",
        next_action={"type": "redirect_to_url", "redirect_to_url": {"url": "https://bank.example/3ds"}},
    )
    action = (await gateway.fetch(ref)).next_action
    assert action is not None
    assert (action.kind, action.url) == ("redirect", "https://bank.example/3ds")


async def test_the_challenge_passed_in_the_browser_authorises(stub: StripeStub, gateway: StripePaymentGateway) -> None:
    state = await gateway.create_intent(request())
    stub.browser_confirms(state.client_secret, "pm_card_authenticationRequired")
    stub.browser_passes_challenge(state.client_secret)
    state = await gateway.fetch(state.provider_ref)
    assert state.status is AttemptStatus.AUTHORIZED
    assert (state.client_secret, state.next_action) == ("", None)


async def test_confirming_what_has_no_method_is_refused(gateway: StripePaymentGateway) -> None:
    asked = request()
    ref = (await gateway.create_intent(asked)).provider_ref
    with pytest.raises(PaymentRefused):
        await gateway.confirm(ref, asked.attempt_id, "stripe_card")


async def test_f51_a_refund_that_the_bank_sends_back_is_told_as_failed(
    stub: StripeStub, gateway: StripePaymentGateway
) -> None:
    asked = request()
    ref = await paid(stub, gateway, asked)
    await gateway.capture(ref, asked.attempt_id)
    refund = await gateway.refund(new_refund(ref, 5))
    assert refund.status is RefundStatus.SUCCEEDED
    stub.refund_becomes(refund.provider_ref, "failed", "lost_or_stolen_card")
    state = await gateway.fetch(ref)
    assert [(r.status, r.failure_code) for r in state.refunds] == [(RefundStatus.FAILED, "lost_or_stolen_card")]
    assert not state.refunded


@pytest.mark.parametrize("status", ["pending", "requires_action", "failed", "canceled", "on_the_moon"])
async def test_f51_every_status_of_a_refund_is_understood(
    stub: StripeStub, gateway: StripePaymentGateway, status: str
) -> None:
    asked = request()
    ref = await paid(stub, gateway, asked)
    await gateway.capture(ref, asked.attempt_id)
    stub.refund_status = status
    expected = {"canceled": RefundStatus.CANCELLED, "on_the_moon": RefundStatus.PENDING}
    refund = await gateway.refund(new_refund(ref, 5))
    assert refund.status is (expected.get(status) or RefundStatus(status))


async def test_f19_a_refund_whose_key_was_forgotten_is_not_made_again(
    stub: StripeStub, gateway: StripePaymentGateway
) -> None:
    """Stripe forgets keys after a day: the id that goes along tells that it was made."""
    asked = request()
    ref = await paid(stub, gateway, asked)
    await gateway.capture(ref, asked.attempt_id)
    back = new_refund(ref, 5)
    first = await gateway.refund(back)
    stub.forget_keys()
    assert await gateway.refund(back) == first
    assert len((await gateway.fetch(ref)).refunds) == 1


async def test_s65_a_status_that_nobody_knows_yet_is_under_way(stub: StripeStub, gateway: StripePaymentGateway) -> None:
    ref = (await gateway.create_intent(request())).provider_ref
    stub.intent(ref)["status"] = "on_the_moon"
    assert (await gateway.fetch(ref)).status is AttemptStatus.PROCESSING


async def test_s65_another_currency_is_told_as_it_is(stub: StripeStub, gateway: StripePaymentGateway) -> None:
    ref = (await gateway.create_intent(request())).provider_ref
    stub.intent(ref)["currency"] = "usd"
    assert (await gateway.fetch(ref)).amount == Money(1999, "USD")


@pytest.mark.parametrize(
    "strange",
    [
        {"amount": -1999},
        {"amount_received": -1},
        {"amount": 19.99},
        {"amount": "1999"},
        {"amount": 10**30},
        {"amount": None},
        {"currency": "zzz"},
        {"currency": None},
        {"status": ["succeeded"]},
        {"status": "requires_payment_method", "last_payment_error": "oops"},
        {"latest_charge": "left out"},
    ],
)
async def test_s65_answers_that_make_no_sense_are_no_answers(
    stub: StripeStub, gateway: StripePaymentGateway, strange: dict[str, object]
) -> None:
    ref = await paid(stub, gateway, request())
    charge = strange.get("latest_charge")
    if charge == "left out":
        stub.charges_left_out = True
    elif isinstance(charge, dict):
        stub.charge(ref).update(charge)
    else:
        stub.intent(ref).update(strange)
    with pytest.raises(PaymentProviderUnavailable, match="sense"):
        await gateway.fetch(ref)


async def test_s65_an_answer_without_anything_is_no_answer(stub: StripeStub, gateway: StripePaymentGateway) -> None:
    stub.faults.append("nonsense")
    with pytest.raises(PaymentProviderUnavailable, match="sense"):
        await gateway.create_intent(request())


async def test_a_decline_in_the_browser_can_be_followed_by_another_card(
    stub: StripeStub, gateway: StripePaymentGateway
) -> None:
    state = await gateway.create_intent(request())
    stub.browser_confirms(state.client_secret, "pm_card_visa_chargeDeclined")
    declined = await gateway.fetch(state.provider_ref)
    assert (declined.status, declined.failure_code) == (AttemptStatus.FAILED, "card_declined")
    assert declined.client_secret == state.client_secret
    stub.browser_confirms(declined.client_secret, "pm_card_visa")
    assert (await gateway.fetch(state.provider_ref)).status is AttemptStatus.AUTHORIZED


async def test_the_answer_to_a_repeated_request_is_the_first_one(
    stub: StripeStub, gateway: StripePaymentGateway
) -> None:
    asked = request()
    first = await gateway.create_intent(asked)
    stub.browser_confirms(first.client_secret, "pm_card_visa")
    assert await gateway.create_intent(asked) == first
    with pytest.raises(PaymentRefused):
        await gateway.create_intent(evolve(asked, email="another@example.com"))
