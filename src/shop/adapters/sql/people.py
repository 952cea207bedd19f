"""What people ask for, in tables: attempts at signing in, requests, invitations, exports of their data."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import LargeBinary, bindparam, delete, func, select

from shop.adapters.sql.database import Database, Row, Write
from shop.adapters.sql.gathering import REMOVED, Gathered, Rank, Root
from shop.adapters.sql.schema import account_requests, data_exports, invitations, sign_in_attempts
from shop.adapters.sql.schema.columns import UtcDateTime, word
from shop.adapters.sql.statements import Statement, insert_into
from shop.domain.identity import (
    AccountRequest,
    DataExport,
    ExportNotFound,
    ExportStatus,
    Invitation,
    InvitationNotFound,
    RequestKind,
    SignInAttempt,
)
from shop.domain.kernel.identifiers import (
    AccountRequestId,
    ExportId,
    InvitationId,
    RoleId,
    SignInAttemptId,
    UserId,
)

_ATTEMPT = insert_into(sign_in_attempts)
_LATEST = Statement(
    select(sign_in_attempts)
    .where(
        sign_in_attempts.c.account == bindparam("of_account", type_=LargeBinary()),
        sign_in_attempts.c.at >= bindparam("since", type_=UtcDateTime()),
    )
    .order_by(sign_in_attempts.c.at.desc(), sign_in_attempts.c.id.desc())
    .limit(bindparam("most"))
)
_NETWORKS = Statement(
    select(sign_in_attempts.c.source)
    .where(
        sign_in_attempts.c.account == bindparam("of_account", type_=LargeBinary()),
        sign_in_attempts.c.at >= bindparam("since", type_=UtcDateTime()),
        sign_in_attempts.c.succeeded,
    )
    .group_by(sign_in_attempts.c.source)
    .order_by(func.max(sign_in_attempts.c.at).desc(), sign_in_attempts.c.source)
    .limit(bindparam("most"))
)
_REQUEST = Root.of(account_requests)
_GET_REQUEST = Statement(select(account_requests).where(account_requests.c.id == bindparam("request_id")))
_DROP_REQUEST = Statement(
    delete(account_requests).where(
        account_requests.c.id == bindparam("this_id"), account_requests.c.version == bindparam("read_version")
    )
)
_INVITATION = Root.of(invitations, fixed=["created_at", "email", "role_ids", "invited_by"])
_GET_INVITATION = Statement(select(invitations).where(invitations.c.id == bindparam("invitation_id")))
_DROP_INVITATIONS = Statement(delete(invitations).where(invitations.c.email == bindparam("of_email", type_=word())))
_DROP_EXPORTS = Statement(delete(data_exports).where(data_exports.c.user_id == bindparam("of_user")))
_EXPORT = Root.of(data_exports, fixed=["created_at", "user_id"])
_GET_EXPORT = Statement(select(data_exports).where(data_exports.c.id == bindparam("export_id")))


def _user(uuid: UUID | None) -> UserId | None:
    return UserId(uuid) if uuid is not None else None


class SqlSignInAttempts:
    """Attempts at signing in."""

    def __init__(self, gathered: Gathered) -> None:
        self._gathered = gathered

    async def latest(self, account: bytes, since: datetime, limit: int) -> list[SignInAttempt]:
        rows = await self._gathered.database.fetch(_LATEST, of_account=account, since=since, most=limit)
        return [
            SignInAttempt(
                id=SignInAttemptId(row["id"]),
                account=row["account"],
                source=row["source"],
                at=row["at"],
                succeeded=row["succeeded"],
            )
            for row in rows
        ]

    async def networks(self, account: bytes, since: datetime, limit: int) -> frozenset[str]:
        rows = await self._gathered.database.fetch(_NETWORKS, of_account=account, since=since, most=limit)
        return frozenset(row["source"] for row in rows)

    def add(self, attempt: SignInAttempt) -> None:
        row = {
            "id": attempt.id.uuid,
            "account": attempt.account,
            "source": attempt.source,
            "at": attempt.at,
            "succeeded": attempt.succeeded,
        }
        self._gathered.add(Write(_ATTEMPT, [row], Rank.SETTINGS))


class SqlAccountRequestRepository:
    """Requests about accounts."""

    def __init__(self, gathered: Gathered) -> None:
        self._gathered = gathered

    async def find(self, request_id: AccountRequestId) -> AccountRequest | None:
        row = await self._gathered.database.fetch_one(_GET_REQUEST, request_id=request_id.uuid)
        if row is None:
            return None
        return AccountRequest(
            id=AccountRequestId(row["id"]),
            kind=RequestKind(row["kind"]),
            email=row["email"],
            user_id=_user(row["user_id"]),
            name=row["name"],
            locale=row["locale"],
            password_hash=row["password_hash"],
            created_at=row["created_at"],
            version=row["version"],
        )

    def save(self, request: AccountRequest) -> None:
        row = {
            "id": request.id.uuid,
            "kind": request.kind.value,
            "email": request.email,
            "user_id": request.user_id.uuid if request.user_id else None,
            "name": request.name,
            "locale": request.locale,
            "password_hash": request.password_hash,
            "created_at": request.created_at,
        }
        write = _REQUEST.write(Rank.SETTINGS, row, request.version)
        self._gathered.save(Rank.SETTINGS, request.id.uuid, request, [write])

    def delete(self, request: AccountRequest) -> None:
        self._gathered.discard(Rank.SETTINGS, request.id.uuid)
        row = {"this_id": request.id.uuid, "read_version": request.version}
        self._gathered.add(Write(_DROP_REQUEST, [row], Rank.SETTINGS + REMOVED, expect=1))


class SqlInvitationRepository:
    """Invitations."""

    def __init__(self, gathered: Gathered) -> None:
        self._gathered = gathered

    async def get(self, invitation_id: InvitationId) -> Invitation:
        row = await self._gathered.database.fetch_one(_GET_INVITATION, invitation_id=invitation_id.uuid)
        if row is None:
            raise InvitationNotFound(f"There is no invitation {invitation_id}.")
        return invitation_of(row)

    def save(self, invitation: Invitation) -> None:
        row = {
            "id": invitation.id.uuid,
            "email": invitation.email,
            "role_ids": [role_id.uuid.hex for role_id in sorted(invitation.role_ids)],
            "invited_by": invitation.invited_by.uuid if invitation.invited_by else None,
            "fingerprint": invitation.fingerprint,
            "created_at": invitation.created_at,
            "expires_at": invitation.expires_at,
            "accepted_at": invitation.accepted_at,
            "revoked_at": invitation.revoked_at,
        }
        write = _INVITATION.write(Rank.SETTINGS, row, invitation.version)
        self._gathered.save(Rank.SETTINGS, invitation.id.uuid, invitation, [write])

    def drop_of(self, email: str) -> None:
        self._gathered.add(Write(_DROP_INVITATIONS, [{"of_email": email}], Rank.SETTINGS + REMOVED))


def invitation_of(row: Row) -> Invitation:
    """The invitation in a row of the table."""
    return Invitation(
        id=InvitationId(row["id"]),
        email=row["email"],
        role_ids=frozenset(RoleId(UUID(text)) for text in row["role_ids"]),
        invited_by=_user(row["invited_by"]),
        fingerprint=row["fingerprint"],
        created_at=row["created_at"],
        expires_at=row["expires_at"],
        accepted_at=row["accepted_at"],
        revoked_at=row["revoked_at"],
        version=row["version"],
    )


class SqlExportRepository:
    """Exports of personal data."""

    def __init__(self, gathered: Gathered) -> None:
        self._gathered = gathered

    async def get(self, export_id: ExportId) -> DataExport:
        return await stored_export(self._gathered.database, export_id)

    def save(self, export: DataExport) -> None:
        row = {
            "id": export.id.uuid,
            "user_id": export.user_id.uuid,
            "status": export.status.value,
            "document": export.document,
            "created_at": export.created_at,
            "ready_at": export.ready_at,
            "expires_at": export.expires_at,
        }
        write = _EXPORT.write(Rank.SETTINGS, row, export.version)
        self._gathered.save(Rank.SETTINGS, export.id.uuid, export, [write])

    def drop_of(self, user_id: UserId) -> None:
        self._gathered.add(Write(_DROP_EXPORTS, [{"of_user": user_id.uuid}], Rank.SETTINGS + REMOVED))


async def stored_export(database: Database, export_id: ExportId) -> DataExport:
    """Raises ExportNotFound."""
    row = await database.fetch_one(_GET_EXPORT, export_id=export_id.uuid)
    if row is None:
        raise ExportNotFound(f"There is no export {export_id}.")
    return DataExport(
        id=ExportId(row["id"]),
        user_id=UserId(row["user_id"]),
        status=ExportStatus(row["status"]),
        document=row["document"],
        created_at=row["created_at"],
        ready_at=row["ready_at"],
        expires_at=row["expires_at"],
        version=row["version"],
    )
