"""Rules that hold for every endpoint: errors, headers, paging, preconditions, keys, limits."""

import asyncio
import json
from datetime import timedelta
from typing import Any

import httpx
import pytest

from shop.entrypoints.settings import Settings
from tests.entrypoints.http.sites import OpenSite, open_site


def assert_problem(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """The answer is a whole problem of this code."""
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem: dict[str, Any] = answer.json()
    assert problem["status"] == status
    assert problem["type"] == f"/problems/{code}"
    assert problem["instance"] == answer.request.url.path
    assert problem["request_id"] == answer.headers["request-id"]
    assert problem["title"]
    assert problem["detail"]
    return problem


# Errors.


async def test_unknown_addresses_and_methods_are_problems(client: httpx.AsyncClient) -> None:
    assert_problem(await client.get("/api/nothing"), 404, "not_found")
    assert_problem(await client.get("/"), 404, "not_found")
    refused = await client.delete("/api/products")
    assert_problem(refused, 405, "method_not_allowed")
    assert {"GET", "POST"} <= {method.strip() for method in refused.headers["allow"].split(",")}


async def test_malformed_bodies(client: httpx.AsyncClient, staff: httpx.AsyncClient) -> None:
    headers = {"Content-Type": "application/json"}
    for content in (b"{", b"", b"what", b"\xff\xfe", b'{"slug": "\xff"}', b'{"slug": "\\ud800"}'):
        assert_problem(await staff.post("/api/products", content=content, headers=headers), 400, "body_malformed")
    for content in (
        b'{"slug": "a", "slug": "b", "title": "A"}',
        b'{"slug": "a", "title": "A", "metadata": {"k":"","k":""}}',
    ):
        twice = await staff.post("/api/products", content=content, headers=headers)
        assert "twice" in assert_problem(twice, 400, "body_malformed")["detail"]
    deep = await staff.post("/api/products", content=b'{"metadata":' * 50_000, headers=headers)
    assert_problem(deep, 422, "validation_failed")
    form = await client.post("/api/carts", data={"currency": "EUR"})
    assert_problem(form, 415, "unsupported_media_type")
    packed = await client.post("/api/carts", content=b"{}", headers={**headers, "Content-Encoding": "gzip"})
    assert "Content-Encoding" in assert_problem(packed, 415, "unsupported_media_type")["hint"]
    key = await staff.get("/api/users/me")
    assert "/api/auth/login" in assert_problem(key, 401, "authentication_required")["hint"]


async def test_bodies_that_are_too_large_are_refused_early(client: httpx.AsyncClient) -> None:
    large = b'{"currency": "' + b"x" * 1_000_001 + b'"}'
    headers = {"Content-Type": "application/json"}
    refused = await client.post("/api/carts", content=large, headers=headers)
    assert_problem(refused, 413, "payload_too_large")
    assert refused.headers["connection"] == "close"
    webhook = await client.post("/api/payments/webhooks/fake", content=b"x" * 512_001)
    assert_problem(webhook, 413, "payload_too_large")


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"slug": "a", "title": "A", "status": "sold"}, "/status"),
        ({"slug": "a"}, "/title"),
        ({"slug": "A b", "title": "A"}, "/slug"),
        ({"slug": "a", "title": "A", "variants": [{"weight_grams": -1}]}, "/variants/0/weight_grams"),
        ({"slug": "a", "title": "A", "variants": [{"prices": [{"amount": 1.5, "currency": "EUR"}]}]}, None),
        ({"slug": "a", "title": "A", "description": "\x00"}, "/description"),
        ({"slug": "a", "title": "A", "metadata": {"k\x00": "v"}}, "/metadata/k\x00"),
        ({"slug": "a", "title": "A", "tags": ["ok", "\x00"]}, "/tags/1"),
        ({"slug": "a", "title": "A", "metadata": {"a/~b": "\x00"}}, "/metadata/a~1~0b"),
        ({"slug": "a", "title": "A", "metadata": {"k" * 41: ""}}, "/metadata"),
        ({"slug": "a", "title": "A", "media": [{"url": "/1.jpg"}, {"url": "javascript:alert(1)"}]}, "/media/1/url"),
        (["a"], ""),
        ({"slug": "a", "title": "A", "category_ids": ["prod_01jd8zc5w0e7ktmj9c2q8k4h1n"]}, "/category_ids/0"),
        (
            {"slug": "a", "title": "A", "variants": [{"prices": [{"amount": 5, "currency": "EUR", "compare_at": 4}]}]},
            "/variants/0/prices/0/compare_at",
        ),
    ],
)
async def test_errors_point_to_the_place(staff: httpx.AsyncClient, body: Any, pointer: str | None) -> None:
    answer = await staff.post("/api/products", json=body)
    assert answer.status_code == 422
    assert pointer is None or answer.json()["errors"][0]["pointer"] == pointer


async def test_s10_fields_that_nobody_may_set_are_refused(site: OpenSite, staff: httpx.AsyncClient) -> None:
    cart = await site.cart((await site.small.product(), 1))
    path, headers = f"/api/carts/{cart['id']}", site.token(cart)
    for forged in ({"total": 0}, {"status": "ordered"}, {"owner_id": "user_x"}, {"version": 99}, {"id": "cart_x"}):
        answer = await site.guest.patch(path, json=forged, headers=headers)
        problem = assert_problem(answer, 422, "validation_failed")
        assert problem["errors"][0]["pointer"] == f"/{next(iter(forged))}"
    item = {"variant_id": cart["items"][0]["variant_id"], "unit_price": {"amount": 1, "currency": "EUR"}}
    assert_problem(await site.guest.post(f"{path}/items", json=item, headers=headers), 422, "validation_failed")
    assert_problem(await site.order(cart, payment_status="paid"), 422, "validation_failed")
    made = await staff.post("/api/products", json={"slug": "x", "title": "X", "id": "prod_1", "version": 7})
    assert_problem(made, 422, "validation_failed")


@pytest.mark.parametrize("quantity", [0, -1, 10_001, 1.5, "2", True, None, 10**30, 1e300])
async def test_s16_quantities_are_whole_and_positive(site: OpenSite, quantity: object) -> None:
    variant = await site.small.product()
    cart = await site.cart(ready=False)
    body = json.dumps({"variant_id": str(variant), "quantity": quantity})
    headers = {**site.token(cart), "Content-Type": "application/json"}
    answer = await site.guest.post(f"/api/carts/{cart['id']}/items", content=body, headers=headers)
    problem = assert_problem(answer, 422, "validation_failed")
    assert problem["errors"][0]["pointer"] == "/quantity"


async def test_ids_of_another_kind_are_named(client: httpx.AsyncClient) -> None:
    problem = assert_problem(await client.get("/api/products/cart_01jd8zc5w0e7ktmj9c2q8k4h1n"), 422, "id_wrong_type")
    assert "prod_" in problem["detail"]
    assert "cart_" in problem["detail"]
    assert_problem(await client.get("/api/orders/what"), 422, "id_malformed")


async def test_a_mistake_of_ours_is_a_problem_without_details(
    site: OpenSite, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("secret detail")

    monkeypatch.setattr(type(site.small.storage.readers.catalog), "availability", broken)
    answer = await client.get("/api/products/prod_01jd8zc5w0e7ktmj9c2q8k4h1n/availability")
    assert_problem(answer, 500, "internal_error")
    assert "secret detail" not in answer.text
    assert "secret detail" in caplog.text


# Query parameters.


async def test_unknown_parameters_are_refused_with_a_near_one(client: httpx.AsyncClient) -> None:
    problem = assert_problem(await client.get("/api/products?statsu=active"), 422, "filter_unknown")
    assert problem["hint"] == "Did you mean status?"
    assert "expand" in assert_problem(await client.get("/api/products?q=a&xyz=1"), 422, "filter_unknown")["hint"]
    problem = assert_problem(await client.get("/api/products?expand=variant"), 422, "filter_unknown")
    assert problem["hint"] == "Did you mean variants?"


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=101",
        "limit=1.5",
        "limit=",
        "limit=1&limit=2",
        "status=sold",
        "sort=price,-price",
        "sort=weight",
        "created_at[gte]=yesterday",
        "q=%00",
        "q=%ff",
        "after=a&before=b",
        "metadata[]=x",
        "metadata[a]=1&metadata[a]=2",
        "q=" + "x" * 201,
        "include=all&include=all",
    ],
)
async def test_parameters_that_cannot_be_are_refused(client: httpx.AsyncClient, query: str) -> None:
    answer = await client.get(f"/api/products?{query}")
    assert answer.status_code == 422, answer.text
    assert answer.headers["content-type"] == "application/problem+json"


async def test_cursors_of_another_list_are_refused(client: httpx.AsyncClient) -> None:
    assert_problem(await client.get("/api/products?after=garbage"), 422, "cursor_malformed")
    assert_problem(await client.get("/api/products?currency=XXX"), 422, "currency_unknown")


async def test_pages_follow_each_other(site: OpenSite, client: httpx.AsyncClient) -> None:
    for name in ("one", "two", "three"):
        await site.small.product(name)
    first = await client.get("/api/products?limit=2&sort=title&include=total")
    assert [p["slug"] for p in first.json()["data"]] == ["one", "three"]
    page = first.json()["page"]
    assert (page["has_more"], page["previous"], page["total"]) == (True, None, 3)
    following = first.links["next"]["url"]
    assert following.startswith("/api/products?limit=2&sort=title&include=total&after=")
    second = await client.get(following)
    assert [p["slug"] for p in second.json()["data"]] == ["two"]
    assert second.json()["page"]["has_more"] is False
    back = await client.get(second.links["prev"]["url"])
    assert back.json()["data"] == first.json()["data"]


async def test_only_the_fields_asked_for(site: OpenSite, client: httpx.AsyncClient) -> None:
    await site.small.product()
    listed = await client.get("/api/products?fields=title,slug")
    assert [list(product) for product in listed.json()["data"]] == [["object", "id", "slug", "title"]]
    one = await client.get("/api/products/linen-shirt?fields=title")
    assert list(one.json()) == ["object", "id", "title"]
    assert_problem(await client.get("/api/products?fields=titel"), 422, "filter_unknown")


# Versions.


async def test_who_has_it_already_is_told_so(site: OpenSite, client: httpx.AsyncClient) -> None:
    await site.small.product()
    for path in ("/api/products", "/api/products/linen-shirt", "/api/store", "/api/openapi.json", "/api/categories"):
        first = await client.get(path)
        etag = first.headers["etag"]
        assert etag.startswith('"')
        for tags in (etag, f"W/{etag}", f'"other", {etag}', "*"):
            again = await client.get(path, headers={"If-None-Match": tags})
            assert (again.status_code, again.content) == (304, b""), (path, tags)
            assert again.headers["etag"] == etag
        assert (await client.get(path, headers={"If-None-Match": '"other"'})).status_code == 200


async def test_changes_need_the_version_that_they_change(site: OpenSite, staff: httpx.AsyncClient) -> None:
    await site.small.product()
    shown = await staff.get("/api/products/linen-shirt?expand=variants")
    product, path = shown.json(), f"/api/products/{shown.json()['id']}"
    variant = f"{path}/variants/{product['variants'][0]['id']}"
    for changed in (path, variant):
        assert_problem(await staff.patch(changed, json={}), 428, "precondition_required")
        assert_problem(await staff.delete(changed), 428, "precondition_required")
    match = {"If-Match": shown.headers["etag"]}
    done = await staff.patch(path, json={"title": "Linen"}, headers=match)
    assert (done.status_code, done.json()["title"]) == (200, "Linen")
    stale = await staff.patch(path, json={"title": "Wool"}, headers=match)
    problem = assert_problem(stale, 412, "version_mismatch")
    assert problem["current"]["title"] == "Linen"
    for tags in ('"x"', f"W/{done.headers['etag']}", '"-1-a"', '"' + "9" * 30 + '"'):
        assert_problem(await staff.patch(path, json={}, headers={"If-Match": tags}), 412, "version_mismatch")
    assert (await staff.patch(variant, json={"sku": "N"}, headers={"If-Match": "*"})).json()["sku"] == "N"


# Keys.


async def test_F17_a_repeated_order_is_the_same_order(site: OpenSite) -> None:
    cart = await site.cart((await site.small.product(), 1))
    first, again = await site.order(cart), await site.order(cart)
    assert again.json() == first.json()
    assert "idempotent-replayed" not in first.headers
    assert again.headers["idempotent-replayed"] == "true"
    other = await site.order(cart, key="another")
    assert other.json()["id"] == first.json()["id"]


async def test_F17_a_hundred_clicks_are_one_order(site: OpenSite) -> None:
    cart = await site.cart((await site.small.product(stock=1), 1))
    session = await site.session(cart)
    body = {"cart_id": cart["id"], "cart_version": cart["version"], "payment_session_id": session}

    async def click(number: int) -> httpx.Response:
        key = "same" if number % 2 else f"own-{number}"
        headers = {**site.token(cart), "Idempotency-Key": key}
        return await site.guest.post("/api/orders", json=body, headers=headers)

    answers = await asyncio.gather(*(click(number) for number in range(100)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["id"] for answer in answers}) == 1
    settled = [await click(number) for number in range(10)]
    assert len({answer.text for answer in settled}) == 1
    assert len(site.small.books.intents) == 1


async def test_F29_a_key_that_was_forgotten_makes_no_second_order(site: OpenSite) -> None:
    cart = await site.cart((await site.small.product(), 1))
    first = await site.order(cart)
    site.small.clock.forward(timedelta(days=29))
    assert await site.small.storage.answers.forget(site.small.clock.now(), 1000) > 0
    again = await site.order(cart)
    assert "idempotent-replayed" not in again.headers
    assert again.json()["id"] == first.json()["id"]


async def test_F30_two_guests_may_choose_the_same_key(site: OpenSite) -> None:
    variant = await site.small.product()
    one, two = await site.cart((variant, 1)), await site.cart((variant, 2))
    first, second = await site.order(one, key="1"), await site.order(two, key="1")
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json()["id"] != second.json()["id"]
    assert "idempotent-replayed" not in second.headers


async def test_where_money_or_stock_moves_a_key_is_needed(site: OpenSite, staff: httpx.AsyncClient) -> None:
    cart = await site.cart((await site.small.product(), 1))
    token = site.token(cart)
    order = {"cart_id": cart["id"], "cart_version": 1, "payment_session_id": "ps_01jd8zc5w0e7ktmj9c2q8k4h1n"}
    session = {"cart_id": cart["id"], "method": "fake_card"}
    stock = {"variant_id": cart["items"][0]["variant_id"], "delta": 1, "reason": "found"}
    for client, path, body in (
        (site.guest, "/api/orders", order),
        (site.guest, "/api/payments/sessions", session),
        (staff, "/api/admin/inventory/adjustments", stock),
    ):
        assert_problem(await client.post(path, json=body, headers=token), 400, "idempotency_key_missing")
        for key in ("x" * 256, "a b", ""):
            answer = await client.post(path, json=body, headers={**token, "Idempotency-Key": key})
            assert_problem(answer, 400, "idempotency_key_malformed")


async def test_F26_F30_a_key_belongs_to_one_request_of_one_caller(site: OpenSite, staff: httpx.AsyncClient) -> None:
    variant = await site.small.product(stock=5)
    headers = {"Idempotency-Key": '"k-1"'}
    path, body = "/api/admin/inventory/adjustments", {"variant_id": str(variant), "delta": 2, "reason": "found"}
    first = await staff.post(path, json=body, headers=headers)
    assert (first.status_code, first.json()["levels"][0]["on_hand"]) == (201, 7)
    spelled = json.dumps(dict(reversed(body.items())), indent=3)
    again = await staff.post(
        path, content=spelled, headers={"Content-Type": "application/json", "Idempotency-Key": "k-1"}
    )
    assert again.json() == first.json()
    assert again.headers["idempotent-replayed"] == "true"
    other = await staff.post(path, json={**body, "delta": 3}, headers=headers)
    assert_problem(other, 422, "idempotency_key_reused")
    somebody = await site.key("inventory:write")
    own = await somebody.post(path, json={**body, "delta": 3}, headers=headers)
    assert own.status_code == 201


# Who asks.


async def test_staff_addresses_are_closed(site: OpenSite, client: httpx.AsyncClient) -> None:
    unknown = await client.get("/api/admin/orders")
    assert_problem(unknown, 401, "authentication_required")
    assert unknown.headers["www-authenticate"] == "Bearer"
    for credential in ("Bearer sk_test_wrong", "Bearer", "Basic YTpi", "Bearer pk_1", "Bearer sk_" + "x" * 300):
        refused = await client.get("/api/products", headers={"Authorization": credential})
        assert_problem(refused, 401, "credentials_rejected")
    reader = await site.key("orders:read")
    assert (await reader.get("/api/admin/orders")).status_code == 200
    problem = assert_problem(await reader.get("/api/admin/payments"), 403, "scope_missing")
    assert problem["required_scope"] == "payments:read"
    assert "shop keys create" in problem["hint"]
    writer = await site.key("orders:write")
    assert (await writer.get("/api/admin/orders")).status_code == 200


async def test_a_revoked_key_opens_nothing_after_five_seconds(site: OpenSite, staff: httpx.AsyncClient) -> None:
    made = await staff.post("/api/admin/api-keys", json={"name": "till", "scopes": ["orders:read"]})
    assert made.status_code == 201
    key = site.with_key(made.json()["secret"])
    assert (await key.get("/api/admin/orders")).status_code == 200
    assert (await staff.delete(f"/api/admin/api-keys/{made.json()['id']}")).status_code == 204
    site.small.clock.forward(timedelta(seconds=5))
    assert_problem(await key.get("/api/admin/orders"), 401, "credentials_rejected")
    listed = (await staff.get("/api/admin/api-keys")).json()["data"]
    assert next(k for k in listed if k["id"] == made.json()["id"])["revoked_at"]
    assert made.json()["secret"] not in json.dumps(listed)


async def test_a_key_cannot_mint_what_it_does_not_hold(site: OpenSite) -> None:
    minter = await site.key("apikeys:write", "orders:read")
    body = {"name": "more", "scopes": ["payments:read"]}
    refused = assert_problem(await minter.post("/api/admin/api-keys", json=body), 403, "scope_missing")
    assert refused["required_scope"] == "payments:read"


async def test_drafts_are_for_staff(site: OpenSite, client: httpx.AsyncClient, staff: httpx.AsyncClient) -> None:
    made = await staff.post("/api/products", json={"slug": "secret", "title": "Secret"})
    assert made.status_code == 201
    assert_problem(await client.get("/api/products/secret"), 404, "not_found")
    assert_problem(await client.get("/api/products?status=draft"), 401, "authentication_required")
    packer = await site.key("orders:read")
    refused = assert_problem(await packer.get("/api/products?status=draft"), 403, "scope_missing")
    assert refused["required_scope"] == "products:read"
    assert (await staff.get("/api/products/secret")).headers["cache-control"] == "private, no-store"
    assert [p["slug"] for p in (await staff.get("/api/products?status=draft,archived")).json()["data"]] == ["secret"]


# Headers.


async def test_every_answer_names_its_request(client: httpx.AsyncClient) -> None:
    made = (await client.get("/api/store")).headers["request-id"]
    assert made.startswith("req_")
    for sent in (made, "7c9e6679-7425-40de-944b-e07fc1f90ae7", "my.request:1"):
        for path in ("/api/store", "/nowhere"):
            assert (await client.get(path, headers={"Request-Id": sent})).headers["request-id"] == sent
    assert (await client.get("/api/store", headers={"Request-Id": "a b\tc"})).headers["request-id"].startswith("req_")


async def test_every_answer_is_safe_to_show(client: httpx.AsyncClient) -> None:
    for path in ("/api/store", "/nowhere", "/api/products", "/health/live", "/problems/not_found"):
        headers = (await client.get(path)).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"
        assert "default-src 'none'" in headers["content-security-policy"]
        assert headers["server-timing"].startswith("total;dur=")


async def test_only_the_catalogue_is_public(site: OpenSite, client: httpx.AsyncClient) -> None:
    await site.small.product()
    shared = (await client.get("/api/products")).headers
    assert shared["cache-control"].startswith("public, max-age=60")
    assert "Accept-Language" in shared["vary"]
    cart = await site.cart(ready=False)
    own = await client.get(f"/api/carts/{cart['id']}", headers=site.token(cart))
    assert own.headers["cache-control"] == "private, no-store"
    assert (await client.get("/api/carts/x")).headers["cache-control"] == "no-store"


async def test_head_is_get_without_a_body(site: OpenSite, client: httpx.AsyncClient) -> None:
    await site.small.product()
    for path in ("/api/products", "/api/products/linen-shirt", "/api/store", "/health/live", "/api/nothing"):
        shown, head = await client.get(path), await client.head(path)
        assert (head.status_code, head.content) == (shown.status_code, b"")
        if shown.status_code == 200:
            assert head.headers["content-length"] == str(len(shown.content))
            assert head.headers.get("etag") == shown.headers.get("etag")


async def test_options_names_the_methods(client: httpx.AsyncClient) -> None:
    answer = await client.options("/api/products/x")
    assert answer.status_code == 204
    assert {"GET", "HEAD", "PATCH", "DELETE"} <= {m.strip() for m in answer.headers["allow"].split(",")}


async def test_language_and_currency_follow_the_reader(site: OpenSite, client: httpx.AsyncClient) -> None:
    await site.small.product(price=123456)
    path = "/api/products/linen-shirt"
    german = await client.get(path, headers={"Accept-Language": "xx, de-AT;q=0.9, en;q=0.5"})
    assert german.json()["price_from"]["display"] == "€\xa01.234,56"
    assert (await client.get(path)).json()["price_from"]["display"] == "€1,234.56"
    dollars = await client.get(f"{path}?currency=USD", headers={"Accept-Language": "*;q=0.1, ;q=x"})
    assert dollars.json()["price_from"] == {"amount": 123656, "currency": "USD", "display": "$1,236.56"}
    countries = await client.get("/api/store/countries", headers={"Accept-Language": "de"})
    assert [c["name"] for c in countries.json()["data"]] == ["Deutschland", "Schweiz", "Österreich"]


async def test_browsers_of_named_storefronts_are_let_in() -> None:
    async with open_site(Settings(rate_limit="off", cors_origins="https://front.test")) as site:
        asked = {"Origin": "https://front.test", "Access-Control-Request-Method": "POST"}
        preflight = await site.guest.options("/api/carts", headers=asked)
        assert preflight.status_code == 204
        assert preflight.headers["access-control-allow-origin"] == "https://front.test"
        assert "Cart-Token" in preflight.headers["access-control-allow-headers"]
        shown = await site.guest.get("/api/store", headers={"Origin": "https://front.test"})
        assert "ETag" in shown.headers["access-control-expose-headers"]
        stranger = await site.guest.get("/api/store", headers={"Origin": "https://evil.test"})
        assert "access-control-allow-origin" not in stranger.headers
    async with open_site() as site:
        closed = await site.guest.get("/api/store", headers={"Origin": "https://front.test"})
        assert "access-control-allow-origin" not in closed.headers


async def test_the_greedy_wait() -> None:
    async with open_site(Settings(rate_limit="3/60")) as site:
        answers = [await site.guest.get("/api/store") for _ in range(4)]
        assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
        assert answers[0].headers["ratelimit-policy"] == '"default";q=3;w=60'
        assert answers[0].headers["ratelimit"].startswith('"default";r=2;t=')
        assert_problem(answers[3], 429, "rate_limited")
        assert 1 <= int(answers[3].headers["retry-after"]) <= 60
        assert (await site.staff.get("/api/store")).status_code == 429
        spoofed = await site.guest.get("/api/store", headers={"X-Forwarded-For": "198.51.100.7"})
        assert spoofed.status_code == 429
        assert (await site.guest.get("/health/live")).status_code == 200
        site.small.clock.forward(timedelta(seconds=61))
        assert (await site.guest.get("/api/store")).status_code == 200
    async with open_site() as site:
        assert "ratelimit" not in (await site.guest.get("/api/store")).headers


async def test_s72_behind_a_proxy_each_caller_has_a_limit() -> None:
    async with open_site(Settings(rate_limit="1/60", proxies=1)) as site:
        for told, status in (("::1, 198.51.100.7", 200), ("::2, 198.51.100.7", 429), ("198.51.100.8", 200)):
            answer = await site.guest.get("/api/store", headers={"X-Forwarded-For": told})
            assert answer.status_code == status


async def test_production_tells_browsers_to_stay_on_https() -> None:
    settings = Settings(
        env="production",
        rate_limit="off",
        secret_key="k" * 40,
        payments="stripe",
        database_url="postgresql://db/shop",
        base_url="https://shop.test",
        mail="smtp",
        smtp_url="smtp://mail.test",
        mail_from="shop@shop.test",
    )
    async with open_site(settings) as site:
        headers = (await site.guest.get("/api/store")).headers
        assert headers["strict-transport-security"].startswith("max-age=")
        assert "server-timing" not in headers
