"""Server processes under fire: the last unit, `kill -9` in the middle of checkouts, a stop under load.

What was acknowledged stays; what was not is done once when its key comes again; no unit and no cent is lost.
"""

import asyncio
import os
import random
import signal
import time
from pathlib import Path

import httpx
import pytest

from tests.journeys.houses import Basket, Buyers, House
from tests.scale import rounds

pytestmark = [pytest.mark.journey, pytest.mark.integration, pytest.mark.timeout(7200)]
CLIENTS = 100


@pytest.mark.prove
async def test_f01_a_hundred_clients_and_the_last_unit(postgres_shop: str, tmp_path: Path) -> None:
    """Two server processes; after each round one more unit comes in, and those who got none try again."""
    house = House(postgres_shop, tmp_path)
    [variant] = await house.furnish(1)
    with house.server(workers=2, with_worker=False) as server:
        await server.start()
        async with Buyers(server.url) as buyers:
            waiting = await buyers.baskets(CLIENTS, (variant, 1))
            for turn in range(rounds(2, in_full=50)):
                answers = await asyncio.gather(*(buyers.order(basket) for basket in waiting))
                won = [answer.json() for answer in answers if answer.status_code == 201]
                lost = [answer for answer in answers if answer.status_code != 201]
                assert len(won) == 1
                assert (won[0]["status"], won[0]["payment_status"]) == ("confirmed", "paid")
                assert {(answer.status_code, answer.json()["code"]) for answer in lost} == {(409, "insufficient_stock")}
                assert await house.rows.one("SELECT reserved FROM stock_levels") == turn + 1
                waiting = [b for b, answer in zip(waiting, answers, strict=True) if answer.status_code != 201]
                await house.receive(variant, 1)
        assert server.stop() == 0
    await house.check()


async def _survive(house: House, *, workers: int, kills: int, chance: random.Random) -> None:
    """Kills the server while checkouts are under way, again and again, and then repeats every request."""
    at_once = 8
    [plenty, scarce] = await house.furnish(10_000, kills * at_once // 2)
    acknowledged: dict[str, str] = {}
    everything: list[Basket] = []
    unanswered = 0
    with house.server(workers=workers, with_worker=True) as server:
        await server.start()
        async with Buyers(server.url) as buyers:
            prepared = await asyncio.gather(
                *(buyers.basket(n, (plenty, 1), (scarce, 1)) for n in range(kills * at_once))
            )
            usual = await _seconds_to_order(buyers, [await buyers.basket(-1 - n, (plenty, 1)) for n in range(at_once)])
        for turn in range(kills):
            batch = prepared[turn * at_once : (turn + 1) * at_once]
            everything += batch
            async with Buyers(server.url) as buyers:
                ordering = [asyncio.create_task(buyers.try_to_order(basket)) for basket in batch]
                await asyncio.sleep((turn % 4 + chance.random()) / 4 * usual)
                server.kill()
                answers = await asyncio.gather(*ordering)
            for basket, answer in zip(batch, answers, strict=True):
                if answer is None:
                    unanswered += 1
                else:
                    assert answer.status_code in (201, 409), answer.text
                    if answer.status_code == 201:
                        acknowledged[basket.key] = answer.json()["id"]
            await server.start()
        async with Buyers(server.url) as buyers:
            again = await asyncio.gather(*(buyers.order(basket) for basket in everything))
            repeated = {b.key: a for b, a in zip(everything, again, strict=True)}
            assert {answer.status_code for answer in again} <= {201, 409}
            assert {key: repeated[key].json().get("id") for key in acknowledged} == acknowledged
            placed = [answer.json() for answer in again if answer.status_code == 201]
            paid = [await buyers.until_paid(order) for order in placed]
            same = await asyncio.gather(*(buyers.order(basket) for basket in everything))
            assert [a.json().get("id") for a in same] == [a.json().get("id") for a in again]
        assert server.stop() == 0
    assert unanswered > 0, "nothing was in the middle when the server was killed"
    assert len({order["id"] for order in paid}) == len(placed) == kills * at_once // 2, "every scarce unit is sold"
    assert await house.rows.one("SELECT count(*) FROM orders") == len(placed) + at_once
    assert await house.rows.one("SELECT min(on_hand - reserved) FROM stock_levels") == 0
    await house.check()


async def _seconds_to_order(buyers: Buyers, baskets: list[Basket]) -> float:
    """How long as many orders take here when nothing comes in between."""
    started = time.perf_counter()
    answers = await asyncio.gather(*(buyers.order(basket) for basket in baskets))
    assert {answer.status_code for answer in answers} == {201}
    return time.perf_counter() - started


@pytest.mark.prove
async def test_f28_f71_two_servers_killed_in_the_middle_of_checkouts_on_postgresql(
    postgres_shop: str, tmp_path: Path
) -> None:
    house = House(postgres_shop, tmp_path)
    await _survive(house, workers=2, kills=rounds(4, in_full=60), chance=random.Random(71))


@pytest.mark.prove
async def test_f28_f71_a_server_killed_in_the_middle_of_checkouts_on_sqlite(sqlite_shop: str, tmp_path: Path) -> None:
    house = House(sqlite_shop, tmp_path)
    await _survive(house, workers=1, kills=rounds(6, in_full=60), chance=random.Random(28))


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="looks the processes up in /proc")
async def test_a_server_process_that_dies_is_replaced_and_the_others_go_on(postgres_shop: str, tmp_path: Path) -> None:
    house = House(postgres_shop, tmp_path)
    [variant] = await house.furnish(1_000)
    with house.server(workers=2) as server:
        await server.start()
        async with Buyers(server.url) as buyers:
            baskets = await buyers.baskets(24, (variant, 1))
            before = server.children()
            ordering = [asyncio.create_task(buyers.try_to_order(basket)) for basket in baskets]
            await asyncio.sleep(0.03)
            os.kill(before[0], signal.SIGKILL)
            acknowledged = _promises(baskets, await asyncio.gather(*ordering))
        async with Buyers(server.url) as buyers:
            again = await asyncio.gather(*(_order_at_last(buyers, basket) for basket in baskets))
            ids = {basket.key: answer.json()["id"] for basket, answer in zip(baskets, again, strict=True)}
            assert {key: ids[key] for key in acknowledged} == acknowledged
            assert {answer.json()["payment_status"] for answer in again} == {"paid"}
        for _ in range(300):
            if len(server.children()) == 2:
                break
            await asyncio.sleep(0.1)
        assert len(server.children()) == 2
        assert before[0] not in server.children()
        assert server.stop() == 0
    await house.check()


async def _order_at_last(buyers: Buyers, basket: Basket) -> httpx.Response:
    """Asks again where the connection breaks, as every client should."""
    for _ in range(20):
        answer = await buyers.try_to_order(basket)
        if answer is not None:
            assert answer.status_code == 201, answer.text
            return answer
        await asyncio.sleep(0.25)
    raise AssertionError("nobody answers")


@pytest.mark.parametrize("workers", [1, 2])
async def test_a_stop_under_load_breaks_no_promise(postgres_shop: str, tmp_path: Path, workers: int) -> None:
    """SIGTERM while many are ordering: each gets an answer that holds, or none at all; and the end is orderly."""
    house = House(postgres_shop, tmp_path)
    [variant] = await house.furnish(1_000)
    server = house.server(workers=workers, with_worker=True)
    with server:
        await server.start()
        async with Buyers(server.url) as buyers:
            baskets = await buyers.baskets(40, (variant, 1))
            ordering = [asyncio.create_task(buyers.try_to_order(basket)) for basket in baskets]
            await asyncio.sleep(0.1)
            assert await asyncio.to_thread(server.stop) == 0, server.log.read_text()[-3000:]
            answers = await asyncio.gather(*ordering)
        acknowledged = _promises(baskets, answers)
        await server.start()
        async with Buyers(server.url) as buyers:
            again = await asyncio.gather(*(buyers.order(basket) for basket in baskets))
            assert {answer.status_code for answer in again} == {201}
            ids = {basket.key: answer.json()["id"] for basket, answer in zip(baskets, again, strict=True)}
            assert {key: ids[key] for key in acknowledged} == acknowledged
            for answer in again:
                await buyers.until_paid(answer.json())
        assert server.stop() == 0
    assert "Traceback" not in server.log.read_text()
    assert await house.rows.one("SELECT count(*) FROM orders") == len(baskets)
    await house.check()


def _promises(baskets: list[Basket], answers: list[httpx.Response | None]) -> dict[str, str]:
    """The orders that were acknowledged, by key. An answer that is none of them must not be."""
    assert {answer.status_code for answer in answers if answer is not None} == {201}
    return {b.key: a.json()["id"] for b, a in zip(baskets, answers, strict=True) if a is not None}
