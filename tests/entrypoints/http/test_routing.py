"""The rows of the table are found by their addresses, directly and through Litestar alike."""

import pytest

from shop.entrypoints.http.calls import Prepared
from shop.entrypoints.http.routing import Routes
from shop.entrypoints.http.table import ENDPOINTS, PAGES
from tests.entrypoints.http.sites import OpenSite

ROWS = [Prepared.of(endpoint) for endpoint in (*ENDPOINTS, *PAGES)]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.endpoint.operation_id)
def test_each_row_is_at_its_address(row: Prepared) -> None:
    routes = Routes(ROWS)
    values = {name: f"the-{name}" for name in row.endpoint.parameters}
    path = row.endpoint.path.format_map(values)
    assert routes.find(row.endpoint.method, path) == (row, values)
    assert routes.find("BREW", path) is None
    assert routes.find(row.endpoint.method, f"{path}/") is None
    assert routes.find(row.endpoint.method, f"{path}/beyond/everything") is None
    if row.endpoint.method == "GET":
        assert routes.find("HEAD", path) == (row, values)


def test_a_name_goes_before_a_parameter_and_nothing_is_no_value() -> None:
    routes = Routes(ROWS)
    found = [routes.find("GET", path) for path in ("/api/carts/current", "/api/carts/cart_1", "/api/carts/{id}")]
    assert [(row.endpoint.operation_id, values) for row, values in filter(None, found)] == [
        ("cart_current", {}),
        ("cart_get", {"id": "cart_1"}),
        ("cart_get", {"id": "{id}"}),
    ]
    for path in ("", "/", "/api", "/api/carts//", "/api/carts/", "/api//carts", "api/store"):
        assert routes.find("GET", path) is None


async def test_other_ways_to_write_an_address_lead_to_the_same(site: OpenSite) -> None:
    """A slash behind it is not in the table: Litestar finds it, and its parameters."""
    cart = await site.cart(ready=False)
    path, token = f"/api/carts/{cart['id']}", {"Cart-Token": cart["cart_token"]}
    shown = [(await site.guest.get(written, headers=token)).json() for written in (path, f"{path}/")]
    assert shown[0]["id"] == shown[1]["id"] == cart["id"]
    assert (await site.guest.get("/api/store/")).json() == (await site.guest.get("/api/store")).json()
    refused = await site.guest.request("PATCH", f"{path}/items")
    assert (refused.status_code, refused.json()["code"]) == (405, "method_not_allowed")
    assert "POST" in refused.headers["allow"]
