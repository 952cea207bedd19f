"""PostgreSQL through asyncpg: statements prepared once per connection, a whole transaction in one round trip."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import asyncpg
import msgspec
from asyncpg import Connection, exceptions

from shop.adapters.sql.database import Row, Write
from shop.adapters.sql.merging import PARTS_MAX, EncodedJson, MergedTexts, Part, parts_of
from shop.adapters.sql.pool import Pool
from shop.adapters.sql.refusals import not_unique
from shop.adapters.sql.statements import POSTGRES, Statement
from shop.application.ports.unit_of_work import StaleAggregate
from shop.domain.kernel.errors import ShopError, Unavailable

CONNECT_TIMEOUT_SECONDS = 5.0
# The server gives up after five seconds; should it not even say so, we do.
COMMAND_TIMEOUT_SECONDS = 10.0
# A connection that broke while it was idle says so at once.
_BROKEN_BEFORE_SECONDS = 1.0
SERVER_SETTINGS = {
    "application_name": "shop",
    "lock_timeout": "2s",
    "statement_timeout": "5s",
    "idle_in_transaction_session_timeout": "10s",
    "synchronous_commit": "on",
    "jit": "off",
    # Planning our statements anew for each run costs more than running them.
    "plan_cache_mode": "force_generic_plan",
    # A plan made while a young shop's tables are empty would read them whole for ever after.
    "enable_seqscan": "off",
    "timezone": "UTC",
}
_to_json = msgspec.json.Encoder().encode
_COLLISIONS = (
    exceptions.SerializationError,
    exceptions.DeadlockDetectedError,
    exceptions.LockNotAvailableError,
    exceptions.ForeignKeyViolationError,
)
_LOST = (
    exceptions.PostgresConnectionError,
    exceptions.CannotConnectNowError,
    exceptions.AdminShutdownError,
    exceptions.CrashShutdownError,
)
_AWAY = (
    *_LOST,
    OSError,
    TimeoutError,
    exceptions.InterfaceError,
    exceptions.InternalClientError,  # of a connection to which the server said goodbye while nobody used it
    exceptions.InsufficientResourcesError,
    exceptions.QueryCanceledError,
    exceptions.InvalidAuthorizationSpecificationError,
    exceptions.InvalidCatalogNameError,
    exceptions.ReadOnlySQLTransactionError,
)


class Postgres:
    """A PostgreSQL database. `pool_size` is how many connections this process may hold, and `silence_max_seconds` how
    long the server may say nothing to a statement.
    """

    dialect = POSTGRES

    def __init__(self, url: str, *, pool_size: int = 10, silence_max_seconds: float = COMMAND_TIMEOUT_SECONDS) -> None:
        self.url = url
        self._pool = Pool(self._connect, size=pool_size, busy_max_seconds=silence_max_seconds)
        self._texts = MergedTexts()

    async def open(self) -> None:
        await self._with_connection(lambda connection: connection.execute("SELECT 1"))

    async def close(self) -> None:
        await self._pool.close()

    async def fetch(self, statement: Statement, /, **values: Any) -> Sequence[Row]:
        compiled = statement.compiled(POSTGRES)
        text, arguments, began = compiled.text, compiled.arguments(values), time.monotonic()
        try:
            return await self._run(text, arguments)
        except _ConnectionLost:
            if time.monotonic() - began > _BROKEN_BEFORE_SECONDS:
                raise  # a server that stood still is not waited for twice
            # An idle connection does not notice that its server was restarted; to ask once more harms nobody.
            return await self._run(text, arguments)

    async def fetch_one(self, statement: Statement, /, **values: Any) -> Row | None:
        rows = await self.fetch(statement, **values)
        return rows[0] if rows else None

    async def change(self, statement: Statement, /, **values: Any) -> Sequence[Row]:
        compiled = statement.compiled(POSTGRES)
        return await self._run(compiled.text, compiled.arguments(values))

    async def write(self, writes: Sequence[Write]) -> None:
        parts = parts_of(writes)
        if not parts:
            return
        if len(parts) > PARTS_MAX:
            await self._with_connection(lambda connection: _one_by_one(connection, parts))
            return
        text = self._texts.text(parts)
        arguments = [argument for part in parts for argument in part.arguments]
        await self._run(text, arguments)

    async def _run(self, text: str, arguments: Sequence[Any]) -> Sequence[Row]:
        rows: Sequence[Row] = await self._with_connection(lambda connection: connection.fetch(text, *arguments))
        return rows

    async def _with_connection(self, use: Callable[[Connection], Awaitable[Any]]) -> Any:
        try:
            connection = await self._pool.take()
        except _AWAY as error:
            raise _away(error) from error
        try:
            answer = await use(connection)
        except exceptions.PostgresError as error:
            # A connection that was cut off knows of no transaction any more, and must not be asked.
            if isinstance(error, _LOST) or connection.is_closed() or connection.is_in_transaction():
                self._pool.drop(connection)
            else:
                self._pool.give_back(connection)
            if isinstance(error, _LOST):
                raise _ConnectionLost(f"{error}.") from error
            raise _translated(error) from error
        except ValueError:
            self._pool.give_back(connection)  # a value was refused before anything was sent
            raise
        except _AWAY as error:
            self._pool.drop(connection)
            raise _ConnectionLost(str(error)) from error
        except ShopError:
            self._pool.give_back(connection)
            raise
        except BaseException:
            # Cancelled, or worse, while the protocol was in the middle of something.
            self._pool.call_off(connection)
            raise
        self._pool.give_back(connection)
        return answer

    async def _connect(self) -> Connection:
        connection: Connection = await asyncpg.connect(
            self.url,
            timeout=CONNECT_TIMEOUT_SECONDS,
            statement_cache_size=1000,
            max_cached_statement_lifetime=0,
            max_cacheable_statement_size=0,
            server_settings=SERVER_SETTINGS,
        )
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT_SECONDS):
                await _speak_json(connection)
        except BaseException:
            connection.terminate()
            raise
        return connection


async def _speak_json(connection: Connection) -> None:
    for name in ("json", "jsonb"):
        await connection.set_type_codec(
            name, schema="pg_catalog", encoder=_encode, decoder=msgspec.json.decode, format="text"
        )


class _ConnectionLost(Unavailable):
    """The connection broke off."""

    title = "The database does not answer"


async def _one_by_one(connection: Connection, parts: Sequence[Part]) -> None:
    """More than fits one statement: the same parts in the same order, between BEGIN and COMMIT."""
    async with connection.transaction():
        for part in parts:
            status = await connection.execute(part.text, *part.arguments)
            if part.expect is not None and int(status.rsplit(" ", 1)[1]) != part.expect:
                raise StaleAggregate


def _encode(value: Any) -> str:
    return value if isinstance(value, EncodedJson) else _to_json(value).decode()


def _translated(error: exceptions.PostgresError) -> Exception:
    if isinstance(error, exceptions.UniqueViolationError):
        return not_unique(error.constraint_name or "")
    if isinstance(error, (exceptions.DivisionByZeroError, *_COLLISIONS)):
        return StaleAggregate()
    if isinstance(error, exceptions.CheckViolationError) and error.table_name == "stock_levels":
        return StaleAggregate()
    return _away(error) if isinstance(error, _AWAY) else error


def _away(error: BaseException) -> Exception:
    if isinstance(error, ShopError):
        return error
    return Unavailable(f"The database does not answer: {str(error) or type(error).__name__}.")
