"""Subscribing to what is there and can be sent; and nothing is billed for a time in which it was not."""

from typing import Any

import pytest
from attrs import evolve

from shop.application.commands.catalog import UpdateProduct
from shop.application.commands.inventory import AdjustStock
from shop.application.queries.catalog import GetProducts
from shop.domain.catalog import ProductStatus
from shop.domain.inventory import InsufficientStock
from shop.domain.kernel.errors import Conflict
from shop.domain.kernel.identifiers import PlanId
from shop.domain.shipping import ShippingUnavailable
from shop.domain.subscriptions import Interval, IntervalUnit, PlanNotOffered
from shop.domain.subscriptions import SubscriptionStatus as S
from tests.application.test_subscriptions import (
    ADA,
    DAY,
    carry_on,
    days,
    found,
    offer,
    renewals,
    subscribe,
    variant_of,
    wish,
)
from tests.shops import BERLIN, SmallShop


async def _stock(small: SmallShop, plan_id: PlanId, delta: int) -> None:
    await small.shop.execute(AdjustStock(variant_id=await variant_of(small, plan_id), delta=delta, reason="a delivery"))


async def test_a_period_that_has_passed_is_not_billed_when_goods_are_back(small: SmallShop) -> None:
    plan_id = await offer(small, stock=2, interval=Interval(IntervalUnit.WEEK))
    subscription_id = await subscribe(small, plan_id)
    await days(small, 15)  # the second week passes without goods
    await _stock(small, plan_id, 100)
    await days(small, 1)
    first, later = sorted(await renewals(small, subscription_id), key=lambda renewal: renewal.period_start)
    assert later.period_start - first.period_start == 14 * DAY
    assert later.period_start <= small.clock.now() < later.period_end
    assert len(small.books.intents) == 2


async def test_a_first_period_whose_goods_are_gone_never_begins(small: SmallShop) -> None:
    plan_id = await offer(small, stock=2)
    subscription_id = await small.shop.execute(wish(plan_id), actor=ADA)
    await _stock(small, plan_id, -2)
    await carry_on(small, subscription_id)
    assert (await found(small, subscription_id)).status is S.INCOMPLETE
    await days(small, 2)
    assert (await found(small, subscription_id)).status is S.INCOMPLETE_EXPIRED
    await _stock(small, plan_id, 100)
    await days(small, 40)
    assert small.books.intents == {}


@pytest.mark.parametrize(
    ("changes", "refusal", "pointer"),
    [
        ({"quantity": 101}, InsufficientStock, "/quantity"),
        ({"shipping_option": "balloon"}, ShippingUnavailable, "/shipping_option"),
        ({"shipping_address": evolve(BERLIN, country="US")}, ShippingUnavailable, "/shipping_address/country"),
    ],
)
async def test_what_could_never_be_sent_is_refused_at_once(
    small: SmallShop, changes: dict[str, Any], refusal: type[Conflict], pointer: str
) -> None:
    with pytest.raises(refusal) as refused:
        await small.shop.execute(evolve(wish(await offer(small)), **changes), actor=ADA)
    assert [flaw.pointer for flaw in refused.value.flaws] == [pointer]


async def test_a_trial_needs_no_stock_yet_but_a_way_there(small: SmallShop) -> None:
    plan_id = await offer(small, stock=0, trial_days=14)
    with pytest.raises(ShippingUnavailable):
        await small.shop.execute(evolve(wish(plan_id), shipping_option="balloon"), actor=ADA)
    assert (await found(small, await subscribe(small, plan_id))).status is S.TRIALING


async def test_what_is_not_for_sale_any_more_is_not_subscribed_to(small: SmallShop) -> None:
    plan_id = await offer(small)
    offered = await small.shop.ask(GetProducts())
    await small.shop.execute(UpdateProduct(product_id=offered.data[0].id, status=ProductStatus.DRAFT))
    with pytest.raises(PlanNotOffered):
        await small.shop.execute(wish(plan_id), actor=ADA)
