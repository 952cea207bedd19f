"""Secret keys in a table, as fingerprints."""

from sqlalchemy import bindparam, select

from shop.adapters.sql.database import Row
from shop.adapters.sql.gathering import Gathered, Rank, Root
from shop.adapters.sql.schema import api_keys
from shop.adapters.sql.statements import Statement
from shop.domain.identity import ApiKey, ApiKeyNotFound, KeyKind
from shop.domain.kernel.identifiers import ApiKeyId, UserId

_ROOT = Root.of(api_keys, fixed=["created_at", "created_by"])
_GET = Statement(select(api_keys).where(api_keys.c.id == bindparam("key_id")))


def api_key_of(row: Row) -> ApiKey:
    """The key in a row of its table."""
    return ApiKey(
        id=ApiKeyId(row["id"]),
        name=row["name"],
        fingerprint=row["fingerprint"],
        last4=row["last4"],
        scopes=frozenset(row["scopes"]),
        created_at=row["created_at"],
        created_by=UserId(row["created_by"]) if row["created_by"] else None,
        revoked_at=row["revoked_at"],
        kind=KeyKind(row["kind"]),
        expires_at=row["expires_at"],
        last_used_at=row["last_used_at"],
        old_fingerprint=row["old_fingerprint"],
        old_until=row["old_until"],
        version=row["version"],
    )


class SqlApiKeyRepository:
    """Secret keys."""

    def __init__(self, gathered: Gathered) -> None:
        self._gathered = gathered

    async def get(self, key_id: ApiKeyId) -> ApiKey:
        row = await self._gathered.database.fetch_one(_GET, key_id=key_id.uuid)
        if row is None:
            raise ApiKeyNotFound(f"There is no key {key_id}.")
        return api_key_of(row)

    def save(self, key: ApiKey) -> None:
        row = {
            "id": key.id.uuid,
            "name": key.name,
            "fingerprint": key.fingerprint,
            "last4": key.last4,
            "scopes": sorted(key.scopes),
            "created_at": key.created_at,
            "created_by": key.created_by.uuid if key.created_by else None,
            "revoked_at": key.revoked_at,
            "kind": key.kind.value,
            "expires_at": key.expires_at,
            "last_used_at": key.last_used_at,
            "old_fingerprint": key.old_fingerprint,
            "old_until": key.old_until,
        }
        self._gathered.save(Rank.SETTINGS, key.id.uuid, key, [_ROOT.write(Rank.SETTINGS, row, key.version)])
