"""Every route, asked by everybody: made from the table of endpoints, so a new route is in it by itself.

What a role may not do is refused before anything else of the request is looked at. What belongs to somebody else is
answered as what is not there at all, and nothing of it changes.
"""

import re
from collections.abc import Mapping
from typing import Any

import httpx
import pytest
from attrs import define

from shop.application.commands.identity.keys import CreateApiKey
from shop.domain.identity import BUILT_IN, KeyKind, Passkey, Role, beyond
from shop.domain.kernel.identifiers import Identifier, PasskeyId, UserId
from shop.entrypoints.http.endpoints import Endpoint, Who
from shop.entrypoints.http.table import ENDPOINTS
from tests.entrypoints.http.accounts.people import Person, Town
from tests.entrypoints.http.security.rows import headers_of, path_of
from tests.entrypoints.http.sites import ADDRESS, OpenSite

REFUSED = frozenset({"authentication_required", "credentials_rejected", "scope_missing"})
ROLES: list[Role] = list(BUILT_IN.values())
STAFF_ROWS = [row for row in ENDPOINTS if row.who is Who.STAFF]
CUSTOMER_ROWS = [row for row in ENDPOINTS if row.who is Who.CUSTOMER]
OWNED_ROWS = [row for row in ENDPOINTS if row.who in (Who.CUSTOMER, Who.GUEST) and row.parameters]
# The account elsewhere of whoever asks: there is no other's to name.
OWN_BY_NAME = frozenset({"me_provider_disconnect"})
TABLES = ("users", "carts", "orders", "payments", "payment_sessions", "subscriptions", "exports", "levels", "wallets")


@pytest.fixture
def town(site: OpenSite) -> Town:
    return Town(site)


async def ask(client: httpx.AsyncClient, row: Endpoint, path: str, *, body: Any = None, **more: str) -> httpx.Response:
    """The row's request, with what it insists on besides."""
    headers = {**headers_of(row), **more}
    if body is None:
        headers.pop("Content-Type", None)
        return await client.request(row.method, path, headers=headers)
    return await client.request(row.method, path, json=body, headers=headers)


def code_of(answer: httpx.Response) -> str:
    assert answer.status_code < 500, answer.text
    return str(answer.json().get("code", "")) if answer.status_code >= 400 else ""


class TestRoles:
    """Which role may call what: the scopes say it, and the door asks them first of all."""

    @pytest.mark.parametrize("role", ROLES, ids=[role.name for role in ROLES])
    async def test_s01_s12_each_role_reaches_what_its_scopes_say_and_nothing_else(self, town: Town, role: Role) -> None:
        person = await town.staff(f"{role.name}@example.com", role.name)
        wrong = {}
        for row in STAFF_ROWS:
            may = not beyond({row.scope}, role.scopes)
            code = code_of(await ask(person.client, row, path_of(row)))
            if (code in REFUSED) == may:
                wrong[row.operation_id] = (row.scope, code)
        assert not wrong

    async def test_s01_s12_nobody_customers_and_keys_without_scopes_reach_nothing_of_the_staff(
        self, town: Town
    ) -> None:
        customer = await town.person()
        publishable = await town.site.small.shop.execute(CreateApiKey(name="pk", kind=KeyKind.PUBLISHABLE))
        bare = await town.site.key("settings:read")
        callers = {
            "nobody": (town.guest, "authentication_required"),
            "customer": (customer.client, "scope_missing"),
            "publishable key": (town.site.with_key(publishable.secret), "scope_missing"),
            "key for something else": (bare, "scope_missing"),
            "made-up key": (town.site.with_key("sk_test_made_up"), "credentials_rejected"),
        }
        wrong = {}
        for row in STAFF_ROWS:
            for name, (client, expected) in callers.items():
                if name == "key for something else" and row.scope == "settings:read":
                    continue
                code = code_of(await ask(client, row, path_of(row)))
                if code != expected:
                    wrong[row.operation_id, name] = code
        assert not wrong

    async def test_s01_what_is_of_people_is_for_people(self, town: Town) -> None:
        key, wrong = await town.site.key("*"), {}
        for row in CUSTOMER_ROWS:
            for name, client in (("nobody", town.guest), ("key", key)):
                code = code_of(await ask(client, row, path_of(row)))
                if code != "authentication_required":
                    wrong[row.operation_id, name] = code
        assert not wrong

    async def test_people_reach_what_is_of_people(self, town: Town) -> None:
        wrong = {}
        for number, row in enumerate(CUSTOMER_ROWS):
            person = await town.person(f"p{number}@example.com")
            code = code_of(await ask(person.client, row, path_of(row)))
            if code in REFUSED:
                wrong[row.operation_id] = code
        assert not wrong


@define
class Belongings:
    """Ids of what belongs to one person or one guest, by route, and the tokens that open it."""

    ids: Mapping[str, Mapping[str, str]]
    tokens: Mapping[str, str]

    def path(self, row: Endpoint, *, missing: bool = False) -> str:
        """The row's address of what is theirs; or of what nobody has, in the same form."""
        prefix = max((known for known in self.ids if row.path.startswith(known)), key=len)
        path = row.path
        for name in row.parameters:
            value = self.ids[prefix][name]
            path = path.replace("{" + name + "}", _nobodys(value) if missing else value)
        return path


def _nobodys(value: str) -> str:
    return f"{value[:-6]}zzzzzz"


async def belongings_of_a_person(town: Town, ada: Person) -> Belongings:
    """Something of everything that somebody can have."""
    site, small = town.site, town.site.small
    variant = await small.product("one", stock=9)
    cart = await site.cart((variant, 1))
    claimed = await ada.client.post(f"/api/carts/{cart['id']}/claim", headers={"Cart-Token": cart["cart_token"]})
    assert claimed.status_code == 200, claimed.text
    session = await ada.client.post(
        "/api/payments/sessions",
        json={"cart_id": cart["id"], "method": "fake_card"},
        headers={"Idempotency-Key": "session"},
    )
    address = await ada.client.post("/api/users/me/addresses", json={"address": ADDRESS})
    export = await ada.client.post("/api/users/me/export")
    plan = {
        "code": "tea",
        "name": "Tea",
        "variant_id": str(variant),
        "interval": "month",
        "prices": [{"amount": 900, "currency": "EUR"}],
    }
    made = await site.staff.post("/api/plans", json=plan, headers={"Idempotency-Key": "plan"})
    assert made.status_code == 201, made.text
    wanted = {
        "plan_id": made.json()["id"],
        "method": "fake_card",
        "email": ada.email,
        "quantity": 1,
        "shipping_address": ADDRESS,
        "shipping_option": "standard",
    }
    subscribed = await ada.client.post("/api/subscriptions", json=wanted, headers={"Idempotency-Key": "sub"})
    assert subscribed.status_code == 201, subscribed.text
    await ada.client.post("/api/payments/saved-methods")
    saved = await ada.client.get("/api/payments/saved-methods")
    orders = (await ada.client.get("/api/orders")).json()["data"]
    payments = (await ada.client.get("/api/payments")).json()["data"]
    return Belongings(
        ids={
            "/api/carts": {"id": cart["id"], "item_id": cart["items"][0]["id"]},
            "/api/payments": {"id": payments[0]["id"]},
            "/api/payments/sessions": {"id": session.json()["id"]},
            "/api/payments/saved-methods": {"id": saved.json()["data"][0]["id"]},
            "/api/orders": {"id": orders[0]["id"]},
            "/api/users/me/addresses": {"id": address.json()["id"]},
            "/api/users/me/exports": {"id": export.json()["id"]},
            "/api/auth/sessions": {"session_id": ada.tokens["session_id"]},
            "/api/auth/passkeys": {"passkey_id": await _passkey(town, ada)},
            "/api/subscriptions": {"id": subscribed.json()["id"]},
        },
        tokens={"Cart-Token": cart["cart_token"]},
    )


async def _passkey(town: Town, ada: Person) -> str:
    small = town.site.small
    key_id, now = small.ids.new(PasskeyId), small.clock.now()
    async with small.storage.uow(small.context()) as tx:
        user = await tx.users.get(UserId.parse(ada.tokens["user_id"]))
        passkey = Passkey(id=key_id, name="", credential_id=b"c", public_key=b"p", sign_count=0, created_at=now)
        user.add_passkey(passkey, now)
        tx.users.save(user)
    return str(key_id)


async def belongings_of_a_guest(town: Town) -> Belongings:
    variant = await town.site.small.product("two", stock=9)
    ordered = await town.site.cart((variant, 1))
    placed = (await town.site.order(ordered, key="guest")).json()
    cart = await town.site.cart((variant, 1))
    return Belongings(
        ids={
            "/api/carts": {"id": cart["id"], "item_id": cart["items"][0]["id"]},
            "/api/payments/sessions": {"id": await town.site.session(cart)},
            "/api/orders": {"id": placed["id"]},
        },
        tokens={"Cart-Token": cart["cart_token"], "Order-Token": placed["order_token"]},
    )


def kept(town: Town) -> dict[str, str]:
    """All that is stored of what people have, as text."""
    tables = town.site.small.tables
    return {name: repr(getattr(tables, name)) for name in TABLES}


def _faceless(answer: httpx.Response, path: str) -> tuple[int, str]:
    """An answer without what tells one request from another: the id that was asked for, and the request's own."""
    text = answer.text.replace(path, "PATH")
    for part in path.split("/"):
        if "_" in part and any(character.isdigit() for character in part):
            text = text.replace(part, "ID")
    return answer.status_code, re.sub(r'"request_id":"[^"]*"', "", text)


class TestOwnership:
    """What is somebody else's is not there."""

    async def _look(self, town: Town, theirs: Belongings, others: Mapping[str, Any], rows: list[Endpoint]) -> None:
        before, wrong = kept(town), {}
        for row in rows:
            for name, (client, tokens) in others.items():
                known = {row.token: tokens[row.token]} if row.token and tokens.get(row.token) is not None else {}
                body = dict(row.example) if row.body is not None else None
                asked = []
                for missing in (False, True):
                    path = theirs.path(row, missing=missing)
                    answer = await ask(client, row, path, body=body, **known)
                    asked.append(_faceless(answer, path))
                status = asked[0][0]
                refused = 401 if row.who is Who.CUSTOMER and name in ("nobody", "another guest") else 404
                if asked[0] != asked[1] or status != refused:
                    wrong[row.operation_id, name] = asked
        assert not wrong, wrong
        assert kept(town) == before

    def _tokens(self, theirs: Belongings) -> dict[str, dict[str, str]]:
        """Guests' tokens that open nothing: none, an empty one, and what programs write for nothing."""
        return {
            "nobody": {},
            "empty": dict.fromkeys(("Cart-Token", "Order-Token"), ""),
            "null": dict.fromkeys(("Cart-Token", "Order-Token"), "null"),
            "id": dict.fromkeys(("Cart-Token", "Order-Token"), theirs.ids["/api/carts"]["id"]),
        }

    async def test_s01_s03_s05_what_a_person_has_is_not_there_for_others(self, town: Town) -> None:
        ada, bob = await town.person(), await town.person("bob@example.com")
        theirs = await belongings_of_a_person(town, ada)
        guest = await belongings_of_a_guest(town)
        await town.settle()
        others: dict[str, Any] = {
            "nobody": (town.guest, {}),
            "another": (bob.client, {}),
            "another guest": (town.guest, guest.tokens),
        }
        # One's own session is found by what one holds, and signing another's out tells as little.
        rows = [row for row in OWNED_ROWS if row.operation_id not in OWN_BY_NAME]
        await self._look(town, theirs, others, rows)
        for row in rows:
            if row.method == "GET":
                answer = await ask(ada.client, row, theirs.path(row))
                assert answer.status_code == 200, (row.operation_id, answer.text)

    async def test_s02_s03_s05_s13_s28_what_a_guest_has_opens_by_its_token_only(self, town: Town) -> None:
        bob = await town.person("bob@example.com")
        theirs, other = await belongings_of_a_guest(town), await belongings_of_another_guest(town)
        await town.settle()
        rows = [row for row in OWNED_ROWS if row.who is Who.GUEST]
        others: dict[str, Any] = {name: (town.guest, tokens) for name, tokens in self._tokens(theirs).items()}
        others |= {"another": (bob.client, {}), "other's token": (town.guest, other.tokens)}
        await self._look(town, theirs, others, rows)
        for row in rows:
            if row.method == "GET":
                token = {row.token: theirs.tokens[row.token]}
                answer = await ask(town.guest, row, theirs.path(row), **token)
                assert answer.status_code == 200, (row.operation_id, answer.text)

    async def test_s13_the_session_of_a_cheap_cart_pays_for_no_other(self, town: Town) -> None:
        shirt, pin = await town.site.small.product("shirt", stock=9), await town.site.small.product("pin", price=1)
        dear, cheap = await town.site.cart((shirt, 2)), await town.site.cart((pin, 1))
        body = {
            "cart_id": dear["id"],
            "cart_version": dear["version"],
            "payment_session_id": await town.site.session(cheap),
        }
        headers = {"Cart-Token": dear["cart_token"], "Idempotency-Key": "order"}
        answer = await town.guest.post("/api/orders", json=body, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


async def belongings_of_another_guest(town: Town) -> Belongings:
    variant = await town.site.small.product("three", stock=9)
    cart = await town.site.cart((variant, 1))
    placed = (await town.site.order(await town.site.cart((variant, 1)), key="other")).json()
    return Belongings(ids={}, tokens={"Cart-Token": cart["cart_token"], "Order-Token": placed["order_token"]})


def test_each_row_that_names_something_of_somebody_is_in_the_matrix() -> None:
    known = {row.operation_id for row in OWNED_ROWS}
    assert {"cart_get", "order_get", "address_update", "subscription_cancel", "auth_session_revoke"} <= known
    assert issubclass(PasskeyId, Identifier)
