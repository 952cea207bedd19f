"""When the catalogue changes, remembered answers about it are forgotten."""

from shop.application.messages import Context
from shop.application.ports.cache import Cache
from shop.domain.kernel.aggregates import Event

CATALOG_TAG = "catalog"
"""Carried by every remembered answer about products or categories."""


async def forget_answers(event: Event, context: Context, *, cache: Cache) -> None:
    """Drops all answers about the catalogue: a product stands in lists, searches and categories at once."""
    await cache.drop(CATALOG_TAG)
