"""Wallets: they come back as they were, and a customer has one with each provider."""

import pytest

from shop.adapters.contracts.storage.subject import Bench, StoragePromises, state
from shop.adapters.contracts.stories import alone
from shop.application.ports.unit_of_work import StaleAggregate
from shop.domain.kernel.identifiers import UserId, WalletId
from shop.domain.payments import Wallet


def _wallet(bench: Bench, user_id: UserId | None = None, provider: str = "fake") -> Wallet:
    user_id = user_id or bench.samples.new(UserId)
    return Wallet.open(id=bench.samples.new(WalletId), user_id=user_id, provider=provider, at=bench.now)


async def _kept(bench: Bench, *wallets: Wallet) -> None:
    async with bench.transaction() as tx:
        for wallet in wallets:
            tx.wallets.save(wallet)


class WalletPromises(StoragePromises):
    """The promises of `WalletRepository`."""

    @alone
    async def test_wallets_come_back_as_they_were(self, bench: Bench) -> None:
        wallet = _wallet(bench)
        await _kept(bench, wallet)
        wallet.know("cus_1", bench.later(1))
        await _kept(bench, wallet)
        async with bench.transaction() as tx:
            found = await tx.wallets.find(wallet.user_id, "fake")
            assert found is not None
            assert state(found) == state(wallet)
            by_name = await tx.wallets.find_by_customer("fake", "cus_1")
            assert by_name is not None
            assert by_name.id == wallet.id
            assert await tx.wallets.find(wallet.user_id, "stripe") is None
            assert await tx.wallets.find_by_customer("stripe", "cus_1") is None
            assert await tx.wallets.find(bench.samples.new(UserId), "fake") is None

    @alone
    async def test_an_unknown_customer_has_no_name(self, bench: Bench) -> None:
        await _kept(bench, _wallet(bench), _wallet(bench))
        async with bench.transaction() as tx:
            assert await tx.wallets.find_by_customer("fake", "") is None

    @alone
    async def test_a_customer_has_one_with_each_provider(self, bench: Bench) -> None:
        first = _wallet(bench)
        other = _wallet(bench, first.user_id, "stripe")
        await _kept(bench, other, first)
        with pytest.raises(StaleAggregate):
            await _kept(bench, _wallet(bench, first.user_id))
        async with bench.transaction() as tx:
            assert [wallet.id for wallet in await tx.wallets.of_user(first.user_id)] == [first.id, other.id]

    @alone
    async def test_a_customer_of_the_provider_is_one_persons(self, bench: Bench) -> None:
        first, second = _wallet(bench), _wallet(bench)
        first.know("cus_1", bench.now)
        second.know("cus_1", bench.now)
        await _kept(bench, first)
        with pytest.raises(StaleAggregate):
            await _kept(bench, second)

    @alone
    async def test_a_wallet_is_changed_by_one_at_a_time(self, bench: Bench) -> None:
        wallet = _wallet(bench)
        await _kept(bench, wallet)
        async with bench.transaction() as tx:
            read = await tx.wallets.find(wallet.user_id, "fake")
        assert read is not None
        wallet.know("cus_1", bench.now)
        await _kept(bench, wallet)
        with pytest.raises(StaleAggregate):
            await _kept(bench, read)
        with pytest.raises(StaleAggregate):
            async with bench.transaction() as tx:
                tx.wallets.delete(read)

    @alone
    async def test_a_wallet_that_was_removed_is_gone(self, bench: Bench) -> None:
        wallet = _wallet(bench)
        wallet.know("cus_1", bench.now)
        await _kept(bench, wallet)
        async with bench.transaction() as tx:
            tx.wallets.delete(wallet)
        async with bench.transaction() as tx:
            assert await tx.wallets.of_user(wallet.user_id) == []
            assert await tx.wallets.find_by_customer("fake", "cus_1") is None
        await _kept(bench, _wallet(bench, wallet.user_id))
