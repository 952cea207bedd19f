"""How far the shop's clock is ahead, in memory."""

from datetime import timedelta

from shop.adapters.memory.tables import Tables


class MemoryClockOffsets:
    """One number of one process."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def read(self) -> timedelta:
        return self._tables.clock_offset

    async def write(self, offset: timedelta) -> None:
        self._tables.clock_offset = offset
