"""What the shop says to its database: every statement with its arguments, and how many round trips that makes."""

from collections.abc import Sequence
from typing import Any

from attrs import define, field, frozen

from shop.adapters.sql.database import Database, Row, Write
from shop.adapters.sql.merging import PARTS_MAX, merged, parts_of
from shop.adapters.sql.statements import POSTGRES, Statement


@frozen
class Sent:
    """One statement as it went to PostgreSQL. `parts` are the statements that a whole transaction was merged from."""

    text: str
    arguments: list[Any]
    parts: tuple[tuple[str, list[Any]], ...] = ()


@define(eq=False)
class Recording:
    """A database that notes what passes through it."""

    inner: Database
    sent: list[Sent] = field(factory=list)
    round_trips: int = 0

    @property
    def dialect(self) -> str:
        return self.inner.dialect

    def forget(self) -> None:
        self.sent.clear()
        self.round_trips = 0

    async def open(self) -> None:
        await self.inner.open()

    async def close(self) -> None:
        await self.inner.close()

    async def fetch(self, statement: Statement, /, **values: Any) -> Sequence[Row]:
        self._note(statement, values)
        return await self.inner.fetch(statement, **values)

    async def fetch_one(self, statement: Statement, /, **values: Any) -> Row | None:
        self._note(statement, values)
        return await self.inner.fetch_one(statement, **values)

    async def change(self, statement: Statement, /, **values: Any) -> Sequence[Row]:
        self._note(statement, values)
        return await self.inner.change(statement, **values)

    async def write(self, writes: Sequence[Write]) -> None:
        parts = parts_of(writes)
        if parts and self.dialect == POSTGRES:
            each = tuple((part.text, list(part.arguments)) for part in parts)
            # More than fits one statement goes one by one, between BEGIN and COMMIT.
            self.round_trips += 1 if len(parts) <= PARTS_MAX else len(parts) + 2
            self.sent.append(Sent(merged(parts), [argument for _, given in each for argument in given], each))
        elif parts:
            self.round_trips += 1
        await self.inner.write(writes)

    def _note(self, statement: Statement, values: dict[str, Any]) -> None:
        self.round_trips += 1
        compiled = statement.compiled(self.dialect)
        self.sent.append(Sent(compiled.text, compiled.arguments(values)))
