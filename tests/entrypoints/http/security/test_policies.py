"""S-79: what has no policy does not start."""

from typing import Any, ClassVar

import pytest
from attrs import evolve, frozen

from shop.application import shop as front_door
from shop.application.access import PolicyMissing
from shop.application.messages import Query
from shop.application.shop import Shop
from shop.application.wiring import Ports, query_handlers
from shop.entrypoints.http import app as http
from shop.entrypoints.http.endpoints import Endpoint, Who
from shop.entrypoints.http.table import ENDPOINTS
from tests.entrypoints.http.sites import OpenSite


def planted(**changes: Any) -> Endpoint:
    row = next(row for row in ENDPOINTS if row.operation_id == "store_get")
    return evolve(row, **{"operation_id": "planted", "path": "/api/planted", **changes})


@pytest.mark.parametrize(
    ("row", "complaint"),
    [
        (planted(who=Who.STAFF), "names no scope"),
        (planted(who=Who.STAFF, scope="everything"), "names no scope"),
        (planted(who=Who.STAFF, scope="ordres:read"), "names no scope"),
        (planted(scope="orders:read"), "is for everybody"),
        (planted(limit_class="never"), "has no limit"),
        (planted(path="/api/store"), "another one"),
        (planted(path="/api/orders/{other}"), "another one"),
    ],
)
async def test_s79_a_route_without_a_policy_does_not_start(
    site: OpenSite, monkeypatch: pytest.MonkeyPatch, row: Endpoint, complaint: str
) -> None:
    http.create_app(site.small.shop)
    monkeypatch.setattr(http, "ENDPOINTS", (*ENDPOINTS, row))
    with pytest.raises(PolicyMissing, match=complaint):
        http.create_app(site.small.shop)


@frozen
class Forgotten(Query[None]):
    """Says nothing about who may ask."""


@frozen
class Misspelled(Query[None]):
    """Needs what nobody can have."""

    requires: ClassVar = "ordres:read"


@pytest.mark.parametrize("message", [Forgotten, Misspelled])
async def test_s79_a_message_without_a_policy_does_not_start(
    site: OpenSite, monkeypatch: pytest.MonkeyPatch, message: type[Query[Any]]
) -> None:
    def with_one_more(ports: Ports) -> Any:
        return {**query_handlers(ports), message: None}

    Shop(site.small.shop.ports)
    monkeypatch.setattr(front_door, "query_handlers", with_one_more)
    with pytest.raises(PolicyMissing, match=message.__name__):
        Shop(site.small.shop.ports)
