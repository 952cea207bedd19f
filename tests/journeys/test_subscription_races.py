"""Schedulers, messages and people at the same subscription at the same moment: one order for each period."""

import asyncio
from datetime import timedelta

import pytest

from shop.application.commands.payments import ReceiveProviderNews
from shop.application.commands.plans import CreatePlan
from shop.application.commands.subscriptions import (
    CancelSubscription,
    CarryOnSubscription,
    PauseSubscription,
    Subscribe,
)
from shop.domain.kernel.errors import ShopError
from shop.domain.kernel.identifiers import SubscriptionId
from shop.domain.subscriptions import Interval, IntervalUnit
from shop.entrypoints.worker.schedule import carry_on_subscriptions, finish_payments
from tests.journeys.branches import Branches, outcome
from tests.shops import BERLIN, customer, eur

pytestmark = pytest.mark.journey
MONTH = timedelta(days=31)
MONTHS = 2


async def _subscribed(branches: Branches, count: int) -> list[SubscriptionId]:
    small = branches.first
    variant_id = await small.product("coffee", price=1500, stock=10_000)
    plan_id = await small.shop.execute(
        CreatePlan(
            code="coffee",
            name="Coffee",
            variant_id=variant_id,
            interval=Interval(IntervalUnit.MONTH),
            prices=(eur(1500),),
        )
    )
    found = []
    for number in range(count):
        subscription_id = await small.shop.execute(
            Subscribe(
                plan_id=plan_id,
                method="fake_card",
                email="ada@example.com",
                shipping_address=BERLIN,
                shipping_option="standard",
            ),
            actor=customer(number + 1),
        )
        found.append(await small.shop.execute(CarryOnSubscription(subscription_id=subscription_id)))
    return found


async def _check(branches: Branches, subscriptions: int, periods: int) -> None:
    rows = branches.rows
    assert await rows.one("SELECT count(*) FROM renewals") == subscriptions * periods
    assert await rows.one("SELECT count(*) FROM orders") == subscriptions * periods
    assert await rows.one("SELECT count(*) FROM orders WHERE payment_status = 'paid'") == subscriptions * periods
    captured = [intent.captured for intent in branches.first.books.intents.values()]
    assert captured == [1990] * (subscriptions * periods)
    await branches.check()


@pytest.mark.timeout(300)
async def test_f23_four_schedulers_renew_each_subscription_once(branches: Branches) -> None:
    """F-23, I7: all of them find the same subscriptions due, month after month."""
    count, months = 5, 3
    await _subscribed(branches, count)
    for _ in range(months):
        branches.first.clock.forward(MONTH)
        await asyncio.gather(*(carry_on_subscriptions(small.shop) for small in branches.all for _ in range(2)))
        await carry_on_subscriptions(branches.first.shop)
    await _check(branches, count, months + 1)


@pytest.mark.timeout(300)
async def test_f23_a_scheduler_and_fifty_messages_about_one_period(branches: Branches) -> None:
    [subscription_id] = await _subscribed(branches, 1)
    small = branches.first
    for _ in range(MONTHS):
        small.clock.forward(MONTH)
        posts = [
            branches.at(number).shop.execute(
                CarryOnSubscription(subscription_id=subscription_id, refresh=bool(number % 2))
            )
            for number in range(50)
        ]
        await asyncio.gather(*(outcome(post) for post in posts))
        await small.shop.execute(CarryOnSubscription(subscription_id=subscription_id, refresh=True))
    await _check(branches, 1, MONTHS + 1)


@pytest.mark.timeout(300)
async def test_a_pause_and_an_end_at_the_moment_of_renewal(branches: Branches) -> None:
    """Whoever is first: never half a period, and what was taken is an order that stands."""
    small = branches.first
    subscriptions = await _subscribed(branches, 6)
    small.clock.forward(MONTH)
    acts = []
    for number, subscription_id in enumerate(subscriptions):
        owner = customer(number + 1)
        command = (
            PauseSubscription(subscription_id=subscription_id)
            if number % 2
            else CancelSubscription(subscription_id=subscription_id)
        )
        acts.append(outcome(branches.at(number).shop.execute(command, actor=owner)))
        acts.append(outcome(branches.at(number + 1).shop.execute(CarryOnSubscription(subscription_id=subscription_id))))
    done = await asyncio.gather(*acts)
    assert not [one for one in done if isinstance(one, Exception) and not isinstance(one, ShopError)]
    for _ in range(3):
        small.clock.forward(timedelta(minutes=15))
        await finish_payments(small.shop)
        await carry_on_subscriptions(small.shop)
    taken = sum(intent.captured > 0 for intent in small.books.intents.values())
    assert await branches.rows.one("SELECT count(*) FROM orders WHERE payment_status = 'paid'") == taken
    assert await branches.rows.one("SELECT count(*) FROM subscriptions WHERE open_order IS NOT NULL") == 0
    await branches.check()


async def test_a_message_of_the_provider_is_kept_once_however_often_it_comes(branches: Branches) -> None:
    await _subscribed(branches, 1)
    messages = branches.first.billing.take_news()
    posts = []
    for message in messages:
        headers = branches.first.provider.signed_headers(message.body)
        post = ReceiveProviderNews(provider="fake", body=message.body, headers=headers)
        posts += [branches.at(number).shop.execute(post) for number in range(10)]
    await asyncio.gather(*posts)
    assert await branches.rows.one("SELECT count(*) FROM inbox") == len(messages)
