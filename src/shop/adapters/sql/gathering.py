"""What a transaction gathers until it ends: writes by aggregate, in the one order in which rows are locked."""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from enum import IntEnum
from typing import Any
from uuid import UUID

from attrs import define, field, frozen
from sqlalchemy import Table, bindparam, update

from shop.adapters.sql.database import Database, Write
from shop.adapters.sql.statements import Statement, insert_into
from shop.application.auditing import Witness
from shop.domain.kernel.aggregates import Aggregate, Event


class Rank(IntEnum):
    """The order in which things are written, the same for every transaction: the stock comes last.

    Within a rank: the aggregate itself, then what goes from it, what comes to it, and what belongs to those.
    """

    ANSWER = 0
    CART = 10
    ORDER = 20
    PAYMENT = 30
    SETTINGS = 40
    CATEGORY = 50
    PRODUCT = 60
    LEDGER = 70
    INBOX = 80
    EVENTS = 90
    AUDIT = 95
    STOCK = 100


REMOVED, ADDED, BELOW = 1, 2, 3

Values = dict[str, Any]


@frozen
class Root:
    """The two statements that save an aggregate's own row: a new one, or one that is still as it was read."""

    insert: Statement
    update: Statement

    @classmethod
    def of(cls, table: Table, *, fixed: Iterable[str] = (), computed: Mapping[str, Any] | None = None) -> "Root":
        """For a table with `id` and `version`; `fixed` columns are never updated."""
        kept = {"id", *fixed}
        changing = [column.name for column in table.columns if column.name not in kept]
        changed: dict[str, Any] = {name: bindparam(name) for name in changing}
        element = (
            update(table)
            .values(changed)
            .where(table.c.id == bindparam("this_id"), table.c.version == bindparam("read_version"))
        )
        return cls(insert_into(table, computed=computed), Statement(element))

    def write(self, rank: int, row: Values, read_version: int) -> Write:
        """`row` holds the columns as they are to be, but for the version."""
        if read_version == 0:
            return Write(self.insert, [{**row, "version": 1}], rank)
        guarded = {**row, "version": read_version + 1, "this_id": row["id"], "read_version": read_version}
        return Write(self.update, [guarded], rank, expect=1)


@define(eq=False)
class Gathered:
    """Writes, events and the aggregates whose version is one higher once all is written."""

    database: Database
    forget_settings: Callable[[], None]
    events: list[Event] = field(factory=list)
    witness: Witness = field(factory=Witness)
    _writes: dict[tuple[int, UUID], list[Write]] = field(factory=dict)
    _aggregates: dict[tuple[int, UUID], Aggregate] = field(factory=dict)
    _more: list[Write] = field(factory=list)
    _first: list[Callable[[], Awaitable[None]]] = field(factory=list)
    _last: list[Callable[[], None]] = field(factory=list)
    _late: list[Callable[[], Iterable[Write]]] = field(factory=list)

    def save(self, rank: int, key: UUID, aggregate: Aggregate, writes: list[Write]) -> None:
        """Writes the aggregate as it is now; saved again, only the last state counts. Its events come along."""
        self.events += aggregate.take_events()
        self.witness.saves((rank, key), aggregate)
        self._writes[rank, key] = writes
        self._aggregates[rank, key] = aggregate

    def discard(self, rank: int, key: UUID) -> None:
        """What was to be saved under this key is not written after all."""
        self.witness.discards((rank, key))
        self._writes.pop((rank, key), None)
        self._aggregates.pop((rank, key), None)

    def add(self, *writes: Write) -> None:
        """Writes these too."""
        self._more += writes

    def at_the_end(self, writes: Callable[[], Iterable[Write]]) -> None:
        """Asks for more writes when everything else is known."""
        self._late.append(writes)

    def before_the_end(self, prepare: Callable[[], Awaitable[None]]) -> None:
        """Runs this when the block has ended, before anything is written."""
        self._first.append(prepare)

    def afterwards(self, tell: Callable[[], None]) -> None:
        """Calls this once everything is written."""
        self._last.append(tell)

    async def commit(self, told: Callable[[], Iterable[Write]]) -> None:
        """Writes everything or raises, and then nothing was written. `told` is what tells of all the rest."""
        for prepare in self._first:
            await prepare()
        writes = [write for key in sorted(self._writes) for write in self._writes[key]]
        writes += self._more
        for late in self._late:
            writes += late()
        writes += told()
        # Repositories are held here and hold us: together they would stay until the garbage collector looks.
        self._first.clear()
        self._late.clear()
        if writes:
            await self.database.write(_joined(writes))
        for aggregate in self._aggregates.values():
            aggregate.version += 1
            if aggregate.audited:
                aggregate.remember_stored()
        for tell in self._last:
            tell()


def _joined(writes: Sequence[Write]) -> list[Write]:
    """Rows that the same statement writes at the same rank, in one go."""
    joined: dict[tuple[int, int], Write] = {}
    for write in writes:
        key = (write.rank, id(write.statement))
        earlier = joined.get(key)
        joined[key] = write if earlier is None else _with_rows(earlier, write.rows)
    return list(joined.values())


def _with_rows(write: Write, rows: Sequence[Values]) -> Write:
    return Write(write.statement, [*write.rows, *rows], write.rank, write.expect)
