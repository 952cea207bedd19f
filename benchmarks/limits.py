"""What the same server could do at best: a bare Litestar application that says hello, or runs one statement.

The statements are the shop's own, as compiled, on connections with the same settings (so with the same plans); rows
become the JSON of the same fields by hand. Connections are handed out without the reset that asyncpg's pool would
make: the limit is what the driver can do, not what its pool costs.
"""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import asyncpg
import msgspec
from attrs import define, field
from litestar import Litestar, Request, Response, get
from litestar.datastructures import State

from shop.adapters.sql.postgres import SERVER_SETTINGS
from shop.adapters.sql.readers.paging import window
from shop.adapters.sql.readers.products import PRODUCT_LISTING, Narrowing, one_product, products_page
from shop.adapters.sql.statements import POSTGRES
from shop.application.ports.paging import PageRequest
from shop.domain.kernel.identifiers import ProductId

CONNECTIONS = 10
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode
_WINDOW, _ = window(PRODUCT_LISTING, PageRequest(limit=20))
_ACTIVE = Narrowing(dialect=POSTGRES, statuses=("active",))
LIST = products_page(_ACTIVE, _WINDOW).compiled(POSTGRES)
SEARCH = products_page(Narrowing(dialect=POSTGRES, statuses=("active",), words=1), _WINDOW).compiled(POSTGRES)
DETAIL = one_product(POSTGRES, "id").compiled(POSTGRES)


async def connect(url: str) -> Any:
    """A connection as the shop's own are: the same settings, JSON by msgspec, statements kept."""
    connection = await asyncpg.connect(
        url, statement_cache_size=1000, max_cached_statement_lifetime=0, server_settings=SERVER_SETTINGS
    )
    for name in ("json", "jsonb"):
        await connection.set_type_codec(
            name,
            schema="pg_catalog",
            encoder=lambda value: value if isinstance(value, str) else _encode(value).decode(),
            decoder=msgspec.json.decode,
            format="text",
        )
    return connection


@define
class _Idle:
    """Connections that nobody uses right now. More are opened when there are none."""

    url: str
    connections: list[Any] = field(factory=list)

    async def fetch(self, text: str, *arguments: Any) -> Any:
        connection = self.connections.pop() if self.connections else await connect(self.url)
        try:
            return await connection.fetch(text, *arguments)
        finally:
            self.connections.append(connection)


def application() -> Litestar:
    """For granian. BENCH_DATABASE_URL names the database."""
    idle = _Idle(os.environ["BENCH_DATABASE_URL"])

    @asynccontextmanager
    async def lifespan(app: Litestar) -> AsyncIterator[None]:
        app.state.idle = idle
        yield
        for connection in idle.connections:
            await connection.close()

    return Litestar(
        [hello, product_list, product_search, product_detail],
        openapi_config=None,
        logging_config=None,
        lifespan=[lifespan],
    )


@get("/hello", sync_to_thread=False)
def hello() -> dict[str, str]:
    return {"hello": "world"}


@get("/list")
async def product_list(state: State) -> Response[bytes]:
    return _page(await state.idle.fetch(LIST.text))


@get("/search")
async def product_search(state: State, request: Request[Any, Any, Any]) -> Response[bytes]:
    return _page(await state.idle.fetch(SEARCH.text, *SEARCH.arguments({"words": f"'{request.query_params['q']}':*"})))


@get("/detail/{product:str}")
async def product_detail(state: State, request: Request[Any, Any, Any]) -> Response[bytes]:
    [row] = await state.idle.fetch(DETAIL.text, UUID(request.path_params["product"]))
    return _answer(_product(row))


def raw_detail_path(product: ProductId) -> str:
    return f"/detail/{product.uuid}"


def _page(rows: Any) -> Response[bytes]:
    found = [_product(row) for row in rows[:20]]
    return _answer({"data": found, "page": {"has_more": len(rows) > 20}})


def _answer(value: Any) -> Response[bytes]:
    return Response(_encode(value), media_type="application/json")


def _product(row: Any) -> dict[str, Any]:
    lowest, highest = _decode(row["price_ranges"])["EUR"]
    return {
        "object": "product",
        "id": row["id"],
        "slug": row["slug"],
        "title": row["title"],
        "description": row["description"],
        "vendor": row["vendor"],
        "status": row["status"],
        "tags": _decode(row["tags"]),
        "price_from": {"amount": lowest, "currency": "EUR"},
        "price_to": {"amount": highest, "currency": "EUR"},
        "media": _decode(row["media"]),
        "options": _decode(row["options"]),
        "category_ids": row["category_ids"],
        "seo_title": row["seo_title"],
        "seo_description": row["seo_description"],
        "metadata": _decode(row["metadata"]),
        "created_at": row["created_at"],
        "updated_at": row["updated_at"],
        "version": row["version"],
    }
