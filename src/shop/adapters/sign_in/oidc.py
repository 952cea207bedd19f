"""OpenID Connect: what a provider publishes of itself, and the ID tokens that it signs."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from attrs import frozen
from authlib.integrations.httpx_client import AsyncOAuth2Client
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet

from shop.adapters.sign_in.calls import ProviderCalls, ProviderClient, read_json
from shop.application.ports.clock import Clock
from shop.application.ports.options import Options
from shop.application.ports.sign_in import (
    CALL_TIMEOUT_SECONDS,
    ProviderProfile,
    SignInProviderUnavailable,
    SignInRefused,
)
from shop.domain.kernel.email import checked_email
from shop.domain.kernel.errors import Invalid

GOOGLE = "https://accounts.google.com"
SCOPE = "openid email profile"
BELIEVED_FOR = timedelta(hours=1)
# A provider may change its keys at any time; who makes up key ids shall not make us ask each time.
KEYS_ASKED_AGAIN_AFTER = timedelta(minutes=1)
CLOCKS_DIFFER_SECONDS = 60
SUBJECT_MAX, NAME_MAX = 255, 200
# Never an HMAC, whose key would be our client secret, and never none.
ALGORITHMS = ("RS256", "PS256", "ES256", "RS384", "PS384", "ES384", "RS512", "PS512", "ES512", "EdDSA", "Ed25519")


@frozen(kw_only=True)
class _Published:
    """What the provider says of itself."""

    authorization: str
    token: str
    userinfo: str
    keys: str
    says_issuer: bool
    read_at: datetime


class OidcSignIn:
    """Discovery and keys are read when they are first needed, and again every hour."""

    def __init__(
        self,
        name: str,
        issuer: str,
        client: ProviderClient,
        clock: Clock,
        *,
        timeout_seconds: float = CALL_TIMEOUT_SECONDS,
    ) -> None:
        self.name, self.issuer = name, issuer
        self._client_id, self._clock = client.client_id, clock
        self._calls = ProviderCalls(client, timeout_seconds=timeout_seconds)
        self._published: _Published | None = None
        self._keys: tuple[KeySet, datetime] | None = None

    async def address(self, *, state: str, nonce: str, verifier: str, redirect_uri: str) -> str:
        async with self._calls.talk("SignInProvider.address", redirect_uri) as client:
            published = await self._discover(client)
            address, _ = client.create_authorization_url(
                published.authorization, state=state, code_verifier=verifier, nonce=nonce
            )
        return str(address)

    async def profile(
        self, *, code: str, nonce: str, verifier: str, redirect_uri: str, issuer: str | None
    ) -> ProviderProfile:
        if issuer not in (None, self.issuer) or not nonce:
            raise SignInRefused
        async with self._calls.talk("SignInProvider.profile", redirect_uri) as client:
            published = await self._discover(client)
            if published.says_issuer and issuer is None:
                raise SignInRefused
            token = await self._calls.token(client, published.token, code=code, verifier=verifier)
            said = await self._id_token(client, published, token, nonce)
            if "email" not in said and published.userinfo:
                told = _object(await read_json(client, published.userinfo, token=True))
                # It may be about somebody else: only then do the two say the same subject.
                if told.get("sub") != said["sub"]:
                    raise SignInRefused
                said = {**told, **said}
        return _profile(self.name, said)

    async def close(self) -> None:
        """Nothing to let go of: a connection lasts as long as a sign-in."""

    async def _discover(self, client: AsyncOAuth2Client) -> _Published:
        now = self._clock.now()
        published = self._published
        if published is None or not timedelta(0) <= now - published.read_at < BELIEVED_FOR:
            said = _object(await read_json(client, f"{self.issuer.rstrip('/')}/.well-known/openid-configuration"))
            published = self._published = self._read_published(said, now)
        return published

    def _read_published(self, said: Mapping[str, Any], now: datetime) -> _Published:
        """Raises SignInProviderUnavailable when this is somebody else, or sends us where no one is encrypted."""
        if said.get("issuer") != self.issuer:
            raise SignInProviderUnavailable("The provider says that it is another one.")
        places = [said.get(f"{name}_endpoint", "") for name in ("authorization", "token", "userinfo")]
        places.append(said.get("jwks_uri", ""))
        scheme = urlsplit(self.issuer).scheme
        needed = [place for number, place in enumerate(places) if place or number != 2]
        if not all(isinstance(place, str) and urlsplit(place).scheme in ("https", scheme) for place in needed):
            raise SignInProviderUnavailable("The provider names an address that cannot be trusted.")
        authorization, token, userinfo, keys = places
        return _Published(
            authorization=authorization,
            token=token,
            userinfo=userinfo,
            keys=keys,
            says_issuer=said.get("authorization_response_iss_parameter_supported") is True,
            read_at=now,
        )

    async def _id_token(
        self, client: AsyncOAuth2Client, published: _Published, token: Mapping[str, Any], nonce: str
    ) -> dict[str, Any]:
        """What the provider signed, about this sign-in and for this shop. Raises SignInRefused."""
        text = token.get("id_token")
        if not isinstance(text, str):
            raise SignInRefused
        keys = await self._key_set(client, published)
        try:
            try:
                signed = jwt.decode(text, keys, algorithms=ALGORITHMS)
            except InvalidKeyIdError:
                keys = await self._key_set(client, published, again=True)
                signed = jwt.decode(text, keys, algorithms=ALGORITHMS)
            said = CodeIDToken(
                signed.claims,
                signed.header,
                {
                    "iss": {"essential": True, "value": self.issuer},
                    "aud": {"essential": True, "value": self._client_id},
                    "sub": {"essential": True},
                },
                {"nonce": nonce, "client_id": self._client_id, "access_token": token["access_token"]},
            )
            said.validate(now=int(self._clock.now().timestamp()), leeway=CLOCKS_DIFFER_SECONDS)
        except (JoseError, ValueError, TypeError, KeyError, RecursionError) as wrong:
            raise SignInRefused from wrong
        return dict(said)

    async def _key_set(self, client: AsyncOAuth2Client, published: _Published, *, again: bool = False) -> KeySet:
        now = self._clock.now()
        if self._keys is not None:
            keys, read_at = self._keys
            believed = KEYS_ASKED_AGAIN_AFTER if again else BELIEVED_FOR
            if timedelta(0) <= now - read_at < believed:
                return keys
        said = _object(await read_json(client, published.keys))
        try:
            keys = KeySet.import_key_set({"keys": said["keys"]})
        except (JoseError, ValueError, TypeError, KeyError, AttributeError) as wrong:
            raise SignInProviderUnavailable("The provider's keys cannot be understood.") from wrong
        self._keys = (keys, now)
        return keys


def _object(said: Any) -> dict[str, Any]:
    if not isinstance(said, dict):
        raise SignInProviderUnavailable("The provider's answer cannot be understood.")
    return said


def _profile(provider: str, said: Mapping[str, Any]) -> ProviderProfile:
    subject, name = said["sub"], said.get("name", "")
    if not isinstance(subject, str) or not 0 < len(subject) <= SUBJECT_MAX:
        raise SignInRefused
    try:
        email = checked_email(str(said.get("email", "")))
    except Invalid:
        email = ""
    return ProviderProfile(
        provider=provider,
        subject=subject,
        email=email,
        email_verified=bool(email) and said.get("email_verified") is True,
        name=name[:NAME_MAX] if isinstance(name, str) else "",
    )


def open_google_sign_in(options: Options) -> OidcSignIn:
    """Reads SHOP_GOOGLE_CLIENT_ID and SHOP_GOOGLE_CLIENT_SECRET."""
    return OidcSignIn("google", GOOGLE, _client(options, "GOOGLE"), options.machine_clock)


def open_oidc_sign_in(options: Options) -> OidcSignIn:
    """Reads SHOP_OIDC_NAME, SHOP_OIDC_ISSUER, SHOP_OIDC_CLIENT_ID and SHOP_OIDC_CLIENT_SECRET."""
    name, issuer = options.get("SHOP_OIDC_NAME"), options.get("SHOP_OIDC_ISSUER")
    return OidcSignIn(name, issuer, _client(options, "OIDC"), options.machine_clock)


def _client(options: Options, kind: str) -> ProviderClient:
    return ProviderClient(
        client_id=options.get(f"SHOP_{kind}_CLIENT_ID"),
        client_secret=options.get(f"SHOP_{kind}_CLIENT_SECRET"),
        scope=SCOPE,
    )
