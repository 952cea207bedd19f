"""What people need, for tests: the same promises as the real adapters, quick, and the same in every run."""

import hashlib
import hmac
from typing import Any

from shop.adapters.memory.notifications import MemoryNotifier
from shop.adapters.second_step.passkeys import WebauthnPasskeys
from shop.adapters.second_step.totp import PyotpCodes
from shop.adapters.tokens import JwtAccessTokens
from shop.application.ports.clock import Clock
from shop.application.ports.identity import Secrets
from shop.application.ports.network import forbid_inside_transaction
from shop.application.ports.passwords import PASSWORD_BYTES_MAX, PasswordVerdict
from shop.domain.kernel.errors import Invalid

BASE_URL = "https://shop.test"


class PlainPasswords:
    """A quick hash and no threads: virtual time would not wait for them."""

    def __init__(self) -> None:
        self._made = 0

    async def hash(self, password: str) -> str:
        forbid_inside_transaction("Passwords.hash")
        secret = password.encode(errors="surrogatepass")
        if len(secret) > PASSWORD_BYTES_MAX:
            raise Invalid("The password is too long.")
        self._made += 1
        return f"plain${self._made}${_digest(self._made, secret)}"

    async def verify(self, password: str, hashed: str) -> PasswordVerdict:
        forbid_inside_transaction("Passwords.verify")
        secret = password.encode(errors="surrogatepass")
        kind, _, rest = hashed.partition("$")
        number, _, digest = rest.partition("$")
        whole = kind == "plain" and number.isdecimal() and len(secret) <= PASSWORD_BYTES_MAX
        matches = whole and hmac.compare_digest(digest.encode(), _digest(int(number), secret).encode())
        return PasswordVerdict(matches=matches, outdated=False)

    async def close(self) -> None:
        """Nothing to let go of."""


def _digest(number: int, secret: bytes) -> str:
    return hashlib.sha256(b"%d:%s" % (number, secret)).hexdigest()


def people_ports(clock: Clock, secrets: Secrets) -> dict[str, Any]:
    """The ports of people for a `Ports`: everything is real but the passwords, which are quick."""
    return {
        "passwords": PlainPasswords(),
        "access_tokens": JwtAccessTokens(secrets, BASE_URL),
        "totp": PyotpCodes(),
        "passkeys": WebauthnPasskeys(BASE_URL),
        "notifier": MemoryNotifier(clock),
    }
