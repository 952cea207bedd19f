"""Sessions: one device that is signed in, with the refresh token that keeps it so."""

from datetime import datetime, timedelta
from typing import Any, ClassVar, Self

from attrs import define, field, frozen

from shop.domain.kernel.aggregates import Aggregate, Event
from shop.domain.kernel.errors import NotFound
from shop.domain.kernel.identifiers import SessionId, UserId

SPENT_MAX = 20
USER_AGENT_LENGTH_MAX = 300


class SessionNotFound(NotFound):
    title = "No such session"


@frozen(kw_only=True)
class UserSignedIn(Event):
    """Somebody signed in on a device."""

    type: ClassVar[str] = "user.signed_in"
    user_id: UserId
    session_id: SessionId

    @property
    def subject(self) -> UserId:
        return self.user_id


@frozen(kw_only=True)
class SessionReused(Event):
    """A refresh token came a second time: somebody has a copy, so nobody may use the session any more."""

    type: ClassVar[str] = "user.session_reused"
    user_id: UserId
    session_id: SessionId

    @property
    def subject(self) -> UserId:
        return self.user_id


def _shortened(user_agent: str) -> str:
    return user_agent[:USER_AGENT_LENGTH_MAX]


@define(eq=False, kw_only=True)
class Session(Aggregate):
    """A device that is signed in. Of its tokens only fingerprints (SHA-256) are kept.

    A session of the API has a refresh token that changes with every use, one of a browser a token in a cookie.
    `mfa`: a second factor was shown when it began. `fresh_at`: when its user last proved who they are.
    """

    id: SessionId
    user_id: UserId
    browser: bool = False
    fingerprint: bytes = field(repr=False)
    spent: tuple[bytes, ...] = field(default=(), repr=False)
    mfa: bool = False
    source: str = ""
    user_agent: str = field(default="", converter=_shortened)
    created_at: datetime
    fresh_at: datetime
    last_seen_at: datetime
    expires_at: datetime
    revoked_at: datetime | None = None

    @classmethod
    def begin(cls, *, at: datetime, lifetime: timedelta, **attributes: Any) -> Self:
        session = cls(created_at=at, fresh_at=at, last_seen_at=at, expires_at=at + lifetime, **attributes)
        session._record(UserSignedIn(at=at, user_id=session.user_id, session_id=session.id))
        return session

    def live(self, now: datetime) -> bool:
        return self.revoked_at is None and now < self.expires_at

    def rotate(self, fingerprint: bytes, at: datetime, lifetime: timedelta, longest: timedelta) -> None:
        """Its refresh token was used: the next one is this. However often it is used, some day one signs in again."""
        self.spent = (self.fingerprint, *self.spent)[:SPENT_MAX]
        self.fingerprint, self.last_seen_at = fingerprint, at
        self.expires_at = min(at + lifetime, self.created_at + longest)

    def refreshed_proof(self, at: datetime, *, mfa: bool) -> None:
        """Its user proved again who they are."""
        self.fresh_at, self.mfa = at, self.mfa or mfa

    def reused(self, at: datetime) -> None:
        """One of its spent tokens came again: whoever has it, it ends here."""
        self.revoke(at)
        self._record(SessionReused(at=at, user_id=self.user_id, session_id=self.id))

    def revoke(self, at: datetime) -> None:
        """Twice is once."""
        self.revoked_at = self.revoked_at or at
