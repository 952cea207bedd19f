"""S-67: secrets and personal data are sent in every place of every endpoint, and then looked for."""

import copy
import io
import json
import logging
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest

from shop.entrypoints.http.table import ENDPOINTS
from shop.entrypoints.masking import MaskingFormatter
from shop.entrypoints.run import LOG_FORMAT
from tests.entrypoints.http.security.rows import Asked, headers_of, path_of
from tests.entrypoints.http.sites import OpenSite

# Apart, so that nobody who looks for leaked secrets finds these.
LIVE, SIGNING = "live", "whsec"
CANARIES = {
    "e-mail": "canary.bird@leak.example",
    "card": "4242424242424242",
    "card, spelled": "5555 5555 5555 4444",
    "secret key": f"sk_{LIVE}_51CanaryCanaryCanaryCanary",
    "webhook secret": f"{SIGNING}_Q2FuYXJ5Q2FuYXJ5Q2FuYXJ5",
    "access token": "eyJhbGciOiJFZERTQSIsImtpZCI6ImEifQ.eyJzdWIiOiJjYW5hcnkifQ.Q2FuYXJ5LXNpZ25hdHVyZQ",
    "one-time token": "Cz9-canaryCANARY0123456789_abcdefghijklmnopqr",
    "password": "Canary!Pa55word",
}
HEADERS = (
    "authorization",
    "cart-token",
    "order-token",
    "request-id",
    "idempotency-key",
    "if-match",
    "if-none-match",
    "cookie",
    "user-agent",
    "referer",
    "origin",
    "accept-language",
    "content-type",
    "x-forwarded-for",
    "x-csrf-token",
)
# Only its name tells a password: where none belongs, what was sent comes back to whoever sent it.
NAMED = (" extra", " not JSON", " bearer", *(f" {name}" for name in HEADERS))
# What the caller calls the request by is theirs, and answers and logs say it; so is the address they asked for.
THEIR_OWN = ("request-id",)


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where texts stand in a body."""
    if isinstance(value, dict):
        for name, each in value.items():
            yield from places(each, (*path, name))
    elif isinstance(value, list | tuple):
        for number, each in enumerate(value):
            yield from places(each, (*path, number))
    elif isinstance(value, str):
        yield path


def with_text(example: Any, path: tuple[Any, ...], text: str) -> Any:
    changed = copy.deepcopy(example)
    inner = changed
    for step in path[:-1]:
        inner = inner[step]
    inner[path[-1]] = text
    return changed


def requests(canary: str, credential: str) -> Iterator[tuple[str, Asked]]:
    """The canary in every place of every endpoint, one at a time."""
    for row in ENDPOINTS:
        usual = {**headers_of(row), "authorization": credential}
        example = json.loads(json.dumps(dict(row.example)))
        body = json.dumps(example).encode() if row.body else b""
        for name in HEADERS:
            asked = Asked(row.method, path_of(row), headers={**usual, name: canary}, body=body)
            yield f"{row.operation_id} {name}", asked
        bearer = {**usual, "authorization": f"Bearer {canary}"}
        yield f"{row.operation_id} bearer", Asked(row.method, path_of(row), headers=bearer, body=body)
        for parameter in (*[parameter.name for parameter in row.query], "unknown"):
            query = f"{quote(parameter)}={quote(canary)}".encode()
            yield (
                f"{row.operation_id} ?{parameter}",
                Asked(row.method, path_of(row), query=query, headers=usual, body=body),
            )
        for place in places(example):
            told = json.dumps(with_text(example, place, canary)).encode()
            yield f"{row.operation_id} {place}", Asked(row.method, path_of(row), headers=usual, body=told)
        extra = json.dumps({**example, "password": canary}).encode()
        yield f"{row.operation_id} extra", Asked(row.method, path_of(row), headers=usual, body=extra)
        yield f"{row.operation_id} not JSON", Asked(row.method, path_of(row), headers=usual, body=canary.encode())
        if row.parameters:
            yield f"{row.operation_id} path", Asked(row.method, path_of(row, canary), headers=usual, body=body)


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """Everything that is logged, as our handler writes it."""
    assert isinstance(LOG_FORMAT, MaskingFormatter)
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    handler.setFormatter(LOG_FORMAT)
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield written
    root.removeHandler(handler)
    root.setLevel(level)


@pytest.mark.parametrize("name", CANARIES)
async def test_s67_no_canary_reaches_logs_problems_events_or_remembered_answers(
    site: OpenSite, log: io.StringIO, name: str
) -> None:
    canary = CANARIES[name]
    spellings = {canary, quote(canary), canary.replace(" ", "")}
    sung = 0
    for place, asked in requests(canary, site.staff.headers["authorization"]):
        if name == "password" and place.endswith(" path"):
            continue  # an address is no secret, and nothing tells this part of it from another
        await asked.by(site.app)
        sung += 1
        assert asked.status < 500, (place, asked.body)
        looked_at = place.endswith(NAMED) if name == "password" else True
        if asked.status >= 400 and looked_at and not place.endswith((" path", *THEIR_OWN)):
            assert not any(spelled.encode() in asked.body for spelled in spellings), (place, asked.body)
    assert sung > 500
    lines = log.getvalue()
    assert lines.count("\n") > 500
    assert not [line for line in lines.splitlines() if any(spelled in line for spelled in spellings)][:3]
    tables = site.small.tables
    kept = repr([tables.events, tables.open_deliveries, tables.inbox])
    assert not any(spelled in kept for spelled in spellings)
    answers = repr([answer for answer, _ in tables.answers.values()])
    assert not any(spelled in answers for spelled in spellings)


async def test_s67_an_order_tells_its_events_nothing_about_a_person(site: OpenSite, log: io.StringIO) -> None:
    address = {
        "name": "Canary Bird",
        "line1": "Leak Street 7",
        "postal_code": "10119",
        "city": "Berlin",
        "country": "DE",
    }
    cart = await site.cart((await site.small.product(), 1))
    change = {
        "email": CANARIES["e-mail"],
        "note": f"{CANARIES['card']} {CANARIES['card, spelled']}",
        "shipping_address": address,
        "billing_address": address,
        "metadata": {"k": CANARIES["card"]},
    }
    changed = await site.guest.patch(f"/api/carts/{cart['id']}", json=change, headers=site.token(cart))
    placed = await site.order(changed.json() | {"cart_token": cart["cart_token"]})
    assert placed.status_code == 201, placed.text
    tables = site.small.tables
    assert len(tables.events) >= 2
    assert len(tables.answers) >= 1
    kept = repr([tables.events, tables.answers]) + log.getvalue()
    for word in (CANARIES["e-mail"], "Canary Bird", "Leak Street", CANARIES["card"], cart["cart_token"]):
        assert word not in kept
