"""What staff do over HTTP: the catalogue, stock, orders, payments, keys and events."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest
from attrs import evolve

from shop.application.commands.balance import BookBalance
from shop.application.commands.refunds import ApproveRefund
from shop.application.commands.store import ConfigureStore
from shop.application.messages import Actor
from shop.application.ports.payments import PaymentProviderUnavailable, PaymentRefused
from shop.domain.kernel.capturing import CapturePolicy
from shop.domain.kernel.identifiers import AttemptId, PaymentId, RefundId, UserId
from shop.domain.kernel.money import Money
from shop.domain.payments import IntentState
from tests.entrypoints.http.sites import OpenSite
from tests.shops import SETTINGS, START, eur

SHIRT: dict[str, Any] = {
    "slug": "oxford-shirt",
    "title": "Oxford Shirt",
    "status": "active",
    "tags": ["shirt", "cotton"],
    "media": [{"url": "https://img.test/1.jpg", "alt": "front"}],
    "options": [{"name": "Size", "values": ["S", "M"]}],
    "variants": [
        {"sku": "OX-S", "options": ["S"], "prices": [{"amount": 4900, "currency": "EUR"}], "stock": 3},
        {
            "sku": "OX-M",
            "options": ["M"],
            "prices": [{"amount": 4900, "currency": "EUR", "compare_at": 5900}],
            "tracked": False,
            "metadata": {"bin": "7"},
        },
    ],
    "metadata": {"season": "all"},
}


async def made(staff: httpx.AsyncClient, **changes: Any) -> dict[str, Any]:
    answer = await staff.post("/api/products", json={**SHIRT, **changes})
    assert answer.status_code == 201, answer.text
    product: dict[str, Any] = answer.json()
    return product


async def test_a_product_is_made_in_one_call(client: httpx.AsyncClient, staff: httpx.AsyncClient) -> None:
    answer = await staff.post("/api/products", json=SHIRT, headers={"Idempotency-Key": "1"})
    product = answer.json()
    assert answer.headers["location"] == f"/api/products/{product['id']}"
    assert [variant["title"] for variant in product["variants"]] == ["S", "M"]
    again = await staff.post("/api/products", json=SHIRT, headers={"Idempotency-Key": "1"})
    assert (again.json(), again.headers["idempotent-replayed"]) == (product, "true")
    taken = await staff.post("/api/products", json=SHIRT)
    assert (taken.status_code, taken.json()["code"]) == (409, "slug_taken")
    shown = (await client.get(answer.headers["location"])).json()
    assert shown["price_from"]["amount"] == 4900
    assert shown["media"] == [{"url": "https://img.test/1.jpg", "alt": "front"}]
    assert "variants" not in shown
    assert (await client.get("/api/products/oxford-shirt")).json() == shown
    stock = (await client.get(f"{answer.headers['location']}/availability")).json()["variants"]
    assert [(variant["sku"], variant["status"]) for variant in stock] == [("OX-S", "low_stock"), ("OX-M", "in_stock")]


async def test_products_are_found(client: httpx.AsyncClient, staff: httpx.AsyncClient) -> None:
    shirt = await made(staff)
    await made(staff, slug="cap", title="Cap", tags=["hat"], variants=[], options=[], vendor="Hatters", metadata={})

    async def found(query: str) -> list[str]:
        answer = await client.get(f"/api/products?{query}")
        assert answer.status_code == 200, answer.text
        return [product["slug"] for product in answer.json()["data"]]

    assert await found("q=oxf") == ["oxford-shirt"]
    assert await found("sku=OX-M") == ["oxford-shirt"]
    assert await found("tag=hat") == ["cap"]
    assert await found("vendor=Hatters") == ["cap"]
    assert await found("metadata[season]=all") == ["oxford-shirt"]
    assert await found(f"id={shirt['id']}") == ["oxford-shirt"]
    assert await found("created_at[gte]=2026-03-04&created_at[lt]=2030-01-01T00:00:00Z&sort=title") == [
        "cap",
        "oxford-shirt",
    ]
    assert await found("created_at[gt]=2030-01-01") == []
    assert await found("sort=-price,title") != []


async def test_changes_are_merge_patches(staff: httpx.AsyncClient) -> None:
    product = await made(staff)
    path = f"/api/products/{product['id']}"
    category = (await staff.post("/api/categories", json={"slug": "shirts", "name": "Shirts"})).json()
    change = {
        "description": "Soft.",
        "tags": None,
        "media": None,
        "metadata": {"season": None, "fit": "slim"},
        "category_ids": [category["id"]],
        "status": "draft",
    }
    answer = await staff.patch(path, json=change, headers={"If-Match": "*"})
    changed = answer.json()
    assert (changed["description"], changed["tags"], changed["media"]) == ("Soft.", [], [])
    assert (changed["metadata"], changed["status"]) == ({"fit": "slim"}, "draft")
    assert changed["category_ids"] == [category["id"]]
    emptied = await staff.patch(
        path,
        json={"description": None, "metadata": None},
        headers={"If-Match": answer.headers["etag"], "Content-Type": "application/merge-patch+json"},
    )
    assert (emptied.json()["description"], emptied.json()["metadata"]) == ("", {})
    gone = await staff.delete(path, headers={"If-Match": emptied.headers["etag"]})
    assert (gone.status_code, gone.content) == (204, b"")
    assert (await staff.get(path)).json()["status"] == "archived"


async def test_variants_come_change_and_go(staff: httpx.AsyncClient) -> None:
    product = await made(staff)
    path = f"/api/products/{product['id']}/variants"
    added = await staff.post(
        path, json={"sku": "OX-L", "options": ["L"], "prices": [{"amount": 5000, "currency": "EUR"}], "stock": 1}
    )
    assert (added.status_code, added.json()["title"]) == (201, "L")
    one = f"{path}/{added.json()['id']}"
    change = {"prices": [{"amount": 4500, "currency": "EUR"}], "metadata": {"a": "b"}, "options": ["XL"]}
    changed = await staff.patch(one, json=change, headers={"If-Match": added.headers["etag"]})
    assert (changed.json()["price"]["amount"], changed.json()["title"]) == (4500, "XL")
    merged = await staff.patch(one, json={"metadata": {"c": "d"}}, headers={"If-Match": changed.headers["etag"]})
    assert merged.json()["metadata"] == {"a": "b", "c": "d"}
    gone = await staff.delete(one, headers={"If-Match": merged.headers["etag"]})
    assert gone.status_code == 204
    shown = (await staff.get(f"/api/products/{product['id']}?expand=variants")).json()["variants"]
    assert [v["sku"] for v in shown if v["archived"]] == ["OX-L"] or [v["sku"] for v in shown] == ["OX-S", "OX-M"]


async def test_categories_are_a_tree(client: httpx.AsyncClient, staff: httpx.AsyncClient) -> None:
    top = await staff.post("/api/categories", json={"slug": "wear", "name": "Wear", "metadata": {"a": "1"}})
    assert top.status_code == 201
    top_id = top.json()["id"]
    leaf = await staff.post("/api/categories", json={"slug": "hats", "name": "Hats", "parent_id": top_id})
    tree = (await client.get("/api/categories")).json()["data"]
    assert [(node["slug"], [child["slug"] for child in node["children"]]) for node in tree] == [("wear", ["hats"])]
    branch = (await client.get(f"/api/categories?parent={top_id}")).json()["data"]
    assert [node["slug"] for node in branch] == ["hats"]
    shown = (await client.get("/api/categories/hats?expand=ancestors,children")).json()
    assert [node["slug"] for node in shown["ancestors"]] == ["wear"]
    path = f"/api/categories/{leaf.json()['id']}"
    loop = await staff.patch(
        f"/api/categories/{top_id}", json={"parent_id": leaf.json()["id"]}, headers={"If-Match": "*"}
    )
    assert loop.json()["code"] == "category_loops"
    moved = await staff.patch(path, json={"parent_id": None, "metadata": {"b": "2"}}, headers={"If-Match": "*"})
    assert (moved.json()["parent_id"], moved.json()["metadata"]) == (None, {"b": "2"})
    back = await staff.patch(path, json={"parent_id": top_id}, headers={"If-Match": moved.headers["etag"]})
    assert back.json()["parent_id"] == top_id
    stale = await staff.delete(path, headers={"If-Match": moved.headers["etag"]})
    assert (stale.status_code, stale.json()["current"]["slug"]) == (412, "hats")
    assert (await staff.delete(path, headers={"If-Match": back.headers["etag"]})).status_code == 204
    assert (await client.get(path)).status_code == 404


async def test_stock_is_counted_and_explained(staff: httpx.AsyncClient) -> None:
    product = await made(staff)
    variant = product["variants"][0]["id"]
    place = await staff.post("/api/admin/inventory/locations", json={"name": "Store", "country": "DE", "priority": 5})
    assert (place.status_code, place.json()["name"]) == (201, "Store")
    places = (await staff.get("/api/admin/inventory/locations")).json()["data"]
    assert len(places) == 2
    body = {"variant_id": variant, "delta": 4, "reason": "delivery", "kind": "received"}
    answers = [
        await staff.post(
            "/api/admin/inventory/adjustments",
            json={**body, "location_id": where},
            headers={"Idempotency-Key": f"k{where}"},
        )
        for where in (None, place.json()["id"])
    ]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert sorted(level["on_hand"] for level in answers[1].json()["levels"]) == [4, 7]
    too_many = await staff.post(
        "/api/admin/inventory/adjustments",
        json={**body, "delta": -100, "kind": "adjusted"},
        headers={"Idempotency-Key": "k9"},
    )
    assert (too_many.status_code, too_many.json()["code"]) == (409, "insufficient_stock")
    low = (await staff.get("/api/admin/inventory?sku=OX-S&below=5")).json()["data"]
    assert [level["location_name"] for level in low] == ["Store"]
    assert len((await staff.get(f"/api/admin/inventory?variant_id={variant}&limit=1")).json()["data"]) == 1
    query = f"variant_id={variant}&kind=received&location_id={place.json()['id']}"
    movements = (await staff.get(f"/api/admin/inventory/movements?{query}")).json()["data"]
    assert [(m["on_hand"], m["reason"]) for m in movements] == [(4, "delivery")]


async def test_staff_see_what_does_not_agree_with_the_provider(site: OpenSite, staff: httpx.AsyncClient) -> None:
    await site.order(await site.cart((await site.small.product(), 1)))
    address = "/api/admin/payments/reconciliation"
    assert (await staff.get(address)).json()["clean"]
    site.small.provider.charged_elsewhere(4200)
    site.small.clock.forward(timedelta(minutes=30))
    await site.small.shop.execute(BookBalance(since=START, until=site.small.clock.now()))
    report = (await staff.get(address)).json()
    [finding] = report["findings"]
    assert (report["object"], finding["kind"], finding["theirs"]["amount"]) == (
        "reconciliation",
        "charge_unmatched",
        4200,
    )
    assert (await staff.get(f"{address}?until=2020-01-01")).json()["clean"]
    assert (await staff.get(f"{address}?since=2020-01-01")).status_code == 422
    assert (await staff.get(f"{address}?since=2026-01-02&until=2026-01-01")).status_code == 422


async def test_staff_see_all_orders_and_payments(site: OpenSite, staff: httpx.AsyncClient) -> None:
    variant = await site.small.product()
    paid = (await site.order(await site.cart((variant, 1)))).json()
    waiting = (await site.order(await site.cart((variant, 2)), method="fake_card_declined")).json()

    async def found(query: str) -> list[str]:
        answer = await staff.get(f"/api/admin/orders?{query}")
        assert answer.status_code == 200, answer.text
        return [order["number"] for order in answer.json()["data"]]

    assert await found("payment_status=paid") == [paid["number"]]
    assert await found("status=pending&fulfilment_status=unfulfilled") == [waiting["number"]]
    assert await found("email=ada@example.com&sort=-total&placed_at[gte]=2026-01-01") == [
        waiting["number"],
        paid["number"],
    ]
    assert await found(f"number={paid['number']}") == [paid["number"]]
    assert await found("metadata[a]=b") == []
    listed = (await staff.get("/api/admin/orders?expand=lines,payments&include=total")).json()
    assert listed["page"]["total"] == 2
    assert listed["data"][0]["lines"][0]["sku"] == "LINEN-SHIRT"
    shown = (await staff.get(f"/api/admin/orders/{paid['id']}")).json()
    assert shown["payments"][0]["status"] == "captured"
    cancelled = await staff.post(f"/api/admin/orders/{waiting['id']}/cancel", json={"reason": "no answer"})
    assert (cancelled.json()["status"], cancelled.json()["cancel_reason"]) == ("cancelled", "no answer")
    payments = (await staff.get(f"/api/admin/payments?status=captured&order_id={paid['id']}&provider=fake")).json()
    one = (await staff.get(f"/api/admin/payments/{payments['data'][0]['id']}")).json()
    assert one["attempts"][0]["method"] == "fake_card"
    assert "client_secret" not in str(one)
    events = (await staff.get("/api/admin/events?type=order.created,payment.processed&limit=50")).json()["data"]
    assert {event["type"] for event in events} == {"order.created", "payment.processed"}
    assert (await staff.get("/api/admin/events?type=x")).status_code == 422


async def test_f49_money_goes_back_as_it_was_said(site: OpenSite, staff: httpx.AsyncClient) -> None:
    order = (await site.order(await site.cart((await site.small.product(), 2)))).json()
    payment = order["payment"]["id"]
    address = f"/api/admin/payments/{payment}/refunds"
    line = order["lines"][0]["id"]

    async def asked(key: str, **body: Any) -> httpx.Response:
        return await staff.post(address, json=body, headers={"Idempotency-Key": key})

    assert (await staff.post(address, json={"full": True})).json()["code"] == "idempotency_key_missing"
    first = await asked("1", lines=[{"line_id": line, "quantity": 1}], reason="damaged", note="a hole")
    refund = first.json()
    assert (first.status_code, refund["status"], refund["amount"]["amount"]) == (201, "succeeded", 1999)
    assert refund["lines"] == [{"line_id": line, "quantity": 1, "amount": refund["amount"]}]
    again = await asked("1", lines=[{"line_id": line, "quantity": 1}], reason="damaged", note="a hole")
    assert (again.json(), again.headers["idempotent-replayed"]) == (refund, "true")
    assert (await staff.get(first.headers["location"])).json() == refund
    for key, body, status, code in (
        ("2", {"amount": {"amount": 0, "currency": "EUR"}}, 422, "amount_not_positive"),
        ("3", {}, 422, "validation_failed"),
        ("4", {"amount": {"amount": 1_000_000, "currency": "EUR"}}, 409, "refund_exceeds_captured"),
        ("5", {"lines": [{"line_id": line, "quantity": 2}]}, 422, "validation_failed"),
        ("6", {"lines": [{"line_id": "line_x", "quantity": 1}]}, 422, "id_malformed"),
    ):
        answer = await asked(key, **body)
        assert (answer.status_code, answer.json()["code"]) == (status, code), body
    rest = (await asked("7", full=True)).json()
    assert rest["amount"]["amount"] == order["total"]["amount"] - 1999
    assert (await asked("8", full=True)).json()["code"] == "nothing_to_refund"
    listed = (await staff.get(f"/api/admin/refunds?payment_id={payment}&sort=amount&include=total")).json()
    assert [one["id"] for one in listed["data"]] == [refund["id"], rest["id"]]
    assert listed["page"]["total"] == 2
    assert (await staff.get("/api/admin/refunds?status=failed")).json()["data"] == []
    shown = (await staff.get(f"/api/admin/orders/{order['id']}")).json()
    assert shown["payment_status"] == "refunded"


async def test_s15_a_large_refund_waits_for_a_second_person(site: OpenSite, staff: httpx.AsyncClient) -> None:
    limited = evolve(SETTINGS.store, refund_limits=(eur(100),))
    await site.small.shop.execute(ConfigureStore(store=limited))
    order = (await site.order(await site.cart((await site.small.product(), 2)))).json()
    address = f"/api/admin/payments/{order['payment']['id']}/refunds"
    wish = (await staff.post(address, json={"full": True}, headers={"Idempotency-Key": "1"})).json()
    assert wish["status"] == "pending_approval"
    own = await staff.post(f"/api/admin/refunds/{wish['id']}/approve")
    assert (own.status_code, own.json()["code"]) == (403, "second_person_needed")
    somebody = Actor(kind="user", id=UserId(uuid4()), scopes=frozenset({"*"}))
    await site.small.shop.execute(ApproveRefund(refund_id=RefundId.parse(wish["id"])), actor=somebody)
    refused = await staff.post(f"/api/admin/refunds/{wish['id']}/refuse")
    assert (refused.status_code, refused.json()["code"]) == (409, "refund_cannot_move")
    unknown = RefundId(uuid4())
    assert (await staff.post(f"/api/admin/refunds/{unknown}/approve")).status_code == 404


async def test_f20_staff_capture_what_was_authorised_once(site: OpenSite, staff: httpx.AsyncClient) -> None:
    store = evolve(SETTINGS.store, capture=CapturePolicy.MANUAL)
    await site.small.shop.execute(ConfigureStore(store=store))
    order = (await site.order(await site.cart((await site.small.product(), 2)))).json()
    assert (order["status"], order["payment_status"]) == ("confirmed", "authorized")
    payment = (await staff.get(f"/api/admin/payments?order_id={order['id']}")).json()["data"][0]
    assert (payment["capture"], payment["capture_due"], payment["void_due"]) == ("manual", None, False)
    until = payment["authorization_expires_at"]
    for query, found in (("lte", 1), ("lt", 0), ("gte", 1)):
        listed = await staff.get(f"/api/admin/payments?authorization_expires_at[{query}]={until}")
        assert len(listed.json()["data"]) == found, listed.text

    async def asked(key: str, body: Any, what: str = "capture") -> httpx.Response:
        address = f"/api/admin/payments/{payment['id']}/{what}"
        headers = {"Idempotency-Key": key} if key else {}
        return await staff.post(address, json=body, headers=headers)

    for key, body, status, code in (
        ("", {}, 400, "idempotency_key_missing"),
        ("1", {"amount": {"amount": 0, "currency": "EUR"}}, 422, "validation_failed"),
        ("2", {"amount": {"amount": 1_000_000, "currency": "EUR"}}, 409, "capture_exceeds_authorized"),
        ("3", {"amount": {"amount": 100, "currency": "USD"}}, 409, "capture_exceeds_authorized"),
        ("4", {"sum": 100}, 422, "validation_failed"),
    ):
        answer = await asked(key, body)
        assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    part = {"amount": {"amount": 1500, "currency": "EUR"}}
    first = await asked("5", part)
    taken = first.json()
    assert (first.status_code, taken["status"], taken["captured"]["amount"]) == (200, "captured", 1500)
    assert (taken["amount"]["amount"], taken["authorization_expires_at"]) == (order["total"]["amount"], None)
    again = await asked("5", part)
    assert (again.json(), again.headers["idempotent-replayed"]) == (taken, "true")
    assert (await asked("6", part)).json() == taken
    assert (await asked("7", {})).json()["code"] == "payment_cannot_move"
    assert (await asked("8", {}, "void")).json()["code"] == "order_not_cancellable"
    shown = (await staff.get(f"/api/admin/orders/{order['id']}")).json()
    assert shown["payment_status"] == "paid"


async def test_a_part_that_the_provider_will_not_take_is_refused_and_another_is_taken(
    site: OpenSite, staff: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    rightly = site.small.provider.capture

    async def capture(provider_ref: str, attempt_id: AttemptId, amount: Money | None = None) -> IntentState:
        if amount is not None and amount.minor < 50:
            raise PaymentRefused("The amount is too small.", reason="amount_too_small")
        return await rightly(provider_ref, attempt_id, amount)

    monkeypatch.setattr(site.small.provider, "capture", capture)
    await site.small.shop.execute(ConfigureStore(store=evolve(SETTINGS.store, capture=CapturePolicy.MANUAL)))
    order = (await site.order(await site.cart((await site.small.product(), 2)))).json()
    address = f"/api/admin/payments/{order['payment']['id']}/capture"
    part = {"amount": {"amount": 15, "currency": "EUR"}}
    for _ in range(2):
        refused = await staff.post(address, json=part, headers={"Idempotency-Key": "1"})
        assert (refused.status_code, refused.json()["code"]) == (409, "payment_refused")
    taken = await staff.post(
        address, json={"amount": {"amount": 1500, "currency": "EUR"}}, headers={"Idempotency-Key": "2"}
    )
    assert (taken.status_code, taken.json()["captured"]["amount"]) == (200, 1500)


@pytest.mark.parametrize("capture", list(CapturePolicy))
async def test_f45_a_wish_is_kept_while_the_provider_does_not_answer(
    site: OpenSite, staff: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch, capture: CapturePolicy
) -> None:
    async def away(provider_ref: str, attempt_id: AttemptId, amount: Money | None = None) -> IntentState:
        raise PaymentProviderUnavailable("Nobody answers.")

    monkeypatch.setattr(site.small.provider, "capture", away)
    await site.small.shop.execute(ConfigureStore(store=evolve(SETTINGS.store, capture=capture)))
    order = (await site.order(await site.cart((await site.small.product(), 2)))).json()
    address = f"/api/admin/payments/{order['payment']['id']}/capture"
    waits = await staff.post(address, json={}, headers={"Idempotency-Key": "1"})
    assert (waits.status_code, waits.json()["status"]) == (200, "authorized")


async def test_f40_staff_let_go_of_what_was_authorised_and_nothing_is_captured_after_it_lapsed(
    site: OpenSite, staff: httpx.AsyncClient
) -> None:
    store = evolve(SETTINGS.store, capture=CapturePolicy.MANUAL)
    await site.small.shop.execute(ConfigureStore(store=store))
    shirt = await site.small.product(stock=9)
    orders = [(await site.order(await site.cart((shirt, 2)))).json() for _ in range(2)]
    off, late = [order["payment"]["id"] for order in orders]
    voided = await staff.post(f"/api/admin/payments/{off}/void", headers={"Idempotency-Key": "1"})
    assert (voided.status_code, voided.json()["status"]) == (200, "cancelled")
    shown = (await staff.get(f"/api/admin/orders/{orders[0]['id']}")).json()
    assert (shown["status"], shown["payment_status"], shown["cancel_reason"]) == (
        "cancelled",
        "voided",
        "payment_voided",
    )
    trail = (await staff.get(f"/api/admin/audit-log?subject={off}")).json()["data"]
    assert any(change["field"] == "void_due" for entry in trail for change in entry["changes"])
    site.small.clock.forward(timedelta(days=8))
    answer = await staff.post(f"/api/admin/payments/{late}/capture", json={}, headers={"Idempotency-Key": "2"})
    assert (answer.status_code, answer.json()["code"]) == (409, "authorization_expired")
    unknown = PaymentId(uuid4())
    for what in ("capture", "void"):
        address = f"/api/admin/payments/{unknown}/{what}"
        assert (await staff.post(address, json={}, headers={"Idempotency-Key": what})).status_code == 404
