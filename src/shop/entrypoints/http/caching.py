"""Remembered answers about the catalogue, in this process and in the cache behind it.

The same for everybody, so they are kept as the bytes that go out. One request makes an answer while others wait for
it. A change of the catalogue forgets all of them at once here, and in other processes within two seconds.
"""

import asyncio
import hashlib
import os
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable

import msgspec

from shop.application.ports.cache import Cache
from shop.application.reactions.catalog import CATALOG_TAG
from shop.entrypoints.http.answers import Answer, Header

FRESH_SECONDS = 2.0
"""How long this process believes its own copy before it looks at the cache that all processes share."""
ANSWERS_MAX, BYTES_MAX = 2_000, 64_000_000
_GENERATION = "catalog:generation"

Key = tuple[str, bytes, str]
"""Path, query string and language."""


class _Kept(msgspec.Struct, array_like=True):
    headers: list[Header]
    body: bytes


class RememberedAnswers:
    """Answers by address and language. With `ttl_seconds` 0 it remembers nothing."""

    def __init__(self, cache: Cache, ttl_seconds: float, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._cache = cache
        self._ttl = ttl_seconds
        self._monotonic = monotonic
        self._fresh = min(FRESH_SECONDS, ttl_seconds)
        self._answers: OrderedDict[Key, tuple[Answer, float]] = OrderedDict()
        self._bytes = 0
        self._flights: dict[Key, asyncio.Task[Answer]] = {}
        self._encode = msgspec.msgpack.Encoder().encode
        self._decode = msgspec.msgpack.Decoder(_Kept).decode

    def look(self, key: Key) -> Answer | None:
        """What this process itself remembers."""
        kept = self._answers.get(key)
        if kept is None:
            return None
        if kept[1] > self._monotonic():
            return kept[0]
        self._drop(key)
        return None

    async def answer(self, key: Key, make: Callable[[], Awaitable[Answer]]) -> Answer:
        """The remembered answer, or the one that `make` gives; many who ask at once share one making."""
        if not self._ttl:
            return await make()
        flight = self._flights.get(key)
        if flight is None:
            flight = self._flights[key] = asyncio.create_task(self._fetch(key, make))
            flight.add_done_callback(lambda done: self._land(key, done))
        return await asyncio.shield(flight)

    async def forget(self) -> None:
        """The catalogue has changed: here at once, elsewhere through the shared cache."""
        self._answers.clear()
        self._bytes = 0
        self._flights.clear()  # who asks from now on does not share what was read before
        await self._cache.drop(CATALOG_TAG)

    async def _fetch(self, key: Key, make: Callable[[], Awaitable[Answer]]) -> Answer:
        flight = asyncio.current_task()
        # The generation is known before the catalogue is read: whoever changes it drops the generation, so what was
        # read too early lies under a name that nobody asks for any more.
        generation = await self._cache.get(_GENERATION)
        if generation is None:
            generation = os.urandom(8).hex().encode()
            await self._cache.put(_GENERATION, generation, ttl_seconds=86_400.0, tags=(CATALOG_TAG,))
        name = _name(generation, key)
        found = await self._cache.get(name)
        if found is not None:
            kept = self._decode(found)
            answer = Answer.ready(200, kept.body, kept.headers)
        else:
            answer = await make()
            if answer.status != 200:
                return answer
            packed = self._encode(_Kept(answer.headers, answer.body))
            await self._cache.put(name, packed, ttl_seconds=self._ttl, tags=(CATALOG_TAG,))
        if self._flights.get(key) is flight:  # nothing was forgotten meanwhile
            self._keep(key, answer)
        return answer

    def _keep(self, key: Key, answer: Answer) -> None:
        self._drop(key)
        self._answers[key] = (answer, self._monotonic() + self._fresh)
        self._bytes += len(answer.body)
        while len(self._answers) > ANSWERS_MAX or self._bytes > BYTES_MAX:
            self._drop(next(iter(self._answers)))

    def _drop(self, key: Key) -> None:
        kept = self._answers.pop(key, None)
        if kept is not None:
            self._bytes -= len(kept[0].body)

    def _land(self, key: Key, flight: "asyncio.Task[Answer]") -> None:
        if self._flights.get(key) is flight:
            del self._flights[key]
        if not flight.cancelled():
            flight.exception()  # whoever waits has it; where nobody does any more it is nobody's


def _name(generation: bytes, key: Key) -> str:
    path, query, locale = key
    digest = hashlib.blake2b(b"\n".join((path.encode(), query, locale.encode())), digest_size=16).hexdigest()
    return f"catalog:{generation.decode('latin-1')}:{digest}"
