"""Signing in with somebody who knows the person already: Google, GitHub, or any OpenID provider.

- The shop asks with PKCE (S256), state and nonce, and believes an answer only from the provider that it asked.
- Answers beyond 64 kB are not read, and every call has a timeout.
- What a provider says of an e-mail address counts only where `email_verified` is true.
"""

from collections.abc import Mapping
from typing import Protocol

from attrs import frozen

from shop.domain.kernel.errors import Forbidden, NotFound, Unavailable

CALL_TIMEOUT_SECONDS = 10.0
ANSWER_BYTES_MAX = 64 * 1024


class SignInRefused(Forbidden):
    """The provider said no, or what came back does not prove who it is."""

    code = "sign_in_refused"
    title = "The sign-in did not come to a good end"
    default_hint = "Begin again from the shop's sign-in page."


class SignInProviderUnknown(NotFound):
    """The shop does not sign in with this provider."""

    title = "No such sign-in provider"


class SignInProviderUnavailable(Unavailable):
    """The provider does not answer, or says nothing that can be understood."""

    title = "The sign-in provider does not answer"
    default_hint = "Try again in a moment, or take another way to sign in."


@frozen(kw_only=True)
class ProviderProfile:
    """Whom the provider knows: `subject` never changes at the provider, the e-mail address may."""

    provider: str
    subject: str
    email: str
    email_verified: bool
    name: str


class SignInProvider(Protocol):
    """Sends a browser to the provider, and learns who came back. Not inside a transaction."""

    name: str
    """Its name in URLs and records, such as `google`."""
    issuer: str
    """Who it says it is: an answer that names another issuer is refused (RFC 9207)."""

    async def address(self, *, state: str, nonce: str, verifier: str, redirect_uri: str) -> str:
        """Where the browser goes. `verifier` stays here, only its SHA-256 goes along. Raises Unavailable."""

    async def profile(
        self, *, code: str, nonce: str, verifier: str, redirect_uri: str, issuer: str | None
    ) -> ProviderProfile:
        """Who came back with this code; `issuer` is the `iss` that came with it, if one did.

        Raises SignInRefused (begin again), Unavailable (the same may work later).
        """

    async def close(self) -> None:
        """Lets go of connections."""


SignInProviders = Mapping[str, SignInProvider]
"""Those that the shop signs in with, by name."""
