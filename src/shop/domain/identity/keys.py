"""Keys of programs: secret ones that open what their scopes say, and publishable ones that only name a storefront."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import ClassVar

from attrs import define, field, frozen

from shop.domain.kernel.aggregates import Aggregate, Event
from shop.domain.kernel.errors import Conflict, Forbidden, NotFound
from shop.domain.kernel.identifiers import ApiKeyId, SigningKeyId, UserId

OVERLAP_MAX = timedelta(days=30)


class ApiKeyNotFound(NotFound):
    title = "No such key"


class ApiKeyGone(Conflict):
    code = "key_gone"
    title = "The key opens nothing any more"
    default_hint = "Mint a new one."


class KeyOfAnother(Forbidden):
    """A key acts for whoever made it, a person or the shop: nobody else gets a secret of it."""

    code = "key_of_another"
    title = "Somebody else made this key"
    default_hint = "Revoke it, and mint one of your own."


class KeyKind(StrEnum):
    SECRET = "secret"  # noqa: S105 - the name of a kind
    PUBLISHABLE = "publishable"


@frozen(kw_only=True)
class _ApiKeyEvent(Event):
    key_id: ApiKeyId

    @property
    def subject(self) -> ApiKeyId:
        return self.key_id


@frozen(kw_only=True)
class ApiKeyCreated(_ApiKeyEvent):
    """A program may do something now."""

    type: ClassVar[str] = "api_key.created"


@frozen(kw_only=True)
class ApiKeyRevoked(_ApiKeyEvent):
    """A key opens nothing any more."""

    type: ClassVar[str] = "api_key.revoked"


@define(eq=False, kw_only=True)
class ApiKey(Aggregate):
    """A key, of which the shop keeps only a fingerprint (SHA-256) and the last four characters.

    A scope is `resource:read` or `resource:write` (write implies read); `*` is every scope. A key that was rotated
    opens for a while with its old secret too. It acts for the person who made it (`created_by`) and opens nothing that
    they may not open themselves; one that was made on the command line is the shop's own.
    """

    audited: ClassVar = ("kind", "scopes", "expires_at", "old_until", "revoked_at")
    audited_silently: ClassVar = ("fingerprint",)

    id: ApiKeyId
    name: str
    kind: KeyKind = KeyKind.SECRET
    fingerprint: bytes = field(repr=False)
    last4: str
    scopes: frozenset[str]
    created_at: datetime
    created_by: UserId | None = None
    expires_at: datetime | None = None
    last_used_at: datetime | None = None
    old_fingerprint: bytes | None = field(default=None, repr=False)
    old_until: datetime | None = None
    revoked_at: datetime | None = None

    def created(self, at: datetime) -> None:
        self._record(ApiKeyCreated(at=at, key_id=self.id))

    def opens(self, fingerprint: bytes, now: datetime) -> bool:
        """Whether a secret of this fingerprint opens anything at this moment."""
        if self.revoked_at is not None or (self.expires_at is not None and now >= self.expires_at):
            return False
        old = fingerprint == self.old_fingerprint and self.old_until is not None and now < self.old_until
        return fingerprint == self.fingerprint or old

    def check_rotated_by(self, person: UserId | None) -> None:
        """Raises KeyOfAnother: whoever knows the secret acts for its maker, or for the shop if nobody made it.

        A publishable key acts for nobody.
        """
        if self.created_by != person and self.kind is KeyKind.SECRET:
            raise KeyOfAnother

    def rotate(self, fingerprint: bytes, last4: str, overlap: timedelta, at: datetime) -> None:
        """It has a new secret; the old one opens it for the overlap, of 30 days at most. Raises ApiKeyGone."""
        if not self.opens(self.fingerprint, at):
            raise ApiKeyGone
        self.old_fingerprint, self.old_until = self.fingerprint, at + max(timedelta(0), min(overlap, OVERLAP_MAX))
        self.fingerprint, self.last4 = fingerprint, last4

    def revoke(self, at: datetime) -> None:
        """From now on it opens nothing. Revoking twice is once."""
        if self.revoked_at is None:
            self.revoked_at = at
            self._record(ApiKeyRevoked(at=at, key_id=self.id))


@define(eq=False, kw_only=True)
class SigningKey(Aggregate):
    """A key that access tokens are signed with, derived from its id and the shop's own secret, and stored nowhere.

    A retired one signs nothing new; what it signed is believed until `gone_at`.
    """

    audited: ClassVar = ("retired_at",)

    id: SigningKeyId
    created_at: datetime
    retired_at: datetime | None = None
    gone_at: datetime | None = None

    def retire(self, at: datetime, tokens_live_for: timedelta) -> None:
        if self.retired_at is None:
            self.retired_at, self.gone_at = at, at + tokens_live_for
