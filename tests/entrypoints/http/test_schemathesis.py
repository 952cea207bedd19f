"""Bad input over the whole API: no 5xx, and no answer that the OpenAPI document does not speak of."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, assume, settings
from schemathesis.checks import not_a_server_error
from schemathesis.generation.modes import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from shop.entrypoints.http.openapi import openapi_document
from shop.entrypoints.http.table import ENDPOINTS
from tests.entrypoints.http.sites import BASE, OpenSite, open_site
from tests.scale import rounds

CHECKS = (
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    negative_data_rejection,
)


def strict_document() -> dict[str, Any]:
    """The document without what would make its checks lenient: every caller has all keys and asks for all fields."""
    document = openapi_document(ENDPOINTS, BASE)
    for operations in document["paths"].values():
        for operation in operations.values():
            del operation["security"]
            sparse = [p for p in operation["parameters"] if p["name"] == "fields"]
            if sparse:
                operation["parameters"].remove(sparse[0])
                content = operation["responses"]["200"]["content"]["application/json"]
                shown = content["schema"].get("properties", {}).get("data", {}).get("items") or content["schema"]
                whole = shown.pop("anyOf")[0]
                shown.update(whole)
    return document


schema = schemathesis.openapi.from_dict(strict_document())
schema.config.generation.update(modes=[GenerationMode.POSITIVE, GenerationMode.NEGATIVE])


class Running:
    """A shop with something in it, and a loop of its own for calls from tests that are not asynchronous."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._opening = open_site()
        self.site: OpenSite = self.run(self._opening.__aenter__())
        variant = self.run(self.site.small.product())
        self.cart = self.run(self.site.cart((variant, 1)))
        self.order = self.run(self.site.order(self.cart)).json()
        product = self.run(self.site.guest.get("/api/products")).json()["data"][0]
        category = self.run(self.site.staff.post("/api/categories", json={"slug": "all", "name": "All"})).json()
        payment = self.run(self.site.staff.get("/api/admin/payments")).json()["data"][0]
        self.known = {
            "/api/products": product["id"],
            "/api/categories": category["id"],
            "/api/carts": self.cart["id"],
            "/api/orders": self.order["id"],
            "/api/payments/sessions": self.run(self.site.session(self.cart)),
            "/api/admin/orders": self.order["id"],
            "/api/admin/payments": payment["id"],
            "variant_id": str(variant),
            "item_id": self.cart["items"][0]["id"],
            "provider": "fake",
        }

    def run(self, waiting: Any) -> Any:
        return self.loop.run_until_complete(waiting)

    def close(self) -> None:
        self.run(self._opening.__aexit__(None, None, None))
        self.loop.close()


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    shop = Running()
    yield shop
    shop.close()


@pytest.mark.prove
@schema.parametrize()
@settings(
    max_examples=rounds(8, in_full=400),
    deadline=None,
    phases=(Phase.generate,),
    suppress_health_check=list(HealthCheck),
)
def test_bad_input(case: Any, running: Running) -> None:
    _aim(case, running)
    request = case.as_transport_kwargs(base_url=BASE)
    headers = {"Cart-Token": running.cart["cart_token"], "Order-Token": running.order["order_token"]}
    asked = dict(request.pop("headers", {}))
    assume(all(map(_sendable, asked.values())))
    headers |= asked
    allowed = {"method", "url", "params", "json", "data", "content", "cookies"}
    request = {name: value for name, value in request.items() if name in allowed and name != "cookies"}
    if isinstance(data := request.pop("data", None), bytes | str):
        request["content"] = data
    answer = running.run(running.site.staff.request(**request, headers=headers))
    checks = [check for check in CHECKS if check is not negative_data_rejection or not _only_text(case)]
    case.validate_response(schemathesis.Response.from_httpx(answer, verify=True), checks=checks, headers=headers)


def _only_text(case: Any) -> bool:
    """Metadata may be any text, and in an address everything is text: a null that was meant to be wrong is one, too.

    What is wrong about it as a text, such as its length, has to be refused as ever.
    """
    asked = {name: value for name, value in (case.query or {}).items() if str(name).startswith("metadata")}
    values = [each for value in asked.values() for each in (value.values() if isinstance(value, dict) else [value])]
    return any(not isinstance(value, str) for value in values)


def _aim(case: Any, running: Running) -> None:
    """Half of the requests go to things that exist: random ids would find nothing but 404."""
    if len(str(case.body)) % 2:
        return
    parameters = case.path_parameters or {}
    for name in parameters:
        place = case.operation.path.partition("/{")[0]
        known = running.known.get(name) or (running.known.get(place) if name in ("id", "id_or_slug") else None)
        if known:
            parameters[name] = known


def _sendable(value: object) -> bool:
    return isinstance(value, str) and value.isascii() and value.isprintable() and value == value.strip()
