"""S-44: keys act for the people who made them, and for no longer than those may act themselves."""

from datetime import timedelta
from typing import Any

import httpx
import pytest
from attrs import evolve

from shop.application.commands.identity.keys import CreateApiKey
from shop.application.commands.store import ConfigureStore
from tests.entrypoints.http.accounts.people import PASSWORD, Person, Town
from tests.shops import SETTINGS, eur

SCOPES = ["apikeys:write", "customers:read", "refunds:write"]


async def minted(client: httpx.AsyncClient, *scopes: str, **more: Any) -> dict[str, Any]:
    body = {"name": "mine", "scopes": scopes or SCOPES, **more}
    answer = await client.post("/api/admin/api-keys", json=body)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def made_by(town: Town) -> dict[str, str | None]:
    listed = (await town.site.staff.get("/api/admin/api-keys")).json()["data"]
    return {key["id"]: key["created_by"] for key in listed}


def later(town: Town) -> None:
    """So long that nobody is believed without looking again."""
    town.site.small.clock.forward(timedelta(seconds=6))


async def change(town: Town, person: Person, **changes: Any) -> None:
    path, any_version = f"/api/admin/users/{person.tokens['user_id']}", {"If-Match": "*"}
    answer = await town.site.staff.patch(path, json=changes, headers=any_version)
    assert answer.status_code < 300, answer.text


async def test_a_key_says_who_made_it_and_a_key_of_a_key_as_well(town: Town) -> None:
    ada = await town.staff("ada@example.com", "admin")
    key = await minted(ada.client)
    of_key = await minted(town.site.with_key(key["secret"]))
    cli = await town.site.small.shop.execute(CreateApiKey(name="cli", scopes=frozenset({"*"})))
    assert key["created_by"] == ada.tokens["user_id"]
    makers = await made_by(town)
    assert (makers[key["id"]], makers[of_key["id"]], makers[str(cli.id)]) == (
        key["created_by"],
        key["created_by"],
        None,
    )


async def test_s44_the_keys_of_who_is_suspended_open_nothing(town: Town) -> None:
    ada = await town.staff("ada@example.com", "admin")
    first = await minted(ada.client)
    keys = [town.site.with_key(each["secret"]) for each in (first, await minted(town.site.with_key(first["secret"])))]
    assert [(await key.get("/api/admin/users")).status_code for key in keys] == [200, 200]
    shown = await minted(ada.client, kind="publishable", scopes=[])
    await change(town, ada, status="suspended")
    later(town)
    assert [(await key.get("/api/admin/users")).status_code for key in keys] == [401, 401]
    body = {"name": "again", "scopes": ["customers:read"]}
    assert (await keys[0].post("/api/admin/api-keys", json=body)).status_code == 401
    assert (await town.site.with_key(shown["secret"]).get("/api/products")).status_code == 200
    await change(town, ada, status="active")
    later(town)
    assert (await keys[0].get("/api/admin/users")).status_code == 200


async def test_s44_the_keys_of_who_was_erased_open_nothing(town: Town) -> None:
    ada = await town.staff("ada@example.com", "admin")
    key = town.site.with_key((await minted(ada.client))["secret"])
    assert (await ada.client.delete("/api/users/me")).status_code < 300
    later(town)
    assert (await key.get("/api/admin/users")).status_code == 401


@pytest.mark.parametrize(("left", "status"), [(("support",), 200), (("analyst",), 403), ((), 403)])
async def test_s44_a_key_loses_what_its_maker_loses(town: Town, left: tuple[str, ...], status: int) -> None:
    ada = await town.staff("ada@example.com", "admin")
    key = town.site.with_key((await minted(ada.client))["secret"])
    role_ids = [await town.role(name) for name in left]
    path = f"/api/admin/users/{ada.tokens['user_id']}/roles"
    assert (await town.site.staff.put(path, json={"role_ids": role_ids})).status_code == 204
    later(town)
    assert (await key.get("/api/admin/users")).status_code == status
    again = await key.post("/api/admin/api-keys", json={"name": "again", "scopes": ["customers:read"]})
    assert again.status_code == 403


async def test_s44_nobody_else_gets_a_new_secret_of_somebodys_key(town: Town) -> None:
    ada, bob = await town.staff("ada@example.com", "admin"), await town.staff("bob@example.com", "admin")
    key, shown = await minted(ada.client), await minted(ada.client, kind="publishable", scopes=[])
    for client in (bob.client, town.site.staff):
        refused = await client.post(f"/api/admin/api-keys/{key['id']}/rotate")
        assert (refused.status_code, refused.json()["code"]) == (403, "key_of_another")
    of_shop = await minted(town.site.staff)
    for client in (bob.client, town.site.with_key((await minted(bob.client))["secret"])):
        refused = await client.post(f"/api/admin/api-keys/{of_shop['id']}/rotate")
        assert (refused.status_code, refused.json()["code"]) == (403, "key_of_another"), "it would outlast their rights"
    assert (await town.site.staff.post(f"/api/admin/api-keys/{of_shop['id']}/rotate")).status_code == 200
    assert (await bob.client.post(f"/api/admin/api-keys/{shown['id']}/rotate")).status_code == 200
    rotated = await ada.client.post(f"/api/admin/api-keys/{key['id']}/rotate")
    assert rotated.json()["created_by"] == ada.tokens["user_id"]
    assert (await bob.client.delete(f"/api/admin/api-keys/{key['id']}")).status_code == 204


async def test_s15_nobody_approves_their_own_refund_by_a_key_of_theirs(town: Town) -> None:
    small = town.site.small
    await small.shop.execute(ConfigureStore(store=evolve(SETTINGS.store, refund_limits=(eur(100),))))
    ada, bob = await town.staff("ada@example.com", "admin"), await town.staff("bob@example.com", "admin")
    order = (await town.site.order(await town.site.cart((await small.product(), 2)))).json()
    address, once = f"/api/admin/payments/{order['payment']['id']}/refunds", {"Idempotency-Key": "1"}
    wish = (await ada.client.post(address, json={"full": True}, headers=once)).json()
    assert wish["status"] == "pending_approval"
    approve = f"/api/admin/refunds/{wish['id']}/approve"
    key = town.site.with_key((await minted(ada.client))["secret"])
    of_key = town.site.with_key((await minted(key))["secret"])
    for client in (ada.client, key, of_key, town.site.staff):
        refused = await client.post(approve)
        assert (refused.status_code, refused.json()["code"]) == (403, "second_person_needed")
    agreed = await town.site.with_key((await minted(bob.client))["secret"]).post(approve)
    assert agreed.status_code == 200, agreed.text


async def test_s83_an_invitation_by_a_key_ends_with_the_rights_of_its_maker(town: Town) -> None:
    ada = await town.staff("ada@example.com", "admin")
    key = town.site.with_key((await minted(ada.client, "staff:write", "customers:read"))["secret"])
    role = {"name": "readers", "title": "Readers", "scopes": ["customers:read"]}
    made = (await town.site.staff.post("/api/admin/roles", json=role)).json()
    body = {"email": "lin@example.com", "role_ids": [made["id"]]}
    invited = await key.post("/api/admin/invitations", json=body)
    assert invited.status_code == 201, invited.text
    token = await town.token("lin@example.com", "invitation")
    await change(town, ada, status="suspended")
    accept = f"/api/auth/invitations/{invited.json()['id']}/accept"
    refused = await town.guest.post(accept, json={"token": token, "password": PASSWORD, "name": "Lin"})
    assert (refused.status_code, refused.json()["code"]) == (400, "token_rejected")
