"""The database, as the rest of this package sees it: questions in one round trip, and writes all or nothing."""

from collections.abc import Iterator, Sequence
from typing import Any, Protocol

from attrs import define

from shop.adapters.sql.statements import Statement


class Row(Protocol):
    """One row of an answer: by position or by name; it unpacks like a tuple."""

    def __getitem__(self, key: Any, /) -> Any: ...

    def __iter__(self) -> Iterator[Any]: ...

    def __len__(self) -> int: ...


@define
class Write:
    """A statement with the rows it is to be run for.

    `rank` is its place in the order in which the whole shop locks rows. `expect` is the number of rows that each
    run must touch; otherwise everything that is written with it is undone.
    """

    statement: Statement
    rows: Sequence[dict[str, Any]]
    rank: int
    expect: int | None = None


class Database(Protocol):
    """PostgreSQL or SQLite.

    Raises Unavailable when it cannot be reached, is too busy or full. Parameters are plain: UUIDs (not ids of the
    domain), aware times, JSON-ready values, text, numbers; rows hold the same.
    """

    @property
    def dialect(self) -> str:
        """`postgresql` or `sqlite`."""

    async def open(self) -> None:
        """Connects, in the loop that will use it."""

    async def close(self) -> None:
        """Lets go of connections."""

    async def fetch(self, statement: Statement, /, **values: Any) -> Sequence[Row]:
        """All rows of a question, as committed."""

    async def fetch_one(self, statement: Statement, /, **values: Any) -> Row | None:
        """The first row of a question, or None."""

    async def change(self, statement: Statement, /, **values: Any) -> Sequence[Row]:
        """Runs one statement that writes, in a transaction of its own; what it returns."""

    async def write(self, writes: Sequence[Write]) -> None:
        """Everything in one transaction, in order of rank, or nothing.

        Raises StaleAggregate when a guard failed or a row was locked for too long, and the named errors for what
        must be unique (see `refusals`).
        """
