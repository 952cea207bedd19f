"""Wallets in memory."""

from shop.adapters.memory.copies import copied
from shop.adapters.memory.tables import Journal, Tables
from shop.adapters.memory.writes import Rank, Writes, check_version
from shop.application.ports.unit_of_work import StaleAggregate
from shop.domain.kernel.identifiers import UserId
from shop.domain.payments import Wallet


class MemoryWalletRepository:
    """Wallets by user and by the provider's name of the customer."""

    def __init__(self, tables: Tables, writes: Writes) -> None:
        self._tables = tables
        self._writes = writes

    async def find(self, user_id: UserId, provider: str) -> Wallet | None:
        return next((wallet for wallet in await self.of_user(user_id) if wallet.provider == provider), None)

    async def of_user(self, user_id: UserId) -> list[Wallet]:
        found = (wallet for wallet in self._tables.wallets.values() if wallet.user_id == user_id)
        return [copied(wallet) for wallet in sorted(found, key=lambda wallet: wallet.provider)]

    async def find_by_customer(self, provider: str, customer_ref: str) -> Wallet | None:
        if not customer_ref:
            return None
        for wallet in self._tables.wallets.values():
            if (wallet.provider, wallet.customer_ref) == (provider, customer_ref):
                return copied(wallet)
        return None

    def save(self, wallet: Wallet) -> None:
        self._writes.save(Rank.PAYMENT, wallet, wallet.id, self._put)

    def delete(self, wallet: Wallet) -> None:
        self._writes.discard(wallet.id)
        self._writes.witness.removes(wallet)
        read = copied(wallet)

        def drop(journal: Journal) -> None:
            check_version(read, self._tables.wallets.get(read.id))
            journal.drop(self._tables.wallets, read.id)

        self._writes.add(Rank.PAYMENT, drop)

    def _put(self, wallet: Wallet, journal: Journal) -> None:
        wallets = self._tables.wallets
        check_version(wallet, wallets.get(wallet.id))
        for other in wallets.values():
            if other.id == wallet.id or other.provider != wallet.provider:
                continue
            if other.user_id == wallet.user_id or (wallet.customer_ref and other.customer_ref == wallet.customer_ref):
                raise StaleAggregate("This customer has a wallet already.")
        journal.put(wallets, wallet.id, wallet)
