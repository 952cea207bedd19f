"""Questions about carts, answered from tables."""

from datetime import datetime

from sqlalchemy import BigInteger, bindparam, select

from shop.adapters.sql.carts import cart_with_offers
from shop.adapters.sql.database import Database
from shop.adapters.sql.schema import carts
from shop.adapters.sql.schema.columns import UtcDateTime
from shop.adapters.sql.statements import Statement
from shop.application.ports.repositories import CartWithOffers
from shop.domain.carts import CartStatus
from shop.domain.kernel.identifiers import CartId

_OVERDUE = Statement(
    select(carts.c.id)
    .where(carts.c.status == CartStatus.OPEN.value, carts.c.expires_at <= bindparam("now", type_=UtcDateTime()))
    .order_by(carts.c.expires_at, carts.c.id)
    .limit(bindparam("most", type_=BigInteger()))
)


class SqlCartReader:
    """Answers about carts."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def with_offers(self, cart_id: CartId) -> CartWithOffers:
        return await cart_with_offers(self._database, cart_id)

    async def overdue(self, now: datetime, limit: int) -> list[CartId]:
        return [CartId(row[0]) for row in await self._database.fetch(_OVERDUE, now=now, most=limit)]
