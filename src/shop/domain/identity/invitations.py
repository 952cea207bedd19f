"""Invitations: how staff get their accounts."""

from datetime import datetime, timedelta
from typing import Any, ClassVar, Self

from attrs import define, field, frozen

from shop.domain.kernel.aggregates import Aggregate, Event
from shop.domain.kernel.email import checked_email
from shop.domain.kernel.errors import Invalid, NotFound
from shop.domain.kernel.identifiers import InvitationId, RoleId, UserId

LIFETIME = timedelta(days=7)


class InvitationNotFound(NotFound):
    title = "No such invitation"


@frozen(kw_only=True)
class InvitationMade(Event):
    """Somebody is asked to join the staff: mail them."""

    type: ClassVar[str] = "invitation.made"
    invitation_id: InvitationId

    @property
    def subject(self) -> InvitationId:
        return self.invitation_id


@define(eq=False, kw_only=True)
class Invitation(Aggregate):
    """An offer of roles to whoever reads mail at an address. Its token is kept as a fingerprint only."""

    audited: ClassVar = ("role_ids", "accepted_at", "revoked_at")

    id: InvitationId
    email: str
    role_ids: frozenset[RoleId]
    invited_by: UserId | None
    fingerprint: bytes = field(default=b"", repr=False)
    created_at: datetime
    expires_at: datetime
    accepted_at: datetime | None = None
    revoked_at: datetime | None = None

    @classmethod
    def make(cls, *, at: datetime, email: str, **attributes: Any) -> Self:
        """Raises Invalid without a role, or when no mail could go there."""
        invitation = cls(email=checked_email(email), created_at=at, expires_at=at + LIFETIME, **attributes)
        if not invitation.role_ids:
            raise Invalid("An invitation offers at least one role.")
        invitation._record(InvitationMade(at=at, invitation_id=invitation.id))
        return invitation

    def open(self, now: datetime) -> bool:
        return self.accepted_at is None and self.revoked_at is None and now < self.expires_at

    def accept(self, at: datetime) -> None:
        self.accepted_at = at

    def revoke(self, at: datetime) -> None:
        """Twice is once."""
        self.revoked_at = self.revoked_at or at
