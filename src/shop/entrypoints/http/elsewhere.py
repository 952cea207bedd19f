"""Signing in with an account elsewhere (OAuth 2.0 with PKCE, OpenID Connect).

The browser goes to the provider, comes back, and is led on to the account pages with a token: `link` opens the account
as a mailed link does (a second factor is asked for all the same), `connect` says that the address has an account here.
"""

from urllib.parse import urlencode

from shop.application.commands.identity.elsewhere import (
    Arrival,
    ConnectProvider,
    DisconnectProvider,
    LeaveForProvider,
    ReturnFromProvider,
)
from shop.application.limits import SIGN_IN
from shop.application.ports.sign_in import SignInRefused
from shop.domain.identity import LIFETIMES, TokenPurpose
from shop.entrypoints.http.answers import Answer, Header
from shop.entrypoints.http.auth import Token
from shop.entrypoints.http.bodies import Body
from shop.entrypoints.http.calls import Call
from shop.entrypoints.http.endpoints import Endpoints, Keys, Who
from shop.entrypoints.http.parameters import text

endpoints = Endpoints("auth")
KEEPSAKE = "shop_elsewhere"
PAGES = {Arrival.SIGN_IN: "link", Arrival.CONNECT: "connect"}
_REFUSALS = ("not_found", "sign_in_refused", "token_rejected", "unavailable", "conflict")


class Connection(Body):
    """What came along from the provider."""

    token: Token


def _goes_on(address: str, *headers: Header) -> Answer:
    return Answer(302, headers=[(b"location", address.encode()), (b"cache-control", b"no-store"), *headers])


def _back(call: Call, provider: str) -> str:
    return f"{call.site.base_url}/api/auth/oauth/{provider}/callback"


@endpoints.get(
    "/api/auth/oauth/{provider}/authorize",
    "auth_oauth_authorize",
    Who.PUBLIC,
    "Sign in with an account elsewhere",
    tier=2,
    status=302,
    limit_class=SIGN_IN,
    problems=("not_found", "unavailable", "conflict"),
)
async def auth_oauth_authorize(call: Call) -> Answer:
    """Sends the browser to the provider. Link to it; it is no call for a script."""
    name = call.path_values["provider"]
    departure = await call.execute(LeaveForProvider(provider=name, redirect_uri=_back(call, name)))
    seconds = int(LIFETIMES[TokenPurpose.SIGN_IN_ELSEWHERE].total_seconds())
    kept = call.site.cookies.set(KEEPSAKE, departure.keepsake, max_age_seconds=seconds)
    return _goes_on(departure.address, kept)


@endpoints.get(
    "/api/auth/oauth/{provider}/callback",
    "auth_oauth_callback",
    Who.PUBLIC,
    "Come back from there",
    tier=2,
    status=302,
    query=(
        text("state", "What the shop sent along.", length_max=300),
        text("code", "What the provider gave.", length_max=4000),
        text("iss", "Who the provider says it is (RFC 9207).", length_max=1000),
        text("error", "Why there is no code.", length_max=200),
    ),
    others_in_query=True,
    limit_class=SIGN_IN,
    problems=_REFUSALS,
)
async def auth_oauth_callback(call: Call) -> Answer:
    """Where the provider sends the browser back to. Leads on to the account pages."""
    name, query = call.path_values["provider"], call.query
    if query.get("error") or not query.get("code"):
        raise SignInRefused("The provider says no, or nobody agreed there.")
    arrived = await call.execute(
        ReturnFromProvider(
            provider=name,
            redirect_uri=_back(call, name),
            state=query.get("state", ""),
            keepsake=call.site.cookies.read(call.headers.get(b"cookie", b""), KEEPSAKE),
            code=query["code"],
            issuer=query.get("iss"),
        )
    )
    page = f"{call.shop.ports.accounts.account_url}/{PAGES[arrived.arrival]}?{urlencode({'token': arrived.token})}"
    return _goes_on(page, call.site.cookies.clear(KEEPSAKE))


@endpoints.post(
    "/api/users/me/sign-in-providers",
    "me_provider_connect",
    Who.CUSTOMER,
    "Connect an account elsewhere",
    tier=2,
    body=Connection,
    example={"token": "what came with the page connect"},
    status=204,
    keys=Keys.NO,
    limit_class=SIGN_IN,
    problems=("token_rejected", "identity_taken", "fresh_sign_in_required", "conflict"),
)
async def me_provider_connect(call: Call) -> Answer:
    """The account elsewhere opens this one from now on. Both have the same address, or it is refused."""
    await call.execute(ConnectProvider(token=call.body.token))
    return call.nothing()


@endpoints.delete(
    "/api/users/me/sign-in-providers/{provider}",
    "me_provider_disconnect",
    Who.CUSTOMER,
    "Disconnect an account elsewhere",
    tier=2,
    problems=("last_way_in", "fresh_sign_in_required", "conflict"),
)
async def me_provider_disconnect(call: Call) -> Answer:
    """It opens this one no more. Twice is once; the last way in stays."""
    await call.execute(DisconnectProvider(provider=call.path_values["provider"]))
    return call.nothing()
