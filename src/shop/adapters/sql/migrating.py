"""Bringing a database's schema up to date: one process at a time, in one transaction, with bounded waits."""

import asyncio
from collections.abc import Callable
from typing import TypeVar

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from attrs import frozen
from sqlalchemy import Connection, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DatabaseError, OperationalError
from sqlalchemy.pool import NullPool

from shop.adapters.sql import sqlite
from shop.adapters.sql.addresses import is_sqlite, sqlite_path
from shop.domain.kernel.errors import Invalid, Unavailable

T = TypeVar("T")
TIMEOUT_SECONDS = 600.0
LOCK_SECONDS = 60
_LOCK = 0x5A09_0001  # any number, as long as every version of the shop takes the same


class NoSuchRevision(Invalid):
    """No migration has this number, or no path leads there."""

    code = "no_such_revision"
    title = "No such revision of the schema"
    default_hint = "Revisions are the numbers of the files in shop/adapters/sql/migrations/versions, or base."


@frozen
class MigrationStatus:
    """Where a schema stands, and where this version of the shop needs it. `current` is None for an empty database."""

    current: str | None
    needed: str

    @property
    def up_to_date(self) -> bool:
        return self.current == self.needed


async def upgrade(url: str, revision: str = "head") -> None:
    """Brings the schema up to the revision; nothing happens when it is there. Raises Unavailable."""
    await _run(url, lambda connection: command.upgrade(_config(connection), revision))


async def downgrade(url: str, revision: str = "base") -> None:
    """Takes the schema back to the revision; `base` leaves nothing. Raises NoSuchRevision, Unavailable."""
    await _run(url, lambda connection: command.downgrade(_config(connection), revision))


async def status(url: str) -> MigrationStatus:
    """How the schema stands. Raises Unavailable."""
    needed = ScriptDirectory.from_config(_config(None)).get_current_head()
    assert needed is not None

    def read(connection: Connection) -> MigrationStatus:
        return MigrationStatus(MigrationContext.configure(connection).get_current_revision(), needed)

    return await _run(url, read)


def _config(connection: Connection | None) -> Config:
    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", "shop.adapters.sql:migrations")
    config.set_main_option("path_separator", "os")
    return config


async def _run(url: str, work: Callable[[Connection], T]) -> T:
    try:
        if is_sqlite(url):
            return _on_sqlite(url, work)
        async with asyncio.timeout(TIMEOUT_SECONDS):
            return await _on_postgres(url, work)
    except (OSError, TimeoutError, DatabaseError) as error:
        if isinstance(error, DatabaseError) and type(error) not in (OperationalError, DatabaseError):
            raise  # a mistake in a migration; DatabaseError itself is of a file that is damaged, or no database
        raise Unavailable(f"The database does not answer: {getattr(error, 'orig', error)}.") from error
    except CommandError as error:  # as the driver of the migrations says that there is no such revision
        raise NoSuchRevision(f"{error}.") from None


def _on_sqlite(url: str, work: Callable[[Connection], T]) -> T:
    path = sqlite_path(url)
    engine = create_engine("sqlite://", creator=lambda: sqlite.connect(path, LOCK_SECONDS * 1000), poolclass=NullPool)
    # The lock is taken before the version is read, so that a second process finds the work done.
    event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))
    try:
        with engine.begin() as connection:
            return work(connection)
    finally:
        engine.dispose()


async def _on_postgres(url: str, work: Callable[[Connection], T]) -> T:
    # Only here: it needs greenlet, which nobody with a SQLite file has to install.
    from sqlalchemy.ext.asyncio import create_async_engine

    engine = create_async_engine(
        make_url(url).set(drivername="postgresql+asyncpg"),
        poolclass=NullPool,
        connect_args={"server_settings": {"application_name": "shop migrations"}, "timeout": 10},
    )

    def locked(connection: Connection) -> T:
        connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{LOCK_SECONDS}s'")
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK})")
        # A migration that cannot have its table soon gives up, rather than letting the shop queue up behind it.
        connection.exec_driver_sql("SET LOCAL lock_timeout = '5s'")
        return work(connection)

    try:
        async with engine.begin() as connection:
            return await connection.run_sync(locked)
    finally:
        await engine.dispose()
