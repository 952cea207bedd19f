"""Stock by people: always a movement with a reason, never below what is promised."""

import asyncio
from typing import Any
from uuid import UUID

import pytest

from shop.application.commands.carts import ExceedsAvailable
from shop.application.commands.catalog import UpdateVariant
from shop.application.commands.inventory import AdjustStock, CountStock, CreateLocation
from shop.application.messages import VersionDiffers
from shop.application.queries.catalog import GetProducts
from shop.application.queries.inventory import GetLocations, GetStockLevels, GetStockMovements
from shop.domain.catalog import VariantNotFound
from shop.domain.inventory import QUANTITY_MAX, InsufficientStock, LocationNotFound, MovementKind
from shop.domain.kernel.errors import Invalid
from shop.domain.kernel.identifiers import LocationId, VariantId
from tests.invariants import Watch
from tests.shops import STAFF, SmallShop
from tests.turnstiles import Jostle, behind


async def check(small: SmallShop) -> None:
    await Watch(small.storage, dict).look(small.context())


class TestAdjusting:
    @pytest.mark.parametrize("kind", [MovementKind.ADJUSTED, MovementKind.RECEIVED, MovementKind.RETURNED])
    async def test_people_adjust_receive_and_return(self, small: SmallShop, kind: MovementKind) -> None:
        shirt = await small.product(stock=3)
        movement_id = await small.shop.execute(
            AdjustStock(variant_id=shirt, delta=4, reason="delivery", kind=kind), actor=STAFF
        )
        page = await small.shop.ask(GetStockMovements(variant_id=shirt), actor=STAFF)
        moved = page.data[0] if page.data[0].id == movement_id else page.data[1]
        assert (moved.on_hand, moved.reserved, moved.kind, moved.reason) == (4, 0, kind, "delivery")
        assert (await small.level(shirt)).on_hand == 7
        await check(small)

    @pytest.mark.parametrize("kind", sorted(set(MovementKind) - {"adjusted", "received", "returned"}))
    async def test_the_rest_is_the_shops_own_doing(self, small: SmallShop, kind: MovementKind) -> None:
        with pytest.raises(Invalid):
            await small.shop.execute(AdjustStock(variant_id=await small.product(), delta=1, reason="x", kind=kind))

    @pytest.mark.parametrize(("delta", "reason"), [(0, "why"), (1, ""), (1, "  "), (1, "x" * 501), (1, "a\x00")])
    async def test_a_change_changes_something_and_says_why(self, small: SmallShop, delta: int, reason: str) -> None:
        shirt = await small.product()
        with pytest.raises(Invalid):
            await small.shop.execute(AdjustStock(variant_id=shirt, delta=delta, reason=reason))

    async def test_a_variant_and_a_location_have_to_be_there(self, small: SmallShop) -> None:
        with pytest.raises(VariantNotFound):
            await small.shop.execute(AdjustStock(variant_id=VariantId(UUID(int=1)), delta=1, reason="x"))
        book = await small.product(tracked=False, stock=None)
        with pytest.raises(LocationNotFound):
            await small.shop.execute(
                AdjustStock(variant_id=book, delta=1, reason="x", location_id=LocationId(UUID(int=1)))
            )

    async def test_a_backorder_limit_holds_for_all_locations_together(self, small: SmallShop) -> None:
        shirt = await small.product(stock=1, backorder_limit=5)
        berlin = await small.shop.execute(CreateLocation(name="Berlin", priority=1))
        await small.shop.execute(AdjustStock(variant_id=shirt, delta=2, reason="delivery", location_id=berlin))
        with pytest.raises(ExceedsAvailable):
            await small.cart((shirt, 9))
        await small.place(await small.cart((shirt, 8)))
        product = (await small.shop.ask(GetProducts())).data[0]
        for limit, more in ((3, 0), (7, 2)):
            await small.shop.execute(UpdateVariant(product_id=product.id, variant_id=shirt, backorder_limit=limit))
            async with small.storage.uow(small.context()) as tx:
                levels = await tx.stock.levels([shirt])
            assert [level.backorder_limit for level in levels] == [limit, 0]
            if more:
                await small.place(await small.cart((shirt, more)))
            with pytest.raises(ExceedsAvailable):
                await small.cart((shirt, 1))
        await Watch(small.storage, lambda: small.books.intents).look(small.context())

    async def test_what_is_promised_cannot_be_taken_away(self, small: SmallShop) -> None:
        shirt = await small.product(stock=3)
        await small.place(await small.cart((shirt, 2)))
        with pytest.raises(InsufficientStock) as caught:
            await small.shop.execute(AdjustStock(variant_id=shirt, delta=-2, reason="broken"))
        assert caught.value.available == {shirt: 1}
        assert [flaw.pointer for flaw in caught.value.flaws] == ["/delta"]
        await small.shop.execute(AdjustStock(variant_id=shirt, delta=-1, reason="broken"))
        await check(small)

    async def test_nothing_can_be_taken_from_where_nothing_is(self, small: SmallShop) -> None:
        shirt = await small.product(stock=3)
        other = await small.shop.execute(CreateLocation(name="Store", country="DE", priority=5))
        with pytest.raises(InsufficientStock) as caught:
            await small.shop.execute(AdjustStock(variant_id=shirt, delta=-1, reason="x", location_id=other))
        assert caught.value.available == {shirt: 0}

    async def test_a_place_holds_no_more_than_can_be_counted(self, small: SmallShop) -> None:
        shirt = await small.product(stock=QUANTITY_MAX - 1)
        await small.shop.execute(AdjustStock(variant_id=shirt, delta=1, reason="found"))
        for adjustment in (1, QUANTITY_MAX):
            with pytest.raises(Invalid, match=f"at most {QUANTITY_MAX} units"):
                await small.shop.execute(AdjustStock(variant_id=shirt, delta=adjustment, reason="found"))
        assert (await small.level(shirt)).on_hand == QUANTITY_MAX
        await check(small)

    @pytest.mark.parametrize(
        "wrong", [{"name": " "}, {"name": "x" * 201}, {"name": "a\x00"}, {"country": "UK"}, {"priority": -1}]
    )
    async def test_a_place_has_a_name_and_stands_in_a_country_that_is_there(
        self, small: SmallShop, wrong: dict[str, Any]
    ) -> None:
        with pytest.raises(Invalid):
            await small.shop.execute(CreateLocation(**{"name": "Store", **wrong}))
        assert await small.shop.ask(GetLocations()) == []

    async def test_orders_take_from_the_preferred_place_that_has_enough(self, small: SmallShop) -> None:
        shirt = await small.product(stock=3)
        other = await small.shop.execute(CreateLocation(name="Store", priority=5))
        await small.shop.execute(AdjustStock(variant_id=shirt, delta=4, reason="moved", location_id=other))
        orders = [await small.place(await small.cart((shirt, quantity))) for quantity in (4, 2, 1)]
        places = [[r.location_id == other for r in await small.reservations(order_id)] for order_id in orders]
        assert places == [[True], [False], [False]]
        locations = await small.shop.ask(GetLocations())
        assert [(place.name, place.priority) for place in locations] == [("Main", 0), ("Store", 5)]
        await check(small)

    async def test_an_order_may_take_from_two_places(self, small: SmallShop) -> None:
        shirt = await small.product(stock=3)
        other = await small.shop.execute(CreateLocation(name="Store", priority=5))
        await small.shop.execute(AdjustStock(variant_id=shirt, delta=2, reason="moved", location_id=other))
        order_id = await small.place(await small.cart((shirt, 5)))
        assert sorted(r.quantity for r in await small.reservations(order_id)) == [2, 3]
        await small.settle_down(30)
        await check(small)

    @pytest.mark.parametrize("seed", range(5))
    async def test_f12_adjustments_and_sales_at_once_lose_nothing(self, small: SmallShop, seed: int) -> None:
        crowd = behind(small, Jostle(seed))
        shirt = await small.product(stock=5)
        orders = [await small.order_command(await small.cart((shirt, 1))) for _ in range(6)]
        await asyncio.gather(
            *(crowd.shop.execute(order) for order in orders),
            *(crowd.shop.execute(AdjustStock(variant_id=shirt, delta=d, reason="x")) for d in (3, -1, -1)),
            return_exceptions=True,
        )
        level = await small.level(shirt)
        assert level.on_hand in (6, 7, 8)
        await check(small)


class TestCounting:
    async def test_a_count_is_a_movement_of_the_difference(self, small: SmallShop) -> None:
        shirt = await small.product(stock=3)
        count = CountStock(variant_id=shirt, counted=5, reason="stocktaking")
        assert await small.shop.execute(count) is not None
        assert await small.shop.execute(count) is None
        assert (await small.level(shirt)).on_hand == 5
        page = await small.shop.ask(GetStockMovements(kind=MovementKind.COUNTED))
        assert [moved.on_hand for moved in page.data] == [2]
        await check(small)

    async def test_f13_a_count_below_what_is_promised_is_refused(self, small: SmallShop) -> None:
        shirt = await small.product(stock=3)
        await small.place(await small.cart((shirt, 2)))
        with pytest.raises(InsufficientStock):
            await small.shop.execute(CountStock(variant_id=shirt, counted=1, reason="stocktaking"))

    async def test_a_count_may_insist_on_what_it_saw(self, small: SmallShop) -> None:
        shirt = await small.product(stock=3)
        version = (await small.level(shirt)).version
        await small.place(await small.cart((shirt, 1)))
        with pytest.raises(VersionDiffers):
            await small.shop.execute(CountStock(variant_id=shirt, counted=9, reason="x", expected_version=version))

    async def test_a_count_where_nothing_was_opens_a_level(self, small: SmallShop) -> None:
        shirt = await small.product(stock=3)
        other = await small.shop.execute(CreateLocation(name="Store", priority=5))
        with pytest.raises(VersionDiffers):
            await small.shop.execute(
                CountStock(variant_id=shirt, counted=2, reason="x", location_id=other, expected_version=1)
            )
        await small.shop.execute(
            CountStock(variant_id=shirt, counted=2, reason="x", location_id=other, expected_version=0)
        )
        page = await small.shop.ask(GetStockLevels(location_id=other))
        assert [(level.on_hand, level.available) for level in page.data] == [(2, 2)]
        assert len((await small.shop.ask(GetStockLevels(variant_ids=(shirt,)))).data) == 2
        assert len((await small.shop.ask(GetStockLevels(below=3))).data) == 1
        assert len((await small.shop.ask(GetStockLevels(sku="LINEN-SHIRT"))).data) == 2
        await check(small)

    async def test_less_than_nothing_is_not_counted(self, small: SmallShop) -> None:
        with pytest.raises(Invalid):
            await small.shop.execute(CountStock(variant_id=await small.product(), counted=-1, reason="x"))
