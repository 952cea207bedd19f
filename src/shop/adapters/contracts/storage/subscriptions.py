"""Plans and subscriptions: they come back as they were, and a period becomes one order."""

from datetime import timedelta

import pytest

from shop.adapters.contracts.samples import eur
from shop.adapters.contracts.storage.subject import Bench, StoragePromises, state, walk
from shop.adapters.contracts.stories import alone
from shop.application.ports.paging import PageRequest
from shop.application.ports.readers import SubscriptionFilter
from shop.application.ports.unit_of_work import StaleAggregate
from shop.application.ports.views import PlanView, SubscriptionView
from shop.domain.kernel.identifiers import PlanId, SubscriptionId, UserId, VariantId
from shop.domain.orders import Order, OrderLine
from shop.domain.subscriptions import (
    Plan,
    PlanCodeTaken,
    PlanNotFound,
    Renewal,
    Subscription,
    SubscriptionNotFound,
    SubscriptionStatus,
    subscribe_at_checkout,
)


def _subscription(bench: Bench, plan: Plan, owner_id: UserId | None = None, seconds: float = 0) -> Subscription:
    return Subscription.open(
        at=bench.later(seconds),
        plan=plan,
        currency="EUR",
        id=bench.samples.new(SubscriptionId),
        owner_id=owner_id or bench.samples.new(UserId),
        quantity=3,
        email="ada@example.com",
        shipping_address=bench.samples.address(),
        shipping_code="standard",
        provider="fake",
        method="fake_card",
    )


async def _kept(bench: Bench, *, seconds: float = 0, code: str = "coffee") -> Subscription:
    plan = bench.samples.plan(code=code)
    subscription = _subscription(bench, plan, seconds=seconds)
    async with bench.transaction() as tx:
        tx.plans.save(plan)
    async with bench.transaction() as tx:
        tx.subscriptions.save(subscription)
    return subscription


async def _renewed(bench: Bench, subscription: Subscription, order: Order) -> Renewal:
    renewal = subscription.begin_period(subscription.next_period, order.id, bench.now)
    async with bench.transaction() as tx:
        tx.subscriptions.save(subscription)
        tx.subscriptions.renew(renewal)
    return renewal


class SubscriptionPromises(StoragePromises):
    """The promises of `PlanRepository`, `SubscriptionRepository` and `SubscriptionReader`."""

    @alone
    async def test_plans_come_back_as_they_were(self, bench: Bench) -> None:
        plan = bench.samples.plan(trial_days=14)
        async with bench.transaction() as tx:
            tx.plans.save(plan)
        plan.change(bench.later(1), name="Tee", prices=(eur(1),))
        plan.archive(bench.later(2))
        async with bench.transaction() as tx:
            tx.plans.save(plan)
        async with bench.transaction() as tx:
            assert state(await tx.plans.get(plan.id)) == state(plan)
            with pytest.raises(PlanNotFound):
                await tx.plans.get(bench.samples.new(PlanId))
        assert await bench.readers.subscriptions.plan(plan.id) == PlanView.of(plan)
        with pytest.raises(PlanNotFound):
            await bench.readers.subscriptions.plan(bench.samples.new(PlanId))

    @alone
    async def test_a_subscriber_who_was_forgotten_is_not_kept(self, bench: Bench) -> None:
        subscription = await _kept(bench)
        assert subscription.pseudonymise(bench.now)
        async with bench.transaction() as tx:
            tx.subscriptions.save(subscription)
        async with bench.transaction() as tx:
            found = await tx.subscriptions.get(subscription.id)
        assert state(found) == state(subscription)
        assert "ada" not in repr(found).lower()
        assert not found.pseudonymise(bench.now)

    @alone
    async def test_a_code_is_of_one_plan(self, bench: Bench) -> None:
        async with bench.transaction() as tx:
            tx.plans.save(bench.samples.plan())
        with pytest.raises(PlanCodeTaken):
            async with bench.transaction() as tx:
                tx.plans.save(bench.samples.plan())

    @alone
    async def test_subscriptions_come_back_as_they_were(self, bench: Bench) -> None:
        subscription = await _kept(bench)
        async with bench.transaction() as tx:
            assert state(await tx.subscriptions.get(subscription.id)) == state(subscription)
        order = await bench.placed()
        subscription.begin("sub_1", bench.now)
        await _renewed(bench, subscription, order)
        subscription.fail(order.id, bench.later(1))
        subscription.balance = eur(-12)
        async with bench.transaction() as tx:
            tx.subscriptions.save(subscription)
        async with bench.transaction() as tx:
            assert state(await tx.subscriptions.get(subscription.id)) == state(subscription)
            found = await tx.subscriptions.find_by_provider_ref("fake", "sub_1")
            assert state(found) == state(subscription)
            assert await tx.subscriptions.find_by_provider_ref("stripe", "sub_1") is None
            assert await tx.subscriptions.find_by_provider_ref("fake", "") is None
            with pytest.raises(SubscriptionNotFound):
                await tx.subscriptions.get(bench.samples.new(SubscriptionId))
        assert await bench.readers.subscriptions.one(subscription.id) == SubscriptionView.of(subscription)
        with pytest.raises(SubscriptionNotFound):
            await bench.readers.subscriptions.one(bench.samples.new(SubscriptionId))

    @alone
    async def test_of_two_who_change_it_at_once_one_is_refused(self, bench: Bench) -> None:
        subscription = await _kept(bench)
        with pytest.raises(StaleAggregate):
            async with bench.transaction() as tx:
                slow = await tx.subscriptions.get(subscription.id)
                tx.subscriptions.save(slow)
                async with bench.transaction() as quick:
                    quick.subscriptions.save(subscription)

    @alone
    async def test_f23_a_period_becomes_one_order(self, bench: Bench) -> None:
        """F-23, I7: whoever is second with a period writes nothing at all."""
        subscription = await _kept(bench)
        order, other = await bench.placed(), await bench.placed()
        subscription.begin("sub_1", bench.now)
        renewal = await _renewed(bench, subscription, order)
        again = Renewal(
            subscription_id=subscription.id,
            period_start=renewal.period_start,
            period_end=renewal.period_end + timedelta(days=1),
            order_id=other.id,
        )
        cart = bench.samples.cart()
        with pytest.raises(StaleAggregate):
            async with bench.transaction() as tx:
                tx.carts.save(cart)
                tx.subscriptions.renew(again)
        async with bench.transaction() as tx:
            assert await tx.subscriptions.renewals(subscription.id) == [renewal]
            assert await tx.subscriptions.renewals(bench.samples.new(SubscriptionId)) == []
        assert cart.version == 0

    @alone
    async def test_several_begin_with_one_order_and_each_line_with_one(self, bench: Bench) -> None:
        plan = bench.samples.plan()
        lines = (bench.samples.line(plan_id=plan.id), bench.samples.line(plan_id=plan.id), bench.samples.line())
        order = await bench.placed(lines=lines)
        other = await bench.placed()

        def begun(line: OrderLine) -> tuple[Subscription, Renewal | None]:
            return subscribe_at_checkout(
                at=bench.now,
                plan=plan,
                currency="EUR",
                email="ada@example.com",
                order_id=order.id,
                order_line_id=line.id,
                id=bench.samples.new(SubscriptionId),
                owner_id=bench.samples.new(UserId),
                quantity=2,
                provider="fake",
                method="fake_card",
            )

        both = [begun(line) for line in lines[:2]]
        async with bench.transaction() as tx:
            tx.plans.save(plan)
        async with bench.transaction() as tx:
            for subscription, renewal in both:
                tx.subscriptions.save(subscription)
                assert renewal is not None
                tx.subscriptions.renew(renewal)
        async with bench.transaction() as tx:
            found = await tx.subscriptions.of_order(order.id)
            assert found == [subscription.id for subscription, _ in both]
            assert state(await tx.subscriptions.get(found[0])) == state(both[0][0])
            assert await tx.subscriptions.of_order(other.id) == []
            assert (await tx.orders.get(order.id)).lines == lines
        again, _ = begun(lines[0])
        with pytest.raises(StaleAggregate):
            async with bench.transaction() as tx:
                tx.subscriptions.save(again)
        both[0][0].expire(bench.later(1))
        async with bench.transaction() as tx:
            tx.subscriptions.save(both[0][0])
            assert len(await tx.subscriptions.of_order(order.id)) == 2

    @alone
    async def test_the_same_name_at_the_provider_is_of_one_subscription(self, bench: Bench) -> None:
        one, other = await _kept(bench), await _kept(bench, code="tea")
        one.begin("sub_1", bench.now)
        other.begin("sub_1", bench.now)
        async with bench.transaction() as tx:
            tx.subscriptions.save(one)
        with pytest.raises(StaleAggregate):
            async with bench.transaction() as tx:
                tx.subscriptions.save(other)

    @alone
    async def test_what_is_due_comes_with_the_longest_due_first(self, bench: Bench) -> None:
        late, later, never = [await _kept(bench, seconds=n, code=f"plan-{n}") for n in (1, 2, 3)]
        never.cancel("x", bench.now)
        async with bench.transaction() as tx:
            tx.subscriptions.save(never)
        async with bench.transaction() as tx:
            assert await tx.subscriptions.due(bench.later(2), 10) == [late.id, later.id]
            assert await tx.subscriptions.due(bench.later(9), 1) == [late.id]
            assert await tx.subscriptions.due(bench.now, 10) == []

    @alone
    async def test_offers_are_of_what_there_is(self, bench: Bench) -> None:
        variant_id, _ = await bench.stocked(5)
        gone = bench.samples.new(VariantId)
        async with bench.transaction() as tx:
            offers = await tx.subscriptions.offers([variant_id, gone])
        assert list(offers) == [variant_id]
        assert offers[variant_id].available == 5

    @alone
    async def test_lists_begin_with_the_newest(self, bench: Bench) -> None:
        plan, owner = bench.samples.plan(), bench.samples.new(UserId)
        kept = [_subscription(bench, plan, owner if n % 2 else None, n // 2) for n in range(7)]
        kept[0].cancel("x", bench.now)
        kept[1].begin("sub_1", bench.now)
        async with bench.transaction() as tx:
            tx.plans.save(plan)
        async with bench.transaction() as tx:
            for subscription in kept:
                tx.subscriptions.save(subscription)
        reader = bench.readers.subscriptions

        async def ids(which: SubscriptionFilter) -> list[SubscriptionId]:
            views = await walk(lambda page: reader.all(which, page), 2)
            total = (await reader.all(which, PageRequest(limit=1, total=True))).total
            assert total == len(views)
            return [view.id for view in views]

        newest = [s.id for s in sorted(kept, key=lambda s: (s.created_at, s.id), reverse=True)]
        assert await ids(SubscriptionFilter()) == newest
        mine = {s.id for s in kept if s.owner_id == owner}
        assert await ids(SubscriptionFilter(owner_id=owner)) == [one for one in newest if one in mine]
        assert await ids(SubscriptionFilter(plan_id=bench.samples.new(PlanId))) == []
        cancelled, incomplete = SubscriptionStatus.CANCELLED, SubscriptionStatus.INCOMPLETE
        assert await ids(SubscriptionFilter(statuses=frozenset({cancelled}))) == [kept[0].id]
        both = SubscriptionFilter(statuses=frozenset({cancelled, incomplete}), plan_id=plan.id)
        assert await ids(both) == newest
        assert await ids(SubscriptionFilter(statuses=frozenset({cancelled, incomplete}))) == newest

    @alone
    async def test_plans_that_are_archived_are_shown_on_request(self, bench: Bench) -> None:
        plans = [bench.samples.plan(code=f"plan-{n}") for n in range(4)]
        plans[1].archive(bench.now)
        async with bench.transaction() as tx:
            for plan in plans:
                tx.plans.save(plan)
        reader = bench.readers.subscriptions
        offered = await walk(lambda page: reader.plans(page), 2)
        everything = await walk(lambda page: reader.plans(page, archived=True), 3)
        assert {view.code for view in offered} == {"plan-0", "plan-2", "plan-3"}
        assert {view.code for view in everything} == {plan.code for plan in plans}
        assert (await reader.plans(PageRequest(limit=1, total=True))).total == 3
