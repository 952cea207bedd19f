"""Disputes over HTTP: seen, answered once, played; and what providers told us, looked at again."""

from typing import Any

import httpx

from shop.entrypoints.http.app import create_app
from shop.entrypoints.settings import Settings
from tests.entrypoints.http.sites import UNLIMITED, OpenSite
from tests.entrypoints.test_settings import PRODUCTION
from tests.shops import for_trying_out


async def disputed(site: OpenSite) -> tuple[dict[str, Any], dict[str, Any]]:
    """An order whose payment was disputed, and its dispute."""
    order = (await site.order(await site.cart((await site.small.product(), 2)))).json()
    [ref] = site.small.books.intents
    site.small.provider.disputes_open(ref)
    await site.small.post_news()
    await site.small.deliver()
    [dispute] = (await site.staff.get("/api/admin/disputes")).json()["data"]
    return order, dispute


async def test_f60_a_disputed_charge_is_not_given_back(site: OpenSite, staff: httpx.AsyncClient) -> None:
    order, _ = await disputed(site)
    refused = await staff.post(
        f"/api/admin/payments/{order['payment']['id']}/refunds", json={"full": True}, headers={"Idempotency-Key": "1"}
    )
    problem = refused.json()
    assert (refused.status_code, problem["code"]) == (409, "payment_disputed")
    assert "/api/admin/disputes" in problem["hint"]
    shown = (await staff.get(f"/api/admin/orders/{order['id']}")).json()
    assert (shown["payment_status"], shown["flags"], shown["fulfilment_on_hold"]) == ("disputed", ["dispute"], True)
    mine = await site.guest.get(f"/api/orders/{order['id']}", headers={"Order-Token": order["order_token"]})
    assert "flags" not in mine.json()


async def test_disputes_are_listed_by_what_is_due(site: OpenSite, staff: httpx.AsyncClient) -> None:
    order, dispute = await disputed(site)
    assert dispute["object"] == "dispute"
    assert dispute["taken"] == dispute["amount"] == order["total"] | {"display": dispute["amount"]["display"]}
    assert (dispute["fee"]["amount"], dispute["answerable"]) == (1500, True)
    one = await staff.get(f"/api/admin/disputes/{dispute['id']}")
    assert one.json() == dispute
    unchanged = await staff.get(f"/api/admin/disputes/{dispute['id']}", headers={"If-None-Match": one.headers["etag"]})
    assert unchanged.status_code == 304

    async def found(query: str) -> int:
        answer = await staff.get(f"/api/admin/disputes?{query}")
        assert answer.status_code == 200, answer.text
        return len(answer.json()["data"])

    assert await found("status=needs_response,lost&include=total") == 1
    assert await found("status=won") == 0
    assert await found(f"order_id={order['id']}&payment_id={order['payment']['id']}") == 1
    assert await found("due_at[lt]=2026-03-12T00:00:00Z") == 1
    assert await found("due_at[gt]=2026-03-12T00:00:00Z") == 0
    for query, code in (("status=angry", "validation_failed"), ("mood=bad", "filter_unknown")):
        assert (await staff.get(f"/api/admin/disputes?{query}")).json()["code"] == code
    unknown = "dispute_01jd8zc5w0e7ktmj9c2q8k4h1n"
    assert (await staff.get(f"/api/admin/disputes/{unknown}")).json()["code"] == "not_found"


async def test_evidence_is_sent_once(site: OpenSite, staff: httpx.AsyncClient) -> None:
    _, dispute = await disputed(site)
    address = f"/api/admin/disputes/{dispute['id']}/evidence"

    async def sent(key: str, **body: Any) -> httpx.Response:
        return await staff.post(address, json=body, headers={"Idempotency-Key": key})

    says = {"customer_name": "Ada Byron", "shipping_tracking_number": "0034"}
    assert (await staff.post(address, json={"evidence": says})).json()["code"] == "idempotency_key_missing"
    for key, body in (
        ("1", {"evidence": {}}),
        ("2", {"evidence": {"mood": "bad"}}),
        ("3", {"evidence": {"customer_name": "  "}}),
        ("4", {"evidence": {"customer_name": "x" * 20_001}}),
        ("5", {"evidence": says, "loudly": True}),
        ("6", {"evidence": {"customer_name": 7}}),
    ):
        refused = await sent(key, **body)
        assert (refused.status_code, refused.json()["code"]) == (422, "validation_failed"), body
    answers = [await sent("7", evidence=says) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 200], answers[1].text
    assert answers[0].json() == answers[1].json()
    assert answers[1].headers["idempotent-replayed"] == "true"
    assert (answers[0].json()["status"], answers[0].json()["answerable"]) == ("under_review", False)
    assert "Ada" not in answers[0].text
    assert (await sent("8", evidence=says)).json()["evidence_at"] == answers[0].json()["evidence_at"]
    again = await sent("8b", evidence={"customer_name": "Grace"})
    assert (again.status_code, again.json()["code"]) == (409, "dispute_not_answerable")
    reader = await site.key("payments:read")
    refused = await reader.post(address, json={"evidence": says}, headers={"Idempotency-Key": "9"})
    assert (refused.status_code, refused.json()["code"]) == (403, "scope_missing")


async def test_the_inbox_is_listed_and_replayed(site: OpenSite, staff: httpx.AsyncClient) -> None:
    await disputed(site)
    listed = (await staff.get("/api/admin/payments/inbox?event_type=charge.dispute.created&include=total")).json()
    [message] = listed["data"]
    assert (message["object"], message["state"], listed["page"]["total"]) == ("provider_message", "applied", 1)
    address = f"/api/admin/payments/inbox/{message['id']}"
    before = (await staff.get(address)).json()
    assert before == message
    replays = [await staff.post(f"{address}/replay") for _ in range(2)]
    assert [replay.status_code for replay in replays] == [200, 200]
    assert [replay.json()["state"] for replay in replays] == ["applied", "applied"]
    assert len((await staff.get("/api/admin/disputes")).json()["data"]) == 1
    about = (await staff.get(f"/api/admin/payments/inbox?object_ref={message['object_ref']}&state=parked")).json()
    assert about["data"] == []
    unknown = "inbox_01jd8zc5w0e7ktmj9c2q8k4h1n"
    assert (await staff.post(f"/api/admin/payments/inbox/{unknown}/replay")).json()["code"] == "not_found"
    reader = await site.key("payments:read")
    assert (await reader.post(f"{address}/replay")).json()["code"] == "scope_missing"


async def test_what_is_played_is_followed(site: OpenSite, staff: httpx.AsyncClient) -> None:
    order = (await site.order(await site.cart((await site.small.product(), 1)))).json()
    address = f"/api/test/payments/{order['payment']['id']}/simulate"
    refused = await staff.post(address, json={"outcome": "dispute"})
    assert (refused.status_code, refused.json()["code"]) == (409, "simulation_not_offered")
    site.app = create_app(for_trying_out(site.small).shop, UNLIMITED)
    async with site.with_key(staff.headers["authorization"].removeprefix("Bearer ")) as trying:
        played = await trying.post(address, json={"outcome": "dispute"})
        assert (played.status_code, played.json()["disputed"]) == (200, True), played.text
        assert (await trying.post(address, json={"outcome": "decline"})).json()["code"] == "payment_refused"
        assert (await trying.post(address, json={"outcome": "rain"})).json()["code"] == "validation_failed"
        lost = await trying.post(address, json={"outcome": "lose"})
        assert lost.json()["disputed"] is False
    shown = (await staff.get(f"/api/admin/orders/{order['id']}")).json()
    assert shown["payment_status"] == "disputed_lost"


async def test_in_production_nothing_is_played(site: OpenSite, staff: httpx.AsyncClient) -> None:
    production = Settings.from_environment({**PRODUCTION, "SHOP_ALLOWED_HOSTS": "shop.test"})
    site.app = create_app(for_trying_out(site.small).shop, production)
    async with site.with_key(staff.headers["authorization"].removeprefix("Bearer ")) as somebody:
        unknown = "pay_01jd8zc5w0e7ktmj9c2q8k4h1n"
        answer = await somebody.post(f"/api/test/payments/{unknown}/simulate", json={"outcome": "dispute"})
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
