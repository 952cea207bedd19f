"""S-68: no card number has a way into the shop: no body, no answer, no table has a place for one."""

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from shop.adapters.sql.schema import metadata
from shop.entrypoints.http.table import ENDPOINTS
from tests.entrypoints.http.accounts.people import Town
from tests.entrypoints.http.security.rows import headers_of, path_of
from tests.entrypoints.http.sites import OpenSite

_SPELLED = (
    "pan primary_account_number card_number cardnumber card_no number cvc cvv cvv2 cvn cvc2 csc card_security_code "
    "security_code verification_code track track1 track2 track_data magstripe pin_block card_data cardholder "
    "card_holder exp_date expiry_date card"
)
CARD_DATA = frozenset(_SPELLED.split(" "))
# People's names of orders, which run from 1001 on.
ORDER_NUMBERS = {("orders", "number")}


@pytest.fixture
def town(site: OpenSite) -> Town:
    return Town(site)


def fields(schema: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], str]]:
    """Every property that a schema has, however deep, with the way to it."""
    if isinstance(schema, dict):
        for name, inner in schema.get("properties", {}).items():
            yield path, name
            yield from fields(inner, (*path, name))
        for name, inner in schema.items():
            if name != "properties":
                yield from fields(inner, (*path, name))
    elif isinstance(schema, list):
        for inner in schema:
            yield from fields(inner, path)


async def document_of(site: OpenSite) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((await site.guest.get("/api/openapi.json")).content)
    return found


async def test_s68_no_request_has_a_place_for_card_data(site: OpenSite) -> None:
    document = await document_of(site)
    bodies = {
        (method, path): operation["requestBody"]
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
        if "requestBody" in operation
    }
    assert len(bodies) > 40
    named = json.dumps(list(bodies.values()))
    schemas = document.get("components", {}).get("schemas", {})
    asked = {name: schema for name, schema in schemas.items() if f"#/components/schemas/{name}" in named}
    found = [name for where in (bodies.values(), asked.values()) for one in where for _, name in fields(one)]
    assert len(found) > 100
    assert CARD_DATA.isdisjoint(name.lower() for name in found)


async def test_s68_no_address_and_no_parameter_is_for_card_data(site: OpenSite) -> None:
    document = await document_of(site)
    names = {
        parameter["name"].lower()
        for operations in document["paths"].values()
        for operation in operations.values()
        for parameter in operation.get("parameters", ())
    }
    assert len(names) > 20
    assert CARD_DATA & names <= {"number"}, "orders are looked for by their number"
    parts = {part.strip("{}") for path in document["paths"] for part in path.split("/")}
    assert CARD_DATA.isdisjoint(parts)


async def test_s68_no_answer_has_a_place_for_card_data(site: OpenSite) -> None:
    schemas = (await document_of(site))["components"]["schemas"]
    wrong = [
        (view, name)
        for view, schema in schemas.items()
        for _, name in fields(schema)
        if name.lower() in CARD_DATA and (name != "number" or "order" not in view.lower())
    ]
    assert not wrong
    assert any(name == "last4" for schema in schemas.values() for _, name in fields(schema))


def test_s68_no_table_has_a_place_for_card_data() -> None:
    columns = {(table.name, column.name) for table in metadata.tables.values() for column in table.columns}
    assert len(columns) > 200
    assert {(table, name) for table, name in columns if name.lower() in CARD_DATA} == ORDER_NUMBERS
    # What the provider shows of a card is shown on, and not kept, but for the brand of what was charged, which is of no
    # person; `last4` is of the shop's own keys.
    shown = {(table, name) for table, name in columns if name in ("last4", "brand", "expires_month", "expires_year")}
    assert shown == {("api_keys", "last4"), ("payment_attempts", "brand")}


async def test_s68_bodies_with_card_data_are_refused_everywhere(town: Town) -> None:
    ada, staff = await town.person(), town.site.staff
    before = _kept(town)
    data: dict[str, Any] = {
        "number": "4242424242424242",
        "card_number": "4242424242424242",
        "pan": "4242424242424242",
        "cvc": "123",
        "card": {"number": "4242424242424242", "cvc": "123", "exp_month": 1, "exp_year": 2034},
    }
    asked = 0
    for row in ENDPOINTS:
        if row.body is None:
            continue
        client: httpx.AsyncClient = ada.client if row.who.value == "C" else staff
        for name, value in data.items():
            body = {**row.example, name: value}
            answer = await client.request(row.method, path_of(row), json=body, headers=headers_of(row))
            assert 400 <= answer.status_code < 500, (row.operation_id, name, answer.status_code)
            assert "4242424242424242" not in answer.text
            asked += 1
    assert asked > 200
    assert "4242424242424242" not in _kept(town)
    assert _kept(town).count("ExportId") == before.count("ExportId")


async def test_s68_saving_a_card_takes_no_card(town: Town) -> None:
    ada = await town.person()
    for name in ("number", "card", "cvc", "exp_month", "payment_method_data"):
        answer = await ada.client.post("/api/payments/saved-methods", json={"method": "fake_card", name: "4242"})
        assert (answer.status_code, answer.json()["code"]) == (422, "validation_failed")
    assert (await ada.client.get("/api/payments/saved-methods")).json()["data"] == []


def _kept(town: Town) -> str:
    return repr(town.site.small.tables)
