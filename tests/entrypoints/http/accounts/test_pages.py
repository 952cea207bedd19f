"""The account pages: forms without scripts, a cookie, and what other sites cannot do with it."""

import re
from datetime import timedelta

import httpx
import pyotp
import pytest

from shop.application.commands.identity.setup import OfferSetup
from tests.entrypoints.http.accounts.people import PASSWORD, Town

OURS = {"Origin": "http://127.0.0.1:8000"}
_FIELD = re.compile(r'name="csrf_token" value="([^"]+)"')


async def send(town: Town, page: str, *, headers: dict[str, str] | None = None, **form: str) -> httpx.Response:
    return await town.guest.post(f"/account/{page}", data=form, headers={**OURS, **(headers or {})})


def cookie_of(answer: httpx.Response) -> dict[str, str]:
    """What the browser sends from now on. Taken off the client, who would keep it for others."""
    return {"Cookie": answer.headers["set-cookie"].partition(";")[0]}


async def signed_in(town: Town, email: str = "ada@example.com") -> dict[str, str]:
    answer = await send(town, "sign-in", email=email, password=PASSWORD)
    assert (answer.status_code, answer.headers["location"]) == (303, "/account/sessions")
    town.guest.cookies.clear()
    return cookie_of(answer)


@pytest.mark.parametrize("page", ["sign-in", "second-step", "link", "reset", "verify", "setup", "invitation", "forgot"])
async def test_a_page_is_a_form_that_keeps_the_token(page: str, town: Town) -> None:
    answer = await town.guest.get(f"/account/{page}?token=abc%22%3E&id=inv_1")
    assert answer.status_code == 200
    assert "<h1>" in answer.text
    assert 'method="post"' in answer.text
    assert 'abc">' not in answer.text
    assert "script" not in answer.text
    assert "form-action 'self'" in answer.headers["content-security-policy"]
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("page", ["sign-in", "reset", "setup", "invitation"])
async def test_passwords_are_hidden_and_password_managers_welcome(page: str, town: Town) -> None:
    text = (await town.guest.get(f"/account/{page}?token=x&id=inv_1")).text
    fields = re.findall(r'<input[^>]*name="password"[^>]*>', text)
    assert fields
    for field in fields:
        assert 'type="password"' in field
        assert re.search(r'autocomplete="(new|current)-password"', field)
        assert "onpaste" not in field


async def test_s46_the_cookie_of_a_sign_in_is_out_of_reach(town: Town) -> None:
    await town.person()
    answer = await send(town, "sign-in", email="ada@example.com", password=PASSWORD)
    told = answer.headers["set-cookie"]
    assert "HttpOnly" in told
    assert "SameSite=Lax" in told
    assert (await send(town, "sign-in", email="ada@example.com", password="wrong words")).status_code == 401
    assert "no account" in (await send(town, "sign-in", email="x@example.com", password="wrong words")).text


async def test_devices_are_listed_and_signed_out(town: Town) -> None:
    await town.person()
    assert (await town.guest.get("/account/sessions")).headers["location"] == "/account/sign-in"
    assert (await town.guest.get("/account")).headers["location"] == "/account/sessions"
    mine, other = await signed_in(town), await signed_in(town)
    page = await town.guest.get("/account/sessions", headers=mine)
    assert page.text.count("<li>") == 3
    found = _FIELD.search(page.text)
    assert found is not None
    others = await send(town, "sessions", headers=mine, session="others", csrf_token=found[1])
    assert (others.status_code, others.headers["location"]) == (303, "/account/sessions")
    town.site.small.clock.forward(timedelta(seconds=6))
    assert (await town.guest.get("/account/sessions", headers=other)).headers["location"] == "/account/sign-in"
    gone = await send(town, "sessions", headers=mine, session="this", csrf_token=found[1])
    assert "Max-Age=0" in gone.headers["set-cookie"]
    town.site.small.clock.forward(timedelta(seconds=6))
    assert (await town.guest.get("/account/sessions", headers=mine)).headers["location"] == "/account/sign-in"


async def test_s42_another_site_changes_nothing_with_our_cookie(town: Town) -> None:
    await town.person()
    mine = await signed_in(town)
    found = _FIELD.search((await town.guest.get("/account/sessions", headers=mine)).text)
    assert found is not None
    foreign = {**mine, "Origin": "https://evil.example"}
    for headers, token in ((foreign, found[1]), (mine, ""), (mine, "guessed")):
        answer = await send(town, "sessions", headers=headers, session="others", csrf_token=token)
        assert (answer.status_code, answer.json()["code"]) == (403, "csrf_rejected")
    stranger = await send(
        town, "sign-in", headers={"Origin": "https://evil.example"}, email="a@b.de", password=PASSWORD
    )
    assert stranger.status_code == 403


async def test_a_forgotten_password_by_pages_alone(town: Town) -> None:
    await town.person()
    assert "on its way" in (await send(town, "forgot", email="ada@example.com")).text
    token = await town.token("ada@example.com", "reset_password")
    short = await send(town, "reset", token=token, password="short")
    assert short.status_code == 422
    assert token in short.text
    assert "short" not in short.text.replace("password_too_short", "")
    assert (await send(town, "reset", token=token, password="other words of ada")).status_code == 200
    assert (await send(town, "reset", token=token, password="other words of ada")).status_code == 400


async def test_links_that_are_mailed_lead_to_pages(town: Town) -> None:
    await town.register("ada@example.com")
    verified = await send(town, "verify", token=await town.token("ada@example.com", "verify_email"))
    assert "confirmed" in verified.text
    await town.guest.post("/api/auth/magic-link", json={"email": "ada@example.com"})
    entered = await send(town, "link", token=await town.token("ada@example.com", "magic_link"))
    assert entered.headers["location"] == "/account/sessions"


async def test_the_owner_and_staff_come_in_by_pages(town: Town) -> None:
    token = (await town.site.small.shop.execute(OfferSetup())).partition("token=")[2]
    made = await send(town, "setup", token=token, email="o@example.com", password=PASSWORD, name="O")
    assert made.headers["location"] == "/account/sign-in"
    body = {"email": "lin@example.com", "role_ids": [await town.role("support")]}
    invitation = (await town.site.staff.post("/api/admin/invitations", json=body)).json()
    token = await town.token("lin@example.com", "invitation")
    joined = await send(town, "invitation", token=token, id=invitation["id"], password=PASSWORD, name="Lin")
    assert joined.headers["location"] == "/account/sign-in"
    assert await signed_in(town, "lin@example.com")


async def test_the_second_step_by_pages(town: Town) -> None:
    ada = await town.person()
    app = pyotp.TOTP((await ada.client.post("/api/auth/mfa/totp")).json()["secret"])
    clock = town.site.small.clock
    await ada.client.post("/api/auth/mfa/totp/confirm", json={"code": app.at(clock.now())})
    clock.forward(timedelta(seconds=31))
    asked = await send(town, "sign-in", email=ada.email, password=PASSWORD)
    token = re.search(r'name="token" value="([^"]+)"', asked.text)
    assert token is not None
    assert (await send(town, "second-step", token=token[1], code="000000")).status_code == 422
    entered = await send(town, "second-step", token=token[1], code=app.at(clock.now()))
    assert entered.headers["location"] == "/account/sessions"


async def test_the_pages_have_a_style(town: Town) -> None:
    assert (await town.guest.get("/account/style.css")).headers["content-type"].startswith("text/css")
