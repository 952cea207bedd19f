"""Second factors: what somebody has besides knowing a password."""

from datetime import datetime

from attrs import frozen

from shop.domain.kernel.errors import NotFound
from shop.domain.kernel.identifiers import PasskeyId, TotpFactorId


class PasskeyNotFound(NotFound):
    title = "No such passkey"


@frozen(kw_only=True)
class TotpFactor:
    """An app that shows a new code every half minute (RFC 6238).

    Its secret is derived from the factor's id and the shop's own secret, so it is stored nowhere. A code is good
    once: `last_step` is the step of the last one that was used.
    """

    id: TotpFactorId
    created_at: datetime
    confirmed_at: datetime | None = None
    last_step: int = 0


@frozen(kw_only=True)
class Passkey:
    """A key in somebody's device (WebAuthn). The shop holds the public half."""

    id: PasskeyId
    name: str
    credential_id: bytes
    public_key: bytes
    sign_count: int
    transports: tuple[str, ...] = ()
    created_at: datetime
    last_used_at: datetime | None = None
