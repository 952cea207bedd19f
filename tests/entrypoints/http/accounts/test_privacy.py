"""One's own data as a file, and being forgotten."""

import json
from datetime import timedelta

from tests.entrypoints.http.accounts.people import Town
from tests.entrypoints.http.sites import ADDRESS

MONTH = timedelta(days=31)


async def test_s73_a_file_holds_what_is_known_of_me(town: Town) -> None:
    variant = await town.site.small.product(stock=9)
    placed = (await town.site.order(await town.site.cart((variant, 1)))).json()
    ada, bob = await town.person(), await town.person("bob@example.com")
    await ada.client.post("/api/users/me/addresses", json={"address": {**ADDRESS, "line1": "Secret Lane 7"}})
    asked = await ada.client.post("/api/users/me/export")
    assert (asked.status_code, asked.json()["status"]) == (202, "pending")
    path = asked.headers["location"]
    assert (await ada.client.get(f"{path}/file")).status_code == 404
    await town.settle()
    assert (await ada.client.get(path)).json()["status"] == "ready"
    answer = await ada.client.get(f"{path}/file")
    assert "attachment" in answer.headers["content-disposition"]
    assert answer.headers["cache-control"] == "private, no-store"
    known = json.loads(answer.content)
    assert known["profile"]["email"] == ada.email
    assert known["addresses"][0]["address"]["line1"] == "Secret Lane 7"
    assert [order["id"] for order in known["orders"]] == [placed["id"]]
    assert "client_secret" not in answer.text
    assert (await bob.client.get(path)).status_code == (await bob.client.get(f"{path}/file")).status_code == 404
    assert "ready" in (await town.mails(ada.email, "export_ready"))[0]


async def test_s73_of_the_forgotten_no_person_is_left(town: Town) -> None:
    variant = await town.site.small.product(stock=9)
    placed = (await town.site.order(await town.site.cart((variant, 1)))).json()
    ada = await town.person()
    await ada.client.post("/api/users/me/addresses", json={"address": ADDRESS})
    await ada.client.post("/api/users/me/export")
    await town.settle()
    held = await ada.client.delete("/api/users/me")
    assert (held.status_code, held.json()["code"]) == (409, "erasure_held")
    town.site.small.clock.forward(MONTH)
    ada = town.signed_in(await town.login(ada.email), ada.email)
    cart = await town.site.cart((variant, 1))
    await ada.client.post(f"/api/carts/{cart['id']}/claim", headers={"Cart-Token": cart["cart_token"]})
    assert (await ada.client.delete("/api/users/me")).status_code == 204
    await town.settle()
    town.site.small.clock.forward(timedelta(seconds=6))
    assert (await ada.client.get("/api/users/me")).status_code == 401
    assert (await town.login(ada.email)).status_code == 401
    order = (await town.site.staff.get(f"/api/admin/orders/{placed['id']}")).json()
    assert (order["email"], order["shipping_address"]["name"], order["total"]) == ("erased", "erased", placed["total"])
    assert order["shipping_address"]["country"] == "DE"
    assert await town.mails(ada.email) == []
    tables = town.site.small.tables
    kept = [tables.users, tables.sessions, tables.orders, tables.carts, tables.exports, tables.account_requests]
    left = repr([*kept, tables.invitations, tables.events])
    assert not [word for word in ("ada@example.com", "Ada Byron", "Torstr") if word in left]
    again = await town.person()
    assert again.tokens["user_id"] != ada.tokens["user_id"]


async def test_staff_forget_somebody_who_asked(town: Town) -> None:
    ada = await town.person()
    path = f"/api/admin/users/{ada.tokens['user_id']}/anonymise"
    eraser = await town.site.key("customers:erase")
    assert (await (await town.site.key("customers:write")).post(path)).status_code == 403
    assert (await eraser.post(path)).status_code == 204
    assert (await eraser.post(path)).status_code == 204
    owner = await town.owner()
    own = f"/api/admin/users/{owner.tokens['user_id']}/anonymise"
    assert (await eraser.post(own)).status_code == 403
    assert (await town.site.staff.post(own)).json()["code"] == "owner_needed"


async def test_s73_addresses_of_before_and_links_are_forgotten_too(town: Town) -> None:
    ada = await town.person("old@example.com")
    await ada.client.post("/api/users/me/email", json={"email": "new@example.com"})
    body = {"token": await town.token("new@example.com", "change_email")}
    assert len(await town.mails("old@example.com")) == 2
    assert (await ada.client.post("/api/auth/email/verify", json=body)).status_code == 204
    assert await town.mails("old@example.com") == []
    await ada.client.post("/api/users/me/email", json={"email": "next@example.com"})
    await town.guest.post("/api/auth/magic-link", json={"email": "new@example.com"})
    await town.settle()
    tables = town.site.small.tables
    assert "old@" not in repr(tables.one_time_tokens), "what a link is bound to says nothing of whose it is"
    assert (await ada.client.delete("/api/users/me")).status_code == 204
    await town.settle()
    left = repr([tables.users, tables.one_time_tokens, tables.account_requests, tables.invitations, tables.events])
    assert not [word for word in ("old@example.com", "new@example.com", "next@example.com") if word in left]
    assert await town.mails("new@example.com") == []
