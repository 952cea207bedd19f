"""What is due without anybody asking: unpaid orders, payments that stopped half-way, old carts and old records."""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime, timedelta
from typing import Any, TypeVar

from attrs import frozen

from shop.application.commands.audit import SealAuditLog
from shop.application.commands.balance import BookBalance
from shop.application.commands.carts import ExpireCart
from shop.application.commands.orders import ExpireOrder
from shop.application.commands.payments import ProcessPayment
from shop.application.commands.reconciliation import FindingNeedsPeople, RepairFinding
from shop.application.commands.subscriptions import CarryOnSubscription
from shop.application.messages import Command
from shop.application.queries.carts import GetExpiredCarts
from shop.application.queries.orders import GetOverdueOrders
from shop.application.queries.payments import GetUnfinishedPayments
from shop.application.queries.reconciliation import FINDINGS_MAX, RECENT, Reconcile
from shop.application.queries.subscriptions import GetDueSubscriptions
from shop.application.shop import Shop
from shop.domain.kernel.errors import ShopError

I = TypeVar("I")  # noqa: E741
AT_ONCE = 8
BATCH = 100
DUE_MAX = 10_000
FORGET_BATCH, FORGET_BATCHES_MAX = 1_000, 20
"""Rows that go in one transaction, and transactions of one run: a busy shop writes hundreds of them a second."""
FORGET_PEOPLE_AFTER = timedelta(days=30)
CHORE_TIMEOUT_SECONDS, LONG_CHORE_TIMEOUT_SECONDS = 300.0, 7200.0
_log = logging.getLogger("shop.worker")


@frozen
class Chore:
    """Something to be done every so often. `run` says how many things it dealt with.

    One that is `long` (it may read lists of a provider for an hour) is done beside the others, which do not wait.
    """

    name: str
    every: timedelta
    run: Callable[[Shop], Awaitable[int]]
    long: bool = False

    @property
    def timeout_seconds(self) -> float:
        return LONG_CHORE_TIMEOUT_SECONDS if self.long else CHORE_TIMEOUT_SECONDS


async def expire_orders(shop: Shop) -> int:
    """Calls off orders that nobody paid in time: first the payment, then the order."""
    due = await shop.ask(GetOverdueOrders(limit=DUE_MAX))
    return await _each(shop, [ExpireOrder(order_id=order_id) for order_id in _some_of(due)])


async def finish_payments(shop: Shop) -> int:
    """Asks the provider how payments stand that stopped half-way, and carries them on."""
    due = await shop.ask(GetUnfinishedPayments(limit=DUE_MAX))
    return await _each(shop, [ProcessPayment(order_id=order_id, refresh=True) for order_id in _some_of(due)])


async def carry_on_subscriptions(shop: Shop) -> int:
    """Orders and pays the periods that are due, tries again what failed, and ends what is over."""
    due = await shop.ask(GetDueSubscriptions(limit=DUE_MAX))
    return await _each(shop, [CarryOnSubscription(subscription_id=one) for one in _some_of(due)])


async def expire_carts(shop: Shop) -> int:
    """Closes carts that were left standing."""
    due = await shop.ask(GetExpiredCarts(limit=DUE_MAX))
    return await _each(shop, [ExpireCart(cart_id=cart_id) for cart_id in _some_of(due)])


async def reconcile_recent(shop: Shop) -> int:
    """Books fees and payouts of the last two hours, compares them, and asks the provider again about what differs."""
    return await _reconcile(shop, RECENT, stock=False)


async def reconcile_week(shop: Shop) -> int:
    """Compares the last week with the provider, whatever became of its messages, and adds up all stock.

    Fees and payouts from before that are booked where nobody has done it."""
    return await _reconcile(shop, timedelta(days=7), stock=True, catch_up=True)


async def _reconcile(shop: Shop, back: timedelta, *, stock: bool, catch_up: bool = False) -> int:
    if shop.ports.records is None:
        return 0
    since = shop.ports.clock.now() - back
    await _book_balance(shop, since, catch_up=catch_up)
    report = await shop.ask(Reconcile(since=since, stock=stock, limit=FINDINGS_MAX))
    for finding in report.findings:
        if not finding.healing:
            _log.error("reconciliation: %s: %s", finding.id, finding.detail)
    healing = [finding.id for finding in report.findings if finding.healing]
    return await _each(shop, [RepairFinding(finding=finding) for finding in healing])


async def _book_balance(shop: Shop, since: datetime, *, catch_up: bool) -> None:
    """Books fees and payouts. A comparison is worth while without them too."""
    try:
        await shop.execute(BookBalance(since=since, until=shop.ports.clock.now(), catch_up=catch_up))
    except ShopError as error:
        _log.warning("fees and payouts were not booked: %s", error.detail)


async def forget_answers(shop: Shop) -> int:
    """Drops answers to idempotency keys that nobody will repeat any more."""
    before = shop.ports.clock.now() - shop.ports.lifetimes.answers
    return await _batch_after_batch(lambda: shop.ports.storage.answers.forget(before, FORGET_BATCH))


async def forget_events(shop: Shop) -> int:
    """Drops events that everybody has heard of long ago."""
    before = shop.ports.clock.now() - shop.ports.lifetimes.delivered_events
    return await _batch_after_batch(lambda: shop.ports.storage.outbox.forget(before, FORGET_BATCH))


async def seal_audit_log(shop: Shop) -> int:
    """Seals what was added to the audit log. The last link goes to the log, where it can be compared later."""
    sealed = await shop.execute(SealAuditLog())
    if sealed and (tip := await shop.ports.storage.audit.tip()) is not None:
        _log.info("audit log sealed: %d:%s", tip[0].position, tip[0].hash.hex())
    return sealed


async def forget_people(shop: Shop) -> int:
    """Drops attempts, tokens and sessions that were over a month ago."""
    before = shop.ports.clock.now() - FORGET_PEOPLE_AFTER
    return await _batch_after_batch(lambda: shop.ports.storage.readers.people.forget(before, FORGET_BATCH))


async def _batch_after_batch(forget: Callable[[], Awaitable[int]]) -> int:
    """Forgets until less than a batch was left, or for as long as others can wait."""
    gone = 0
    for _ in range(FORGET_BATCHES_MAX):
        some = await forget()
        gone += some
        if some < FORGET_BATCH:
            break
    return gone


CHORES = (
    Chore("expire orders", timedelta(seconds=5), expire_orders),
    Chore("finish payments", timedelta(seconds=10), finish_payments),
    Chore("carry on subscriptions", timedelta(seconds=10), carry_on_subscriptions),
    Chore("expire carts", timedelta(seconds=10), expire_carts),
    # The week before the hours, which would book the latest movement: by that the week knows how far back to begin.
    Chore("reconcile the last week", timedelta(days=1), reconcile_week, long=True),
    Chore("reconcile the last hours", timedelta(minutes=5), reconcile_recent, long=True),
    Chore("seal the audit log", timedelta(seconds=10), seal_audit_log),
    Chore("forget answers", timedelta(minutes=1), forget_answers),
    Chore("forget events", timedelta(minutes=1), forget_events),
    Chore("forget attempts and sessions", timedelta(minutes=1), forget_people),
)


async def run_schedule_once(shop: Shop, chores: Iterable[Chore] = CHORES) -> dict[str, int]:
    """Does every chore once, one after the other: how many things each dealt with. What fails is logged."""
    return {chore.name: await _run(shop, chore) for chore in chores}


class Schedule:
    """Remembers when each chore is due next, by the shop's clock."""

    def __init__(self, chores: Iterable[Chore] = CHORES, jitter: Callable[[], float] = random.random) -> None:
        self._chores = tuple(chores)
        self._jitter = jitter
        self._due: dict[str, datetime] = {}

    async def run_due(self, shop: Shop) -> dict[str, int]:
        """Does what is due. Each chore comes again after its interval, up to a fifth earlier or later."""
        done = {}
        for chore in self._chores:
            now = shop.ports.clock.now()
            due = self._due.get(chore.name, now)
            # Further off than it can ever be: the clock was put back since.
            if due <= now or due - now > chore.every * 1.2:
                self._due[chore.name] = now + chore.every * (0.8 + 0.4 * self._jitter())
                done[chore.name] = await _run(shop, chore)
        return done


async def _run(shop: Shop, chore: Chore) -> int:
    try:
        async with asyncio.timeout(chore.timeout_seconds):
            return await chore.run(shop)
    except ShopError as error:
        _log.warning("%s: %s", chore.name, error.detail)
    except TimeoutError:
        _log.warning("%s: not finished after %.0f s; it goes on next time", chore.name, chore.timeout_seconds)
    except Exception:
        _log.exception("%s failed", chore.name)
    return 0


def _some_of(due: list[I]) -> list[I]:
    """As many as one run deals with. Any of them: those that fail each time must not keep the others from their turn,
    and several workers should not all begin with the same."""
    return due if len(due) <= BATCH else random.sample(due, BATCH)


async def _each(shop: Shop, commands: list[Command[Any]]) -> int:
    """Executes all, a few at a time: one that fails (its provider is away, say) does not hold up the others."""
    places = asyncio.Semaphore(AT_ONCE)
    outcomes = await asyncio.gather(*(_execute(shop, command, places) for command in commands))
    return sum(outcomes)


async def _execute(shop: Shop, command: Command[Any], places: asyncio.Semaphore) -> bool:
    async with places:
        try:
            await shop.execute(command)
        except FindingNeedsPeople as error:  # what should have healed by itself does not
            _log.error("reconciliation: %s", error.detail)
            return False
        except ShopError as error:
            _log.info("%s: %s", command, error.detail)
            return False
        except Exception:
            _log.exception("%s failed", command)
            return False
    return True
