"""A stranger who asks the shop for anything in any order, with ids that were seen and bodies that could be meant."""

import json
import random
import re
from collections import defaultdict
from collections.abc import Sequence
from copy import deepcopy
from datetime import timedelta
from typing import Any

import httpx
from attrs import define, evolve, field
from msgspec import inspect

from shop.application.shop import Shop
from shop.entrypoints.http.app import create_app
from shop.entrypoints.http.endpoints import Endpoint, Keys, Who
from shop.entrypoints.http.openapi import codes_of
from shop.entrypoints.http.table import ENDPOINTS
from shop.entrypoints.worker.schedule import run_schedule_once
from tests.entrypoints.http.accounts.people import Person, Town
from tests.entrypoints.http.sites import ADDRESS, UNLIMITED, OpenSite, client_of
from tests.invariants import Watch
from tests.shops import for_trying_out

_ID = re.compile(r"\b([a-z]+)_[0-9a-z]{26}\b|\bpm_fake_\w+\b")
# What stands before a parameter of a path, and how ids begin that may stand there.
_PLACES = {
    "carts": "cart", "items": "item", "products": "prod", "variants": "var", "categories": "cat", "payments": "pay",
    "orders": "order", "plans": "plan", "subscriptions": "sub", "refunds": "refund", "disputes": "dispute",
    "inbox": "inbox", "locations": "loc", "api-keys": "key", "users": "user", "roles": "role", "invitations": "inv",
    "addresses": "addr", "exports": "export", "passkeys": "pkey", "saved-methods": "pm",
}  # fmt: skip
_NAMED = {
    "cart_id": "cart", "payment_session_id": "ps", "variant_id": "var", "plan_id": "plan", "location_id": "loc",
    "parent_id": "cat", "category_ids": "cat", "role_ids": "role", "product_id": "prod", "order_id": "order",
    "payment_id": "pay", "customer_id": "user",
}  # fmt: skip
_WORDS: dict[str, Sequence[str]] = {
    "method": ("fake_card", "fake_card", "fake_card_declined", "fake_card_3ds", "fake_debit", "gold", ""),
    "currency": ("EUR", "EUR", "USD", "JPY", "XXX"),
    "email": ("ada@example.com", "bob@example.com", "ada@example.org", "nobody", ""),
    "country": ("DE", "AT", "FR", "US", "XX"),
    "option_id": ("standard", "express", "nothing", ""),
    "shipping_option": ("standard", "express", "nothing"),
    "reason": ("damaged", "requested_by_customer", "a whim", ""),
    "provider": ("fake", "github", "nobody"),
}
_NUMBERS = (0, 1, 1, 2, 3, 7, 100, 500, 1999, 10**6, 2**53)
_TEXTS = ("", "x", "Ä ö 漢字", "  ", "a" * 41, "new", "sale", "2026-01-01T00:00:00Z", "P1D")
# What may be said of a member that was not sent.
_MISSING = frozenset({"field_missing", "missing", "options_differ", "variants_alike", "exceeds_available"})
# Nobody can go on after these, or they are of no account: signing in and out has tests of its own.
_LEFT_OUT = ("/api/auth/", "/health/", "/api/openapi.json", "/api/docs", "/.well-known/", "/api/payments/webhooks/")


class _Seen:
    """What the shop has told so far: ids by their kind, versions and tokens by id."""

    def __init__(self) -> None:
        self.ids: defaultdict[str, list[str]] = defaultdict(list)
        self.versions: dict[str, int] = {}
        self.tokens: dict[str, str] = {}

    def note(self, told: Any) -> None:
        if isinstance(told, dict):
            if isinstance(told.get("id"), str):
                if isinstance(told.get("version"), int):
                    self.versions[told["id"]] = told["version"]
                for name in ("cart_token", "order_token"):
                    if isinstance(told.get(name), str):
                        self.tokens[told["id"]] = told[name]
            for each in told.values():
                self.note(each)
        elif isinstance(told, list):
            for each in told:
                self.note(each)
        elif isinstance(told, str):
            for match in _ID.finditer(told):
                known = self.ids[match[1] or "pm"]
                if match[0] not in known:
                    known.append(match[0])


@define(eq=False)
class Walk:
    """One stranger's way through the shop; `trail` says what they asked."""

    town: Town
    draw: random.Random
    trail: list[str] = field(factory=list)
    _seen: _Seen = field(factory=_Seen)
    _ada: Person | None = None
    _people: int = 0
    _watch: Watch = field(init=False)

    def __attrs_post_init__(self) -> None:
        small = self.town.site.small
        self._watch = Watch(small.storage, lambda: small.books.intents)

    @property
    def site(self) -> OpenSite:
        return self.town.site

    async def go(self, steps: int) -> None:
        """Raises AssertionError for an answer that no shop should give, Broken for a rule that does not hold."""
        await self._begin()
        asking = [row for row in ENDPOINTS if not row.path.startswith(_LEFT_OUT)]
        changing = [row for row in asking if row.method != "GET"]
        for number in range(steps):
            chance = self.draw.random()
            if chance < 0.12:
                await self._buy()
            elif chance < 0.2:
                await self._let_time_pass()
            else:
                await self._ask(self.draw.choice(changing if chance < 0.7 else asking))
            if number % 20 == 0:
                await self._watch.look(self.site.small.context())
        await self._let_time_pass()
        await self._watch.look(self.site.small.context())

    async def _begin(self) -> None:
        small = self.site.small
        shirt, coffee = await small.product("shirt", stock=50), await small.product("coffee", stock=9)
        plan = {
            "code": "coffee", "name": "Coffee", "variant_id": str(coffee),
            "interval": "day", "prices": [{"amount": 900, "currency": "EUR"}],
        }  # fmt: skip
        for path, body in (("/api/plans", plan), ("/api/categories", {"slug": "all", "name": "All"})):
            made = await self.site.staff.post(path, json=body)
            assert made.status_code == 201, made.text
            self._seen.note(made.json())
        self._seen.note([str(shirt), str(coffee)])
        for path in ("/api/products", "/api/admin/inventory", "/api/admin/roles", "/api/admin/inventory/locations"):
            self._seen.note((await self.site.staff.get(path)).json())
        await self._be_somebody()

    async def _be_somebody(self) -> None:
        self._people += 1
        self._ada = await self.town.person(f"ada{self._people}@example.com")
        self._seen.note(self._ada.tokens["user_id"])

    async def _come_back(self) -> None:
        """Their access has run out, or they are gone."""
        assert self._ada is not None
        answer = await self.town.login(self._ada.email)
        if answer.status_code == 200:
            self._ada = self.town.signed_in(answer, self._ada.email)
        else:
            await self._be_somebody()

    async def _buy(self) -> None:
        """What most requests are for; and money is where most can go wrong."""
        client = self._somebody()
        variant = self._id("var")
        opened = await self._say(client, "POST", "/api/carts", {"currency": "EUR"})
        if opened.status_code != 201:
            return
        cart, token = opened.json()["id"], {"Cart-Token": opened.json().get("cart_token", "")}
        item = {"variant_id": variant, "quantity": self.draw.choice((1, 1, 2))}
        if self._seen.ids["plan"] and self.draw.random() < 0.3:
            item["plan_id"] = self._id("plan")
        await self._say(client, "POST", f"/api/carts/{cart}/items", item, token)
        who = {"email": "ada@example.com", "shipping_address": ADDRESS}
        await self._say(client, "PATCH", f"/api/carts/{cart}", who, token)
        await self._say(client, "PUT", f"/api/carts/{cart}/shipping-option", {"option_id": "standard"}, token)
        asked = {"cart_id": cart, "method": self._word("method"), "save": self.draw.random() < 0.3}
        session = await self._say(client, "POST", "/api/payments/sessions", asked, token | self._key(always=True))
        if session.status_code != 201 or self.draw.random() < 0.1:
            return
        now = (await self._say(client, "GET", f"/api/carts/{cart}", None, token)).json()
        order = {"cart_id": cart, "cart_version": now["version"], "payment_session_id": session.json()["id"]}
        await self._say(client, "POST", "/api/orders", order, token | self._key(always=True))

    async def _let_time_pass(self) -> None:
        small = self.site.small
        for _ in range(self.draw.randint(1, 3)):
            await small.post_news()
            await small.deliver()
            await run_schedule_once(small.shop)
            small.clock.forward(timedelta(minutes=self.draw.choice((1, 20, 60 * 5, 60 * 25, 60 * 24 * 8))))

    async def _ask(self, row: Endpoint) -> None:
        path = row.path
        for name in row.parameters:
            path = path.replace(f"{{{name}}}", self._for_path(row.path, name), 1)
        headers = self._key(always=row.keys is Keys.REQUIRED) if row.keys is not Keys.NO else {}
        if row.if_match or (row.may_match and self.draw.random() < 0.3):
            headers["If-Match"] = self.draw.choice(("*", "*", f'"{self.draw.randint(1, 4)}-x"'))
        body = self._body(row) if row.body is not None else None
        named = json.dumps(body) + path
        for owner, header in ((r"cart_\w{26}", "Cart-Token"), (r"order_\w{26}", "Order-Token")):
            found = re.search(rf"\b{owner}", named)
            if found and found[0] in self._seen.tokens and self.draw.random() < 0.9:
                headers[header] = self._seen.tokens[found[0]]
        answer = await self._say(self._client_for(row), row.method, path + self._query(row), body, headers)
        if answer.status_code >= 400:
            assert answer.json()["code"] in codes_of(row), self._told(answer)

    async def _say(
        self, client: httpx.AsyncClient, method: str, path: str, body: Any, headers: dict[str, str] | None = None
    ) -> httpx.Response:
        self.trail.append(f"{method} {path} {json.dumps(body, ensure_ascii=False)} {headers or {}}")
        sent = {"content": json.dumps(body), "headers": {**(headers or {}), "Content-Type": "application/json"}}
        answer = await client.request(method, path, **(sent if body is not None else {"headers": headers}))
        self.trail[-1] += f" → {answer.status_code}"
        assert answer.status_code < 500, self._told(answer)
        if answer.status_code == 401 and self._ada is not None and client is self._ada.client:
            await self._come_back()
        if answer.content and "json" in answer.headers.get("content-type", ""):
            told = answer.json()
            self._seen.note(told)
            if answer.status_code >= 400:
                assert {"code", "title", "detail", "status"} <= told.keys(), self._told(answer)
                for flaw in told.get("errors", ()):
                    missing = flaw["code"] in _MISSING
                    assert _is_there(flaw["pointer"], body, missing=missing), self._told(answer)
        return answer

    def _told(self, answer: httpx.Response) -> str:
        return "\n".join(["", *self.trail[-12:], answer.text[:500]])

    def _somebody(self) -> httpx.AsyncClient:
        assert self._ada is not None
        return self.draw.choice((self._ada.client, self._ada.client, self.site.guest))

    def _client_for(self, row: Endpoint) -> httpx.AsyncClient:
        if self.draw.random() < 0.05:
            return self.draw.choice((self.site.guest, self.site.staff, self._somebody()))
        if row.who in (Who.STAFF, Who.TEST):
            return self.site.staff
        assert self._ada is not None
        return self._ada.client if row.who is Who.CUSTOMER else self._somebody()

    def _key(self, *, always: bool) -> dict[str, str]:
        if not always and self.draw.random() < 0.6:
            return {}
        return {"Idempotency-Key": f"key-{self.draw.randint(1, 10_000 if self.draw.random() < 0.9 else 5)}"}

    # What is said.

    def _id(self, prefix: str) -> str:
        known = self._seen.ids[prefix]
        if known and self.draw.random() < 0.97:
            # What was told last is what is talked about.
            return self.draw.choice(known[-3:] if self.draw.random() < 0.6 else known)
        others = [each for kind in sorted(self._seen.ids) for each in self._seen.ids[kind]]
        return self.draw.choice(others or ["nothing"])

    def _word(self, name: str) -> str:
        if name == "method" and self._seen.ids["pm"] and self.draw.random() < 0.3:
            return self._id("pm")
        return self.draw.choice(_WORDS[name])

    def _for_path(self, path: str, name: str) -> str:
        place = path.partition(f"/{{{name}}}")[0].rpartition("/")[2]
        if place == "sessions":
            return self._id("ps")
        if name == "provider":
            return self._word("provider")
        return self._id(_PLACES.get(place, "prod"))

    def _query(self, row: Endpoint) -> str:
        if not row.query or self.draw.random() < 0.6:
            return ""
        parameter = self.draw.choice(row.query)
        kinds = parameter.schema.get("enum") or parameter.schema.get("items", {}).get("enum")
        value = self.draw.choice(kinds) if kinds and self.draw.random() < 0.8 else self._text(parameter.name)
        return f"?{httpx.QueryParams({parameter.name: str(value)})}"

    def _body(self, row: Endpoint) -> Any:
        if row.body_optional and self.draw.random() < 0.2:
            return None
        said = self._value(inspect.type_info(row.body), "")
        if row.example and self.draw.random() < 0.6:
            return {**deepcopy(dict(row.example)), **{k: v for k, v in said.items() if self._meant(k)}}
        return said

    def _meant(self, name: str) -> bool:
        return name in _NAMED or name.endswith("version") or self.draw.random() < 0.4

    def _value(self, kind: inspect.Type, name: str) -> Any:
        draw = self.draw
        match kind:
            case inspect.StructType(fields=fields):
                return {
                    one.encode_name: self._value(one.type, one.encode_name)
                    for one in fields
                    if one.required or draw.random() < 0.5
                }
            case inspect.UnionType(types=types):
                some = [one for one in types if not isinstance(one, inspect.CustomType)]
                return self._value(draw.choice(some), name)
            case inspect.EnumType(cls=cls):
                return draw.choice([member.value for member in cls])
            case inspect.LiteralType(values=values):
                return draw.choice(list(values))
            case inspect.ListType(item_type=item) | inspect.VarTupleType(item_type=item):
                return [self._value(item, name) for _ in range(draw.choice((0, 1, 1, 2)))]
            case inspect.DictType(value_type=value):
                return {text: self._value(value, name) for text in draw.sample(("a", "marketing_email", "ä"), 1)}
            case inspect.IntType():
                return self._number(name)
            case inspect.BoolType():
                return draw.random() < 0.5
            case inspect.NoneType():
                return None
            case _:
                return self._text(name)

    def _number(self, name: str) -> int:
        if name.endswith("version") and self._seen.versions:
            return self._seen.versions[self.draw.choice(sorted(self._seen.versions))]
        return self.draw.choice(_NUMBERS)

    def _text(self, name: str) -> str:
        if name in _NAMED:
            return self._id(_NAMED[name])
        if name in _WORDS and self.draw.random() < 0.9:
            return self._word(name)
        return self.draw.choice(_TEXTS)


def _is_there(pointer: str, body: Any, *, missing: bool) -> bool:
    """Whether it points into what was sent; its last step may be what is missing there."""
    if not pointer.startswith("/"):
        return True
    steps = pointer[1:].split("/")
    for step in steps[:-1] if missing else steps:
        if isinstance(body, list) and step.isdigit() and int(step) < len(body):
            body = body[int(step)]
        elif isinstance(body, dict) and step in body:
            body = body[step]
        else:
            return False
    return True


async def walk(site: OpenSite, seed: int, steps: int) -> Walk:
    """Lets a stranger loose in this shop, where things may be tried out."""
    # The rules compare orders with the events that told of them: those are kept for as long as it takes.
    lifetimes = evolve(site.small.shop.ports.lifetimes, delivered_events=timedelta(days=3_650))
    site.small.shop = Shop(evolve(site.small.shop.ports, lifetimes=lifetimes), jitter=lambda: 0.0)
    trying = for_trying_out(site.small)
    app = create_app(trying.shop, UNLIMITED)
    async with client_of(app, {}) as guest, client_of(app, dict(site.staff.headers)) as staff:
        stranger = Walk(Town(OpenSite(trying, app, guest, staff)), random.Random(f"walk:{seed}"))
        await stranger.go(steps)
    return stranger
