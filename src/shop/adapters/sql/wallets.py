"""Wallets in tables."""

from sqlalchemy import bindparam, delete, select

from shop.adapters.sql.database import Row, Write
from shop.adapters.sql.gathering import REMOVED, Gathered, Rank, Root
from shop.adapters.sql.schema import wallets
from shop.adapters.sql.statements import Statement
from shop.domain.kernel.identifiers import UserId, WalletId
from shop.domain.payments import Wallet

_ROOT = Root.of(wallets, fixed=["user_id", "provider", "created_at"])
_OF_USER = Statement(select(wallets).where(wallets.c.user_id == bindparam("of_user")).order_by(wallets.c.provider))
_FIND = Statement(
    select(wallets).where(wallets.c.user_id == bindparam("of_user"), wallets.c.provider == bindparam("of_provider"))
)
_BY_CUSTOMER = Statement(
    select(wallets).where(
        wallets.c.provider == bindparam("of_provider"),
        wallets.c.customer_ref == bindparam("ref"),
        wallets.c.customer_ref != "",
    )
)
_DROP = Statement(
    delete(wallets).where(wallets.c.id == bindparam("this_id"), wallets.c.version == bindparam("read_version"))
)


class SqlWalletRepository:
    """Wallets."""

    def __init__(self, gathered: Gathered) -> None:
        self._gathered = gathered

    async def find(self, user_id: UserId, provider: str) -> Wallet | None:
        row = await self._gathered.database.fetch_one(_FIND, of_user=user_id.uuid, of_provider=provider)
        return _wallet_of(row) if row is not None else None

    async def of_user(self, user_id: UserId) -> list[Wallet]:
        rows = await self._gathered.database.fetch(_OF_USER, of_user=user_id.uuid)
        return [_wallet_of(row) for row in rows]

    async def find_by_customer(self, provider: str, customer_ref: str) -> Wallet | None:
        row = await self._gathered.database.fetch_one(_BY_CUSTOMER, of_provider=provider, ref=customer_ref)
        return _wallet_of(row) if row is not None else None

    def save(self, wallet: Wallet) -> None:
        row = {
            "id": wallet.id.uuid,
            "user_id": wallet.user_id.uuid,
            "provider": wallet.provider,
            "customer_ref": wallet.customer_ref,
            "created_at": wallet.created_at,
            "updated_at": wallet.updated_at,
        }
        write = _ROOT.write(Rank.PAYMENT, row, wallet.version)
        self._gathered.save(Rank.PAYMENT, wallet.id.uuid, wallet, [write])

    def delete(self, wallet: Wallet) -> None:
        self._gathered.discard(Rank.PAYMENT, wallet.id.uuid)
        self._gathered.witness.removes(wallet)
        row = {"this_id": wallet.id.uuid, "read_version": wallet.version}
        self._gathered.add(Write(_DROP, [row], Rank.PAYMENT + REMOVED, expect=1))


def _wallet_of(row: Row) -> Wallet:
    return Wallet(
        id=WalletId(row["id"]),
        user_id=UserId(row["user_id"]),
        provider=row["provider"],
        customer_ref=row["customer_ref"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        version=row["version"],
    )
