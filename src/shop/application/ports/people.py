"""What storage keeps of people and answers about them: repositories for use cases, a reader for everybody who asks.

Repositories promise what all of them do (see `ports.repositories`). The built-in roles are the domain's and never
stored.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from attrs import frozen

from shop.application.ports.paging import Page, PageRequest
from shop.application.ports.views.identity import (
    AdminUserView,
    InvitationView,
    MeView,
    PasskeyView,
    PreferencesView,
    RoleView,
    SavedAddressView,
    SessionView,
)
from shop.domain.identity import (
    AccountRequest,
    DataExport,
    Invitation,
    OneTimeToken,
    Role,
    Session,
    SignInAttempt,
    SigningKey,
    User,
    UserStatus,
)
from shop.domain.kernel.identifiers import (
    AccountRequestId,
    ExportId,
    InvitationId,
    RoleId,
    SessionId,
    SigningKeyId,
    UserId,
)


class UserRepository(Protocol):
    """Holds people. A second account of one e-mail address (by `email_key`) raises EmailTaken at the end, a second one
    that the same account of a provider (or the same passkey) opens IdentityTaken. An erased user has no address, and is
    nobody's second."""

    async def get(self, user_id: UserId) -> User:
        """Raises UserNotFound."""

    async def find_by_email(self, email_key: str) -> User | None: ...

    async def find_by_identity(self, provider: str, subject: str) -> User | None: ...

    async def find_by_passkey(self, credential_id: bytes) -> User | None: ...

    async def with_role(self, role_id: RoleId, limit: int) -> list[UserId]:
        """Active users who have this role."""

    def save(self, user: User) -> None: ...


class RoleRepository(Protocol):
    """Holds the roles that the shop made itself. A name that is taken raises RoleNameTaken at the end."""

    async def get(self, role_id: RoleId) -> Role:
        """Raises RoleNotFound; also for a built-in one, which is not kept here."""

    async def some(self, role_ids: Sequence[RoleId]) -> list[Role]:
        """Those of these that are kept here."""

    def save(self, role: Role) -> None: ...

    def delete(self, role: Role) -> None:
        """Removes it, if it is still at its version and no user has it (else StaleAggregate at the end).

        Who gives a role to somebody saves it, too, unchanged: it could be removed at the same moment otherwise.
        """


class SessionRepository(Protocol):
    """Holds devices that are signed in."""

    async def get(self, session_id: SessionId) -> Session:
        """Raises SessionNotFound."""

    async def live_of(self, user_id: UserId, now: datetime, limit: int = 100) -> list[Session]:
        """Those that are neither revoked nor expired, the latest seen first."""

    def save(self, session: Session) -> None: ...

    def drop_of(self, user_id: UserId) -> None:
        """Removes all of a person, live or not."""


class OneTimeTokenRepository(Protocol):
    """Holds one-time tokens, by fingerprint."""

    async def find(self, fingerprint: bytes) -> OneTimeToken | None: ...

    def save(self, token: OneTimeToken) -> None: ...

    def drop_of(self, user_id: UserId) -> None:
        """Removes all of a person, used or not: what they asked for may name an address of theirs."""


class SignInAttempts(Protocol):
    """Remembers attempts at signing in. Append only; the worker forgets old ones."""

    async def latest(self, account: bytes, since: datetime, limit: int) -> list[SignInAttempt]:
        """Of one account, the newest first."""

    async def networks(self, account: bytes, since: datetime, limit: int) -> frozenset[str]:
        """From where attempts at one account succeeded since then: the latest of these networks."""

    def add(self, attempt: SignInAttempt) -> None: ...


class AccountRequestRepository(Protocol):
    """Holds requests about accounts until they are looked into."""

    async def find(self, request_id: AccountRequestId) -> AccountRequest | None: ...

    def save(self, request: AccountRequest) -> None: ...

    def delete(self, request: AccountRequest) -> None:
        """It was looked into. If somebody else did so meanwhile: StaleAggregate at the end."""


class InvitationRepository(Protocol):
    """Holds invitations."""

    async def get(self, invitation_id: InvitationId) -> Invitation:
        """Raises InvitationNotFound."""

    def save(self, invitation: Invitation) -> None: ...

    def drop_of(self, email: str) -> None:
        """Removes all that were sent to this address."""


class ExportRepository(Protocol):
    """Holds exports of personal data."""

    async def get(self, export_id: ExportId) -> DataExport:
        """Raises ExportNotFound."""

    def save(self, export: DataExport) -> None: ...

    def drop_of(self, user_id: UserId) -> None:
        """Removes all of a person."""


class SigningKeyRepository(Protocol):
    """Holds which keys access tokens are signed with."""

    async def get(self, key_id: SigningKeyId) -> SigningKey:
        """Raises NotFound."""

    def save(self, key: SigningKey) -> None: ...


@frozen(kw_only=True)
class SessionAccess:
    """A session with what its user may do at this moment: all that is needed to let a request pass.

    `scopes` are those of all roles together. `second_factor`: whether the user has one.
    """

    session_id: SessionId
    user_id: UserId
    status: UserStatus
    email_verified: bool
    second_factor: bool
    role_ids: frozenset[RoleId]
    scopes: frozenset[str]
    browser: bool
    fingerprint: bytes
    mfa: bool
    fresh_at: datetime
    last_seen_at: datetime
    expires_at: datetime
    revoked_at: datetime | None


@frozen(kw_only=True)
class UserFilter:
    """Which users. Empty means any; `words` is how the e-mail address, or the name as it is written, begins."""

    statuses: frozenset[UserStatus] = frozenset()
    staff: bool | None = None
    role_id: RoleId | None = None
    email: str = ""
    words: str = ""


class PeopleReader(Protocol):
    """Answers about people and what they may do."""

    async def access(self, session_id: SessionId) -> SessionAccess | None:
        """In one round trip."""

    async def has_owner(self) -> bool:
        """Whether there is an active owner."""

    async def me(self, user_id: UserId) -> MeView:
        """Raises UserNotFound."""

    async def addresses(self, user_id: UserId) -> list[SavedAddressView]:
        """The address book, in the order in which it was filled. Raises UserNotFound."""

    async def preferences(self, user_id: UserId) -> PreferencesView:
        """Raises UserNotFound."""

    async def users(self, which: UserFilter, page: PageRequest) -> Page[AdminUserView]:
        """Sort keys: created_at, email, name; own order: the newest first. Erased ones only where asked for."""

    async def user(self, user_id: UserId) -> AdminUserView:
        """Raises UserNotFound."""

    async def sessions(self, user_id: UserId, now: datetime, current: SessionId | None) -> list[SessionView]:
        """Those that are live, the latest seen first; at most 100."""

    async def roles(self) -> list[RoleView]:
        """The built-in ones first, then the shop's own by name (at most 200)."""

    async def invitations(self, now: datetime) -> list[InvitationView]:
        """Those that are open, the newest first; at most 200."""

    async def export(self, export_id: ExportId) -> DataExport:
        """Raises ExportNotFound."""

    async def signing_keys(self, now: datetime) -> list[SigningKey]:
        """Those that something may still be signed with, the newest first; at most 20."""

    async def forget(self, before: datetime, limit: int) -> int:
        """Drops attempts, used or expired tokens, sessions long over and old exports from before then. How many."""


def me_view(user: User, roles: list[str]) -> MeView:
    """A user as they see themselves."""
    return MeView(
        id=user.id,
        email=user.email,
        email_verified=user.email_verified_at is not None,
        name=user.name,
        phone=user.phone,
        locale=user.locale,
        roles=roles,
        totp_enabled=user.totp is not None and user.totp.confirmed_at is not None,
        recovery_codes_left=len(user.recovery_codes),
        passkeys=[
            PasskeyView(id=key.id, name=key.name, created_at=key.created_at, last_used_at=key.last_used_at)
            for key in user.passkeys
        ],
        sign_in_providers=sorted({identity.provider for identity in user.identities}),
        metadata=user.metadata,
        created_at=user.created_at,
        updated_at=user.updated_at,
        version=user.version,
    )


def role_view(role: Role) -> RoleView:
    """A role as staff see it."""
    return RoleView(
        id=role.id,
        name=role.name,
        title=role.title,
        scopes=sorted(role.scopes),
        built_in=role.built_in,
        version=role.version,
    )


def session_view(session: Session, current: SessionId | None) -> SessionView:
    """A session as its user sees it."""
    return SessionView(
        id=session.id,
        browser=session.browser,
        mfa=session.mfa,
        source=session.source,
        user_agent=session.user_agent,
        current=session.id == current,
        created_at=session.created_at,
        last_seen_at=session.last_seen_at,
        expires_at=session.expires_at,
    )


def invitation_view(invitation: Invitation, roles: list[str]) -> InvitationView:
    """An invitation as staff see it."""
    return InvitationView(
        id=invitation.id,
        email=invitation.email,
        roles=roles,
        created_at=invitation.created_at,
        expires_at=invitation.expires_at,
    )
