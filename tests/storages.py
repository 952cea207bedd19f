"""Where small shops keep everything: in memory, or in databases where SHOP_TEST_STORAGE says `sqlite` or `postgresql`.

`make prove` runs the tests of the application and of HTTP on both databases once more
(tests/journeys/test_every_storage.py).
"""

import itertools
import os
import shutil
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path

import pytest
from attrs import evolve, frozen

from shop.adapters.memory.storage import MemoryStorage, open_memory_storage
from shop.adapters.memory.tables import Tables
from shop.adapters.sql.storage import open_sql_storage
from shop.application.ports.options import Options
from shop.application.ports.storage import Storage
from tests.servers import Databases

KIND = os.environ.get("SHOP_TEST_STORAGE", "memory")
assert KIND in ("memory", "sqlite", "postgresql"), f"SHOP_TEST_STORAGE is {KIND}"


@frozen
class Place:
    """Makes databases with all tables and nothing in them, and takes them away."""

    new: Callable[[], str]
    remove: Callable[[str], object]


SHOPS_AT_ONCE = 20
"""A test that goes through more of them is done with the first: a server has only so many connections."""
_place: list[Place] = []
_made: list[tuple[Storage, str]] = []
"""The databases of the test that runs; `_shared` those that were there before it."""
_shared: list[str] = []


def open_storage(options: Options) -> Storage:
    """Storage that nobody has used, still to be opened."""
    if KIND == "memory":
        return open_memory_storage(options)
    url = _place[0].new()
    environment = {"SHOP_DATABASE_URL": url, "SHOP_DATABASE_CONNECTIONS": "4"}
    storage = open_sql_storage(evolve(options, environment=environment))
    _made.append((storage, url))
    if len(_made) > SHOPS_AT_ONCE:
        _place[0].remove(_made.pop(0)[1])
    return storage


def tables_of(storage: Storage) -> Tables:
    """What is in memory. A test that looks there is left out where a database keeps it."""
    if not isinstance(storage, MemoryStorage):
        pytest.skip("looks into the memory's tables, and a database keeps them")
    return storage.uow._tables  # type: ignore[attr-defined, no-any-return]


@contextmanager
def sqlite_files(template: Path, folder: Path) -> Iterator[None]:
    """Within it, every shop has a copy of this file."""
    numbers = itertools.count()
    with _at(Place(lambda: _copied(template, folder / f"{next(numbers)}.db"), _removed)):
        yield


@contextmanager
def postgres_databases(server: Databases, template: str) -> Iterator[None]:
    """Within it, every shop has a copy of this database."""
    with _at(Place(lambda: server.create(template), server.drop)):
        yield


@asynccontextmanager
async def taken_away() -> AsyncIterator[None]:
    """What is opened within it is gone afterwards. What was there before stays: several tests may share it."""
    _shared.extend(url for _, url in _made)
    _made.clear()
    yield
    for storage, url in _made:
        with suppress(RuntimeError):  # the loop that used it may be gone: then its connections are cut off
            await storage.close()
        _place[0].remove(url)
    _made.clear()


@contextmanager
def _at(place: Place) -> Iterator[None]:
    _place.append(place)
    try:
        yield
    finally:
        for url in _shared:
            place.remove(url)
        _place.clear()


def _copied(template: Path, path: Path) -> str:
    shutil.copy(template, path)
    return f"sqlite:///{path}"


def _removed(url: str) -> None:
    path = url.removeprefix("sqlite:///")
    for file in (path, f"{path}-wal", f"{path}-shm"):
        Path(file).unlink(missing_ok=True)
