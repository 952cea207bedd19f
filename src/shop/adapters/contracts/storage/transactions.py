"""All at once or not at all; what others see; and who wins when two were at work on the same thing."""

import asyncio

import pytest

from shop.adapters.contracts.storage.subject import Bench, StoragePromises, state
from shop.adapters.contracts.stories import alone
from shop.application.ports.network import ProgrammingMistake, forbid_inside_transaction
from shop.application.ports.paging import PageRequest
from shop.application.ports.unit_of_work import StaleAggregate
from shop.domain.carts import CartNotFound
from shop.domain.catalog import ProductNotFound, ProductStatus, SlugTaken
from shop.domain.kernel.identifiers import CartId
from shop.domain.orders import CartAlreadyOrdered


class TransactionPromises(StoragePromises):
    """The promises of `UnitOfWork`."""

    @alone
    async def test_nothing_is_there_before_the_clean_end(self, bench: Bench) -> None:
        cart = bench.samples.cart()
        async with bench.transaction() as tx:
            tx.carts.save(cart)
            with pytest.raises(CartNotFound):
                await tx.carts.get(cart.id)
        async with bench.transaction() as tx:
            assert (await tx.carts.get(cart.id)).version == 1
        assert cart.version == 1

    @alone
    async def test_an_error_in_the_block_writes_nothing_and_goes_through(self, bench: Bench) -> None:
        cart, product = bench.samples.cart(), bench.samples.product()
        with pytest.raises(KeyError):
            async with bench.transaction(bench.context(key="k")) as tx:
                tx.carts.save(cart)
                tx.products.save(product)
                tx.answer(cart.id)
                raise KeyError
        await _nothing_was_written(bench, cart.id)
        assert cart.version == 0

    @alone
    async def test_a_cancelled_block_writes_nothing(self, bench: Bench) -> None:
        cart = bench.samples.cart()

        async def never_ending() -> None:
            async with bench.transaction() as tx:
                tx.carts.save(cart)
                await asyncio.Event().wait()

        task = asyncio.create_task(never_ending())
        await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await _nothing_was_written(bench, cart.id)

    @alone
    async def test_a_guard_that_fails_writes_nothing_of_the_rest(self, bench: Bench) -> None:
        taken = bench.samples.product()
        await bench.save(taken)
        events = len((await bench.outbox.events(PageRequest())).data)
        cart, order_cart = bench.samples.cart(), bench.samples.cart()
        again = bench.samples.product(slug=taken.slug)
        with pytest.raises(SlugTaken):
            async with bench.transaction(bench.context(key="k")) as tx:
                tx.answer(cart.id)
                tx.carts.save(cart)
                tx.carts.save(order_cart)
                tx.products.save(again)
        assert await bench.storage.answers.find("system", "POST /things", "k") is None
        assert len((await bench.outbox.events(PageRequest())).data) == events
        async with bench.transaction() as tx:
            for missing in (cart, order_cart):
                with pytest.raises(CartNotFound):
                    await tx.carts.get(missing.id)
            with pytest.raises(ProductNotFound):
                await tx.products.get(again.id)
        assert (cart.version, again.version) == (0, 0)

    @alone
    async def test_of_two_that_read_the_same_the_second_is_stale(self, bench: Bench) -> None:
        cart, beside = bench.samples.cart(), bench.samples.cart()
        await bench.save(cart)
        with pytest.raises(StaleAggregate):
            async with bench.transaction() as slow:
                mine = await slow.carts.get(cart.id)
                async with bench.transaction() as quick:
                    theirs = await quick.carts.get(cart.id)
                    theirs.describe(bench.later(1), note="theirs")
                    quick.carts.save(theirs)
                mine.describe(bench.later(2), note="mine")
                slow.carts.save(mine)
                slow.carts.save(beside)
        async with bench.transaction() as tx:
            found = await tx.carts.get(cart.id)
            with pytest.raises(CartNotFound):
                await tx.carts.get(beside.id)
        assert (found.note, found.version, mine.version) == ("theirs", 2, 1)

    @alone
    async def test_of_many_at_once_one_wins_each_round(self, bench: Bench) -> None:
        cart = bench.samples.cart()
        await bench.save(cart)

        async def count_up() -> bool:
            try:
                async with bench.transaction() as tx:
                    mine = await tx.carts.get(cart.id)
                    await asyncio.sleep(0)
                    mine.describe(bench.later(1), note=str(int(mine.note or 0) + 1))
                    tx.carts.save(mine)
            except StaleAggregate:
                return False
            return True

        won = sum(await asyncio.gather(*(count_up() for _ in range(8))))
        async with bench.transaction() as tx:
            found = await tx.carts.get(cart.id)
        assert won >= 1
        assert (found.note, found.version) == (str(won), 1 + won)

    @alone
    async def test_what_is_new_for_two_is_stale_for_the_second(self, bench: Bench) -> None:
        cart = bench.samples.cart()
        twin = bench.samples.cart(id=cart.id)
        await bench.save(cart)
        with pytest.raises(StaleAggregate):
            await bench.save(twin)

    @alone
    async def test_a_change_that_is_not_saved_changes_nothing(self, bench: Bench) -> None:
        product = bench.samples.rich_product()
        await bench.save(product)
        before = state(product)
        async with bench.transaction() as tx:
            loaded = await tx.products.get(product.id)
            loaded.change(bench.later(1), title="Another", metadata={})
            product.title = "Changed outside"
        async with bench.transaction() as tx:
            found = await tx.products.get(product.id)
        assert state(found) == before
        assert found is not loaded
        assert found.take_events() == []

    @alone
    async def test_mappings_are_copied_in_and_out(self, bench: Bench) -> None:
        mine, of_variant = {"a": "1"}, {"b": "2"}
        product = bench.samples.product(metadata=mine, variants=(bench.samples.variant(metadata=of_variant),))
        await bench.save(product)
        mine["a"] = of_variant["b"] = "changed"
        async with bench.transaction() as tx:
            found = await tx.products.get(product.id)
        assert found.metadata == {"a": "1"}
        assert found.variants[0].metadata == {"b": "2"}
        found.metadata["a"] = "changed"  # type: ignore[index]
        async with bench.transaction() as tx:
            assert (await tx.products.get(product.id)).metadata == {"a": "1"}

    @alone
    async def test_a_save_keeps_what_was_there_at_that_moment(self, bench: Bench) -> None:
        cart = bench.samples.cart(note="saved")
        async with bench.transaction() as tx:
            tx.carts.save(cart)
            cart.note = "afterwards"
        async with bench.transaction() as tx:
            assert (await tx.carts.get(cart.id)).note == "saved"

    @alone
    async def test_saved_twice_in_one_transaction_the_last_state_counts_once(self, bench: Bench) -> None:
        product = bench.samples.product()
        async with bench.transaction() as tx:
            tx.products.save(product)
            product.change(bench.later(1), title="Second")
            tx.products.save(product)
        async with bench.transaction() as tx:
            found = await tx.products.get(product.id)
        assert (found.title, found.version, product.version) == ("Second", 1, 1)
        types = [event.type for event in (await bench.outbox.events(PageRequest())).data]
        assert types == ["product.updated", "product.created"]

    @alone
    async def test_one_that_was_saved_can_be_changed_and_saved_again(self, bench: Bench) -> None:
        product = bench.samples.product()
        await bench.save(product)
        product.move_to(ProductStatus.ARCHIVED, bench.later(1))
        await bench.save(product)
        async with bench.transaction() as tx:
            found = await tx.products.get(product.id)
        assert (found.status, found.version) == (ProductStatus.ARCHIVED, 2)

    @alone
    async def test_two_orders_of_one_cart_at_once_are_one(self, bench: Bench) -> None:
        cart = bench.samples.cart()
        session = bench.samples.session(cart)
        await bench.save(cart, session)
        first, second = (bench.samples.order(cart, session) for _ in range(2))
        with pytest.raises((CartAlreadyOrdered, StaleAggregate)):
            async with bench.transaction() as slow:
                assert await slow.orders.find_by_cart(cart.id) is None
                slow.orders.save(second)
                await bench.save(first)
        async with bench.transaction() as tx:
            found = await tx.orders.find_by_cart(cart.id)
        assert found is not None
        assert (found.id, second.version) == (first.id, 0)

    @alone
    async def test_no_other_system_is_called_while_it_is_open(self, bench: Bench) -> None:
        async with bench.transaction():
            with pytest.raises(ProgrammingMistake):
                forbid_inside_transaction("The test")
        forbid_inside_transaction("The test")
        with pytest.raises(KeyError):
            async with bench.transaction():
                raise KeyError
        forbid_inside_transaction("The test")

    @alone
    async def test_it_can_be_checked(self, bench: Bench) -> None:
        await bench.storage.check()


async def _nothing_was_written(bench: Bench, cart_id: CartId) -> None:
    async with bench.transaction() as tx:
        with pytest.raises(CartNotFound):
            await tx.carts.get(cart_id)
    assert (await bench.outbox.events(PageRequest())).data == []
    assert await bench.storage.answers.find("system", "POST /things", "k") is None
