"""Stripe's messages: which are believed, and of which payment they speak.

The shapes of events were written by hand after the types of the Stripe library (`stripe.Event`, `Charge`,
`Dispute`, `Refund`, `checkout.Session`); none was recorded from an account.
"""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shop.adapters.contracts.payments import MovableClock
from shop.adapters.stripe.account import StripeAccount
from shop.adapters.stripe.news import HEADER, UNREADABLE
from shop.adapters.stripe.payments import StripePaymentGateway
from shop.application.ports.payments import SignatureRejected
from tests.stripe_stub import sign

SECRET = "whsec_test"
NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
INTENT = "pi_3PqRsT2eZvKYlo2C1a2b3c4d"
MONEY = {"amount": 1999, "currency": "eur"}
CHARGE = {
    "id": "ch_1",
    "object": "charge",
    **MONEY,
    "amount_captured": 1999,
    "amount_refunded": 500,
    "captured": True,
    "disputed": False,
    "payment_intent": INTENT,
    "refunded": False,
    "status": "succeeded",
}
REFUND = {
    "id": "re_1",
    "object": "refund",
    "amount": 500,
    "currency": "eur",
    "charge": "ch_1",
    "payment_intent": INTENT,
    "reason": "requested_by_customer",
    "status": "succeeded",
}
DISPUTE = {
    "id": "dp_1",
    "object": "dispute",
    **MONEY,
    "balance_transactions": [],
    "charge": "ch_1",
    "evidence_details": {"due_by": 1_773_000_000, "has_evidence": False, "past_due": False},
    "is_charge_refundable": False,
    "payment_intent": INTENT,
    "reason": "fraudulent",
    "status": "needs_response",
}
SESSION = {
    "id": "cs_test_1",
    "object": "checkout.session",
    "amount_total": 1999,
    "currency": "eur",
    "mode": "payment",
    "payment_intent": INTENT,
    "payment_status": "paid",
    "status": "complete",
}
INTENT_OBJECT = {"id": INTENT, "object": "payment_intent", **MONEY, "status": "succeeded"}
SHAPES: dict[str, dict[str, Any]] = {
    "payment_intent.succeeded": INTENT_OBJECT,
    "payment_intent.amount_capturable_updated": {**INTENT_OBJECT, "status": "requires_capture"},
    "payment_intent.payment_failed": {**INTENT_OBJECT, "status": "requires_payment_method"},
    "payment_intent.canceled": {**INTENT_OBJECT, "status": "canceled"},
    "charge.succeeded": CHARGE,
    "charge.refunded": CHARGE,
    "charge.expired": {**CHARGE, "captured": False},
    "charge.refund.updated": REFUND,
    "refund.created": REFUND,
    "refund.failed": {**REFUND, "status": "failed", "failure_reason": "lost_or_stolen_card"},
    "charge.dispute.created": DISPUTE,
    "charge.dispute.updated": DISPUTE,
    "charge.dispute.funds_withdrawn": DISPUTE,
    "charge.dispute.closed": {**DISPUTE, "status": "lost"},
    "charge.dispute.created (inquiry)": {**DISPUTE, "status": "warning_needs_response"},
    "charge.dispute.created (expanded)": {**DISPUTE, "payment_intent": INTENT_OBJECT},
    "checkout.session.completed": SESSION,
    "checkout.session.async_payment_failed": {**SESSION, "payment_status": "unpaid"},
    "radar.early_fraud_warning.created": {
        "id": "issfr_1",
        "object": "radar.early_fraud_warning",
        "charge": "ch_1",
        "payment_intent": INTENT,
    },
}


def event(thing: Any, type: str = "payment_intent.succeeded", **more: Any) -> dict[str, Any]:
    return {
        "id": "evt_1PqRsT2eZvKYlo2C",
        "object": "event",
        "api_version": "2026-10-28.endive",
        "created": int(NOW.timestamp()),
        "data": {"object": thing},
        "livemode": False,
        "pending_webhooks": 1,
        "request": {"id": None, "idempotency_key": None},
        "type": type,
        **more,
    }


@pytest.fixture(scope="module")
def gateway() -> StripePaymentGateway:
    return opened("sk_test_1")


def opened(secret_key: str) -> StripePaymentGateway:
    account = StripeAccount(secret_key=secret_key, webhook_secret=SECRET)
    return StripePaymentGateway(account, MovableClock(NOW))


def signed(body: bytes, at: datetime = NOW, secret: str = SECRET) -> dict[str, str]:
    return {HEADER: sign(body, secret, at)}


@pytest.mark.parametrize("named", SHAPES)
def test_every_message_about_money_names_its_payment(gateway: StripePaymentGateway, named: str) -> None:
    type = named.partition(" ")[0]
    body = json.dumps(event(SHAPES[named], type)).encode()
    news = gateway.read_news(body, signed(body))
    assert (news.provider, news.event_ref, news.event_type) == ("stripe", "evt_1PqRsT2eZvKYlo2C", type)
    assert news.object_ref == INTENT
    assert news.body == body


@pytest.mark.parametrize(
    "thing",
    [
        {"id": "cs_1", "object": "checkout.session", "payment_intent": None, "status": "expired"},
        {"id": "cus_1", "object": "customer"},
        {"id": "ch_1", "object": "charge", "payment_intent": {"object": "payment_intent"}},
        None,
        "text",
        ["list"],
    ],
)
def test_a_message_about_no_payment_is_read_all_the_same(gateway: StripePaymentGateway, thing: Any) -> None:
    body = json.dumps(event(thing, "customer.created")).encode()
    assert gateway.read_news(body, signed(body)).object_ref == ""


BODY = json.dumps(event(INTENT_OBJECT)).encode()
GENUINE = signed(BODY)[HEADER]
MOMENT, _, V1 = GENUINE.partition(",")
FORGED: dict[str, tuple[bytes, str]] = {
    "no signature": (BODY, ""),
    "wrong secret": (BODY, signed(BODY, secret="whsec_other")[HEADER]),
    "no secret": (BODY, signed(BODY, secret="")[HEADER]),
    "old": (BODY, signed(BODY, NOW - timedelta(seconds=301))[HEADER]),
    "from the future": (BODY, signed(BODY, NOW + timedelta(seconds=301))[HEADER]),
    "from the far future": (BODY, signed(BODY, NOW + timedelta(days=3650))[HEADER]),
    "v0 only": (BODY, GENUINE.replace("v1=", "v0=")),
    "two moments, the genuine first": (BODY, f"{MOMENT},t={int(NOW.timestamp()) + 1},{V1}"),
    "two moments, the genuine last": (BODY, f"t={int(NOW.timestamp()) + 1},{GENUINE}"),
    "the same moment twice": (BODY, f"{MOMENT},{GENUINE}"),
    "a moment that is no number": (BODY, f"t=1e9,{V1}"),
    "a moment below zero": (BODY, f"t=-5,{V1}"),
    "a moment of underscores": (BODY, GENUINE.replace("t=1", "t=1_")),
    "re-serialised body": (json.dumps(json.loads(BODY), separators=(",", ":")).encode(), GENUINE),
    "another encoding": (BODY.decode().encode("utf-16"), GENUINE),
    "not UTF-8": (b"\xff\xfe" + BODY, GENUINE),
    "truncated body": (BODY[:-1], GENUINE),
    "empty body": (b"", GENUINE),
    "no header syntax": (BODY, "genuine, honestly"),
    "a signature of other letters": (BODY, f"{MOMENT},v1=ÄÖÜ"),
}


@pytest.mark.parametrize("named", FORGED)
def test_s63_forged_messages_are_rejected(gateway: StripePaymentGateway, named: str) -> None:
    body, header = FORGED[named]
    with pytest.raises(SignatureRejected):
        gateway.read_news(body, {HEADER: header})


def test_s63_without_a_secret_of_our_own_nothing_is_believed() -> None:
    account = StripeAccount(secret_key="sk_test_1", webhook_secret="")
    with pytest.raises(SignatureRejected):
        StripePaymentGateway(account, MovableClock(NOW)).read_news(BODY, signed(BODY, secret=""))


def test_s63_a_header_of_another_name_does_not_count(gateway: StripePaymentGateway) -> None:
    with pytest.raises(SignatureRejected):
        gateway.read_news(BODY, {"fake-signature": GENUINE})


@pytest.mark.parametrize("seconds", [-300, -1, 0, 1, 300])
def test_s63_messages_of_the_last_and_next_five_minutes_are_read(gateway: StripePaymentGateway, seconds: int) -> None:
    assert gateway.read_news(BODY, signed(BODY, NOW + timedelta(seconds=seconds))).object_ref == INTENT


@pytest.mark.parametrize(("secret_key", "livemode"), [("sk_live_1", False), ("rk_live_1", False), ("sk_test_1", True)])
def test_s63_test_and_live_do_not_mix(secret_key: str, livemode: bool) -> None:
    gateway = opened(secret_key)
    wrong = json.dumps(event(INTENT_OBJECT, livemode=livemode)).encode()
    with pytest.raises(SignatureRejected):
        gateway.read_news(wrong, signed(wrong))
    right = json.dumps(event(INTENT_OBJECT, livemode=not livemode)).encode()
    assert gateway.read_news(right, signed(right)).object_ref == INTENT


@pytest.mark.parametrize("livemode", ["false", 0, None, "", []])
def test_s63_a_mode_that_is_not_said_plainly_is_rejected(gateway: StripePaymentGateway, livemode: object) -> None:
    body = json.dumps(event(INTENT_OBJECT, livemode=livemode)).encode()
    with pytest.raises(SignatureRejected):
        gateway.read_news(body, signed(body))


def test_s63_another_accounts_message_is_rejected(gateway: StripePaymentGateway) -> None:
    body = json.dumps(event(INTENT_OBJECT, account="acct_somebody_else")).encode()
    with pytest.raises(SignatureRejected):
        gateway.read_news(body, signed(body))


def test_s65_ten_megabytes_of_metadata_are_read(gateway: StripePaymentGateway) -> None:
    metadata = {f"key{number}": "x" * 100_000 for number in range(100)}
    body = json.dumps(event({**INTENT_OBJECT, "metadata": metadata})).encode()
    assert len(body) > 10_000_000
    assert gateway.read_news(body, signed(body)).object_ref == INTENT


@pytest.mark.parametrize(
    "strange",
    [
        {"status": "on_the_moon"},
        {"amount": -1999},
        {"amount": 10**30},
        {"amount": 19.99},
        {"currency": "zzz"},
        {"description": "<script>alert(1)</script>"},
        {"description": "\x00\ud800"},
    ],
)
def test_s65_strange_contents_are_kept_for_the_provider_is_asked_again(
    gateway: StripePaymentGateway, strange: dict[str, Any]
) -> None:
    body = json.dumps(event({**INTENT_OBJECT, **strange})).encode()
    news = gateway.read_news(body, signed(body))
    assert (news.object_ref, news.body) == (INTENT, body)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b"12",
        b"no JSON",
        b"{",
        b"[" * 200_000,
        b'{"a":' * 200_000,
        b'{"id":' + b"9" * 10_000 + b"}",
        b'{"id": {"a": 1}, "type": 7, "data": []}',
    ],
    ids=lambda body: repr(body[:12]),
)
def test_s65_signed_nonsense_is_kept_for_people_under_a_name_of_its_own(
    gateway: StripePaymentGateway, body: bytes
) -> None:
    news = gateway.read_news(body, signed(body))
    assert news.event_type == UNREADABLE
    assert news.event_ref.startswith("sha256:")
    assert news.object_ref == ""
    assert gateway.read_news(body, signed(body)).event_ref == news.event_ref


@pytest.mark.parametrize("name", ["evt_\x00", "evt 1", "x" * 256, "evt_ä", "\ud800", "", 5, None, ["evt"]])
def test_s65_names_that_no_database_or_log_should_meet_are_replaced(
    gateway: StripePaymentGateway, name: object
) -> None:
    body = json.dumps({**event({**INTENT_OBJECT, "id": name}), "id": name, "type": name}).encode()
    news = gateway.read_news(body, signed(body))
    assert news.event_ref.startswith("sha256:")
    assert news.event_type == UNREADABLE
    assert news.object_ref == ""


@given(st.binary(max_size=200), st.text(max_size=200))
def test_s63_no_header_crashes_it(body: bytes, header: str) -> None:
    with pytest.raises(SignatureRejected):
        opened_once().read_news(body, {HEADER: header})


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
        lambda inner: (
            st.lists(inner, max_size=4)
            | st.dictionaries(
                st.sampled_from(["id", "type", "data", "object", "payment_intent", "account"]), inner, max_size=5
            )
        ),
        max_leaves=20,
    )
)
def test_s65_no_signed_message_crashes_it(thing: Any) -> None:
    body = json.dumps(thing).encode()
    try:
        news = opened_once().read_news(body, signed(body))
    except SignatureRejected:
        assert isinstance(thing, dict)
        assert thing.get("account")
    else:
        assert news.event_ref
        assert news.event_type


_OPENED: list[StripePaymentGateway] = []


def opened_once() -> StripePaymentGateway:
    """hypothesis runs a test many times; one gateway is enough for all."""
    if not _OPENED:
        _OPENED.append(opened("sk_test_1"))
    return _OPENED[0]
