"""Somebody registers another's address and waits: whoever proves the address first claims the account."""

from collections.abc import Awaitable, Callable

import pytest

from tests.authenticator import SoftwareAuthenticator
from tests.entrypoints.http.accounts.people import Person, Town
from tests.entrypoints.http.accounts.test_signing_in import SIX_SECONDS
from tests.entrypoints.http.sites import ADDRESS

HERS, OWN = "words that mallory knows", "very own words of ada"
ADA = "ada@example.com"
Claim = Callable[[Town], Awaitable[None]]


async def lie_in_wait(town: Town) -> Person:
    """Mallory registers Ada's address, fills the account, and stays signed in."""
    await town.register(ADA, HERS)
    mallory = town.signed_in(await town.login(ADA, HERS), ADA)
    await mallory.client.patch("/api/users/me", json={"name": "Mallory", "phone": "1", "metadata": {"a": "b"}})
    await mallory.client.post("/api/users/me/addresses", json={"address": ADDRESS, "default_shipping": True})
    await mallory.client.patch("/api/users/me/preferences", json={"consents": {"marketing_email": True}})
    await mallory.client.post("/api/users/me/export")
    cart = (await mallory.client.post("/api/carts")).json()
    await mallory.client.patch(f"/api/carts/{cart['id']}", json={"shipping_address": ADDRESS})
    return mallory


async def by_link(town: Town) -> None:
    await town.guest.post("/api/auth/magic-link", json={"email": ADA})
    body = {"token": await town.token(ADA, "magic_link")}
    town.signed_in(await town.guest.post("/api/auth/magic-link/verify", json=body), ADA)
    assert "for the first time" in (await town.mails(ADA, "sign_in_changed"))[0]
    await by_reset(town)


async def by_reset(town: Town) -> None:
    await town.guest.post("/api/auth/password/forgot", json={"email": ADA})
    body = {"token": await town.token(ADA, "reset_password"), "password": OWN}
    assert (await town.guest.post("/api/auth/password/reset", json=body)).status_code == 204


async def by_invitation(town: Town) -> None:
    body = {"email": ADA, "role_ids": [await town.role("admin")]}
    made = (await town.site.staff.post("/api/admin/invitations", json=body)).json()
    taken = {"token": await town.token(ADA, "invitation"), "password": OWN, "name": "Ada"}
    answer = await town.guest.post(f"/api/auth/invitations/{made['id']}/accept", json=taken)
    assert answer.status_code == 204, answer.text


@pytest.mark.parametrize("claim", [by_link, by_reset, by_invitation])
async def test_s81_who_waits_in_somebodys_account_is_out_once_its_owner_comes(claim: Claim, town: Town) -> None:
    variant = await town.site.small.product(stock=9)
    placed = (await town.site.order(await town.site.cart((variant, 1)))).json()
    mallory = await lie_in_wait(town)
    await claim(town)
    await town.settle()
    assert (await town.login(ADA, HERS)).status_code == 401
    refresh = {"refresh_token": mallory.tokens["refresh_token"]}
    assert (await town.guest.post("/api/auth/refresh", json=refresh)).status_code == 401
    town.site.small.clock.forward(SIX_SECONDS)
    assert (await mallory.client.get("/api/orders")).status_code == 401
    ada = town.signed_in(await town.login(ADA, OWN), ADA)
    me = (await ada.client.get("/api/users/me")).json()
    assert (me["email_verified"], me["phone"], me["metadata"]) == (True, "", {})
    assert me["name"] == ("Ada" if claim is by_invitation else "")
    assert (await ada.client.get("/api/users/me/addresses")).json()["data"] == []
    assert not any((await ada.client.get("/api/users/me/preferences")).json()["consents"].values())
    assert (await ada.client.get("/api/carts/current")).json()["shipping_address"] is None
    assert [order["id"] for order in (await ada.client.get("/api/orders")).json()["data"]] == [placed["id"]]


async def test_s81_an_account_whose_address_was_proved_keeps_its_password_when_its_owner_is_invited(town: Town) -> None:
    ada = await town.person(ADA)
    await by_invitation(town)
    assert (await town.login(ADA, OWN)).status_code == 401
    ada = town.signed_in(await town.login(ADA), ADA)
    assert (await ada.client.get("/api/auth/session")).json()["roles"] == ["admin"]


async def test_s81_the_link_of_the_registration_keeps_the_password_and_the_session_that_asks(town: Town) -> None:
    ada = await town.person(ADA, verified=False)
    elsewhere = town.signed_in(await town.login(ADA), ADA)
    again = await town.token(ADA, "verify_email")
    assert (await ada.client.post("/api/auth/email/verify", json={"token": again})).status_code == 204
    town.site.small.clock.forward(SIX_SECONDS)
    assert (await ada.client.get("/api/users/me")).json()["email_verified"]
    assert (await elsewhere.client.get("/api/users/me")).status_code == 401
    town.signed_in(await town.login(ADA), ADA)
    assert "for the first time" not in str(await town.mails(ADA, "sign_in_changed"))


async def test_s81_another_address_proves_the_account_and_ends_other_sessions(town: Town) -> None:
    ada = await town.person(ADA, verified=False)
    elsewhere = town.signed_in(await town.login(ADA), ADA)
    assert (await ada.client.post("/api/users/me/email", json={"email": "new@example.com"})).status_code == 202
    body = {"token": await town.token("new@example.com", "change_email")}
    assert (await ada.client.post("/api/auth/email/verify", json=body)).status_code == 204
    town.site.small.clock.forward(SIX_SECONDS)
    assert (await ada.client.get("/api/users/me")).json()["email"] == "new@example.com"
    assert (await elsewhere.client.get("/api/users/me")).status_code == 401


async def test_s81_nothing_is_added_to_an_account_whose_address_is_not_proved(town: Town) -> None:
    ada, device = await town.person(ADA, verified=False), SoftwareAuthenticator()
    for path in ("mfa/totp", "passkeys/options"):
        refused = await ada.client.post(f"/api/auth/{path}")
        assert (refused.status_code, refused.json()["code"]) == (403, "email_unverified"), path
    body = {"token": await town.token(ADA, "verify_email")}
    assert (await ada.client.post("/api/auth/email/verify", json=body)).status_code == 204
    offered = (await ada.client.post("/api/auth/passkeys/options")).json()
    assert device.create(offered["options"], origin="http://127.0.0.1:8000")
    assert (await ada.client.post("/api/auth/mfa/totp")).status_code == 201


async def test_s81_no_roles_for_whoever_registered_an_address_without_proving_it(town: Town) -> None:
    waiting = await town.person(ADA, verified=False)
    path, role = f"/api/admin/users/{waiting.tokens['user_id']}/roles", await town.role("admin")
    refused = await town.site.staff.put(path, json={"role_ids": [role]})
    assert (refused.status_code, refused.json()["code"]) == (403, "email_unverified")
    assert (await town.site.staff.put(path, json={"role_ids": []})).status_code == 204
    await by_reset(town)
    assert (await town.site.staff.put(path, json={"role_ids": [role]})).status_code == 204
    made = await town.site.staff.post("/api/admin/users", json={"email": "lin@example.com"})
    theirs = f"/api/admin/users/{made.json()['id']}/roles"
    assert (await town.site.staff.put(theirs, json={"role_ids": [role]})).status_code == 204, "nobody can be in it yet"
