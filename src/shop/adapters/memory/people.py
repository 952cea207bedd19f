"""People in memory: accounts, roles, sessions, and the small things that prove who somebody is."""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import TypeVar

from shop.adapters.memory.copies import copied
from shop.adapters.memory.tables import Journal, Tables
from shop.adapters.memory.writes import Rank, Writes, check_version
from shop.application.ports.unit_of_work import StaleAggregate
from shop.domain.identity import (
    AccountRequest,
    DataExport,
    EmailTaken,
    ExportNotFound,
    IdentityTaken,
    Invitation,
    InvitationNotFound,
    OneTimeToken,
    Role,
    RoleNameTaken,
    RoleNotFound,
    Session,
    SessionNotFound,
    SignInAttempt,
    SigningKey,
    User,
    UserNotFound,
    UserStatus,
)
from shop.domain.kernel.aggregates import Aggregate
from shop.domain.kernel.errors import NotFound
from shop.domain.kernel.identifiers import (
    AccountRequestId,
    ExportId,
    Identifier,
    InvitationId,
    RoleId,
    SessionId,
    SigningKeyId,
    UserId,
)

A = TypeVar("A", bound=Aggregate)


class _Kept:
    """What all repositories of people do alike."""

    def __init__(self, tables: Tables, writes: Writes) -> None:
        self._tables = tables
        self._writes = writes

    def _save(self, aggregate: A, key: Identifier, table: dict[Identifier, A]) -> None:
        def put(saved: A, journal: Journal) -> None:
            check_version(saved, table.get(key))
            journal.put(table, key, saved)

        self._writes.save(Rank.SETTINGS, aggregate, key, put)

    def _drop(self, aggregate: A, key: Identifier, table: dict[Identifier, A]) -> None:
        def drop(journal: Journal) -> None:
            check_version(aggregate, table.get(key))
            journal.drop(table, key)

        self._writes.discard(key)
        self._writes.add(Rank.SETTINGS, drop)

    def _drop_where(self, table: dict[Identifier, A], over: Callable[[A], bool]) -> None:
        def drop(journal: Journal) -> None:
            for key in [key for key, kept in table.items() if over(kept)]:
                journal.drop(table, key)

        self._writes.add(Rank.SETTINGS, drop)


class MemoryUserRepository(_Kept):
    """Users by id."""

    async def get(self, user_id: UserId) -> User:
        try:
            return copied(self._tables.users[user_id])
        except KeyError:
            raise UserNotFound(f"There is no user {user_id}.") from None

    async def find_by_email(self, email_key: str) -> User | None:
        return self._first(user for user in self._there() if user.email_key == email_key)

    async def find_by_identity(self, provider: str, subject: str) -> User | None:
        wanted = (provider, subject)
        return self._first(user for user in self._there() if wanted in _identities(user))

    async def find_by_passkey(self, credential_id: bytes) -> User | None:
        return self._first(
            user for user in self._there() if any(key.credential_id == credential_id for key in user.passkeys)
        )

    async def with_role(self, role_id: RoleId, limit: int) -> list[UserId]:
        active = (user for user in self._there() if user.status is UserStatus.ACTIVE)
        return sorted(user.id for user in active if role_id in user.role_ids)[:limit]

    def save(self, user: User) -> None:
        self._writes.save(Rank.SETTINGS, user, user.id, self._put)

    def _put(self, user: User, journal: Journal) -> None:
        check_version(user, self._tables.users.get(user.id))
        for other in self._there():
            if other.id == user.id:
                continue
            if user.email and other.email_key == user.email_key:
                raise EmailTaken
            if _identities(user) & _identities(other) or _credentials(user) & _credentials(other):
                raise IdentityTaken
        journal.put(self._tables.users, user.id, user)

    def _there(self) -> Iterator[User]:
        return (user for user in self._tables.users.values() if user.status is not UserStatus.ERASED)

    @staticmethod
    def _first(found: Iterator[User]) -> User | None:
        user = next(found, None)
        return copied(user) if user is not None else None


def _identities(user: User) -> set[tuple[str, str]]:
    return {(identity.provider, identity.subject) for identity in user.identities}


def _credentials(user: User) -> set[bytes]:
    return {passkey.credential_id for passkey in user.passkeys}


class MemoryRoleRepository(_Kept):
    """The shop's own roles."""

    async def get(self, role_id: RoleId) -> Role:
        try:
            return copied(self._tables.roles[role_id])
        except KeyError:
            raise RoleNotFound(f"There is no role {role_id}.") from None

    async def some(self, role_ids: Sequence[RoleId]) -> list[Role]:
        return [copied(self._tables.roles[role_id]) for role_id in role_ids if role_id in self._tables.roles]

    def save(self, role: Role) -> None:
        self._writes.save(Rank.SETTINGS, role, role.id, self._put)

    def _put(self, role: Role, journal: Journal) -> None:
        roles = self._tables.roles
        check_version(role, roles.get(role.id))
        if any(other.name == role.name and other.id != role.id for other in roles.values()):
            raise RoleNameTaken
        journal.put(roles, role.id, role)

    def delete(self, role: Role) -> None:
        def drop(journal: Journal) -> None:
            check_version(role, self._tables.roles.get(role.id))
            if any(role.id in user.role_ids for user in self._tables.users.values()):
                raise StaleAggregate("Somebody was given the role meanwhile.")
            journal.drop(self._tables.roles, role.id)

        self._writes.discard(role.id)
        self._writes.witness.removes(role)
        self._writes.add(Rank.EVENTS, drop)


class MemorySessionRepository(_Kept):
    """Sessions by id."""

    async def get(self, session_id: SessionId) -> Session:
        try:
            return copied(self._tables.sessions[session_id])
        except KeyError:
            raise SessionNotFound(f"There is no session {session_id}.") from None

    async def live_of(self, user_id: UserId, now: datetime, limit: int = 100) -> list[Session]:
        return [copied(session) for session in live_sessions(self._tables, user_id, now)[:limit]]

    def save(self, session: Session) -> None:
        self._save(session, session.id, self._tables.sessions)  # type: ignore[arg-type]

    def drop_of(self, user_id: UserId) -> None:
        self._drop_where(self._tables.sessions, lambda session: session.user_id == user_id)  # type: ignore[arg-type]


def live_sessions(tables: Tables, user_id: UserId, now: datetime) -> list[Session]:
    """The sessions of a user that are neither revoked nor expired, the latest seen first."""
    live = [session for session in tables.sessions.values() if session.user_id == user_id and session.live(now)]
    return sorted(live, key=lambda session: (session.last_seen_at, session.id), reverse=True)


class MemoryOneTimeTokenRepository(_Kept):
    """One-time tokens by fingerprint."""

    async def find(self, fingerprint: bytes) -> OneTimeToken | None:
        found = (token for token in self._tables.one_time_tokens.values() if token.fingerprint == fingerprint)
        token = next(found, None)
        return copied(token) if token is not None else None

    def save(self, token: OneTimeToken) -> None:
        self._save(token, token.id, self._tables.one_time_tokens)  # type: ignore[arg-type]

    def drop_of(self, user_id: UserId) -> None:
        self._drop_where(self._tables.one_time_tokens, lambda token: token.user_id == user_id)  # type: ignore[arg-type]


class MemorySignInAttempts:
    """Attempts in the order in which they were made."""

    def __init__(self, tables: Tables, writes: Writes) -> None:
        self._tables = tables
        self._writes = writes

    async def latest(self, account: bytes, since: datetime, limit: int) -> list[SignInAttempt]:
        found = [a for a in self._tables.sign_in_attempts if a.account == account and a.at >= since]
        return sorted(found, key=lambda attempt: (attempt.at, attempt.id), reverse=True)[:limit]

    async def networks(self, account: bytes, since: datetime, limit: int) -> frozenset[str]:
        made = [a for a in self._tables.sign_in_attempts if a.account == account and a.at >= since and a.succeeded]
        latest_first = sorted(made, key=lambda attempt: (attempt.at, attempt.id), reverse=True)
        return frozenset(list(dict.fromkeys(attempt.source for attempt in latest_first))[:limit])

    def add(self, attempt: SignInAttempt) -> None:
        self._writes.add(Rank.SETTINGS, lambda journal: journal.append(self._tables.sign_in_attempts, attempt))


class MemoryAccountRequestRepository(_Kept):
    """Requests by id."""

    async def find(self, request_id: AccountRequestId) -> AccountRequest | None:
        request = self._tables.account_requests.get(request_id)
        return copied(request) if request is not None else None

    def save(self, request: AccountRequest) -> None:
        self._save(request, request.id, self._tables.account_requests)  # type: ignore[arg-type]

    def delete(self, request: AccountRequest) -> None:
        self._drop(request, request.id, self._tables.account_requests)  # type: ignore[arg-type]


class MemoryInvitationRepository(_Kept):
    """Invitations by id."""

    async def get(self, invitation_id: InvitationId) -> Invitation:
        try:
            return copied(self._tables.invitations[invitation_id])
        except KeyError:
            raise InvitationNotFound(f"There is no invitation {invitation_id}.") from None

    def save(self, invitation: Invitation) -> None:
        self._save(invitation, invitation.id, self._tables.invitations)  # type: ignore[arg-type]

    def drop_of(self, email: str) -> None:
        self._drop_where(self._tables.invitations, lambda one: one.email == email)  # type: ignore[arg-type]


class MemoryExportRepository(_Kept):
    """Exports by id."""

    async def get(self, export_id: ExportId) -> DataExport:
        return export_of(self._tables, export_id)

    def save(self, export: DataExport) -> None:
        self._save(export, export.id, self._tables.exports)  # type: ignore[arg-type]

    def drop_of(self, user_id: UserId) -> None:
        self._drop_where(self._tables.exports, lambda export: export.user_id == user_id)  # type: ignore[arg-type]


def export_of(tables: Tables, export_id: ExportId) -> DataExport:
    """Raises ExportNotFound."""
    try:
        return copied(tables.exports[export_id])
    except KeyError:
        raise ExportNotFound(f"There is no export {export_id}.") from None


class MemorySigningKeyRepository(_Kept):
    """Signing keys by id."""

    async def get(self, key_id: SigningKeyId) -> SigningKey:
        try:
            return copied(self._tables.signing_keys[key_id])
        except KeyError:
            raise NotFound(f"There is no key {key_id}.") from None

    def save(self, key: SigningKey) -> None:
        self._save(key, key.id, self._tables.signing_keys)  # type: ignore[arg-type]
