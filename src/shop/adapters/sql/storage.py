"""Storage in PostgreSQL or SQLite, by the URL."""

from sqlalchemy import column, select, table

from shop.adapters.sql.addresses import open_database
from shop.adapters.sql.answers import SqlAnswers
from shop.adapters.sql.database import Database
from shop.adapters.sql.events import EventWriter
from shop.adapters.sql.migrations import HEAD
from shop.adapters.sql.outbox import SqlOutbox
from shop.adapters.sql.readers import SqlReaders
from shop.adapters.sql.statements import Statement
from shop.adapters.sql.unit_of_work import SqlUnitOfWork
from shop.application.ports.clock import Clock, Ids
from shop.application.ports.storage import SubscribersByType
from shop.domain.kernel.errors import Unavailable

_REVISION = Statement(select(column("version_num")).select_from(table("alembic_version")))
_TABLES = {
    "postgresql": Statement(
        select(column("tablename")).select_from(table("pg_tables")).where(column("tablename") == "alembic_version")
    ),
    "sqlite": Statement(
        select(column("name")).select_from(table("sqlite_master")).where(column("name") == "alembic_version")
    ),
}


class SchemaOutdated(Unavailable):
    """The database's tables are not those that this version of the shop needs."""

    code = "schema_outdated"
    title = "The database is not up to date"
    default_hint = "Bring it up to date with: shop migrate"


class SqlStorage:
    """Keeps everything in a database. Nothing is connected before `open`."""

    def __init__(self, database: Database, *, clock: Clock, ids: Ids, subscribers: SubscribersByType) -> None:
        self.database = database
        self.uow = SqlUnitOfWork(database, EventWriter(ids, subscribers))
        self.readers = SqlReaders(database, clock)
        self.outbox = SqlOutbox(database)
        self.answers = SqlAnswers(database)

    async def open(self) -> None:
        await self.database.open()

    async def close(self) -> None:
        await self.database.close()

    async def check(self) -> None:
        if not await self.database.fetch(_TABLES[self.database.dialect]):
            raise SchemaOutdated("The database has no tables of a shop yet.")
        row = await self.database.fetch_one(_REVISION)
        found = row[0] if row is not None else "none"
        if found != HEAD:
            raise SchemaOutdated(f"The database is at revision {found}; this version of the shop needs {HEAD}.")


def open_storage(
    url: str, *, clock: Clock, ids: Ids, subscribers: SubscribersByType, pool_size: int = 10
) -> SqlStorage:
    """Storage behind a URL. `pool_size`: connections that this process may hold to PostgreSQL."""
    return SqlStorage(open_database(url, pool_size=pool_size), clock=clock, ids=ids, subscribers=subscribers)
