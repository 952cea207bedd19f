"""The database's schema, by settings: bringing it up to date, taking it back, and saying how it stands."""

from importlib import import_module
from types import ModuleType

from attrs import frozen

from shop.domain.kernel.errors import Invalid, Unavailable
from shop.entrypoints.settings import Settings

WITH_MIGRATIONS = frozenset({"sqlite", "postgresql"})


class SchemaBehind(Unavailable):
    """The database's schema is not the one that this version of the shop needs."""

    code = "schema_outdated"
    title = "The database needs a migration"
    default_hint = "Bring it up to date with: shop db upgrade"


class NoMigrations(Invalid):
    """The storage keeps its own schema, or has none."""

    code = "no_migrations"
    title = "This storage has no migrations"


@frozen
class SchemaStatus:
    """Where the schema stands and where it has to be; `current` is empty for a database without tables."""

    current: str
    needed: str

    @property
    def up_to_date(self) -> bool:
        return self.current == self.needed


async def upgrade(settings: Settings, revision: str = "head") -> None:
    """Brings the schema up to date; nothing happens where it is. Raises NoMigrations, Unavailable."""
    await _migrations(settings).upgrade(settings.database_url, revision)


async def downgrade(settings: Settings, revision: str) -> None:
    """Takes the schema back to a revision, `base` for nothing at all. Raises NoMigrations, Unavailable."""
    await _migrations(settings).downgrade(settings.database_url, revision)


async def status(settings: Settings) -> SchemaStatus | None:
    """How the schema stands; None for a storage without migrations. Raises Unavailable."""
    if settings.storage not in WITH_MIGRATIONS:
        return None
    found = await _migrations(settings).status(settings.database_url)
    return SchemaStatus(found.current or "", found.needed)


def _migrations(settings: Settings) -> ModuleType:
    if settings.storage not in WITH_MIGRATIONS:
        raise NoMigrations(f"“{settings.storage}:” keeps nothing that could be migrated.")
    # Only now: most commands have no business with migrations, and their library is slow to load.
    return import_module("shop.adapters.sql.migrating")
