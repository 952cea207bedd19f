"""Whether anything grows with the catalogue: the same questions of a small and of a large one, turn and turn about."""

import statistics
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

import uvloop
from attrs import frozen

from benchmarks.catalogue import NOUNS, Catalogue, stock_up
from benchmarks.placing import cast_moulds, copy_ready_carts, place_orders
from benchmarks.processes import Tree
from benchmarks.rounds import in_turn
from shop.application.ports.paging import PageRequest
from shop.application.ports.readers import ProductFilter
from shop.application.queries.catalog import GetProduct, GetProducts
from shop.application.shop import Shop
from shop.entrypoints.embed import open_shop
from shop.entrypoints.settings import Settings
from tests.servers import PostgresServer

ROUNDS = 3
_PAGE = PageRequest(limit=20)
Ask = Callable[[], Awaitable[object]]


@frozen
class _Size:
    catalogue: Catalogue
    shop: Shop
    asks: dict[str, Ask]


def scale_lines(server: PostgresServer, sizes: tuple[int, int], calls: int, database: Tree) -> list[dict[str, Any]]:
    """A line per question and size: milliseconds and processor time per call."""
    small, large = server.create(), server.create()
    try:
        return uvloop.run(_compare({small: sizes[0], large: sizes[1]}, calls, database))
    finally:
        server.drop(small)
        server.drop(large)


async def _compare(urls: dict[str, int], calls: int, database: Tree) -> list[dict[str, Any]]:
    async with AsyncExitStack() as stack:
        sizes = [await _open(url, products, calls, stack) for url, products in urls.items()]
        lines = []
        for name in sizes[0].asks:
            taken: dict[int, list[tuple[float, float, float]]] = {size.catalogue.products: [] for size in sizes}
            for round_ in range(ROUNDS + 1):
                for size in sizes:
                    figures = await _ask(size.asks[name], calls, database)
                    if round_:  # the first one warms up
                        taken[size.catalogue.products].append(figures)
            lines += [_line(name, products, figures) for products, figures in taken.items()]
        return lines


async def _open(url: str, products: int, calls: int, stack: AsyncExitStack) -> _Size:
    catalogue = await stock_up(url, products)
    settings = Settings(database_url=url, rate_limit="off", database_connections=4)
    moulds = await cast_moulds(settings, catalogue)
    await copy_ready_carts(url, settings, catalogue, 0, (ROUNDS + 1) * calls)
    shop = await stack.enter_async_context(open_shop(settings))
    return _Size(catalogue, shop, _asks(shop, catalogue, moulds.version, (ROUNDS + 1) * calls))


def _asks(shop: Shop, catalogue: Catalogue, version: int, ready: int) -> dict[str, Ask]:
    details = in_turn([GetProduct(id_or_slug=product) for product in catalogue.some_products(500)])
    rare = in_turn([_search(word) for word in catalogue.rare_words(100)])
    common = in_turn([_search(word) for word in NOUNS])
    carts = iter(range(ready))

    async def place() -> object:
        return await place_orders(shop, version, next(carts), 1)

    return {
        "list of 20": lambda: shop.ask(GetProducts(page=_PAGE)),
        "product": lambda: shop.ask(details()),
        "search, a word of 20 products": lambda: shop.ask(rare()),
        "search, a word of one product in 40": lambda: shop.ask(common()),
        "place order": place,
    }


def _search(word: str) -> GetProducts:
    return GetProducts(which=ProductFilter(words=word), page=_PAGE)


async def _ask(ask: Ask, calls: int, database: Tree) -> tuple[float, float, float]:
    took = []
    app, postgres = time.process_time(), database.cpu_microseconds()
    for _ in range(calls):
        began = time.perf_counter()
        await ask()
        took.append(time.perf_counter() - began)
    app_us = (time.process_time() - app) / calls * 1e6
    return statistics.median(took) * 1000, app_us, (database.cpu_microseconds() - postgres) / calls


def _line(name: str, products: int, figures: list[tuple[float, float, float]]) -> dict[str, Any]:
    milliseconds, app, postgres = (statistics.median(each) for each in zip(*figures, strict=True))
    return {
        "name": name,
        "products": products,
        "median_ms": round(milliseconds, 3),
        "app_cpu_us": round(app, 1),
        "postgres_cpu_us": round(postgres, 1),
    }
