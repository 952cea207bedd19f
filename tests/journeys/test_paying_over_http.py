"""From the first look at the catalogue to a paid order, over HTTP, by settings alone: Stripe, 3-D Secure, a decline."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
import redis

from shop.adapters.stripe.news import HEADER
from tests.journeys.houses import ADDRESS, Buyers, House
from tests.stripe_stub import IN_A_WEEK, SECRET_KEY, WEBHOOK_SECRET, StripeStub, sign

pytestmark = [pytest.mark.journey, pytest.mark.integration, pytest.mark.timeout(180)]


async def test_nine_calls_on_postgresql_redis_and_stripe(postgres_shop: str, redis_url: str, tmp_path: Path) -> None:
    async with StripeStub(capture_before=IN_A_WEEK) as stripe:
        house = House(
            postgres_shop,
            tmp_path,
            {
                "SHOP_REDIS_URL": redis_url,
                "SHOP_RATE_LIMIT": "600/60",
                "SHOP_PAYMENTS": "stripe",
                "SHOP_STRIPE_SECRET_KEY": SECRET_KEY,
                "SHOP_STRIPE_WEBHOOK_SECRET": WEBHOOK_SECRET,
                "SHOP_STRIPE_API_BASE": stripe.url,
            },
        )
        await house.furnish(5)
        with house.server(workers=2) as server:
            await server.start()
            async with Buyers(server.url) as shopper:
                placed = await _nine_calls(shopper, "stripe_card")
                assert (placed["status"], placed["payment_status"]) == ("pending", "pending")
                client_secret = placed["payment"]["client_secret"]
                ref = client_secret.partition("_secret")[0]

                stripe.browser_confirms(client_secret, "pm_card_visa")
                body = stripe.event(ref, "payment_intent.amount_capturable_updated")
                forged = await _post(shopper, body, "whsec_of_somebody_else")
                assert (forged.status_code, forged.json()["code"]) == (400, "signature_rejected")
                assert (await shopper.seen(placed))["payment_status"] == "pending"
                for _ in range(3):
                    assert (await _post(shopper, body, WEBHOOK_SECRET)).json() == {"received": True}

                paid = await shopper.until_paid(placed)
                assert (paid["status"], paid["payment_status"]) == ("confirmed", "paid")
                intent = stripe.intent(ref)
                assert (intent["status"], intent["amount_received"]) == ("succeeded", paid["total"]["amount"])
            with redis.Redis.from_url(redis_url) as counters:
                assert counters.keys("hexshop:limit:*"), "callers are counted in Redis"
                assert counters.keys("hexshop:answer:*"), "answers are remembered in Redis"
            assert server.stop() == 0
        asked = [seen.headers["idempotency-key"] for seen in stripe.seen if seen.method == "POST"]
        assert len(asked) == len(set(asked)) == 2, "one intent, one capture"
        assert SECRET_KEY not in server.log.read_text()
        await house.check()


async def _nine_calls(shopper: Buyers, method: str) -> dict[str, Any]:
    """As the README has them."""
    listed = await _ok(shopper.get("/api/products?limit=1&expand=variants"))
    variant = listed["data"][0]["variants"][0]["id"]
    cart = await _ok(shopper.post("/api/carts", json={"currency": "EUR"}))
    path, token = f"/api/carts/{cart['id']}", {"Cart-Token": cart["cart_token"]}
    await _ok(shopper.post(f"{path}/items", json={"variant_id": variant, "quantity": 2}, headers=token))
    whom = {"email": "ada@example.com", "shipping_address": ADDRESS}
    await _ok(shopper.patch(path, json=whom, headers=token))
    options = (await _ok(shopper.get(f"{path}/shipping-options", headers=token)))["data"]
    chosen = {"option_id": options[0]["id"]}
    await _ok(shopper.put(f"{path}/shipping-option", json=chosen, headers=token))
    session = await _ok(
        shopper.post(
            "/api/payments/sessions",
            json={"cart_id": cart["id"], "method": method},
            headers={**token, "Idempotency-Key": "pay"},
        )
    )
    ready = await _ok(shopper.get(path, headers=token))
    body = {"cart_id": cart["id"], "cart_version": ready["version"], "payment_session_id": session["id"]}
    placed = await _ok(shopper.post("/api/orders", json=body, headers={**token, "Idempotency-Key": "order"}))
    assert placed["total"] == ready["total"]
    return placed


async def _ok(calling: Any) -> dict[str, Any]:
    answer: httpx.Response = await calling
    assert answer.status_code in (200, 201), answer.text
    made: dict[str, Any] = answer.json()
    return made


async def _post(shopper: Buyers, body: bytes, secret: str) -> httpx.Response:
    """A message of Stripe's, signed now."""
    json.loads(body)
    headers = {HEADER: sign(body, secret, datetime.now(UTC)), "Content-Type": "application/json"}
    return await shopper.post("/api/payments/webhooks/stripe", content=body, headers=headers)


async def test_a_challenge_and_a_second_card_on_the_fake_provider(postgres_shop: str, tmp_path: Path) -> None:
    house = House(postgres_shop, tmp_path)
    [variant] = await house.furnish(10)
    with house.server(workers=2) as server:
        await server.start()
        async with Buyers(server.url) as shopper:
            challenged = await shopper.basket(1, (variant, 1), method="fake_card_3ds")
            order = (await shopper.order(challenged)).json()
            assert (order["status"], order["payment"]["status"]) == ("pending", "requires_action")
            assert order["payment"]["next_action"]["kind"] == "confirm_in_browser"
            confirmed = await _confirm(shopper, challenged.cart, challenged.body["payment_session_id"])
            assert confirmed["status"] == "captured"
            assert (await shopper.seen(order))["payment_status"] == "paid"

            declined = await shopper.basket(2, (variant, 1), method="fake_card_declined")
            order = (await shopper.order(declined)).json()
            assert (order["status"], order["payment_status"]) == ("pending", "failed")
            assert order["payment"]["failure_code"] == "card_declined"
            another = await shopper.session(declined.cart, "fake_card")
            assert (await _confirm(shopper, declined.cart, another))["status"] == "captured"
            assert (await shopper.seen(order))["payment_status"] == "paid"
            again = (await shopper.order(declined)).json()
            assert (again["id"], again["payment_status"]) == (order["id"], "paid")
        assert server.stop() == 0
    assert await house.rows.one("SELECT count(*) FROM payment_attempts") == 2
    assert await house.rows.one("SELECT reserved FROM stock_levels") == 2
    await house.check()


async def _confirm(shopper: Buyers, cart: dict[str, Any], session: str) -> dict[str, Any]:
    token = {"Cart-Token": cart["cart_token"]}
    return await _ok(shopper.post(f"/api/payments/sessions/{session}/confirm", headers=token))
