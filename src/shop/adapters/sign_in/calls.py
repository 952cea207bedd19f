"""Calls to a sign-in provider: short ones, with small answers, and every trouble in the shop's own words."""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
from attrs import frozen
from authlib.integrations.base_client import OAuthError
from authlib.integrations.httpx_client import AsyncOAuth2Client

from shop.application.ports.network import forbid_inside_transaction
from shop.application.ports.sign_in import (
    ANSWER_BYTES_MAX,
    CALL_TIMEOUT_SECONDS,
    SignInProviderUnavailable,
    SignInRefused,
)

CODE_LENGTH_MAX = 4096
# What the provider itself calls a trouble of its own, and of our settings: neither is the person's fault.
_NOT_THE_PERSON = frozenset({"server_error", "temporarily_unavailable", "invalid_client", "unauthorized_client"})
_JSON = {"Accept": "application/json", "Accept-Encoding": "identity", "User-Agent": "hexshop"}


@frozen(kw_only=True)
class ProviderClient:
    """What the shop is to a provider: its client id there, and what it asks for."""

    client_id: str
    client_secret: str
    scope: str


class ProviderCalls:
    """A client of its own for each sign-in: nobody's token is ever at hand for somebody else's call."""

    def __init__(self, client: ProviderClient, *, timeout_seconds: float = CALL_TIMEOUT_SECONDS) -> None:
        self._client, self._timeout = client, timeout_seconds
        self._tls: ssl.SSLContext | None = None

    def open(self, redirect_uri: str = "") -> AsyncOAuth2Client:
        """A client of authlib's, which follows no redirect and reads no large answer."""
        self._tls = self._tls or httpx2.create_ssl_context()
        return AsyncOAuth2Client(
            client_id=self._client.client_id,
            client_secret=self._client.client_secret,
            scope=self._client.scope,
            redirect_uri=redirect_uri,
            code_challenge_method="S256",
            token_endpoint_auth_method="client_secret_post",  # noqa: S106 - the name of a method
            transport=_BoundedTransport(httpx2.AsyncHTTPTransport(verify=self._tls)),
            timeout=self._timeout,
            trust_env=False,
        )

    @asynccontextmanager
    async def talk(self, what: str, redirect_uri: str = "") -> AsyncIterator[AsyncOAuth2Client]:
        """A client for a few calls, which together may take as long as one. Raises SignInRefused for what the
        provider refuses, and SignInProviderUnavailable for what it does not answer or nobody can understand."""
        forbid_inside_transaction(what)
        try:
            async with asyncio.timeout(self._timeout), self.open(redirect_uri) as client:
                yield client
        except OAuthError as refused:
            if refused.error in _NOT_THE_PERSON:
                raise SignInProviderUnavailable(f"The provider says {refused.error}.") from refused
            raise SignInRefused from refused
        except (httpx2.HTTPError, httpx2.InvalidURL, TimeoutError, OSError, UnicodeError) as away:
            raise SignInProviderUnavailable(f"The provider does not answer: {type(away).__name__}.") from away
        except (ValueError, RecursionError) as wrong:
            raise SignInProviderUnavailable("The provider's answer cannot be understood.") from wrong

    async def token(self, client: AsyncOAuth2Client, url: str, *, code: str, verifier: str) -> dict[str, Any]:
        """What the code is exchanged for: at least an access token."""
        if not 0 < len(code) <= CODE_LENGTH_MAX:
            raise SignInRefused
        token = await client.fetch_token(
            url, grant_type="authorization_code", code=code, code_verifier=verifier, headers=_JSON
        )
        if not isinstance(token.get("access_token"), str):
            raise SignInProviderUnavailable("The provider's answer cannot be understood.")
        return dict(token)


async def read_json(client: AsyncOAuth2Client, url: str, *, token: bool = False) -> Any:
    """What stands there, asked for with the token or without. Raises ValueError and httpx2.HTTPError."""
    answer = await client.request("GET", url, headers=_JSON, withhold_token=not token)
    answer.raise_for_status()
    if answer.status_code != httpx2.codes.OK:
        raise ValueError(f"status {answer.status_code}")
    return json.loads(answer.content)


class _BoundedTransport(httpx2.AsyncBaseTransport):
    """Stops reading where an answer is larger than any that makes sense."""

    def __init__(self, inner: httpx2.AsyncBaseTransport) -> None:
        self._inner = inner

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        # Added by the client for its own decoders; what is packed may be much larger than what is counted here.
        request.headers["Accept-Encoding"] = "identity"
        answer = await self._inner.handle_async_request(request)
        if answer.headers.get("Content-Encoding", "identity") != "identity":
            await answer.aclose()
            raise httpx2.DecodingError("the answer is packed, which nobody asked for", request=request)
        assert isinstance(answer.stream, httpx2.AsyncByteStream)
        return httpx2.Response(
            answer.status_code,
            headers=answer.headers,
            stream=_Bounded(answer.stream, request),
            extensions=answer.extensions,
        )

    async def aclose(self) -> None:
        await self._inner.aclose()


class _Bounded(httpx2.AsyncByteStream):
    def __init__(self, inner: httpx2.AsyncByteStream, request: httpx2.Request) -> None:
        self._inner, self._request = inner, request

    async def __aiter__(self) -> AsyncIterator[bytes]:
        read = 0
        async for part in self._inner:
            read += len(part)
            if read > ANSWER_BYTES_MAX:
                raise httpx2.ReadError(f"the answer is larger than {ANSWER_BYTES_MAX} bytes", request=self._request)
            yield part

    async def aclose(self) -> None:
        await self._inner.aclose()
