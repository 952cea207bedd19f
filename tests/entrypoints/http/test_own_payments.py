"""A customer's own payments and refunds over HTTP."""

import pytest

from tests.entrypoints.http.accounts.people import Town
from tests.entrypoints.http.sites import OpenSite

PATH = "/api/payments"
STAFFS_BUSINESS = ("note", "reason", "requested_by", "approved_by", "provider_ref", "client_secret", "attempts")


@pytest.fixture
def town(site: OpenSite) -> Town:
    return Town(site)


async def test_a_customer_sees_payments_and_refunds(town: Town) -> None:
    variant = await town.site.small.product(stock=9)
    placed = (await town.site.order(await town.site.cart((variant, 1)))).json()
    ada = await town.person()  # who proves the address, so the guest's order is theirs
    await town.settle()
    [listed] = (await ada.client.get(PATH)).json()["data"]
    assert listed["order_id"] == placed["id"]
    assert (listed["object"], listed["status"], listed["order_number"]) == ("payment", "captured", placed["number"])
    assert (listed["method"], listed["amount"], listed["refunds"]) == ("fake_card", placed["total"], [])
    refund = await town.site.staff.post(
        f"/api/admin/payments/{listed['id']}/refunds",
        json={"amount": {"amount": 100, "currency": "EUR"}, "note": "between us", "reason": "fraud"},
        headers={"Idempotency-Key": "r"},
    )
    assert refund.status_code == 201, refund.text
    answer = await ada.client.get(f"{PATH}/{listed['id']}")
    [back] = answer.json()["refunds"]
    assert (back["amount"]["amount"], back["status"]) == (100, "succeeded")
    assert answer.headers["cache-control"] == "private, no-store"
    assert not [word for word in STAFFS_BUSINESS if f'"{word}"' in answer.text]
    assert "between us" not in answer.text
    again = await ada.client.get(f"{PATH}/{listed['id']}", headers={"If-None-Match": answer.headers["etag"]})
    assert again.status_code == 304


async def test_s01_another_persons_payment_is_not_there(town: Town) -> None:
    variant = await town.site.small.product(stock=9)
    await town.site.order(await town.site.cart((variant, 1)))
    ada, bob = await town.person(), await town.person("bob@example.com")
    [hers] = (await ada.client.get(PATH)).json()["data"]
    answer = await bob.client.get(f"{PATH}/{hers['id']}")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert (await bob.client.get(PATH)).json()["data"] == []
    assert (await town.guest.get(PATH)).status_code == 401


async def test_the_list_comes_in_pages(town: Town) -> None:
    for number in range(3):
        variant = await town.site.small.product(f"shirt-{number}", stock=9)
        await town.site.order(await town.site.cart((variant, 1)), key=f"k{number}")
    ada = await town.person()
    await town.settle()
    first = (await ada.client.get(f"{PATH}?limit=2&include=total")).json()
    assert (len(first["data"]), first["page"]["total"]) == (2, 3)
    rest = (await ada.client.get(f"{PATH}?limit=2&after={first['page']['next']}")).json()
    assert len(rest["data"]) == 1
    assert len({one["id"] for one in [*first["data"], *rest["data"]]}) == 3
