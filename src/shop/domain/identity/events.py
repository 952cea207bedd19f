"""What happens to people: never who they are, only that it happened to whom."""

from typing import ClassVar

from attrs import frozen

from shop.domain.kernel.aggregates import Event
from shop.domain.kernel.identifiers import UserId


@frozen(kw_only=True)
class _UserEvent(Event):
    user_id: UserId

    @property
    def subject(self) -> UserId:
        return self.user_id


@frozen(kw_only=True)
class UserRegistered(_UserEvent):
    """Somebody has an account now: welcome them, and let them prove their address."""

    type: ClassVar[str] = "user.registered"


@frozen(kw_only=True)
class UserVerified(_UserEvent):
    """The address is theirs: what they ordered under it as guests is theirs too."""

    type: ClassVar[str] = "user.verified"


@frozen(kw_only=True)
class UserUpdated(_UserEvent):
    """What is known of somebody changed. `changed` names the fields, never what they hold."""

    type: ClassVar[str] = "user.updated"
    changed: tuple[str, ...]


@frozen(kw_only=True)
class UserRolesChanged(_UserEvent):
    """Somebody may do more or less than before."""

    type: ClassVar[str] = "user.roles_changed"


@frozen(kw_only=True)
class UserSuspended(_UserEvent):
    """Somebody may not sign in any more."""

    type: ClassVar[str] = "user.suspended"


@frozen(kw_only=True)
class UserErased(_UserEvent):
    """Somebody asked to be forgotten: whatever still holds their data drops it."""

    type: ClassVar[str] = "user.erased"


@frozen(kw_only=True)
class UserConsentChanged(_UserEvent):
    """Somebody agreed to something, or no longer does."""

    type: ClassVar[str] = "user.consent_changed"
    consent: str
    given: bool


@frozen(kw_only=True)
class UserMfaEnabled(_UserEvent):
    """A second factor was added: a password alone does not open the account any more."""

    type: ClassVar[str] = "user.mfa_enabled"


@frozen(kw_only=True)
class SecondStepGuessed(_UserEvent):
    """Somebody who knows the password tried too many wrong codes for a slip. Once a day at most."""

    type: ClassVar[str] = "user.second_step_guessed"


@frozen(kw_only=True)
class UserMfaDisabled(_UserEvent):
    """A second factor was taken away."""

    type: ClassVar[str] = "user.mfa_disabled"
