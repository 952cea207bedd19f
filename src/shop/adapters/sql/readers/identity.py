"""Questions about secret keys, answered from a table."""

from sqlalchemy import LargeBinary, bindparam, select

from shop.adapters.sql.database import Database
from shop.adapters.sql.identity import api_key_of
from shop.adapters.sql.schema import api_keys
from shop.adapters.sql.statements import Statement
from shop.application.ports.views import ApiKeyView
from shop.domain.identity import ApiKey
from shop.domain.kernel.identifiers import ApiKeyId

_FIND = Statement(select(api_keys).where(api_keys.c.fingerprint == bindparam("of_secret", type_=LargeBinary())))
_ALL = Statement(select(api_keys).order_by(api_keys.c.created_at.desc(), api_keys.c.id.desc()))


class SqlApiKeyReader:
    """Answers about secret keys."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find(self, fingerprint: bytes) -> ApiKey | None:
        row = await self._database.fetch_one(_FIND, of_secret=fingerprint)
        return api_key_of(row) if row is not None else None

    async def all(self) -> list[ApiKeyView]:
        return [
            ApiKeyView(
                id=ApiKeyId(row["id"]),
                name=row["name"],
                last4=row["last4"],
                scopes=sorted(row["scopes"]),
                created_at=row["created_at"],
                revoked_at=row["revoked_at"],
            )
            for row in await self._database.fetch(_ALL)
        ]
