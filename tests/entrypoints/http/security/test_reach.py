"""What a request may name, sort by and be shown: nothing besides what the table of endpoints says."""

from typing import Any

import pytest

from shop.entrypoints.http.endpoints import Endpoint
from shop.entrypoints.http.table import ENDPOINTS
from tests.entrypoints.http.accounts.people import Town
from tests.entrypoints.http.security.rows import path_of
from tests.entrypoints.http.sites import ADDRESS, OpenSite

READ = [row for row in ENDPOINTS if row.method == "GET" and not row.others_in_query]
# What an attacker adds to have more found, sorted by or shown than is meant for them.
NOSY = (
    {"filter[customer.email]": "ada@example.com"},
    {"customer[password_hash]": "a"},
    {"password_hash[gte]": "a"},
    {"owner_id": "user_1"},
    {"where": "1=1"},
    {"serialization_groups": "admin"},
)
SECRET = ("password_hash", "fingerprint", "recovery_codes", "secret", "note", "client_secret", "public_key")


@pytest.fixture
def town(site: OpenSite) -> Town:
    return Town(site)


@pytest.mark.parametrize("row", READ, ids=lambda row: row.operation_id)
async def test_s14_nobody_filters_sorts_or_expands_by_what_is_not_shown(town: Town, row: Endpoint) -> None:
    client = town.site.staff if row.scope else (await town.person()).client
    names = {parameter.name for parameter in row.query}
    asked: list[dict[str, str]] = list(NOSY)
    asked += [{name: "password_hash"} for name in ("sort", "expand", "fields") if name in names]
    for query in asked:
        answer = await client.get(path_of(row), params=query)
        told = answer.json()
        assert answer.status_code == 422, (row.operation_id, query, answer.text)
        expected = "validation_failed" if "sort" in query else "filter_unknown"
        assert told["code"] == expected, (row.operation_id, query, told)


async def test_s07_nobody_changes_somebodys_address_or_password_from_outside(town: Town) -> None:
    ada, bob = await town.person(), await town.person("bob@example.com")
    ada_id = ada.tokens["user_id"]
    change = {"email": "mine@example.com", "password": "four words of bob"}
    for path in (f"/api/users/{ada_id}", f"/api/customers/{ada_id}", f"/api/admin/users/{ada_id}"):
        for client in (town.guest, bob.client):
            assert (await client.patch(path, json=change, headers={"If-Match": "*"})).status_code in (401, 403, 404)
    assert (await town.guest.patch("/api/users/me", json=change)).status_code == 401
    for field in ("email", "password", "email_verified", "role_ids", "scopes", "status", "id", "totp_enabled"):
        refused = await bob.client.patch("/api/users/me", json={field: "x"})
        assert (refused.status_code, refused.json()["code"]) == (422, "validation_failed"), field
    assert (await town.login(ada.email)).status_code == 200


async def test_s04_an_address_is_copied_and_never_pointed_at(town: Town) -> None:
    ada = await town.person()
    saved = (await ada.client.post("/api/users/me/addresses", json={"address": ADDRESS})).json()["id"]
    variant = await town.site.small.product(stock=9)
    cart = await town.site.cart((variant, 1))
    path, headers = f"/api/carts/{cart['id']}", {"Cart-Token": cart["cart_token"]}
    bodies: list[dict[str, Any]] = [
        {"shipping_address_id": saved},
        {"billing_address_id": saved},
        {"shipping_address": {"id": saved}},
        {"shipping_address": {**ADDRESS, "id": saved}},
        {"billing_address": {**ADDRESS, "owner_id": ada.tokens["user_id"]}},
        {"shipping_address": saved},
    ]
    for body in bodies:
        refused = await town.guest.patch(path, json=body, headers=headers)
        assert (refused.status_code, refused.json()["code"]) == (422, "validation_failed"), body
    again = (await town.guest.get(path, headers=headers)).json()
    assert again["version"] == cart["version"]


async def test_s11_neither_staffs_notes_nor_secrets_are_shown_to_anybody_else(town: Town) -> None:
    ada = await town.person()
    user = f"/api/admin/users/{ada.tokens['user_id']}"
    noted = await town.site.staff.patch(user, json={"note": "pays late", "tags": ["late"]}, headers={"If-Match": "*"})
    assert noted.status_code == 200, noted.text
    variant = await town.site.small.product(stock=9)
    placed = (await town.site.order(await town.site.cart((variant, 1)))).json()
    widened = {"Accept": "application/json; groups=admin", "X-Serialization-Groups": "admin"}
    shown = [
        await ada.client.get("/api/users/me", headers=widened),
        await ada.client.get("/api/auth/session", headers=widened),
        await ada.client.get("/api/auth/sessions", headers=widened),
        await ada.client.get("/api/orders", headers=widened),
        await town.guest.get("/api/products", headers=widened),
        await town.guest.get("/api/store", headers=widened),
    ]
    for answer in shown:
        assert answer.status_code == 200, answer.text
        assert "pays late" not in answer.text
        assert not [name for name in SECRET if f'"{name}":' in answer.text], answer.text
    # Staff do not see secrets either.
    for path in (user, "/api/admin/users", "/api/admin/api-keys", f"/api/admin/orders/{placed['id']}"):
        told = (await town.site.staff.get(path)).text
        assert not [name for name in SECRET if name != "note" and f'"{name}":' in told], told


async def test_s32_a_new_address_is_not_ones_own_before_it_is_proved(town: Town) -> None:
    ada = await town.person()
    await ada.client.post("/api/users/me/email", json={"email": "new@example.com"})
    await town.settle()
    me = (await ada.client.get("/api/users/me")).json()
    assert (me["email"], me["email_verified"]) == ("ada@example.com", True)
    assert (await town.login("new@example.com")).status_code == 401
    token = await town.token("new@example.com", "change_email")
    assert (await town.guest.post("/api/auth/email/verify", json={"token": token})).status_code == 204
    assert (await town.login("new@example.com")).status_code == 200
    assert (await town.login("ada@example.com")).status_code == 401


async def test_s02_s28_the_number_of_an_order_opens_nothing(town: Town) -> None:
    variant = await town.site.small.product(stock=9)
    placed = (await town.site.order(await town.site.cart((variant, 1)))).json()
    ada = await town.person()
    for client in (town.guest, ada.client):
        for method in ("GET", "PATCH"):
            answer = await client.request(method, f"/api/orders/{placed['number']}")
            assert answer.status_code in (401, 405, 422), answer.text
            assert placed["email"] not in answer.text
        listed = await client.get("/api/orders", params={"number": placed["number"]})
        assert listed.status_code in (401, 422), listed.text
