"""Secret keys, and tokens that only a holder of the shop's own secret can make."""

import hmac
import secrets
from base64 import urlsafe_b64encode
from functools import lru_cache
from hashlib import sha256

from shop.domain.kernel.errors import Invalid
from shop.domain.kernel.identifiers import ApiKeyId, CartId, OrderId, encode_suffix

SECRET_LENGTH_MIN = 16
_TOKEN_BYTES = 18  # 144 bits: 24 characters without padding
_SECRET_BYTES = 32
TOKENS_REMEMBERED = 1_000


class HmacSecrets:
    """Guest tokens are HMACs of ids, so nothing is kept of them. A new secret key needs new tokens."""

    def __init__(self, secret_key: str, *, live: bool = False) -> None:
        if len(secret_key) < SECRET_LENGTH_MIN:
            raise Invalid(f"The shop's secret key has at least {SECRET_LENGTH_MIN} characters.")
        self._key = secret_key.encode()
        self._mode = "live" if live else "test"
        # Each request of a guest asks twice for the same one.
        self._known_tokens = lru_cache(TOKENS_REMEMBERED)(self._token)

    def guest_token(self, thing: CartId | OrderId) -> str:
        return self._known_tokens(thing)

    def _token(self, thing: CartId | OrderId) -> str:
        digest = hmac.digest(self._key, f"guest:{thing}".encode(), "sha256")
        return urlsafe_b64encode(digest[:_TOKEN_BYTES]).decode()

    def is_guest_token(self, token: str, thing: CartId | OrderId) -> bool:
        # As bytes: a text with other than ASCII characters cannot be compared in constant time.
        return hmac.compare_digest(token.encode(errors="replace"), self.guest_token(thing).encode())

    def new_api_key(self, key_id: ApiKeyId) -> str:
        """`sk_test_` or `sk_live_`, the id (so that a leaked one can be told) and 256 random bits."""
        return f"sk_{self._mode}_{encode_suffix(key_id.uuid)}_{secrets.token_hex(32)}"

    def new_publishable_key(self, key_id: ApiKeyId) -> str:
        """`pk_test_` or `pk_live_` and the same as a secret key: it opens little, but is not to be guessed either."""
        return f"pk_{self._mode}_{encode_suffix(key_id.uuid)}_{secrets.token_hex(32)}"

    def new_secret(self) -> str:
        return secrets.token_urlsafe(_SECRET_BYTES)

    def derive(self, purpose: str, name: str) -> bytes:
        # With its length in front no purpose can pass for the beginning of another one's name.
        # Names come from outside, and may hold what no text does: such as half a character.
        words = f"derive:{len(purpose.encode())}:{purpose}:{name}".encode(errors="surrogatepass")
        return hmac.digest(self._key, words, "sha256")

    def fingerprint(self, secret: str) -> bytes:
        return sha256(secret.encode(errors="replace")).digest()
