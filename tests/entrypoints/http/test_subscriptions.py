"""Plans and subscriptions over HTTP: what staff offer, what customers do with it, and what is nobody else's."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
from attrs import define, evolve

from shop.application.messages import Actor
from shop.application.shop import Shop
from shop.domain.kernel.identifiers import UserId
from shop.entrypoints.http.app import create_app
from shop.entrypoints.worker.schedule import carry_on_subscriptions
from tests.entrypoints.http.sites import ADDRESS, BASE, UNLIMITED, OpenSite


@define(eq=False)
class SignedIn:
    """Knows two customers by their names, and everybody else as before."""

    keys: Any

    async def identify(self, credential: str) -> Actor:
        if credential in ("ada", "bob"):
            return Actor(kind="user", id=UserId(UUID(int=len(credential) + ord(credential[0]))))
        actor: Actor = await self.keys.identify(credential)
        return actor


@define(eq=False)
class Desk:
    """A site with customers who signed in, and a plan."""

    site: OpenSite
    ada: httpx.AsyncClient
    bob: httpx.AsyncClient
    staff: httpx.AsyncClient
    plan: dict[str, Any]

    async def subscribe(self, key: str = "s-1", **changes: Any) -> httpx.Response:
        body = {
            "plan_id": self.plan["id"],
            "method": "fake_card",
            "email": "ada@example.com",
            "quantity": 2,
            "shipping_address": ADDRESS,
            "shipping_option": "standard",
            **changes,
        }
        return await self.ada.post("/api/subscriptions", json=body, headers={"Idempotency-Key": key})

    async def later(self, days: int) -> None:
        for _ in range(days):
            self.site.small.clock.forward(timedelta(days=1))
            await carry_on_subscriptions(self.site.small.shop)


@pytest.fixture
async def desk(site: OpenSite) -> Desk:
    small = site.small
    small.shop = Shop(evolve(small.shop.ports, authenticator=SignedIn(small.shop.ports.authenticator)))
    transport = httpx.ASGITransport(app=create_app(small.shop, UNLIMITED))  # type: ignore[arg-type]

    def client(credential: str) -> httpx.AsyncClient:
        headers = {"Authorization": credential}
        return httpx.AsyncClient(transport=transport, base_url=BASE, headers=headers)

    staff = client(site.staff.headers["authorization"])
    variant = await small.product("coffee", price=1500, stock=100)
    new = {
        "code": "coffee-monthly",
        "name": "Coffee",
        "variant_id": str(variant),
        "interval": "month",
        "prices": [{"amount": 1500, "currency": "EUR"}],
    }
    plan = await staff.post("/api/plans", json=new)
    assert plan.status_code == 201, plan.text
    return Desk(site, client("Bearer ada"), client("Bearer bob"), staff, plan.json())


async def test_staff_offer_change_and_archive_plans(desk: Desk) -> None:
    path = f"/api/plans/{desk.plan['id']}"
    shown = await desk.site.guest.get(path)
    assert (shown.json()["interval"], shown.json()["interval_count"]) == ("month", 1)
    change = {"prices": [{"amount": 1700, "currency": "EUR"}], "trial_days": 7}
    assert (await desk.staff.patch(path, json=change)).status_code == 428
    changed = await desk.staff.patch(path, json=change, headers={"If-Match": shown.headers["etag"]})
    assert (changed.json()["prices"][0]["amount"], changed.json()["trial_days"]) == (1700, 7)
    stale = await desk.staff.delete(path, headers={"If-Match": shown.headers["etag"]})
    assert (stale.status_code, stale.json()["current"]["trial_days"]) == (412, 7)
    assert (await desk.staff.delete(path, headers={"If-Match": changed.headers["etag"]})).status_code == 204
    assert (await desk.site.guest.get(path)).status_code == 404
    assert (await desk.site.guest.get("/api/plans")).json()["data"] == []
    assert (await desk.subscribe()).json()["code"] == "plan_not_offered"
    again = {**change, "code": "coffee-monthly", "name": "Again", "variant_id": desk.plan["variant_id"]}
    taken = await desk.staff.post("/api/plans", json={**again, "interval": "week"})
    assert (taken.status_code, taken.json()["code"]) == (409, "plan_code_taken")
    endless = await desk.staff.post("/api/plans", json={**again, "interval": "year", "interval_count": 99})
    assert (endless.status_code, endless.json()["errors"][0]["pointer"]) == (422, "/interval_count")


async def test_a_customer_subscribes_once_and_the_first_period_is_paid(desk: Desk) -> None:
    answer = await desk.subscribe()
    assert answer.status_code == 201, answer.text
    subscription = answer.json()
    assert (subscription["status"], subscription["quantity"]) == ("active", 2)
    assert subscription["upcoming"]["amount"]["amount"] == 3000
    assert answer.headers["location"] == f"/api/subscriptions/{subscription['id']}"
    again = await desk.subscribe()
    assert (again.json()["id"], again.headers["idempotent-replayed"]) == (subscription["id"], "true")
    listed = (await desk.ada.get("/api/subscriptions")).json()["data"]
    assert [one["id"] for one in listed] == [subscription["id"]]
    assert len((await desk.staff.get("/api/admin/orders")).json()["data"]) == 1


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"quantity": 0}, 422, "validation_failed"),
        ({"shipping_address": None}, 422, "validation_failed"),
        ({"currency": "USD"}, 409, "plan_not_offered"),
        ({"currency": "XYZ"}, 422, "currency_unknown"),
        ({"plan_id": "plan_01jd8zc5w0e7ktmj9c2q8k4h1n"}, 404, "not_found"),
        ({"card": "4242"}, 422, "validation_failed"),
    ],
)
async def test_what_cannot_be_is_refused(desk: Desk, changes: dict[str, Any], status: int, code: str) -> None:
    answer = await desk.subscribe(**changes)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


async def test_a_change_is_shown_first(desk: Desk) -> None:
    path = f"/api/subscriptions/{(await desk.subscribe()).json()['id']}"
    desk.site.small.clock.forward(timedelta(days=15, hours=12))
    etag = {"If-Match": (await desk.ada.get(path)).headers["etag"]}
    shown = (await desk.ada.patch(path, json={"quantity": 4, "preview": True}, headers=etag)).json()
    assert (shown["credit"]["amount"], shown["charge"]["amount"], shown["net"]["amount"]) == (1500, 3000, 1500)
    assert shown["next_bill"]["amount"] == 4 * 1500 + 1500
    assert (await desk.ada.get(path)).json()["quantity"] == 2
    done = await desk.ada.patch(path, json={"quantity": 4}, headers=etag)
    assert {**done.json(), "preview": True} == shown
    now = await desk.ada.get(path)
    assert (now.json()["quantity"], now.json()["balance"]["amount"]) == (4, 1500)
    assert done.headers["etag"].split("-")[0] == now.headers["etag"].split("-")[0]
    assert (await desk.ada.patch(path, json={"quantity": 1}, headers=etag)).status_code == 412


async def test_pausing_resuming_and_ending(desk: Desk) -> None:
    path = f"/api/subscriptions/{(await desk.subscribe()).json()['id']}"
    for _ in range(2):
        assert (await desk.ada.post(f"{path}/pause")).json()["status"] == "paused"
    for _ in range(2):  # twice is once
        assert (await desk.ada.post(f"{path}/resume")).json()["status"] == "active"
    ending = (await desk.ada.post(f"{path}/cancel", json={"at_period_end": True})).json()
    assert (ending["status"], ending["cancel_at_period_end"], ending["upcoming"]) == ("active", True, None)
    assert (await desk.ada.post(f"{path}/pause")).json()["code"] == "subscription_not_pausable"
    assert not (await desk.ada.post(f"{path}/resume")).json()["cancel_at_period_end"]
    ended = (await desk.ada.post(f"{path}/cancel")).json()
    assert (ended["status"], ended["cancel_reason"]) == ("cancelled", "customer")


async def test_what_is_somebody_elses_does_not_exist(desk: Desk) -> None:
    path = f"/api/subscriptions/{(await desk.subscribe()).json()['id']}"
    answers = [
        await desk.bob.get(path),
        await desk.bob.patch(path, json={"quantity": 9}, headers={"If-Match": "*"}),
        await desk.bob.post(f"{path}/pause"),
        await desk.bob.post(f"{path}/resume"),
        await desk.bob.post(f"{path}/cancel"),
    ]
    assert {answer.status_code for answer in answers} == {404}
    assert (await desk.bob.get("/api/subscriptions")).json()["data"] == []
    assert (await desk.site.guest.get("/api/subscriptions")).status_code == 401
    assert (await desk.staff.get("/api/subscriptions")).status_code == 401  # a key is nobody's customer
    assert (await desk.ada.get("/api/admin/subscriptions")).status_code == 403


async def test_staff_see_what_is_behind_and_try_again(desk: Desk) -> None:
    path = f"/api/subscriptions/{(await desk.subscribe()).json()['id']}"
    change = {"method": "fake_card_declined"}
    assert (await desk.ada.patch(path, json=change, headers={"If-Match": "*"})).status_code == 200
    admin = path.replace("/api/", "/api/admin/")
    assert (await desk.staff.post(f"{admin}/retry")).json()["code"] == "subscription_cannot_move"
    await desk.later(31)
    [behind] = (await desk.staff.get("/api/admin/subscriptions?status=past_due,unpaid")).json()["data"]
    assert (behind["failed_tries"], behind["id"]) == (1, path.rsplit("/", 1)[1])
    assert behind["next_try_at"] is not None
    retried = (await desk.staff.post(f"{admin}/retry")).json()
    assert (retried["status"], retried["failed_tries"]) == ("past_due", 2)
    assert (await desk.ada.patch(path, json={"method": "fake_card"}, headers={"If-Match": "*"})).status_code == 200
    assert (await desk.staff.get(admin)).json()["status"] == "active"
    limited = await desk.site.key("payments:read")
    assert (await limited.get("/api/admin/subscriptions")).status_code == 403
