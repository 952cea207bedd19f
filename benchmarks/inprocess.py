"""The shop without a server: its application called in this process, with the database's side written down."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from attrs import frozen
from litestar.types import ASGIApp

from benchmarks.load import AnswerWrong, Script
from benchmarks.recording import Recording
from shop.adapters.sql.addresses import open_database
from shop.adapters.sql.storage import SqlStorage
from shop.adapters.system import SystemClock, SystemIds
from shop.application.shop import Shop
from shop.application.wiring import subscribers
from shop.entrypoints.embed import open_shop
from shop.entrypoints.http.app import create_app
from shop.entrypoints.settings import Settings


@frozen
class Inside:
    """A living shop, its HTTP application, and what it says to the database."""

    shop: Shop
    app: ASGIApp
    recording: Recording


@asynccontextmanager
async def inside(settings: Settings) -> AsyncIterator[Inside]:
    """A shop on the database of the settings, through a recording."""
    recording = Recording(open_database(settings.database_url, pool_size=settings.database_connections))
    storage = SqlStorage(recording, clock=SystemClock(), ids=SystemIds(), subscribers=subscribers())
    async with open_shop(settings, storage=storage) as shop:
        yield Inside(shop, create_app(shop, settings), recording)


async def play(app: ASGIApp, script: Script) -> None:
    """Lets the application answer all requests of a script. Raises AnswerWrong."""
    said = next(script)
    while True:
        body = await answer(app, said)
        try:
            said = script.send(body)
        except StopIteration:
            return


async def answer(app: ASGIApp, said: bytes) -> bytes:
    """The body of the answer to a request that is given as bytes."""
    head, _, body = said.partition(b"\r\n\r\n")
    first, *lines = head.split(b"\r\n")
    method, target, _ = first.split(b" ")
    path, _, query = target.partition(b"?")
    scope: Any = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method.decode(),
        "scheme": "http",
        "path": path.decode(),
        "raw_path": path,
        "root_path": "",
        "query_string": query,
        "headers": [(name.lower(), value.strip()) for name, _, value in (line.partition(b":") for line in lines)],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 80),
        "state": {},
    }
    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    await app(scope, receive, send)
    told: bytes = b"".join(message.get("body", b"") for message in sent[1:])
    if not 200 <= sent[0]["status"] < 300:
        raise AnswerWrong(f"{first.decode()}: {sent[0]['status']} {told[:1000].decode(errors='replace')}")
    return told
