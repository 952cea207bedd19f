"""The OpenAPI document, the page beside it, and the pages of problem codes."""

import importlib
import pkgutil
import re
from typing import Any

import httpx
import msgspec
import pytest

import shop
from shop.domain.kernel.errors import ShopError, Unavailable
from shop.entrypoints.http.endpoints import Endpoint
from shop.entrypoints.http.problems import PROBLEMS
from shop.entrypoints.http.table import ENDPOINTS
from tests.entrypoints.http.sites import OpenSite

# Of settings, migrations and books: no request brings them about.
NEVER_ANSWERED = {"entry_unbalanced", "amount_not_positive", "schema_outdated", "finding_needs_people"}
NEVER_ANSWERED |= {"order_not_shippable"}  # until there are calls that send goods
INSIDE = ("shop.domain.", "shop.application.", "shop.entrypoints.http.")


def references(node: Any) -> set[str]:
    if isinstance(node, dict):
        own = {node["$ref"]} if isinstance(node.get("$ref"), str) else set()
        return own.union(*map(references, node.values()))
    return set().union(*map(references, node)) if isinstance(node, list) else set()


async def test_every_reference_leads_somewhere(client: httpx.AsyncClient) -> None:
    document = (await client.get("/api/openapi.json")).json()
    assert document["openapi"] == "3.1.0"
    names = {f"#/components/schemas/{name}" for name in document["components"]["schemas"]}
    assert references(document) <= names
    for endpoint in ENDPOINTS:
        operation = document["paths"][endpoint.path][endpoint.method.lower()]
        assert operation["description"], endpoint.operation_id
        assert operation["x-codeSamples"]
        assert {"422", "429", "500"} <= operation["responses"].keys()
        assert [operation.get("x-required-scope", "")] == [endpoint.scope]
        for status, response in operation["responses"].items():
            if int(status) >= 400:
                assert "application/problem+json" in response["content"]


@pytest.mark.parametrize("row", [row for row in ENDPOINTS if row.body], ids=lambda row: row.operation_id)
def test_examples_of_bodies_can_be_sent(row: Endpoint) -> None:
    assert row.body is not None
    assert row.example or row.operation_id == "payment_session_confirm"
    msgspec.json.decode(msgspec.json.encode(row.example), type=row.body)


async def test_the_first_examples_sell_a_shirt(site: OpenSite, staff: httpx.AsyncClient) -> None:
    examples = {row.operation_id: dict(row.example) for row in ENDPOINTS}
    made = (await staff.post("/api/products", json=examples["product_create"])).json()
    cart = (await site.guest.post("/api/carts", json=examples["cart_create"])).json()
    path, token = f"/api/carts/{cart['id']}", site.token(cart)
    item = {**examples["cart_item_add"], "variant_id": made["variants"][0]["id"]}
    assert (await site.guest.post(f"{path}/items", json=item, headers=token)).status_code == 201
    assert (await site.guest.patch(path, json=examples["cart_update"], headers=token)).status_code == 200
    chosen = await site.guest.put(f"{path}/shipping-option", json=examples["cart_shipping_option_set"], headers=token)
    placed = await site.order({**chosen.json(), "cart_token": cart["cart_token"]})
    assert placed.json()["payment_status"] == "paid"


async def test_bounds_of_bodies_are_told(client: httpx.AsyncClient) -> None:
    schemas = (await client.get("/api/openapi.json")).json()["components"]["schemas"]
    assert schemas["NewItem"]["properties"]["quantity"]["maximum"] == 10_000
    assert schemas["NewOrder"]["required"] == ["cart_id", "cart_version", "payment_session_id"]
    assert schemas["ProductBody"]["additionalProperties"] is False


async def test_the_page_takes_nothing_from_elsewhere(client: httpx.AsyncClient) -> None:
    page = await client.get("/api/docs")
    assert page.headers["content-type"].startswith("text/html")
    assert "script-src 'self'" in page.headers["content-security-policy"]
    assert "//" not in page.text.replace("<!doctype", "")
    for part in re.findall(r'(?:src|href)="([^"]+)"', page.text):
        answer = await client.get(part)
        assert (answer.status_code, len(answer.content) > 100) == (200, True), part
    assert "/api/openapi.json" in (await client.get("/api/docs/start.js")).text
    assert (await client.get("/api/docs/setup.py")).status_code == 404


def all_errors() -> set[type[ShopError]]:
    for module in pkgutil.walk_packages(shop.__path__, "shop."):
        if not module.name.startswith(("shop.adapters.contracts", "shop.adapters.sql.migrations")):
            importlib.import_module(module.name)
    found: set[type[ShopError]] = set()
    waiting: list[type[ShopError]] = [ShopError]
    while waiting:
        found.update(kinds := waiting.pop().__subclasses__())
        waiting += kinds
    return {kind for kind in found if kind.__module__.startswith("shop.")}


def test_every_error_that_a_request_can_meet_has_its_page() -> None:
    codes = {
        error.code
        for error in all_errors()
        if error.__module__.startswith(INSIDE)
        or (error.__module__.startswith("shop.adapters.") and issubclass(error, Unavailable))
    }
    assert codes - NEVER_ANSWERED - PROBLEMS.keys() == set()


def test_no_page_is_about_nothing() -> None:
    assert PROBLEMS.keys() - {error.code for error in all_errors()} == set()


@pytest.mark.parametrize("code", ["not_found", "cart_changed"])
async def test_a_code_has_a_page(site: OpenSite, client: httpx.AsyncClient, code: str) -> None:
    page = await client.get(f"/problems/{code}")
    assert page.status_code == 200
    assert PROBLEMS[code].meaning[:20] in page.text
    assert f'href="/problems/{code}"' in (await client.get("/problems")).text
    assert (await client.get("/problems/no_such_code")).status_code == 404


async def test_health(site: OpenSite, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    assert (await client.get("/health/live")).json() == {"status": "live"}
    assert (await client.get("/health/ready")).json() == {"status": "ready"}

    async def unreachable() -> None:
        raise TimeoutError("no answer from db.internal")

    monkeypatch.setattr(site.small.storage, "check", unreachable)
    refused = await client.get("/health/ready")
    assert refused.status_code == 503
    assert "db.internal" not in refused.text
    assert "db.internal" in (await site.staff.get("/health/ready")).text
    assert (await client.get("/health/live")).status_code == 200
