"""Saved ways to pay over HTTP."""

from datetime import timedelta

import pytest

from tests.entrypoints.http.accounts.people import Person, Town
from tests.entrypoints.http.sites import ADDRESS, OpenSite

PATH = "/api/payments/saved-methods"


@pytest.fixture
def town(site: OpenSite) -> Town:
    return Town(site)


async def save(person: Person, method: str = "fake_card") -> str:
    made = await person.client.post(PATH, json={"method": method})
    assert made.status_code == 201, made.text
    saved: list[dict[str, str]] = (await person.client.get(PATH)).json()["data"]
    return saved[0]["id"]


async def test_cards_are_saved_listed_and_removed(town: Town) -> None:
    ada = await town.person()
    made = await ada.client.post(PATH)
    assert (made.status_code, made.json()["object"], made.json()["status"]) == (201, "saved_method_setup", "succeeded")
    assert made.headers["cache-control"] == "private, no-store"
    [card] = (await ada.client.get(PATH)).json()["data"]
    assert {name: card[name] for name in ("brand", "last4", "expires_month", "expires_year")} == {
        "brand": "visa",
        "last4": "4242",
        "expires_month": 12,
        "expires_year": 2034,
    }
    assert (await ada.client.delete(f"{PATH}/{card['id']}")).status_code == 204
    assert (await ada.client.delete(f"{PATH}/{card['id']}")).status_code == 404
    assert (await ada.client.get(PATH)).json()["data"] == []


async def test_the_browser_gets_a_secret_to_finish_with(town: Town) -> None:
    ada = await town.person()
    made = await ada.client.post(PATH, json={"method": "fake_card_3ds"})
    assert made.json()["status"] == "requires_action"
    assert made.json()["client_secret"]
    assert (await ada.client.get(PATH)).json()["data"] == []


async def test_what_cannot_be_charged_again_is_refused(town: Town) -> None:
    ada = await town.person()
    refused = await ada.client.post(PATH, json={"method": "fake_debit"})
    assert (refused.status_code, refused.json()["code"]) == (422, "payment_method_not_savable")
    assert (await ada.client.get(PATH)).json()["data"] == []


async def test_repeated_under_one_key_it_is_one_setup(town: Town) -> None:
    ada = await town.person()
    made = [await ada.client.post(PATH, headers={"Idempotency-Key": "once"}) for _ in range(2)]
    assert made[0].json() == made[1].json()
    assert len((await ada.client.get(PATH)).json()["data"]) == 1


async def test_an_order_is_paid_with_a_saved_card_and_by_nobody_else(town: Town) -> None:
    ada, bob = await town.person(), await town.person("bob@example.com")
    card = await save(ada)
    variant = await town.site.small.product(stock=9)
    for person, expected in ((ada, 201), (bob, 404)):
        cart = await town.site.cart((variant, 1))
        await person.client.post(f"/api/carts/{cart['id']}/claim", headers={"Cart-Token": cart["cart_token"]})
        session = await person.client.post(
            "/api/payments/sessions",
            json={"cart_id": cart["id"], "method": card},
            headers={"Idempotency-Key": "session"},
        )
        assert session.status_code == expected, session.text
        if expected == 404:
            assert session.json()["code"] == "not_found"
            continue
        version = (await person.client.get(f"/api/carts/{cart['id']}")).json()["version"]
        order = await person.client.post(
            "/api/orders",
            json={"cart_id": cart["id"], "cart_version": version, "payment_session_id": session.json()["id"]},
            headers={"Idempotency-Key": "order"},
        )
        assert (order.status_code, order.json()["payment_status"]) == (201, "paid")
    assert (await bob.client.delete(f"{PATH}/{card}")).status_code == 404


async def test_a_guests_cart_is_claimed_before_it_is_paid_like_this(town: Town) -> None:
    ada = await town.person()
    card = await save(ada)
    cart = await town.site.cart((await town.site.small.product(), 1))
    refused = await ada.client.post(
        "/api/payments/sessions",
        json={"cart_id": cart["id"], "method": card},
        headers={"Idempotency-Key": "s", "Cart-Token": cart["cart_token"]},
    )
    assert (refused.status_code, refused.json()["code"]) == (409, "cart_not_own")


async def test_a_new_card_is_saved_along_with_paying(town: Town) -> None:
    ada = await town.person()
    cart = await town.site.cart((await town.site.small.product(), 1))
    wish = {"cart_id": cart["id"], "method": "fake_card", "save": True}
    guest = await town.site.guest.post(
        "/api/payments/sessions",
        json=wish,
        headers={"Idempotency-Key": "g", "Cart-Token": cart["cart_token"]},
    )
    assert (guest.status_code, guest.json()["code"]) == (409, "saving_needs_customer")
    await ada.client.post(f"/api/carts/{cart['id']}/claim", headers={"Cart-Token": cart["cart_token"]})
    debit = await ada.client.post(
        "/api/payments/sessions", json={**wish, "method": "fake_debit"}, headers={"Idempotency-Key": "d"}
    )
    assert (debit.status_code, debit.json()["code"]) == (422, "payment_method_not_savable")
    session, again = [
        await ada.client.post("/api/payments/sessions", json=wish, headers={"Idempotency-Key": "s"}) for _ in range(2)
    ]
    assert (session.status_code, session.json()["save"]) == (201, True)
    assert again.json()["id"] == session.json()["id"]
    version = (await ada.client.get(f"/api/carts/{cart['id']}")).json()["version"]
    order = await ada.client.post(
        "/api/orders",
        json={"cart_id": cart["id"], "cart_version": version, "payment_session_id": session.json()["id"]},
        headers={"Idempotency-Key": "order"},
    )
    assert (order.status_code, order.json()["payment_status"]) == (201, "paid")
    [card] = (await ada.client.get(PATH)).json()["data"]
    assert card["last4"] == "4242"
    other = await ada.client.post(
        "/api/payments/sessions", json={**wish, "save": False}, headers={"Idempotency-Key": "o"}
    )
    assert (other.status_code, other.json()["code"]) == (409, "saving_decided")


async def test_s73_the_file_shows_them_and_the_forgotten_have_none(town: Town) -> None:
    ada = await town.person()
    card = await save(ada)
    asked = await ada.client.post("/api/users/me/export")
    await town.settle()
    known = (await ada.client.get(f"{asked.headers['location']}/file")).json()
    assert [(one["id"], one["last4"]) for one in known["saved_methods"]] == [(card, "4242")]
    tables = town.site.small.tables
    [wallet] = tables.wallets.values()
    assert (await ada.client.delete("/api/users/me")).status_code == 204
    await town.settle()
    assert tables.wallets == {}
    assert await town.site.small.saved_methods.saved(wallet.customer_ref) == []
    left = town.site.small.provider.wallets.get(wallet.customer_ref)
    assert left is not None
    assert left.gone


async def test_s73_who_is_still_billed_is_forgotten_once_that_has_ended(town: Town) -> None:
    ada = await town.person()
    card = await save(ada)
    variant = await town.site.small.product("tea", stock=9)
    plan = {
        "code": "tea",
        "name": "Tea",
        "variant_id": str(variant),
        "interval": "month",
        "prices": [{"amount": 900, "currency": "EUR"}],
    }
    made = await town.site.staff.post("/api/plans", json=plan, headers={"Idempotency-Key": "plan"})
    wish = {
        "plan_id": made.json()["id"],
        "method": card,
        "email": ada.email,
        "shipping_address": ADDRESS,
        "shipping_option": "standard",
    }
    subscribed = await ada.client.post("/api/subscriptions", json=wish, headers={"Idempotency-Key": "sub"})
    assert (subscribed.status_code, subscribed.json()["status"]) == (201, "active")
    town.site.small.clock.forward(timedelta(days=40))
    ada = town.signed_in(await town.login(ada.email), ada.email)
    held = await ada.client.delete("/api/users/me")
    assert (held.status_code, held.json()["code"]) == (409, "erasure_held")
    assert "subscription" in held.json()["detail"]
    ended = await ada.client.post(f"/api/subscriptions/{subscribed.json()['id']}/cancel", json={})
    assert ended.status_code == 200, ended.text
    asked = await ada.client.post("/api/users/me/export")
    await town.settle()
    known = (await ada.client.get(f"{asked.headers['location']}/file")).json()
    assert [one["id"] for one in known["subscriptions"]] == [subscribed.json()["id"]]
    assert (await ada.client.delete("/api/users/me")).status_code == 204
    await town.settle()
    tables = town.site.small.tables
    for kept in (tables.subscriptions, tables.orders, tables.carts, tables.wallets, tables.events):
        assert not [word for word in (ada.email, "Ada", "Torstr", card) if word in repr(kept)]
