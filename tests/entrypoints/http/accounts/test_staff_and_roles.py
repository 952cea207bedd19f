"""What staff do with people, and that nobody does more than they may."""

from datetime import timedelta

import pytest

from shop.application.commands.identity.setup import OfferSetup
from tests.entrypoints.http.accounts.people import PASSWORD, Person, Town

SIX_SECONDS = timedelta(seconds=6)


async def test_the_first_run_makes_an_owner_once(town: Town) -> None:
    assert (await town.guest.get("/api/auth/setup")).json()["open"] is True
    second = (await town.site.small.shop.execute(OfferSetup())).partition("token=")[2]
    owner = await town.owner()
    assert (await owner.client.get("/api/auth/session")).json()["scopes"] == ["*"]
    gone = await town.guest.get("/api/auth/setup")
    assert (gone.status_code, gone.json()["code"]) == (404, "setup_already_done")
    body = {"token": second, "email": "thief@example.com", "password": PASSWORD}
    assert (await town.guest.post("/api/auth/setup", json=body)).status_code == 404
    assert await town.site.small.shop.execute(OfferSetup()) == ""


async def test_s08_nobody_gives_more_than_they_have(town: Town) -> None:
    await town.owner()
    support = await town.staff("support@example.com", "support")
    own = f"/api/admin/users/{support.tokens['user_id']}"
    roles = {"role_ids": [await town.role("owner")]}
    assert (await support.client.put(f"{own}/roles", json=roles)).status_code == 403
    admin = await town.staff("admin@example.com", "admin")
    answer = await admin.client.put(f"{own}/roles", json=roles)
    assert (answer.status_code, answer.json()["code"]) == (403, "scope_missing")
    key = await admin.client.post("/api/admin/api-keys", json={"name": "k", "scopes": ["*"]})
    assert key.status_code == 403
    role = {"name": "all_of_it", "title": "All", "scopes": ["*"]}
    assert (await admin.client.post("/api/admin/roles", json=role)).status_code == 403
    etag = (await support.client.get(own.replace(support.tokens["user_id"], admin.tokens["user_id"]))).headers["etag"]
    target = f"/api/admin/users/{admin.tokens['user_id']}"
    taken = await support.client.patch(target, json={"name": "x"}, headers={"If-Match": etag})
    assert taken.status_code == 403


async def test_a_role_change_counts_within_five_seconds(town: Town) -> None:
    support = await town.staff("support@example.com", "support")
    assert (await support.client.get("/api/admin/orders")).status_code == 200
    path = f"/api/admin/users/{support.tokens['user_id']}/roles"
    assert (await town.site.staff.put(path, json={"role_ids": []})).status_code == 204
    town.site.small.clock.forward(SIX_SECONDS)
    assert (await support.client.get("/api/admin/orders")).status_code == 403


async def test_the_last_owner_stays(town: Town) -> None:
    owner = await town.owner()
    path = f"/api/admin/users/{owner.tokens['user_id']}"
    answer = await owner.client.put(f"{path}/roles", json={"role_ids": []})
    assert (answer.status_code, answer.json()["code"]) == (409, "owner_needed")
    etag = (await owner.client.get(path)).headers["etag"]
    suspended = await owner.client.patch(path, json={"status": "suspended"}, headers={"If-Match": etag})
    assert suspended.status_code == 409


async def test_suspending_somebody_ends_their_sessions(town: Town) -> None:
    ada = await town.person()
    path = f"/api/admin/users/{ada.tokens['user_id']}"
    shown = await town.site.staff.get(path)
    change = {"status": "suspended", "tags": ["fraud"], "note": "see ticket 7"}
    assert (await town.site.staff.patch(path, json=change)).status_code == 428
    answer = await town.site.staff.patch(path, json=change, headers={"If-Match": shown.headers["etag"]})
    assert (answer.json()["status"], answer.json()["tags"]) == ("suspended", ["fraud"])
    stale = await town.site.staff.patch(path, json=change, headers={"If-Match": shown.headers["etag"]})
    assert (stale.status_code, stale.json()["current"]["status"]) == (412, "suspended")
    town.site.small.clock.forward(SIX_SECONDS)
    assert (await ada.client.get("/api/users/me")).status_code == 401
    assert (await town.login(ada.email)).status_code == 401
    back = {"If-Match": answer.headers["etag"]}
    assert (await town.site.staff.patch(path, json={"status": "active"}, headers=back)).status_code == 200
    town.signed_in(await town.login(ada.email), ada.email)


async def test_a_lost_second_factor_is_taken_off(town: Town) -> None:
    ada = await town.person()
    assert (await town.site.staff.post(f"/api/admin/users/{ada.tokens['user_id']}/mfa/reset")).status_code == 204


async def test_people_as_staff_find_them(town: Town) -> None:
    await town.person()
    made = await town.site.staff.post("/api/admin/users", json={"email": "bob@example.com", "name": "Bob"})
    assert made.status_code == 201
    twice = await town.site.staff.post("/api/admin/users", json={"email": "BOB@example.com"})
    assert (twice.status_code, twice.json()["code"]) == (409, "email_taken")
    found = (await town.site.staff.get("/api/admin/users?q=bob&status=active")).json()["data"]
    assert [user["email"] for user in found] == ["bob@example.com"]
    assert (await town.site.staff.get(f"/api/admin/users/{made.json()['id']}")).json()["orders"] == 0


async def test_roles_of_the_shops_own(town: Town) -> None:
    role = {"name": "night_shift", "title": "Nights", "scopes": ["orders:read"]}
    made = await town.site.staff.post("/api/admin/roles", json=role)
    assert made.status_code == 201, made.text
    path, match = f"/api/admin/roles/{made.json()['id']}", {"If-Match": made.headers["etag"]}
    assert (await town.site.staff.post("/api/admin/roles", json=role)).json()["code"] == "role_name_taken"
    night = await town.staff("night@example.com", "night_shift")
    assert (await night.client.get("/api/admin/orders")).status_code == 200
    in_use = await town.site.staff.delete(path, headers={"If-Match": "*"})
    assert (in_use.status_code, in_use.json()["code"]) == (409, "role_in_use")
    # A role is saved when somebody gets it: what was read before is not what it is now.
    changed = await town.site.staff.patch(path, json={"scopes": ["payments:read"]}, headers=match)
    assert (changed.status_code, changed.json()["code"]) == (412, "version_mismatch")
    match = {"If-Match": (await town.site.staff.get(path)).headers["etag"]}
    assert (await town.site.staff.get(path.replace("role_", "role_7")[:-1])).status_code == 404
    changed = await town.site.staff.patch(path, json={"scopes": ["payments:read"]}, headers=match)
    assert changed.json()["scopes"] == ["payments:read"]
    town.site.small.clock.forward(SIX_SECONDS)
    assert (await night.client.get("/api/admin/orders")).status_code == 403
    owner_role = f"/api/admin/roles/{await town.role('owner')}"
    fixed = await town.site.staff.patch(owner_role, json={"title": "x"}, headers={"If-Match": "*"})
    assert fixed.json()["code"] == "role_built_in"
    named = {"name": "admin", "title": "Not that one", "scopes": ["orders:read"]}
    disguised = await town.site.staff.post("/api/admin/roles", json=named)
    assert (disguised.status_code, disguised.json()["code"]) == (409, "role_name_taken")
    unknown = {"name": "odd", "title": "Odd", "scopes": ["spaceships:write"]}
    assert (await town.site.staff.post("/api/admin/roles", json=unknown)).json()["code"] == "scope_unknown"
    free = await town.site.staff.post("/api/admin/roles", json={**role, "name": "free"})
    gone = await town.site.staff.delete(
        f"/api/admin/roles/{free.json()['id']}", headers={"If-Match": free.headers["etag"]}
    )
    assert gone.status_code == 204


async def test_an_invitation_makes_staff(town: Town) -> None:
    body = {"email": "lin@example.com", "role_ids": [await town.role("analyst")]}
    made = (await town.site.staff.post("/api/admin/invitations", json=body)).json()
    token = await town.token("lin@example.com", "invitation")
    path = f"/api/auth/invitations/{made['id']}/accept"
    wrong = await town.guest.post(path, json={"token": "wrong", "password": PASSWORD})
    assert (wrong.status_code, wrong.json()["code"]) == (400, "token_rejected")
    accepted = await town.guest.post(path, json={"token": token, "password": PASSWORD, "name": "Lin"})
    assert accepted.status_code == 204, accepted.text
    assert (await town.guest.post(path, json={"token": token, "password": PASSWORD})).status_code == 400
    lin = town.signed_in(await town.login("lin@example.com"), "lin@example.com")
    assert "analytics:read" in (await lin.client.get("/api/auth/session")).json()["scopes"]
    other = (await town.site.staff.post("/api/admin/invitations", json={**body, "email": "x@example.com"})).json()
    assert [each["id"] for each in (await town.site.staff.get("/api/admin/invitations")).json()["data"]] == [
        other["id"]
    ]
    assert (await town.site.staff.delete(f"/api/admin/invitations/{other['id']}")).status_code == 204
    assert (await town.site.staff.get("/api/admin/invitations")).json()["data"] == []


async def test_s44_keys_expire_rotate_and_end(town: Town) -> None:
    body = {"name": "till", "scopes": ["orders:read"], "expires_in_days": 1}
    made = (await town.site.staff.post("/api/admin/api-keys", json=body)).json()
    old = town.site.with_key(made["secret"])
    assert (await old.get("/api/admin/orders")).status_code == 200
    rotated = await town.site.staff.post(f"/api/admin/api-keys/{made['id']}/rotate", json={"overlap_hours": 1})
    new = town.site.with_key(rotated.json()["secret"])
    for client in (old, new):
        assert (await client.get("/api/admin/orders")).status_code == 200
    town.site.small.clock.forward(timedelta(hours=1, seconds=6))
    assert (await old.get("/api/admin/orders")).status_code == 401
    assert (await new.get("/api/admin/orders")).status_code == 200
    town.site.small.clock.forward(timedelta(days=1))
    assert (await new.get("/api/admin/orders")).status_code == 401
    open_to_all = await town.site.staff.post("/api/admin/api-keys", json={"name": "web", "kind": "publishable"})
    front = town.site.with_key(open_to_all.json()["secret"])
    assert open_to_all.json()["secret"].startswith("pk_test_")
    assert (await front.get("/api/products")).status_code == 200
    assert (await front.get("/api/admin/orders")).status_code == 403
    wrong = {"name": "web", "kind": "publishable", "scopes": ["orders:read"]}
    assert (await town.site.staff.post("/api/admin/api-keys", json=wrong)).status_code == 422


async def invited_by(town: Town, staff: Person, email: str, role: str) -> tuple[str, dict[str, str]]:
    """Where an invitation of theirs is accepted, and how."""
    body = {"email": email, "role_ids": [await town.role(role)]}
    made = await staff.client.post("/api/admin/invitations", json=body)
    assert made.status_code == 201, made.text
    taken = {"token": await town.token(email, "invitation"), "password": "own words of a friend", "name": "F"}
    return f"/api/auth/invitations/{made.json()['id']}/accept", taken


@pytest.mark.parametrize("change", ["no roles", "fewer roles", "suspended", "erased"])
async def test_s83_an_invitation_does_not_outlive_the_rights_of_whoever_made_it(change: str, town: Town) -> None:
    admin = await town.staff("admin@example.com", "admin")
    path, taken = await invited_by(town, admin, "friend@example.com", "admin")
    theirs = f"/api/admin/users/{admin.tokens['user_id']}"
    if change == "suspended":
        done = await town.site.staff.patch(theirs, json={"status": "suspended"}, headers={"If-Match": "*"})
    elif change == "erased":
        done = await town.site.staff.post(f"{theirs}/anonymise")
    else:
        left = [await town.role("support")] if change == "fewer roles" else []
        done = await town.site.staff.put(f"{theirs}/roles", json={"role_ids": left})
    assert done.is_success, done.text
    refused = await town.guest.post(path, json=taken)
    assert (refused.status_code, refused.json()["code"]) == (400, "token_rejected")
    assert (await town.login("friend@example.com", taken["password"])).status_code == 401


async def test_s83_an_invitation_of_somebody_who_may_still_give_it_is_good(town: Town) -> None:
    owner, admin = await town.owner(), await town.staff("admin@example.com", "admin")
    for staff, email in ((owner, "one@example.com"), (admin, "two@example.com")):
        path, taken = await invited_by(town, staff, email, "admin")
        assert (await town.guest.post(path, json=taken)).status_code == 204
        friend = town.signed_in(await town.login(email, taken["password"]), email)
        assert (await friend.client.get("/api/auth/session")).json()["roles"] == ["admin"]
