"""The same order many times at once: one order, one payment, and everybody gets the same answer."""

import asyncio
from typing import Any

import httpx
import pytest

from shop.application.messages import Idempotency, IdempotencyInProgress
from shop.domain.kernel.identifiers import OrderId
from shop.domain.ledger import EntryKind
from shop.domain.orders import OrderStatus, PaymentStatus
from tests.entrypoints.http.sites import OpenSite
from tests.journeys.branches import Branches, kinds, outcome
from tests.scale import rounds

pytestmark = pytest.mark.journey
CLICKS = 100


async def _cart(branches: Branches) -> tuple[OpenSite, dict[str, Any], dict[str, Any]]:
    """A branch's site, a cart at it that is ready, and the body that orders it."""
    site = branches.site()
    cart = await site.cart((await branches.first.product(stock=5), 1))
    session = await site.session(cart)
    return site, cart, {"cart_id": cart["id"], "cart_version": cart["version"], "payment_session_id": session}


async def _click(
    branches: Branches, cart: dict[str, Any], body: dict[str, Any], keys: list[str]
) -> list[httpx.Response]:
    """The same request from as many clients as there are keys, spread over all branches."""
    sites = [branches.site(number) for number in range(len(branches.all))]
    return await asyncio.gather(
        *(
            sites[number % len(sites)].guest.post(
                "/api/orders", json=body, headers={"Cart-Token": cart["cart_token"], "Idempotency-Key": key}
            )
            for number, key in enumerate(keys)
        )
    )


@pytest.mark.parametrize("keys", ["one key", "a key each"])
async def test_f17_a_hundred_identical_requests_are_one_order(branches: Branches, keys: str) -> None:
    """Double click, two tabs, two devices: every one of them is answered with the same order."""
    _, cart, body = await _cart(branches)
    answers = await _click(branches, cart, body, [f"key-{n if keys == 'a key each' else 0}" for n in range(CLICKS)])
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    order = answers[0].json()
    assert (order["status"], order["payment_status"]) == ("confirmed", "paid")
    if keys == "one key":
        assert sum("idempotent-replayed" in answer.headers for answer in answers) == CLICKS - 1
    assert await branches.rows.one("SELECT count(*) FROM orders") == 1
    assert await branches.rows.one("SELECT count(*) FROM payment_attempts") == 1
    assert len(branches.first.books.intents) == 1
    await branches.check()


async def test_f18_a_new_key_and_a_new_session_after_a_timeout_are_the_same_payment(branches: Branches) -> None:
    """The client heard nothing and starts all over, as often as it likes and all at once."""
    site, cart, body = await _cart(branches)
    sessions = [await site.session(cart, method) for method in ("fake_card_3ds", "fake_card_declined")]
    bodies = [body, *({**body, "payment_session_id": session} for session in sessions)]
    answers = [
        answer
        for turn, one in enumerate(bodies * 3)
        for answer in await _click(branches, cart, one, [f"key-{turn}-{n}" for n in range(8)])
    ]
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert await branches.rows.one("SELECT count(*) FROM payment_attempts") == 1
    [intent] = branches.first.books.intents.values()
    assert intent.captured == answers[0].json()["total"]["amount"]
    await branches.check()


@pytest.mark.prove
@pytest.mark.timeout(7200)
async def test_f27_two_with_one_key_at_the_same_time_are_one(branches: Branches) -> None:
    """One is carried out; the other gets its answer, or is told to come again."""
    variant = await branches.first.product(stock=10_000)
    for turn in range(rounds(15, in_full=500)):
        small = branches.at(turn)
        cart_id = await small.cart((variant, 1))
        command = await small.order_command(cart_id)
        keys = [Idempotency(route="order", key=f"key-{turn}", fingerprint=b"same") for _ in range(4)]
        outcomes = await asyncio.gather(
            *(
                outcome(branches.at(n).shop.execute(command, context=small.context(small.guest(cart_id), key)))
                for n, key in enumerate(keys)
            )
        )
        assert all(isinstance(made, OrderId | IdempotencyInProgress) for made in outcomes)
        placed = {made for made in outcomes if isinstance(made, OrderId)}
        assert len(placed) == 1
        assert [key.replayed for key, made in zip(keys, outcomes, strict=True) if made in placed].count(False) == 1
        late = Idempotency(route="order", key=f"key-{turn}", fingerprint=b"same")
        assert {await small.shop.execute(command, context=small.context(small.guest(cart_id), late))} == placed
        assert late.replayed
    await branches.check()


async def test_f21_fifty_deliveries_of_one_message_are_one_entry_in_the_books(branches: Branches) -> None:
    small = branches.first
    order_id = await small.buy((await small.product(), 1), method="fake_card_3ds")
    small.provider.shopper_confirms((await small.payment(order_id)).attempt.provider_ref)
    [*news] = small.provider.take_news()
    for one in news:
        posts = (branches.at(n).shop.execute(small.message(one.body)) for n in range(50))
        assert kinds(await asyncio.gather(*map(outcome, posts))) == {"NoneType": 50}
    assert await branches.rows.one("SELECT count(*) FROM inbox") == len(news)
    assert await branches.rows.one("SELECT count(*) FROM events WHERE type = 'payment.news_received'") == len(news)
    for _ in range(3):
        await asyncio.gather(*(branch.deliver() for branch in branches.all for _ in range(3)))
    order = await small.order(order_id)
    assert (order.status, order.payment_status) == (OrderStatus.CONFIRMED, PaymentStatus.PAID)
    assert [entry.kind for entry in await small.entries(order_id)] == [EntryKind.CAPTURE]
    assert await branches.rows.one("SELECT count(*) FROM inbox WHERE state <> 'applied'") == 0
    await branches.check()


async def test_f20_browser_message_worker_and_sweeper_at_once_capture_once(branches: Branches) -> None:
    small = branches.first
    order_ids = [await small.buy((await small.product(f"thing-{n}"), 1), method="fake_card_3ds") for n in range(10)]
    for order_id in order_ids:
        small.provider.shopper_confirms((await small.payment(order_id)).attempt.provider_ref)
    await small.post_news()
    await asyncio.gather(
        *(branch.deliver() for branch in branches.all),
        *(branch.sweep() for branch in branches.all),
        *(branches.at(n).pay(order_id, refresh=True) for n, order_id in enumerate(order_ids * 4)),
    )
    for order_id in order_ids:
        assert (await small.order(order_id)).payment_status is PaymentStatus.PAID
    assert all((one.captured, one.refunded) == (2489, 0) for one in small.books.intents.values())
    await branches.check()
