"""Signing in with an account elsewhere: over HTTP, with a provider behind a socket."""

from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from attrs import define

from shop.adapters.sign_in.calls import ProviderClient
from shop.adapters.sign_in.oidc import OidcSignIn
from shop.adapters.system import SystemClock
from tests.entrypoints.http.accounts.people import Town
from tests.entrypoints.http.sites import open_site
from tests.sign_in_servers import CLIENT_ID, CLIENT_SECRET, Answer, OidcStub, running_stub

CLIENT = ProviderClient(client_id=CLIENT_ID, client_secret=CLIENT_SECRET, scope="openid email profile")
COOKIE = "shop_elsewhere"


@define(eq=False)
class Crossing:
    """A town, and a provider that knows Ada."""

    town: Town
    stub: OidcStub

    async def leave(self, client: httpx.AsyncClient | None = None) -> httpx.Response:
        answer = await (client or self.town.guest).get("/api/auth/oauth/acme/authorize")
        assert answer.status_code == 302, answer.text
        return answer

    async def back(self, left: httpx.Response, *, cookie: str | None = None, **changed: Any) -> httpx.Response:
        """The browser comes back with what it should; an argument changes that, None leaves it out."""
        asked = parse_qs(urlsplit(left.headers["location"]).query)
        said = {"state": asked["state"][0], "code": await self.stub.consent(left.headers["location"]), **changed}
        query = {name: value for name, value in said.items() if value is not None}
        kept = cookie if cookie is not None else left.headers["set-cookie"].partition(";")[0]
        self.town.guest.cookies.clear()
        return await self.town.guest.get("/api/auth/oauth/acme/callback", params=query, headers={"cookie": kept})

    async def arrive(self) -> tuple[str, str]:
        """The page and the token with which somebody arrives."""
        return landed(await self.back(await self.leave()))

    async def open(self, token: str) -> httpx.Response:
        return await self.town.guest.post("/api/auth/magic-link/verify", json={"token": token})


def landed(answer: httpx.Response) -> tuple[str, str]:
    assert answer.status_code == 302, answer.text
    parts = urlsplit(answer.headers["location"])
    return parts.path.rpartition("/")[2], parse_qs(parts.query)["token"][0]


@pytest.fixture
async def crossing() -> AsyncIterator[Crossing]:
    with running_stub(OidcStub()) as stub:
        provider = OidcSignIn("acme", stub.base, CLIENT, SystemClock())
        async with open_site(sign_in={"acme": provider}) as site:
            yield Crossing(Town(site), stub)
        await provider.close()


async def test_somebody_new_has_an_account_and_comes_again(crossing: Crossing) -> None:
    page, token = await crossing.arrive()
    assert page == "link"
    first = crossing.town.signed_in(await crossing.open(token), "ada@example.com")
    me = (await first.client.get("/api/users/me")).json()
    assert (me["email"], me["email_verified"], me["name"]) == ("ada@example.com", True, "Ada Lovelace")
    assert me["sign_in_providers"] == ["acme"]
    crossing.stub.claims["email"] = "ada@elsewhere.example"  # the subject decides, not the address
    _, token = await crossing.arrive()
    again = crossing.town.signed_in(await crossing.open(token), "ada@example.com")
    assert again.tokens["user_id"] == first.tokens["user_id"]
    assert (await crossing.open(token)).json()["code"] == "token_rejected"
    last = await again.client.delete("/api/users/me/sign-in-providers/acme")
    assert (last.status_code, last.json()["code"]) == (409, "last_way_in")


async def test_the_answer_says_nothing_to_caches_and_scripts(crossing: Crossing) -> None:
    left = await crossing.leave()
    kept = left.headers["set-cookie"]
    assert kept.startswith(f"{COOKIE}=")
    assert {"Path=/", "HttpOnly", "SameSite=Lax", "Max-Age=600"} <= set(kept.split("; "))
    assert left.headers["cache-control"] == "no-store"
    asked = parse_qs(urlsplit(left.headers["location"]).query)
    assert asked["redirect_uri"] == ["http://127.0.0.1:8000/api/auth/oauth/acme/callback"]
    assert asked["code_challenge_method"] == ["S256"]
    back = await crossing.back(left, session_state="a parameter of the provider's own")
    assert f"{COOKIE}=;" in back.headers["set-cookie"]


async def test_s43_an_account_with_the_same_address_is_not_opened_by_it(crossing: Crossing) -> None:
    town = crossing.town
    await town.register("ada@example.com")  # perhaps by somebody who lies in wait
    page, token = await crossing.arrive()
    assert page == "connect"
    assert (await crossing.open(token)).json()["code"] == "token_rejected"
    bob = await town.person("bob@example.com")
    path = "/api/users/me/sign-in-providers"
    assert (await town.guest.post(path, json={"token": token})).status_code == 401
    assert (await bob.client.post(path, json={"token": token})).json()["code"] == "token_rejected"
    ada = town.signed_in(await town.login("ada@example.com"), "ada@example.com")
    assert (await ada.client.post(path, json={"token": token})).status_code == 204
    assert (await ada.client.post(path, json={"token": token})).json()["code"] == "token_rejected"
    page, token = await crossing.arrive()
    assert page == "link"
    opened = town.signed_in(await crossing.open(token), ada.email)
    assert opened.tokens["user_id"] == ada.tokens["user_id"]
    assert (await ada.client.delete(f"{path}/acme")).status_code == 204
    assert (await ada.client.delete(f"{path}/acme")).status_code == 204
    assert (await crossing.arrive())[0] == "connect"


async def test_s43_an_address_that_nobody_verified_makes_no_account(crossing: Crossing) -> None:
    crossing.stub.claims["email_verified"] = False
    refused = await crossing.back(await crossing.leave())
    assert (refused.status_code, refused.json()["code"]) == (403, "sign_in_refused")
    assert (await crossing.town.site.staff.get("/api/admin/users")).json()["data"] == []


async def test_s43_only_the_browser_that_left_comes_back_and_once(crossing: Crossing) -> None:
    left = await crossing.leave()
    for changed in ({"state": None}, {"state": "made-up"}):
        refused = await crossing.back(left, **changed)
        assert (refused.status_code, refused.json()["code"]) == (400, "token_rejected"), changed
    for cookie in ("", f"{COOKIE}=made-up", (await crossing.leave()).headers["set-cookie"].partition(";")[0]):
        refused = await crossing.back(left, cookie=cookie)
        assert (refused.status_code, refused.json()["code"]) == (403, "sign_in_refused"), cookie
    for error in (None, "access_denied"):
        refused = await crossing.back(left, code=None, error=error)
        assert (refused.status_code, refused.json()["code"]) == (403, "sign_in_refused"), error
    page, token = landed(await crossing.back(left))
    assert page == "link"
    assert (await crossing.back(left)).json()["code"] == "token_rejected"
    connecting = (await crossing.back(await crossing.leave(), state=token)).json()
    assert connecting["code"] == "token_rejected"  # a token for one thing opens no other


async def test_s43_a_code_of_another_sign_in_and_another_issuer_are_refused(crossing: Crossing) -> None:
    left, other = await crossing.leave(), await crossing.leave()
    stolen = await crossing.stub.consent(other.headers["location"])
    refused = await crossing.back(left, code=stolen)
    assert (refused.status_code, refused.json()["code"]) == (403, "sign_in_refused")
    refused = await crossing.back(await crossing.leave(), iss="https://evil.example")
    assert (refused.status_code, refused.json()["code"]) == (403, "sign_in_refused")


async def test_a_suspended_account_stays_shut(crossing: Crossing) -> None:
    _, token = await crossing.arrive()
    ada = crossing.town.signed_in(await crossing.open(token), "ada@example.com")
    path = f"/api/admin/users/{ada.tokens['user_id']}"
    headers = {"if-match": "*"}
    answer = await crossing.town.site.staff.patch(path, json={"status": "suspended"}, headers=headers)
    assert answer.status_code == 200, answer.text
    refused = await crossing.back(await crossing.leave())
    assert (refused.status_code, refused.json()["code"]) == (403, "sign_in_refused")


async def test_a_provider_that_is_unknown_or_away(crossing: Crossing) -> None:
    unknown = await crossing.town.guest.get("/api/auth/oauth/nobody/authorize")
    assert (unknown.status_code, unknown.json()["code"]) == (404, "not_found")
    left = await crossing.leave()
    crossing.stub.places["/token"] = lambda *_: Answer({}, status=500)
    away = await crossing.back(left)
    assert (away.status_code, away.json()["code"]) == (503, "unavailable")


async def test_the_pages_lead_there_and_connect(crossing: Crossing) -> None:
    guest, town = crossing.town.guest, crossing.town
    assert 'href="/api/auth/oauth/acme/authorize"' in (await guest.get("/account/sign-in")).text
    await town.register("ada@example.com")
    _, token = await crossing.arrive()
    shown = await guest.get("/account/connect", params={"token": token})
    assert token in shown.text
    assert "already" in shown.text
    headers = {"origin": "http://127.0.0.1:8000"}
    form = {"token": token}
    nobody = await guest.post("/account/connect", data=form, headers=headers)
    assert (nobody.status_code, token in nobody.text) == (401, True)
    password = {"email": "ada@example.com", "password": "four words of ada"}
    entered = await guest.post("/account/sign-in", data=password, headers=headers)
    cookie = entered.headers["set-cookie"].partition(";")[0]
    done = await guest.post("/account/connect", data=form, headers={**headers, "cookie": cookie})
    assert (done.status_code, "open your account" in done.text) == (200, True)
    assert (await crossing.arrive())[0] == "link"
