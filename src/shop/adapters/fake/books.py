"""The fake provider's own books: what it remembers whatever becomes of the shop.

In memory for tests; in a small SQLite file when several server processes share the provider, and so that it
forgets nothing when the shop is killed.
"""

import random
import sqlite3
import time
from bisect import bisect_left, bisect_right, insort
from collections import deque
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from itertools import islice
from pathlib import Path
from typing import Any, Protocol

from attrs import frozen

from shop.adapters.fake import balance
from shop.adapters.fake.booked import BookedIntent, from_text, to_text
from shop.application.ports.payments import PaymentProviderUnavailable

EVENTS_KEPT = 10_000
"""Messages that nobody fetched, beyond this number, are forgotten, oldest first."""
_BUSY_SECONDS = 0.5
_OPENING_TRIES = 10
# Turning WAL on does not wait for its turn as other statements do: two first comers may collide there.
_SET_UP = (
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = OFF",
    "CREATE TABLE IF NOT EXISTS intents (ref TEXT PRIMARY KEY, record TEXT NOT NULL) WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS answers (key TEXT PRIMARY KEY, asked TEXT, record TEXT) WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS events (seq INTEGER PRIMARY KEY, type TEXT, record TEXT, at INTEGER)",
    "CREATE TABLE IF NOT EXISTS told (seq INTEGER PRIMARY KEY, type TEXT, record TEXT, at INTEGER)",
    "CREATE TABLE IF NOT EXISTS calendar (ref TEXT PRIMARY KEY, created INTEGER NOT NULL) WITHOUT ROWID",
    "CREATE INDEX IF NOT EXISTS ix_calendar ON calendar (created, ref)",
    *balance.SET_UP,
)


@frozen
class Answer:
    """What was answered to an idempotency key, and what had been asked."""

    asked: str
    intent: BookedIntent


@frozen
class Announcement:
    """Something that happened to an intent, to be told to the shop. `at` is in seconds since 1970."""

    type: str
    intent: BookedIntent
    at: int


class Books(Protocol):
    """The provider's memory. Whatever happens inside `writing()` is one step: nobody sees half of it."""

    balance: balance.Balance
    """What it holds for the shop; to be read and written inside `writing()`."""

    def writing(self) -> AbstractContextManager[None]:
        """Nobody else writes until it ends; when it ends in an error, nothing of it is kept."""

    def intent(self, ref: str) -> BookedIntent | None:
        """The intent as it stands."""

    def answer(self, key: str) -> Answer | None:
        """What this idempotency key was answered before."""

    def keep(self, intent: BookedIntent, *, event: str, at: int, key: str = "", asked: str = "") -> None:
        """Keeps the intent's new state and announces it, unless there is no event: then nothing changed.

        Under the key, if there is one, this state stays the answer to what was asked.
        """

    def take_events(self, limit: int = 1000) -> list[Announcement]:
        """The announcements that nobody took so far, oldest first; they are taken by this."""

    def made(self, since: int, until: int, after: tuple[int, str], limit: int) -> list[tuple[int, BookedIntent]]:
        """Intents by the second in which they were made, the oldest first; those behind this second and name."""

    def told(self, since: int, until: int, after: int, limit: int) -> list[tuple[int, Announcement]]:
        """Announcements that were taken, by number, the oldest first; those behind this number."""

    def close(self) -> None:
        """Lets go of the file, if there is one."""


class MemoryBooks:
    """Books of one process, gone when it ends."""

    def __init__(self) -> None:
        self._intents: dict[str, BookedIntent] = {}
        self._answers: dict[str, Answer] = {}
        self._events: deque[Announcement] = deque(maxlen=EVENTS_KEPT)
        self._told: deque[tuple[int, Announcement]] = deque(maxlen=EVENTS_KEPT)
        self._calendar: list[tuple[int, str]] = []
        self.balance: balance.Balance = balance.MemoryBalance()
        self._alone = nullcontext()

    def writing(self) -> AbstractContextManager[None]:
        return self._alone

    def intent(self, ref: str) -> BookedIntent | None:
        return self._intents.get(ref)

    def answer(self, key: str) -> Answer | None:
        return self._answers.get(key)

    def keep(self, intent: BookedIntent, *, event: str, at: int, key: str = "", asked: str = "") -> None:
        if event:
            if intent.ref not in self._intents:
                insort(self._calendar, (at, intent.ref))
            self._intents[intent.ref] = intent
            self._events.append(Announcement(event, intent, at))
            self.balance.note(intent, at)
        if key:
            self._answers[key] = Answer(asked, intent)

    def take_events(self, limit: int = 1000) -> list[Announcement]:
        taken = [self._events.popleft() for _ in range(min(limit, len(self._events)))]
        number = self._told[-1][0] if self._told else 0
        self._told.extend(enumerate(taken, number + 1))
        return taken

    def made(self, since: int, until: int, after: tuple[int, str], limit: int) -> list[tuple[int, BookedIntent]]:
        begin = max(bisect_left(self._calendar, (since, "")), bisect_right(self._calendar, after))
        found = islice(self._calendar, begin, begin + limit)
        return [(at, self._intents[ref]) for at, ref in found if at < until]

    def told(self, since: int, until: int, after: int, limit: int) -> list[tuple[int, Announcement]]:
        found = ((seq, told) for seq, told in self._told if seq > after and since <= told.at < until)
        return list(islice(found, limit))

    def close(self) -> None:
        """Nothing to let go of."""


class SqliteBooks:
    """Books in a file that the processes of one machine share.

    They survive the death of any process, though not a power cut: the file is never waited for. Raises
    PaymentProviderUnavailable when another process keeps it busy for half a second.
    """

    def __init__(self, path: str | Path) -> None:
        self._path = str(path)
        self._connection: sqlite3.Connection | None = None
        self.balance: balance.Balance = balance.SqliteBalance(self._opened)

    @contextmanager
    def writing(self) -> Iterator[None]:
        books = self._opened()
        try:
            books.execute("BEGIN IMMEDIATE")
            try:
                yield
                books.execute("COMMIT")
            finally:
                if books.in_transaction:
                    books.execute("ROLLBACK")
        except sqlite3.OperationalError as error:
            raise _busy() from error

    def intent(self, ref: str) -> BookedIntent | None:
        row = self._row("SELECT record FROM intents WHERE ref = ?", ref)
        return from_text(row[0]) if row else None

    def answer(self, key: str) -> Answer | None:
        row = self._row("SELECT asked, record FROM answers WHERE key = ?", key)
        return Answer(row[0], from_text(row[1])) if row else None

    def keep(self, intent: BookedIntent, *, event: str, at: int, key: str = "", asked: str = "") -> None:
        record, books = to_text(intent), self._opened()
        if event:
            books.execute("INSERT OR REPLACE INTO intents VALUES (?, ?)", (intent.ref, record))
            if intent.events == 1:  # it is new
                books.execute("INSERT OR IGNORE INTO calendar VALUES (?, ?)", (intent.ref, at))
            seq = books.execute("INSERT INTO events VALUES (NULL, ?, ?, ?)", (event, record, at)).lastrowid or 0
            self.balance.note(intent, at)
            if seq % 1000 == 0:
                books.execute("DELETE FROM events WHERE seq <= ?", (seq - EVENTS_KEPT,))
        if key:
            books.execute("INSERT INTO answers VALUES (?, ?, ?)", (key, asked, record))

    def take_events(self, limit: int = 1000) -> list[Announcement]:
        with self.writing():
            books = self._opened()
            rows = books.execute("SELECT seq, type, record, at FROM events ORDER BY seq LIMIT ?", (limit,)).fetchall()
            if rows:
                last = rows[-1][0]
                # Numbers of their own: those of events begin anew when none is left.
                books.execute(
                    "INSERT INTO told (type, record, at) "
                    "SELECT type, record, at FROM events WHERE seq <= ? ORDER BY seq",
                    (last,),
                )
                books.execute("DELETE FROM told WHERE seq <= (SELECT MAX(seq) FROM told) - ?", (EVENTS_KEPT,))
                books.execute("DELETE FROM events WHERE seq <= ?", (last,))
        return [Announcement(type, from_text(record), at) for _, type, record, at in rows]

    def made(self, since: int, until: int, after: tuple[int, str], limit: int) -> list[tuple[int, BookedIntent]]:
        rows = self._rows(
            "SELECT c.created, i.record FROM calendar c JOIN intents i ON i.ref = c.ref"
            " WHERE c.created >= ? AND c.created < ? AND (c.created, c.ref) > (?, ?) ORDER BY c.created, c.ref LIMIT ?",
            (since, until, *after, limit),
        )
        return [(created, from_text(record)) for created, record in rows]

    def told(self, since: int, until: int, after: int, limit: int) -> list[tuple[int, Announcement]]:
        rows = self._rows(
            "SELECT seq, type, record, at FROM told WHERE at >= ? AND at < ? AND seq > ? ORDER BY seq LIMIT ?",
            (since, until, after, limit),
        )
        return [(seq, Announcement(type, from_text(record), at)) for seq, type, record, at in rows]

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _row(self, statement: str, key: str) -> tuple[str, ...] | None:
        try:
            row: tuple[str, ...] | None = self._opened().execute(statement, (key,)).fetchone()
        except sqlite3.OperationalError as error:
            raise _busy() from error
        return row

    def _rows(self, statement: str, values: tuple[int | str, ...]) -> list[tuple[Any, ...]]:
        try:
            return self._opened().execute(statement, values).fetchall()
        except sqlite3.OperationalError as error:
            raise _busy() from error

    def _opened(self) -> sqlite3.Connection:
        # On first use, not on construction: server processes may be forked in between.
        if self._connection is None:
            self._connection = _open(self._path)
        return self._connection


def _busy() -> PaymentProviderUnavailable:
    return PaymentProviderUnavailable("The fake provider's books are busy.")


def _open(path: str) -> sqlite3.Connection:
    """A connection to books that are set up, by whichever process comes first."""
    tries = 1
    while True:
        try:
            return _set_up(path)
        except sqlite3.OperationalError as error:
            if tries == _OPENING_TRIES:
                raise _busy() from error
        tries += 1
        time.sleep(random.uniform(0.005, 0.05))  # noqa: S311 - spreads processes out, hides nothing


def _set_up(path: str) -> sqlite3.Connection:
    books = sqlite3.connect(path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    try:
        for statement in _SET_UP:
            books.execute(statement)
    except sqlite3.OperationalError:
        books.close()
        raise
    return books
