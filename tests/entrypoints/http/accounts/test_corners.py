"""What goes wrong with accounts, and passkeys from end to end."""

from datetime import timedelta

import pytest

from shop.application.commands.identity.registration import LookIntoRequest
from shop.application.commands.identity.setup import OfferSetup
from shop.application.commands.identity.sign_in import SignOut
from shop.application.messages import Actor
from shop.domain.identity import RequestKind, SessionNotFound, TokenRejected
from shop.domain.kernel.identifiers import AccountRequestId, SessionId
from tests.authenticator import SoftwareAuthenticator
from tests.entrypoints.http.accounts.people import PASSWORD, Person, Town
from tests.people import BASE_URL


async def with_passkey(town: Town, ada: Person, device: SoftwareAuthenticator) -> dict[str, str]:
    offered = (await ada.client.post("/api/auth/passkeys/options")).json()
    answer = device.create(offered["options"], origin=BASE_URL)
    body = {"token": offered["token"], "name": "phone", "answer": answer}
    made = await ada.client.post("/api/auth/passkeys", json=body)
    assert made.status_code == 201, made.text
    found: dict[str, str] = made.json()["passkeys"][0]
    return found


async def test_a_passkey_opens_the_account_alone_and_as_second_step(town: Town) -> None:
    ada, device = await town.person(), SoftwareAuthenticator()
    kept = await with_passkey(town, ada, device)
    for mfa_token in ("", (await town.login(ada.email)).json()["mfa_token"]):
        asked = (await town.guest.post("/api/auth/passkeys/login", json={"mfa_token": mfa_token})).json()
        answer = device.get(asked["options"], origin=BASE_URL)
        body = {"token": asked["token"], "answer": answer}
        town.signed_in(await town.guest.post("/api/auth/passkeys/login", json=body), ada.email)
        assert (await town.guest.post("/api/auth/passkeys/login", json=body)).status_code == 400
    assert (await ada.client.delete(f"/api/auth/passkeys/{kept['id']}")).status_code == 204
    town.signed_in(await town.login(ada.email), ada.email)


async def test_a_passkey_is_its_owners_and_for_its_question(town: Town) -> None:
    ada, bob, device = await town.person(), await town.person("bob@example.com"), SoftwareAuthenticator()
    offered = (await ada.client.post("/api/auth/passkeys/options")).json()
    body = {"token": offered["token"], "name": "x", "answer": device.create(offered["options"], origin=BASE_URL)}
    assert (await bob.client.post("/api/auth/passkeys", json=body)).status_code == 400
    assert (await ada.client.post("/api/auth/passkeys", json={**body, "name": " "})).status_code == 422
    await with_passkey(town, ada, device)
    stranger = SoftwareAuthenticator(b"another software authenticator")
    asked = (await town.guest.post("/api/auth/passkeys/login", json={})).json()
    refused = {"token": asked["token"], "answer": stranger.get(asked["options"], origin=BASE_URL)}
    assert (await town.guest.post("/api/auth/passkeys/login", json=refused)).status_code == 401
    other = SoftwareAuthenticator(b"bobs software authenticator")
    await with_passkey(town, bob, other)
    step = (await town.login(ada.email)).json()["mfa_token"]
    asked = (await town.guest.post("/api/auth/passkeys/login", json={"mfa_token": step})).json()
    foreign = {"token": asked["token"], "answer": other.get(asked["options"], origin=BASE_URL)}
    assert (await town.guest.post("/api/auth/passkeys/login", json=foreign)).status_code == 401


async def test_a_suspended_account_opens_to_nothing(town: Town) -> None:
    ada = await town.person()
    for path in ("password/forgot", "magic-link"):
        await town.guest.post(f"/api/auth/{path}", json={"email": ada.email})
    link = await town.token(ada.email, "magic_link")
    await town.site.staff.patch(
        f"/api/admin/users/{ada.tokens['user_id']}", json={"status": "suspended"}, headers={"If-Match": "*"}
    )
    assert (await town.guest.post("/api/auth/magic-link/verify", json={"token": link})).status_code == 401
    refresh = {"refresh_token": ada.tokens["refresh_token"]}
    assert (await town.guest.post("/api/auth/refresh", json=refresh)).status_code == 401
    before = len(await town.mails(ada.email))
    await town.guest.post("/api/auth/password/forgot", json={"email": ada.email})
    assert len(await town.mails(ada.email)) == before


@pytest.mark.parametrize("token", ["x", "rt_x.y", "rt_00000000000000000000000000.secret", "bs_1.2", "rt_1"])
async def test_refresh_tokens_that_never_were(token: str, town: Town) -> None:
    answer = await town.guest.post("/api/auth/refresh", json={"refresh_token": token})
    assert (answer.status_code, answer.json()["code"]) == (401, "credentials_rejected")


async def test_an_unproved_address_is_proved_by_a_mailed_link(town: Town) -> None:
    ada = await town.person(verified=False)
    await town.guest.post("/api/auth/magic-link", json={"email": ada.email})
    body = {"token": await town.token(ada.email, "magic_link")}
    ada = town.signed_in(await town.guest.post("/api/auth/magic-link/verify", json=body), ada.email)
    assert (await ada.client.get("/api/users/me")).json()["email_verified"]
    before = len(await town.mails(ada.email))
    assert (await ada.client.post("/api/auth/email/resend")).status_code == 202
    assert len(await town.mails(ada.email)) == before


async def test_a_reset_proves_the_address_and_ends_other_links(town: Town) -> None:
    ada = await town.person(verified=False)
    verify = await town.token(ada.email, "verify_email")
    await town.guest.post("/api/auth/password/forgot", json={"email": ada.email})
    reset = {"token": await town.token(ada.email, "reset_password"), "password": "other words of ada"}
    assert (await town.guest.post("/api/auth/password/reset", json={**reset, "password": "x"})).status_code == 422
    assert (await town.guest.post("/api/auth/password/reset", json=reset)).status_code == 204
    assert (await town.guest.post("/api/auth/email/verify", json={"token": verify})).status_code == 400
    assert (await town.guest.post("/api/auth/email/verify", json={"token": reset["token"]})).status_code == 400


async def test_second_factors_that_are_not_there(town: Town) -> None:
    ada = await town.person()
    code = {"code": "123456"}
    for method, path in (("POST", "totp/confirm"), ("DELETE", "totp")):
        answer = await ada.client.request(method, f"/api/auth/mfa/{path}", json=code)
        assert (answer.status_code, answer.json()["code"]) == (409, "no_second_factor")
    assert (await ada.client.post("/api/auth/mfa/recovery-codes")).json()["code"] == "no_second_factor"
    await ada.client.post("/api/auth/mfa/totp")
    assert (await ada.client.request("DELETE", "/api/auth/mfa/totp", json=code)).json()["code"] == "code_rejected"


async def test_a_request_is_looked_into_once(town: Town) -> None:
    nobody = LookIntoRequest(request_id=town.site.small.ids.new(AccountRequestId))
    await town.site.small.shop.execute(nobody)
    assert RequestKind.REGISTER.value == "register"


async def test_somebody_without_a_session_has_nothing_to_sign_out_of(town: Town) -> None:
    ada = await town.person()
    me = await town.site.small.shop.ports.authenticator.identify(ada.tokens["access_token"])
    await town.site.small.shop.execute(SignOut(), actor=Actor(kind="user", id=me.id))
    bob = await town.person("bob@example.com")
    foreign = await bob.client.delete(f"/api/auth/sessions/{ada.tokens['session_id']}")
    missing = await bob.client.delete(f"/api/auth/sessions/{town.site.small.ids.new(SessionId)}")
    assert foreign.status_code == missing.status_code == 404
    assert SessionNotFound.code == "not_found"


async def test_invitations_that_open_nothing(town: Town) -> None:
    ids = {"role_ids": [await town.role("support")]}
    gone = "/api/auth/invitations/inv_00000000000000000000000000/accept"
    body = {"token": "x", "password": PASSWORD}
    assert (await town.guest.post(gone, json=body)).json()["code"] == TokenRejected.code
    ada = await town.person()
    made = (await town.site.staff.post("/api/admin/invitations", json={"email": ada.email, **ids})).json()
    token = await town.token(ada.email, "invitation")
    path = f"/api/auth/invitations/{made['id']}/accept"
    assert (await town.guest.post(path, json={"token": token, "password": PASSWORD})).status_code == 204
    town.signed_in(await town.login(ada.email), ada.email)
    nothing = await town.site.staff.post("/api/admin/invitations", json={"email": ada.email, "role_ids": []})
    assert nothing.status_code == 422
    unknown = {"email": ada.email, "role_ids": ["role_0000000000e008000000000999"]}
    assert (await town.site.staff.post("/api/admin/invitations", json=unknown)).status_code == 404
    early = (await town.site.staff.post("/api/admin/invitations", json={"email": "q@example.com", **ids})).json()
    await town.site.staff.delete(f"/api/admin/invitations/{early['id']}")
    assert await town.mails("q@example.com") == []


async def test_an_invitation_of_somebody_suspended_opens_nothing(town: Town) -> None:
    ada = await town.person()
    body = {"email": ada.email, "role_ids": [await town.role("support")]}
    made = (await town.site.staff.post("/api/admin/invitations", json=body)).json()
    token = await town.token(ada.email, "invitation")
    await town.site.staff.patch(
        f"/api/admin/users/{ada.tokens['user_id']}",
        json={"status": "suspended", "metadata": {"a": "b"}},
        headers={"If-Match": "*"},
    )
    path = f"/api/auth/invitations/{made['id']}/accept"
    assert (await town.guest.post(path, json={"token": token, "password": PASSWORD})).status_code == 400


async def test_keys_nobody_should_have(town: Town) -> None:
    support = await town.staff("s@example.com", "support", "developer")
    made = await town.site.staff.post("/api/admin/api-keys", json={"name": "k", "scopes": ["settings:write"]})
    beyond = await support.client.post(f"/api/admin/api-keys/{made.json()['id']}/rotate")
    assert beyond.status_code == 403
    await town.site.staff.delete(f"/api/admin/api-keys/{made.json()['id']}")
    gone = await town.site.staff.post(f"/api/admin/api-keys/{made.json()['id']}/rotate")
    assert gone.json()["code"] == "key_gone"
    front = await town.site.staff.post("/api/admin/api-keys", json={"name": "web", "kind": "publishable"})
    rotated = await town.site.staff.post(f"/api/admin/api-keys/{front.json()['id']}/rotate")
    assert rotated.json()["secret"].startswith("pk_test_")


async def test_two_owners_one_may_leave(town: Town) -> None:
    owner = await town.owner()
    other = await town.staff("second@example.com", "owner")
    path = f"/api/admin/users/{other.tokens['user_id']}/roles"
    assert (await owner.client.put(path, json={"role_ids": []})).status_code == 204
    assert await town.site.small.shop.execute(OfferSetup()) == ""


async def test_changing_a_password_is_paused_too(town: Town) -> None:
    ada = await town.person()
    body = {"current_password": "wrong words", "password": "other words of ada"}
    for _ in range(4):
        assert (await ada.client.post("/api/auth/password/change", json=body)).status_code == 401
    assert (await ada.client.post("/api/auth/password/change", json=body)).status_code == 429
    town.site.small.clock.forward(timedelta(seconds=2))
    assert (await ada.client.post("/api/auth/password/change", json=body)).status_code == 401


async def test_a_profile_may_stay_as_it_is(town: Town) -> None:
    ada = await town.person()
    assert (await ada.client.patch("/api/users/me", json={})).status_code == 200
