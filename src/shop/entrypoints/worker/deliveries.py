"""Taking events to their subscribers: claim, react, and note how it went.

At least once: a worker that dies between the effect and its note leaves a lease that runs out, and the delivery comes
again. What fails is repeated after 2 s, then twice as long each time up to an hour; after ten attempts it is set
aside, where `shop events list --set-aside` shows it, and its successors go on.
"""

import asyncio
import logging
import random
from collections.abc import Callable
from datetime import timedelta
from enum import StrEnum

from shop.application.ports.outbox import Delivery
from shop.application.shop import Shop, SubscriberUnknown
from shop.domain.kernel.errors import ShopError

ATTEMPTS_MAX = 10
FIRST_PAUSE, LONGEST_PAUSE = timedelta(seconds=2), timedelta(hours=1)
REACTION_TIMEOUT_SECONDS = 90.0
LEASE = timedelta(minutes=2)
"""Longer than any reaction may take, so that nobody else begins what is still under way."""
AT_ONCE = 16
PROBLEM_LENGTH_MAX = 500
_log = logging.getLogger("shop.worker")


class Outcome(StrEnum):
    """What became of one delivery."""

    DONE = "done"
    RETRY = "retry"
    SET_ASIDE = "set_aside"
    LOST = "lost"


def pause_after(attempt: int, jitter: float) -> timedelta:
    """How long to wait after this many attempts: 2 s, 4 s, … 1 h, each up to a fifth shorter or longer."""
    doubled: int = 2 ** min(attempt - 1, 20)
    pause = min(FIRST_PAUSE * doubled, LONGEST_PAUSE)
    return min(pause * (0.8 + 0.4 * jitter), LONGEST_PAUSE)


async def claim(shop: Shop, limit: int = AT_ONCE) -> list[Delivery]:
    """Deliveries that are due, leased to the caller from now on."""
    now = shop.ports.clock.now()
    return await shop.ports.storage.outbox.claim(now, now + LEASE, limit)


async def carry_out(shop: Shop, delivery: Delivery, jitter: Callable[[], float] = random.random) -> Outcome:
    """Lets the subscriber react and notes how it went. Raises nothing but what the outbox itself raises."""
    outbox, clock = shop.ports.storage.outbox, shop.ports.clock
    try:
        async with asyncio.timeout(REACTION_TIMEOUT_SECONDS):
            await shop.react(delivery)
    except SubscriberUnknown as error:
        kept, outcome = await outbox.set_aside(delivery, clock.now(), error.detail), Outcome.SET_ASIDE
    except Exception as error:
        problem = described(error)
        _report(delivery, problem, error)
        if delivery.attempt >= ATTEMPTS_MAX:
            kept, outcome = await outbox.set_aside(delivery, clock.now(), problem), Outcome.SET_ASIDE
        else:
            again_at = clock.now() + pause_after(delivery.attempt, jitter())
            kept, outcome = await outbox.retry(delivery, again_at, problem), Outcome.RETRY
    else:
        kept, outcome = await outbox.done(delivery, clock.now()), Outcome.DONE
    return outcome if kept else Outcome.LOST


async def deliver_once(
    shop: Shop, limit: int = AT_ONCE, *, jitter: Callable[[], float] = random.random
) -> list[Outcome]:
    """Claims what is due and carries it out side by side. What became of each, in the order of the claims."""
    deliveries = await claim(shop, limit)
    outcomes = await asyncio.gather(
        *(carry_out(shop, delivery, jitter) for delivery in deliveries), return_exceptions=True
    )
    # A note that could not be made leaves its lease to run out; it must not take the others' notes with it.
    for outcome in outcomes:
        if isinstance(outcome, BaseException):
            raise outcome
    return [outcome for outcome in outcomes if isinstance(outcome, Outcome)]


def described(error: BaseException) -> str:
    """The error in one line, as people see it beside the delivery."""
    if isinstance(error, ShopError):
        return f"{error.code}: {error.detail}"[:PROBLEM_LENGTH_MAX]
    if isinstance(error, TimeoutError):
        return f"It took longer than {REACTION_TIMEOUT_SECONDS:.0f} s."
    return f"{type(error).__name__}: {error}"[:PROBLEM_LENGTH_MAX]


def _report(delivery: Delivery, problem: str, error: Exception) -> None:
    expected = isinstance(error, ShopError | TimeoutError)
    _log.log(
        logging.INFO if expected else logging.ERROR,
        "%s of %s failed at attempt %d: %s",
        delivery.subscriber,
        delivery.event_id,
        delivery.attempt,
        problem,
        extra={"request_id": str(delivery.request_id)},
        exc_info=None if expected else error,
    )
