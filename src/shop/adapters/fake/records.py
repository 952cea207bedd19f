"""What parts of the fake provider remember besides its intents: records by name, and what there is to tell of them."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Generic, Protocol, TypeVar

from shop.application.ports.payments import PaymentProviderUnavailable

_BUSY_SECONDS = 0.5
_SET_UP = (
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = OFF",
    "CREATE TABLE IF NOT EXISTS {table} (ref TEXT PRIMARY KEY, record TEXT NOT NULL) WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS news (seq INTEGER PRIMARY KEY, ref TEXT NOT NULL, type TEXT NOT NULL)",
)


class Named(Protocol):
    """Something that has a name at the provider."""

    ref: str


R = TypeVar("R", bound=Named)


class Records(Protocol[R]):
    """Records by name. Whatever happens inside `writing()` is one step."""

    def writing(self) -> AbstractContextManager[None]:
        """Nobody else writes until it ends."""

    def get(self, ref: str) -> R | None:
        """The thing as it stands."""

    def put(self, thing: R, news: str = "", about: str = "") -> None:
        """Keeps its new state; `news` is what there is to tell, of it or of a part that `about` names."""

    def take_news(self, limit: int = 1000) -> list[tuple[int, str, str]]:
        """Number, thing and type of what nobody took so far, oldest first; taken by this. No number comes twice."""

    def close(self) -> None:
        """Lets go of the file, if there is one."""


class MemoryRecords(Generic[R]):
    """Records of one process, gone when it ends."""

    def __init__(self, to_text: Callable[[R], str], from_text: Callable[[str], R]) -> None:
        self._to_text, self._from_text = to_text, from_text
        self._records: dict[str, str] = {}
        self._news: list[tuple[int, str, str]] = []
        self._told = 0

    def writing(self) -> AbstractContextManager[None]:
        return nullcontext()

    def get(self, ref: str) -> R | None:
        record = self._records.get(ref)
        return self._from_text(record) if record is not None else None

    def put(self, thing: R, news: str = "", about: str = "") -> None:
        self._records[thing.ref] = self._to_text(thing)
        if news:
            self._told += 1
            self._news.append((self._told, about or thing.ref, news))

    def take_news(self, limit: int = 1000) -> list[tuple[int, str, str]]:
        taken, self._news = self._news[:limit], self._news[limit:]
        return taken

    def close(self) -> None:
        """Nothing to let go of."""


class SqliteRecords(Generic[R]):
    """Records in a file that the processes of one machine share. Raises PaymentProviderUnavailable when it is busy."""

    def __init__(self, path: str, table: str, to_text: Callable[[R], str], from_text: Callable[[str], R]) -> None:
        self._path, self._table = path, table
        self._to_text, self._from_text = to_text, from_text
        self._connection: sqlite3.Connection | None = None

    @contextmanager
    def writing(self) -> Iterator[None]:
        try:
            books = self._opened()
            books.execute("BEGIN IMMEDIATE")
            try:
                yield
                books.execute("COMMIT")
            finally:
                if books.in_transaction:
                    books.execute("ROLLBACK")
        except sqlite3.OperationalError as error:
            raise _busy() from error

    def get(self, ref: str) -> R | None:
        asked = f"SELECT record FROM {self._table} WHERE ref = ?"  # noqa: S608 - a name of our own
        try:
            row = self._opened().execute(asked, (ref,)).fetchone()
        except sqlite3.OperationalError as error:
            raise _busy() from error
        return self._from_text(row[0]) if row else None

    def put(self, thing: R, news: str = "", about: str = "") -> None:
        books = self._opened()
        kept = f"INSERT OR REPLACE INTO {self._table} VALUES (?, ?)"  # noqa: S608 - a name of our own
        books.execute(kept, (thing.ref, self._to_text(thing)))
        if news:
            books.execute("INSERT INTO news VALUES (NULL, ?, ?)", (about or thing.ref, news))

    def take_news(self, limit: int = 1000) -> list[tuple[int, str, str]]:
        with self.writing():
            books = self._opened()
            asked = "SELECT seq, ref, type FROM news WHERE type != '' ORDER BY seq LIMIT ?"
            rows = books.execute(asked, (limit,)).fetchall()
            # The last one stays behind, said to be taken: in an empty table SQLite would begin at 1 again, and whoever
            # is told a number twice takes the second for a repetition of the first.
            last = (rows[-1][0] if rows else 0,)
            books.execute("DELETE FROM news WHERE seq < ?", last)
            books.execute("UPDATE news SET type = '' WHERE seq = ?", last)
        return [(seq, ref, type) for seq, ref, type in rows]

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _opened(self) -> sqlite3.Connection:
        # On first use, not on construction: server processes may be forked in between.
        if self._connection is None:
            books = sqlite3.connect(self._path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False)
            try:
                for statement in _SET_UP:
                    books.execute(statement.format(table=self._table))
            except sqlite3.OperationalError:
                books.close()
                raise
            self._connection = books
        return self._connection


def _busy() -> PaymentProviderUnavailable:
    return PaymentProviderUnavailable("The fake provider's books are busy.")
