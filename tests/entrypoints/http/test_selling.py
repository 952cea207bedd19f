"""From the first look at the catalogue to a paid order, over HTTP."""

import asyncio

import httpx
import pytest

from shop.application.commands.carts import DescribeCart
from shop.application.ports.payments import PaymentProviderUnavailable
from tests.entrypoints.http.sites import ADDRESS, OpenSite
from tests.shops import BERLIN


async def test_the_nine_calls_end_in_a_paid_order(site: OpenSite, client: httpx.AsyncClient) -> None:
    await site.small.product()
    listed = (await client.get("/api/products?limit=1&expand=variants")).json()
    variant = listed["data"][0]["variants"][0]["id"]
    opened = (await client.post("/api/carts", json={"currency": "EUR"})).json()
    path, token = f"/api/carts/{opened['id']}", {"Cart-Token": opened["cart_token"]}
    added = await client.post(f"{path}/items", json={"variant_id": variant, "quantity": 2}, headers=token)
    assert added.status_code == 201
    described = await client.patch(path, json={"email": "ada@example.com", "shipping_address": ADDRESS}, headers=token)
    assert described.json()["shipping_address"]["country"] == "DE"
    options = (await client.get(f"{path}/shipping-options", headers=token)).json()["data"]
    assert [option["id"] for option in options] == ["standard", "express"]
    chosen = await client.put(f"{path}/shipping-option", json={"option_id": "standard"}, headers=token)
    cart = {**chosen.json(), "cart_token": opened["cart_token"]}
    placed = await site.order(cart, expected_total=cart["total"])
    assert placed.status_code == 201
    order = placed.json()
    assert (order["status"], order["payment_status"]) == ("confirmed", "paid")
    assert order["total"] == {"amount": 2 * 1999 + 490, "currency": "EUR", "display": "€44.88"}
    again = await client.get(placed.headers["location"], headers={"Order-Token": order["order_token"]})
    assert again.json() == {name: value for name, value in order.items() if name != "order_token"}


async def test_what_is_not_yours_is_not_there(site: OpenSite, client: httpx.AsyncClient) -> None:
    cart = await site.cart((await site.small.product(), 1))
    order = (await site.order(cart)).json()
    assert (await client.get(f"/api/carts/{cart['id']}")).status_code == 404
    assert (await client.get(f"/api/carts/{cart['id']}", headers={"Cart-Token": "x"})).status_code == 404
    mine = await client.get(f"/api/orders/{order['id']}", headers={"Order-Token": cart["cart_token"]})
    nobodys = await client.get("/api/orders/order_01jd8zc5w0e7ktmj9c2q8k4h1n")
    assert mine.status_code == nobodys.status_code == 404
    assert mine.json()["code"] == nobodys.json()["code"] == "not_found"


async def test_a_declined_card_leaves_an_order_to_pay_again(site: OpenSite, client: httpx.AsyncClient) -> None:
    cart = await site.cart((await site.small.product(), 1))
    declined = await site.order(cart, method="fake_card_declined")
    assert declined.status_code == 201
    assert (declined.json()["status"], declined.json()["payment"]["status"]) == ("pending", "failed")
    assert declined.json()["payment"]["failure_code"]
    session = await site.session(cart, "fake_card")
    confirmed = await client.post(f"/api/payments/sessions/{session}/confirm", headers=site.token(cart))
    assert confirmed.status_code == 200
    token = {"Order-Token": declined.json()["order_token"]}
    assert (await client.get(f"/api/orders/{declined.json()['id']}", headers=token)).json()["payment_status"] == "paid"


async def test_three_d_secure_waits_for_the_shopper(site: OpenSite, client: httpx.AsyncClient) -> None:
    cart = await site.cart((await site.small.product(), 1))
    placed = (await site.order(cart, method="fake_card_3ds")).json()
    assert placed["payment"]["next_action"]["kind"] == "confirm_in_browser"
    assert placed["payment"]["client_secret"]
    session = await site.session(cart, "fake_card_3ds")
    shown = await client.get(f"/api/payments/sessions/{session}", headers=site.token(cart))
    assert shown.json()["status"] in ("open", "requires_action")
    confirmed = await client.post(f"/api/payments/sessions/{session}/confirm", headers=site.token(cart))
    assert confirmed.json()["status"] == "captured"


async def test_f46_the_session_of_an_order_that_costs_nothing_is_over_as_soon_as_it_is_placed(
    site: OpenSite, client: httpx.AsyncClient
) -> None:
    sample = await site.small.product("sample", price=0, requires_shipping=False)
    cart_id = await site.small.cart((sample, 1), ready=False)
    token = {"Cart-Token": site.small.guest(cart_id).token}
    described = DescribeCart(cart_id=cart_id, email="ada@example.com", billing_address=BERLIN)
    await site.small.shop.execute(described)
    command = await site.small.order_command(cart_id)
    address = f"/api/payments/sessions/{command.payment_session_id}"
    before = (await client.get(address, headers=token)).json()
    order_id = await site.small.shop.execute(command)
    after = (await client.get(address, headers=token)).json()
    assert [(shown["status"], shown["order_id"]) for shown in (before, after)] == [
        ("open", None),
        ("captured", str(order_id)),
    ]
    confirmed = await client.post(f"{address}/confirm", headers=token)
    assert (confirmed.status_code, confirmed.json()) == (200, after)


async def test_an_order_stands_while_the_provider_is_away(
    site: OpenSite, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    cart = await site.cart((await site.small.product(), 1))

    async def away(request: object) -> None:
        raise PaymentProviderUnavailable

    with monkeypatch.context() as patched:
        patched.setattr(site.small.provider, "create_intent", away)
        placed = await site.order(cart)
    assert placed.status_code == 201
    assert (placed.json()["status"], placed.json()["payment"]["status"]) == ("pending", "new")
    repeated = await site.order(cart)
    assert repeated.headers["idempotent-replayed"] == "true"
    assert repeated.json()["id"] == placed.json()["id"]
    assert repeated.json()["payment_status"] == "paid"


async def test_an_order_survives_a_mistake_of_ours_after_it(site: OpenSite, monkeypatch: pytest.MonkeyPatch) -> None:
    cart = await site.cart((await site.small.product(), 1))

    async def broken(request: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(site.small.provider, "create_intent", broken)
    placed = await site.order(cart)
    assert (placed.status_code, placed.json()["status"]) == (201, "pending")


async def test_a_client_that_hangs_up_has_its_order_nevertheless(
    site: OpenSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    cart = await site.cart((await site.small.product(), 1))
    await site.session(cart)
    begun, create = asyncio.Event(), site.small.provider.create_intent

    async def slow(request: object) -> object:
        begun.set()
        await asyncio.sleep(0.01)
        return await create(request)  # type: ignore[arg-type]

    monkeypatch.setattr(site.small.provider, "create_intent", slow)
    request = asyncio.create_task(site.order(cart))
    await begun.wait()
    request.cancel()
    await asyncio.gather(request, return_exceptions=True)
    await asyncio.sleep(0.05)
    repeated = await site.order(cart)
    assert repeated.json()["payment_status"] == "paid"


async def test_a_changed_cart_is_shown_with_the_refusal(site: OpenSite, client: httpx.AsyncClient) -> None:
    cart = await site.cart((await site.small.product(), 1))
    note = await client.patch(f"/api/carts/{cart['id']}", json={"note": "ring twice"}, headers=site.token(cart))
    refused = await site.order(cart)
    assert (refused.status_code, refused.json()["code"]) == (412, "cart_changed")
    assert refused.json()["current"] == note.json()
    fresh = {**note.json(), "cart_token": cart["cart_token"]}
    cheaper = {**cart["total"], "amount": 1}
    assert (await site.order(fresh, key="2", expected_total=cheaper)).json()["code"] == "cart_changed"
    assert (await site.order(fresh, key="3")).status_code == 201


async def test_stock_that_is_gone_is_a_conflict_with_what_is_left(site: OpenSite, client: httpx.AsyncClient) -> None:
    variant = await site.small.product(stock=1)
    first, second = await site.cart((variant, 1)), await site.cart((variant, 1))
    assert (await site.order(first)).status_code == 201
    lost = await site.order(second)
    assert (lost.status_code, lost.json()["code"]) == (409, "insufficient_stock")
    assert lost.json()["errors"][0]["meta"]["available"] == 0
    more = await client.post(
        f"/api/carts/{second['id']}/items", json={"variant_id": str(variant)}, headers=site.token(second)
    )
    assert (more.status_code, more.json()["code"]) == (422, "insufficient_stock")
    assert more.json()["errors"][0]["pointer"] == "/quantity"


async def test_buyers_and_staff_cancel_what_is_not_paid(site: OpenSite, staff: httpx.AsyncClient) -> None:
    variant = await site.small.product()
    waiting = (await site.order(await site.cart((variant, 1)), method="fake_card_declined")).json()
    token = {"Order-Token": waiting["order_token"]}
    cancelled = await site.guest.post(f"/api/orders/{waiting['id']}/cancel", headers=token)
    assert (cancelled.status_code, cancelled.json()["status"]) == (200, "cancelled")
    twice = await site.guest.post(f"/api/orders/{waiting['id']}/cancel", json={"reason": "again"}, headers=token)
    assert twice.json()["cancel_reason"] == "customer"
    paid = (await site.order(await site.cart((variant, 1)))).json()
    refused = await staff.post(f"/api/admin/orders/{paid['id']}/cancel", json={"reason": "fraud"})
    assert (refused.status_code, refused.json()["code"]) == (409, "order_not_cancellable")


async def test_lines_change_and_go(site: OpenSite, client: httpx.AsyncClient) -> None:
    cart = await site.cart((await site.small.product(), 2), ready=False)
    path = f"/api/carts/{cart['id']}/items/{cart['items'][0]['id']}"
    changed = await client.patch(path, json={"quantity": 5}, headers=site.token(cart))
    assert changed.json()["items"][0]["quantity"] == 5
    gone = await client.delete(path, headers=site.token(cart))
    assert (gone.status_code, gone.json()["items"]) == (200, [])
    assert (await client.delete(path, headers=site.token(cart))).status_code == 404


async def test_addresses_and_metadata_are_merge_patched(site: OpenSite, client: httpx.AsyncClient) -> None:
    cart = await site.cart(ready=False)
    path, token = f"/api/carts/{cart['id']}", site.token(cart)
    await client.patch(path, json={"metadata": {"a": "1", "b": "2"}, "billing_address": ADDRESS}, headers=token)
    answer = await client.patch(path, json={"metadata": {"a": None, "c": "3"}, "billing_address": None}, headers=token)
    assert answer.json()["metadata"] == {"b": "2", "c": "3"}
    assert answer.json()["billing_address"] is None
    wrong = await client.patch(path, json={"shipping_address": {**ADDRESS, "country": "UK"}}, headers=token)
    assert (wrong.status_code, wrong.json()["code"]) == (422, "address_incomplete")
    assert wrong.json()["errors"][0]["pointer"] == "/shipping_address/country"


async def test_what_a_change_answers_is_what_is_read_afterwards(site: OpenSite, client: httpx.AsyncClient) -> None:
    variant = await site.small.product()
    opened = await client.post("/api/carts", json={"currency": "EUR"})
    path, token = opened.headers["location"], {"Cart-Token": opened.json()["cart_token"]}

    async def as_read(answer: httpx.Response) -> None:
        read = await client.get(path, headers=token)
        shown = {name: value for name, value in answer.json().items() if name != "cart_token"}
        assert (shown, answer.headers["etag"]) == (read.json(), read.headers["etag"])

    await as_read(opened)
    added = await client.post(f"{path}/items", json={"variant_id": str(variant), "quantity": 2}, headers=token)
    await as_read(added)
    line = f"{path}/items/{added.json()['items'][0]['id']}"
    await as_read(await client.patch(line, json={"quantity": 3}, headers=token))
    await as_read(await client.patch(path, json={"email": "a@example.com", "shipping_address": ADDRESS}, headers=token))
    await as_read(await client.put(f"{path}/shipping-option", json={"option_id": "express"}, headers=token))
    await as_read(await client.delete(line, headers=token))


async def test_a_cart_changes_only_at_the_version_that_was_asked_for(site: OpenSite, client: httpx.AsyncClient) -> None:
    cart = await site.cart((await site.small.product(), 1))
    path, token = f"/api/carts/{cart['id']}", site.token(cart)
    known = (await client.get(path, headers=token)).headers["etag"]
    changed = await client.patch(path, json={"note": "ring twice"}, headers={**token, "If-Match": known})
    assert (changed.status_code, changed.json()["note"]) == (200, "ring twice")
    late = await client.patch(path, json={"note": "knock"}, headers={**token, "If-Match": known})
    assert (late.status_code, late.json()["code"]) == (412, "version_mismatch")
    assert late.json()["current"] == changed.json()
    odd = await client.patch(path, json={"note": "knock"}, headers={**token, "If-Match": '"mine"'})
    assert odd.status_code == 412
    anyhow = await client.patch(path, json={"note": "knock"}, headers={**token, "If-Match": "*"})
    assert (anyhow.status_code, anyhow.json()["note"]) == (200, "knock")
