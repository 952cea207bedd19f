"""The shop's own settings in a table with one row."""

from functools import cache

from sqlalchemy import BigInteger, bindparam, cast, func, select, update

from shop.adapters.sql.database import Database, Write
from shop.adapters.sql.documents import from_settings, to_settings
from shop.adapters.sql.gathering import Gathered, Rank
from shop.adapters.sql.schema import products, store_settings
from shop.adapters.sql.statements import Statement, insert_into, json_text
from shop.application.ports.paging import PRICELESS
from shop.application.ports.repositories import StoreSettings
from shop.domain.pricing.taxes import TaxTable
from shop.domain.store import Store

_ONLY = 1
_GET = Statement(select(store_settings.c.document, store_settings.c.version).where(store_settings.c.id == _ONLY))
DEFAULTS = StoreSettings(store=Store(), taxes=TaxTable(), shipping_methods=())
_FIRST = insert_into(store_settings)
_NEXT = Statement(
    update(store_settings)
    .values(document=bindparam("document"), version=store_settings.c.version + 1)
    .where(store_settings.c.id == _ONLY, store_settings.c.version == bindparam("read_version"))
)


@cache
def _price_from(currency: str) -> Statement:
    """Products sort by their lowest price in the shop's first currency, which may be another one from now on."""
    lowest = func.coalesce(cast(json_text(products.c.price_ranges, currency, 0), BigInteger), PRICELESS)
    return Statement(update(products).values(price_from_minor=lowest).where(products.c.price_from_minor != lowest))


async def stored_settings(database: Database) -> StoreSettings:
    """The settings as stored; the defaults, at version 0, before any were."""
    row = await database.fetch_one(_GET)
    if row is None:
        return DEFAULTS
    return to_settings(row["document"], row["version"])


class SqlStoreRepository:
    """The shop's settings."""

    def __init__(self, gathered: Gathered) -> None:
        self._gathered = gathered
        self._read = DEFAULTS

    async def get(self) -> StoreSettings:
        self._read = await stored_settings(self._gathered.database)
        return self._read

    def save(self, settings: StoreSettings) -> None:
        self._gathered.witness.configures(self._read, settings)
        self._gathered.afterwards(self._gathered.forget_settings)
        self._gathered.add(Write(_price_from(settings.store.currency), [{}], Rank.PRODUCT))
        document = from_settings(settings)
        if settings.version == 0:
            row = {"id": _ONLY, "document": document, "version": 1}
            self._gathered.add(Write(_FIRST, [row], Rank.SETTINGS))
        else:
            changed = {"document": document, "read_version": settings.version}
            self._gathered.add(Write(_NEXT, [changed], Rank.SETTINGS, expect=1))
