"""What every request passes, spoken to in bare ASGI."""

import json
import logging
from typing import Any

import pytest
from litestar.types import ASGIApp

from shop.adapters.memory.cache import MemoryCache
from shop.application.limits import RateLimits
from shop.entrypoints.http.caching import RememberedAnswers
from shop.entrypoints.http.counting import Counting
from shop.entrypoints.http.door import Door, DoorOptions
from shop.entrypoints.http.parameters import PARAMETERS_MAX
from shop.entrypoints.run import LOG_FORMAT
from tests.entrypoints.http.sites import OpenSite
from tests.shops import CountedIds, NoLimits, SettableClock


class Wire:
    """One request and what came back."""

    def __init__(self, path: str = "/api/store", query: bytes = b"", method: str = "GET", **headers: str) -> None:
        self.sent: list[dict[str, Any]] = []
        self.messages: list[dict[str, Any]] = [{"type": "http.request", "body": b"", "more_body": False}]
        self.scope: dict[str, Any] = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "query_string": query,
            "root_path": "",
            "headers": [
                (name.replace("_", "-").encode(), value.encode())
                for name, value in {"host": "shop.test", **headers}.items()
            ],
            "client": None,
            "server": ("127.0.0.1", 80),
            "state": {},
        }

    async def receive(self) -> Any:
        return self.messages.pop(0)

    async def send(self, message: Any) -> None:
        self.sent.append(message)

    async def through(self, app: ASGIApp) -> int:
        await app(self.scope, self.receive, self.send)  # type: ignore[arg-type]
        status: int = self.sent[0]["status"]
        return status

    @property
    def body(self) -> Any:
        return json.loads(self.sent[-1]["body"])


def a_door(inner: Any) -> Door:
    remembered = RememberedAnswers(MemoryCache(SettableClock()), 0.0)
    counting = Counting(NoLimits(), RateLimits({}))
    return Door(inner, remembered=remembered, counting=counting, ids=CountedIds(), options=DoorOptions())


async def test_what_breaks_behind_it_is_a_problem(caplog: pytest.LogCaptureFixture) -> None:
    async def broken(scope: Any, receive: Any, send: Any) -> None:
        raise ZeroDivisionError("a detail")

    wire = Wire()
    assert await wire.through(a_door(broken)) == 500
    assert wire.body["code"] == "internal_error"
    assert "a detail" not in str(wire.sent)
    assert "a detail" in caplog.text


async def test_what_breaks_half_way_is_not_answered_twice(caplog: pytest.LogCaptureFixture) -> None:
    async def half(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        raise ZeroDivisionError

    wire = Wire()
    with pytest.raises(ZeroDivisionError):
        await wire.through(a_door(half))
    assert [message["type"] for message in wire.sent] == ["http.response.start"]


async def test_other_than_http_passes_through() -> None:
    seen: list[str] = []

    async def inner(scope: Any, receive: Any, send: Any) -> None:
        seen.append(scope["type"])

    await a_door(inner)({"type": "lifespan"}, Wire().receive, Wire().send)
    assert seen == ["lifespan"]


async def test_each_request_has_a_line_in_the_log(site: OpenSite, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "shop.http"):
        assert await Wire().through(site.app) == 200
    (record,) = [record for record in caplog.records if record.name == "shop.http"]
    assert record.getMessage().startswith("GET /api/store 200 ")
    assert vars(record)["request_id"].startswith("req_")


async def test_s67_an_address_cannot_write_lines_into_the_log(site: OpenSite, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "shop.http"):
        assert await Wire("/api/x\n2026-11-23 ERROR shop all is lost\x1b[2J").through(site.app) == 404
    (record,) = [record for record in caplog.records if record.name == "shop.http"]
    assert record.getMessage().isprintable()


async def test_the_log_shows_the_request_ids_that_answers_show(
    site: OpenSite, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "shop.http"):
        await Wire(request_id="seen-by-the-caller").through(site.app)
    (record,) = [record for record in caplog.records if record.name == "shop.http"]
    assert " seen-by-the-caller GET /api/store 200 " in LOG_FORMAT.format(record)
    other = logging.makeLogRecord({"msg": "no request", "name": "shop"})
    assert LOG_FORMAT.format(other).endswith(" shop - no request")


async def test_addresses_that_nothing_can_have(site: OpenSite) -> None:
    assert await Wire("/api/products/\x00").through(site.app) == 404
    assert await Wire("/api/products/" + "x" * 3_000).through(site.app) == 404
    assert await Wire("/api/products", b"q=" + b"x" * 20_000).through(site.app) == 422
    assert await Wire("/api/products", b"&".join([b"a=b"] * (PARAMETERS_MAX + 1))).through(site.app) == 422
    assert await Wire(host="exa mple").through(site.app) == 400


async def test_a_body_comes_in_parts(site: OpenSite) -> None:
    wire = Wire("/api/carts", method="POST", content_type="application/json")
    wire.messages = [
        {"type": "http.request", "body": b'{"currency"', "more_body": True},
        {"type": "http.request", "body": b': "EUR"}', "more_body": False},
    ]
    assert await wire.through(site.app) == 201
    large = Wire("/api/carts", method="POST", content_type="application/json")
    large.messages = [{"type": "http.request", "body": b" " * 600_000, "more_body": True}] * 2
    assert await large.through(site.app) == 413


ASKED = b'{"currency": "EUR"}'


def announcing(length: str, **headers: str) -> Wire:
    return Wire("/api/carts", b"", "POST", content_type="application/json", content_length=length, **headers)


async def test_a_body_is_whole_when_as_much_is_here_as_was_announced(site: OpenSite) -> None:
    wire = announcing(str(len(ASKED)))
    wire.messages = [
        {"type": "http.request", "body": ASKED[:5], "more_body": True},
        {"type": "http.request", "body": ASKED[5:], "more_body": True},
    ]
    assert await wire.through(site.app) == 201
    assert not wire.messages


async def test_what_has_no_body_is_not_waited_for(site: OpenSite) -> None:
    wire = announcing("0")
    wire.messages = []
    assert await wire.through(site.app) == 201


@pytest.mark.parametrize(
    ("length", "headers"),
    [("2", {"transfer_encoding": "chunked"}), ("+2", {}), ("", {}), ("two", {}), ("0" * 30, {})],
    ids=["beside a transfer coding", "with a sign", "empty", "in words", "longer than any"],
)
async def test_a_length_that_is_not_certain_ends_nothing(site: OpenSite, length: str, headers: dict[str, str]) -> None:
    wire = announcing(length, **headers)
    wire.messages = [
        {"type": "http.request", "body": ASKED[:2], "more_body": True},
        {"type": "http.request", "body": ASKED[2:], "more_body": False},
    ]
    assert await wire.through(site.app) == 201
    assert wire.body["currency"] == "EUR"


async def test_too_much_is_refused_by_what_is_announced(site: OpenSite) -> None:
    wire = announcing("1000001")
    wire.messages = []
    assert await wire.through(site.app) == 413


async def test_who_hangs_up_half_way_makes_nothing(site: OpenSite) -> None:
    wire = Wire("/api/carts", method="POST", content_type="application/json")
    wire.messages = [{"type": "http.request", "body": b"{", "more_body": True}, {"type": "http.disconnect"}]
    assert await wire.through(site.app) == 400
