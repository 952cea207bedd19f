"""How payments went, what was paid out, and what staff see of the provider's messages."""

import json
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shop.application.commands.payments import ConfirmPayment
from shop.application.ports.paging import CursorMalformed, encode_cursor
from shop.application.ports.records import PayoutStatus
from shop.application.queries.analytics import GetPaymentStatistics, rate
from shop.application.queries.payments import GetPayment
from shop.application.queries.payouts import GetPayouts
from shop.domain.kernel.currencies import UnknownCurrency
from shop.domain.kernel.errors import Invalid
from shop.domain.payments import DisputeStatus, covered
from shop.entrypoints.worker.schedule import reconcile_recent
from tests.application.test_reconciliation import balanced, paid_intents, settled, sold
from tests.shops import START, eur, open_small_shop


async def test_statistics_of_a_shop_that_sold() -> None:
    small, _ = await sold(100)
    one = await small.shop.ask(GetPaymentStatistics())
    assert (one.currency, one.attempts, one.succeeded, one.declined, one.unfinished) == ("EUR", 100, 98, 2, 0)
    assert (one.orders_attempted, one.orders_paid) == (100, 98)
    assert (one.success_rate_bp, one.authorization_rate_bp, one.order_success_rate_bp) == (9800, 9800, 9800)
    assert (one.captured, one.fees, one.refunded, one.refunds) == (eur(98 * 2489), eur(98 * 60), eur(0), 0)
    assert [(d.code, d.count) for d in one.decline_codes] == [("card_declined", 2)]
    assert sum(d.count for d in one.decline_codes) == one.declined
    assert one.until - one.since == timedelta(days=30)


async def test_another_card_after_a_decline_is_another_try_of_one_order() -> None:
    small = await open_small_shop()
    cart_id = await small.cart((await small.product(), 1))
    order_id = await small.buy_cart(cart_id, "fake_card_declined")
    session = await small.session(cart_id, "fake_card")
    await small.shop.execute(ConfirmPayment(session_id=session), actor=small.guest(cart_id))
    small.clock.forward(timedelta(minutes=1))
    one = await small.shop.ask(GetPaymentStatistics(since=START, until=small.clock.now()))
    assert (one.attempts, one.succeeded, one.declined) == (2, 1, 1)
    assert (one.success_rate_bp, one.order_success_rate_bp) == (5000, 10_000)
    assert (await small.payment(order_id)).attempt.declines == ("card_declined",)


async def test_disputes_are_counted_by_how_they_stand() -> None:
    small, _ = await sold(3)
    begins = [DisputeStatus.NEEDS_RESPONSE, DisputeStatus.NEEDS_RESPONSE, DisputeStatus.WARNING_NEEDS_RESPONSE]
    for intent, status in zip(paid_intents(small), begins, strict=True):
        small.provider.disputes_open(intent.ref, status)
    first, second, _ = [intent.ref for intent in paid_intents(small)]
    small.provider.dispute_ends(first, DisputeStatus.WON)
    small.provider.dispute_ends(second, DisputeStatus.LOST)
    await settled(small)
    small.clock.forward(timedelta(minutes=1))
    one = await small.shop.ask(GetPaymentStatistics())
    assert (one.disputes_opened, one.disputed) == (3, eur(3 * 2489))
    assert (one.disputes_won, one.disputes_lost, one.disputes_due) == (1, 1, 1)
    assert (one.fees, one.refunded) == (eur(3 * 60 + 2 * 1500), eur(0))


async def test_nothing_tried_has_no_rate() -> None:
    small = await open_small_shop()
    one = await small.shop.ask(GetPaymentStatistics(currency="USD"))
    assert (one.attempts, one.success_rate_bp, one.order_success_rate_bp) == (0, None, None)


@pytest.mark.parametrize("days", [0, 401, -1])
async def test_windows_that_are_none_or_too_long(days: int) -> None:
    small = await open_small_shop()
    since = small.clock.now() - timedelta(days=days)
    for query in (
        GetPaymentStatistics(since=since, until=small.clock.now()),
        GetPayouts(since=since, until=small.clock.now()),
    ):
        with pytest.raises(Invalid, match="400 days"):
            await small.shop.ask(query)
    with pytest.raises(UnknownCurrency):
        await small.shop.ask(GetPaymentStatistics(currency="XXQ"))


@given(st.integers(0, 10**6), st.integers(0, 10**6))
def test_a_rate_is_between_nothing_and_all(part: int, more: int) -> None:
    whole = part + more
    found = rate(part, whole)
    if not whole:
        assert found is None
        return
    assert found is not None
    assert 0 <= found <= 10_000
    assert abs(found * whole - part * 10_000) * 2 <= whole


async def test_payouts_are_listed_with_whether_they_are_booked() -> None:
    small = await open_small_shop()
    variant = await small.product(stock=10)
    for _ in range(3):
        await small.buy((variant, 1))
        await settled(small)
        small.clock.forward(timedelta(days=1))
        await small.provider.list_payouts(START, small.clock.now())
        small.clock.forward(timedelta(minutes=1))
    page = await small.shop.ask(GetPayouts(limit=2))
    assert [payout.booked for payout in page.data] == [False, False]
    await balanced(small)
    page = await small.shop.ask(GetPayouts(limit=2))
    assert [(payout.amount, payout.booked) for payout in page.data] == [(eur(2489 - 60), True)] * 2
    assert [payout.status for payout in page.data] == [PayoutStatus.PAID, PayoutStatus.IN_TRANSIT]
    rest = await small.shop.ask(GetPayouts(limit=2, after=page.next))
    assert (len(rest.data), rest.next) == (1, None)
    small.provider.payout_fails(rest.data[0].id)
    small.clock.forward(timedelta(minutes=20))
    assert await reconcile_recent(small.shop) == 0
    [failed] = (await small.shop.ask(GetPayouts(limit=2, after=page.next))).data
    assert (failed.status, failed.failure_code, failed.booked) == (PayoutStatus.FAILED, "account_closed", True)


@pytest.mark.parametrize("after", ["nonsense", encode_cursor("nonsense:po_1"), encode_cursor("9" * 400 + ":x")])
async def test_a_place_that_is_none(after: str) -> None:
    small = await open_small_shop()
    with pytest.raises(CursorMalformed):
        await small.shop.ask(GetPayouts(after=after))


async def test_staff_see_messages_without_secrets() -> None:
    small = await open_small_shop()
    order_id = await small.buy((await small.product(), 1))
    await small.post_news()
    payment = await small.payment(order_id)
    view = await small.shop.ask(GetPayment(payment_id=payment.id))
    assert [message.event_type for message in view.provider_messages or []] == [
        "payment_intent.succeeded",
        "payment_intent.amount_capturable_updated",
    ]
    assert all(payment.attempt.provider_ref in message.body for message in view.provider_messages or [])


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        (b'{"id": "evt_1", "n": [1, 2]}', '{"id": "evt_1", "n": [1, 2]}'),
        (
            b'{"data": {"object": {"id": "pi_1", "client_secret": "pi_1_secret_x", "receipt_email": "a@b.test"}}}',
            '{"data": {"object": {"id": "pi_1", "client_secret": "[hidden]", "receipt_email": "[hidden]"}}}',
        ),
        (
            b'{"a": [{"billing_details": {"name": "Ada"}, "shipping": null, "amount": 5}]}',
            '{"a": [{"billing_details": "[hidden]", "shipping": null, "amount": 5}]}',
        ),
        (
            b'{"id": "dp_1", "evidence": {"customer_purchase_ip": "192.0.2.1", "billing_address": "Ring 1"}}',
            '{"id": "dp_1", "evidence": "[hidden]"}',
        ),
        ('{"status": "é", "email": "a@b.c"}'.encode(), '{"status": "é", "email": "[hidden]"}'),
        (b"not json, with ada@example.com", "[hidden]"),
        (b"[" * 100_000, "[hidden]"),
        (b"\xff", "[hidden]"),
    ],
)
def test_messages_are_covered(body: bytes, shown: str) -> None:
    assert covered(body) == shown


json_things = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["email", "name", "id", "object"]), inner),
)


@given(json_things)
def test_whatever_a_message_says_no_covered_field_shows(thing: object) -> None:
    def check(shown: object) -> None:
        if isinstance(shown, dict):
            for name, value in shown.items():
                assert name not in ("email", "name") or value in ("[hidden]", None, "", 0, False, [], {})
                check(value)
        elif isinstance(shown, list):
            for one in shown:
                check(one)

    check(json.loads(covered(json.dumps(thing).encode())))
