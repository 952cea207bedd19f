"""Access tokens: for a few minutes whoever holds one is known by its signature.

- One algorithm (EdDSA over Ed25519) and one kind of token: what a token says of itself never chooses how it is checked.
- A token is checked against the keys that the caller names; nothing in it makes the shop fetch or read anything.
- A signature is not the whole answer: whoever lets somebody in looks at the session too.
"""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Protocol

from attrs import frozen

from shop.application.ports.identity import CredentialsRejected
from shop.domain.kernel.identifiers import SessionId, SigningKeyId, UserId


class TokenExpired(CredentialsRejected):
    """The access token was fine and its time is over."""

    code = "token_expired"
    title = "The access token has expired"
    default_hint = "Get a new one with the refresh token."


class UnknownSigningKey(CredentialsRejected):
    """The token names a key that is not among those of this shop, or is no longer."""


@frozen(kw_only=True)
class AccessClaims:
    """What an access token says: who, in which session, from when until when (whole seconds)."""

    user_id: UserId
    session_id: SessionId
    issued_at: datetime
    expires_at: datetime


class AccessTokens(Protocol):
    """Signs and reads access tokens, without any I/O."""

    def issue(self, claims: AccessClaims, key: SigningKeyId) -> str:
        """A token that says this, signed with the key of this name. No two are the same."""

    def read(self, token: str, keys: Collection[SigningKeyId], now: datetime) -> AccessClaims:
        """What the token says, if one of these keys signed it for this shop and it holds now.

        Raises TokenExpired from the very second it expires, UnknownSigningKey when it names none of the keys, and
        CredentialsRejected for everything else.
        """

    def key_of(self, token: str) -> SigningKeyId | None:
        """The key that the token says it was signed with: unverified, and None for what is no token."""

    def public_key(self, key: SigningKeyId) -> Mapping[str, str]:
        """What others need to check our signatures: a JSON Web Key (OKP, Ed25519) with `kid`, `use` and `alg`."""
