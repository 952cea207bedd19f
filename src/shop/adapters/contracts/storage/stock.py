"""Stock: no level below zero, nothing oversold, every change a movement, each cause once."""

import asyncio

import pytest
from attrs import evolve

from shop.adapters.contracts.storage.subject import Bench, StoragePromises, state
from shop.adapters.contracts.stories import alone
from shop.application.ports.paging import PageRequest
from shop.application.ports.unit_of_work import StaleAggregate
from shop.domain.inventory import LocationNotFound, MovementKind, ReservationState, StockLevel
from shop.domain.kernel.identifiers import LocationId, OrderId


class StockPromises(StoragePromises):
    """The promises of `StockRepository` and `InventoryReader`."""

    @alone
    async def test_locations_come_back_in_order_of_preference(self, bench: Bench) -> None:
        second, first = bench.samples.location(priority=1), bench.samples.location(priority=0, country="")
        third = bench.samples.location(priority=1, name="Store")
        await bench.save(third, second, first)
        async with bench.transaction() as tx:
            assert state(await tx.stock.location(first.id)) == state(first)
            assert [location.id for location in await tx.stock.locations()] == [first.id, second.id, third.id]
            with pytest.raises(LocationNotFound):
                await tx.stock.location(bench.samples.new(LocationId))
        first.priority = 9
        await bench.save(first)
        views = await bench.readers.inventory.locations()
        assert [view.id for view in views] == [second.id, third.id, first.id]
        assert (views[2].name, views[2].priority, views[2].created_at) == ("Warehouse", 9, bench.now)

    @alone
    async def test_levels_come_in_order_of_preference(self, bench: Bench) -> None:
        variant_id, far = await bench.stocked(5, priority=7)
        near = bench.samples.location(priority=1)
        await bench.save(near)
        await bench.stock(variant_id, near.id, 2, backorder_limit=4)
        other, _ = await bench.stocked(1)
        async with bench.transaction() as tx:
            levels = await tx.stock.levels([variant_id])
            both = await tx.stock.levels([other, variant_id])
            assert await tx.stock.levels([]) == []
        assert [(level.location_id, level.on_hand, level.backorder_limit) for level in levels] == [
            (near.id, 2, 4),
            (far, 5, 0),
        ]
        assert len(both) == 3

    @alone
    async def test_a_level_is_opened_once(self, bench: Bench) -> None:
        variant_id, location_id = await bench.stocked(5)
        with pytest.raises(StaleAggregate):
            await bench.stock(variant_id, location_id, 7)
        assert (await bench.level(variant_id, location_id)).on_hand == 5
        assert len((await bench.readers.inventory.movements(PageRequest())).data) == 1

    @alone
    async def test_movements_change_the_level_and_its_version(self, bench: Bench) -> None:
        variant_id, location_id = await bench.stocked(5)
        before = await bench.level(variant_id, location_id)
        async with bench.transaction() as tx:
            reserved = bench.samples.movement(variant_id, location_id, reserved=3, kind=MovementKind.RESERVED)
            tx.stock.move(reserved)
        after = await bench.level(variant_id, location_id)
        assert (after.on_hand, after.reserved, after.available) == (5, 3, 2)
        assert after.version > before.version
        async with bench.transaction() as tx:
            shipped = bench.samples.movement(
                variant_id, location_id, on_hand=-3, reserved=-3, kind=MovementKind.SHIPPED
            )
            tx.stock.move(shipped, expected_version=after.version)
        assert (await bench.level(variant_id, location_id)).on_hand == 2

    @alone
    async def test_two_movements_of_one_level_both_count(self, bench: Bench) -> None:
        variant_id, location_id = await bench.stocked(5)
        async with bench.transaction() as tx:
            for count in (2, 3):
                tx.stock.move(
                    bench.samples.movement(variant_id, location_id, reserved=count, kind=MovementKind.RESERVED)
                )
        assert (await bench.level(variant_id, location_id)).reserved == 5
        with pytest.raises(StaleAggregate):
            async with bench.transaction() as tx:
                for count in (-3, -3):
                    tx.stock.move(
                        bench.samples.movement(variant_id, location_id, reserved=count, kind=MovementKind.RELEASED)
                    )
        assert (await bench.level(variant_id, location_id)).reserved == 5

    @alone
    async def test_the_rule_against_overselling_holds(self, bench: Bench) -> None:
        variant_id, location_id = await bench.stocked(5, backorder_limit=2)
        refused = ((0, 8), (-6, 0), (0, -1), (-3, 5))
        for on_hand, reserved in refused:
            with pytest.raises(StaleAggregate):
                async with bench.transaction() as tx:
                    tx.stock.move(
                        bench.samples.movement(
                            variant_id,
                            location_id,
                            on_hand=on_hand,
                            reserved=reserved,
                            kind=MovementKind.ADJUSTED,
                        )
                    )
        level = await bench.level(variant_id, location_id)
        assert (level.on_hand, level.reserved) == (5, 0)
        assert len((await bench.readers.inventory.movements(PageRequest())).data) == 1
        async with bench.transaction() as tx:
            tx.stock.move(bench.samples.movement(variant_id, location_id, reserved=7, kind=MovementKind.RESERVED))
        assert (await bench.level(variant_id, location_id)).available == 0

    @alone
    async def test_the_last_unit_is_sold_once(self, bench: Bench) -> None:
        """F-01, F-03: ten at once, straight at the port."""
        variant_id, location_id = await bench.stocked(3)

        async def reserve() -> bool:
            try:
                async with bench.transaction() as tx:
                    levels = await tx.stock.levels([variant_id])
                    await asyncio.sleep(0)
                    assert levels
                    tx.stock.move(
                        bench.samples.movement(variant_id, location_id, reserved=1, kind=MovementKind.RESERVED)
                    )
            except StaleAggregate:
                return False
            return True

        won = await asyncio.gather(*(reserve() for _ in range(10)))
        level = await bench.level(variant_id, location_id)
        assert level.reserved == sum(won) == 3

    @alone
    async def test_what_is_short_writes_nothing_of_the_rest(self, bench: Bench) -> None:
        plenty, location_id = await bench.stocked(5)
        few, other_location = await bench.stocked(1)
        cart = bench.samples.cart()
        with pytest.raises(StaleAggregate):
            async with bench.transaction() as tx:
                tx.carts.save(cart)
                for variant_id, where in ((plenty, location_id), (few, other_location)):
                    tx.stock.move(bench.samples.movement(variant_id, where, reserved=2, kind=MovementKind.RESERVED))
        assert (await bench.level(plenty, location_id)).reserved == 0
        await bench.save(cart)

    @alone
    async def test_a_cause_changes_a_level_once(self, bench: Bench) -> None:
        variant_id, location_id = await bench.stocked(5)
        source = bench.samples.new(OrderId)
        movement = bench.samples.movement(
            variant_id, location_id, reserved=1, kind=MovementKind.RESERVED, source=source
        )
        async with bench.transaction() as tx:
            tx.stock.move(movement)
        with pytest.raises(StaleAggregate):
            async with bench.transaction() as tx:
                tx.stock.move(
                    bench.samples.movement(
                        variant_id, location_id, reserved=1, kind=MovementKind.RESERVED, source=source
                    )
                )
        assert (await bench.level(variant_id, location_id)).reserved == 1
        async with bench.transaction() as tx:
            tx.stock.move(
                bench.samples.movement(variant_id, location_id, reserved=-1, kind=MovementKind.RELEASED, source=source)
            )
        assert (await bench.level(variant_id, location_id)).reserved == 0

    @alone
    async def test_a_version_guards_a_movement(self, bench: Bench) -> None:
        variant_id, location_id = await bench.stocked(5)
        level = await bench.level(variant_id, location_id)
        with pytest.raises(StaleAggregate):
            async with bench.transaction() as tx:
                counted = bench.samples.movement(variant_id, location_id, on_hand=1, kind=MovementKind.COUNTED)
                tx.stock.move(counted, expected_version=level.version + 1)
        with pytest.raises(StaleAggregate):
            async with bench.transaction() as tx:
                tx.stock.move(bench.samples.movement(variant_id, bench.samples.new(LocationId), on_hand=1))

    @alone
    async def test_the_backorder_limit_changes_at_its_version_only(self, bench: Bench) -> None:
        variant_id, location_id = await bench.stocked(5, backorder_limit=3)
        level = await bench.level(variant_id, location_id)
        async with bench.transaction() as tx:
            tx.stock.set_backorder_limit(level, 1)
        changed = await bench.level(variant_id, location_id)
        assert (changed.backorder_limit, changed.on_hand) == (1, 5)
        with pytest.raises(StaleAggregate):
            async with bench.transaction() as tx:
                tx.stock.set_backorder_limit(level, 9)

    @alone
    async def test_a_lowered_limit_below_what_is_promised_lets_units_go_but_not_in(self, bench: Bench) -> None:
        variant_id, location_id = await bench.stocked(1, backorder_limit=5)
        async with bench.transaction() as tx:
            tx.stock.move(bench.samples.movement(variant_id, location_id, reserved=6, kind=MovementKind.RESERVED))
        async with bench.transaction() as tx:
            tx.stock.set_backorder_limit(await bench.level(variant_id, location_id), 0)
        assert (await bench.level(variant_id, location_id)).available == -5
        with pytest.raises(StaleAggregate):
            async with bench.transaction() as tx:
                tx.stock.move(bench.samples.movement(variant_id, location_id, reserved=1, kind=MovementKind.RESERVED))
        async with bench.transaction() as tx:
            tx.stock.move(bench.samples.movement(variant_id, location_id, reserved=-2, kind=MovementKind.RELEASED))
            tx.stock.move(bench.samples.movement(variant_id, location_id, on_hand=2, kind=MovementKind.RECEIVED))
        level = await bench.level(variant_id, location_id)
        assert (level.on_hand, level.reserved) == (3, 4)

    @alone
    async def test_reservations_come_back_and_settle_once(self, bench: Bench) -> None:
        variant_id, location_id = await bench.stocked(5)
        order = await bench.placed(lines=(bench.samples.line(variant_id=variant_id),))
        held = bench.samples.reservation(order, location_id)
        endless = bench.samples.reservation(order, location_id, expires_at=None, quantity=1)
        async with bench.transaction() as tx:
            tx.stock.hold(held)
            tx.stock.hold(endless)
        async with bench.transaction() as tx:
            found = await tx.stock.reservations(order.id)
            assert await tx.stock.reservations(bench.samples.new(OrderId)) == []
        assert sorted(found, key=lambda r: r.id) == [held, endless]
        allocated = held.move_to(ReservationState.ALLOCATED)
        async with bench.transaction() as tx:
            tx.stock.settle(held, allocated)
        with pytest.raises(StaleAggregate):
            async with bench.transaction() as tx:
                tx.stock.settle(held, held.move_to(ReservationState.RELEASED))
        async with bench.transaction() as tx:
            found = await tx.stock.reservations(order.id)
        assert sorted(found, key=lambda r: r.id) == [allocated, endless]

    @alone
    async def test_levels_are_shown_with_names(self, bench: Bench) -> None:
        product, location = bench.samples.product(title="Mug"), bench.samples.location(name="Cellar")
        await bench.save(product, location)
        variant = product.variants[0]
        await bench.stock(variant.id, location.id, 4, backorder_limit=2)
        other, elsewhere = await bench.stocked(9)
        levels = bench.readers.inventory.levels
        (shown,) = (await levels(PageRequest(), variant_ids=[variant.id])).data
        assert (shown.sku, shown.title, shown.location_name) == (variant.sku, "Mug", "Cellar")
        assert (shown.product_id, shown.on_hand, shown.reserved, shown.available) == (product.id, 4, 0, 6)
        assert shown.version == (await bench.level(variant.id, location.id)).version
        assert (await levels(PageRequest(), sku=variant.sku)).data == [shown]
        assert (await levels(PageRequest(), location_id=location.id)).data == [shown]
        assert (await levels(PageRequest(), below=7)).data == [shown]
        assert (await levels(PageRequest(), below=6)).data == []
        assert (await levels(PageRequest(), sku="nothing")).data == []
        assert [view.variant_id for view in (await levels(PageRequest())).data] == [variant.id, other]
        assert (await levels(PageRequest(total=True), location_id=elsewhere)).total == 1

    @alone
    async def test_movements_are_shown_with_their_cause(self, bench: Bench) -> None:
        variant_id, location_id = await bench.stocked(5)
        movement = bench.samples.movement(
            variant_id,
            location_id,
            on_hand=-1,
            kind=MovementKind.ADJUSTED,
            reason="Broken",
            at=bench.later(1),
        )
        async with bench.transaction() as tx:
            tx.stock.move(movement)
        other, elsewhere = await bench.stocked(1)
        movements = bench.readers.inventory.movements
        (shown,) = (await movements(PageRequest(), kind=MovementKind.ADJUSTED)).data
        assert (shown.id, shown.on_hand, shown.reserved, shown.reason) == (movement.id, -1, 0, "Broken")
        assert (shown.source_id, shown.at) == (str(movement.source), bench.later(1))
        latest_first = (await movements(PageRequest(), variant_id=variant_id)).data
        assert [view.kind for view in latest_first] == [MovementKind.ADJUSTED, MovementKind.RECEIVED]
        assert [v.variant_id for v in (await movements(PageRequest(), location_id=elsewhere)).data] == [other]

    @alone
    async def test_the_level_is_the_sum_of_its_movements(self, bench: Bench) -> None:
        variant_id, location_id = await bench.stocked(5)
        for on_hand, reserved in ((3, 0), (0, 4), (-2, -2), (0, -1)):
            async with bench.transaction() as tx:
                tx.stock.move(
                    bench.samples.movement(
                        variant_id,
                        location_id,
                        on_hand=on_hand,
                        reserved=reserved,
                        kind=MovementKind.ADJUSTED,
                    )
                )
        movements = (await bench.readers.inventory.movements(PageRequest(), variant_id=variant_id)).data
        level = await bench.level(variant_id, location_id)
        expected = StockLevel(
            variant_id=variant_id,
            location_id=location_id,
            on_hand=sum(movement.on_hand for movement in movements),
            reserved=sum(movement.reserved for movement in movements),
        )
        assert evolve(level, version=0) == expected
