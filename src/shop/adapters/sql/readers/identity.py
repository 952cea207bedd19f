"""Questions about secret keys, answered from a table."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import LargeBinary, bindparam, null, or_, select, update

from shop.adapters.sql.database import Database, Row
from shop.adapters.sql.identity import api_key_of
from shop.adapters.sql.schema import api_keys, roles, user_roles, users
from shop.adapters.sql.schema.columns import UtcDateTime
from shop.adapters.sql.statements import Statement, json_rows
from shop.application.ports.readers import KeyAccess
from shop.application.ports.views import ApiKeyView
from shop.domain.identity import BUILT_IN, UserStatus
from shop.domain.kernel.identifiers import ApiKeyId, RoleId

OWN_ROLES = (
    select(json_rows(roles.c.id, roles.c.scopes))
    .where(roles.c.id.in_(select(user_roles.c.role_id).where(user_roles.c.user_id == users.c.id).correlate(users)))
    .correlate(users)
    .scalar_subquery()
)
"""The roles of the shop's own that a user has, beside those that are built in: both make up `scopes_of`."""
_SECRET = bindparam("of_secret", type_=LargeBinary())
_FIND = Statement(
    select(api_keys, users.c.status, users.c.role_ids, OWN_ROLES.label("own_roles"))
    .join_from(api_keys, users, users.c.id == api_keys.c.created_by, isouter=True)
    .where(or_(api_keys.c.fingerprint == _SECRET, api_keys.c.old_fingerprint == _SECRET))
    .limit(1)
)
_USED = Statement(
    update(api_keys)
    .where(api_keys.c.id == bindparam("key_id"))
    .where(or_(api_keys.c.last_used_at.is_(null()), api_keys.c.last_used_at < bindparam("at", type_=UtcDateTime())))
    .values(last_used_at=bindparam("at", type_=UtcDateTime()))
)
_ALL = Statement(select(api_keys).order_by(api_keys.c.created_at.desc(), api_keys.c.id.desc()))


def scopes_of(row: Row) -> frozenset[str]:
    """What the user in a row may do at this moment, by all of their roles together."""
    role_ids = {RoleId(UUID(text)) for text in row["role_ids"]}
    scopes = {scope for role_id in role_ids if role_id in BUILT_IN for scope in BUILT_IN[role_id].scopes}
    return frozenset(scopes | {scope for _, own in row["own_roles"] for scope in own})


class SqlApiKeyReader:
    """Answers about secret keys."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find(self, fingerprint: bytes) -> KeyAccess | None:
        row = await self._database.fetch_one(_FIND, of_secret=fingerprint)
        if row is None:
            return None
        key = api_key_of(row)
        if row["status"] is None:
            return KeyAccess(key=key)
        return KeyAccess(key=key, maker=UserStatus(row["status"]), maker_scopes=scopes_of(row))

    async def used(self, key_id: ApiKeyId, at: datetime) -> None:
        await self._database.change(_USED, key_id=key_id.uuid, at=at)

    async def all(self) -> list[ApiKeyView]:
        return [ApiKeyView.of(api_key_of(row)) for row in await self._database.fetch(_ALL)]
