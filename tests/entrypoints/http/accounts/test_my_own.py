"""Profile, address book, carts and orders of one's own: and nobody else's."""

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
