"""GitHub: OAuth 2 without OpenID, so who came back is asked for with the token."""

from typing import Any, Final

from attrs import frozen

from shop.adapters.sign_in.calls import ProviderCalls, ProviderClient, read_json
from shop.application.ports.options import Options
from shop.application.ports.sign_in import (
    CALL_TIMEOUT_SECONDS,
    ProviderProfile,
    SignInProviderUnavailable,
    SignInRefused,
)
from shop.domain.kernel.email import checked_email
from shop.domain.kernel.errors import Invalid

SCOPE: Final = "read:user user:email"
NAME_MAX: Final = 200


@frozen(kw_only=True)
class GithubPlaces:
    """Where GitHub is; a company's own GitHub, or a test's, is elsewhere."""

    issuer: str = "https://github.com/login/oauth"
    authorization: str = "https://github.com/login/oauth/authorize"
    token: str = "https://github.com/login/oauth/access_token"  # noqa: S105 - an address
    api: str = "https://api.github.com"


class GithubSignIn:
    """Of the addresses that GitHub knows only the one counts that is primary and verified."""

    def __init__(
        self,
        client: ProviderClient,
        places: GithubPlaces | None = None,
        *,
        timeout_seconds: float = CALL_TIMEOUT_SECONDS,
    ) -> None:
        self.name = "github"
        self._places = places or GithubPlaces()
        self.issuer = self._places.issuer
        self._calls = ProviderCalls(client, timeout_seconds=timeout_seconds)

    async def address(self, *, state: str, nonce: str, verifier: str, redirect_uri: str) -> str:
        # There is no ID token to bind to a nonce: state and PKCE tie the answer to this browser.
        async with self._calls.talk("SignInProvider.address", redirect_uri) as client:
            address, _ = client.create_authorization_url(
                self._places.authorization, state=state, code_verifier=verifier
            )
        return str(address)

    async def profile(
        self, *, code: str, nonce: str, verifier: str, redirect_uri: str, issuer: str | None
    ) -> ProviderProfile:
        if issuer not in (None, self.issuer):
            raise SignInRefused
        async with self._calls.talk("SignInProvider.profile", redirect_uri) as client:
            await self._calls.token(client, self._places.token, code=code, verifier=verifier)
            user = await read_json(client, f"{self._places.api}/user", token=True)
            emails = await read_json(client, f"{self._places.api}/user/emails", token=True)
        return _profile(user, emails)

    async def close(self) -> None:
        """Nothing to let go of: a connection lasts as long as a sign-in."""


def _profile(user: Any, emails: Any) -> ProviderProfile:
    # The number stays when somebody takes another login, and nobody else ever gets it.
    if not isinstance(user, dict) or type(user.get("id")) is not int or not isinstance(emails, list):
        raise SignInProviderUnavailable("The provider's answer cannot be understood.")
    email = _primary(emails)
    name = user.get("name") or user.get("login")
    return ProviderProfile(
        provider="github",
        subject=str(user["id"]),
        email=email,
        email_verified=bool(email),
        name=name[:NAME_MAX] if isinstance(name, str) else "",
    )


def _primary(emails: list[Any]) -> str:
    for known in emails:
        if isinstance(known, dict) and known.get("primary") is True and known.get("verified") is True:
            try:
                return checked_email(str(known.get("email", "")))
            except Invalid:
                return ""
    return ""


def open_github_sign_in(options: Options) -> GithubSignIn:
    """Reads SHOP_GITHUB_CLIENT_ID and SHOP_GITHUB_CLIENT_SECRET."""
    return GithubSignIn(
        ProviderClient(
            client_id=options.get("SHOP_GITHUB_CLIENT_ID"),
            client_secret=options.get("SHOP_GITHUB_CLIENT_SECRET"),
            scope=SCOPE,
        )
    )
