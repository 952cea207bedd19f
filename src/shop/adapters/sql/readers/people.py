"""Questions about people, answered from tables."""

from collections.abc import Iterable
from datetime import datetime
from functools import lru_cache
from typing import Any
from uuid import UUID

from attrs import frozen
from sqlalchemy import ColumnElement, and_, bindparam, delete, func, null, or_, select

from shop.adapters.sql.database import Database, Row
from shop.adapters.sql.people import invitation_of, stored_export
from shop.adapters.sql.readers.identity import OWN_ROLES, scopes_of
from shop.adapters.sql.readers.paging import (
    IdKey,
    Key,
    Kind,
    Listing,
    Window,
    page_of,
    storable,
    total_of,
    walk,
    window,
)
from shop.adapters.sql.schema import (
    data_exports,
    invitations,
    one_time_tokens,
    orders,
    roles,
    sessions,
    sign_in_attempts,
    signing_keys,
    user_roles,
    users,
)
from shop.adapters.sql.schema.columns import UtcDateTime, word
from shop.adapters.sql.sessions import LIVE_SESSIONS, session_of, signing_key_of
from shop.adapters.sql.statements import Statement, any_of
from shop.adapters.sql.users import role_of, user_of
from shop.application.ports.paging import Page, PageRequest
from shop.application.ports.people import SessionAccess, UserFilter, invitation_view, me_view, role_view, session_view
from shop.application.ports.views import (
    AdminUserView,
    InvitationView,
    MeView,
    PreferencesView,
    RoleView,
    SavedAddressView,
    SessionView,
)
from shop.domain.identity import BUILT_IN, CONSENTS, OWNER, DataExport, SigningKey, User, UserNotFound, UserStatus
from shop.domain.kernel.email import email_key
from shop.domain.kernel.identifiers import ExportId, RoleId, SessionId, UserId
from shop.domain.kernel.money import turnover
from shop.domain.orders import OrderStatus

KEYS_MAX, ROLES_MAX, INVITATIONS_MAX, SESSIONS_MAX = 20, 200, 200, 100
_COUNTED = (OrderStatus.CONFIRMED.value, OrderStatus.COMPLETED.value)
_ACCESS = Statement(
    select(
        *(column for column in sessions.columns if column.name not in ("spent", "source", "user_agent")),
        users.c.status,
        users.c.email_verified_at,
        users.c.role_ids,
        users.c.totp,
        users.c.passkeys,
        OWN_ROLES.label("own_roles"),
    )
    .join_from(sessions, users, users.c.id == sessions.c.user_id)
    .where(sessions.c.id == bindparam("session_id"))
)
_OWNER = Statement(
    select(users.c.id)
    .join_from(user_roles, users, users.c.id == user_roles.c.user_id)
    .where(user_roles.c.role_id == bindparam("of_role"), users.c.status == UserStatus.ACTIVE.value)
    .limit(1)
)
_USER = Statement(select(users).where(users.c.id == bindparam("user_id")))
_ROLES = Statement(select(roles).order_by(roles.c.name).limit(ROLES_MAX))
_NAMES = Statement(select(roles).where(any_of(roles.c.id, "ids")))
_INVITATIONS = Statement(
    select(invitations)
    .where(
        invitations.c.accepted_at.is_(null()),
        invitations.c.revoked_at.is_(null()),
        invitations.c.expires_at > bindparam("now", type_=UtcDateTime()),
    )
    .order_by(invitations.c.created_at.desc(), invitations.c.id.desc())
    .limit(INVITATIONS_MAX)
)
_SIGNING_KEYS = Statement(
    select(signing_keys)
    .where(or_(signing_keys.c.gone_at.is_(null()), signing_keys.c.gone_at > bindparam("now", type_=UtcDateTime())))
    .order_by(signing_keys.c.created_at.desc(), signing_keys.c.id.desc())
    .limit(KEYS_MAX)
)
_SPENT = Statement(
    select(
        orders.c.owner_id,
        orders.c.currency,
        func.count().label("orders"),
        func.sum(orders.c.total_minor).label("spent"),
        func.max(orders.c.placed_at, type_=UtcDateTime()).label("latest"),
    )
    .where(any_of(orders.c.owner_id, "ids"), orders.c.status.in_(_COUNTED))
    .group_by(orders.c.owner_id, orders.c.currency)
    .order_by(orders.c.currency)
)
_CREATED = Key("created_at", users.c.created_at, Kind.MOMENT)
_LISTING = Listing(
    keys={
        "created_at": _CREATED,
        "email": Key("email_key", users.c.email_key, Kind.TEXT),
        "name": Key("name", users.c.name, Kind.TEXT),
    },
    own=((_CREATED, True),),
    ids=(IdKey("id", users.c.id),),
)


def _forget(table: Any, moment: Any) -> Statement:
    old = select(table.c.id).where(moment < bindparam("before", type_=UtcDateTime())).limit(bindparam("most"))
    return Statement(delete(table).where(table.c.id.in_(old)).returning(table.c.id))


_FORGET = (
    _forget(sign_in_attempts, sign_in_attempts.c.at),
    _forget(one_time_tokens, one_time_tokens.c.expires_at),
    _forget(sessions, sessions.c.expires_at),
    _forget(data_exports, data_exports.c.expires_at),
)


@frozen
class _Narrowing:
    """Which filters a question has."""

    statuses: int
    staff: bool | None
    role: bool
    email: bool
    words: bool


@lru_cache(maxsize=200)
def _page(narrowing: _Narrowing, shape: Window) -> Statement:
    return Statement(walk(shape, list(users.columns), _conditions(narrowing)))


@lru_cache(maxsize=50)
def _total(narrowing: _Narrowing) -> Statement:
    return Statement(select(func.count()).select_from(users).where(*_conditions(narrowing)))


def _conditions(narrowing: _Narrowing) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = [any_of(users.c.status, "statuses")]
    if narrowing.staff is not None:
        given = users.c.id.in_(select(user_roles.c.user_id))
        conditions.append(given if narrowing.staff else ~given)
    if narrowing.role:
        having = select(user_roles.c.user_id).where(user_roles.c.role_id == bindparam("of_role"))
        conditions.append(users.c.id.in_(having))
    if narrowing.email:
        conditions.append(users.c.email_key == bindparam("of_email", type_=word()))
    if narrowing.words:  # a range instead of LIKE: it may use the index, and knows no wildcards
        first, last = bindparam("first", type_=word()), bindparam("last", type_=word())
        name, until = bindparam("name_first", type_=word()), bindparam("name_last", type_=word())
        begins = and_(users.c.email_key >= first, users.c.email_key < last)
        conditions.append(or_(begins, and_(users.c.name >= name, users.c.name < until)))
    return conditions


class SqlPeopleReader:
    """Answers about people."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def access(self, session_id: SessionId) -> SessionAccess | None:
        row = await self._database.fetch_one(_ACCESS, session_id=session_id.uuid)
        if row is None:
            return None
        totp = row["totp"]
        return SessionAccess(
            session_id=session_id,
            user_id=UserId(row["user_id"]),
            status=UserStatus(row["status"]),
            email_verified=row["email_verified_at"] is not None,
            second_factor=bool(totp and totp["confirmed_at"]) or bool(row["passkeys"]),
            role_ids=frozenset(RoleId(UUID(text)) for text in row["role_ids"]),
            scopes=scopes_of(row),
            browser=row["browser"],
            fingerprint=row["fingerprint"],
            mfa=row["mfa"],
            fresh_at=row["fresh_at"],
            last_seen_at=row["last_seen_at"],
            expires_at=row["expires_at"],
            revoked_at=row["revoked_at"],
        )

    async def has_owner(self) -> bool:
        return await self._database.fetch_one(_OWNER, of_role=OWNER.id.uuid) is not None

    async def me(self, user_id: UserId) -> MeView:
        user = await self._user(user_id)
        return me_view(user, _named(user.role_ids, await self._names(user.role_ids)))

    async def addresses(self, user_id: UserId) -> list[SavedAddressView]:
        return [SavedAddressView.of(saved) for saved in (await self._user(user_id)).addresses]

    async def preferences(self, user_id: UserId) -> PreferencesView:
        given = (await self._user(user_id)).consents
        return PreferencesView(consents={name: name in given for name in sorted(CONSENTS)})

    async def users(self, which: UserFilter, page: PageRequest) -> Page[AdminUserView]:
        shape, mark = window(_LISTING, page)
        if not all(map(storable, (which.email, which.words))):
            return Page(data=[], total=0 if page.total else None)
        narrowing, values = _narrowing(which)
        found = page_of(await self._database.fetch(_page(narrowing, shape), **values, **mark), page, shape.order)
        total = await total_of(page, self._database, _total(narrowing), **values)
        data = await self._views([user_of(row) for row in found.rows])
        return Page(data=data, next=found.next, previous=found.previous, total=total)

    async def user(self, user_id: UserId) -> AdminUserView:
        return (await self._views([await self._user(user_id)]))[0]

    async def sessions(self, user_id: UserId, now: datetime, current: SessionId | None) -> list[SessionView]:
        rows = await self._database.fetch(LIVE_SESSIONS, of_user=user_id.uuid, now=now, most=SESSIONS_MAX)
        return [session_view(session_of(row), current) for row in rows]

    async def roles(self) -> list[RoleView]:
        own = [role_of(row) for row in await self._database.fetch(_ROLES)]
        return [role_view(role) for role in (*BUILT_IN.values(), *own)]

    async def invitations(self, now: datetime) -> list[InvitationView]:
        found = [invitation_of(row) for row in await self._database.fetch(_INVITATIONS, now=now)]
        names = await self._names(frozenset().union(*(one.role_ids for one in found)))
        return [invitation_view(one, [names.get(i, str(i)) for i in sorted(one.role_ids)]) for one in found]

    async def export(self, export_id: ExportId) -> DataExport:
        return await stored_export(self._database, export_id)

    async def signing_keys(self, now: datetime) -> list[SigningKey]:
        return [signing_key_of(row) for row in await self._database.fetch(_SIGNING_KEYS, now=now)]

    async def forget(self, before: datetime, limit: int) -> int:
        gone = 0
        for statement in _FORGET:
            gone += len(await self._database.change(statement, before=before, most=limit))
        return gone

    async def _user(self, user_id: UserId) -> User:
        row = await self._database.fetch_one(_USER, user_id=user_id.uuid)
        if row is None:
            raise UserNotFound(f"There is no user {user_id}.")
        return user_of(row)

    async def _names(self, role_ids: frozenset[RoleId]) -> dict[RoleId, str]:
        names = {role.id: role.name for role in BUILT_IN.values()}
        own = sorted(role_ids - names.keys())
        if own:
            for row in await self._database.fetch(_NAMES, ids=[role_id.uuid for role_id in own]):
                names[RoleId(row["id"])] = row["name"]
        return names

    async def _views(self, found: list[User]) -> list[AdminUserView]:
        if not found:
            return []
        names = await self._names(frozenset().union(*(user.role_ids for user in found)))
        numbers: dict[UUID, list[Row]] = {}
        for row in await self._database.fetch(_SPENT, ids=[user.id.uuid for user in found]):
            numbers.setdefault(row["owner_id"], []).append(row)
        views = []
        for user in found:
            own = numbers.get(user.id.uuid, [])
            views.append(
                AdminUserView.of(
                    user,
                    _named(user.role_ids, names),
                    orders=sum(row["orders"] for row in own),
                    spent=[turnover(int(row["spent"]), row["currency"]) for row in own],
                    last_order_at=max((row["latest"] for row in own), default=None),
                )
            )
        return views


def _named(role_ids: Iterable[RoleId], names: dict[RoleId, str]) -> list[str]:
    return sorted(names.get(role_id, str(role_id)) for role_id in role_ids)


def _narrowing(which: UserFilter) -> tuple[_Narrowing, dict[str, Any]]:
    statuses = which.statuses or {UserStatus.ACTIVE, UserStatus.SUSPENDED}
    values: dict[str, Any] = {"statuses": sorted(status.value for status in statuses)}
    if which.role_id is not None:
        values["of_role"] = which.role_id.uuid
    if which.email:
        values["of_email"] = email_key(which.email)
    if which.words:
        key = email_key(which.words)
        values |= {"first": key, "last": _after(key), "name_first": which.words, "name_last": _after(which.words)}
    return _Narrowing(
        statuses=len(statuses),
        staff=which.staff,
        role=which.role_id is not None,
        email=bool(which.email),
        words=bool(which.words),
    ), values


def _after(text: str) -> str:
    """What sorts behind everything that begins with this text."""
    return text + "\U0010ffff"
