"""Who is asking: from credentials to actors, and tokens for guests."""

from typing import Protocol

from shop.application.messages import Actor
from shop.domain.kernel.errors import Forbidden
from shop.domain.kernel.identifiers import ApiKeyId, CartId, OrderId


class CredentialsRejected(Forbidden):
    """The key or token is unknown, malformed or revoked."""

    code = "credentials_rejected"
    title = "These credentials open nothing"
    default_hint = "Sign in again; or mint a key with: shop keys create --name NAME --scopes SCOPES"


class AuthenticationRequired(Forbidden):
    """Nobody in particular asked for something that not everybody may have."""

    code = "authentication_required"
    title = "Who is asking?"
    default_hint = "Send a secret key: Authorization: Bearer sk_… (mint one with: shop keys create)."


class Authenticator(Protocol):
    """Turns the credential of a request into an actor."""

    async def identify(self, credential: str) -> Actor:
        """Whose it is. Raises CredentialsRejected. May be up to five seconds behind a revocation."""


class Secrets(Protocol):
    """Makes secrets, and tokens that only this shop can have made."""

    def guest_token(self, thing: CartId | OrderId) -> str:
        """The token of a guest's cart or order: always the same for the same id, and not to be guessed (HMAC)."""

    def is_guest_token(self, token: str, thing: CartId | OrderId) -> bool:
        """Whether this is the token of that thing, compared in constant time."""

    def new_api_key(self, key_id: ApiKeyId) -> str:
        """A new secret key `sk_…`, shown once."""

    def new_publishable_key(self, key_id: ApiKeyId) -> str:
        """A new publishable key `pk_…`, which a storefront may show to everybody."""

    def new_secret(self) -> str:
        """256 random bits in characters that a URL, a cookie and a header may hold: one-time and refresh tokens."""

    def derive(self, purpose: str, name: str) -> bytes:
        """32 bytes that nobody else can compute, the same for the same words and unlike those for any others.

        What can be derived need not be kept: the database holds its name, and a thief of the database nothing.
        """

    def fingerprint(self, secret: str) -> bytes:
        """What is kept instead of a secret key: SHA-256 of it."""
