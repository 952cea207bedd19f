"""The audit log, over HTTP."""

from tests.entrypoints.http.sites import OpenSite


async def test_it_says_who_changed_what_with_the_request_and_from_where(site: OpenSite) -> None:
    variant = await site.small.product(stock=9)
    body = {"variant_id": str(variant), "delta": -2, "reason": "broken"}
    keyed = {"Idempotency-Key": "adjust-1"}
    done = await site.staff.post("/api/admin/inventory/adjustments", json=body, headers=keyed)
    assert done.status_code == 201, done.text
    answer = await site.staff.get("/api/admin/audit-log", params={"subject": str(variant), "limit": 1})
    [entry] = answer.json()["data"]
    assert entry["object"] == "audit_entry"
    assert (entry["actor"], entry["action"]) == ("api_key", "AdjustStock")
    assert entry["request_id"] == done.headers["request-id"]
    assert entry["source"]
    assert [change["after"]["on_hand"] for change in entry["changes"] if change["field"] == "stock"] == [-2]
    mine = await site.staff.get("/api/admin/audit-log", params={"actor": entry["actor_id"], "action": "AdjustStock"})
    assert mine.json()["data"] == [entry]
    narrowed = {"since": entry["at"], "until": entry["at"]}
    assert (await site.staff.get("/api/admin/audit-log", params=narrowed)).json()["data"] == []


async def test_only_who_may_read_it_does_and_being_refused_is_in_it(site: OpenSite) -> None:
    nosy = await site.key("orders:read")
    assert (await site.guest.get("/api/admin/audit-log")).status_code == 401
    refused = await nosy.get("/api/admin/audit-log")
    assert (refused.status_code, refused.json()["code"]) == (403, "scope_missing")
    await site.small.shop.denials.close()
    reader = await site.key("audit:read")
    told = (await reader.get("/api/admin/audit-log", params={"action": "audit_log_list"})).json()["data"]
    by_code = {entry["changes"][0]["after"]: entry for entry in told}
    assert by_code.keys() == {"authentication_required", "scope_missing"}
    assert by_code["scope_missing"]["request_id"] == refused.headers["request-id"]


async def test_a_cart_of_somebody_else_is_denied_and_noted(site: OpenSite) -> None:
    variant = await site.small.product(stock=9)
    cart = await site.cart((variant, 1))
    path = f"/api/carts/{cart['id']}"
    assert (await site.guest.get(path, headers={"Cart-Token": "made up"})).status_code == 404
    await site.small.shop.denials.close()
    answer = await site.staff.get("/api/admin/audit-log", params={"subject": cart["id"]})
    assert [entry["changes"][0]["after"] for entry in answer.json()["data"]] == ["not_found"]
