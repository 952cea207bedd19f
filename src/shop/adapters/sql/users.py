"""People and the shop's own roles in tables."""

from base64 import b64decode, b64encode
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, delete, exists, select

from shop.adapters.sql.database import Row, Write
from shop.adapters.sql.documents import from_address, to_address
from shop.adapters.sql.gathering import ADDED, REMOVED, Gathered, Rank, Root
from shop.adapters.sql.schema import roles, user_keys, user_roles, users
from shop.adapters.sql.schema.columns import word
from shop.adapters.sql.statements import Statement, any_of, insert_into
from shop.application.ports.unit_of_work import StaleAggregate
from shop.domain.identity import (
    LinkedIdentity,
    Passkey,
    Role,
    RoleNotFound,
    SavedAddress,
    TotpFactor,
    User,
    UserNotFound,
    UserStatus,
)
from shop.domain.kernel.identifiers import AddressId, PasskeyId, RoleId, TotpFactorId, UserId
from shop.domain.kernel.texts import storable

IDENTITY, PASSKEY = "identity", "passkey"
Beside = tuple[frozenset[RoleId], frozenset[tuple[str, str]]]
"""What stands beside a user's row: the roles they have, and what else opens their account."""
_ROOT = Root.of(users, fixed=["created_at"])
_GET = Statement(select(users).where(users.c.id == bindparam("user_id")))
_BY_EMAIL = Statement(select(users).where(users.c.email_key == bindparam("of_email", type_=word())))
_BY_KEY = Statement(
    select(users)
    .join_from(user_keys, users, users.c.id == user_keys.c.user_id)
    .where(
        user_keys.c.kind == bindparam("of_kind", type_=word()), user_keys.c.value == bindparam("of_value", type_=word())
    )
)
_WITH_ROLE = Statement(
    select(users.c.id)
    .join_from(user_roles, users, users.c.id == user_roles.c.user_id)
    .where(user_roles.c.role_id == bindparam("of_role"), users.c.status == UserStatus.ACTIVE.value)
    .order_by(users.c.id)
    .limit(bindparam("most"))
)
_GIVE = insert_into(user_roles)
_TAKE = Statement(
    delete(user_roles).where(user_roles.c.user_id == bindparam("of_user"), any_of(user_roles.c.role_id, "gone"))
)
_ADD_KEYS = insert_into(user_keys)
_DROP_KEY = Statement(
    delete(user_keys).where(
        user_keys.c.user_id == bindparam("of_user"),
        user_keys.c.kind == bindparam("of_kind", type_=word()),
        user_keys.c.value == bindparam("of_value", type_=word()),
    )
)
_ROLE = Root.of(roles, fixed=["created_at", "name"])
_GET_ROLE = Statement(select(roles).where(roles.c.id == bindparam("role_id")))
_SOME_ROLES = Statement(select(roles).where(any_of(roles.c.id, "ids")))
_DELETE_ROLE = Statement(
    delete(roles).where(
        roles.c.id == bindparam("this_id"),
        roles.c.version == bindparam("read_version"),
        ~exists().where(user_roles.c.role_id == roles.c.id),
    )
)


class SqlUserRepository:
    """Users, and what they are found by as rows of their own."""

    def __init__(self, gathered: Gathered) -> None:
        self._gathered = gathered
        self._read: dict[UserId, Beside] = {}
        self._unread: dict[UserId, Beside] = {}
        self._looks_up = False

    async def get(self, user_id: UserId) -> User:
        row = await self._gathered.database.fetch_one(_GET, user_id=user_id.uuid)
        if row is None:
            raise UserNotFound(f"There is no user {user_id}.")
        return self._remember(user_of(row))

    async def find_by_email(self, email_key: str) -> User | None:
        if not storable(email_key):
            return None
        return self._found(await self._gathered.database.fetch_one(_BY_EMAIL, of_email=email_key))

    async def find_by_identity(self, provider: str, subject: str) -> User | None:
        return await self._by_key(IDENTITY, f"{provider} {subject}")

    async def find_by_passkey(self, credential_id: bytes) -> User | None:
        return await self._by_key(PASSKEY, from_bytes(credential_id))

    async def with_role(self, role_id: RoleId, limit: int) -> list[UserId]:
        rows = await self._gathered.database.fetch(_WITH_ROLE, of_role=role_id.uuid, most=limit)
        return [UserId(row[0]) for row in rows]

    def save(self, user: User) -> None:
        writes = [_ROOT.write(Rank.SETTINGS, _row(user), user.version)]
        had = (frozenset(), frozenset()) if user.version == 0 else self._read.get(user.id)
        if had is not None:
            writes += _beside_writes(user.id, had, _beside(user))
            self._unread.pop(user.id, None)
        else:  # not read in this transaction: what is stored is looked up when it ends
            if not self._looks_up:
                self._gathered.before_the_end(self._look_up)
                self._gathered.at_the_end(self._late_writes)
                self._looks_up = True
            self._unread[user.id] = _beside(user)
        self._gathered.save(Rank.SETTINGS, user.id.uuid, user, writes)

    async def _look_up(self) -> None:
        """Should it change before it is written, the version of the user's row will tell."""
        for user_id in self._unread:
            row = await self._gathered.database.fetch_one(_GET, user_id=user_id.uuid)
            if row is None:
                raise StaleAggregate(f"There is no user {user_id} any more.")
            self._remember(user_of(row))

    def _late_writes(self) -> Iterable[Write]:
        for user_id, now in self._unread.items():
            yield from _beside_writes(user_id, self._read[user_id], now)

    async def _by_key(self, kind: str, value: str) -> User | None:
        if not storable(value):
            return None
        return self._found(await self._gathered.database.fetch_one(_BY_KEY, of_kind=kind, of_value=value))

    def _found(self, row: Row | None) -> User | None:
        return self._remember(user_of(row)) if row is not None else None

    def _remember(self, user: User) -> User:
        """What is stored, so that a save writes only what has changed."""
        self._read[user.id] = _beside(user)
        return user


def _beside(user: User) -> Beside:
    return user.role_ids, keys_of(user)


def _beside_writes(user_id: UserId, before: Beside, after: Beside) -> Iterable[Write]:
    (had_roles, had_keys), (roles_now, keys_now) = before, after
    taken, given = had_roles - roles_now, roles_now - had_roles
    if taken:
        row = {"of_user": user_id.uuid, "gone": [role_id.uuid for role_id in sorted(taken)]}
        yield Write(_TAKE, [row], Rank.SETTINGS + REMOVED)
    if given:
        rows = [{"user_id": user_id.uuid, "role_id": role_id.uuid} for role_id in sorted(given)]
        yield Write(_GIVE, rows, Rank.SETTINGS + ADDED)
    gone, new = had_keys - keys_now, keys_now - had_keys
    if gone:
        dropped = [{"of_user": user_id.uuid, "of_kind": kind, "of_value": value} for kind, value in sorted(gone)]
        yield Write(_DROP_KEY, dropped, Rank.SETTINGS + REMOVED)
    if new:
        added = [{"kind": kind, "value": value, "user_id": user_id.uuid} for kind, value in sorted(new)]
        yield Write(_ADD_KEYS, added, Rank.SETTINGS + ADDED)


def keys_of(user: User) -> frozenset[tuple[str, str]]:
    """What else opens this account and no other."""
    identities = {(IDENTITY, f"{identity.provider} {identity.subject}") for identity in user.identities}
    return frozenset(identities | {(PASSKEY, from_bytes(passkey.credential_id)) for passkey in user.passkeys})


def from_bytes(value: bytes) -> str:
    return b64encode(value).decode()


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _said(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment is not None else None


def user_of(row: Row) -> User:
    """The user in a row of the table."""
    return User(
        id=UserId(row["id"]),
        email=row["email"],
        email_verified_at=row["email_verified_at"],
        name=row["name"],
        phone=row["phone"],
        locale=row["locale"],
        status=UserStatus(row["status"]),
        password_hash=row["password_hash"],
        role_ids=frozenset(RoleId(UUID(text)) for text in row["role_ids"]),
        totp=_to_totp(row["totp"]),
        recovery_codes=tuple(b64decode(code) for code in row["recovery_codes"]),
        passkeys=tuple(_to_passkey(document) for document in row["passkeys"]),
        identities=tuple(
            LinkedIdentity(provider=provider, subject=subject, linked_at=datetime.fromisoformat(linked_at))
            for provider, subject, linked_at in row["identities"]
        ),
        addresses=tuple(_to_saved_address(document) for document in row["addresses"]),
        consents=frozenset(row["consents"]),
        tags=row["tags"],
        note=row["note"],
        metadata=row["metadata"],
        stamp=row["stamp"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        erased_at=row["erased_at"],
        version=row["version"],
    )


def _row(user: User) -> dict[str, Any]:
    return {
        "id": user.id.uuid,
        "email": user.email,
        "email_key": user.email_key or None,
        "email_verified_at": user.email_verified_at,
        "name": user.name,
        "phone": user.phone,
        "locale": user.locale,
        "status": user.status.value,
        "password_hash": user.password_hash,
        "role_ids": [role_id.uuid.hex for role_id in sorted(user.role_ids)],
        "totp": _from_totp(user.totp),
        "recovery_codes": [from_bytes(code) for code in user.recovery_codes],
        "passkeys": [_from_passkey(passkey) for passkey in user.passkeys],
        "identities": [[one.provider, one.subject, one.linked_at.isoformat()] for one in user.identities],
        "addresses": [_from_saved_address(saved) for saved in user.addresses],
        "consents": sorted(user.consents),
        "tags": list(user.tags),
        "note": user.note,
        "metadata": dict(user.metadata),
        "stamp": user.stamp,
        "created_at": user.created_at,
        "updated_at": user.updated_at,
        "erased_at": user.erased_at,
    }


def _from_totp(factor: TotpFactor | None) -> dict[str, Any] | None:
    if factor is None:
        return None
    return {
        "id": factor.id.uuid.hex,
        "created_at": _said(factor.created_at),
        "confirmed_at": _said(factor.confirmed_at),
        "last_step": factor.last_step,
    }


def _to_totp(document: Mapping[str, Any] | None) -> TotpFactor | None:
    if document is None:
        return None
    return TotpFactor(
        id=TotpFactorId(UUID(document["id"])),
        created_at=datetime.fromisoformat(document["created_at"]),
        confirmed_at=_moment(document["confirmed_at"]),
        last_step=document["last_step"],
    )


def _from_passkey(passkey: Passkey) -> dict[str, Any]:
    return {
        "id": passkey.id.uuid.hex,
        "name": passkey.name,
        "credential_id": from_bytes(passkey.credential_id),
        "public_key": from_bytes(passkey.public_key),
        "sign_count": passkey.sign_count,
        "transports": list(passkey.transports),
        "created_at": _said(passkey.created_at),
        "last_used_at": _said(passkey.last_used_at),
    }


def _to_passkey(document: Mapping[str, Any]) -> Passkey:
    return Passkey(
        id=PasskeyId(UUID(document["id"])),
        name=document["name"],
        credential_id=b64decode(document["credential_id"]),
        public_key=b64decode(document["public_key"]),
        sign_count=document["sign_count"],
        transports=tuple(document["transports"]),
        created_at=datetime.fromisoformat(document["created_at"]),
        last_used_at=_moment(document["last_used_at"]),
    )


def _from_saved_address(saved: SavedAddress) -> dict[str, Any]:
    return {
        "id": saved.id.uuid.hex,
        "address": from_address(saved.address),
        "default_shipping": saved.default_shipping,
        "default_billing": saved.default_billing,
    }


def _to_saved_address(document: Mapping[str, Any]) -> SavedAddress:
    address = to_address(document["address"])
    assert address is not None
    return SavedAddress(
        id=AddressId(UUID(document["id"])),
        address=address,
        default_shipping=document["default_shipping"],
        default_billing=document["default_billing"],
    )


class SqlRoleRepository:
    """The shop's own roles."""

    def __init__(self, gathered: Gathered) -> None:
        self._gathered = gathered

    async def get(self, role_id: RoleId) -> Role:
        row = await self._gathered.database.fetch_one(_GET_ROLE, role_id=role_id.uuid)
        if row is None:
            raise RoleNotFound(f"There is no role {role_id}.")
        return role_of(row)

    async def some(self, role_ids: Sequence[RoleId]) -> list[Role]:
        rows = await self._gathered.database.fetch(_SOME_ROLES, ids=[role_id.uuid for role_id in role_ids])
        return [role_of(row) for row in rows]

    def save(self, role: Role) -> None:
        row = {
            "id": role.id.uuid,
            "name": role.name,
            "title": role.title,
            "scopes": sorted(role.scopes),
            "created_at": role.created_at,
            "updated_at": role.updated_at,
        }
        self._gathered.save(Rank.SETTINGS, role.id.uuid, role, [_ROLE.write(Rank.SETTINGS, row, role.version)])

    def delete(self, role: Role) -> None:
        self._gathered.discard(Rank.SETTINGS, role.id.uuid)
        self._gathered.witness.removes(role)
        row = {"this_id": role.id.uuid, "read_version": role.version}
        self._gathered.add(Write(_DELETE_ROLE, [row], Rank.SETTINGS + REMOVED, expect=1))


def role_of(row: Row) -> Role:
    """The role in a row of the table."""
    return Role(
        id=RoleId(row["id"]),
        name=row["name"],
        title=row["title"],
        scopes=row["scopes"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        version=row["version"],
    )
