"""Questions about secret keys, answered from a table."""

from datetime import datetime

from sqlalchemy import LargeBinary, bindparam, null, or_, select, update

from shop.adapters.sql.database import Database
from shop.adapters.sql.identity import api_key_of
from shop.adapters.sql.schema import api_keys
from shop.adapters.sql.schema.columns import UtcDateTime
from shop.adapters.sql.statements import Statement
from shop.application.ports.views import ApiKeyView
from shop.domain.identity import ApiKey
from shop.domain.kernel.identifiers import ApiKeyId

_SECRET = bindparam("of_secret", type_=LargeBinary())
_FIND = Statement(
    select(api_keys).where(or_(api_keys.c.fingerprint == _SECRET, api_keys.c.old_fingerprint == _SECRET)).limit(1)
)
_USED = Statement(
    update(api_keys)
    .where(api_keys.c.id == bindparam("key_id"))
    .where(or_(api_keys.c.last_used_at.is_(null()), api_keys.c.last_used_at < bindparam("at", type_=UtcDateTime())))
    .values(last_used_at=bindparam("at", type_=UtcDateTime()))
)
_ALL = Statement(select(api_keys).order_by(api_keys.c.created_at.desc(), api_keys.c.id.desc()))


class SqlApiKeyReader:
    """Answers about secret keys."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find(self, fingerprint: bytes) -> ApiKey | None:
        row = await self._database.fetch_one(_FIND, of_secret=fingerprint)
        return api_key_of(row) if row is not None else None

    async def used(self, key_id: ApiKeyId, at: datetime) -> None:
        await self._database.change(_USED, key_id=key_id.uuid, at=at)

    async def all(self) -> list[ApiKeyView]:
        return [ApiKeyView.of(api_key_of(row)) for row in await self._database.fetch(_ALL)]
