"""Secret keys in memory, as fingerprints."""

from datetime import datetime

from shop.adapters.memory.copies import copied
from shop.adapters.memory.tables import Journal, Tables
from shop.adapters.memory.writes import Rank, Writes, check_version
from shop.application.ports.unit_of_work import StaleAggregate
from shop.application.ports.views import ApiKeyView
from shop.domain.identity import ApiKey, ApiKeyNotFound
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


class MemoryApiKeyReader:
    """Answers about secret keys."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def find(self, fingerprint: bytes) -> ApiKey | None:
        keys = self._tables.api_keys.values()
        return next((copied(key) for key in keys if fingerprint in (key.fingerprint, key.old_fingerprint)), None)

    async def used(self, key_id: ApiKeyId, at: datetime) -> None:
        key = self._tables.api_keys.get(key_id)
        if key is not None and (key.last_used_at is None or key.last_used_at < at):
            key.last_used_at = at

    async def all(self) -> list[ApiKeyView]:
        newest_first = sorted(self._tables.api_keys.values(), key=lambda key: (key.created_at, key.id), reverse=True)
        return [ApiKeyView.of(key) for key in newest_first]
