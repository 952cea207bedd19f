"""Moving the shop's clock: only ahead, only so far, and never where it tells the real time."""

from datetime import timedelta

import pytest
from attrs import evolve

from shop.adapters.system import OffsetClock
from shop.application.commands.clock import AHEAD_MAX, ClockNotMovable, DurationMalformed, MoveClock, read_duration
from shop.application.queries.clock import GetClock
from shop.application.shop import Shop
from shop.domain.kernel.errors import Invalid
from tests.shops import START, SmallShop, open_small_shop


@pytest.fixture
async def small() -> SmallShop:
    """A shop whose real time stands still, and whose clock can be moved ahead of it."""
    small = await open_small_shop()
    small.shop = Shop(evolve(small.shop.ports, clock=OffsetClock(small.clock)), jitter=lambda: 0.0)
    return small


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("30d", timedelta(days=30)),
        ("2w", timedelta(weeks=2)),
        ("12h", timedelta(hours=12)),
        ("90m", timedelta(minutes=90)),
        ("P30D", timedelta(days=30)),
        ("P2W", timedelta(weeks=2)),
        ("P1DT2H3M4S", timedelta(days=1, hours=2, minutes=3, seconds=4)),
        ("PT0S", timedelta(0)),
    ],
)
def test_lengths_of_time(text: str, expected: timedelta) -> None:
    assert read_duration(text) == expected


@pytest.mark.parametrize(
    "text", ["", "30", "d", "P", "PT", "-1d", "1.5d", "P1M", "1 d", "9999999d", "999999w", "P999999W", "٣d"]
)
def test_what_is_no_length_of_time_is_refused(text: str) -> None:
    with pytest.raises(DurationMalformed):
        read_duration(text)


async def test_the_shop_and_storage_follow(small: SmallShop) -> None:
    await small.shop.execute(MoveClock(to=START + timedelta(days=30)))
    small.clock.forward(timedelta(seconds=5))
    await small.shop.execute(MoveClock(to=START + timedelta(days=31)))
    assert await small.storage.clock.read() == timedelta(days=31) - timedelta(seconds=5)
    clock = await small.shop.ask(GetClock())
    assert clock.now == START + timedelta(days=31)
    assert clock.offset_seconds == 31 * 86400 - 5
    assert small.shop.context().now == clock.now
    await small.shop.execute(MoveClock(to=None))
    assert (await small.shop.ask(GetClock())).offset_seconds == 0
    assert await small.storage.clock.read() == timedelta(0)


@pytest.mark.parametrize("to", [START - timedelta(microseconds=1), START + AHEAD_MAX + timedelta(seconds=1)])
async def test_it_moves_neither_back_nor_out_of_sight(small: SmallShop, to: object) -> None:
    with pytest.raises(Invalid):
        await small.shop.execute(MoveClock(to=to))  # type: ignore[arg-type]
    assert await small.storage.clock.read() == timedelta(0)


async def test_the_real_time_cannot_be_moved() -> None:
    small = await open_small_shop()
    with pytest.raises(ClockNotMovable):
        await small.shop.execute(MoveClock(to=START + timedelta(days=1)))
    assert (await small.shop.ask(GetClock())).offset_seconds == 0
