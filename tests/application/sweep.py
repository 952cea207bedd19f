"""Every single fault at every single point: a story is run once to count its port calls, then once for each of them.

A port call is a question to storage, the end of a transaction, or a call to the provider. After the fault the story
is told again from the start with the same idempotency keys, as a caller would; then time passes, and nothing may be
lost, doubled or left hanging.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable
from contextlib import suppress
from enum import StrEnum
from typing import Any

from attrs import define, field, frozen

from shop.application.ports.payments import PaymentProviderUnavailable
from shop.application.ports.unit_of_work import StaleAggregate
from shop.domain.kernel.errors import ShopError, Unavailable
from tests.invariants import Watch
from tests.shops import SmallShop
from tests.turnstiles import behind


class Fault(StrEnum):
    """What goes wrong at one port call."""

    ERROR_BEFORE = "error before"
    """It fails, and nothing happened."""
    ERROR_AFTER = "error after"
    """It happened, and the answer is lost: a timeout, or a connection cut during the commit."""
    CANCELLED_BEFORE = "cancelled before"
    """The client went away while we waited, and nothing happened."""
    CANCELLED_AFTER = "cancelled after"
    """The client went away, or the process died, though it happened."""
    COLLISION = "collision"
    """Somebody else was faster (ends of transactions only)."""


BEFORE = frozenset({Fault.ERROR_BEFORE, Fault.CANCELLED_BEFORE, Fault.COLLISION})


@define
class OneFault:
    """A turnstile that counts port calls, and lets one of them go wrong."""

    at: int = 0
    fault: Fault | None = None
    passed: list[str] = field(factory=list)
    happened: bool = False

    async def enter(self, call: str) -> int:
        self.passed.append(call)
        if self.fault in BEFORE and len(self.passed) == self.at:
            self._go_wrong(call)
        return len(self.passed)

    async def leave(self, call: str, number: int) -> None:
        if self.fault not in BEFORE and number == self.at:
            self._go_wrong(call)

    def _go_wrong(self, call: str) -> None:
        if self.fault is None or (self.fault is Fault.COLLISION and call != "commit"):
            return
        self.happened = True
        if self.fault is Fault.COLLISION:
            raise StaleAggregate
        if self.fault in (Fault.CANCELLED_BEFORE, Fault.CANCELLED_AFTER):
            raise asyncio.CancelledError
        if call.startswith("gateway."):
            raise PaymentProviderUnavailable(f"{call} did not answer.")
        raise Unavailable(f"{call} was cut short.")


@frozen
class Story:
    """`act` is what is cut short and told again; `prepare` comes before it, `expect` looks at what came of it."""

    prepare: Callable[[], Awaitable[tuple[SmallShop, Any]]]
    act: Callable[[SmallShop, Any], Awaitable[object]]
    expect: Callable[[SmallShop, Any], Awaitable[None]]


async def sweep(story: Story) -> list[str]:
    """Runs the story with every fault at every point. Returns the points, in order.

    After each fault the caller once tells the story again, and once is never heard of any more.
    """
    points = await _told(story, [OneFault()])
    for at in range(1, len(points) + 1):
        for fault in Fault:
            turnstile = OneFault(at, fault)
            await _told(story, [turnstile])
            await _told(story, [OneFault(at, fault)], again=False)
            assert turnstile.happened or (fault is Fault.COLLISION and points[at - 1] != "commit")
    return points


async def sweep_pairs(story: Story, pairs: int, seed: int = 0) -> None:
    """Runs the story with a fault, and told again with another one: so many pairs, drawn from all there are."""
    draw = random.Random(seed)
    points = len(await _told(story, [OneFault()]))
    for _ in range(pairs):
        # The second telling may be longer than the first: it also finds out what became of that.
        faults = [OneFault(draw.randint(1, points + 4), draw.choice(list(Fault))) for _ in range(2)]
        await _told(story, faults, again=draw.random() < 0.5)


async def _told(story: Story, turnstiles: list[OneFault], *, again: bool = True) -> list[str]:
    try:
        return await _tell(story, turnstiles, again)
    except Exception as error:
        for turnstile in turnstiles:
            error.add_note(f"with “{turnstile.fault}” at call {turnstile.at} of {turnstile.passed}")
        error.add_note("and told again" if again else "and never told again")
        raise


async def _tell(story: Story, turnstiles: list[OneFault], again: bool) -> list[str]:
    small, prepared = await story.prepare()
    watch = Watch(small.storage, lambda: small.books.intents)
    await watch.look(small.context())
    for turnstile in turnstiles:
        with suppress(ShopError, asyncio.CancelledError):
            await story.act(behind(small, turnstile), prepared)
        await watch.look(small.context())
    if again:
        await story.act(small, prepared)
        await watch.look(small.context())
    await small.settle_down()
    await watch.look(small.context(), at_rest=True)
    if again:
        await story.expect(small, prepared)
    return turnstiles[0].passed
