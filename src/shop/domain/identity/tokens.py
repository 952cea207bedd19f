"""One-time tokens: what a mailed link, a terminal or the first half of a sign-in carries. They open something once."""

from datetime import datetime, timedelta
from enum import StrEnum

from attrs import define, field

from shop.domain.kernel.aggregates import Aggregate
from shop.domain.kernel.errors import Invalid
from shop.domain.kernel.identifiers import OneTimeTokenId, UserId

TRIES_MAX = 5


class TokenRejected(Invalid):
    """Unknown, used, expired, or made before the password, address or second factor changed: always the same words."""

    code = "token_rejected"
    title = "This link or code opens nothing"
    default_hint = "It may have been used, or be too old: ask for a new one."


class TokenPurpose(StrEnum):
    VERIFY_EMAIL = "verify_email"
    CHANGE_EMAIL = "change_email"
    RESET_PASSWORD = "reset_password"  # noqa: S105 - the name of a purpose
    MAGIC_LINK = "magic_link"
    SECOND_STEP = "second_step"
    PASSKEY = "passkey"
    SIGN_IN_ELSEWHERE = "sign_in_elsewhere"
    SETUP = "setup"


LIFETIMES: dict[TokenPurpose, timedelta] = {
    TokenPurpose.VERIFY_EMAIL: timedelta(days=3),
    TokenPurpose.CHANGE_EMAIL: timedelta(days=1),
    TokenPurpose.RESET_PASSWORD: timedelta(hours=1),
    TokenPurpose.MAGIC_LINK: timedelta(minutes=10),
    TokenPurpose.SECOND_STEP: timedelta(minutes=5),
    TokenPurpose.PASSKEY: timedelta(minutes=5),
    TokenPurpose.SIGN_IN_ELSEWHERE: timedelta(minutes=10),
    TokenPurpose.SETUP: timedelta(days=7),
}


@define(eq=False, kw_only=True)
class OneTimeToken(Aggregate):
    """A secret that opens one thing once, kept as a fingerprint (SHA-256).

    `binding` is what the user was like when it was made (see `User.binding`): it opens nothing for another user,
    another purpose, or after a change. `data` is what the purpose needs besides, such as the new address.
    """

    id: OneTimeTokenId
    purpose: TokenPurpose
    fingerprint: bytes = field(repr=False)
    user_id: UserId | None = None
    binding: str = ""
    data: str = ""
    tries: int = 0
    created_at: datetime
    expires_at: datetime
    used_at: datetime | None = None

    def check(self, purpose: TokenPurpose, now: datetime) -> None:
        """Raises TokenRejected when it is for something else, used, tried too often or expired."""
        if self.purpose is not purpose or self.used_at is not None or now >= self.expires_at or self.tries >= TRIES_MAX:
            raise TokenRejected

    def check_binding(self, binding: str) -> None:
        """Raises TokenRejected when its user has changed since."""
        if self.binding != binding:
            raise TokenRejected

    def use(self, at: datetime) -> None:
        self.used_at = at

    def tried(self) -> None:
        """What was shown with it was wrong; after five times it opens nothing."""
        self.tries += 1
