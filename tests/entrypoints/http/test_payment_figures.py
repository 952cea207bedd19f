"""Figures about payments and what was paid out, over HTTP."""

from datetime import timedelta

import pytest

from shop.application.ports.payments import PaymentProviderUnavailable
from tests.application.test_reconciliation import balanced, settled
from tests.entrypoints.http.sites import OpenSite, open_site
from tests.shops import START


async def test_how_payments_went(site: OpenSite) -> None:
    small = site.small
    variant = await small.product(stock=10)
    await small.buy((variant, 1))
    await small.buy((variant, 1), method="fake_card_declined")
    small.clock.forward(timedelta(minutes=5))
    await balanced(small)
    reader = await site.key("analytics:read")
    found = (await reader.get("/api/analytics/payments?currency=EUR")).json()
    assert found["object"] == "payment_statistics"
    assert (found["attempts"], found["succeeded"], found["declined"], found["success_rate_bp"]) == (2, 1, 1, 5000)
    assert (found["captured"]["amount"], found["fees"]["amount"], found["fees"]["currency"]) == (2489, 60, "EUR")
    assert found["decline_codes"] == [{"code": "card_declined", "count": 1}]
    assert (found["disputes_opened"], found["disputed"]["amount"], found["disputes_due"]) == (0, 0, 0)
    [taken] = [intent for intent in small.books.intents.values() if intent.captured]
    small.provider.disputes_open(taken.ref)
    await settled(small)
    small.clock.forward(timedelta(minutes=1))
    found = (await reader.get("/api/analytics/payments")).json()
    assert (found["disputes_opened"], found["disputed"]["amount"], found["disputes_due"]) == (1, 2489, 1)
    assert (found["disputes_won"], found["disputes_lost"], found["fees"]["amount"]) == (0, 0, 1560)
    narrow = (await reader.get(f"/api/analytics/payments?until={START:%Y-%m-%d}&fields=attempts")).json()
    assert narrow == {"object": "payment_statistics", "attempts": 0}
    other = await site.key("payments:read")
    assert (await other.get("/api/analytics/payments")).status_code == 403
    for query, code in (("currency=XXQ", "currency_unknown"), ("since=2020-01-01", ""), ("sum=all", "filter_unknown")):
        refused = await reader.get(f"/api/analytics/payments?{query}")
        assert refused.status_code == 422
        assert not code or refused.json()["code"] == code


async def test_payments_are_found_by_what_declined_them(site: OpenSite) -> None:
    small = site.small
    variant = await small.product(stock=10)
    await small.buy((variant, 1))
    await small.buy((variant, 1), method="fake_card_declined")
    [declined] = (await site.staff.get("/api/admin/payments?failure_code=card_declined&provider=fake")).json()["data"]
    assert declined["status"] == "failed"
    assert declined["attempts"][0]["declines"] == ["card_declined"]
    assert (await site.staff.get("/api/admin/payments?failure_code=expired_card")).json()["data"] == []
    one = (await site.staff.get(f"/api/admin/payments/{declined['id']}")).json()
    assert one["provider_messages"] == []
    await small.post_news()
    one = (await site.staff.get(f"/api/admin/payments/{declined['id']}")).json()
    assert [message["event_type"] for message in one["provider_messages"]] == ["payment_intent.payment_failed"]


async def test_what_was_paid_out(site: OpenSite) -> None:
    small = site.small
    variant = await small.product(stock=10)
    for _ in range(3):
        await small.buy((variant, 1))
        small.clock.forward(timedelta(days=1))
        await balanced(small)
    small.clock.forward(timedelta(minutes=5))
    await balanced(small)
    first = (await site.staff.get("/api/admin/payments/payouts?limit=2")).json()
    assert [(one["object"], one["booked"], one["amount"]["amount"]) for one in first["data"]] == [
        ("payout", True, 2429),
        ("payout", True, 2429),
    ]
    more = (await site.staff.get(f"/api/admin/payments/payouts?limit=2&after={first['page']['next']}")).json()
    assert (len(more["data"]), more["page"]["has_more"]) == (1, False)
    bad = await site.staff.get("/api/admin/payments/payouts?after=nonsense")
    assert (bad.status_code, bad.json()["code"]) == (422, "cursor_malformed")
    report = (await site.staff.get("/api/admin/payments/reconciliation")).json()
    assert report["payouts"] == 1


async def test_a_provider_that_does_not_answer() -> None:
    async with open_site() as site:

        async def away(*_args: object, **_more: object) -> None:
            raise PaymentProviderUnavailable("away")

        site.small.provider.list_payouts = away  # type: ignore[method-assign, assignment]
        answer = await site.staff.get("/api/admin/payments/payouts")
        assert (answer.status_code, answer.json()["code"]) == (503, "payment_provider_unavailable")


@pytest.mark.parametrize("what", ["admin/payments/payouts", "admin/payments/reconciliation", "analytics/payments"])
@pytest.mark.parametrize("asked", ["until=0001-01-01", "since=0001-01-01&until=0001-02-01", "since=9999-12-31"])
async def test_a_window_in_which_nobody_sells_is_refused(site: OpenSite, what: str, asked: str) -> None:
    answer = await site.staff.get(f"/api/{what}?{asked}")
    assert (answer.status_code, answer.json()["code"]) == (422, "validation_failed")
