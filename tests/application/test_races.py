"""Many shoppers at once: as many orders as there are units, and no more."""

import asyncio

import pytest
from attrs import evolve

from shop.application.commands.carts import ChangeCartItem
from shop.domain.inventory import InsufficientStock, StockLevel
from shop.domain.kernel.identifiers import OrderId
from tests.invariants import Broken, Watch
from tests.shops import SmallShop
from tests.turnstiles import Jostle, behind


async def check(small: SmallShop) -> None:
    await Watch(small.storage, lambda: small.books.intents).look(small.context())


@pytest.mark.parametrize("seed", range(5))
class TestRaces:
    """Every read and every commit lets others go first, in another order for each seed."""

    async def test_f01_f84_the_last_units_go_to_as_many_shoppers_as_there_are_units(
        self, small: SmallShop, seed: int
    ) -> None:
        crowd = behind(small, Jostle(seed))
        shirt = await small.product(stock=3)
        orders = [await small.order_command(await small.cart((shirt, 1))) for _ in range(30)]
        results = await asyncio.gather(*(crowd.shop.execute(o) for o in orders), return_exceptions=True)
        assert len([r for r in results if isinstance(r, OrderId)]) == 3
        assert {type(r) for r in results if not isinstance(r, OrderId)} == {InsufficientStock}
        assert (await small.level(shirt)).available == 0
        await check(small)

    async def test_f05_without_the_guard_of_the_write_the_same_race_oversells_and_is_noticed(
        self, small: SmallShop, seed: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        assert not small.tables.orders  # in memory: a database has a guard of its own
        crowd = behind(small, Jostle(seed))
        shirt = await small.product(stock=3)
        orders = [await small.order_command(await small.cart((shirt, 1))) for _ in range(10)]
        monkeypatch.setattr(
            StockLevel,
            "after",
            lambda level, on_hand, reserved: evolve(
                level, on_hand=level.on_hand + on_hand, reserved=level.reserved + reserved
            ),
        )
        await asyncio.gather(*(crowd.shop.execute(o) for o in orders), return_exceptions=True)
        with pytest.raises(Broken, match="I1"):
            await check(small)

    async def test_f06_f07_orders_of_the_same_things_in_another_order_neither_lock_up_nor_oversell(
        self, small: SmallShop, seed: int
    ) -> None:
        crowd = behind(small, Jostle(seed))
        things = [await small.product(f"thing-{n}", stock=4) for n in range(3)]
        turns = [things, things[::-1], [things[1], things[0], things[2]]]
        orders = [
            await small.order_command(await small.cart(*((thing, 1) for thing in turns[n % 3]))) for n in range(9)
        ]
        async with asyncio.timeout(20):
            results = await asyncio.gather(*(crowd.shop.execute(o) for o in orders), return_exceptions=True)
        assert len([r for r in results if isinstance(r, OrderId)]) == 4
        assert [(await small.level(thing)).reserved for thing in things] == [4, 4, 4]
        await check(small)

    async def test_a_cart_edited_while_it_is_ordered_is_ordered_as_seen_or_not_at_all(
        self, small: SmallShop, seed: int
    ) -> None:
        crowd = behind(small, Jostle(seed))
        shirt = await small.product(stock=10)
        order = await small.order_command(await small.cart((shirt, 1)))
        async with small.storage.uow(small.context()) as tx:
            item = (await tx.carts.get(order.cart_id)).items[0]
        edit = ChangeCartItem(cart_id=order.cart_id, item_id=item.id, quantity=5)
        placed, edited = await asyncio.gather(
            crowd.shop.execute(order), crowd.shop.execute(edit), return_exceptions=True
        )
        assert isinstance(placed, OrderId) != (edited is None)
        if isinstance(placed, OrderId):
            assert (await small.order(placed)).lines[0].quantity == 1
        await check(small)
