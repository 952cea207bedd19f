"""What the fake provider's billing remembers: subscriptions with their invoices, and what it has to tell."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, Protocol

from attrs import asdict, define, field

from shop.application.ports.payments import PaymentProviderUnavailable

_BUSY_SECONDS = 0.5
_SET_UP = (
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = OFF",
    "CREATE TABLE IF NOT EXISTS subscriptions (ref TEXT PRIMARY KEY, record TEXT NOT NULL) WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS news (seq INTEGER PRIMARY KEY, ref TEXT NOT NULL, type TEXT NOT NULL)",
)


@define(kw_only=True)
class BookedInvoice:
    """One period. `method` is the one of when it was made: asked again, its intent is the same. `intent` is the payment
    that it is paid by, once it was tried."""

    attempt: str
    minor: int
    method: str
    intent: str = ""
    void: bool = False


@define(kw_only=True)
class BookedSubscription:
    """A subscription as the provider has it; invoices by the beginning of their period."""

    ref: str
    method: str
    paused: bool = False
    ended: bool = False
    invoices: dict[str, BookedInvoice] = field(factory=dict)


class BillingBooks(Protocol):
    """The memory of the billing. Whatever happens inside `writing()` is one step."""

    def writing(self) -> AbstractContextManager[None]:
        """Nobody else writes until it ends."""

    def get(self, ref: str) -> BookedSubscription | None:
        """The subscription as it stands."""

    def put(self, subscription: BookedSubscription, news: str = "") -> None:
        """Keeps its new state; `news` is what there is to tell of it."""

    def take_news(self, limit: int = 1000) -> list[tuple[int, str, str]]:
        """Number, subscription and type of what nobody took so far, oldest first; taken by this."""

    def close(self) -> None:
        """Lets go of the file, if there is one."""


class MemoryBillingBooks:
    """Books of one process, gone when it ends."""

    def __init__(self) -> None:
        self._records: dict[str, str] = {}
        self._news: list[tuple[int, str, str]] = []
        self._told = 0

    def writing(self) -> AbstractContextManager[None]:
        return nullcontext()

    def get(self, ref: str) -> BookedSubscription | None:
        record = self._records.get(ref)
        return _from_text(record) if record is not None else None

    def put(self, subscription: BookedSubscription, news: str = "") -> None:
        self._records[subscription.ref] = _to_text(subscription)
        if news:
            self._told += 1
            self._news.append((self._told, subscription.ref, news))

    def take_news(self, limit: int = 1000) -> list[tuple[int, str, str]]:
        taken, self._news = self._news[:limit], self._news[limit:]
        return taken

    def close(self) -> None:
        """Nothing to let go of."""


class SqliteBillingBooks:
    """Books in a file that the processes of one machine share. Raises PaymentProviderUnavailable when it is busy."""

    def __init__(self, path: str) -> None:
        self._path = path
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
            raise PaymentProviderUnavailable("The fake provider's billing is busy.") from error

    def get(self, ref: str) -> BookedSubscription | None:
        try:
            row = self._opened().execute("SELECT record FROM subscriptions WHERE ref = ?", (ref,)).fetchone()
        except sqlite3.OperationalError as error:
            raise PaymentProviderUnavailable("The fake provider's billing is busy.") from error
        return _from_text(row[0]) if row else None

    def put(self, subscription: BookedSubscription, news: str = "") -> None:
        books = self._opened()
        books.execute("INSERT OR REPLACE INTO subscriptions VALUES (?, ?)", (subscription.ref, _to_text(subscription)))
        if news:
            books.execute("INSERT INTO news VALUES (NULL, ?, ?)", (subscription.ref, news))

    def take_news(self, limit: int = 1000) -> list[tuple[int, str, str]]:
        with self.writing():
            books = self._opened()
            rows = books.execute("SELECT seq, ref, type FROM news ORDER BY seq LIMIT ?", (limit,)).fetchall()
            books.execute("DELETE FROM news WHERE seq <= ?", (rows[-1][0] if rows else 0,))
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
                    books.execute(statement)
            except sqlite3.OperationalError:
                books.close()
                raise
            self._connection = books
        return self._connection


def _to_text(subscription: BookedSubscription) -> str:
    return json.dumps(asdict(subscription))


def _from_text(text: str) -> BookedSubscription:
    record: dict[str, Any] = json.loads(text)
    invoices = {start: BookedInvoice(**invoice) for start, invoice in record.pop("invoices").items()}
    return BookedSubscription(invoices=invoices, **record)
