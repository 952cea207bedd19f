"""From the first visit to the last sign-out, over HTTP."""

import re
from datetime import timedelta

import pyotp

from tests.entrypoints.http.accounts.people import PASSWORD, Town

SIX_SECONDS = timedelta(seconds=6)


async def test_register_verify_sign_in_and_be_oneself(town: Town) -> None:
    ada = await town.person()
    me = (await ada.client.get("/api/users/me")).json()
    assert (me["email"], me["email_verified"], me["roles"]) == ("ada@example.com", True, [])
    who = (await ada.client.get("/api/auth/session")).json()
    assert (who["kind"], who["id"], who["scopes"]) == ("user", me["id"], [])
    assert (await town.guest.get("/api/auth/session")).status_code == 401


async def test_s30_the_answer_does_not_tell_who_has_an_account(town: Town) -> None:
    await town.person()
    for path, more in (
        ("/api/auth/password/forgot", {}),
        ("/api/auth/magic-link", {}),
        ("/api/auth/register", {"password": PASSWORD}),
    ):
        answers = [
            await town.guest.post(path, json={"email": email, **more})
            for email in ("ada@example.com", "nobody@example.com")
        ]
        assert [answer.status_code for answer in answers] == [202, 202]
        assert answers[0].content == answers[1].content
        await town.settle()
    wrong = await town.login("ada@example.com", "wrong words")
    unknown = await town.login("x@example.com", "wrong words")
    told = [{**answer.json(), "request_id": ""} for answer in (wrong, unknown)]
    assert told[0] == told[1]
    assert (wrong.status_code, wrong.json()["code"]) == (401, "credentials_rejected")
    assert "have one already" in (await town.mails("ada@example.com", "account_exists"))[0]
    assert await town.mails("nobody@example.com", "reset_password") == []


async def test_s40_a_refresh_token_is_good_once(town: Town) -> None:
    ada = await town.person()
    old = {"refresh_token": ada.tokens["refresh_token"]}
    new = (await town.guest.post("/api/auth/refresh", json=old)).json()
    assert new["refresh_token"] != old["refresh_token"]
    assert (await town.site.with_key(new["access_token"]).get("/api/users/me")).status_code == 200
    town.site.small.clock.forward(SIX_SECONDS)
    assert (await town.guest.post("/api/auth/refresh", json=old)).status_code == 401
    town.site.small.clock.forward(SIX_SECONDS)
    assert (await town.site.with_key(new["access_token"]).get("/api/users/me")).status_code == 401
    assert (await town.guest.post("/api/auth/refresh", json={"refresh_token": new["refresh_token"]})).status_code == 401


async def test_s41_signing_out_ends_the_session_within_five_seconds(town: Town) -> None:
    ada = await town.person()
    other = town.signed_in(await town.login(ada.email), ada.email)
    listed = (await ada.client.get("/api/auth/sessions")).json()["data"]
    assert {each["id"] for each in listed} == {ada.tokens["session_id"], other.tokens["session_id"]}
    assert [each["current"] for each in listed if each["id"] == ada.tokens["session_id"]] == [True]
    assert (await ada.client.delete("/api/auth/sessions")).status_code == 204
    town.site.small.clock.forward(SIX_SECONDS)
    assert (await other.client.get("/api/users/me")).status_code == 401
    assert (await ada.client.post("/api/auth/logout")).status_code == 204
    town.site.small.clock.forward(SIX_SECONDS)
    assert (await ada.client.get("/api/users/me")).status_code == 401


async def test_an_access_token_lasts_five_minutes(town: Town) -> None:
    ada = await town.person()
    town.site.small.clock.forward(timedelta(minutes=5, seconds=1))
    answer = await ada.client.get("/api/users/me")
    assert (answer.status_code, answer.json()["code"]) == (401, "token_expired")


async def test_s35_guessing_is_slowed_down(town: Town) -> None:
    await town.person()
    for _ in range(4):
        assert (await town.login("ada@example.com", "wrong words")).status_code == 401
    answer = await town.login("ada@example.com")
    assert (answer.status_code, answer.json()["code"]) == (429, "rate_limited")
    assert int(answer.headers["retry-after"]) >= 1
    town.site.small.clock.forward(timedelta(seconds=2))
    assert (await town.login("ada@example.com")).status_code == 200


async def test_s34_a_reset_link_is_good_once_and_signs_everybody_out(town: Town) -> None:
    ada = await town.person()
    await town.guest.post("/api/auth/password/forgot", json={"email": ada.email})
    token = await town.token(ada.email, "reset_password")
    body = {"token": token, "password": "other words of ada"}
    assert (await town.guest.post("/api/auth/password/reset", json=body)).status_code == 204
    answer = await town.guest.post("/api/auth/password/reset", json=body)
    assert (answer.status_code, answer.json()["code"]) == (400, "token_rejected")
    town.site.small.clock.forward(SIX_SECONDS)
    assert (await ada.client.get("/api/users/me")).status_code == 401
    assert (await town.login(ada.email)).status_code == 401
    assert (await town.login(ada.email, "other words of ada")).status_code == 200


async def test_a_new_password_for_somebody_who_knows_the_old_one(town: Town) -> None:
    ada = await town.person()
    body = {"current_password": "wrong words", "password": "other words of ada"}
    assert (await ada.client.post("/api/auth/password/change", json=body)).status_code == 401
    body["current_password"] = PASSWORD
    assert (await ada.client.post("/api/auth/password/change", json=body)).status_code == 204
    assert (await ada.client.get("/api/users/me")).status_code == 200


async def test_a_mailed_link_signs_in(town: Town) -> None:
    await town.person()
    await town.guest.post("/api/auth/magic-link", json={"email": "ada@example.com"})
    body = {"token": await town.token("ada@example.com", "magic_link")}
    town.signed_in(await town.guest.post("/api/auth/magic-link/verify", json=body), "ada@example.com")
    assert (await town.guest.post("/api/auth/magic-link/verify", json=body)).status_code == 400


async def test_s31_a_new_address_counts_when_it_is_proved_by_its_owner(town: Town) -> None:
    ada, bob = await town.person(), await town.person("bob@example.com")
    assert (await ada.client.post("/api/users/me/email", json={"email": "new@example.com"})).status_code == 202
    token = await town.token("new@example.com", "change_email")
    assert (await bob.client.post("/api/auth/email/verify", json={"token": token})).status_code == 400
    assert (await ada.client.get("/api/users/me")).json()["email"] == "ada@example.com"
    assert (await ada.client.post("/api/auth/email/verify", json={"token": token})).status_code == 204
    assert (await ada.client.get("/api/users/me")).json()["email"] == "new@example.com"
    assert await town.mails("ada@example.com") == [], "the address is theirs no more"
    taken = await ada.client.post("/api/users/me/email", json={"email": "bob@example.com"})
    assert taken.status_code == 202
    assert await town.mails("bob@example.com", "change_email") == []


async def test_s84_nobody_writes_to_strangers_in_the_shops_name(town: Town) -> None:
    body = {"email": "ada@example.com", "password": PASSWORD, "name": "Ada\n\nPay at https://evil.example"}
    refused = await town.guest.post("/api/auth/register", json=body)
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "/name")
    body["name"] = "Ada. Pay at https://evil.example"
    assert (await town.guest.post("/api/auth/register", json=body)).status_code == 202
    await town.settle()  # the account is there
    for path in ("magic-link", "password/forgot", "register"):
        await town.guest.post(f"/api/auth/{path}", json=body if path == "register" else {"email": body["email"]})
    mails = await town.mails("ada@example.com")
    assert len(mails) == 4
    assert "evil.example" not in str(mails)
    ada = await town.person("bob@example.com")
    await ada.client.patch("/api/users/me", json={"name": "Bob"})
    await town.guest.post("/api/auth/magic-link", json={"email": ada.email})
    assert (await town.mails(ada.email, "magic_link"))[0].startswith("Hello Bob,")


async def test_the_proof_is_mailed_again(town: Town) -> None:
    ada = await town.person(verified=False)
    assert (await ada.client.post("/api/auth/email/resend")).status_code == 202
    assert len(await town.mails(ada.email, "verify_email")) == 2


async def test_s45_a_second_step_with_codes_that_are_good_once(town: Town) -> None:
    ada = await town.person()
    enrolment = await ada.client.post("/api/auth/mfa/totp")
    assert enrolment.status_code == 201, enrolment.text
    assert enrolment.json()["qr_svg"].startswith("<svg")
    app = pyotp.TOTP(enrolment.json()["secret"])
    clock = town.site.small.clock
    assert (await ada.client.post("/api/auth/mfa/totp/confirm", json={"code": "000000"})).status_code == 422
    confirmed = await ada.client.post("/api/auth/mfa/totp/confirm", json={"code": app.at(clock.now())})
    assert confirmed.status_code == 200, confirmed.text
    recovery = confirmed.json()["recovery_codes"]
    assert len(set(recovery)) == 10
    step = (await town.login(ada.email)).json()
    assert (step["object"], step["methods"]) == ("mfa_required", ["totp", "recovery_code"])
    used = {"mfa_token": step["mfa_token"], "code": app.at(clock.now())}
    assert (await town.guest.post("/api/auth/mfa/verify", json=used)).json()["code"] == "code_rejected"
    clock.forward(timedelta(seconds=31))
    again = {**used, "code": app.at(clock.now())}
    ada = town.signed_in(await town.guest.post("/api/auth/mfa/verify", json=again), ada.email)
    assert (await ada.client.get("/api/auth/session")).json()["mfa"] is True
    step = (await town.login(ada.email)).json()
    one = {"mfa_token": step["mfa_token"], "code": recovery[0].upper()}
    assert (await town.guest.post("/api/auth/mfa/verify", json=one)).status_code == 200
    step = (await town.login(ada.email)).json()
    assert (
        await town.guest.post("/api/auth/mfa/verify", json={**one, "mfa_token": step["mfa_token"]})
    ).status_code == 422
    fresh = await ada.client.post("/api/auth/mfa/recovery-codes")
    assert fresh.status_code == 200
    gone = await ada.client.request("DELETE", "/api/auth/mfa/totp", json={"code": fresh.json()["recovery_codes"][0]})
    assert gone.status_code == 204, gone.text
    town.signed_in(await town.login(ada.email), ada.email)


async def test_s45_recovery_codes_are_long_enough_for_a_plain_hash(town: Town) -> None:
    ada, clock = await town.person(), town.site.small.clock
    app = pyotp.TOTP((await ada.client.post("/api/auth/mfa/totp")).json()["secret"])
    answer = await ada.client.post("/api/auth/mfa/totp/confirm", json={"code": app.at(clock.now())})
    codes = [code.replace("-", "") for code in answer.json()["recovery_codes"]]
    assert len(set(codes)) == 10
    for code in codes:
        assert len(code) * 5 >= 112, "base32 has five bits a character"
        assert re.fullmatch("[a-z2-7]+", code)
    for character in range(24):
        assert len({code[character] for code in codes}) > 1, "no part of them is fixed"


async def test_s45_a_new_password_does_not_go_round_the_second_step(town: Town) -> None:
    ada, clock = await town.person(), town.site.small.clock
    app = pyotp.TOTP((await ada.client.post("/api/auth/mfa/totp")).json()["secret"])
    await ada.client.post("/api/auth/mfa/totp/confirm", json={"code": app.at(clock.now())})
    await town.guest.post("/api/auth/password/forgot", json={"email": ada.email})
    body = {"token": await town.token(ada.email, "reset_password"), "password": "other words of ada"}
    assert (await town.guest.post("/api/auth/password/reset", json=body)).status_code == 204
    assert (await town.login(ada.email, "other words of ada")).json()["object"] == "mfa_required"
    await town.guest.post("/api/auth/magic-link", json={"email": ada.email})
    link = {"token": await town.token(ada.email, "magic_link")}
    assert (await town.guest.post("/api/auth/magic-link/verify", json=link)).json()["object"] == "mfa_required"


async def test_one_is_told_by_mail_when_what_opens_the_account_changes(town: Town) -> None:
    ada, clock = await town.person(), town.site.small.clock
    await ada.client.patch("/api/users/me", json={"phone": "+49301234567"})
    assert await town.mails(ada.email, "sign_in_changed") == []
    old = {"refresh_token": ada.tokens["refresh_token"]}
    await town.guest.post("/api/auth/refresh", json=old)
    clock.forward(SIX_SECONDS)
    await town.guest.post("/api/auth/refresh", json=old)
    assert "had a copy" in (await town.mails(ada.email, "sign_in_changed"))[0]
    ada = town.signed_in(await town.login(ada.email), ada.email)
    app = pyotp.TOTP((await ada.client.post("/api/auth/mfa/totp")).json()["secret"])
    confirmed = await ada.client.post("/api/auth/mfa/totp/confirm", json={"code": app.at(clock.now())})
    assert confirmed.status_code == 200
    assert "was added" in (await town.mails(ada.email, "sign_in_changed"))[0]
    await ada.client.post("/api/auth/mfa/recovery-codes")
    assert "recovery codes" in (await town.mails(ada.email, "sign_in_changed"))[0]
    await town.guest.post("/api/auth/password/forgot", json={"email": ada.email})
    token = await town.token(ada.email, "reset_password")
    body = {"token": token, "password": "other words of ada"}
    assert (await town.guest.post("/api/auth/password/reset", json=body)).status_code == 204
    told = await town.mails(ada.email, "sign_in_changed")
    assert "the password" in told[0]
    assert "/forgot" in told[0]
    assert len(told) == 4


async def test_passkeys_begin_with_a_question(town: Town) -> None:
    ada = await town.person()
    offered = (await ada.client.post("/api/auth/passkeys/options")).json()
    assert offered["options"]["user"]["name"] == ada.email
    answer = {"token": offered["token"], "name": "phone", "answer": {"id": "x"}}
    assert (await ada.client.post("/api/auth/passkeys", json=answer)).status_code == 401
    asked = (await town.guest.post("/api/auth/passkeys/login", json={})).json()
    assert asked["options"]["challenge"]
    refused = await town.guest.post("/api/auth/passkeys/login", json={"token": asked["token"], "answer": {"id": "x"}})
    assert refused.status_code in (400, 401)
    assert (await town.guest.post("/api/auth/passkeys/login", json={"answer": {}})).status_code == 400
    assert (await ada.client.delete("/api/auth/passkeys/pkey_00000000000000000000000000")).status_code == 404


async def test_what_could_lock_one_out_needs_a_fresh_sign_in(town: Town) -> None:
    ada = await town.person()
    town.site.small.clock.forward(timedelta(minutes=31))
    refreshed = await town.guest.post("/api/auth/refresh", json={"refresh_token": ada.tokens["refresh_token"]})
    client = town.site.with_key(refreshed.json()["access_token"])
    answer = await client.post("/api/auth/mfa/totp")
    assert (answer.status_code, answer.json()["code"]) == (403, "fresh_sign_in_required")


async def test_everybody_may_check_access_tokens(town: Town) -> None:
    await town.person()
    keys = (await town.guest.get("/.well-known/jwks.json")).json()["keys"]
    assert [(key["kty"], key["crv"], key["alg"]) for key in keys] == [("OKP", "Ed25519", "EdDSA")]


async def test_the_cookie_of_a_browser_is_no_bearer(town: Town) -> None:
    assert (await town.site.with_key("bs_x.y").get("/api/users/me")).status_code == 401
