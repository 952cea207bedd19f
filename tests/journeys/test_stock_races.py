"""Many buyers at once and few units, on real databases: nothing is sold twice, and nothing is left unsold."""

import asyncio
import random
import threading
from pathlib import Path
from typing import Any

import pytest

from shop.application.commands.checkout import CreateOrder
from shop.application.commands.inventory import AdjustStock, CountStock
from shop.application.messages import VersionDiffers
from shop.domain.inventory import InsufficientStock
from shop.domain.kernel.identifiers import CartId, MovementId, OrderId
from shop.entrypoints.embed import open_shop
from shop.entrypoints.settings import Settings
from tests.adapters.sql.things import cart, context, opened, place, stocked, unit_of_work
from tests.journeys.audit import Rows, audit
from tests.journeys.branches import Branches, kinds, open_branches, outcome
from tests.scale import rounds

pytestmark = pytest.mark.journey
CLIENTS = rounds(100, in_full=200)


@pytest.mark.prove
@pytest.mark.timeout(7200)
async def test_f01_the_last_unit_has_exactly_one_buyer(branches: Branches) -> None:
    """Round after round one unit comes in and everybody wants it; those who got none come again."""
    times = rounds(20, in_full=1_000)
    variant = await branches.first.product(stock=1)
    waiting = await _commands(branches, await branches.carts(CLIENTS, (variant, 1)))
    for turn in range(1, times + 1):
        outcomes = await asyncio.gather(
            *(outcome(branches.at(n).shop.execute(command)) for n, command in enumerate(waiting))
        )
        assert kinds(outcomes) == {"OrderId": 1, "InsufficientStock": CLIENTS - 1}
        level = await branches.first.level(variant)
        assert (level.on_hand, level.reserved) == (turn, turn)
        await branches.first.shop.execute(AdjustStock(variant_id=variant, delta=1, reason="another one"))
        waiting = [c for c, made in zip(waiting, outcomes, strict=True) if not isinstance(made, OrderId)]
        waiting += await _commands(branches, await branches.carts(CLIENTS - len(waiting), (variant, 1)))
    await branches.check()


async def _commands(branches: Branches, carts: list[CartId]) -> list[CreateOrder]:
    return [await branches.first.order_command(cart_id) for cart_id in carts]


@pytest.mark.prove
@pytest.mark.timeout(7200)
def test_f01_threads_with_connections_of_their_own_share_a_file(sqlite_shop: str, tmp_path: Path) -> None:
    """On SQLite branches in one loop take turns by themselves; threads do not."""
    settings = Settings(database_url=sqlite_shop, fake_payments_file=str(tmp_path / "provider.db"))
    times, racers = rounds(5, in_full=100), 4

    async def prepare() -> list[list[CreateOrder]]:
        async with open_branches(sqlite_shop, 1) as branches:
            commands: list[list[CreateOrder]] = [[] for _ in range(racers)]
            for turn in range(times):
                variant = await branches.first.product(f"thing-{turn}", stock=1)
                for racer in commands:
                    racer += await _commands(branches, await branches.carts(1, (variant, 1)))
            return commands

    results: list[Any] = []
    ready = threading.Barrier(racers)

    def race(commands: list[CreateOrder]) -> None:
        async def run() -> None:
            async with open_shop(settings) as shop:
                for command in commands:
                    ready.wait(60)
                    results.append(await outcome(shop.execute(command)))

        asyncio.run(run())

    threads = [threading.Thread(target=race, args=(commands,)) for commands in asyncio.run(prepare())]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert kinds(results) == {"OrderId": times, "InsufficientStock": (racers - 1) * times}
    asyncio.run(audit(sqlite_shop))


async def test_f03_the_guard_is_below_the_use_cases(shop_url: str) -> None:
    """50 tasks go to the repositories themselves, past every check of the front door."""
    databases = [opened(shop_url) for _ in range(4)]
    workers = [unit_of_work(database) for database in databases]
    shop = await stocked(workers[0], "S", on_hand=10)
    carts = [cart(*shop.variants) for _ in range(50)]
    for one in carts:
        async with workers[0](context()) as tx:
            tx.carts.save(one)
    outcomes = await asyncio.gather(*(outcome(place(workers[n % 4], shop, one)) for n, one in enumerate(carts)))
    assert kinds(outcomes) == {"Order": 10, "StaleAggregate": 40}
    for database in databases:
        await database.close()
    assert await Rows(shop_url).one("SELECT reserved FROM stock_levels") == 10
    assert await Rows(shop_url).one("SELECT sum(quantity) FROM reservations") == 10
    await audit(shop_url)


@pytest.mark.prove
@pytest.mark.timeout(7200)
async def test_f06_f07_shuffled_carts_of_the_same_things_never_deadlock(branches: Branches) -> None:
    """64 buyers at a time; each puts the same five things into the cart in another order, one of them twice."""
    turns = rounds(1, in_full=30)
    variants = [await branches.first.product(f"thing-{n}", stock=100_000) for n in range(5)]
    chance = random.Random(6)

    async def buyer(number: int) -> list[Any]:
        small = branches.at(number)
        done = []
        for _ in range(turns):
            wanted = [(variant, 1) for variant in chance.sample(variants, 5)]
            command = await small.order_command(await small.cart(*wanted, wanted[0]))
            done.append(await outcome(small.shop.execute(command)))
        return done

    outcomes = [one for done in await asyncio.gather(*(buyer(n) for n in range(64))) for one in done]
    assert kinds(outcomes) == {"OrderId": 64 * turns}
    assert sum([(await branches.first.level(variant)).reserved for variant in variants]) == 64 * turns * 6
    if branches.url.startswith("postgresql"):
        deadlocks = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
        assert await branches.rows.one(deadlocks) == 0
    await branches.check()


@pytest.mark.prove
@pytest.mark.timeout(7200)
async def test_f12_staff_count_and_adjust_while_buyers_buy(branches: Branches) -> None:
    """Changes by difference lose nothing; a count that somebody overtook is refused, and nothing of it written."""
    buyers, turns = 50, rounds(1, in_full=40)
    for _ in range(turns):
        variant = await branches.first.product(f"thing-{branches.first.ids.made}", stock=40)
        commands = await _commands(branches, await branches.carts(buyers, (variant, 1)))
        level = await branches.first.level(variant)
        counted = CountStock(variant_id=variant, counted=30, reason="inventory", expected_version=level.version)
        deltas = [7, -3, 5, -2, 3] * 2

        async def staff(deltas: list[int] = deltas, counted: CountStock = counted) -> list[Any]:
            changes = [AdjustStock(variant_id=counted.variant_id, delta=d, reason="found") for d in deltas]
            done = [await outcome(branches.at(1).shop.execute(changes[0]))]
            done.append(await outcome(branches.at(2).shop.execute(counted)))
            return done + [await outcome(branches.at(3).shop.execute(change)) for change in changes[1:]]

        bought, changed = await asyncio.gather(
            asyncio.gather(*(outcome(branches.at(n).shop.execute(c)) for n, c in enumerate(commands))), staff()
        )
        assert isinstance(changed[1], VersionDiffers), "the first change came in before the count"
        made = list(zip(deltas, changed[:1] + changed[2:], strict=True))
        refused = [delta for delta, result in made if isinstance(result, InsufficientStock)]
        assert all(delta < 0 for delta in refused), "what is promised cannot be taken away, but more may always come"
        assert all(isinstance(result, MovementId | InsufficientStock) for _, result in made)
        level = await branches.first.level(variant)
        sold = sum(isinstance(result, OrderId) for result in bought)
        assert level.on_hand == 40 + sum(deltas) - sum(refused)
        assert level.reserved == sold >= 30
        assert all(isinstance(result, OrderId | InsufficientStock) for result in bought)
    await branches.check()
