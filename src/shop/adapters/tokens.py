"""Access tokens as JWTs (RFC 9068), signed with Ed25519 keys that are derived from the shop's secret, not kept."""

import json
import re
import secrets as randomness
from base64 import urlsafe_b64decode
from collections.abc import Collection, Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, Final, TypeVar

import jwt
from attrs import frozen
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from jwt.algorithms import OKPAlgorithm

from shop.application.ports.identity import CredentialsRejected, Secrets
from shop.application.ports.options import Options
from shop.application.ports.tokens import AccessClaims, TokenExpired, UnknownSigningKey
from shop.domain.kernel.errors import Invalid
from shop.domain.kernel.identifiers import Identifier, SessionId, SigningKeyId, UserId

I = TypeVar("I", bound=Identifier)  # noqa: E741
ALGORITHM: Final = "EdDSA"
TYPE: Final = "at+jwt"
AUDIENCE: Final = "shop"
PURPOSE: Final = "signing-key"
LENGTH_MAX = 2048
LIFETIME_MAX = timedelta(hours=1)
_KEYS_KEPT = 32
# Without padding: the same token is never written in two ways.
_TOKEN = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+", re.ASCII)
_HEADER, _CLAIMS = {"alg", "typ", "kid"}, {"iss", "aud", "sub", "sid", "iat", "exp", "jti"}


@frozen
class _Pair:
    private: Ed25519PrivateKey
    public: Ed25519PublicKey


class JwtAccessTokens:
    """What a token's header says chooses nothing: it has to be, word for word, what this shop writes."""

    def __init__(self, secrets: Secrets, issuer: str) -> None:
        self._issuer = issuer.rstrip("/")
        self._signer = jwt.PyJWS(algorithms=[ALGORITHM])
        self._pair = lru_cache(_KEYS_KEPT)(lambda key: _pair(secrets, key))
        self._key_in = lru_cache(_KEYS_KEPT)(_key_in)

    def issue(self, claims: AccessClaims, key: SigningKeyId) -> str:
        said = {
            "iss": self._issuer,
            "aud": AUDIENCE,
            "sub": str(claims.user_id),
            "sid": str(claims.session_id),
            "iat": int(claims.issued_at.timestamp()),
            "exp": int(claims.expires_at.timestamp()),
            "jti": randomness.token_urlsafe(16),
        }
        payload = json.dumps(said, separators=(",", ":")).encode()
        return self._signer.encode(payload, self._pair(key).private, ALGORITHM, {"typ": TYPE, "kid": str(key)})

    def read(self, token: str, keys: Collection[SigningKeyId], now: datetime) -> AccessClaims:
        key = self.key_of(token)
        if key is None:
            raise CredentialsRejected
        if key not in keys:
            raise UnknownSigningKey
        try:
            read = self._signer.decode_complete(token, self._pair(key).public, [ALGORITHM])
        except jwt.PyJWTError:
            raise CredentialsRejected from None
        return self._claims(_json(read["payload"]), now)

    def key_of(self, token: str) -> SigningKeyId | None:
        if len(token) > LENGTH_MAX or not _TOKEN.fullmatch(token):
            return None
        return self._key_in(token.partition(".")[0])

    def public_key(self, key: SigningKeyId) -> Mapping[str, str]:
        shown = OKPAlgorithm.to_jwk(self._pair(key).public, as_dict=True)
        return {**shown, "kid": str(key), "use": "sig", "alg": ALGORITHM}

    def _claims(self, said: Mapping[str, Any] | None, now: datetime) -> AccessClaims:
        """What was signed, if it is meant for this shop and holds now."""
        if said is None or said.keys() != _CLAIMS or said["iss"] != self._issuer or said["aud"] != AUDIENCE:
            raise CredentialsRejected
        issued_at, expires_at = _moment(said["iat"]), _moment(said["exp"])
        # No token of ours lives longer, nor is one from the far future.
        if not issued_at < expires_at <= issued_at + LIFETIME_MAX or expires_at > now + LIFETIME_MAX:
            raise CredentialsRejected
        if expires_at <= now:
            raise TokenExpired
        return AccessClaims(
            user_id=_id(UserId, said["sub"]),
            session_id=_id(SessionId, said["sid"]),
            issued_at=issued_at,
            expires_at=expires_at,
        )


def _pair(secrets: Secrets, key: SigningKeyId) -> _Pair:
    private = Ed25519PrivateKey.from_private_bytes(secrets.derive(PURPOSE, str(key)))
    return _Pair(private, private.public_key())


def _key_in(header: str) -> SigningKeyId | None:
    """The key that a header names, if it has all that ours have and nothing else: no `jku`, `x5u`, `jwk`, `crit`."""
    try:
        said = _json(urlsafe_b64decode(header + "=" * (-len(header) % 4)))
    except ValueError:
        return None
    if said is None or said.keys() != _HEADER or said["alg"] != ALGORITHM or said["typ"] != TYPE:
        return None
    try:
        return _id(SigningKeyId, said["kid"])
    except CredentialsRejected:
        return None


def _json(text: bytes) -> dict[str, Any] | None:
    """The object, unless it says anything twice: two readers might take it for two things."""
    try:
        read = json.loads(text.decode(), object_pairs_hook=_once, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        return None
    return read if isinstance(read, dict) else None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    read = dict(pairs)
    if len(read) != len(pairs):
        raise ValueError("a name stands there twice")
    return read


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")


def _moment(said: Any) -> datetime:
    """A whole number of seconds since 1970. Raises CredentialsRejected for anything else."""
    if type(said) is not int:
        raise CredentialsRejected
    try:
        return datetime.fromtimestamp(said, UTC)
    except (ValueError, OverflowError, OSError):
        raise CredentialsRejected from None


def _id(kind: type[I], said: Any) -> I:
    if not isinstance(said, str):
        raise CredentialsRejected
    try:
        return kind.parse(said)
    except Invalid:
        raise CredentialsRejected from None


def open_jwt_access_tokens(options: Options, *, secrets: Secrets) -> JwtAccessTokens:
    """Reads SHOP_BASE_URL: tokens are of this shop, and no other's are good here."""
    return JwtAccessTokens(secrets, options.get("SHOP_BASE_URL"))
