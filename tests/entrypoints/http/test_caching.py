"""Remembered answers: made once, forgotten at once, never older than they may be."""

import asyncio
from typing import Any

import httpx
import pytest

from shop.adapters.memory.cache import MemoryCache
from shop.application.reactions.catalog import CATALOG_TAG
from shop.domain.kernel.errors import NotFound
from shop.entrypoints.http.answers import Answer
from shop.entrypoints.http.caching import ANSWERS_MAX, FRESH_SECONDS, Key, RememberedAnswers
from shop.entrypoints.settings import Settings
from tests.entrypoints.http.sites import OpenSite, open_site
from tests.shops import SettableClock

KEY: Key = ("/api/products", b"", "en")


class Making:
    """Makes answers that say how often that was done."""

    def __init__(self) -> None:
        self.times = 0
        self.gate = asyncio.Event()
        self.gate.set()

    async def __call__(self) -> Answer:
        self.times += 1
        number = self.times
        await self.gate.wait()
        return Answer(200, b"%d" % number, headers=[(b"etag", b'"%d"' % number)])


class Ticking:
    """Seconds that a test turns on."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


async def test_many_who_ask_at_once_share_one_making() -> None:
    remembered, make = RememberedAnswers(MemoryCache(SettableClock()), 60.0), Making()
    make.gate.clear()
    asking = [asyncio.create_task(remembered.answer(KEY, make)) for _ in range(50)]
    await asyncio.sleep(0)
    asking[0].cancel()
    await asyncio.sleep(0)
    make.gate.set()
    answers = await asyncio.gather(*asking[1:])
    assert (make.times, {answer.body for answer in answers}) == (1, {b"1"})
    looked = remembered.look(KEY)
    assert looked is not None
    assert looked.body == b"1"


async def test_what_was_read_before_a_change_is_not_kept_after_it() -> None:
    cache = MemoryCache(SettableClock())
    remembered, make = RememberedAnswers(cache, 60.0), Making()
    make.gate.clear()
    early = asyncio.create_task(remembered.answer(KEY, make))
    await asyncio.sleep(0.01)
    assert make.times == 1
    await remembered.forget()
    late = asyncio.create_task(remembered.answer(KEY, make))
    make.gate.set()
    assert ((await early).body, (await late).body) == (b"1", b"2")
    assert (await remembered.answer(KEY, make)).body == b"2"
    other_process = RememberedAnswers(cache, 60.0)
    assert (await other_process.answer(KEY, make)).body == b"2"


async def test_another_process_is_at_most_two_seconds_behind() -> None:
    cache, ticking = MemoryCache(SettableClock()), Ticking()
    one, two = RememberedAnswers(cache, 60.0), RememberedAnswers(cache, 60.0, monotonic=ticking)
    make = Making()
    assert (await one.answer(KEY, make)).body == (await two.answer(KEY, make)).body == b"1"
    await one.forget()
    ticking.seconds = FRESH_SECONDS + 0.01
    assert two.look(KEY) is None
    assert (await two.answer(KEY, make)).body == b"2"


async def test_the_worker_forgets_by_tag_too() -> None:
    cache, ticking = MemoryCache(SettableClock()), Ticking()
    remembered, make = RememberedAnswers(cache, 60.0, monotonic=ticking), Making()
    await remembered.answer(KEY, make)
    await cache.drop(CATALOG_TAG)
    ticking.seconds = FRESH_SECONDS + 0.01
    assert (await remembered.answer(KEY, make)).body == b"2"


async def test_answers_that_are_no_success_are_not_kept() -> None:
    remembered = RememberedAnswers(MemoryCache(SettableClock()), 60.0)

    async def fail() -> Answer:
        raise NotFound

    async def empty() -> Answer:
        return Answer(404)

    for _ in range(2):
        with pytest.raises(NotFound):
            await remembered.answer(KEY, fail)
    assert (await remembered.answer(KEY, empty)).status == 404
    assert remembered.look(KEY) is None


async def test_nobody_fills_the_memory_with_addresses() -> None:
    remembered, make = RememberedAnswers(MemoryCache(SettableClock()), 60.0), Making()
    for number in range(ANSWERS_MAX + 10):
        await remembered.answer(("/api/products", b"q=%d" % number, "en"), make)
    kept = [n for n in range(ANSWERS_MAX + 10) if remembered.look(("/api/products", b"q=%d" % n, "en"))]
    assert kept == list(range(10, ANSWERS_MAX + 10))


async def test_without_time_to_live_nothing_is_remembered() -> None:
    remembered, make = RememberedAnswers(MemoryCache(SettableClock()), 0.0), Making()
    assert [(await remembered.answer(KEY, make)).body for _ in range(2)] == [b"1", b"2"]


async def test_a_change_shows_at_once(site: OpenSite, client: httpx.AsyncClient, staff: httpx.AsyncClient) -> None:
    await site.small.product()
    first = await client.get("/api/products")
    assert (await client.get("/api/products")).content == first.content
    path = f"/api/products/{first.json()['data'][0]['id']}"
    await client.get(path)
    for title in ("One", "Two"):
        await staff.patch(path, json={"title": title}, headers={"If-Match": "*"})
        assert (await client.get(path)).json()["title"] == title
        assert (await client.get("/api/products")).json()["data"][0]["title"] == title


async def test_remembered_answers_differ_by_language_and_query(site: OpenSite, client: httpx.AsyncClient) -> None:
    await site.small.product()

    async def shown(query: str, language: str) -> Any:
        answer = await client.get(f"/api/products{query}", headers={"Accept-Language": language})
        return answer.json()["data"][0]["price_from"]["display"]

    for _ in range(2):
        assert await shown("", "en") == "€19.99"
        assert await shown("", "de") == "19,99\xa0€"
        assert await shown("?currency=USD", "en") == "$21.99"


async def test_staff_and_guests_do_not_share_answers(site: OpenSite) -> None:
    made = await site.staff.post("/api/products", json={"slug": "draft", "title": "Draft"})
    path = f"/api/products/{made.json()['slug']}"
    for _ in range(2):
        assert (await site.staff.get(path)).status_code == 200
        assert (await site.guest.get(path)).status_code == 404


async def test_the_shop_sells_while_the_cache_remembers_nothing() -> None:
    async with open_site(Settings(rate_limit="off", catalog_cache_seconds=0.0)) as site:
        await site.small.product()
        assert [(await site.guest.get("/api/products")).status_code for _ in range(2)] == [200, 200]
