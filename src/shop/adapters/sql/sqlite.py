"""SQLite through the standard library: answers come from memory, so they are fetched in the loop itself.

One connection writes, another reads. What writes holds no lock while it waits for anything, so within this process
nobody waits for anybody; for other processes it waits a little at a time, at most five seconds.
"""

import asyncio
import random
import sqlite3
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from attrs import define

from shop.adapters.sql.database import Row, Write
from shop.adapters.sql.refusals import not_unique
from shop.adapters.sql.statements import SQLITE, Compiled, Statement
from shop.application.ports.unit_of_work import StaleAggregate
from shop.domain.kernel.errors import Unavailable

T = TypeVar("T")
# The loop stands still while SQLite waits by itself, so that is short, and the rest of the patience is ours.
BUSY_MILLISECONDS = 20
BUSY_SECONDS_MAX = 5.0
PAUSE_SECONDS, PAUSE_SECONDS_MAX = 0.005, 0.1
_UNIQUE = "UNIQUE constraint failed: "


class DatabaseBusy(Unavailable):
    """Another process has been writing to the same file for too long."""

    code = "database_busy"
    title = "The database is too busy"


class DatabaseFileMissing(Unavailable):
    """There is no such file, or it is no database, or the disk does not play along."""

    code = "database_unavailable"
    title = "The database file cannot be used"


@define
class Sqlite:
    """One database file."""

    path: Path
    busy_seconds_max: float = BUSY_SECONDS_MAX
    dialect: str = SQLITE
    _reading: sqlite3.Connection | None = None
    _writing: sqlite3.Connection | None = None
    _closed: bool = False

    async def open(self) -> None:
        self._closed = False
        # SQLite would make an empty file, which nobody asked for and which then looks like a shop.
        if not self.path.exists():
            raise DatabaseFileMissing(f"There is no file {self.path}.", hint="Make it with: shop db upgrade")
        await self._patiently(lambda: (self._reader(), self._writer()))

    async def close(self) -> None:
        """Whoever goes on using it is told so: to open the file again in passing would leave it open for good."""
        self._closed = True
        for connection in (self._reading, self._writing):
            if connection is not None:
                connection.close()
        self._reading = self._writing = None

    async def fetch(self, statement: Statement, /, **values: Any) -> Sequence[Row]:
        compiled = statement.compiled(SQLITE)
        arguments = compiled.arguments(values)
        return await self._patiently(lambda: _rows(self._reader(), compiled, arguments))

    async def fetch_one(self, statement: Statement, /, **values: Any) -> Row | None:
        rows = await self.fetch(statement, **values)
        return rows[0] if rows else None

    async def change(self, statement: Statement, /, **values: Any) -> Sequence[Row]:
        compiled = statement.compiled(SQLITE)
        arguments = compiled.arguments(values)

        def run(connection: sqlite3.Connection) -> Sequence[Row]:
            return _rows(connection, compiled, arguments)

        return await self._patiently(lambda: self._in_transaction(run))

    async def write(self, writes: Sequence[Write]) -> None:
        ordered = sorted(writes, key=lambda write: write.rank)
        steps = [(write, write.statement.compiled(SQLITE)) for write in ordered]
        batches = [(c, [c.arguments(row) for row in write.rows], write.expect) for write, c in steps if write.rows]

        def run(connection: sqlite3.Connection) -> None:
            for compiled, rows, expect in batches:
                _run_all(connection, compiled.text, rows, expect)

        if batches:
            await self._patiently(lambda: self._in_transaction(run))

    def _in_transaction(self, run: Callable[[sqlite3.Connection], T]) -> T:
        connection = self._writer()
        connection.execute("BEGIN IMMEDIATE")
        try:
            result = run(connection)
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
        return result

    async def _patiently(self, run: Callable[[], T]) -> T:
        """Runs it, again and again while another process is writing. Raises DatabaseBusy when that takes too long."""
        give_up_at = time.monotonic() + self.busy_seconds_max
        pause = PAUSE_SECONDS
        while True:
            try:
                return run()
            except sqlite3.IntegrityError as error:
                raise _translated(error) from error
            except sqlite3.OperationalError as error:
                if not _busy(error):
                    raise _unusable(error) from error
                if time.monotonic() >= give_up_at:
                    raise DatabaseBusy(f"Another process held it for {self.busy_seconds_max:g} s.") from error
            except sqlite3.DatabaseError as error:
                if type(error) is sqlite3.DatabaseError:  # malformed, or no database at all
                    raise _unusable(error) from error
                raise
            await asyncio.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311
            pause = min(pause * 2, PAUSE_SECONDS_MAX)

    def _reader(self) -> sqlite3.Connection:
        if self._reading is None:
            self._reading = self._connected()
            self._reading.execute("PRAGMA query_only = ON")
        return self._reading

    def _writer(self) -> sqlite3.Connection:
        if self._writing is None:
            self._writing = self._connected()
        return self._writing

    def _connected(self) -> sqlite3.Connection:
        if self._closed:
            raise DatabaseFileMissing(f"{self.path.name} was closed.", hint="Ask while the shop is open.")
        return connect(self.path)


def connect(path: Path, busy_milliseconds: int = BUSY_MILLISECONDS) -> sqlite3.Connection:
    """A connection that keeps what it was told: durable at each commit, foreign keys checked, no implicit BEGIN."""
    connection = sqlite3.connect(path, timeout=busy_milliseconds / 1000, isolation_level=None, cached_statements=500)
    try:
        for pragma in (
            "journal_mode = WAL",
            "synchronous = FULL",
            "foreign_keys = ON",
            "recursive_triggers = ON",
            "cache_size = -32000",
        ):
            connection.execute(f"PRAGMA {pragma}").fetchall()
    except BaseException:
        connection.close()
        raise
    connection.create_function("id_of", 1, bytes.fromhex, deterministic=True)
    return connection


def _rows(connection: sqlite3.Connection, compiled: Compiled, arguments: Sequence[Any]) -> Sequence[Row]:
    cursor = connection.execute(compiled.text, arguments)
    found = cursor.fetchall()
    if not found:
        return []
    results = compiled.results
    rows: list[Row] = []
    for values in found:
        converted = list(values)
        for index, convert in results:
            value = converted[index]
            if value is not None:
                converted[index] = convert(value)
        rows.append(sqlite3.Row(cursor, tuple(converted)))
    return rows


def _run_all(connection: sqlite3.Connection, text: str, rows: Sequence[Sequence[Any]], expect: int | None) -> None:
    if expect is None:
        connection.executemany(text, rows)
        return
    for arguments in rows:
        if connection.execute(text, arguments).rowcount != expect:
            raise StaleAggregate


def _busy(error: sqlite3.OperationalError) -> bool:
    return error.sqlite_errorcode & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


def _translated(error: sqlite3.IntegrityError) -> Exception:
    message = str(error)
    if message.startswith(_UNIQUE):
        return not_unique(message.removeprefix(_UNIQUE))
    if error.sqlite_errorcode == sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY or "ck_stock_levels" in message:
        return StaleAggregate()
    return error


def _unusable(error: sqlite3.DatabaseError) -> Exception:
    unusable = {
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_CORRUPT,
        sqlite3.SQLITE_NOTADB,
        sqlite3.SQLITE_PERM,
    }
    return DatabaseFileMissing(f"{error}.") if error.sqlite_errorcode & 0xFF in unusable else error
