"""Profile, address book, carts and orders of one's own: and nobody else's."""

from shop.domain.kernel.identifiers import CartId
from tests.entrypoints.http.accounts.people import Town
from tests.entrypoints.http.sites import ADDRESS


async def test_my_profile_and_choices(town: Town) -> None:
    ada = await town.person()
    changed = await ada.client.patch("/api/users/me", json={"name": "Ada", "phone": "1", "metadata": {"a": "b"}})
    assert (changed.json()["name"], changed.json()["metadata"]) == ("Ada", {"a": "b"})
    assert (await ada.client.patch("/api/users/me", json={"roles": ["owner"]})).status_code == 422
    etag = (await ada.client.get("/api/users/me")).headers["etag"]
    assert (await ada.client.get("/api/users/me", headers={"If-None-Match": etag})).status_code == 304
    asked = (await ada.client.get("/api/users/me/preferences")).json()["consents"]
    assert not any(asked.values())
    body = {"consents": {"marketing_email": True}}
    assert (await ada.client.patch("/api/users/me/preferences", json=body)).json()["consents"]["marketing_email"]
    assert (await ada.client.patch("/api/users/me/preferences", json={"consents": {"x": True}})).status_code == 422


async def test_my_address_book(town: Town) -> None:
    ada, bob = await town.person(), await town.person("bob@example.com")
    made = [
        await ada.client.post("/api/users/me/addresses", json={"address": ADDRESS, "default_shipping": True})
        for _ in range(2)
    ]
    assert [answer.status_code for answer in made] == [201, 201]
    first, second = (answer.json()["id"] for answer in made)
    listed = (await ada.client.get("/api/users/me/addresses")).json()["data"]
    assert [(each["id"], each["default_shipping"]) for each in listed] == [(first, False), (second, True)]
    path = f"/api/users/me/addresses/{first}"
    changed = await ada.client.patch(path, json={"address": {"city": "Bonn"}, "default_billing": True})
    assert (changed.json()["address"]["city"], changed.json()["default_billing"]) == ("Bonn", True)
    assert (await bob.client.patch(path, json={"default_billing": True})).status_code == 404
    assert (await bob.client.delete(path)).status_code == 404
    assert (await ada.client.delete(path)).status_code == 204
    assert len((await ada.client.get("/api/users/me/addresses")).json()["data"]) == 1
    wrong = await ada.client.post("/api/users/me/addresses", json={"address": {**ADDRESS, "country": "XX"}})
    assert (wrong.status_code, wrong.json()["errors"][0]["pointer"]) == (422, "/address/country")


async def test_s06_a_guests_cart_comes_along_with_its_token_only(town: Town) -> None:
    variant = await town.site.small.product(stock=9)
    cart = await town.site.cart((variant, 2))
    ada, bob = await town.person(), await town.person("bob@example.com")
    path, token = f"/api/carts/{cart['id']}/claim", {"Cart-Token": cart["cart_token"]}
    assert (await ada.client.post(path)).status_code == 404
    claimed = await ada.client.post(path, headers=token)
    assert (claimed.status_code, claimed.json()["id"]) == (200, cart["id"])
    assert (await bob.client.post(path, headers=token)).status_code == 404
    current = (await ada.client.get("/api/carts/current")).json()
    assert (current["id"], current["items"][0]["quantity"]) == (cart["id"], 2)
    more = await town.site.cart((variant, 1))
    joined = await ada.client.post(f"/api/carts/{more['id']}/claim", headers={"Cart-Token": more["cart_token"]})
    assert (joined.json()["id"], joined.json()["items"][0]["quantity"]) == (cart["id"], 3)
    assert (await bob.client.get(f"/api/carts/{cart['id']}")).status_code == 404
    assert (await bob.client.get("/api/carts/current")).json()["items"] == []


async def test_s01_my_orders_are_mine(town: Town) -> None:
    variant = await town.site.small.product(stock=9)
    placed = (await town.site.order(await town.site.cart((variant, 1)))).json()
    ada, bob = await town.person(verified=False), await town.person("bob@example.com")
    assert (await ada.client.get("/api/orders")).json()["data"] == []
    token = await town.token(ada.email, "verify_email")
    await town.guest.post("/api/auth/email/verify", json={"token": token})
    await town.settle()
    assert [order["id"] for order in (await ada.client.get("/api/orders")).json()["data"]] == [placed["id"]]
    assert (await ada.client.get(f"/api/orders/{placed['id']}")).status_code == 200
    for path in ("", "/cancel"):
        method = "POST" if path else "GET"
        foreign = await bob.client.request(method, f"/api/orders/{placed['id']}{path}")
        missing = await bob.client.request(method, f"/api/orders/order_00000000000000000000000000{path}")
        assert foreign.status_code == missing.status_code == 404
    assert (await bob.client.get("/api/orders")).json()["data"] == []
    assert (await town.guest.get("/api/orders")).status_code == 401


async def test_s82_a_guests_token_opens_a_cart_no_more_once_it_was_claimed(town: Town) -> None:
    variant = await town.site.small.product(stock=9)
    cart, ada = await town.site.cart((variant, 1), ready=False), await town.person()
    path, token = f"/api/carts/{cart['id']}", {"Cart-Token": cart["cart_token"]}
    assert (await town.guest.get(path, headers=token)).status_code == 200
    assert (await ada.client.post(f"{path}/claim", headers=token)).status_code == 200
    await ada.client.patch(path, json={"email": ada.email, "shipping_address": ADDRESS})
    for method, below, body in (
        ("GET", "", None),
        ("PATCH", "", {"note": "mine"}),
        ("POST", "/items", {"variant_id": str(variant)}),
    ):
        answer = await town.guest.request(method, path + below, json=body, headers=token)
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found"), (method, below)
    body = {"cart_id": cart["id"], "method": "fake_card"}
    refused = await town.guest.post("/api/payments/sessions", json=body, headers={**token, "Idempotency-Key": "s"})
    assert refused.status_code == 404
    own = (await ada.client.post("/api/carts")).json()
    assert "cart_token" not in own
    made_up = {"Cart-Token": town.site.small.shop.ports.secrets.guest_token(CartId.parse(own["id"]))}
    assert (await town.guest.get(f"/api/carts/{own['id']}", headers=made_up)).status_code == 404


async def test_s82_who_is_signed_in_sees_their_order_after_paying_and_the_token_opens_a_guests_only(town: Town) -> None:
    variant = await town.site.small.product(stock=9)
    guests, ada = await town.site.cart((variant, 1)), await town.person()
    await ada.client.post(f"/api/carts/{guests['id']}/claim", headers={"Cart-Token": guests["cart_token"]})
    now = (await ada.client.get(f"/api/carts/{guests['id']}")).json()
    body = {"cart_id": now["id"], "method": "fake_card"}
    session = (await ada.client.post("/api/payments/sessions", json=body, headers={"Idempotency-Key": "s"})).json()
    order = {"cart_id": now["id"], "cart_version": now["version"], "payment_session_id": session["id"]}
    placed = await ada.client.post("/api/orders", json=order, headers={"Idempotency-Key": "o"})
    assert placed.status_code == 201, placed.text
    path, token = placed.headers["location"], {"Order-Token": placed.json()["order_token"]}
    assert (await ada.client.get(path)).json()["payment_status"] == "paid"
    assert (await ada.client.get(f"/api/payments/sessions/{session['id']}")).status_code == 200
    assert (await town.guest.get(path, headers=token)).status_code == 404


async def test_s82_a_guests_order_that_an_account_took_along_is_opened_by_signing_in(town: Town) -> None:
    variant = await town.site.small.product(stock=9)
    cart = await town.site.cart((variant, 1))
    placed = (await town.site.order(cart)).json()
    path, token = f"/api/orders/{placed['id']}", {"Order-Token": placed["order_token"]}
    assert (await town.guest.get(path, headers=token)).status_code == 200
    ada = await town.person()
    await town.settle()
    assert (await ada.client.get(path)).status_code == 200
    for gone in (path, f"/api/carts/{cart['id']}"):
        answer = await town.guest.get(gone, headers={**token, "Cart-Token": cart["cart_token"]})
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found"), gone
    assert (await town.guest.post(f"{path}/cancel", json={}, headers=token)).status_code == 404
    assert (await ada.client.get(f"/api/carts/{cart['id']}")).status_code == 200
