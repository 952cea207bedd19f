"""The shop's own settings in memory."""

from attrs import evolve

from shop.adapters.memory.tables import Journal, Tables
from shop.adapters.memory.writes import Rank, Writes
from shop.application.ports.repositories import StoreSettings
from shop.application.ports.unit_of_work import StaleAggregate


class MemoryStoreRepository:
    """The settings as one whole."""

    def __init__(self, tables: Tables, writes: Writes) -> None:
        self._tables = tables
        self._writes = writes

    async def get(self) -> StoreSettings:
        return self._tables.settings

    def save(self, settings: StoreSettings) -> None:
        def put(journal: Journal) -> None:
            if settings.version != self._tables.settings.version:
                raise StaleAggregate("The settings have changed since they were read.")
            journal.assign(self._tables, "settings", evolve(settings, version=settings.version + 1))

        self._writes.witness.configures(self._tables.settings, settings)
        self._writes.add(Rank.SETTINGS, put)


class MemoryStoreReader:
    """Answers about the shop itself."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def settings(self) -> StoreSettings:
        return self._tables.settings
