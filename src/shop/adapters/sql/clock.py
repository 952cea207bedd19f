"""How far the shop's clock is ahead, in a table with one row."""

from datetime import timedelta

from sqlalchemy import select

from shop.adapters.sql.database import Database
from shop.adapters.sql.schema import shop_clock
from shop.adapters.sql.statements import Statement, insert_into

_ONLY = 1
_READ = Statement(select(shop_clock.c.offset_microseconds).where(shop_clock.c.id == _ONLY))
_WRITE = insert_into(shop_clock, replace=["id"])
_MICROSECOND = timedelta(microseconds=1)


class SqlClockOffsets:
    """The offset of all processes on this database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def read(self) -> timedelta:
        row = await self._database.fetch_one(_READ)
        return timedelta(microseconds=row[0]) if row is not None else timedelta(0)

    async def write(self, offset: timedelta) -> None:
        await self._database.change(_WRITE, id=_ONLY, offset_microseconds=offset // _MICROSECOND)
