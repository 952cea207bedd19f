"""Database URLs and what is behind them: `sqlite:///shop.db` (relative), `sqlite:////var/lib/shop.db`, `postgresql://user@host/name`."""

from pathlib import Path

from shop.adapters.sql.database import Database
from shop.adapters.sql.sqlite import Sqlite
from shop.domain.kernel.errors import Invalid

_SQLITE, _POSTGRES = "sqlite:///", ("postgresql://", "postgres://")


class DatabaseUrlMalformed(Invalid):
    """The shop has no driver for such a URL."""

    code = "database_url_malformed"
    title = "Not a database URL"
    default_hint = "Such as sqlite:///shop.db or postgresql://shop@127.0.0.1/shop"


def is_sqlite(url: str) -> bool:
    """Whether it names a SQLite file, else a PostgreSQL. Raises DatabaseUrlMalformed."""
    if url.startswith(_SQLITE) and len(url) > len(_SQLITE):
        return True
    if url.startswith(_POSTGRES):
        return False
    raise DatabaseUrlMalformed("The URL starts with neither sqlite:/// nor postgresql://.")


def sqlite_path(url: str) -> Path:
    return Path(url.removeprefix(_SQLITE))


def open_database(url: str, *, pool_size: int = 10) -> Database:
    """The database behind `sqlite:///file` or `postgresql://…`, not yet connected. Raises DatabaseUrlMalformed."""
    if is_sqlite(url):
        return Sqlite(sqlite_path(url))
    # Fetched only here: a shop on SQLite does without PostgreSQL's driver.
    from shop.adapters.sql.postgres import Postgres

    return Postgres(url, pool_size=pool_size)
