"""S-48, S-50, S-51, S-53, S-54: bodies and parameters that want to be more, or something else, than they may be."""

import json
import resource
import time
from typing import Any

import pytest

from shop.entrypoints.http.table import ENDPOINTS
from tests.entrypoints.http.security.rows import OPEN_TO_KEYS, Asked, headers_of, path_of
from tests.entrypoints.http.sites import OpenSite

TAKING = tuple(row for row in ENDPOINTS if row.body is not None)
A_METADATA = b'{"slug":"a","title":"A","metadata":'
HOSTILE: dict[str, bytes] = {
    "100,000 brackets": b"[" * 100_000,
    "100,000 brackets and back": b"[" * 100_000 + b"]" * 100_000,
    "100,000 objects": b'{"a":' * 100_000,
    "deep metadata": A_METADATA + b'{"a":' * 100_000,
    "a deep unknown field": b'{"x":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "very many members": b"{" + b",".join(b'"k%d":1' % number for number in range(60_000)) + b"}",
    "very many metadata": A_METADATA + b"{" + b",".join(b'"k%d":"v"' % number for number in range(60_000)) + b"}}",
    "the same name twice": b'{"slug":"a","slug":"b","title":"A"}',
    "the same name twice, spelled": b'{"slug":"a","\\u0073lug":"b","title":"A"}',
    "a number of 900,000 digits": b'{"slug":"a","title":"A","position":' + b"9" * 900_000 + b"}",
    "a huge exponent": b'{"position":1e999999999}',
    "a long fraction": b'{"position":0.' + b"0" * 500_000 + b"1}",
    "NaN": b'{"position":NaN}',
    "Infinity": b'{"position":Infinity}',
    "a byte order mark": b'\xef\xbb\xbf{"slug":"a","title":"A"}',
    "UTF-16": '{"slug":"a","title":"A"}'.encode("utf-16"),
    "invalid UTF-8": b'{"slug":"a","title":"\xff\xfe"}',
    "overlong UTF-8": b'{"slug":"a","title":"\xc0\xaf"}',
    "a surrogate in UTF-8": b'{"slug":"a","title":"\xed\xa0\x80"}',
    "half a pair": b'{"slug":"a","title":"\\ud800"}',
    "a null character": b'{"slug":"a","title":"\\u0000"}',
    "two documents": b'{"slug":"a","title":"A"}{"slug":"b"}',
    "a comment": b'{"slug":"a","title":"A"/*x*/}',
    "a trailing comma": b'{"slug":"a","title":"A",}',
    "single quotes": b"{'slug':'a'}",
    "an operator": b'{"slug":{"$ne":1},"title":{"$gt":""}}',
    "a list for a text": b'{"slug":["a","b"],"title":["A"]}',
    "a prototype": b'{"slug":"a","title":"A","__proto__":{"x":1},"constructor":{}}',
    "nothing but text": b'"a"',
    "null": b"null",
}


@pytest.mark.parametrize("name", HOSTILE)
async def test_s48_s54_hostile_json_is_refused_at_once_everywhere(site: OpenSite, name: str) -> None:
    body = HOSTILE[name]
    for row in TAKING:
        headers = {**headers_of(row), "Authorization": site.staff.headers["authorization"]}
        asked = Asked(row.method, path_of(row), headers=headers, body=body)
        started = time.process_time()
        await asked.by(site.app)
        spent = time.process_time() - started
        assert 400 <= asked.status < 500, (row.operation_id, asked.status, asked.body[:200])
        assert spent < 0.05, (row.operation_id, spent)
        assert len(asked.body) < 5_000


async def test_s48_hostile_json_leaves_no_memory_behind(site: OpenSite) -> None:
    async def send_all() -> None:
        for body in HOSTILE.values():
            headers = {"Authorization": site.staff.headers["authorization"], "Content-Type": "application/json"}
            await Asked("POST", "/api/products", headers=headers, body=body).by(site.app)

    await send_all()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for _ in range(5):
        await send_all()
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 10_000


async def test_s48_what_is_within_the_bounds_passes(site: OpenSite) -> None:
    metadata = {f"k{number}": "[{" * 50 for number in range(50)}
    made = await site.staff.post("/api/products", json={"slug": "a", "title": "A", "metadata": metadata})
    assert made.status_code == 201, made.text


MANY_PARTS = (
    b"".join(b'--x\r\nContent-Disposition: form-data; name="f%d"\r\n\r\n1\r\n' % n for n in range(15_000)) + b"--x--"
)


async def test_s50_parts_and_forms_are_not_even_looked_at(site: OpenSite) -> None:
    for row in TAKING:
        for media_type in (
            "multipart/form-data; boundary=x",
            "application/x-www-form-urlencoded",
            "text/plain",
            "",
            "a" * 999,
        ):
            headers = {
                **headers_of(row),
                "Authorization": site.staff.headers["authorization"],
                "Content-Type": media_type,
            }
            asked = Asked(row.method, path_of(row), headers=headers, body=MANY_PARTS)
            started = time.process_time()
            await asked.by(site.app)
            # Who may not is not told more.
            assert asked.status == (415 if row.who in OPEN_TO_KEYS else 401), (row.operation_id, media_type)
            assert time.process_time() - started < 0.1


LISTS = tuple(
    row for row in ENDPOINTS if row.who in OPEN_TO_KEYS and any(parameter.name == "limit" for parameter in row.query)
)


async def test_s51_no_list_gives_more_than_a_hundred(site: OpenSite) -> None:
    assert len(LISTS) >= 5
    for row in LISTS:
        for wanted in ("101", "1000000000", "-1", "0", "1e2", "0x10", "100.0", "%2B5", "١"):
            answer = await site.staff.get(f"{path_of(row)}?limit={wanted}")
            assert answer.status_code == 422, (row.operation_id, wanted)
        assert (await site.staff.get(f"{path_of(row)}?limit=100")).status_code == 200


async def test_s51_no_parameter_takes_ten_thousand_values(site: OpenSite) -> None:
    for row in ENDPOINTS:
        for parameter in row.query:
            for value in ("," * 10_000, ",".join(["a"] * 5_000), "a" * 15_000):
                answer = await site.staff.request(row.method, f"{path_of(row)}?{parameter.name}={value}")
                assert 400 <= answer.status_code < 500, (row.operation_id, parameter.name)
    aliases = "&".join(f"expand={name}" for name in ["variants"] * 61)
    assert (await site.staff.get(f"/api/products?{aliases}")).status_code == 422


TEXTS = (
    "‮gnp.exe",
    "раураl",
    "😀" * 20,
    "e\u0301",
    "a\u200bb",
    "\ufeff",
    "ＳＡＬＥ",
    "\x1b[2J",
    "a\u2028b",
    "İ",
    "ﷺ" * 10,
)


@pytest.mark.parametrize("text", TEXTS)
async def test_s53_every_character_comes_back_as_it_went_in(site: OpenSite, text: str) -> None:
    made = await site.staff.post(
        "/api/products", json={"slug": "a", "title": text, "tags": [text], "metadata": {"k": text}}
    )
    assert made.status_code == 201, made.text
    assert made.json()["title"] == text
    assert (await site.staff.get("/api/products", params={"q": text, "status": "draft"})).status_code == 200
    cart = await site.cart(ready=False)
    noted = await site.guest.patch(f"/api/carts/{cart['id']}", json={"note": text}, headers=site.token(cart))
    assert noted.json()["note"] == text


async def test_s53_null_characters_are_refused_wherever_they_stand(site: OpenSite) -> None:
    for path in ("/api/products?q=%00", "/api/products/%00", "/api/products/a%00b", "/api/products?metadata[%00]=x"):
        assert (await site.guest.get(path)).status_code in (404, 422)
    for body in ({"slug": "a", "title": "\x00"}, {"slug": "a", "title": "A", "metadata": {"\x00": "x"}}):
        assert (await site.staff.post("/api/products", json=body)).status_code == 422


async def test_s54_a_parameter_stands_there_once(site: OpenSite) -> None:
    for row in ENDPOINTS:
        for parameter in row.query:
            if parameter.name == "metadata":
                continue
            twice = f"{path_of(row)}?{parameter.name}=1&{parameter.name}=2"
            answer = await site.staff.request(row.method, twice)
            assert 400 <= answer.status_code < 500, (row.operation_id, parameter.name)
            for spelled in (f"{parameter.name}[]=1", f"{parameter.name}[$ne]=1", f"{parameter.name.upper()}=1"):
                assert (await site.staff.request(row.method, f"{path_of(row)}?{spelled}")).status_code >= 400


@pytest.mark.parametrize(
    "name",
    ["host", "authorization", "content-type", "idempotency-key", "if-match", "cart-token", "order-token", "origin"],
)
async def test_s54_a_header_stands_there_once(site: OpenSite, name: str) -> None:
    asked = Asked("GET", "/api/store", headers={name: "shop.test"})
    asked.scope["headers"].append((name.encode(), b"other"))
    await asked.by(site.app)
    assert (asked.status, json.loads(asked.body)["code"]) == (400, "header_repeated")


async def test_headers_that_may_stand_there_twice_do(site: OpenSite) -> None:
    asked = Asked("GET", "/api/store", headers={"accept": "a/b"})
    asked.scope["headers"].append((b"accept", b"c/d"))
    assert (await asked.by(site.app)).status == 200


@pytest.mark.parametrize("email", [{"$ne": 1}, ["a@b.c", "d@e.f"], 1, True, "a@b.c\r\nBcc: x@y.z", "x" * 400 + "@b.c"])
async def test_s54_an_email_address_is_one_text(site: OpenSite, email: Any) -> None:
    cart = await site.cart(ready=False)
    answer = await site.guest.patch(f"/api/carts/{cart['id']}", json={"email": email}, headers=site.token(cart))
    assert answer.status_code == 422, answer.text
