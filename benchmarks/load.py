"""The load: a few keep-alive connections in one process that say prepared bytes and read just enough of the answer.

It shares the two cores with everything else, so it has to cost little; the report shows how much it takes.
"""

import asyncio
import time
from collections.abc import Callable, Generator
from typing import Any

from attrs import define, field

Script = Generator[bytes, bytes, None]
"""One unit of work, such as a checkout: yields the bytes of a request, is sent the body of its answer."""

ANSWER_TIMEOUT_SECONDS = 30.0


class AnswerWrong(RuntimeError):
    """The server did not answer as the benchmark needs it."""


@define
class Round:
    """What happened in one stretch of time."""

    seconds: float = 0.0
    latencies: list[float] = field(factory=list)
    failures: int = 0
    failure: str = ""

    @property
    def per_second(self) -> float:
        return len(self.latencies) / self.seconds if self.seconds else 0.0

    def percentile_ms(self, percent: float) -> float:
        ordered = sorted(self.latencies)
        if not ordered:
            return 0.0
        return ordered[min(int(len(ordered) * percent / 100), len(ordered) - 1)] * 1000


class _Connection(asyncio.Protocol):
    """One keep-alive connection, never more than one request on the way."""

    def __init__(self, load: "_Load") -> None:
        self._load = load
        self._transport: Any = None  # of uvloop, which is no asyncio.Transport
        self._script: Script | None = None
        self._since = 0.0
        self._received = b""
        self._missing = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def begin(self) -> None:
        script = self._load.next_script()
        if script is None:
            self._load.finished(self)
            return
        self._script = script
        self._since = time.perf_counter()
        self._say(next(script))

    def _say(self, request: bytes) -> None:
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        if self._missing > len(data):
            self._received += data
            self._missing -= len(data)
            return
        whole = self._received + data if self._received else data
        head = whole.find(b"\r\n\r\n")
        if head < 0:
            self._received = whole
            return
        missing = head + 4 + _length(whole, head) - len(whole)
        if missing > 0:
            self._received, self._missing = whole, missing
            return
        self._received, self._missing = b"", 0
        self._answered(whole, head + 4)

    def _answered(self, whole: bytes, body: int) -> None:
        if whole[9:10] != b"2":
            self._load.failed(whole[:2000])
            self.begin()
            return
        assert self._script is not None
        try:
            request = self._script.send(whole[body:])
        except StopIteration:
            self._load.done(self._since)
            self.begin()
        else:
            self._say(request)

    def connection_lost(self, error: Exception | None) -> None:
        self._load.lost(self)

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()


def _length(whole: bytes, head: int) -> int:
    found = whole.find(b"content-length: ", 0, head)
    if found < 0:
        return 0
    return int(whole[found + 16 : whole.find(b"\r", found)])


class _Load:
    def __init__(self, scripts: Callable[[], Script | None], seconds: float) -> None:
        self.round = Round()
        self._scripts = scripts
        self._seconds = seconds
        self._until = 0.0
        self._busy: set[_Connection] = set()
        self._over: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def run(self, connections: list[_Connection]) -> Round:
        started = time.perf_counter()
        self._until = started + self._seconds
        self._busy = set(connections)
        for connection in connections:
            connection.begin()
        async with asyncio.timeout(self._seconds + ANSWER_TIMEOUT_SECONDS):
            await self._over
        self.round.seconds = time.perf_counter() - started
        return self.round

    def next_script(self) -> Script | None:
        return self._scripts() if time.perf_counter() < self._until else None

    def done(self, since: float) -> None:
        self.round.latencies.append(time.perf_counter() - since)

    def failed(self, answer: bytes) -> None:
        self.round.failures += 1
        self.round.failure = answer.decode(errors="replace")

    def finished(self, connection: _Connection) -> None:
        self._busy.discard(connection)
        if not self._busy and not self._over.done():
            self._over.set_result(None)

    def lost(self, connection: _Connection) -> None:
        if connection in self._busy:
            self.failed(b"The server hung up.")
            self.finished(connection)


async def put_load(port: int, connections: int, scripts: Callable[[], Script | None], seconds: float) -> Round:
    """Keeps `connections` busy with units of work for so long. Raises AnswerWrong when a unit failed."""
    loop = asyncio.get_running_loop()
    load = _Load(scripts, seconds)
    opened: list[_Connection] = []
    try:
        for _ in range(connections):
            _, connection = await loop.create_connection(lambda: _Connection(load), "127.0.0.1", port)
            opened.append(connection)
        measured = await load.run(opened)
    finally:
        for connection in opened:
            connection.close()
    if measured.failures:
        raise AnswerWrong(f"{measured.failures} of {len(measured.latencies)} failed, such as: {measured.failure}")
    return measured


def request(method: str, path: str, headers: dict[str, str] | None = None, body: bytes = b"") -> bytes:
    """A request as bytes."""
    lines = [f"{method} {path} HTTP/1.1", "host: 127.0.0.1"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    if method != "GET":
        lines += [f"content-length: {len(body)}", "content-type: application/json"]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def once(prepared: bytes) -> Script:
    """A unit of one request."""
    yield prepared


def each_of(requests: list[bytes]) -> Callable[[], Script | None]:
    """Single requests, one after the other, from the beginning again after the last."""
    position = 0

    def scripts() -> Script | None:
        nonlocal position
        position = (position + 1) % len(requests)
        return once(requests[position])

    return scripts
