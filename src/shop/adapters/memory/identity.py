"""Secret keys in memory, as fingerprints."""

from datetime import datetime

from shop.adapters.memory.copies import copied
from shop.adapters.memory.tables import Journal, Tables
from shop.adapters.memory.writes import Rank, Writes, check_version
from shop.application.ports.readers import KeyAccess
from shop.application.ports.unit_of_work import StaleAggregate
from shop.application.ports.views import ApiKeyView
from shop.domain.identity import BUILT_IN, ApiKey, ApiKeyNotFound, User
from shop.domain.kernel.identifiers import ApiKeyId


class MemoryApiKeyRepository:
    """Keys by id."""

    def __init__(self, tables: Tables, writes: Writes) -> None:
        self._tables = tables
        self._writes = writes

    async def get(self, key_id: ApiKeyId) -> ApiKey:
        try:
            return copied(self._tables.api_keys[key_id])
        except KeyError:
            raise ApiKeyNotFound(f"There is no key {key_id}.") from None

    def save(self, key: ApiKey) -> None:
        self._writes.save(Rank.SETTINGS, key, key.id, self._put)

    def _put(self, key: ApiKey, journal: Journal) -> None:
        keys = self._tables.api_keys
        check_version(key, keys.get(key.id))
        if any(other.fingerprint == key.fingerprint and other.id != key.id for other in keys.values()):
            raise StaleAggregate("This secret is another key's.")
        journal.put(keys, key.id, key)


def scopes_of(tables: Tables, user: User) -> frozenset[str]:
    """What a user may do at this moment, by all of their roles together."""
    known = (BUILT_IN.get(role_id) or tables.roles.get(role_id) for role_id in user.role_ids)
    return frozenset().union(*(role.scopes for role in known if role is not None))


class MemoryApiKeyReader:
    """Answers about secret keys."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def find(self, fingerprint: bytes) -> KeyAccess | None:
        keys = self._tables.api_keys.values()
        key = next((key for key in keys if fingerprint in (key.fingerprint, key.old_fingerprint)), None)
        if key is None:
            return None
        maker = self._tables.users.get(key.created_by) if key.created_by is not None else None
        if maker is None:
            return KeyAccess(key=copied(key))
        return KeyAccess(key=copied(key), maker=maker.status, maker_scopes=scopes_of(self._tables, maker))

    async def used(self, key_id: ApiKeyId, at: datetime) -> None:
        key = self._tables.api_keys.get(key_id)
        if key is not None and (key.last_used_at is None or key.last_used_at < at):
            key.last_used_at = at

    async def all(self) -> list[ApiKeyView]:
        newest_first = sorted(self._tables.api_keys.values(), key=lambda key: (key.created_at, key.id), reverse=True)
        return [ApiKeyView.of(key) for key in newest_first]
