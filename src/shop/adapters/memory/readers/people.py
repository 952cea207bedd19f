"""Answers about people from memory."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime
from typing import TypeVar

from shop.adapters.memory.copies import copied
from shop.adapters.memory.identity import scopes_of
from shop.adapters.memory.paging import Listing, microseconds
from shop.adapters.memory.people import export_of, live_sessions
from shop.adapters.memory.tables import Tables
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
from shop.domain.identity import (
    BUILT_IN,
    CONSENTS,
    DataExport,
    OneTimeToken,
    Session,
    SigningKey,
    User,
    UserNotFound,
    UserStatus,
)
from shop.domain.kernel.email import email_key
from shop.domain.kernel.identifiers import ExportId, RoleId, SessionId, UserId
from shop.domain.kernel.money import turnover
from shop.domain.orders import OrderStatus

_COUNTED = frozenset({OrderStatus.CONFIRMED, OrderStatus.COMPLETED})
KEYS_MAX, ROLES_MAX, INVITATIONS_MAX, SESSIONS_MAX = 20, 200, 200, 100
K = TypeVar("K")
E = TypeVar("E", OneTimeToken, Session, DataExport)


def _created_at(user: User) -> int:
    return microseconds(user.created_at)


_USERS: Listing[User] = Listing(
    keys={"created_at": _created_at, "email": lambda user: user.email_key, "name": lambda user: user.name},
    own=((_created_at, True),),
    id=lambda user: user.id.uuid.hex,
)


class MemoryPeopleReader:
    """Answers about people."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def access(self, session_id: SessionId) -> SessionAccess | None:
        session = self._tables.sessions.get(session_id)
        if session is None:
            return None
        user = self._tables.users[session.user_id]
        return SessionAccess(
            session_id=session.id,
            user_id=user.id,
            status=user.status,
            email_verified=user.email_verified_at is not None,
            second_factor=user.second_factor,
            role_ids=user.role_ids,
            scopes=scopes_of(self._tables, user),
            browser=session.browser,
            fingerprint=session.fingerprint,
            mfa=session.mfa,
            fresh_at=session.fresh_at,
            last_seen_at=session.last_seen_at,
            expires_at=session.expires_at,
            revoked_at=session.revoked_at,
        )

    async def has_owner(self) -> bool:
        return any(user.owner and user.status is UserStatus.ACTIVE for user in self._tables.users.values())

    async def me(self, user_id: UserId) -> MeView:
        user = self._user(user_id)
        return me_view(user, self._role_names(user))

    async def addresses(self, user_id: UserId) -> list[SavedAddressView]:
        return [SavedAddressView.of(saved) for saved in self._user(user_id).addresses]

    async def preferences(self, user_id: UserId) -> PreferencesView:
        given = self._user(user_id).consents
        return PreferencesView(consents={name: name in given for name in sorted(CONSENTS)})

    async def users(self, which: UserFilter, page: PageRequest) -> Page[AdminUserView]:
        return _USERS.page(self._matching(which), page, self._admin_view)

    async def user(self, user_id: UserId) -> AdminUserView:
        return self._admin_view(self._user(user_id))

    async def sessions(self, user_id: UserId, now: datetime, current: SessionId | None) -> list[SessionView]:
        live = live_sessions(self._tables, user_id, now)[:SESSIONS_MAX]
        return [session_view(session, current) for session in live]

    async def roles(self) -> list[RoleView]:
        own = sorted(self._tables.roles.values(), key=lambda role: role.name)[:ROLES_MAX]
        return [role_view(role) for role in (*BUILT_IN.values(), *own)]

    async def invitations(self, now: datetime) -> list[InvitationView]:
        still_open = [one for one in self._tables.invitations.values() if one.open(now)]
        newest_first = sorted(still_open, key=lambda one: (one.created_at, one.id), reverse=True)
        return [
            invitation_view(one, [self._name(role_id) for role_id in sorted(one.role_ids)])
            for one in newest_first[:INVITATIONS_MAX]
        ]

    async def export(self, export_id: ExportId) -> DataExport:
        return export_of(self._tables, export_id)

    async def signing_keys(self, now: datetime) -> list[SigningKey]:
        there = [key for key in self._tables.signing_keys.values() if key.gone_at is None or now < key.gone_at]
        newest_first = sorted(there, key=lambda key: (key.created_at, key.id), reverse=True)
        return [copied(key) for key in newest_first[:KEYS_MAX]]

    async def forget(self, before: datetime, limit: int) -> int:
        tables = self._tables
        old = {attempt.id for attempt in tables.sign_in_attempts if attempt.at < before}
        tables.sign_in_attempts[:] = [attempt for attempt in tables.sign_in_attempts if attempt.id not in old]
        gone = len(old)
        gone += _drop_ended(tables.one_time_tokens, before, limit)
        gone += _drop_ended(tables.sessions, before, limit)
        gone += _drop_ended(tables.exports, before, limit)
        return gone

    def _user(self, user_id: UserId) -> User:
        try:
            return self._tables.users[user_id]
        except KeyError:
            raise UserNotFound(f"There is no user {user_id}.") from None

    def _name(self, role_id: RoleId) -> str:
        role = BUILT_IN.get(role_id) or self._tables.roles.get(role_id)
        return role.name if role is not None else str(role_id)

    def _role_names(self, user: User) -> list[str]:
        return sorted(self._name(role_id) for role_id in user.role_ids)

    def _matching(self, which: UserFilter) -> Iterator[User]:
        words = email_key(which.words)
        statuses = which.statuses or {UserStatus.ACTIVE, UserStatus.SUSPENDED}
        for user in self._tables.users.values():
            if (
                user.status in statuses
                and (which.staff is None or user.staff is which.staff)
                and (which.role_id is None or which.role_id in user.role_ids)
                and (not which.email or user.email_key == email_key(which.email))
                and (not words or user.email_key.startswith(words) or user.name.startswith(which.words))
            ):
                yield user

    def _admin_view(self, user: User) -> AdminUserView:
        orders = [order for order in self._tables.orders.values() if order.owner_id == user.id]
        spent: defaultdict[str, int] = defaultdict(int)
        for order in orders:
            if order.status in _COUNTED:
                spent[order.currency] += order.total.minor
        return AdminUserView.of(
            user,
            self._role_names(user),
            orders=sum(order.status in _COUNTED for order in orders),
            spent=[turnover(minor, currency) for currency, minor in sorted(spent.items())],
            last_order_at=max((order.placed_at for order in orders if order.status in _COUNTED), default=None),
        )


def _drop_ended(table: dict[K, E], before: datetime, limit: int) -> int:
    ended = [key for key, kept in table.items() if kept.expires_at < before][:limit]
    for key in ended:
        del table[key]
    return len(ended)
