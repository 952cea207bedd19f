"""Storage in PostgreSQL or SQLite, by the URL."""

from sqlalchemy import column, select, table

from shop.adapters.sql.addresses import open_database
from shop.adapters.sql.answers import SqlAnswers
from shop.adapters.sql.audit import SqlAuditTrail
from shop.adapters.sql.clock import SqlClockOffsets
from shop.adapters.sql.database import Database
from shop.adapters.sql.events import EventWriter
from shop.adapters.sql.migrations import HEAD
from shop.adapters.sql.outbox import SqlOutbox
from shop.adapters.sql.readers import SqlReaders
from shop.adapters.sql.readers.store import SqlStoreReader
from shop.adapters.sql.statements import Statement
from shop.adapters.sql.unit_of_work import SqlUnitOfWork
from shop.application.ports.answers import Answers
from shop.application.ports.audit import AuditTrail
from shop.application.ports.clock import Clock, ClockOffsets, Ids
from shop.application.ports.options import Options
from shop.application.ports.outbox import Outbox
from shop.application.ports.readers import Readers
from shop.application.ports.storage import Storage, SubscribersByType
from shop.application.ports.unit_of_work import UnitOfWork
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
    default_hint = "Bring it up to date with: shop db upgrade"


class SqlStorage:
    """Keeps everything in a database. Nothing is connected before `open`."""

    def __init__(self, database: Database, *, clock: Clock, ids: Ids, subscribers: SubscribersByType) -> None:
        self.database = database
        settings = SqlStoreReader(database, clock)
        self.uow: UnitOfWork = SqlUnitOfWork(database, EventWriter(ids, subscribers), ids, settings.forget)
        self.readers: Readers = SqlReaders(database, settings)
        self.outbox: Outbox = SqlOutbox(database)
        self.answers: Answers = SqlAnswers(database)
        self.audit: AuditTrail = SqlAuditTrail(database)
        self.clock: ClockOffsets = SqlClockOffsets(database)

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


def open_sql_storage(options: Options) -> Storage:
    """Storage behind SHOP_DATABASE_URL, with SHOP_DATABASE_CONNECTIONS at most. Raises DatabaseUrlMalformed."""
    connections = int(options.get("SHOP_DATABASE_CONNECTIONS", "10"))
    database = open_database(options.get("SHOP_DATABASE_URL"), pool_size=connections)
    return SqlStorage(database, clock=options.clock, ids=options.ids, subscribers=options.subscribers)
