"""What payment providers tell us: kept once, after its signature, and never half."""

import json
from datetime import timedelta

import httpx
import pytest

from shop.adapters.fake import news
from shop.application.ports.unit_of_work import StaleAggregate
from shop.domain.kernel.errors import Unavailable
from tests.entrypoints.http.sites import OpenSite
from tests.shops import WEBHOOK_SECRET

PATH = "/api/payments/webhooks/fake"


async def a_message(site: OpenSite) -> bytes:
    """Something that the provider has to tell, about an order that waits for its shopper."""
    placed = await site.order(await site.cart((await site.small.product(), 1)), method="fake_card_3ds")
    assert placed.status_code == 201
    return site.small.provider.take_news()[-1].body


async def post(site: OpenSite, body: bytes, headers: dict[str, str] | None = None) -> httpx.Response:
    signed = site.small.provider.signed_headers(body) if headers is None else headers
    return await site.guest.post(PATH, content=body, headers=signed)


async def test_a_message_is_kept_and_followed(site: OpenSite) -> None:
    placed = (await site.order(await site.cart((await site.small.product(), 1)), method="fake_card_3ds")).json()
    (ref,) = site.small.books.intents
    site.small.provider.shopper_confirms(ref)
    for message in site.small.provider.take_news():
        answer = await post(site, message.body)
        assert (answer.status_code, answer.json()) == (200, {"received": True})
    await site.small.deliver()
    await site.small.deliver()
    order = await site.guest.get(f"/api/orders/{placed['id']}", headers={"Order-Token": placed["order_token"]})
    assert order.json()["payment_status"] == "paid"


async def test_s63_forged_messages_are_refused_before_anything_is_read(
    site: OpenSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    body, clock = await a_message(site), site.small.clock
    now, early = clock.now(), timedelta(seconds=301)
    good = news.sign(body, WEBHOOK_SECRET, now)
    moment, signature = good.split(",")
    forged = [
        {},
        {"Fake-Signature": ""},
        {"Fake-Signature": news.sign(body, "whsec_of_another", now)},
        {"Fake-Signature": news.sign(body, WEBHOOK_SECRET, now - early)},
        {"Fake-Signature": news.sign(body, WEBHOOK_SECRET, now + early)},
        {"Fake-Signature": f"{moment},{signature.replace('v1', 'v0')}"},
        {"Fake-Signature": f"{moment},t=1,{signature}"},
        {"Fake-Signature": f"{moment},v1=é".encode("latin-1").decode("latin-1").replace("é", "0")},
    ]

    def touched(*_: object, **__: object) -> None:
        raise AssertionError("the database was touched")

    with monkeypatch.context() as patched:
        patched.setattr(type(site.small.storage.uow), "__call__", touched)
        for headers in forged:
            answer = await post(site, body, headers)
            assert (answer.status_code, answer.json()["code"]) == (400, "signature_rejected"), headers
        spelled = json.dumps(json.loads(body), indent=1).encode()
        assert (await post(site, spelled, {"Fake-Signature": good})).status_code == 400
        assert (await site.guest.post("/api/payments/webhooks/other", content=body)).status_code == 404
    assert (await post(site, body, {"Fake-Signature": good})).status_code == 200


async def test_s64_a_message_again_and_again_is_one(site: OpenSite) -> None:
    body = await a_message(site)
    for _ in range(20):
        assert (await post(site, body)).status_code == 200
    kept = [event for event in (await site.staff.get("/api/admin/events")).json()["data"] if "news" in event["type"]]
    assert len(kept) == 1


@pytest.mark.parametrize("fault", [Unavailable, StaleAggregate, RuntimeError])
async def test_F34_what_was_not_kept_is_not_acknowledged(
    site: OpenSite, monkeypatch: pytest.MonkeyPatch, fault: type[Exception]
) -> None:
    body = await a_message(site)

    def broken(*_: object, **__: object) -> None:
        raise fault

    with monkeypatch.context() as patched:
        patched.setattr(type(site.small.storage.uow), "__call__", broken)
        assert (await post(site, body)).status_code in (409, 500, 503)
    assert (await post(site, body)).status_code == 200
    kept = [event for event in (await site.staff.get("/api/admin/events")).json()["data"] if "news" in event["type"]]
    assert len(kept) == 1


@pytest.mark.parametrize("content", [b"", b"{", b"null", b"[]", b'{"id": 1}', b"\x00\xff"])
async def test_s65_signed_nonsense_does_no_harm(site: OpenSite, content: bytes) -> None:
    assert (await post(site, content)).status_code < 500
