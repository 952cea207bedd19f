"""The shop's settings: read on nearly every request, so each process remembers them for a moment."""

import asyncio
from datetime import datetime, timedelta

from shop.adapters.sql.database import Database
from shop.adapters.sql.store import stored_settings
from shop.application.ports.clock import Clock
from shop.application.ports.repositories import StoreSettings

REMEMBERED_FOR = timedelta(seconds=2)


class SqlStoreReader:
    """Answers about the shop itself. However many ask at once, one of them asks the database."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._known: tuple[datetime, StoreSettings] | None = None
        self._asking: asyncio.Lock = asyncio.Lock()

    async def settings(self) -> StoreSettings:
        known = self._remembered()
        if known is not None:
            return known
        async with self._asking:
            known = self._remembered()
            if known is not None:
                return known
            asked_at = self._clock.now()
            settings = await stored_settings(self._database)
            self._known = asked_at, settings
            return settings

    def forget(self) -> None:
        """The settings were changed here: the next question is asked anew."""
        self._known = None

    def _remembered(self) -> StoreSettings | None:
        """A clock that was set back proves nothing about how old an answer is."""
        if self._known is None:
            return None
        asked_at, settings = self._known
        return settings if timedelta(0) <= self._clock.now() - asked_at < REMEMBERED_FOR else None
