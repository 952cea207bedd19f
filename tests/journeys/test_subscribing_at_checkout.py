"""A plan in the cart beside ordinary goods, over HTTP and on real databases, to the second period and its bill."""

import asyncio
from datetime import timedelta
from typing import Any

import httpx
import pytest
from attrs import evolve

from shop.application.commands.carts import AddToCart, ChooseShipping, DescribeCart, OpenCart
from shop.application.commands.payments import ProcessPayment
from shop.application.commands.plans import CreatePlan
from shop.application.commands.subscriptions import CarryOnSubscription
from shop.application.shop import Shop
from shop.domain.kernel.errors import ShopError
from shop.domain.kernel.identifiers import OrderId, PlanId, SubscriptionId, VariantId
from shop.domain.subscriptions import Interval, IntervalUnit
from shop.entrypoints.http.app import create_app
from shop.entrypoints.worker.deliveries import deliver_once
from shop.entrypoints.worker.schedule import carry_on_subscriptions
from tests.entrypoints.http.sites import ADDRESS, BASE, UNLIMITED
from tests.entrypoints.http.test_subscriptions import SignedIn
from tests.journeys.branches import Branches, outcome
from tests.shops import BERLIN, SmallShop, customer, eur

pytestmark = [pytest.mark.journey, pytest.mark.timeout(300)]
COFFEE, SHIRT, DELIVERY = 1500, 2000, 490
DAY = timedelta(days=1)


async def _plan(small: SmallShop, code: str = "coffee", **changes: Any) -> tuple[PlanId, VariantId]:
    variant_id = await small.product(code, price=COFFEE, stock=100)
    command = CreatePlan(
        code=code,
        name="Coffee",
        variant_id=variant_id,
        interval=Interval(IntervalUnit.MONTH),
        prices=(eur(COFFEE),),
        **changes,
    )
    return await small.shop.execute(command), variant_id


def _client(shop: Shop, credential: str = "") -> httpx.AsyncClient:
    """Somebody at the shop's HTTP application."""
    app = create_app(Shop(evolve(shop.ports, authenticator=SignedIn(shop.ports.authenticator))), UNLIMITED)
    headers = {"Authorization": credential} if credential else {}
    transport = httpx.ASGITransport(app=app)  # type: ignore[arg-type]
    return httpx.AsyncClient(transport=transport, base_url=BASE, headers=headers)


async def _ok(answer: httpx.Response) -> dict[str, Any]:
    assert answer.is_success, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def _filled(who: httpx.AsyncClient, *items: dict[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """A cart that is ready to be ordered, and the header that opens it."""
    cart = await _ok(await who.post("/api/carts"))
    path, token = f"/api/carts/{cart['id']}", {"Cart-Token": cart.get("cart_token", "")}
    for item in items:
        await _ok(await who.post(f"{path}/items", json=item, headers=token))
    change = {"email": "ada@example.com", "shipping_address": ADDRESS}
    await _ok(await who.patch(path, json=change, headers=token))
    return await _ok(await who.put(f"{path}/shipping-option", json={"option_id": "standard"}, headers=token)), token


async def _session(who: httpx.AsyncClient, cart: dict[str, Any], token: dict[str, str], method: str) -> str:
    body = {"cart_id": cart["id"], "method": method}
    headers = {**token, "Idempotency-Key": f"{cart['id']}-{method}"}
    return str((await _ok(await who.post("/api/payments/sessions", json=body, headers=headers)))["id"])


async def _ordered(
    who: httpx.AsyncClient, cart: dict[str, Any], token: dict[str, str], method: str = "fake_card"
) -> httpx.Response:
    body = {
        "cart_id": cart["id"],
        "cart_version": cart["version"],
        "payment_session_id": await _session(who, cart, token, method),
        "expected_total": cart["total"],
        "expected_plans": [
            {"id": item["plan"]["id"], "version": item["plan"]["version"]} for item in cart["items"] if item["plan"]
        ],
    }
    return await who.post("/api/orders", json=body, headers={**token, "Idempotency-Key": f"{cart['id']}-{method}"})


async def test_a_shopper_buys_once_and_subscribes_in_one_order(branches: Branches) -> None:
    small = branches.first
    plan_id, coffee = await _plan(small)
    trial, _ = await _plan(small, "tea", trial_days=14)
    shirt = await small.product("shirt", price=SHIRT)
    ada = _client(small.shop, "Bearer ada")
    plans = (await _ok(await ada.get("/api/plans")))["data"]
    tea = next(plan for plan in plans if plan["id"] == str(trial))
    cart, token = await _filled(
        ada,
        {"variant_id": str(shirt)},
        {"variant_id": str(coffee), "quantity": 2, "plan_id": str(plan_id)},
        {"variant_id": tea["variant_id"], "plan_id": tea["id"]},
    )
    shown = [item["plan"] and (item["plan"]["name"], item["plan"]["trial_days"]) for item in cart["items"]]
    assert shown == [None, ("Coffee", 0), ("Coffee", 14)]
    assert [item["unit_price"]["amount"] for item in cart["items"]] == [SHIRT, COFFEE, 0]
    total = SHIRT + 2 * COFFEE + DELIVERY
    order = await _ok(await _ordered(ada, cart, token))
    assert (order["payment_status"], order["total"]["amount"]) == ("paid", total)
    assert [line["plan_id"] for line in order["lines"]] == [None, str(plan_id), str(trial)]

    found = {one["plan_id"]: one for one in (await _ok(await ada.get("/api/subscriptions")))["data"]}
    assert {one["order_id"] for one in found.values()} == {order["id"]}
    coffee_now, tea_now = found[str(plan_id)], found[str(trial)]
    assert (coffee_now["status"], coffee_now["quantity"]) == ("active", 2)
    assert coffee_now["upcoming"] == {
        "at": coffee_now["current_period_end"],
        "amount": {**cart["items"][1]["subtotal"]},
    }
    assert (tea_now["status"], tea_now["upcoming"]["amount"]["amount"]) == ("trialing", COFFEE)

    for _ in range(32):
        small.clock.forward(DAY)
        await carry_on_subscriptions(small.shop)
        await deliver_once(small.shop)
    rows = branches.rows
    assert await rows.one("SELECT count(*) FROM orders WHERE payment_status = 'paid'") == 3
    assert await rows.one("SELECT count(*) FROM renewals") == 3
    taken = sorted(intent.captured for intent in small.books.intents.values())
    assert taken == sorted([total, 2 * COFFEE + DELIVERY, COFFEE + DELIVERY])
    after = {one["plan_id"]: one for one in (await _ok(await ada.get("/api/subscriptions")))["data"]}
    assert {one["status"] for one in after.values()} == {"active"}
    assert after[str(plan_id)]["current_period_start"] == coffee_now["current_period_end"]
    assert after[str(trial)]["current_period_start"] == tea_now["trial_ends_at"]
    await branches.check()


async def test_what_is_missing_is_said_before_any_money_moves(branches: Branches) -> None:
    small = branches.first
    plan_id, coffee = await _plan(small)
    guest, ada = _client(small.shop), _client(small.shop, "Bearer ada")
    line = {"variant_id": str(coffee), "plan_id": str(plan_id)}
    cart, token = await _filled(guest, line)
    refused = await _ordered(guest, cart, token)
    assert (refused.status_code, refused.json()["code"]) == (409, "plan_needs_customer")
    assert "/claim" in refused.json()["hint"]
    cart = await _ok(await ada.post(f"/api/carts/{cart['id']}/claim", headers=token))
    refused = await _ordered(ada, cart, token, "fake_debit")
    assert (refused.status_code, refused.json()["code"]) == (409, "payment_method_not_reusable")
    stale = {**cart, "items": [{"plan": {"id": str(plan_id), "version": 7}}]}
    refused = await _ordered(ada, stale, token, "fake_card_3ds")
    assert (refused.status_code, refused.json()["code"]) == (412, "cart_changed")
    assert refused.json()["current"]["items"][0]["plan"]["version"] == 1
    other = await small.product("tea")
    for body, status, code in (
        ({**line, "variant_id": str(other)}, 409, "plan_not_offered"),
        ({**line, "plan_id": "plan_01jd8zc5w0e7ktmj9c2q8k4h1n"}, 404, "not_found"),
        ({**line, "plan_id": str(coffee)}, 422, "id_wrong_type"),
        ({**line, "quantity": 1001}, 422, "validation_failed"),
    ):
        answer = await ada.post(f"/api/carts/{cart['id']}/items", json=body, headers=token)
        assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert not small.books.intents
    assert await branches.rows.one("SELECT count(*) FROM subscriptions") == 0
    assert (await _ordered(ada, cart, token)).status_code == 201


async def test_a_challenge_is_passed_before_it_begins(branches: Branches) -> None:
    small = branches.first
    plan_id, coffee = await _plan(small)
    ada = _client(small.shop, "Bearer ada")
    cart, token = await _filled(ada, {"variant_id": str(coffee), "plan_id": str(plan_id)})
    order = await _ok(await _ordered(ada, cart, token, "fake_card_3ds"))
    [waiting] = (await _ok(await ada.get("/api/subscriptions")))["data"]
    assert (order["payment_status"], waiting["status"], waiting["open_order_id"]) == (
        "pending",
        "incomplete",
        order["id"],
    )
    session = await _session(ada, cart, token, "fake_card_3ds")
    confirm = {"Idempotency-Key": "confirm", **token}
    await _ok(await ada.post(f"/api/payments/sessions/{session}/confirm", headers=confirm))
    [now] = (await _ok(await ada.get("/api/subscriptions")))["data"]
    assert (now["status"], now["open_order_id"]) == ("active", None)


async def _cart(small: SmallShop, number: int, plan_id: PlanId, variant_id: VariantId) -> OrderId:
    me = customer(number)
    cart_id = await small.shop.execute(OpenCart(), actor=me)
    await small.shop.execute(AddToCart(cart_id=cart_id, variant_id=variant_id, plan_id=plan_id), actor=me)
    describe = DescribeCart(cart_id=cart_id, email="ada@example.com", shipping_address=BERLIN)
    await small.shop.execute(describe, actor=me)
    await small.shop.execute(ChooseShipping(cart_id=cart_id, option_id="standard"), actor=me)
    return await small.shop.execute(await small.order_command(cart_id), actor=me)


async def test_f23_everybody_begins_it_at_once(branches: Branches) -> None:
    """F-23: the request, the schedule of each process, messages and people: one subscription for a line, begun once."""
    small = branches.first
    plan_id, coffee = await _plan(small)
    orders = [await _cart(small, number + 1, plan_id, coffee) for number in range(4)]
    async with small.storage.uow(small.context()) as tx:
        found: list[SubscriptionId] = [one for order in orders for one in await tx.subscriptions.of_order(order)]
    small.clock.forward(timedelta(minutes=2))
    acts = [
        outcome(branches.at(number).shop.execute(act))
        for number in range(4)
        for order_id, subscription_id in zip(orders, found, strict=True)
        for act in (ProcessPayment(order_id=order_id), CarryOnSubscription(subscription_id=subscription_id))
    ]
    acts += [outcome(carry_on_subscriptions(branch.shop)) for branch in branches.all]
    done = await asyncio.gather(*acts)
    assert not [one for one in done if isinstance(one, Exception) and not isinstance(one, ShopError)]
    small.clock.forward(timedelta(minutes=11))
    await carry_on_subscriptions(small.shop)
    rows = branches.rows
    assert await rows.one("SELECT count(*) FROM subscriptions WHERE status = 'active'") == len(orders)
    assert await rows.one("SELECT count(*) FROM events WHERE type = 'subscription.started'") == len(orders)
    assert len({subscription.ref for subscription in _at_provider(small)}) == len(orders)
    small.clock.forward(31 * DAY)
    await asyncio.gather(*(outcome(carry_on_subscriptions(branch.shop)) for branch in branches.all))
    await carry_on_subscriptions(small.shop)
    assert await rows.one("SELECT count(*) FROM renewals") == 2 * len(orders)
    assert [intent.captured for intent in small.books.intents.values()] == [COFFEE + DELIVERY] * 2 * len(orders)
    await branches.check()


def _at_provider(small: SmallShop) -> list[Any]:
    return [booked for booked in map(small.billing._books.get, _refs(small)) if booked is not None]


def _refs(small: SmallShop) -> list[str]:
    return [message.object_ref for message in small.billing.take_news() if message.event_type.endswith(".created")]
