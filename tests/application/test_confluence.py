"""Whatever order the provider's news come in, how often and how late: the end depends on the provider's end alone.

A sequence of news is drawn from twelve things that may happen to an intent. They happen at the provider in the order in
which they can; the shop hears of each as it was right after it (a look that was late, so its answer is old), in the
order of the sequence, as often as it is in there, and not at all of the others; then it looks once more. The same
provider's end, looked at only once, must lead to the same order, payment, stock, refunds, disputes and books.
"""

import random
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from itertools import combinations, permutations, product
from typing import Any

import pytest
from attrs import evolve

from shop.adapters.fake.booked import BookedIntent
from shop.application.settlement import sale_of, settle, settle_disputes
from shop.domain.kernel.errors import ShopError
from shop.domain.kernel.identifiers import OrderId, VariantId
from shop.domain.payments import AttemptStatus, DisputeState, DisputeStatus, IntentState, RefundStatus
from tests.scale import rounds
from tests.shops import SmallShop, open_small_shop

Seen = tuple[IntentState, tuple[DisputeState, ...]]
Act = Callable[[SmallShop, BookedIntent], object]
A = AttemptStatus
ORDERS_PER_SHOP = 60


def becomes(status: AttemptStatus, *unless: AttemptStatus, code: str = "") -> Act:
    """The intent comes into this state by the provider's doing, unless it is past that."""

    def act(small: SmallShop, intent: BookedIntent) -> None:
        if intent.status not in (*unless, A.CAPTURED, A.CANCELLED):
            captured = intent.minor if status is A.CAPTURED else 0
            small.books.alter(evolve(intent, status=status, captured=captured, failure_code=code))

    return act


def disputed(small: SmallShop, intent: BookedIntent) -> None:
    if any(dispute.status is DisputeStatus.WARNING_NEEDS_RESPONSE for dispute in intent.disputes):
        small.provider.dispute_escalates(intent.ref)
    else:
        small.provider.disputes_open(intent.ref)


def refund_fails(small: SmallShop, intent: BookedIntent) -> None:
    if intent.refunds:
        small.provider.refund_becomes(intent.ref, intent.refunds[-1].ref, RefundStatus.FAILED, "declined")


# In the order in which they can happen: the names are those of Stripe's messages.
ACTS: dict[str, Act] = {
    "payment_intent.payment_failed": becomes(A.FAILED, A.AUTHORIZED, code="card_declined"),
    "payment_intent.requires_action": becomes(A.REQUIRES_ACTION, A.AUTHORIZED),
    "payment_intent.processing": becomes(A.PROCESSING, A.AUTHORIZED),
    "payment_intent.amount_capturable_updated": becomes(A.AUTHORIZED),
    "payment_intent.canceled": becomes(A.CANCELLED),
    "payment_intent.succeeded": becomes(A.CAPTURED),
    "charge.refunded": lambda small, intent: small.provider.refunds_elsewhere(intent.ref, 700),
    "refund.failed": refund_fails,
    "charge.dispute.created (inquiry)": lambda small, intent: small.provider.disputes_open(
        intent.ref, DisputeStatus.WARNING_NEEDS_RESPONSE
    ),
    "charge.dispute.created": disputed,
    "charge.dispute.closed (lost)": lambda small, intent: small.provider.dispute_ends(intent.ref, DisputeStatus.LOST),
    "charge.dispute.closed (won)": lambda small, intent: small.provider.dispute_ends(intent.ref, DisputeStatus.WON),
}
NAMES = tuple(ACTS)


class Till:
    """A shop with an order for each story; a new shop now and then, for they grow."""

    def __init__(self) -> None:
        self._left = 0

    async def order(self) -> tuple[SmallShop, OrderId, str]:
        if not self._left:
            self.small, self._left = await open_small_shop(), ORDERS_PER_SHOP
            self.shirt: VariantId = await self.small.product(stock=10_000)
        self._left -= 1
        order_id = await self.small.buy((self.shirt, 1), method="fake_card_3ds")
        return self.small, order_id, (await self.small.payment(order_id)).attempt.provider_ref


async def happens(small: SmallShop, ref: str, names: Iterable[str]) -> dict[str, Seen]:
    """Does these at the provider, and says how it stood after each."""
    wanted, seen = set(names), {}
    for name in NAMES:
        if name in wanted:
            try:
                ACTS[name](small, small.books.intents[ref])
            except ShopError:
                continue  # it cannot happen to the intent as it is
            finally:
                seen[name] = (await small.provider.fetch(ref), await small.provider.disputes(ref))
    return seen


async def hears(small: SmallShop, order_id: OrderId, seen: Seen) -> None:
    context, cashier = small.context(), small.shop.ports.cashier
    sale = await sale_of(order_id, context, cashier.uow)
    assert sale is not None
    sale = await settle(sale, seen[0], context, cashier)
    if seen[0].disputed:
        await settle_disputes(sale, seen[1], context, cashier)


async def outcome(small: SmallShop, order_id: OrderId) -> dict[str, Any]:
    order, payment = await small.order(order_id), await small.payment(order_id)
    async with small.storage.uow(small.context()) as tx:
        disputes, refunds = await tx.disputes.of_payment(payment.id), await tx.refunds.of_payment(payment.id)
    books: Counter[str] = Counter()
    for entry in await small.entries(order_id):
        for posting in entry.postings:
            books[posting.account] += posting.amount.minor
    return {
        "order": (order.status, order.payment_status, sorted(order.flags)),
        "payment": (payment.status, payment.captured, payment.refunded, payment.refund_reserved, payment.disputed),
        "stock": [reservation.state for reservation in await small.reservations(order_id)],
        "refunds": sorted((refund.amount.minor, refund.status) for refund in refunds),
        "disputes": sorted((dispute.status, dispute.taken.minor, dispute.fee.minor) for dispute in disputes),
        "books": {account: minor for account, minor in books.items() if minor},
    }


class Confluence:
    """Compares stories; the end of each set of happenings is worked out once."""

    def __init__(self) -> None:
        self.till = Till()
        self._ends: dict[frozenset[str], dict[str, Any]] = {}

    async def end_of(self, names: frozenset[str]) -> dict[str, Any]:
        if names not in self._ends:
            small, order_id, ref = await self.till.order()
            await happens(small, ref, names)
            await hears(small, order_id, (await small.provider.fetch(ref), await small.provider.disputes(ref)))
            self._ends[names] = await outcome(small, order_id)
        return self._ends[names]

    async def check(self, happened: Iterable[str], told: Sequence[str], copies: int = 1) -> None:
        small, order_id, ref = await self.till.order()
        seen = await happens(small, ref, happened)
        for name in told:
            for _ in range(copies):
                await hears(small, order_id, seen[name])
        await hears(small, order_id, (await small.provider.fetch(ref), await small.provider.disputes(ref)))
        expected = await self.end_of(frozenset(happened))
        assert await outcome(small, order_id) == expected, f"{sorted(happened)} told as {told}, each {copies} times"


@pytest.mark.prove
@pytest.mark.timeout(900)
@pytest.mark.parametrize("first", NAMES)
async def test_f20_f22_f38_f39_f44_f60_every_order_of_news_ends_as_the_provider_does(first: str) -> None:
    """All 12³ + 12⁴ sequences that begin with this one, each told one, two and three times; a drawn part of them
    where there is less time."""
    stories = [(first, *rest) for size in (1, 2, 3) for rest in product(NAMES, repeat=size)]
    some = rounds(50, in_full=len(stories))
    if some < len(stories):
        stories = random.Random(first).sample(stories, some)
    confluence = Confluence()
    for number, told in enumerate(stories):
        for copies in (1, 2, 3) if some == len(stories) else (1 + number % 3,):
            await confluence.check(told, told, copies)


@pytest.mark.prove
@pytest.mark.timeout(900)
async def test_i9_news_that_never_come_change_nothing_of_the_end() -> None:
    """More happens than is told: any four, of which any two or none are heard of, in any order."""
    draw = random.Random("omissions")
    confluence = Confluence()
    for _ in range(rounds(40, in_full=3_000)):
        happened = draw.sample(NAMES, draw.randint(2, 7))
        told = draw.sample(happened, draw.randint(0, min(3, len(happened))))
        for order in permutations(told):
            await confluence.check(happened, order)


async def test_the_stories_come_to_different_ends() -> None:
    """The comparison would be worth nothing if all ended alike."""
    confluence = Confluence()
    sets = [frozenset(names) for size in (1, 2, 3) for names in combinations(NAMES, size)]
    assert len({repr(await confluence.end_of(names)) for names in sets}) >= 12
